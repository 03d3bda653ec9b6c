// SPDX-License-Identifier: Apache-2.0

package okta

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Status is where in its life a user is.
type Status string

// The statuses.
const (
	Staged          Status = "STAGED"      // made, and never activated
	Provisioned     Status = "PROVISIONED" // activated, and without a password yet
	Active          Status = "ACTIVE"
	Recovery        Status = "RECOVERY"
	PasswordExpired Status = "PASSWORD_EXPIRED"
	LockedOut       Status = "LOCKED_OUT"
	Suspended       Status = "SUSPENDED"
	Deprovisioned   Status = "DEPROVISIONED"
)

// statuses are all of them: a list leaves DEPROVISIONED out unless it is named.
var statuses = [...]Status{Staged, Provisioned, Active, Recovery, PasswordExpired, LockedOut, Suspended, Deprovisioned}

// Usable reports whether somebody can sign in as a user, or will by what they were sent.
// A status that nobody knows is taken for one in which they can.
func (s Status) Usable() bool { return s != Staged && s != Suspended && s != Deprovisioned }

// User is a user of the org.
type User struct {
	ID     string
	Status Status
	// Becoming is the status that the user is on the way to, "" for none.
	Becoming Status
	Created  time.Time
	Updated  time.Time
	Profile  map[string]jsontext.Value
}

func (u User) key() string { return u.ID }

// Text is a text of the profile, "" if it is none.
func (u *User) Text(name string) string {
	var s string
	if v := u.Profile[name]; v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// ParseUser reads a user, strictly as JSON and leniently as to what is not known. Its id
// and its status must be there.
func ParseUser(text []byte) (User, error) {
	var m struct {
		ID       string                    `json:"id"`
		Status   Status                    `json:"status"`
		Becoming Status                    `json:"transitioningToStatus"`
		Created  jsontext.Value            `json:"created"`
		Updated  jsontext.Value            `json:"lastUpdated"`
		Profile  map[string]jsontext.Value `json:"profile"`
	}
	switch err := json.Unmarshal(text, &m); {
	case err != nil:
		return User{}, errors.New("a user is not as documented")
	case m.ID == "":
		return User{}, errors.New("a user has no id")
	case m.Status == "":
		return User{}, errors.New("a user has no status")
	}
	return User{m.ID, m.Status, m.Becoming, timeOf(m.Created), timeOf(m.Updated), m.Profile}, nil
}

func parseUser(raw jsontext.Value) (User, error) { return ParseUser(raw) }

func timeOf(v jsontext.Value) time.Time {
	t, err := time.Parse(`"`+time.RFC3339+`"`, string(v))
	if err != nil {
		return time.Time{}
	}
	return t
}

const (
	usersRoute = apiPath + "/users"
	userRoute  = apiPath + "/users/{}"
)

// User reads one user by its id. It is consistent at once.
func (c *Client) User(ctx context.Context, id string) (User, error) {
	r := request{Method: http.MethodGet, Route: userRoute, IDs: []string{id}}
	u, err := c.readUser(ctx, r)
	if err == nil && u.ID != id {
		return User{}, c.rest.Unusable(&r, "it is another user's")
	}
	return u, err
}

// UserByLogin reads one user by its login, and whether there is one. It is consistent at
// once. Okta also takes what stands before the @ for a login, if it is one user's: that
// is none here.
func (c *Client) UserByLogin(ctx context.Context, login string) (User, bool, error) {
	if strings.Contains(login, "/") { // which no path can hold, as Okta says
		return c.one(c.UsersBy(ctx, "login", login))
	}
	u, err := c.readUser(ctx, request{Method: http.MethodGet, Route: userRoute, IDs: []string{login}})
	switch {
	case IsNotFound(err):
		return User{}, false, nil
	case err != nil:
		return User{}, false, err
	}
	return u, strings.EqualFold(u.Text("login"), login), nil
}

func (c *Client) one(users []User, err error) (User, bool, error) {
	if err != nil || len(users) == 0 {
		return User{}, false, err
	}
	return users[0], true, nil
}

// UsersBy finds users by an exact text of the profile. Whom the index tells of is read
// again, and compared; that it tells of nobody proves nothing, as it lags behind.
func (c *Client) UsersBy(ctx context.Context, name, value string) ([]User, error) {
	r := request{Method: http.MethodGet, Route: usersRoute, Query: url.Values{"search": {"profile." + name + " eq " + quote(value)}}}
	var out []User
	for hit, err := range list(ctx, c, r, parseUser) {
		if err != nil {
			return nil, err
		}
		u, err := c.User(ctx, hit.ID)
		switch {
		case IsNotFound(err):
		case err != nil:
			return nil, err
		case strings.EqualFold(u.Text(name), value):
			out = append(out, u)
		}
	}
	return out, nil
}

// quote makes a text of a filter.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Users lists all users, those that are DEPROVISIONED too. It may not know of what was
// written a moment ago. That Okta takes a filter of all statuses is not verified.
func (c *Client) Users(ctx context.Context) iter.Seq2[User, error] {
	var terms []string
	for _, s := range statuses {
		terms = append(terms, "status eq "+quote(string(s)))
	}
	r := request{Method: http.MethodGet, Route: usersRoute, Query: url.Values{"filter": {strings.Join(terms, " or ")}}}
	return list(ctx, c, r, parseUser)
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

// CreateUser makes a user without credentials. One that is activated is sent a mail by
// Okta, by which to choose a password; one that is not is STAGED.
func (c *Client) CreateUser(ctx context.Context, profile map[string]jsontext.Value, activate bool) (User, error) {
	on := "false"
	if activate {
		on = "true"
	}
	return c.readUser(ctx, request{Method: http.MethodPost, Route: usersRoute, Query: url.Values{"activate": {on}}, Body: body(profile)})
}

// UpdateUser changes a part of a profile; a null takes a value away. Of a user who is
// DEPROVISIONED Okta says that there is none.
func (c *Client) UpdateUser(ctx context.Context, id string, profile map[string]jsontext.Value) (User, error) {
	r := request{Method: http.MethodPost, Route: userRoute, IDs: []string{id}, Body: body(profile)}
	u, err := c.readUser(ctx, r)
	if err == nil && u.ID != id {
		return User{}, c.rest.Unusable(&r, "it is another user's")
	}
	return u, err
}

func body(profile map[string]jsontext.Value) any {
	return map[string]any{"profile": profile}
}

// Activate activates a user who is STAGED or DEPROVISIONED, and has Okta send a mail by
// which to choose a password. Deactivate does the opposite for any other, Suspend and
// Unsuspend go from ACTIVE to SUSPENDED and back. The first two may take effect later
// than they are answered: User tells.
func (c *Client) Activate(ctx context.Context, id string) error {
	return c.lifecycle(ctx, id, "activate", url.Values{"sendEmail": {"true"}})
}

func (c *Client) Deactivate(ctx context.Context, id string) error {
	return c.lifecycle(ctx, id, "deactivate", url.Values{"sendEmail": {"false"}})
}

func (c *Client) Suspend(ctx context.Context, id string) error {
	return c.lifecycle(ctx, id, "suspend", nil)
}

func (c *Client) Unsuspend(ctx context.Context, id string) error {
	return c.lifecycle(ctx, id, "unsuspend", nil)
}

func (c *Client) lifecycle(ctx context.Context, id, what string, query url.Values) error {
	return c.call(ctx, request{Method: http.MethodPost, Route: userRoute + "/lifecycle/" + what, IDs: []string{id}, Query: query}, nil)
}

// EndSessions ends all sessions of a user with Okta, and revokes all tokens that were
// issued to applications. How many there are cannot be asked.
func (c *Client) EndSessions(ctx context.Context, id string) error {
	return c.call(ctx, request{Method: http.MethodDelete, Route: userRoute + "/sessions", IDs: []string{id}, Query: url.Values{"oauthTokens": {"true"}}}, nil)
}

// DeleteUser deactivates a user, or deletes one who is DEPROVISIONED for good. One that
// is not there is no error.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: userRoute, IDs: []string{id}, Query: url.Values{"sendEmail": {"false"}}})
}

// gone sends a request after which something is not there.
func (c *Client) gone(ctx context.Context, r request) error {
	if err := c.call(ctx, r, nil); err != nil && !IsNotFound(err) {
		return err
	}
	return nil
}

// role is one of an administrator.
type role struct {
	ID    string `json:"id"`
	Type  string `json:"type"` // SUPER_ADMIN
	Label string `json:"label"`
}

// Roles names the roles that make a user an administrator. It needs a permission of its
// own (okta.roles.read).
func (c *Client) Roles(ctx context.Context, id string) ([]string, error) {
	var list []role
	if err := c.call(ctx, request{Method: http.MethodGet, Route: userRoute + "/roles", IDs: []string{id}}, &list); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range list {
		names = append(names, r.Type)
	}
	return names, nil
}

// Administrators are the ids of all users who have a role. It needs the permission of Roles.
func (c *Client) Administrators(ctx context.Context) (map[string]bool, error) {
	r := request{Method: http.MethodGet, Route: apiPath + "/iam/assignees/users", Query: url.Values{"limit": {"100"}}}
	out := map[string]bool{}
	for range maxPages {
		var page struct {
			Value []struct {
				ID string `json:"id"`
			} `json:"value"`
			Links struct {
				Next struct {
					Href string `json:"href"`
				} `json:"next"`
			} `json:"_links"`
		}
		if err := c.call(ctx, r, &page); err != nil {
			return nil, err
		}
		for _, u := range page.Value {
			out[u.ID] = true
		}
		if page.Links.Next.Href == "" {
			return out, nil
		}
		link, err := url.Parse(page.Links.Next.Href)
		cursor := ""
		if err == nil {
			cursor = link.Query().Get("after")
		}
		if cursor == "" || cursor == r.Query.Get("after") {
			return nil, c.rest.Incomplete(&r, "the link to the next page leads nowhere")
		}
		r.Query.Set("after", cursor)
	}
	return nil, c.rest.Incomplete(&r, "it does not end")
}
