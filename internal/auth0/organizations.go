// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"iter"
	"net/http"
)

// Organization is an organization (id org_…). Its name is short: lower-case letters,
// digits, "-" and "_". Metadata holds texts.
type Organization struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	DisplayName string            `json:"display_name"`
	Metadata    map[string]string `json:"metadata"`
}

func (o Organization) key() string { return o.ID }

const (
	organizationsRoute = apiPath + "/organizations"
	organizationRoute  = apiPath + "/organizations/{}"
)

// Organizations lists all organizations.
func (c *Client) Organizations(ctx context.Context) iter.Seq2[Organization, error] {
	return checkpoints(ctx, c, request{Method: http.MethodGet, Route: organizationsRoute}, parseJSON[Organization], "organizations")
}

// Organization reads one organization.
func (c *Client) Organization(ctx context.Context, id string) (Organization, error) {
	return c.readOrganization(ctx, request{Method: http.MethodGet, Route: organizationRoute, IDs: []string{id}})
}

// OrganizationByName finds an organization by its name.
func (c *Client) OrganizationByName(ctx context.Context, name string) (Organization, bool, error) {
	r := request{Method: http.MethodGet, Route: organizationsRoute + "/name/{}", IDs: []string{name}}
	o, err := c.readOrganization(ctx, r)
	switch {
	case IsNotFound(err):
		return Organization{}, false, nil
	case err != nil:
		return Organization{}, false, err
	case o.Name != name:
		return Organization{}, false, unusable(&r, errors.New("it is another organization"))
	}
	return o, true, nil
}

// CreateOrganization makes an organization, and UpdateOrganization changes it. Metadata
// that is nil is left alone; otherwise it is replaced as a whole.
func (c *Client) CreateOrganization(ctx context.Context, o Organization) (Organization, error) {
	return c.readOrganization(ctx, request{Method: http.MethodPost, Route: organizationsRoute, Body: o.body()})
}

func (c *Client) UpdateOrganization(ctx context.Context, o Organization) (Organization, error) {
	return c.readOrganization(ctx, request{Method: http.MethodPatch, Route: organizationRoute, IDs: []string{o.ID}, Body: o.body()})
}

// body leaves out what is empty, as the documentation takes no empty names.
func (o Organization) body() map[string]any {
	body := map[string]any{}
	if o.Name != "" {
		body["name"] = o.Name
	}
	if o.DisplayName != "" {
		body["display_name"] = o.DisplayName
	}
	if o.Metadata != nil {
		body["metadata"] = o.Metadata
	}
	return body
}

func (c *Client) readOrganization(ctx context.Context, r request) (Organization, error) {
	var o Organization
	if err := c.call(ctx, r, &o); err != nil {
		return Organization{}, err
	}
	if o.ID == "" {
		return Organization{}, unusable(&r, errors.New("an organization has no id"))
	}
	return o, nil
}

// DeleteOrganization deletes an organization. One that is not there is no error.
func (c *Client) DeleteOrganization(ctx context.Context, id string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: organizationRoute, IDs: []string{id}})
}

// OrganizationMembers lists the ids of the users who are members.
func (c *Client) OrganizationMembers(ctx context.Context, id string) iter.Seq2[string, error] {
	return userIDs(ctx, c, request{Method: http.MethodGet, Route: organizationRoute + "/members", IDs: []string{id}}, "members")
}

// UserOrganizations lists the organizations that a user is a member of. There is no
// reading it by checkpoints: beyond 1,000 it ends with ErrTooMany.
func (c *Client) UserOrganizations(ctx context.Context, user string) iter.Seq2[Organization, error] {
	return offsets(ctx, c, request{Method: http.MethodGet, Route: userRoute + "/organizations", IDs: []string{user}}, parseJSON[Organization], "organizations")
}

// AddOrganizationMembers makes users members, in one request. Those who are stay so.
func (c *Client) AddOrganizationMembers(ctx context.Context, id string, users []string) error {
	return c.write(ctx, request{Method: http.MethodPost, Route: organizationRoute + "/members", IDs: []string{id}}, "members", users)
}

// RemoveOrganizationMembers ends memberships, in one request.
func (c *Client) RemoveOrganizationMembers(ctx context.Context, id string, users []string) error {
	return c.write(ctx, request{Method: http.MethodDelete, Route: organizationRoute + "/members", IDs: []string{id}}, "members", users)
}
