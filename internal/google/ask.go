// SPDX-License-Identifier: Apache-2.0

package google

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"
)

// AskUsers reads one user, whoever it is, and drops it: whether the key, the administrator
// and the scopes are good. AskGroups does so with groups.
func (c *Client) AskUsers(ctx context.Context) error { return c.ask(ctx, usersRoute) }

func (c *Client) AskGroups(ctx context.Context) error { return c.ask(ctx, groupsRoute) }

func (c *Client) ask(ctx context.Context, route string) error {
	var page map[string]jsontext.Value
	return c.call(ctx, request{Method: http.MethodGet, Route: route, Query: url.Values{"customer": {c.customer}, "maxResults": {"1"}}}, &page)
}
