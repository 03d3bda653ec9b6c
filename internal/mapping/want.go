// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"time"

	"cel.dev/cel-go/common/types"

	"github.com/usher-id/usher/scim"
)

// Want is what an expression has to yield: WantBool, WantString or WantAttribute.
type Want struct {
	kind   kind
	list   bool
	date   bool
	attr   scim.Attribute
	phrase string
}

// WantBool asks for a condition.
func WantBool() Want { return Want{kind: kindBool, phrase: "a condition (bool)"} }

// WantString asks for text.
func WantString() Want { return Want{kind: kindString, phrase: "text (string)"} }

// WantAttribute asks for what the attribute can hold: text for string, reference,
// binary and dateTime, else its own type; a list of it if it is multi-valued.
func WantAttribute(a scim.Attribute) Want {
	w := Want{kind: kindOf(a.Type), list: a.MultiValued, date: a.Type == scim.TypeDateTime, attr: a}
	switch w.kind {
	case kindBool:
		w.phrase = "bool"
	case kindInt:
		w.phrase = "int"
	case kindDouble:
		w.phrase = "double"
	case kindObject:
		w.phrase = "an object"
	default:
		w.phrase = "text (string)"
	}
	if w.date {
		w.phrase = "a date as text (string)"
	}
	if w.list {
		w.phrase = "a list of " + w.phrase
	}
	w.phrase += " for the attribute " + a.Name
	return w
}

// fits tells whether a checked type is what is wanted.
func (w Want) fits(e *Env, t *types.Type) bool {
	if t.Kind() == types.NullTypeKind {
		return w.attr.Name != "" // null is unassigned
	}
	if w.list {
		if t.Kind() != types.ListKind || len(t.Parameters()) != 1 {
			return false
		}
		t = t.Parameters()[0]
		if t.Kind() == types.DynKind || t.Kind() == types.TypeParamKind {
			return true // the empty list, as nothing else is without a type here
		}
	}
	switch w.kind {
	case kindBool:
		return t.Kind() == types.BoolKind
	case kindInt:
		return t.Kind() == types.IntKind
	case kindDouble:
		return t.Kind() == types.DoubleKind || t.Kind() == types.IntKind
	case kindObject:
		return t.Kind() == types.StructKind && fitsObject(e.objectType(t.TypeName()), w.attr.SubAttributes)
	}
	return t.Kind() == types.StringKind
}

// fitsObject compares by structure: an object goes into an attribute that has all
// of its sub-attributes, of the same types.
func fitsObject(t *objectType, subs []scim.Attribute) bool {
	if t == nil || len(subs) == 0 {
		return false
	}
	for _, f := range t.fields {
		found := false
		for _, a := range subs {
			if a.Name != f.key || kindOf(a.Type) != f.kind || a.MultiValued != f.list {
				continue
			}
			found = f.kind != kindObject || fitsObject(f.object, a.SubAttributes)
		}
		if !found {
			return false
		}
	}
	return true
}

// check looks at a finished value: nothing leaves that is no text of its kind.
func (w Want) check(v scim.Value) (scim.Value, error) {
	switch v.Kind() {
	case scim.KindString:
		s, _ := v.AsString()
		if err := validText(s); err != nil {
			return scim.Value{}, err
		}
		if w.date && s != "" {
			if _, err := time.Parse(time.RFC3339, s); err != nil {
				return scim.Value{}, &valueError{"the result is no date in RFC 3339; make it one with date()"}
			}
		}
	case scim.KindInteger:
		if i, _ := v.AsInteger(); w.kind == kindDouble {
			return scim.Decimal(float64(i)), nil
		}
	case scim.KindList:
		return w.checkList(v)
	case scim.KindComplex:
		if err := checkObject(v, w.attr.SubAttributes); err != nil {
			return scim.Value{}, err
		}
	}
	return v, nil
}

func (w Want) checkList(v scim.Value) (scim.Value, error) {
	elems, _ := v.AsList()
	var out []scim.Value // a copy, made when an element changes
	for i, e := range elems {
		c, err := w.check(e)
		if err != nil {
			return scim.Value{}, err
		}
		if c.Kind() != e.Kind() && out == nil {
			out = append(make([]scim.Value, 0, len(elems)), elems[:i]...)
		}
		if out != nil {
			out = append(out, c)
		}
	}
	if out != nil {
		return scim.List(out...), nil
	}
	return v, nil
}

func checkObject(v scim.Value, subs []scim.Attribute) error {
	o, _ := v.AsComplex()
	for name, e := range o.All() {
		w := Want{}
		for _, a := range subs {
			if a.Name == name {
				w = WantAttribute(a)
			}
		}
		if _, err := w.check(e); err != nil {
			return err
		}
	}
	return nil
}
