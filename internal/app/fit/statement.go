// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// Statement is what an app says of itself, without what means nothing: the order of
// things, descriptions, versions, times and addresses. A part that is nil says nothing.
type Statement struct {
	Features *Part `json:"features,omitempty"`
	Schemas  *Part `json:"schemas,omitempty"`
	Types    *Part `json:"types,omitempty"`
}

// Part is what one endpoint of discovery tells.
type Part struct {
	Told  bool            `json:"told"` // false: the app does not have the endpoint
	Facts map[string]Fact `json:"facts,omitempty"`
}

// Fact is one thing that is told, under a name for people, such as "PATCH" or
// "attribute name.familyName of User".
type Fact struct {
	Is        string   `json:"is"` // "yes", a number, or an attribute's type
	Required  bool     `json:"required,omitempty"`
	Mutable   string   `json:"mutability,omitempty"`
	Unique    string   `json:"uniqueness,omitempty"`
	Exact     bool     `json:"case_exact,omitempty"`
	Most      int      `json:"most,omitempty"`
	Canonical []string `json:"canonical,omitempty"`
}

// StatementOf reduces what an app says. A list that was cut says nothing.
func StatementOf(d app.Discovery) Statement {
	return Statement{
		Features: part(d, app.PartFeatures, func(f map[string]Fact) { features(f, d.Features) }),
		Schemas:  part(d, app.PartSchemas, func(f map[string]Fact) { schemas(f, d) }),
		Types:    part(d, app.PartTypes, func(f map[string]Fact) { types(f, d.Types) }),
	}
}

func part(d app.Discovery, p app.Part, fill func(map[string]Fact)) *Part {
	switch d.Parts[p] {
	case app.PartAbsent:
		return &Part{}
	case app.PartTold:
		out := &Part{Told: true, Facts: map[string]Fact{}}
		fill(out.Facts)
		return out
	}
	return nil
}

// note keeps of two facts of one name the one that comes first in the alphabet, so
// that the order in which an app tells them is nothing.
func note(facts map[string]Fact, name string, f Fact) {
	name = show(name)
	had, there := facts[name]
	if there {
		a, _ := json.Marshal(had) // texts and numbers always can
		b, _ := json.Marshal(f)
		if string(a) <= string(b) {
			return
		}
	}
	facts[name] = f
}

func features(facts map[string]Fact, f *app.Features) {
	if f == nil {
		return
	}
	names := map[string]string{
		"patch": "PATCH", "bulk": "bulk requests", "filter": "filters", "changePassword": "changing a password", "sort": "sorting",
		"etag": "versions (ETag)", "cursor": "paging by cursor",
	}
	for name, has := range f.Has {
		if has { // what is not there, and what is not told of, are the same
			note(facts, names[name], Fact{Is: "yes"})
		}
	}
	numbers := map[string]string{
		"filter.maxResults": "the most results in an answer", "bulk.maxOperations": "the most operations in a bulk request",
		"bulk.maxPayloadSize": "the most bytes in a bulk request", "pagination.maxPageSize": "the most results on a page",
	}
	for name, n := range f.Numbers {
		note(facts, numbers[name], Fact{Is: strconv.Itoa(n)})
	}
	for _, a := range f.Auth {
		note(facts, "sign-in by "+a, Fact{Is: "yes"})
	}
}

func types(facts map[string]Fact, list []scim.ResourceType) {
	for _, t := range list {
		note(facts, "the resource type "+t.Name, Fact{Is: "at " + show(t.Endpoint) + ", of " + show(t.Schema)})
		for _, x := range t.SchemaExtensions {
			note(facts, "the extension "+x.Schema+" of "+t.Name, Fact{Is: "yes", Required: x.Required})
		}
	}
}

// about are schemas that describe discovery itself, and nothing that is sent.
func about(urn string) bool {
	return slices.ContainsFunc([]string{scim.ServiceProviderConfigURN, scim.ResourceTypeURN, scim.SchemaURN},
		func(u string) bool { return strings.EqualFold(u, urn) })
}

func schemas(facts map[string]Fact, d app.Discovery) {
	for _, s := range d.Schemas {
		if about(s.ID) {
			continue
		}
		of := s.ID
		switch {
		case strings.EqualFold(s.ID, scim.UserURN):
			of = "User"
		case strings.EqualFold(s.ID, scim.GroupURN):
			of = "Group"
		}
		note(facts, "the schema "+s.ID, Fact{Is: "yes"})
		for _, a := range s.Attributes {
			note(facts, "attribute "+a.Name+" of "+of, fact(d, s.ID, a, ""))
			for _, sub := range a.SubAttributes {
				note(facts, "attribute "+a.Name+"."+sub.Name+" of "+of, fact(d, s.ID, sub, a.Name))
			}
		}
	}
}

func fact(d app.Discovery, urn string, a scim.Attribute, within string) Fact {
	key := app.LengthKey(urn, a.Name, "")
	if within != "" {
		key = app.LengthKey(urn, within, a.Name)
	}
	f := Fact{
		Is: show(string(cmp.Or(a.Type, scim.TypeString))), Required: a.Required, Exact: a.CaseExact, Most: d.Lengths[key],
		Mutable: show(string(cmp.Or(a.Mutability, scim.ReadWrite))), Unique: show(string(cmp.Or(a.Uniqueness, scim.UniqueNone))),
	}
	if a.MultiValued {
		f.Is = "list of " + f.Is
	}
	const most = 100
	for _, v := range a.CanonicalValues {
		f.Canonical = append(f.Canonical, show(v))
	}
	slices.Sort(f.Canonical)
	f.Canonical = slices.Compact(f.Canonical)
	f.Canonical = f.Canonical[:min(len(f.Canonical), most)]
	return f
}

// show bounds a name that the app gives, and takes out what would move a cursor.
func show(s string) string {
	const most = 200
	return cut(s, most)
}

func cut(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200e && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// Offered reports whether the app tells anything of itself.
func (s Statement) Offered() bool {
	told := func(p *Part) bool { return p != nil && p.Told }
	return told(s.Features) || told(s.Schemas) || told(s.Types)
}

// Lacks reports whether the app does not have an endpoint, as it says now, that told
// something before.
func (s Statement) Lacks(before Statement) bool {
	gone := func(now, before *Part) bool { return now != nil && !now.Told && before != nil && before.Told }
	return gone(s.Features, before.Features) || gone(s.Schemas, before.Schemas) || gone(s.Types, before.Types)
}

// Digest identifies what is said: equal digests, no change.
func (s Statement) Digest() [sha256.Size]byte {
	text, _ := json.Marshal(s) // maps come sorted; texts and numbers always can
	return sha256.Sum256(text)
}

// Over lays a statement over an earlier one: what it does not speak of stays.
func (s Statement) Over(earlier Statement) Statement {
	return Statement{cmp.Or(s.Features, earlier.Features), cmp.Or(s.Schemas, earlier.Schemas), cmp.Or(s.Types, earlier.Types)}
}

// Changes says what is different, each in a clause, sorted. Parts that one of the
// two does not speak of have not changed.
func Changes(before, after Statement) []string {
	var out []string
	for _, p := range []struct {
		what          string
		before, after *Part
	}{
		{"what it can (" + string(app.PartFeatures) + ")", before.Features, after.Features},
		{"its schemas (" + string(app.PartSchemas) + ")", before.Schemas, after.Schemas},
		{"its resource types (" + string(app.PartTypes) + ")", before.Types, after.Types},
	} {
		switch {
		case p.before == nil || p.after == nil:
		case p.before.Told && !p.after.Told:
			out = append(out, "it no longer tells "+p.what)
		case !p.before.Told && p.after.Told:
			out = append(out, "it tells "+p.what+" now")
		default:
			out = append(out, differences(p.before.Facts, p.after.Facts)...)
		}
	}
	return out
}

func differences(before, after map[string]Fact) (out []string) {
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !had && covered(name, after, before):
		case !had:
			out = append(out, name+" is new"+described(is))
		case !has && covered(name, before, after):
		case !has:
			out = append(out, name+" is gone")
		default:
			out = append(out, differs(name, was, is)...)
		}
	}
	return out
}

// covered tells of a part of an attribute that came or went as a whole, and of an
// attribute whose schema did: that is told once.
func covered(name string, in, out map[string]Fact) bool {
	rest, ok := strings.CutPrefix(name, "attribute ")
	if !ok {
		return false
	}
	attr, of, _ := strings.Cut(rest, " of ")
	urn := of
	switch of {
	case "User":
		urn = scim.UserURN
	case "Group":
		urn = scim.GroupURN
	}
	whole := func(key string) bool {
		_, there := in[key]
		_, still := out[key]
		return there && !still
	}
	if whole("the schema " + urn) {
		return true
	}
	parent, _, sub := strings.Cut(attr, ".")
	return sub && whole("attribute "+parent+" of "+of)
}

func described(f Fact) string {
	if f.Mutable == "" { // no attribute
		if f.Is == "yes" {
			return ""
		}
		return ": " + f.Is
	}
	s := " (" + f.Is
	if f.Required {
		s += ", required"
	}
	if f.Mutable != string(scim.ReadWrite) {
		s += ", " + f.Mutable
	}
	return s + ")"
}

func differs(name string, was, is Fact) (out []string) {
	say := func(format string, args ...any) { out = append(out, name+" "+fmt.Sprintf(format, args...)) }
	if was.Is != is.Is {
		say("is %s now, and was %s", is.Is, was.Is)
	}
	switch {
	case is.Required && !was.Required:
		say("is required now")
	case was.Required && !is.Required:
		say("is no longer required")
	}
	if was.Mutable != is.Mutable {
		say("is %s now, and was %s", is.Mutable, was.Mutable)
	}
	if was.Unique != is.Unique {
		say("has the uniqueness %s now, and had %s", is.Unique, was.Unique)
	}
	switch {
	case is.Exact && !was.Exact:
		say("is case-sensitive now")
	case was.Exact && !is.Exact:
		say("is no longer case-sensitive")
	}
	switch {
	case was.Most == is.Most:
	case is.Most == 0:
		say("has no stated length any more, and had %d characters", was.Most)
	case was.Most == 0:
		say("takes %d characters now", is.Most)
	default:
		say("takes %d characters now, and took %d", is.Most, was.Most)
	}
	if came := without(is.Canonical, was.Canonical); len(came) > 0 {
		say("lists more values: %s", strings.Join(came, ", "))
	}
	if went := without(was.Canonical, is.Canonical); len(went) > 0 {
		say("no longer lists %s", strings.Join(went, ", "))
	}
	return out
}

func without(list, other []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(other, s) {
			out = append(out, s)
		}
	}
	return out
}
