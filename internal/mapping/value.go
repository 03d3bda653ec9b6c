// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/usher-id/usher/scim"
)

// valueError is a complaint about a value that does not repeat the value, so that
// it may go into logs and reports.
type valueError struct{ msg string }

func (e *valueError) Error() string { return e.msg }

// MaxText is the longest text, in bytes, that an expression reads, makes or yields.
const MaxText = 64 << 10

var errTooLong = &valueError{"a text is longer than 64 KiB"}

// kind is a field's type in expressions.
type kind uint8

const (
	kindString kind = iota
	kindBool
	kindInt
	kindDouble
	kindObject
)

func kindOf(t scim.Type) kind {
	switch t {
	case scim.TypeBoolean:
		return kindBool
	case scim.TypeInteger:
		return kindInt
	case scim.TypeDecimal:
		return kindDouble
	case scim.TypeComplex:
		return kindObject
	}
	return kindString // string, reference, binary, dateTime
}

// zero is what an absent single value reads as.
func (f *field) zero() ref.Val {
	if f.list {
		return f.emptyList
	}
	switch f.kind {
	case kindBool:
		return types.False
	case kindInt:
		return types.IntZero
	case kindDouble:
		return types.Double(0)
	case kindObject:
		return f.object.empty
	}
	return types.String("")
}

// celValue wraps a SCIM value as the field's CEL type; lists and objects are
// wrapped one level deep, as far as the expression looks.
func (f *field) celValue(v scim.Value) (ref.Val, error) {
	if v.IsNull() {
		return f.zero(), nil
	}
	if !f.list {
		return f.single(v)
	}
	elems, ok := v.AsList()
	if !ok {
		// One object where the schema says many: some providers write it so.
		e, err := f.single(v)
		if err != nil {
			return nil, err
		}
		return types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{e}), nil
	}
	out := make([]ref.Val, 0, len(elems))
	for _, e := range elems {
		if e.IsNull() {
			continue
		}
		w, err := f.single(e)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out), nil
}

func (f *field) single(v scim.Value) (ref.Val, error) {
	switch f.kind {
	case kindBool:
		if b, ok := v.AsBool(); ok {
			return types.Bool(b), nil
		}
	case kindInt:
		if i, ok := v.AsInteger(); ok {
			return types.Int(i), nil
		}
	case kindDouble:
		if d, ok := v.AsDecimal(); ok {
			return types.Double(d), nil
		}
	case kindObject:
		if o, ok := v.AsComplex(); ok {
			return &object{typ: f.object, obj: o}, nil
		}
	default:
		if s, ok := v.AsString(); ok {
			if len(s) > MaxText {
				return nil, errTooLong
			}
			return types.String(s), nil
		}
	}
	return nil, f.mismatch()
}

// conforms checks a value as celValue does, without wrapping it: for values that
// go through as they are.
func (f *field) conforms(v scim.Value) error {
	elems, many := v.AsList()
	switch {
	case v.IsNull():
		return nil
	case !many || !f.list:
		return f.singleConforms(v)
	}
	for _, e := range elems {
		if e.IsNull() {
			continue
		}
		if err := f.singleConforms(e); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) singleConforms(v scim.Value) error {
	ok := false
	switch f.kind {
	case kindBool:
		ok = v.Kind() == scim.KindBool
	case kindInt:
		ok = v.Kind() == scim.KindInteger
	case kindDouble:
		_, ok = v.AsDecimal()
	case kindObject:
		ok = v.Kind() == scim.KindComplex
	default:
		var s string
		if s, ok = v.AsString(); len(s) > MaxText {
			return errTooLong
		}
	}
	if !ok {
		return f.mismatch()
	}
	return nil
}

func (f *field) mismatch() error {
	return &valueError{"the attribute " + f.name + " does not hold what its schema says"}
}

// scimValue is the way back from CEL.
func scimValue(v ref.Val) (scim.Value, error) {
	switch v := v.(type) {
	case types.String:
		return scim.String(string(v)), nil
	case types.Bool:
		return scim.Bool(bool(v)), nil
	case types.Int:
		return scim.Integer(int64(v)), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return scim.Value{}, &valueError{"the result is no finite number"}
		}
		return scim.Decimal(float64(v)), nil
	case types.Null:
		return scim.Null(), nil
	case *object:
		return scim.Complex(v.obj), nil
	}
	return scimList(v)
}
