// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// inNamedConnection is an app beside the records: a connection that has user names.
const inNamedConnection = `  login:
    type: auth0
    tenant: {url: "TENANT", client_id: usher, client_secret: "` + tenantSecret + `", allow: [loopback, plain-http]}
    connection: named
    usernames: true
    first_run: go
    scope: person.userName.endsWith("@acme.example")
    user:
      userName: slug(person.displayName)
      emails[type eq "work"].value: person.userName
`

// TestWriteBackToAuth0: the user name and the work e-mail that were decided for somebody
// reach Auth0 and the HR system in one cycle, so do their changes, and both are quiet then.
// For Auth0 it takes no more than the app of type auth0.
func TestWriteBackToAuth0(t *testing.T) {
	t.Parallel()
	tenant, err := auth0test.New(auth0test.Config{
		ClientID: "usher", Secret: tenantSecret, Connections: []auth0test.Connection{{Name: "named", Strategy: "auth0", RequiresUsername: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	h := newHouse(t, "Ada", "Bo")
	h.conf += strings.ReplaceAll(inNamedConnection, "TENANT", url)
	users := func() (said string) {
		for _, u := range tenant.Users() {
			said += u.Username + " " + u.Email + "\n"
		}
		return said
	}
	doc := h.cycle()
	if a, r := doc.Apps["login"], doc.Apps["hr-names"]; a.Create != 2 || a.Parked != 0 || r.Update != 2 {
		t.Fatalf("%+v %+v %s", a, r, h.parked())
	}
	if got := users(); !strings.Contains(got, "ada ada@acme.example\n") || !strings.Contains(got, "bo bo@acme.example\n") || h.kept("2") != "bo@acme.example bo@acme.example usher 2000" {
		t.Errorf("%s%s", got, h.kept("2"))
	}
	tenant.ResetCounts()
	h.quiet()
	if n := tenant.Counts(); n.Total() != 0 {
		t.Errorf("not quiet: %v", n)
	}

	h.hr.Edit("2", `{"name":{"first":"Bob"}}`) // and an address after the new name
	h.conf = strings.Replace(h.conf, `emails[type eq "work"].value: person.userName`, `emails[type eq "work"].value: slug(person.displayName) + "@acme.example"`, 2)
	doc = h.cycle()
	if a, r := doc.Apps["login"], doc.Apps["hr-names"]; a.Update != 1 || a.Parked != 0 || r.Update != 1 {
		t.Errorf("%+v %+v %s", a, r, h.parked())
	}
	if got := users(); !strings.Contains(got, "bob bob@acme.example\n") || h.kept("2") != "bo@acme.example bob@acme.example usher 2000" {
		t.Errorf("%s%s", got, h.kept("2"))
	}
	tenant.ResetCounts()
	h.quiet()
	if n := tenant.Counts(); n.Total() != 0 {
		t.Errorf("not quiet: %v", n)
	}
}
