// SPDX-License-Identifier: Apache-2.0

package scim

import "iter"

// field is one attribute of an Object.
type field struct {
	name  string
	value Value
}

// Object is an ordered set of attributes: the members of a complex value or of a
// resource. Names match without regard to letter case (RFC 7643 §2.1) and keep
// the spelling in which they were first set. The zero Object is empty and ready
// to use.
//
// An Object is a flat slice: for the two dozen attributes that a resource has, a
// scan beats a map, allocates nothing and keeps the order. Copying the struct
// shares the attributes; use [Object.Clone] for a copy to change. An Object is
// safe for concurrent reading.
type Object struct {
	fields []field
	shared bool // the slice belongs to a Value: copy before the first write
}

// Get returns the value of the attribute, without allocation.
func (o Object) Get(name string) (Value, bool) {
	if i := o.index(name); i >= 0 {
		return o.fields[i].value, true
	}
	return Value{}, false
}

// Set assigns the attribute, in its old place or else at the end. Null is kept as
// null; to unassign an attribute use [Object.Delete].
func (o *Object) Set(name string, v Value) {
	if i := o.index(name); i >= 0 {
		o.own(0)
		o.fields[i].value = v
		return
	}
	o.own(1)
	o.fields = append(o.fields, field{name, v})
}

// Delete removes the attribute and tells whether it was there.
func (o *Object) Delete(name string) bool {
	i := o.index(name)
	if i < 0 {
		return false
	}
	o.own(0)
	o.fields = append(o.fields[:i], o.fields[i+1:]...)
	o.fields[:len(o.fields)+1][len(o.fields)] = field{} // let go of what it held
	return true
}

// Len returns the number of attributes.
func (o Object) Len() int { return len(o.fields) }

// All iterates over names and values in order.
func (o Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range o.fields {
			if !yield(o.fields[i].name, o.fields[i].value) {
				return
			}
		}
	}
}

// Clone returns a copy that shares no list or object with o.
func (o Object) Clone() Object {
	if o.fields == nil {
		return Object{}
	}
	out := make([]field, len(o.fields))
	for i := range o.fields {
		out[i] = field{o.fields[i].name, o.fields[i].value.Clone()}
	}
	return Object{fields: out}
}

// Equal tells whether both hold the same attributes with exactly the same
// values; the order of attributes does not count. See [Value.Equal].
func (o Object) Equal(p Object) bool { return equalFields(o.fields, p.fields) }

// own makes the slice writable, with room for extra fields.
func (o *Object) own(extra int) {
	if !o.shared {
		return
	}
	out := make([]field, len(o.fields), len(o.fields)+extra)
	copy(out, o.fields)
	o.fields, o.shared = out, false
}

func (o Object) index(name string) int {
	// The exact spelling is nearly always what is asked for. The last byte rules
	// out most names of equal length (and URNs that differ at the end) without a
	// call to compare memory.
	fields, n := o.fields, len(name)-1
	if n < 0 {
		n = 0
	}
	for i := range fields {
		if f := fields[i].name; len(f) == len(name) && (n >= len(f) || f[n] == name[n]) && f == name {
			return i
		}
	}
	for i := range fields {
		if f := fields[i].name; len(f) == len(name) && sameName(f, name) {
			return i
		}
	}
	return -1
}

func equalFields(a, b []field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		// The same order is the common case.
		if j := i; b[j].name == a[i].name {
			if !a[i].value.Equal(b[j].value) {
				return false
			}
			continue
		}
		w, ok := Object{fields: b}.Get(a[i].name)
		if !ok || !a[i].value.Equal(w) {
			return false
		}
	}
	return true
}

// sameName compares attribute names and URNs. Both are ASCII by their grammars
// (RFC 7643 §2.1, RFC 8141 §2), so only ASCII letters fold: Unicode folding would
// let U+212A stand for "k".
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		x |= 0x20
		if x != y|0x20 || x < 'a' || x > 'z' {
			return false
		}
	}
	return true
}
