// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// Agrees is a short cut for Apply and a comparison, and must never say more.
func TestAgreesIsApplyCompared(t *testing.T) {
	t.Parallel()
	m, err := personEnv(t).CompileMapping(scim.UserURN, lines(
		"userName", `person.userName`,
		"displayName", `person.name.givenName + " " + person.name.familyName`,
		"title", `person.title`,
		"nickName unique app", `person.nickName`,
		`emails[type eq "work"].value`, `person.emails[0].value`,
		"enterprise.department", `person.enterprise.department`,
		"active", `person.active`,
	))
	if err != nil {
		t.Fatal(err)
	}
	word := rapid.SampledFrom([]string{"", "a", "A", "b"})
	paths := append(m.Paths(), scim.Path{Attr: "locale"}) // one that is not mapped
	agreed, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		person := scim.NewResource(scim.UserURN)
		for _, path := range []string{"userName", "name.givenName", "name.familyName", "title", "nickName", scim.EnterpriseUserURN + ":department"} {
			put(t, person, path, scim.String(word.Draw(t, path)))
		}
		if rapid.Bool().Draw(t, "email") { // without one a rule fails
			put(t, person, "emails", scim.List(scim.Complex(object("value", scim.String(word.Draw(t, "address"))))))
		}
		in := mapping.Input{Person: person, PersonID: "p"}
		want, failures := m.Apply(in)
		has := want.Clone()
		if i := rapid.IntRange(-1, len(paths)-1).Draw(t, "changed"); i >= 0 {
			if err := has.Put(paths[i], scim.String(word.Draw(t, "to"))); err != nil {
				t.Skip(err)
			}
		}
		agrees := m.Agrees(in, has)
		same := len(failures) == 0
		for _, rule := range m.Rules {
			if rule.Unique == "" && len(scim.Diff(scim.CoreSchemas(), scim.UserURN, []scim.Path{rule.Path}, has, want)) > 0 {
				same = false
			}
		}
		if agrees != same {
			t.Fatalf("Agrees = %t, compared %t: has %v, wants %v, failures %v", agrees, same, has, want, failures)
		}
		if agrees {
			agreed++
		} else {
			refused++
		}
	})
	if agreed == 0 || refused == 0 {
		t.Errorf("agreed %d times and refused %d times", agreed, refused)
	}
}

func put(t *rapid.T, r *scim.Resource, path string, v scim.Value) {
	p, err := scim.CoreSchemas().ParsePath(path)
	if err == nil {
		err = r.Put(p, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func object(name string, v scim.Value) scim.Object {
	var o scim.Object
	o.Set(name, v)
	return o
}
