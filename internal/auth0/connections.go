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
	return connectionNamed[Connection](ctx, c, name, "id,name,strategy")
}

// Database is a connection with how it is set up. What the tenant does not tell, as
// without a scope for it or by a newer shape, is nil, "" or 0.
type Database struct {
	Connection
	Clients []string `json:"enabled_clients"` // ids of the applications that may use it
	Options struct {
		SignUpsClosed *bool  `json:"disable_signup"`
		Usernames     *bool  `json:"requires_username"`
		Policy        string `json:"passwordPolicy"` // none, low, fair, good, excellent
		Complexity    struct {
			Least int `json:"min_length"` // characters of a password
		} `json:"password_complexity_options"`
	} `json:"options"`
}

// DatabaseByName finds a connection by its exact name. What else its options hold, which
// may be an identity provider's secret, is dropped as it is read.
func (c *Client) DatabaseByName(ctx context.Context, name string) (Database, bool, error) {
	return connectionNamed[Database](ctx, c, name, "id,name,strategy,options,enabled_clients")
}

func (c Connection) named() string { return c.Name }

func connectionNamed[T interface {
	entry
	named() string
}](ctx context.Context, c *Client, name, fields string) (none T, found bool, err error) {
	r := request{Method: http.MethodGet, Route: apiPath + "/connections", Query: url.Values{"name": {name}, "fields": {fields}, "include_fields": {"true"}}}
	parse := func(raw jsontext.Value) (T, error) { return parseJSON[T](raw) }
	for one, err := range offsets(ctx, c, r, parse, "connections") {
		if err != nil {
			return none, false, err
		}
		if one.named() == name {
			return one, true, nil
		}
	}
	return none, false, nil
}
