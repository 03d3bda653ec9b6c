// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// SchemaSet is an immutable collection of schemas, with short aliases for
// extensions. It is safe for concurrent use; With and WithAlias return new sets.
type SchemaSet struct {
	schemas []Schema
	aliases []alias
}

type alias struct{ name, urn string }

// CoreSchemas returns the schemas of RFC 7643 §8.7 (with the additions of RFC
// 9865) and Usher's lifecycle extension, with the aliases "enterprise" and
// "usher". Every call returns the same set.
func CoreSchemas() *SchemaSet { return coreSet() }

// coreSet is written once and never changed.
var coreSet = sync.OnceValue(func() *SchemaSet {
	s, err := NewSchemaSet(
		userSchema(), groupSchema(), enterpriseSchema(), usherSchema(),
		serviceProviderConfigSchema(), resourceTypeSchema(), schemaSchema(),
	)
	if err != nil {
		panic(err) // a mistake in this package, which its tests find
	}
	s.aliases = []alias{{"enterprise", EnterpriseUserURN}, {"usher", UsherUserURN}}
	return s
})

// commonAttributes are the attributes that every resource has and no schema lists
// (RFC 7643 §3.1).
var commonAttributes = sync.OnceValue(buildCommon)

// NewSchemaSet returns a set of exactly these schemas, as a service provider may
// publish them. It checks them; see [SchemaSet.With].
func NewSchemaSet(schemas ...Schema) (*SchemaSet, error) {
	return (&SchemaSet{}).With(schemas...)
}

// With returns the set with further schemas. It refuses a schema without id, an id
// that is there already, names that are no attribute names or occur twice,
// keywords that RFC 7643 §7 does not have, and complex attributes without
// sub-attributes or within others. Missing characteristics are filled
// in with the defaults of RFC 7643 §2.2.
func (s *SchemaSet) With(extra ...Schema) (*SchemaSet, error) {
	out := &SchemaSet{schemas: slices.Clone(s.schemas), aliases: s.aliases}
	for _, sch := range extra {
		if sch.ID == "" {
			return nil, fmt.Errorf("scim: schema %q has no id", sch.Name)
		}
		if out.find(sch.ID) != nil {
			return nil, fmt.Errorf("scim: schema %s is there already", sch.ID)
		}
		attrs, err := complete(sch.Attributes, sameName(sch.ID, SchemaURN))
		if err != nil {
			return nil, fmt.Errorf("scim: schema %s: %w", sch.ID, err)
		}
		sch.Attributes = attrs
		out.schemas = append(out.schemas, sch)
	}
	return out, nil
}

// complete returns a checked copy with the defaults filled in. Only the schema of
// schemas nests complex attributes (RFC 7643 §2.3.8).
func complete(attrs []Attribute, nesting bool) ([]Attribute, error) {
	out := slices.Clone(attrs)
	for i := range out {
		a := &out[i]
		if !isName(a.Name) {
			return nil, fmt.Errorf("%q is no attribute name", a.Name)
		}
		if findAttribute(out[:i], a.Name) != nil {
			return nil, fmt.Errorf("attribute %q is defined twice", a.Name)
		}
		a.Type = orDefault(a.Type, TypeString)
		a.Mutability = orDefault(a.Mutability, ReadWrite)
		a.Returned = orDefault(a.Returned, ReturnedDefault)
		a.Uniqueness = orDefault(a.Uniqueness, UniqueNone)
		if !slices.Contains(allTypes(), a.Type) || !slices.Contains(allMutabilities(), a.Mutability) ||
			!slices.Contains(allReturned(), a.Returned) || !slices.Contains(allUniqueness(), a.Uniqueness) {
			return nil, fmt.Errorf("attribute %q: its type, mutability, returned or uniqueness is none of RFC 7643 §7", a.Name)
		}
		if (a.Type == TypeComplex) != (len(a.SubAttributes) > 0) {
			return nil, fmt.Errorf("attribute %q: a complex attribute, and no other, has sub-attributes", a.Name)
		}
		for j := range a.SubAttributes {
			if a.SubAttributes[j].Type == TypeComplex && !nesting {
				return nil, fmt.Errorf("attribute %q: its sub-attribute %q is complex; complex attributes do not nest", a.Name, a.SubAttributes[j].Name)
			}
		}
		subs, err := complete(a.SubAttributes, nesting)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		a.SubAttributes = subs
	}
	return out, nil
}

func orDefault[T ~string](v, fallback T) T {
	if v == "" {
		return fallback
	}
	return v
}

// Schema returns the schema of that URN. Its slices must not be written to.
func (s *SchemaSet) Schema(urn string) (Schema, bool) {
	if sch := s.find(urn); sch != nil {
		return *sch, true
	}
	return Schema{}, false
}

// Schemas returns all schemas in the order in which they were added.
func (s *SchemaSet) Schemas() []Schema { return slices.Clone(s.schemas) }

// Lookup returns the definition of what the path names in a resource of the given
// schema: an attribute, a sub-attribute, one of the common attributes (RFC 7643
// §3.1), or, for a URN alone, a complex attribute that stands for the extension.
func (s *SchemaSet) Lookup(resourceSchema string, p Path) (Attribute, bool) {
	if a := s.lookup(resourceSchema, p); a != nil {
		return *a, true
	}
	if p.URN == "" || p.Filter != nil || p.Sub != "" {
		return Attribute{}, false
	}
	urn := p.URN
	if p.Attr != "" { // a URN without version that ParsePath took apart
		urn += ":" + p.Attr
	}
	sch := s.find(urn)
	if sch == nil || sameName(urn, resourceSchema) {
		return Attribute{}, false
	}
	return Attribute{
		Name: sch.ID, Type: TypeComplex, Description: sch.Description, Mutability: ReadWrite,
		Returned: ReturnedDefault, Uniqueness: UniqueNone, SubAttributes: sch.Attributes,
	}, true
}

func (s *SchemaSet) lookup(resourceSchema string, p Path) *Attribute {
	if p.Attr == "" {
		return nil
	}
	urn := p.URN
	if urn == "" {
		urn = resourceSchema
	}
	var a *Attribute
	if sch := s.find(urn); sch != nil {
		a = findAttribute(sch.Attributes, p.Attr)
	}
	if a == nil && (p.URN == "" || sameName(p.URN, resourceSchema)) {
		a = findAttribute(commonAttributes(), p.Attr)
	}
	if p.Sub != "" {
		return a.sub(p.Sub)
	}
	return a
}

func (s *SchemaSet) find(urn string) *Schema {
	for i := range s.schemas {
		if s.schemas[i].ID == urn {
			return &s.schemas[i]
		}
	}
	for i := range s.schemas {
		if sameName(s.schemas[i].ID, urn) {
			return &s.schemas[i]
		}
	}
	return nil
}

func findAttribute(attrs []Attribute, name string) *Attribute {
	for i := range attrs {
		if attrs[i].Name == name {
			return &attrs[i]
		}
	}
	for i := range attrs {
		if sameName(attrs[i].Name, name) {
			return &attrs[i]
		}
	}
	return nil
}

// WithAlias returns the set with a short name for an extension.
func (s *SchemaSet) WithAlias(name, urn string) (*SchemaSet, error) {
	if !isName(name) {
		return nil, fmt.Errorf("scim: alias %q is no name", name)
	}
	if s.find(urn) == nil {
		return nil, fmt.Errorf("scim: alias %q: no schema %s", name, urn)
	}
	if _, taken := s.Alias(name); taken {
		return nil, fmt.Errorf("scim: alias %q is there already", name)
	}
	return &SchemaSet{schemas: s.schemas, aliases: append(slices.Clip(s.aliases), alias{name, urn})}, nil
}

// Alias returns the URN that the short name stands for.
func (s *SchemaSet) Alias(name string) (urn string, ok bool) {
	for _, a := range s.aliases {
		if sameName(a.name, name) {
			return a.urn, true
		}
	}
	return "", false
}

// Aliases returns the short names with their URNs.
func (s *SchemaSet) Aliases() map[string]string {
	out := make(map[string]string, len(s.aliases))
	for _, a := range s.aliases {
		out[a.name] = a.urn
	}
	return out
}

// ResolveAlias writes a path in full: "enterprise.department" becomes
// "urn:…:enterprise:2.0:User:department", and "enterprise" the URN. Other text is
// returned as it is.
func (s *SchemaSet) ResolveAlias(p string) string {
	end := strings.IndexAny(p, ".[")
	if end < 0 {
		end = len(p)
	}
	urn, ok := s.Alias(p[:end])
	switch {
	case !ok:
		return p
	case end == len(p):
		return urn
	case p[end] == '.':
		return urn + ":" + p[end+1:]
	}
	return p
}

// ParsePath reads a path as [ParsePath] does, knows the aliases, and tells a URN
// from a URN with an attribute by the schemas of the set.
func (s *SchemaSet) ParsePath(text string) (Path, error) {
	p, err := ParsePath(s.ResolveAlias(text))
	if err != nil {
		return Path{}, err
	}
	if p.URN != "" && p.Attr != "" && p.Filter == nil && s.find(p.URN) == nil {
		whole := p.URN + ":" + p.Attr
		if p.Sub != "" {
			whole += "." + p.Sub
		}
		if sch := s.find(whole); sch != nil {
			return Path{URN: sch.ID}, nil
		}
	}
	return p, nil
}
