// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// settings writes the configuration that an operator of this company would
// write. It stands in the demo's folder, so that every other command can be
// tried on it: with -c, from another terminal. The token is one of apps that
// are gone when the demo ends; a real one stands in the environment.
func settings(path, store, hrFile string, apps []*App) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# A made-up company, written by usher demo. Try it while the demo is up:
#   usher people -c FILE; usher why -c FILE PERSON; usher plan -c FILE
store: %s

calendar:
  # The story plays on days before today; afterwards the clock is the real one.
  now: ${TODAY:-}

sources:
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

# While the demo stays up, /healthz and /readyz are on any free port.
server: {address: "127.0.0.1:0"}
telemetry: {metrics_address: "off"}

teams:
  department: {each: person.enterprise.department}
  everybody: {when: true, display_name: '"Everybody"'}

apps:
`, quoted(store), quoted(hrFile), strings.Join(columns(), ", "))
	for _, a := range apps {
		fmt.Fprintf(&b, `  # %s
  %s:
    url: %s
    token: %s
    allow: [loopback, plain-http]
    first_run: go
    user:
%s
      name.givenName: person.name.givenName
      name.familyName: person.name.familyName
      displayName: person.displayName
      title: person.title
      enterprise.employeeNumber: person.enterprise.employeeNumber
      enterprise.department: person.enterprise.department
    groups: {teams: [%s]}
`, a.Says, a.Name, a.url, token, a.userNameLines(), strings.Join(a.teams(), ", "))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// quoted is a text in double quotes, as YAML reads it; a ${ stays one.
func quoted(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always can be
	}
	return strings.ReplaceAll(string(data), "${", "$${")
}
