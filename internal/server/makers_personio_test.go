// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/hrtest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
)

// personioSource are the lines of a configuration whose people come from there.
const personioSource = `type: personio
    url: URL
    auth: {oauth: {client_id: papi-client, client_secret: the-secret}}
    requests_per_second: 0
    allow: [loopback, plain-http]
    person:
      userName: 'slug(row.first_name) + "@acme.example"'`

// personioStaff are n people, p1 to pN, every other one in Sales.
func personioStaff(n int) (out []hrtest.Worker) {
	for i := range n {
		j := hrtest.Job{Title: "Engineer", Department: []string{"Research", "Sales"}[i%2], Kind: "Employee", Start: "2020-01-01"}
		out = append(out, hrtest.Worker{ID: fmt.Sprint(5001 + i), Number: fmt.Sprint("E", i+1), First: fmt.Sprint("p", i+1), Last: "Brandt", Jobs: []hrtest.Job{j}})
	}
	return out
}

// readPersonio reads everybody once; more are further lines of the source.
func readPersonio(t *testing.T, p *hrtest.Personio, more string) (*source.Batch, error) {
	t.Helper()
	text := strings.NewReplacer("STORE", "usher.db", "NOW", "2026-03-01", "SOURCE", personioSource+more).Replace(madeCompany)
	cfg, err := config.Parse("usher.yaml", []byte(strings.ReplaceAll(text, "URL", p.URL)), nil)
	if err != nil {
		t.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return built.Lists[0].Reader.ReadAll(t.Context(), source.Knowledge{})
}

// TestPersonioAsksForLittle: everybody once, each department once, in as few pages as there
// may be, and nothing that no expression reads.
func TestPersonioAsksForLittle(t *testing.T) {
	t.Parallel()
	p := hrtest.NewPersonio(t, "the-secret")
	p.Set("2026-03-01", personioStaff(120))
	b, err := readPersonio(t, p, "")
	if err != nil || !b.Proof.Complete || len(b.Rows) != 120 || len(b.Rejected) > 0 {
		t.Fatalf("%v, %+v", err, b)
	}
	// The first page is asked for with 50; how many those behind it have is theirs to say.
	if got := fmt.Sprint(p.Counts()); got != "map[employments:120 org-units:2 persons:8 token:1]" {
		t.Errorf("asked for %s", got)
	}
	if b, err = readPersonio(t, p, "\n      enterprise.department: '\"\"'"); err != nil || !b.Proof.Complete || slices.Contains(b.Columns, "department") {
		t.Errorf("%v, %v", err, b.Columns)
	}
	if c := p.Counts(); c["org-units"] > 0 {
		t.Errorf("asked for %v", c)
	}
}

// TestPersonioProves: what does not show everybody, or not all of them, says nothing of who
// is absent, or nothing at all.
func TestPersonioProves(t *testing.T) {
	t.Parallel()
	status := func(code int, path string) func(*hrtest.Personio) {
		return func(p *hrtest.Personio) {
			p.Fault(func(w http.ResponseWriter, r *http.Request) bool {
				if hit := strings.HasPrefix(r.URL.RequestURI(), path); hit {
					w.WriteHeader(code)
					return true
				}
				return false
			})
		}
	}
	for name, c := range map[string]struct {
		goes func(*hrtest.Personio)
		err  string // "" if what came is taken
		why  string // why it is not proven that these were all
		rows int
	}{
		"an expired cursor":                     {status(http.StatusBadRequest, "/v2/persons?cursor=cur_60"), "", "page 3 could not be read", 60},
		"no right to read persons":              {status(http.StatusForbidden, "/v2/persons?"), "does not let this credential read", "", 0},
		"no right to read departments":          {status(http.StatusForbidden, "/v2/org-units/"), "does not let this credential read", "", 0},
		"one person of whom nothing is told":    {status(http.StatusNotFound, "/v2/persons/5077/employments"), "", "", 119},
		"a secret that is not that of a client": {status(http.StatusBadRequest, "/v2/auth/token"), "gives no token (400", "", 0},
		"ends that may not be seen":             {func(p *hrtest.Personio) { p.Hide("employment_end_date") }, "gives no record the column end_date", "", 0},
		"nothing of jobs may be seen": {func(p *hrtest.Personio) {
			p.Hide("employment_end_date", "employment_start_date", "status", "position", "org_units")
		}, "gives no record the column", "", 0},
		"a token that ends on the way": {func(p *hrtest.Personio) {
			n := 0
			p.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
				if n++; n == 40 {
					go p.Expire() // it is locked
				}
				return false
			})
		}, "", "", 120},
		"no time at first": {func(p *hrtest.Personio) {
			n := 0
			p.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
				if n++; n != 30 {
					return false
				}
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			})
		}, "", "", 120},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := hrtest.NewPersonio(t, "the-secret")
			p.Set("2026-03-01", personioStaff(120))
			c.goes(p)
			b, err := readPersonio(t, p, "")
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "the-secret") {
					t.Errorf("%v", err)
				}
			case err != nil:
				t.Error(err)
			case b.Proof.Complete != (c.why == "") || !strings.Contains(b.Proof.Reason, c.why) || len(b.Rows) != c.rows:
				t.Errorf("%d came, %+v", len(b.Rows), b.Proof)
			}
		})
	}
}

// TestPersonioStatuses: days count before a status; one that was set inactive and has no end
// is out all the same, and somebody without a job stays as they were.
func TestPersonioStatuses(t *testing.T) {
	t.Parallel()
	p := hrtest.NewPersonio(t, "the-secret")
	w := &madeTwins{T: t, kind: madeKind{system: &p.System}, dir: sqlitetest.Dir(t), apps: [2]*fakeApp{newFakeApp(), newFakeApp()}}
	people := personioStaff(30)
	people[1].Jobs[0].End = "2026-03-31"
	people[2].Jobs = append(people[2].Jobs, hrtest.Job{Title: "Head", Department: "Sales", Kind: "Employee", Start: "2026-05-01"})
	p.Set("2026-03-01", people)
	w.cycle(1, personioSource, "2026-03-01T09:00:00Z")
	people[6].Jobs[0].End = "2026-02-28"
	people[3].Jobs = nil
	p.Set("2026-03-02", people)
	p.SetStatus("5001", "INACTIVE")
	p.SetStatus("5002", "INACTIVE") // as they take what is left of their holidays
	p.SetStatus("5005", "LEAVE")
	end := w.cycle(1, personioSource, "2026-03-02T09:00:00Z")
	live := w.apps[1].live()
	if slices.Contains(live, "p1") || len(live) != 28 || slices.Contains(live, "p7") {
		t.Errorf("%d are live: %v", len(live), live)
	}
	if !strings.Contains(end, `"title":"Engineer"`) || strings.Contains(end, `"title":"Head"`) {
		t.Error("a job that has not begun is not what somebody is")
	}
	// Who is hired again by a further employment is in from its first day on.
	people[6].Jobs = append(people[6].Jobs, hrtest.Job{Title: "Engineer", Department: "Sales", Kind: "Employee", Start: "2026-06-01"})
	for _, c := range []struct {
		day string
		in  bool
	}{{"2026-04-01", false}, {"2026-05-28", false}, {"2026-06-01", true}} {
		p.Set(c.day, people)
		w.cycle(1, personioSource, c.day+"T09:00:00Z")
		if live := w.apps[1].live(); slices.Contains(live, "p2") || slices.Contains(live, "p7") != c.in {
			t.Errorf("%s: %v", c.day, live)
		}
	}
}

// TestPersonioHireTakenBack: who is set inactive before the first day never comes.
func TestPersonioHireTakenBack(t *testing.T) {
	t.Parallel()
	p := hrtest.NewPersonio(t, "the-secret")
	w := &madeTwins{T: t, kind: madeKind{system: &p.System}, dir: sqlitetest.Dir(t), apps: [2]*fakeApp{newFakeApp(), newFakeApp()}}
	people := personioStaff(30)
	people[0].Jobs[0].Start, people[1].Jobs[0].Start = "2026-06-01", "2026-06-01"
	p.SetStatus("5001", "INACTIVE")
	for _, day := range []string{"2026-03-04", "2026-05-30", "2026-06-01", "2026-06-02"} {
		p.Set(day, people)
		w.cycle(1, personioSource, day+"T09:00:00Z")
		if live := w.apps[1].live(); slices.Contains(live, "p1") || slices.Contains(live, "p2") != (day > "2026-05-28") {
			t.Errorf("%s: %v", day, live)
		}
	}
}

// TestPersonioUnknownStatus: of whom it cannot be told which jobs have ended, nothing is taken.
func TestPersonioUnknownStatus(t *testing.T) {
	t.Parallel()
	p := hrtest.NewPersonio(t, "the-secret")
	w := &madeTwins{T: t, kind: madeKind{system: &p.System}, dir: sqlitetest.Dir(t), apps: [2]*fakeApp{newFakeApp(), newFakeApp()}}
	people := personioStaff(30)
	p.SetStatus("5001", "INACTIVE")
	for i, status := range []string{"INACTIVE", "inactive", "TERMINATED"} {
		p.SetStatus("5001", status)
		p.Set("2026-03-01", people)
		got := w.cycle(1, personioSource, fmt.Sprintf("2026-03-0%dT09:00:00Z", i+1))
		if live := w.apps[1].live(); slices.Contains(live, "p1") || len(live) != 29 || strings.Contains(got, `"missing": 1`) {
			t.Errorf("%s: %v", status, live)
		}
	}
}

// TestPersonioOneJobAfterAnother: whoever goes on on the next day is in, also while it is the
// last day of the first job where they are and the next one at Personio; whoever begins
// later is out until then.
func TestPersonioOneJobAfterAnother(t *testing.T) {
	t.Parallel()
	p, app, dir := hrtest.NewPersonio(t, "the-secret"), newFakeApp(), sqlitetest.Dir(t)
	people := personioStaff(30)
	people[0].Jobs[0].End, people[1].Jobs[0].End, people[2].Jobs[0].End = "2026-03-04", "2026-03-04", "2026-03-04"
	people[0].Jobs = append(people[0].Jobs, hrtest.Job{Title: "Head", Department: "Sales", Kind: "Employee", Start: "2026-03-05"})
	people[1].Jobs = append(people[1].Jobs, hrtest.Job{Title: "Head", Department: "Sales", Kind: "Employee", Start: "2026-04-01"})
	conf := strings.NewReplacer("STORE", dir+"/usher.db", "Europe/Berlin, prehire_days: 3", "America/Los_Angeles, prehire_days: 0", "SOURCE", personioSource).Replace(madeCompany)
	conf = strings.ReplaceAll(conf, "URL", p.URL)
	for _, c := range []struct {
		now  string
		live [3]bool
	}{
		{"2026-03-04T12:00:00Z", [3]bool{true, true, true}},
		{"2026-03-05T02:00:00Z", [3]bool{true, false, true}}, // the evening of the 4th there
		{"2026-03-05T12:00:00Z", [3]bool{true, false, false}},
		{"2026-03-31T12:00:00Z", [3]bool{true, false, false}},
		{"2026-04-01T12:00:00Z", [3]bool{true, true, false}},
	} {
		p.Set(c.now[:len("2026-03-04")], people)
		ended(t, strings.Replace(conf, "NOW", c.now, 1), app, func(directory.Person) {})
		live := app.live()
		if got := [3]bool{slices.Contains(live, "p1"), slices.Contains(live, "p2"), slices.Contains(live, "p3")}; got != c.live {
			t.Errorf("%s: %v, want %v", c.now, got, c.live)
		}
	}
}

// TestPersonioNotice: the way out that the page offers, where ends are told by notice alone.
func TestPersonioNotice(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "hr", "personio.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, lines, ok := strings.Cut(string(page), "```\n    columns:\n")
	if lines, _, _ = strings.Cut(lines, "\n```"); !ok || !strings.Contains(lines, "end_date:") {
		t.Fatal("the page has no such lines")
	}
	p := hrtest.NewPersonio(t, "the-secret")
	people := personioStaff(3)
	people[0].Jobs = append(people[0].Jobs, hrtest.Job{Title: "Helper", Department: "Sales", Kind: "Employee", Start: "2015-01-01", End: "2018-12-31", RanOut: true})
	ends := func(want ...string) {
		t.Helper()
		p.Set("2026-03-01", people)
		b, err := readPersonio(t, p, "\n    columns:\n"+lines)
		if err != nil || len(b.Rows) != 3 || !b.Proof.Complete {
			t.Fatalf("%v, %+v", err, b)
		}
		var got []string
		for _, r := range b.Rows {
			got = append(got, r.Values()[slices.Index(b.Columns, "end_date")])
		}
		if !slices.Equal(got, want) {
			t.Errorf("ends are %q, want %q", got, want)
		}
	}
	ends("", "", "")
	people[0].Jobs[0].End = "2026-03-31"
	ends("2026-03-31", "", "")
}

// TestPersonioCalls: a call that shows the token has the person read whom it names, and one
// that does not has nobody read.
func TestPersonioCalls(t *testing.T) {
	t.Parallel()
	p, s := hrtest.NewPersonio(t, "the-secret"), newServed(t)
	p.Set("2026-03-01", personioStaff(12))
	const token = "a-token-that-was-given-to-personio"
	s.conf = strings.NewReplacer("STORE", s.dir+"/usher.db", "calendar: {now: NOW, time_zone: Europe/Berlin, prehire_days: 3}", "secrets: {key: "+s.dir+"/usher.key}",
		"SOURCE", strings.Replace(personioSource, "the-secret", `"secret:hr"`, 1)+"\n    webhook: {secrets: [\"secret:calls\"]}").Replace(madeCompany)
	s.conf = strings.ReplaceAll(s.conf, "URL", p.URL) + "server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: 'off'}\n"
	keyed(t, s.dir)
	u, err := built(t, s.dir, s.conf).Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	put(t, u, "hr", "the-secret", false)
	put(t, u, "calls", token, false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(12) })
	p.Subscribe(t, s.url+"/hooks/hr", "")
	people := personioStaff(12)
	people[2].Jobs[0].End = "2026-02-28" // of which nobody tells, so that a call that is taken would move them
	p.Fates(func(hrtest.Event) hrtest.Fate { return hrtest.Fate{Lost: true} })
	p.Set("2026-03-01", people)
	p.Fates(nil)
	p.Counts()
	for _, shown := range []string{"", "Bearer " + token, token + "x", "a-token-that-nobody-has-given"} {
		p.Rotate(shown)
		p.Send("employment.terminated", "5003")
		s.answered(t, &p.System, "with "+shown, http.StatusUnauthorized)
	}
	if c := p.Counts(); len(c) > 0 || !s.has(12) {
		t.Errorf("it had %v asked for, and %v have accounts", c, s.live())
	}
	p.Rotate(token)
	p.Send("employment.terminated", "5003")
	s.answered(t, &p.System, "a call", http.StatusNoContent)
	until(t, "one is out", func() bool { return s.has(11) })
	if c := p.Counts(); c["persons"] > 0 || c["person"] == 0 || c["employments"] == 0 {
		t.Errorf("it had %v asked for", c)
	}
	s.end(t)
	s.nowhere(t, token, "the-secret")
}
