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
		if s, ok := v.AsString(); ok && s == "" {
			return Value{}, nil // clients clear a manager so
		}
		return t.coerceOne(p, a, v)
	}
	if !isList {
		list = []Value{v}
	}
	out := make([]Value, 0, len(list))
	for _, e := range list {
		e, err := t.coerceOne(p, a, e)
		if err != nil {
			return Value{}, err
		}
		if !e.IsUnassigned() {
			out = append(out, e)
		}
	}
	if len(out) == 0 && len(list) > 0 {
		// To take it for an empty list would empty the attribute.
		return Value{}, badValue(p.String() + " wants elements that say something; for none give an empty list")
	}
	return List(out...), nil
}

func (t *patching) coerceOne(p Path, a *Attribute, v Value) (Value, error) {
	if a.Type == TypeBoolean && t.rules.StringBooleans {
		v = readBool(v, t.rules.Noted)
	}
	if a.Type != TypeComplex {
		if !a.accepts(v) {
			return Value{}, badValue(p.String() + " wants " + string(a.Type) + ", this is " + v.Kind().String())
		}
		return v, nil
	}
	o, ok := v.AsComplex()
	if s, isText := v.AsString(); isText && s != "" && t.rules.ManagerAsString && a.sub("value") != nil {
		note(t.rules.Noted, RuleManagerAsString)
		o, ok = Object{}, true
		o.Set("value", v)
	}
	if !ok {
		return Value{}, badValue(p.String() + " wants an object, this is " + v.Kind().String())
	}
	var out Object
	for name, w := range o.All() {
		sub := a.sub(name)
		switch {
		case sub == nil && !t.rules.IgnoreUnknown:
			return Value{}, badValue(p.String() + " has no sub-attribute of the name given")
		case sub == nil:
			note(t.rules.Noted, RuleIgnoreUnknown)
			continue
		case sub.Mutability == ReadOnly:
			continue // the client does not know better
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
	case TypeBinary:
		return isText && isBase64(s)
	case TypeReference:
		return isText && isReference(s)
	}
	return isText
}

// isBase64 checks RFC 4648 §4 and the alphabet of §5, with or without padding
// (RFC 7643 §2.3.6).
func isBase64(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := 0; i < len(body); i++ {
		c := body[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_", c) >= 0) {
			return false
		}
	}
	padding := len(s) - len(body)
	return len(body)%4 != 1 && (padding == 0 || padding <= 2 && len(s)%4 == 0)
}

// isReference refuses what can be no URI, absolute or relative (RFC 7643 §2.3.7,
// RFC 3986 §2): blanks, quotes, brackets that delimit, half an escape. Letters
// beyond ASCII pass, as users' names stand in URLs of pictures.
func isReference(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c == 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return false
		case c == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])):
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
