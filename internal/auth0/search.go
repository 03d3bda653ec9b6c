// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MostListed is how many users a list or a search tells at most.
const MostListed = 1_000

// ErrTooMany says that a list has more entries than it tells.
var ErrTooMany = errors.New("the list has more than " + strconv.Itoa(MostListed) + " entries, which is all that it tells; narrow it, or use an export")

// Search lists users by a query in Lucene's syntax, "" for all. It lags behind what
// is written, and ends with ErrTooMany before the first user if there are more than
// MostListed. connection narrows it by name, "" is all.
//
// It is read by offsets: somebody who vanishes while somebody else comes may have
// another be passed over, which no total shows.
func (c *Client) Search(ctx context.Context, query, connection string) iter.Seq2[User, error] {
	return offsets(ctx, c, search(query, connection), func(raw jsontext.Value) (User, error) { return ParseUser(raw) }, "users")
}

// CountUsers returns how many users a search would tell of, without reading them.
func (c *Client) CountUsers(ctx context.Context, query, connection string) (int, error) {
	r := search(query, connection)
	r.Query.Set("per_page", "1")
	r.Query.Set("page", "0")
	r.Query.Set("include_totals", "true")
	r.Query.Set("fields", "user_id")
	p, err := c.readPage(ctx, r, "users")
	if err == nil && p.total < 0 {
		err = incomplete(&r, "its total is not told")
	}
	return p.total, err
}

// search sorts by user_id, so that pages follow one another; that a tenant sorts by
// it is not verified.
func search(query, connection string) request {
	q := strings.TrimSpace(query)
	if connection != "" {
		in := "identities.connection:" + quote(connection)
		if q == "" {
			q = in
		} else {
			q = "(" + q + ") AND " + in
		}
	}
	values := url.Values{"search_engine": {"v3"}, "sort": {"user_id:1"}}
	if q != "" {
		values.Set("q", q)
	}
	return request{Method: http.MethodGet, Route: apiPath + "/users", Query: values}
}

// quote makes a phrase of Lucene's syntax.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
