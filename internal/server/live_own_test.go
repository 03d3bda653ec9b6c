// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/internal/okta/oktatest"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// ownConfig has one app, whose block stands from line 12 on, with a mapping in it at the end.
const ownConfig = `store: DIR/usher.db
sources:
  hr:
    type: csv
    path: DIR/hr.csv
    key: id
    columns: [id, first, dept]
    person: {userName: 'row.id + "@acme.example"', name.givenName: row.first, displayName: row.first, enterprise.department: row.dept}
teams:
  department: {each: person.enterprise.department}
apps:
  app:
`

// ownFolder is where the HR file of ownConfig is.
func ownFolder(t *testing.T, rows string) string {
	t.Helper()
	dir := sqlitetest.Dir(t)
	hr := filepath.Join(dir, "hr.csv")
	if err := os.WriteFile(hr, []byte("id,first,dept\n"+rows), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour) // it lies still
	if err := os.Chtimes(hr, old, old); err != nil {
		t.Fatal(err)
	}
	return dir
}

// maker is a fake that is listened to, and counts what may have changed something.
type maker interface {
	Listen(ctx context.Context) (url string, stop func(), err error)
}

func listen(t *testing.T, m maker, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := m.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

const (
	ownGroups = "    groups: {teams: [department]}\n"
	ownPlain  = "    allow: [loopback, plain-http]\n"
)

func oktaBlock(url, more string) string {
	return strings.Replace(strings.ReplaceAll(inOrg, "URL", url), "    user:\n", more+"    user:\n", 1)
}

// ownCase is an app by an API of a maker's own, what is configured for it, and the lines
// that check --live has about it, with its ok ones.
type ownCase struct {
	app  func(t *testing.T) string
	want []string
}

// TestCheckAppsOfOwnAPIs: of each kind of app without SCIM it is said whether the credential
// is good, and what is wrong with it if not; what is mapped is compared with what the API
// tells, and what cannot be compared is said. None is passed over, and nothing is written.
func TestCheckAppsOfOwnAPIs(t *testing.T) {
	t.Parallel()
	okta := func(c oktatest.Config, more string, change ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			if c.Token == "" {
				c.Token = orgToken
			}
			org, err := oktatest.New(c)
			url := listen(t, org, err)
			t.Cleanup(func() {
				if n := org.Counts(); n.Writes() > 0 || n["GET /users"] > 1 {
					t.Errorf("requests %v", n)
				}
			})
			return strings.NewReplacer(change...).Replace(oktaBlock(url, more))
		}
	}
	google := func(c googletest.Config, more string, change ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			_, public := robotKey()
			c.Email, c.PublicKeys = robot, [][]byte{public}
			account, err := googletest.New(c)
			url := listen(t, account, err)
			block := strings.Replace(inAccount, "    user:\n", more+"    user:\n", 1)
			return strings.NewReplacer(change...).Replace(strings.NewReplacer("URL", url, "KEY", keyFile()).Replace(block))
		}
	}
	entra := func(c entratest.Config, more string, change ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			c.Secret = cloudSecret
			tenant, err := entratest.New(c)
			url := listen(t, tenant, err)
			block := strings.Replace(strings.ReplaceAll(inEntra, "URL", url), "    user:\n", more+"    user:\n", 1)
			return strings.NewReplacer(change...).Replace(block)
		}
	}
	github := func(change func(*githubtest.Config)) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			org := gitHubOrg(t, change)
			private, _ := appKey()
			file := filepath.Join(t.TempDir(), "app.pem")
			if err := os.WriteFile(file, private, 0o600); err != nil {
				t.Fatal(err)
			}
			return strings.NewReplacer("URL", listen(t, org, nil), "KEY", file).Replace(atGitHub)
		}
	}
	records := func(status int) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			hr := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					t.Errorf("%s was sent", r.Method)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"message": "as it is"}`))
			}))
			t.Cleanup(hr.Close)
			return strings.ReplaceAll(recordsBlock, "URL", hr.URL)
		}
	}
	const sees, notCompared = "ok: Okta takes the credential, and shows users", "note: not compared: "
	for name, tc := range map[string]ownCase{
		"okta sound": {okta(oktatest.Config{}, ownGroups), []string{
			sees + " and groups", "ok: all that is sent (6 attributes) fits the org's schema of users and profile okta-users-api",
		}},
		"okta, a wrong token": {okta(oktatest.Config{Token: "another"}, ""), []string{
			"12:3 error: the credential is wrong, has expired or is of another account: it is not taken (401): E0000011 Invalid token provided",
		}},
		"okta, the schema does not fit": {
			okta(oktatest.Config{
				Attributes: []string{"badge"}, Without: []string{"department"},
				Schema: map[string]oktatest.Property{"badge": {Required: true}, "displayName": {ReadOnly: true}, "lastName": {Most: 4}, "title": {Enum: []string{"Clerk"}}},
			}, "    id_attribute: usherId\n", "'\"Worker\"'\n", "'\"Worker\"'\n      title: '\"Boss\"'\n"),
			[]string{
				sees,
				"12:3 error: externalId goes into usherId, which the org's schema of users does not have: it is refused",
				"12:3 error: Okta requires badge, which nothing can be mapped to: nobody can be made",
				"23:25 error: name.familyName has 6 characters, and lastName of Okta takes 4",
				"24:15 error: title is none of the values that title of Okta takes",
				"25:7 error: displayName goes into displayName, which is read-only there: what is sent is ignored, or refused",
				"26:7 error: enterprise.department goes into department, which the org's schema of users does not have: it is refused",
			},
		},
		"google sound": {google(googletest.Config{}, ownGroups), []string{
			"ok: Google takes the credential, and shows users and groups",
			"12:3 " + notCompared + "custom schemas of the account, into which nothing can be mapped, and lengths, which Google does not tell",
			"ok: all that is sent (6 attributes) fits profile google-workspace",
		}},
		"google, a scope is missing": {google(googletest.Config{Scopes: []string{"https://www.googleapis.com/auth/admin.directory.user"}}, ownGroups), []string{
			"12:3 error: there is no way in: the service account may not have https://www.googleapis.com/auth/admin.directory.user.security and https://www.googleapis.com/auth/admin.directory.group",
		}},
		"google, nobody's administrator": {google(googletest.Config{}, "", "admin@acme.example", "else@acme.example"), []string{
			"12:3 error: there is no way in: Google gives no token for else@acme.example: the address of the administrator is wrong, the key key1",
		}},
		"entra sound": {entra(entratest.Config{}, ownGroups), []string{
			"ok: Entra takes the credential, and shows users and groups",
			"ok: the tenant acme.example grants the 5 permissions that are needed, and no others but what is of use",
			"12:3 " + notCompared + "domains of the tenant: the one of each userName must be among those that it has verified",
			"ok: all that is sent (4 attributes) fits the lengths of Graph's documentation and profile entra-graph",
		}},
		"entra, permissions": {entra(entratest.Config{Permissions: []string{"User.ReadWrite.All", "User.EnableDisableAccount.All", "User.Read.All", "Mail.Read"}}, ownGroups), []string{
			"ok: Entra takes the credential, and shows users",
			"15:28 error: the tenant acme.example does not grant User.RevokeSessions.All, which the app app needs: until then whoever leaves is shut out and set aside",
			"15:28 error: the tenant acme.example does not grant Group.ReadWrite.All, which the app app needs: until then no team becomes a group",
			"15:28 warning: the tenant acme.example grants Mail.Read, which nothing here needs",
			"12:3 " + notCompared + "domains of the tenant",
			"18:14 error: the credential is taken, and groups may not be read with it: Authorization_RequestDenied",
		}},
		"entra, no permission": {entra(entratest.Config{Permissions: []string{"Mail.Read"}}, ""), []string{
			"15:28 error: the tenant acme.example does not grant User.Read.All", "15:28 error: the tenant acme.example does not grant User.ReadWrite.All",
			"15:28 error: the tenant acme.example does not grant User.EnableDisableAccount.All", "15:28 error: the tenant acme.example does not grant User.RevokeSessions.All",
			"15:28 warning: the tenant acme.example grants Mail.Read",
		}},
		"entra, a wrong secret": {entra(entratest.Config{}, "", cloudSecret, "another"), []string{
			"12:3 error: there is no way in: the client secret is not one of the application's: set its value, not its id",
		}},
		"entra, too long": {entra(entratest.Config{}, "", `'"Worker"'`, `'"`+strings.Repeat("W", 65)+`"'`), []string{
			"ok: Entra takes the credential, and shows users", "15:28 warning: the tenant acme.example grants Group.ReadWrite.All, which nothing here needs",
			"12:3 " + notCompared, "21:25 error: name.familyName has 65 characters, and surname of Entra takes 64",
		}},
		"github sound": {github(nil), []string{
			"ok: the GitHub App Iv23liExample is installed in acme, and may write its members", "ok: 0 invitations wait to be accepted",
			"12:3 " + notCompared + "types and lengths", "ok: all that is sent (1 attributes) fits profile github-teams",
		}},
		"records sound": {records(http.StatusNotFound), []string{
			"ok: the address answers, and takes the credential", "13:3 " + notCompared + "types, lengths and what is required: the system tells no schema",
			"13:3 " + notCompared + "whether url of read leads to records", "ok: all that is sent (1 attributes) fits profile http-records",
		}},
		"records, a wrong token": {records(http.StatusUnauthorized), []string{
			"13:3 error: the credential is wrong, has expired or is of another account: it is not taken (401): as it is",
		}},
		"nobody is there": {
			func(*testing.T) string { return oktaBlock("http://127.0.0.1:9", "") },
			[]string{"12:3 error: nothing can be reached: dial tcp 127.0.0.1:9: connect: connection refused"},
		},
		"shut": {
			okta(oktatest.Config{}, "", ownPlain, "    allow: [plain-http]\n"),
			[]string{"12:3 error: its address is one that is shut: dial tcp 127.0.0.1:"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			block := tc.app(t)
			conf := ownConfig + block
			if strings.Contains(block, "type: http") {
				conf = strings.Replace(conf, "  hr:\n    type: csv\n    path: DIR/hr.csv\n    key: id\n", "  hr:\n    type: http\n    url: http://127.0.0.1:9/people\n    allow: [loopback, plain-http]\n    key: id\n", 1)
			}
			found := built(t, t.TempDir(), conf).CheckApps(t.Context(), "")
			var got []string
			for _, f := range found {
				at := ""
				if f.Level != server.FindingOK {
					at = fmt.Sprintf("%d:%d ", f.Pos.Line, f.Pos.Column)
				}
				got = append(got, at+f.Level+": "+f.Text)
				if text, _ := json.Marshal(f); strings.Contains(string(text), orgToken) || strings.Contains(string(text), cloudSecret) {
					t.Errorf("a secret is told: %s", text)
				}
			}
			for i, want := range tc.want {
				if i >= len(got) || !strings.HasPrefix(got[i], want) {
					t.Fatalf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tc.want, "\n  "))
				}
			}
			if len(got) != len(tc.want) {
				t.Errorf("found more: %q", got[len(tc.want):])
			}
		})
	}
}

// recordsBlock is an app of type http.
const recordsBlock = `    type: http
    source: hr
    auth: {bearer: "hr-token"}
    allow: [loopback, plain-http]
    read: {url: "URL/people/{id}", key: id, attributes: {userName: login}}
    write: {method: PATCH, url: "URL/people/{id}", body: {login: "{userName}"}}
    user: {userName: person.userName}
`

// TestCheckPeopleOfOwnAPIs: whom an org would refuse is found before anything is sent, in
// whose name as with apps that speak SCIM; and a credential that is not shown the schema is
// told what it lacks, and is good for all else.
func TestCheckPeopleOfOwnAPIs(t *testing.T) {
	t.Parallel()
	org, err := oktatest.New(oktatest.Config{Token: orgToken, Schema: map[string]oktatest.Property{
		"firstName": {Most: 3}, "department": {Required: true, Enum: []string{"Sales", "Legal"}},
	}})
	block := strings.Replace(oktaBlock(listen(t, org, err), ""), "first_run: go", "first_run: report", 1)
	u := opened(t, built(t, ownFolder(t, "1,Ada,Sales\n2,Benno,Legal\n3,Eve,Plumbing\n4,Max,\n"), ownConfig+block))
	if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	found, err := u.CheckPeople(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	got := linesOf(found, true)
	slices.Sort(got) // the store's order is that of ids, which are digests
	sameLines(t, got, []string{
		"21:7 error: 2@acme.example: name.givenName has 5 characters, and firstName of Okta takes 3",
		"24:7 error: 3@acme.example: enterprise.department is none of the values that department of Okta takes",
		"24:7 error: 4@acme.example: Okta requires enterprise.department (department), and there is no value",
	})
	if n := org.Counts(); n.Writes() > 0 {
		t.Errorf("it was written: %v", n)
	}
}

// TestCheckOktaByScopes: an application that may not read schemas, or groups, is told so.
func TestCheckOktaByScopes(t *testing.T) {
	t.Parallel()
	private, public := appKey()
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, private, 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(scopes string, granted ...string) []string {
		org, err := oktatest.New(oktatest.Config{ClientID: "0oa1", PublicKeys: [][]byte{public}, Scopes: granted})
		block := strings.Replace(oktaBlock(listen(t, org, err), ownGroups), "    token: \""+orgToken+"\"\n", "    oauth: {client_id: 0oa1, private_key: "+file+scopes+"}\n", 1)
		return linesOf(built(t, t.TempDir(), ownConfig+block).CheckApps(t.Context(), ""), true)
	}
	const all = ", scopes: [okta.users.manage, okta.groups.manage, okta.schemas.read]"
	sameLines(t, check(all, "okta.users.manage", "okta.groups.manage", "okta.schemas.read"), []string{})
	sameLines(t, check(all, "okta.users.manage", "okta.groups.manage"), []string{
		"12:3 error: there is no way in: the application may not have okta.users.manage and okta.groups.manage and okta.schemas.read",
	})
	const unshown = "12:3 note: not compared: the org's schema of users is not shown to this credential, so that what the org requires, types, lengths and " +
		"lists of values are not known: E0000006 You do not have permission to perform the requested action"
	sameLines(t, check("", "okta.users.manage", "okta.groups.manage"), []string{unshown})
	sameLines(t, check(", scopes: [okta.users.manage]", "okta.users.manage"), []string{
		unshown,
		"18:14 error: the credential is taken, and groups may not be read with it: E0000006 You do not have permission to perform the requested action",
	})
}
