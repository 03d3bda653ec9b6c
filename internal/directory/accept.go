// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// Statement is what a source says of one person, now.
type Statement struct {
	Key
	Digest [32]byte // equal digests mean that the source says nothing new
	File   string
	Line   int
	// Replay says that the statement is known to be an old one: it changes
	// what it changes, but brings nobody back who has left (DESIGN: order).
	Replay bool
	// InOrder says that the source's files follow each other by their names: a
	// statement has no say about whom a file of a later name has spoken of.
	InOrder bool
	// New says that nothing was ever stated under the key, which was made just now:
	// nobody need look.
	New bool
	// Repeat says that this very statement was made before, of a source that
	// states what changed: it has no say where something else was said since.
	Repeat bool
	// Deleted is the source's word that the record is gone, which is an explicit
	// end and no mere absence. Map is not called then.
	Deleted bool
	// Blocked is the source's word that the person is shut out, which is an end as of
	// when it is first said. Once it is said no more the person stays out (see
	// ErrUnblocked), unless Returns is set.
	Blocked, Returns bool
	// Aliases are the keys of records of the same source that were made a part of this
	// one: nobody leaves by that.
	Aliases []string
	// Same is an id of the human that all their records of the source have, "" for none.
	Same string
	// Hidden says that nobody can tell now what Same is: it is as it was stated last. That
	// there is none is the source's word that there is none.
	Hidden bool
	// Twins are the keys of other records of which the read says that they have this Same.
	Twins []string
	// Read is what each row of the read has as Same, by key, "" for none; without those of
	// which it is hidden. It is one for all statements of a read, and nil if there is none.
	Read map[string]string
	// Apart is why the read as a whole shows that Same is to be doubted, nil if it does not:
	// a new record that has it is set aside, with this as the reason.
	Apart error
	// Since is when the read began that the statement is of; zero for one that is of
	// now. What was taken later is newer.
	Since time.Time
	// Keep are the attributes of which the source cannot tell what they are now: they stay as
	// it has last stated them.
	Keep []scim.Path
	part string // the key of the record that it follows, see acceptance.follow
	// Map evaluates the source's mapping. It is only called when the digest
	// is new, so that a read without change evaluates no expression.
	Map func() (*scim.Resource, error)
	// Text is the JSON of which Map's resource was read, by a source that made it before
	// the transaction, which others wait for; nil by any other.
	Text []byte
}

// Rejected is a statement that was set aside. Its person is as they were.
type Rejected struct {
	Statement
	Err error
}

// ErrReplayed is why an old statement about a leaver is set aside.
var ErrReplayed = errors.New("this file was read before, and a later one said that this person has left: an older file brings nobody back")

// Accepted is what became of a chunk of statements.
type Accepted struct {
	New, Changed, Unchanged int
	Rejected                []Rejected
	Waiting                 []Statement // that match nobody yet
	Late                    []Statement // that a later one has outdone
}

// Accept takes a chunk of statements, in the order of their keys, in one
// transaction. A statement that cannot be taken is rejected alone.
func (d *Directory) Accept(ctx context.Context, tx Tx, source string, chunk []Statement) (Accepted, error) {
	ids := make([]string, 0, len(chunk))
	for _, s := range chunk {
		if !s.New {
			ids = append(ids, s.ID)
		}
	}
	a := d.acceptance(tx)
	var known map[string]Record
	var err error
	if len(ids) > 0 {
		if known, err = tx.Records(ctx, source, ids); err != nil {
			return Accepted{}, err
		}
	}
	if a.several, err = d.several(ctx, tx); err != nil {
		return Accepted{}, err
	}
	if a.alike, err = d.alike(ctx, tx, source, known, chunk); err != nil {
		return Accepted{}, err
	}
	if a.gone, err = d.erased(ctx, tx, source, known, chunk); err != nil {
		return Accepted{}, err
	}
	if a.links, err = d.links(ctx, tx, source, ids, chunk); err != nil {
		return Accepted{}, err
	}
	for _, s := range chunk {
		before := len(a.fresh)
		err := a.read(ctx, known[s.ID], s)
		if err == nil && len(a.fresh) > before {
			err = a.link(ctx, a.fresh[before])
		}
		if err != nil {
			return Accepted{}, err
		}
	}
	if err := a.people(ctx); err != nil {
		return Accepted{}, err
	}
	return a.out, a.store(ctx)
}

func (d *Directory) acceptance(tx Tx) *acceptance {
	return &acceptance{d: d, tx: tx, cal: d.calendar(), teams: map[string][]Team{}, keys: map[string][]MatchKey{}, given: map[string]string{}, taken: map[string][]int{}, now: map[string]*Person{}}
}

// acceptance is the work on one chunk.
type acceptance struct {
	d   *Directory
	tx  Tx
	cal Calendar
	out Accepted

	fresh   []view
	records []Record
	changed []*Person
	teams   map[string][]Team
	stated  map[string][]Team // by person, see Directory.stated
	keys    map[string][]MatchKey
	given   map[string]string // person → the record of this chunk that they got
	events  []audit.Event
	links   links
	alike   map[string][]Record // by Record.Same, see Directory.alike
	gone    map[string]forgotten
	taken   map[string][]int   // of records, by person
	joins   bool               // a record was joined
	several bool               // a person may have more than one record
	now     map[string]*Person // those of whom it was said something already
	linked  []string           // people who got a record, and are as they were
	// expected is what was revoked before its record was known, by key.
	expected map[string]time.Time
}

// view is a statement that was read, with the record it becomes.
type view struct {
	Statement
	record Record
	user   *scim.Resource
	before Record // zero for a new key
	// nothing says that it is of somebody who was erased, and says nothing new.
	nothing bool
	twin    string // the record that joined has found
	heir    bool   // it has the person of a record that was made a part of it
	joined  bool   // it has the person of a record that is of the same human
	read    bool   // user is what record.User says, read again
	// reasoned says that its person is in for another reason than before.
	reasoned bool
	// unblocked says that the record had ended by a block that is gone.
	unblocked bool
}

// read evaluates a statement that says something new, and finds whose it is.
func (a *acceptance) read(ctx context.Context, known Record, s Statement) error {
	rules := a.d.rules(s.Source)
	was := known.Generation > 0
	// What waits may find its person now, whether or not it says something else.
	again := was && known.Person == ""
	switch {
	case was && (s.InOrder && known.After(s.File) || s.Repeat && known.Digest != s.Digest || !s.Since.IsZero() && known.At.After(s.Since) && known.Digest != s.Digest):
		a.out.Late = append(a.out.Late, s)
		return nil
	case s.Deleted && known.Person == "": // nobody has to go, but an older file must not bring them
		a.out.Unchanged++
		if known.Digest != s.Digest || known.File != s.File {
			a.put(Record{
				Key: s.Key, Generation: 1, Digest: s.Digest, User: []byte("{}"), Line: s.Line, File: s.File, At: a.tx.Now(), Missing: a.tx.Now(),
			})
		}
		return nil
	case was && known.Digest == s.Digest && !again:
		if a.out.Unchanged++; s.InOrder && was && known.File != s.File { // said again, and later
			known.File, known.Line = s.File, s.Line
			a.put(known)
		}
		return nil
	}
	v, err := a.view(known, s)
	if err != nil {
		a.reject(s, err)
		return nil
	}
	var refused refusal
	v.record.Person, err = a.belongs(ctx, v)
	switch {
	case errors.As(err, &refused):
		a.reject(s, refused)
		return nil
	case errors.Is(err, ErrOlder):
		a.reject(s, ErrOlder)
		return nil
	case err != nil:
		return err
	case v.nothing:
		a.out.Unchanged++
		return nil
	case v.record.Person == "":
		a.out.Waiting = append(a.out.Waiting, s)
		if known.Digest != s.Digest || known.File != s.File || !known.Missing.IsZero() {
			a.put(v.record)
		}
		return nil
	}
	v.record.Holds = !rules.Waits || v.record.Person == v.PersonID()
	a.given[v.record.Person] = s.ID
	if _, ok := a.gone[v.PersonID()]; !ok || known.Person != "" { // whoever was erased may stay so
		a.meet(v.record)
	}
	a.fresh = append(a.fresh, *v)
	return nil
}

// view makes the record that a statement becomes.
func (a *acceptance) view(known Record, s Statement) (*view, error) {
	v := &view{Statement: s, before: known}
	v.record = Record{Key: s.Key, Generation: max(1, known.Generation), Digest: s.Digest, Line: s.Line, File: s.File, At: a.tx.Now(), Alias: s.part}
	if v.record.Same = s.Same; s.Hidden || !a.d.rules(s.Source).Joins {
		v.record.Same = known.Same // what is hidden for a while is no news
	}
	var err error
	switch {
	case s.Deleted || known.Generation > 0 && known.Digest == s.Digest:
		v.user, err = scim.ParseResource(known.User, scim.Limits{})
	default:
		if v.user, err = s.Map(); err == nil && len(s.Keep) > 0 && known.Generation > 0 {
			err = keep(v.user, known.User, s.Keep)
		}
		if err == nil && untell(v.user) {
			s.Text, v.Text = nil, nil // it says what is not kept
		}
	}
	switch {
	case err != nil:
	case s.Deleted:
		err = a.end(v)
	default:
		err = a.block(v)
	}
	if err != nil {
		return v, err
	}
	f, err := factsOf(v.user)
	if err != nil {
		return v, err
	}
	v.record.Start, v.record.End = f.start, f.end
	if v.Text != nil && !v.Blocked && !v.Deleted && known.Generation == 0 { // it is what was mapped, and no more
		v.record.User, v.read = v.Text, true
		return v, nil
	}
	v.record.User = v.user.AppendJSON(nil)
	return v, nil
}

// untell takes away a word that no leave is on: it says no more than nothing does, and nobody
// is another one for a line of configuration that says it of them.
func untell(user *scim.Resource) (taken bool) {
	v, _ := user.At(onLeave)
	on, is := v.AsBool()
	if taken = is && !on; taken {
		user.Remove(onLeave)
	}
	return taken
}

// keep puts what was stated before in the place of what is stated now.
func keep(user *scim.Resource, before []byte, paths []scim.Path) error {
	was, err := scim.ParseResource(before, scim.Limits{})
	if err != nil {
		return err
	}
	for _, p := range paths {
		user.Remove(p)
		if v, ok := was.At(p); ok {
			if err := user.Put(p, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// end makes a record one that its source has deleted: whoever it holds has left
// as of now; one that only adds to a person adds nothing any more.
func (a *acceptance) end(v *view) error {
	if a.d.rules(v.Source).Waits {
		v.record.Missing = a.tx.Now()
		return nil
	}
	if v.before.ended(a.cal.Now) {
		return nil
	}
	return v.user.Put(endDate, scim.String(stamp(a.cal.Now)))
}

// put has a record stored.
func (a *acceptance) put(r Record) {
	if a.several && r.Person != "" {
		a.taken[r.Person] = append(a.taken[r.Person], len(a.records))
	}
	a.records = append(a.records, r)
}

func (a *acceptance) reject(s Statement, err error) {
	a.out.Rejected = append(a.out.Rejected, Rejected{s, err})
}

// people computes the person behind each fresh view.
func (a *acceptance) people(ctx context.Context) error {
	ids := make([]string, 0, len(a.fresh))
	for i := range a.fresh {
		if v := &a.fresh[i]; !v.New || v.record.Person != v.PersonID() {
			ids = append(ids, v.record.Person)
		}
	}
	var people map[string]*Person
	var err error
	if len(ids) > 0 {
		if people, err = a.tx.People(ctx, ids); err != nil {
			return err
		}
	}
	var others map[string][]Record
	known := slices.DeleteFunc(ids, func(id string) bool { return people[id] == nil }) // of others nobody has said anything
	if a.several && len(known) > 0 {                                                   // else a person's only record is the one at hand
		if others, err = a.tx.RecordsOf(ctx, known); err != nil {
			return err
		}
	}
	if a.stated, err = a.d.stated(ctx, a.tx, known); err != nil {
		return err
	}
	if err := a.awaited(ctx); err != nil {
		return err
	}
	for _, v := range a.fresh {
		old := people[v.record.Person]
		if now, ok := a.now[v.record.Person]; ok { // another record of theirs is in the chunk
			old = now
		}
		if err := a.person(ctx, v, old, others[v.record.Person]); err != nil {
			return err
		}
	}
	return nil
}

func (a *acceptance) person(ctx context.Context, v view, old *Person, others []Record) error {
	records := []Record{v.record}
	for _, r := range a.beside(&v, others) {
		if r.Key != v.Key && !a.links.merged[r.Key] {
			records = append(records, r)
		}
	}
	turned := a.d.past(records, a.cal.Now)
	v.record = records[0]
	o, err := a.d.opinions(records, a.cal.Now, &v)
	var user *scim.Resource
	var f facts
	if err == nil {
		user, err = o.merge()
	}
	if err == nil && old != nil && !o.held {
		err = keepDates(user, old.User) // nobody says anything of them
	}
	if err == nil {
		f, err = factsOf(user)
	}
	if err != nil { // what cannot be read again must not be kept: it would stop everybody
		a.reject(v.Statement, err)
		return nil
	}
	p := &Person{ID: v.record.Person, User: user, Generation: v.record.Generation}
	p.Revoked = a.revocation(&v, old, f)
	f = f.under(p.Revoked)
	if old != nil && old.State == Erased {
		if state, _, _ := derive(a.cal, f); state == Leaver { // nothing of them is kept again
			a.out.Unchanged++
			return nil
		}
		if g, ok := a.gone[v.PersonID()]; ok && v.record.Start.Before(g.Start) {
			a.reject(v.Statement, ErrOlder)
			return nil
		}
		v.record.Generation = old.Generation + 1
		p.Generation, p.Revision = v.record.Generation, old.Revision
	} else if old != nil {
		p.State, p.Why, p.Cause = old.State, old.Why, old.Cause
		p.Revision, p.Next, p.Admitted = old.Revision, old.Next, old.Admitted
		p.Generation = old.Generation
		if o.held && rehired(old, a.cal.Now, f) {
			p.Generation++
			v.record.Generation = p.Generation
		}
	}
	// Staged is on the way back, too: its date would let them in.
	a.place(p, old, f, o)
	v.reasoned = len(records) > 1 && old != nil && p.State.In() && p.Why != old.Why
	if v.Replay && !planted.On(planted.ReplayReopens) && old != nil && (old.State == Leaver || old.State == Erased) && p.State != Leaver {
		a.reject(v.Statement, ErrReplayed)
		return nil
	}
	if v.revives(old, p, f, a.d.rules(v.Source).Links) {
		a.reject(v.Statement, ErrUnblocked)
		return nil
	}
	if a.older(&v, old, p, records) {
		a.reject(v.Statement, ErrOlder)
		return nil
	}
	if p.Next.IsZero() || p.Next.After(a.cal.Now) {
		p.Next = soonest(a.cal.Now, p.Next, o.turn)
	}
	for _, i := range turned {
		if i > 0 {
			a.put(records[i])
		}
		a.events = append(a.events, a.d.passed(a.tx, records[i]))
	}
	// A name is asked for before the teams are, as a rule may read it.
	if err := reserve(ctx, a.tx, "organisation", p.ID, a.d.unique(records), p.User); err != nil {
		return err
	}
	teams, err := a.d.teamsOf(p, a.stated[p.ID])
	switch {
	case err == nil && old == nil && len(teams) == 0: // who is new is in none yet
	case err == nil:
		a.teams[p.ID] = teams
	case old != nil && p.State.In() && p.Next.Equal(a.cal.Now): // on the way out: no rule stands in it
	default:
		a.reject(v.Statement, err)
		return nil
	}
	if len(a.d.keys) > 0 {
		a.keys[p.ID] = a.d.keysOf(o, p.User)
	}
	if !v.record.Missing.IsZero() {
		v.record.Person = "" // see Standing
	}
	a.keep(v, old, p)
	return nil
}

// place sets the state that the new facts mean. Whoever is in and would be out
// waits, unchanged, for Settle, where the gate stands; so does whoever no record
// holds, as one that only adds to a person brings nobody back.
func (a *acceptance) place(p, old *Person, f facts, o *opinions) {
	state, why, next := derive(a.cal, f)
	why = o.remark(state, why)
	switch {
	case old != nil && !o.held:
		return
	case old != nil && old.State.In() && !state.In():
		p.Next, p.Cause = a.cal.Now, f.cause()
		return
	}
	p.State, p.Why, p.Next, p.Cause = state, why, next, ""
	if state == Leaver {
		p.Cause = f.cause()
	}
	if state.In() {
		p.Admitted = false
	}
}

// keep stores a view and the person it made. A view that says the same in other
// columns, or by another mapping, changes nobody.
func (a *acceptance) keep(v view, old, p *Person) {
	a.put(v.record)
	a.joins = a.joins || v.joined
	if p.ID != v.before.Person && p.ID != v.PersonID() {
		a.events = append(a.events, audit.Event{
			At: a.tx.Now(), Kind: "record.matched", Actor: a.d.cfg.Actor, Person: p.ID, Object: v.Source + ":" + v.ID,
			Why: v.matched(),
		})
	}
	kind, why := "person.changed", "changed at "+v.Source
	switch {
	case old == nil:
		kind, why, p.Revision = "person.created", "new at "+v.Source, 1
	case p.Generation > old.Generation:
		kind, why = "person.rehired", "hired again at "+v.Source
	}
	revoked := old == nil && !p.Revoked.At.IsZero() || old != nil && !p.Revoked.At.Equal(old.Revoked.At)
	if revoked {
		a.events = append(a.events, a.d.revoked(a.tx, p, v.Key))
	}
	before, after := a.d.difference(old, p)
	if old != nil && !revoked && !v.reasoned && len(after) == 0 && p.Generation == old.Generation && p.Next.Equal(old.Next) && p.Cause == old.Cause {
		if a.out.Unchanged++; p.ID != v.before.Person {
			a.linked = append(a.linked, p.ID)
		}
		delete(a.teams, p.ID)
		return
	}
	if old == nil {
		a.out.New++
	} else {
		a.out.Changed++
		p.Revision++
	}
	a.changed = append(a.changed, p)
	if a.several && a.d.rules(v.Source).asOne() {
		a.now[p.ID] = p
	}
	a.events = append(a.events, audit.Event{
		At: a.tx.Now(), Kind: kind, Actor: a.d.cfg.Actor, Person: p.ID, Object: v.Source + ":" + v.ID,
		Why: why, Before: nilIfEmpty(before), After: nilIfEmpty(after),
	})
}

// difference is what the ledger tells of a change: attributes and state.
func (d *Directory) difference(old, p *Person) (before, after map[string]scim.Value) {
	user := scim.NewResource(scim.UserURN)
	if old != nil {
		before, user = map[string]scim.Value{}, old.User
	}
	changes := scim.Diff(d.cfg.Schemas, scim.UserURN, d.cfg.Paths, user, p.User)
	after = make(map[string]scim.Value, len(changes)+1)
	for _, c := range changes {
		after[c.Path.String()] = c.After
		if old != nil {
			before[c.Path.String()] = c.Before
		}
	}
	if old == nil || old.State != p.State {
		after["state"] = scim.String(string(p.State))
		if old != nil {
			before["state"] = scim.String(string(old.State))
		}
	}
	return before, after
}

func nilIfEmpty(m map[string]scim.Value) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

func (a *acceptance) store(ctx context.Context) error {
	if len(a.records) == 0 {
		return nil
	}
	if err := a.tx.PutRecords(ctx, a.records); err != nil {
		return err
	}
	if err := a.met(ctx); err != nil {
		return err
	}
	if err := a.remember(ctx); err != nil {
		return err
	}
	if err := a.tx.PutPeople(ctx, a.changed); err != nil {
		return err
	}
	if err := a.tx.MarkLinked(ctx, a.linked); err != nil {
		return err
	}
	if err := a.tx.SetTeams(ctx, a.teams); err != nil {
		return err
	}
	if err := a.tx.PutKeys(ctx, a.keys); err != nil {
		return err
	}
	return a.tx.AppendEvents(ctx, a.events)
}

// teamsOf returns the teams a person is in: by rule, and those that sources state,
// while they have access, none otherwise.
func (d *Directory) teamsOf(p *Person, stated []Team) ([]Team, error) {
	if !p.State.In() {
		return nil, nil
	}
	teams, err := d.cfg.Teams.TeamsOf(p)
	return append(teams, stated...), err
}
