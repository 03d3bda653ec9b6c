// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
)

const (
	oldSecret = "the-old-secret-of-32-characters!"
	newSecret = "the-new-secret-of-32-characters!"
)

// told collects what a hook tells.
type told struct {
	mu    sync.Mutex
	keys  []string
	ids   []string
	lost  int
	fails error
	wait  chan struct{} // if set, telling waits until it is closed
}

func (l *told) listener() httpin.Listener {
	return httpin.Listener{
		Hear: func(_ context.Context, w source.Word) error {
			if l.wait != nil {
				<-l.wait
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.keys = append(l.keys, w.Key); w.ID != "" {
				l.ids = append(l.ids, w.ID)
			}
			return l.fails
		},
		Lost: func() { l.mu.Lock(); l.lost++; l.mu.Unlock() },
	}
}

func (l *told) take() (keys string, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys, lost = strings.Join(l.keys, " "), l.lost
	l.keys, l.lost = nil, 0
	return keys, lost
}

func sum(h func() hash.Hash, secret, text string) []byte {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func post(h http.Handler, body string, headers map[string]string) int {
	r := httptest.NewRequest(http.MethodPost, "/hooks/hr", strings.NewReader(body))
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// TestSignatures: every form that a configuration can have, by either secret, and nothing
// that differs in anything.
func TestSignatures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	const call = `{"data":{"id":7}}`
	at := fmt.Sprint(now.Unix())
	for name, c := range map[string]struct {
		conf httpin.HookConfig
		sign func(secret string) map[string]string
	}{
		"hex of the body": {
			httpin.HookConfig{Algorithm: httpin.AlgSHA256, Header: "X-Sig", Prefix: "sha256="},
			func(s string) map[string]string {
				return map[string]string{"X-Sig": "sha256=" + hex.EncodeToString(sum(sha256.New, s, call))}
			},
		},
		"base64 of the body": {
			httpin.HookConfig{Algorithm: httpin.AlgSHA512, Header: "X-Sig", Base64: true},
			func(s string) map[string]string {
				return map[string]string{"X-Sig": base64.StdEncoding.EncodeToString(sum(sha512.New, s, call))}
			},
		},
		"the time before it": {
			httpin.HookConfig{Algorithm: httpin.AlgSHA256, Header: "X-Sig", Signed: "v0:{timestamp}:{body}", TimeHeader: "X-Time", TimeForm: httpin.FormUnix},
			func(s string) map[string]string {
				return map[string]string{"X-Time": at, "X-Sig": hex.EncodeToString(sum(sha256.New, s, "v0:"+at+":"+call))}
			},
		},
		"the time behind it": {
			httpin.HookConfig{Algorithm: httpin.AlgSHA256, Header: "X-Sig", Signed: "{body}{timestamp}", TimeHeader: "X-Time", TimeForm: httpin.FormRFC3339},
			func(s string) map[string]string {
				when := now.Format(time.RFC3339)
				return map[string]string{"X-Time": when, "X-Sig": hex.EncodeToString(sum(sha256.New, s, call+when))}
			},
		},
		"a secret": {
			httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "Authorization", Prefix: "Bearer "},
			func(s string) map[string]string { return map[string]string{"Authorization": "Bearer " + s} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.conf.Check(); err != nil {
				t.Fatal(err)
			}
			var heard told
			clock := now
			c.conf.Person = ptr(path(t, "data.id"))
			hook := httpin.Hook{HookConfig: c.conf, Hear: heard.listener(), ByID: true, Secrets: func() []string { return []string{oldSecret, newSecret, ""} }, Now: func() time.Time { return clock }}
			h := hook.Handler()
			for _, s := range []string{oldSecret, newSecret} {
				if code := post(h, call, c.sign(s)); code != http.StatusNoContent {
					t.Errorf("%d", code)
				}
				if keys, lost := heard.take(); keys != "7" || lost != 0 {
					t.Errorf("%q, %d", keys, lost)
				}
			}
			for what, headers := range map[string]map[string]string{
				"nothing": nil, "no secret": c.sign(""), "another": c.sign(oldSecret + "x"), "what is none": {"X-Sig": "sha256=zz", "Authorization": "Bearer", "X-Time": at},
			} {
				if code := post(h, call, headers); code != http.StatusUnauthorized {
					t.Errorf("%s: %d", what, code)
				}
			}
			signs := c.conf.Algorithm != httpin.AlgSecret
			if code := post(h, call+" ", c.sign(oldSecret)); signs != (code == http.StatusUnauthorized) {
				t.Errorf("another body: %d", code)
			}
			heard.take()
			if c.conf.TimeHeader == "" {
				return
			}
			altered := c.sign(oldSecret)
			altered["X-Time"] = strings.Replace(altered["X-Time"], "1", "2", 1)
			if code := post(h, call, altered); code != http.StatusUnauthorized {
				t.Errorf("another time: %d", code)
			}
			for _, d := range []time.Duration{6 * time.Minute, -6 * time.Minute} {
				clock = now.Add(d)
				if code := post(h, call, c.sign(oldSecret)); code != http.StatusUnauthorized {
					t.Errorf("%v later: %d", d, code)
				}
			}
			if keys, lost := heard.take(); keys != "" || lost != 0 {
				t.Errorf("%q, %d", keys, lost)
			}
		})
	}
}

// TestTwoSignaturesAreNone: nobody can say which one counts.
func TestTwoSignaturesAreNone(t *testing.T) {
	t.Parallel()
	var heard told
	hook := httpin.Hook{HookConfig: httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "X-S"}, Hear: heard.listener(), Secrets: func() []string { return []string{oldSecret} }}
	r := httptest.NewRequest(http.MethodPost, "/hooks/hr", strings.NewReader("{}"))
	r.Header["X-S"] = []string{oldSecret, "x"}
	w := httptest.NewRecorder()
	if hook.Handler().ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Error(w.Code)
	}
}

// TestSignedMustMakeSense: a time that is not signed proves nothing.
func TestSignedMustMakeSense(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]httpin.HookConfig{
		"no header":       {Algorithm: httpin.AlgSHA256},
		"no body":         {Algorithm: httpin.AlgSHA256, Header: "X", Signed: "{timestamp}", TimeHeader: "T"},
		"two bodies":      {Algorithm: httpin.AlgSHA256, Header: "X", Signed: "{body}{body}"},
		"an unsigned one": {Algorithm: httpin.AlgSHA256, Header: "X", TimeHeader: "T"},
		"no such header":  {Algorithm: httpin.AlgSHA256, Header: "X", Signed: "{timestamp}{body}"},
		"a signed secret": {Algorithm: httpin.AlgSecret, Header: "X", Signed: "{body}"},
	} {
		if c.Check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestWhomACallTellsOf: those ids are marked; where it is not clear, everybody is read.
func TestWhomACallTellsOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body, person string
		byID         bool
		keys         string
		lost         int
	}{
		{`{"id":"7"}`, "id", true, "7", 0},
		{`{"events":[{"id":1},{"id":"2"},{"id":1}]}`, "events[*].id", true, "1 2", 0},
		{`{"events":[{"id":1},{"id":null}]}`, "events[*].id", true, "1", 1},
		{`{"id":{"x":1}}`, "id", true, "", 1},
		{`{"id":" "}`, "id", true, "", 1},
		{`{}`, "id", true, "", 1},
		{`{"id":"7"}`, "", true, "", 1},
		{`{"id":"7"}`, "id", false, "", 1},
		{`no JSON`, "id", true, "", 1},
		{`{"id":1,"id":2}`, "id", true, "", 1},
	} {
		var heard told
		conf := httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "X-S"}
		if c.person != "" {
			conf.Person = ptr(path(t, c.person))
		}
		hook := httpin.Hook{HookConfig: conf, Hear: heard.listener(), ByID: c.byID, Secrets: func() []string { return []string{oldSecret} }}
		code := post(hook.Handler(), c.body, map[string]string{"X-S": oldSecret})
		if keys, lost := heard.take(); code != http.StatusNoContent || keys != c.keys || lost != c.lost {
			t.Errorf("%s: %d, %q, %d", c.body, code, keys, lost)
		}
	}
}

// TestTroubleOfOursIsSentAgain: 503 and nothing else, under load and if nothing can be kept.
func TestTroubleOfOursIsSentAgain(t *testing.T) {
	t.Parallel()
	heard := told{wait: make(chan struct{})}
	hook := httpin.Hook{
		HookConfig: httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "X-S", Person: ptr(path(t, "id"))},
		Hear:       heard.listener(), ByID: true, Secrets: func() []string { return []string{oldSecret} },
	}
	h := hook.Handler()
	codes := make(chan int, 200)
	var calls sync.WaitGroup
	for i := range 200 {
		calls.Go(func() { codes <- post(h, fmt.Sprintf(`{"id":%d}`, i), map[string]string{"X-S": oldSecret}) })
	}
	for range 200 - 64 { // 64 are taken and wait
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("under load: %d", code)
		}
	}
	close(heard.wait)
	calls.Wait()
	for range 64 {
		if code := <-codes; code != http.StatusNoContent {
			t.Errorf("%d", code)
		}
	}
	heard.fails = errors.New("disk full")
	if code := post(h, `{"id":1}`, map[string]string{"X-S": oldSecret}); code != http.StatusServiceUnavailable {
		t.Errorf("%d", code)
	}
	r := httptest.NewRequest(http.MethodGet, "/hooks/hr", nil)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("%d", w.Code)
	}
}

// TestOneEventOfSeveralPeople: two calls that have the same event tell of everybody whom
// either of them tells of, once.
func TestOneEventOfSeveralPeople(t *testing.T) {
	t.Parallel()
	var heard told
	hook := httpin.Hook{
		HookConfig: httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "X-S", Person: ptr(path(t, "ids[*]")), Event: ptr(path(t, "event"))},
		Hear:       heard.listener(), ByID: true, Secrets: func() []string { return []string{oldSecret} },
	}
	for _, ids := range []string{`1,2`, `2,1`, `3`, `4`} {
		if code := post(hook.Handler(), `{"event":"e","ids":[`+ids+`]}`, map[string]string{"X-S": oldSecret}); code != http.StatusNoContent {
			t.Fatal(code)
		}
	}
	if keys, _ := heard.take(); keys != "1 2 2 1 3 4" {
		t.Errorf("it tells of %s", keys)
	}
	slices.Sort(heard.ids)
	if n := len(slices.Compact(heard.ids)); n != 4 {
		t.Errorf("they are %d events; want one for each person", n)
	}
}

// stuck is a body that does not come.
type stuck struct {
	begun chan<- string
	end   <-chan struct{}
}

func (s stuck) Read([]byte) (int, error) {
	s.begun <- "it is read"
	<-s.end
	return 0, io.ErrUnexpectedEOF
}

// TestNoPlaceWithoutASignature: who cannot sign, and sends a body that never ends, is not in
// the way of a call.
func TestNoPlaceWithoutASignature(t *testing.T) {
	t.Parallel()
	mac := func(at string) string { return hex.EncodeToString(sum(sha256.New, oldSecret, at+"{}")) }
	good := func(at string) map[string]string { return map[string]string{"X-T": at, "X-S": mac(at)} }
	signed := httpin.HookConfig{Algorithm: httpin.AlgSHA256, Header: "X-S", Signed: "{timestamp}{body}", TimeHeader: "X-T", TimeForm: httpin.FormUnix}
	secret := httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "X-S"}
	ours := func(string) map[string]string { return map[string]string{"X-S": oldSecret} }
	type headers = func(at string) map[string]string
	for name, c := range map[string]struct {
		conf      httpin.HookConfig
		bad, good headers
		age       time.Duration // of the bad ones
	}{
		"nothing":             {signed, func(at string) map[string]string { return map[string]string{"X-T": at} }, good, 0},
		"no digits":           {signed, func(at string) map[string]string { return map[string]string{"X-T": at, "X-S": "xyz"} }, good, 0},
		"too few":             {signed, func(at string) map[string]string { return map[string]string{"X-T": at, "X-S": "abcd"} }, good, 0},
		"an old one":          {signed, good, good, time.Hour},
		"a secret of nobody":  {secret, func(string) map[string]string { return map[string]string{"X-S": "guessed"} }, ours, 0},
		"a secret of nothing": {secret, func(string) map[string]string { return map[string]string{"X-S": ""} }, ours, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now() // of this test, which may have waited long for its turn
			bad, good := c.bad(fmt.Sprint(now.Add(-c.age).Unix())), c.good(fmt.Sprint(now.Unix()))
			var heard told
			hook := httpin.Hook{HookConfig: c.conf, Hear: heard.listener(), Secrets: func() []string { return []string{oldSecret} }}
			h := hook.Handler()
			begun, end := make(chan string), make(chan struct{})
			var calls sync.WaitGroup
			for range 64 {
				calls.Go(func() {
					r := httptest.NewRequest(http.MethodPost, "/hooks/hr", stuck{begun, end})
					for k, v := range bad {
						r.Header.Set(k, v)
					}
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					select {
					case begun <- fmt.Sprint(w.Code):
					case <-end:
					}
				})
			}
			for range 64 {
				if got := <-begun; got != "401" {
					t.Error(got)
				}
			}
			if code := post(h, "{}", good); code != http.StatusNoContent {
				t.Errorf("a call: %d", code)
			}
			close(end)
			calls.Wait()
		})
	}
}

// TestABodyThatDoesNotCome gives its place back; one that has come has the time that it
// takes to keep what it tells.
func TestABodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	var heard told
	l := heard.listener()
	hear := l.Hear
	l.Hear = func(ctx context.Context, w source.Word) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond): // longer than a body may take
			return hear(ctx, w)
		}
	}
	hook := httpin.Hook{
		HookConfig: httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "X-S", Person: ptr(path(t, "id"))},
		Hear:       l, ByID: true, Secrets: func() []string { return []string{oldSecret} }, Body: 100 * time.Millisecond,
	}
	s := httptest.NewServer(hook.Handler())
	t.Cleanup(s.Close)
	for text, want := range map[string]string{`{"id"`: "503", `{"id":"7"}`: "204"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /hooks/hr HTTP/1.1\r\nHost: x\r\nX-S: %s\r\nContent-Length: 10\r\n\r\n%s", oldSecret, text)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+want) {
			t.Errorf("%s: %q, %v", text, line, err)
		}
	}
	if keys, _ := heard.take(); keys != "7" {
		t.Errorf("it tells of %s", keys)
	}
}

// byID makes a house of which single people can be read.
func byID(t *testing.T) *house {
	t.Helper()
	h := setup(t, httpintest.Page, func(hr *httpintest.Server, c *httpin.Config) {
		c.One = &httpin.One{URL: hr.URL + "/{id}", At: path(t, "data")}
		c.Since = &httpin.Since{URL: strings.TrimSuffix(hr.URL, "people") + "changed", List: path(t, "employees[*]"), Key: path(t, "id"), Param: "since", Every: time.Millisecond}
	})
	h.src.Live.Served = true
	return h
}

// TestACallOnlyHasSomebodyRead: what is taken is what is read by id, whatever the call says,
// and however often and late it comes.
func TestACallOnlyHasSomebodyRead(t *testing.T) {
	t.Parallel()
	h := byID(t)
	people := staff(7)
	h.hr.Set(people)
	h.readAll()
	unsure := 0
	h.list.Unsure = func(string) { unsure++ }
	hook := httpin.Hook{
		HookConfig: httpin.HookConfig{Algorithm: httpin.AlgSecret, Header: "X-S", Person: ptr(path(t, "id")), Event: ptr(path(t, "event"))},
		Hear:       h.listener(func() { unsure++ }), ByID: true, Secrets: func() []string { return []string{oldSecret} },
	}
	call := func(body string) {
		t.Helper()
		if code := post(hook.Handler(), body, map[string]string{"X-S": oldSecret}); code != http.StatusNoContent {
			t.Fatal(code)
		}
	}
	h.hr.Counts()
	people[1]["name"] = map[string]string{"first": "new"}
	call(`{"id":2,"event":"e1","name":"a lie","end":"2020-01-01"}`)
	call(`{"id":2,"event":"e2"}`)
	h.reread()
	h.stand("new, p01, p03, p04, p05, p06, p07")
	if c := h.hr.Counts(); c.Requests != 1 || c.Ones != 1 {
		t.Errorf("%+v", c)
	}
	call(`{"id":2,"event":"e1"}`) // sent again
	h.reread()
	if c := h.hr.Counts(); c.Requests != 0 {
		t.Errorf("%+v", c)
	}
	people[2]["end"] = "2026-01-01"
	people = append(people, httpintest.Person{"id": 8, "name": map[string]string{"first": "p08"}, "dept": "A"})
	h.hr.Set(people)
	call(`{"id":3}`)
	call(`{"id":8}`)
	h.reread()
	h.stand("new, p01, p03 leaver, p04, p05, p06, p07, p08")
	// Somebody who is not found by id has not left: everybody is read.
	h.hr.Set(slices.Delete(slices.Clone(people), 4, 5))
	call(`{"id":5}`)
	h.reread()
	h.stand("new, p01, p03 leaver, p04, p05, p06, p07, p08")
	if unsure != 1 {
		t.Errorf("everybody is to be read %d times", unsure)
	}
	h.readAll()
	h.stand("new, p01, p03 leaver, p04, p05 leaver, p06, p07, p08")
}

// TestWhatIsHadByIDMustBeThatPerson, and tell as much as the list.
func TestWhatIsHadByIDMustBeThatPerson(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"another":       `{"data":{"id":3,"name":{"first":"p03"},"dept":"A"}}`,
		"nobody":        `{"data":{"name":{"first":"p02"},"dept":"A"}}`,
		"less":          `{"data":{"id":2,"name":{"first":"p02"}}}`,
		"something":     `{"other":{"id":2}}`,
		"a list":        `{"data":[{"id":2,"name":{"first":"x"},"dept":"A"}]}`,
		"a refusal":     "",
		"a server down": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/people":
					body(`{"data":{"people":[{"id":2,"name":{"first":"p02"},"dept":"A"}]}}`)(w, r)
				case name == "a refusal":
					w.WriteHeader(http.StatusUnprocessableEntity)
				case name == "a server down":
					w.WriteHeader(http.StatusBadGateway)
				default:
					body(answer)(w, r)
				}
			}))
			t.Cleanup(s.Close)
			h := setup(t, httpintest.None, func(_ *httpintest.Server, c *httpin.Config) {
				c.URL, c.One = s.URL+"/people", &httpin.One{URL: s.URL + "/people/{id}", At: path(t, "data")}
			})
			h.readAll()
			why := ""
			h.list.Unsure = func(w string) { why = w }
			_, err := source.Hear(t.Context(), h.db.Source(), h.src, source.Word{Key: "2"})
			h.must(err)
			re, _, err := source.Look(t.Context(), h.db.Source(), h.src)
			if down := name == "a server down"; down != (err != nil) || down != (why == "") {
				t.Fatalf("%v, %q", err, why)
			}
			if err == nil {
				_, err = re.Take(t.Context(), h.dir)
				h.must(err)
			}
			h.settle()
			h.stand("p02")
		})
	}
}

// TestIDsLeadNowhereElse: an id is the source's, and may hold anything.
func TestIDsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.RequestURI) }))
	t.Cleanup(s.Close)
	c := listing(t, &httpintest.Server{URL: s.URL + "/people"}, httpintest.None)
	t.Cleanup(c.HTTP.(*http.Transport).CloseIdleConnections)
	c.One = &httpin.One{URL: s.URL + "/people/{id}/record?x=1"}
	l, err := httpin.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"../admin", "a/b?c=d#e", "%2e%2e", "a@evil.example", ".", ".."} {
		_, _ = l.ReadSome(t.Context(), []string{id}) // what is asked counts
	}
	want := []string{"/people/..%2Fadmin/record?x=1", "/people/a%2Fb%3Fc=d%23e/record?x=1", "/people/%252e%252e/record?x=1", "/people/a@evil.example/record?x=1"}
	if !slices.Equal(asked, want) {
		t.Errorf("%q", asked)
	}
	for _, url := range []string{"https://other.example/{id}", s.URL + "/people", s.URL + "{id}/x", s.URL + "/{id}/{id}", s.URL + "/x{id}"} {
		c.One = &httpin.One{URL: url}
		if _, err := httpin.New(c); err == nil {
			t.Errorf("%s is taken", url)
		}
	}
}

// TestWatch: who has changed is asked for, from the last time that went well.
func TestWatch(t *testing.T) {
	t.Parallel()
	h := byID(t)
	people := staff(7)
	h.hr.Set(people)
	h.readAll()
	h.list.Since.Overlap = time.Minute
	var lost int
	looks := make(chan error)
	watch := func() (stop func()) {
		kept, err := source.Progress(t.Context(), h.db.Source(), "hr")
		h.must(err)
		l := h.listener(func() { lost++ })
		ctx, cancel := context.WithCancel(t.Context())
		l.State = func(err error) {
			select {
			case looks <- err:
			case <-ctx.Done():
			}
		}
		done := make(chan struct{})
		go func() { defer close(done); h.list.Watch(ctx, kept, l) }()
		return func() { cancel(); <-done }
	}
	stop := watch()
	h.must(<-looks)
	people[3]["dept"], people[3]["name"] = "B", map[string]string{"first": "moved"}
	h.hr.Change("4", "99")
	h.must(<-looks)
	h.must(<-looks)
	h.reread()
	h.stand("moved, p01, p02, p03, p05, p06, p07")
	h.hr.Lock()
	h.hr.Token = "another"
	h.hr.Unlock()
	err := <-looks
	for err == nil {
		err = <-looks
	}
	if !strings.Contains(err.Error(), "/changed does not take the credential") {
		t.Error(err)
	}
	clean(t, err)
	stop()
	h.hr.Lock()
	h.hr.Token = token
	h.hr.Unlock()
	before := len(h.hr.Since())
	stop = watch() // from what was kept
	h.must(<-looks)
	stop()
	since := h.hr.Since()
	from, err := time.Parse(time.RFC3339, since[before])
	if ago := time.Since(from); err != nil || ago < time.Minute || ago > 2*time.Minute || lost != 0 {
		t.Errorf("%v, %v, %d", since, err, lost)
	}
}

// TestTokens: an access token is got once, and anew when it is not taken any more; the
// client's secret goes to its own address alone.
func TestTokens(t *testing.T) {
	t.Parallel()
	for _, inBody := range []bool{false, true} {
		t.Run(fmt.Sprint("in the body ", inBody), func(t *testing.T) {
			t.Parallel()
			grants, refuse := 0, false
			login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				user, pass, basic := r.BasicAuth()
				if basic == inBody || !basic && (r.FormValue("client_id") != "us her" || r.FormValue("client_secret") != "s:+%") || basic && (user != "us+her" || pass != "s%3A%2B%25") || refuse {
					w.WriteHeader(http.StatusUnauthorized)
					body(`{"error":"invalid_client","error_description":"who are you"}`)(w, r)
					return
				}
				if r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "people" {
					t.Errorf("%v", r.Form)
				}
				grants++
				body(fmt.Sprintf(`{"access_token":"t%d","token_type":"Bearer","expires_in":3600}`, grants))(w, r)
			}))
			t.Cleanup(login.Close)
			h := setup(t, httpintest.Page, func(hr *httpintest.Server, c *httpin.Config) {
				hr.Token = "t1"
				c.Auth = httpauth.Auth{
					Kind: httpauth.OAuth, TokenURL: login.URL + "/token?x=in-the-query", Scope: "people", InBody: inBody,
					User: func() (string, error) { return "us her", nil }, Secret: func() (string, error) { return "s:+%", nil },
				}
			})
			h.hr.Set(staff(7))
			h.readAll()
			h.readAll()
			if grants != 1 {
				t.Errorf("%d tokens", grants)
			}
			h.hr.Lock()
			h.hr.Token = "t2"
			h.hr.Unlock()
			h.readAll()
			if grants != 2 {
				t.Errorf("%d tokens", grants)
			}
			h.hr.Lock()
			h.hr.Token = "t9"
			h.hr.Unlock()
			_, err := h.read()
			if err == nil || !strings.Contains(err.Error(), "does not take the credential") {
				t.Error(err)
			}
			refuse = true
			_, err = h.read()
			if err == nil || !strings.Contains(err.Error(), "/token gives no token (401, invalid_client): check client_id") {
				t.Error(err)
			}
			clean(t, err)
		})
	}
}
