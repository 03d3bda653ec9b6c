// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// settings writes the configuration that an operator of this company would
// write. It stands in the demo's folder, so that every other command can be
// tried on it: with -c, from another terminal. The token is one of apps that
// are gone when the demo ends; a real one stands in the environment.
func (d *Demo) settings() error {
	var b strings.Builder
	fmt.Fprintf(&b, `# A made-up company, written by usher demo. Try it while the demo is up:
#   usher people -c FILE; usher why -c FILE PERSON; usher plan -c FILE
store: %s

calendar:
  # The story plays on days before today; afterwards the clock is the real one.
  now: ${TODAY:-}

%s
# While the demo stays up, /healthz and /readyz are on any free port.
server: {address: "127.0.0.1:0"}
telemetry: {metrics_address: "off"}

teams:
  department: {each: person.enterprise.department}
  everybody: {when: true, display_name: '"Everybody"'}

apps:
`, quoted(filepath.Join(d.Dir, "usher.db")), d.Story.sources(d))
	for _, a := range d.Apps {
		b.WriteString(a.settings())
	}
	if err := os.WriteFile(d.ConfigFile(), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// settings are an app's lines of the configuration.
func (a *App) settings() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  # %s\n  %s:\n", a.Says, a.Name)
	if a.login {
		fmt.Fprintf(&b, "    type: auth0\n    tenant: %s\n    connection: %s\n    sign_ups: closed\n", a.tenantLine(), auth0test.DefaultConnection)
	} else {
		if a.profile != "" {
			fmt.Fprintf(&b, "    profile: %s\n", a.profile)
		}
		fmt.Fprintf(&b, "    url: %s\n    token: %s\n    allow: [loopback, plain-http]\n", a.url, token)
	}
	given, family, display := "person.name.givenName", "person.name.familyName", "person.displayName"
	if a.wholeNames {
		const bare = `.replace("\"", "")`
		given, family, display = "or("+given+", "+family+")"+bare, "or("+family+", "+given+")"+bare, display+bare
	}
	fmt.Fprintf(&b, `    first_run: go
    user:
%s
      name.givenName: %s
      name.familyName: %s
      displayName: %s
      title: person.title
      enterprise.employeeNumber: person.enterprise.employeeNumber
      enterprise.department: person.enterprise.department
`, a.userNameLines(), given, family, display)
	if a.mails && !a.login {
		b.WriteString("      emails: person.emails\n      phoneNumbers: person.phoneNumbers\n")
	}
	b.WriteString(a.more)
	if !a.noGroups {
		fmt.Fprintf(&b, "    groups: {teams: [%s]}\n", strings.Join(a.teams(), ", "))
	}
	return b.String()
}

// companySources is HR alone; user names are Usher's to give.
func companySources(d *Demo) string {
	return fmt.Sprintf(`sources:
  hr:
    type: csv
    path: %s
    key: id
    columns: [%s]
    person:
      name.givenName: row.first_name
      name.familyName: row.last_name
      displayName: >-
        row.first_name + (row.first_name != "" && row.last_name != "" ? " " : "") + row.last_name
      title: row.job_title
      # first.last, or the number of somebody of whose name plain letters leave nothing.
      userName:
        value: |-
          (slug(row.first_name) == "" && slug(row.last_name) == "" ? slug(row.id) :
            slug(row.first_name)
            + (slug(row.first_name) != "" && slug(row.last_name) != "" ? "." : "")
            + slug(row.last_name))
          + "@acme.example"
        unique: organisation
      enterprise.employeeNumber: row.id
      enterprise.department: row.department
      usher.startDate: date(row.hire_date, ["yyyy-MM-dd"])
      usher.endDate: date(row.end_date, ["yyyy-MM-dd"])
`, quoted(d.HRFile()), strings.Join(columns(false), ", "))
}

// quoted is a text in double quotes, as YAML reads it; a ${ stays one.
func quoted(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always can be
	}
	return strings.ReplaceAll(string(data), "${", "$${")
}
