// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-id/usher/scim"
)

// shape cuts an account to what the app has room for, before it is compared or
// sent: parts of values that it does not have, one value where it keeps one, and
// a primary one where it wants that flagged.
func (p *Planner) shape(u *scim.Resource) {
	for _, path := range p.profile.Unsupported {
		if path.Sub != "" {
			u.Remove(path)
		}
	}
	for _, path := range p.profile.SingleValued {
		if list, first := values(u, path); len(list) > 1 {
			_ = u.Put(path, scim.List(list[first])) // a path that was read can be written
		}
	}
	for _, path := range p.profile.FlagPrimary {
		list, first := values(u, path)
		if len(list) == 0 || primary(list[first]) {
			continue
		}
		o, ok := list[first].AsComplex()
		if !ok {
			continue
		}
		o = o.Clone()
		o.Set("primary", scim.Bool(true))
		flagged := append([]scim.Value(nil), list...)
		flagged[first] = scim.Complex(o)
		_ = u.Put(path, scim.List(flagged...)) // likewise
	}
}

// values are those of a multi-valued attribute, and which of them comes first:
// the primary one, if there is one (RFC 7643 §2.4).
func values(u *scim.Resource, path scim.Path) (list []scim.Value, first int) {
	v, _ := u.At(path)
	list, _ = v.AsList()
	for i, e := range list {
		if primary(e) {
			return list, i
		}
	}
	return list, 0
}

func primary(v scim.Value) bool {
	o, _ := v.AsComplex()
	flag, _ := o.Get("primary")
	is, _ := flag.AsBool()
	return is
}

// changeable drops what an app takes when an account is made and never again. A
// change that it cannot make and that matters sets the person aside.
func (p *Planner) changeable(s Subject, changes []scim.Change) ([]scim.Change, error) {
	if len(p.profile.CreateOnly) == 0 && len(p.profile.Immutable) == 0 {
		return changes, nil
	}
	kept := changes[:0:0]
	for _, c := range changes {
		switch {
		case p.profile.CreateOnly.Cover(c.Path):
		case p.profile.Immutable.Cover(c.Path):
			return nil, &Failed{s.Person.ID, fmt.Sprintf("%s: %s does not change it in an account that is there; change it there by hand, or delete the account, so that it is made anew", c.Path, p.profile.Name)}
		default:
			kept = append(kept, c)
		}
	}
	return kept, nil
}

// fits says what keeps an account from being sent at all: the app would refuse
// it, and its words would help less. No value is repeated.
func (p *Planner) fits(s Subject, u *scim.Resource) error {
	for _, need := range p.profile.Required {
		if p.profile.RandomPassword && len(need.Any) == 1 && strings.EqualFold(need.Any[0].Attr, "password") {
			continue
		}
		if !need.When.IsZero() && !assigned(u, need.When) {
			continue
		}
		there := false
		for _, path := range need.Any {
			there = there || assigned(u, path)
		}
		if !there {
			return &Failed{s.Person.ID, fmt.Sprintf("%s wants %s, and there is none: map it, or complete the person", p.profile.Name, need)}
		}
	}
	for _, b := range p.profile.Bounds {
		v, _ := u.At(b.Path)
		text, _ := v.AsString()
		if n := utf8.RuneCountInString(text); b.Most > 0 && n > b.Most {
			return &Failed{s.Person.ID, fmt.Sprintf("%s has %d characters, and %s takes %d: shorten it in the mapping", b.Path, n, p.profile.Name, b.Most)}
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return strings.ContainsRune(b.Forbidden, r) || unicode.IsControl(r) }); b.Forbidden != "" && i >= 0 {
			r, _ := utf8.DecodeRuneInString(text[i:])
			return &Failed{s.Person.ID, fmt.Sprintf("%s holds %q, which %s refuses: replace it in the mapping", b.Path, r, p.profile.Name)}
		}
	}
	return nil
}

func assigned(u *scim.Resource, p scim.Path) bool {
	v, ok := u.At(p)
	return ok && !v.IsUnassigned()
}
