// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"context"
	"encoding/csv"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// TestSecondServer takes the first people of a real HR export through two days
// and two broken files into scim2-server, which is written by other people, in
// another language and with other habits than scimmy: it answers 204 to a PATCH
// of a user, has ETags, closes the connection after each answer, and takes two
// groups of one name.
func TestSecondServer(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of real requests")
	}
	t.Parallel()
	// With the whole export it takes more than six minutes: this server needs
	// 41 s to take a hundred members out of a group of 5,800, by the path that
	// RFC 7644 §3.5.2.2 shows. What is there at the end is right then, too.
	const people = 2_000
	hr := filepath.Join(testenv.Shared(t), "data", "hr")
	app := testenv.Scim2(t)
	u := newUsher(t, app.BaseURL, app.Token)
	day1 := head(t, filepath.Join(hr, "day1.csv"), people)
	want, known := expectation{}, &names{}
	workers := readHR(t, day1, nil)
	known.give(workers)
	want.follow(workers, known)
	day2 := only(t, filepath.Join(hr, "day2.csv"), workers)

	t.Run("day 1", func(t *testing.T) {
		app.ResetCounts(t)
		r := u.report(t, 0, day1, "apply")
		c := app.Counts(t)
		t.Logf("%.1f s, %v", r.Seconds, c)
		if c["POST /Users"] != want.active() || c["PATCH /Users/:id"] != 0 || c.Total() != r.Apps["app"].Requests {
			t.Errorf("requests: %v, reported %d", c, r.Apps["app"].Requests)
		}
		chunked(t, r, c)
		want.compare(t, overSCIM(t, app))
	})
	quiet := func(name, file string) {
		t.Run(name, func(t *testing.T) {
			app.ResetCounts(t)
			r := u.report(t, 0, file, "apply")
			if c := app.Counts(t); c.Total() != 0 || r.Apps["app"].Requests != 0 {
				t.Errorf("a quiet cycle sent %v, reported %d", c, r.Apps["app"].Requests)
			}
		})
	}
	quiet("quiet after day 1", day1)
	held := func(name, file string, count int) {
		t.Run(name, func(t *testing.T) {
			app.ResetCounts(t)
			r := u.report(t, 3, file, "apply")
			if len(r.Holds) != 1 || r.Holds[0].Cause != "absent" || r.Holds[0].Count != count || r.Apps["app"].Disable != 0 {
				t.Errorf("holds %+v, want %d by absent; %+v", r.Holds, count, r.Apps["app"])
			}
			if c := app.Counts(t); c.Total() != 0 {
				t.Errorf("a broken file sent %v", c)
			}
			want.compare(t, overSCIM(t, app))
		})
	}
	// The rows that the truncated file does hold are those of day 1.
	truncated := head(t, day1, people*3/10)
	there, gone := readHR(t, truncated, nil), 0
	for id, a := range want {
		if _, ok := there[id]; !ok && a.active {
			gone++
		}
	}
	held("truncated", truncated, gone)
	held("empty", filepath.Join(hr, "empty.csv"), want.active())

	t.Run("day 2", func(t *testing.T) {
		before := maps.Clone(want)
		workers := readHR(t, day2, nil)
		known.give(workers)
		want.follow(workers, known)
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
		if changed == 0 || leavers == 0 || joiners == 0 {
			t.Fatalf("%d changes, %d leavers, %d joiners: that is no second day", changed, leavers, joiners)
		}
		app.ResetCounts(t)
		r := u.report(t, 0, day2, "apply")
		c := app.Counts(t)
		t.Logf("%.1f s, %v; %d changes, %d leavers, %d joiners", r.Seconds, c, changed, leavers, joiners)
		if c["POST /Users"] != joiners || c["PATCH /Users/:id"] != changed+leavers {
			t.Errorf("requests: %v; want %d creates, %d updates, %d deactivations", c, joiners, changed, leavers)
		}
		// A 204 says nothing of what the app keeps, so that besides every
		// deactivation the first update of a run is read back, and of the others
		// one in 85, by their digests: a quarter is beyond all chance.
		if reads := c["GET /Users/:id"] - leavers; reads < 1 || reads > 1+changed/4 {
			t.Errorf("%d accounts read back besides those of %d leavers; %d were updated", reads, leavers, changed)
		}
		chunked(t, r, c)
		if c.Total() != r.Apps["app"].Requests || c.Total() != c.Writes()+c["GET /Users/:id"] {
			t.Errorf("other requests than these were sent: %v, reported %d", c, r.Apps["app"].Requests)
		}
		want.compare(t, overSCIM(t, app))
	})
	quiet("quiet after day 2", day2)
	u.run(t, 0, day2, "audit", "verify")
}

// chunked checks that memberships were sent many at a time: a hundred in one
// request, and at most a broken hundred to add and one to remove for a group.
func chunked(t *testing.T, r report, c testenv.Counts) {
	t.Helper()
	a := r.Apps["app"]
	if most := 2*13 + (a.MemberAdd+a.MemberRemove)/100 + 1; c["PATCH /Groups/:id"] > most {
		t.Errorf("%d membership requests for %d changes, want at most %d", c["PATCH /Groups/:id"], a.MemberAdd+a.MemberRemove, most)
	}
}

// only copies the header and the rows of those workers from an export.
func only(t *testing.T, path string, workers map[string]worker) string {
	t.Helper()
	rows := rowsOf(t, path)
	kept := rows[:1]
	for _, row := range rows[1:] {
		if _, ok := workers[row[0]]; ok {
			kept = append(kept, row)
		}
	}
	var out strings.Builder
	w := csv.NewWriter(&out)
	if err := w.WriteAll(kept); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "only.csv")
	if err := os.WriteFile(name, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// overSCIM reads all that the server holds page by page, as the oracle compares
// it. The server has no other door.
func overSCIM(t *testing.T, app *testenv.Scim2Server) testenv.Dump {
	t.Helper()
	client, err := scimclient.New(scimclient.Config{
		BaseURL: app.BaseURL, Token: func(context.Context) (string, error) { return app.Token, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(endpoint string) (all []*scim.Resource) {
		for r, err := range client.All(t.Context(), endpoint, scimclient.Query{Count: 500}, scimclient.PageOptions{}) {
			if err != nil {
				t.Fatalf("%s: %v", endpoint, err)
			}
			all = append(all, r)
		}
		return all
	}
	return dumped(read("/Users"), read("/Groups"))
}
