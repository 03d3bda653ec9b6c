// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/store/sqlite"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	byPush = events.Stream{Source: "idp", Delivery: events.Push}
	byPoll = events.Stream{Source: "idp", Delivery: events.Poll}
)

// newKey is a private key on a curve, as PEM of PKCS #8.
func newKey(t testing.TB, c elliptic.Curve) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pkcs8(t, key)
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// house is an outbox with a key, and who is told of it.
type house struct {
	*testing.T
	db     *sqlite.DB
	path   string
	signer *events.Signer
	bell   events.Bell
	tally  events.Tally
	log    testenv.Output
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, path: sqlitetest.New(t)}
	h.open()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(h.log.String())
		}
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	h.signer = signer(t)
	return h
}

func signer(t testing.TB) *events.Signer {
	t.Helper()
	s, err := events.NewSigner(newKey(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *house) open() {
	h.Helper()
	db, err := sqlite.Open(h.Context(), h.path, "test")
	if err != nil {
		h.Fatal(err)
	}
	h.db = db
}

func (h *house) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&h.log, nil)) }

// queue puts tokens into a stream, of the given jti, in one transaction each.
func (h *house) queue(s events.Stream, ids ...string) {
	h.Helper()
	for _, id := range ids {
		h.update(func(tx events.Tx) error {
			token := scimevent.Token{
				Issuer: "https://usher.example", Audience: []string{"https://rp.example"}, ID: id, IssuedAt: tx.Now(), Txn: "txn-" + id,
				Subject: scimevent.Subject{URI: "/Users/" + id}, Events: []scimevent.Event{{URI: scimevent.Delete}},
			}
			claims, err := token.MarshalJSON()
			if err != nil {
				return err
			}
			return tx.QueueEvents(h.Context(), []events.Queued{{Stream: s, ID: id, Resource: id, At: tx.Now(), Claims: claims}})
		})
	}
	h.bell.Ring()
}

func (h *house) update(fn func(events.Tx) error) {
	h.Helper()
	if err := h.db.Events().Update(context.WithoutCancel(h.Context()), fn); err != nil {
		h.Fatal(err)
	}
}

// waiting are the jti of what is in a stream.
func (h *house) waiting(s events.Stream) (ids []string) {
	h.Helper()
	h.update(func(tx events.Tx) error {
		ids = nil
		all, err := tx.QueuedEvents(h.Context(), s, 1000)
		for _, q := range all {
			ids = append(ids, q.ID)
		}
		return err
	})
	return ids
}

// ledger is what was told of events, as kind and payload.
func (h *house) ledger() (lines []string) {
	h.Helper()
	if _, err := audit.Sequence(h.Context(), h.db.Ledger()); err != nil {
		h.Fatal(err)
	}
	all, err := h.db.Ledger().Chained(h.Context(), 0, 100)
	if err != nil {
		h.Fatal(err)
	}
	for _, e := range all {
		lines = append(lines, e.Kind+" "+string(e.Payload))
	}
	return lines
}

// open reads a signed token with the keys that we publish, as a recipient does.
func open(t testing.TB, keys http.Handler, jws string) *scimevent.Token {
	t.Helper()
	w := httptest.NewRecorder()
	keys.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/.well-known/jwks.json", http.NoBody))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	header := signed.Signatures[0].Protected
	if typ := header.ExtraHeaders[jose.HeaderType]; typ != "secevent+jwt" {
		t.Errorf("typ %v", typ)
	}
	found := set.Key(header.KeyID)
	if len(found) != 1 || !found[0].IsPublic() || found[0].Use != "sig" || found[0].Algorithm != "ES256" {
		t.Fatalf("keys of %q: %+v", header.KeyID, found)
	}
	claims, err := signed.Verify(found[0])
	if err != nil {
		t.Fatal(err)
	}
	token, err := scimevent.Parse(claims, scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSigner(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	claims := `{"iss":"https://i.example","iat":1,"jti":"j","sub_id":{"format":"scim","uri":"/Users/1"},"events":{"` + scimevent.Delete + `":{}}}`
	for name, text := range map[string][]byte{
		"PKCS #8": pkcs8(t, key),
		"SEC 1, with parameters": append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8}}),
			pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...),
	} {
		s, err := events.NewSigner(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		jws, err := s.Sign([]byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		if got := open(t, s, jws); got.ID != "j" {
			t.Errorf("%s: %+v", name, got)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", http.NoBody))
		raw, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if private := base64.RawURLEncoding.EncodeToString(raw); strings.Contains(w.Body.String(), `"d"`) || strings.Contains(w.Body.String(), private) {
			t.Error("the private key is published")
		}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing": nil, "no PEM": []byte("hunter2"), "RSA": pkcs8(t, weak), "another curve": newKey(t, elliptic.P384()),
		"a public key": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"not a key":    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")}),
		"a password":   pem.EncodeToMemory(&pem.Block{Type: "hunter2", Bytes: []byte("hunter2")}),
	} {
		if _, err := events.NewSigner(text); err == nil || !strings.Contains(err.Error(), "P-256") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// poll sends one poll and returns its status and body.
func poll(p http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (h *house) poller(wait time.Duration, stopping <-chan struct{}) *events.Poller {
	return events.NewPoller(events.PollConfig{
		Stream: byPoll, Store: h.db.Events(), Signer: h.signer, Bell: &h.bell, Tally: &h.tally, Log: h.logger(), Stopping: stopping, Wait: wait,
	})
}

// ask polls with a body, and returns the jti of what came.
func (h *house) ask(p http.Handler, body string) (ids []string, more bool) {
	h.Helper()
	r := httptest.NewRequestWithContext(h.Context(), "POST", "/scim/v2/.events", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	status, text := poll(p, r)
	if status != 200 {
		h.Fatalf("%d %s", status, text)
	}
	a, err := scimevent.ParsePollAnswer([]byte(text), scim.Limits{})
	if err != nil {
		h.Fatalf("%s: %v", text, err)
	}
	for _, t := range a.Tokens {
		if got := open(h, h.signer, t.JWS); got.ID != t.ID {
			h.Errorf("%s is %+v", t.ID, got)
		}
		ids = append(ids, t.ID)
	}
	return ids, a.More
}

// What is not acknowledged comes again, in order; what is does not.
func TestPoll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.poller(time.Minute, nil)
	h.queue(byPoll, "a", "b", "c")
	h.queue(byPush, "x")
	for _, c := range []struct {
		body string
		want string
		more bool
	}{
		{`{"returnImmediately":true}`, "a b c", false},
		{`{"returnImmediately":true,"maxEvents":2}`, "a b", true},
		{`{"maxEvents":0}`, "", true},
		{`{"maxEvents":3}`, "a b c", false},
		{`{"maxEvents":1,"ack":["b","x","nobody"]}`, "a", true},
		{`{"returnImmediately":true,"setErrs":{"a":{"err":"no_such_user","description":"sp\u0007am\nline"},"x":{"err":"y"},"nobody":{"err":"z"}}}`, "c", false},
		{`{"returnImmediately":true,"ack":["c","c"]}`, "", false},
	} {
		if ids, more := h.ask(p, c.body); strings.Join(ids, " ") != c.want || more != c.more {
			t.Errorf("%s: %v %v", c.body, ids, more)
		}
	}
	if left := h.waiting(byPush); !slices.Equal(left, []string{"x"}) {
		t.Errorf("the other stream has %v", left)
	}
	told := h.ledger()
	if len(told) != 1 || !strings.HasPrefix(told[0], "event.refused ") || !strings.Contains(told[0], "no_such_user: sp am line") || !strings.Contains(told[0], "idp:a") {
		t.Errorf("%v", told)
	}
	if got, want := h.tally.Of(byPoll), (events.Counts{Delivered: 2, Refused: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What is not accepted of us stays, as by push, and is told no more than once a minute
// for each code, however often it is said.
func TestPollKeepsWhatBlamesUs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.poller(time.Minute, nil)
	h.queue(byPoll, "a", "b")
	codes := []string{scimevent.InvalidKey, scimevent.InvalidIssuer, scimevent.InvalidAudience, scimevent.AuthenticationFailed, scimevent.AccessDenied}
	for range 3 {
		for _, code := range codes {
			body := `{"returnImmediately":true,"setErrs":{"a":{"err":"` + code + `","description":"sp\u0007am"},"b":{"err":"` + code + `"},"nobody":{"err":"` + code + `"}}}`
			if ids, _ := h.ask(p, body); !slices.Equal(ids, []string{"a", "b"}) {
				t.Errorf("%s: %v", code, ids)
			}
		}
	}
	h.ask(p, `{"returnImmediately":true,"setErrs":{"nobody":{"err":"invalid_key"}}}`)
	told := h.ledger()
	if len(told) != len(codes) {
		t.Errorf("%v", told)
	}
	for i, line := range told {
		if !strings.HasPrefix(line, "events.held ") || !strings.Contains(line, "2 events stay queued: "+codes[i]+": sp am") {
			t.Error(line)
		}
	}
	if n := strings.Count(h.log.String(), "they stay queued"); n != len(codes) {
		t.Errorf("logged %d times", n)
	}
	if got, want := h.tally.Of(byPoll), (events.Counts{Failed: 2 * 3 * int64(len(codes))}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestPollRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.queue(byPoll, "a")
	p := h.poller(time.Minute, nil)
	many := `{"ack":[` + strings.Repeat(`"a",`, 10_000) + `"a"]}`
	for name, c := range map[string]struct {
		method, media, body string
		status              int
	}{
		"by GET":        {"GET", "", "", 405},
		"another media": {"POST", "application/secevent+jwt", "{}", 415},
		"no media":      {"POST", "", "{}", 415},
		"no JSON":       {"POST", "application/json", "{", 400},
		"nothing":       {"POST", "application/json", "", 400},
		"a name twice":  {"POST", "application/json", `{"ack":["a"],"ack":[]}`, 400},
		"of a type":     {"POST", "application/json", `{"ack":"a"}`, 400},
		"too many":      {"POST", "application/json", many, 400},
		"too large":     {"POST", "application/json", `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.media)
		status, text := poll(p, r)
		e, err := scimevent.ParseDeliveryError([]byte(text), scim.Limits{})
		if status != c.status || err != nil || e.Description == "" {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if left := h.waiting(byPoll); len(left) != 1 {
		t.Error("a request that was refused took something away")
	}
	refused := 0
	for range 100 {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(`{"maxEvents":0}`))
		r.Header.Set("Content-Type", "application/json")
		if status, _ := poll(p, r); status == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a hundred polls at once, and none too many")
	}
}

// A poll waits for what comes, for its time, and for no longer than we serve; nobody
// can have all of us wait.
func TestPollWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	type came struct {
		ids  []string
		took time.Duration
	}
	ask := func(p http.Handler) chan came {
		out := make(chan came, 1)
		began := time.Now()
		go func() {
			r := httptest.NewRequestWithContext(h.Context(), "POST", "/", strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
			_, text := poll(p, r)
			a, _ := scimevent.ParsePollAnswer([]byte(text), scim.Limits{})
			var ids []string
			for _, t := range a.Tokens {
				ids = append(ids, t.ID)
			}
			out <- came{ids, time.Since(began)}
		}()
		return out
	}
	short := ask(h.poller(50*time.Millisecond, nil))
	if got := <-short; len(got.ids) != 0 || got.took < 50*time.Millisecond {
		t.Errorf("%+v", got)
	}
	stopping := make(chan struct{})
	p := h.poller(time.Hour, stopping)
	waits := ask(p)
	time.Sleep(20 * time.Millisecond)
	h.queue(byPoll, "a")
	if got := <-waits; !slices.Equal(got.ids, []string{"a"}) {
		t.Errorf("%+v", got)
	}
	h.ask(p, `{"returnImmediately":true,"ack":["a"]}`)
	var all []chan came
	for range 8 {
		all = append(all, ask(p))
	}
	for tries := 0; p.Waiting() < 8; tries++ {
		if tries > 10_000 {
			t.Fatalf("%d wait", p.Waiting())
		}
		time.Sleep(time.Millisecond)
	}
	if got := <-ask(p); len(got.ids) != 0 { // the ninth is not let wait
		t.Errorf("%+v", got)
	}
	close(stopping)
	for _, c := range all {
		if got := <-c; len(got.ids) != 0 {
			t.Errorf("%+v", got)
		}
	}
}

// What is queued is there after a crash, and comes in its order.
func TestOutboxOutlivesUs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.queue(byPoll, "c", "a", "b")
	if err := h.db.Close(); err != nil {
		t.Fatal(err)
	}
	h.open()
	p := h.poller(time.Minute, nil)
	if ids, _ := h.ask(p, `{}`); !slices.Equal(ids, []string{"c", "a", "b"}) {
		t.Errorf("%v", ids)
	}
}

// What nobody fetches is dropped, the oldest first, and the ledger says so.
func TestKeeper(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.queue(byPoll, "a", "b", "c")
	h.queue(byPush, "x")
	k := &events.Keeper{Store: h.db.Events(), Tally: &h.tally, Log: h.logger(), Of: map[events.Stream]events.Retention{byPoll: {Age: time.Hour, Number: 2}}}
	for range 2 {
		if err := k.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := h.waiting(byPoll); !slices.Equal(left, []string{"b", "c"}) {
		t.Errorf("%v", left)
	}
	k.Of[byPoll] = events.Retention{Age: time.Nanosecond, Number: 100}
	if err := k.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := h.waiting(byPoll); len(left) != 0 {
		t.Errorf("%v", left)
	}
	if left := h.waiting(byPush); len(left) != 1 {
		t.Errorf("a stream without bounds of its own has %v", left)
	}
	told := h.ledger()
	if len(told) != 2 || !strings.Contains(told[0], "events.dropped") || !strings.Contains(told[0], "1 events of idp by poll") || !strings.Contains(told[1], "2 events") {
		t.Errorf("%v", told)
	}
	if got := h.tally.Of(byPoll); got.Dropped != 3 {
		t.Errorf("%+v", got)
	}
}

// A large backlog is dropped in transactions of a bounded size, and each is told.
func TestKeeperDropsInChunks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.update(func(tx events.Tx) error {
		var all []events.Queued
		for i := range 2500 {
			all = append(all, events.Queued{Stream: byPoll, ID: strconv.Itoa(i), At: tx.Now(), Claims: []byte("{}")})
		}
		return tx.QueueEvents(h.Context(), all)
	})
	k := &events.Keeper{Store: h.db.Events(), Tally: &h.tally, Log: h.logger(), Of: map[events.Stream]events.Retention{byPoll: {Age: time.Hour, Number: 200}}}
	if err := k.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := h.ledger()
	if len(told) != 3 || !strings.Contains(told[0], "1000 events") || !strings.Contains(told[1], "1000 events") || !strings.Contains(told[2], "300 events") {
		t.Errorf("%v", told)
	}
	if left := h.waiting(byPoll); len(left) != 200 || left[0] != "2300" {
		t.Errorf("%d are left", len(left))
	}
	if got := h.tally.Of(byPoll); got.Dropped != 2300 {
		t.Errorf("%+v", got)
	}
}

// read is the body of a request.
func read(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}
