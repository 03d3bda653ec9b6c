// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// coerce checks that v is of the attribute's type, after bending it as far as the
// rules allow. A single value of a multi-valued attribute becomes a list.
func (t *patching) coerce(p Path, a *Attribute, v Value) (Value, error) {
	if v.IsNull() {
		return v, nil
	}
	list, isList := v.AsList()
	// With a filter the value is one element.
	if !a.MultiValued || p.Filter != nil && p.Sub == "" {
		if isList && len(list) == 1 && p.Filter != nil {
			v = list[0]
		}
		return t.coerceOne(p, a, v)
	}
	if !isList {
		list = []Value{v}
	}
	out := make([]Value, len(list))
	for i, e := range list {
		var err error
		if out[i], err = t.coerceOne(p, a, e); err != nil {
			return Value{}, err
		}
	}
	return List(out...), nil
}

func (t *patching) coerceOne(p Path, a *Attribute, v Value) (Value, error) {
	if a.Type == TypeBoolean && t.rules.StringBooleans {
		if s, ok := v.AsString(); ok {
			switch strings.ToLower(s) {
			case "true":
				return Bool(true), nil
			case "false":
				return Bool(false), nil
			}
		}
	}
	if a.Type != TypeComplex {
		if !a.accepts(v) {
			return Value{}, badValue(p.String() + " wants " + string(a.Type) + ", this is " + v.Kind().String())
		}
		return v, nil
	}
	o, ok := v.AsComplex()
	if s, isText := v.AsString(); isText && s != "" && !a.MultiValued && t.rules.ManagerAsString && a.sub("value") != nil {
		o, ok = Object{}, true
		o.Set("value", v)
	}
	if !ok {
		return Value{}, badValue(p.String() + " wants an object, this is " + v.Kind().String())
	}
	var out Object
	for name, w := range o.All() {
		sub := a.sub(name)
		if sub == nil {
			return Value{}, badValue(p.String() + " has no sub-attribute of the name given")
		}
		if w.IsNull() {
			if !a.MultiValued {
				out.Set(sub.Name, w) // unassigns the sub-attribute
			}
			continue
		}
		w, err := t.coerce(Path{URN: p.URN, Attr: p.Attr, Sub: sub.Name}, sub, w)
		if err != nil {
			return Value{}, err
		}
		out.Set(sub.Name, w)
	}
	return Complex(out), nil
}

// accepts tells whether a simple value is of the attribute's type (RFC 7643 §2.3).
// An empty string unassigns any attribute.
func (a *Attribute) accepts(v Value) bool {
	s, isText := v.AsString()
	if v.IsNull() || isText && s == "" {
		return true
	}
	switch a.Type {
	case TypeBoolean:
		return v.Kind() == KindBool
	case TypeInteger:
		return v.Kind() == KindInteger
	case TypeDecimal:
		return v.Kind() == KindDecimal || v.Kind() == KindInteger
	case TypeDateTime:
		_, ok := ParseDateTime(s)
		return isText && ok
	}
	return isText
}
