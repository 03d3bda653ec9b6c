// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/internal/rest"
)

// appKey is the key of every GitHub App here, made once as that takes a while.
var appKey = sync.OnceValues(func() (private, public []byte) {
	private, err := rest.NewKey()
	if err == nil {
		public, _, err = rest.PublicKeyOf(private)
	}
	if err != nil {
		panic(err)
	}
	return private, public
})

// atGitHub is the app of every test here.
const atGitHub = `    type: github
    url: "URL"
    organization: acme
    app_id: Iv23liExample
    private_key: KEY
    allow: [loopback, plain-http]
    first_run: go
    user:
      userName: person.displayName
`

// guild is a company whose people are in an organization at GitHub.
type guild struct {
	office

	org *githubtest.Org
}

func guildCompany(url string) string {
	from, to := strings.Index(company, "    url: "), strings.Index(company, "    groups: ")
	return company[:from] + strings.Replace(atGitHub, "URL", url, 1) + company[to:]
}

func gitHubOrg(t *testing.T, change func(*githubtest.Config)) *githubtest.Org {
	t.Helper()
	_, public := appKey()
	c := githubtest.Config{Login: "acme", AppID: "Iv23liExample", PublicKeys: [][]byte{public}, MostPerPage: 3}
	if change != nil {
		change(&c)
	}
	org, err := githubtest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return org
}

func newGuild(t *testing.T, change func(*githubtest.Config)) *guild {
	t.Helper()
	org := gitHubOrg(t, change)
	url, stop, err := org.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w := &guild{office: newOffice(t), org: org}
	w.conf = guildCompany(url)
	w.key()
	for _, s := range w.staff {
		w.org.PutUser(s.first)
	}
	return w
}

// key puts the key of the GitHub App where the configuration says.
func (w *guild) key() {
	w.Helper()
	private, _ := appKey()
	path := filepath.Join(w.TempDir(), "app.pem") // apart from what must not hold it
	if err := os.WriteFile(path, private, 0o600); err != nil {
		w.Fatal(err)
	}
	w.edit("KEY", path)
}

// quiet holds that another cycle sends nothing at all.
func (w *guild) quiet(today string) {
	w.Helper()
	w.org.ResetCounts()
	w.cycle(today)
	if n := w.org.Counts(); n.Total() != 0 {
		w.Errorf("not quiet: %v", n)
	}
}

// look runs a cycle in which everything at the app is looked at.
func (w *guild) look(today string) {
	w.Helper()
	w.verify = true
	w.cycle(today)
	w.verify = false
}

// accept has people accept the invitations to their logins.
func (w *guild) accept(logins ...string) {
	w.Helper()
	for _, l := range logins {
		if err := w.org.Accept(l); err != nil {
			w.Error(err)
		}
	}
}

// in holds that somebody is a member, and in which teams.
func (w *guild) in(login string, teams ...string) {
	w.Helper()
	p, ok := w.org.Members()[login]
	if !ok || !slices.Equal(p.Teams, teams) {
		w.Errorf("%s is not in %v: %+v %t", login, teams, p, ok)
	}
}

// out holds that somebody is neither a member nor invited.
func (w *guild) out(who string) {
	w.Helper()
	p, in := w.org.Members()[who]
	i, invited := w.org.Invitations()[who]
	if in || invited {
		w.Errorf("%s is not out: %+v %+v", who, p, i)
	}
}

// effects counts what really happened by what was asked for.
func (w *guild) effects(op string) (n int) {
	for _, e := range w.org.Ledger() {
		if e.Op == op && !e.Outside {
			n++
		}
	}
	return n
}
