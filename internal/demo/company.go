// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Worker is one person as HR knows them.
type Worker struct {
	Number        string // the personnel number, theirs for ever
	Given, Family string
	Department    string
	Title         string
	Manager       string    // a personnel number, or ""
	Start         time.Time // the first day
	End           time.Time // the day on which it is over; zero: none is known

	Mail string // the address that HR gave; "" if HR gives none

	givenSlug, familySlug string // what is left of the names in a user name

	// What Auth0 knows, and HR does not.
	mobile string   // a number that they wrote into their profile
	roles  []string // that somebody gave them there, by hand
	linked bool     // their account is a part of another one there
	letIn  bool     // their block was lifted, and must come again
}

// FullName is how people call them.
func (w *Worker) FullName() string {
	if w.Given == "" || w.Family == "" {
		return w.Given + w.Family
	}
	return w.Given + " " + w.Family
}

// Employed reports whether they work here at a time.
func (w *Worker) Employed(at time.Time) bool {
	return !w.Start.After(at) && (w.End.IsZero() || w.End.After(at))
}

// Company is everybody whom HR has ever had, in the order of their numbers.
type Company struct {
	Workers []*Worker
	next    int
	rng     *rand.Rand
	pools   []origin
	rooms   []department
}

// MinPeople is the smallest company that the stories can be played with.
const MinPeople = 10

// MaxPeople is the largest: apps and accounts are in memory.
const MaxPeople = 10_000

const (
	firstNumber = 1001
	day         = 24 * time.Hour
)

// NewCompany makes up a company of n people, hard cases among them. The same
// seed, number and date make the same company. A few of them start after
// today, and a few have left before it.
func NewCompany(seed uint64, n int, today time.Time) *Company {
	// What is wanted is that a company repeats, not that nobody can guess it.
	c := &Company{next: firstNumber, rng: rand.New(rand.NewPCG(seed, 0x05be4)), pools: origins(), rooms: departments()} //nolint:gosec // see above
	for _, w := range hardCases()[:min(n, len(hardCases()))] {
		c.add(&w, today)
	}
	for len(c.Workers) < n {
		w := c.somebody()
		c.add(w, today)
		switch at := len(c.Workers); {
		case at%50 == 0: // starts later
			w.Start = today.Add(time.Duration(20+c.rng.IntN(20)) * day)
		case at%40 == 0: // left some time ago
			w.End = today.Add(-time.Duration(5+c.rng.IntN(300)) * day)
		}
	}
	return c
}

// somebody is a person with a name out of one pool.
func (c *Company) somebody() *Worker {
	p := c.pools[c.rng.IntN(len(c.pools))]
	given, family := p.given[c.rng.IntN(len(p.given))], p.family[c.rng.IntN(len(p.family))]
	return &Worker{Given: given.written, Family: family.written, givenSlug: given.slug, familySlug: family.slug}
}

// add gives somebody a number and a place to work.
func (c *Company) add(w *Worker, today time.Time) {
	w.Number = fmt.Sprintf("E-%d", c.next)
	c.next++
	room := c.room(c.rng.IntN(100))
	if n := len(c.Workers); n < len(c.rooms) { // somebody works everywhere
		room = c.rooms[n]
	}
	w.Department, w.Title = room.name, room.titles[c.rng.IntN(len(room.titles))]
	w.Start = today.Add(-time.Duration(400+c.rng.IntN(3000)) * day)
	if n := len(c.Workers); n > 0 {
		w.Manager = c.Workers[c.rng.IntN(min(n, 10))].Number
	}
	c.Workers = append(c.Workers, w)
}

// room finds the department at a hundredth of the staff.
func (c *Company) room(at int) department {
	for _, d := range c.rooms {
		if at < d.share {
			return d
		}
		at -= d.share
	}
	return c.rooms[0]
}

// titleIn is a title of a department.
func (c *Company) titleIn(name string) string {
	for _, d := range c.rooms {
		if d.name == name {
			return d.titles[c.rng.IntN(len(d.titles))]
		}
	}
	return ""
}

// pick finds somebody by chance who works here at a time and is ok.
func (c *Company) pick(at time.Time, ok func(*Worker) bool) *Worker {
	for start, i := c.rng.IntN(len(c.Workers)), 0; i < len(c.Workers); i++ {
		w := c.Workers[(start+i)%len(c.Workers)]
		if w.Employed(at) && (ok == nil || ok(w)) {
			return w
		}
	}
	return nil
}
