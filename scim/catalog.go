// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Catalog is what a service provider has: resource types, and the schemas that they
// are made of. It is data; a type more needs no code. It is not changed once it is
// made.
type Catalog struct {
	Schemas       *SchemaSet
	ResourceTypes []ResourceType
}

// CoreCatalog returns [CoreSchemas] with [CoreResourceTypes].
func CoreCatalog() Catalog { return Catalog{CoreSchemas(), CoreResourceTypes()} }

// With returns the catalog with what a file defines: one schema (RFC 7643 §7) or one
// resource type (§6), or a list of them, as service providers publish them. What each
// is, its "schemas" or its meta.resourceType says. The common attributes of §3.1
// belong to every resource and are in no schema. Descriptions may be missing; who
// publishes the schema to others must give them (§7).
//
// With is stricter than [ParseSchema], as what it reads is written by hand: it
// refuses members that §6 and §7 do not have, values of other types, unknown
// keywords, characteristics that contradict each other or that nobody can hold, and
// names, endpoints and URNs that are taken. An error names the file, which stands for
// nothing else, and the schema with its attribute, or the resource type.
func (c Catalog) With(file string, data []byte) (Catalog, error) {
	out, err := c.with(data)
	if err != nil {
		return c, fmt.Errorf("%s: %w", file, err)
	}
	return out, nil
}

func (c Catalog) with(data []byte) (Catalog, error) {
	v, err := ParseValue(data, Limits{})
	if err != nil {
		return c, err
	}
	list, ok := v.AsList()
	if !ok {
		list = []Value{v}
	}
	var schemas []Schema
	var types []ResourceType
	for i, e := range list {
		o, _ := e.AsComplex()
		r := &Resource{o}
		switch definitionOf(r) {
		case SchemaURN:
			s, err := schemaDefined(r)
			if err != nil {
				return c, fmt.Errorf("schema %s: %w", r.ID(), err)
			}
			schemas = append(schemas, s)
		case ResourceTypeURN:
			t, err := typeDefined(r)
			if err != nil {
				return c, fmt.Errorf("resource type %s: %w", r.text("name"), err)
			}
			types = append(types, t)
		default:
			return c, fmt.Errorf("element %d: it is no definition: \"schemas\" is [%q] or [%q]", i, SchemaURN, ResourceTypeURN)
		}
	}
	if len(list) == 0 {
		return c, errors.New("nothing is defined")
	}
	out := Catalog{Schemas: c.Schemas, ResourceTypes: slices.Clip(c.ResourceTypes)}
	if out.Schemas == nil {
		out.Schemas = &SchemaSet{}
	}
	if out.Schemas, err = out.Schemas.With(schemas...); err != nil {
		return c, errors.New(strings.TrimPrefix(err.Error(), "scim: "))
	}
	for _, t := range types {
		if err := out.fits(t); err != nil {
			return c, fmt.Errorf("resource type %s: %w", t.Name, err)
		}
		out.ResourceTypes = append(out.ResourceTypes, t)
	}
	return out, nil
}

// definitionOf says what a definition defines, by the URN of its schema.
func definitionOf(r *Resource) string {
	v, _ := r.Get("meta")
	meta, _ := v.AsComplex()
	kind := (&Resource{meta}).text("resourceType")
	switch urns := r.Schemas(); {
	case len(urns) == 1:
		return urns[0]
	case len(urns) > 1:
		return ""
	case kind == "Schema":
		return SchemaURN
	case kind == "ResourceType":
		return ResourceTypeURN
	}
	return ""
}

// schemaDefined reads a schema that is written by hand.
func schemaDefined(r *Resource) (Schema, error) {
	if err := defined(r.Object, SchemaURN); err != nil {
		return Schema{}, err
	}
	s, err := SchemaFrom(r)
	switch {
	case err != nil:
		return s, err
	case !isURN(s.ID):
		return s, errors.New("its id is no URN, such as urn:example:params:scim:schemas:core:2.0:Device")
	case len(s.Attributes) == 0:
		return s, errors.New("it has no attributes")
	}
	for i := range s.Attributes {
		a := &s.Attributes[i]
		if findAttribute(commonAttributes(), a.Name) != nil {
			return s, fmt.Errorf("attribute %s: every resource has it (RFC 7643 §3.1); leave it out", a.Name)
		}
		if err := characteristics(a); err != nil {
			return s, fmt.Errorf("attribute %s: %w", a.Name, err)
		}
		for j := range a.SubAttributes {
			sub := &a.SubAttributes[j]
			err := characteristics(sub)
			if sub.Uniqueness != UniqueNone {
				err = errors.New("uniqueness is of an attribute, not of a part of it")
			}
			if err != nil {
				return s, fmt.Errorf("attribute %s.%s: %w", a.Name, sub.Name, err)
			}
		}
	}
	return s, nil
}

// characteristics refuses what RFC 7643 §7 rules out, and what nobody can hold.
func characteristics(a *Attribute) error {
	switch {
	case a.Mutability == WriteOnly && a.Returned != ReturnedNever:
		return errors.New("who can only be written is not returned: write returned: never")
	case len(a.ReferenceTypes) > 0 && a.Type != TypeReference:
		return errors.New("referenceTypes are for attributes of type reference")
	case a.Uniqueness != UniqueNone && (a.MultiValued || a.Type != TypeString && a.Type != TypeReference):
		return errors.New("uniqueness is for single strings and references")
	}
	return nil
}

// typeDefined reads a resource type that is written by hand. Its id is its name
// unless it says otherwise.
func typeDefined(r *Resource) (ResourceType, error) {
	if err := defined(r.Object, ResourceTypeURN); err != nil {
		return ResourceType{}, err
	}
	t, err := ResourceTypeFrom(r)
	if err != nil {
		return t, err
	}
	if t.ID == "" {
		t.ID = t.Name
	}
	path, slash := strings.CutPrefix(t.Endpoint, "/")
	reserved := []string{"ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", "Me"} // RFC 7644 §3.2
	switch {
	case !isName(t.Name):
		return t, errors.New("its name is no name, such as Device")
	case !slash || !isName(path):
		return t, fmt.Errorf("its endpoint %q is not like /Devices", t.Endpoint)
	case slices.ContainsFunc(reserved, func(s string) bool { return sameName(s, path) }):
		return t, fmt.Errorf("its endpoint %s has another meaning (RFC 7644 §3.2)", t.Endpoint)
	}
	return t, nil
}

// fits refuses a type whose schemas are not there, or whose names are taken. Who tells
// two names apart by letter case alone is bound to mix them up.
func (c Catalog) fits(t ResourceType) error {
	urns := []string{t.Schema}
	for _, e := range t.SchemaExtensions {
		if slices.ContainsFunc(urns, func(urn string) bool { return sameName(urn, e.Schema) }) {
			return fmt.Errorf("it names the schema %s twice", e.Schema)
		}
		urns = append(urns, e.Schema)
	}
	for _, urn := range urns {
		if c.Schemas.find(urn) == nil {
			return fmt.Errorf("there is no schema %s", urn)
		}
	}
	for _, o := range c.ResourceTypes {
		switch {
		case sameName(o.Name, t.Name), sameName(o.ID, t.ID):
			return errors.New("there is one of this name already")
		case sameName(o.Endpoint, t.Endpoint):
			return fmt.Errorf("its endpoint %s is that of %s", t.Endpoint, o.Name)
		}
	}
	return nil
}

// defined holds a definition to the schema of its kind, where unlike in resources
// nothing else may stand.
func defined(o Object, urn string) error {
	s, _ := CoreSchemas().Schema(urn)
	return definedBy(slices.Concat(s.Attributes, commonAttributes()), o)
}

func definedBy(attrs []Attribute, o Object) error {
	for name, v := range o.All() {
		a := findAttribute(attrs, name)
		if a == nil {
			return fmt.Errorf("%q is no member of a definition (RFC 7643 §6, §7)", name)
		}
		list, isList := v.AsList()
		switch {
		case v.IsUnassigned():
			continue
		case isList != a.MultiValued:
			return fmt.Errorf("%s is a list where it must be none, or the other way round", name)
		case !isList:
			list = []Value{v}
		}
		for i, e := range list {
			if err := definedAs(a, e); err != nil {
				return fmt.Errorf("%s%w", called(a, e, i), err)
			}
		}
	}
	for i := range attrs {
		if a := &attrs[i]; a.Required && !a.MultiValued && a.Name != "id" {
			if v, _ := o.Get(a.Name); v.IsUnassigned() {
				return fmt.Errorf("it has no %s", a.Name)
			}
		}
	}
	return nil
}

// definedAs checks one value.
func definedAs(a *Attribute, v Value) error {
	if a.Type == TypeComplex {
		o, ok := v.AsComplex()
		if !ok {
			return errors.New("it is no object")
		}
		return definedBy(a.SubAttributes, o)
	}
	if v.IsNull() || !a.accepts(v) {
		return fmt.Errorf("it is no %s", a.Type)
	}
	if text, ok := v.AsString(); ok && len(a.CanonicalValues) > 0 && !slices.Contains(a.CanonicalValues, text) {
		return fmt.Errorf("%q is none of %s", text, strings.Join(a.CanonicalValues, ", "))
	}
	return nil
}

// called says where in a definition a mistake is.
func called(a *Attribute, v Value, i int) string {
	if a.Type != TypeComplex {
		return a.Name + ": "
	}
	o, _ := v.AsComplex()
	name := (&Resource{o}).text("name")
	if name == "" {
		return a.Name + " " + strconv.Itoa(i) + ": "
	}
	return strings.TrimSuffix(a.Name, "s") + " " + name + ": "
}
