// SPDX-License-Identifier: Apache-2.0

package entraapp

import (
	"context"

	"github.com/usher-id/usher/internal/app"
)

var _ app.Examiner = (*App)(nil)

// longest is how many characters properties hold (learn.microsoft.com/graph/api/resources/
// user, November 2026; companyName, city, state, country, postalCode and streetAddress from
// memory). What is not in it is not known.
func longest() map[string]int {
	return map[string]int{
		"displayName": 256, "givenName": 64, "surname": 64, "jobTitle": 128, "department": 64, "companyName": 64, nickname: 64,
		"officeLocation": 128, EmployeeID: mostEmployeeID, "city": 128, "state": 128, "country": 128, "postalCode": 40, "streetAddress": 1024,
	}
}

// Examine asks for one user and one group. Graph tells no schema of a tenant: users have the
// same properties in every one.
func (a *App) Examine(ctx context.Context, groups bool) (app.Examination, error) {
	askGroups := a.client.AskGroups
	if !groups {
		askGroups = nil
	}
	x, err := a.Ask(ctx, a.client.AskUsers, askGroups, "grant Group.ReadWrite.All; or take groups out of this app")
	if err != nil {
		return x, err
	}
	x.Said = "the lengths of Graph's documentation"
	most := longest()
	for _, p := range a.places {
		f := app.Field{Name: p.name, Paths: app.Paths{p.path}, Most: most[p.name]}
		if p.name == "usageLocation" {
			f.Least, f.Most = 2, 2
		}
		x.Fields = append(x.Fields, f)
	}
	if a.id != "" {
		x.Fields = append(x.Fields, app.Field{Name: a.id, Paths: app.Paths{externalID}, Most: most[a.id]})
	}
	x.Unsaid = append(x.Unsaid, app.Remark{Text: "domains of the tenant: the one of each userName must be among those that it has verified"})
	return x, nil
}
