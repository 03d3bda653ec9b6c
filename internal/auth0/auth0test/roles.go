// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	mostRoles    = 1_000 // of a tenant
	mostRolesOf  = 50    // of a user
	mostAssigned = 1_000 // users in one request; not verified on a live tenant
)

type role struct {
	id, name, description string
	users                 map[string]bool
}

func (r *role) json() jsontext.Value {
	var o object
	o.text("id", r.id)
	o.text("name", r.name)
	o.text("description", r.description)
	return o.end()
}

func (c *call) role() (*role, error) {
	if r := c.roles[c.args["id"]]; r != nil {
		return r, nil
	}
	return nil, refuse(http.StatusNotFound, "inexistent_role", "The role does not exist.")
}

func (t *Tenant) roleNamed(name string) *role {
	for _, r := range t.roles {
		if r.name == name {
			return r
		}
	}
	return nil
}

func listRoles(c *call) (answer, error) {
	filter := strings.ToLower(c.query.Get("name_filter"))
	var rows []row
	for _, r := range c.roles {
		if strings.Contains(strings.ToLower(r.name), filter) {
			rows = append(rows, row{r.name, r.json})
		}
	}
	return c.list("roles", rows)
}

// roleBody is what a role is made of.
type roleBody struct {
	Name        field[string] `json:"name"`
	Description field[string] `json:"description"`
}

func createRole(c *call) (answer, error) {
	var want roleBody
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	switch {
	case want.Name.value == "":
		return answer{}, badBody("Missing required property: name")
	case c.roleNamed(want.Name.value) != nil:
		return answer{}, refuse(http.StatusConflict, "role_conflict", "The role already exists.")
	case len(c.roles) >= mostRoles:
		return answer{}, refuse(http.StatusForbidden, "too_many_entities", "You reached the limit of entities of this type for this tenant.")
	}
	r := &role{id: c.ids.Next("rol_", 16), name: want.Name.value, description: want.Description.value, users: map[string]bool{}}
	c.roles[r.id] = r
	c.note(c.by, Created, "role", r.id, r.name)
	return ok(r.json())
}

func getRole(c *call) (answer, error) {
	r, err := c.role()
	if err != nil {
		return answer{}, err
	}
	return ok(r.json())
}

func updateRole(c *call) (answer, error) {
	r, err := c.role()
	if err != nil {
		return answer{}, err
	}
	var want roleBody
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if other := c.roleNamed(want.Name.value); want.Name.set && other != nil && other != r {
		return answer{}, refuse(http.StatusConflict, "role_conflict", "The role already exists.")
	}
	if want.Name.set && want.Name.value == "" {
		return answer{}, badBody("String is too short (0 chars), minimum 1 on property name")
	}
	if want.Name.set {
		r.name = want.Name.value
	}
	if want.Description.set {
		r.description = want.Description.value
	}
	c.note(c.by, Updated, "role", r.id, r.name)
	return ok(r.json())
}

// deleteRole is DELETE /roles/:id. One that is not there is no error.
func deleteRole(c *call) (answer, error) {
	if r := c.roles[c.args["id"]]; r != nil {
		delete(c.roles, r.id)
		c.note(c.by, Deleted, "role", r.id, r.name)
	}
	return status(http.StatusOK)
}

func (c *call) userRow(id string) row {
	return row{id, func() jsontext.Value {
		u := c.find(id)
		var o object
		o.text("user_id", id)
		if u != nil {
			o.text("email", u.Email)
			o.text("name", u.Name)
			o.text("picture", u.Picture)
		}
		return o.end()
	}}
}

func roleUsers(c *call) (answer, error) {
	r, err := c.role()
	if err != nil {
		return answer{}, err
	}
	rows := make([]row, 0, len(r.users))
	for id := range r.users {
		rows = append(rows, c.userRow(id))
	}
	return c.list("users", rows)
}

// rolesOf are the roles that a user has.
func (t *Tenant) rolesOf(id string) []*role {
	var out []*role
	for _, r := range t.roles {
		if r.users[id] {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *role) int { return strings.Compare(a.name, b.name) })
	return out
}

func userRoles(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	var rows []row
	for _, r := range c.rolesOf(u.ID) {
		rows = append(rows, row{r.name, r.json})
	}
	return c.list("roles", rows)
}

// grant gives roles to users, all or none. Nothing tells of it.
func (c *call) give(roles []*role, users []string) error {
	for _, id := range users {
		if c.find(id) == nil {
			return refuse(http.StatusNotFound, "inexistent_user", "One or more of the users do not exist.")
		}
		more := 0
		for _, r := range roles {
			if !r.users[id] {
				more++
			}
		}
		if more > 0 && len(c.rolesOf(id))+more > mostRolesOf {
			return refuse(http.StatusForbidden, "too_many_entities", "You reached the limit of roles for this user.")
		}
	}
	for _, id := range users {
		for _, r := range roles {
			if !r.users[id] {
				r.users[id] = true
				c.note(c.by, MemberAdded, "role", r.id, id)
			}
		}
	}
	return nil
}

// assignUsers is POST /roles/:id/users.
func assignUsers(c *call) (answer, error) {
	r, err := c.role()
	if err != nil {
		return answer{}, err
	}
	var want struct {
		Users []string `json:"users"`
	}
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if len(want.Users) == 0 || len(want.Users) > mostAssigned {
		return answer{}, badBody("Array must have 1 to 1000 items on property users")
	}
	if err := c.give([]*role{r}, want.Users); err != nil {
		return answer{}, err
	}
	return status(http.StatusOK)
}

func (c *call) rolesInBody() (*User, []*role, error) {
	u, err := c.user()
	if err != nil {
		return nil, nil, err
	}
	var want struct {
		Roles []string `json:"roles"`
	}
	if err := c.read(&want); err != nil {
		return nil, nil, err
	}
	if len(want.Roles) == 0 || len(want.Roles) > mostRolesOf {
		return nil, nil, badBody("Array must have 1 to 50 items on property roles")
	}
	var roles []*role
	for _, id := range want.Roles {
		r := c.roles[id]
		if r == nil {
			return nil, nil, refuse(http.StatusNotFound, "inexistent_role", "The role does not exist.")
		}
		roles = append(roles, r)
	}
	return u, roles, nil
}

// assignRoles is POST /users/:id/roles.
func assignRoles(c *call) (answer, error) {
	u, roles, err := c.rolesInBody()
	if err == nil {
		err = c.give(roles, []string{u.ID})
	}
	if err != nil {
		return answer{}, err
	}
	return status(http.StatusNoContent)
}

// unassignRoles is DELETE /users/:id/roles, with a body. A role that the user does not
// have is no error.
func unassignRoles(c *call) (answer, error) {
	u, roles, err := c.rolesInBody()
	if err != nil {
		return answer{}, err
	}
	for _, r := range roles {
		if r.users[u.ID] {
			delete(r.users, u.ID)
			c.note(c.by, MemberRemoved, "role", r.id, u.ID)
		}
	}
	return status(http.StatusNoContent)
}
