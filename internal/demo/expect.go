// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is what one app must hold, or holds, of one person.
type account struct {
	UserName, Given, Family, Display, Title, Department, Mail, Mobile string

	Active bool
	Linked bool // in Auth0: a part of another user, under whose id it is
}

// holdings are what an app must hold, or holds: accounts by personnel number,
// and who is in each group, by the group's name and sorted.
type holdings struct {
	accounts map[string]account
	groups   map[string][]string
}

func newHoldings() holdings { return holdings{map[string]account{}, map[string][]string{}} }

// nameBook gives everybody a user name for ever, in the order of their numbers.
type nameBook struct {
	of    map[string]string
	taken map[string]bool
}

// give names those among the people who have no name yet.
func (n *nameBook) give(people []*Worker) {
	if n.of == nil {
		n.of, n.taken = map[string]string{}, map[string]bool{}
	}
	fresh := slices.DeleteFunc(slices.Clone(people), func(w *Worker) bool { return n.of[w.Number] != "" })
	slices.SortFunc(fresh, func(a, b *Worker) int { return cmp.Compare(a.Number, b.Number) })
	for _, w := range fresh {
		local := wish(w)
		for i := 2; n.taken[local]; i++ {
			local = fmt.Sprintf("%s%d", wish(w), i)
		}
		n.taken[local], n.of[w.Number] = true, local+"@acme.example"
	}
}

// wish is first.last in plain letters, or the number of somebody of whose name
// plain letters leave nothing.
func wish(w *Worker) string {
	switch {
	case w.givenSlug == "" && w.familySlug == "":
		return strings.ToLower(w.Number)
	case w.givenSlug == "" || w.familySlug == "":
		return w.givenSlug + w.familySlug
	}
	return w.givenSlug + "." + w.familySlug
}

// follow brings what an app must hold to what an export says at a time. Who
// works here has an account that follows the export. Who does not keeps what
// they had, disabled and in no group; who never had one gets none. Who is not in
// the export is as they were.
func (h holdings) follow(a *App, export []*Worker, n *nameBook, at time.Time) {
	for _, w := range export {
		before, had := h.accounts[w.Number]
		switch {
		case w.Employed(at):
			if !had {
				a.did.made++
			} else if !before.Active {
				a.did.back++
			}
			h.accounts[w.Number] = a.account(w, n.of[w.Number])
		case had && before.Active:
			h.leave(a, w.Number)
		case had && a.login && w.letIn:
			a.did.out++
			w.letIn = false
		}
		for group, members := range h.groups {
			h.groups[group] = slices.DeleteFunc(members, func(m string) bool { return m == w.Number })
		}
		if w.Employed(at) {
			for _, group := range a.groups(w) {
				h.groups[group] = append(h.groups[group], w.Number)
			}
		}
	}
	for _, members := range h.groups {
		slices.Sort(members)
	}
}

// leave is what an app must make of the account of somebody who leaves.
func (h holdings) leave(a *App, number string) {
	if a.deletes {
		a.did.gone++
		delete(h.accounts, number)
		return
	}
	a.did.out++
	one := h.accounts[number]
	one.Active = false
	if a.hidesNames {
		one.UserName, one.Mail = "", ""
	}
	h.accounts[number] = one
}

// clone is a copy that shares nothing.
func (h holdings) clone() holdings {
	c := newHoldings()
	for k, a := range h.accounts {
		c.accounts[k] = a
	}
	for k, m := range h.groups {
		c.groups[k] = slices.Clone(m)
	}
	return c
}

func (h holdings) active() (n int) {
	for _, a := range h.accounts {
		if a.Active {
			n++
		}
	}
	return n
}

// differences says what is not as it must be, each in one line.
func (h holdings) differences(got holdings) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, number := range keys(h.accounts, got.accounts) {
		want, must := h.accounts[number]
		have, is := got.accounts[number]
		switch {
		case !is:
			say("%s (%s) has no account", number, want.UserName)
		case !must:
			say("%s (%s) has an account and must have none", number, have.UserName)
		default:
			for _, d := range want.differences(have) {
				say("%s (%s): %s", number, want.UserName, d)
			}
		}
	}
	for _, group := range keys(h.groups, got.groups) {
		want, must := h.groups[group]
		have, is := got.groups[group]
		switch {
		case !is && len(want) > 0:
			say("there is no group %q", group)
		case !must && len(have) > 0:
			say("there is a group %q that must not be", group)
		}
		for _, m := range want {
			if !slices.Contains(have, m) && is {
				say("%s is not in group %q", m, group)
			}
		}
		for _, m := range have {
			if must && !slices.Contains(want, m) {
				say("%s is in group %q and must not be", m, group)
			}
		}
	}
	return out
}

func (a account) differences(have account) []string {
	var out []string
	for _, f := range []struct{ what, want, have string }{
		{"userName", a.UserName, have.UserName},
		{"name.givenName", a.Given, have.Given},
		{"name.familyName", a.Family, have.Family},
		{"displayName", a.Display, have.Display},
		{"title", a.Title, have.Title},
		{"department", a.Department, have.Department},
		{"e-mail", a.Mail, have.Mail},
		{"mobile phone", a.Mobile, have.Mobile},
		{"linked", fmt.Sprint(a.Linked), fmt.Sprint(have.Linked)},
		{"active", fmt.Sprint(a.Active), fmt.Sprint(have.Active)},
	} {
		if f.want != f.have {
			out = append(out, fmt.Sprintf("%s is %q, must be %q", f.what, f.have, f.want))
		}
	}
	return out
}

// keys of both maps, sorted, each once.
func keys[V any](a, b map[string]V) []string {
	var all []string
	for k := range a {
		all = append(all, k)
	}
	for k := range b {
		if _, twice := a[k]; !twice {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return all
}
