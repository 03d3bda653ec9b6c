// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/usher-id/usher/scim"
)

// resource checks what a POST or a PUT brings.
func (g *gate) resource(a *ask) *refused {
	if !a.writes() {
		return nil
	}
	if a.Method == http.MethodPost || !g.quirks.PartialPut {
		if no := a.complete(); no != nil {
			return no
		}
	}
	for name, v := range a.body.All() {
		p, err := scim.ParsePath(name)
		if err != nil {
			continue // the handler says so
		}
		if no := g.values(a, p, v); no != nil {
			return no
		}
	}
	if n := a.offer.MaxWhole; n > 0 && len(a.body.Members()) > n {
		return against(RefusedMembers, "%d members; %d are taken at once", len(a.body.Members()), n)
	}
	return nil
}

// complete checks that what must be there is.
func (a *ask) complete() *refused {
	for _, choice := range a.offer.Required {
		if !slices.ContainsFunc(strings.Split(choice, "|"), func(name string) bool { return has(a.body, name) }) {
			return against(RefusedRequired, "%s must be there", strings.ReplaceAll(choice, "|", " or "))
		}
	}
	for name, parts := range a.offer.Parts {
		v, _ := a.body.Get(name)
		for _, o := range objectsOf(v) {
			for _, part := range parts {
				if p, ok := o.Get(part); !ok || p.IsUnassigned() {
					return against(RefusedRequired, "%s.%s must be there", name, part)
				}
			}
		}
	}
	for _, name := range a.offer.Primary {
		if no := primary(a.body, name); no != nil {
			return no
		}
	}
	return nil
}

// has tells whether a resource has a value at a path.
func has(r *scim.Resource, name string) bool {
	v, ok := r.At(scim.MustPath(name))
	return ok && !v.IsUnassigned()
}

// primary checks that one of an attribute's values is flagged so, if it has any.
func primary(r *scim.Resource, name string) *refused {
	v, ok := r.Get(name)
	list := objectsOf(v)
	if !ok || len(list) == 0 {
		return nil
	}
	for _, o := range list {
		p, _ := o.Get("primary")
		if is, _ := p.AsBool(); is {
			return nil
		}
	}
	return against(RefusedValue, "one of %s must be primary", name)
}

// objectsOf are the complex values of an attribute: of one, or of a list.
func objectsOf(v scim.Value) []scim.Object {
	if o, ok := v.AsComplex(); ok {
		return []scim.Object{o}
	}
	list, _ := v.AsList()
	var out []scim.Object
	for _, e := range list {
		if o, ok := e.AsComplex(); ok {
			out = append(out, o)
		}
	}
	return out
}

// each calls fn for an attribute and all that is in it, with the names by which
// rules know them.
func each(p scim.Path, v scim.Value, fn func(name string, p scim.Path, v scim.Value) *refused) *refused {
	p.Filter = nil
	if no := fn(p.String(), p, v); no != nil {
		return no
	}
	for _, o := range objectsOf(v) {
		for name, part := range o.All() {
			sub := p
			switch {
			case p.Attr == "": // an extension
				sub.Attr = name
			case p.Sub == "":
				sub.Sub = name
			default:
				continue
			}
			if p.Attr == "" {
				if no := each(sub, part, fn); no != nil {
					return no
				}
				continue
			}
			if no := fn(sub.String(), sub, part); no != nil {
				return no
			}
		}
	}
	return nil
}

// values checks an attribute that is written, whole or in part.
func (g *gate) values(a *ask, p scim.Path, v scim.Value) *refused {
	if strings.EqualFold(p.URN, a.urn) {
		p.URN = ""
	}
	rules := []func(string, scim.Path, scim.Value) *refused{a.offer.attribute, a.offer.text}
	if p.Filter == nil { // else it is about some of the values
		rules = append(rules, a.offer.plural)
	}
	return each(p, v, func(name string, p scim.Path, v scim.Value) *refused {
		for _, rule := range rules {
			if no := rule(name, p, v); no != nil {
				return no
			}
		}
		return nil
	})
}

// attribute checks whether an attribute may be sent at all.
func (f *Offer) attribute(name string, _ scim.Path, _ scim.Value) *refused {
	if listed(f.Refused, name) {
		return against(RefusedAttribute, "%s is not supported", name)
	}
	return nil
}

// plural checks the values of a multi-valued attribute.
func (f *Offer) plural(name string, p scim.Path, v scim.Value) *refused {
	list, isList := v.AsList()
	if isList && len(list) > 1 && (listed(f.Single, name) || listed(f.Single, "*") && !strings.EqualFold(name, "schemas") && !strings.EqualFold(name, "members")) {
		return against(RefusedValue, "%s has %d values; it takes one", name, len(list))
	}
	for key, typ := range f.Types {
		if !strings.EqualFold(key, name) || p.Sub != "" {
			continue
		}
		for _, o := range objectsOf(v) {
			t, _ := o.Get("type")
			if text, _ := t.AsString(); text != typ {
				return against(RefusedValue, "%s takes values of the type %s alone", name, typ)
			}
		}
	}
	return nil
}

// text checks a string.
func (f *Offer) text(name string, p scim.Path, v scim.Value) *refused {
	s, ok := v.AsString()
	if !ok {
		return nil
	}
	for key, most := range f.Longest {
		if strings.EqualFold(key, name) && len([]rune(s)) > most {
			return against(RefusedValue, "%s is longer than %d characters", name, most)
		}
	}
	for key, bad := range f.Values {
		if (strings.EqualFold(key, name) || strings.EqualFold(key, p.Attr) && strings.EqualFold(p.Sub, "value")) && listed(bad, s) {
			return against(RefusedValue, "%s cannot be %s", key, s)
		}
	}
	if listed(f.Emails, name) && !looksLikeEmail(s) {
		return against(RefusedValue, "%s must be an e-mail address", name)
	}
	if listed(f.Named, name) && strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || strings.ContainsRune(f.Forbids, c) }) {
		return against(RefusedValue, "%s has a character that is not taken", name)
	}
	return nil
}

func looksLikeEmail(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	return ok && local != "" && host != "" && !strings.ContainsAny(host, "@ ")
}

// state checks a request against what the app holds.
func (g *gate) state(a *ask) *refused {
	if a.typ == "" || a.search {
		return nil
	}
	if a.typ == "Group" {
		if no := g.company(a); no != nil {
			return no
		}
	}
	if a.id == "" {
		return nil
	}
	old, err := g.memory.Get(a.Context(), a.typ, a.id)
	if err != nil {
		return nil // the handler says so
	}
	if no := g.fixed(a, old); no != nil {
		return no
	}
	if role := g.quirks.KeepLast; role != "" && a.typ == "User" && hasRole(old, role) && a.endsIt() {
		for _, other := range g.users(a) {
			if other.ID() != old.ID() && hasRole(other, role) {
				return nil
			}
		}
		return against(RefusedState, "the last %s stays", role).with(http.StatusForbidden)
	}
	return nil
}

// fixed checks that what stays as it was made does.
func (g *gate) fixed(a *ask, old *scim.Resource) *refused {
	differs := func(name string, v scim.Value) *refused {
		if was, _ := old.Get(name); listed(a.offer.Fixed, name) && !was.Equal(v) {
			return against(RefusedState, "%s cannot be changed", name)
		}
		return nil
	}
	if a.writes() {
		for name, v := range a.body.All() {
			if no := differs(name, v); no != nil {
				return no
			}
		}
	}
	for _, o := range a.ops {
		for _, t := range o.targets {
			if no := differs(nameIn(a.urn, t.path), t.value); no != nil {
				return no
			}
		}
	}
	return nil
}

// company checks who is to be a member.
func (g *gate) company(a *ask) *refused {
	if !a.offer.MembersAreUsers && !a.offer.MembersKnown {
		return nil
	}
	var ids []string
	if a.writes() {
		ids = a.body.Members()
	}
	for _, o := range a.ops {
		for _, t := range o.targets {
			if !t.ofMembers(a.typ) || t.op == scim.OpRemove {
				continue
			}
			for _, o := range objectsOf(t.value) {
				v, _ := o.Get("value")
				id, _ := v.AsString()
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		_, err := g.memory.Get(a.Context(), "Group", id)
		switch {
		case a.offer.MembersAreUsers && err == nil:
			return against(RefusedMembers, "%s is a group; members are users", id)
		case a.offer.MembersKnown && !g.there(id):
			return against(RefusedMembers, "there is no %s", id)
		}
	}
	return nil
}

// endsIt tells whether a request deletes or deactivates.
func (a *ask) endsIt() bool {
	if a.Method == http.MethodDelete {
		return true
	}
	if a.writes() {
		active, known := a.body.Active()
		return known && !active
	}
	for _, o := range a.ops {
		if slices.ContainsFunc(o.targets, turnsOff) {
			return true
		}
	}
	return false
}

func hasRole(r *scim.Resource, role string) bool {
	v, _ := r.Get("roles")
	for _, o := range objectsOf(v) {
		value, _ := o.Get("value")
		if s, _ := value.AsString(); strings.EqualFold(cmp.Or(s, "-"), role) {
			return true
		}
	}
	return false
}
