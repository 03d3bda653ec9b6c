// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

// TestRealInput takes a real HR export of 22,214 people through its first day,
// its second, and its bad days, into a SCIM server that we did not write.
func TestRealInput(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes of real requests")
	}
	t.Parallel()
	hr := filepath.Join(testenv.Shared(t), "data", "hr")
	app := testenv.Scimmy(t, testenv.ScimmyOptions{LogRequests: true})
	u := newUsher(t, app.BaseURL, app.Token)
	day1, day2 := filepath.Join(hr, "day1.csv"), filepath.Join(hr, "day2.csv")
	want, known := expectation{}, &names{}

	workers := readHR(t, day1, nil)
	known.give(workers)
	want.follow(workers, known)
	if want.active() != 19_292 {
		t.Fatalf("the oracle counts %d employed people on day 1, want 19,292", want.active())
	}

	t.Run("a plan changes nothing", func(t *testing.T) {
		r := u.report(t, 0, day1, "plan")
		if a := r.Apps["app"]; a.Create != 19_292 || a.MemberAdd != 19_292 || a.GroupCreate != 13 {
			t.Errorf("plan: %+v", a)
		}
		if c := app.Counts(t); c.Writes() != 0 {
			t.Errorf("a plan wrote: %v", c)
		}
	})
	t.Run("day 1", func(t *testing.T) {
		app.ResetCounts(t)
		r := u.report(t, 0, day1, "apply")
		want.compare(t, app.Dump(t))
		if a := r.Apps["app"]; a.Create != 19_292 || a.Disable != 0 || r.People["total"] != 22_214 || r.People["leaver"] != 2_922 {
			t.Errorf("apply: %+v, people %v", a, r.People)
		}
		if c := app.Counts(t); c["POST /Users"] != 19_292 || c["POST /Groups"] != 13 || c["PATCH /Users/:id"] != 0 || c.Total() != r.Apps["app"].Requests {
			t.Errorf("requests: %v, reported %d", c, r.Apps["app"].Requests)
		}
	})
	quiet := func(name, file string) {
		t.Run(name, func(t *testing.T) {
			app.ResetCounts(t)
			r := u.report(t, 0, file, "apply")
			if c := app.Counts(t); c.Total() != 0 || r.Apps["app"].Requests != 0 {
				t.Errorf("a quiet cycle sent %v", c)
			}
			want.compare(t, app.Dump(t))
		})
	}
	quiet("quiet after day 1", day1)
	held := func(name, file, cause string, count int) {
		t.Run(name, func(t *testing.T) {
			before := disabled(app.Dump(t))
			r := u.report(t, 3, file, "plan")
			if len(r.Holds) != 1 || r.Holds[0].Cause != cause || r.Apps["app"].Held != count {
				t.Errorf("plan: holds %+v, held %d, want %d by %s", r.Holds, r.Apps["app"].Held, count, cause)
			}
			r = u.report(t, 3, file, "apply")
			if len(r.Holds) != 1 || r.Holds[0].Cause != cause || r.Holds[0].Count != count || r.Apps["app"].Disable > 150 {
				t.Errorf("apply: holds %+v, %+v", r.Holds, r.Apps["app"])
			}
			want.compare(t, app.Dump(t))
			if after := disabled(app.Dump(t)); cause == "absent" && file == filepath.Join(hr, "empty.csv") && after != before {
				t.Errorf("%d accounts are disabled, were %d", after, before)
			}
		})
	}
	// The rows that a truncated file does hold are taken as they are.
	truncated := filepath.Join(hr, "truncated.csv")
	workers = readHR(t, truncated, nil)
	known.give(workers)
	gone := 0
	for id, a := range want {
		if _, there := workers[id]; !there && a.active {
			gone++
		}
	}
	want.follow(workers, known)
	held("truncated", truncated, "absent", gone)
	held("empty", filepath.Join(hr, "empty.csv"), "absent", want.active())

	t.Run("day 2", func(t *testing.T) {
		before := map[string]account{}
		for id, a := range want {
			before[id] = a
		}
		workers := readHR(t, day2, nil)
		known.give(workers)
		want.follow(workers, known)
		app.ResetCounts(t)
		r := u.report(t, 0, day2, "apply")
		want.compare(t, app.Dump(t))
		changed, leavers, joiners := 0, 0, 0
		for id, a := range want {
			b, had := before[id]
			switch {
			case !had:
				joiners++
			case b.active && !a.active:
				leavers++
			case a != b:
				changed++
			}
		}
		c := app.Counts(t)
		if c["POST /Users"] != joiners || c["PATCH /Users/:id"] != changed+leavers || c["GET /Users/:id"] != leavers {
			t.Errorf("requests: %v; want %d creates, %d updates, %d deactivations each with one read-back", c, joiners, changed, leavers)
		}
		a := r.Apps["app"]
		if most := 2*13 + (a.MemberAdd+a.MemberRemove)/100 + 1; c["PATCH /Groups/:id"] > most {
			t.Errorf("%d membership requests for %d changes, want at most %d", c["PATCH /Groups/:id"], a.MemberAdd+a.MemberRemove, most)
		}
		if c.Total() != c["POST /Users"]+c["PATCH /Users/:id"]+c["GET /Users/:id"]+c["PATCH /Groups/:id"]+c["POST /Groups"] {
			t.Errorf("other requests than these were sent: %v", c)
		}
	})
	quiet("quiet after day 2", day2)
	t.Run("dirty", func(t *testing.T) {
		dirty := filepath.Join(hr, "dirty.csv")
		seen := map[string]int{}
		readHR(t, dirty, func(c map[string]string) bool { seen[c["id"]]++; return true })
		workers := readHR(t, dirty, func(c map[string]string) bool {
			return c["id"] == "" || seen[c["id"]] > 1 || c["hire_date"] == "not a date" || len(c["department"]) > 4096 ||
				strings.ContainsRune(c["first_name"]+c["last_name"], '\u202e')
		})
		known.give(workers)
		want.follow(workers, known)
		r := u.report(t, 4, dirty, "apply")
		if r.RejectedRows != 51 || len(r.Holds) != 0 || r.Apps["app"].Disable != 0 || r.People["missing"] != 0 {
			t.Errorf("apply: %d rejected, %+v, %v", r.RejectedRows, r.Apps["app"], r.People)
		}
		want.compare(t, app.Dump(t))
	})
	t.Run("everybody's end date is yesterday", func(t *testing.T) {
		rows := readHR(t, day2, nil)
		r := u.report(t, 3, endAll(t, day2), "apply")
		// The 40 who start in a week are leavers without ever having had access.
		if a := r.Apps["app"]; len(r.Holds) != 1 || r.Holds[0].Cause != "termination" || a.Held != want.active() || a.Disable != 0 {
			t.Errorf("holds %+v, %+v", r.Holds, a)
		}
		for id, a := range want { // dirty.csv's formulas are gone from the names again
			if w, ok := rows[id]; ok && a.active {
				a.given, a.family, a.department = w.first, w.last, w.department
				want[id] = a
			}
		}
		want.compare(t, app.Dump(t))
	})
	t.Run("ledger", func(t *testing.T) {
		u.run(t, 0, day2, "audit", "verify")
	})
	t.Run("nothing that no mapping names leaves the house", func(t *testing.T) { private(t, app, u.store) })
}

func disabled(d testenv.Dump) int {
	n := 0
	for _, u := range d.Users {
		if u.Active != nil && !*u.Active {
			n++
		}
	}
	return n
}

// endAll copies an export with every end date set to yesterday.
func endAll(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\r\n"), "\r\n")
	for i, line := range lines[1:] {
		cells := strings.Split(line, ",")
		cells[len(cells)-3] = "2026-11-22 17:00:00 UTC"
		lines[i+1] = strings.Join(cells, ",")
	}
	out := filepath.Join(t.TempDir(), "ended.csv")
	if err := os.WriteFile(out, []byte(strings.Join(lines, "\r\n")+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// private looks for gender, race and birth dates in every request that was
// sent, and in the bytes of the store with its journal and ledger.
func private(t *testing.T, app *testenv.ScimmyServer, store string) {
	t.Helper()
	data := map[string][]byte{"the requests": app.RequestLog(t)}
	if strings.HasPrefix(store, "postgres://") {
		data["the store"] = testenv.SharedPostgres(t).Dump(t, store)
	} else {
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(store + suffix)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			data["the store"+suffix] = b
		}
	}
	if len(data["the requests"]) == 0 || len(data["the store"]) == 0 {
		t.Fatal("there is nothing to look into")
	}
	secrets := []string{
		"gender", "birthdate", "Hispanic or Latino", "Black or African American", "Native Hawaiian", "Two or More Races",
		`"Male"`, `"Female"`, "Non-Conforming", "6/29/1984", "1984-06-29", "7/29/1989", "1989-07-29", "06-04-91", "1991-06-04",
	}
	for where, text := range data {
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s hold %q", where, secret)
			}
		}
		if where != "the requests" && bytes.Contains(text, []byte(app.Token)) {
			t.Errorf("%s hold the app's token", where)
		}
	}
}
