// SPDX-License-Identifier: Apache-2.0

package hrtest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/source/hrtest"
)

// end is an address that answers as it is told to, and keeps what came.
type end struct {
	mu      sync.Mutex
	answers []int // in turn; 204 afterwards
	bodies  []string
	heads   []http.Header
}

// way is the way to it.
func (e *end) way(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bodies, e.heads = append(e.bodies, string(body)), append(e.heads, r.Header)
	status := http.StatusNoContent
	if len(e.answers) > 0 {
		status, e.answers = e.answers[0], e.answers[1:]
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
}

func (e *end) will(answers ...int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers = answers
}

// came is what has come since the last call.
func (e *end) came() (bodies []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	bodies, e.bodies, e.heads = e.bodies, nil, nil
	return bodies
}

func one(id string, change func(*hrtest.Worker)) hrtest.Worker {
	w := hrtest.Worker{ID: id, Number: "E" + id, First: "Ada", Last: "Brandt", Jobs: []hrtest.Job{{Title: "Engineer", Department: "Research", Kind: "Employee", Start: "2020-01-01"}}}
	if change != nil {
		change(&w)
	}
	return w
}

// told are the types and people of what went out since the last call, in order.
func told(s *hrtest.System) (out []string) {
	s.Calm()
	for _, d := range s.Deliveries() {
		text := d.Type + " " + d.ID
		if len(d.Fields) > 0 {
			text += " " + strings.Join(d.Fields, ",")
		}
		if d.Table != "" {
			text += " " + d.Table
		}
		if d.Status != http.StatusNoContent {
			text += fmt.Sprint(" ", d.Status)
		}
		out = append(out, text)
	}
	return out
}

// makers are the systems that call, each with an address that takes all.
func makers(t *testing.T) map[string]struct {
	*hrtest.System
	*end
} {
	t.Helper()
	type pair = struct {
		*hrtest.System
		*end
	}
	bamboo, personio, bob := hrtest.NewBambooHR(t, "k"), hrtest.NewPersonio(t, "s"), hrtest.NewHiBob(t, "u", "t")
	all := map[string]pair{"bamboohr": {&bamboo.System, &end{}}, "personio": {&personio.System, &end{}}, "hibob": {&bob.System, &end{}}}
	for _, p := range all {
		p.Reach(p.way)
	}
	bamboo.Subscribe(t, "https://usher.example/hooks/hr", "key")
	personio.Subscribe(t, "https://usher.example/hooks/hr", "token")
	if !bob.Subscribe(t, "https://usher.example/hooks/hr", "secret") {
		t.Error("the address of Bob was not added")
	}
	return all
}

// TestWhatIsTold of the changes that there are, as each maker's documentation has it.
func TestWhatIsTold(t *testing.T) {
	t.Parallel()
	days := []struct {
		what, today string
		change      func(*hrtest.Worker) // nil: they are there no more
		want        map[string][]string
	}{
		{"somebody comes", "2026-03-01", func(*hrtest.Worker) {}, map[string][]string{
			"bamboohr": {"employee.created 1", "employee.updated 1 hireDate,status,employmentHistoryStatus,firstName,lastName,department,jobTitle"},
			"personio": {"person.created 1", "employment.created 1"},
			"hibob":    {"employee.created 1", "employee.joined 1", "employee.activated 1"},
		}},
		{"another title", "2026-03-02", func(w *hrtest.Worker) { w.Jobs[0].Title = "Head" }, map[string][]string{
			"bamboohr": {"employee.updated 1 jobTitle"},
			"hibob":    {"table.entry.created 1 work", "employee.updated 1 work.title"},
		}},
		{"another number", "2026-03-03", func(w *hrtest.Worker) { w.Jobs[0].Title, w.Number = "Head", "E2" }, map[string][]string{
			"personio": {"person.updated 1"},
			"hibob":    {"employee.updated 1 work.employeeIdInCompany"},
		}},
		{"an end ahead", "2026-03-04", func(w *hrtest.Worker) { w.Jobs[0].Title, w.Number, w.Jobs[0].End = "Head", "E2", "2026-03-06" }, map[string][]string{
			"personio": {"employment.updated 1"},
			"hibob":    {"table.entry.created 1 lifecycle", "employee.updated 1 internal.terminationDate"},
		}},
		{"its day", "2026-03-06", func(w *hrtest.Worker) { w.Jobs[0].Title, w.Number, w.Jobs[0].End = "Head", "E2", "2026-03-06" }, map[string][]string{
			"personio": {"employment.terminated 1"},
		}},
		{"the day behind it", "2026-03-07", func(w *hrtest.Worker) { w.Jobs[0].Title, w.Number, w.Jobs[0].End = "Head", "E2", "2026-03-06" }, map[string][]string{
			"bamboohr": {"employee.updated 1 status"},
			"hibob":    {"employee.left 1", "employee.inactivated 1"},
		}},
		{"the end is taken back", "2026-03-07", func(w *hrtest.Worker) { w.Jobs[0].Title, w.Number = "Head", "E2" }, map[string][]string{
			"bamboohr": {"employee.updated 1 status"},
			"personio": {"employment.updated 1"},
		}},
		{"they are deleted", "2026-03-08", nil, map[string][]string{
			"bamboohr": {"employee.deleted 1"},
			"personio": {"employment.deleted 1", "person.deleted 1"},
			"hibob":    {"employee.deleted 1"},
		}},
	}
	for name, m := range makers(t) {
		m.came()
		for _, day := range days {
			var people []hrtest.Worker
			if day.change != nil {
				people = append(people, one("1", day.change))
			}
			m.Set(day.today, people)
			if got := told(m.System); !slices.Equal(got, day.want[name]) {
				t.Errorf("%s, %s: %q, want %q", name, day.what, got, day.want[name])
			}
		}
		if lost := m.Lost(); len(lost) > 0 {
			t.Errorf("%s has lost %v", name, lost)
		}
	}
}

// TestTriedAgain as often and as late as each maker does, by a clock of the system's own, and
// never where an answer ends it.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		within   map[time.Duration]int // requests of one call that is always answered with 503, by when
		refusals int                   // requests of one that is answered with 401
	}{
		"bamboohr": {map[time.Duration]int{0: 1, 5 * time.Minute: 2, 15 * time.Minute: 3, 35 * time.Minute: 4, 75 * time.Minute: 5, 155 * time.Minute: 6, 90 * 24 * time.Hour: 6}, 1},
		"personio": {map[time.Duration]int{0: 2, 3 * 24 * time.Hour: 14, 90 * 24 * time.Hour: 14}, 1},
		"hibob":    {map[time.Duration]int{0: 1, time.Minute: 2, 3 * time.Minute: 3, 90 * 24 * time.Hour: 13}, 13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := makers(t)[name]
			for _, status := range []int{http.StatusServiceUnavailable, http.StatusUnauthorized} {
				m.will(slices.Repeat([]int{status}, 50)...)
				m.Calm()
				m.Deliveries()
				m.Send("employee.updated", "7")
				m.Calm()
				n, passed := 0, time.Duration(0)
				for _, at := range slices.Sorted(func(yield func(time.Duration) bool) {
					for at := range want.within {
						if !yield(at) {
							return
						}
					}
				}) {
					m.Passes(at - passed)
					passed = at
					n += len(m.Deliveries())
					if status == http.StatusServiceUnavailable && n != want.within[at] {
						t.Errorf("%d requests within %v, want %d", n, at, want.within[at])
					}
				}
				if lost := m.Lost(); len(lost) != 1 || lost[0].ID != "7" {
					t.Errorf("lost is %v", lost)
				}
				if status == http.StatusUnauthorized && n != want.refusals {
					t.Errorf("%d requests that were refused, want %d", n, want.refusals)
				}
			}
		})
	}
}

// TestInOrder: Bob lets nothing overtake what was not taken, and others do.
func TestInOrder(t *testing.T) {
	t.Parallel()
	for name, m := range makers(t) {
		m.Calm()
		m.Deliveries()
		m.will(503, 503) // Personio asks twice
		for _, id := range []string{"1", "2", "3"} {
			m.Send("employee.updated", id)
			m.Calm()
		}
		m.Passes(time.Hour)
		var ids []string
		for _, d := range m.Deliveries() {
			if d.Status == http.StatusNoContent {
				ids = append(ids, d.ID)
			}
		}
		want := []string{"2", "3", "1"}
		if name == "hibob" {
			want = []string{"1", "2", "3"}
		}
		if name == "bamboohr" {
			want = []string{"3", "1", "2"} // one 503 for each of the first two
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: taken are %v, want %v", name, ids, want)
		}
	}
}

// TestFates of calls: lost, doubled and late ones; and what comes of a call does not depend
// on what somebody changes in what they have given.
func TestFates(t *testing.T) {
	t.Parallel()
	for name, m := range makers(t) {
		m.Calm()
		m.Deliveries()
		m.Fates(func(e hrtest.Event) hrtest.Fate {
			return map[string]hrtest.Fate{"lost": {Lost: true}, "twice": {Twice: true}, "late": {Late: time.Hour}}[e.ID]
		})
		for _, id := range []string{"lost", "twice", "late", "last"} {
			m.Send("employee.updated", id)
		}
		want := []string{"employee.updated twice", "employee.updated twice", "employee.updated last"}
		if got := told(m.System); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if m.Passes(59 * time.Minute); len(m.Deliveries()) > 0 {
			t.Errorf("%s: it was not late", name)
		}
		m.Passes(time.Minute)
		if got := told(m.System); !slices.Equal(got, []string{"employee.updated late"}) {
			t.Errorf("%s: late came %q", name, got)
		}
	}
}

// TestBobsMidnight is that of the site, and Bob adds no address at which nobody answers.
func TestBobsMidnight(t *testing.T) {
	t.Parallel()
	bob, e := hrtest.NewHiBob(t, "u", "t"), &end{}
	bob.Reach(e.way)
	e.will(500, 400)
	if bob.Subscribe(t, "https://usher.example/hooks/hr", "secret") {
		t.Error("an address was added that nobody answers at")
	}
	if got := e.came(); !slices.Equal(got, []string{`"Ping test"`, `{"text":"Ping test"}`}) {
		t.Errorf("it was tried with %q", got)
	}
	e.will(500)
	if !bob.Subscribe(t, "https://usher.example/hooks/hr", "secret", "employee.left", "employee.joined") {
		t.Error("it was not added by the second test")
	}
	var people []hrtest.Worker
	for i, zone := range []string{"Pacific/Auckland", "America/Los_Angeles", "UTC"} {
		people = append(people, one(fmt.Sprint(i), func(w *hrtest.Worker) { w.Zone, w.Jobs[0].Start = zone, "2026-03-02" }))
	}
	bob.Set("2026-03-01", people)
	if got := told(&bob.System); got != nil {
		t.Errorf("too early: %q", got)
	}
	bob.Set("2026-03-02", people)
	if got := told(&bob.System); !slices.Equal(got, []string{"employee.joined 0", "employee.joined 2"}) {
		t.Errorf("when it is day in UTC: %q", got)
	}
	bob.Passes(8 * time.Hour)
	if got := told(&bob.System); !slices.Equal(got, []string{"employee.joined 1"}) {
		t.Errorf("eight hours later: %q", got)
	}
}

// TestFieldBased calls of BambooHR hold all that has changed at a time, and nothing that is
// not watched.
func TestFieldBased(t *testing.T) {
	t.Parallel()
	b, e := hrtest.NewBambooHR(t, "k"), &end{}
	b.Reach(e.way)
	b.SubscribeFields(t, "https://usher.example/hooks/hr", "key")
	b.Monitor("firstName")
	b.Set("2026-03-01", []hrtest.Worker{one("1", nil), one("2", nil), one("3", nil)})
	b.Calm()
	e.came()
	b.Set("2026-03-02", []hrtest.Worker{one("1", func(w *hrtest.Worker) { w.First = "Eva" }), one("2", func(w *hrtest.Worker) { w.Last = "Other" })})
	b.Calm()
	bodies := e.came()
	if len(bodies) != 1 || !strings.Contains(bodies[0], `"action":"Updated","changedFields":["First Name"]`) || !strings.Contains(bodies[0], `"action":"Deleted"`) || strings.Contains(bodies[0], `"id":"2"`) {
		t.Errorf("%q", bodies)
	}
}

// TestGardenLeaveIsTold as the way out, once, and a leave as one; whoever is back joins nobody.
func TestGardenLeaveIsTold(t *testing.T) {
	t.Parallel()
	bob := hrtest.NewHiBob(t, "u", "t")
	e := &end{}
	bob.Reach(e.way)
	bob.Set("2026-03-02", []hrtest.Worker{{ID: "1", First: "p1", Jobs: []hrtest.Job{{Title: "Engineer", Start: "2020-01-01"}}}})
	if !bob.Subscribe(t, "https://usher.example/hooks/hr", "secret") {
		t.Fatal("the address was not added")
	}
	told(&bob.System)
	for _, c := range []struct{ status, want string }{
		{"parental leave", "employee.temporaryLeave 1, employee.inactivated 1"},
		{"employed", "employee.activated 1"},
		{"garden leave", "employee.left 1, employee.inactivated 1"},
		{"terminated", ""},
		{"employed", "employee.joined 1, employee.activated 1"},
	} {
		bob.SetStatus("1", c.status)
		if got := strings.Join(told(&bob.System), ", "); got != c.want {
			t.Errorf("%s: %s; want %s", c.status, got, c.want)
		}
	}
}
