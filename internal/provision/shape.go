// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"fmt"
	"strings"

	"github.com/usher-id/usher/scim"
)

// shape cuts an account to what the app has room for, before it is compared or
// sent: parts of values that it does not have, one value where it keeps one, a
// primary one where it wants that flagged, and lower case where it has no other.
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
	for _, path := range p.profile.LowerCase {
		v, _ := u.At(path)
		if s, ok := v.AsString(); ok && strings.ToLower(s) != s {
			_ = u.Put(path, scim.String(strings.ToLower(s))) // likewise
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

// apart reports whether somebody who comes back needs two requests: PATCH enables
// the account and reaches nothing else of what has changed meanwhile. Nobody is kept
// out for the sake of a title, and not every PUT heeds active.
func (p *Planner) apart(changes []scim.Change) bool {
	reach := p.profile.Patch.UserPaths
	if len(reach) == 0 || !p.profile.Users.Patch || !reach.Cover(activePath) {
		return false
	}
	for _, c := range changes {
		if !reach.Cover(c.Path) {
			return true
		}
	}
	return false
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
		for _, text := range texts(u, b.Path) {
			if reason := b.Refuses(text); reason != "" {
				return &Failed{s.Person.ID, fmt.Sprintf("%s %s, which %s does not take: change it in the mapping", b.Path, reason, p.profile.Name)}
			}
		}
	}
	return nil
}

// texts are the texts at a path: one, or those of a list.
func texts(u *scim.Resource, p scim.Path) []string {
	v, _ := u.At(p)
	list, multi := v.AsList()
	if !multi {
		list = []scim.Value{v}
	}
	var out []string
	for _, e := range list {
		if s, ok := e.AsString(); ok {
			out = append(out, s)
		}
	}
	return out
}

func assigned(u *scim.Resource, p scim.Path) bool {
	v, ok := u.At(p)
	return ok && !v.IsUnassigned()
}
