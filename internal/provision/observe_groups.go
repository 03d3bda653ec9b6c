// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// adoptGroups matches the app's groups with our teams before the first write:
// by externalId, then by display name, as accounts are.
func (r *run) adoptGroups(ctx context.Context) error {
	if p := r.target.App.Profile(); len(r.target.Teams) == 0 || !p.HasGroups() || !p.Groups.List {
		return nil // the app may have no groups at all
	}
	byExternal, byName := map[string]*scim.Resource{}, map[string][]*scim.Resource{}
	for g, err := range r.target.App.List(ctx, app.KindGroup, true) {
		if e := app.Classify(err); e != nil && e.Class == app.NotFound {
			return nil // its accounts were listed: it has no groups, or not yet, which each create will tell
		}
		if err != nil {
			return err
		}
		if id := g.ExternalID(); id != "" {
			byExternal[id] = g
		}
		byName[text(g, displayName)] = append(byName[text(g, displayName)], g)
	}
	return r.adoptEach(ctx, func(id, name string) ([]*scim.Resource, error) {
		if hit := byExternal[id]; hit != nil {
			return []*scim.Resource{hit}, nil
		}
		return byName[name], nil
	})
}

// findGroups is adoptGroups where there is no list: team by team.
func (r *run) findGroups(ctx context.Context) error {
	return r.adoptEach(ctx, func(_, name string) ([]*scim.Resource, error) {
		hits, _, err := r.target.App.Find(ctx, app.KindGroup, displayName, name)
		return hits, err
	})
}

// adoptEach takes over the groups that are there for our teams, as look finds them
// by the team and by the name that its group has.
func (r *run) adoptEach(ctx context.Context, look func(id, name string) ([]*scim.Resource, error)) error {
	for _, id := range slices.Sorted(maps.Keys(r.teams)) {
		t := r.teams[id]
		if !r.planner.pushes(t) {
			continue
		}
		name, err := r.planner.groupName(t)
		if err != nil {
			continue // the plan parks it, if it is needed
		}
		hits, err := look(id, name)
		if err != nil {
			return err
		}
		if len(hits) == 0 {
			continue
		}
		g := r.groups[id]
		g.App, g.Team = r.target.Name, id
		if err := r.adoptGroup(ctx, g, name, hits); err != nil {
			return err
		}
	}
	return nil
}

// adoptGroup takes a group over, unless it is somebody else's or powerful, and
// reads who is in it. Members that are not ours stay unknown to us, and so are
// never removed.
func (r *run) adoptGroup(ctx context.Context, g Group, name string, hits []*scim.Resource) error {
	seen := hits[0]
	if i := slices.IndexFunc(hits, func(h *scim.Resource) bool { return h.ExternalID() == g.Team }); i >= 0 {
		seen, hits = hits[i], hits[i:i+1]
	}
	claimed := seen.ExternalID()
	switch {
	case claimed == g.Team:
	case len(hits) > 1:
		g.Parked = fmt.Sprintf("%d groups have this name: somebody must say which one it is", len(hits))
	case claimed != "":
		g.Parked = "a group of this name exists and carries another externalId"
	case powerful(name): // after a create of ours without an answer, too: it may be somebody else's
		g.Parked = "a group of this name exists and is privileged: it is adopted only by hand"
	case r.otherTeam(g.Team, seen.ID()) != "":
		g.Parked = "the group of this name is already that of the team " + r.otherTeam(g.Team, seen.ID())
	}
	g.Observe, g.RetryAt = g.Parked != "", time.Time{} // whoever unparks it wants it looked at, not created
	if g.Parked != "" {
		return r.storeGroup(ctx, g, nil, nil)
	}
	if g.RemoteID != seen.ID() {
		g.RemoteID, g.Name = seen.ID(), text(seen, displayName)
	}
	return r.readMembers(ctx, g)
}

// otherTeam names the team, other than one, whose group has the app's id.
func (r *run) otherTeam(team, remote string) string {
	for id, g := range r.groups {
		if id != team && g.RemoteID == remote {
			return r.teams[id].Name
		}
	}
	return ""
}

// observeGroups settles groups whose state at the app is not known.
func (r *run) observeGroups(ctx context.Context) error {
	now := r.at()
	for _, id := range slices.Sorted(maps.Keys(r.groups)) { // in order, so that a run can be repeated
		g := r.groups[id]
		if !g.Observe || g.closed() && !r.retaken[id] || g.RetryAt.After(now) {
			continue
		}
		err := r.observeGroup(ctx, id, g)
		if err == nil {
			continue
		}
		var failed *Failed
		var e *app.Error
		switch {
		case errors.As(err, &failed):
			g.Parked = failed.Reason
			delete(r.retaken, id)
		case ctx.Err() == nil && errors.As(err, &e) && e.Class != app.Unauthorized:
			if g.postpone(e, r.luck()) { // it is still not known, and nobody else waits for it
				delete(r.retaken, id)
			}
		default:
			return r.unreadable(ctx, err)
		}
		r.groups[id] = g
		if err := r.update(ctx, func(tx Tx) error { return tx.PutGroups(ctx, []Group{g}) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) observeGroup(ctx context.Context, id string, g Group) error {
	g.App, g.Team = r.target.Name, id
	if g.closed() { // what it is set aside for, if it still is, is seen
		g.Parked = ""
	}
	if g.RemoteID != "" {
		err := r.readMembers(ctx, g)
		if err == nil || app.Classify(err).Class != app.NotFound {
			return err
		}
		if r.early(&g.Standing) {
			g.Parked = r.groups[id].Parked
			r.groups[id] = g
			return r.update(ctx, func(tx Tx) error { return tx.PutGroups(ctx, []Group{g}) })
		}
		if g.misnamed() { // the next one gets the name that it should have
			g.Parked = ""
		}
		g.RemoteID = ""
	}
	name, err := r.planner.groupName(r.teams[id])
	if err != nil {
		return err
	}
	hits, _, err := r.target.App.Find(ctx, app.KindGroup, displayName, name)
	if err != nil {
		return err
	}
	if len(hits) > 0 {
		return r.adoptGroup(ctx, g, name, hits)
	}
	g.Observe, g.Name, g.RetryAt = false, "", time.Time{}
	if g.Last == Taken {
		g.Parked = "the app says that the name is taken, and that no group has it"
	}
	gone, err := r.edges(ctx, g) // its memberships went with it
	if err != nil {
		return err
	}
	return r.storeGroup(ctx, g, nil, gone)
}

// edges are the memberships of a group, as last confirmed.
func (r *run) edges(ctx context.Context, g Group) (edges []Edge, err error) {
	err = r.store.View(ctx, func(tx Tx) error {
		people, err := tx.EdgesOf(ctx, g.App, g.Team)
		for _, p := range people {
			edges = append(edges, Edge{g.Team, p})
		}
		return err
	})
	return edges, err
}

// readMembers compares who the group holds with what was last confirmed.
func (r *run) readMembers(ctx context.Context, g Group) error {
	ans, err := r.target.App.Get(ctx, app.KindGroup, g.RemoteID)
	if err != nil {
		return err
	}
	g.Observe, g.RetryAt, g.Name = false, time.Time{}, text(ans.Resource, displayName)
	if !r.target.App.Profile().MembersReadable {
		var gone []Edge
		if g.RemoteID != r.groups[g.Team].RemoteID { // another group than the one we filled
			if gone, err = r.edges(ctx, g); err != nil {
				return err
			}
		}
		return r.storeGroup(ctx, g, nil, gone)
	}
	there := map[string]bool{}
	remote := ans.Resource.Members()
	var owners map[string]string
	var known []string
	err = r.store.View(ctx, func(tx Tx) (err error) {
		if owners, err = tx.Owners(ctx, g.App, remote); err != nil {
			return err
		}
		known, err = tx.EdgesOf(ctx, g.App, g.Team)
		return err
	})
	if err != nil {
		return err
	}
	var add, remove []Edge
	for _, id := range remote {
		if p := owners[id]; p != "" {
			there[p] = true
			add = append(add, Edge{g.Team, p})
		}
	}
	for _, p := range known {
		if !there[p] {
			remove = append(remove, Edge{g.Team, p})
		}
	}
	r.driftOfGroup(g, len(add)-(len(known)-len(remove)), len(remove))
	return r.storeGroup(ctx, g, add, remove)
}

// storeGroup writes a group as it was seen, with the memberships that differ,
// and settles the request that was unsure.
func (r *run) storeGroup(ctx context.Context, g Group, add, remove []Edge) error {
	before := r.groups[g.Team]
	r.groups[g.Team] = g
	delete(r.retaken, g.Team)
	unsure := r.unsure["g"+g.Team]
	if !planted.On(planted.OutcomeTwice) || g.RemoteID != before.RemoteID {
		delete(r.unsure, "g"+g.Team)
	}
	w := &writing{r: r, now: time.Now()}
	w.events, r.strayed = append(w.events, r.strayed...), nil
	var outcomes []Outcome
	for _, intent := range unsure {
		outcomes = append(outcomes, w.settleGroup(intent, g, add, r.target.App.Profile().MembersReadable))
	}
	var doubtful []Edge
	if len(unsure) > 0 && g.RemoteID != "" && !r.target.App.Profile().MembersReadable {
		var gone []Edge
		var err error
		if doubtful, gone, err = r.unseen(ctx, g, unsure); err != nil {
			return err
		}
		remove = append(remove, gone...)
	}
	if len(unsure) == 0 && g.RemoteID != "" && g.RemoteID != before.RemoteID && g.Parked == "" {
		w.events = append(w.events, audit.Event{
			At: w.now, Kind: "group.adopted", Actor: r.actor, App: g.App, Object: g.Team, Why: "found by name or externalId",
		})
	}
	return r.update(ctx, func(tx Tx) error {
		if err := tx.PutGroups(ctx, []Group{g}); err != nil {
			return err
		}
		if err := tx.PutEdges(ctx, g.App, add, remove, 0); err != nil {
			return err
		}
		if err := tx.PutEdges(ctx, g.App, doubtful, nil, Unsure); err != nil {
			return err
		}
		if err := tx.MarkPeople(ctx, g.App, peopleOf(add, remove, doubtful)); err != nil {
			return err
		}
		if before.closed() && !g.closed() { // who was to join meanwhile was planned without it
			if err := tx.MarkTeams(ctx, g.App, []string{g.Team}); err != nil {
				return err
			}
		}
		if err := tx.PutOutcomes(ctx, outcomes); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, w.events)
	})
}

// unseen are the memberships whose change is not known and cannot be read. The plan says
// again what is to be of them, whatever that is by then: who belongs in the group is added,
// and who does not is removed. Saying it twice changes nothing. Who has no account is in none.
func (r *run) unseen(ctx context.Context, g Group, unsure []*Intent) (doubtful, gone []Edge, err error) {
	var people []string
	for _, in := range unsure {
		for _, op := range in.Ops {
			if op.Person != "" {
				people = append(people, op.Person)
			}
		}
	}
	if len(people) == 0 {
		return nil, nil, nil
	}
	var subjects []Subject
	err = r.store.View(ctx, func(tx Tx) (err error) {
		subjects, err = r.read(ctx, tx, Query{App: g.App, People: people, Limit: len(people), Now: time.Now()})
		return err
	})
	for _, s := range subjects {
		e := Edge{g.Team, s.Person.ID}
		if s.Account.RemoteID == "" {
			gone = append(gone, e)
			continue
		}
		doubtful = append(doubtful, e)
	}
	return doubtful, gone, err
}

// settleGroup says of an unsure request which of its operations happened.
func (w *writing) settleGroup(intent *Intent, g Group, there []Edge, readable bool) Outcome {
	in := map[string]bool{}
	for _, e := range there {
		in[e.Person] = true
	}
	var done []*Op
	for _, op := range intent.Ops {
		switch {
		case intent.Kind == GroupCreate && g.RemoteID != "",
			intent.Kind == GroupUpdate && g.Name == op.Label,
			intent.Kind == MemberAdd && in[op.Person],
			intent.Kind == MemberRemove && readable && g.RemoteID != "" && !in[op.Person]:
			done = append(done, op)
		}
	}
	o := Outcome{Intent: intent, Result: Void, At: w.now, Detail: "looked up: it did not happen"}
	if len(done) > 0 {
		part := *intent
		part.Ops = done
		effect := Outcome{Intent: &part, Result: Done, At: w.now}
		w.events = append(w.events, w.tell(&effect)...)
		w.r.count(&effect)
		o.Result, o.Detail, o.Verified = Done, "looked up: it happened", true
	}
	return o
}

func peopleOf(edges ...[]Edge) []string {
	seen := map[string]bool{}
	var ids []string
	for _, list := range edges {
		for _, e := range list {
			if !seen[e.Person] {
				seen[e.Person] = true
				ids = append(ids, e.Person)
			}
		}
	}
	return ids
}
