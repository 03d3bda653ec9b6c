// SPDX-License-Identifier: Apache-2.0

package google

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Group is a group of the account. Its address is unique, its name is not.
type Group struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (g Group) key() string { return g.ID }

func parseGroup(raw jsontext.Value) (Group, error) {
	var g Group
	if json.Unmarshal(raw, &g) != nil || g.ID == "" || g.Email == "" {
		return Group{}, errors.New("a group is not as documented")
	}
	return g, nil
}

const (
	groupsRoute  = apiPath + "/groups"
	groupRoute   = apiPath + "/groups/{}"
	membersRoute = groupRoute + "/members"
	memberRoute  = groupRoute + "/members/{}"

	membersPerPage = "200" // at most
)

// Groups lists all groups of the account.
func (c *Client) Groups(ctx context.Context) iter.Seq2[Group, error] {
	r := request{Method: http.MethodGet, Route: groupsRoute, Query: url.Values{"customer": {c.customer}, "maxResults": {membersPerPage}}}
	return list(ctx, c, r, "groups", parseGroup)
}

// Group reads one group by its id, or by its address or an alias.
func (c *Client) Group(ctx context.Context, key string) (Group, error) {
	return c.readGroup(ctx, request{Method: http.MethodGet, Route: groupRoute, IDs: []string{key}})
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

// CreateGroup makes a group under an address.
func (c *Client) CreateGroup(ctx context.Context, email, name, description string) (Group, error) {
	body := map[string]string{"email": email, "name": name, "description": description}
	return c.readGroup(ctx, request{Method: http.MethodPost, Route: groupsRoute, Body: body})
}

// RenameGroup gives a group another name. Its address stays.
func (c *Client) RenameGroup(ctx context.Context, id, name string) (Group, error) {
	return c.readGroup(ctx, request{Method: http.MethodPatch, Route: groupRoute, IDs: []string{id}, Body: map[string]string{"name": name}})
}

// TypeUser is the type of members who are users, of this account or of another.
const TypeUser = "USER"

// Member is somebody, or something, in a group.
type Member struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Type  string `json:"type"` // USER, GROUP, or CUSTOMER for everybody
	Role  string `json:"role"`
}

func (m Member) key() string { return m.Type + " " + m.ID + " " + m.Email }

func parseMember(raw jsontext.Value) (Member, error) {
	var m Member
	if json.Unmarshal(raw, &m) != nil || m.Type == "" || m.ID == "" && m.Email == "" {
		return Member{}, errors.New("a member is not as documented")
	}
	return m, nil
}

// Members lists who is in a group itself, of all types, not of those within.
func (c *Client) Members(ctx context.Context, group string) iter.Seq2[Member, error] {
	r := request{Method: http.MethodGet, Route: membersRoute, IDs: []string{group}, Query: url.Values{"maxResults": {membersPerPage}}}
	return list(ctx, c, r, "members", parseMember)
}

// AddMember puts a user into a group, by their address, as Google wants it. One who is in
// it already is no error, and stays what they are there.
func (c *Client) AddMember(ctx context.Context, group string, u *User) error {
	r := request{Method: http.MethodPost, Route: membersRoute, IDs: []string{group}, Body: map[string]string{"email": u.PrimaryEmail, "role": "MEMBER"}}
	var raw jsontext.Value
	switch err := c.call(ctx, r, &raw); {
	case IsTaken(err):
		return nil
	case err != nil:
		return err
	}
	m, err := parseMember(raw)
	if err != nil || m.ID != "" && m.ID != u.ID {
		return c.rest.Unusable(&r, "it is not of the member that was added")
	}
	return nil
}

// RemoveMember takes a user out of a group. One who is not in it is no error.
func (c *Client) RemoveMember(ctx context.Context, group, user string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: memberRoute, IDs: []string{group, user}})
}
