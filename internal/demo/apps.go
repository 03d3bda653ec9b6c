// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// token is what every app of a demo wants. They listen on loopback, hold
// made-up people, and are gone when the demo ends.
const token = "demo"

// How long a user name may be at the app with short ones, and how much of that
// is left for the wish when a number must fit behind it.
const (
	longestShortName = 20
	longestWish      = longestShortName - 3
)

// App is one app of the company: what it is like, and what it must hold.
type App struct {
	Name, Says string

	traits

	sim   simulator
	url   string
	stop  func()
	want  holdings
	did   deeds    // what must have been done to accounts
	asked int      // how many requests earlier steps account for
	told  []string // what was wrong with it before
	found bool     // Usher has said what it does not keep

	// Of the app with short user names: what people wished for when they first
	// got an account, and what they are called since.
	wishes, given map[string]string
}

// traits are how an app differs from one that has everything as HR says it.
type traits struct {
	everybody    bool // it gets a group of everybody, too
	shortNames   bool // its user names are short
	noDepartment bool // it answers 200 and ignores the department
	noGroups     bool // it has none
	byRoles      bool // its groups are the roles that Auth0 tells of
	deletes      bool // who leaves is deleted there
	hidesNames   bool // who is disabled has another user name and address
	wholeNames   bool // who has one name alone is written by it twice, and no name has a quotation mark
	loses        bool // the answer to one request of it never arrived
	mails        bool // accounts have the address that HR gave, and the number that Auth0 knows
	login        bool // it is Auth0

	profile string // what it speaks, "" for plain SCIM 2.0
	more    string // what its mapping needs besides
}

func (a *App) start(ctx context.Context) (err error) {
	a.want, a.wishes, a.given = newHoldings(), map[string]string{}, map[string]string{}
	if a.url, a.stop, err = a.sim.start(ctx); err != nil {
		return fmt.Errorf("app %s: %w", a.Name, err)
	}
	return nil
}

func (a *App) close() {
	if a.stop != nil {
		a.stop()
	}
}

// URL is the app's SCIM base URL, or the address of the tenant.
func (a *App) URL() string { return a.url }

// Fake is an app that speaks SCIM itself, and Tenant one that is Auth0, for those who
// want to alter it behind Usher's back. The other is nil.
func (a *App) Fake() *scimtest.App {
	if s, ok := a.sim.(*scimSimulator); ok {
		return s.fake
	}
	return nil
}

// Tenant is the tenant behind an app, see Fake.
func (a *App) Tenant() *auth0test.Tenant {
	if t, ok := a.sim.(*tenant); ok {
		return t.Tenant
	}
	return nil
}

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
	switch {
	case a.everybody:
		return []string{"department", "everybody"}
	case a.byRoles:
		return []string{loginApp + ".roles"}
	}
	return []string{"department"}
}

// account is what the app must hold of somebody who works here.
func (a *App) account(w *Worker, userName string) account {
	if a.login && w.linked {
		return account{Active: true, Linked: true}
	}
	want := account{
		UserName: userName, Given: w.Given, Family: w.Family, Display: w.FullName(), Title: w.Title, Department: w.Department, Active: true,
	}
	if a.mails {
		want.UserName, want.Mail, want.Mobile = w.Mail, w.Mail, w.mobile
	}
	if a.wholeNames {
		want.Given, want.Family, want.Display = whole(w.Given, w.Family), whole(w.Family, w.Given), whole(w.FullName(), "")
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

// whole is a name where there must be one, without what the app refuses in names.
func whole(name, other string) string {
	if name == "" {
		name = other
	}
	return strings.ReplaceAll(name, `"`, "")
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
	switch {
	case a.noGroups:
		return nil
	case a.login || a.byRoles:
		var roles []string
		if !w.linked { // linking an account loses its roles
			roles = append(roles, w.Department)
		}
		return append(roles, w.roles...)
	}
	if a.everybody {
		return []string{w.Department, "Everybody"}
	}
	return []string{w.Department}
}

// mark begins a step: requests are counted from here.
func (a *App) mark() { a.asked = a.sim.tally().stirred }

// since is the number of requests of this step that would not be there if there were
// nothing to do.
func (a *App) since() int { return a.sim.tally().stirred - a.asked }

// misdeeds are what the ledger holds against Usher, whatever the app holds now:
// a second account of somebody, anything that was deleted and should not be, somebody
// who was let in again, and requests that such an app refuses.
func (a *App) misdeeds() []string {
	did := a.sim.deeds()
	out := did.odd
	for _, f := range []struct {
		what       string
		must, have int
	}{
		{"accounts were created", a.did.made, did.made},
		{"accounts were disabled", a.did.out, did.out},
		{"accounts were enabled again", a.did.back, did.back},
		{"accounts were deleted", a.did.gone, did.gone},
	} {
		if f.must != f.have {
			out = append(out, fmt.Sprintf("%d %s, must be %d", f.have, f.what, f.must))
		}
	}
	if a.loses && did.lost == 0 {
		out = append(out, "no answer of it was lost on the way, as the story has it")
	}
	return out
}

// report counts what the app holds, and what it was asked.
func (a *App) report() AppReport {
	n := a.sim.tally()
	r := AppReport{
		Name: a.Name, Says: a.Says, People: a.want.active(), NotKept: short(a.notKept()), Wrong: []string{},
		Groups: n.groups, Writes: n.writes, Requests: n.requests, Retries: n.again,
	}
	have, _ := a.sim.holds() // what is odd about it is told by wrong
	for _, one := range have.accounts {
		if one.Active {
			r.Accounts++
		} else {
			r.Disabled++
		}
	}
	return r
}
