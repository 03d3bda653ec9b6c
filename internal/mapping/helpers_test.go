// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	_ "time/tzdata" // the program embeds it too

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it):\n%s", file, got)
	}
}

func newCompiler(t testing.TB) *mapping.Compiler {
	t.Helper()
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func columns() []string {
	return []string{"id", "first_name", "last_name", "department", "hire_date", "termdate", "Full Name", "active", "in"}
}

func row() []string {
	return []string{"00-1", "Renée", "O'Neil-Smith", "R&D", "1/20/2002", "2029-10-29 06:09:38 UTC", "Ludwig van Beethoven", "true"}
}

func rowEnv(t testing.TB) *mapping.Env {
	t.Helper()
	e, err := newCompiler(t).Row(columns())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func personEnv(t testing.TB) *mapping.Env {
	t.Helper()
	e, err := newCompiler(t).Person()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func person(t testing.TB) *scim.Resource {
	t.Helper()
	r, err := scim.ParseResource([]byte(`{
		"schemas": ["`+scim.UserURN+`", "`+scim.EnterpriseUserURN+`"],
		"userName": "renee@acme.example", "externalId": "x-1", "active": true, "title": "Engineer",
		"name": {"givenName": "Renée", "familyName": "O'Neil"},
		"emails": [{"value": "w@acme.example", "type": "work", "primary": true}, {"value": "h@acme.example", "type": "home"}],
		"`+scim.EnterpriseUserURN+`": {"department": "R&D", "manager": {"value": "m-1"}}
	}`), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func at(s string) config.Text {
	return config.Text{Value: s, Pos: config.Position{File: "usher.yaml", Line: 10, Column: 5}}
}

func anyWant() map[string]mapping.Want {
	out := map[string]mapping.Want{"bool": mapping.WantBool(), "string": mapping.WantString()}
	for name, a := range map[string]scim.Attribute{
		"strings": {MultiValued: true}, "date": {Type: scim.TypeDateTime}, "int": {Type: scim.TypeInteger},
		"decimal": {Type: scim.TypeDecimal}, "text": {},
		"name": {Type: scim.TypeComplex, SubAttributes: []scim.Attribute{
			{Name: "formatted"},
			{Name: "familyName"},
			{Name: "givenName"},
			{Name: "middleName"},
			{Name: "honorificPrefix"},
			{Name: "honorificSuffix"},
		}},
	} {
		a.Name = name
		out[name] = mapping.WantAttribute(a)
	}
	return out
}
