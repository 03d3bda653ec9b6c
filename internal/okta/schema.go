// SPDX-License-Identifier: Apache-2.0

package okta

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

const schemaRoute = apiPath + "/meta/schemas/user/default"

// ScopeSchemas is the scope that [Client.Schema] needs, beside [DefaultScopes].
const ScopeSchemas = "okta.schemas.read"

// Property is an attribute of the org's profiles, as its schema has it
// (developer.okta.com/docs/reference/api/schemas, read in November 2026).
type Property struct {
	Name        string
	Own         bool // of the org's own, and not of all orgs
	Required    bool
	ReadOnly    bool
	Type        string // as JSON Schema has it: "string", "array"
	Least, Most int    // characters; 0: not told
	Values      []string
}

// Schema reads the attributes of the default type of user, by name.
func (c *Client) Schema(ctx context.Context) ([]Property, error) {
	type property struct {
		Type       string           `json:"type"`
		Required   bool             `json:"required"`
		Mutability string           `json:"mutability"`
		Least      int              `json:"minLength"`
		Most       int              `json:"maxLength"`
		Enum       []jsontext.Value `json:"enum"`
	}
	type part struct {
		Properties map[string]property `json:"properties"`
		Required   []string            `json:"required"`
	}
	var answer struct {
		Definitions struct {
			Base   part `json:"base"`
			Custom part `json:"custom"`
		} `json:"definitions"`
	}
	r := request{Method: http.MethodGet, Route: schemaRoute}
	if err := c.call(ctx, r, &answer); err != nil {
		return nil, err
	}
	var out []Property
	for own, of := range map[bool]part{false: answer.Definitions.Base, true: answer.Definitions.Custom} {
		for name, p := range of.Properties {
			one := Property{
				Name: name, Own: own, Type: p.Type, Least: p.Least, Most: p.Most, ReadOnly: p.Mutability == "READ_ONLY",
				Required: p.Required || slices.Contains(of.Required, name),
			}
			for _, v := range p.Enum {
				if text, err := jsontext.AppendUnquote(nil, v); err == nil {
					one.Values = append(one.Values, string(text))
				}
			}
			out = append(out, one)
		}
	}
	if len(answer.Definitions.Base.Properties) == 0 {
		return nil, c.rest.Unusable(&r, "it is no schema of users")
	}
	slices.SortFunc(out, func(a, b Property) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// AskUsers reads one user, whoever it is, and drops it: whether the address is that of an
// org, and the credential may read users. AskGroups does so with groups.
func (c *Client) AskUsers(ctx context.Context) error { return c.ask(ctx, usersRoute) }

func (c *Client) AskGroups(ctx context.Context) error { return c.ask(ctx, groupsRoute) }

func (c *Client) ask(ctx context.Context, route string) error {
	var list []jsontext.Value
	return c.call(ctx, request{Method: http.MethodGet, Route: route, Query: url.Values{"limit": {"1"}}}, &list)
}
