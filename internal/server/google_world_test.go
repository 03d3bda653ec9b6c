// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/internal/rest"
)

const robot = "usher@project.iam.gserviceaccount.com"

// robotKey is the key of the service account of every test here: private, which must show
// up nowhere, and public.
var robotKey = sync.OnceValues(func() (private, public []byte) {
	private, err := rest.NewKey()
	if err == nil {
		public, _, err = rest.PublicKeyOf(private)
	}
	if err != nil {
		panic(err)
	}
	return private, public
})

// keyFile is a key file as Google gives it, with some of it changed: pairs.
func keyFile(change ...string) string {
	private, _ := robotKey()
	m := map[string]string{
		"type": "service_account", "client_email": robot, "client_id": "1234567890", "private_key_id": "key1", "private_key": string(private),
		"token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
	}
	for i := 0; i < len(change); i += 2 {
		m[change[i]] = change[i+1]
	}
	text, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// robotSecret is a part of the private key, as it would stand in a file.
func robotSecret() string {
	private, _ := robotKey()
	return strings.Split(string(private), "\n")[5]
}

// inAccount is the app of every test here.
const inAccount = `    type: google
    url: "URL"
    service_account_key: 'KEY'
    administrator: admin@acme.example
    group_domain: acme.example
    group_prefix: team-
    allow: [loopback, plain-http]
    first_run: go
    user:
      userName: person.userName
      name.givenName: person.name.givenName
      name.familyName: '"Worker"'
      displayName: person.displayName
      enterprise.department: person.enterprise.department
      "urn:usher:params:scim:schemas:extension:google:2.0:User:orgUnitPath": '"/" + person.enterprise.department'
`

// workspace is a company whose people are in Google Workspace.
type workspace struct {
	office

	account *googletest.Account
}

// accountCompany is the configuration of every world with its app in an account.
func accountCompany(url string) string {
	from, to := strings.Index(company, "    url: "), strings.Index(company, "    groups: ")
	return company[:from] + strings.NewReplacer("URL", url, "KEY", keyFile()).Replace(inAccount) + company[to:]
}

func accountConfig() googletest.Config {
	_, public := robotKey()
	return googletest.Config{Email: robot, PublicKeys: [][]byte{public}, MostPerPage: 3, OrgUnits: []string{"/A", "/B", "/C"}}
}

func newWorkspace(t *testing.T, change func(*googletest.Config)) *workspace {
	t.Helper()
	c := accountConfig()
	if change != nil {
		change(&c)
	}
	account, err := googletest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := account.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w := &workspace{office: newOffice(t), account: account}
	w.conf = accountCompany(url)
	return w
}

// quiet holds that another cycle sends nothing at all.
func (w *workspace) quiet(today string) {
	w.Helper()
	w.account.ResetCounts()
	w.cycle(today)
	if n := w.account.Counts(); n.Total() != 0 {
		w.Errorf("not quiet: %v", n)
	}
}

// user is somebody's, by the part of their address before the @.
func (w *workspace) user(name string) googletest.User {
	w.Helper()
	return w.account.Users()[name+"@acme.example"]
}

// department is what stands in the primary organization.
func department(u googletest.User) string {
	s, _ := u.Entry("organizations", "type", "work")["department"].(string)
	return s
}

// in holds that somebody can sign in, and is in one team.
func (w *workspace) in(name, dept string) {
	w.Helper()
	u := w.user(name)
	if u.ID == "" || u.Suspended || department(u) != dept || u.Fields["orgUnitPath"] != "/"+dept || !slices.Equal(u.Groups, []string{dept}) {
		w.Errorf("%s is not in %s: %+v", name, dept, u)
	}
}

// out holds that nobody is signed in as somebody, nor can be, by themselves or by an
// application, and that no group is left.
func (w *workspace) out(name string) {
	w.Helper()
	if u := w.user(name); !u.Suspended || u.Sessions > 0 || len(u.Grants) > 0 || len(u.Passwords) > 0 || len(u.Groups) > 0 {
		w.Errorf("%s is not out: %+v", name, u)
	}
}

// works signs somebody in, who lets an application in and makes a password for another.
func (w *workspace) works(name string) {
	w.Helper()
	id := w.user(name).ID
	if err := w.account.SignIn(id); err != nil {
		w.Fatal(err)
	}
	w.account.LetIn(id, "notes.example")
	w.account.LetIn(id, "crm.example")
	w.account.MakePassword(id)
}

// effects counts what really happened to users, by operation.
func (w *workspace) effects(op string) (n int) {
	for _, e := range w.account.Ledger() {
		if e.Op == op && e.Kind == "user" && !e.Outside {
			n++
		}
	}
	return n
}

// pemBytes is what is in a PEM, which tests of what is shown look for, too.
func pemBytes() []byte {
	private, _ := robotKey()
	block, _ := pem.Decode(private)
	return block.Bytes
}
