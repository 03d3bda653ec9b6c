// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// inBubble plays in a company within a bubble of its own, in which waits take no time, with
// an end all the same.
func inBubble(t *testing.T, people int, play func(o office)) {
	t.Helper()
	dir := sqlitetest.Dir(t) // whose making is no matter of a bubble
	p := &patience{Context: context.Background()}
	defer time.AfterFunc(3*time.Minute, func() { p.lost.Store(true) }).Stop()
	synctest.Test(t, func(t *testing.T) {
		play(office{T: t, ctx: p, dir: dir, staff: staff(people), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)})
	})
}

// months are some of hires, moves, departures and returns with an app that fails and loses
// answers, as a seed has them. Each app says what is its own.
type months struct {
	*office

	seed, stream uint64 // of what is drawn
	// more may become of somebody beside a move, a departure and a return; may be nil.
	more   []func(luck *rand.Rand, s *worker)
	live   func()  // what people do meanwhile, of which nobody tells Usher
	odds   float64 // of a request going wrong; default 0.3
	faults func(*fake.Schedule)
	look   func(today string) // behind the faults, and before each cycle of the days after; may be nil
	right  func()             // compares the app with the staff
	quiet  func(today string)
}

// play plays three months. After each the app is right, nobody is set aside, and nothing
// more is sent.
func (m *months) play() {
	m.Helper()
	luck := rand.New(rand.NewPCG(m.seed, m.stream))
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	look := func(today string) {
		if m.look != nil {
			m.look(today)
		}
	}
	failed := 0
	for month := range uint64(3) {
		today := day.Format(time.DateOnly)
		for i := range m.staff {
			happens(luck, &m.staff[i], day, m.more)
		}
		n := len(m.staff) + 1
		m.staff = append(m.staff, worker{id: fmt.Sprint(n), first: fmt.Sprintf("p%03d", n), dept: "B", start: "2020-01-01"})
		m.live()
		odds := 0.3
		if m.odds > 0 {
			odds = m.odds
		}
		faults := fake.Seeded(m.seed*100+month, odds, 0.5, fake.ServerError, fake.Reset, fake.BadGateway, fake.TooMany, fake.Unavailable)
		m.faults(faults)
		for range 6 {
			m.cycle(today)
		}
		look(today)
		m.faults(nil)
		for _, n := range faults.Done() {
			failed += n
		}
		for range 2 { // what waits for a longer time than a cycle
			time.Sleep(time.Hour)
			look(today)
			m.cycle(today)
		}
		m.right()
		if parked := m.parked(); parked != "" {
			m.Errorf("set aside: %s", parked)
		}
		m.quiet(today)
		day = day.AddDate(0, 0, 7)
	}
	if failed < 25 {
		m.Errorf("only %d requests went wrong", failed)
	}
}

// happens lets something become of somebody: they move, return, leave, or what more there
// is; or nothing.
func happens(luck *rand.Rand, s *worker, day time.Time, more []func(*rand.Rand, *worker)) {
	switch n := luck.IntN(4 + len(more)); {
	case n == 0:
		s.dept = string(rune('A' + luck.IntN(3)))
	case n == 1:
		s.end = ""
	case n == 2:
		s.end = day.AddDate(0, 0, -1).Format(time.DateOnly)
	case n-3 < len(more):
		more[n-3](luck, s)
	}
}

// story is one of two people in which some requests are done and not answered: one of them
// moves, the other leaves and returns. Each app says what is its own.
type story struct {
	*office

	kind   fake.Kind
	what   string // the requests whose answers are lost: "POST /users"
	times  int    // how many of them; default 2
	faults func(*fake.Schedule)
	day    func(today string)      // some cycles
	work   func(name string)       // lets somebody sign in; may be nil
	in     func(name, dept string) // holds that somebody is in
	out    func(name string)       // and out
	made   func()                  // holds what the app came to, all in all
	quiet  func(today string)
}

func (s *story) play() {
	s.Helper()
	method, path, _ := strings.Cut(s.what, " ")
	rule := fake.Rule{Method: method, Path: path, Times: 2, Fault: fake.Fault{Kind: s.kind}}
	if s.times > 0 {
		rule.Times = s.times
	}
	faults := fake.Rules(rule)
	s.faults(faults)
	day := func(today string) {
		s.Helper()
		s.day(today)
		if parked := s.parked(); parked != "" {
			s.Errorf("set aside: %s", parked)
		}
	}
	day("2026-03-01")
	if s.work != nil {
		s.work("p001")
		s.work("p002")
	}
	s.in("p001", "A")
	s.staff[1].dept = "B"
	day("2026-03-02")
	s.in("p002", "B")
	s.staff[0].end = "2026-03-02"
	day("2026-03-04")
	s.out("p001")
	s.staff[0].end, s.staff[0].dept = "", "B"
	day("2026-03-05")
	s.in("p001", "B")
	s.made()
	if faults.Done()[s.kind] == 0 {
		s.Error("nothing went wrong")
	}
	s.quiet("2026-03-05")
}
