// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// token is what every app of a demo wants. They listen on loopback, hold
// made-up people, and are gone when the demo ends.
const token = "demo"

// plainApp is the one that speaks plain SCIM 2.0.
const plainApp = "wiki"

// How long a user name may be at the app with short ones, and how much of that
// is left for the wish when a number must fit behind it.
const (
	longestShortName = 20
	longestWish      = longestShortName - 3
)

// App is one app of the company: what it is like, and what it must hold.
type App struct {
	Name, Says string

	everybody    bool // it gets a group of everybody, too
	shortNames   bool // its user names are short
	noDepartment bool // it answers 200 and ignores the department
	quirks       scimtest.Quirks

	fake  *scimtest.App
	door  *door
	url   string
	stop  func()
	want  holdings
	asked int      // how many requests earlier steps account for
	told  []string // what was wrong with it before
	found bool     // Usher has said what it does not keep

	// Of the app with short user names: what people wished for when they first
	// got an account, and what they are called since.
	wishes, given map[string]string
}

// apps are those that every company here has. The one with a rate limit bears
// more in a larger company, as it would.
func apps(people int) []*App {
	rate := max(50, people/4)
	return []*App{
		{Name: plainApp, Says: "plain SCIM 2.0"},
		{
			Name: "chat", Says: "takes 100 members in a request, and never says who is in a group", everybody: true,
			quirks: scimtest.Quirks{MaxMembersPerPatch: 100, NeverReturnMembers: true},
		},
		{
			Name: "plant", Says: fmt.Sprintf("user names of at most %d characters, at most %d requests a second", longestShortName, rate), shortNames: true,
			quirks: scimtest.Quirks{MaxUserName: longestShortName, RequestsPerSecond: rate},
		},
		{
			Name: "badges", Says: "answers 200 and ignores the department", noDepartment: true,
			quirks: scimtest.Quirks{IgnoreAttributes: []string{scim.EnterpriseUserURN + ":department"}},
		},
	}
}

func (a *App) start(ctx context.Context) (err error) {
	a.want, a.wishes, a.given = newHoldings(), map[string]string{}, map[string]string{}
	if a.fake, err = scimtest.New(scimtest.Config{Token: token, Quirks: a.quirks}); err != nil {
		return fmt.Errorf("app %s: %w", a.Name, err)
	}
	a.door = &door{app: a.fake}
	if a.url, a.stop, err = scimtest.Listen(ctx, a.door); err != nil {
		return fmt.Errorf("app %s: %w", a.Name, err)
	}
	return nil
}

func (a *App) close() {
	if a.stop != nil {
		a.stop()
	}
}

// URL is the app's SCIM base URL.
func (a *App) URL() string { return a.url }

// Fake is the app itself, for those who want to alter it behind Usher's back.
func (a *App) Fake() *scimtest.App { return a.fake }

// userNameLines is what the configuration says of this app's user names.
func (a *App) userNameLines() string {
	if !a.shortNames {
		return "      userName: person.userName"
	}
	return fmt.Sprintf(`      # A letter and the family name; the next who wishes for the same gets a number.
      userName:
        value: |-
          slug(person.name.givenName) == "" && slug(person.name.familyName) == ""
            ? slug(person.enterprise.employeeNumber)
            : cut(cut(slug(person.name.givenName), 1) + slug(person.name.familyName), %d)
        unique: app`, longestWish)
}

// shortWish is the name that somebody wishes for at the app with short ones.
func shortWish(w *Worker) string {
	if w.givenSlug == "" && w.familySlug == "" {
		return strings.ToLower(w.Number)
	}
	wish := w.givenSlug[:min(1, len(w.givenSlug))] + w.familySlug
	return wish[:min(longestWish, len(wish))]
}

// learn takes the short user names that the app gave: which of two equal wishes
// gets the number is Usher's affair. Each must be the wish, or the wish with a
// number, short enough and nobody else's; and it is kept for ever.
func (a *App) learn(have holdings) (odd []string) {
	if !a.shortNames {
		return nil
	}
	holder := map[string]string{}
	for _, number := range keys(have.accounts, nil) {
		name := have.accounts[number].UserName
		if other := holder[strings.ToLower(name)]; other != "" {
			odd = append(odd, fmt.Sprintf("%s and %s are both called %s", other, number, name))
		}
		holder[strings.ToLower(name)] = number
		want, ok := a.want.accounts[number]
		if !ok || a.given[number] != "" {
			continue
		}
		rest, ok := strings.CutPrefix(name, a.wishes[number])
		if _, err := strconv.Atoi(rest); !ok || rest != "" && err != nil || len(name) > longestShortName {
			odd = append(odd, fmt.Sprintf("%s is called %s, and wishes for %s", number, name, a.wishes[number]))
		}
		a.given[number], want.UserName = name, name
		a.want.accounts[number] = want
	}
	return odd
}

// teams are the team rules that become groups at this app.
func (a *App) teams() []string {
	if a.everybody {
		return []string{"department", "everybody"}
	}
	return []string{"department"}
}

// account is what the app must hold of somebody who works here.
func (a *App) account(w *Worker, userName string) account {
	want := account{
		UserName: userName, Given: w.Given, Family: w.Family, Display: w.FullName(), Title: w.Title, Department: w.Department, Active: true,
	}
	if a.shortNames {
		if want.UserName = a.given[w.Number]; want.UserName == "" {
			a.wishes[w.Number] = shortWish(w)
		}
	}
	if a.noDepartment {
		want.Department = ""
	}
	return want
}

// notKept are the attributes that Usher must find out the app does not keep.
func (a *App) notKept() []string {
	if a.noDepartment {
		return []string{scim.EnterpriseUserURN + ":department"}
	}
	return nil
}

// groups are those that somebody who works here must be in.
func (a *App) groups(w *Worker) []string {
	if a.everybody {
		return []string{w.Department, "Everybody"}
	}
	return []string{w.Department}
}

// mark begins a step: requests are counted from here.
func (a *App) mark() { a.asked = a.fake.Counts().Total() }

// since is the number of requests of this step.
func (a *App) since() int { return a.fake.Counts().Total() - a.asked }

// misdeeds are what the ledger holds against Usher, whatever the app holds now:
// a second account of somebody, and anything that was deleted.
func (a *App) misdeeds() []string {
	var out []string
	created := 0
	for _, e := range a.fake.Ledger() {
		switch {
		case e.Outside:
		case e.Op == scimtest.Deleted:
			out = append(out, fmt.Sprintf("%s %s was deleted", strings.ToLower(e.Type), e.Name))
		case e.Op == scimtest.Created && e.Type == "User":
			created++
		}
	}
	if created != len(a.want.accounts) {
		out = append(out, fmt.Sprintf("%d accounts were created, and %d people ever got one", created, len(a.want.accounts)))
	}
	return out
}

// report counts what the app holds, and what it was asked.
func (a *App) report() AppReport {
	counts := a.fake.Counts()
	r := AppReport{
		Name: a.Name, Says: a.Says, People: a.want.active(), NotKept: short(a.notKept()), Wrong: []string{},
		Groups: len(a.fake.Groups()), Writes: counts.Writes(), Requests: counts.Total(), Retries: int(a.door.turnedAway.Load()),
	}
	for _, u := range a.fake.Users() {
		if active, _ := u.Active(); active {
			r.Accounts++
		} else {
			r.Disabled++
		}
	}
	return r
}

// door counts whom the app turns away: who does nothing wrong and is told to
// come again.
type door struct {
	app        http.Handler
	turnedAway atomic.Int64
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.app.ServeHTTP(&doorway{w, d}, r)
}

type doorway struct {
	http.ResponseWriter
	door *door
}

func (w *doorway) WriteHeader(status int) {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.door.turnedAway.Add(1)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is below.
func (w *doorway) Unwrap() http.ResponseWriter { return w.ResponseWriter }
