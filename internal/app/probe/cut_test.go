// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app/probe"
	"github.com/usher-id/usher/scim/scimtest"
)

// cut is a way in which a run goes wrong at one of its requests, or from it on.
type cut struct {
	name  string
	kind  scimtest.Kind
	after bool // and with all that follow
	each  int  // 1: at every request, 7: at every seventh
}

// TestCut: whatever goes wrong at whichever request, no canary is there after the run
// that it does not name, the next run removes those, nobody else is written to, and
// nothing is said of the app that is not so.
func TestCut(t *testing.T) {
	t.Parallel()
	whole, _ := probed(t, scimtest.Quirks{}, 50)
	for _, c := range []cut{
		{"answer lost", scimtest.AnswerLost, false, 1},
		{"500", scimtest.ServerError, false, 1},
		{"closed for good", scimtest.Reset, true, 1},
		{"closed", scimtest.Reset, false, 7},
		{"500 after the write", scimtest.ErrorAfter, false, 7},
		{"lost and closed for good", scimtest.AnswerLost, true, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for k := 1; k <= whole.Requests && !t.Failed(); k += c.each * rarely(11) {
				synctest.Test(t, func(t *testing.T) { c.at(t, k) }) // no time passes while a run waits
			}
		})
	}
}

// TestCutOfApps: the same of apps that are otherwise, at some of their requests; what
// cannot be removed there is named by the next run as well.
func TestCutOfApps(t *testing.T) {
	t.Parallel()
	c := cut{name: "closed for good", kind: scimtest.AnswerLost, after: true}
	for i, id := range scimtest.Apps() {
		if i%rarely(4) > 0 {
			continue
		}
		q, _ := scimtest.QuirksOf(id)
		for j, k := range []int{6, 9, 13, 21, 34, 55, 76, 89, 103, 115} {
			if (i+j)%3 > 0 || k%rarely(3) > 0 { // each app at a third of them, and each of them at a third of the apps
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, q, 50)
				before := len(a.Ledger())
				a.SetFaults(c.from(k))
				first, err := run(t, a)
				if err == nil && first.Requests >= k {
					t.Errorf("%s, request %d: no error", id, k)
				}
				named(t, k, a, first)
				a.SetFaults(nil)
				second, err := run(t, a)
				if err != nil {
					t.Errorf("%s, request %d: the next run: %v", id, k, err)
				}
				named(t, k, a, second)
				ours(t, a, before)
				if t.Failed() {
					t.Logf("%s, request %d", id, k)
				}
			})
		}
	}
}

// rarely is n where tests are to be short, as under the race detector, and 1 elsewhere.
func rarely(n int) int {
	if testing.Short() {
		return n
	}
	return 1
}

// from is a schedule in which the k-th request goes wrong.
func (c cut) from(k int) *scimtest.Schedule {
	n := 0
	return scimtest.Rules(scimtest.Rule{
		Match: func(scimtest.Operation) bool {
			n++
			return n == k || c.after && n > k
		},
		Fault: scimtest.Fault{Kind: c.kind},
	})
}

func (c cut) at(t *testing.T, k int) {
	t.Helper()
	a := newApp(t, scimtest.Quirks{}, 50)
	before := len(a.Ledger())
	a.SetFaults(c.from(k))
	first, err := run(t, a)
	named(t, k, a, first)
	if err == nil && (len(first.Left) > 0 || len(first.Deviations) > 0 || c.after) {
		t.Errorf("request %d: no error, and %v %v", k, first.Left, first.Deviations)
	}
	if err != nil && len(first.Deviations) > 0 {
		t.Errorf("request %d: %v", k, first.Deviations)
	}
	ours(t, a, before)
	if a.SetFaults(nil); err == nil {
		clean(t, a)
		return
	}
	second, err := run(t, a)
	if err != nil || len(second.Left) > 0 || len(second.Deviations) > 0 {
		t.Errorf("request %d: the next run: %v, %v, %v", k, err, second.Left, second.Deviations)
	}
	clean(t, a)
	ours(t, a, before)
	if t.Failed() {
		t.Logf("request %d: %v", k, err)
	}
}

func run(t *testing.T, a *scimtest.App) (*probe.Report, error) {
	t.Helper()
	return probe.Run(t.Context(), probe.Config{
		BaseURL: "https://app.example" + scimtest.Base, Token: "canary", HTTP: &http.Client{Transport: direct{a}},
	})
}

// direct asks an app without a network between.
type direct struct{ app http.Handler }

func (d direct) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if recover() != nil { // the app has closed the connection
			res, err = nil, io.ErrUnexpectedEOF
		}
	}()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.app.ServeHTTP(w, in)
	return w.Result(), nil
}

// named: each canary that is still there is in the report.
func named(t *testing.T, k int, a *scimtest.App, r *probe.Report) {
	t.Helper()
	for _, x := range slices.Concat(a.Users(), a.Groups()) {
		name := x.UserName()
		if x.ResourceType() == "Group" {
			name = x.DisplayName()
		}
		if !strings.HasPrefix(strings.ToLower(name), probe.Prefix) {
			continue
		}
		if !slices.ContainsFunc(r.Left, func(c probe.Canary) bool { return c.ID == x.ID() || c.ID == "" && strings.EqualFold(c.Name, name) }) {
			t.Errorf("request %d: %s is there, and not named: %v", k, x, r.Left)
		}
	}
}

// ours: whatever was written since is a canary.
func ours(t *testing.T, a *scimtest.App, since int) {
	t.Helper()
	mine := map[string]bool{}
	for _, e := range a.Ledger()[since:] {
		if e.Op == scimtest.Created {
			mine[e.ID] = true
			if !strings.HasPrefix(strings.ToLower(e.Name), probe.Prefix) {
				t.Errorf("made under another name: %+v", e)
			}
		}
		if !mine[e.ID] {
			t.Errorf("written to somebody else: %+v", e)
		}
	}
}

// TestInterrupted: the end of the context ends the run, and not the removal.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, k := range []int{5, 12, 40, 90} {
		a := newApp(t, scimtest.Quirks{}, 50)
		base, stop, err := scimtest.Listen(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		r, err := probe.Run(ctx, probe.Config{BaseURL: base, Token: "canary", HTTP: &http.Client{}, Told: func() {
			if n++; n == k {
				cancel()
			}
		}})
		if err == nil || r.Complete || len(r.Left) > 0 {
			t.Errorf("interrupted at %d: %v, %v", k, err, r)
		}
		if !strings.Contains(err.Error(), "canceled") {
			t.Errorf("interrupted at %d: %v", k, err)
		}
		clean(t, a)
		ours(t, a, 50)
		stop()
	}
}

// TestInterruptedAtAQuestion: whoever is asked while a canary is there, and interrupts
// instead of an answer, has said no: it is removed, or named where it cannot be.
func TestInterruptedAtAQuestion(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]scimtest.Quirks{"final": {DeleteIsFinal: true}, "kept": {DeleteDisables: true}} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, q, 5)
			before := len(a.Ledger())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, err := probe.Run(ctx, probe.Config{
				BaseURL: "https://app.example" + scimtest.Base, Token: "canary", HTTP: &http.Client{Transport: direct{a}},
				Ask: func(ctx context.Context, q probe.Question) (bool, error) {
					if q.Leave {
						cancel()
						<-ctx.Done()
					}
					return !q.Leave, nil
				},
			})
			if !errors.Is(err, probe.ErrDeclined) {
				t.Errorf("%s: %v", name, err)
			}
			if name == "kept" && (len(r.Left) != 1 || r.Left[0].State != "inactive") || name == "final" && len(r.Left) > 0 {
				t.Errorf("%s: %+v", name, r.Left)
			}
			named(t, 0, a, r)
			ours(t, a, before)
		})
	}
}

// TestHostile: whatever an endpoint answers, a run ends, within its bounds and without
// a panic, and says of everything that may be there that it is.
func TestHostile(t *testing.T) {
	t.Parallel()
	bodies := []string{
		"", "{}", "[]", "null", "{", `{"id":"1"}`, `{"id":""}`, `{"id":7,"userName":{}}`, `{"id":"1","userName":"a","active":"no"}`,
		`{"id":"../Groups/2","userName":"usher-probe-aaaa-b"}`, `{"totalResults":-1,"Resources":[null,1,{}]}`,
		`{"totalResults":1e9,"Resources":[{"id":"1","userName":"usher-probe-aaaa-b","externalId":"usher-probe-aaaa-b"}],"nextCursor":"x"}`,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"uniqueness","detail":"\u001b[31m"}`,
		`{"id":"1","members":"x","emails":{},"name":[],"meta":7,"urn:x:y":{"a":1}}`, "<html></html>",
	}
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.SliceOfN(rapid.IntRange(0, 1<<16), 40, 40).Draw(rt, "answers")
		n := 0
		odd := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			x := seed[n%len(seed)] + n/len(seed)
			n++
			status := []int{200, 200, 200, 201, 201, 204, 400, 404, 405, 409, 403, 500, 302}[x%13]
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			if status != http.StatusNoContent {
				_, _ = io.WriteString(w, bodies[x/13%len(bodies)]) // nobody is there to be told
			}
		})
		synctest.Test(t, func(t *testing.T) {
			r, err := probe.Run(t.Context(), probe.Config{BaseURL: "https://app.example/scim/v2", HTTP: &http.Client{Transport: direct{odd}}})
			if r == nil || n > 1500 || r.Requests != n || err == nil && !r.Complete {
				rt.Errorf("%d requests, %v, %+v", n, err, r)
			}
			for _, d := range r.Deviations {
				if strings.ContainsFunc(d, func(c rune) bool { return c < ' ' }) {
					rt.Errorf("%q", d)
				}
			}
		})
	})
}
