// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"math"
	"slices"
	"strconv"
)

// Kind says what a [Value] holds. It is the JSON shape of the value, not its
// SCIM type: a dateTime, a reference and a binary are all KindString, and only
// the schema tells them apart (RFC 7643 §2.3).
type Kind uint8

// The kinds of a Value.
const (
	KindNull Kind = iota
	KindBool
	KindInteger
	KindDecimal
	KindString
	KindComplex
	KindList
)

// String names the kind in lower case, as in error texts.
func (k Kind) String() string {
	switch k {
	case KindNull:
		return "null"
	case KindBool:
		return "boolean"
	case KindInteger:
		return "integer"
	case KindDecimal:
		return "decimal"
	case KindString:
		return "string"
	case KindComplex:
		return "complex"
	case KindList:
		return "list"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Value is one attribute value: null, a boolean, a number, a string, a complex
// value (an [Object]) or a list. The zero Value is null.
//
// A Value holds scalars without allocation and is immutable by convention:
// share it freely between goroutines, and do not write to a slice that
// [Value.AsList] returned. Compare with [Value.Equal], as == is refused by the
// compiler.
type Value struct {
	_    [0]func() // no ==: it would compare addresses
	kind Kind
	num  uint64 // the bits of a boolean or a number
	str  string
	many any // []Value or []field, by kind
}

// Null returns the null value, which SCIM reads as "unassigned" (RFC 7643 §2.5).
func Null() Value { return Value{} }

// Bool returns a boolean value (RFC 7643 §2.3.2).
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Integer returns an integer value (RFC 7643 §2.3.4).
func Integer(i int64) Value { return Value{kind: KindInteger, num: uint64(i)} }

// Decimal returns a decimal value (RFC 7643 §2.3.3). A number that JSON cannot
// write (NaN, an infinity) becomes null.
func Decimal(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{kind: KindDecimal, num: math.Float64bits(f)}
}

// String returns a string value; SCIM's dateTime, reference and binary values
// are strings as well.
func String(s string) Value { return Value{kind: KindString, str: s} }

// Complex returns a complex value (RFC 7643 §2.3.8). It takes the object over:
// pass o.Clone() if you mean to change o afterwards.
func Complex(o Object) Value { return Value{kind: KindComplex, many: o.fields} }

// List returns the value of a multi-valued attribute (RFC 7643 §2.4). It takes
// the slice over.
func List(vs ...Value) Value { return Value{kind: KindList, many: vs} }

// list and fields are what is in a list and in a complex value, nil for others.
func (v Value) list() []Value {
	vs, _ := v.many.([]Value)
	return vs
}

func (v Value) fields() []field {
	fs, _ := v.many.([]field)
	return fs
}

// Kind returns what v holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether v is null. See [Value.IsUnassigned] for SCIM's wider idea
// of "no value".
func (v Value) IsNull() bool { return v.kind == KindNull }

// IsUnassigned tells whether v counts as no value at all: null, an empty string,
// an empty list, or a complex value or list in which everything is unassigned
// (RFC 7643 §2.5).
func (v Value) IsUnassigned() bool {
	switch v.kind {
	case KindNull:
		return true
	case KindString:
		return v.str == ""
	case KindList:
		for _, e := range v.list() {
			if !e.IsUnassigned() {
				return false
			}
		}
		return true
	case KindComplex:
		for _, f := range v.fields() {
			if !f.value.IsUnassigned() {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// AsBool returns the boolean, if v is one.
func (v Value) AsBool() (b, ok bool) {
	return v.kind == KindBool && v.num != 0, v.kind == KindBool
}

// AsInteger returns the integer, if v is one.
func (v Value) AsInteger() (int64, bool) {
	if v.kind != KindInteger {
		return 0, false
	}
	return int64(v.num), true
}

// AsDecimal returns the number, if v is a decimal or an integer.
func (v Value) AsDecimal() (float64, bool) {
	switch v.kind {
	case KindDecimal:
		return math.Float64frombits(v.num), true
	case KindInteger:
		return float64(int64(v.num)), true
	default:
		return 0, false
	}
}

// AsString returns the string, if v is one.
func (v Value) AsString() (string, bool) { return v.str, v.kind == KindString }

// AsComplex returns the object, if v is a complex value. The object is the
// caller's to change: the first change copies it, and v stays as it is.
func (v Value) AsComplex() (Object, bool) {
	if v.kind != KindComplex {
		return Object{}, false
	}
	return Object{fields: v.fields(), shared: true}, true
}

// AsList returns the elements, if v is a list. The slice must not be written to.
func (v Value) AsList() ([]Value, bool) { return v.list(), v.kind == KindList }

// Equal tells whether v and w are the same value exactly: the same kind, lists in
// the same order, strings byte by byte; only the order of sub-attributes and the
// letter case of their names do not count (RFC 7643 §2.1, §2.3.8).
// [SchemaSet.Equal] compares as the schema says.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case KindString:
		return v.str == w.str
	case KindDecimal: // -0 is 0
		return math.Float64frombits(v.num) == math.Float64frombits(w.num)
	case KindList:
		return slices.EqualFunc(v.list(), w.list(), Value.Equal)
	case KindComplex:
		return equalFields(v.fields(), w.fields())
	default:
		return v.num == w.num
	}
}

// Clone returns a copy that shares no list or object with v.
func (v Value) Clone() Value {
	switch v.kind {
	case KindList:
		src := v.list()
		dst := make([]Value, len(src))
		for i := range src {
			dst[i] = src[i].Clone()
		}
		return List(dst...)
	case KindComplex:
		return Complex(Object{fields: v.fields()}.Clone())
	default:
		return v
	}
}
