// SPDX-License-Identifier: Apache-2.0

package scim

import "strconv"

// Object returns the definition as RFC 7643 §7 writes it.
func (a Attribute) Object() Object {
	var o Object
	o.Set("name", String(a.Name))
	o.Set("type", String(string(orDefault(a.Type, TypeString))))
	o.Set("multiValued", Bool(a.MultiValued))
	if a.Description != "" {
		o.Set("description", String(a.Description))
	}
	o.Set("required", Bool(a.Required))
	if len(a.CanonicalValues) > 0 {
		o.Set("canonicalValues", texts(a.CanonicalValues))
	}
	o.Set("caseExact", Bool(a.CaseExact))
	o.Set("mutability", String(string(orDefault(a.Mutability, ReadWrite))))
	o.Set("returned", String(string(orDefault(a.Returned, ReturnedDefault))))
	o.Set("uniqueness", String(string(orDefault(a.Uniqueness, UniqueNone))))
	if len(a.ReferenceTypes) > 0 {
		o.Set("referenceTypes", texts(a.ReferenceTypes))
	}
	if len(a.SubAttributes) > 0 {
		o.Set("subAttributes", definitions(a.SubAttributes))
	}
	return o
}

// MarshalJSON writes the definition as RFC 7643 §7 does.
func (a Attribute) MarshalJSON() ([]byte, error) { return a.Object().MarshalJSON() }

// Resource returns the schema as a resource (RFC 7643 §7), without meta.
func (s Schema) Resource() *Resource {
	r := NewResource(SchemaURN)
	r.SetID(s.ID)
	r.setText("name", s.Name)
	r.setText("description", s.Description)
	r.Set("attributes", definitions(s.Attributes))
	return r
}

// MarshalJSON writes the schema as RFC 7643 §7 does.
func (s Schema) MarshalJSON() ([]byte, error) { return s.Resource().MarshalJSON() }

// ParseSchema reads a schema as a service provider publishes it.
func ParseSchema(data []byte, lim Limits) (Schema, error) {
	r, err := ParseResource(data, lim)
	if err != nil {
		return Schema{}, err
	}
	return SchemaFrom(r)
}

// SchemaFrom reads a schema out of a resource, as in a list of schemas. Missing
// characteristics get the defaults of RFC 7643 §2.2.
func SchemaFrom(r *Resource) (Schema, error) {
	s := Schema{ID: r.ID(), Name: r.text("name"), Description: r.text("description")}
	if s.ID == "" {
		return Schema{}, &SyntaxError{What: "json", Pointer: "/id", Reason: "a schema has an id"}
	}
	v, _ := r.Get("attributes")
	attrs, err := attributesFrom(v, 0)
	if err != nil {
		return Schema{}, err.under("attributes")
	}
	s.Attributes = attrs
	return s, nil
}

func attributesFrom(v Value, depth int) ([]Attribute, *SyntaxError) {
	const deepest = 3 // attributes, sub-attributes, and one level for the lax
	list, ok := v.AsList()
	if !ok && !v.IsNull() || depth > deepest {
		return nil, &SyntaxError{What: "json", Reason: "a list of attributes is wanted"}
	}
	var out []Attribute
	for i, e := range list {
		o, ok := e.AsComplex()
		r := Resource{o}
		name := r.text("name")
		if !ok || name == "" {
			return nil, (&SyntaxError{What: "json", Reason: "an attribute is an object with a name"}).under(strconv.Itoa(i))
		}
		a := Attribute{
			Name: name, Description: r.text("description"),
			Type:       keyword(r.text("type"), allTypes),
			Mutability: keyword(r.text("mutability"), allMutabilities),
			Returned:   keyword(r.text("returned"), allReturned),
			Uniqueness: keyword(r.text("uniqueness"), allUniqueness),
		}
		a.MultiValued, a.Required, a.CaseExact = r.flag("multiValued"), r.flag("required"), r.flag("caseExact")
		a.CanonicalValues, a.ReferenceTypes = r.texts("canonicalValues"), r.texts("referenceTypes")
		subs, _ := r.Get("subAttributes")
		var err *SyntaxError
		if a.SubAttributes, err = attributesFrom(subs, depth+1); err != nil {
			return nil, err.under("subAttributes").under(strconv.Itoa(i))
		}
		out = append(out, a)
	}
	return out, nil
}

// keyword finds the keyword that the text means, in any letter case, as some
// service providers write "String". No text is the first of them, the default of
// RFC 7643 §2.2; a text that is none of them is kept, for [SchemaSet.With] to refuse.
func keyword[T ~string](text string, all func() []T) T {
	words := all()
	if text == "" {
		return words[0]
	}
	for _, w := range words {
		if sameName(string(w), text) {
			return w
		}
	}
	return T(text)
}

func allTypes() []Type {
	return []Type{TypeString, TypeBoolean, TypeDecimal, TypeInteger, TypeDateTime, TypeBinary, TypeReference, TypeComplex}
}

func allMutabilities() []Mutability { return []Mutability{ReadWrite, ReadOnly, Immutable, WriteOnly} }

func allReturned() []Returned {
	return []Returned{ReturnedDefault, ReturnedAlways, ReturnedNever, ReturnedRequest}
}
func allUniqueness() []Uniqueness { return []Uniqueness{UniqueNone, UniqueServer, UniqueGlobal} }

// Resource returns the resource type as a resource (RFC 7643 §6), without meta.
func (t ResourceType) Resource() *Resource {
	r := NewResource(ResourceTypeURN)
	r.setText("id", t.ID)
	r.setText("name", t.Name)
	r.setText("endpoint", t.Endpoint)
	r.setText("description", t.Description)
	r.setText("schema", t.Schema)
	list := make([]Value, len(t.SchemaExtensions))
	for i, x := range t.SchemaExtensions {
		var o Object
		o.Set("schema", String(x.Schema))
		o.Set("required", Bool(x.Required))
		list[i] = Complex(o)
	}
	r.Set("schemaExtensions", List(list...))
	return r
}

// MarshalJSON writes the resource type as RFC 7643 §6 does.
func (t ResourceType) MarshalJSON() ([]byte, error) { return t.Resource().MarshalJSON() }

// ParseResourceType reads a resource type as a service provider publishes it.
func ParseResourceType(data []byte, lim Limits) (ResourceType, error) {
	r, err := ParseResource(data, lim)
	if err != nil {
		return ResourceType{}, err
	}
	return ResourceTypeFrom(r)
}

// ResourceTypeFrom reads a resource type out of a resource, as in a list of them.
func ResourceTypeFrom(r *Resource) (ResourceType, error) {
	t := ResourceType{
		ID: r.ID(), Name: r.text("name"), Endpoint: r.text("endpoint"),
		Description: r.text("description"), Schema: r.text("schema"),
	}
	if t.Name == "" || t.Endpoint == "" || t.Schema == "" {
		return ResourceType{}, &SyntaxError{What: "json", Reason: "a resource type has name, endpoint and schema"}
	}
	v, _ := r.Get("schemaExtensions")
	list, _ := v.AsList()
	for _, e := range list {
		o, _ := e.AsComplex()
		x := Resource{o}
		t.SchemaExtensions = append(t.SchemaExtensions, SchemaExtension{x.text("schema"), x.flag("required")})
	}
	return t, nil
}

func definitions(attrs []Attribute) Value {
	list := make([]Value, len(attrs))
	for i, a := range attrs {
		list[i] = Complex(a.Object())
	}
	return List(list...)
}

func texts(ss []string) Value {
	list := make([]Value, len(ss))
	for i, s := range ss {
		list[i] = String(s)
	}
	return List(list...)
}

func (r *Resource) flag(name string) bool {
	v, _ := r.Get(name)
	b, _ := v.AsBool()
	return b
}

func (r *Resource) texts(name string) []string {
	v, _ := r.Get(name)
	list, _ := v.AsList()
	var out []string
	for _, e := range list {
		if s, ok := e.AsString(); ok {
			out = append(out, s)
		}
	}
	return out
}
