// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/entra/entratest"
)

// cloudSecret must show up nowhere.
const cloudSecret = "the-secret~of.the_tenant"

// inEntra is the app of every test here.
const inEntra = `    type: entra
    url: "URL"
    registration: {tenant: acme.example, client_id: ` + entratest.ClientID + `, client_secret: "` + cloudSecret + `", authority: "URL"}
    allow: [loopback, plain-http]
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
      name.familyName: '"Worker"'
      enterprise.department: person.enterprise.department
`

// cloud is a company whose people are in a tenant of Entra.
type cloud struct {
	office

	tenant *entratest.Tenant
}

// cloudCompany is the configuration of every world with its app in a tenant.
func cloudCompany(url string) string {
	from, to := strings.Index(company, "    url: "), strings.Index(company, "    groups: ")
	return company[:from] + strings.ReplaceAll(inEntra, "URL", url) + company[to:]
}

func newCloud(t *testing.T, change func(*entratest.Config)) *cloud {
	t.Helper()
	c := entratest.Config{Secret: cloudSecret, MostPerPage: 3}
	if change != nil {
		change(&c)
	}
	tenant, err := entratest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w := &cloud{office: newOffice(t), tenant: tenant}
	w.conf = cloudCompany(url)
	return w
}

// quiet holds that another cycle sends nothing at all.
func (w *cloud) quiet(today string) {
	w.Helper()
	w.tenant.ResetCounts()
	w.cycle(today)
	if n := w.tenant.Counts(); n.Total() != 0 {
		w.Errorf("not quiet: %v", n)
	}
}

// user is somebody's, by the part of their name before the @.
func (w *cloud) user(name string) entratest.User {
	w.Helper()
	return w.tenant.Users()[name+"@acme.example"]
}

// in holds that somebody can sign in, and is in one team.
func (w *cloud) in(name, dept string) {
	w.Helper()
	if u := w.user(name); !u.Enabled || u.Props["department"] != dept || !slices.Equal(u.Groups, []string{dept}) {
		w.Errorf("%s is not in %s: %+v", name, dept, u)
	}
}

// out holds that nobody is signed in as somebody, nor can be, and that no group is left.
func (w *cloud) out(name string) {
	w.Helper()
	if u := w.user(name); u.ID == "" || u.Enabled || u.Sessions > 0 || len(u.Groups) > 0 {
		w.Errorf("%s is not out: %+v", name, u)
	}
}

// signIn signs somebody in.
func (w *cloud) signIn(name string) {
	w.Helper()
	if err := w.tenant.SignIn(w.user(name).ID); err != nil {
		w.Fatal(err)
	}
}

// effects counts what really happened to users, by operation.
func (w *cloud) effects(op string) (n int) {
	for _, e := range w.tenant.Ledger() {
		if e.Op == op && e.Kind == "user" && !e.Outside {
			n++
		}
	}
	return n
}
