// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"strings"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// auth0Sources are HR, which decides who works here, and behind it the tenant that Usher
// itself fills: it only adds to people.
func auth0Sources(d *Demo) string {
	return fmt.Sprintf(`sources:
  # The first source has people of its own, and alone says when they come and go.
  hr:
    type: csv
    path: %s
    key: id
    columns: [%s]
    person:
      userName: row.email
      emails[type eq "work"].value: row.email
      name.givenName: row.first_name
      name.familyName: row.last_name
      displayName: >-
        row.first_name + (row.first_name != "" && row.last_name != "" ? " " : "") + row.last_name
      title: row.job_title
      enterprise.employeeNumber: row.id
      enterprise.department: row.department
      usher.startDate: date(row.hire_date, ["yyyy-MM-dd"])
      usher.endDate: date(row.end_date, ["yyyy-MM-dd"])
  # The second one has match, and so only adds to them: it finds people by the number
  # that Usher wrote into their app_metadata, which they cannot change themselves.
  %s:
    type: auth0
    tenant: %s
    connections: [%s]
    columns: [app_metadata.employee_number, user_metadata.mobile_phone]
    match: [enterprise.employeeNumber]
    person:
      enterprise.employeeNumber: row["app_metadata.employee_number"]
      phoneNumbers[type eq "mobile"].value: row["user_metadata.mobile_phone"]
    changes: stream
    teams: [roles]
`, quoted(d.HRFile()), strings.Join(columns(true), ", "), loginApp, d.tenantLine(), auth0test.DefaultConnection)
}

func (d *Demo) tenantLine() string {
	for _, a := range d.Apps {
		if a.login {
			return a.tenantLine()
		}
	}
	return ""
}

func (a *App) tenantLine() string {
	return fmt.Sprintf("{url: %q, client_id: %s, client_secret: %s, allow: [loopback, plain-http]}", a.url, clientID, token)
}
