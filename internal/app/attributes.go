// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// counts are the limits that are no attribute's length.
var counts = []string{"users_per_directory", "users_per_group"}

// attributes reads what an account must, may and must not have.
func (f profileFile) attributes(p *Profile) error {
	var errs []error
	set := vocabulary{scim.CoreSchemas()}
	for _, s := range f.RequiredAttributes {
		errs = append(errs, set.require(p, s))
	}
	for _, s := range f.UnsupportedAttributes {
		p.Unsupported = append(p.Unsupported, set.unsupported(s)...)
	}
	for _, l := range []struct {
		field string
		list  []string
		to    *Paths
	}{
		{"create_only_attributes", f.CreateOnlyAttributes, &p.CreateOnly},
		{"immutable_attributes", f.ImmutableAttributes, &p.Immutable},
		{"single_valued", f.SingleValued, &p.SingleValued},
		{"flag_primary", f.FlagPrimary, &p.FlagPrimary},
		{"lower_case", f.LowerCase, &p.LowerCase},
	} {
		list, err := paths(l.field, l.list)
		*l.to = append(*l.to, list...)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, f.bounds(p, set))...)
}

// require reads one entry of required_attributes: `a or b`, `a and b`, `a and b
// when c is sent`. What it says of groups and of their members is for people, as
// we send both whole; schemas and active are always there. What is marked as
// unverified is held against nobody, nor is a URN that is known only in part.
func (set vocabulary) require(p *Profile, s string) error {
	text := plain(s)
	switch {
	case strings.HasPrefix(text, "groups:"), strings.HasPrefix(text, "members:"), text == "schemas", text == "active",
		strings.Contains(s, "(unverified)"), strings.Contains(text, "…"):
		return nil
	}
	text, when, conditional := strings.Cut(text, " when ")
	var condition scim.Path
	if conditional {
		list, err := paths("required_attributes", []string{strings.TrimSuffix(when, " is sent")})
		if err != nil {
			return err
		}
		condition = list[0]
	}
	for _, one := range strings.Split(text, " and ") {
		list, err := paths("required_attributes", strings.Split(one, " or "))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, set.has) {
			return fmt.Errorf("required_attributes: no schema has %q", s)
		}
		p.Required = append(p.Required, Requirement{Any: list, When: condition})
		if flagged(s) {
			p.FlagPrimary = append(p.FlagPrimary, list...)
		}
	}
	return nil
}

// flagged reports whether a remark wants a primary value: "emails(primary)".
func flagged(s string) bool {
	_, remark, _ := strings.Cut(s, "(")
	remark, _, _ = strings.Cut(remark, ")")
	return slices.Contains(strings.FieldsFunc(remark, func(r rune) bool { return r == ',' || r == ' ' }), "primary")
}

// vocabulary knows which attributes there are.
type vocabulary struct{ *scim.SchemaSet }

// has reports whether the core schemas have the attribute, or an extension may.
func (set vocabulary) has(p scim.Path) bool {
	_, ok := set.Lookup(scim.UserURN, p)
	return ok || p.URN != ""
}

// unsupported reads one entry of unsupported_attributes: attributes of a user, in
// the enterprise extension if not in the core, or words about something else.
func (set vocabulary) unsupported(s string) Paths {
	p, err := scim.ParsePath(plain(s))
	if err != nil || p.Filter != nil {
		return nil
	}
	if set.has(p) {
		return Paths{p}
	}
	if p.URN = scim.EnterpriseUserURN; p.Attr != "" {
		if _, ok := set.Lookup(scim.UserURN, p); ok {
			return Paths{p}
		}
	}
	return nil
}

// ofGroup stands before an attribute of a group in limits and forbidden_characters.
const ofGroup = "group."

// bounds reads limits and forbidden_characters: of attributes of a user, and of a group
// where the name begins so.
func (f profileFile) bounds(p *Profile, set vocabulary) error {
	byPath, ofGroups := map[string]*Bound{}, map[string]*Bound{}
	bound := func(field, name string) (*Bound, error) {
		attr, group := strings.CutPrefix(name, ofGroup)
		list, err := paths(field, []string{attr})
		if err != nil {
			return nil, err
		}
		known, has := byPath, set.has(list[0])
		if group {
			known = ofGroups
			_, has = set.Lookup(scim.GroupURN, list[0])
		}
		if !has {
			return nil, fmt.Errorf("%s: no schema has %q", field, name)
		}
		b := known[list[0].String()]
		if b == nil {
			b = &Bound{Path: list[0]}
			known[list[0].String()] = b
		}
		return b, nil
	}
	for _, name := range slices.Sorted(maps.Keys(f.Limits)) {
		n := f.Limits[name]
		if n <= 0 {
			return fmt.Errorf("limits: %s is %d", name, n)
		}
		if slices.Contains(counts, name) {
			continue
		}
		b, err := bound("limits", name)
		if err != nil {
			return err
		}
		b.Most = n
	}
	for _, name := range slices.Sorted(maps.Keys(f.ForbiddenCharacters)) {
		if f.ForbiddenCharacters[name] == "" {
			return fmt.Errorf("forbidden_characters: %s has none", name)
		}
		b, err := bound("forbidden_characters", name)
		if err != nil {
			return err
		}
		b.Forbidden = f.ForbiddenCharacters[name]
	}
	p.Bounds, p.GroupBounds = inOrder(byPath), inOrder(ofGroups)
	return nil
}

func inOrder(bounds map[string]*Bound) (list []Bound) {
	for _, path := range slices.Sorted(maps.Keys(bounds)) {
		list = append(list, *bounds[path])
	}
	return list
}

// extensions reads the app's own schemas, which must stand beside SCIM's.
func (f profileFile) extensions(p *Profile) error {
	for _, text := range f.Extensions {
		s, err := scim.ParseSchema(text, scim.Limits{})
		if err != nil {
			return fmt.Errorf("extensions: %w", err)
		}
		p.Extensions = append(p.Extensions, s)
	}
	if _, err := scim.CoreSchemas().With(p.Extensions...); err != nil {
		return fmt.Errorf("extensions: %w", err)
	}
	return nil
}
