// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim/scimtest"
)

// TestFaults takes a real HR export into an app that lets a twentieth of all
// requests fail, half of the writes among them after they took effect, and that
// would take duplicates. The end is the same as with an app that never fails.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes of real requests")
	}
	t.Parallel() // it mostly waits as long as the app asks for
	hr := filepath.Join(testenv.Shared(t), "data", "hr")
	// All ways to fail, those less often that make everybody wait for a second.
	rest := []scimtest.Kind{scimtest.Unavailable, scimtest.ServerError, scimtest.BadGateway, scimtest.Reset, scimtest.TimeOut}
	kinds := append(slices.Repeat(rest, 4), scimtest.TooManySeconds, scimtest.TooManyDate, scimtest.UnavailableLater)
	schedule := scimtest.Seeded(20261123, 0.05, 0.5, kinds...)
	app := newFake(t, scimtest.Config{Quirks: scimtest.Quirks{AllowDuplicates: true}, Faults: schedule}, nil)
	u := newUsher(t, app.base, app.token)
	want, known := expectation{}, &names{}
	for _, day := range []string{"day1.csv", "day2.csv"} {
		file := filepath.Join(hr, day)
		workers := readHR(t, file, nil)
		known.give(workers)
		want.follow(workers, known)
		r := u.report(t, 0, file, "apply", "--wait", "10m")
		t.Logf("%s: %.1f s, %d requests", day, r.Seconds, r.Apps["app"].Requests)
		want.compare(t, app.dump())
	}
	t.Logf("faults: %v", schedule.Done())
	lost := schedule.Done()[scimtest.AnswerLost]
	total := 0
	for _, n := range schedule.Done() {
		total += n
	}
	if requests := app.Counts().Total(); total*100 < 4*requests || lost*100 < 35*total {
		t.Errorf("%d faults in %d requests, %d answers lost: that is no test of 5 %%", total, requests, lost)
	}
	app.ResetCounts()
	u.report(t, 0, filepath.Join(hr, "day2.csv"), "apply")
	if n := app.Counts().Total(); n != 0 {
		t.Errorf("a cycle after a finished cycle sent %d requests", n)
	}
	u.run(t, 0, filepath.Join(hr, "day2.csv"), "audit", "verify")
	tell(t, u.store, app)
}

// tell compares the ledger's events with what really happened at the app, effect
// by effect.
func tell(t *testing.T, store string, app *fake) {
	t.Helper()
	did := app.effects()
	for kind, n := range map[string]int{
		"account.created": did["create User"], "account.disabled": did["disable User"], "group.created": did["create Group"],
		"member.added": did["member_add Group"], "member.removed": did["member_remove Group"], "account.adopted": 0,
	} {
		var told int
		query(t, store, `SELECT count(*) FROM ledger WHERE kind = '`+kind+`'`, &told)
		if told != n {
			t.Errorf("the ledger has %d events %s, and it happened %d times", told, kind, n)
		}
	}
}
