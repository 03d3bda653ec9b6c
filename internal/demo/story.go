// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Story is what happens to a company, day by day.
type Story struct {
	Name   string
	Says   string
	Tells  string // more of it, for whoever watches; "" if there is no more to tell
	Stays  string // what to know while the company stays up, likewise
	People int    // who work there unless told
	Steps  []Step

	mails   bool // HR gives addresses
	rounds  int  // cycles that a day takes: what Usher writes into a source comes back with the next
	cast    func(people int) []*App
	sources func(*Demo) string // their part of the configuration
}

// A Step is what HR does on one day, and what must follow.
type Step struct {
	Day     int    // before today, as a negative number
	Title   string // "A move"
	Follows string // what must follow, in words
	// HR changes the company and says in words what it did; nil: nothing.
	HR func(*Desk) string
	// Login is what happens in Auth0 then, in words; nil: nothing.
	Login func(*Desk) (string, error)
	// Export is what the day's file holds; nil: everybody.
	Export func(*Company) []*Worker
	// Down is the app that cannot be reached on that day, or "".
	Down string
	// Held says that removals must be held by the guard.
	Held bool
	// Quiet says that no app may get a single request.
	Quiet bool
}

// Stories are those that can be played, by name.
func Stories() map[string]Story {
	return map[string]Story{"auth0": auth0Story(), "company": companyStory()}
}

// StoryNames are the names of all stories, sorted.
func StoryNames() []string { return slices.Sorted(maps.Keys(Stories())) }

// Desk is HR's desk on one day.
type Desk struct {
	*Company
	Today time.Time
	known map[string]*Worker // whom earlier steps spoke of

	mails  *nameBook // who has which address; nil: HR gives none
	tenant *tenant   // of Auth0; nil: there is none
}

// address gives those an address who have none.
func (d *Desk) address() {
	if d.mails == nil {
		return
	}
	d.mails.give(d.Workers)
	for _, w := range d.Workers {
		w.Mail = d.mails.of[w.Number]
	}
}

// readdress gives somebody another one, by the name they have now.
func (d *Desk) readdress(w *Worker) {
	delete(d.mails.of, w.Number)
	d.address()
}

func companyStory() Story {
	return Story{
		Name: "company", Says: "two weeks at a company", People: 200, rounds: 1, cast: companyApps, sources: companySources,
		Steps: []Step{
			{
				Day: -13, Title: "The first day", HR: firstDay,
				Follows: "everybody who works here gets an account in every app; who starts later or has left gets none",
			},
			{
				Day: -12, Title: "Nothing happens",
				Follows: "no app gets a single request", Quiet: true,
			},
			{
				Day: -11, Title: "A hire", HR: hire,
				Follows: "one has accounts today; the other waits for the first day",
			},
			{
				Day: -8, Title: "A first day", HR: startDay,
				Follows: "the one who waited has accounts, by the calendar alone: the file is the same",
			},
			{
				Day: -7, Title: "A move", HR: move,
				Follows: "the department changes everywhere, and with it the groups",
			},
			{
				Day: -6, Title: "A name change", HR: rename,
				Follows: "the new name is everywhere; the user name stays, as others know it",
			},
			{
				Day: -5, Title: "A departure", HR: leave,
				Follows: "every account is disabled and out of every group; nothing is deleted",
			},
			{
				Day: -4, Title: "A truncated export", HR: promote, Export: truncated, Held: true,
				Follows: "nobody loses anything: the removals wait for a person; the promotion goes through",
			},
			{
				Day: -3, Title: "The whole export again",
				Follows: "the hold has vanished with its cause; nothing had happened, so nothing is to be done", Quiet: true,
			},
			{
				Day: -2, Title: "An app is down", HR: busyDay, Down: plainApp,
				Follows: "the other apps follow as if nothing were; what the app misses waits",
			},
			{
				Day: -1, Title: "It is back",
				Follows: "the app catches up by itself",
			},
			{
				Day: 0, Title: "Nothing happens",
				Follows: "no app gets a single request", Quiet: true,
			},
		},
	}
}

func firstDay(d *Desk) string {
	staged, left := 0, 0
	for _, w := range d.Workers {
		switch {
		case w.Start.After(d.Today):
			staged++
		case !w.Employed(d.Today):
			left++
		}
	}
	return fmt.Sprintf("exports %d people; %d of them start later, %d have left", len(d.Workers), staged, left)
}

// hire takes on a namesake who starts today, and somebody who starts in three days.
func hire(d *Desk) string {
	today := &Worker{Given: "Zoe", Family: "O’Malley", givenSlug: "zoe", familySlug: "omalley"}
	later := d.somebody()
	d.add(today, d.Today)
	d.add(later, d.Today)
	today.Start, later.Start = d.Today, d.Today.Add(3*day)
	d.address()
	d.known["hire"], d.known["later"] = today, later
	return fmt.Sprintf("hires %s, who starts today, and %s, who starts on %s", today.FullName(), later.FullName(), later.Start.Format("Monday"))
}

func startDay(d *Desk) string {
	return fmt.Sprintf("does nothing; it is the first day of %s", d.known["later"].FullName())
}

func move(d *Desk) string {
	w := d.pick(d.Today, func(w *Worker) bool { return w.Department != "Sales" && w != d.known["hire"] })
	from := w.Department
	w.Department, w.Title = "Sales", d.titleIn("Sales")
	d.known["move"] = w
	return fmt.Sprintf("moves %s from %s to Sales, as %s", w.FullName(), from, w.Title)
}

func rename(d *Desk) string {
	w := d.pick(d.Today, func(w *Worker) bool { return w.Family != "" && w.givenSlug != "" && w != d.known["move"] })
	was := w.FullName()
	w.Family, w.familySlug = "Lindqvist-"+strings.Fields(w.Family)[0], "" // the slug is of no use any more: the user name stays
	return fmt.Sprintf("writes %s instead of %s", w.FullName(), was)
}

func leave(d *Desk) string {
	w := d.pick(d.Today, func(w *Worker) bool { return w != d.known["move"] && w != d.known["hire"] })
	w.End = d.Today
	d.known["leave"] = w
	return fmt.Sprintf("lets %s (%s) go as of today", w.FullName(), w.Department)
}

// promote changes somebody who is in the truncated export, too.
func promote(d *Desk) string {
	w := d.pick(d.Today, func(w *Worker) bool { return slices.Contains(truncated(d.Company), w) })
	w.Title = "Principal " + w.Title
	return fmt.Sprintf("makes %s a %s; the export breaks off after %d of %d people", w.FullName(), w.Title, len(truncated(d.Company)), len(d.Workers))
}

// truncated is the first two fifths of everybody.
func truncated(c *Company) []*Worker { return c.Workers[:len(c.Workers)*2/5] }

func busyDay(d *Desk) string {
	hired := d.somebody()
	d.add(hired, d.Today)
	hired.Start = d.Today
	moved := d.pick(d.Today, func(w *Worker) bool { return w.Department != "Engineering" && w != hired })
	moved.Department, moved.Title = "Engineering", d.titleIn("Engineering")
	gone := d.pick(d.Today, func(w *Worker) bool { return w != hired && w != moved })
	gone.End = d.Today
	return fmt.Sprintf("hires %s, moves %s to Engineering and lets %s go", hired.FullName(), moved.FullName(), gone.FullName())
}
