// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// Target is one app as the configuration wants it.
type Target struct {
	Name        string
	Address     string // of its API
	Source      string // whose records the accounts are, see records.go; "" for accounts of the app's own
	App         app.App
	Mapping     *mapping.Mapping // person → account
	Scope       *mapping.Program // nil: everybody
	GroupName   *mapping.Program // nil: the team's own name
	Teams       map[string]bool  // rules whose teams become groups
	Adopt       []string         // externalId, userName, email: in this order
	DeleteAfter *time.Duration   // nil: never
	FirstRunGo  bool             // the first run needs no further agreement
	Concurrency int
	Digest      [32]byte // over all of this that a plan rests on
}

// Planner computes operations. It is pure: equal subjects give equal plans.
type Planner struct {
	Target  *Target
	Schemas *scim.SchemaSet
	Now     time.Time // the calendar's now, for grace times
	profile app.Profile
	mapping *mapping.Mapping // the target's, without what the app does not have
	paths   []scim.Path
	unique  []mapping.Rule
	keepsID bool // the app has an externalId,
	mapsID  bool // and the mapping says what it is
}

// NewPlanner returns a planner for one app at one moment.
func NewPlanner(t *Target, set *scim.SchemaSet, now time.Time) *Planner {
	profile := t.App.Profile()
	m := t.Mapping.Without(profile.Unsupported.Cover)
	paths := m.Paths()
	p := &Planner{
		Target: t, Schemas: set, Now: now, profile: profile, mapping: m, unique: unique(m),
		mapsID: slices.ContainsFunc(paths, externalIDPath.Equal), keepsID: !profile.Unsupported.Cover(externalIDPath),
	}
	if p.paths = paths; p.keepsID {
		p.paths = append(p.paths, externalIDPath)
	}
	return p
}

var (
	externalIDPath = scim.Path{Attr: "externalId"}
	activePath     = scim.Path{Attr: "active"}
	displayName    = scim.Path{Attr: "displayName"}
)

// Failed is an expression that failed on a person or a team. It parks that
// person or group alone.
type Failed struct {
	Person string // "" for a team
	Reason string
}

func (f *Failed) Error() string { return f.Reason }

// Subject plans one person at one app. Groups says which groups are parked, so
// that nobody is added to what cannot be written. A *Failed error parks the
// person, once what comes with it is done: an account that cannot be written to
// still leaves the groups of teams that the person has left.
func (p *Planner) Subject(s Subject, groups map[string]Group) ([]*Op, error) {
	if s.Person.State == directory.Missing {
		return nil, nil // keeps everything, gains nothing
	}
	wanted, cause, why, err := p.wanted(s)
	if err != nil {
		return nil, err
	}
	var ops []*Op
	if !wanted || !s.outside(p.Now) {
		ops, err = p.account(s, wanted, cause, why)
	}
	if err != nil && s.Account.State != Live {
		return nil, err
	}
	if len(ops) > 0 && ops[0].Kind == Delete {
		return ops, nil // the memberships go with the account
	}
	return append(ops, p.members(s, groups, wanted, cause, why)...), err
}

// outside says that somebody has no account that is live, and is not let in while they wait as
// Missing or held. Whoever is held and has one is kept up as others are, but for what is new.
func (s *Subject) outside(now time.Time) bool {
	return s.Person.State == directory.Missing || s.Person.HeldAt(now) && (s.Account.State != Live || s.Account.Begun)
}

// wanted says whether the person should have a live account, and if not why.
func (p *Planner) wanted(s Subject) (bool, directory.Cause, string, error) {
	if !s.Person.State.In() {
		cause := s.Person.Cause
		if cause == "" {
			cause = directory.CauseTermination
		}
		return false, cause, s.Person.Why, nil
	}
	if p.Target.Source != "" {
		if why, err := p.foreignTo(s); err != nil || why != "" {
			return false, CauseScope, why, err
		}
	}
	if p.Target.Scope == nil {
		return true, "", "", nil
	}
	v, err := p.Target.Scope.Eval(input(s))
	if err != nil {
		return false, "", "", &Failed{s.Person.ID, fmt.Sprintf("scope: %v", err)}
	}
	if in, _ := v.AsBool(); in {
		return true, "", "", nil
	}
	return false, CauseScope, "outside the app's scope: " + p.Target.Scope.Text().Value, nil
}

func input(s Subject) mapping.Input {
	in := mapping.Input{Person: s.Person.User, PersonID: s.Person.ID}
	for _, t := range s.Teams {
		in.Teams = append(in.Teams, t.Name)
	}
	return in
}

// desired is the account as mapping says it should be.
func (p *Planner) desired(s Subject) (*scim.Resource, error) {
	u, failures := p.mapping.Apply(input(s))
	for _, f := range failures {
		return nil, &Failed{s.Person.ID, fmt.Sprintf("%s: %v", f.Path, f.Err)}
	}
	if planted.On(planted.UnmappedOnReCreate) && s.Account.Sent == nil && !s.Account.Since.IsZero() {
		u = over(s.Person.User, u, p.paths)
	}
	if err := p.named(s, u); err != nil {
		return nil, &Failed{s.Person.ID, err.Error()}
	}
	if _, mapped := u.At(externalIDPath); !mapped && p.keepsID {
		u.SetExternalID(s.Person.ID)
	}
	p.shape(u)
	return u, nil
}

// Desired is the account that a person is to have at the planner's app, as it would be
// made, nil if they are to have none, or keep what they have. A *Failed error says what
// keeps it from being made.
func (p *Planner) Desired(s Subject) (*scim.Resource, error) {
	if s.outside(p.Now) {
		return nil, nil
	}
	wanted, _, _, err := p.wanted(s)
	if err != nil || !wanted {
		return nil, err
	}
	return p.desired(s)
}

// settled reports whether a live account has all that mapping says, without
// making the resource that it would be compared with: of nearly everybody who is
// looked at, nothing has changed.
func (p *Planner) settled(s Subject) bool {
	a := &s.Account
	if a.State != Live || a.Sent == nil || p.keepsID && !p.mapsID && a.Sent.ExternalID() != s.Person.ID {
		return false
	}
	for i := range p.unique {
		if name := s.Names[p.unique[i].Path.String()]; name == "" || name != text(a.Sent, p.unique[i].Path) {
			return false
		}
	}
	return p.mapping.Agrees(input(s), a.Sent)
}

func (p *Planner) account(s Subject, wanted bool, cause directory.Cause, why string) ([]*Op, error) {
	a := s.Account
	switch {
	case wanted && a.State == Live && a.Last == Shut:
		return nil, &Failed{s.Person.ID, shutReason}
	case wanted && !a.Begun && p.settled(s):
		return nil, nil
	}
	op := &Op{App: p.Target.Name, Person: s.Person.ID, Label: s.Person.UserName(), Cause: cause, Why: why}
	switch {
	case !wanted && p.Target.Source != "":
		return nil, nil // a record is let go, and never ended
	case !wanted && a.State == Live && p.profile.DeactivateLeaves == app.LeavesNothing:
		op.Kind, op.admitted, op.live = Delete, admitted(s), true
		op.Why += "; " + p.profile.Name + " keeps no disabled accounts: it is deleted"
		return []*Op{op.seal()}, nil
	case !wanted && a.State == Live:
		op.Kind, op.admitted, op.user = Disable, admitted(s), a.Sent
		op.changes = []scim.Change{{Path: activePath, Before: scim.Bool(true), After: scim.Bool(false)}}
		return []*Op{op.seal()}, nil
	case !wanted && a.State == Disabled && p.expired(a):
		op.Kind, op.admitted = Delete, admitted(s)
		op.Why += fmt.Sprintf("; disabled since %s", a.Since.UTC().Format(time.RFC3339))
		return []*Op{op.seal()}, nil
	case !wanted:
		return nil, nil
	}
	user, err := p.desired(s)
	if err != nil {
		return nil, err
	}
	op.user, op.changes = user, scim.Diff(p.Schemas, scim.UserURN, p.paths, a.Sent, user)
	fresh := a.State == None || a.State == Gone || a.State == Disabled && p.profile.DeactivateLeaves == app.LeavesNothing
	if !fresh {
		if op.changes, err = p.changeable(s, op.changes); err != nil {
			return nil, err
		}
	}
	switch {
	case fresh:
		op.Kind, op.Cause, op.Why = Create, CauseJoiner, s.Person.Why
		op.changes = append(op.changes, scim.Change{Path: activePath, After: scim.Bool(true)})
	case a.State == Disabled:
		op.Kind, op.Cause, op.Why = Update, CauseJoiner, "back: "+s.Person.Why
		if p.apart(op.changes) {
			op.user, op.changes, op.part = a.Sent, nil, true
		}
		op.changes = append(op.changes, scim.Change{Path: activePath, Before: scim.Bool(false), After: scim.Bool(true)})
	case a.Begun: // what became of the departure is not known, and needs not be
		op.Kind, op.Cause, op.Why = Update, CauseJoiner, "back before the departure was done: "+s.Person.Why
		if p.apart(op.changes) {
			op.user, op.changes, op.part = a.Sent, nil, true
		}
		op.changes = append(op.changes, scim.Change{Path: activePath, After: scim.Bool(true)})
	case len(op.changes) == 0:
		return nil, nil
	default:
		op.Kind, op.Cause, op.Why = Update, CauseMover, "differs from what was last confirmed"
	}
	if err := p.fits(s, user); err != nil {
		return nil, err
	}
	return []*Op{op.seal()}, nil
}

// admitted says that the guard has let this departure pass in the directory.
// Somebody who is in has none, whatever was admitted of them before.
func admitted(s Subject) bool { return s.Person.Admitted && !s.Person.State.In() }

// expired reports whether a disabled account's grace time is over. Since and
// Now are both the calendar's.
func (p *Planner) expired(a Account) bool {
	return p.Target.DeleteAfter != nil && p.profile.CanDelete() && !a.Since.IsZero() && !p.Now.Before(a.Since.Add(*p.Target.DeleteAfter))
}

// wake is when a person who needs nothing now has to be looked at again: at the
// end of the grace time. Zero is never.
func (p *Planner) wake(s Subject) time.Time {
	if p.Target.DeleteAfter == nil || !p.profile.CanDelete() || s.Account.State != Disabled || s.Account.Since.IsZero() || s.Person.State == directory.Missing {
		return time.Time{}
	}
	at := s.Account.Since.Add(*p.Target.DeleteAfter)
	if s.Person.HeldAt(p.Now) && !at.After(p.Now) {
		return time.Time{} // not let in, and not to be deleted: until they are held no more
	}
	return at
}

// members plans the person's memberships: every team of a pushed rule while the
// account is wanted, none otherwise. Whoever is held joins none.
func (p *Planner) members(s Subject, groups map[string]Group, wanted bool, cause directory.Cause, why string) []*Op {
	if len(s.Teams) == 0 && len(s.Members) == 0 || !p.profile.HasGroups() {
		return nil
	}
	var ops []*Op
	desired := map[string]bool{}
	if wanted {
		for _, t := range s.Teams {
			if !p.pushes(t) {
				continue
			}
			desired[t.ID] = true // whoever is in a closed group stays in it
			if g := groups[t.ID]; !s.Members[t.ID] && !g.closed() && !s.Person.HeldAt(p.Now) {
				ops = append(ops, (&Op{
					Kind: MemberAdd, App: p.Target.Name, Person: s.Person.ID, Team: t.ID,
					Label: s.Person.UserName(), Cause: CauseMover, Why: "in team " + t.Name,
				}).seal())
			}
		}
	}
	for team := range s.Members {
		if desired[team] {
			continue
		}
		op := &Op{
			Kind: MemberRemove, App: p.Target.Name, Person: s.Person.ID, Team: team,
			Label: s.Person.UserName(), Cause: cause, Why: why, admitted: admitted(s),
		}
		if wanted {
			op.Cause, op.Why, op.retained = CauseMembership, "no longer in team "+groups[team].Name, true
		}
		ops = append(ops, op.seal())
	}
	sort.Slice(ops, func(i, j int) bool { return ops[i].Team < ops[j].Team })
	return ops
}

// Group plans one team's group: created with its first member, renamed when the
// team is. A group is never deleted here: what is in it may not be ours.
func (p *Planner) Group(t directory.Team, g Group, needed bool) (*Op, error) {
	if g.closed() {
		return nil, nil
	}
	name, err := p.groupName(t)
	if err != nil {
		return nil, err
	}
	op := &Op{App: p.Target.Name, Team: t.ID, Label: name}
	after := scim.String(name)
	switch {
	case g.RemoteID == "" && needed:
		op.Kind, op.Cause, op.Why = GroupCreate, CauseJoiner, "team "+t.Name+" has members"
		op.changes = []scim.Change{{Path: displayName, After: after}}
	case g.RemoteID != "" && g.Name != name && p.profile.Groups.NoRename:
		reason := fmt.Sprintf("%s: team %s is called %s now, and its group in %s keeps the name %s; its members are kept up. Rename the team back, "+
			"or make a group of the new name there, move what hangs on the old one, and delete that", misnamed, t.Name, name, p.profile.Name, g.Name)
		if g.Parked == reason { // told already
			return nil, nil
		}
		return nil, &Failed{Reason: reason}
	case g.RemoteID != "" && g.Name != name:
		op.Kind, op.Cause, op.Why = GroupUpdate, CauseMover, "renamed"
		op.changes = []scim.Change{{Path: displayName, Before: scim.String(g.Name), After: after}}
	default:
		return nil, nil
	}
	return op.seal(), nil
}

// misnamed is how the reason begins for which a group is set aside that lacks
// nothing but its new name: who comes and who leaves is still sent.
const misnamed = "it cannot be renamed"

func (g Group) misnamed() bool { return g.RemoteID != "" && strings.HasPrefix(g.Parked, misnamed) }

// closed says that nobody can be added to a group.
func (g Group) closed() bool { return g.Parked != "" && !g.misnamed() }

// pushes says that a team becomes a group in the app.
func (p *Planner) pushes(t directory.Team) bool {
	return p.Target.Teams[t.Rule] && p.profile.HasGroups()
}

// groupName is the name of a team's group, which the app must take.
func (p *Planner) groupName(t directory.Team) (string, error) {
	name, err := p.wishedName(t)
	if err != nil {
		return "", err
	}
	for _, b := range p.profile.GroupBounds {
		if !b.Path.Equal(displayName) { // nothing else is sent
			continue
		}
		if reason := b.Refuses(name); reason != "" {
			return "", &Failed{Reason: fmt.Sprintf("team %s: displayName %s, which %s does not take: change display_name of its groups", t.Name, reason, p.profile.Name)}
		}
	}
	return name, nil
}

func (p *Planner) wishedName(t directory.Team) (string, error) {
	if p.Target.GroupName == nil {
		return t.Name, nil
	}
	v, err := p.Target.GroupName.Eval(mapping.Input{Team: mapping.Team{Name: t.Name, Value: t.Value}})
	if err != nil {
		return "", &Failed{Reason: fmt.Sprintf("team %s: displayName: %v", t.Name, err)}
	}
	name, _ := v.AsString()
	if name == "" {
		return "", &Failed{Reason: fmt.Sprintf("team %s: displayName is empty", t.Name)}
	}
	return name, nil
}
