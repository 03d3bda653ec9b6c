// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// life finds out what DELETE means, before much is made, and makes the canary anew
// with all that the app takes.
func (p *prober) life(ctx context.Context) {
	a := p.delete(ctx, p.at(p.user))
	now := p.get(ctx, p.at(p.user))
	switch {
	case p.failed != nil:
		return
	case a.unoffered():
		p.line("users: not offered: DELETE")
		p.facts.deletes = "is not offered"
	case now.absent():
		p.gone(p.user)
		p.canGone, p.facts.deletes = true, "the user goes"
	case now.res != nil && off(now.res):
		p.line("DELETE of a user deactivates")
		p.facts.deletes = "the user is deactivated"
	default:
		p.facts.deletes = fmt.Sprintf("is answered with %d, and does nothing", a.status)
		p.fact("DELETE", "a DELETE of a user %s", p.facts.deletes)
	}
	if !p.canGone {
		p.keepOn(ctx)
		return
	}
	p.anew(ctx)
}

// keepOn goes on with a canary that cannot be removed, if somebody agrees.
func (p *prober) keepOn(ctx context.Context) {
	if p.cfg.Known == nil || p.cfg.Known.CanDelete() { // else it was asked already
		err := p.agree(ctx, Question{Leave: true, Text: fmt.Sprintf("This app cannot delete: the user %s stays there, inactive; going on may leave one more.", p.user.Name)})
		if err != nil {
			p.failed = err
			return
		}
	}
	on := scim.Bool(true)
	if now := p.read(ctx, p.at(p.user)); now != nil && off(now) {
		if !p.patch(ctx, p.at(p.user), op("replace", "active", on)).ok() {
			p.put(ctx, p.person)
		}
	}
	r := p.richest()
	if a := p.put(ctx, r); a.ok() {
		p.person = r
	}
	p.follow(ctx)
}

// richest is the canary with all that the app takes.
func (p *prober) richest() *scim.Resource {
	r := p.person.Clone()
	for _, w := range p.wealth() {
		if !p.taken[w.path] && !has(r, w.path) {
			put(r, w.path, w.value)
		}
	}
	return r
}

// put replaces the canary user.
func (p *prober) put(ctx context.Context, r *scim.Resource) answer {
	r = r.Clone()
	r.SetID(p.user.ID)
	return p.send(ctx, http.MethodPut, p.at(p.user), r)
}

// anew makes the canary once more under its own name, or under another one if a name
// can be used once alone.
func (p *prober) anew(ctx context.Context) {
	r := p.richest()
	c, a := p.make(ctx, user, r)
	if c == nil && p.failed == nil && taken(a) {
		p.settled(ctx) // that somebody is gone may be late, too
		c, a = p.make(ctx, user, r)
	}
	if c == nil && p.failed == nil && taken(a) {
		p.line("who was deleted cannot be made again")
		p.facts.final = true
		if p.cfg.Known == nil || p.cfg.Known.CanDelete() {
			if p.failed = p.agree(ctx, Question{Leave: true, Text: "This app lets nobody come back who was deleted: the names of the users that are made here are used up for good."}); p.failed != nil {
				return
			}
		}
		r.Set("userName", scim.String(p.fullName()))
		r.SetExternalID(localPart(r.UserName()))
		p.person.Set("userName", scim.String(r.UserName()))
		p.person.SetExternalID(r.ExternalID())
		c, a = p.make(ctx, user, r)
	}
	if c == nil && p.failed == nil { // together they may be too much
		c, a = p.make(ctx, user, p.person)
	} else {
		p.person = r
	}
	if c == nil {
		p.fail("the user cannot be made again: %s", a.said())
		return
	}
	p.user = c
	p.follow(ctx)
	p.settled(ctx)
}

// kept compares what was sent with what there is.
func (p *prober) kept(context.Context) {
	var lost, same []string
	for _, name := range p.sentLeaves() {
		v, there := p.now.At(scim.MustPath(name))
		sent, _ := p.person.At(scim.MustPath(name))
		switch {
		case name == "password":
		case !there || v.IsUnassigned():
			lost = append(lost, name)
		case !alike(sent, v):
			if a, b := text(p.person, name), text(p.now, name); strings.EqualFold(a, b) && name == "userName" {
				p.line("userName is kept in lower case")
				p.facts.lower = true
				p.keeps = append(p.keeps, name)
				continue
			}
			same = append(same, name)
		default:
			p.keeps = append(p.keeps, name)
		}
	}
	if slices.Contains(lost, "externalId") {
		lost = slices.DeleteFunc(lost, func(s string) bool { return s == "externalId" })
		p.line("externalId is not kept")
	}
	p.facts.lost, p.facts.constant = lost, same
	p.words("taken and not kept:", lost)
	p.words("always the same:", same)
	p.ownMarks()
}

// ownMarks are what the app adds to a user of its own accord.
func (p *prober) ownMarks() {
	if p.now.ID() == p.person.ExternalID() {
		p.asOwnID = true
		p.line("id is externalId")
	}
	if p.now.Version() == "" {
		p.line("no versions")
	}
	for name, v := range p.now.All() {
		if name == "name.formatted" {
			p.line(`users have "name.formatted"`)
		}
		if _, sent := p.person.Get(name); sent || !strings.HasPrefix(strings.ToLower(name), "urn:") {
			continue
		}
		o, _ := v.AsComplex()
		for sub, v := range o.All() {
			if s, ok := v.AsString(); ok && s != "" {
				p.line("the app's own id is in %s:%s", name, sub)
			}
		}
	}
}

// sentLeaves are the attributes that the canary was made with.
func (p *prober) sentLeaves() []string { return append([]string{"userName"}, leaves(p.person)...) }

// alike compares two values: texts and truths as they are, complex values by the
// part that matters, lists by whether there is something.
func alike(a, b scim.Value) bool {
	if _, ok := a.AsList(); ok {
		list, _ := b.AsList()
		return len(list) > 0
	}
	if o, ok := a.AsComplex(); ok {
		other, _ := b.AsComplex()
		x, _ := o.Get("value")
		y, _ := other.Get("value")
		return x.Equal(y)
	}
	return a.Equal(b)
}

// ending deactivates the canary, looks at what that means, and brings it back.
func (p *prober) ending(ctx context.Context) {
	if p.follow(ctx); p.failed != nil {
		return
	}
	only := p.userPatch.onlyActive
	names := []string{"PATCH of the path active", "PATCH without a path", "PUT"}
	for i, way := range p.deactivations(p.user, p.now) {
		if i == 2 && !p.canPut {
			continue
		}
		if i == 0 && only && p.manyAtOnce(ctx) {
			p.fact("deactivate", "by %s", names[i])
			p.afterOff(ctx)
			return
		}
		a := way(ctx)
		if !a.ok() {
			continue
		}
		p.fact("deactivate", "by %s", names[i])
		p.answered = a
		p.afterOff(ctx)
		return
	}
	if p.failed == nil {
		p.fact("deactivate", "active: false is refused")
	}
}

// manyAtOnce asks how many operations a PATCH may have of an app that has but one.
func (p *prober) manyAtOnce(ctx context.Context) bool {
	done := false
	fine := func(n int) bool {
		if done { // it was done by more
			return true
		}
		var ops []scim.Value
		for range n {
			ops = append(ops, oper("replace", "active", scim.Bool(false)))
		}
		a := p.patch(ctx, p.at(p.user), ops)
		p.answered = a
		done = a.ok()
		return done
	}
	if fine(mostOps + 1) {
		return true
	}
	for _, n := range []int{mostOps, mostOps / 2, 20, 10, 5, 2} {
		if fine(n) {
			p.line("users: PATCH: operations at most: %d", n)
			p.userPatch.maxOps = n
			return true
		}
	}
	return false
}

// afterOff is what active: false has made of the canary.
func (p *prober) afterOff(ctx context.Context) {
	got := p.get(ctx, p.at(p.user))
	switch {
	case p.failed != nil:
		return
	case got.absent():
		p.line("active: false deletes")
		p.facts.offDeletes = true
		p.noContent(p.answered)
		p.onlyInactive()
		p.gone(p.user)
		return
	case got.res == nil:
		p.fact("deactivate", "the user cannot be read any more (%d)", got.status)
		return
	case !off(got.res):
		p.line("active: false does nothing")
		return
	}
	p.facts.deactivates = true
	p.noContent(p.answered)
	p.onlyInactive()
	p.user.State = "inactive"
	if !strings.EqualFold(got.res.UserName(), p.now.UserName()) {
		p.line("active: false hides the names")
	}
	if a := p.patch(ctx, p.at(p.user), op("replace", "active", scim.Bool(true))); a.ok() {
		back := p.read(ctx, p.at(p.user))
		if back != nil && !off(back) {
			p.facts.reversible = true
			p.fact("reactivate", "active: true brings the same user back")
			return
		}
	}
	p.fact("reactivate", "active: true does not bring the user back by PATCH")
}

func (p *prober) onlyInactive() {
	if p.userPatch.onlyActive {
		p.line("users: PATCH: active to false alone")
	}
}
