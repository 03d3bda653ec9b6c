// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"
)

// Connection is where users come from (id con_…). Names are unique; Strategy is auth0
// for a database, and otherwise names who the identity provider is.
type Connection struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Strategy string `json:"strategy"`
}

func (c Connection) key() string { return c.ID }

// ConnectionByName finds a connection by its exact name.
func (c *Client) ConnectionByName(ctx context.Context, name string) (Connection, bool, error) {
	r := request{Method: http.MethodGet, Route: apiPath + "/connections", Query: url.Values{"name": {name}, "fields": {"id,name,strategy"}, "include_fields": {"true"}}}
	parse := func(raw jsontext.Value) (Connection, error) { return parseJSON[Connection](raw) }
	for one, err := range offsets(ctx, c, r, parse, "connections") {
		if err != nil {
			return Connection{}, false, err
		}
		if one.Name == name && one.ID != "" {
			return one, true, nil
		}
	}
	return Connection{}, false, nil
}
