// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/scim"
)

// compiled holds what takes long to make and is safe to share.
var compiled = sync.OnceValue(func() *mapping.Compiler {
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		panic(err)
	}
	return c
})

func mapped(t testing.TB, rules map[string]string) *mapping.Mapping {
	t.Helper()
	env, err := compiled().Person()
	if err != nil {
		t.Fatal(err)
	}
	var attrs []config.Attribute
	for _, path := range sorted(rules) {
		attrs = append(attrs, config.Attribute{Path: config.Text{Value: path}, Value: config.Text{Value: rules[path]}})
	}
	m, err := env.CompileMapping(scim.UserURN, attrs)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func condition(t testing.TB, expr string) *mapping.Program {
	t.Helper()
	env, err := compiled().Person()
	if err != nil {
		t.Fatal(err)
	}
	p, err := env.Compile(config.Text{Value: expr}, mapping.WantBool())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func groupName(t testing.TB, expr string) *mapping.Program {
	t.Helper()
	env, err := compiled().Team()
	if err != nil {
		t.Fatal(err)
	}
	p, err := env.Compile(config.Text{Value: expr}, mapping.WantString())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plainMapping fails on people whose preferredLanguage is "poison".
func plainMapping(t testing.TB) *mapping.Mapping {
	return mapped(t, map[string]string{
		"userName": "person.userName", "displayName": "person.displayName", "title": "person.title",
		"nickName": `person.preferredLanguage == "poison" ? person.emails[7].value : person.nickName`,
	})
}

func newTarget(t testing.TB, name string, a app.App) *provision.Target {
	if a == nil {
		a = newFakeApp()
	}
	return &provision.Target{
		Name: name, App: a, Mapping: plainMapping(t), Teams: map[string]bool{"dept": true},
		Adopt: []string{"externalId", "userName"}, FirstRunGo: true, Concurrency: 4, Digest: [32]byte{1},
	}
}

// somebody is a person as the directory keeps them.
func somebody(id string, state directory.State, attrs ...string) *directory.Person {
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String(id+"@acme.example"))
	u.Set("displayName", scim.String("Person "+id))
	for i := 0; i < len(attrs); i += 2 {
		u.Set(attrs[i], scim.String(attrs[i+1]))
	}
	p := &directory.Person{ID: id, State: state, User: u, Generation: 1, Revision: 1, Why: "test: " + string(state)}
	if state == directory.Leaver {
		p.Cause = directory.CauseTermination
	}
	return p
}

func team(value string) directory.Team {
	return directory.Team{ID: "t-" + value, Rule: "dept", Value: value, Name: value}
}

// house is a store, some apps and the people of a company.
type house struct {
	t       *testing.T
	ctx     context.Context
	db      store.DB
	targets []*provision.Target
	people  map[string]*directory.Person
	teams   map[string][]directory.Team
	limits  provision.Limits
	release string
	only    []string
	wait    time.Duration
	clock   time.Time // the calendar, if it stands
	app     *fakeApp  // of the first target
}

// in runs a test in a bubble of its own, where waiting for a retry takes no
// time. The store's file I/O is real: a goroutine in a system call holds the
// bubble's clock.
func in(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	path := storetest.New(t)
	compiled()
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(context.Background(), path, "test")
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		a := newFakeApp()
		fn(t, &house{
			t: t, ctx: context.Background(), db: db, app: a, targets: []*provision.Target{newTarget(t, "crm", a)},
			people: map[string]*directory.Person{}, teams: map[string][]directory.Team{},
			limits: provision.DefaultLimits(), wait: time.Hour,
		})
	})
}

// put stores people as the directory would, and marks them.
func (h *house) put(people ...*directory.Person) {
	h.t.Helper()
	for _, p := range people {
		h.people[p.ID] = p
	}
	h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) error { return tx.PutPeople(h.ctx, people) }))
}

// seat puts somebody into teams, and nowhere else.
func (h *house) seat(id string, values ...string) {
	h.t.Helper()
	teams := []directory.Team{}
	for _, v := range values {
		teams = append(teams, team(v))
	}
	h.teams[id] = teams
	h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) error {
		if err := tx.SetTeams(h.ctx, map[string][]directory.Team{id: teams}); err != nil {
			return err
		}
		return tx.PutPeople(h.ctx, []*directory.Person{h.people[id]})
	}))
}

func (h *house) engine() *provision.Engine { return provision.New(h.config()) }

func (h *house) config() provision.Config {
	return provision.Config{
		Store: patient(h.db.Provision()), Schemas: scim.CoreSchemas(), Targets: h.targets, Limits: h.limits,
		Released: func(id string) bool { return h.release != "" && id == h.release },
		People:   h.only, Actor: "test", Now: h.now, Wait: h.wait,
	}
}

func (h *house) now() time.Time {
	if h.clock.IsZero() {
		return time.Now()
	}
	return h.clock
}

// apply runs a cycle over all apps and returns what it did at the first.
func (h *house) apply() *provision.AppReport {
	h.t.Helper()
	return h.cycle().Apps[h.targets[0].Name]
}

func (h *house) cycle() provision.Cycle {
	h.t.Helper()
	res, err := h.engine().Apply(h.ctx, nil)
	h.must(err)
	return res
}

// patient is a store that loses its patience with a cycle that goes round
// without end, whether it sends something or not.
type patientStore struct {
	provision.Store
	views *atomic.Int64
}

func patient(s provision.Store) provision.Store { return patientStore{s, new(atomic.Int64)} }

var errEndless = errors.New("the cycle does not end")

func (p patientStore) View(ctx context.Context, fn func(provision.Tx) error) error {
	if p.views.Add(1) > 5_000 {
		return errEndless
	}
	return p.Store.View(ctx, fn)
}

func (h *house) plan() provision.Cycle {
	h.t.Helper()
	var res provision.Cycle
	h.must(h.db.Rehearse(h.ctx, func(db store.DB) (err error) {
		e := provision.New(provision.Config{
			Store: db.Provision(), Schemas: scim.CoreSchemas(), Targets: h.targets, Limits: h.limits,
			Released: func(id string) bool { return h.release != "" && id == h.release },
			People:   h.only, Actor: "test", Now: h.now, Wait: h.wait,
		})
		res, err = e.Plan(h.ctx)
		return err
	}))
	return res
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// account returns a person's row at the first app.
func (h *house) account(id string) provision.Account {
	h.t.Helper()
	var out provision.Account
	h.must(h.db.Provision().View(h.ctx, func(tx provision.Tx) error {
		s, err := tx.Subjects(h.ctx, provision.Query{App: h.targets[0].Name, People: []string{id}, Limit: 1, Now: time.Now()})
		if err == nil && len(s) == 1 {
			out = s[0].Account
		}
		return err
	}))
	return out
}

func (h *house) groupOf(value string) provision.Group {
	h.t.Helper()
	var out map[string]provision.Group
	h.must(h.db.Provision().View(h.ctx, func(tx provision.Tx) (err error) {
		out, err = tx.Groups(h.ctx, h.targets[0].Name)
		return err
	}))
	return out["t-"+value]
}

func (h *house) holds() []provision.Hold {
	h.t.Helper()
	var out []provision.Hold
	h.must(h.db.Provision().View(h.ctx, func(tx provision.Tx) (err error) {
		out, err = tx.Holds(h.ctx)
		return err
	}))
	return out
}

func (h *house) open() []*provision.Intent {
	h.t.Helper()
	var out []*provision.Intent
	h.must(h.db.Provision().View(h.ctx, func(tx provision.Tx) (err error) {
		out, err = tx.OpenIntents(h.ctx, h.targets[0].Name)
		return err
	}))
	return out
}

// told is a ledger event as it was written.
type told struct {
	Kind, Actor, Person, App, Object, Why, Op string
}

func (h *house) ledger() []told {
	h.t.Helper()
	_, err := audit.Sequence(h.ctx, h.db.Ledger())
	h.must(err)
	_, err = audit.Verify(h.ctx, h.db.Ledger())
	h.must(err)
	var out []told
	for seq := int64(0); ; {
		entries, err := h.db.Ledger().Chained(h.ctx, seq, 1000)
		h.must(err)
		for _, e := range entries {
			var one told
			h.must(json.Unmarshal(e.Payload, &one))
			one.Kind = e.Kind
			out = append(out, one)
			seq = e.Seq
		}
		if len(entries) == 0 {
			return out
		}
	}
}

// events counts the ledger's events of a kind about a person, or about anybody.
func (h *house) events(kind, person string) int {
	h.t.Helper()
	n := 0
	for _, e := range h.ledger() {
		if e.Kind == kind && (person == "" || e.Person == person) {
			n++
		}
	}
	return n
}

// settled checks what must hold once a cycle has come to rest: the app is as
// the directory says, nobody is there twice, no request is without outcome, and
// a further cycle sends nothing and plans nothing.
func (h *house) settled() {
	h.t.Helper()
	h.matches()
	if open := h.open(); len(open) > 0 {
		h.t.Errorf("%d requests have no outcome, the first is %s %+v", len(open), open[0].Kind, open[0])
	}
	for _, p := range h.plan().Plans {
		for _, o := range p.Ops {
			h.t.Errorf("still planned: %s %s %s", o.Kind, o.Person, o.Team)
		}
	}
	before := len(h.app.writes())
	h.apply()
	if w := h.app.writes()[before:]; len(w) > 0 {
		h.t.Errorf("a second cycle sent %+v", w)
	}
}

// matches compares the first app with the directory.
func (h *house) matches() {
	h.t.Helper()
	for id, p := range h.people {
		var live []string
		for rid, u := range h.app.users {
			active, _ := u.Active()
			if u.UserName() == p.UserName() && active {
				live = append(live, rid)
			}
		}
		switch {
		case p.State == directory.Missing:
			continue
		case !h.wanted(p):
			if len(live) > 0 {
				h.t.Errorf("%s is %s and has the live accounts %v", id, p.State, live)
			}
			continue
		case len(live) != 1:
			h.t.Errorf("%s has the live accounts %v", id, live)
			continue
		}
		u := h.app.users[live[0]]
		if u.DisplayName() != h.display(p) {
			h.t.Errorf("%s is called %q", id, u.DisplayName())
		}
		want := map[string]bool{}
		for _, t := range h.teams[id] {
			want[t.Name] = true
		}
		for gid, g := range h.app.groups {
			if has := h.app.members[gid][live[0]]; has != want[g.DisplayName()] {
				h.t.Errorf("%s in group %s: %v", id, g.DisplayName(), has)
			}
			delete(want, g.DisplayName())
		}
		if len(want) > 0 {
			h.t.Errorf("%s should be in %v, which the app does not have", id, want)
		}
	}
}

// wanted is the oracle's own reading of state and scope.
func (h *house) wanted(p *directory.Person) bool {
	title, _ := p.User.Get("title")
	s, _ := title.AsString()
	return p.State.In() && (h.targets[0].Scope == nil || s != "out")
}

func (h *house) display(p *directory.Person) string {
	v, _ := p.User.Get("displayName")
	s, _ := v.AsString()
	return s
}
