// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// sameCompany is what the two companies share whose people come from a file and from a list.
const sameCompany = `store: STORE
calendar: {now: NOW, time_zone: Europe/Berlin, prehire_days: 3}
sources:
  hr:
    SOURCE
    person:
      name.givenName: row.first
      displayName: row.first
      userName: {value: 'slug(row.first) + "@acme.example"', unique: organisation}
      enterprise.department: row.dept
      usher.workerType: row.kind
      usher.timeZone: row.zone
      usher.startDate: date(row.start, ["yyyy-MM-dd"])
      usher.endDate: endOfDay(date(row.end, ["yyyy-MM-dd"]))
      usher.leaveStartDate: date(row.leave, ["yyyy-MM-dd"])
      usher.leaveEndDate: date(row.back, ["yyyy-MM-dd"])
teams:
  department: {each: person.enterprise.department}
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
    groups: {teams: [department], display_name: team.value}
`

const fromFile = `type: csv
    path: FILE
    key: id
    columns: [id, first, dept, kind, zone, start, end, leave, back]`

const fromList = `type: http
    url: URL
    auth: {bearer: the-token}
    allow: [loopback, plain-http]
    list: data.people
    key: id
    columns:
      id: id
      first: name.first
      dept: jobs[primary=true].department
      kind: type
      zone: site.zone
      start: start
      end: /end
      leave: leaves[0].from
      back: leaves[0].to
    optional: [dept, zone, end, leave, back]
    paging: {PAGING}
    total: meta.total`

// hired is somebody as HR has them.
type hired struct{ id, first, dept, kind, zone, start, end, leave, back string }

func (p hired) row() []string {
	return []string{p.id, p.first, p.dept, p.kind, p.zone, p.start, p.end, p.leave, p.back}
}

// record is the same as an HR system gives it: nested, numbers as numbers, and null or
// nothing where there is nothing.
func (p hired) record() httpintest.Person {
	jobs := []map[string]any{{"primary": false, "department": "none"}}
	if p.dept != "" {
		jobs = append(jobs, map[string]any{"primary": true, "department": p.dept})
	}
	out := httpintest.Person{
		"id": json.Number(p.id), "name": map[string]string{"first": p.first}, "jobs": jobs, "type": p.kind, "site": nil, "start": p.start, "birthdate": "1990-01-01",
	}
	if p.zone != "" {
		out["site"] = map[string]string{"zone": p.zone}
	}
	if p.end != "" {
		out["end"] = p.end
	}
	if p.leave+p.back != "" {
		out["leaves"] = []map[string]any{{"from": p.leave, "to": cmp.Or[any](p.back, nil)}}
	}
	return out
}

// twins are two companies of the same people, from a file and from a list.
type twins struct {
	*testing.T

	hr   *httpintest.Server
	dir  string
	conf [2]string // csv, http
	apps [2]*fakeApp
	aged time.Time
	seen map[directory.State]bool
}

func newTwins(t *testing.T, kind httpintest.Paging) *twins {
	t.Helper()
	w := &twins{T: t, hr: httpintest.New(t), dir: sqlitetest.Dir(t), apps: [2]*fakeApp{newFakeApp(), newFakeApp()}, aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), seen: map[directory.State]bool{}}
	w.hr.Paging, w.hr.Token, w.hr.Total = kind, "the-token", true
	paging := map[httpintest.Paging]string{
		httpintest.Page: "page: {param: page, size_param: size, size: 3}", httpintest.Offset: "offset: {param: offset}",
		httpintest.Cursor: "cursor: {param: cursor, next: meta.next}", httpintest.Next: "next_link: {next: meta.next}", httpintest.Link: "link_header: {}",
	}[kind]
	for i, src := range []string{fromFile, fromList} {
		w.conf[i] = strings.NewReplacer("SOURCE", src).Replace(sameCompany)
		w.conf[i] = strings.NewReplacer("STORE", filepath.Join(w.dir, fmt.Sprint(i, ".db")), "FILE", filepath.Join(w.dir, "hr.csv"), "URL", w.hr.URL, "{PAGING}", "{"+paging+"}").Replace(w.conf[i])
	}
	return w
}

// day runs a cycle in both companies, and holds that they end the same.
func (w *twins) day(now string, people []hired) {
	w.Helper()
	records := make([]httpintest.Person, len(people))
	var b strings.Builder
	rows := csv.NewWriter(&b)
	_ = rows.Write([]string{"id", "first", "dept", "kind", "zone", "start", "end", "leave", "back"})
	for i, p := range people {
		records[i] = p.record()
		_ = rows.Write(p.row())
	}
	rows.Flush()
	w.hr.Set(records)
	path := filepath.Join(w.dir, "hr.csv")
	w.aged = w.aged.Add(time.Minute)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		w.Fatal(err)
	}
	if err := os.Chtimes(path, w.aged, w.aged); err != nil {
		w.Fatal(err)
	}
	var ends [2]string
	for i := range ends {
		ends[i] = w.cycle(i, now)
	}
	if ends[0] != ends[1] {
		w.Errorf("%s: from the file\n%s\nfrom the list\n%s", now, ends[0], ends[1])
	}
}

// cycle runs a cycle, and returns all that came of it.
func (w *twins) cycle(i int, now string) string {
	w.Helper()
	return ended(w.T, strings.Replace(w.conf[i], "NOW", now, 1), w.apps[i], func(p directory.Person) { w.seen[p.State] = true })
}

// ended runs a cycle, and returns all that came of it: people, calendar, report and app.
func ended(t *testing.T, conf string, app *fakeApp, see func(directory.Person)) string {
	t.Helper()
	cfg, err := config.Parse("usher.yaml", []byte(conf), nil)
	if err != nil {
		t.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	built.Targets[0].App = app
	u, err := built.Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	doc, err := u.Apply(t.Context(), server.Options{Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	dates, err := u.Calendar(t.Context(), 400)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	err = u.List(t.Context(), "", func(l directory.Listing) {
		see(*l.Person)
		text, err := json.Marshal([]any{*l.Person, l.Person.User})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	rep := *doc.Apps["app"]
	rep.Seconds = 0
	text, err := json.MarshalIndent([]any{doc.People, doc.RejectedRows, doc.Holds, rep, dates}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n") + "\n" + string(text) + "\n" + strings.Join(app.live(), " ")
}

// TestAListEndsAsAFile walks through the awkward cases of HR systems, day by day: whatever
// a file of the same people leads to, in the directory, the calendar and the app, a list
// leads to.
func TestAListEndsAsAFile(t *testing.T) {
	t.Parallel()
	w := newTwins(t, httpintest.Cursor)
	all := []hired{
		{id: "1", first: "stays", dept: "A", kind: "employee", start: "2020-01-01"},
		{id: "2", first: "hired ahead", dept: "A", kind: "employee", start: "2026-03-09"},
		{id: "3", first: "moved", dept: "A", kind: "employee", start: "2026-03-05"},
		{id: "4", first: "rescinded", dept: "B", kind: "employee", start: "2026-03-06"},
		{id: "5", first: "on leave", dept: "B", kind: "employee", start: "2020-01-01", leave: "2026-03-03", back: "2026-03-10"},
		{id: "6", first: "leaves", dept: "B", kind: "employee", start: "2020-01-01", end: "2026-03-04"},
		{id: "7", first: "Anne", dept: "B", kind: "contractor", start: "2020-01-01"},
		{id: "8", first: "Anne", dept: "C", kind: "employee", start: "2020-01-01", zone: "Pacific/Auckland", end: "2026-03-04"},
		{id: "9", first: "west", dept: "C", kind: "employee", start: "2020-01-01", zone: "America/Los_Angeles", end: "2026-03-04"},
		{id: "10", first: "gone long ago", dept: "C", kind: "employee", start: "2010-01-01", end: "2015-01-01"},
		{id: "11", first: "nowhere", dept: "C", kind: "employee", start: "2020-01-01", zone: "Mars/Base"},
		{id: "12", first: "no date", dept: "C", kind: "employee", start: "soon"},
		{id: "13", first: "vanishes", kind: "employee", start: "2020-01-01"},
	}
	for range 8 { // so that the guard lets one go
		all = append(all, hired{id: fmt.Sprint(100 + len(all)), first: fmt.Sprint("p", len(all)), dept: "D", kind: "employee", start: "2020-01-01"})
	}
	change := func(id string, how func(*hired)) {
		for i := range all {
			if all[i].id == id {
				how(&all[i])
			}
		}
	}
	w.day("2026-03-01T09:00:00Z", all)
	w.day("2026-03-03T09:00:00Z", all)                       // leave begins, a start comes near
	change("3", func(p *hired) { p.start = "2026-03-20" })   // a start moves back, and takes its account along
	change("4", func(p *hired) { p.start = "" })             // taken back
	change("7", func(p *hired) { p.kind = "employee" })      // converted
	change("1", func(p *hired) { p.first = "goes by stay" }) // renamed
	w.day("2026-03-04T11:30:00Z", all)                       // Auckland's day is over
	w.day("2026-03-05T00:30:00Z", all)                       // Berlin's is
	w.day("2026-03-05T08:30:00Z", all)                       // Los Angeles' is
	change("5", func(p *hired) { p.back = "2026-03-06" })    // back earlier
	change("6", func(p *hired) { p.end = "2026-04-01" })     // a termination is taken back
	all = slices.DeleteFunc(all, func(p hired) bool { return p.id == "4" || p.id == "13" })
	w.day("2026-03-06T09:00:00Z", all)
	change("8", func(p *hired) { p.start, p.end = "2026-03-09", "" }) // hired again
	change("2", func(p *hired) { p.start = "2026-03-07" })
	w.day("2026-03-07T09:00:00Z", all)
	w.day("2026-03-09T09:00:00Z", all)
	change("11", func(p *hired) { p.zone = "" })
	change("12", func(p *hired) { p.start = "2026-03-01" })
	change("5", func(p *hired) { p.leave, p.back = "2026-03-10", "" })
	w.day("2026-03-12T09:00:00Z", all)
	w.day("2026-04-02T09:00:00Z", all)
	w.day("2026-04-03T09:00:00Z", all[:5]) // more than the guard lets go
	for _, state := range []directory.State{directory.Staged, directory.Active, directory.OnLeave, directory.Missing, directory.Leaver} {
		if !w.seen[state] {
			t.Errorf("nobody was ever %s", state)
		}
	}
}

// TestAListEndsAsAFileWhateverHappens is the same for made-up days.
func TestAListEndsAsAFileWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed, kind := range []httpintest.Paging{httpintest.Page, httpintest.Offset, httpintest.Cursor, httpintest.Next, httpintest.Link} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w, rng := newTwins(t, kind), rand.New(rand.NewPCG(uint64(seed), 4))
			now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
			pick := func(from ...string) string { return from[rng.IntN(len(from))] }
			date := func() string {
				return pick("", "", now.AddDate(0, 0, rng.IntN(30)-15).Format(time.DateOnly))
			}
			var all []hired
			for range 8 {
				for range 1 + rng.IntN(4) {
					i := rng.IntN(len(all) + 1)
					switch n := rng.IntN(10); {
					case i == len(all) || n < 2:
						all = append(all, hired{
							id: fmt.Sprint(rng.IntN(1_000_000)), first: pick("Ada", "Bo", "Çelik", "O'Neil", "李"), dept: pick("A", "B", ""), kind: pick("employee", "contractor"),
							zone: pick("", "", "Pacific/Auckland", "America/Los_Angeles", "Nowhere/There"), start: pick("2020-01-01", date()), end: date(), leave: date(), back: date(),
						})
					case n == 2:
						all = slices.Delete(slices.Clone(all), i, i+1)
					case n == 3:
						all[i].first = pick("Eve", "Flo", "no\x00body")
					case n < 6:
						all[i].start, all[i].end = pick("2020-01-01", date(), "soon"), date()
					case n < 8:
						all[i].leave, all[i].back = date(), date()
					default:
						all[i].dept, all[i].zone, all[i].kind = pick("A", "B", ""), pick("", "Pacific/Auckland"), pick("employee", "contractor")
					}
				}
				w.day(now.Format(time.RFC3339), all)
				now = now.Add(time.Duration(6+rng.IntN(100)) * time.Hour)
			}
		})
	}
}

// TestExampleHRHTTP is examples/hr-http with a fake system.
func TestExampleHRHTTP(t *testing.T) {
	t.Parallel()
	hr := httpintest.New(t)
	hr.Paging, hr.Token, hr.Total, hr.Size = httpintest.Cursor, "the-token", true, 2
	var people []httpintest.Person
	for i, first := range []string{"Zoë", "Ada", "Bo", "Çan", "Eve"} {
		people = append(people, httpintest.Person{
			"id": i + 1, "name": map[string]string{"first": first, "last": "Brandt"}, "start": "2020-01-01", "end": nil,
			"jobs": []map[string]any{{"primary": false, "department": "x"}, {"primary": true, "department": "A"}}, "site": map[string]string{"zone": "Europe/Berlin"},
		})
	}
	people[4]["end"] = "2026-11-20"
	hr.Set(people)
	env := map[string]string{
		"HR_URL": strings.TrimSuffix(hr.URL, "/people"), "HR_TOKEN": "the-token", "HOOK_SECRET": "0123456789abcdef", "APP_URL": "https://app.example/scim", "APP_TOKEN": "xyz",
		"STORE": sqlitetest.New(t), "TODAY": "2026-11-24T12:00:00Z",
	}
	cfg, err := config.Load(t.Context(), filepath.Join("..", "..", "examples", "hr-http", "usher.yaml"), func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	fake := newFakeApp()
	built.Targets[0].App = fake
	u, err := built.Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for range 2 {
		doc, err := u.Apply(t.Context(), server.Options{Actor: "test"})
		if err != nil {
			t.Fatal(err)
		}
		if doc.People.Active != 4 || doc.People.Leaver != 1 || doc.RejectedRows != 0 || !doc.Sources[0].Complete {
			t.Errorf("%+v, %+v", doc.People, doc.Sources)
		}
	}
	if got := strings.Join(fake.live(), " "); got != "ada.brandt bo.brandt can.brandt zoe.brandt" {
		t.Error(got)
	}
	if n := len(fake.in("A")); n != 4 {
		t.Errorf("%d are in the group", n)
	}
}

// TestLagOfASource: what a configuration says of how late a system answers is what people are
// read again by; where it is a maker's, what its file says, unless it is said otherwise.
func TestLagOfASource(t *testing.T) {
	t.Parallel()
	const made = "type: hibob\n    url: https://hr.example\n    auth: {basic: {user: a, password: b}}\n    person: {userName: row.id}"
	const own = "type: http\n    url: https://hr.example/people\n    auth: {bearer: a}\n    key: id\n    columns: {id: id}\n    person: {userName: row.id}\n    one: {url: 'https://hr.example/people/{id}'"
	for source, want := range map[string]time.Duration{
		made:                          20 * time.Second,
		made + "\n    one: {lag: 5s}": 5 * time.Second,
		made + "\n    one: {lag: 0s}": 0,
		made + "\n    one: {lag: 1h}": time.Hour,
		own + "}":                     0,
		own + ", lag: 1500ms}":        1500 * time.Millisecond,
	} {
		text := strings.NewReplacer("STORE", "usher.db", "NOW", "2026-03-01", "SOURCE", source).Replace(madeCompany)
		cfg, err := config.Parse("usher.yaml", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		built, err := server.Build(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := built.Sources[0].Live.Lag; got != want {
			t.Errorf("%s\n%v, want %v", source, got, want)
		}
	}
}
