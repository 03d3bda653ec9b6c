// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"net/http"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// fake is an app of ours that goes wrong as it is told, on a port of its own.
type fake struct {
	*scimtest.App
	base, token string
}

// newFake starts an app; through sees every request before the app does.
func newFake(t *testing.T, c scimtest.Config, through func(next http.Handler) http.Handler) *fake {
	t.Helper()
	c.Token = "a-token-of-the-fake"
	app, err := scimtest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var h http.Handler = app
	if through != nil {
		h = through(app)
	}
	base, stop, err := scimtest.Listen(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &fake{app, base, c.Token}
}

// dump is what is there, as the oracle compares it.
func (f *fake) dump() testenv.Dump { return dumped(f.Users(), f.Groups()) }

// dumped puts resources into the oracle's terms.
func dumped(users, groups []*scim.Resource) testenv.Dump {
	text := func(r *scim.Resource, path string) string {
		v, _ := r.At(scim.MustPath(path))
		s, _ := v.AsString()
		return s
	}
	const enterprise = scim.EnterpriseUserURN + ":"
	var d testenv.Dump
	for _, u := range users {
		active, known := u.Active()
		one := testenv.DumpedUser{
			ID: u.ID(), UserName: u.UserName(), ExternalID: u.ExternalID(), GivenName: text(u, "name.givenName"),
			FamilyName: text(u, "name.familyName"), EmployeeNumber: text(u, enterprise+"employeeNumber"), Department: text(u, enterprise+"department"),
		}
		if known {
			one.Active = &active
		}
		d.Users = append(d.Users, one)
	}
	for _, g := range groups {
		d.Groups = append(d.Groups, testenv.DumpedGroup{ID: g.ID(), DisplayName: g.DisplayName(), ExternalID: g.ExternalID(), Members: g.Members()})
	}
	return d
}

// effects counts what really happened, by operation and type.
func (f *fake) effects() map[string]int {
	n := map[string]int{}
	for _, e := range f.Ledger() {
		n[e.Op+" "+e.Type]++
	}
	return n
}
