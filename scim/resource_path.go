// SPDX-License-Identifier: Apache-2.0

package scim

// At returns the value that the path names. ok is false if there is none, or null.
//
// A sub-attribute of a multi-valued attribute (`emails.value`) yields the list of
// its values. A path with a filter yields the one element that matches, or its
// sub-attribute; if several match, the list of them. Filters compare strings
// without regard to case, but for id, externalId and $ref; [SchemaSet.Match] asks
// the schema. At does not allocate, except for a list.
func (r *Resource) At(p Path) (v Value, ok bool) { return r.at(&p) }

func (r *Resource) at(p *Path) (v Value, ok bool) {
	if r == nil {
		return Value{}, false
	}
	v, ok = r.attribute(p)
	if !ok || v.IsNull() {
		return Value{}, false
	}
	if p.Filter == nil && p.Sub == "" {
		return v, true
	}
	list, multi := v.AsList()
	if !multi {
		if p.Filter != nil && !matchElement(p.Filter, v, nil) {
			return Value{}, false
		}
		v = pick(v, p.Sub)
		return v, !v.IsNull()
	}
	return gather(list, p, nil)
}

func pick(e Value, sub string) Value {
	if sub == "" {
		return e
	}
	return subValue(e, sub)
}

func gather(list []Value, p *Path, a *Attribute) (Value, bool) {
	var first Value
	var more []Value
	for _, e := range list {
		if p.Filter != nil && !matchElement(p.Filter, e, a) {
			continue
		}
		switch v := pick(e, p.Sub); {
		case v.IsNull():
		case more != nil:
			more = append(more, v)
		case first.IsNull():
			first = v
		default:
			more = append(make([]Value, 0, len(list)), first, v)
		}
	}
	switch {
	case more != nil:
		return List(more...), true
	case p.Filter == nil && !first.IsNull():
		return List(first), true
	}
	return first, !first.IsNull()
}

// attribute returns what the path's URN and Attr name, before filter and
// sub-attribute.
func (r *Resource) attribute(p *Path) (Value, bool) {
	if p.URN == "" {
		return r.Get(p.Attr)
	}
	if p.Attr == "" {
		return r.Get(p.URN)
	}
	if c, ok := r.Get(p.URN); ok {
		o, _ := c.AsComplex()
		return o.Get(p.Attr)
	}
	if r.isBase(p.URN) {
		return r.Get(p.Attr)
	}
	// A URN that has no version may have been taken apart by ParsePath.
	for i := range r.fields {
		if n := r.fields[i].name; len(n) == len(p.URN)+1+len(p.Attr) && n[len(p.URN)] == ':' &&
			sameName(n[:len(p.URN)], p.URN) && sameName(n[len(p.URN)+1:], p.Attr) {
			return r.fields[i].value, true
		}
	}
	return Value{}, false
}

// Put assigns v to what the path names. An unassigned v (null, "", an empty list)
// removes it. Containers are made as needed, the URN of an extension is added to
// schemas (RFC 7643 §3.3). A path with a filter changes all elements that match;
// if none does, one is made from the filter, which must then be made of "eq" and
// "and" alone. An error is an *[Error]: invalidPath, invalidValue or noTarget.
func (r *Resource) Put(p Path, v Value) error { return r.put(p, v, nil) }

// put is Put with the definition of the attribute, if known.
func (r *Resource) put(p Path, v Value, a *Attribute) error {
	if p.IsZero() {
		return badPath("the path names nothing")
	}
	if v.IsUnassigned() {
		r.remove(p, a)
		return nil
	}
	if p.Attr == "" {
		return r.putExtension(p.URN, v)
	}
	base := r.isBase(p.URN)
	o := r.Object
	if !base {
		c, _ := r.Get(p.URN)
		o, _ = c.AsComplex()
	}
	old, _ := o.Get(p.Attr)
	v, err := put(old, p, v, a)
	if err != nil {
		return err
	}
	if base {
		r.Set(p.Attr, v)
		return nil
	}
	o.Set(p.Attr, v)
	r.Set(p.URN, Complex(o))
	r.AddSchema(p.URN)
	return nil
}

func (r *Resource) putExtension(urn string, v Value) error {
	if v.Kind() != KindComplex {
		return badValue("an extension is a complex value")
	}
	if r.isBase(urn) {
		return badPath("the resource's own schema is no extension")
	}
	r.Set(urn, v)
	r.AddSchema(urn)
	return nil
}

// put returns what old becomes.
func put(old Value, p Path, v Value, a *Attribute) (Value, error) {
	if a != nil && a.MultiValued && p.Filter == nil && p.Sub != "" && old.IsUnassigned() {
		e, err := putSub(Value{}, p.Sub, v) // a multi-valued attribute is a list (RFC 7643 §2.4)
		return List(e), err
	}
	switch list, multi := old.AsList(); {
	case p.Filter != nil:
		return putMatching(old, p, v, a)
	case p.Sub == "":
		return v, nil
	case multi && len(list) > 0:
		out := make([]Value, len(list))
		for i, e := range list {
			var err error
			if out[i], err = putSub(e, p.Sub, v); err != nil {
				return Value{}, err
			}
		}
		return List(out...), nil
	case multi:
		return putSub(Value{}, p.Sub, v)
	}
	return putSub(old, p.Sub, v)
}

func putSub(e Value, sub string, v Value) (Value, error) {
	o, ok := e.AsComplex()
	if !ok && !e.IsNull() {
		if sameName(sub, "value") {
			return v, nil
		}
		return Value{}, badPath("the attribute has no sub-attributes")
	}
	o.Set(sub, v)
	return Complex(o), nil
}

func putMatching(old Value, p Path, v Value, a *Attribute) (Value, error) {
	list, multi := old.AsList()
	if !multi && !old.IsNull() {
		list = []Value{old}
	}
	out := make([]Value, len(list), len(list)+1)
	hit := false
	for i, e := range list {
		out[i] = e
		if !matchElement(p.Filter, e, a) {
			continue
		}
		hit = true
		var err error
		if out[i], err = putElement(e, p, v); err != nil {
			return Value{}, err
		}
	}
	single := !multi && !old.IsNull() || a != nil && !a.MultiValued
	switch {
	case hit && single:
		return out[0], nil
	case hit:
		return List(out...), nil
	}
	e, ok := elementOf(p.Filter)
	if !ok {
		return Value{}, noTarget("no element matches the path's filter")
	}
	e, err := putElement(e, p, v)
	switch {
	case err != nil:
		return Value{}, err
	case single && a != nil: // the attribute has one value, as `manager[value eq "7"]`
		return e, nil
	}
	return List(append(out, e)...), nil
}

// putElement changes one element. A whole new element keeps what the filter asks
// for, unless it says otherwise itself.
func putElement(e Value, p Path, v Value) (Value, error) {
	if p.Sub != "" {
		return putSub(e, p.Sub, v)
	}
	o, ok := v.AsComplex()
	if !ok {
		return v, nil
	}
	if fixed, ok := elementOf(p.Filter); ok {
		c, _ := fixed.AsComplex()
		for name, w := range c.All() {
			if _, there := o.Get(name); !there {
				o.Set(name, w)
			}
		}
	}
	return Complex(o), nil
}

// elementOf makes the element that a filter of "eq" and "and" describes.
func elementOf(f Filter) (Value, bool) {
	var o Object
	if !fixBy(f, &o) {
		return Value{}, false
	}
	return Complex(o), true
}

func fixBy(f Filter, o *Object) bool {
	switch f := f.(type) {
	case *And:
		for _, t := range f.Terms {
			if !fixBy(t, o) {
				return false
			}
		}
		return true
	case *Compare:
		if old, ok := o.Get(f.Path.Attr); ok && !old.Equal(f.Value) {
			return false
		}
		o.Set(f.Path.Attr, f.Value)
		return f.Op == OpEq && !f.Value.IsNull()
	}
	return false
}

// Remove takes away what the path names and tells whether there was anything.
// What is left empty goes with it: a complex value, a list, an element of which
// nothing is left but what the path's filter asks for, the container of an
// extension and its URN in schemas (RFC 7643 §3.3).
func (r *Resource) Remove(p Path) bool { return r.remove(p, nil) }

// remove is Remove with the definition of the attribute, if known.
func (r *Resource) remove(p Path, a *Attribute) bool {
	switch {
	case p.IsZero():
		return false
	case p.Attr == "":
		there := r.Delete(p.URN)
		if there {
			r.dropSchema(p.URN)
		}
		return there
	case r.isBase(p.URN):
		return remove(&r.Object, p, a)
	}
	c, _ := r.Get(p.URN)
	o, _ := c.AsComplex()
	if !remove(&o, p, a) {
		return false
	}
	if o.Len() == 0 {
		r.Delete(p.URN)
		r.dropSchema(p.URN)
		return true
	}
	r.Set(p.URN, Complex(o))
	return true
}

func remove(o *Object, p Path, a *Attribute) bool {
	old, ok := o.Get(p.Attr)
	if !ok {
		return false
	}
	if p.Filter == nil && p.Sub == "" {
		return o.Delete(p.Attr)
	}
	list, multi := old.AsList()
	if !multi {
		v, removed := removeFrom(old, p, a)
		switch {
		case !removed:
			return false
		case v.IsUnassigned():
			return o.Delete(p.Attr)
		}
		o.Set(p.Attr, v)
		return true
	}
	out := make([]Value, 0, len(list))
	any := false
	for _, e := range list {
		v, removed := removeFrom(e, p, a)
		any = any || removed
		if !removed || !v.IsUnassigned() {
			out = append(out, v)
		}
	}
	switch {
	case !any:
		return false
	case len(out) == 0:
		return o.Delete(p.Attr)
	}
	o.Set(p.Attr, List(out...))
	return true
}

// removeFrom returns what is left of one element; null if nothing.
func removeFrom(e Value, p Path, a *Attribute) (Value, bool) {
	if p.Filter != nil && !matchElement(p.Filter, e, a) {
		return e, false
	}
	if p.Sub == "" {
		return Value{}, true
	}
	o, ok := e.AsComplex()
	if !ok {
		return Value{}, sameName(p.Sub, "value")
	}
	if !o.Delete(p.Sub) {
		return e, false
	}
	// PATCH is read literally and keeps what is left (RFC 7644 §3.5.2.2): a later
	// operation of the same request may name the element. It alone passes a.
	if fixed, ok := elementOf(p.Filter); ok && a == nil {
		c, _ := fixed.AsComplex()
		if o.Equal(c) {
			return Value{}, true
		}
	}
	return Complex(o), true
}

func badPath(detail string) error {
	return &Error{Status: 400, ScimType: InvalidPath, Detail: detail}
}

func badValue(detail string) error {
	return &Error{Status: 400, ScimType: InvalidValue, Detail: detail}
}
