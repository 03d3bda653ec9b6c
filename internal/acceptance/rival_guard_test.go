// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim/scimtest"
)

// rivalGuard: 60 of 100 are gone by what was done at the tenant. Nobody is disabled, and
// a release is for the very set that was shown. Whom an export lacks that was cut short
// is asked for, and there.
func rivalGuard(t *testing.T) {
	t.Run("one by one", trickle)
	t.Run("an export cut short", func(t *testing.T) { lies(t, auth0test.ExportShort, 300) })
	t.Run("an export without a line", func(t *testing.T) { lies(t, auth0test.ExportEmpty, 600) })
	for name, c := range map[string]struct {
		people, gone int
		cause        string
		happens      func(r *rival, ids []string) error // to those who go
	}{
		"blocked": {100, 60, "termination", func(r *rival, ids []string) error { return each(ids, r.tenant.Block) }},
		"deleted": {100, 60, "termination", func(r *rival, ids []string) error { return each(ids, r.tenant.Remove) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRival(t, nil, rivalApp{name: "wiki"})
			r.load(c.people)
			r.apply(0)
			users := r.tenant.Users()
			ids := make([]string, c.gone)
			for i := range ids {
				ids[i] = users[i].ID
			}
			r.must(c.happens(r, ids))
			r.apps["wiki"].ResetCounts()
			rep := r.apply(3)
			if len(rep.Holds) != 1 || rep.Holds[0].Cause != c.cause || rep.Holds[0].Count != c.gone || rep.Apps["wiki"].Held != c.gone {
				t.Fatalf("%+v", rep)
			}
			r.sent("wiki", scimtest.Counts{})
			if n := len(r.live("wiki")); n != c.people {
				t.Errorf("%d are active", n)
			}
			// One more than was shown: that set was agreed to by nobody.
			stale := rep.Holds[0].ID
			r.must(c.happens(r, []string{users[c.gone].ID}))
			if rep = r.apply(3, "--release-hold", stale); rep.Holds[0].ID == stale || rep.Holds[0].Count != c.gone+1 {
				t.Errorf("%+v", rep)
			}
			r.sent("wiki", scimtest.Counts{})
			rep = r.apply(0, "--release-hold", rep.Holds[0].ID)
			var left []string
			for _, u := range users[c.gone+1:] {
				left = append(left, strings.TrimSuffix(u.Email, "@acme.example"))
			}
			r.sees("wiki", left...)
			if rep.Apps["wiki"].Disable != c.gone+1 || len(r.happened("wiki", scimtest.Disabled)) != c.gone+1 {
				t.Errorf("%+v", rep.Apps["wiki"])
			}
		})
	}
}

// lies has an export lack so many of 600 people. Each is asked for by id, and none of
// them loses anything.
func lies(t *testing.T, kind auth0test.Kind, lacking int) {
	t.Parallel()
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.load(600)
	r.apply(0)
	r.apps["wiki"].ResetCounts()
	r.tenant.ResetCounts()
	r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: http.MethodPost, Path: "/jobs/users-exports", Fault: auth0test.Fault{Kind: kind}}))
	if rep := r.apply(0); len(rep.Holds) != 0 {
		t.Errorf("%+v", rep)
	}
	r.sent("wiki", scimtest.Counts{})
	if n := len(r.live("wiki")); n != 600 {
		t.Errorf("%d are active", n)
	}
	if n := r.tenant.Counts()["GET /users/:id"]; n != lacking {
		t.Errorf("%d were asked for", n)
	}
}

// trickle has people blocked one after the other while usher serve follows the stream:
// each is acted upon by itself, and together they are too many all the same.
func trickle(t *testing.T) {
	t.Parallel()
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.load(100)
	r.edit("changes: none", "changes: stream")
	r.serve()
	r.until("all are there", func() bool { return len(r.live("wiki")) == 100 && r.tenant.OpenStreams() == 1 })
	for _, u := range r.tenant.Users()[:15] {
		r.must(r.tenant.Block(u.ID))
		time.Sleep(300 * time.Millisecond) // more than a wave's own silence; an import works through its file
	}
	var status struct {
		Holds []struct {
			ID    string
			Count int
		}
	}
	r.until("each is out, or held", func() bool {
		status.Holds = nil
		r.asks(&status, 0, "status")
		return len(status.Holds) == 1 && status.Holds[0].Count+100-len(r.live("wiki")) == 15
	})
	if n := len(r.live("wiki")); n < 90 || n == 100 { // the larger of 10 and 5 % pass
		t.Errorf("%d of 100 are active", n)
	}
	r.apply(0, "--release-hold", status.Holds[0].ID)
	r.until("those who were agreed to are out", func() bool { return len(r.live("wiki")) == 85 })
}

func each(ids []string, do func(id string) error) error {
	for _, id := range ids {
		if err := do(id); err != nil {
			return err
		}
	}
	return nil
}
