// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

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
			for k := 1; k <= whole.Requests && !t.Failed(); k += c.each {
				synctest.Test(t, func(t *testing.T) { c.at(t, k) }) // no time passes while a run waits
			}
		})
	}
}

func (c cut) at(t *testing.T, k int) {
	t.Helper()
	a := newApp(t, scimtest.Quirks{}, 50)
	before := len(a.Ledger())
	n, stopped := 0, false
	a.SetFaults(scimtest.Rules(scimtest.Rule{
		Match: func(scimtest.Operation) bool {
			n++
			stopped = stopped || n == k
			return n == k || c.after && n > k
		},
		Fault: scimtest.Fault{Kind: c.kind},
	}))
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
