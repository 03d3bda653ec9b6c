// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sent is what an account was last confirmed to hold.
func sent(p *directory.Person) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	for _, a := range []string{"userName", "displayName", "title", "nickName"} {
		if v, ok := p.User.Get(a); ok {
			u.Set(a, v)
		}
	}
	u.SetExternalID(p.ID)
	return u
}

// subject is a person with an account in a state, in sync with them.
func subject(p *directory.Person, state provision.AccountState) provision.Subject {
	s := provision.Subject{Person: p, Members: map[string]bool{}, Account: provision.Account{App: "crm", Person: p.ID, State: state}}
	if state == provision.Live || state == provision.Disabled {
		s.Account.RemoteID, s.Account.Sent, s.Account.Since = "u-"+p.ID, sent(p), noon.Add(-time.Hour)
	}
	return s
}

func words(ops []*provision.Op) string {
	var out []string
	for _, o := range ops {
		w := string(o.Kind)
		if o.Team != "" {
			w += " " + o.Team
		}
		for _, c := range o.Changes {
			if o.Kind == provision.Update {
				w += " " + c.Path
			}
		}
		out = append(out, w+" ("+string(o.Cause)+")")
	}
	return strings.Join(out, ", ")
}

// Every state of a person against every state of an account, in scope and out.
func TestPlannerStates(t *testing.T) {
	t.Parallel()
	target := newTarget(t, "crm", nil)
	target.Scope = condition(t, `person.title != "out"`)
	grace := 30 * time.Minute
	const held directory.State = "in, and their end has been stated"
	for _, c := range []struct {
		person  directory.State
		account provision.AccountState
		in, out string
	}{
		{directory.Active, provision.None, "create (joiner)", ""},
		{directory.Active, provision.Gone, "create (joiner)", ""},
		{directory.Active, provision.Live, "", "disable (scope)"},
		{directory.Active, provision.Disabled, "update active (joiner)", "delete (scope)"},
		{directory.OnLeave, provision.None, "create (joiner)", ""},
		{directory.OnLeave, provision.Live, "", "disable (scope)"},
		{directory.OnLeave, provision.Disabled, "update active (joiner)", "delete (scope)"},
		{directory.OnLeave, provision.Gone, "create (joiner)", ""},
		{directory.Missing, provision.None, "", ""},
		{directory.Missing, provision.Live, "", ""},
		{directory.Missing, provision.Disabled, "", ""},
		{directory.Missing, provision.Gone, "", ""},
		{held, provision.None, "", ""},
		{held, provision.Live, "", "disable (scope)"},
		{held, provision.Disabled, "", "delete (scope)"},
		{held, provision.Gone, "", ""},
		{directory.Staged, provision.None, "", ""},
		{directory.Staged, provision.Live, "disable (termination)", "disable (termination)"},
		{directory.Staged, provision.Disabled, "delete (termination)", "delete (termination)"},
		{directory.Staged, provision.Gone, "", ""},
		{directory.Leaver, provision.None, "", ""},
		{directory.Leaver, provision.Live, "disable (termination)", "disable (termination)"},
		{directory.Leaver, provision.Disabled, "delete (termination)", "delete (termination)"},
		{directory.Leaver, provision.Gone, "", ""},
		{directory.Erased, provision.Live, "disable (termination)", "disable (termination)"},
	} {
		for _, title := range []string{"in", "out"} {
			want := c.in
			if title == "out" {
				want = c.out
			}
			s := subject(somebody("ann", c.person, "title", title), c.account)
			if c.person == held {
				s.Person.State, s.Person.Cause = directory.Active, directory.CauseTermination
			}
			for _, after := range []*time.Duration{&grace, nil} {
				target.DeleteAfter = after
				if after == nil && strings.HasPrefix(want, "delete") {
					want = ""
				}
				ops, err := provision.NewPlanner(target, scim.CoreSchemas(), noon).Subject(s, nil)
				if err != nil || words(ops) != want {
					t.Errorf("%s, account %q, %s of scope, delete %v: %q %v, not %q", c.person, c.account, title, after != nil, words(ops), err, want)
				}
			}
		}
	}
}

func TestPlannerAccounts(t *testing.T) {
	t.Parallel()
	plan := func(s provision.Subject, groups map[string]provision.Group) string {
		target := newTarget(t, "crm", nil)
		grace := time.Hour
		target.DeleteAfter = &grace
		ops, err := provision.NewPlanner(target, scim.CoreSchemas(), noon).Subject(s, groups)
		if err != nil {
			return err.Error()
		}
		return words(ops)
	}
	in := func(s provision.Subject, teams ...string) provision.Subject {
		for _, v := range teams {
			s.Teams = append(s.Teams, team(v))
		}
		return s
	}
	holds := func(s provision.Subject, teams ...string) provision.Subject {
		for _, v := range teams {
			s.Members["t-"+v] = true
		}
		return s
	}
	ann := func(attrs ...string) *directory.Person { return somebody("ann", directory.Active, attrs...) }
	left := somebody("ann", directory.Leaver)
	absent := somebody("ann", directory.Leaver)
	absent.Cause = directory.CauseAbsent

	moved := subject(ann(), provision.Live)
	moved.Person = ann("title", "Lead", "displayName", "Ann")
	back := subject(left, provision.Disabled)
	back.Person = ann("displayName", "Ann")
	young := subject(left, provision.Disabled)
	young.Account.Since = noon.Add(-time.Hour + time.Second)
	unknown := subject(left, provision.Disabled)
	unknown.Account.Since = time.Time{}
	waits := func(s provision.Subject) provision.Subject {
		p := *s.Person
		p.Cause, s.Person = directory.CauseTermination, &p
		return s
	}
	begun := subject(ann(), provision.Live)
	begun.Account.Begun = true
	poison := subject(ann("preferredLanguage", "poison"), provision.None)
	other := subject(ann(), provision.Live)
	other.Account.Sent.SetExternalID("somebody-else")
	bare := subject(ann(), provision.Live)
	bare.Account.Sent = nil

	for name, c := range map[string]struct{ got, want string }{
		"as it should be":     {plan(subject(ann(), provision.Live), nil), ""},
		"another externalId":  {plan(other, nil), "update externalId (mover)"},
		"nothing known of it": {plan(bare, nil), "update displayName userName externalId (mover)"},
		"mover":               {plan(moved, nil), "update displayName title (mover)"},
		"back, in one patch":  {plan(back, nil), "update displayName active (joiner)"},
		"grace not over":      {plan(young, nil), ""},
		"grace not known":     {plan(unknown, nil), ""},
		"absent":              {plan(subject(absent, provision.Live), nil), "disable (absent)"},
		"joiner with teams":   {plan(in(subject(ann(), provision.None), "ops", "sales"), nil), "create (joiner), member_add t-ops (mover), member_add t-sales (mover)"},
		"membership changes":  {plan(holds(in(subject(ann(), provision.Live), "ops", "sales"), "sales", "board"), nil), "member_remove t-board (membership), member_add t-ops (mover)"},
		"leaver loses all":    {plan(holds(in(subject(left, provision.Live), "ops"), "sales", "ops"), nil), "disable (termination), member_remove t-ops (termination), member_remove t-sales (termination)"},
		"missing keeps all":   {plan(holds(in(subject(somebody("ann", directory.Missing), provision.Live), "ops"), "sales"), nil), ""},
		"held mover":          {plan(waits(moved), nil), "update displayName title (mover)"},
		"held in a team":      {plan(waits(holds(in(subject(ann(), provision.Live), "ops", "sales"), "sales", "board")), nil), "member_remove t-board (membership)"},
		"held, half out":      {plan(waits(begun), nil), ""},
		"held, and failing":   {plan(waits(poison), nil), ""},
		"group parked":        {plan(in(subject(ann(), provision.Live), "ops"), map[string]provision.Group{"t-ops": {Standing: provision.Standing{Parked: "no"}}}), ""},
		"in a parked group": {plan(holds(in(subject(ann(), provision.Live), "ops"), "ops", "sales"), map[string]provision.Group{
			"t-ops": {Standing: provision.Standing{Parked: "no"}}, "t-sales": {Standing: provision.Standing{Parked: "no"}},
		}), "member_remove t-sales (membership)"},
		"rule is not pushed":  {plan(provision.Subject{Person: ann(), Teams: []directory.Team{{ID: "x", Rule: "other", Name: "x"}}, Account: subject(ann(), provision.Live).Account}, nil), ""},
		"failing on a leaver": {plan(subject(somebody("ann", directory.Leaver, "preferredLanguage", "poison"), provision.Live), nil), "disable (termination)"},
	} {
		if strings.Join(sortedWords(c.got), ", ") != strings.Join(sortedWords(c.want), ", ") {
			t.Errorf("%s: %q, not %q", name, c.got, c.want)
		}
	}
	_, err := provision.NewPlanner(newTarget(t, "crm", nil), scim.CoreSchemas(), noon).
		Subject(subject(ann("preferredLanguage", "poison"), provision.Live), nil)
	var failed *provision.Failed
	if !errors.As(err, &failed) || failed.Person != "ann" || !strings.Contains(failed.Reason, "nickName") {
		t.Errorf("%v", err)
	}
}

// An account that cannot be written to keeps no membership for that, and one that is
// not live gets none.
func TestPlannerMembersOfSetAside(t *testing.T) {
	t.Parallel()
	a := newFakeApp()
	a.profile.Immutable = app.Paths{scim.MustPath("title")}
	a.profile.Bounds = []app.Bound{{Path: scim.MustPath("displayName"), Most: 20}}
	a.profile.Required = []app.Requirement{{Any: []scim.Path{scim.MustPath("displayName")}}}
	for name, c := range map[string]struct {
		attrs []string
		say   string
	}{
		"immutable":  {[]string{"title", "Lead"}, "does not change it"},
		"too long":   {[]string{"displayName", strings.Repeat("x", 21)}, "21 characters of 20"},
		"required":   {[]string{"displayName", ""}, "wants displayName"},
		"expression": {[]string{"preferredLanguage", "poison"}, "nickName"},
	} {
		for state, want := range map[provision.AccountState]string{
			provision.Live: "member_add t-ops (mover), member_remove t-sales (membership)", provision.Disabled: "",
		} {
			s := subject(somebody("ann", directory.Active, c.attrs...), state)
			s.Account.Sent = sent(somebody("ann", directory.Active))
			s.Teams, s.Members["t-sales"] = []directory.Team{team("ops")}, true
			ops, err := provision.NewPlanner(newTarget(t, "crm", a), scim.CoreSchemas(), noon).Subject(s, nil)
			var failed *provision.Failed
			if !errors.As(err, &failed) || !strings.Contains(failed.Reason, c.say) || words(ops) != want {
				t.Errorf("%s, %s: %q %v", name, state, words(ops), err)
			}
		}
	}
}

func sortedWords(s string) []string {
	w := strings.Split(s, ", ")
	slices.Sort(w)
	return w
}

func TestPlannerGroup(t *testing.T) {
	t.Parallel()
	target := newTarget(t, "crm", nil)
	p := provision.NewPlanner(target, scim.CoreSchemas(), noon)
	for name, c := range map[string]struct {
		g      provision.Group
		needed bool
		want   string
	}{
		"not needed": {provision.Group{}, false, ""},
		"new":        {provision.Group{}, true, "group_create t-ops (joiner)"},
		"there":      {provision.Group{RemoteID: "g", Name: "ops"}, true, ""},
		"renamed":    {provision.Group{RemoteID: "g", Name: "operations"}, false, "group_update t-ops (mover)"},
		"parked":     {provision.Group{Standing: provision.Standing{Parked: "no"}}, true, ""},
	} {
		op, err := p.Group(team("ops"), c.g, c.needed)
		got := ""
		if op != nil {
			got = words([]*provision.Op{op})
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q %v, not %q", name, got, err, c.want)
		}
	}
	a := newFakeApp()
	a.profile.GroupBounds = []app.Bound{{Path: scim.MustPath("displayName"), Most: 20, Forbidden: ":"}}
	bounded := provision.NewPlanner(newTarget(t, "crm", a), scim.CoreSchemas(), noon)
	for name, say := range map[string]string{"ops": "", "ops: night": "holds ':'", strings.Repeat("x", 21): "21 characters of 20"} {
		for _, g := range []provision.Group{{}, {RemoteID: "g", Name: "ops before"}} {
			_, err := bounded.Group(team(name), g, true)
			var failed *provision.Failed
			if (err == nil) != (say == "") || err != nil && (!errors.As(err, &failed) || !strings.Contains(failed.Reason, say)) {
				t.Errorf("%s: %v, not %q", name, err, say)
			}
		}
	}
	target.GroupName = groupName(t, `""`)
	if _, err := p.Group(team("ops"), provision.Group{}, true); err == nil {
		t.Error("a group without a name")
	}
}

// An operation's id says what it does, and nothing of how it is told.
func TestOpIDs(t *testing.T) {
	t.Parallel()
	p := provision.NewPlanner(newTarget(t, "crm", nil), scim.CoreSchemas(), noon)
	ids := map[string]string{}
	for _, s := range []provision.Subject{
		subject(somebody("ann", directory.Active), provision.None), subject(somebody("bob", directory.Active), provision.None),
		subject(somebody("ann", directory.Active, "title", "x"), provision.None), subject(somebody("ann", directory.Leaver), provision.Live),
	} {
		ops, err := p.Subject(s, nil)
		if err != nil || len(ops) != 1 || !ops[0].Sound() {
			t.Fatalf("%v %v", ops, err)
		}
		if ids[ops[0].ID] != "" {
			t.Errorf("%s has the id of %s", words(ops), ids[ops[0].ID])
		}
		ids[ops[0].ID] = words(ops)
		s.Person.Why, s.Account.RemoteID, s.Account.Attempts = "another word", "elsewhere", 7
		again, err := p.Subject(s, nil)
		if err != nil || again[0].ID != ops[0].ID {
			t.Errorf("%s: the id moved with what is no part of it", words(ops))
		}
		ops[0].Person = "eve"
		if ops[0].Sound() {
			t.Error("a changed operation passes for sound")
		}
	}
}

// someSubject is a person and an account in any relation.
func someSubject(id string) *rapid.Generator[provision.Subject] {
	return rapid.Custom(func(t *rapid.T) provision.Subject {
		state := rapid.SampledFrom([]directory.State{
			directory.Active, directory.OnLeave, directory.Staged, directory.Missing, directory.Leaver,
		}).Draw(t, "state")
		account := rapid.SampledFrom([]provision.AccountState{provision.None, provision.Live, provision.Disabled, provision.Gone}).Draw(t, "account")
		attrs := func(label string) []string {
			return []string{"title", rapid.SampledFrom([]string{"a", "b", "out"}).Draw(t, label), "nickName", rapid.SampledFrom([]string{"", "n"}).Draw(t, label)}
		}
		s := subject(somebody(id, state, attrs("before")...), account)
		s.Person = somebody(id, state, attrs("now")...)
		for _, v := range []string{"x", "y", "z"} {
			if rapid.Bool().Draw(t, "in "+v) {
				s.Teams = append(s.Teams, team(v))
			}
			if account == provision.Live && rapid.Bool().Draw(t, "holds "+v) {
				s.Members["t-"+v] = true
			}
		}
		return s
	})
}

// carryOut does to the model what an app does, and the engine notes.
func carryOut(t *rapid.T, s *provision.Subject, ops []*provision.Op) {
	for _, o := range ops {
		if o.Person != s.Person.ID {
			continue
		}
		a := &s.Account
		switch o.Kind {
		case provision.Create, provision.Update:
			u, err := scim.ParseResource([]byte(provision.User(o)), scim.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			a.State, a.Sent, a.RemoteID = provision.Live, u, "u-"+s.Person.ID
		case provision.Disable:
			a.State, a.Since = provision.Disabled, noon
		case provision.Delete:
			a.State, a.Sent, a.RemoteID = provision.Gone, nil, ""
		case provision.MemberAdd:
			s.Members[o.Team] = true
		case provision.MemberRemove:
			delete(s.Members, o.Team)
		}
	}
}

// Carrying a plan out leaves nothing to plan, and the order of the rows is none
// of the plan's business.
func TestPlanProperties(t *testing.T) {
	t.Parallel()
	target := newTarget(t, "crm", nil)
	target.Scope = condition(t, `person.title != "out"`)
	grace := time.Minute
	target.DeleteAfter = &grace
	rapid.Check(t, func(t *rapid.T) {
		p := provision.NewPlanner(target, scim.CoreSchemas(), noon)
		var all []provision.Subject
		for i := range rapid.IntRange(1, 8).Draw(t, "people") {
			all = append(all, someSubject(fmt.Sprintf("p%d", i)).Draw(t, "subject"))
		}
		plan := func() []*provision.Op {
			var ops []*provision.Op
			for _, s := range all {
				one, err := p.Subject(s, nil)
				if err != nil {
					t.Fatal(err)
				}
				ops = append(ops, one...)
			}
			return provision.Sorted(ops)
		}
		first := plan()
		seed := rapid.Uint64().Draw(t, "order")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for i := range all {
			slices.Reverse(all[i].Teams)
		}
		if again := plan(); provision.Digest(first) != provision.Digest(again) {
			t.Fatalf("the order of the rows shows:\n%s\n%s", words(first), words(again))
		}
		for i := range all {
			carryOut(t, &all[i], first)
		}
		if rest := plan(); len(rest) > 0 {
			t.Fatalf("still planned after %s: %s", words(first), words(rest))
		}
	})
}
