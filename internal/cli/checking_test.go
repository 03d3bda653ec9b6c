// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/cli"
	"github.com/usher-id/usher/internal/okta/oktatest"
)

const checkedConfig = `store: DIR/usher.db
sources:
  hr:
    type: csv
    path: DIR/hr.csv
    key: id
    columns: [id, first, last, mail, job, department]
    person:
      userName: row.mail
      name.givenName: row.first
      name.familyName: row.last
      emails[type eq "work"].value: row.mail
      title: row.job
      enterprise.department: row.department
teams:
  department: {each: person.enterprise.department}
apps:
  slack:
    profile: slack
    url: SLACK
    token: "a-token"
    allow: [loopback, plain-http]
    user:
      userName: person.userName
      name.givenName: person.name.givenName
      name.familyName: person.name.familyName
      displayName: person.name.givenName + " " + person.name.familyName
      title: person.title
      phoneNumbers[type eq "office"].value: '"+49 30 1234"'
  workforce:
    type: okta
    url: OKTA
    token: "a-token"
    allow: [loopback, plain-http]
    groups: {teams: [department]}
    user:
      userName: person.userName
      emails[type eq "work"].value: person.userName
      name.givenName: person.name.givenName
      name.familyName: person.name.familyName
      enterprise.costCenter: '"4711"'
      userType: '"staff"'
`

// TestCheckingPage: what docs/checking.md shows of check --live is what it prints, of an app
// by SCIM and of one by an API of its own.
func TestCheckingPage(t *testing.T) {
	t.Parallel()
	slack := newScimApp("a-token")
	for part, text := range map[string]string{
		"ServiceProviderConfig": `{"patch": {"supported": true}, "filter": {"supported": true}}`,
		"ResourceTypes":         `{"totalResults": 1, "Resources": [{"id": "User", "name": "User", "endpoint": "/Users", "schema": "urn:ietf:params:scim:schemas:core:2.0:User"}]}`,
		"Schemas": `{"totalResults": 1, "Resources": [{"id": "urn:ietf:params:scim:schemas:core:2.0:User", "name": "User", "attributes": [
			{"name": "userName", "required": true}, {"name": "active", "type": "boolean"}, {"name": "displayName"}, {"name": "title", "mutability": "readOnly"},
			{"name": "name", "type": "complex", "subAttributes": [{"name": "givenName"}, {"name": "familyName"}]},
			{"name": "emails", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value"}, {"name": "type"}]},
			{"name": "phoneNumbers", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value"}, {"name": "type", "canonicalValues": ["work", "home", "other"]}]}]}]}`,
	} {
		slack.tells[part] = []byte(text)
	}
	if err := slack.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slack.stop() })
	org, err := oktatest.New(oktatest.Config{Token: "a-token", Attributes: []string{"badge"}, Schema: map[string]oktatest.Property{
		"badge": {Required: true}, "userType": {Enum: []string{"employee", "contractor"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	okta, stop, err := org.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)

	dir := t.TempDir()
	file := filepath.Join(dir, "usher.yaml")
	text := strings.NewReplacer("DIR", dir, "SLACK", slack.url(), "OKTA", okta).Replace(checkedConfig)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := cli.Main([]string{"check", "--live", "-c", file}, strings.NewReader(""), &out, &errs)
	said := strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "checking.md"))
	if err != nil {
		t.Fatal(err)
	}
	if code != 1 || errs.Len() > 0 || !strings.Contains(string(page), "```\n"+said+"```\n") {
		t.Errorf("docs/checking.md does not show what is printed, with exit code %d:\n%s%s", code, said, errs.String())
	}
}
