// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/fit"
	"github.com/usher-id/usher/scim"
)

var names = rapid.SampledFrom([]string{"userName", "title", "name", "emails", "active", "x-1", "handle", "Title"})

func someAttribute(deep bool) *rapid.Generator[scim.Attribute] {
	return rapid.Custom(func(t *rapid.T) scim.Attribute {
		a := scim.Attribute{
			Name: names.Draw(t, "name"), Description: rapid.String().Draw(t, "description"),
			Type:        rapid.SampledFrom([]scim.Type{scim.TypeString, scim.TypeBoolean, scim.TypeComplex, "Text", ""}).Draw(t, "type"),
			MultiValued: rapid.Bool().Draw(t, "multi"), Required: rapid.Bool().Draw(t, "required"), CaseExact: rapid.Bool().Draw(t, "exact"),
			Mutability:      rapid.SampledFrom([]scim.Mutability{scim.ReadOnly, scim.ReadWrite, scim.Immutable, ""}).Draw(t, "mutability"),
			Uniqueness:      rapid.SampledFrom([]scim.Uniqueness{scim.UniqueNone, scim.UniqueServer, ""}).Draw(t, "uniqueness"),
			CanonicalValues: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 4).Draw(t, "canonical"),
		}
		if deep {
			a.SubAttributes = rapid.SliceOfN(someAttribute(false), 0, 3).Draw(t, "parts")
		}
		return a
	})
}

var someDiscovery = rapid.Custom(func(t *rapid.T) app.Discovery {
	d := app.Discovery{Parts: map[app.Part]app.PartState{}, Lengths: map[string]int{}}
	states := rapid.SampledFrom([]app.PartState{app.PartTold, app.PartTold, app.PartTold, app.PartAbsent, app.PartUnknown, app.PartCut})
	for _, p := range []app.Part{app.PartFeatures, app.PartSchemas, app.PartTypes} {
		d.Parts[p] = states.Draw(t, string(p))
	}
	d.Features = &app.Features{Has: map[string]bool{}, Numbers: map[string]int{}}
	for _, f := range []string{"patch", "bulk", "filter", "sort", "etag"} {
		if rapid.Bool().Draw(t, f+" is told") {
			d.Features.Has[f] = rapid.Bool().Draw(t, f)
		}
	}
	d.Features.Numbers["filter.maxResults"] = rapid.IntRange(1, 3).Draw(t, "results")
	for i, urn := range []string{scim.UserURN, scim.GroupURN, "urn:x:ext", scim.SchemaURN}[:rapid.IntRange(0, 4).Draw(t, "schemas")] {
		d.Schemas = append(d.Schemas, scim.Schema{ID: urn, Attributes: rapid.SliceOfN(someAttribute(true), 0, 4).Draw(t, fmt.Sprint("attributes", i))})
	}
	d.Types = []scim.ResourceType{{Name: "User", Endpoint: "/Users", Schema: scim.UserURN}, {Name: "Group", Endpoint: "/Groups", Schema: scim.GroupURN}}
	if rapid.Bool().Draw(t, "extension") {
		d.Types[0].SchemaExtensions = []scim.SchemaExtension{{Schema: "urn:x:ext", Required: rapid.Bool().Draw(t, "required")}}
	}
	return d
})

// shuffled says the same in another order and in other words.
func shuffled(d app.Discovery, seed uint64) app.Discovery {
	r := rand.New(rand.NewPCG(seed, seed))
	var attributes func([]scim.Attribute) []scim.Attribute
	attributes = func(list []scim.Attribute) []scim.Attribute {
		out := slices.Clone(list)
		for i := range out {
			out[i].Description += "!"
			out[i].SubAttributes = attributes(out[i].SubAttributes)
			out[i].CanonicalValues = slices.Clone(out[i].CanonicalValues)
			slices.Reverse(out[i].CanonicalValues)
		}
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out
	}
	d.Schemas = slices.Clone(d.Schemas)
	for i := range d.Schemas {
		d.Schemas[i].Attributes, d.Schemas[i].Description = attributes(d.Schemas[i].Attributes), "other"
	}
	slices.Reverse(d.Schemas)
	d.Types = slices.Clone(d.Types)
	slices.Reverse(d.Types)
	return d
}

// Equal digests are no change and a difference has words; order and descriptions are
// neither; what is not spoken of stays.
func TestStatementProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, other := someDiscovery.Draw(t, "one"), someDiscovery.Draw(t, "other")
		s, o := fit.StatementOf(d), fit.StatementOf(other)
		// Of two attributes of one name it is open which is meant: their parts may mix.
		if again := fit.StatementOf(shuffled(d, rapid.Uint64().Draw(t, "seed"))); again.Digest() != s.Digest() {
			t.Fatalf("another order is another statement: %v", fit.Changes(s, again))
		}
		if c := fit.Changes(s, s); len(c) != 0 {
			t.Fatalf("from itself it differs by %v", c)
		}
		full := o.Over(s)
		if c := fit.Changes(s, full); (len(c) == 0) != (full.Digest() == s.Digest() || silentIn(s, full)) {
			t.Fatalf("changes %v, though digests are equal: %v", c, full.Digest() == s.Digest())
		}
		if o.Schemas == nil && !reflect.DeepEqual(full.Schemas, s.Schemas) {
			t.Fatal("what is not spoken of has not stayed")
		}
		for _, c := range fit.Changes(s, o) {
			if c == "" || strings.ContainsAny(c, "\n\x1b") {
				t.Fatalf("told is %q", c)
			}
		}
	})
}

// silentIn reports whether two statements differ only by parts of which the earlier one
// says nothing.
func silentIn(before, after fit.Statement) bool {
	same := func(b, a *fit.Part) bool { return b == nil || reflect.DeepEqual(b, a) }
	return same(before.Features, after.Features) && same(before.Schemas, after.Schemas) && same(before.Types, after.Types)
}

// Each kind of change has its words.
func TestChangesInWords(t *testing.T) {
	t.Parallel()
	of := func(attrs ...scim.Attribute) app.Discovery {
		return app.Discovery{
			Parts:   map[app.Part]app.PartState{app.PartSchemas: app.PartTold},
			Schemas: []scim.Schema{{ID: scim.UserURN, Attributes: attrs}}, Lengths: map[string]int{},
		}
	}
	title := scim.Attribute{Name: "title", Type: scim.TypeString}
	with := func(change func(*scim.Attribute)) scim.Attribute {
		a := title
		change(&a)
		return a
	}
	name := scim.Attribute{Name: "name", Type: scim.TypeComplex, SubAttributes: []scim.Attribute{{Name: "givenName"}, {Name: "familyName"}}}
	long := of(title)
	long.Lengths[app.LengthKey(scim.UserURN, "title", "")] = 20
	evil := of(title, scim.Attribute{Name: "x\x1b[31m\u202e" + strings.Repeat("y", 400)})
	extension := of(title)
	extension.Schemas = append(extension.Schemas, scim.Schema{ID: "urn:x:ext", Attributes: []scim.Attribute{{Name: "badge"}}})
	for name, c := range map[string]struct {
		before, after app.Discovery
		want          []string
	}{
		"new":          {of(title), of(title, with(func(a *scim.Attribute) { a.Name, a.Required = "badge", true })), []string{"attribute badge of User is new (string, required)"}},
		"gone":         {of(title, name), of(title), []string{"attribute name of User is gone"}},
		"part gone":    {of(name), of(scim.Attribute{Name: "name", Type: scim.TypeComplex, SubAttributes: name.SubAttributes[:1]}), []string{"attribute name.familyName of User is gone"}},
		"schema":       {of(title), extension, []string{"the schema urn:x:ext is new"}},
		"required":     {of(title), of(with(func(a *scim.Attribute) { a.Required = true })), []string{"attribute title of User is required now"}},
		"type":         {of(title), of(with(func(a *scim.Attribute) { a.Type, a.MultiValued = scim.TypeBoolean, true })), []string{"attribute title of User is list of boolean now, and was string"}},
		"read-only":    {of(title), of(with(func(a *scim.Attribute) { a.Mutability = scim.ReadOnly })), []string{"attribute title of User is readOnly now, and was readWrite"}},
		"unique":       {of(title), of(with(func(a *scim.Attribute) { a.Uniqueness = scim.UniqueServer })), []string{"attribute title of User has the uniqueness server now, and had none"}},
		"case":         {of(title), of(with(func(a *scim.Attribute) { a.CaseExact = true })), []string{"attribute title of User is case-sensitive now"}},
		"length":       {of(title), long, []string{"attribute title of User takes 20 characters now"}},
		"no length":    {long, of(title), []string{"attribute title of User has no stated length any more, and had 20 characters"}},
		"values":       {of(with(func(a *scim.Attribute) { a.CanonicalValues = []string{"a", "b"} })), of(with(func(a *scim.Attribute) { a.CanonicalValues = []string{"c", "b"} })), []string{"attribute title of User lists more values: c", "attribute title of User no longer lists a"}},
		"evil":         {of(title), evil, []string{"attribute x[31m" + strings.Repeat("y", 200-len("attribute x[31m")) + "… is new (string)"}},
		"nothing said": {of(title), app.Discovery{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fit.Changes(fit.StatementOf(c.before), fit.StatementOf(c.after)); !slices.Equal(got, c.want) {
				t.Errorf("told is %q, want %q", got, c.want)
			}
		})
	}
}
