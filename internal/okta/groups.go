// SPDX-License-Identifier: Apache-2.0

package okta

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TypeOkta is the type of groups that can be written. Others are an application's
// (APP_GROUP), or Okta's own (BUILT_IN).
const TypeOkta = "OKTA_GROUP"

// TypeBuiltIn is the type of groups that everybody has.
const TypeBuiltIn = "BUILT_IN"

// Group is a group of the org. Names are unique among those of one type.
type Group struct {
	ID          string
	Type        string
	Name        string
	Description string
	profile     map[string]jsontext.Value // all of it
}

func (g Group) key() string { return g.ID }

// ErrReadOnly is in the chain of errors about a group that is not ours to write.
var ErrReadOnly = errors.New("it cannot be written")

func parseGroup(raw jsontext.Value) (Group, error) {
	var m struct {
		ID      string                    `json:"id"`
		Type    string                    `json:"type"`
		Profile map[string]jsontext.Value `json:"profile"`
	}
	if json.Unmarshal(raw, &m) != nil || m.ID == "" || m.Type == "" || m.Profile == nil {
		return Group{}, errors.New("a group is not as documented")
	}
	u := User{Profile: m.Profile}
	return Group{m.ID, m.Type, u.Text("name"), u.Text("description"), m.Profile}, nil
}

const (
	groupsRoute = apiPath + "/groups"
	groupRoute  = apiPath + "/groups/{}"
)

// Groups lists the groups that can be written.
func (c *Client) Groups(ctx context.Context) iter.Seq2[Group, error] {
	r := request{Method: http.MethodGet, Route: groupsRoute, Query: url.Values{"filter": {"type eq " + quote(TypeOkta)}}}
	return list(ctx, c, r, parseGroup)
}

// GroupsByName finds groups of all types by their exact name. Okta finds those whose
// names begin so, exact ones first, and cuts the answer.
func (c *Client) GroupsByName(ctx context.Context, name string) ([]Group, error) {
	r := request{Method: http.MethodGet, Route: groupsRoute, Query: url.Values{"q": {name}, "limit": {perPage}}}
	var raw []jsontext.Value
	if err := c.call(ctx, r, &raw); err != nil {
		return nil, err
	}
	var out []Group
	for _, v := range raw {
		g, err := parseGroup(v)
		switch {
		case err != nil:
			return nil, c.rest.Unusable(&r, err.Error())
		case g.Name == name:
			out = append(out, g)
		}
	}
	return out, nil
}

// Group reads one group.
func (c *Client) Group(ctx context.Context, id string) (Group, error) {
	return c.readGroup(ctx, request{Method: http.MethodGet, Route: groupRoute, IDs: []string{id}})
}

func (c *Client) readGroup(ctx context.Context, r request) (Group, error) {
	var raw jsontext.Value
	if err := c.call(ctx, r, &raw); err != nil {
		return Group{}, err
	}
	g, err := parseGroup(raw)
	if err != nil {
		return Group{}, c.rest.Unusable(&r, err.Error())
	}
	return g, nil
}

// CreateGroup makes a group.
func (c *Client) CreateGroup(ctx context.Context, name, description string) (Group, error) {
	profile := map[string]jsontext.Value{"name": text(name), "description": text(description)}
	return c.readGroup(ctx, request{Method: http.MethodPost, Route: groupsRoute, Body: body(profile)})
}

// RenameGroup gives a group another name. It is sent whole, and read before, so that
// what else its profile has stays.
func (c *Client) RenameGroup(ctx context.Context, id, name string) (Group, error) {
	g, err := c.writable(ctx, id)
	if err != nil {
		return g, err
	}
	profile := maps.Clone(g.profile)
	profile["name"] = text(name)
	return c.readGroup(ctx, request{Method: http.MethodPut, Route: groupRoute, IDs: []string{id}, Body: body(profile)})
}

// writable reads a group that is to be written.
func (c *Client) writable(ctx context.Context, id string) (Group, error) {
	g, err := c.Group(ctx, id)
	if err == nil && g.Type != TypeOkta {
		r := request{Method: http.MethodPut, Route: groupRoute}
		e := c.rest.Fail(&r, 0, fmt.Errorf("the group %q is of type %s: %w", g.Name, g.Type, ErrReadOnly))
		e.Unsent = true
		return g, e
	}
	return g, err
}

// DeleteGroup deletes a group that can be written. One that is not there is no error.
func (c *Client) DeleteGroup(ctx context.Context, id string) error {
	if _, err := c.writable(ctx, id); IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	return c.gone(ctx, request{Method: http.MethodDelete, Route: groupRoute, IDs: []string{id}})
}

// Members lists the users in a group.
func (c *Client) Members(ctx context.Context, id string) iter.Seq2[User, error] {
	return list(ctx, c, request{Method: http.MethodGet, Route: groupRoute + "/users", IDs: []string{id}, Query: url.Values{}}, parseUser)
}

// AddMember puts a user into a group, RemoveMember takes it out. Both may be done again.
func (c *Client) AddMember(ctx context.Context, group, user string) error {
	return c.member(ctx, http.MethodPut, group, user)
}

func (c *Client) RemoveMember(ctx context.Context, group, user string) error {
	return c.member(ctx, http.MethodDelete, group, user)
}

// member writes one membership. Why a group refuses it is found out behind the refusal.
func (c *Client) member(ctx context.Context, method, group, user string) error {
	err := c.call(ctx, request{Method: method, Route: groupRoute + "/users/{}", IDs: []string{group, user}}, nil)
	if e, ok := errors.AsType[*Error](err); ok && (e.Status == http.StatusForbidden || e.Status == http.StatusBadRequest) {
		if _, why := c.writable(ctx, group); errors.Is(why, ErrReadOnly) {
			return why
		}
	}
	return err
}

// text is a text as JSON.
func text(s string) jsontext.Value {
	v, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return jsontext.Value("null") // which a valid text does not come to
	}
	return v
}

// Text is a text as a value of a profile, null for "".
func Text(s string) jsontext.Value {
	if s == "" {
		return jsontext.Value("null")
	}
	return text(s)
}
