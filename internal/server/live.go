// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/fit"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// Bounds of asking apps what they say of themselves.
const (
	appsAtOnce   = 8
	discoverTime = 50 * time.Second // of one app: a few requests
)

// askedApp is an app with what it said of itself.
type askedApp struct {
	target      *provision.Target
	sent        fit.Sent
	discovers   bool // by SCIM's discovery; others are asked by their own APIs
	discovery   app.Discovery
	examination app.Examination
	beside      []Finding // what else was found of it, such as what it permits
	err         error     // why nothing came of asking
}

// CheckApps asks each app, or the one of that name, whether it takes us, and what it takes,
// and compares that with what the configuration sends. It only reads.
func (b *Built) CheckApps(ctx context.Context, name string) []Finding {
	return fitting(b.ask(ctx, name))
}

// CheckPeople is CheckApps, and compares what one person's accounts would hold as well,
// or everybody's if person is "". It reads the store, and changes nothing.
func (u *Usher) CheckPeople(ctx context.Context, name, person string) ([]Finding, error) {
	ids, err := u.people(ctx, u.db, person)
	if err != nil {
		return nil, err
	}
	found := []Finding{}
	for _, a := range u.ask(ctx, name) {
		found = append(found, fitting([]askedApp{a})...)
		if a.err != nil {
			continue
		}
		more, err := u.checkPeople(ctx, a, ids)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// fitting are the findings about apps, one by one in the order of the file.
func fitting(asked []askedApp) []Finding {
	out := []Finding{}
	for _, a := range asked {
		subject := "app " + a.target.Name
		if a.err != nil {
			if !slices.ContainsFunc(a.beside, func(f Finding) bool { return f.Level == FindingError }) { // which says more
				text, fix := a.explain()
				out = append(out, Finding{a.sent.Pos, subject, FindingError, text, fix})
			}
			out = append(out, a.beside...)
			continue
		}
		if taken := a.examination.Taken; taken != "" {
			out = append(out, Finding{a.sent.Pos, subject, FindingOK, taken, ""})
		}
		out = append(out, a.beside...)
		sound := true
		for _, f := range a.mapping() {
			sound = sound && f.Level == fit.Note
			out = append(out, findingOf(subject, f))
		}
		if sound {
			out = append(out, Finding{a.sent.Pos, subject, FindingOK, soundly(a), ""})
		}
	}
	return out
}

func (a askedApp) explain() (text, fix string) {
	if a.discovers {
		return fit.Explain(a.err, a.target.App.Profile())
	}
	return fit.ExplainOwn(a.err, a.target.App.Profile())
}

// mapping compares the mapping, and resource one person's account.
func (a askedApp) mapping() []fit.Finding {
	if a.discovers {
		return fit.Mapping(a.target.App.Profile(), a.discovery, a.sent)
	}
	return fit.Own(a.target.App.Profile(), a.examination, a.sent)
}

func (a askedApp) resource(desired *scim.Resource) []fit.Finding {
	if a.discovers {
		return fit.Resource(a.target.App.Profile(), a.discovery, a.sent, desired)
	}
	return fit.OwnResource(a.target.App.Profile(), a.examination, a.sent, desired)
}

func findingOf(subject string, f fit.Finding) Finding {
	return Finding{f.Pos, subject, string(f.Level), f.Text, f.Fix}
}

// soundly says what was compared, when nothing was found.
func soundly(a askedApp) string {
	with := "profile " + a.target.App.Profile().ID
	switch {
	case a.discovery.Parts[app.PartSchemas] == app.PartTold:
		with = "the app's schema and " + with
	case a.examination.Said != "":
		with = a.examination.Said + " and " + with
	}
	return fmt.Sprintf("all that is sent (%d attributes) fits %s", len(a.sent.Rules), with)
}

// ask asks apps what they take, and whether address and credential are good, several at
// once.
func (b *Built) ask(ctx context.Context, name string) []askedApp {
	var out []askedApp
	for _, t := range b.Targets {
		if name == "" || t.Name == name {
			_, discovers := app.DiscovererOf(t.App)
			out = append(out, askedApp{target: t, sent: b.sent(t), discovers: discovers})
		}
	}
	g := errgroup.Group{}
	g.SetLimit(appsAtOnce)
	for i := range out {
		a := &out[i]
		g.Go(func() error {
			if a.discovers {
				a.discovery, a.err = discover(ctx, a.target, true)
			} else {
				b.examine(ctx, a)
			}
			return nil
		})
	}
	_ = g.Wait() // what went wrong is told app by app
	return out
}

// examine asks an app by its own API, and what else there is to be asked of it. A tenant of
// Auth0 is gone through by [Built.CheckTenants].
func (b *Built) examine(ctx context.Context, a *askedApp) {
	within, cancel := context.WithTimeout(ctx, discoverTime)
	defer cancel()
	if e, ok := app.ExaminerOf(a.target.App); ok {
		a.examination, a.err = e.Examine(within, a.sent.Groups != nil)
	} else {
		a.examination.Unsaid = []app.Remark{{Text: "types and lengths: no schema of users is told by " + a.target.App.Profile().Name}}
	}
	for _, r := range b.registered {
		if r.app.Name == a.target.Name && (a.err == nil || app.Classify(a.err).Status == http.StatusForbidden) {
			a.beside = r.check(within)
		}
	}
	for _, i := range b.installed {
		if i.app.Name == a.target.Name {
			a.beside = i.check(within)
		}
	}
}

func discover(ctx context.Context, t *provision.Target, greet bool) (app.Discovery, error) {
	within, cancel := context.WithTimeout(ctx, discoverTime)
	defer cancel()
	d, _ := app.DiscovererOf(t.App)
	said, err := d.Discover(within)
	if err == nil && greet {
		err = d.Greet(within)
	}
	return said, err
}

// sent is what the configuration sends to an app.
func (b *Built) sent(t *provision.Target) fit.Sent {
	i := slices.IndexFunc(b.Config.Apps, func(a config.App) bool { return a.Name == t.Name })
	if i < 0 {
		return fit.Sent{}
	}
	a := b.Config.Apps[i]
	s := fit.Sent{Pos: a.Pos, ExternalID: true}
	if a.Groups != nil {
		s.Groups = &a.Groups.Pos
	}
	for _, rule := range t.Mapping.Rules {
		r := fit.Rule{Path: rule.Path, Written: rule.Path.String(), From: rule.Program.Text().Pos, Constant: constant(rule.Program)}
		r.At = r.From
		for _, line := range a.User {
			if line.Value.Pos == r.From {
				r.At, r.Written = line.Path.Pos, line.Path.Value
			}
		}
		top := scim.Path{URN: rule.Path.URN, Attr: rule.Path.Attr}
		r.Whole, _ = b.Schemas.Lookup(scim.UserURN, top)
		top.Sub = rule.Path.Sub
		r.Part, _ = b.Schemas.Lookup(scim.UserURN, top)
		s.Rules = append(s.Rules, r)
	}
	return s
}

// constant is what an expression yields for everybody, as it reads nothing; nil if it
// depends on somebody.
func constant(p *mapping.Program) *scim.Value {
	if len(p.Reads()) > 0 {
		return nil
	}
	v, err := p.Eval(mapping.Input{Person: scim.NewResource(scim.UserURN)})
	if err != nil {
		return nil
	}
	return &v
}

// pageOfPeople is how many people are read at once, and mostPeople how many of those
// with a finding are named.
const (
	pageOfPeople = 1000
	mostNamed    = 3
)

// checkPeople compares the accounts that people are to have. Of everybody, who has the
// same finding is told in one.
func (u *Usher) checkPeople(ctx context.Context, a askedApp, ids []string) ([]Finding, error) {
	planner := provision.NewPlanner(a.target, u.Schemas, u.now())
	all := newCrowd(a, len(ids) == 1)
	err := u.db.Provision().View(ctx, func(tx provision.Tx) error {
		after := ""
		for {
			q := provision.Query{App: a.target.Name, After: after, Limit: pageOfPeople, People: ids}
			subjects, err := planner.Subjects(ctx, tx, q)
			if err != nil {
				return err
			}
			if len(subjects) == 0 {
				return ctx.Err()
			}
			for _, s := range subjects {
				all.look(planner, s)
			}
			after = subjects[len(subjects)-1].Person.ID
		}
	})
	if err == nil && all.seen == 0 && len(ids) == 1 {
		var s *provision.Subject
		if s, err = u.newcomer(ctx, ids[0]); s != nil {
			all.look(planner, *s)
		}
	}
	return all.findings(), err
}

// newcomer is a person at an app that no cycle has come to, so that it has no row of
// theirs yet. What they are called there is what the mapping wishes for.
func (u *Usher) newcomer(ctx context.Context, id string) (found *provision.Subject, err error) {
	err = u.db.Read(ctx, func(r store.Reader) error {
		people, err := r.People(ctx, []string{id})
		if err != nil || people[id] == nil {
			return err
		}
		found = &provision.Subject{Person: people[id]}
		for _, t := range u.Targets { // any row of theirs has their teams
			rows, err := r.Subjects(ctx, provision.Query{App: t.Name, People: []string{id}, Limit: 1})
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				found.Teams = rows[0].Teams
				break
			}
		}
		return nil
	})
	return found, err
}

// crowd collects what is found of people.
type crowd struct {
	a      askedApp
	single bool
	seen   int
	wanted int
	order  []fit.Finding
	who    map[fit.Finding][]string // up to mostNamed
	count  map[fit.Finding]int
}

func newCrowd(a askedApp, single bool) *crowd {
	return &crowd{a: a, single: single, who: map[fit.Finding][]string{}, count: map[fit.Finding]int{}}
}

// look compares one person's account.
func (c *crowd) look(planner *provision.Planner, s provision.Subject) {
	c.seen++
	desired, err := planner.Desired(s)
	if err != nil {
		c.wanted++
		c.note(s, fit.Finding{Pos: c.a.sent.Pos, Level: fit.Error, Text: err.Error(), Fix: "complete the person, or change the expression"})
		return
	}
	if desired == nil {
		return
	}
	c.wanted++
	for _, f := range c.a.resource(desired) {
		c.note(s, f)
	}
}

func (c *crowd) note(s provision.Subject, f fit.Finding) {
	if c.count[f]++; c.count[f] == 1 {
		c.order = append(c.order, f)
	}
	if len(c.who[f]) < mostNamed {
		c.who[f] = append(c.who[f], cmp.Or(s.Person.UserName(), s.Person.ID))
	}
}

func (c *crowd) findings() []Finding {
	name := c.a.target.Name
	subject := "app " + name
	if c.seen == 0 {
		return []Finding{{
			c.a.sent.Pos, subject, FindingNote, "no values were compared: no cycle has come to this app yet",
			"usher plan makes one up; an apply with first_run: report makes one, and writes nothing there",
		}}
	}
	if c.single && c.wanted == 0 {
		return []Finding{{c.a.sent.Pos, subject, FindingNote, "no values were compared: this person is to have no account, or keeps what they have", "usher why says the reason"}}
	}
	slices.SortStableFunc(c.order, func(x, y fit.Finding) int {
		return cmp.Or(cmp.Compare(x.Pos.Line, y.Pos.Line), cmp.Compare(x.Pos.Column, y.Pos.Column))
	})
	var out []Finding
	for _, f := range c.order {
		one := findingOf(subject, f)
		if c.single {
			one.Text = c.who[f][0] + ": " + one.Text
		} else {
			one.Text = fmt.Sprintf("%s: %s", crowdOf(c.who[f], c.count[f]), one.Text)
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		text := fmt.Sprintf("the values of %d accounts fit", c.wanted)
		if c.single {
			text = "the values of this person's account fit"
		}
		out = append(out, Finding{c.a.sent.Pos, subject, FindingOK, text, ""})
	}
	return out
}

// crowdOf is "ada, ben and 12 more".
func crowdOf(names []string, n int) string {
	s := strings.Join(names, ", ")
	if more := n - len(names); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
