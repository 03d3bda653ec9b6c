// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func (d *decoder) sources(n *node) []Source {
	var out []Source
	d.named(n, "sources", "a source", func(name Text, n *node) {
		s := d.source(name, n)
		if len(out) == 0 && len(s.Match) > 0 {
			d.fail(s.Match[0].Pos, "match of source "+s.Name+" has no earlier source to match", "put the source of the people themselves first")
		}
		out = append(out, s)
	})
	n.note(func(s *Schema) { s.MinProperties = 1 })
	if n.kind == kindMap && len(out) == 0 {
		d.fail(n.pos, "there is no source", "people must come from somewhere")
	}
	d.oneSourceEach(out)
	return out
}

func (d *decoder) source(name Text, n *node) Source {
	s := Source{Name: name.Value, Pos: name.Pos, Mode: ModeSnapshot, RateLimit: DefaultRateLimit, Changes: ChangesStream, Unblocked: UnblockedStays, Deletions: DefaultDeletions}
	s.HTTP = &HTTPList{Pos: name.Pos, Method: http.MethodGet, Every: defaultEvery, Timeout: Duration(30 * time.Second)}
	what := "source " + name.Value
	columnsGood := false
	if given := n; n.kind == kindMap {
		if n = d.made(n, what); n != given {
			s.Maker = given.at("type").value
		}
	}
	d.section(n, what, name.Pos, append([]field{
		{key: "type", required: true, read: func(n *node) {
			s.Type, _ = d.choice(n, "type of "+what, append([]string{SourceCSV, SourceSCIM, SourceAuth0, SourceHTTP}, Makers()...)...)
		}},
		{key: "path", read: func(n *node) { s.Path, _ = d.text(n, "path of "+what) }},
		{key: "mode", read: func(n *node) {
			if t, ok := d.choice(n, "mode of "+what, ModeSnapshot, ModeDelta); ok {
				s.Mode = t.Value
			}
		}},
		{key: "key", read: func(n *node) { s.Key, _ = d.text(n, "key of "+what) }},
		{key: "columns", read: func(n *node) { columnsGood = d.columnsOf(n, &s, what) }},
		{key: "optional", read: func(n *node) { s.Optional, _ = d.texts(n, "optional of "+what, "column") }},
		{key: "encoding", read: func(n *node) { s.Encoding, _ = d.optional(n, "encoding of "+what) }},
		{key: "delimiter", read: func(n *node) { s.Delimiter = d.delimiter(n, what) }},
		{key: "sftp", read: func(n *node) { s.SFTP = d.sftp(n, what) }},
		{key: "done", read: func(n *node) { s.Done = d.done(n, what) }},
		{key: "settle", read: func(n *node) { s.Settle, _ = d.duration(n, "settle of "+what, 0, 24*time.Hour) }},
		{key: "person", read: func(n *node) { s.Person = d.attributes(n, "person of "+what, UniqueOrganisation) }},
		{key: "match", read: func(n *node) { s.Match, _ = d.texts(n, "match of "+what, "path") }},
		{key: "unmatched", read: func(n *node) {
			t, ok := d.choice(n, "unmatched of "+what, UnmatchedWait, UnmatchedFound)
			if s.Unmatched = t.Value; ok && len(s.Match) == 0 {
				d.fail(t.Pos, "unmatched of "+what+" means nothing without match", "every row of this source is somebody: remove it")
			}
		}},
		{key: "authority", read: func(n *node) { s.Authority, _ = d.texts(n, "authority of "+what, "path") }},
		{key: "conversion", read: func(n *node) { s.Conversion = d.conversion(n, what) }},
		{key: "deleted", read: func(n *node) {
			s.Deleted, _ = d.expression(n, "deleted of "+what)
			if s.Mode != ModeDelta {
				d.fail(s.Deleted.Pos, "deleted of "+what+" is for mode: delta", "in a snapshot, who is gone from the file is gone")
			}
		}},
		{key: "strictness", read: func(n *node) { s.Strictness, _ = d.text(n, "strictness of "+what) }},
		{key: "rate_limit", read: func(n *node) { s.RateLimit = d.rateLimit(n, what) }},
		{key: "experimental", read: func(n *node) {
			s.Experimental, _ = d.choices(n, "experimental of "+what, "experimental", ExperimentalAgents, ExperimentalRoles, ExperimentalEntitlements)
		}},
		{key: "oauth_clients", read: func(n *node) { s.OAuthClients = d.oauthClients(n, what) }},
		{key: "events", read: func(n *node) { s.Events = d.events(n, what) }},
		{key: "tenant", read: func(n *node) { s.Tenant = d.tenant(n, what) }},
		{key: "connections", read: func(n *node) { s.Connections, _ = d.texts(n, "connections of "+what, "connection") }},
		{key: "changes", read: func(n *node) {
			if t, ok := d.choice(n, "changes of "+what, ChangesStream, ChangesWebhook, ChangesNone); ok {
				s.Changes = t.Value
			}
		}},
		{key: "webhook", read: func(n *node) { s.Webhook = d.webhook(n, s.Type.Value, what) }},
		{key: "teams", read: func(n *node) { s.Teams, _ = d.choices(n, "teams of "+what, "kind", statedKinds...) }},
		{key: "unblocked", read: func(n *node) {
			if t, ok := d.choice(n, "unblocked of "+what, UnblockedStays, UnblockedReturns); ok {
				s.Unblocked = t.Value
			}
		}},
		{key: "expires", read: func(n *node) { s.Expires = d.expires(n, "expires of "+what) }},
		{key: "deletions", read: func(n *node) { set(&s.Deletions)(d.duration(n, "deletions of "+what, 0, time.Hour)) }},
	}, d.httpList(s.HTTP, what)...)...)
	d.hooked(n, s, what)
	d.placed(s, what)
	d.ofKind(n, s.Type.Value, what, name.Pos)
	if s.Type.Value == SourceHTTP {
		d.httpChecked(s, what)
	} else {
		s.HTTP = nil
	}
	if s.Unmatched == "" && len(s.Match) > 0 {
		s.Unmatched = UnmatchedWait
	}
	if columnsGood && s.Type.Value != SourceAuth0 {
		d.columns(s)
		d.convertible(s)
	}
	return s
}

// kind is a kind of source: the keys that it must have, and those that it may have
// beside what all have.
type kindOfSource struct {
	name       string
	needs, may []string
}

func kindsOfSource() []kindOfSource {
	return []kindOfSource{
		{SourceCSV, []string{"path", "key", "columns", "person"}, []string{"mode", "optional", "encoding", "delimiter", "sftp", "done", "settle", "deleted", "conversion"}},
		{SourceSCIM, nil, []string{"strictness", "rate_limit", "experimental", "oauth_clients", "events"}},
		{
			SourceHTTP,
			[]string{"url", "key", "columns", "person"},
			[]string{"method", "body", "headers", "auth", "expires", "list", "fields", "total", "optional", "paging", "with", "one", "since", "every", "requests_per_second", "timeout", "allow", "webhook", "workday", "conversion"},
		},
		{SourceAuth0, []string{"tenant"}, []string{"columns", "person", "connections", "changes", "webhook", "teams", "unblocked", "deletions"}},
	}
}

// kindsOfMaker are those of which most is written already. They may have what a source of
// type http may, and are read as one.
func kindsOfMaker() (all []kindOfSource) {
	for _, name := range Makers() {
		k := kindOfSource{name: name, needs: []string{"auth"}}
		if maker(name).at(makerBase) == nil {
			k.needs = append(k.needs, "url")
		}
		all = append(all, k)
	}
	return all
}

func (k kindOfSource) has(key string) bool {
	return slices.Contains(k.needs, key) || slices.Contains(k.may, key)
}

// ofKind checks the keys that only some kinds of source have.
func (d *decoder) ofKind(n *node, kind, what string, pos Position) {
	kinds := kindsOfSource()
	n.note(func(s *Schema) {
		for _, k := range append(kinds, kindsOfMaker()...) {
			s.AnyOf = append(s.AnyOf, &Schema{Required: k.needs, Properties: map[string]*Schema{"type": {Type: Types{"string"}, Enum: []string{k.name}}}})
		}
		s.AnyOf = append(s.AnyOf, &Schema{Properties: map[string]*Schema{"type": {Type: Types{"string"}, Pattern: `\$`}}}) // from the environment
	})
	i := slices.IndexFunc(kinds, func(k kindOfSource) bool { return k.name == kind })
	if n.kind != kindMap || i < 0 {
		return
	}
	var known []string
	for _, k := range kinds {
		known = append(append(known, k.needs...), k.may...)
	}
	meant := map[string]bool{}
	for _, e := range n.entries {
		if !slices.Contains(known, e.key.Value) {
			meant[nearest(e.key.Value, known)] = true
			continue
		}
		if kinds[i].has(e.key.Value) {
			continue
		}
		var of []string
		for _, k := range kinds {
			if k.has(e.key.Value) {
				of = append(of, k.name)
			}
		}
		d.fail(e.key.Pos, e.key.Value+" of "+what+" is for type: "+strings.Join(of, " or "), "remove it")
	}
	for _, key := range kinds[i].needs {
		if n.at(key) == nil && !meant[key] { // a slip of the pen is one mistake, not two
			d.fail(pos, what+" has no "+key, "it must have one")
		}
	}
}

// slowestRate is what a provider must be let do at least, as the profiles of the
// large ones want (requests a second).
const slowestRate = 25

func (d *decoder) rateLimit(n *node, what string) float64 {
	v, ok := d.number(n, "rate_limit of "+what, 0, 100_000, false)
	if ok && v != 0 && v < slowestRate {
		d.fail(n.pos, "rate_limit of "+what+" is too low", "at least 25 requests a second; 0 is no limit")
	}
	return v
}

// pushed are the names under which apps can have the groups that providers push, and
// the teams that other sources state.
func pushed(sources []Source) []Team {
	var out []Team
	for _, s := range sources {
		if s.Type.Value == SourceSCIM {
			out = append(out, Team{Name: s.Name, Pos: s.Pos})
		}
		for _, kind := range s.Teams {
			out = append(out, Team{Name: s.Name + "." + kind.Value, Pos: s.Pos})
		}
	}
	return out
}

// columns checks that key and optional name declared columns.
func (d *decoder) columns(s Source) {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = c.Value
	}
	for _, c := range append([]Text{s.Key}, s.Optional...) {
		if c.Value != "" && !slices.Contains(names, c.Value) {
			d.fail(c.Pos, quote(c.Value)+" is no column of source "+s.Name, didYouMean(c.Value, names))
		}
	}
	for _, c := range s.Optional {
		if c.Value == s.Key.Value {
			d.fail(c.Pos, "the key column of source "+s.Name+" cannot be optional", "")
		}
	}
}

func (d *decoder) delimiter(n *node, what string) Text {
	t, ok := d.optional(n, "delimiter of "+what)
	n.note(func(s *Schema) { s.AnyOf, s.Type = []*Schema{{Type: s.Type, MaxLength: 1}, fromEnvironment()}, nil })
	c, size := utf8.DecodeRuneInString(t.Value)
	if ok && !t.IsZero() && (size != len(t.Value) || c == '"' || c == '\r' || c == '\n' || c == utf8.RuneError) {
		d.fail(t.Pos, "delimiter of "+what+" must be one character", `write ",", ";", "|" or "\t"`)
	}
	return t
}

// attributes reads a mapping: attribute path → expression, or an object with
// value and unique. unique is the one kind of uniqueness that makes sense here.
func (d *decoder) attributes(n *node, what, unique string) []Attribute {
	if !d.is(n, what, "a map from attribute to expression", kindMap) {
		var a Attribute
		n.note(func(s *Schema) { *s = attributesShape(d.attribute(&a, "", unique)) })
		return nil
	}
	out := make([]Attribute, 0, len(n.entries))
	seen := map[string]bool{}
	for _, e := range n.entries {
		a := Attribute{Path: e.key, Pos: e.key.Pos}
		label := quote(e.key.Value) + in(what)
		// SCIM attribute names do not care for case (RFC 7643 §2.1), YAML keys do.
		folded := strings.ToLower(e.key.Value)
		switch {
		case !isPath(e.key.Value):
			d.fail(e.key.Pos, label+" is no attribute path", "such as userName, name.givenName or enterprise.department")
		case seen[folded]:
			d.fail(e.key.Pos, label+" is there twice", "attribute names do not care for case")
		}
		seen[folded] = true
		if e.value.kind != kindMap {
			a.Value, _ = d.expression(e.value, label)
		} else {
			d.section(e.value, label, e.key.Pos, d.attribute(&a, label, unique)...)
			if a.Max > 0 && a.Unique == "" {
				d.fail(e.key.Pos, label+" has max without unique", "max is for names that are numbered when they are taken")
			}
		}
		out = append(out, a)
	}
	if len(out) == 0 {
		d.fail(n.pos, what+" is empty", "")
	}
	return out
}

// attribute is the long form of a line of a mapping.
func (d *decoder) attribute(a *Attribute, label, unique string) []field {
	fields := []field{
		{key: "value", required: true, read: func(n *node) { a.Value, _ = d.expression(n, "value of "+label) }},
		{key: "unique", read: func(n *node) {
			t, _ := d.choice(n, "unique of "+label, unique)
			a.Unique = t.Value
		}},
	}
	if unique != UniqueApp {
		return fields
	}
	return append(fields, field{key: "max", read: func(n *node) {
		if v, ok := d.number(n, "max of "+label, shortestUnique, longestUnique, true); ok {
			a.Max = int(v)
		}
	}})
}

// How long a name that is unique in an app may be at most: a number must fit
// behind a wish.
const (
	shortestUnique = 4
	longestUnique  = 256
)

const longestPath = 512

// isPath keeps out what can be no attribute path; whether there is such an
// attribute is for those who know the schemas.
func isPath(s string) bool {
	return s != "" && len(s) <= longestPath && s == strings.TrimSpace(s) &&
		!strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == utf8.RuneError })
}
