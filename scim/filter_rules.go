// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// FilterRules says which departures from RFC 7644 §3.4.2.2 a service provider
// accepts in a filter. The zero value accepts none; [ParseFilter] alone accepts the
// first two.
type FilterRules struct {
	ExtraBlanks    bool // more than one blank, and blanks at the edges and within brackets
	ValuePathSub   bool // emails[type eq "work"].value eq "x", which the grammar has in PATCH only
	StringBooleans bool // "True" and "false" for boolean attributes
	IgnoreUnknown  bool // an attribute that no schema has is unassigned, not an error

	// Noted, if there is one, is told by name of each rule without which the
	// filter would have been refused, as often as it was needed.
	Noted func(rule string)
}

// Parse reads a filter, checks it against the schemas, and returns it ready for
// [SchemaSet.Match]. Errors are those of [FilterRules.Read] and of
// [FilterRules.Check].
func (rules FilterRules) Parse(set *SchemaSet, resourceSchema, text string, lim FilterLimits) (Filter, error) {
	f, err := rules.Read(text, lim)
	if err != nil {
		return nil, err
	}
	return rules.Check(set, resourceSchema, f)
}

// Read is [ParseFilter] without the blanks that the rules have no place for. The
// filter has not been checked against any schema.
func (rules FilterRules) Read(text string, lim FilterLimits) (Filter, error) {
	f, err := ParseFilter(text, lim)
	if err != nil {
		return nil, err
	}
	if at := extraBlank(text); at >= 0 {
		if !rules.ExtraBlanks {
			return nil, &SyntaxError{What: "filter", Offset: at, Reason: "a blank where none may stand"}
		}
		note(rules.Noted, RuleExtraFilterSpaces)
	}
	return f, nil
}

// Check tells whether the filter makes sense for resources of the schema, and
// returns it with operands of the attributes' types. A failure is an *[Error]:
//
//   - invalidFilter for an attribute that no schema has, for gt, ge, lt and le on
//     booleans and binaries, for co, sw and ew on what is no text, for an operand
//     of another type, for a complex attribute without "value" where a
//     sub-attribute is wanted, and for square brackets after a simple attribute;
//   - sensitive, with status 403, for an attribute that is never returned: who may
//     ask whether a password begins with "a" may find it out.
//
// A nil filter is nil.
func (rules FilterRules) Check(set *SchemaSet, resourceSchema string, f Filter) (Filter, error) {
	switch f := f.(type) {
	case nil:
		return nil, nil
	case *And:
		list, err := eachTerm(f.Terms, func(t Filter) (Filter, error) { return rules.Check(set, resourceSchema, t) })
		return &And{list}, err
	case *Or:
		list, err := eachTerm(f.Terms, func(t Filter) (Filter, error) { return rules.Check(set, resourceSchema, t) })
		return &Or{list}, err
	case *Not:
		t, err := rules.Check(set, resourceSchema, f.Term)
		return &Not{t}, err
	case *Compare:
		return rules.compare(set, resourceSchema, f)
	case *Present:
		p, _, err := rules.path(set, resourceSchema, f.Path)
		return &Present{p}, err
	case *ValuePath:
		p := f.Path
		p.Filter, p.Sub = f.Filter, ""
		p, _, err := rules.path(set, resourceSchema, p)
		return &ValuePath{Path{URN: p.URN, Attr: p.Attr}, p.Filter}, err
	}
	return nil, badFilter("an expression of a kind that is not known")
}

func eachTerm(list []Filter, check func(Filter) (Filter, error)) ([]Filter, error) {
	out := make([]Filter, len(list))
	for i, t := range list {
		var err error
		if out[i], err = check(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (rules FilterRules) compare(set *SchemaSet, resourceSchema string, f *Compare) (Filter, error) {
	p, target, err := rules.path(set, resourceSchema, f.Path)
	if err != nil {
		return nil, err
	}
	v, err := rules.operand(target, p.String(), f.Op, f.Value)
	return &Compare{p, f.Op, v}, err
}

// path checks a path and what stands in its brackets, and returns the definition
// of what it names; nil for what is not known and need not be.
func (rules FilterRules) path(set *SchemaSet, resourceSchema string, p Path) (Path, *Attribute, error) {
	whole := p
	whole.Sub = ""
	var a *Attribute
	if !(matcher{set, resourceSchema}).foreign(p.URN) {
		a = set.lookup(resourceSchema, whole)
	}
	target := a
	if p.Sub != "" {
		target = a.sub(p.Sub)
	}
	switch {
	case target == nil && rules.IgnoreUnknown:
		note(rules.Noted, RuleIgnoreUnknown)
		return p, nil, nil
	case target == nil:
		return p, nil, badFilter(p.String() + " is not in the schemas")
	case a.Returned == ReturnedNever || target.Returned == ReturnedNever:
		return p, nil, sensitive(p.String())
	case p.Filter == nil:
		return p, target, nil
	case p.Sub != "" && !rules.ValuePathSub:
		return p, nil, badFilter(p.String() + " has a sub-attribute after square brackets; put the condition into them")
	}
	if a.Type != TypeComplex && !a.MultiValued {
		return p, nil, badFilter(p.Attr + " has no elements to filter")
	}
	if p.Sub != "" {
		note(rules.Noted, RuleFilterValuePathSub)
	}
	f, err := rules.element(a, p.Filter)
	p.Filter = f
	return p, target, err
}

// element checks what stands in square brackets after the attribute.
func (rules FilterRules) element(a *Attribute, f Filter) (Filter, error) {
	check := func(t Filter) (Filter, error) { return rules.element(a, t) }
	switch f := f.(type) {
	case *And:
		list, err := eachTerm(f.Terms, check)
		return &And{list}, err
	case *Or:
		list, err := eachTerm(f.Terms, check)
		return &Or{list}, err
	case *Not:
		t, err := check(f.Term)
		return &Not{t}, err
	case *Compare:
		sub, err := rules.inner(a, f.Path)
		if err != nil {
			return nil, err
		}
		v, err := rules.operand(sub, f.Path.Attr, f.Op, f.Value)
		return &Compare{f.Path, f.Op, v}, err
	case *Present:
		_, err := rules.inner(a, f.Path)
		return f, err
	}
	return nil, badFilter("square brackets within square brackets")
}

// inner finds the sub-attribute that a path in square brackets names. A simple
// attribute with several values has one, "value" (RFC 7643 §2.4).
func (rules FilterRules) inner(a *Attribute, p Path) (*Attribute, error) {
	sub := a.sub(p.Attr)
	if a.Type != TypeComplex && a.MultiValued && sameName(p.Attr, "value") {
		sub = a
	}
	switch {
	case sub == nil && !rules.IgnoreUnknown:
		return nil, badFilter(a.Name + " has no sub-attribute " + p.Attr)
	case sub == nil:
		note(rules.Noted, RuleIgnoreUnknown)
	case sub.Returned == ReturnedNever:
		return nil, sensitive(a.Name + "." + sub.Name)
	}
	return sub, nil
}

// operand checks operator and operand against the attribute's type.
func (rules FilterRules) operand(a *Attribute, name string, op Op, v Value) (Value, error) {
	switch {
	case a == nil:
		return v, nil
	case v.IsNull() && op != OpEq && op != OpNe:
		return v, badFilter("null has no order and no text")
	case v.IsNull():
		return v, nil
	case a.Type == TypeComplex:
		if a.sub("value") == nil {
			return v, badFilter(name + " is complex: name a sub-attribute")
		}
		return rules.operand(a.sub("value"), name, op, v)
	case a.Type == TypeBoolean && rules.StringBooleans:
		v = readBool(v, rules.Noted)
	}
	order := op == OpGt || op == OpGe || op == OpLt || op == OpLe
	text := op == OpCo || op == OpSw || op == OpEw
	fits := false
	switch s, isText := v.AsString(); a.Type {
	case TypeBoolean:
		fits = !order && !text && v.Kind() == KindBool
	case TypeInteger, TypeDecimal:
		fits = !text && (v.Kind() == KindInteger || v.Kind() == KindDecimal)
	case TypeDateTime:
		_, isDate := ParseDateTime(s)
		fits = isText && (isDate || text || s == "")
	case TypeBinary:
		fits = isText && !order
	default:
		fits = isText
	}
	if !fits && !(v.Kind() == KindString && v.IsUnassigned() && !order && !text) {
		return v, badFilter(name + " is " + string(a.Type) + ": it has no " + string(op) + " with " + v.Kind().String())
	}
	return v, nil
}

// readBool reads the texts that stand for booleans (stringBooleans); other values
// stay.
func readBool(v Value, noted func(string)) Value {
	s, _ := v.AsString()
	is := sameName(s, "true")
	if !is && !sameName(s, "false") {
		return v
	}
	note(noted, RuleStringBooleans)
	return Bool(is)
}

// extraBlank returns where the first blank stands that the grammar has no place
// for, or -1. The text is a filter.
func extraBlank(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted || c != ' ':
		case i == 0 || i == len(s)-1 || strings.IndexByte(" ([", s[i-1]) >= 0 || strings.IndexByte(")]", s[i+1]) >= 0:
			return i
		}
	}
	return -1
}

func sensitive(name string) error {
	return &Error{Status: 403, ScimType: Sensitive, Detail: name + " cannot be searched for"}
}

func badFilter(detail string) error {
	return &Error{Status: 400, ScimType: InvalidFilter, Detail: detail}
}
