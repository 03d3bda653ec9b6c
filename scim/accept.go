// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// AcceptRules says how a service provider departs from RFC 7643 and RFC 7644 in
// what it takes for a resource. The zero value departs nowhere.
type AcceptRules struct {
	SchemasOptional bool // no schemas member
	UnknownSchemas  bool // URNs in schemas that the resource type does not have are passed over
	StringBooleans  bool // "True" and "false" for boolean attributes
	ManagerAsString bool // a string for a complex attribute: its "value"
	SingleForList   bool // one value for a multi-valued attribute: a list of it
	RefuseUnknown   bool // stricter than the RFCs: attributes that no schema has are an error, not passed over

	// Noted, if there is one, is told by name of each rule without which the
	// resource would have been refused, as often as it was needed.
	Noted func(rule string)
}

// Accept makes of a resource that a client sent what a service provider may
// store (RFC 7644 §3.3, §3.5.1): attributes of the type's schemas in their
// spelling, values of their types, and everything that is required. What only the
// service provider writes is passed over, as §3.3 wants, and so is what no schema
// has, about which the RFCs are silent. Unassigned values are left out (RFC 7643
// §2.5). sent stays as it is; the result shares values with it.
//
// A failure is an *[Error]: invalidSyntax about schemas and unknown attributes,
// invalidValue about values, two primaries and what is missing.
func (s *SchemaSet) Accept(t ResourceType, sent *Resource, rules AcceptRules) (*Resource, error) {
	if err := s.acceptSchemas(t, sent, rules); err != nil {
		return nil, err
	}
	base := s.find(t.Schema)
	out := NewResource(t.Schema)
	for name, v := range sent.All() {
		if sameName(name, "schemas") {
			continue
		}
		if x := s.extensionOf(t, name); x != nil {
			if err := acceptExtension(out, x, v, rules); err != nil {
				return nil, err
			}
			continue
		}
		a := findAttribute(base.Attributes, name)
		if a == nil {
			a = findAttribute(commonAttributes(), name)
		}
		v, err := rules.accept(Path{Attr: name}, a, v)
		if err != nil {
			return nil, err
		}
		if !v.IsUnassigned() {
			out.Set(a.Name, v)
		}
	}
	return out, s.Complete(t, out)
}

// extensionOf finds the schema of one of the type's extensions.
func (s *SchemaSet) extensionOf(t ResourceType, urn string) *Schema {
	for _, e := range t.SchemaExtensions {
		if sameName(e.Schema, urn) {
			return s.find(e.Schema)
		}
	}
	return nil
}

// acceptSchemas checks the member "schemas" (RFC 7643 §3: the base schema and those
// of extensions, nothing else).
func (s *SchemaSet) acceptSchemas(t ResourceType, sent *Resource, rules AcceptRules) error {
	if s.find(t.Schema) == nil {
		return badSyntax("there is no schema " + t.Schema)
	}
	urns := sent.Schemas()
	if len(urns) == 0 && rules.SchemasOptional {
		note(rules.Noted, RuleSchemasOptional)
		return nil
	}
	if !sent.HasSchema(t.Schema) {
		return badSyntax("schemas must name " + t.Schema)
	}
	for _, urn := range urns {
		if sameName(urn, t.Schema) || s.extensionOf(t, urn) != nil {
			continue
		}
		if !rules.UnknownSchemas {
			return badSyntax("schemas names one that " + t.Name + " does not have")
		}
		note(rules.Noted, RuleUnknownSchemas)
	}
	return nil
}

func acceptExtension(out *Resource, x *Schema, v Value, rules AcceptRules) error {
	if v.IsUnassigned() {
		return nil
	}
	sent, ok := v.AsComplex()
	if !ok {
		return badValue(x.ID + " wants an object, this is " + v.Kind().String())
	}
	o, err := rules.object(Path{URN: x.ID}, x.Attributes, sent)
	if err != nil || o.Len() == 0 {
		return err
	}
	out.Set(x.ID, Complex(o))
	out.AddSchema(x.ID)
	return nil
}

// object accepts the members of a complex value or of an extension.
func (rules AcceptRules) object(p Path, attrs []Attribute, sent Object) (Object, error) {
	var out Object
	for name, v := range sent.All() {
		q := p
		if p.Attr == "" {
			q.Attr = name
		} else {
			q.Sub = name
		}
		a := findAttribute(attrs, name)
		v, err := rules.accept(q, a, v)
		if err != nil {
			return out, err
		}
		if !v.IsUnassigned() {
			out.Set(a.Name, v)
		}
	}
	return out, nil
}

// accept returns the value as it may be stored, null for one to pass over.
func (rules AcceptRules) accept(p Path, a *Attribute, v Value) (Value, error) {
	switch {
	case a == nil && rules.RefuseUnknown:
		return Value{}, badSyntax(p.String() + " is not in the schemas")
	case a == nil, a.Mutability == ReadOnly, v.IsUnassigned():
		return Value{}, nil
	case !a.MultiValued:
		return rules.one(p, a, v)
	}
	list, ok := v.AsList()
	if !ok {
		if !rules.SingleForList {
			return Value{}, badValue(p.String() + " wants a list, this is " + v.Kind().String())
		}
		note(rules.Noted, RuleSingleForList)
		list = []Value{v}
	}
	out := make([]Value, 0, len(list))
	primaries := 0
	for _, e := range list {
		e, err := rules.one(p, a, e)
		if err != nil {
			return Value{}, err
		}
		if e.IsUnassigned() {
			continue
		}
		if b, _ := subValue(e, "primary").AsBool(); b {
			primaries++
		}
		out = append(out, e)
	}
	if primaries > 1 { // RFC 7643 §2.4
		return Value{}, badValue(p.String() + " has one primary value at most")
	}
	return List(distinct(a, out)...), nil
}

// distinct leaves out elements that are there already (RFC 7643 §2.4).
func distinct(a *Attribute, list []Value) []Value {
	if len(list) < 2 {
		return list
	}
	x := newIndex(a, list)
	return slices.Collect(func(yield func(Value) bool) {
		for i, v := range list {
			if !x.repeats(i) && !yield(v) {
				return
			}
		}
	})
}

// one accepts a single value.
func (rules AcceptRules) one(p Path, a *Attribute, v Value) (Value, error) {
	if a.Type == TypeComplex {
		if _, isText := v.AsString(); isText && rules.ManagerAsString && a.sub("value") != nil {
			note(rules.Noted, RuleManagerAsString)
			var o Object
			o.Set("value", v)
			v = Complex(o)
		}
		sent, ok := v.AsComplex()
		if !ok {
			return Value{}, badValue(p.String() + " wants an object, this is " + v.Kind().String())
		}
		o, err := rules.object(p, a.SubAttributes, sent)
		if err != nil || o.Len() == 0 {
			return Value{}, err
		}
		return Complex(o), incomplete(p, a.SubAttributes, o)
	}
	if a.Type == TypeBoolean && rules.StringBooleans {
		v = readBool(v, rules.Noted)
	}
	if !a.accepts(v) {
		return Value{}, badValue(p.String() + " wants " + string(a.Type) + ", this is " + v.Kind().String())
	}
	return v, nil
}

// Complete tells whether the resource has all that its type requires: required
// attributes, required extensions, and the required attributes of every
// extension that it has (RFC 7643 §6, §7). What only the service provider writes
// is not asked for. Nor may what a resource is known by, such as a user name, have
// characters that nobody sees. A failure is an *[Error], invalidValue.
func (s *SchemaSet) Complete(t ResourceType, r *Resource) error {
	if base := s.find(t.Schema); base != nil {
		if err := incomplete(Path{}, base.Attributes, r.Object); err != nil {
			return err
		}
		if err := unseen(base.Attributes, r.Object); err != nil {
			return err
		}
	}
	for _, e := range t.SchemaExtensions {
		v, _ := r.Get(e.Schema)
		o, _ := v.AsComplex()
		switch x := s.find(e.Schema); {
		case v.IsUnassigned() && e.Required:
			return badValue(e.Schema + " is required")
		case v.IsUnassigned() || x == nil:
		default:
			if err := incomplete(Path{URN: x.ID}, x.Attributes, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func incomplete(p Path, attrs []Attribute, o Object) error {
	for i := range attrs {
		a := &attrs[i]
		if !a.Required || a.Mutability == ReadOnly {
			continue
		}
		if v, _ := o.Get(a.Name); v.IsUnassigned() {
			if p.Attr == "" {
				p.Attr = a.Name
			} else {
				p.Sub = a.Name
			}
			return badValue(p.String() + " is required")
		}
	}
	return nil
}

// unseen finds a character that cannot be seen in what a resource is known by: in a
// text that is required, one that controls a terminal or the direction of others; in
// externalId and what is unique, any (RFC 8265 §3.3), as two of them could look the same
// and not be.
func unseen(attrs []Attribute, o Object) error {
	for name, v := range o.All() {
		text, ok := v.AsString()
		a := findAttribute(attrs, name)
		unique := a == nil && sameName(name, "externalId") || a != nil && (a.Uniqueness == UniqueServer || a.Uniqueness == UniqueGlobal)
		if !ok || !unique && (a == nil || !a.Required) {
			continue
		}
		for _, c := range text {
			if unicode.In(c, unicode.Cc, unicode.Bidi_Control) || unique && invisible(c) {
				return badValue(fmt.Sprintf("%s has a character that cannot be seen: U+%04X", name, c))
			}
		}
	}
	return nil
}

// invisible tells of what has no form of its own, but for the joiners and the marks
// before numbers, which some scripts are written with.
func invisible(c rune) bool {
	const joiners = "\u200c\u200d"
	return unicode.In(c, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, c) && !strings.ContainsRune(joiners, c)
}

// Replacement lays an accepted resource over the one that it replaces (RFC 7644
// §3.5.1): readOnly attributes stay as they are, and immutable ones that have a
// value must be given the same or left out; a writeOnly attribute that is left out
// stays, as its client cannot know it. Everything else that is left out is
// cleared, unless keepOmitted is set. Neither argument is changed; a failure is an
// *[Error], mutability.
func (s *SchemaSet) Replacement(t ResourceType, old, accepted *Resource, keepOmitted bool) (*Resource, error) {
	out := NewResource(accepted.Schemas()...)
	out.SetID(old.ID())
	for _, f := range accepted.fields {
		if !sameName(f.name, "schemas") {
			out.Set(f.name, f.value)
		}
	}
	attrs := commonAttributes()
	if base := s.find(t.Schema); base != nil {
		attrs = slices.Concat(base.Attributes, attrs)
	}
	if err := replaceIn(Path{}, attrs, &out.Object, old.Object, true, keepOmitted); err != nil {
		return nil, err
	}
	for _, e := range t.SchemaExtensions {
		x := s.find(e.Schema)
		if x == nil {
			continue
		}
		v, _ := out.Get(x.ID)
		was, _ := old.Get(x.ID)
		o, _ := v.AsComplex()
		p, _ := was.AsComplex()
		if err := replaceIn(Path{URN: x.ID}, x.Attributes, &o, p, true, keepOmitted); err != nil {
			return nil, err
		}
		if o.Len() > 0 {
			out.Set(x.ID, Complex(o))
			out.AddSchema(x.ID)
		}
	}
	return out, nil
}

// replaceIn does so for the attributes of one object; known says that what the
// service provider wrote about it still holds.
func replaceIn(p Path, attrs []Attribute, o *Object, old Object, known, keepOmitted bool) error {
	for i := range attrs {
		a := &attrs[i]
		was, _ := old.Get(a.Name)
		v, _ := o.Get(a.Name)
		q := p
		if p.Attr == "" {
			q.Attr = a.Name
		} else {
			q.Sub = a.Name
		}
		switch {
		case sameName(a.Name, "schemas"), was.IsUnassigned():
		case a.Mutability == ReadOnly:
			if known {
				o.Set(a.Name, was)
			}
		case a.Mutability == Immutable && !v.IsUnassigned() && !same(a, was, v):
			return breach(q, "is immutable and has a value")
		case v.IsUnassigned():
			if a.Mutability != ReadWrite || keepOmitted {
				o.Set(a.Name, was)
			}
		case a.Type == TypeComplex && !a.MultiValued:
			n, _ := v.AsComplex()
			w, _ := was.AsComplex()
			// The name of a manager holds as long as the manager is the same.
			if err := replaceIn(q, a.SubAttributes, &n, w, same(a, was, v), false); err != nil {
				return err
			}
			o.Set(a.Name, Complex(n))
		}
	}
	return nil
}
