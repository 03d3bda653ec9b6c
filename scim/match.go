// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"cmp"
	"math"
	"strings"
)

// Match tells whether the resource satisfies the filter (RFC 7644 §3.4.2.2), with
// letter case and types as the schemas say. A nil filter matches everything.
//
// What the RFC leaves open is decided so: a multi-valued attribute matches if one
// of its values does, "ne" included; an unassigned attribute equals null and ""
// and nothing else, so that "ne" holds for it; a "primary" that is not stated is
// false (RFC 7643 §2.4); every text contains, and begins and ends with, "";
// values of different types are not equal and have no order; a complex attribute
// without sub-attribute stands for its "value" (`emails co "example.com"`).
// Names that no schema knows compare without regard to case; attributes of
// another resource's core schema are unassigned.
//
// Match never fails: what makes no sense does not match. [FilterRules.Check]
// refuses such filters beforehand, as a service provider must.
func (s *SchemaSet) Match(resourceSchema string, f Filter, r *Resource) bool {
	if f == nil {
		return true
	}
	return matcher{s, resourceSchema}.resource(f, r)
}

// matcher evaluates filters. Without a set it goes by the names alone.
type matcher struct {
	set    *SchemaSet
	schema string
}

func (m matcher) attribute(p Path) *Attribute {
	if m.set == nil {
		return nil
	}
	p.Sub = ""
	return m.set.lookup(m.schema, p)
}

func (m matcher) resource(f Filter, r *Resource) bool {
	switch f := f.(type) {
	case *And:
		for _, t := range f.Terms {
			if !m.resource(t, r) {
				return false
			}
		}
		return true
	case *Or:
		for _, t := range f.Terms {
			if m.resource(t, r) {
				return true
			}
		}
		return false
	case *Not:
		return !m.resource(f.Term, r)
	case *Compare:
		attr := m.attribute(f.Path)
		any := false
		hit := m.each(r, f.Path, attr, func(v Value, a *Attribute, name string) bool {
			any = true
			return compare(f.Op, v, f.Value, a, name)
		})
		return hit || !any && compare(f.Op, Value{}, f.Value, nil, "")
	case *Present:
		p := f.Path
		p.Sub = "" // a primary that is not stated is false, but not present
		return m.each(r, p, m.attribute(p), func(v Value, _ *Attribute, _ string) bool {
			return !pick(v, f.Path.Sub).IsUnassigned()
		})
	case *ValuePath:
		p := Path{URN: f.Path.URN, Attr: f.Path.Attr, Filter: f.Filter}
		return m.each(r, p, m.attribute(p), func(Value, *Attribute, string) bool { return true })
	}
	return false
}

// each calls yield for every value that the path names, until it returns true.
func (m matcher) each(r *Resource, p Path, attr *Attribute, yield func(Value, *Attribute, string) bool) bool {
	if m.foreign(p.URN) {
		return false
	}
	v, ok := r.attribute(&p)
	if !ok || v.IsNull() {
		return false
	}
	one := func(e Value) bool {
		if p.Filter != nil && !matchElement(p.Filter, e, attr) {
			return false
		}
		if p.Sub == "" {
			return yield(e, attr, p.Attr)
		}
		return yield(memberOf(e, p.Sub), attr.sub(p.Sub), p.Sub)
	}
	list, multi := v.AsList()
	if !multi {
		return one(v)
	}
	for _, e := range list {
		if one(e) {
			return true
		}
	}
	return false
}

// matchElement evaluates what stands in square brackets on one element. attr may
// be nil.
func matchElement(f Filter, e Value, attr *Attribute) bool {
	switch f := f.(type) {
	case *And:
		for _, t := range f.Terms {
			if !matchElement(t, e, attr) {
				return false
			}
		}
		return true
	case *Or:
		for _, t := range f.Terms {
			if matchElement(t, e, attr) {
				return true
			}
		}
		return false
	case *Not:
		return !matchElement(f.Term, e, attr)
	case *Compare:
		name := f.Path.Attr
		return compare(f.Op, memberOf(e, name), f.Value, attr.sub(name), name)
	case *Present:
		return !subValue(e, f.Path.Attr).IsUnassigned()
	}
	return false
}

// subValue returns the sub-attribute of an element; a simple value is its own
// "value" (RFC 7643 §2.4).
func subValue(e Value, name string) Value {
	if o, ok := e.AsComplex(); ok {
		v, _ := o.Get(name)
		return v
	}
	if sameName(name, "value") {
		return e
	}
	return Value{}
}

// memberOf is subValue with the one default of RFC 7643 §2.4: primary is false
// unless stated.
func memberOf(e Value, name string) Value {
	v := subValue(e, name)
	if v.IsNull() && sameName(name, "primary") && e.Kind() == KindComplex {
		return Bool(false)
	}
	return v
}

// foreign tells whether the URN is the core schema of another type of resource.
func (m matcher) foreign(urn string) bool {
	return urn != "" && m.schema != "" && isCore(urn) && !sameName(urn, m.schema)
}

func compare(op Op, v, operand Value, attr *Attribute, name string) bool {
	if list, ok := v.AsList(); ok && len(list) > 0 {
		for _, e := range list {
			if compare(op, e, operand, attr, name) {
				return true
			}
		}
		return false
	}
	if _, ok := v.AsComplex(); ok && !operand.IsNull() {
		v, attr, name = subValue(v, "value"), attr.sub("value"), "value"
	}
	if operand.IsNull() || v.IsUnassigned() {
		same := operand.IsUnassigned() && v.IsUnassigned()
		return op == OpEq && same || op == OpNe && !same
	}
	if b, ok := v.AsBool(); ok {
		c, ok := operand.AsBool()
		return op == OpEq && ok && b == c || op == OpNe && (!ok || b != c)
	}
	if s, ok := v.AsString(); ok {
		t, ok := operand.AsString()
		if !ok {
			return op == OpNe
		}
		return compareText(op, s, t, attr, name)
	}
	order, ok := compareNumbers(v, operand)
	if !ok {
		return op == OpNe
	}
	return ordered(op, order)
}

func ordered(op Op, order int) bool {
	switch op {
	case OpEq:
		return order == 0
	case OpNe:
		return order != 0
	case OpGt:
		return order > 0
	case OpGe:
		return order >= 0
	case OpLt:
		return order < 0
	case OpLe:
		return order <= 0
	}
	return false
}

func compareText(op Op, s, t string, attr *Attribute, name string) bool {
	if attr != nil && attr.Type == TypeDateTime && op != OpCo && op != OpSw && op != OpEw {
		a, okA := ParseDateTime(s)
		b, okB := ParseDateTime(t)
		if okA && okB {
			return ordered(op, a.Compare(b))
		}
	}
	if !isExact(attr, name) {
		if op == OpEq || op == OpNe {
			return alike(s, t) == (op == OpEq)
		}
		s, t = Fold(s), Fold(t)
	}
	switch op {
	case OpCo:
		return strings.Contains(s, t)
	case OpSw:
		return strings.HasPrefix(s, t)
	case OpEw:
		return strings.HasSuffix(s, t)
	}
	return ordered(op, strings.Compare(s, t))
}

// isExact tells whether letter case counts. References and binaries are exact by
// RFC 7643 §2.3, whatever §8.7.1 prints; without a definition caseExact is false
// (§2.2), but for the identifiers.
func isExact(attr *Attribute, name string) bool {
	if attr != nil {
		return attr.CaseExact || attr.Type == TypeReference || attr.Type == TypeBinary
	}
	return sameName(name, "id") || sameName(name, "externalId") || sameName(name, "$ref")
}

func compareNumbers(v, w Value) (int, bool) {
	i, iok := v.AsInteger()
	j, jok := w.AsInteger()
	if iok && jok {
		return cmp.Compare(i, j), true
	}
	f, fok := v.AsDecimal()
	g, gok := w.AsDecimal()
	if !fok || !gok {
		return 0, false
	}
	// Beyond 2^53 two integers share a float64.
	const edge = 1 << 63
	switch {
	case f != g:
	case iok && g == math.Trunc(g) && g < edge && g >= -edge:
		return cmp.Compare(i, int64(g)), true
	case jok && f == math.Trunc(f) && f < edge && f >= -edge:
		return cmp.Compare(int64(f), j), true
	}
	return cmp.Compare(f, g), true
}
