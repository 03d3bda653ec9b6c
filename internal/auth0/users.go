// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// User is a user as the Management API tells it, or as an event does.
type User struct {
	ID            string // user_id: provider|id
	Email         string
	EmailVerified bool
	Username      string
	PhoneNumber   string
	Name          string
	GivenName     string
	FamilyName    string
	Nickname      string
	Picture       string
	Blocked       bool // by an administrator, not by too many attempts
	Identities    []Identity
	AppMetadata   map[string]jsontext.Value
	UserMetadata  map[string]jsontext.Value
	CreatedAt     time.Time
	UpdatedAt     time.Time
	Raw           jsontext.Value // the whole document
}

func (u User) key() string { return u.ID }

// Identity is one account behind a user; the first is the user's own, the others
// were linked to it.
type Identity struct {
	Connection string
	Provider   string
	UserID     string // an integer comes as its digits
	Social     bool
}

// ID is the user_id that the identity has, or had before it was linked.
func (i Identity) ID() string { return i.Provider + "|" + i.UserID }

// ParseUser reads a user, strictly as JSON and leniently as to what is not known. What
// says who somebody is (user_id, identities) and whether they may come in (blocked)
// must be as documented. The rest may have been put there by some identity provider:
// of the wrong type it is passed over, and is in Raw.
func ParseUser(text []byte) (User, error) {
	var m map[string]jsontext.Value
	if json.Unmarshal(text, &m) != nil || m == nil {
		return User{}, errors.New("auth0: a user is no JSON object")
	}
	u := User{
		ID: textOf(m["user_id"]), Email: textOf(m["email"]), Username: textOf(m["username"]), PhoneNumber: textOf(m["phone_number"]),
		Name: textOf(m["name"]), GivenName: textOf(m["given_name"]), FamilyName: textOf(m["family_name"]),
		Nickname: textOf(m["nickname"]), Picture: textOf(m["picture"]), EmailVerified: m["email_verified"].Kind() == 't',
		AppMetadata: metadata(m, "app_metadata"), UserMetadata: metadata(m, "user_metadata"),
		CreatedAt: timeOf(m["created_at"]), UpdatedAt: timeOf(m["updated_at"]),
		Raw: append(jsontext.Value(nil), text...),
	}
	if u.ID == "" {
		return User{}, errors.New("auth0: a user has no user_id")
	}
	switch kind := kindOf(m["blocked"]); kind {
	case 't':
		u.Blocked = true
	case 'f', 'n':
	default:
		return User{}, errors.New("auth0: blocked of a user is neither true nor false")
	}
	var err error
	if u.Identities, err = identities(m["identities"]); err != nil {
		return User{}, err
	}
	return u, nil
}

func identities(raw jsontext.Value) ([]Identity, error) {
	if kindOf(raw) == 'n' {
		return nil, nil
	}
	var list []struct {
		Connection string         `json:"connection"`
		Provider   string         `json:"provider"`
		UserID     jsontext.Value `json:"user_id"`
		Social     bool           `json:"isSocial"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil, errors.New("auth0: identities of a user are not as documented")
	}
	out := make([]Identity, 0, len(list))
	for _, i := range list {
		id := textOf(i.UserID)
		if i.UserID.Kind() == '0' {
			if id = i.UserID.String(); strings.Trim(id, "0123456789") != "" {
				id = ""
			}
		}
		if id == "" {
			return nil, errors.New("auth0: user_id of an identity is neither a text nor an integer")
		}
		out = append(out, Identity{Connection: i.Connection, Provider: i.Provider, UserID: id, Social: i.Social})
	}
	return out, nil
}

// metadata also gathers what an export tells by dotted names.
func metadata(m map[string]jsontext.Value, name string) map[string]jsontext.Value {
	var out map[string]jsontext.Value
	if kindOf(m[name]) == '{' && json.Unmarshal(m[name], &out) != nil {
		out = nil
	}
	for key, value := range m {
		if below, ok := strings.CutPrefix(key, name+"."); ok && below != "" {
			if out == nil {
				out = map[string]jsontext.Value{}
			}
			if _, there := out[below]; !there {
				out[below] = value
			}
		}
	}
	return out
}

// kindOf is 'n', null, also for what is not there.
func kindOf(v jsontext.Value) jsontext.Kind {
	if len(v) == 0 {
		return 'n'
	}
	return v.Kind()
}

func textOf(v jsontext.Value) string {
	var s string
	if kindOf(v) != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

func timeOf(v jsontext.Value) time.Time {
	t, err := time.Parse(time.RFC3339, textOf(v))
	if err != nil {
		return time.Time{}
	}
	return t
}

const userRoute = apiPath + "/users/{}"

// User reads one user. It is consistent at once.
func (c *Client) User(ctx context.Context, id string) (User, error) {
	return c.readUser(ctx, request{Method: http.MethodGet, Route: userRoute, IDs: []string{id}})
}

// UsersByEmail finds users by their address, in the case in which it is stored. It is
// consistent at once.
func (c *Client) UsersByEmail(ctx context.Context, email string) ([]User, error) {
	r := request{Method: http.MethodGet, Route: apiPath + "/users-by-email", Query: url.Values{"email": {email}}}
	var list []jsontext.Value
	if err := c.call(ctx, r, &list); err != nil {
		return nil, err
	}
	users := make([]User, 0, len(list))
	for _, raw := range list {
		u, err := ParseUser(raw)
		if err != nil {
			return nil, unusable(&r, err)
		}
		users = append(users, u)
	}
	return users, nil
}

// readUser sends a request that is answered with a user.
func (c *Client) readUser(ctx context.Context, r request) (User, error) {
	var raw jsontext.Value
	if err := c.call(ctx, r, &raw); err != nil {
		return User{}, err
	}
	u, err := ParseUser(raw)
	switch {
	case err != nil:
		return User{}, unusable(&r, err)
	case len(r.IDs) > 0 && u.ID != r.IDs[0]:
		return User{}, unusable(&r, fmt.Errorf("it is another user's"))
	}
	return u, nil
}

// UserChange is what a user is made of, or changed in. What is not set is left out,
// and left alone; in AppMetadata and UserMetadata, which merge by their top level, a
// null takes a value away.
type UserChange struct {
	// For CreateUser alone. UserID is the part of user_id behind "auth0|".
	Connection, UserID, Password string

	// "" takes the value away: it is sent as null, which UpdateUser's documentation
	// takes for each of these; that a connection lets all of them go is not verified.
	// CreateUser takes no null, and leaves out what is "".
	Email, Username, PhoneNumber, Name, GivenName, FamilyName, Nickname, Picture *string

	EmailVerified, VerifyEmail, Blocked *bool
	AppMetadata, UserMetadata           map[string]jsontext.Value
}

// body are the fields that are set. null says how "" is sent: as null, or not at all.
func (u *UserChange) body(null bool) map[string]any {
	body := map[string]any{}
	for name, value := range map[string]*string{
		"email": u.Email, "username": u.Username, "phone_number": u.PhoneNumber, "name": u.Name,
		"given_name": u.GivenName, "family_name": u.FamilyName, "nickname": u.Nickname, "picture": u.Picture,
	} {
		switch {
		case value == nil:
		case *value != "":
			body[name] = *value
		case null:
			body[name] = nil
		}
	}
	for name, value := range map[string]*bool{"email_verified": u.EmailVerified, "verify_email": u.VerifyEmail, "blocked": u.Blocked} {
		if value != nil {
			body[name] = *value
		}
	}
	for name, value := range map[string]map[string]jsontext.Value{"app_metadata": u.AppMetadata, "user_metadata": u.UserMetadata} {
		if len(value) > 0 {
			body[name] = value
		}
	}
	return body
}

// CreateUser makes a user of a database connection.
func (c *Client) CreateUser(ctx context.Context, u UserChange) (User, error) {
	body := u.body(false)
	for name, value := range map[string]string{"connection": u.Connection, "user_id": u.UserID, "password": u.Password} {
		if value != "" {
			body[name] = value
		}
	}
	r := request{Method: http.MethodPost, Route: apiPath + "/users", Body: body, Hidden: []string{u.Password}}
	if u.Connection == "" {
		return User{}, &Error{API: api, Op: op(&r), Unsent: true, Err: errors.New("a user is made in a connection; name one")}
	}
	return c.readUser(ctx, r)
}

// UpdateUser changes a user.
func (c *Client) UpdateUser(ctx context.Context, id string, u UserChange) (User, error) {
	r := request{Method: http.MethodPatch, Route: userRoute, IDs: []string{id}, Body: u.body(true)}
	if u.Connection+u.UserID+u.Password != "" {
		return User{}, &Error{API: api, Op: op(&r), Unsent: true, Err: errors.New("the connection, the id and the password are for making a user; leave them out")}
	}
	return c.readUser(ctx, r)
}

// DeleteUser deletes a user. One that is not there is no error.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: userRoute, IDs: []string{id}})
}

// gone sends a request after which something is not there, or will soon not be.
func (c *Client) gone(ctx context.Context, r request) error {
	if err := c.call(ctx, r, nil); err != nil && !IsNotFound(err) {
		return err
	}
	return nil
}

// EndSessions ends all sessions of a user, and RevokeRefreshTokens all refresh tokens.
// Neither minds that there is none. The tenant takes the request, and follows later.
// "Not found" is an error here: it may be the endpoint that is not there, and then
// whoever is signed in stays so. That a user without any gets none is not verified.
func (c *Client) EndSessions(ctx context.Context, id string) error {
	return c.call(ctx, request{Method: http.MethodDelete, Route: userRoute + "/sessions", IDs: []string{id}}, nil)
}

func (c *Client) RevokeRefreshTokens(ctx context.Context, id string) error {
	return c.call(ctx, request{Method: http.MethodDelete, Route: userRoute + "/refresh-tokens", IDs: []string{id}}, nil)
}

// Sessions and RefreshTokens count what a user has, up to one page.
func (c *Client) Sessions(ctx context.Context, id string) (int, error) {
	p, err := c.readPage(ctx, request{Method: http.MethodGet, Route: userRoute + "/sessions", IDs: []string{id}}, "sessions")
	return len(p.entries), err
}

func (c *Client) RefreshTokens(ctx context.Context, id string) (int, error) {
	p, err := c.readPage(ctx, request{Method: http.MethodGet, Route: userRoute + "/refresh-tokens", IDs: []string{id}}, "tokens", "refresh_tokens")
	return len(p.entries), err
}

// PasswordTicket makes an address at which somebody may choose the user's password.
// Whoever has it can: it is as secret as a password. A valid of 0 is Auth0's default
// of five days.
func (c *Client) PasswordTicket(ctx context.Context, id, resultURL string, valid time.Duration) (string, error) {
	body := map[string]any{"user_id": id}
	if resultURL != "" {
		body["result_url"] = resultURL
	}
	if valid > 0 {
		body["ttl_sec"] = int64(max(valid/time.Second, 1))
	}
	r := request{Method: http.MethodPost, Route: apiPath + "/tickets/password-change", Body: body}
	var answer struct {
		Ticket string `json:"ticket"`
	}
	if err := c.call(ctx, r, &answer); err != nil {
		return "", err
	}
	if answer.Ticket == "" {
		return "", unusable(&r, errors.New("there is no ticket in it"))
	}
	return answer.Ticket, nil
}

// PasswordEmail has Auth0 send a mail by which the user chooses a password. It belongs
// to the authentication API, which tells nobody whether there is such a user.
func (c *Client) PasswordEmail(ctx context.Context, email, connection string) error {
	body := map[string]any{"client_id": c.clientID, "email": email, "connection": connection}
	return c.call(ctx, request{Method: http.MethodPost, Route: "/dbconnections/change_password", Body: body, Apart: true}, nil)
}
