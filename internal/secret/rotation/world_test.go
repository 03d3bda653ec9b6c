// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/secret/rotation"
	"github.com/usher-id/usher/internal/store"
)

const (
	address     = "https://acme.eu.auth0.com"
	firstSecret = "the-first-secret-of-the-application"
	name        = "auth0"
)

// madeKeys are private keys, made once: that takes long.
var madeKeys = sync.OnceValue(func() (out [][]byte) {
	for range 7 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	}
	return out
})

// halves are the public halves of keys, kept as they are asked for at every instant.
var halves sync.Map

type half struct {
	text  []byte
	thumb string
}

func public(t *testing.T, private []byte) (text []byte, thumb string) {
	t.Helper()
	if h, ok := halves.Load(string(private)); ok {
		return h.(half).text, h.(half).thumb
	}
	text, thumb, err := rest.PublicKeyOf(private)
	if err != nil {
		t.Fatal(err)
	}
	halves.Store(string(private), half{text, thumb})
	return text, thumb
}

// mode is how an effect goes wrong.
type mode int

const (
	before mode = iota // the process dies, and it did not happen
	after              // it happened, and the process dies
	lost               // it happened, and no answer came; in the store, the process dies
	failed             // it happened, and was answered by 500; in the store, the process dies
	busy               // it did not happen, and was answered by 503; in the store, the process dies
	modes
)

var errCut = errors.New("cut")

// world is a tenant, a store, and the process between them, which is cut.
type world struct {
	*testing.T

	key    bool
	tenant *auth0test.Tenant
	db     store.DB
	ring   *secret.Ring
	text   string // of the first key of the ring
	made   int

	// of the process that runs
	effects int    // so far
	at      int    // the effect that goes wrong; 0: none
	on      string // the request that does; "": none
	how     mode
	dead    bool
	kill    context.CancelFunc
	other   func() // what somebody else does before the effect otherAt
	otherAt int
}

func newWorld(t *testing.T, dir string, key bool, change func(*auth0test.Config)) *world {
	t.Helper()
	w := &world{T: t, key: key}
	c := auth0test.Config{ClientID: "usher", Secret: firstSecret, Scopes: append(auth0.RotationScopes(key), "read:users")}
	value := []byte(firstSecret)
	if key {
		value = madeKeys()[0]
		text, _ := public(t, value)
		c.Secret, c.PublicKeys, w.made = "", [][]byte{text}, 1
	}
	if change != nil {
		change(&c)
	}
	var err error
	if w.tenant, err = auth0test.New(c); err != nil {
		t.Fatal(err)
	}
	w.text, _, err = secret.NewKey()
	if err == nil {
		w.ring, err = secret.ParseRing(w.text)
	}
	if err == nil {
		w.db, err = store.Open(context.Background(), filepath.Join(dir, "usher.db"), "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	w.set(value)
	return w
}

// close ends the store, within the bubble that it was opened in.
func (w *world) close() {
	if err := w.db.Close(); err != nil {
		w.Error(err)
	}
}

// set sets a value by hand.
func (w *world) set(value []byte) { w.Helper(); w.setFor(address, value) }

func (w *world) setFor(origin string, value []byte) { w.Helper(); w.put(origin, value, false) }

// rotate puts a value before the one that there is, by hand.
func (w *world) rotate(value []byte) { w.Helper(); w.put(address, value, true) }

func (w *world) put(origin string, value []byte, rotate bool) {
	w.Helper()
	all := w.rows()
	s, err := w.ring.Seal(secret.Sealed{Name: name, Version: secret.Top(all, name) + 1, Origin: origin}, value)
	if err == nil {
		err = secret.Put(context.Background(), w.db.Secrets(), w.ring, s, rotate, "ines")
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) rows() []secret.Sealed {
	w.Helper()
	all, err := w.db.Secrets().Secrets(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return all
}

func (w *world) value(s secret.Sealed) string {
	w.Helper()
	v, err := w.ring.Open(s)
	if err != nil {
		w.Fatal(err)
	}
	return string(v)
}

// config is that of a process which is not cut, unless at says so.
func (w *world) config() rotation.Config {
	through := cutTransport{w, w.tenant.Transport()}
	return rotation.Config{
		Name: name, Key: w.key, Store: cutStore{w.db.Secrets(), w}, Ring: w.ring, Actor: "ines", Overlap: rotation.DefaultOverlap, Wait: true,
		Enter: func(c auth0.Credential) (*auth0.Client, error) {
			return auth0.New(auth0.Config{URL: address, ClientID: "usher", Secret: c.Secret, Key: c.Key, HTTP: through})
		},
		Promoted: func() error {
			if !w.enters(w.newest()) {
				w.Error("the newest version is one that the tenant does not take")
			}
			return nil
		},
		NewKey: func() ([]byte, error) {
			made := madeKeys()[:6] // the last one is nobody's
			w.made++
			return slices.Clone(made[(w.made-1)%len(made)]), nil
		},
	}
}

// process runs what a process does, and cuts the effect at, if it comes to so many.
func (w *world) process(at int, how mode, do func(context.Context, rotation.Config) (rotation.Result, error)) (rotation.Result, error) {
	w.Helper()
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	w.effects, w.at, w.how, w.dead, w.kill = 0, at, how, false, kill
	r, err := do(ctx, w.config())
	w.at, w.dead = 0, false
	if err != nil && strings.Contains(err.Error(), firstSecret) {
		w.Errorf("a value in an error: %v", err)
	}
	w.sound()
	return r, err
}

// hit says what becomes of the next effect; lives is false if the process ends with it.
func (w *world) hit() (how mode, wrong bool) {
	w.effects++
	if w.other != nil && w.effects == w.otherAt {
		w.other()
	}
	return w.how, w.effects == w.at
}

func (w *world) die() error {
	w.dead = true
	w.kill()
	return errCut
}

// cutStore is a store whose process dies.
type cutStore struct {
	secret.Store
	w *world
}

func (s cutStore) Update(ctx context.Context, fn func(secret.Tx) error) error {
	if s.w.dead {
		return errCut
	}
	how, wrong := s.w.hit()
	if wrong && (how == before || how == busy) {
		return s.w.die()
	}
	err := s.Store.Update(context.WithoutCancel(ctx), fn)
	s.w.sound()
	if wrong {
		return s.w.die()
	}
	return err
}

func (s cutStore) Secrets(ctx context.Context) ([]secret.Sealed, error) {
	if s.w.dead {
		return nil, errCut
	}
	return s.Store.Secrets(ctx)
}

// cutTransport is a way to the tenant that breaks, or whose process dies.
type cutTransport struct {
	w    *world
	next http.RoundTripper
}

func (c cutTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.w.dead {
		return nil, errCut
	}
	how, wrong := c.w.hit()
	wrong = wrong || c.w.on == req.Method+" "+req.URL.Path
	switch {
	case wrong && how == before:
		return nil, c.w.die()
	case wrong && how == busy:
		return answer(req, http.StatusServiceUnavailable), nil
	}
	res, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	c.w.sound()
	if wrong {
		switch how {
		case after:
			return nil, c.w.die()
		case failed:
			return answer(req, http.StatusInternalServerError), nil
		default:
			return nil, errors.New("the connection was reset")
		}
	}
	return res, err
}

func answer(req *http.Request, status int) *http.Response {
	text := fmt.Sprintf(`{"statusCode":%d,"error":%q,"message":"scheduled"}`, status, http.StatusText(status))
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)),
	}
}

// sound holds, at this very instant: what the tenant takes for good is sealed in the
// store, and the tenant has two public keys at most.
func (w *world) sound() {
	w.Helper()
	keys := w.tenant.ClientKeys("usher")
	if len(keys) > auth0.MostPublicKeys {
		w.Fatalf("%d public keys", len(keys))
	}
	for _, s := range w.rows() {
		if !w.ring.Has(s.Key) { // it was lost on purpose
			continue
		}
		if w.holds(w.value(s)) {
			return
		}
	}
	w.Fatal("locked out: the tenant takes nothing that is sealed")
}

// holds reports whether the tenant takes a value for good, once it has spread.
func (w *world) holds(value string) bool {
	w.Helper()
	if !w.key {
		return w.tenant.HoldsSecret("usher", value)
	}
	_, thumb := public(w.T, []byte(value))
	return slices.ContainsFunc(w.tenant.ClientKeys("usher"), func(k auth0test.ClientKey) bool { return k.Active && k.Kid == thumb })
}

// enters reports whether the tenant gives a token for a value, now.
func (w *world) enters(value string) bool {
	w.Helper()
	c := auth0.Config{URL: address, ClientID: "usher", Secret: value, HTTP: w.tenant.Transport()}
	if w.key {
		c.Secret, c.Key = "", []byte(value)
	}
	client, err := auth0.New(c)
	if err != nil {
		w.Fatal(err)
	}
	_, err = client.Scopes(context.Background())
	if err != nil && !auth0.NotTaken(err) {
		w.Fatal(err)
	}
	return err == nil
}

// told are the events of the ledger so far, by kind.
func (w *world) told() (kinds []string, text string) {
	w.Helper()
	if _, err := audit.Sequence(context.Background(), w.db.Ledger()); err != nil {
		w.Fatal(err)
	}
	var all strings.Builder
	for from := int64(0); ; {
		some, err := w.db.Ledger().Chained(context.Background(), from, 1000)
		if err != nil {
			w.Fatal(err)
		}
		for _, e := range some {
			kinds = append(kinds, e.Kind)
			all.Write(e.Payload)
			from = max(from, e.Seq)
		}
		if len(some) == 0 {
			return kinds, all.String()
		}
	}
}
