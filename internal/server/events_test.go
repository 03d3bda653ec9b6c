// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// telling is pushing, with a source whose changes are told by push and by poll, and
// one whose changes are told to nobody.
func telling(s *served, push string) string {
	return strings.NewReplacer(
		"idp: {type: scim, strictness: lenient, rate_limit: 0}", `idp:
    type: scim
    strictness: lenient
    rate_limit: 0
    events:
      audience: https://rp.example
      poll: true
      payload: full
      push: {url: "`+push+`", token: rp-s3cret, allow: [loopback, plain-http]}
  third: {type: scim, events: {audience: b, poll: true}}`,
		"server: {address: '127.0.0.1:0'}", `server: {address: '127.0.0.1:0', public_url: "https://usher.example", signing_key: "`+filepath.Join(s.dir, "key.pem")+`"}`,
	).Replace(pushing)
}

// newTelling is a daemon with a key, not served yet.
func newTelling(t *testing.T, push string) *served {
	t.Helper()
	s := newServed(t)
	s.conf = telling(s, push)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// verified is a token as a recipient has it who knows our address and nothing else.
func verified(t testing.TB, base, jws string) *scimevent.Token {
	t.Helper()
	var keys jose.JSONWebKeySet
	status, text := get(t, base+"/.well-known/jwks.json")
	if err := json.Unmarshal([]byte(text), &keys); status != 200 || err != nil {
		t.Fatalf("%d %s %v", status, text, err)
	}
	signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	found := keys.Key(signed.Signatures[0].Protected.KeyID)
	if len(found) != 1 {
		t.Fatalf("%d keys", len(found))
	}
	claims, err := signed.Verify(found[0])
	if err != nil {
		t.Fatal(err)
	}
	token, err := scimevent.Parse(claims, scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if token.Issuer != "https://usher.example" {
		t.Errorf("%+v", token)
	}
	return token
}

// fetch polls, and returns the tokens that came.
func (p provider) fetch(body string) (out []scimevent.Signed) {
	p.Helper()
	status, text := p.poll(body)
	a, err := scimevent.ParsePollAnswer([]byte(text), scim.Limits{})
	if status != 200 || err != nil {
		p.Fatalf("%d %s %v", status, text, err)
	}
	return a.Tokens
}

func (p provider) poll(body string) (int, string) {
	p.Helper()
	status, _, text := p.send("POST", "/.events", "application/json", body)
	return status, text
}

// What a provider pushes is told to those who are to know: pushed in order, fetched
// until it is acknowledged, after a restart too; to nobody else, and with no secret.
func TestEventsAreDelivered(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var came []string
	sick := true
	rp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if sick || r.Header.Get("Authorization") != "Bearer rp-s3cret" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		came = append(came, string(body))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer rp.Close()
	s := newTelling(t, rp.URL)
	s.serve(t)
	p, third, slow := s.provider(t, "idp", 0), s.provider(t, "third", 0), s.provider(t, "slow", 0)
	id := p.make("/Users", `{"userName":"ann","password":"hunter2!","externalId":"e1"}`)
	other := third.make("/Users", `{"schemas":["`+scim.UserURN+`"],"userName":"theirs"}`)
	if status, _, text := p.do("PATCH", "/Users/"+id, `{"schemas":["`+scim.PatchOpURN+`"],"Operations":[{"op":"replace","path":"active","value":false}]}`); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	first := p.fetch(`{"returnImmediately":true}`)
	if len(first) != 2 {
		t.Fatalf("%v", first)
	}
	made, off := verified(t, s.url, first[0].JWS), verified(t, s.url, first[1].JWS)
	if made.Events[0].URI != scimevent.CreateFull || len(off.Events) != 2 || off.Events[1].URI != scimevent.Deactivate || made.Subject.URI != "/Users/"+id {
		t.Errorf("%+v %+v", made, off)
	}
	if text := made.Events[0].Data.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, `"location":"https://usher.example/scim/v2/Users/`+id) {
		t.Error(text)
	}
	theirs := third.fetch(`{"returnImmediately":true,"ack":["` + first[0].ID + `"]}`)
	if len(theirs) != 1 || verified(t, s.url, theirs[0].JWS).Subject.URI != "/Users/"+other {
		t.Errorf("%v", theirs)
	}
	if status, text := slow.poll(`{"returnImmediately":true}`); status != 404 {
		t.Errorf("a source without events: %d %s", status, text)
	}
	for _, who := range []provider{{t, p.base, "usher_scim_guess"}, {t, p.base, ""}} {
		if status, _ := who.poll(`{}`); status != 401 {
			t.Errorf("without a token: %d", status)
		}
	}
	until(t, "it is told that the recipient does not answer", func() bool { return strings.Contains(s.log.String(), "events cannot be pushed") })

	s.end(t) // with everything still waiting
	s.serve(t)
	p.base = s.url + "/scim/v2"
	again := p.fetch(`{"returnImmediately":true}`)
	if len(again) != 2 || again[0].ID != first[0].ID || again[1].ID != first[1].ID {
		t.Errorf("after a restart %v, before %v", again, first)
	}
	mu.Lock()
	sick = false
	mu.Unlock()
	arrived := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(came)
	}
	until(t, "all are pushed", func() bool { return len(arrived()) == 2 })
	for i, jws := range arrived() {
		got := verified(t, s.url, jws)
		if want := verified(t, s.url, first[i].JWS); got.Txn != want.Txn || got.ID == want.ID || got.Subject != want.Subject {
			t.Errorf("pushed %+v, polled %+v", got, want)
		}
	}
	until(t, "the metrics tell of them", func() bool {
		_, metrics := get(t, s.metrics+"/metrics")
		return strings.Contains(metrics, `usher_events_total{delivery="push",outcome="delivered",source="idp"} 2`) &&
			strings.Contains(metrics, `usher_events_waiting{delivery="poll",source="idp"} 2`) &&
			strings.Contains(metrics, `usher_events_waiting{delivery="push",source="idp"} 0`)
	})
	for _, secret := range []string{"rp-s3cret", "hunter2", p.secret} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

// Who is erased is in no token that waits, and yet is told to be gone, by their id
// alone: whether a token said so that waited, or they were still there, not active.
func TestErasureIsTold(t *testing.T) {
	t.Parallel()
	s := newTelling(t, "http://127.0.0.1:9/events")
	s.serve(t)
	p := s.provider(t, "idp", 0)
	ann := p.make("/Users", `{"userName":"ann-quatermain","externalId":"e-ann"}`)
	bob := p.make("/Users", `{"userName":"bob-quatermain","externalId":"e-bob"}`)
	eve := p.make("/Users", `{"userName":"eve-quatermain","externalId":"e-eve"}`)
	for _, id := range []string{ann, eve} {
		if status, _, text := p.do("DELETE", "/Users/"+id, ""); status != 204 {
			t.Fatalf("%d %s", status, text)
		}
	}
	if status, _, text := p.do("PATCH", "/Users/"+bob, `{"schemas":["`+scim.PatchOpURN+`"],"Operations":[{"op":"replace","path":"active","value":false}]}`); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	var ack []string
	before := map[string]bool{}
	for _, k := range p.fetch(`{"returnImmediately":true}`) {
		before[k.ID] = true
		if !strings.HasSuffix(verified(t, s.url, k.JWS).Subject.URI, ann) {
			ack = append(ack, `"`+k.ID+`"`)
		}
	}
	p.fetch(`{"returnImmediately":true,"ack":[` + strings.Join(ack, ",") + `]}`)
	for _, who := range []string{"ann", "bob"} {
		until(t, who+" can be erased", func() bool { return s.usher.Erase(s.ctx, who+"-quatermain", "asked for", "test") == nil })
	}
	told := map[string]string{}
	for _, k := range p.fetch(`{"returnImmediately":true}`) {
		got := verified(t, s.url, k.JWS)
		if before[k.ID] || len(got.Events) != 1 || got.Events[0].URI != scimevent.Delete || got.Subject.ExternalID != "" || got.Subject.ID == "" || got.Txn == "" {
			t.Errorf("%+v", got)
		}
		told[got.Subject.URI] = got.Subject.ID
	}
	if want := map[string]string{"/Users/" + ann: ann, "/Users/" + bob: bob}; !maps.Equal(told, want) {
		t.Errorf("%v, want %v", told, want)
	}
	s.end(t)
	u := &world{t: t, ctx: t.Context(), dir: s.dir}
	if u.mentions("ann-quatermain")+u.mentions("e-ann")+u.mentions("bob-quatermain") != 0 || u.mentions("eve-quatermain") == 0 {
		t.Error("somebody is still named")
	}
}

// A poll that waits is answered by what comes, and by the end.
func TestPollsWaitAndEnd(t *testing.T) {
	t.Parallel()
	s := newTelling(t, "http://127.0.0.1:9/events")
	s.serve(t)
	p := s.provider(t, "idp", 0)
	got := make(chan int, 1)
	wait := func() {
		n := -1
		defer func() { got <- n }() // also if there is no answer, which ends this goroutine
		n = len(p.fetch(`{}`))
	}
	waits := func() {
		until(t, "the poll waits at the server", func() bool {
			_, metrics := get(t, s.metrics+"/metrics")
			return strings.Contains(metrics, `usher_events_polls{source="idp"} 1`)
		})
	}
	go wait()
	waits()
	p.make("/Users", `{"userName":"ann"}`)
	select {
	case n := <-got:
		if n != 1 {
			t.Errorf("%d came", n)
		}
	case <-time.After(patient):
		t.Fatal("nothing came")
	}
	p.fetch(`{"returnImmediately":true,"ack":["` + p.fetch(`{}`)[0].ID + `"]}`)
	go wait()
	waits() // at its end the server takes no more of them
	began := time.Now()
	s.end(t)
	if n := <-got; n != 0 || time.Since(began) > 4*time.Second {
		t.Errorf("%d came, and the end took %s", n, time.Since(began))
	}
}

// Who would not wait is answered by an event, where there are any.
func TestAsyncRequests(t *testing.T) {
	t.Parallel()
	s := newTelling(t, "http://127.0.0.1:9/events")
	s.serve(t)
	for source, status := range map[string]int{"idp": 202, "slow": 201} {
		p := s.provider(t, source, 0)
		req, err := http.NewRequestWithContext(t.Context(), "POST", p.base+"/Users", strings.NewReader(`{"schemas":["`+scim.UserURN+`"],"userName":"ann"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		req.Header.Set("Authorization", "Bearer "+p.secret)
		req.Header.Set("Content-Type", "application/scim+json")
		req.Header.Set("Prefer", "respond-async")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: %d", source, res.StatusCode)
		}
		_, _, config := p.do("GET", "/ServiceProviderConfig", "")
		if strings.Contains(config, "securityEvents") != (source == "idp") {
			t.Errorf("%s: %s", source, config)
		}
		if source != "idp" {
			continue
		}
		tokens := p.fetch(`{"returnImmediately":true}`)
		last := verified(t, s.url, tokens[len(tokens)-1].JWS)
		if last.Txn != res.Header.Get("Set-Txn") || last.Events[0].URI != scimevent.AsyncResponse || "https://usher.example/scim/v2"+last.Subject.URI != res.Header.Get("Location") {
			t.Errorf("%+v of %v", last, res.Header)
		}
	}
}

// Without a key there are no keys, and no address to fetch events at.
func TestNoKeys(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.conf = pushing
	s.serve(t)
	if status, text := get(t, s.url+"/.well-known/jwks.json"); status != 404 {
		t.Errorf("%d %s", status, text)
	}
	p := s.provider(t, "idp", 0)
	if status, text := p.poll("{}"); status != 404 || !strings.Contains(text, `"status":"404"`) {
		t.Errorf("%d %s", status, text)
	}
}

// Events that could not be signed, or have no issuer, are refused with their place; so
// is a key that will not do, without a word of it.
func TestBuildRefusesEvents(t *testing.T) {
	t.Parallel()
	const source = "sources:\n  idp: {type: scim, events: {audience: a, poll: true, push: {url: \"https://rp.example\", token: TOKEN}}}\n"
	text := func(token, server string) string {
		return "store: u.db\n" + strings.Replace(source, "TOKEN", token, 1) + "apps:\n  app: {url: \"https://a.example\", token: abc, user: {userName: person.userName}}\nserver: {" + server + "}\n"
	}
	for _, c := range []struct{ token, server, want string }{
		{"abc", "", "usher.yaml:3:30: events of source idp have no issuer"},
		{"abc", `public_url: "https://u.example"`, "events of source idp cannot be signed"},
		{"abc", `public_url: "https://u.example", signing_key: "secret:key"`, "usher.yaml:6:57: secret:key cannot be opened: there is no secrets.key"},
		{"secret:rp", `public_url: "https://u.example", signing_key: x`, "secret:rp cannot be opened: there is no secrets.key"},
	} {
		if _, err := build(t, text(c.token, c.server)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
	for key, want := range map[string]string{
		"hunter2": "usher.yaml:6:57: server.signing_key names no file that can be read",
		`-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----`: "must be a private key on the curve P-256",
	} {
		b, err := build(t, text("abc", `public_url: "https://u.example", signing_key: "`+key+`"`))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Servable(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "aHVud") {
			t.Errorf("%s: %v", want, err)
		}
	}
}
