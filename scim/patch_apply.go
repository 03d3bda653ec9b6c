// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"strings"
)

// Apply carries out the operations, in order, on a copy of r and returns the copy;
// r stays as it is, also if one of them fails (RFC 7644 §3.5.2: all or nothing).
// The copy shares unchanged values with r and p. A failure is an *[Error].
//
// Attributes must be in the schemas, values of their type; readOnly attributes
// are refused, and readOnly sub-attributes of a value passed over; immutable ones
// may be set once, required ones not removed. A new primary takes the place of the
// old one; two new ones contradict each other. The set should hold what the
// resource's type has: its own schema and its extensions (RFC 7643 §6).
//
// Adding what is there, or nothing, and removing what is not there, changes
// nothing: compare the result with r to see whether anything happened.
//
// Adding and removing members costs a look at each member once for the whole
// request, however many operations it has. What filters may compare is bounded;
// beyond that the answer is tooMany.
func (p Patch) Apply(set *SchemaSet, resourceSchema string, r *Resource, rules PatchRules) (*Resource, error) {
	// Aliases are for configurations; on the wire they would be names like any other.
	set = &SchemaSet{schemas: set.schemas}
	t := &patching{set: set, schema: resourceSchema, r: &Resource{}, rules: rules, work: maxPatchWork}
	if r != nil {
		t.r.fields = slices.Clone(r.fields) // what is below is never written to, but replaced
	}
	for i, op := range p {
		if err := t.operation(op); err != nil {
			return nil, opError(i, err)
		}
	}
	for _, e := range t.editors {
		if err := t.flush(e); err != nil {
			return nil, err
		}
	}
	return t.r, nil
}

// patching is the work on one PATCH request.
type patching struct {
	set     *SchemaSet
	schema  string
	r       *Resource // but for what the editors hold
	rules   PatchRules
	editors []*editor
	work    int // comparisons left
}

func (t *patching) operation(op PatchOp) error {
	op.Op = strings.ToLower(op.Op)
	if op.Op != OpAdd && op.Op != OpReplace && op.Op != OpRemove {
		return badSyntax("op must be add, replace or remove")
	}
	if op.Path != nil && !op.Path.IsZero() {
		return t.target(op.Op, *op.Path, op.Value)
	}
	switch {
	case op.Op == OpRemove:
		return noTarget("remove wants a path")
	case t.rules.RequirePath:
		return badSyntax(op.Op + " wants a path")
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
	if sameName(name, "id") && (t.rules.IgnoreIDInValue || t.rules.IgnoreReadOnlyInValue) {
		// Another id means that the request is about another resource.
		if s, ok := v.AsString(); ok && s == t.r.ID() {
			if t.rules.IgnoreIDInValue {
				note(t.rules.Noted, RuleIgnoreIDInValue)
			} else {
				note(t.rules.Noted, RuleIgnoreReadOnlyInValue)
			}
			return nil
		}
	} else if p, err := t.set.ParsePath(name); err == nil && t.rules.IgnoreReadOnlyInValue {
		if a := t.set.lookup(t.schema, t.resolve(p)); a != nil && a.Mutability == ReadOnly {
			note(t.rules.Noted, RuleIgnoreReadOnlyInValue)
			return nil
		}
	}
	p, err := t.set.ParsePath(name)
	if err != nil {
		if t.rules.IgnoreUnknown {
			note(t.rules.Noted, RuleIgnoreUnknown)
			return nil // no attribute has such a name
		}
		return err
	}
	return t.target(op, p, v)
}

// resolve writes the path with the URNs of the schemas, and none for the resource's own.
func (t *patching) resolve(p Path) Path {
	if t.rules.LegacyURNs && p.URN != "" {
		q := withoutLegacy(p, t.schema)
		if q.URN != p.URN {
			note(t.rules.Noted, RuleLegacyURNs)
		}
		p = q
	}
	if p.URN != "" && p.Attr != "" && t.set.lookup(t.schema, p) == nil {
		if q, err := t.set.ParsePath(p.String()); err == nil {
			p = q
		}
	}
	if sameName(p.URN, t.schema) && p.Attr != "" {
		p.URN = ""
	}
	return p
}

// withoutLegacy replaces the URNs of SCIM 1.1: one core schema for all resources,
// and the enterprise extension, both without the name of the type.
func withoutLegacy(p Path, resourceSchema string) Path {
	const core, enterprise = "urn:scim:schemas:core:1.0", "urn:scim:schemas:extension:enterprise:1.0"
	switch {
	case sameName(p.URN, core):
		p.URN = resourceSchema
	case sameName(p.URN, enterprise), sameName(p.URN+":"+p.Attr, enterprise+":User"):
		p.URN = EnterpriseUserURN
		if sameName(p.Attr, "User") {
			p.Attr = ""
		}
	}
	return p
}

func (t *patching) target(op string, p Path, v Value) error {
	p = t.resolve(p)
	if isCore(p.URN) && !sameName(p.URN, t.schema) {
		return t.unknown(p)
	}
	if p.Attr == "" {
		return t.extension(op, p, v)
	}
	if p.URN == "" && sameName(p.Attr, "schemas") {
		return t.schemas(op, p, v)
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
		return t.unknown(p)
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
	if p.Filter != nil {
		f, err := FilterRules{StringBooleans: t.rules.StringBooleans, Noted: t.rules.Noted}.element(a, p.Filter)
		if err != nil {
			return err
		}
		p.Filter = f
	}
	if op == OpRemove {
		return t.remove(p, a, target, v)
	}
	v, err := t.coerce(p, target, v)
	if err != nil {
		return err
	}
	return t.write(op, p, a, target, v)
}

func (t *patching) unknown(p Path) error {
	if t.rules.IgnoreUnknown {
		note(t.rules.Noted, RuleIgnoreUnknown)
		return nil
	}
	return badPath(p.String() + " is not in the schemas")
}

// write is add or replace with a value of the right type.
func (t *patching) write(op string, p Path, a, target *Attribute, v Value) error {
	elements := a.MultiValued && p.Sub == "" && p.Filter == nil
	element := p.Sub == "" && p.Filter != nil
	switch {
	case op == OpAdd && (elements || element) && v.IsUnassigned():
		return nil // adding nothing; read as a removal, it would empty the attribute
	case op == OpAdd && elements && a.Mutability != Immutable:
		return t.edit(p, a).add(t, v.list())
	case elements && !v.IsUnassigned():
		return t.replaceAll(p, a, v)
	}
	if err := t.settle(p); err != nil {
		return err
	}
	if target.Mutability == Immutable {
		if old, ok := t.at(p, a); ok && !same(target, old, v) {
			return breach(p, "is immutable and has a value")
		}
	}
	switch {
	case target.Type == TypeComplex && !target.MultiValued && p.Filter == nil && v.Kind() == KindComplex:
		return t.merge(p, a, v, op == OpReplace && t.rules.ReplaceWhole)
	case v.IsUnassigned():
		return t.remove(p, a, target, Value{})
	case p.Filter != nil:
		return t.matching(p, a, v)
	}
	whole := p
	whole.Sub = ""
	before, _ := t.r.attribute(&whole)
	if err := t.r.put(p, v, a); err != nil {
		return err
	}
	return t.onePrimary(whole, a, before)
}

// merge sets the sub-attributes that the value names; the others stay (RFC 7644
// §3.5.2.1, §3.5.2.3), unless the value is the whole: then they are as if it had null
// for them.
func (t *patching) merge(p Path, a *Attribute, v Value, whole bool) error {
	before, _ := t.r.attribute(&p)
	o, _ := before.AsComplex()
	n, _ := v.AsComplex()
	if whole && !v.IsUnassigned() { // an object that says nothing empties nothing
		n = n.Clone()
		for name := range o.All() {
			if sub := a.sub(name); n.index(name) < 0 && sub != nil && sub.Mutability != ReadOnly {
				n.Set(name, Null())
			}
		}
	}
	for name, w := range n.All() {
		sub, at := a.sub(name), p
		at.Sub = name
		old, _ := o.Get(name)
		switch {
		case sub.Mutability == Immutable && !old.IsUnassigned() && !same(sub, old, w):
			return breach(at, "is immutable and has a value")
		case !w.IsUnassigned():
			o.Set(name, w)
		case sub.Required:
			return breach(at, "is required")
		default:
			o.Delete(name)
		}
	}
	if a.Required && o.Len() == 0 {
		return breach(p, "is required")
	}
	return t.r.put(p, Complex(o), a)
}

// extension treats a URN alone: its attributes one by one, or all of them.
func (t *patching) extension(op string, p Path, v Value) error {
	sch := t.set.find(p.URN)
	if sch == nil {
		return t.unknown(p)
	}
	p = Path{URN: sch.ID}
	if err := t.settle(p); err != nil {
		return err
	}
	if sameName(sch.ID, t.schema) {
		if op == OpRemove || v.Kind() != KindComplex {
			return badPath("the resource's own schema is no extension")
		}
	} else if op == OpRemove || op == OpReplace && v.IsNull() {
		return t.removeExtension(p, sch)
	}
	o, ok := v.AsComplex()
	if !ok {
		return badValue("an extension is a complex value")
	}
	for name, w := range o.All() {
		at, err := ParsePath(name)
		switch {
		case err != nil || at.URN != "":
			if err := t.unknown(Path{URN: sch.ID}); err != nil {
				return badPath("an extension has no attribute of the name given")
			}
			continue
		}
		at.URN = sch.ID
		if err := t.target(op, at, w); err != nil {
			return err
		}
	}
	return nil
}

func (t *patching) removeExtension(p Path, sch *Schema) error {
	c, _ := t.r.Get(p.URN)
	o, _ := c.AsComplex()
	for name, v := range o.All() {
		switch a := findAttribute(sch.Attributes, name); {
		case a == nil || v.IsUnassigned():
		case a.Mutability == ReadOnly, a.Mutability == Immutable:
			return breach(Path{URN: p.URN, Attr: name}, "is "+string(a.Mutability))
		}
	}
	t.r.Remove(p)
	return nil
}

// schemas treats the attribute of that name. It follows from the attributes: what
// it must hold it holds, whatever the client says (RFC 7644 §3.5.2).
func (t *patching) schemas(op string, p Path, v Value) error {
	switch {
	case op == OpRemove:
		return breach(p, "is required")
	case p.Filter != nil || p.Sub != "":
		return badPath("schemas has neither elements to filter nor sub-attributes")
	}
	list, ok := v.AsList()
	if !ok {
		list = []Value{v}
	}
	named := make([]string, 0, len(list)+1)
	for _, e := range list {
		urn, _ := e.AsString()
		sch := t.set.find(urn)
		if sch == nil || isCore(urn) && !sameName(urn, t.schema) {
			return badValue("schemas names a schema that the resource cannot have")
		}
		named = append(named, sch.ID)
	}
	keep := []string{t.schema}
	if op == OpAdd {
		keep = append(keep, t.r.Schemas()...)
	}
	for name := range t.r.All() {
		if sch := t.set.find(name); sch != nil {
			keep = append(keep, sch.ID)
		}
	}
	r := NewResource()
	for _, urn := range append(keep, named...) {
		r.AddSchema(urn)
	}
	all, _ := r.Get("schemas")
	t.r.Set("schemas", all)
	return nil
}

// matching sets what a path with a filter names.
func (t *patching) matching(p Path, a *Attribute, v Value) error {
	whole := p
	whole.Filter, whole.Sub = nil, ""
	before, _ := t.r.attribute(&whole)
	if err := t.charge(before, p.Filter); err != nil {
		return err
	}
	if !anyMatch(before, p.Filter, a) {
		// Whoever is no member does not become one because a filter names them.
		value := a.sub("value")
		if !t.rules.CreateOnNoMatch || value != nil && value.Mutability == Immutable {
			return noTarget("no element matches " + p.String())
		}
		if !v.IsUnassigned() {
			note(t.rules.Noted, RuleCreateOnNoMatch)
		}
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

// at is [Resource.At] with letter case as the schema says.
func (t *patching) at(p Path, a *Attribute) (Value, bool) {
	if p.Filter == nil {
		return t.r.At(p)
	}
	v, _ := t.r.attribute(&p)
	list, ok := v.AsList()
	if !ok && !v.IsNull() {
		list = []Value{v}
	}
	return gather(list, &p, a)
}

// charge pays for comparing each element with the filter.
func (t *patching) charge(v Value, f Filter) error {
	return t.pay(len(v.list()) * terms(f))
}

func (t *patching) pay(comparisons int) error {
	if t.work -= comparisons; t.work < 0 {
		return &Error{Status: 400, ScimType: TooMany, Detail: "the request asks for too many comparisons; split it"}
	}
	return nil
}

// terms counts the comparisons of a filter.
func terms(f Filter) int {
	n := 0
	switch f := f.(type) {
	case nil:
		return 0
	case *And:
		for _, t := range f.Terms {
			n += terms(t)
		}
	case *Or:
		for _, t := range f.Terms {
			n += terms(t)
		}
	case *Not:
		n = terms(f.Term)
	}
	return max(n, 1)
}

func breach(p Path, what string) error {
	return &Error{Status: 400, ScimType: MutabilityBreach, Detail: p.String() + " " + what}
}
