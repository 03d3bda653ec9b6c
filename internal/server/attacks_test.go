// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/server"
)

// Of all that listens, what may be asked without a credential is this, and tells nothing
// of anybody: everything else is refused, however it is spelled. What else is put on a
// listener fails TestRoutes (internal/archtest).
func TestAttackWithoutACredential(t *testing.T) {
	t.Parallel()
	s := newTelling(t, "https://rp.example/events")
	if err := os.WriteFile(filepath.Join(s.dir, "keys.json"), []byte(set(t, newKey(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	s.conf = strings.Replace(s.conf, "slow: {type: scim", "slow: {type: scim, oauth_clients: {acme: {keys_file: DIR/keys.json}}", 1)
	s.serve(t)
	p := s.provider(t, "idp", 0)
	id := p.make("/Users", `{"userName":"ann-the-canary"}`)
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/.well-known/jwks.json": 200, "/.well-known/oauth-authorization-server": 200,
		"/.well-known/oauth-protected-resource/scim/v2": 200, "/oauth2/token": 405,
	} {
		if got, body := raw(t, s.url, "GET", path, ""); got != want || strings.Contains(body, "canary") {
			t.Errorf("GET %s: %d %s", path, got, body)
		}
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}
	for _, path := range []string{
		"/scim/v2", "/scim/v2/", "/scim/v2/Users", "/scim/v2/Users/" + id, "/scim/v2/Groups", "/scim/v2/Me", "/scim/v2/Bulk", "/scim/v2/.search", "/scim/v2/Users/.search",
		"/scim/v2/.events", "/scim/v2/ServiceProviderConfig", "/scim/v2/Schemas", "/scim/v2/ResourceTypes", "/scim/v2/nowhere",
	} {
		for _, spelled := range []string{
			path, path + "/", path + ";x=1", path + ".json", path + "?wsdl", path + "%00", path + "%2e%2e", path + "/../Users", "/" + path, "/healthz/.." + path,
			strings.ToUpper(path), strings.Replace(path, "scim", "%73cim", 1), strings.Replace(path, "/v2", "%2fv2", 1), strings.Replace(path, "/scim", "/./scim", 1), `/\scim` + path,
		} {
			for _, method := range methods {
				got, body := raw(t, s.url, method, spelled, "")
				if got < 300 || got >= 500 || strings.Contains(body, "canary") {
					t.Errorf("%s %s: %d %s", method, spelled, got, body)
				}
				if got, body := raw(t, s.url, method, spelled, "Bearer "+p.secret[:len(p.secret)-1]); got < 300 || got >= 500 || strings.Contains(body, "canary") {
					t.Errorf("%s %s, with a token cut off: %d %s", method, spelled, got, body)
				}
			}
		}
	}
}

// raw sends a request target as it is spelled, which no client would.
func raw(t testing.TB, base, method, target, credential string) (status int, body string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(base, "http://"), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	request := method + " " + target + " HTTP/1.1\r\nHost: usher.example\r\nConnection: close\r\nContent-Length: 0\r\n"
	if credential != "" {
		request += "Authorization: " + credential + "\r\n"
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	text := make([]byte, 64<<10)
	n, _ := res.Body.Read(text) // a part is enough
	return res.StatusCode, string(text[:n])
}

// Whoever connects and says nothing, or little by little, is not waited for without end.
func TestAttackSlowClients(t *testing.T) {
	t.Parallel()
	s := server.Bounded(http.NotFoundHandler())
	for what, d := range map[string]time.Duration{"headers": s.ReadHeaderTimeout, "bodies": s.ReadTimeout, "answers": s.WriteTimeout, "silence": s.IdleTimeout} {
		if d <= 0 || d > 2*time.Minute {
			t.Errorf("%s are waited for %v", what, d)
		}
	}
	if s.MaxHeaderBytes <= 0 || s.MaxHeaderBytes > 1<<16 {
		t.Errorf("%d bytes of headers", s.MaxHeaderBytes)
	}
}
