// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net/http"
	"slices"

	"github.com/usher-id/usher/scim"
)

// headers finds out which headers a request needs.
func (p *prober) headers(ctx context.Context) {
	var needed []string
	for _, h := range []struct{ name, otherwise string }{{"Accept", "*/*"}, {"User-Agent", ""}} {
		a := p.do(ctx, call{method: http.MethodGet, path: p.at(p.user), tune: func(to http.Header) { to.Set(h.name, h.otherwise) }})
		if p.failed == nil && !a.ok() {
			needed = append(needed, h.name)
		}
	}
	p.facts.headers = needed
	p.words("requests need the header", needed)
}

func (p *prober) groupNamed(name string, members ...string) *scim.Resource {
	r := scim.NewResource(scim.GroupURN)
	r.Set("displayName", scim.String(name))
	r.SetExternalID(name)
	if len(members) > 0 {
		r.Set("members", membersOf(members...))
	}
	return r
}

func membersOf(ids ...string) scim.Value {
	list := make([]scim.Object, len(ids))
	for i, id := range ids {
		list[i] = object("value", id)
	}
	return values(list...)
}

// groups makes the canary group, and a second one for as long as it takes to see
// what is unique and what is required.
func (p *prober) groups(ctx context.Context) {
	name := p.next()
	c, a := p.make(ctx, group, p.groupNamed(name, p.user.ID))
	bare := false
	if c == nil && p.failed == nil && a.status == http.StatusBadRequest {
		bare = true // a member may want more than its id
		c, a = p.make(ctx, group, p.groupNamed(name))
	}
	if c == nil {
		if p.failed == nil && (a.absent() || a.unoffered()) {
			p.line("groups: there are none")
			p.facts.noGroups = true
		} else if p.failed == nil {
			p.unseen("groups: a group cannot be made: %s", a.said())
		}
		return
	}
	p.group = c
	p.settled(ctx)
	if bare {
		p.fact("members", "a group is not made with members that have an id alone")
	}
	p.membersSeen(ctx, bare)
	p.twinGroup(ctx, name)
}

// membersSeen finds out whether members can be read, and whether they come with a POST.
func (p *prober) membersSeen(ctx context.Context, bare bool) {
	shown := func() bool {
		r := p.read(ctx, p.at(p.group))
		return r != nil && slices.Contains(r.Members(), p.user.ID)
	}
	if shown() {
		return
	}
	p.patch(ctx, p.at(p.group), op("add", "members", membersOf(p.user.ID)))
	if !shown() {
		p.hidden = true
		p.line("members are never shown")
		return
	}
	if !bare {
		p.line("groups: a POST makes it empty")
	}
}

// twinGroup makes a second group, of the same name and without externalId, and what
// else it needs.
func (p *prober) twinGroup(ctx context.Context, name string) {
	r := p.groupNamed(name)
	r.Delete("externalId")
	c, a := p.make(ctx, group, r)
	if c == nil && a.status == http.StatusBadRequest && !taken(a) {
		p.line("groups: required: externalId")
		p.facts.groupRequired = []string{"externalId"}
		r.SetExternalID(p.next())
		c, a = p.make(ctx, group, r)
	}
	if c == nil && taken(a) {
		p.line("groups: displayName is unique")
		r.Set("displayName", scim.String(p.next()))
		c, _ = p.make(ctx, group, r)
	}
	if c == nil {
		return
	}
	known := p.patch(ctx, p.at(p.group), op("add", "members", membersOf("usher-probe-nobody")))
	p.strangers = known.ok()
	able := known.ok() || p.patch(ctx, p.at(p.group), op("add", "members", membersOf(p.user.ID))).ok()
	if able && !known.ok() {
		p.line("groups: an unknown member fails the request")
	}
	if a := p.patch(ctx, p.at(p.group), op("add", "members", membersOf(c.ID))); able && p.failed == nil && !a.ok() {
		p.line("groups: members are users")
	}
	p.remove(ctx, c)
}
