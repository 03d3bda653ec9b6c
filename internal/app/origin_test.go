// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
)

// answering is an app that counts what reaches it, and answers with an error.
type answering struct {
	app.App
	err error
	n   int
}

func (a *answering) Get(context.Context, app.Kind, string) (app.Answer, error) {
	a.n++
	return app.Answer{}, a.err
}

// Apps at one scheme, host and port, however it is spelt, keep within the smallest of
// their rates together; one at another port, or by another scheme, has its own.
func TestOriginsShareARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o app.Origins
		inner := &counted{}
		at := map[string]app.App{}
		for address, perSecond := range map[string]float64{
			"https://api.example/scim/a": 4, "HTTPS://API.example:443/scim/b#x": 1, "https://api.example./": 0,
			"https://api.example:8443/scim": 0, "http://api.example/scim": 0, "no address": 0,
		} {
			at[address] = o.Share(inner, address, perSecond)
		}
		take := func(address string, n int) time.Duration {
			start := time.Now()
			for range n {
				if _, err := at[address].Get(t.Context(), app.KindUser, "1"); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(start)
		}
		var all time.Duration
		for _, address := range []string{"https://api.example/scim/a", "HTTPS://API.example:443/scim/b#x", "https://api.example./"} {
			all += take(address, 3)
		}
		if all != 8*time.Second { // the first at once, then one a second
			t.Errorf("9 requests of three apps took %v, want 8s", all)
		}
		for _, address := range []string{"https://api.example:8443/scim", "http://api.example/scim", "no address"} {
			if took := take(address, 9); took != 0 {
				t.Errorf("%s waits %v for its neighbours", address, took)
			}
		}
	})
}

// Whoever is told that it is too much says so for all at the same origin, until the time
// that it was told, and no longer. A failure is the app's alone.
func TestOriginsShareAPause(t *testing.T) {
	const minute = time.Minute
	for name, c := range map[string]struct {
		answer *app.Error
		pause  time.Duration // of the neighbour
	}{
		"429":                 {&app.Error{Class: app.Retry, Status: 429, RetryAfter: minute}, minute},
		"429 without a time":  {&app.Error{Class: app.Retry, Status: 429}, time.Second},
		"429 for a whole day": {&app.Error{Class: app.Retry, Status: 429, RetryAfter: 24 * time.Hour}, 24 * time.Hour},
		"403 that means it":   {&app.Error{Class: app.Retry, Status: 403, RetryAfter: minute}, minute},
		"kept back":           {&app.Error{Class: app.Retry, RetryAfter: minute}, minute},
		"503 with a time":     {&app.Error{Class: app.Retry, Status: 503, RetryAfter: minute}, 0},
		"500":                 {&app.Error{Class: app.Ambiguous, Status: 500}, 0},
		"no connection":       {&app.Error{Class: app.Unreachable}, 0},
		"412":                 {&app.Error{Class: app.Precondition, Status: 412, RetryAfter: minute}, 0},
		"401":                 {&app.Error{Class: app.Unauthorized, Status: 401}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o app.Origins
				told, next, far := &answering{err: c.answer}, &answering{}, &answering{}
				one, two := o.Share(told, "https://api.example/a", 0), o.Share(next, "https://api.example/b", 0)
				other := o.Share(far, "https://api.example:444/c", 0)
				get := func(a app.App) *app.Error {
					_, err := a.Get(t.Context(), app.KindUser, "1")
					return app.Classify(err)
				}
				if e := get(one); e.Class != c.answer.Class {
					t.Fatal(e)
				}
				if _ = get(other); far.n != 1 {
					t.Error("an app elsewhere waits")
				}
				if c.pause == 0 {
					if _ = get(two); next.n != 1 {
						t.Error("the neighbour was not sent to")
					}
					return
				}
				e := get(two)
				if next.n != 0 || e == nil || e.Class != app.Retry || e.RetryAfter != c.pause {
					t.Fatalf("the neighbour was sent to %d times: %+v", next.n, e)
				}
				time.Sleep(c.pause - time.Millisecond)
				if _ = get(two); next.n != 0 {
					t.Error("the neighbour was sent to before the time")
				}
				time.Sleep(time.Millisecond)
				if _ = get(two); next.n != 1 {
					t.Error("the pause outlasts its time")
				}
			})
		})
	}
}

// An app that is alone keeps its own time: its client may wait by itself.
func TestOriginOfOne(t *testing.T) {
	t.Parallel()
	var o app.Origins
	inner := &answering{err: &app.Error{Class: app.Retry, Status: 429, RetryAfter: time.Hour}}
	a := o.Share(inner, "https://api.example/", 0)
	for range 2 {
		_, _ = a.Get(t.Context(), app.KindUser, "1")
	}
	if inner.n != 2 {
		t.Errorf("%d requests, want 2", inner.n)
	}
}

type answer http.Response

func (a *answer) RoundTrip(*http.Request) (*http.Response, error) { return (*http.Response)(a), nil }

// What a client hears and keeps to itself is heard all the same.
func TestOriginsHearThroughATransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for text, want := range map[string]time.Duration{
			"90":                            90 * time.Second,
			"Sat, 01 Jan 2000 00:02:00 GMT": 2 * time.Minute, // synctest's clock begins with that year
			"99999999999999999999":          24 * time.Hour,
			"-3":                            time.Second,
			"soon":                          time.Second,
			"":                              time.Second,
		} {
			var o app.Origins
			next := &answering{}
			o.Share(next, "https://api.example/a", 0)
			two := o.Share(next, "https://api.example/b", 0)
			began := time.Now()
			header := http.Header{"Retry-After": {text}}
			if text == "Sat, 01 Jan 2000 00:02:00 GMT" {
				header.Set("Date", "Sat, 01 Jan 2000 00:00:00 GMT") // by its own clock
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/v1/users", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			res, err := o.Through(&answer{StatusCode: http.StatusTooManyRequests, Header: header, Body: http.NoBody}).RoundTrip(req)
			if err != nil || res.Body.Close() != nil {
				t.Fatal(err)
			}
			_, err = two.Get(t.Context(), app.KindUser, "1")
			e, ok := errors.AsType[*app.Error](err)
			if !ok || next.n != 0 || e.RetryAfter != want || time.Since(began) != 0 {
				t.Errorf("%q: %v, want a pause of %v", text, err, want)
			}
		}
	})
}
