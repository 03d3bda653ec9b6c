// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
)

// gadgets has every characteristic that the core schemas lack.
func gadgets(t *testing.T) (*scim.SchemaSet, scim.ResourceType) {
	t.Helper()
	const base, ext = "urn:example:Gadget", "urn:example:extension:Gadget"
	set, err := scim.NewSchemaSet(scim.Schema{ID: base, Attributes: []scim.Attribute{
		{Name: "serial", Required: true, Mutability: scim.Immutable},
		{Name: "count", Type: scim.TypeInteger},
		{Name: "weight", Type: scim.TypeDecimal},
		{Name: "made", Type: scim.TypeDateTime},
		{Name: "pin", Mutability: scim.WriteOnly, Returned: scim.ReturnedNever},
		{Name: "tags", MultiValued: true},
		{Name: "state", Mutability: scim.ReadOnly},
		{Name: "seat", Type: scim.TypeComplex, SubAttributes: []scim.Attribute{
			{Name: "value", Required: true}, {Name: "row", Mutability: scim.Immutable}, {Name: "label", Mutability: scim.ReadOnly},
		}},
		{Name: "parts", Type: scim.TypeComplex, MultiValued: true, SubAttributes: []scim.Attribute{
			{Name: "value", Required: true}, {Name: "primary", Type: scim.TypeBoolean},
		}},
	}}, scim.Schema{ID: ext, Attributes: []scim.Attribute{{Name: "owner", Required: true}, {Name: "note"}}})
	if err != nil {
		t.Fatal(err)
	}
	return set, scim.ResourceType{Name: "Gadget", Schema: base, SchemaExtensions: []scim.SchemaExtension{{Schema: ext}}}
}

const gadgetHead = `{"schemas":["urn:example:Gadget"],"serial":"1",`

func TestAccept(t *testing.T) {
	t.Parallel()
	set, typ := gadgets(t)
	all := scim.AcceptRules{SchemasOptional: true, UnknownSchemas: true, StringBooleans: true, ManagerAsString: true, SingleForList: true}
	for name, c := range map[string]struct {
		sent  string
		rules scim.AcceptRules
		want  string // the resource, or else scimType and a part of the detail
	}{
		"plain":                          {gadgetHead + `"count":1,"weight":2,"made":"2026-01-02T03:04:05Z","tags":["a"]}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget"],"serial":"1","count":1,"weight":2,"made":"2026-01-02T03:04:05Z","tags":["a"]}`},
		"spelling":                       {`{"SCHEMAS":["urn:EXAMPLE:gadget"],"SERIAL":"1","PARTS":[{"VALUE":"x"}]}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget"],"serial":"1","parts":[{"value":"x"}]}`},
		"readOnly is passed over":        {gadgetHead + `"id":"7","meta":{"version":"x"},"state":"on","seat":{"value":"a","label":"z"}}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget"],"serial":"1","seat":{"value":"a"}}`},
		"common attributes":              {gadgetHead + `"externalId":"e"}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget"],"serial":"1","externalId":"e"}`},
		"unassigned":                     {gadgetHead + `"count":null,"tags":[],"seat":{},"parts":[{}],"pin":""}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget"],"serial":"1"}`},
		"unknown is passed over":         {gadgetHead + `"colour":"red","parts":[{"value":"x","size":1}],"urn:x:y":{"a":1}}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget"],"serial":"1","parts":[{"value":"x"}]}`},
		"unknown is refused":             {gadgetHead + `"colour":"red"}`, scim.AcceptRules{RefuseUnknown: true}, "invalidSyntax colour"},
		"unknown within is refused":      {gadgetHead + `"parts":[{"value":"x","size":1}]}`, scim.AcceptRules{RefuseUnknown: true}, "invalidSyntax parts.size"},
		"an extension":                   {`{"schemas":["urn:example:Gadget","urn:example:extension:Gadget"],"serial":"1","urn:example:extension:Gadget":{"OWNER":"me"}}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget","urn:example:extension:Gadget"],"serial":"1","urn:example:extension:Gadget":{"owner":"me"}}`},
		"an extension without its URN":   {gadgetHead + `"urn:example:extension:Gadget":{"owner":"me"}}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget","urn:example:extension:Gadget"],"serial":"1","urn:example:extension:Gadget":{"owner":"me"}}`},
		"a URN without its extension":    {`{"schemas":["urn:example:Gadget","urn:example:extension:Gadget"],"serial":"1"}`, scim.AcceptRules{}, `{"schemas":["urn:example:Gadget"],"serial":"1"}`},
		"an extension that is a text":    {gadgetHead + `"urn:example:extension:Gadget":"me"}`, scim.AcceptRules{}, "invalidValue wants an object"},
		"what an extension requires":     {gadgetHead + `"urn:example:extension:Gadget":{"note":"x"}}`, scim.AcceptRules{}, "invalidValue urn:example:extension:Gadget:owner is required"},
		"no schemas":                     {`{"serial":"1"}`, scim.AcceptRules{}, "invalidSyntax schemas"},
		"no schemas, leniently":          {`{"serial":"1"}`, all, `{"schemas":["urn:example:Gadget"],"serial":"1"}`},
		"another schema":                 {`{"schemas":["` + scim.UserURN + `"],"serial":"1"}`, all, "invalidSyntax schemas must name"},
		"another schema besides":         {`{"schemas":["urn:example:Gadget","` + scim.GroupURN + `"],"serial":"1"}`, scim.AcceptRules{}, "invalidSyntax schemas names one"},
		"another one besides, leniently": {`{"schemas":["urn:example:Gadget","urn:old"],"serial":"1"}`, all, `{"schemas":["urn:example:Gadget"],"serial":"1"}`},
		"required":                       {`{"schemas":["urn:example:Gadget"]}`, scim.AcceptRules{}, "invalidValue serial is required"},
		"required, but empty":            {`{"schemas":["urn:example:Gadget"],"serial":""}`, scim.AcceptRules{}, "invalidValue serial is required"},
		"required within":                {gadgetHead + `"parts":[{"primary":true}]}`, scim.AcceptRules{}, "invalidValue parts.value is required"},
		"two primaries":                  {gadgetHead + `"parts":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, scim.AcceptRules{}, "invalidValue one primary"},
		"one primary":                    {gadgetHead + `"parts":[{"value":"a","primary":true},{"value":"b","primary":false}]}`, scim.AcceptRules{}, gadgetHead + `"parts":[{"value":"a","primary":true},{"value":"b","primary":false}]}`},
		"a name nobody sees":             {`{"schemas":["urn:example:Gadget"],"serial":"1\u202e"}`, all, "invalidValue serial has a character that cannot be seen: U+202E"},
		"a name that ends a line":        {gadgetHead + `"externalId":"a\nb"}`, all, "invalidValue externalId has a character that cannot be seen: U+000A"},
		"a name with a hole":             {gadgetHead + `"externalId":"1\u200b"}`, all, "invalidValue externalId has a character that cannot be seen: U+200B"},
		"a text that is no name":         {gadgetHead + `"pin":"a\n\u200f"}`, scim.AcceptRules{}, gadgetHead + `"pin":"a\n` + "\u200f" + `"}`},
		"a number for a text":            {`{"schemas":["urn:example:Gadget"],"serial":1}`, all, "invalidValue serial wants string"},
		"a fraction for an integer":      {gadgetHead + `"count":1.5}`, scim.AcceptRules{}, "invalidValue count wants integer"},
		"a date for a dateTime":          {gadgetHead + `"made":"2026-01-02"}`, scim.AcceptRules{}, "invalidValue made wants dateTime"},
		"an object for a text":           {gadgetHead + `"pin":{"a":1}}`, scim.AcceptRules{}, "invalidValue pin wants string"},
		"a list for one value":           {gadgetHead + `"pin":["a"]}`, all, "invalidValue pin wants string"},
		"one value for a list":           {gadgetHead + `"tags":"a"}`, scim.AcceptRules{}, "invalidValue tags wants a list"},
		"one value, leniently":           {gadgetHead + `"tags":"a"}`, all, gadgetHead + `"tags":["a"]}`},
		"a text for a boolean":           {gadgetHead + `"parts":[{"value":"a","primary":"True"}]}`, scim.AcceptRules{}, "invalidValue parts.primary wants boolean"},
		"a text for one, leniently":      {gadgetHead + `"parts":[{"value":"a","primary":"True"}]}`, all, gadgetHead + `"parts":[{"value":"a","primary":true}]}`},
		"a text for an object":           {gadgetHead + `"seat":"a"}`, scim.AcceptRules{}, "invalidValue seat wants an object"},
		"a text for one of a manager":    {gadgetHead + `"seat":"a"}`, all, gadgetHead + `"seat":{"value":"a"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := resource(t, c.sent)
			before := sent.String()
			got, err := set.Accept(typ, sent, c.rules)
			checkAccepted(t, got, err, c.want)
			if sent.String() != before {
				t.Errorf("what was sent is now %s", sent)
			}
		})
	}
}

// checkAccepted compares with a resource, or with "scimType part of the detail".
func checkAccepted(t *testing.T, got *scim.Resource, err error, want string) {
	t.Helper()
	if strings.HasPrefix(want, "{") {
		if err != nil || got.String() != want {
			t.Errorf("got %v, %v\nwant %s", got, err, want)
		}
		return
	}
	var e *scim.Error
	kind, detail, _ := strings.Cut(want, " ")
	if !errors.As(err, &e) || e.Status != 400 || e.ScimType != kind || !strings.Contains(e.Detail, detail) {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
}

func TestAcceptRequiredExtension(t *testing.T) {
	t.Parallel()
	set, typ := gadgets(t)
	typ.SchemaExtensions[0].Required = true
	got, err := set.Accept(typ, resource(t, gadgetHead+`"count":1}`), scim.AcceptRules{})
	checkAccepted(t, got, err, "invalidValue urn:example:extension:Gadget is required")
}

func TestReplacement(t *testing.T) {
	t.Parallel()
	set, typ := gadgets(t)
	const old = `{"schemas":["urn:example:Gadget","urn:example:extension:Gadget"],"id":"7","serial":"1","count":5,"pin":"0000","state":"on",` +
		`"seat":{"value":"a","row":"r","label":"L"},"meta":{"version":"v"},"urn:example:extension:Gadget":{"owner":"me"}}`
	for name, c := range map[string]struct {
		sent string
		keep bool
		want string
	}{
		"what is left out goes":    {gadgetHead + `"weight":1}`, false, `{"schemas":["urn:example:Gadget"],"id":"7","serial":"1","weight":1,"pin":"0000","state":"on","meta":{"version":"v"}}`},
		"what is left out stays":   {gadgetHead + `"count":6}`, true, `{"schemas":["urn:example:Gadget","urn:example:extension:Gadget"],"id":"7","serial":"1","count":6,"pin":"0000","state":"on","seat":{"value":"a","row":"r","label":"L"},"meta":{"version":"v"},"urn:example:extension:Gadget":{"owner":"me"}}`},
		"immutable":                {`{"schemas":["urn:example:Gadget"],"serial":"2"}`, false, "mutability serial is immutable"},
		"immutable within":         {gadgetHead + `"seat":{"value":"a","row":"s"}}`, false, "mutability seat.row is immutable"},
		"a label of the same seat": {gadgetHead + `"seat":{"value":"a","row":"r"}}`, false, `{"schemas":["urn:example:Gadget"],"id":"7","serial":"1","seat":{"value":"a","row":"r","label":"L"},"pin":"0000","state":"on","meta":{"version":"v"}}`},
		"no label of another seat": {gadgetHead + `"seat":{"value":"b","row":"r"}}`, false, `{"schemas":["urn:example:Gadget"],"id":"7","serial":"1","seat":{"value":"b","row":"r"},"pin":"0000","state":"on","meta":{"version":"v"}}`},
		"a new secret":             {gadgetHead + `"pin":"1111"}`, false, `{"schemas":["urn:example:Gadget"],"id":"7","serial":"1","pin":"1111","state":"on","meta":{"version":"v"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			was := resource(t, old)
			sent, err := set.Accept(typ, resource(t, c.sent), scim.AcceptRules{})
			if err != nil {
				t.Fatal(err)
			}
			before := sent.String()
			got, err := set.Replacement(typ, was, sent, c.keep)
			checkAccepted(t, got, err, c.want)
			if was.String() != old || sent.String() != before {
				t.Errorf("arguments are changed: %s, %s", was, sent)
			}
		})
	}
}

// An index over folded values finds what a filter matches.
func TestFoldAgreesWithMatch(t *testing.T) {
	t.Parallel()
	texts := []string{"a", "A", "k", "K", "\u212a", "s", "S", "\u017f", "ß", "ẞ", "é", "É", "σ", "ς", "Σ", "i", "I", "İ", "ı", "ǆ", "ǅ", "Ǆ", "straße", "STRASSE"}
	for _, x := range texts {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(x))
		for _, y := range texts {
			match := scim.CoreSchemas().Match(scim.UserURN, scim.Eq(scim.MustPath("userName"), y), u)
			if same := scim.Fold(x) == scim.Fold(y); same != match {
				t.Errorf("%q and %q: folded the same is %v, matched is %v", x, y, same, match)
			}
		}
	}
}
