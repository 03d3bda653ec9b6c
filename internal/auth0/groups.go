// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"iter"
)

// Role is a role of the tenant (id rol_…). Names are unique.
type Role struct{ ID, Name, Description string }

// Organization is an organization (id org_…). Its name is short: lower-case letters,
// digits, "-" and "_". Metadata holds texts.
type Organization struct {
	ID, Name, DisplayName string
	Metadata              map[string]string
}

// Group is what an enterprise connection's directory has (id grp_…). Auth0 gives no
// way to write one.
type Group struct{ ID, Name, ExternalID, Type, ConnectionID, OrganizationID string }

// Roles lists all roles; RoleByName finds one by its exact name.
func (c *Client) Roles(ctx context.Context) iter.Seq2[Role, error]  { return nil }
func (c *Client) Role(ctx context.Context, id string) (Role, error) { return Role{}, errNotYet }
func (c *Client) RoleByName(ctx context.Context, name string) (Role, bool, error) {
	return Role{}, false, errNotYet
}
func (c *Client) CreateRole(ctx context.Context, r Role) (Role, error)              { return Role{}, errNotYet }
func (c *Client) UpdateRole(ctx context.Context, r Role) (Role, error)              { return Role{}, errNotYet }
func (c *Client) DeleteRole(ctx context.Context, id string) error                   { return errNotYet }
func (c *Client) RoleUsers(ctx context.Context, id string) iter.Seq2[string, error] { return nil } // their user ids
func (c *Client) UserRoles(ctx context.Context, user string) iter.Seq2[Role, error] { return nil }
func (c *Client) AssignRole(ctx context.Context, role string, users []string) error { return errNotYet }
func (c *Client) UnassignRoles(ctx context.Context, user string, roles []string) error {
	return errNotYet
}

// Organizations lists all organizations.
func (c *Client) Organizations(ctx context.Context) iter.Seq2[Organization, error] { return nil }
func (c *Client) Organization(ctx context.Context, id string) (Organization, error) {
	return Organization{}, errNotYet
}
func (c *Client) OrganizationByName(ctx context.Context, name string) (Organization, bool, error) {
	return Organization{}, false, errNotYet
}
func (c *Client) CreateOrganization(ctx context.Context, o Organization) (Organization, error) {
	return Organization{}, errNotYet
}
func (c *Client) UpdateOrganization(ctx context.Context, o Organization) (Organization, error) {
	return Organization{}, errNotYet
}
func (c *Client) DeleteOrganization(ctx context.Context, id string) error { return errNotYet }
func (c *Client) OrganizationMembers(ctx context.Context, id string) iter.Seq2[string, error] {
	return nil
} // their user ids
func (c *Client) UserOrganizations(ctx context.Context, user string) iter.Seq2[Organization, error] {
	return nil
}
func (c *Client) AddOrganizationMembers(ctx context.Context, id string, users []string) error {
	return errNotYet
}
func (c *Client) RemoveOrganizationMembers(ctx context.Context, id string, users []string) error {
	return errNotYet
}

// Groups lists all groups; GroupMembers the user ids in one.
func (c *Client) Groups(ctx context.Context) iter.Seq2[Group, error]                   { return nil }
func (c *Client) GroupMembers(ctx context.Context, id string) iter.Seq2[string, error] { return nil }
