// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/scim/scimevent"
)

// recipient is who events are pushed to.
type recipient struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // jti, as often as it came
	answer func(n int, jti string, w http.ResponseWriter)
	bad    []string // requests that are not of RFC 8935
}

func (h *house) recipient(answer func(n int, jti string, w http.ResponseWriter)) *recipient {
	h.Helper()
	r := &recipient{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		jti := open(h.T, h.signer, read(req)).ID
		r.mu.Lock()
		defer r.mu.Unlock()
		if req.Method != "POST" || req.Header.Get("Content-Type") != "application/secevent+jwt" || req.Header.Get("Accept") != "application/json" ||
			req.Header.Get("Authorization") != "Bearer s3cret" {
			r.bad = append(r.bad, req.Method)
		}
		r.got = append(r.got, jti)
		r.answer(len(r.got), jti, w)
	}))
	h.Cleanup(r.Close)
	return r
}

func (r *recipient) have() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// push runs a Pusher until until is true.
func (h *house) push(url string, until func() bool) {
	h.Helper()
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{}
	p := events.NewPusher(events.PushConfig{
		Stream: byPush, URL: url, Token: func() (string, error) { return "s3cret", nil }, Transport: transport, Store: h.db.Events(), Signer: h.signer, Bell: &h.bell, Tally: &h.tally, Log: h.logger(),
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	deadline := time.Now().Add(30 * time.Second)
	for !until() && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if !until() {
		h.Errorf("it did not come to that: %s", h.log.String())
	}
	stop()
	<-ended
	if strings.Contains(h.log.String(), "s3cret") {
		h.Error("the token is in the log")
	}
}

func accept(_ int, _ string, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }

// One at a time, in order, each once; what is queued meanwhile follows at once.
func TestPush(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.recipient(accept)
	h.queue(byPush, "c", "a")
	more := false
	h.push(r.URL, func() bool {
		if !more && len(r.have()) == 2 {
			more = true
			h.queue(byPush, "b")
		}
		return len(r.have()) == 3 && len(h.waiting(byPush)) == 0
	})
	if got := r.have(); !slices.Equal(got, []string{"c", "a", "b"}) || len(r.bad) > 0 {
		t.Errorf("%v %v", got, r.bad)
	}
	if got, want := h.tally.Of(byPush), (events.Counts{Delivered: 3}); got != want {
		t.Errorf("%+v", got)
	}
	if told := h.ledger(); len(told) != 0 {
		t.Errorf("%v", told)
	}
}

// What fails is tried again, and holds up those after it; what is refused is not, and
// the ledger says why.
func TestPushFailures(t *testing.T) {
	t.Parallel()
	refuse := func(code string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			body, _ := scimevent.DeliveryError{Code: code, Description: "told by them"}.MarshalJSON()
			_, _ = w.Write(body)
		}
	}
	status := func(code int) func(w http.ResponseWriter) { return func(w http.ResponseWriter) { w.WriteHeader(code) } }
	for name, c := range map[string]struct {
		first   func(w http.ResponseWriter)
		again   bool
		refused string
	}{
		"an outage":                {status(503), true, ""},
		"a fault":                  {status(500), true, ""},
		"unauthorized":             {status(401), true, ""},
		"not there":                {status(404), true, ""},
		"a redirect":               {func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(307) }, true, ""},
		"a connection lost":        {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true, ""},
		"our key is not known":     {refuse(scimevent.InvalidKey), true, ""},
		"we are not known":         {refuse(scimevent.AccessDenied), true, ""},
		"400 without a reason":     {status(400), true, ""},
		"the token is refused":     {refuse(scimevent.InvalidRequest), false, "invalid_request: told by them"},
		"of a reason of their own": {refuse("no_such_user"), true, ""},
		"too large":                {status(413), true, ""},
		"not to be processed":      {status(422), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			r := h.recipient(func(n int, jti string, w http.ResponseWriter) {
				if n == 1 {
					c.first(w)
					return
				}
				accept(n, jti, w)
			})
			h.queue(byPush, "a", "b")
			h.push(r.URL, func() bool { return len(h.waiting(byPush)) == 0 })
			want := []string{"a", "b"}
			if c.again {
				want = []string{"a", "a", "b"}
			}
			if got := r.have(); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			told := h.ledger()
			if c.refused == "" != (len(told) == 0) || len(told) == 1 && !strings.Contains(told[0], c.refused) {
				t.Errorf("%v", told)
			}
			counts := h.tally.Of(byPush)
			if c.again && (counts.Failed != 1 || counts.Delivered != 2) || !c.again && (counts.Refused != 1 || counts.Delivered != 1) {
				t.Errorf("%+v", counts)
			}
		})
	}
}

// A recipient that refuses everything, for good at that, is asked ever more slowly: its
// bad day does not empty the outbox.
func TestPushSlowsDownWhenRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.recipient(func(_ int, _ string, w http.ResponseWriter) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"err":"invalid_request"}`))
	})
	h.queue(byPush, "a", "b", "c", "d", "e", "f", "g", "h")
	over := time.Now().Add(2500 * time.Millisecond)
	h.push(r.URL, func() bool { return time.Now().After(over) })
	// Pauses of half a second to one, and of one to two, at least: four in this time at most.
	if got := r.have(); len(got) < 2 || len(got) > 4 || len(h.waiting(byPush)) < 4 {
		t.Errorf("%v were sent", got)
	}
}

// What an answer blames is counted for the token that it blames, and not together with
// outages: an eighth answer that is a doubtful one drops nothing.
func TestPushDoubtsAreOfOneToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{ids: []string{"a", "b"}}
		var got []string
		answers := map[string][]int{
			"a": append(slices.Repeat([]int{503}, 20), slices.Concat(slices.Repeat([]int{422, 502}, 7), []int{202})...), // 7 doubts
			"b": slices.Repeat([]int{422}, 8),
		}
		ctx, stop := context.WithCancel(t.Context())
		p := events.NewPusher(events.PushConfig{
			Stream: byPush, URL: "http://rp.example", Store: store, Signer: signer(t), Bell: &events.Bell{}, Tally: &store.tally, Log: slog.New(slog.DiscardHandler),
			Transport: trip(func(*http.Request) int {
				id := store.ids[0]
				got = append(got, id)
				status := answers[id][0]
				answers[id] = answers[id][1:]
				return status
			}),
		})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.Run(ctx)
		}()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if want := slices.Concat(slices.Repeat([]string{"a"}, 35), slices.Repeat([]string{"b"}, 8)); !slices.Equal(got, want) {
			t.Errorf("%d: %v", len(got), got)
		}
		if c, want := store.tally.Of(byPush), (events.Counts{Delivered: 1, Refused: 1, Failed: 34 + 7}); c != want || len(store.told) != 1 || !strings.Contains(store.told[0].Why, "status 422") {
			t.Errorf("%+v %+v", c, store.told)
		}
		stop()
		<-ended
	})
}

// Whoever is erased, or is dropped, while others are sent is not sent; and what goes
// while it is sent is not counted as delivered.
func TestPushSendsWhatIsQueued(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	remove := func(ids ...string) {
		h.update(func(tx events.Tx) error {
			_, err := tx.RemoveEvents(context.WithoutCancel(t.Context()), byPush, ids)
			return err
		})
	}
	r := h.recipient(func(n int, jti string, w http.ResponseWriter) {
		if n == 1 {
			remove("a", "b")
		}
		accept(n, jti, w)
	})
	h.queue(byPush, "a", "b", "c")
	h.push(r.URL, func() bool { return len(h.waiting(byPush)) == 0 && h.tally.Of(byPush).Delivered > 0 })
	if got := r.have(); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("%v", got)
	}
	if got, want := h.tally.Of(byPush), (events.Counts{Delivered: 1}); got != want {
		t.Errorf("%+v", got)
	}
}

// memory is an outbox of one stream, where time can be a test's.
type memory struct {
	events.Tx
	ids   []string
	told  []audit.Event
	tally events.Tally
}

func (m *memory) Update(_ context.Context, fn func(events.Tx) error) error { return fn(m) }
func (m *memory) View(_ context.Context, fn func(events.Tx) error) error   { return fn(m) }
func (m *memory) Now() time.Time                                           { return time.Now() }

func (m *memory) QueuedEvents(_ context.Context, s events.Stream, limit int) (out []events.Queued, err error) {
	for _, id := range m.ids[:min(limit, len(m.ids))] {
		out = append(out, events.Queued{Stream: s, ID: id, Claims: []byte(`{"jti":"` + id + `"}`)})
	}
	return out, nil
}

func (m *memory) RemoveEvents(_ context.Context, _ events.Stream, ids []string) (removed []string, err error) {
	m.ids = slices.DeleteFunc(m.ids, func(id string) bool {
		if slices.Contains(ids, id) {
			removed = append(removed, id)
			return true
		}
		return false
	})
	return removed, nil
}

func (m *memory) AppendEvents(_ context.Context, list []audit.Event) error {
	m.told = append(m.told, list...)
	return nil
}

// trip answers requests with a status.
type trip func(r *http.Request) int

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: t(r), Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// Who asks for time gets it.
func TestPushWaitsAsAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var times []time.Time
	r := h.recipient(func(n int, jti string, w http.ResponseWriter) {
		times = append(times, time.Now())
		if n == 1 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		accept(n, jti, w)
	})
	h.queue(byPush, "a")
	h.push(r.URL, func() bool { return len(h.waiting(byPush)) == 0 })
	if len(times) != 2 || times[1].Sub(times[0]) < 2*time.Second {
		t.Errorf("%v", times)
	}
}

// A recipient that is not there, or does not answer, costs nothing but time, and the
// end waits for neither.
func TestPushEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hang := make(chan struct{})
	asked := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = read(r)
		asked <- struct{}{}
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hang)
	h.queue(byPush, "a")
	began := time.Now()
	seen := false
	h.push(s.URL, func() bool {
		select {
		case <-asked:
			seen = true
		default:
		}
		return seen
	})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the end took %s", took)
	}
	if left := h.waiting(byPush); !slices.Equal(left, []string{"a"}) {
		t.Errorf("%v", left)
	}
}
