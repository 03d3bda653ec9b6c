// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source/hrtest"
)

// hrMonth is a month of a company at a maker's system, as a seed has it.
type hrMonth struct {
	*called

	luck  *rand.Rand // of what happens to people
	fate  *rand.Rand // of what becomes of calls
	dice  *rand.Rand // of how they are answered
	all   []hrtest.Worker
	hired int
	// silent says that nobody is told of anything.
	silent bool
	// ending are whom HR has ever said to end, to begin later, or not to be there: that they
	// are out may come of that, even if it was taken back and we were not told.
	ending map[string]bool
	in     map[string]bool // by name: they had an account

	mu     sync.Mutex
	faults map[string]int // that there were, by kind
}

func (m *hrMonth) count(kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults[kind]++
}

// TestCallsGoWrong plays a month with a company whose calls are lost, doubled, late and out of
// order, refused, taken without an answer that arrives, signed by one secret and then another,
// and about people whom the list hides. Nobody is out meanwhile of whom HR has not said
// anything by which they would be; and once everybody is read again, all is as HR says, which
// what is still on its way does not change.
func TestCallsGoWrong(t *testing.T) {
	t.Parallel()
	for name, subscribe := range subscribes {
		for seed := range uint64(2) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				t.Parallel()
				m := &hrMonth{
					luck: rand.New(rand.NewPCG(seed, 1)), fate: rand.New(rand.NewPCG(seed, 2)), dice: rand.New(rand.NewPCG(seed, 3)),
					ending: map[string]bool{}, in: map[string]bool{}, faults: map[string]int{},
				}
				for range 60 {
					m.hire("2020-01-01")
				}
				inCalled(t, name, "2026-03-01T09:00:00Z", m.all, subscribe, "", func(c *called, kind calling) {
					m.called = c
					if kind.bob != nil {
						kind.bob.Lag(20 * time.Second)
					}
					m.play()
					if kind.bob != nil { // what is read in the end is not read again
						kind.bob.Lag(0)
					}
					m.right()
				})
			})
		}
	}
}

func (m *hrMonth) hire(start string) {
	m.hired++
	id := fmt.Sprint(1000 + m.hired)
	m.all = append(m.all, hrtest.Worker{
		ID: id, Number: "E" + id, First: fmt.Sprintf("p%d", m.hired), Last: "Brandt", Location: "Berlin", Zone: "Europe/Berlin",
		Jobs: []hrtest.Job{{Title: "Engineer", Department: "Research", Kind: "Employee", Start: start}},
	})
}

func (m *hrMonth) play() {
	m.Helper()
	m.system.Fates(m.becomes)
	m.answers = m.answered
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for n := range 30 {
		today := day.Format(time.DateOnly)
		m.silent = n == 29 // whatever was healed until then
		m.step(today+"T00:30:00Z", false)
		m.step(today+"T10:00:00Z", true)
		if n == 15 { // both of which we take, as one follows the other
			m.system.Rotate(madeSecond)
		}
		if n == 3 { // which has everybody read, and is for once
			m.system.Send("employee.updated", "hidden")
		}
		m.step(today+"T16:00:00Z", true)
		day = day.AddDate(0, 0, 1)
	}
	for _, kind := range []string{"lost", "twice", "late", "refused", "unanswered"} {
		if m.faults[kind] < 5 {
			m.Errorf("%d calls were %s", m.faults[kind], kind)
		}
	}
}

// step is a time of a day at which something may happen to somebody.
func (m *hrMonth) step(now string, happens bool) {
	m.Helper()
	today, err := time.Parse(time.RFC3339, now)
	if err != nil {
		m.Fatal(err)
	}
	for range map[bool]int{true: 2}[happens] {
		m.happens(today)
	}
	m.at(now, m.all)
	live := m.live()
	for _, name := range live {
		m.in[name] = true
	}
	for _, w := range m.all {
		if m.in[w.First] && !m.ending[w.ID] && !slices.Contains(live, w.First) {
			m.Errorf("%s: %s is out, of whom HR has said nothing of the kind", now, w.First)
		}
	}
}

func (m *hrMonth) happens(today time.Time) {
	in := func(days int) string { return today.AddDate(0, 0, days).Format(time.DateOnly) }
	i := m.luck.IntN(len(m.all))
	w := &m.all[i]
	job := &w.Jobs[0]
	switch m.luck.IntN(8) {
	case 0:
		m.hire(in(m.luck.IntN(6)))
	case 1, 2:
		job.End = in(m.luck.IntN(8) - 2)
	case 3: // of whoever has one
		if i := slices.IndexFunc(m.all, func(w hrtest.Worker) bool { return w.End() != "" }); i >= 0 {
			m.all[i].Jobs[0].End = ""
		}
	case 4:
		w.Last = fmt.Sprint("Renamed ", today.Day())
	case 5:
		job.Title, job.Department = fmt.Sprint("Head ", today.Day()), "Sales"
	case 6:
		if job.Start > in(0) {
			job.Start = in(m.luck.IntN(6))
		}
	case 7:
		if m.luck.IntN(3) == 0 {
			m.ending[w.ID] = true
			m.all = slices.Delete(m.all, i, i+1)
		}
	}
	for _, w := range m.all {
		if w.End() != "" || w.Start() > in(0) {
			m.ending[w.ID] = true
		}
	}
}

// becomes is what becomes of a call at the maker. The test's own goroutine asks for it, as it
// is asked when there is something to tell.
func (m *hrMonth) becomes(hrtest.Event) (f hrtest.Fate) {
	switch n := m.fate.IntN(100); {
	case n < 15, m.silent:
		m.count("lost")
		f.Lost = true
	case n < 30:
		m.count("twice")
		f.Twice = true
	case n < 50:
		m.count("late")
		f.Late = time.Duration(m.fate.IntN(36)) * time.Hour
	}
	return f
}

// errAway is that an answer does not arrive.
var errAway = errors.New("the connection has ended")

// answered is how a call is answered.
func (m *hrMonth) answered(take func(*http.Request) (*http.Response, error), r *http.Request) (*http.Response, error) {
	switch n := m.dice.IntN(100); {
	case n < 30:
		m.count("refused")
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	case n < 40:
		m.count("unanswered")
		res, err := take(r)
		if err == nil {
			_ = res.Body.Close()
		}
		return nil, errAway
	}
	return take(r)
}

// right holds that all is as HR says once everybody is read, as it is not before, and stays
// so.
func (m *hrMonth) right() {
	m.Helper()
	m.system.Fates(nil)
	m.answers = nil
	const end = "2026-03-31T16:00:00Z"
	m.holds = func(now string) {
		if wrong, _ := m.wrong(m.file.seen(now)); len(wrong) == 0 {
			m.Error("nothing went wrong")
		}
	}
	m.file.day(end, m.all)
	m.readAll()
	m.holds = func(now string) {
		m.work()
		if wrong, lacking := m.wrong(m.file.seen(now)); len(wrong)+len(lacking) > 0 {
			m.Errorf("%s: %q, which HR does not say, and it says %q", now, wrong, lacking)
		}
		m.file.apps[0].mu.Lock()
		live := m.file.apps[0].live()
		m.file.apps[0].mu.Unlock()
		if got := m.live(); !slices.Equal(got, live) {
			m.Errorf("%s: accounts are %v, and HR's people are %v", now, got, live)
		}
	}
	m.file.day(end, m.all)
	m.file.day("2026-04-07T12:00:00Z", m.all)
}

// wrong are those who are in, and are not as HR says, and what it says of whom that is not so.
func (m *hrMonth) wrong(want []string) (wrong, lacking []string) {
	m.Helper()
	lacking = slices.Clone(want)
	err := m.usher.List(m.Context(), "", func(l directory.Listing) {
		one := asSeen(*l.Person)
		if i := slices.Index(lacking, one); i >= 0 {
			lacking = slices.Delete(lacking, i, i+1)
		} else if l.Person.State == directory.Active || l.Person.State == directory.OnLeave {
			wrong = append(wrong, one)
		}
	})
	if err != nil {
		m.Fatal(err)
	}
	return wrong, lacking
}
