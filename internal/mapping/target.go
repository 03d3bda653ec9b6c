// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"maps"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// target is where a rule writes to.
type target struct {
	path scim.Path
	attr scim.Attribute
}

// target resolves and checks the path of one line of a mapping. With an error it
// still returns what it found, so that the expression can be checked too.
func (e *Env) target(resourceSchema string, a config.Attribute) (target, *config.Error) {
	bad := func(msg, hint string) *config.Error {
		return &config.Error{Pos: a.Path.Pos, Msg: msg, Hint: hint}
	}
	written := a.Path.Value
	if strings.TrimSpace(written) == "" {
		return target{}, bad("the attribute path is empty", "")
	}
	path, err := e.compiler.set.ParsePath(written)
	if err != nil {
		return target{}, bad(written+" is no attribute path: "+err.Error(), `paths are as in userName, name.givenName, emails[type eq "work"].value, enterprise.department`)
	}
	if path.Attr == "" {
		return target{}, bad(written+" names a whole extension", "map its attributes one by one")
	}
	// A path that spells out the resource's own schema is the path without it.
	if strings.EqualFold(path.URN, resourceSchema) {
		path.URN = ""
	}
	if s, ok := e.compiler.set.Schema(path.URN); ok {
		path.URN = s.ID
	}
	top := scim.Path{URN: path.URN, Attr: path.Attr}
	parent, ok := e.compiler.set.Lookup(resourceSchema, top)
	if !ok {
		return target{}, bad("there is no attribute "+written, e.pathHint(resourceSchema, path))
	}
	attr, msg, hint := resolvePart(parent, path)
	if msg != "" {
		return target{}, bad(written+msg, hint)
	}
	// Writing follows the schema's spelling, whatever the file's is.
	path.Attr = parent.Name
	if path.Sub != "" {
		path.Sub = attr.Name
	}
	t := target{path: path, attr: attr}
	if parent.Mutability == scim.ReadOnly || attr.Mutability == scim.ReadOnly || systemAttribute(path) {
		return t, bad(written+" is read-only: the app sets it", "")
	}
	return t, e.checkUnique(a, attr, path)
}

// systemAttribute tells the common attributes that no client sets (RFC 7643 §3.1).
func systemAttribute(p scim.Path) bool {
	return p.URN == "" && (p.Attr == "id" || p.Attr == "meta" || p.Attr == "schemas")
}

// resolvePart finds what the path means inside its attribute: the whole, one element that
// a filter describes, or a sub-attribute of either.
func resolvePart(parent scim.Attribute, p scim.Path) (attr scim.Attribute, msg, hint string) {
	attr = parent
	if p.Filter != nil {
		if !parent.MultiValued {
			return attr, " has a filter, but holds one value", "leave the brackets out"
		}
		if why := describes(parent, p.Filter); why != "" {
			return attr, why, `a mapping's filter is as in emails[type eq "work"].value`
		}
		attr.MultiValued = false
	}
	if p.Sub == "" {
		return attr, "", ""
	}
	if attr.MultiValued {
		return attr, " does not say which element it means",
			`as in ` + parent.Name + `[type eq "work"].` + p.Sub + `, or map the whole list`
	}
	for _, s := range parent.SubAttributes {
		if strings.EqualFold(s.Name, p.Sub) {
			return s, "", ""
		}
	}
	names := attributeNames(parent.SubAttributes)
	if n := closest(p.Sub, names); n != "" {
		return attr, " does not exist: " + parent.Name + " has no " + p.Sub, "did you mean " + n + "?"
	}
	return attr, " does not exist: " + parent.Name + " has no " + p.Sub, listHint("it has", names)
}

// describes tells why a filter does not describe one element that could be made
// from it: only equalities of sub-attributes do.
func describes(parent scim.Attribute, f scim.Filter) string {
	switch f := f.(type) {
	case *scim.And:
		for _, t := range f.Terms {
			if why := describes(parent, t); why != "" {
				return why
			}
		}
		return ""
	case *scim.Compare:
		if f.Op != scim.OpEq || f.Value.IsNull() {
			return " has a filter that does not say what the element is like"
		}
		for _, s := range parent.SubAttributes {
			if strings.EqualFold(s.Name, f.Path.Attr) && f.Path.Sub == "" && f.Path.URN == "" {
				return ""
			}
		}
		return " does not exist: " + parent.Name + " has no " + f.Path.Attr
	}
	return " has a filter that does not say what the element is like"
}

// pathHint names the nearest attribute of the schema, or of the extensions.
func (e *Env) pathHint(resourceSchema string, p scim.Path) string {
	set := e.compiler.set
	urn, prefix := resourceSchema, ""
	aliases := set.Aliases()
	for alias, u := range aliases {
		if strings.EqualFold(u, p.URN) {
			urn, prefix = u, alias+"."
		}
	}
	if s, ok := set.Schema(urn); ok {
		if n := closest(p.Attr, attributeNames(s.Attributes)); n != "" {
			return "did you mean " + prefix + n + "?"
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		s, ok := set.Schema(aliases[alias])
		if !ok {
			continue
		}
		if n := closest(p.Attr, attributeNames(s.Attributes)); n != "" && strings.EqualFold(n, p.Attr) {
			return "did you mean " + alias + "." + n + "?"
		}
	}
	return ""
}

func attributeNames(attrs []scim.Attribute) []string {
	out := make([]string, len(attrs))
	for i, a := range attrs {
		out[i] = a.Name
	}
	return out
}

// checkUnique accepts uniqueness for one text: a reservation is of a name.
func (e *Env) checkUnique(a config.Attribute, attr scim.Attribute, p scim.Path) *config.Error {
	switch a.Unique {
	case "":
		return nil
	case config.UniqueOrganisation, config.UniqueApp:
	default:
		return &config.Error{
			Pos: a.Path.Pos, Msg: "unique: " + a.Unique + " is not known",
			Hint: "it is " + config.UniqueOrganisation + " or " + config.UniqueApp,
		}
	}
	if attr.MultiValued || kindOf(attr.Type) != kindString || attr.Type == scim.TypeDateTime || p.Filter != nil {
		return &config.Error{Pos: a.Path.Pos, Msg: a.Path.Value + " cannot be unique", Hint: "only an attribute that holds one text can"}
	}
	return nil
}
