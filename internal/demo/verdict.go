// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/scim"
)

// longest is how many differences of one app are told; more are counted.
const longest = 6

// judge fills in what Usher did on a day, and what is not as it must be.
func (d *Demo) judge(r *StepReport, s *Step, docs []*server.Document) {
	wrong := func(format string, args ...any) { r.Wrong = append(r.Wrong, fmt.Sprintf(format, args...)) }
	var all, holds telling
	doc := docs[len(docs)-1]
	for _, a := range d.Apps {
		report := together(docs, a.Name)
		all.add(a.Name, did(report))
		if len(report.NotKept) > 0 && !a.found {
			all.add(a.Name, "answers 200 and ignores "+strings.Join(short(report.NotKept), ", ")+": found, and not sent again for that")
			a.found = true
		}
		for _, w := range some(a.news()) {
			wrong("%s: %s", a.Name, w)
		}
		if n := a.since(); s.Quiet && n > 0 {
			wrong("%s got %d requests", a.Name, n)
		}
		if s.Held && removed(report) > 0 {
			wrong("%s: %d removals were not held", a.Name, removed(report))
		}
		if a.Name != s.Down && !slices.Equal(report.NotKept, a.notKept()) {
			wrong("%s does not keep %q, and Usher says %q", a.Name, a.notKept(), report.NotKept)
		}
		if a.Name == s.Down && report.Paused == "" && report.Waiting == 0 {
			wrong("%s is down, and Usher does not say so", a.Name)
		}
	}
	for _, h := range doc.Holds {
		holds.add(h.App, fmt.Sprintf("holds %d removals (%s) until somebody agrees: usher apply --release-hold %s", h.Count, h.Cause, h.ID))
	}
	r.Did = append(all.lines(), holds.lines()...)
	switch held := len(doc.Holds) > 0; {
	case s.Held && !held:
		wrong("nothing is held")
	case !s.Held && held:
		wrong("%d holds stand, and none should", len(doc.Holds))
	}
	for _, p := range doc.Problems {
		wrong("set aside: %s %s", p.Person, p.What)
	}
	if doc.RejectedRows > 0 {
		wrong("%d rows of the HR file were refused", doc.RejectedRows)
	}
}

// together is the report of an app over all cycles of a day: what was done in any, and
// what was left in the last.
func together(docs []*server.Document, app string) *provision.AppReport {
	sum := *docs[len(docs)-1].Apps[app]
	for _, doc := range docs[:len(docs)-1] {
		r := doc.Apps[app]
		sum.Create += r.Create
		sum.Update += r.Update
		sum.Disable += r.Disable
		sum.Delete += r.Delete
		sum.GroupCreate += r.GroupCreate
		sum.GroupUpdate += r.GroupUpdate
		sum.MemberAdd += r.MemberAdd
		sum.MemberRemove += r.MemberRemove
		sum.Requests += r.Requests
	}
	return &sum
}

// telling is what is told of apps; what is the same of several is told once.
type telling []struct {
	what string
	apps []string
}

func (t *telling) add(app, what string) {
	for i := range *t {
		if (*t)[i].what == what {
			(*t)[i].apps = append((*t)[i].apps, app)
			return
		}
	}
	*t = append(*t, struct {
		what string
		apps []string
	}{what, []string{app}})
}

func (t *telling) lines() []string {
	out := []string{}
	for _, one := range *t {
		out = append(out, strings.Join(one.apps, ", ")+": "+one.what)
	}
	return out
}

// did puts the report of an app into a line of words.
func did(a *provision.AppReport) string {
	var parts []string
	count := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	count(a.Create, "created", "created")
	count(a.Update, "updated", "updated")
	count(a.Disable, "disabled", "disabled")
	count(a.Delete, "deleted", "deleted")
	count(a.GroupCreate, "group", "groups")
	count(a.MemberAdd, "membership added", "memberships added")
	count(a.MemberRemove, "membership removed", "memberships removed")
	count(a.Held, "held", "held")
	count(a.Parked, "set aside", "set aside")
	count(a.Waiting, "waiting", "waiting")
	if len(parts) == 0 {
		parts = append(parts, "nothing to do")
	}
	if a.Paused != "" {
		parts = append(parts, "paused")
	}
	before := len(parts)
	count(int(a.Requests), "request", "requests")
	if len(parts) == before {
		parts = append(parts, "no request")
	}
	return strings.Join(parts, ", ")
}

// short are paths as the configuration writes them.
func short(paths []string) []string {
	var out []string
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(p, scim.EnterpriseUserURN+":"); ok {
			p = "enterprise." + rest
		}
		out = append(out, p)
	}
	return out
}

// some cuts a long list.
func some(all []string) []string {
	if len(all) <= longest {
		return all
	}
	return append(slices.Clone(all[:longest]), fmt.Sprintf("… and %d more", len(all)-longest))
}

// final is the verdict on each app at the end: what it holds, and what its
// ledger says of the way there.
func (d *Demo) final(r *Report) {
	for _, a := range d.Apps {
		report := a.report()
		report.Wrong = some(append(a.wrong(), a.misdeeds()...))
		r.Passed = r.Passed && len(report.Wrong) == 0
		r.Apps = append(r.Apps, report)
	}
}

// wrong compares what an app holds with what it must hold.
func (a *App) wrong() []string {
	have, odd := a.sim.holds()
	if a.hidesNames {
		have.hide()
	}
	odd = append(odd, a.learn(have)...)
	return append(odd, a.want.differences(have)...)
}

// hide leaves out of accounts that are disabled what the app makes unrecognisable.
func (h holdings) hide() {
	for number, one := range h.accounts {
		if !one.Active {
			one.UserName, one.Mail = "", ""
			h.accounts[number] = one
		}
	}
}

// news is what is wrong now, but for what has been told already: a step is to
// blame for its own faults alone.
func (a *App) news() []string {
	now := a.wrong()
	fresh := slices.DeleteFunc(slices.Clone(now), func(w string) bool { return slices.Contains(a.told, w) })
	if old := len(now) - len(fresh); old > 0 {
		fresh = append(fresh, fmt.Sprintf("%d as before", old))
	}
	a.told = now
	return fresh
}

// held reads what an app holds. What cannot be somebody's account or group is
// told: a second account of one person, an account or member of nobody.
func held(users, groups []*scim.Resource) (h holdings, odd []string) {
	h = newHoldings()
	say := func(format string, args ...any) { odd = append(odd, fmt.Sprintf(format, args...)) }
	number := map[string]string{} // by id
	for _, u := range users {
		who := text(u, scim.Path{URN: scim.EnterpriseUserURN, Attr: "employeeNumber"})
		if _, twice := h.accounts[who]; twice {
			say("%s has two accounts", who)
		}
		active, _ := u.Active()
		number[u.ID()] = who
		h.accounts[who] = account{
			UserName: u.UserName(), Given: text(u, scim.Path{Attr: "name", Sub: "givenName"}), Family: text(u, scim.Path{Attr: "name", Sub: "familyName"}), Display: u.DisplayName(),
			Title: text(u, scim.Path{Attr: "title"}), Department: text(u, scim.Path{URN: scim.EnterpriseUserURN, Attr: "department"}), Active: active,
			Mail: text(u, scim.MustPath(`emails[type eq "work"].value`)), Mobile: text(u, scim.MustPath(`phoneNumbers[type eq "mobile"].value`)),
		}
	}
	for _, g := range groups {
		if _, twice := h.groups[g.DisplayName()]; twice {
			say("group %q is there twice", g.DisplayName())
		}
		members := []string{}
		for _, id := range g.Members() {
			who, ok := number[id]
			if !ok {
				say("group %q holds %s, which is no account", g.DisplayName(), id)
				continue
			}
			members = append(members, who)
		}
		slices.Sort(members)
		if len(slices.Compact(slices.Clone(members))) < len(members) {
			say("group %q holds somebody twice", g.DisplayName())
		}
		h.groups[g.DisplayName()] = members
	}
	return h, odd
}

func text(r *scim.Resource, p scim.Path) string {
	v, _ := r.At(p)
	s, _ := v.AsString()
	return s
}
