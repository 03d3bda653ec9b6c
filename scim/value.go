// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"math"
	"strconv"
	"unsafe"
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
// A Value is 24 bytes, holds scalars without allocation and is immutable by
// convention: share it freely between goroutines, and do not write to a slice
// that [Value.AsList] returned. Compare with [Value.Equal], as == is refused by
// the compiler.
type Value struct {
	_   [0]func() // no ==: it would compare addresses
	num uint64    // the scalar's bits, or the length of what ref points to
	ref any       // nil, Kind (scalars), stringPtr, listPtr or objectPtr
}

// Pointers in an interface need no allocation; the type in the interface word
// doubles as the kind. The standard library's slog.Value is built the same way.
type (
	stringPtr *byte
	listPtr   *Value
	objectPtr *field
)

// Null returns the null value, which SCIM reads as "unassigned" (RFC 7643 §2.5).
func Null() Value { return Value{} }

// Bool returns a boolean value (RFC 7643 §2.3.2).
func Bool(b bool) Value {
	if b {
		return Value{num: 1, ref: KindBool}
	}
	return Value{ref: KindBool}
}

// Integer returns an integer value (RFC 7643 §2.3.4).
func Integer(i int64) Value { return Value{num: uint64(i), ref: KindInteger} }

// Decimal returns a decimal value (RFC 7643 §2.3.3). A number that JSON cannot
// write (NaN, an infinity) becomes null.
func Decimal(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{num: math.Float64bits(f), ref: KindDecimal}
}

// String returns a string value; SCIM's dateTime, reference and binary values
// are strings as well.
func String(s string) Value {
	return Value{num: uint64(len(s)), ref: stringPtr(unsafe.StringData(s))}
}

// Complex returns a complex value (RFC 7643 §2.3.8). It takes the object over:
// pass o.Clone() if you mean to change o afterwards.
func Complex(o Object) Value {
	return Value{num: uint64(len(o.fields)), ref: objectPtr(unsafe.SliceData(o.fields))}
}

// List returns the value of a multi-valued attribute (RFC 7643 §2.4). It takes
// the slice over.
func List(vs ...Value) Value {
	return Value{num: uint64(len(vs)), ref: listPtr(unsafe.SliceData(vs))}
}

// Kind returns what v holds.
func (v Value) Kind() Kind {
	switch r := v.ref.(type) {
	case nil:
		return KindNull
	case stringPtr:
		return KindString
	case objectPtr:
		return KindComplex
	case listPtr:
		return KindList
	case Kind:
		return r
	}
	return KindNull
}

// IsNull tells whether v is null. See [Value.IsUnassigned] for SCIM's wider idea
// of "no value".
func (v Value) IsNull() bool { return v.ref == nil }

// IsUnassigned tells whether v counts as no value at all: null, an empty string,
// an empty list, or a complex value or list in which everything is unassigned
// (RFC 7643 §2.5).
func (v Value) IsUnassigned() bool {
	switch r := v.ref.(type) {
	case nil:
		return true
	case stringPtr:
		return v.num == 0
	case listPtr:
		for _, e := range unsafe.Slice((*Value)(r), v.num) {
			if !e.IsUnassigned() {
				return false
			}
		}
		return true
	case objectPtr:
		for i := range unsafe.Slice((*field)(r), v.num) {
			if !unsafe.Slice((*field)(r), v.num)[i].value.IsUnassigned() {
				return false
			}
		}
		return true
	}
	return false
}

// AsBool returns the boolean, if v is one.
func (v Value) AsBool() (b, ok bool) {
	if k, is := v.ref.(Kind); is && k == KindBool {
		return v.num != 0, true
	}
	return false, false
}

// AsInteger returns the integer, if v is one.
func (v Value) AsInteger() (int64, bool) {
	if k, is := v.ref.(Kind); is && k == KindInteger {
		return int64(v.num), true
	}
	return 0, false
}

// AsDecimal returns the number, if v is a decimal or an integer.
func (v Value) AsDecimal() (float64, bool) {
	k, is := v.ref.(Kind)
	switch {
	case is && k == KindDecimal:
		return math.Float64frombits(v.num), true
	case is && k == KindInteger:
		return float64(int64(v.num)), true
	}
	return 0, false
}

// AsString returns the string, if v is one.
func (v Value) AsString() (string, bool) {
	if p, ok := v.ref.(stringPtr); ok {
		return unsafe.String((*byte)(p), v.num), true
	}
	return "", false
}

// AsComplex returns the object, if v is a complex value. The object is the
// caller's to change: the first change copies it, and v stays as it is.
func (v Value) AsComplex() (Object, bool) {
	if p, ok := v.ref.(objectPtr); ok {
		return Object{fields: unsafe.Slice((*field)(p), v.num), shared: true}, true
	}
	return Object{}, false
}

// AsList returns the elements, if v is a list. The slice must not be written to.
func (v Value) AsList() ([]Value, bool) {
	if p, ok := v.ref.(listPtr); ok {
		return unsafe.Slice((*Value)(p), v.num), true
	}
	return nil, false
}

// Equal tells whether v and w are the same value exactly: the same kind, lists in
// the same order, strings byte by byte; only the order of sub-attributes and the
// letter case of their names do not count (RFC 7643 §2.1, §2.3.8).
// [SchemaSet.Equal] compares as the schema says.
func (v Value) Equal(w Value) bool {
	switch p := v.ref.(type) {
	case nil:
		return w.ref == nil
	case Kind:
		k, ok := w.ref.(Kind)
		if !ok || k != p {
			return false
		}
		if k == KindDecimal { // -0 is 0
			return math.Float64frombits(v.num) == math.Float64frombits(w.num)
		}
		return v.num == w.num
	case stringPtr:
		q, ok := w.ref.(stringPtr)
		return ok && v.num == w.num &&
			unsafe.String((*byte)(p), v.num) == unsafe.String((*byte)(q), w.num)
	case listPtr:
		q, ok := w.ref.(listPtr)
		if !ok || v.num != w.num {
			return false
		}
		a, b := unsafe.Slice((*Value)(p), v.num), unsafe.Slice((*Value)(q), w.num)
		for i := range a {
			if !a[i].Equal(b[i]) {
				return false
			}
		}
		return true
	case objectPtr:
		q, ok := w.ref.(objectPtr)
		return ok && equalFields(unsafe.Slice((*field)(p), v.num), unsafe.Slice((*field)(q), w.num))
	}
	return false
}

// Clone returns a copy that shares no list or object with v.
func (v Value) Clone() Value {
	switch p := v.ref.(type) {
	case listPtr:
		src := unsafe.Slice((*Value)(p), v.num)
		dst := make([]Value, len(src))
		for i := range src {
			dst[i] = src[i].Clone()
		}
		return List(dst...)
	case objectPtr:
		return Complex(Object{fields: unsafe.Slice((*field)(p), v.num)}.Clone())
	}
	return v
}
