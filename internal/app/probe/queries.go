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

// query is a filter's attribute with the value that finds a canary.
type query struct {
	attr  string
	value string // as it is written in the filter
	plain bool   // that plain SCIM 2.0 has it
}

func (q query) String() string { return q.attr + " eq " + q.value }

// queries finds out which filters are obeyed (RFC 7644 §3.4.2.2).
func (p *prober) queries(ctx context.Context) {
	if p.ignores {
		return
	}
	if p.follow(ctx); p.failed != nil {
		return
	}
	p.asked(ctx, user, p.user, p.userQueries())
	if p.group == nil {
		return
	}
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	all := []query{
		{"displayName", quoted(p.group.Name), true}, {"id", quoted(p.group.ID), true}, {"members.value", quoted(p.user.ID), true},
	}
	if r := p.read(ctx, p.at(p.group)); r != nil && r.ExternalID() != "" {
		all = append(all, query{"externalId", quoted(r.ExternalID()), true})
	}
	p.asked(ctx, group, p.group, all)
	if a := p.get(ctx, p.path(group), "filter", `members.value eq "usher-probe-nobody"`); slices.Contains(p.filters[group], "members.value") && p.failed == nil && !a.ok() {
		p.line("status of a query for an unknown member: %d", a.status)
	}
}

func (p *prober) userQueries() []query {
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	address := quoted(firstText(p.now, "emails"))
	all := []query{
		{"userName", quoted(p.now.UserName()), true},
		{"externalId", quoted(p.now.ExternalID()), true},
		{"id", quoted(p.now.ID()), true},
		{"displayName", quoted(p.now.DisplayName()), true},
		{"emails.value", address, true},
		{"emails", address, false},
		{"email", address, false},
		{"active", "true", false},
	}
	if p.group != nil {
		all = append(all, query{"groups.value", quoted(p.group.ID), false})
	}
	for _, path := range p.ownTexts() {
		if has(p.now, path) {
			all = append(all, query{path, quoted(text(p.now, path)), false})
		}
	}
	return slices.DeleteFunc(all, func(q query) bool { return q.value == `""` })
}

// firstText is the value of the first of a multi-valued attribute.
func firstText(r *scim.Resource, name string) string {
	v, _ := r.Get(name)
	list, _ := v.AsList()
	if len(list) == 0 {
		return ""
	}
	o, _ := list[0].AsComplex()
	first, _ := o.Get("value")
	s, _ := first.AsString()
	return s
}

// asked tries all queries of a type, and the ways to join them.
func (p *prober) asked(ctx context.Context, typ string, c *Canary, all []query) {
	id := c.ID
	if typ == user {
		id = p.now.ID()
	}
	var takes, refused []query
	empty := false
	for _, q := range all {
		l := p.find(ctx, typ, q.String())
		switch {
		case p.failed != nil:
			return
		case l.ok() && (l.has(id) || q.attr == "active" && len(l.all) > 0 || typ == group && q.attr == "members.value" && p.hidden && p.emptied(l)):
			takes = append(takes, q)
		case l.ok() && q.attr == "externalId" && typ == user && p.find(ctx, typ, fmt.Sprintf("externalId eq %q", id)).has(id):
			takes = append(takes, q)
			p.facts.externalIsID = true
			p.line("users: queries by externalId are by id")
		default:
			refused = append(refused, q)
			empty = empty || l.ok() && q.attr != "email" && q.plain
		}
	}
	for _, q := range takes {
		p.filters[typ] = append(p.filters[typ], q.attr)
	}
	narrow := slices.ContainsFunc(refused, func(q query) bool { return q.plain })
	if narrow {
		p.words(plural(typ)+": queries are by", p.filters[typ])
		if empty {
			p.line("%s: other queries give an empty list", plural(typ))
		}
	}
	if len(takes) > 0 {
		p.joined(ctx, typ, id, takes[0])
	}
	if typ == user && len(takes) > 0 && takes[0].attr == "userName" && !p.cased {
		other := strings.ToUpper(p.now.UserName())
		p.fact("filters", "userName eq finds the name in another letter case: %t", p.find(ctx, typ, fmt.Sprintf("userName eq %q", other)).has(id))
	}
}

func (p *prober) emptied(l page) bool { return l.has(p.group.ID) }

// joined tries and, or, and how tight they bind.
func (p *prober) joined(ctx context.Context, typ, id string, q query) {
	found := func(filter string) bool { return p.find(ctx, typ, filter).has(id) }
	nobody := q.attr + ` eq "usher-probe-nobody"`
	var logic []string
	if !found(fmt.Sprintf("%s and %s", q, q)) {
		p.line("%s: terms are not joined by and", plural(typ))
	} else {
		logic = append(logic, "and")
	}
	if !found(fmt.Sprintf("%s or %s", q, nobody)) {
		p.line("%s: terms are not joined by or", plural(typ))
	} else {
		logic = append(logic, "or")
	}
	if len(logic) == 2 && !found(fmt.Sprintf("%s or %s and %s", q, q, nobody)) {
		p.line("%s: filters are read from left to right", plural(typ))
		logic = logic[:1]
	}
	p.filters[typ+" logic"] = logic
}

// extras looks at errors and parameters of queries.
func (p *prober) extras(ctx context.Context) {
	nothing := p.get(ctx, p.path(user)+"/usher-probe-nobody")
	if e, err := scim.ParseError(nothing.body); p.failed == nil && (err != nil || e.Status == 0) {
		p.fact("errors", "are not SCIM's: a user who is not there is answered with %d and no error body", nothing.status)
	}
	var passed []string
	if p.startIgnored() {
		passed = append(passed, "startIndex")
	}
	if r := p.read2(ctx, "attributes", "userName"); r != nil && has(r, "name") {
		passed = append(passed, "attributes")
	}
	if r := p.read2(ctx, "excludedAttributes", "name"); r != nil && has(r, "name") {
		passed = append(passed, "excludedAttributes")
	}
	if p.facts.unsorted {
		passed = append(passed, "sortBy", "sortOrder")
	}
	p.words("queries pass over", passed)
	p.omitted(ctx)
}

func (p *prober) startIgnored() bool {
	switch {
	case !p.facts.firstAgain:
		return false
	case p.cursors:
		return true
	}
	p.line("every page is the first")
	return false
}

// read2 is the canary in a list that has a parameter.
func (p *prober) read2(ctx context.Context, name, value string) *scim.Resource {
	l := p.mine(ctx, name, value)
	return l.of(p.now.ID())
}

// mine is a list with the canary in it, if the app has one that is short.
func (p *prober) mine(ctx context.Context, params ...string) page {
	by := fmt.Sprintf("userName eq %q", p.now.UserName())
	if !slices.Contains(p.filters[user], "userName") {
		by = ""
		if len(p.filters[user]) == 0 {
			return p.list(ctx, p.path(user), params...)
		}
	}
	if by == "" {
		for _, q := range p.userQueries() {
			if q.attr == p.filters[user][0] {
				by = q.String()
			}
		}
	}
	return p.find(ctx, user, by, params...)
}

// omitted compares the canaries in lists with themselves.
func (p *prober) omitted(ctx context.Context) {
	p.facts.omits = p.lacks(ctx, p.user, p.mine(ctx).of(p.now.ID()))
	p.words("users: not in lists:", p.facts.omits)
	if p.group != nil && slices.Contains(p.filters[group], "displayName") {
		l := p.find(ctx, group, fmt.Sprintf("displayName eq %q", p.group.Name))
		p.words("groups: not in lists:", p.lacks(ctx, p.group, l.of(p.group.ID)))
	}
}

// lacks is what a canary has by itself and not in a list.
func (p *prober) lacks(ctx context.Context, c *Canary, listed *scim.Resource) []string {
	whole := p.read(ctx, p.at(c))
	if whole == nil || listed == nil {
		return nil
	}
	var out []string
	for name := range whole.All() {
		if _, ok := listed.Get(name); !ok && name != "schemas" {
			out = append(out, name)
		}
	}
	return out
}

// unofferedAt tells whether a method is none of the app's.
func (p *prober) unofferedAt(typ, method string, a answer) bool {
	if !a.unoffered() {
		return false
	}
	p.facts.without[typ] = append(p.facts.without[typ], method)
	return true
}

// puts finds out what a PUT does with what it leaves out (RFC 7644 §3.5.1).
func (p *prober) puts(ctx context.Context) {
	p.canPut = true
	r := p.person.Clone()
	left := ""
	for _, name := range []string{"nickName", "title", "displayName", "timezone", "externalId"} {
		if slices.Contains(p.keeps, name) && has(p.now, name) && !slices.Contains(p.facts.required, name) {
			left = name
			r.Delete(name)
			break
		}
	}
	a := p.put(ctx, r)
	switch {
	case p.failed != nil:
	case p.unofferedAt(user, http.MethodPut, a):
		p.canPut = false
	case !a.ok():
		p.fact("PUT", "of a user is refused: %s", a.said())
	default:
		if p.follow(ctx); left != "" && has(p.now, left) {
			p.line("PUT leaves what it does not name")
			p.facts.partial = true
		} else if left != "" {
			p.fact("PUT", "removes what it does not name")
		}
	}
	if p.group != nil {
		p.unofferedAt(group, http.MethodPut, p.send(ctx, http.MethodPut, p.at(p.group), p.groupNamed(p.group.Name, p.user.ID)))
	}
	for _, typ := range []string{user, group} {
		p.words(plural(typ)+": not offered:", p.facts.without[typ])
	}
}
