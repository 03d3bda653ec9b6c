// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// resourceType is one type with what follows from its schemas.
type resourceType struct {
	scim.ResourceType
	rules   []rule
	own     []scim.Path // attributes of its own schema
	plain   projection  // what an answer shows if nothing is asked for
	hidden  []scim.Path // what that leaves out
	members string      // the attribute of a MemberStore; "" for none
	fixed   bool        // clients can write nothing of it
	off     bool        // it can be inactive
}

func describe(set *scim.SchemaSet, t scim.ResourceType, hide []scim.Path) (*resourceType, error) {
	if !strings.HasPrefix(t.Endpoint, "/") || strings.Count(t.Endpoint, "/") != 1 || len(t.Endpoint) == 1 {
		return nil, fmt.Errorf("scimserver: resource type %s: endpoint %q is not like /Users", t.Name, t.Endpoint)
	}
	for _, urn := range urns(t) {
		if _, ok := set.Schema(urn); !ok {
			return nil, fmt.Errorf("scimserver: resource type %s: there is no schema %s", t.Name, urn)
		}
	}
	rt := &resourceType{ResourceType: t, members: memberAttribute(set, t.Schema)}
	rt.fixed = !slices.ContainsFunc(attributesOf(set, t), func(a attribute) bool { return a.Mutability != scim.ReadOnly })
	for _, a := range attributesOf(set, t) {
		if a.path.URN == "" {
			rt.own = append(rt.own, a.path)
		}
	}
	active, _ := set.Lookup(t.Schema, scim.Path{Attr: "active"})
	rt.off = active.Type == scim.TypeBoolean && !active.MultiValued && active.Mutability == scim.ReadWrite
	rt.rules = rulesOf(set, t)
	for _, p := range hide {
		if known(set, t.Schema, p) {
			rt.rules = append(rt.rules, rule{p, scim.ReturnedNever})
		}
	}
	rt.plain = defaultProjection(rt.rules)
	for _, r := range rt.rules {
		if r.returned != scim.ReturnedAlways {
			rt.hidden = append(rt.hidden, r.Path)
		}
	}
	return rt, nil
}

// withoutPassword is the schemas with Users that have none.
func withoutPassword(all []scim.Schema) []scim.Schema {
	out := slices.Clone(all)
	for i, s := range out {
		if strings.EqualFold(s.ID, scim.UserURN) {
			out[i].Attributes = slices.DeleteFunc(slices.Clone(s.Attributes), func(a scim.Attribute) bool { return a.Name == "password" })
		}
	}
	return out
}

// urns are the type's schemas, its own one first.
func urns(t scim.ResourceType) []string {
	out := []string{t.Schema}
	for _, e := range t.SchemaExtensions {
		out = append(out, e.Schema)
	}
	return out
}

// attribute is one of a type's schemas, with the path that leads to it.
type attribute struct {
	scim.Attribute
	path scim.Path
}

// attributesOf lists the attributes of a type's schemas, without the common ones.
func attributesOf(set *scim.SchemaSet, t scim.ResourceType) []attribute {
	var out []attribute
	for i, urn := range urns(t) {
		s, _ := set.Schema(urn)
		p := scim.Path{}
		if i > 0 {
			p.URN = s.ID
		}
		for _, a := range s.Attributes {
			p.Attr = a.Name
			out = append(out, attribute{a, p})
		}
	}
	return out
}

// verbs are those that there are for the type: of what only the service provider
// writes, those that read.
func (t *resourceType) verbs(all []verb) []verb {
	if !t.fixed {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(v verb) bool { return v.method != http.MethodGet && v.method != http.MethodHead })
}

// memberAttribute is the multi-valued attribute whose values are somebody or
// something, and no properties of the resource: their "value" is immutable (RFC 7643
// §4.2).
func memberAttribute(set *scim.SchemaSet, schema string) string {
	s, _ := set.Schema(schema)
	for _, a := range s.Attributes {
		if !a.MultiValued || a.Mutability != scim.ReadWrite {
			continue
		}
		for _, sub := range a.SubAttributes {
			if sub.Name == "value" && sub.Mutability == scim.Immutable {
				return a.Name
			}
		}
	}
	return ""
}
