// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// built is a configuration out of a folder, which DIR stands for.
func built(t *testing.T, dir, text string) *server.Built {
	t.Helper()
	cfg, err := config.Parse("usher.yaml", []byte(strings.ReplaceAll(text, "DIR", dir)), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := server.Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func opened(t *testing.T, b *server.Built) *server.Usher {
	t.Helper()
	u, err := b.Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	return u
}

// keyed is a folder with a key ring in it.
func keyed(t *testing.T, dir string) string {
	t.Helper()
	if _, err := secret.CreateRing(filepath.Join(dir, "usher.key"), time.Now()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// put sets a secret, or rotates it, as the command does where no engine is.
func put(t *testing.T, u *server.Usher, name, value string, rotate bool) {
	t.Helper()
	origin := ""
	var err error
	if !rotate {
		origin, _, err = u.SecretOrigin(name, "")
	}
	if err == nil {
		var s secret.Sealed
		if s, err = u.SealSecret(t.Context(), name, origin, []byte(value), rotate); err == nil {
			err = u.PutSecret(t.Context(), s, rotate, "ines")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ask does the same beside a daemon.
func ask(t *testing.T, b *server.Built, name, value string, rotate bool) (notes []string, err error) {
	t.Helper()
	u, err := b.OpenRead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	origin, _, err := b.SecretOrigin(name, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := u.SealSecret(t.Context(), name, origin, []byte(value), rotate)
	if err != nil {
		t.Fatal(err)
	}
	return u.AskPutSecret(t.Context(), s, rotate, "ines")
}

const oneApp = `store: DIR/usher.db
secrets: {key: DIR/usher.key}
sources:
  hr: {type: csv, path: people.csv, key: id, columns: [id], person: {userName: row.id}}
apps:
  app: {url: "URL/scim", token: "secret:crm", allow: [loopback, plain-http], user: {userName: person.userName}}
`

// TestSealedGoesToItsApp: the app gets what was set for it, and what it was rotated to,
// and nothing while it is not open.
func TestSealedGoesToItsApp(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var came []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		came = append(came, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNotFound)
	}))
	defer srv.Close()
	u := opened(t, built(t, keyed(t, sqlitetest.Dir(t)), strings.ReplaceAll(oneApp, "URL", srv.URL)))
	call := func() error {
		_, err := u.Targets[0].App.Get(t.Context(), app.KindUser, "x")
		return err
	}
	if err := u.Unseal(t.Context()); err == nil || !strings.HasSuffix(err.Error(), ": secret:crm is not set (usher secret set crm)") || !strings.HasPrefix(err.Error(), "usher.yaml:6:") {
		t.Errorf("%v", err)
	}
	put(t, u, "crm", "canary-1", false)
	if err := call(); err == nil || !strings.Contains(err.Error(), "secret:crm is not open") {
		t.Errorf("before it is open: %v", err)
	}
	for _, step := range []func(){func() {}, func() { put(t, u, "crm", "canary-2", true) }, func() { put(t, u, "crm", "canary-3", false) }} {
		step()
		if err := u.Unseal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := call(); err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(came, []string{"Bearer canary-1", "Bearer canary-2", "Bearer canary-3"}) {
		t.Errorf("%q", came)
	}
	var out bytes.Buffer
	for _, thing := range []any{u, u.Built, *u.Built, u.Config, server.UsesOf(u.Config)} {
		fmt.Fprintf(&out, "%v %+v %#v %x", thing, thing, thing, thing)
	}
	if strings.Contains(out.String(), "canary") || strings.Contains(out.String(), "63616e617279") {
		t.Error("a value is printed")
	}
}

// TestUnsealRefuses says, where it stands, why a secret is not given to its use.
func TestUnsealRefuses(t *testing.T) {
	t.Parallel()
	const all = `store: DIR/usher.db
secrets: {key: DIR/usher.key}
sources:
  acme: {type: auth0, changes: webhook, webhook: {secrets: ["secret:hook"]}, tenant: {url: "https://acme.example", client_id: u, private_key: "secret:key"}}
apps:
  app: {url: "https://app.example", token: "secret:crm", user: {userName: person.userName}}
`
	for name, c := range map[string]struct {
		text string
		then func(t *testing.T, u *server.Usher, dir string)
		want string
	}{
		"sound": {all, func(*testing.T, *server.Usher, string) {}, ""},
		"another host (A34)": {
			strings.Replace(all, "app.example", "evil.example", 1), nil,
			"usher.yaml:6:46: secret:crm is sealed for https://app.example and not given to https://evil.example (the token of app app) (if that address is right: usher secret set crm)",
		},
		"another port":   {strings.Replace(all, "app.example", "app.example:8443", 1), nil, "not given to https://app.example:8443"},
		"another scheme": {strings.Replace(all, `"https://app.example"`, `"http://app.example", allow: [plain-http]`, 1), nil, "not given to http://app.example"},
		"another path":   {strings.Replace(all, "app.example", "App.Example:443/scim/v2", 1), nil, ""},
		"another use":    {strings.Replace(all, "secret:crm", "secret:hook", 1), nil, "secret:hook is sealed for usher and not given to https://app.example"},
		"another ring": {all, func(t *testing.T, _ *server.Usher, dir string) {
			if err := os.Remove(filepath.Join(dir, "usher.key")); err != nil {
				t.Fatal(err)
			}
			keyed(t, dir)
		}, "which is not in the key ring (add that key to secrets.key, or: usher secret set"},
		"no ring": {all, func(t *testing.T, _ *server.Usher, dir string) {
			if err := os.Remove(filepath.Join(dir, "usher.key")); err != nil {
				t.Fatal(err)
			}
		}, "usher.yaml:2:16: secrets.key: the key ring's file cannot be read: no such file"},
		"a row that was copied": {all, func(t *testing.T, u *server.Usher, _ string) {
			change(t, u, "hook", func(s *secret.Sealed) { s.Name, s.Origin = "crm", "https://app.example" })
		}, "secret:crm, version 1 does not open: its row in the store was changed, or copied there from another place"},
		"an origin that was changed": {strings.Replace(all, "app.example", "evil.example", 1), func(t *testing.T, u *server.Usher, _ string) {
			change(t, u, "crm", func(s *secret.Sealed) { s.Origin = "https://evil.example" })
		}, "secret:crm, version 1 does not open"},
		"a previous version that was copied": {all, func(t *testing.T, u *server.Usher, _ string) {
			change(t, u, "hook", func(s *secret.Sealed) { s.Version = 7 })
		}, "secret:hook, version 7 does not open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := keyed(t, sqlitetest.Dir(t))
			u := opened(t, built(t, dir, all))
			put(t, u, "crm", "canary-crm", false)
			put(t, u, "hook", "canary-hook-of-the-tenant", false)
			put(t, u, "key", "-----BEGIN PRIVATE KEY-----\ncanary", false)
			if c.then != nil {
				c.then(t, u, dir)
			}
			if err := u.Close(); err != nil {
				t.Fatal(err)
			}
			err := opened(t, built(t, dir, c.text)).Unseal(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
		})
	}
}

// change rewrites the newest row of a secret, as somebody could who has the store.
func change(t *testing.T, u *server.Usher, name string, fn func(*secret.Sealed)) {
	t.Helper()
	err := u.SecretStore().Update(t.Context(), func(tx secret.Tx) error {
		rows, err := tx.Secrets(t.Context(), name)
		if err != nil {
			return err
		}
		fn(&rows[0])
		return tx.PutSecret(t.Context(), rows[0])
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSealRefuses: what its use cannot take is not sealed.
func TestSealRefuses(t *testing.T) {
	t.Parallel()
	const text = `store: DIR/usher.db
secrets: {key: DIR/usher.key}
sources:
  acme: {type: auth0, changes: webhook, webhook: {secrets: ["secret:hook"]}, tenant: {url: "https://acme.example", client_id: u, private_key: "secret:key"}}
apps:
  app: {url: "https://app.example", token: "secret:crm", user: {userName: person.userName}}
  mail: {type: google, service_account_key: "secret:robot", administrator: a@acme.example, user: {userName: person.userName, name.givenName: person.userName, name.familyName: person.userName}}
`
	u := opened(t, built(t, keyed(t, sqlitetest.Dir(t)), text))
	for _, c := range []struct{ name, value, want string }{
		{"crm", "canary\nb", "the token of app app must be one line of text"},
		{"crm", "canary\x00", "must be one line"},
		{"crm", "canary\xff", "must be one line"},
		{"crm", "", "the value is empty"},
		{"hook", "canary", "must have 16 characters at least"},
		{"key", "canary", "the private_key of source acme must be a private key in PEM"},
		{"robot", "canary", "the service_account_key of app mail: the key is no JSON"},
		{"robot", keyFile("token_uri", "https://canary.example/token"), "token_uri that is none of Google's"},
	} {
		origin, _, err := u.SecretOrigin(c.name, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.SealSecret(t.Context(), c.name, origin, []byte(c.value), false)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %s", c.value, err, c.want)
		}
	}
}

func TestSecretOrigin(t *testing.T) {
	t.Parallel()
	b := built(t, t.TempDir(), `store: DIR/usher.db
secrets: {key: usher.key}
sources:
  idp: {type: scim, events: {audience: a, push: {url: "https://RP.example:443/x", token: "secret:rp"}}}
apps:
  a: {url: "https://[::1]:8443/scim", allow: [loopback], token: "secret:six", user: {userName: person.userName}}
  b: {url: "https://one.example/scim", token: "secret:both", user: {userName: person.userName}}
  c: {url: "https://two.example/scim", token: "secret:both", user: {userName: person.userName}}
  d: {url: "http://d.example:80/scim", allow: [plain-http], token: "secret:same", user: {userName: person.userName}}
  e: {url: "http://d.example/scim", allow: [plain-http], token: "secret:same", user: {userName: person.userName}}
server: {public_url: "https://usher.example", signing_key: "secret:sign"}
`)
	for _, c := range []struct{ name, asked, want, warning, err string }{
		{"rp", "", "https://rp.example", "", ""},
		{"six", "", "https://[::1]:8443", "", ""},
		{"nobody", "https://[2001:DB8::1]:443/x", "https://[2001:db8::1]", "", ""},
		{"same", "", "http://d.example", "", ""},
		{"sign", "", secret.Usher, "", ""},
		{"both", "", "", "", "https://one.example and https://two.example, and a secret goes to one place"},
		{"nobody", "", "", "", "does not use secret:nobody"},
		{"nobody", "https://X.example/y", "https://x.example", "", ""},
		{"nobody", "usher", secret.Usher, "", ""},
		{"nobody", "x.example", "", "", "scheme, host and port"},
		{"nobody", "ftp://x.example", "", "", "scheme, host and port"},
		{"rp", "https://rp.example/y", "https://rp.example", "", ""},
		{"rp", "https://next.example", "https://next.example", "uses secret:rp at https://rp.example", ""},
		{"No", "https://x.example", "", "", "a secret's name"},
	} {
		origin, warning, err := b.SecretOrigin(c.name, c.asked)
		if origin != c.want || !strings.Contains(warning, c.warning) || (warning == "") != (c.warning == "") ||
			(err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s for %q: %q, %q, %v", c.name, c.asked, origin, warning, err)
		}
	}
}

// TestUsesAreAllSecrets walks every secret of a configuration that has every key: each is
// a use that is known, or a new one would start without being opened.
func TestUsesAreAllSecrets(t *testing.T) {
	t.Parallel()
	full, err := os.ReadFile(filepath.Join("..", "config", "testdata", "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("signing_key: key.pem", "signing_key: secret:sign", "private_key: key.pem", "private_key: secret:staff", "service_account_key: key.json", "service_account_key: secret:robot").Replace(string(full))
	cfg, err := config.Parse("full.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	ring := cfg.Secrets.Key
	cfg.Secrets.Key = config.Secret{}
	var want []string
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		if s, ok := v.Interface().(config.Secret); ok {
			if !s.IsZero() {
				want = append(want, s.Name())
			}
			return
		}
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		}
	}
	walk(reflect.ValueOf(*cfg))
	var got []string
	for _, u := range server.UsesOf(cfg) {
		got = append(got, u.Name)
		if u.Origin == "" || u.What == "" {
			t.Errorf("%+v says not where", u)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(got) < 8 || slices.Contains(got, "") || ring.IsZero() {
		t.Errorf("uses are\n%q, secrets\n%q", got, want)
	}
}

// TestSealedBesideServe: a tenant is entered with a sealed key, and calls with a sealed
// secret; what is set beside the daemon holds at once, two versions of a webhook's secret
// do, and no value is in any file or line.
func TestSealedBesideServe(t *testing.T) {
	t.Parallel()
	s, tenant := tenanted(t, "changes: webhook\n    webhook: {secrets: ['secret:hook']}", auth0test.Config{})
	s.level = slog.LevelDebug
	s.conf = strings.Replace(s.conf, "client_secret: the-secret-of-the-client", "client_secret: secret:tenant", 1) + "secrets: {key: DIR/usher.key}\n"
	b := built(t, keyed(t, s.dir), s.conf)
	u := opened(t, b)
	put(t, u, "tenant", "the-secret-of-the-client", false)
	put(t, u, "hook", "canary-hook-number-1", false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	user(t, tenant, "ada")
	s.serve(t)
	s.alive(t, "ada")
	holds := func(want ...bool) {
		t.Helper()
		for i, want := range want {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/hooks/auth0", strings.NewReader(`{"id":"evt_1","type":"user.updated","data":{"object":{"user_id":"auth0|x"}}}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Close = true
			req.Header.Set("Authorization", fmt.Sprint("Bearer canary-hook-number-", i+1))
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if got := res.StatusCode == http.StatusNoContent; got != want {
				t.Errorf("number %d: %d, want it taken: %t", i+1, res.StatusCode, want)
			}
		}
	}
	holds(true, false, false, false)
	for _, c := range []struct {
		value  int
		rotate bool
		want   []bool
	}{{2, true, []bool{true, true, false, false}}, {3, true, []bool{false, true, true, false}}, {4, false, []bool{false, false, false, true}}} {
		if notes, err := ask(t, b, "hook", fmt.Sprint("canary-hook-number-", c.value), c.rotate); err != nil || len(notes) > 0 {
			t.Fatalf("%v %v", notes, err)
		}
		holds(c.want...)
	}
	besideAnotherRing(t, s, b)
	holds(false, false, false, true)
	s.end(t)
	for _, f := range []string{"usher.db", "usher.db-wal"} {
		data, err := os.ReadFile(filepath.Join(s.dir, f))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("canary-")) || bytes.Contains(data, []byte("the-secret-of-the-client")) {
			t.Errorf("%s holds a value", f)
		}
	}
	if log := s.log.String(); strings.Contains(log, "canary-") || strings.Contains(log, "the-secret-of-the-client") || strings.Contains(log, "usher-key-1") {
		t.Error("a value is in the log")
	}
}

// besideAnotherRing asks a daemon for what its ring cannot do, and then exchanges the ring.
func besideAnotherRing(t *testing.T, s *served, b *server.Built) {
	t.Helper()
	rewrap := func(b *server.Built) error {
		u, err := b.OpenRead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		_, err = u.AskRewrap(t.Context(), "ines")
		return err
	}
	other := built(t, s.dir, strings.Replace(s.conf, "key: DIR", "key: "+keyed(t, sqlitetest.Dir(t)), 1))
	if _, err := ask(t, other, "hook", "canary-hook-number-5", false); err == nil || !strings.Contains(err.Error(), "the running engine's key ring has no key") {
		t.Errorf("sealed by a key that the daemon does not have: %v", err)
	}
	if err := rewrap(other); err == nil || !strings.Contains(err.Error(), "start it anew with the ring that begins with") {
		t.Errorf("rewrapped by a key that the daemon does not have: %v", err)
	}
	moved := built(t, s.dir, strings.Replace(s.conf, "url: https://app.example/scim\n    token: xyz", "url: https://app.example/scim\n    token: secret:hook", 1))
	u, err := b.OpenRead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := u.SealSecret(t.Context(), "hook", "https://app.example", []byte("canary-hook-number-6"), false)
	if err != nil {
		t.Fatal(err)
	}
	notes, err := u.AskPutSecret(t.Context(), sealed, false, "ines")
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "the running engine goes on with what it had: ") || !strings.Contains(notes[0], "sealed for https://app.example and not given to usher") {
		t.Errorf("sealed for where the daemon does not use it: %q %v", notes, err)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := moved.Secrets(t.Context()); err != nil || all[0].Opens || !strings.Contains(all[0].Why, "it is used at usher") {
		t.Errorf("%+v %v", all, err)
	}
	if notes, err := ask(t, b, "hook", "canary-hook-number-4", false); err != nil || len(notes) > 0 {
		t.Fatalf("%q %v", notes, err)
	}
	id, err := secret.AddKey(filepath.Join(s.dir, "usher.key"), time.Now()) // which it reads anew
	if err == nil {
		err = rewrap(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	kept, err := b.KeptSecrets(t.Context())
	if err != nil || len(kept) != 2 || kept[0].Key != id || kept[1].Key != id {
		t.Errorf("%+v %v", kept, err)
	}
}

// TestSealedEvents: events are signed and pushed with what is sealed.
func TestSealedEvents(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var jws, with string
	rp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		jws, with = string(body), r.Header.Get("Authorization")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer rp.Close()
	s := newTelling(t, rp.URL)
	s.conf = strings.NewReplacer("token: rp-s3cret", "token: 'secret:rp'", `"`+filepath.Join(s.dir, "key.pem")+`"`, "'secret:sign'").Replace(s.conf) + "secrets: {key: DIR/usher.key}\n"
	b := built(t, keyed(t, s.dir), s.conf)
	if err := b.Servable(); err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	u := opened(t, b)
	put(t, u, "rp", "canary-rp", false)
	put(t, u, "sign", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	s.provider(t, "idp", 0).make("/Users", `{"userName":"ann"}`)
	until(t, "it is pushed", func() bool { mu.Lock(); defer mu.Unlock(); return jws != "" })
	mu.Lock()
	defer mu.Unlock()
	if verified(t, s.url, jws); with != "Bearer canary-rp" {
		t.Errorf("pushed with %q", with)
	}
	if !b.ReadAtStart("sign") || b.ReadAtStart("rp") {
		t.Error("the signing key is what is read at the start")
	}
}

// keyedTenant is a daemon that is not started yet, whose people come from a tenant that is
// entered by a sealed private key.
func keyedTenant(t *testing.T) (*served, *auth0test.Tenant) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := auth0test.New(auth0test.Config{ClientID: "usher", PublicKeys: [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})}})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	user(t, tenant, "ada")
	s := newServed(t)
	s.conf = strings.NewReplacer("TENANT", url, "HOW", "changes: none", "client_secret: the-secret-of-the-client", "private_key: secret:key").Replace(fromTenant) + "secrets: {key: DIR/usher.key}\n"
	u := opened(t, built(t, keyed(t, s.dir), s.conf))
	put(t, u, "key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})), false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	return s, tenant
}

// TestSealedPrivateKey: a tenant is entered by a sealed private key.
func TestSealedPrivateKey(t *testing.T) {
	t.Parallel()
	s, _ := keyedTenant(t)
	s.serve(t)
	s.alive(t, "ada")
}
