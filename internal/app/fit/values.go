// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// Resource compares one person's account, as it would be sent, with what an app says
// that it takes. It tells only what [Mapping] cannot: of values that are not the same
// for everybody. No value is repeated.
func Resource(p app.Profile, d app.Discovery, s Sent, u *scim.Resource) []Finding {
	c := newCheck(p, d, s)
	for _, r := range c.sent.Rules {
		v, _ := u.At(r.Path)
		if r.Constant != nil || v.IsUnassigned() {
			continue
		}
		_, part := c.live.find(r.Path)
		if part != nil && kindOf(part.Type) != kindOf(r.Part.Type) {
			continue // told of the mapping
		}
		c.value(r, r.At, part, v, "")
	}
	c.lacks(u)
	return c.sorted()
}

// value compares a value with its definition, nil if nothing is told of it, and with
// what the profile knows. sub is the part of the rule's attribute that it is of.
func (c *check) value(r Rule, pos config.Position, a *scim.Attribute, v scim.Value, sub string) {
	if list, ok := v.AsList(); ok {
		for _, e := range list {
			c.value(r, pos, a, e, sub)
		}
		return
	}
	if o, ok := v.AsComplex(); ok {
		c.object(r, pos, a, o)
		return
	}
	name := r.Written
	if sub != "" {
		name += "." + sub
	}
	path := r.Path
	path.Filter = nil
	if sub != "" {
		path.Sub = sub
	}
	if a != nil {
		if !c.scalar(pos, name, *a, v) {
			return
		}
		c.canonical(pos, name, *a, v)
	}
	c.length(pos, name, path, v)
}

func (c *check) object(r Rule, pos config.Position, a *scim.Attribute, o scim.Object) {
	for name, e := range o.All() {
		if e.IsUnassigned() {
			continue
		}
		var sub *scim.Attribute
		if a != nil {
			sub = attribute(a.SubAttributes, name)
		}
		if a != nil && sub == nil && len(a.SubAttributes) > 0 {
			c.add(pos, Error, fmt.Sprintf("%s has %s, which is not in the app's schema", r.Written, name), listed("it has", a.SubAttributes))
			continue
		}
		c.value(r, pos, sub, e, name)
	}
}

// scalar reports whether a value is of its attribute's type.
func (c *check) scalar(pos config.Position, name string, a scim.Attribute, v scim.Value) bool {
	var ok bool
	switch a.Type {
	case scim.TypeBoolean:
		_, ok = v.AsBool()
	case scim.TypeInteger:
		_, ok = v.AsInteger()
	case scim.TypeDecimal:
		_, whole := v.AsInteger()
		_, decimal := v.AsDecimal()
		ok = whole || decimal
	case scim.TypeComplex:
		ok = false // it would have come as one
	case scim.TypeDateTime:
		s, text := v.AsString()
		_, err := time.Parse(time.RFC3339, s)
		ok = text && err == nil
	case scim.TypeBinary:
		s, text := v.AsString()
		_, err := base64.StdEncoding.DecodeString(s)
		ok = text && err == nil
	default:
		_, ok = v.AsString()
	}
	if !ok {
		c.add(pos, Error, fmt.Sprintf("%s is %s at the app, and this value is none", name, form(scim.Attribute{Type: a.Type})), "make one in the mapping, or take the line out")
	}
	return ok
}

// canonical compares a text with those that the app lists. Whether it takes others
// is its own affair (RFC 7643 §7), so that this is never more than a warning.
func (c *check) canonical(pos config.Position, name string, a scim.Attribute, v scim.Value) {
	s, ok := v.AsString()
	if !ok || len(a.CanonicalValues) == 0 {
		return
	}
	if slices.ContainsFunc(a.CanonicalValues, func(w string) bool { return w == s || !a.CaseExact && strings.EqualFold(w, s) }) {
		return
	}
	const most = 12
	words := a.CanonicalValues[:min(len(a.CanonicalValues), most)]
	more := ""
	if len(a.CanonicalValues) > most {
		more = ", …"
	}
	what := name
	if last := name[strings.LastIndexByte(name, '.')+1:]; !strings.EqualFold(last, a.Name) {
		what += ": its " + a.Name
	}
	c.add(pos, Warning, what+" is none of the values that the app lists, and may be refused", "it lists "+strings.Join(words, ", ")+more)
}

// length compares a text with the bounds that the app tells, or the profile knows.
func (c *check) length(pos config.Position, name string, p scim.Path, v scim.Value) {
	s, ok := v.AsString()
	if !ok {
		return
	}
	if most := c.live.longest(p, p.Sub); most > 0 {
		if n := utf8.RuneCountInString(s); n > most {
			c.add(pos, Error, fmt.Sprintf("%s has %d characters, and the app takes %d", name, n, most), "shorten it in the mapping")
			return
		}
	}
	for _, b := range c.profile.Bounds {
		if plain := b.Path; !strings.EqualFold(plain.String(), p.String()) {
			continue
		}
		if why := b.Refuses(s); why != "" {
			c.add(pos, Error, fmt.Sprintf("%s %s, which %s does not take", name, why, c.profile.Name), "change it in the mapping")
		}
	}
}

// lacks looks for what is required, and has a line in the mapping, and no value for
// this person.
func (c *check) lacks(u *scim.Resource) {
	told := map[string]bool{}
	lacks := func(p scim.Path, who string) {
		name := p.String()
		if r, ok := c.ruleFor(p); ok && !told[strings.ToLower(name)] {
			told[strings.ToLower(name)] = true
			c.add(r.At, Error, fmt.Sprintf("%s requires %s, and there is no value", who, name), "complete the person, or give the expression another value: or(…)")
		}
	}
	if c.live.user != nil {
		c.lacksOf(u, "", c.live.user.Attributes, lacks)
	}
	for _, urn := range c.extensions() {
		x := c.live.extension(urn)
		v, _ := u.Get(urn)
		if s := c.live.schema(urn); s != nil && (x != nil && x.Required || !v.IsUnassigned()) {
			c.lacksOf(u, s.ID, s.Attributes, lacks)
		}
	}
	for _, need := range c.profile.Required {
		when := need.When.IsZero() || has(u, need.When)
		if !when || slices.ContainsFunc(need.Any, func(p scim.Path) bool { return has(u, p) || told[strings.ToLower(p.String())] }) {
			continue
		}
		for _, p := range need.Any {
			if _, mapped := c.ruleFor(p); mapped {
				lacks(p, c.profile.Name)
				break
			}
		}
	}
}

func (c *check) lacksOf(u *scim.Resource, urn string, list []scim.Attribute, lacks func(scim.Path, string)) {
	for _, a := range list {
		p := scim.Path{URN: urn, Attr: a.Name}
		if a.Mutability == scim.ReadOnly || c.given(p) {
			continue
		}
		v, _ := u.At(p)
		if v.IsUnassigned() {
			if a.Required {
				lacks(p, "the app")
			}
			continue
		}
		elements, multi := v.AsList()
		if !multi {
			elements = []scim.Value{v}
		}
		for _, e := range elements {
			o, ok := e.AsComplex()
			for _, sub := range a.SubAttributes {
				if part, _ := o.Get(sub.Name); ok && sub.Required && sub.Mutability != scim.ReadOnly && part.IsUnassigned() {
					lacks(scim.Path{URN: urn, Attr: a.Name, Sub: sub.Name}, "the app")
				}
			}
		}
	}
}

// ruleFor is the line that is to give a value to what a path names.
func (c *check) ruleFor(p scim.Path) (Rule, bool) {
	var near *Rule
	for i, r := range c.sent.Rules {
		plain := r.Path
		plain.Filter = nil
		switch {
		case r.empty() || !(app.Paths{p}).Cover(plain) && !(app.Paths{plain}).Cover(p):
		case strings.EqualFold(plain.Sub, p.Sub):
			return r, true
		case near == nil:
			near = &c.sent.Rules[i]
		}
	}
	if near == nil {
		return Rule{}, false
	}
	return *near, true
}

func has(u *scim.Resource, p scim.Path) bool {
	v, _ := u.At(p)
	return !v.IsUnassigned()
}
