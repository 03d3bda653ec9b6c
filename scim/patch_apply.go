// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// Apply carries out the operations, in order, on a copy of r and returns the copy;
// r stays as it is, also if one of them fails (RFC 7644 §3.5.2: all or nothing).
// A failure is an *[Error].
//
// Attributes must be in the schemas, values of their type; readOnly attributes
// are refused, immutable ones may be set once, required ones not removed. Adding
// what is there, and removing what is not, changes nothing: compare the result
// with r to see whether anything happened. A new primary takes the place of the
// old one.
func (p Patch) Apply(set *SchemaSet, resourceSchema string, r *Resource, rules PatchRules) (*Resource, error) {
	t := &patching{set: set, schema: resourceSchema, r: r.Clone(), rules: rules}
	for i, op := range p {
		if err := t.operation(op); err != nil {
			return nil, opError(i, err)
		}
	}
	return t.r, nil
}

// patching is the work on one PATCH request.
type patching struct {
	set    *SchemaSet
	schema string
	r      *Resource
	rules  PatchRules
}

func (t *patching) operation(op PatchOp) error {
	op.Op = strings.ToLower(op.Op)
	if op.Op != OpAdd && op.Op != OpReplace && op.Op != OpRemove {
		return badSyntax("op must be add, replace or remove")
	}
	if op.Path != nil && !op.Path.IsZero() {
		return t.target(op.Op, *op.Path, op.Value)
	}
	if op.Op == OpRemove {
		return &Error{Status: 400, ScimType: NoTarget, Detail: "remove wants a path"}
	}
	o, ok := op.Value.AsComplex()
	if !ok {
		return badValue("without a path the value is an object")
	}
	for name, v := range o.All() {
		if err := t.member(op.Op, name, v); err != nil {
			return err
		}
	}
	return nil
}

// member handles one member of a value without path: a plain name, "name.sub", an
// extension's URN, or "URN:name" (RFC 7644 §3.10).
func (t *patching) member(op, name string, v Value) error {
	if sameName(name, "schemas") {
		return nil // follows from the attributes
	}
	if sameName(name, "id") && t.rules.IgnoreIDInValue {
		if s, ok := v.AsString(); ok && s == t.r.ID() {
			return nil
		}
	}
	p, err := t.set.ParsePath(name)
	if err != nil {
		return err
	}
	if a := t.set.lookup(t.schema, p); a != nil && a.Mutability == ReadOnly && t.rules.IgnoreReadOnlyInValue {
		return nil
	}
	return t.target(op, p, v)
}

func (t *patching) target(op string, p Path, v Value) error {
	if p.URN != "" && p.Attr != "" && t.set.lookup(t.schema, p) == nil {
		if q, err := t.set.ParsePath(p.String()); err == nil {
			p = q
		}
	}
	if sameName(p.URN, t.schema) {
		p.URN = ""
	}
	if p.Attr == "" {
		return t.extension(op, p, v)
	}
	if op != OpRemove && p.URN == "" && sameName(p.Attr, "schemas") {
		return nil // follows from the attributes
	}
	whole := p
	whole.Sub = ""
	a := t.set.lookup(t.schema, whole)
	target := a
	if p.Sub != "" {
		target = a.sub(p.Sub)
	}
	switch {
	case target == nil:
		return badPath(p.String() + " is not in the schemas")
	case p.Filter != nil && !a.MultiValued && a.Type != TypeComplex:
		return badPath(p.String() + " has no elements to filter")
	case a.Mutability == ReadOnly || target.Mutability == ReadOnly:
		return breach(p, "is readOnly")
	}
	// Answers have the schema's spelling, whatever the request's is.
	p.Attr = a.Name
	if p.Sub != "" {
		p.Sub = target.Name
	}
	if p.URN != "" {
		p.URN = t.set.find(p.URN).ID
	}
	if op == OpRemove {
		return t.remove(p, a, target, v)
	}
	v, err := t.coerce(p, target, v)
	if err != nil {
		return err
	}
	if target.Mutability == Immutable {
		if old, ok := t.r.At(p); ok && !same(target, old, v) {
			return breach(p, "is immutable and has a value")
		}
	}
	if v.IsUnassigned() {
		return t.remove(p, a, target, Value{})
	}
	if p.Filter != nil {
		return t.matching(p, a, v)
	}
	return t.assign(op, p, a, target, v)
}

// extension treats a URN alone: its attributes one by one, or all of them.
func (t *patching) extension(op string, p Path, v Value) error {
	sch := t.set.find(p.URN)
	if sch == nil {
		return badPath(p.URN + " is not in the schemas")
	}
	if op == OpRemove {
		t.r.Remove(Path{URN: sch.ID})
		return nil
	}
	o, ok := v.AsComplex()
	if !ok {
		return badValue("an extension is a complex value")
	}
	for name, w := range o.All() {
		attr, sub, _ := strings.Cut(name, ".")
		if err := t.target(op, Path{URN: sch.ID, Attr: attr, Sub: sub}, w); err != nil {
			return err
		}
	}
	return nil
}

func (t *patching) remove(p Path, a, target *Attribute, v Value) error {
	switch {
	case target.Required && p.Filter == nil:
		return breach(p, "is required")
	case target.Mutability == Immutable:
		if _, ok := t.r.At(p); ok {
			return breach(p, "is immutable")
		}
		return nil
	case v.IsUnassigned():
		t.r.remove(p, a)
		return nil
	case !t.rules.RemoveWithValueArray:
		// Read literally, this would remove every value; whoever sends it means some.
		return badValue("remove takes no value; name elements by a filter in the path")
	case !a.MultiValued || p.Sub != "" || p.Filter != nil:
		return badValue("remove with a value wants a multi-valued attribute")
	}
	list, ok := v.AsList()
	if !ok {
		list = []Value{v}
	}
	old, _ := t.r.attribute(&p)
	have, _ := old.AsList()
	gone := newIndex(a, list)
	left := make([]Value, 0, len(have))
	for _, e := range have {
		if !gone.has(e) {
			left = append(left, e)
		}
	}
	if len(left) == len(have) {
		return nil
	}
	return t.r.put(p, List(left...), a)
}

// matching sets what a path with a filter names.
func (t *patching) matching(p Path, a *Attribute, v Value) error {
	whole := p
	whole.Filter, whole.Sub = nil, ""
	before, _ := t.r.attribute(&whole)
	if !t.rules.CreateOnNoMatch && !anyMatch(before, p.Filter, a) {
		return &Error{Status: 400, ScimType: NoTarget, Detail: "no element matches " + p.String()}
	}
	if err := t.r.put(p, v, a); err != nil {
		return err
	}
	return t.onePrimary(whole, a, before)
}

func anyMatch(v Value, f Filter, a *Attribute) bool {
	list, ok := v.AsList()
	if !ok && !v.IsNull() {
		return matchElement(f, v, a)
	}
	for _, e := range list {
		if matchElement(f, e, a) {
			return true
		}
	}
	return false
}

// assign sets an attribute or sub-attribute without filter.
func (t *patching) assign(op string, p Path, a, target *Attribute, v Value) error {
	before, _ := t.r.attribute(&p)
	switch {
	case p.Sub != "":
	case target.MultiValued && op == OpAdd:
		v = t.append(a, before, v)
	case target.Type == TypeComplex && !target.MultiValued:
		// Sub-attributes that the value does not name stay (RFC 7644 §3.5.2.1, §3.5.2.3).
		o, _ := before.AsComplex()
		n, _ := v.AsComplex()
		for name, w := range n.All() {
			if sub := a.sub(name); sub != nil && sub.Mutability == ReadOnly {
				continue
			}
			if w.IsUnassigned() {
				o.Delete(name)
				continue
			}
			o.Set(name, w)
		}
		v = Complex(o)
	}
	if err := t.r.put(p, v, a); err != nil {
		return err
	}
	p.Sub = ""
	return t.onePrimary(p, a, before)
}

// append adds the elements that are not there yet.
func (t *patching) append(a *Attribute, before, v Value) Value {
	have, ok := before.AsList()
	if !ok && !before.IsUnassigned() {
		have = []Value{before}
	}
	out := make([]Value, len(have), len(have)+1)
	copy(out, have)
	there := newIndex(a, out)
	list, _ := v.AsList()
	for _, e := range list {
		if !there.has(e) {
			there.add(e)
		}
	}
	return List(there.list...)
}

// onePrimary clears every primary but the new one (RFC 7644 §3.5.2).
func (t *patching) onePrimary(p Path, a *Attribute, before Value) error {
	if !a.MultiValued || a.sub("primary") == nil {
		return nil
	}
	after, _ := t.r.attribute(&p)
	list, _ := after.AsList()
	old, _ := before.AsList()
	newest, count := -1, 0
	for i, e := range list {
		if b, _ := subValue(e, "primary").AsBool(); !b {
			continue
		}
		count++
		wasPrimary := i < len(old) && e.Equal(old[i])
		if newest < 0 || !wasPrimary {
			newest = i
		}
	}
	if count < 2 {
		return nil
	}
	out := make([]Value, len(list))
	for i, e := range list {
		if o, ok := e.AsComplex(); ok && i != newest {
			if b, _ := subValue(e, "primary").AsBool(); b {
				o.Set("primary", Bool(false))
				e = Complex(o)
			}
		}
		out[i] = e
	}
	return t.r.put(p, List(out...), a)
}

func breach(p Path, what string) error {
	return &Error{Status: 400, ScimType: MutabilityBreach, Detail: p.String() + " " + what}
}
