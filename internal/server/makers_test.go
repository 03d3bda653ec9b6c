// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
)

// madeCompany is a company whose people come from a maker's HR system, or from a file of
// the same people.
const madeCompany = `store: STORE
calendar: {now: NOW, time_zone: Europe/Berlin, prehire_days: 3}
sources:
  hr:
    SOURCE
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
      title: person.title
      enterprise.department: person.enterprise.department
`

// madeFile is what the makers' files come to.
const madeFile = `type: csv
    path: FILE
    key: id
    columns: [id, number, first, last, title, department, kind, zone, start, end, leave, back, away]
    person:
      name.givenName: row.first
      name.familyName: row.last
      displayName: row.first + " " + row.last
      enterprise.employeeNumber: row.number
      enterprise.department: row.department
      title: row.title
      userName: {value: 'slug(row.first) + "@acme.example"', unique: organisation}
      usher.timeZone: row.zone
      usher.startDate: date(row.start, ["yyyy-MM-dd"])
      usher.endDate: endOfDay(date(row.end, ["yyyy-MM-dd"]))
      usher.leaveStartDate: date(row.leave, ["yyyy-MM-dd"])
      usher.leaveEndDate: endOfDay(date(row.back, ["yyyy-MM-dd"]))`

// madeWord is the line behind these where the system says that a leave is on.
const madeWord = `
      usher.onLeave: row.away == "true"`

// How a system tells of a leave.
const (
	leaveDays  = 1 + iota // by its days, ahead
	leaveNow              // by its days while it is on, and by a word
	leaveAWord            // by a word while it is on
)

// madeKind is a maker's system as the story goes through it.
type madeKind struct {
	system *hrtest.System
	source string // its lines of the configuration, with URL
	// what the system does not tell, or tells in its own way
	noZones, noPreferred bool
	leave                int // 0: not at all
	// ended says that a job that has ended is none of several any more.
	ended bool
}

func madeKinds(t *testing.T) map[string]madeKind {
	t.Helper()
	const userName = `
    allow: [loopback, plain-http]
    person:
      userName: {value: 'slug(or(row.preferred_name, row.first_name)) + "@acme.example"', unique: organisation}`
	bamboo := hrtest.NewBambooHR(t, "the-key")
	personio := hrtest.NewPersonio(t, "the-secret")
	rippling := hrtest.NewRippling(t, "the-token", 10)
	bob := hrtest.NewHiBob(t, "SERVICE-1", "the-token")
	report := hrtest.NewWorkdayRaaS(t, "usher", "the-password")
	workers := hrtest.NewWorkday(t, "usher@acme", "the-password")
	workers.Leaves = true
	return map[string]madeKind{
		"bamboohr": {
			system: &bamboo.System, noZones: true, leave: leaveAWord,
			source: "type: bamboohr\n    url: URL\n    auth: {basic: {user: the-key}}" + userName +
				"\n      usher.onLeave: row.worker_type == \"" + hrtest.BambooLeave + "\"", // as the company calls it
		},
		"personio": {
			system: &personio.System, noZones: true, leave: leaveAWord, ended: true,
			source: "type: personio\n    url: URL\n    auth: {oauth: {client_id: papi-client, client_secret: the-secret}}\n    requests_per_second: 0\n    columns: {employee_id: \"custom_attributes[global_id=personnel_number].value\"}" + userName,
		},
		"hibob": {
			system: &bob.System, leave: leaveAWord, noPreferred: true,
			source: "type: hibob\n    url: URL\n    auth: {basic: {user: SERVICE-1, password: the-token}}\n    requests_per_second: 1000" +
				strings.Replace(userName, "or(row.preferred_name, row.first_name)", "row.first_name", 1) + `
      usher.timeZone: 'row.location == "Auckland" ? "Pacific/Auckland" : "Europe/Berlin"'`,
		},
		"rippling": {
			system: &rippling.System,
			source: "type: rippling\n    url: URL\n    auth: {bearer: the-token}" + userName + "\n      usher.timeZone: row.time_zone",
		},
		"workday": {
			system: &workers.System, noZones: true, leave: leaveNow,
			source: "type: workday\n    url: URL" + hrtest.WorkdayService + "\n    auth: {basic: {user: usher@acme, password: the-password}}\n    workday: {page_size: 7}" + userName +
				"\n      enterprise.employeeNumber: '\"E\" + row.id'", // which is the id, here
		},
		"workday-raas": {
			system: &report.System, leave: leaveDays,
			source: "type: workday-raas\n    url: URL" + hrtest.WorkdayReport + "\n    auth: {basic: {user: usher, password: the-password}}" + userName +
				"\n      enterprise.employeeNumber: row.employee_id",
		},
	}
}

var revision = regexp.MustCompile(`"Revision":[0-9]+,`)

// madeTwins are two such companies.
type madeTwins struct {
	*testing.T

	called *called // the second one, where it is called and not read; nil: it is read

	kind madeKind
	dir  string
	apps [2]*fakeApp
	aged time.Time
	away map[string]bool // who is on leave at the end of a cycle, by first name
}

// day runs a cycle in both companies, and holds that they end the same.
func (w *madeTwins) day(now string, people []hrtest.Worker) {
	w.Helper()
	if w.called != nil {
		w.called.until(now)
	}
	var b strings.Builder
	rows := csv.NewWriter(&b)
	if people = slices.Clone(people); w.kind.noPreferred {
		for i := range people {
			people[i].Preferred = ""
		}
	}
	_ = rows.Write([]string{"id", "number", "first", "last", "title", "department", "kind", "zone", "start", "end", "leave", "back", "away"})
	today, word, made := now[:len("2026-11-26")], w.kind.leave == leaveNow || w.kind.leave == leaveAWord, madeFile
	if word {
		made += madeWord
	}
	for _, p := range people {
		if w.kind.noZones {
			p.Zone = ""
		}
		away := ""
		if word {
			away = fmt.Sprint(p.Away(today))
		}
		if w.kind.leave == 0 || w.kind.leave == leaveAWord || w.kind.leave == leaveNow && !p.Away(today) {
			p.LeaveFrom, p.LeaveTo = "", ""
		}
		if going := slices.DeleteFunc(slices.Clone(p.Jobs), func(j hrtest.Job) bool { return j.End != "" && j.End < today }); w.kind.ended && len(going) > 0 {
			over := hrtest.Worker{Jobs: slices.DeleteFunc(slices.Clone(p.Jobs), func(j hrtest.Job) bool { return slices.Contains(going, j) })}
			if last, err := time.Parse(time.DateOnly, over.End()); err == nil && going[0].Start <= last.AddDate(0, 0, 1).Format(time.DateOnly) {
				going[0].Start = over.Start() // it goes on
			}
			p.Jobs = going
		}
		first := p.First
		if p.Preferred != "" {
			first = p.Preferred
		}
		_ = rows.Write([]string{p.ID, p.Number, first, p.Last, p.Jobs[0].Title, p.Jobs[0].Department, p.Jobs[0].Kind, p.Zone, p.Start(), p.End(), p.LeaveFrom, p.LeaveTo, away})
	}
	rows.Flush()
	w.kind.system.Set(today, people)
	path := filepath.Join(w.dir, "hr.csv")
	w.aged = w.aged.Add(time.Minute)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		w.Fatal(err)
	}
	if err := os.Chtimes(path, w.aged, w.aged); err != nil {
		w.Fatal(err)
	}
	if w.called != nil {
		w.called.holds(now)
		return
	}
	file, list := w.cycle(0, made, now), w.cycle(1, w.kind.source, now)
	if file != list {
		w.Errorf("%s: from a file\n%s\nfrom the system\n%s", now, file, list)
	}
}

// onLeave holds who is on leave behind the last cycle, by first name, if the system tells it.
func (w *madeTwins) onLeave(want ...string) {
	w.Helper()
	if w.called != nil {
		return // not all are told when a leave begins (asSeen)
	}
	if w.kind.leave == 0 {
		want = nil
	}
	if got := slices.Sorted(maps.Keys(w.away)); !slices.Equal(got, want) {
		w.Errorf("%v are on leave, want %v", got, want)
	}
}

// cycle runs a cycle, and returns all that came of it.
func (w *madeTwins) cycle(i int, source, now string) string {
	w.Helper()
	text := strings.NewReplacer("STORE", filepath.Join(w.dir, fmt.Sprint(i, ".db")), "NOW", now).Replace(madeCompany)
	text = strings.Replace(text, "SOURCE", strings.NewReplacer("FILE", filepath.Join(w.dir, "hr.csv"), "URL", w.kind.system.URL).Replace(source), 1)
	// A system tells of more than a file does, so that a record may change more often.
	w.away = map[string]bool{}
	return revision.ReplaceAllString(ended(w.T, text, w.apps[i], func(p directory.Person) {
		if p.State == directory.OnLeave {
			name, _ := p.User.Get("displayName")
			text, _ := name.AsString()
			w.away[strings.TrimSuffix(text, " Brandt")] = true
		}
	}), "")
}

// TestMakers walks each maker's system through what is awkward in HR: hired ahead, a start
// that moves or is taken back, leave, a contractor who becomes an employee, two jobs at
// once, an end that is taken back, somebody hired again, somebody who vanishes, an answer
// that holds nobody. What a file of the same people leads to, the system leads to.
func TestMakers(t *testing.T) {
	t.Parallel()
	for name, kind := range madeKinds(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &madeTwins{T: t, kind: kind, dir: sqlitetest.Dir(t), apps: [2]*fakeApp{newFakeApp(), newFakeApp()}, aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
			w.story()
		})
	}
}

func (w *madeTwins) story() {
	job := func(start, end string) hrtest.Job {
		return hrtest.Job{Title: "Engineer", Department: "Research", Kind: "Employee", Start: start, End: end}
	}
	var all []hrtest.Worker
	add := func(first string, jobs ...hrtest.Job) {
		id := fmt.Sprint(1001 + len(all))
		all = append(all, hrtest.Worker{ID: id, Number: "E" + id, First: first, Last: "Brandt", Location: "Berlin", Zone: "Europe/Berlin", Jobs: jobs})
	}
	who := func(first string) *hrtest.Worker {
		return &all[slices.IndexFunc(all, func(p hrtest.Worker) bool { return p.First == first })]
	}
	for i := range 16 { // so that the guard lets some go, and that lists have pages
		add(fmt.Sprint("Stays ", i), job("2020-01-01", ""))
	}
	add("Ahead", job("2026-03-09", ""))
	add("Moved", job("2026-03-05", ""))
	add("Rescinded", job("2026-03-06", ""))
	add("Leaves", job("2020-01-01", "2026-03-04"))
	add("Converted", hrtest.Job{Title: "Helper", Department: "Research", Kind: "Contractor", Start: "2025-01-01", End: "2026-03-05"})
	add("Two jobs", job("2022-05-01", ""), hrtest.Job{Title: "Teacher", Department: "School", Kind: "Employee", Start: "2021-01-01", End: "2026-03-04"})
	add("Again", job("2020-01-01", "2026-03-04"))
	add("Between", job("2020-01-01", "2026-03-04"), job("2026-04-03", ""))
	add("Follows", job("2020-01-01", "2026-03-04"), job("2026-03-05", ""))
	add("Vanishes", job("2020-01-01", ""))
	add("Away", job("2020-01-01", ""))
	add("Out from leave", job("2020-01-01", "2026-03-06"))
	add("East", job("2020-01-01", "2026-03-04"))
	add("Long gone", job("2010-01-01", "2015-01-01"))
	who("Away").LeaveFrom, who("Away").LeaveTo = "2026-03-03", "2026-03-10"
	who("Out from leave").LeaveFrom, who("Out from leave").LeaveTo = "2026-03-02", "2026-12-31"
	who("East").Zone, who("East").Location = "Pacific/Auckland", "Auckland"
	w.day("2026-03-01T09:00:00Z", all)
	w.onLeave()
	w.day("2026-03-03T09:00:00Z", all) // a leave begins, a start comes near
	w.onLeave("Away", "Out from leave")
	who("Moved").Jobs[0].Start = "2026-03-20"
	who("Stays 1").Preferred, who("Stays 2").Last = "Goes by", "Renamed"
	who("Stays 3").Jobs[0].Department, who("Stays 3").Manager, who("Stays 4").Email = "Sales", "E1001", "stays@acme.example"
	all = slices.DeleteFunc(all, func(p hrtest.Worker) bool { return p.First == "Rescinded" })
	w.day("2026-03-04T11:30:00Z", all)                                   // Auckland's day is over
	who("Converted").Jobs[0] = job("2025-01-01", "")                     // from the next day on
	w.day("2026-03-05T00:30:00Z", all)                                   // Berlin's is
	who("Leaves").Jobs[0].End = "2026-04-01"                             // it is taken back
	who("Two jobs").Jobs = []hrtest.Job{job("2022-05-01", "2026-03-31")} // and what there is ends, too
	all = slices.DeleteFunc(all, func(p hrtest.Worker) bool { return p.First == "Vanishes" })
	w.day("2026-03-06T09:00:00Z", all)
	w.onLeave("Away", "Out from leave")
	who("Again").Jobs[0] = job("2026-03-09", "")
	who("Again").LeaveFrom, who("Again").LeaveTo = "2026-03-09", "2026-03-31"
	w.day("2026-03-07T09:00:00Z", all)
	w.onLeave("Away")
	w.day("2026-03-09T09:00:00Z", all) // hired again, and away at once
	w.onLeave("Again", "Away")
	w.day("2026-03-10T22:30:00Z", all) // the last day of a leave, half an hour before it is over
	w.onLeave("Again", "Away")
	w.day("2026-03-11T09:00:00Z", all)
	w.onLeave("Again")
	w.day("2026-04-02T09:00:00Z", all)
	w.onLeave()
	w.day("2026-04-03T09:00:00Z", nil) // the guard lets nobody go for that
	if n := len(w.apps[1].live()); n < 16 {
		w.Errorf("%d have accounts in the end", n)
	}
}

// TestMakersPages: what the pages in docs/hr say to copy is a sound configuration, and
// each maker has a page.
func TestMakersPages(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) { return "a-value-of-" + name, true }
	for _, name := range config.Makers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "hr", name+".md"))
			if err != nil {
				t.Fatal(err)
			}
			text, _, ok := strings.Cut(strings.SplitN(string(page), "```yaml\nstore:", 2)[1], "```")
			if !ok {
				t.Fatal("the page has no configuration")
			}
			dir := keyed(t, t.TempDir())
			cfg, err := config.Parse(name+".md", []byte("store:"+strings.ReplaceAll(text, "usher.key", filepath.Join(dir, "usher.key"))), lookup)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Sources[0].Maker != name {
				t.Errorf("it is about %q", cfg.Sources[0].Maker)
			}
			if _, err := server.Build(cfg); err != nil {
				t.Error(err)
			}
		})
	}
}
