// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"net/url"
	"strings"

	"github.com/usher-id/usher/scim"
)

// ofMeta rewrites what a filter asks of meta.resourceType and meta.location, which no
// store has: the one is the same for every resource of a type, the other says no
// more than the id. id is never absent, so that "id pr" stands for what is true.
func ofMeta(f scim.Filter, t *resourceType, root string) scim.Filter {
	each := func(terms []scim.Filter) []scim.Filter {
		out := make([]scim.Filter, len(terms))
		for i, term := range terms {
			out[i] = ofMeta(term, t, root)
		}
		return out
	}
	switch f := f.(type) {
	case *scim.And:
		return &scim.And{Terms: each(f.Terms)}
	case *scim.Or:
		return &scim.Or{Terms: each(f.Terms)}
	case *scim.Not:
		return &scim.Not{Term: ofMeta(f.Term, t, root)}
	case *scim.Present:
		if part, ok := metaPart(f.Path); ok && part != "" {
			return holds(true)
		}
	case *scim.Compare:
		return comparedMeta(f, t, root)
	case *scim.ValuePath: // meta[resourceType eq "User"]
		if c, ok := f.Filter.(*scim.Compare); ok && strings.EqualFold(f.Path.Attr, "meta") {
			whole := &scim.Compare{Path: scim.Path{URN: f.Path.URN, Attr: f.Path.Attr, Sub: c.Path.Attr}, Op: c.Op, Value: c.Value}
			if part, ok := metaPart(whole.Path); ok && part != "" {
				return comparedMeta(whole, t, root)
			}
		}
	}
	return f
}

func comparedMeta(c *scim.Compare, t *resourceType, root string) scim.Filter {
	part, ok := metaPart(c.Path)
	if !ok {
		return c
	}
	if part == "location" {
		value, _ := c.Value.AsString()
		id, found := strings.CutPrefix(value, root+t.Endpoint+"/")
		if plain, err := url.PathUnescape(id); found && err == nil && (c.Op == scim.OpEq || c.Op == scim.OpNe) {
			return &scim.Compare{Path: scim.Path{Attr: "id"}, Op: c.Op, Value: scim.String(plain)}
		}
		if c.Op == scim.OpEq || c.Op == scim.OpNe {
			return holds(c.Op == scim.OpNe)
		}
		return c
	}
	var meta scim.Object
	meta.Set("resourceType", scim.String(t.Name))
	r := scim.NewResource(t.Schema)
	r.Set("meta", scim.Complex(meta))
	return holds(scim.CoreSchemas().Match(t.Schema, c, r))
}

// metaPart names the part of meta that a path is about, "" for another one.
func metaPart(p scim.Path) (part string, ok bool) {
	if !strings.EqualFold(p.Attr, "meta") {
		return "", false
	}
	switch {
	case strings.EqualFold(p.Sub, "resourceType"):
		return "resourceType", true
	case strings.EqualFold(p.Sub, "location"):
		return "location", true
	}
	return "", false
}

// holds is a filter that is true, or false, of every resource.
func holds(is bool) scim.Filter {
	f := scim.Filter(&scim.Present{Path: scim.Path{Attr: "id"}})
	if !is {
		f = &scim.Not{Term: f}
	}
	return f
}
