// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/internal/okta/oktatest"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/scim"
)

// guarded is a kind of app by an API of a maker's own.
type guarded struct {
	block  string // with URL, and KEY for the file of a private key
	fake   func() (http.Handler, error)
	grants []string // parts of the paths where tokens come from
	own    bool     // the address is the maker's own or on this machine: no other is taken
}

func guardedApps() map[string]guarded {
	_, appPublic := appKey()
	_, robotPublic := robotKey()
	return map[string]guarded{
		"okta":  {block: inOrg, fake: func() (http.Handler, error) { return oktatest.New(oktatest.Config{Token: orgToken}) }},
		"entra": {block: inEntra, fake: func() (http.Handler, error) { return entratest.New(entratest.Config{Secret: cloudSecret}) }, grants: []string{"/oauth2/"}},
		"google": {
			block: strings.ReplaceAll(inAccount, "KEY", keyFile()), grants: []string{"/token"}, own: true,
			fake: func() (http.Handler, error) {
				return googletest.New(googletest.Config{Email: robot, PublicKeys: [][]byte{robotPublic}})
			},
		},
		"github": {
			block: atGitHub, grants: []string{"/app/", "/installation"},
			fake: func() (http.Handler, error) {
				return githubtest.New(githubtest.Config{Login: "acme", AppID: "Iv23liExample", PublicKeys: [][]byte{appPublic}})
			},
		},
		"auth0": {
			block: `    type: auth0
    tenant: {url: "URL", client_id: usher, client_secret: the-secret-of-the-client, allow: [loopback, plain-http]}
    connection: Username-Password-Authentication
    user: {userName: person.userName}
`, grants: []string{"/oauth/token"},
			fake: func() (http.Handler, error) {
				return auth0test.New(auth0test.Config{ClientID: "usher", Secret: "the-secret-of-the-client", Connections: []auth0test.Connection{{Name: auth0test.DefaultConnection, Strategy: "auth0"}}})
			},
		},
		"http": {block: recordsBlock, fake: func() (http.Handler, error) { return http.NotFoundHandler(), nil }},
	}
}

// guardedApp builds the app of a block, with what it may connect to.
func guardedApp(t *testing.T, block, url, allow string) (app.App, error) {
	t.Helper()
	private, _ := appKey()
	file := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(file, private, 0o600); err != nil {
		t.Fatal(err)
	}
	conf := ownConfig
	if strings.Contains(block, "type: http") {
		conf = strings.Replace(conf, "    type: csv\n    path: DIR/hr.csv\n", "    type: http\n    url: http://127.0.0.1:9/people\n    allow: [loopback, plain-http]\n", 1)
	}
	text := conf + strings.NewReplacer("URL", url, "private_key: KEY", "private_key: "+file, "allow: [loopback, plain-http]", "allow: ["+allow+"]").Replace(block)
	cfg, err := config.Parse("usher.yaml", []byte(strings.ReplaceAll(text, "DIR", t.TempDir())), nil)
	if err != nil {
		return nil, err
	}
	b, err := server.Build(cfg)
	if err != nil {
		return nil, err
	}
	return b.Targets[0].App, nil
}

// asks does with an app what would send something: reads, and a change.
func asks(t *testing.T, a app.App, each func(call string, err error)) {
	t.Helper()
	_, err := a.Get(t.Context(), app.KindUser, "1")
	each("Get", err)
	_, err = a.Patch(t.Context(), app.KindUser, "1", []scim.Change{{Path: scim.Path{Attr: "userName"}, After: scim.String("a@acme.example")}}, nil)
	each("Patch", err)
	if a.Profile().AppType == "http" {
		return
	}
	r := scim.NewResource(scim.UserURN)
	login := "a@acme.example"
	if a.Profile().AppType == "github" {
		login = "a"
	}
	r.Set("userName", scim.String(login))
	r.Set("displayName", scim.String("A"))
	r.Set("externalId", scim.String("1"))
	_, err = a.Create(t.Context(), app.KindUser, r)
	each("Create", err)
}

// TestOwnAPIsDialWhatIsAllowed: no kind of app connects to an address inside the house that
// its configuration does not open, and none to a metadata service or a link-local address
// whatever it says; nothing is sent.
func TestOwnAPIsDialWhatIsAllowed(t *testing.T) {
	t.Parallel()
	var came atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(inside.Close)
	port := inside.URL[strings.LastIndexByte(inside.URL, ':'):]
	for name, kind := range guardedApps() {
		for _, tt := range []struct{ url, allow string }{
			{inside.URL, "plain-http"},
			{inside.URL, "plain-http, private, 127.0.0.2, 127.1.0.0/16"},
			{"https://localhost" + port, "private"},
			{"https://[::1]" + port, ""},
			{"https://10.0.0.1", "loopback"},
			{"https://192.168.1.1", ""},
			{"https://[fd00::1]", "loopback"},
			{"https://100.64.0.1", ""},
			{"https://169.254.169.254", "loopback, private"},
			{"https://[fd00:ec2::254]", "loopback, private"},
			{"https://[fe80::1]", "loopback, private"},
		} {
			t.Run(name+" at "+tt.url, func(t *testing.T) {
				t.Parallel()
				a, err := guardedApp(t, kind.block, tt.url, tt.allow)
				if err != nil {
					var mistakes config.Errors
					if !errors.As(err, &mistakes) || !kind.own && !strings.Contains(err.Error(), "address") {
						t.Fatal(err)
					}
					return // refused as it stands
				}
				asks(t, a, func(call string, err error) {
					if !errors.Is(err, dial.ErrAddress) || app.Classify(err).Class != app.Unreachable {
						t.Errorf("%s: %v", call, err)
					}
				})
			})
		}
	}
	t.Cleanup(func() {
		if came.Load() > 0 {
			t.Errorf("%d requests came", came.Load())
		}
	})
}

// TestOwnAPIsFollowNoRedirect: neither the API nor where tokens come from leads an adapter
// to another origin, and no credential goes there.
func TestOwnAPIsFollowNoRedirect(t *testing.T) {
	t.Parallel()
	for name, kind := range guardedApps() {
		for _, behind := range []bool{false, true} { // the token endpoint answers, and the API redirects
			if behind && len(kind.grants) == 0 {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var came, led atomic.Int32
				elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Add(1) }))
				t.Cleanup(elsewhere.Close)
				fake, err := kind.fake()
				if err != nil {
					t.Fatal(err)
				}
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, part := range kind.grants {
						if behind && strings.Contains(r.URL.Path, part) {
							fake.ServeHTTP(w, r)
							return
						}
					}
					came.Add(1)
					http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
				}))
				t.Cleanup(srv.Close)
				a, err := guardedApp(t, kind.block, srv.URL, "127.0.0.1, plain-http") // which alone is open
				if err != nil {
					t.Fatal(err)
				}
				asks(t, a, func(call string, err error) {
					if err == nil {
						t.Errorf("%s has come to an end", call)
					}
				})
				if came.Load() == 0 || led.Load() > 0 {
					t.Errorf("%d requests were redirected, %d followed", came.Load(), led.Load())
				}
			})
		}
	}
}

// TestSourcesDialWhatIsAllowed: so it is with sources, whose reads fail with the sentence.
func TestSourcesDialWhatIsAllowed(t *testing.T) {
	t.Parallel()
	var came atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(inside.Close)
	for name, source := range map[string]string{
		"http":  "    type: http\n    url: URL\n    auth: {bearer: a-token}\n    allow: [plain-http]\n    list: people\n    key: id\n    columns: {id: id}\n    person: {userName: row.id}\n",
		"auth0": "    type: auth0\n    tenant: {url: 'URL', client_id: usher, client_secret: the-secret-of-the-client, allow: [plain-http]}\n",
	} {
		text := "store: DIR/usher.db\nsources:\n  hr:\n" + strings.ReplaceAll(source, "URL", inside.URL) + "apps: {}\n"
		_, err := opened(t, built(t, ownFolder(t, ""), text)).Apply(t.Context(), server.Options{Actor: "test"})
		if !errors.Is(err, dial.ErrAddress) && (err == nil || !strings.Contains(err.Error(), "is loopback")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if came.Load() > 0 {
		t.Errorf("%d requests came", came.Load())
	}
}
