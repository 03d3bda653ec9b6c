// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// User is a user of the tenant.
type User struct {
	ID string
	// Enabled is accountEnabled, and Known whether it was told.
	Enabled, Known bool
	Guest          bool // of another tenant: userType is Guest
	Synced         bool // comes from an on-premises directory, where alone most of it can be changed
	Created        time.Time
	// SessionsFrom is since when sessions and refresh tokens are good: any that is older
	// is not. Zero if it was not told.
	SessionsFrom time.Time
	props        map[string]jsontext.Value
}

func (u User) key() string { return u.ID }

// own are the properties that this package has a use for.
var own = []string{"id", "accountEnabled", "userType", "onPremisesSyncEnabled", "createdDateTime", "signInSessionsValidFromDateTime"}

const (
	phones     = "businessPhones" // a list, of one at most
	extensions = "onPremisesExtensionAttributes"
)

var extensionAttribute = regexp.MustCompile(`^extensionAttribute([1-9]|1[0-5])$`)

// IsExtensionAttribute reports whether a name is one of the 15 attributes that each tenant
// has for its own use.
func IsExtensionAttribute(name string) bool { return extensionAttribute.MatchString(name) }

var directoryExtension = regexp.MustCompile(`^extension_[0-9a-f]{32}_[A-Za-z0-9_]{1,64}$`)

// IsDirectoryExtension reports whether a name is that of a directory extension, which an
// application of the tenant has defined.
func IsDirectoryExtension(name string) bool { return directoryExtension.MatchString(name) }

// selection is what $select asks for.
func selection(names []string) string {
	all := slices.Clone(own)
	for _, name := range names {
		if IsExtensionAttribute(name) {
			name = extensions
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return strings.Join(all, ",")
}

// Text is a text of a property, of a list its first; "" if there is none.
func (u *User) Text(name string) string {
	v := u.props[name]
	if IsExtensionAttribute(name) {
		var all map[string]jsontext.Value
		if raw := u.props[extensions]; raw.Kind() != '{' || json.Unmarshal(raw, &all) != nil {
			return ""
		}
		v = all[name]
	}
	var list []string
	var s string
	switch v.Kind() {
	case '"':
		if json.Unmarshal(v, &s) != nil {
			return ""
		}
	case '[':
		if json.Unmarshal(v, &list) == nil && len(list) > 0 {
			return list[0]
		}
	}
	return s
}

// ParseUser reads a user, strictly as JSON and leniently as to what is not known. Its id
// must be there.
func ParseUser(text []byte) (User, error) {
	var m struct {
		ID       string         `json:"id"`
		Enabled  *bool          `json:"accountEnabled"`
		Type     *string        `json:"userType"`
		Synced   *bool          `json:"onPremisesSyncEnabled"`
		Created  jsontext.Value `json:"createdDateTime"`
		Sessions jsontext.Value `json:"signInSessionsValidFromDateTime"`
	}
	props := map[string]jsontext.Value{}
	switch {
	case json.Unmarshal(text, &m) != nil || json.Unmarshal(text, &props) != nil:
		return User{}, errors.New("a user is not as documented")
	case m.ID == "":
		return User{}, errors.New("a user has no id")
	}
	return User{
		ID: m.ID, Enabled: m.Enabled != nil && *m.Enabled, Known: m.Enabled != nil, Guest: m.Type != nil && strings.EqualFold(*m.Type, "guest"),
		Synced: m.Synced != nil && *m.Synced, Created: timeOf(m.Created), SessionsFrom: timeOf(m.Sessions), props: props,
	}, nil
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

func (c *Client) all() url.Values { return url.Values{"$select": {c.selected}} }

// User reads one user by its id. It may not know of what was written a moment ago.
func (c *Client) User(ctx context.Context, id string) (User, error) {
	r := request{Method: http.MethodGet, Route: userRoute, IDs: []string{id}, Query: c.all()}
	u, err := c.readUser(ctx, r)
	if err == nil && u.ID != id {
		return User{}, c.rest.Unusable(&r, "it is another user's")
	}
	return u, err
}

// UserByName reads one user by its userPrincipalName, and whether there is one. It is no
// search; and still it may not know of what was written a moment ago.
func (c *Client) UserByName(ctx context.Context, name string) (User, bool, error) {
	r := request{Method: http.MethodGet, Route: userRoute, IDs: []string{name}, Query: c.all()}
	if strings.HasPrefix(name, "$") { // which OData takes for something else
		r.Route, r.IDs = apiPath+"/users('{}')", []string{strings.ReplaceAll(name, "'", "''")}
	}
	u, err := c.readUser(ctx, r)
	switch {
	case IsNotFound(err):
		return User{}, false, nil
	case err != nil:
		return User{}, false, err
	}
	return u, strings.EqualFold(u.Text("userPrincipalName"), name), nil
}

// UsersBy finds users by an exact text of a property. Whom the filter tells of is read
// again, and compared; that it tells of nobody proves nothing, as its index lags behind.
func (c *Client) UsersBy(ctx context.Context, name, value string) ([]User, error) {
	path := name
	if IsExtensionAttribute(name) {
		path = extensions + "/" + name
	}
	r := request{Method: http.MethodGet, Route: usersRoute, Query: url.Values{"$select": {"id"}, "$filter": {path + " eq " + quote(value)}}}
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
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Users lists all users, guests too. It may not know of what was written a moment ago.
func (c *Client) Users(ctx context.Context) iter.Seq2[User, error] {
	return list(ctx, c, request{Method: http.MethodGet, Route: usersRoute, Query: c.all()}, parseUser)
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

// Props are properties of a user by their names, as texts; "" is none.
type Props map[string]string

// body writes properties as Graph has them.
func (p Props) body() map[string]any {
	out, more := map[string]any{}, map[string]any{}
	for name, s := range p {
		var v any = s
		if s == "" {
			v = nil
		}
		switch {
		case name == phones && s == "":
			out[name] = []string{}
		case name == phones:
			out[name] = []string{s}
		case IsExtensionAttribute(name):
			more[name] = v
		default:
			out[name] = v
		}
	}
	if len(more) > 0 {
		out[extensions] = more
	}
	return out
}

// NewUser is what a user is made of.
type NewUser struct {
	Enabled  bool
	Password string // which is in no error
	// ChangePassword has whoever signs in by the password choose another.
	ChangePassword bool
	Props          Props // userPrincipalName, displayName and mailNickname must be there
}

// CreateUser makes a user. The answer holds a few of its properties, beside the id: others
// are as they were sent, or not known.
func (c *Client) CreateUser(ctx context.Context, n NewUser) (User, error) {
	body := n.Props.body()
	for name, v := range body {
		if v == nil { // which a user has anyway
			delete(body, name)
		}
	}
	body["accountEnabled"] = n.Enabled
	body["passwordProfile"] = map[string]any{"password": n.Password, "forceChangePasswordNextSignIn": n.ChangePassword}
	u, err := c.readUser(ctx, request{Method: http.MethodPost, Route: usersRoute, Body: body, Hidden: []string{n.Password}})
	if err != nil {
		return u, err
	}
	for name, v := range body {
		if name == "passwordProfile" {
			continue
		}
		if shown := u.props[name]; len(shown) > 0 && shown.Kind() != 'n' {
			continue
		}
		if raw, err := json.Marshal(v); err == nil {
			u.props[name] = raw
		}
	}
	if !u.Known {
		u.Enabled, u.Known = n.Enabled, true
	}
	return u, nil
}

// UpdateUser changes properties, and lets the user in or keeps it out unless enabled is
// nil. What is not named stays.
func (c *Client) UpdateUser(ctx context.Context, id string, p Props, enabled *bool) error {
	body := p.body()
	if enabled != nil {
		body["accountEnabled"] = *enabled
	}
	if len(body) == 0 {
		return nil
	}
	return c.call(ctx, request{Method: http.MethodPatch, Route: userRoute, IDs: []string{id}, Body: body}, nil)
}

// RevokeSessions makes all refresh tokens and session cookies of a user worthless that are
// older than now. It may take minutes until each is refused. User tells since when.
func (c *Client) RevokeSessions(ctx context.Context, id string) error {
	return c.call(ctx, request{Method: http.MethodPost, Route: userRoute + "/revokeSignInSessions", IDs: []string{id}}, nil)
}

// DeleteUser deletes a user, who can be restored for 30 days. One that is not there is no
// error.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: userRoute, IDs: []string{id}})
}

// membership is something that a user is in.
type membership struct {
	ID         string `json:"id"`
	Type       string `json:"@odata.type"`
	Name       string `json:"displayName"`
	Assignable bool   `json:"isAssignableToRole"`
}

func (m membership) key() string { return m.ID }

// Roles names the roles of administration that a user has, be it by a group, and the
// groups of the user to which roles can be assigned. A role whose name we may not read is
// told by its id: whether somebody has one needs no permission of its own.
func (c *Client) Roles(ctx context.Context, id string) ([]string, error) {
	r := request{Method: http.MethodGet, Route: userRoute + "/transitiveMemberOf", IDs: []string{id}}
	var names []string
	parse := func(raw jsontext.Value) (m membership, err error) {
		if json.Unmarshal(raw, &m) != nil {
			err = errors.New("a membership is not as documented")
		}
		return m, err
	}
	for m, err := range list(ctx, c, r, parse) {
		switch {
		case err != nil:
			return nil, err
		case m.Type == "#microsoft.graph.directoryRole":
			if m.Name == "" {
				m.Name = m.ID
			}
			names = append(names, m.Name)
		case m.Assignable:
			names = append(names, fmt.Sprintf("of the group %q", m.Name))
		}
	}
	return names, nil
}
