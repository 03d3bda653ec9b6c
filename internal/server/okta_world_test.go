// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/okta/oktatest"
)

// orgToken must show up nowhere.
const orgToken = "the-token-of-the-org"

// inOrg is the app of every test here.
const inOrg = `    type: okta
    url: "URL"
    token: "` + orgToken + `"
    allow: [loopback, plain-http]
    first_run: go
    user:
      userName: person.userName
      emails[type eq "work"].value: person.userName
      name.givenName: person.name.givenName
      name.familyName: '"Worker"'
      displayName: person.displayName
      enterprise.department: person.enterprise.department
`

// workforce is a company whose people are in an Okta org.
type workforce struct {
	office

	org *oktatest.Org
}

// orgCompany is the configuration of every world with its app in an org.
func orgCompany(url string) string {
	from, to := strings.Index(company, "    url: "), strings.Index(company, "    groups: ")
	return company[:from] + strings.ReplaceAll(inOrg, "URL", url) + company[to:]
}

func newWorkforce(t *testing.T, change func(*oktatest.Config)) *workforce {
	t.Helper()
	c := oktatest.Config{Token: orgToken, MostPerPage: 3}
	if change != nil {
		change(&c)
	}
	org, err := oktatest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := org.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w := &workforce{office: newOffice(t), org: org}
	w.conf = orgCompany(url)
	return w
}

// quiet holds that another cycle sends nothing at all.
func (w *workforce) quiet(today string) {
	w.Helper()
	w.org.ResetCounts()
	w.cycle(today)
	if n := w.org.Counts(); n.Total() != 0 {
		w.Errorf("not quiet: %v", n)
	}
}

// user is somebody's, by the part of their login before the @.
func (w *workforce) user(name string) oktatest.User {
	w.Helper()
	return w.org.Users()[name+"@acme.example"]
}

// in holds that somebody can sign in, and is in one team.
func (w *workforce) in(name, dept string) {
	w.Helper()
	u := w.user(name)
	if u.Status != "PROVISIONED" && u.Status != "ACTIVE" || u.Becoming != "" || u.Profile["department"] != dept || !slices.Equal(u.Groups, []string{dept}) {
		w.Errorf("%s is not in %s: %+v", name, dept, u)
	}
}

// out holds that nobody is signed in as somebody, nor can be, and that no group is left.
func (w *workforce) out(name, status string) {
	w.Helper()
	if u := w.user(name); u.Status != status || u.Becoming != "" || u.Sessions > 0 || len(u.Groups) > 0 {
		w.Errorf("%s is not %s: %+v", name, status, u)
	}
}

// signIn signs somebody in.
func (w *workforce) signIn(name string) {
	w.Helper()
	if err := w.org.SignIn(w.user(name).ID); err != nil {
		w.Fatal(err)
	}
}

// effects counts what really happened to users, by operation.
func (w *workforce) effects(op string) (n int) {
	for _, e := range w.org.Ledger() {
		if e.Op == op && e.Kind == "user" && !e.Outside {
			n++
		}
	}
	return n
}
