// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0"
)

// window is a limit of some requests a second.
type window struct {
	mu      sync.Mutex
	limit   int
	begin   time.Time
	used    int
	refused int
	taken   int
}

func (l *window) take(w http.ResponseWriter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now().Truncate(time.Second); now.After(l.begin) {
		l.begin, l.used = now, 0
	}
	l.used++
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(l.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, l.limit-l.used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(l.begin.Add(time.Second).Unix(), 10))
	if l.used > l.limit {
		l.refused++
		answer(w, http.StatusTooManyRequests, `{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}`)
		return false
	}
	l.taken++
	return true
}

// TestPace holds that many callers of a client keep within a tenant's limit, and are
// as fast as it allows.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := &window{limit: 10}
		c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(20 * time.Millisecond)
			if limit.take(w) {
				answer(w, http.StatusOK, alice)
			}
		})})
		start := time.Now()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 25 {
					if _, err := c.User(t.Context(), "auth0|a"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		if limit.taken != 400 || limit.refused > 10 || took > 45*time.Second {
			t.Errorf("%d taken, %d refused in %v: at 10 a second 400 take 40 s", limit.taken, limit.refused, took)
		}
	})
}

// TestTooManyRequests holds that a write is sent again after a 429, when it says.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set  func(http.Header)
		wait time.Duration
	}{
		"seconds":  {func(h http.Header) { h.Set("Retry-After", "7") }, 7 * time.Second},
		"fraction": {func(h http.Header) { h.Set("Retry-After", "1.5") }, 1500 * time.Millisecond},
		"date":     {func(h http.Header) { h.Set("Retry-After", time.Now().Add(9*time.Second).UTC().Format(http.TimeFormat)) }, 9 * time.Second},
		"their clock": {func(h http.Header) {
			h.Set("Retry-After", "Mon, 02 Jan 2006 15:04:10 GMT")
			h.Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT")
		}, 5 * time.Second},
		"reset": {func(h http.Header) {
			h.Set("X-RateLimit-Remaining", "0")
			h.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Unix()+3, 10))
		}, 3 * time.Second},
		"no word":      {func(http.Header) {}, time.Second},
		"negative":     {func(h http.Header) { h.Set("Retry-After", "-5") }, time.Second},
		"not a number": {func(h http.Header) { h.Set("Retry-After", "NaN") }, time.Second},
		"reset by their clock": {func(h http.Header) {
			h.Set("X-RateLimit-Remaining", "0")
			h.Set("X-RateLimit-Reset", "1136214252") // 2006-01-02 15:04:12
			h.Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT")
		}, 7 * time.Second},
		"beyond reason": {func(h http.Header) { h.Set("Retry-After", "1e300") }, 24 * time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: inMemory(func(w http.ResponseWriter, _ *http.Request) {
				if n++; n == 1 {
					tc.set(w.Header())
					answer(w, http.StatusTooManyRequests, `{"errorCode":"too_many_requests","message":"x"}`)
					return
				}
				answer(w, http.StatusCreated, alice)
			})})
			start := time.Now()
			if _, err := c.CreateUser(t.Context(), auth0.UserChange{Connection: "db"}); err != nil || n != 2 {
				t.Errorf("%s: %v after %d", name, err, n)
			}
			if got := time.Since(start); got != tc.wait {
				t.Errorf("%s: waited %v, want %v", name, got, tc.wait)
			}
		})
	}
}

// TestLimitPastDeadline holds that nobody waits in vain, and is told for how long to.
func TestLimitPastDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			n++
			w.Header().Set("Retry-After", "60")
			answer(w, http.StatusTooManyRequests, `{"errorCode":"too_many_requests","message":"x"}`)
		})})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		e := failure(t, c.DeleteUser(ctx, "u"))
		if e.Status != http.StatusTooManyRequests || e.RetryAfter != time.Minute {
			t.Errorf("%v, %v", e, e.RetryAfter)
		}
		err := c.DeleteUser(ctx, "v")
		e = failure(t, err)
		if !e.Unsent || e.Status != 0 || e.RetryAfter != time.Minute || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, unsent %v, %v", e, e.Unsent, e.RetryAfter)
		}
		if n != 1 || time.Since(start) != 0 {
			t.Errorf("%d requests, %v", n, time.Since(start))
		}
		// Who has time waits, and stops when told to.
		early, stop := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, stop)
		if err := c.DeleteUser(early, "u"); !errors.Is(err, context.Canceled) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestUnavailable holds that a read is tried again while a gateway says that nobody is
// there, and that a write is not.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	for status, again := range map[int]bool{500: false, 501: false, 502: true, 503: true, 504: true} {
		synctest.Test(t, func(t *testing.T) {
			n, fail := 0, 3
			c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: inMemory(func(w http.ResponseWriter, _ *http.Request) {
				if n++; n <= fail {
					answer(w, status, `{}`)
					return
				}
				answer(w, http.StatusOK, alice)
			})})
			start := time.Now()
			_, err := c.User(t.Context(), "auth0|a")
			if want := map[bool]int{true: 4, false: 1}[again]; (err == nil) != again || n != want {
				t.Errorf("%d: a read: %v after %d", status, err, n)
			}
			if took := time.Since(start); again && (took < time.Second || took > 5*time.Second) {
				t.Errorf("%d: %v", status, took)
			}
			if n, fail = 0, 99; again {
				if _, err = c.User(t.Context(), "auth0|a"); failure(t, err).Status != status || n != 4 {
					t.Errorf("%d: a read: %v after %d", status, err, n)
				}
			}
			n = 0
			_, err = c.UpdateUser(t.Context(), "auth0|a", auth0.UserChange{})
			if failure(t, err).Status != status || n != 1 {
				t.Errorf("%d: a write: %v after %d", status, err, n)
			}
		})
	}
}

// TestAbsurdReset holds that one odd header does not put everybody to sleep for long,
// nor hold them back one by one for ever.
func TestAbsurdReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd := true
		c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			if h.Set("X-RateLimit-Remaining", "100"); odd {
				h.Set("X-RateLimit-Remaining", "0")
				h.Set("X-RateLimit-Reset", "253402300799") // at the end of the year 9999
			} else {
				h.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Unix()+1, 10))
				time.Sleep(time.Second)
			}
			answer(w, http.StatusOK, alice)
		})})
		use := func() {
			if _, err := c.User(t.Context(), "auth0|a"); err != nil {
				t.Error(err)
			}
		}
		start := time.Now()
		use()
		odd = false
		use()
		if took := time.Since(start); took != 5*time.Minute+time.Second {
			t.Errorf("waited %v", took)
		}
		start = time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(use)
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("50 at once took %v", took)
		}
	})
}
