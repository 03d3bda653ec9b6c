// SPDX-License-Identifier: Apache-2.0

package google

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

// User is a user of the account.
type User struct {
	ID           string
	PrimaryEmail string
	Suspended    bool
	Why          string // suspensionReason
	Archived     bool
	SuperAdmin   bool     // isAdmin
	Delegated    bool     // isDelegatedAdmin
	Aliases      []string // that can be taken away
	Created      time.Time
	Fields       map[string]jsontext.Value // all of it, as it came
}

func (u User) key() string { return u.ID }

// Reason is a suspensionReason, or what else Google names in a word, fit to be shown.
func Reason(s string) string { return cmp.Or(rest.Keyword(s), "unknown") }

// Administrator reports whether a user has any rights of an administrator.
func (u *User) Administrator() bool { return u.SuperAdmin || u.Delegated }

// ParseUser reads a user, strictly as JSON and leniently as to what is not known. Its id
// and its address must be there.
func ParseUser(text []byte) (User, error) {
	var m struct {
		ID       string         `json:"id"`
		Email    string         `json:"primaryEmail"`
		Suspend  bool           `json:"suspended"`
		Why      string         `json:"suspensionReason"`
		Archived bool           `json:"archived"`
		Admin    bool           `json:"isAdmin"`
		Delegate bool           `json:"isDelegatedAdmin"`
		Aliases  []string       `json:"aliases"`
		Created  jsontext.Value `json:"creationTime"`
	}
	var fields map[string]jsontext.Value
	switch {
	case json.Unmarshal(text, &m) != nil, json.Unmarshal(text, &fields) != nil:
		return User{}, errors.New("a user is not as documented")
	case m.ID == "":
		return User{}, errors.New("a user has no id")
	case m.Email == "":
		return User{}, errors.New("a user has no primaryEmail")
	}
	created, err := time.Parse(`"`+time.RFC3339+`"`, string(m.Created))
	if err != nil {
		created = time.Time{} // which is not told
	}
	return User{m.ID, m.Email, m.Suspend, m.Why, m.Archived, m.Admin, m.Delegate, m.Aliases, created, fields}, nil
}

func parseUser(raw jsontext.Value) (User, error) { return ParseUser(raw) }

const (
	usersRoute = apiPath + "/users"
	userRoute  = apiPath + "/users/{}"

	usersPerPage = "500" // at most
)

// User reads one user by its id.
func (c *Client) User(ctx context.Context, id string) (User, error) {
	r := request{Method: http.MethodGet, Route: userRoute, IDs: []string{id}}
	u, err := c.readUser(ctx, r)
	if err == nil && u.ID != id {
		return User{}, c.rest.Unusable(&r, "it is another user's")
	}
	return u, err
}

// UserByAddress reads the user of an address, and whether there is one: the address may be
// their primary one, or an alias.
func (c *Client) UserByAddress(ctx context.Context, email string) (User, bool, error) {
	u, err := c.readUser(ctx, request{Method: http.MethodGet, Route: userRoute, IDs: []string{email}})
	switch {
	case IsNotFound(err):
		return User{}, false, nil
	case err != nil:
		return User{}, false, err
	}
	return u, true, nil
}

// Reachable reports whether the API answers about the administrator: what it refuses of
// somebody else is then theirs alone.
func (c *Client) Reachable(ctx context.Context) bool {
	_, found, err := c.UserByAddress(ctx, c.admin)
	return err == nil && found
}

// UsersByExternalID finds users by the value of one of their externalIds. Whom the index
// tells of is read again; that it tells of nobody proves nothing, as it lags behind.
func (c *Client) UsersByExternalID(ctx context.Context, value string) ([]User, error) {
	if strings.ContainsAny(value, `'\`) {
		return nil, nil // which no query can hold, and no id of ours has
	}
	var out []User
	for hit, err := range c.users(ctx, url.Values{"query": {"externalId='" + value + "'"}}) {
		if err != nil {
			return nil, err
		}
		u, err := c.User(ctx, hit.ID)
		switch {
		case IsNotFound(err):
		case err != nil:
			return nil, err
		default:
			out = append(out, u)
		}
	}
	return out, nil
}

// Users lists all users of the account, suspended ones, too. It may not know of what was
// written a moment ago.
func (c *Client) Users(ctx context.Context) iter.Seq2[User, error] {
	return c.users(ctx, url.Values{"orderBy": {"email"}})
}

func (c *Client) users(ctx context.Context, query url.Values) iter.Seq2[User, error] {
	query.Set("customer", c.customer)
	query.Set("maxResults", usersPerPage)
	return list(ctx, c, request{Method: http.MethodGet, Route: usersRoute, Query: query}, "users", parseUser)
}

// readUser sends a request that is answered with a user.
func (c *Client) readUser(ctx context.Context, r request) (User, error) {
	var raw jsontext.Value
	if err := c.call(ctx, r, &raw); err != nil {
		return User{}, err
	}
	u, err := ParseUser(raw)
	if err != nil {
		return User{}, c.rest.Unusable(&r, err.Error())
	}
	return u, nil
}

// CreateUser makes a user with a password, which is in no error.
func (c *Client) CreateUser(ctx context.Context, fields map[string]jsontext.Value, password string) (User, error) {
	body := map[string]jsontext.Value{"password": Text(password)}
	for name, v := range fields {
		body[name] = v
	}
	return c.readUser(ctx, request{Method: http.MethodPost, Route: usersRoute, Body: body, Hidden: []string{password}})
}

// UpdateUser changes fields; a null takes one away, and a list is replaced whole. It is a
// PUT, which keeps what it does not name: a PATCH cannot empty a list.
func (c *Client) UpdateUser(ctx context.Context, id string, fields map[string]jsontext.Value) (User, error) {
	r := request{Method: http.MethodPut, Route: userRoute, IDs: []string{id}, Body: fields}
	u, err := c.readUser(ctx, r)
	if err == nil && u.ID != id {
		return User{}, c.rest.Unusable(&r, "it is another user's")
	}
	return u, err
}

// DeleteUser deletes a user with all that it has. One that is not there is no error.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: userRoute, IDs: []string{id}})
}

// DeleteAlias takes an alias away from a user. One that is not there is no error.
func (c *Client) DeleteAlias(ctx context.Context, id, alias string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: userRoute + "/aliases/{}", IDs: []string{id, alias}})
}

// SignOut ends all sessions of a user, on the web and on devices. How many there are cannot
// be asked.
func (c *Client) SignOut(ctx context.Context, id string) error {
	return c.call(ctx, request{Method: http.MethodPost, Route: userRoute + "/signOut", IDs: []string{id}}, nil)
}

// Grants are the client ids of the applications that a user has let in, by tokens.
func (c *Client) Grants(ctx context.Context, id string) ([]string, error) {
	var answer struct {
		Items []struct {
			ClientID string `json:"clientId"`
		} `json:"items"`
	}
	r := request{Method: http.MethodGet, Route: userRoute + "/tokens", IDs: []string{id}}
	if err := c.call(ctx, r, &answer); err != nil {
		return nil, err
	}
	var out []string
	for _, t := range answer.Items {
		if t.ClientID == "" {
			return nil, c.rest.Unusable(&r, "a token has no clientId")
		}
		out = append(out, t.ClientID)
	}
	slices.Sort(out)
	return slices.Compact(out), nil // one for each application
}

// Revoke takes all tokens of an application away that a user has let in. That there are
// none is no error.
func (c *Client) Revoke(ctx context.Context, id, clientID string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: userRoute + "/tokens/{}", IDs: []string{id, clientID}})
}

// Passwords are the numbers of the passwords that a user has made for one application each,
// which go past the second factor.
func (c *Client) Passwords(ctx context.Context, id string) ([]int, error) {
	var answer struct {
		Items []struct {
			Code int `json:"codeId"`
		} `json:"items"`
	}
	if err := c.call(ctx, request{Method: http.MethodGet, Route: userRoute + "/asps", IDs: []string{id}}, &answer); err != nil {
		return nil, err
	}
	var out []int
	for _, p := range answer.Items {
		out = append(out, p.Code)
	}
	return out, nil
}

// DeletePassword takes such a password away. One that is not there is no error.
func (c *Client) DeletePassword(ctx context.Context, id string, code int) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: userRoute + "/asps/{}", IDs: []string{id, strconv.Itoa(code)}})
}

// Text is a text as JSON.
func Text(s string) jsontext.Value {
	v, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return jsontext.Value("null") // which a valid text does not come to
	}
	return v
}
