// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/usher-id/usher/scim"
)

// MatchKey is a value by which a record of another source finds a person.
type MatchKey struct {
	Attribute string // its path
	Canonical string // its value, comparable byte by byte
	Source    string // whose value it is
}

// finder says by which attributes a source's records look for their person, and
// whose values of them count.
type finder struct {
	paths   []scim.Path
	sources []string
}

// findBy prepares who looks where. A source with Match looks among the values of
// the sources before it. If it makes people of those whom nobody knows, the
// sources before it look among its values in turn: whichever record comes first,
// both are one person's.
func (d *Directory) findBy() {
	seen := map[string]bool{}
	for i, s := range d.cfg.Sources {
		if len(s.Match) == 0 {
			continue
		}
		var earlier []string
		for _, e := range d.cfg.Sources[:i] {
			earlier = append(earlier, e.Name)
			if !s.Waits {
				d.finders[e.Name] = append(d.finders[e.Name], finder{s.Match, []string{s.Name}})
			}
		}
		d.finders[s.Name] = append(d.finders[s.Name], finder{s.Match, earlier})
		for _, p := range s.Match {
			if !seen[p.String()] {
				seen[p.String()] = true
				d.keys = append(d.keys, p)
			}
		}
	}
}

func (d *Directory) rules(source string) SourceRules {
	if i, ok := d.rank[source]; ok {
		return d.cfg.Sources[i]
	}
	return SourceRules{Name: source}
}

// canonical spells a value so that what the schema calls equal is equal byte by
// byte: composed (NFC), without blanks around it, and in lower case unless the
// attribute cares for case (RFC 7643 §2.2). "" is no value to find somebody by.
func (d *Directory) canonical(p scim.Path, v scim.Value) string {
	s, ok := v.AsString()
	if !ok {
		if v.IsUnassigned() {
			return ""
		}
		return v.String()
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	if a, ok := d.cfg.Schemas.Lookup(scim.UserURN, p); ok && !a.CaseExact {
		s = norm.NFC.String(strings.ToLower(s))
	}
	return s
}

// keysOf are the values by which a person is found, each under the source that
// it comes from. A reserved name is the person's, and not what was wished for.
func (d *Directory) keysOf(o *opinions, user *scim.Resource) []MatchKey {
	var keys []MatchKey
	for _, p := range d.keys {
		v, _ := user.At(p)
		c := d.canonical(p, v)
		if c == "" {
			continue
		}
		i, _ := o.of(p)
		if i < 0 { // a name that was reserved when somebody still wished for one
			i = max(o.lead, 0)
		}
		keys = append(keys, MatchKey{p.String(), c, o.all[i].Source})
	}
	return keys
}

// refusal is why a record is not given to a person.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	refusedSeveral refusal = "it matches several people, and nobody can tell whose it is"
	refusedMove    refusal = "it belongs to one person and now matches another: a record changes its person only after it was gone from a complete read"
)

// belongs finds the person of a record, "" if it waits for one.
func (a *acceptance) belongs(ctx context.Context, v *view) (string, error) {
	rules := a.d.rules(v.Source)
	had := v.before.Person
	if had != "" && (len(rules.Match) == 0 || had == v.PersonID()) {
		return had, nil
	}
	if had == "" {
		person, err := a.inherited(v)
		if err != nil || person != "" {
			v.heir = person != ""
			return person, err
		}
		if f, ok := a.gone[v.PersonID()]; ok {
			v.joined = f.Person != v.PersonID()
			return f.Person, nil
		}
		if person, err = a.joined(v); err != nil || person != "" {
			v.joined = person != ""
			return person, err
		}
		if v.nothing, err = a.left(v); err != nil || v.nothing {
			return "", err
		}
	}
	found, err := a.find(ctx, v)
	switch {
	case err != nil:
		return "", err
	case had != "" && (len(found) == 0 || slices.Contains(found, had)):
		return had, nil
	case had != "":
		return "", refusedMove
	case len(found) > 1 && len(rules.Match) > 0:
		return "", refusedSeveral
	case len(found) == 1:
		other, err := a.spokenFor(ctx, v, found[0])
		if err != nil {
			return "", err
		}
		if other == "" {
			return found[0], nil
		}
		if len(rules.Match) > 0 {
			return "", refusal("it matches a person whom another record of this source belongs to: " + other)
		}
	}
	if rules.Waits && len(rules.Match) > 0 {
		return "", nil
	}
	return v.PersonID(), nil
}

// find returns everybody whom one of the record's values names.
func (a *acceptance) find(ctx context.Context, v *view) ([]string, error) {
	var found []string
	for _, f := range a.d.finders[v.Source] {
		for _, p := range f.paths {
			value, _ := v.user.At(p)
			c := a.d.canonical(p, value)
			if c == "" {
				continue
			}
			people, err := a.tx.Matching(ctx, p.String(), c, f.sources)
			if err != nil {
				return nil, err
			}
			found = append(found, people...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// spokenFor returns the key of another record of the source that belongs to a
// person: one that is there, or one that holds them and may come back.
func (a *acceptance) spokenFor(ctx context.Context, v *view, person string) (string, error) {
	if key, ok := a.given[person]; ok {
		return key, nil
	}
	records, err := a.tx.RecordsOf(ctx, []string{person})
	if err != nil {
		return "", err
	}
	for _, r := range records[person] {
		if r.Source == v.Source && r.ID != v.ID && (r.Missing.IsZero() || r.Holds) {
			return r.ID, nil
		}
	}
	return "", nil
}
