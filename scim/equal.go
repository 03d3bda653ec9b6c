// SPDX-License-Identifier: Apache-2.0

package scim

import "hash/maphash"

// Same tells whether two values of the attribute mean the same, as its
// characteristics say (RFC 7643 §2):
//
//   - Absent, null, "", [] and {} are one: unassigned.
//   - Values of a multi-valued attribute have no order, and one value is the same
//     as a list of it. "primary" counts, and false is the same as absent (§2.4).
//   - A dateTime is an instant, whatever zone it is written in. Numbers compare by
//     value. Other strings compare byte by byte: a new spelling of a display name
//     is a change, also where caseExact is false.
//   - In complex values, what only the service provider can write does not count:
//     a readOnly sub-attribute never, an immutable one, "$ref" and "display"
//     only if both sides state it, or if there is nothing else to tell the values
//     apart. "value" always counts.
//
// Of lists in which more than 64 elements have the same "value" it may say that
// they differ when they do not; comparing such lists fully takes too long.
func (a Attribute) Same(v, w Value) bool { return same(&a, v, w) }

// same implements Same. Of an unknown attribute (nil) it goes by the JSON shapes.
func same(a *Attribute, v, w Value) bool {
	if v.Equal(w) {
		return true
	}
	if v.IsUnassigned() || w.IsUnassigned() {
		return v.IsUnassigned() && w.IsUnassigned()
	}
	l, lok := v.AsList()
	m, mok := w.AsList()
	if lok || mok {
		if !lok {
			l = []Value{v}
		}
		if !mok {
			m = []Value{w}
		}
		return sameSet(a, l, m)
	}
	return sameOne(a, v, w)
}

func sameOne(a *Attribute, v, w Value) bool {
	if o, ok := v.AsComplex(); ok {
		p, ok := w.AsComplex()
		return ok && sameComplex(a, o, p)
	}
	if s, ok := v.AsString(); ok {
		t, ok := w.AsString()
		if !ok || s == t {
			return ok
		}
		if a == nil || a.Type != TypeDateTime {
			return false
		}
		x, okX := ParseDateTime(s)
		y, okY := ParseDateTime(t)
		return okX && okY && x.Equal(y)
	}
	if order, ok := compareNumbers(v, w); ok {
		return order == 0
	}
	return v.Equal(w)
}

func sameComplex(a *Attribute, o, p Object) bool {
	lenient := false // something that only one side states was passed over
	for i := range o.fields {
		w, _ := p.Get(o.fields[i].name)
		if !sameMember(a, o.fields[i].name, o.fields[i].value, w, &lenient) {
			return false
		}
	}
	for i := range p.fields {
		if _, ok := o.Get(p.fields[i].name); !ok && !sameMember(a, p.fields[i].name, Value{}, p.fields[i].value, &lenient) {
			return false
		}
	}
	// A member that is nothing but a $ref is not every other one.
	return !lenient || hasIdentity(a, o.fields)
}

// hasIdentity tells whether something is stated that counts and tells values apart.
func hasIdentity(a *Attribute, fields []field) bool {
	for i := range fields {
		f := &fields[i]
		if f.value.Kind() != KindBool && weightOf(a, a.sub(f.name), f.name) == counts && !f.value.IsUnassigned() {
			return true
		}
	}
	return false
}

func sameMember(a *Attribute, name string, v, w Value, lenient *bool) bool {
	sub := a.sub(name)
	switch weightOf(a, sub, name) {
	case ignored:
		return true
	case ifBoth:
		if one, other := v.IsUnassigned(), w.IsUnassigned(); one || other {
			*lenient = *lenient || one != other
			return true
		}
	case counts:
		if (a == nil || a.MultiValued) && sameName(name, "primary") {
			x, _ := v.AsBool()
			y, _ := w.AsBool()
			if v.IsNull() && !y && w.Kind() == KindBool || w.IsNull() && !x && v.Kind() == KindBool {
				return true
			}
		}
	}
	return same(sub, v, w)
}

type weight uint8

const (
	counts weight = iota
	ifBoth
	ignored
)

// weightOf says how a sub-attribute takes part in a comparison. Service providers
// fill in $ref, display and the like by themselves; if that were a difference, a
// membership would never be up to date.
func weightOf(a, sub *Attribute, name string) weight {
	switch {
	case sameName(name, "value"):
		return counts
	case sub != nil && sub.Mutability == ReadOnly && a.Mutability != ReadOnly:
		return ignored
	case sub != nil && sub.Mutability == Immutable, sameName(name, "$ref"), sameName(name, "display"):
		return ifBoth
	}
	return counts
}

const fewElements = 16 // below, comparing each with each is cheaper than an index

// sameSet compares without order; an element that stands twice counts once.
func sameSet(a *Attribute, l, m []Value) bool {
	if len(l) <= fewElements && len(m) <= fewElements {
		return within(a, l, m) && within(a, m, l)
	}
	x, y := newIndex(a, l), newIndex(a, m)
	return y.hasAll(l) && x.hasAll(m)
}

// within tells whether every element of l has its like in m.
func within(a *Attribute, l, m []Value) bool {
	for i, v := range l {
		if v.IsUnassigned() {
			continue
		}
		// Lists mostly come in the same order.
		if i < len(m) && sameOne(a, v, m[i]) {
			continue
		}
		if !contains(a, m, v) {
			return false
		}
	}
	return true
}

func contains(a *Attribute, list []Value, v Value) bool {
	for _, w := range list {
		if sameOne(a, v, w) {
			return true
		}
	}
	return false
}

// index finds elements by a hash of what always counts in them, so that groups of
// 100,000 members compare in linear time.
type index struct {
	attr *Attribute
	list []Value
	head map[uint64]int32 // hash → 1 + position of the last such element
	next []int32          // chain to the earlier ones
}

var hashSeed = maphash.MakeSeed() // read only; a hash never leaves the process

func newIndex(a *Attribute, list []Value) *index {
	x := &index{a, list, make(map[uint64]int32, len(list)), make([]int32, len(list))}
	for i, v := range list {
		h := hashElement(a, v)
		x.next[i] = x.head[h]
		x.head[h] = int32(i + 1)
	}
	return x
}

func (x *index) hasAll(list []Value) bool {
	for _, v := range list {
		if !v.IsUnassigned() && !x.has(v) {
			return false
		}
	}
	return true
}

func (x *index) has(v Value) bool {
	steps := 0
	for i := x.head[hashElement(x.attr, v)]; i > 0 && steps < longestChain; i = x.next[i-1] {
		steps++ // thousands of one hash are made on purpose
		if sameOne(x.attr, v, x.list[i-1]) {
			return true
		}
	}
	return false
}

// repeats tells whether an element is the same as one before it.
func (x *index) repeats(i int) bool {
	steps := 0
	for j := x.next[i]; j > 0 && steps < longestChain; j = x.next[j-1] {
		steps++ // as in has
		if sameOne(x.attr, x.list[i], x.list[j-1]) {
			return true
		}
	}
	return false
}

// hashElement is equal for values that are the same. It takes in whatever always
// counts, in a form that does not depend on spelling; or everything, if that is
// nothing.
func hashElement(a *Attribute, v Value) uint64 {
	switch v.Kind() {
	case KindString:
		s, _ := v.AsString()
		if s == "" {
			return 0
		}
		if a != nil && a.Type == TypeDateTime {
			if t, ok := ParseDateTime(s); ok {
				return maphash.Comparable(hashSeed, t.UnixNano())
			}
		}
		return maphash.String(hashSeed, s)
	case KindInteger, KindDecimal:
		f, _ := v.AsDecimal()
		return maphash.Comparable(hashSeed, f)
	case KindComplex:
		o, _ := v.AsComplex()
		var sum uint64 // a sum, as sub-attributes have no order
		all := !hasIdentity(a, o.fields)
		for i := range o.fields {
			f := &o.fields[i]
			sub := a.sub(f.name)
			if w := weightOf(a, sub, f.name); w == counts || w == ifBoth && all {
				sum += hashElement(sub, f.value) * uint64(2*len(f.name)+1)
			}
		}
		return sum
	}
	return 0 // booleans tell little; one value may stand for a list of it
}
