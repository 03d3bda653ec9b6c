// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/internal/cli"
	"github.com/usher-id/usher/scim/scimserver"
)

// TestTypedURL: a URL that somebody types may be inside the house. What answers there leads
// the commands nowhere else, neither by a redirect nor by addresses in what it says; and a
// machine's metadata services are never asked, however they are spelt.
func TestTypedURL(t *testing.T) {
	t.Setenv("SCIM_TOKEN", canary)
	t.Chdir(t.TempDir()) // a probe that comes to its end writes a profile
	commands := map[string][]string{"scim check": {"scim", "check"}, "probe": {"probe", "--yes"}}
	run := func(command []string, base string) (code int, said string) {
		var out, errs strings.Builder
		code = cli.Main(append(append([]string{}, command...), base), strings.NewReader(""), &out, &errs)
		return code, out.String() + errs.String()
	}
	for name, command := range commands {
		for base, want := range map[string]string{
			"http://169.254.169.254/scim/v2":          "cloud metadata service",
			"https://169.254.169.254/":                "cloud metadata service",
			"http://[::ffff:169.254.169.254]/scim/v2": "cloud metadata service",
			"http://[64:ff9b::a9fe:a9fe]/scim/v2":     "cloud metadata service",
			"http://[fd00:ec2::254]/scim/v2":          "cloud metadata service",
			"http://100.100.100.200/scim/v2":          "cloud metadata service",
			"http://169.254.1.1/scim/v2":              "link-local",
			"http://[fe80::1]/scim/v2":                "link-local",
			"http://0.0.0.0/scim/v2":                  "unspecified",
			"http://１６９.２５４.１６９.２５４/scim/v2":          "letters beyond ASCII",
		} {
			if code, said := run(command, base); code != 2 || !strings.Contains(said, want) {
				t.Errorf("usher %s %s: %d, and no %q in\n%s", name, base, code, want, said)
			}
		}
	}

	var led atomic.Int32 // requests to where nobody typed
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Add(1) }))
	t.Cleanup(elsewhere.Close)
	scim, err := scimserver.New(scimserver.Config{Store: scimserver.NewMemory(nil, nil), Base: "/scim/v2", Authorize: scimserver.BearerToken(canary)})
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range commands {
		for kind, answer := range map[string]http.HandlerFunc{
			"redirects": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
			},
			"redirects after a while": func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && !strings.Contains(r.URL.Path, "/Users/") {
					scim.ServeHTTP(w, r)
					return
				}
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusPermanentRedirect)
			},
			"points": func(w http.ResponseWriter, r *http.Request) {
				kept := httptest.NewRecorder()
				scim.ServeHTTP(kept, r)
				text := bytes.ReplaceAll(kept.Body.Bytes(), []byte("http://"+r.Host), []byte(elsewhere.URL))
				for name := range kept.Header() {
					w.Header().Set(name, strings.ReplaceAll(kept.Header().Get(name), "http://"+r.Host, elsewhere.URL))
				}
				w.Header().Del("Content-Length")
				w.WriteHeader(kept.Code)
				_, _ = w.Write(text)
			},
		} {
			var typed atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				typed.Add(1)
				answer(w, r)
			}))
			code, said := run(command, srv.URL+"/scim/v2")
			srv.Close()
			if typed.Load() == 0 || led.Load() > 0 || code == 0 && kind != "points" {
				t.Errorf("usher %s, where the app %s: %d, %d requests there, %d elsewhere\n%s", name, kind, code, typed.Load(), led.Load(), said)
			}
			led.Store(0)
		}
	}
}
