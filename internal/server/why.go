// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// Question is what somebody wants explained.
type Question struct{ Person, App, Attribute string }

// Explanation follows a person's values from row to read-back.
type Explanation struct {
	Person   string           `json:"person"`
	UserName string           `json:"userName"`
	State    directory.State  `json:"state"`
	Why      string           `json:"why"`
	Records  []RecordWhy      `json:"records"`
	Teams    []directory.Team `json:"teams"`
	Apps     []AppWhy         `json:"apps"`
}

// RecordWhy is one source's view, and where it was read.
type RecordWhy struct {
	Source     string    `json:"source"`
	Key        string    `json:"key"`
	Holds      bool      `json:"holds"` // keeps the person in; others only add attributes
	Generation int       `json:"generation"`
	File       string    `json:"file"`
	Line       int       `json:"line"`
	At         time.Time `json:"at"`
	Missing    time.Time `json:"missing,omitzero"`
}

// AppWhy is the person's account at one app.
type AppWhy struct {
	App        string                 `json:"app"`
	Standing   string                 `json:"standing"`
	RemoteID   string                 `json:"remote_id,omitempty"`
	State      provision.AccountState `json:"state,omitempty"`
	Since      time.Time              `json:"since,omitzero"`
	Last       *Request               `json:"last_request,omitempty"`
	Groups     []GroupWhy             `json:"groups"`
	Attributes []AttributeWhy         `json:"attributes"`
}

// GroupWhy is one membership, or why there is none.
type GroupWhy struct {
	Name     string   `json:"name"`
	Standing string   `json:"standing"`
	Request  *Request `json:"request,omitempty"`
}

// AttributeWhy is one attribute's way from the row to the app.
type AttributeWhy struct {
	Path      string     `json:"path"`
	Desired   scim.Value `json:"desired"`
	Confirmed scim.Value `json:"confirmed"`
	Steps     []string   `json:"steps"` // from the app back to the row
	Request   *Request   `json:"request,omitempty"`
	NotKept   string     `json:"not_kept,omitempty"` // what the app was found to do with it
}

// Request is what was sent and answered.
type Request struct {
	Kind      provision.Kind `json:"kind"`
	RequestID string         `json:"request_id"`
	At        time.Time      `json:"at"`
	Status    int            `json:"status,omitempty"`
	Result    string         `json:"result"`
	Detail    string         `json:"detail,omitempty"`
	Verified  bool           `json:"verified"`
}

// Has reports whether the configuration has an app of this name.
func (b *Built) Has(app string) bool {
	for _, t := range b.Targets {
		if t.Name == app {
			return true
		}
	}
	return false
}

// Why explains a person, their account at an app, or one attribute of it.
func (u *Usher) Why(ctx context.Context, q Question) (*Explanation, error) {
	ids, err := u.people(ctx, u.db, q.Person)
	if err != nil {
		return nil, err
	}
	var w *Explanation
	err = u.db.Read(ctx, func(r store.Reader) error {
		w, err = u.explain(ctx, r, ids[0], q)
		return err
	})
	return w, err
}

func (u *Usher) explain(ctx context.Context, r store.Reader, id string, q Question) (*Explanation, error) {
	people, err := r.People(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	records, err := r.RecordsOf(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	p := people[id]
	w := &Explanation{Person: id, UserName: p.UserName(), State: p.State, Why: p.Why, Teams: []directory.Team{}, Apps: []AppWhy{}}
	for _, rec := range records[id] {
		w.Records = append(w.Records, RecordWhy{rec.Source, rec.ID, rec.Holds, rec.Generation, rec.File, rec.Line, rec.At, rec.Missing})
	}
	for _, t := range u.Targets {
		if q.App != "" && t.Name != q.App {
			continue
		}
		subjects, err := r.Subjects(ctx, provision.Query{App: t.Name, People: ids1(id), Limit: 1, Source: t.Source})
		if err != nil {
			return nil, err
		}
		if len(subjects) == 0 {
			w.Apps = append(w.Apps, AppWhy{App: t.Name, Standing: "this app has not been applied yet", Groups: []GroupWhy{}, Attributes: []AttributeWhy{}})
			continue
		}
		w.Teams = append(w.Teams[:0], subjects[0].Teams...)
		a, err := u.explainApp(ctx, r, t, subjects[0], records[id], q.Attribute)
		if err != nil {
			return nil, err
		}
		w.Apps = append(w.Apps, a)
	}
	return w, nil
}

func ids1(id string) []string { return []string{id} }

func (u *Usher) explainApp(ctx context.Context, r store.Reader, t *provision.Target, s provision.Subject, records []directory.Record, attribute string) (AppWhy, error) {
	a := AppWhy{App: t.Name, RemoteID: s.Account.RemoteID, State: s.Account.State, Since: s.Account.Since, Groups: []GroupWhy{}, Attributes: []AttributeWhy{}}
	entries, err := r.Entries(ctx, t.Name, s.Person.ID, 100)
	if err != nil {
		return a, err
	}
	if len(entries) > 0 {
		a.Last = requestOf(entries[0])
	}
	a.Standing = u.standing(t, s)
	groups, err := r.Groups(ctx, t.Name)
	if err != nil {
		return a, err
	}
	for _, team := range s.Teams {
		if !t.Teams[team.Rule] {
			continue
		}
		g := GroupWhy{Name: team.Name, Standing: "not a member yet"}
		if in, there := s.Members[team.ID]; there && !in {
			g.Standing = "not known: a request had no answer, the app does not show who is in a group, and it is sent again"
		} else if in {
			g.Standing = "member, by team rule " + team.Rule
			e, found, err := r.MemberEntry(ctx, t.Name, s.Person.ID, team.ID)
			if err != nil {
				return a, err
			}
			if found {
				g.Request = requestOf(e)
			}
		} else if parked := groups[team.ID].Parked; parked != "" {
			g.Standing = "not a member: the group is parked: " + parked
		}
		a.Groups = append(a.Groups, g)
	}
	if err := u.explainAttributes(&a, t, s, records, entries, attribute); err != nil {
		return a, err
	}
	found, err := r.Findings(ctx, t.Name)
	for i, v := range a.Attributes {
		a.Attributes[i].NotKept = found[v.Path].What
	}
	return a, err
}

func (u *Usher) standing(t *provision.Target, s provision.Subject) string {
	switch acc := s.Account; {
	case acc.Parked != "":
		return "parked: " + acc.Parked
	case s.Person.State == directory.Missing:
		return "as it was: the person is missing, and nobody has accepted the departure"
	case acc.Observe:
		return "not known: it is looked up before anything else is done"
	case acc.Due:
		return "due: the next apply brings it up to date"
	case s.Person.Held():
		return "nothing is added to it: the end has been stated, and the departure is not accepted yet, see the holds"
	case acc.State == provision.None && !s.Person.State.In():
		return "no account, and none is wanted: " + s.Person.Why
	case acc.State == provision.None && t.Source != "" && u.planner(t).NotOfSource(s) != "":
		return "no account: " + u.planner(t).NotOfSource(s)
	case acc.State == provision.None && t.Scope != nil:
		return "no account: outside the app's scope " + t.Scope.Text().Value
	case acc.State == provision.Disabled:
		return "disabled: " + s.Person.Why
	}
	return "in step"
}

func (u *Usher) planner(t *provision.Target) *provision.Planner {
	return provision.NewPlanner(t, u.Schemas, u.now())
}

func requestOf(e provision.Entry) *Request {
	result := string(e.Result)
	if result == "" {
		result = "open"
	}
	return &Request{e.Kind, e.RequestID, e.At, e.Status, result, e.Detail, e.Verified}
}

// explainAttributes follows each mapped attribute, or the one asked for, back
// to the row.
func (u *Usher) explainAttributes(a *AppWhy, t *provision.Target, s provision.Subject, records []directory.Record, entries []provision.Entry, attribute string) error {
	want := ""
	if attribute != "" {
		p, err := scim.ParsePath(u.Schemas.ResolveAlias(attribute))
		if err != nil {
			return fmt.Errorf("attribute %q: %w", attribute, err)
		}
		want = p.String()
	}
	in := mapping.Input{Person: s.Person.User, PersonID: s.Person.ID}
	for _, rule := range t.Mapping.Rules {
		path := rule.Path.String()
		if want != "" && path != want {
			continue
		}
		trace := rule.Program.Explain(in)
		v := AttributeWhy{Path: path, Desired: trace.Result}
		if s.Account.Sent != nil {
			v.Confirmed, _ = s.Account.Sent.At(rule.Path)
		}
		v.Steps = append(v.Steps, fmt.Sprintf("%s is %s", rule.Program.Text().Pos, expression(trace)))
		for _, input := range trace.Inputs {
			v.Steps = append(v.Steps, u.origin(input, records)...)
		}
		v.Request = lastWith(entries, path)
		a.Attributes = append(a.Attributes, v)
	}
	if want != "" && len(a.Attributes) == 0 {
		a.Attributes = append(a.Attributes, AttributeWhy{
			Path: want, Steps: []string{"no mapping of this app names it: Usher never reads, writes or stores it there"},
		})
	}
	return nil
}

func expression(t mapping.Trace) string {
	if t.Err != "" {
		return fmt.Sprintf("%s, which fails: %s", oneLine(t.Expression), t.Err)
	}
	return fmt.Sprintf("%s, which yields %s", oneLine(t.Expression), t.Result)
}

// oneLine folds an expression that its author broke over several lines.
func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, " ")
}

// origin says which source's rule made a person's attribute, and from which row.
func (u *Usher) origin(input mapping.TraceInput, records []directory.Record) []string {
	const prefix = "person."
	if len(input.Name) <= len(prefix) || input.Name[:len(prefix)] != prefix {
		return []string{fmt.Sprintf("%s is %s", input.Name, input.Value)}
	}
	path, err := scim.ParsePath(u.Schemas.ResolveAlias(input.Name[len(prefix):]))
	if err != nil {
		return nil
	}
	steps := []string{fmt.Sprintf("%s is %s", input.Name, input.Value)}
	opinions, err := u.directory(Options{}).Opinions(records, path)
	if err != nil {
		return append(steps, err.Error())
	}
	decided := len(opinions) > 0 && opinions[0].Won
	for _, o := range opinions {
		if rule, ok := u.rowRule(o.Record.Source, path); ok {
			steps = append(steps, opinionSteps(o, rule, input.Value, decided, len(opinions) > 1)...)
		}
	}
	return steps
}

// rowRule is the line of a source's mapping that makes an attribute.
func (u *Usher) rowRule(source string, path scim.Path) (mapping.Rule, bool) {
	var rules []mapping.Rule
	for _, src := range u.Sources {
		if src.Name == source {
			rules = src.Mapping.Rules
		}
	}
	for _, src := range u.Pushed {
		if src.Name == source {
			rules = src.Mapping.Rules
		}
	}
	for _, rule := range rules {
		if rule.Path.String() == path.String() {
			return rule, true
		}
	}
	return mapping.Rule{}, false
}

// opinionSteps tells of the record that an attribute comes from how it was made,
// and of the others what they say and why that does not count.
func opinionSteps(o directory.Opinion, rule mapping.Rule, value scim.Value, decided, several bool) []string {
	rec := o.Record
	if decided && !o.Won {
		if o.Value.IsUnassigned() {
			return []string{fmt.Sprintf("%s:%s states none (%s)", rec.Source, rec.ID, rec.Origin())}
		}
		return []string{fmt.Sprintf("%s:%s states %s (%s) and loses: %s", rec.Source, rec.ID, o.Value, rec.Origin(), o.Why)}
	}
	text := rule.Program.Text()
	steps := []string{fmt.Sprintf("%s made it of %s (%s:%s), by %s", text.Pos, rec.Origin(), rec.Source, rec.ID, oneLine(text.Value))}
	if o.Won && several {
		steps = append(steps, fmt.Sprintf("%s:%s wins: %s", rec.Source, rec.ID, o.Why))
	}
	if wish, ok := wished(rec, rule); ok && !wish.Equal(value) {
		steps = append(steps, fmt.Sprintf("the wish was %s; the name was reserved for this person and stays", wish))
	}
	return steps
}

func wished(rec directory.Record, rule mapping.Rule) (scim.Value, bool) {
	if rule.Unique == "" {
		return scim.Null(), false
	}
	r, err := scim.ParseResource(rec.User, scim.Limits{})
	if err != nil {
		return scim.Null(), false
	}
	return r.At(rule.Path)
}

func lastWith(entries []provision.Entry, path string) *Request {
	for _, e := range entries {
		for _, op := range e.Ops {
			for _, c := range op.Changes {
				if c.Path == path {
					return requestOf(e)
				}
			}
		}
	}
	return nil
}

// ParkedRow is something that was set aside at an app.
type ParkedRow struct {
	App    string `json:"app"`
	Who    string `json:"who"`
	Reason string `json:"reason"`
}

// Parked lists accounts and groups that are set aside, with the reason.
func (u *Usher) Parked(ctx context.Context) (rows []ParkedRow, err error) {
	rows = []ParkedRow{}
	err = u.db.Read(ctx, func(r store.Reader) error {
		for _, t := range u.Targets {
			subjects, err := r.Subjects(ctx, provision.Query{App: t.Name, Parked: true, Limit: 10_000})
			if err != nil {
				return err
			}
			for _, s := range subjects {
				who, err := called(ctx, r, s.Person)
				if err != nil {
					return err
				}
				rows = append(rows, ParkedRow{t.Name, who, s.Account.Parked})
			}
			groups, err := r.Groups(ctx, t.Name)
			if err != nil {
				return err
			}
			for _, g := range groups {
				if g.Parked != "" {
					rows = append(rows, ParkedRow{t.Name, "group " + g.Name, g.Parked})
				}
			}
		}
		return nil
	})
	return rows, err
}

// called is what somebody is known by: the user name, or a record's key where there is
// none.
func called(ctx context.Context, r store.Reader, p *directory.Person) (string, error) {
	if name := p.UserName(); name != "" {
		return name, nil
	}
	records, err := r.RecordsOf(ctx, []string{p.ID})
	if err != nil || len(records[p.ID]) == 0 {
		return p.ID, err
	}
	return records[p.ID][0].ID, nil
}

// Waiting lists, app by app, up to limit accounts that the next cycle tries
// again, with how the last request about them ended.
func (u *Usher) Waiting(ctx context.Context, limit int) (rows []ParkedRow, err error) {
	ever := time.Now().AddDate(1, 0, 0) // those, too, whose retry is not due yet
	err = u.db.Read(ctx, func(r store.Reader) error {
		for _, t := range u.Targets {
			for _, q := range []provision.Query{{Observe: true}, {Due: true}} {
				q.App, q.Limit, q.Now = t.Name, limit, ever
				subjects, err := r.Subjects(ctx, q)
				if err != nil {
					return err
				}
				for _, s := range subjects {
					entries, err := r.Entries(ctx, t.Name, s.Person.ID, 1)
					if err != nil {
						return err
					}
					who, err := called(ctx, r, s.Person)
					if err != nil {
						return err
					}
					rows = append(rows, ParkedRow{t.Name, who, waitingFor(entries)})
				}
			}
		}
		return nil
	})
	return rows, err
}

func waitingFor(entries []provision.Entry) string {
	switch {
	case len(entries) == 0:
		return "nothing was sent yet"
	case entries[0].Result == provision.Done:
		return "the account is done, its groups are not"
	case entries[0].Detail != "":
		return entries[0].Detail
	}
	return "no answer came"
}
