// SPDX-License-Identifier: Apache-2.0

package scim

// Comparison is a comparison of a filter with what the schemas say of its attribute,
// for a store that looks at values one by one and has no schemas at hand, as a
// function within a database. Its zero value compares nothing.
type Comparison struct {
	Op      Op
	Operand Value
	Sub     string // the sub-attribute that is compared, "" for the value itself
	Exact   bool   // letter case counts
	Instant bool   // texts that are dateTimes compare as instants
}

// Comparison returns a comparison of values of the attribute, or of one of its
// sub-attributes.
func (a *Attribute) Comparison(sub string, op Op, operand Value) Comparison {
	target, name := a, ""
	switch {
	case sub != "":
		target, name = a.sub(sub), sub
	case a != nil && a.Type == TypeComplex: // a complex value stands for its "value"
		target, name = a.sub("value"), "value"
	}
	return Comparison{op, operand, sub, isExact(target, name), target != nil && target.Type == TypeDateTime}
}

// Holds tells whether the value of an attribute satisfies the comparison: one of its
// values, if they are a list; null for an attribute that has none.
func (c *Comparison) Holds(v Value) bool {
	list, multi := v.AsList()
	switch {
	case v.IsNull() || multi && len(list) == 0:
		return compare(c.Op, Value{}, c.Operand, nil, "")
	case !multi:
		return c.one(v)
	}
	for _, e := range list {
		if c.one(e) {
			return true
		}
	}
	return false
}

func (c *Comparison) one(v Value) bool {
	switch _, complex := v.AsComplex(); {
	case c.Sub != "":
		v = memberOf(v, c.Sub)
	case complex && !c.Operand.IsNull():
		v = subValue(v, "value")
	}
	a := Attribute{Type: TypeString, CaseExact: c.Exact}
	if c.Instant {
		a.Type = TypeDateTime
	}
	return compare(c.Op, v, c.Operand, &a, "")
}

// Assigned tells whether a value, or one of a list, or their sub-attribute, is there
// and not empty, as the filter "pr" asks.
func Assigned(v Value, sub string) bool {
	list, multi := v.AsList()
	if !multi {
		return !pick(v, sub).IsUnassigned()
	}
	for _, e := range list {
		if !pick(e, sub).IsUnassigned() {
			return true
		}
	}
	return false
}
