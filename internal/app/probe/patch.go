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

// mostOps is how many operations a PATCH is known to be limited to.
const mostOps = 100

// dialect is how the app takes PATCH (RFC 7644 §3.5.2) for one type.
type dialect struct {
	none       bool
	paths      []string // that take effect; nil: all
	void       bool     // others are taken and change nothing
	onlyActive bool
	lower      bool // operations are in lower case
	pathless   bool // an operation needs no path
	oneEach    bool // and then changes one attribute
	oneOp      bool
	maxOps     int
	filters    string // of paths: "", "type", "none"
	kept       []string
	byValues   bool // members go by a list of them
	adds       int  // members; 0: no limit was found
	removes    int
	whole      int    // members in a PUT or POST
	style      string // "pathless" where no path takes effect
}

// patch sends operations.
func (p *prober) patch(ctx context.Context, at string, ops []scim.Value) answer {
	r := scim.NewResource("urn:ietf:params:scim:api:messages:2.0:PatchOp")
	r.Set("Operations", scim.List(ops...))
	return p.send(ctx, http.MethodPatch, at, r)
}

// onUser changes the canary.
func (p *prober) onUser(ctx context.Context, ops ...scim.Value) answer {
	return p.patch(ctx, p.at(p.user), ops)
}

// noContent notes how a PATCH is answered that has changed something.
func (p *prober) noContent(a answer) {
	if a.status == http.StatusNoContent {
		p.line("PATCH is answered with 204")
	}
}

// change is an attribute of the canary that a PATCH may change.
type change struct {
	path string
	to   scim.Value
}

// changes are all attributes that come back as they were sent, each with another value.
func (p *prober) changes() []change {
	var out []change
	add := func(path string, to scim.Value) {
		if has(p.person, path) {
			out = append(out, change{path, to})
		}
	}
	if p.holds("externalId") {
		add("externalId", scim.String(p.nextID()))
	}
	add("displayName", scim.String("Usher P"))
	if p.holds("name.familyName") {
		n := object("familyName", "Canary")
		if p.holds("name.givenName") {
			n.Set("givenName", scim.String("Usher"))
		}
		out = append(out, change{"name", scim.Complex(n)})
	}
	if p.holds("emails") {
		add("emails", emails(p.next()+"@"+Domain))
	}
	for _, w := range p.wealth() {
		if !strings.Contains(w.path, ":") && !strings.HasPrefix(w.path, "name.") {
			add(w.path, w.other)
		}
	}
	if p.holds(enterprise("department")) {
		out = append(out, change{scim.EnterpriseUserURN, scim.Complex(object("department", "Robins"))})
	}
	return slices.DeleteFunc(out, func(c change) bool { return c.path != "name" && c.path != scim.EnterpriseUserURN && !p.holds(c.path) })
}

func (p *prober) holds(path string) bool { return slices.Contains(p.keeps, path) }

// took tells whether a change is there.
func (p *prober) took(c change) bool {
	v, ok := p.now.At(scim.MustPath(c.path))
	if !ok {
		return false
	}
	return within(c.to, v)
}

// within tells whether what was sent is in what there is.
func within(sent, is scim.Value) bool {
	if o, ok := sent.AsComplex(); ok {
		other, _ := is.AsComplex()
		for name, v := range o.All() {
			if w, ok := other.Get(name); !ok || !within(v, w) {
				return false
			}
		}
		return true
	}
	if list, ok := sent.AsList(); ok {
		others, _ := is.AsList()
		if len(others) < len(list) {
			return false
		}
		for i := range list {
			o, _ := list[i].AsComplex()
			q, _ := others[i].AsComplex()
			for _, key := range []string{"value", "locality"} {
				v, sent := o.Get(key)
				if w, _ := q.Get(key); sent && !v.Equal(w) {
					return false
				}
			}
		}
		return true
	}
	return sent.Equal(is)
}

// patches finds out which PATCH requests of a user take effect.
func (p *prober) patches(ctx context.Context) {
	d := &p.userPatch
	probeOne := p.onUser(ctx, oper("replace", "active", scim.Bool(true)))
	if probeOne.unoffered() {
		d.none = true
		if p.group == nil || p.patch(ctx, p.at(p.group), op("replace", "displayName", scim.String(p.group.Name))).unoffered() {
			p.line("there is no PATCH")
			p.grpPatch.none = true
		} else {
			p.facts.without[user] = append(p.facts.without[user], http.MethodPatch)
		}
		return
	}
	all := p.changes()
	works := p.reach(ctx, all, probeOne.ok())
	if len(works) == 0 {
		p.noPaths(ctx, probeOne.ok())
		return
	}
	p.versions(ctx)
	p.forms(ctx, works)
	p.pathFilters(ctx)
	p.removals(ctx, works)
	p.meanings(ctx, works)
}

// versions tells whether a change that rests on another version is refused (RFC 7644 §3.14).
func (p *prober) versions(ctx context.Context) {
	r := scim.NewResource("urn:ietf:params:scim:api:messages:2.0:PatchOp")
	r.Set("Operations", scim.List(oper("replace", "active", scim.Bool(true))))
	a := p.do(ctx, call{method: http.MethodPatch, path: p.at(p.user), body: r.AppendJSON(nil), tune: func(h http.Header) { h.Set("If-Match", `W/"usher-probe"`) }})
	p.fact("versions", "If-Match of another version is %s", map[bool]string{true: "refused, as it should be", false: "passed over"}[a.status == http.StatusPreconditionFailed])
}

// noPaths looks at an app where no path but active changes anything.
func (p *prober) noPaths(ctx context.Context, active bool) {
	c := change{"displayName", scim.String("Usher Q")}
	a := p.onUser(ctx, oper("replace", "", scim.Complex(object(c.path, c.to))))
	p.follow(ctx)
	switch {
	case a.ok() && p.holds(c.path) && p.took(c):
		p.userPatch.style = "pathless"
		p.noContent(a)
		p.fact("PATCH", "a change takes effect without a path alone")
	case !active:
		p.userPatch.onlyActive = true
	}
}

// reach finds the paths that can be changed, all at once if that works.
func (p *prober) reach(ctx context.Context, all []change, active bool) []change {
	var ops []scim.Value
	for _, c := range all {
		ops = append(ops, oper("replace", c.path, c.to))
	}
	if a := p.onUser(ctx, ops...); a.ok() {
		p.follow(ctx)
		if !slices.ContainsFunc(all, func(c change) bool { return !p.took(c) }) {
			p.noContent(a)
			return all
		}
	}
	var works []change
	var void, refused, fixed []string
	for _, c := range all {
		if c.path == "externalId" { // the one before may have been taken
			c.to = scim.String(p.nextID())
		}
		a := p.onUser(ctx, oper("replace", c.path, c.to))
		p.follow(ctx)
		switch {
		case p.failed != nil:
			return nil
		case a.ok() && p.took(c):
			works = append(works, c)
			p.noContent(a)
		case a.ok():
			void = append(void, c.path)
		case p.byPut(ctx, c):
			fixed = append(fixed, c.path)
		default:
			refused = append(refused, c.path)
		}
	}
	p.pathLines(ctx, works, void, refused, active)
	p.words("users: never changed:", fixed)
	p.facts.fixed = append(p.facts.fixed, fixed...)
	return works
}

// byPut tells whether an attribute that no PATCH changes cannot be changed at all.
func (p *prober) byPut(ctx context.Context, c change) bool {
	r := p.person.Clone()
	put(r, c.path, c.to)
	a := p.put(ctx, r)
	p.follow(ctx)
	return p.failed == nil && !a.unoffered() && (!a.ok() || !p.took(c))
}

// nextID is a name that may become the canary's id.
func (p *prober) nextID() string {
	id := p.next()
	p.ids = append(p.ids, id)
	return id
}

// follow reads the canary again; its id may have followed its externalId. If it is
// not there the run ends, and what was read last stays.
func (p *prober) follow(ctx context.Context) {
	old := p.user.ID
	ids := []string{old}
	if p.asOwnID {
		ids = slices.Concat(ids, p.ids, []string{p.person.ExternalID()})
	}
	for _, id := range ids {
		p.user.ID = id
		if now := p.read(ctx, p.at(p.user)); now != nil {
			p.now, p.user.seen = now, true
			return
		}
	}
	p.user.ID = old
	p.fail("the canary user is not there any more")
}

// pathLines says which paths there are.
func (p *prober) pathLines(ctx context.Context, works []change, void, refused []string, active bool) {
	if len(void)+len(refused) == 0 {
		return
	}
	d := &p.userPatch
	for _, c := range works {
		d.paths = append(d.paths, c.path)
	}
	name := change{"userName", scim.String(p.fullName())}
	if a := p.onUser(ctx, oper("replace", name.path, name.to)); a.ok() {
		p.follow(ctx)
		if strings.EqualFold(p.now.UserName(), p.str(name.to)) {
			d.paths = append(d.paths, "userName")
			p.named()
		}
	}
	if active {
		d.paths = append(d.paths, "active")
	}
	if p.asOwnID && p.idPatch(ctx) {
		d.paths = append(d.paths, "id")
	}
	switch {
	case len(d.paths) == 0:
	case len(refused) == 0:
		d.void = true
		p.words("users: PATCH: paths that are passed over are others than", d.paths)
	case len(void) == 0:
		p.words("users: PATCH: paths are", d.paths)
	default:
		p.words("users: PATCH: paths are", d.paths)
		p.fact("PATCH", "these paths are taken and change nothing: %s", strings.Join(void, ", "))
	}
}

func (p *prober) str(v scim.Value) string {
	s, _ := v.AsString()
	return s
}

// named notes the name that the canary has now.
func (p *prober) named() {
	p.user.Name = p.now.UserName()
	p.person.Set("userName", scim.String(p.user.Name))
}

// idPatch changes the id, where it is the client's.
func (p *prober) idPatch(ctx context.Context) bool {
	id := p.nextID()
	a := p.onUser(ctx, oper("replace", "id", scim.String(id)))
	p.follow(ctx)
	return a.ok() && p.now.ID() == id
}

// forms tries the ways to write operations.
func (p *prober) forms(ctx context.Context, works []change) {
	d := &p.userPatch
	simple := texts(works)
	if len(simple) == 0 {
		return
	}
	one := simple[0]
	set := func(name string) answer { return p.onUser(ctx, oper(name, one.path, one.to)) }
	if a := set("Replace"); p.failed == nil && !a.ok() {
		d.lower = true
		p.line("users: PATCH: operations in lower case")
	}
	single := p.onUser(ctx, oper("replace", "", scim.Complex(object(one.path, one.to))))
	d.pathless = single.ok()
	if p.failed == nil && !single.ok() {
		p.line("users: PATCH: none without path")
	}
	if len(simple) > 1 {
		two := simple[1]
		both := p.onUser(ctx, oper("replace", "", scim.Complex(object(one.path, one.to, two.path, two.to))))
		if single.ok() && !both.ok() && p.failed == nil {
			d.oneEach = true
			p.line("users: PATCH: one attribute without path")
		}
		if a := p.onUser(ctx, oper("replace", one.path, one.to), oper("replace", two.path, two.to)); p.failed == nil && !a.ok() {
			d.oneOp = true
			p.line("users: PATCH: one operation")
			return
		}
	}
	p.often(ctx, one)
	d.maxOps = p.operations(ctx, "users", p.at(p.user), oper("replace", one.path, one.to))
}

// texts are the changes of simple attributes, displayName and title first.
func texts(works []change) []change {
	var out []change
	for _, c := range works {
		if _, ok := c.to.AsString(); ok && c.path != "externalId" && c.path != "preferredLanguage" {
			out = append(out, c)
		}
	}
	return out
}

// often finds attributes of which a request has one operation at most.
func (p *prober) often(ctx context.Context, one change) {
	twice := []struct {
		path string
		v    scim.Value
	}{{"active", scim.Bool(true)}, {"userName", scim.String(p.now.UserName())}, {one.path, one.to}}
	var all []scim.Value
	for _, t := range twice {
		all = append(all, oper("replace", t.path, t.v), oper("replace", t.path, t.v))
	}
	if p.onUser(ctx, all...).ok() {
		return
	}
	var once []string
	for _, t := range twice {
		o := oper("replace", t.path, t.v)
		if p.onUser(ctx, o).ok() && !p.onUser(ctx, o, o).ok() && p.failed == nil {
			once = append(once, t.path)
		}
	}
	p.words("users: PATCH: once in a request:", once)
}

// operations is how many a PATCH may have; 0 if it takes more than are tried.
func (p *prober) operations(ctx context.Context, of, at string, o scim.Value) int {
	fine := func(n int) bool { return p.patch(ctx, at, slices.Repeat([]scim.Value{o}, n)).ok() }
	if fine(mostOps+1) || p.failed != nil {
		return 0
	}
	n := p.greatest(mostOps+1, fine)
	if n > 1 {
		p.line("%s: PATCH: operations at most: %d", of, n)
	}
	return n
}

// pathFilters tries paths with a filter (RFC 7644 §3.5.2, figure 7).
func (p *prober) pathFilters(ctx context.Context) {
	d := &p.userPatch
	if !p.holds("emails") || d.paths != nil && !slices.Contains(d.paths, "emails") {
		return
	}
	set := func(filter string) (taken, done bool) {
		address := p.next() + "@" + Domain
		a := p.onUser(ctx, oper("replace", "emails["+filter+"].value", scim.String(address)))
		p.follow(ctx)
		return a.ok(), firstText(p.now, "emails") == address
	}
	byType, done := set(`type eq "work"`)
	other, _ := set(`primary eq true`)
	begins, _ := set(`type sw "wor"`)
	switch {
	case p.failed != nil:
	case !byType && !other:
		d.filters = "none"
		p.line("users: PATCH: no filters in paths")
	case byType && !done:
		d.filters = "none"
		p.line("users: PATCH: paths with filters change nothing")
	case byType && !other:
		d.filters = "type"
		p.line(`users: PATCH: filters of paths: type eq "work"`)
	case !begins:
		p.line("users: PATCH: filters of paths by eq alone")
	}
}

// removals tries remove.
func (p *prober) removals(ctx context.Context, works []change) {
	d := &p.userPatch
	optional := slices.DeleteFunc(texts(works), func(c change) bool { return slices.Contains(p.facts.required, c.path) })
	if len(optional) == 0 {
		if d.void && !p.onUser(ctx, oper("remove", "nickName", scim.Null())).ok() {
			d.kept = []string{"*"}
			p.line("users: PATCH: no remove")
		}
		return
	}
	last := optional[len(optional)-1]
	drop := func(path string) bool { return p.onUser(ctx, oper("remove", path, scim.Null())).ok() }
	if !drop(last.path) && !drop(optional[0].path) {
		if p.failed == nil {
			d.kept = []string{"*"}
			p.line("users: PATCH: no remove")
		}
		return
	}
	p.onUser(ctx, oper("replace", last.path, last.to))
	if d.paths == nil || slices.Contains(d.paths, "active") {
		if !drop("active") && p.failed == nil {
			d.kept = append(d.kept, "active")
		}
		p.onUser(ctx, oper("add", "active", scim.Bool(true)))
	}
	p.words("users: PATCH: not removed:", d.kept)
}

// meanings finds out what null, "" and a truth in quotes are taken for.
func (p *prober) meanings(ctx context.Context, works []change) {
	optional := slices.DeleteFunc(texts(works), func(c change) bool { return slices.Contains(p.facts.required, c.path) })
	if len(optional) == 0 {
		return
	}
	c := optional[len(optional)-1]
	for _, m := range []struct {
		name string
		v    string
	}{{"null", "null"}, {"an empty text", `""`}} {
		body := []byte(fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":%q,"value":%s}]}`, c.path, m.v))
		a := p.do(ctx, call{method: http.MethodPatch, path: p.at(p.user), body: body})
		p.follow(ctx)
		cleared := !has(p.now, c.path)
		switch {
		case !a.ok():
			p.fact("unassign", "%s in a PATCH is refused", m.name)
		case cleared:
			p.fact("unassign", "%s in a PATCH removes the attribute", m.name)
		default:
			p.fact("unassign", "%s in a PATCH is taken, and removes nothing", m.name)
		}
		p.onUser(ctx, oper("add", c.path, c.to))
	}
	a := p.onUser(ctx, oper("replace", "active", scim.String("True")))
	p.fact("PATCH", "active in quotes (Entra): %s", map[bool]string{true: "taken", false: "refused"}[a.ok()])
	if p.holds(enterprise("department")) {
		a = p.onUser(ctx, oper("replace", "", scim.Complex(object(enterprise("department"), "Finches"))))
		p.follow(ctx)
		p.fact("PATCH", "an extension's path as a name without path (Entra): %s",
			map[bool]string{true: "takes effect", false: "does not"}[a.ok() && text(p.now, enterprise("department")) == "Finches"])
	}
}
