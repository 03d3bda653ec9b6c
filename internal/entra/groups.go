// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

// Group is a group of the tenant. Names are not unique.
type Group struct {
	ID         string
	Name       string
	UniqueName string // by which it was made, "" for none; nobody can change it
	// ReadOnly is why its members are not ours to write, "" if they are.
	ReadOnly string
}

func (g Group) key() string { return g.ID }

// ErrReadOnly is in the chain of errors about a group that is not ours to write.
var ErrReadOnly = errors.New("it is not ours to write")

// ErrUnseen is in the chain of errors about something that is there, as Graph has said, and
// that no replica shows yet.
var ErrUnseen = errors.New("it is there, and Graph does not show it yet")

const groupProps = "id,displayName,uniqueName,groupTypes,membershipRule,isAssignableToRole,onPremisesSyncEnabled,mailEnabled,securityEnabled"

func parseGroup(raw jsontext.Value) (Group, error) {
	var m struct {
		ID         string   `json:"id"`
		Name       *string  `json:"displayName"`
		Unique     *string  `json:"uniqueName"`
		Types      []string `json:"groupTypes"`
		Rule       *string  `json:"membershipRule"`
		Assignable *bool    `json:"isAssignableToRole"`
		Synced     *bool    `json:"onPremisesSyncEnabled"`
		Mail       *bool    `json:"mailEnabled"`
	}
	if json.Unmarshal(raw, &m) != nil || m.ID == "" || m.Name == nil {
		return Group{}, errors.New("a group is not as documented")
	}
	g := Group{ID: m.ID, Name: *m.Name}
	if m.Unique != nil {
		g.UniqueName = *m.Unique
	}
	is := func(b *bool) bool { return b != nil && *b }
	switch {
	case slices.Contains(m.Types, "DynamicMembership"), m.Rule != nil && *m.Rule != "":
		g.ReadOnly = "a rule of its own says who is in it (dynamic membership)"
	case is(m.Assignable):
		g.ReadOnly = "roles of administration can be assigned to it"
	case is(m.Synced):
		g.ReadOnly = "it comes from an on-premises directory"
	case is(m.Mail) && !slices.Contains(m.Types, "Unified"):
		g.ReadOnly = "it is a list of addresses, which belongs to Exchange"
	}
	return g, nil
}

const (
	groupsRoute = apiPath + "/groups"
	groupRoute  = apiPath + "/groups/{}"
	// byName is a group by its unique name.
	byName = apiPath + "/groups(uniqueName='{}')"
)

func groupQuery() url.Values { return url.Values{"$select": {groupProps}} }

// Groups lists all groups, those that are not ours to write too. It may not know of what
// was written a moment ago.
func (c *Client) Groups(ctx context.Context) iter.Seq2[Group, error] {
	return list(ctx, c, request{Method: http.MethodGet, Route: groupsRoute, Query: groupQuery()}, parseGroup)
}

// GroupsNamed finds groups by their exact name. That it finds none proves nothing, as its
// index lags behind.
func (c *Client) GroupsNamed(ctx context.Context, name string) ([]Group, error) {
	r := request{Method: http.MethodGet, Route: groupsRoute, Query: groupQuery()}
	r.Query.Set("$filter", "displayName eq "+quote(name))
	var out []Group
	for g, err := range list(ctx, c, r, parseGroup) {
		if err != nil {
			return nil, err
		}
		if g.Name == name {
			out = append(out, g)
		}
	}
	return out, nil
}

// Group reads one group.
func (c *Client) Group(ctx context.Context, id string) (Group, error) {
	return c.readGroup(ctx, request{Method: http.MethodGet, Route: groupRoute, IDs: []string{id}, Query: groupQuery()})
}

// GroupByUniqueName reads one group by the name by which it was made.
func (c *Client) GroupByUniqueName(ctx context.Context, unique string) (Group, error) {
	return c.readGroup(ctx, request{Method: http.MethodGet, Route: byName, IDs: []string{unique}, Query: groupQuery()})
}

func (c *Client) readGroup(ctx context.Context, r request) (Group, error) {
	var raw jsontext.Value
	if err := c.call(ctx, r, &raw); err != nil {
		return Group{}, err
	}
	return c.asGroup(&r, raw)
}

func (c *Client) asGroup(r *request, raw jsontext.Value) (Group, error) {
	g, err := parseGroup(raw)
	if err != nil {
		return Group{}, c.rest.Unusable(r, err.Error())
	}
	return g, nil
}

// mostUnique is how long a unique name may be, as it is the group's nickname, too.
const mostUnique = 64

// CreateGroup makes a security group, or finds the one that was made by the same unique
// name before: it may be sent again. Letters, digits and hyphens make such a name.
func (c *Client) CreateGroup(ctx context.Context, unique, name, description string) (Group, error) {
	if unique == "" || len(unique) > mostUnique || strings.ContainsFunc(unique, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	}) {
		return Group{}, &Error{API: api, Op: "PATCH /groups(uniqueName)", Unsent: true, Err: fmt.Errorf("%q is no unique name of a group", unique)}
	}
	body := map[string]any{
		"displayName": name, "description": description, "mailNickname": unique, "mailEnabled": false, "securityEnabled": true, "groupTypes": []string{},
	}
	r := request{Method: http.MethodPatch, Route: byName, IDs: []string{unique}, Body: body, Header: http.Header{"Prefer": {"create-if-missing"}, "Content-Type": {"application/json"}}}
	a, err := c.rest.Send(ctx, r, false)
	if err != nil {
		return Group{}, c.reconsidered(err)
	}
	raw, err := io.ReadAll(io.LimitReader(a.Body, rest.MaxErrorBody))
	a.Close()
	switch {
	case err != nil:
		return Group{}, c.rest.Unusable(&r, "it broke off")
	case a.Status == http.StatusNoContent: // it was there
		g, err := c.GroupByUniqueName(ctx, unique)
		if IsNotFound(err) {
			return Group{}, c.rest.Fail(&r, 0, ErrUnseen)
		}
		return g, err
	}
	g, err := c.asGroup(&r, raw)
	g.UniqueName = unique // which the answer may leave out
	return g, err
}

// RenameGroup gives a group another name.
func (c *Client) RenameGroup(ctx context.Context, id, name string) (Group, error) {
	g, err := c.writable(ctx, id)
	if err != nil {
		return g, err
	}
	if err := c.call(ctx, request{Method: http.MethodPatch, Route: groupRoute, IDs: []string{id}, Body: map[string]string{"displayName": name}}, nil); err != nil {
		return g, err
	}
	g.Name = name
	return g, nil
}

// writable reads a group that is to be written.
func (c *Client) writable(ctx context.Context, id string) (Group, error) {
	g, err := c.Group(ctx, id)
	if err == nil && g.ReadOnly != "" {
		r := request{Method: http.MethodPatch, Route: groupRoute}
		e := c.rest.Fail(&r, 0, fmt.Errorf("the group %q: %s: %w", g.Name, g.ReadOnly, ErrReadOnly))
		e.Unsent = true
		return g, e
	}
	return g, err
}

// member is somebody or something that is in a group.
type member struct {
	ID   string `json:"id"`
	Type string `json:"@odata.type"`
}

func (m member) key() string { return m.ID }

// Members lists the ids of the users in a group. Groups, devices and applications may be
// in it, too, and are passed over.
func (c *Client) Members(ctx context.Context, id string) iter.Seq2[string, error] {
	r := request{Method: http.MethodGet, Route: groupRoute + "/members", IDs: []string{id}, Query: url.Values{"$select": {"id"}}}
	parse := func(raw jsontext.Value) (m member, err error) {
		if json.Unmarshal(raw, &m) != nil {
			err = errors.New("a member is not as documented")
		}
		return m, err
	}
	return func(yield func(string, error) bool) {
		for m, err := range list(ctx, c, r, parse) {
			if err == nil && m.Type != "" && m.Type != "#microsoft.graph.user" {
				continue
			}
			if !yield(m.ID, err) || err != nil {
				return
			}
		}
	}
}

// MostMembers is how many members can be added by one request.
const MostMembers = 20

// AddMembers puts users into a group: all of them, or none if one is in it already
// (IsMember) or not there (IsMissing).
func (c *Client) AddMembers(ctx context.Context, group string, users []string) error {
	links := make([]string, len(users))
	for i, id := range users {
		links[i] = c.base + apiPath + "/directoryObjects/" + url.PathEscape(id)
	}
	return c.refused(ctx, group, c.call(ctx, request{
		Method: http.MethodPatch, Route: groupRoute, IDs: []string{group}, Body: map[string]any{"members@odata.bind": links},
	}, nil))
}

// RemoveMember takes a user out of a group. One who is not in it is no error; that the
// group itself is not there is one.
func (c *Client) RemoveMember(ctx context.Context, group, user string) error {
	// Without $ref it would be the user who is deleted.
	err := c.call(ctx, request{Method: http.MethodDelete, Route: groupRoute + "/members/{}/$ref", IDs: []string{group, user}}, nil)
	if IsMissing(err) {
		if _, rerr := c.Group(ctx, group); rerr != nil {
			return rerr
		}
		return nil
	}
	return c.refused(ctx, group, err)
}

// refused finds out why a group refuses members, behind the refusal.
func (c *Client) refused(ctx context.Context, group string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || IsMember(err) || IsMissing(err) || e.Status != http.StatusForbidden && e.Status != http.StatusBadRequest {
		return err
	}
	if _, why := c.writable(ctx, group); errors.Is(why, ErrReadOnly) {
		return why
	}
	return err
}
