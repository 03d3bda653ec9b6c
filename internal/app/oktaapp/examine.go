// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"context"
	"slices"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/okta"
)

var _ app.Examiner = (*App)(nil)

// Examine asks for one user and one group, and reads the org's schema of users.
func (a *App) Examine(ctx context.Context, groups bool) (app.Examination, error) {
	askGroups := a.client.AskGroups
	if !groups {
		askGroups = nil
	}
	x, err := a.Ask(ctx, a.client.AskUsers, askGroups,
		"grant okta.groups.manage (Okta API Scopes), or give whoever made the token a role that manages groups; or take groups out of this app")
	if err != nil {
		return x, err
	}
	began, end := app.Begin(ctx)
	schema, err := a.client.Schema(began)
	if _, err = end(0, nil, convert(began, err)); err != nil {
		e := app.Classify(err)
		if e.Class != app.Unauthorized {
			return x, e
		}
		x.Unsaid = append(x.Unsaid, app.Remark{
			Text: "the org's schema of users is not shown to this credential, so that what the org requires, types, lengths and lists of values are not known: " + e.Detail,
			Fix:  "let it read schemas: " + okta.ScopeSchemas + ", to be granted and to be named in oauth.scopes, or a role that sees the Profile Editor",
		})
		return x, nil
	}
	x.Said, x.Fields = "the org's schema of users", a.fields(schema)
	return x, nil
}

// fields are those of the schema, with what of a person goes there; and those to which
// something goes, and which the org does not have.
func (a *App) fields(schema []okta.Property) (out []app.Field) {
	goes := func(name string) (paths app.Paths) {
		for _, p := range a.places {
			if p.name == name {
				paths = append(paths, p.path)
			}
		}
		if name == a.id {
			paths = append(paths, externalID)
		}
		return paths
	}
	for _, p := range schema {
		f := app.Field{Name: p.Name, Paths: goes(p.Name), Required: p.Required, ReadOnly: p.ReadOnly, Type: p.Type, Least: p.Least, Most: p.Most, Values: p.Values}
		out = append(out, f)
	}
	absent := func(name string) {
		if name != "" && !slices.ContainsFunc(out, func(f app.Field) bool { return f.Name == name }) {
			out = append(out, app.Field{Name: name, Paths: goes(name), Absent: true})
		}
	}
	for _, p := range a.places {
		absent(p.name)
	}
	absent(a.id)
	return out
}
