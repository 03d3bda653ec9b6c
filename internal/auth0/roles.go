// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"
)

// Role is a role of the tenant (id rol_…). Names are unique.
type Role struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (r Role) key() string { return r.ID }

const (
	rolesRoute = apiPath + "/roles"
	roleRoute  = apiPath + "/roles/{}"
)

// Roles lists all roles, of which a tenant has at most 1,000.
func (c *Client) Roles(ctx context.Context) iter.Seq2[Role, error] {
	return offsets(ctx, c, request{Method: http.MethodGet, Route: rolesRoute}, parseJSON[Role], "roles")
}

// Role reads one role.
func (c *Client) Role(ctx context.Context, id string) (Role, error) {
	return c.readRole(ctx, request{Method: http.MethodGet, Route: roleRoute, IDs: []string{id}})
}

// RoleByName finds a role by its exact name.
func (c *Client) RoleByName(ctx context.Context, name string) (Role, bool, error) {
	// The filter is no more than a first cut: it finds parts of names too.
	r := request{Method: http.MethodGet, Route: rolesRoute, Query: url.Values{"name_filter": {name}}}
	for role, err := range offsets(ctx, c, r, parseJSON[Role], "roles") {
		if err != nil {
			return Role{}, false, err
		}
		if role.Name == name {
			return role, true, nil
		}
	}
	return Role{}, false, nil
}

// CreateRole makes a role, and UpdateRole changes its name and description.
func (c *Client) CreateRole(ctx context.Context, r Role) (Role, error) {
	return c.readRole(ctx, request{Method: http.MethodPost, Route: rolesRoute, Body: r.body()})
}

func (c *Client) UpdateRole(ctx context.Context, r Role) (Role, error) {
	return c.readRole(ctx, request{Method: http.MethodPatch, Route: roleRoute, IDs: []string{r.ID}, Body: r.body()})
}

// body leaves out an empty description, as the documentation takes none.
func (r Role) body() map[string]any {
	body := map[string]any{"name": r.Name}
	if r.Description != "" {
		body["description"] = r.Description
	}
	return body
}

func (c *Client) readRole(ctx context.Context, r request) (Role, error) {
	var role Role
	if err := c.call(ctx, r, &role); err != nil {
		return Role{}, err
	}
	if role.ID == "" {
		return Role{}, unusable(&r, errors.New("a role has no id"))
	}
	return role, nil
}

// DeleteRole deletes a role. One that is not there is no error.
func (c *Client) DeleteRole(ctx context.Context, id string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: roleRoute, IDs: []string{id}})
}

// RoleUsers lists the ids of the users who have a role.
func (c *Client) RoleUsers(ctx context.Context, id string) iter.Seq2[string, error] {
	return userIDs(ctx, c, request{Method: http.MethodGet, Route: roleRoute + "/users", IDs: []string{id}}, "users")
}

// UserRoles lists the roles of a user, of which there are at most 50.
func (c *Client) UserRoles(ctx context.Context, user string) iter.Seq2[Role, error] {
	return offsets(ctx, c, request{Method: http.MethodGet, Route: userRoute + "/roles", IDs: []string{user}}, parseJSON[Role], "roles")
}

// AssignRole gives a role to users, in one request. Those who have it keep it.
func (c *Client) AssignRole(ctx context.Context, role string, users []string) error {
	return c.write(ctx, request{Method: http.MethodPost, Route: roleRoute + "/users", IDs: []string{role}}, "users", users)
}

// UnassignRoles takes roles from a user, in one request.
func (c *Client) UnassignRoles(ctx context.Context, user string, roles []string) error {
	return c.write(ctx, request{Method: http.MethodDelete, Route: userRoute + "/roles", IDs: []string{user}}, "roles", roles)
}

// write sends a list of ids; with none there is nothing to send.
func (c *Client) write(ctx context.Context, r request, name string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	r.Body = map[string]any{name: ids}
	return c.call(ctx, r, nil)
}

// userID is an entry of a list of users, by whichever name it goes.
type userID string

func (u userID) key() string { return string(u) }

func parseUserID(raw jsontext.Value) (userID, error) {
	u, err := parseJSON[struct {
		ID string `json:"user_id"`
	}](raw)
	return userID(u.ID), err
}

// userIDs lists users by checkpoints.
func userIDs(ctx context.Context, c *Client, r request, name string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for id, err := range checkpoints(ctx, c, r, parseUserID, name) {
			if !yield(string(id), err) {
				return
			}
		}
	}
}
