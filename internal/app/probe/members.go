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

// renames finds out what a userName may become.
func (p *prober) renames(ctx context.Context) {
	if p.follow(ctx); p.failed != nil {
		return
	}
	able := p.renamed(ctx, p.fullName())
	p.fact("rename", "a userName %s", map[bool]string{true: "can be changed", false: "cannot be changed"}[able])
	d := &p.userPatch
	if !able && d.paths == nil && !d.none && !d.onlyActive {
		p.line("users: never changed: userName")
		p.facts.fixed = append(p.facts.fixed, "userName")
	}
	try := func(name string) bool {
		if able {
			return p.renamed(ctx, name)
		}
		r := p.person.Clone()
		r.Set("userName", scim.String(name))
		r.SetExternalID(p.next())
		c, a := p.make(ctx, user, r)
		if c != nil {
			p.remove(ctx, c)
		}
		return a.ok()
	}
	if !p.short && (able || p.canGone) && !try(localPart(p.fullName())) && p.failed == nil {
		p.line("users: e-mail addresses: userName")
	}
	long := func(n int) bool {
		name := "U" + p.next()[1:]
		tail := "@" + Domain
		if p.short {
			tail = ""
		}
		return n < len(name+tail) || try(name+strings.Repeat("x", n-len(name+tail))+tail)
	}
	if (able || p.canGone) && !long(longText) && p.failed == nil {
		p.facts.longest["userName"] = p.greatest(longText, long)
	}
	var lines []string
	for path, n := range p.facts.longest {
		lines = append(lines, fmt.Sprintf("%s %d", path, n))
	}
	p.words("users: of limited length:", lines)
}

// renamed gives the canary another userName, by PATCH or by PUT.
func (p *prober) renamed(ctx context.Context, name string) bool {
	p.onUser(ctx, oper("replace", "userName", scim.String(name)))
	p.follow(ctx)
	is := func() bool { return strings.EqualFold(p.now.UserName(), name) }
	if !is() && p.canPut && p.failed == nil {
		r := p.person.Clone()
		r.Set("userName", scim.String(name))
		p.put(ctx, r)
		p.follow(ctx)
	}
	if is() {
		p.named()
		return true
	}
	return false
}

const mostMembers = 1_000 // that are sent at once, and one more

// fakes are ids of members that nobody has, or the canary's own again and again where
// the app looks.
func (p *prober) fakes(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		if ids[i] = p.user.ID; p.strangers {
			p.serialFake++
			ids[i] = fmt.Sprintf("usher-probe-m%d", p.serialFake)
		}
	}
	return ids
}

// onGroup changes the canary group.
func (p *prober) onGroup(ctx context.Context, ops ...scim.Value) answer {
	return p.patch(ctx, p.at(p.group), ops)
}

// members finds out how a group is changed.
func (p *prober) members(ctx context.Context) {
	if p.group == nil || p.failed != nil {
		return
	}
	defer func() { p.wholes(ctx) }() // last, as they leave many members
	if p.grpPatch.none {
		return
	}
	rename := p.groupRename(ctx)
	base := p.onGroup(ctx, oper("add", "members", membersOf(p.user.ID)))
	if base.unoffered() {
		p.line("groups: not offered: PATCH")
		p.grpPatch.none = true
		return
	}
	if !base.ok() {
		p.facts.addPathless = p.onGroup(ctx, oper("add", "", scim.Complex(object("members", membersOf(p.user.ID))))).ok()
		p.fact("members", "add with the path members is refused: %s; without a path it is %s", base.said(), map[bool]string{true: "taken", false: "refused, too"}[p.facts.addPathless])
	}
	p.groupForms(ctx, rename)
	if rename {
		p.groupCharacters(ctx)
	}
	p.memberForms(ctx, rename)
	p.memberLimits(ctx)
}

// groupRename gives the group another name.
func (p *prober) groupRename(ctx context.Context) bool {
	to := func() bool {
		r := p.read(ctx, p.at(p.group))
		if r != nil {
			p.group.Name = r.DisplayName()
		}
		return r != nil
	}
	name := p.next()
	p.onGroup(ctx, oper("replace", "displayName", scim.String(name)))
	if to() && p.group.Name == name {
		p.facts.groupRename = "plain"
		return true
	}
	if p.onGroup(ctx, oper("replace", "", scim.Complex(object("id", p.group.ID, "displayName", name)))); to() && p.group.Name == name {
		p.facts.groupRename = "with_id"
		return false
	}
	p.send(ctx, http.MethodPut, p.at(p.group), p.groupNamed(name, p.user.ID))
	if to() && p.group.Name == name {
		p.facts.groupRename = "put"
		return false
	}
	if p.failed == nil && !p.grpPatch.none {
		p.line("groups: never changed: displayName")
	}
	return false
}

// groupForms tries the ways to write operations.
func (p *prober) groupForms(ctx context.Context, rename bool) {
	d := &p.grpPatch
	simple := oper("replace", "displayName", scim.String(p.group.Name))
	if !rename {
		simple = oper("add", "members", membersOf(p.user.ID))
	}
	if a := p.onGroup(ctx, respelled(simple)); p.failed == nil && !a.ok() {
		d.lower = true
		p.line("groups: PATCH: operations in lower case")
	}
	single := p.onGroup(ctx, oper("replace", "", scim.Complex(object("displayName", p.group.Name))))
	if !rename {
		single = p.onGroup(ctx, oper("add", "", scim.Complex(object("members", membersOf(p.user.ID)))))
	}
	d.pathless = single.ok()
	switch both := p.onGroup(ctx, oper("replace", "", scim.Complex(object("displayName", p.group.Name, "externalId", p.group.Name)))); {
	case p.failed != nil:
	case !single.ok():
		p.line("groups: PATCH: none without path")
	case !both.ok() && rename:
		d.oneEach = true
		p.line("groups: PATCH: one attribute without path")
	}
	if rename {
		d.maxOps = p.operations(ctx, "groups", p.at(p.group), simple)
	}
}

// groupCharacters finds the characters that a group's name must not have.
func (p *prober) groupCharacters(ctx context.Context) {
	old := p.group.Name
	name := func(s string) bool {
		return p.onGroup(ctx, oper("replace", "displayName", scim.String(old+s))).ok()
	}
	var bad []string
	var look func(chars []rune)
	look = func(chars []rune) {
		switch half := len(chars) / 2; {
		case name(string(chars)) || p.failed != nil:
		case half == 0:
			bad = append(bad, string(chars))
		default:
			look(chars[:half])
			look(chars[half:])
		}
	}
	look([]rune(forbidden))
	name("")
	if slices.Sort(bad); len(bad) > 0 {
		p.facts.groupChars = strings.Join(bad, "")
		p.line("groups: characters that are refused: %s", p.facts.groupChars)
	}
}

// respelled is an operation whose name begins with a capital, as Entra writes it.
func respelled(v scim.Value) scim.Value {
	o, _ := v.Clone().AsComplex()
	name, _ := o.Get("op")
	s, _ := name.AsString()
	o.Set("op", scim.String(strings.ToUpper(s[:1])+s[1:]))
	return scim.Complex(o)
}

// memberForms tries the ways in which members come and go.
func (p *prober) memberForms(ctx context.Context, rename bool) {
	one := membersOf(p.user.ID)
	if a := p.onGroup(ctx, oper("replace", "members", one)); p.failed == nil && !a.ok() {
		p.line("groups: PATCH: not all members at once")
	}
	if rename {
		if a := p.onGroup(ctx, oper("replace", "displayName", scim.String(p.group.Name)), oper("add", "members", one)); p.failed == nil && !a.ok() {
			p.line("groups: PATCH: members apart from other changes")
		}
	}
	if a := p.onGroup(ctx, oper("add", "members", one), oper("add", "members", one)); p.failed == nil && !a.ok() {
		p.line("groups: PATCH: one change of members")
		p.facts.oneMemberOp = true
	}
	byFilter := p.onGroup(ctx, oper("remove", fmt.Sprintf("members[value eq %q]", p.user.ID), scim.Null()))
	p.facts.byFilter = byFilter.ok()
	if p.failed == nil && !byFilter.ok() {
		p.fact("members", "remove of members[value eq …] is refused: %s", byFilter.said())
	} else if !p.hidden {
		r := p.read(ctx, p.at(p.group))
		gone := r != nil && !slices.Contains(r.Members(), p.user.ID)
		p.fact("members", "remove of members[value eq …] %s", map[bool]string{true: "takes effect", false: "is taken, and removes nobody"}[gone])
	}
	if a := p.onGroup(ctx, oper("remove", `members[value sw "usher-probe-nobody"]`, scim.Null())); byFilter.ok() && !a.ok() && p.failed == nil {
		p.line("groups: PATCH: filters of paths by eq alone")
	}
	p.onGroup(ctx, oper("add", "members", one))
	p.byValues(ctx, one)
	p.onGroup(ctx, oper("add", "members", one))
}

// byValues removes a member by a list, as Entra does: RFC 7644 §3.5.2.2 would have it
// that all go.
func (p *prober) byValues(ctx context.Context, one scim.Value) {
	stays := ""
	if p.strangers {
		stays = p.fakes(1)[0]
		p.onGroup(ctx, oper("add", "members", membersOf(stays)))
	}
	a := p.onGroup(ctx, oper("remove", "members", one))
	r := p.read(ctx, p.at(p.group))
	switch {
	case p.failed != nil:
	case !a.ok():
		p.fact("members", "remove with a list as value (Entra): refused")
	case p.hidden || r == nil:
		p.grpPatch.byValues = true
		p.fact("members", "remove with a list as value (Entra): taken; what it does is not shown")
	case slices.Contains(r.Members(), p.user.ID):
		p.fact("members", "remove with a list as value (Entra): taken, and removes nobody")
	case stays != "" && !slices.Contains(r.Members(), stays):
		p.fact("members", "remove with a list as value (Entra): REMOVES EVERYBODY")
	default:
		p.grpPatch.byValues = true
		p.fact("members", "remove with a list as value (Entra): removes who is in the list")
	}
}

// wholes finds out how many members a group is made or replaced with.
func (p *prober) wholes(ctx context.Context) {
	put := !slices.Contains(p.facts.without[group], http.MethodPut)
	fine := func(n int) bool {
		if put {
			return p.send(ctx, http.MethodPut, p.at(p.group), p.groupNamed(p.group.Name, p.fakes(n)...)).ok()
		}
		c, _ := p.make(ctx, group, p.groupNamed(p.next(), p.fakes(n)...))
		if c != nil {
			p.remove(ctx, c)
		}
		return c != nil
	}
	if !fine(1) || p.failed != nil {
		return
	}
	if fine(mostMembers + 1) {
		p.shown(ctx)
		return
	}
	p.grpPatch.whole = p.greatest(mostMembers+1, fine)
	p.line("groups: members in a POST or PUT at most: %d", p.grpPatch.whole)
}

// shown tells whether all members of a large group are.
func (p *prober) shown(ctx context.Context) {
	if !p.strangers || p.hidden || slices.Contains(p.facts.without[group], http.MethodPut) {
		return
	}
	if r := p.read(ctx, p.at(p.group)); r != nil && len(r.Members()) > 1 && len(r.Members()) < mostMembers {
		p.line("members shown at most: %d", len(r.Members()))
	}
}

// memberLimits finds out how many members a PATCH may change.
func (p *prober) memberLimits(ctx context.Context) {
	status := 0
	add := func(n int) bool {
		a := p.onGroup(ctx, oper("add", "members", membersOf(p.fakes(n)...)))
		if !a.ok() {
			status = a.status
		}
		return a.ok()
	}
	d := &p.grpPatch
	if !add(mostMembers+1) && p.failed == nil {
		d.adds = p.greatest(mostMembers+1, add)
	}
	if d.adds > 0 && status == http.StatusRequestEntityTooLarge {
		p.line("members in one PATCH at most: %d", d.adds)
		return
	}
	if d.adds > 0 && !p.facts.oneMemberOp && !p.mixed(ctx, d.adds) {
		p.line("groups: PATCH: members changed at most: %d", d.adds)
		return
	}
	if d.adds > 0 {
		p.line("groups: PATCH: members added at most: %d", d.adds)
	}
	const tried = 150 // as many as one filter may name
	if !p.drop(ctx, tried+1) && p.drop(ctx, 1) && p.failed == nil {
		d.removes = p.greatest(tried+1, func(n int) bool { return p.drop(ctx, n) })
		p.line("groups: PATCH: members removed at most: %d", d.removes)
	}
}

// mixed tells whether as many members may be added and removed as may be added, and
// one more.
func (p *prober) mixed(ctx context.Context, n int) bool {
	out := n/2 + 1
	ids := p.fakes(out)
	p.onGroup(ctx, oper("add", "members", membersOf(ids...)))
	ops := p.removes(ids)
	return p.onGroup(ctx, append(ops, oper("add", "members", membersOf(p.fakes(n+1-out)...)))...).ok()
}

// drop removes members that were added before.
func (p *prober) drop(ctx context.Context, n int) bool {
	return p.onGroup(ctx, p.removes(p.fakes(n))...).ok()
}

// removes are operations that remove members, 150 by each.
func (p *prober) removes(ids []string) []scim.Value {
	var out []scim.Value
	for part := range slices.Chunk(ids, 151) {
		terms := make([]string, len(part))
		for i, id := range part {
			terms[i] = fmt.Sprintf("value eq %q", id)
		}
		out = append(out, oper("remove", "members["+strings.Join(terms, " or ")+"]", scim.Null()))
	}
	return out
}
