// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"iter"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// Group is what an enterprise connection's directory has (id grp_…). Auth0 gives no
// way to write one. Type is connection, organization or tenant, "" if it is not told.
type Group struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	ExternalID     string `json:"external_id"`
	Type           string `json:"type"`
	ConnectionID   string `json:"connection_id"`
	OrganizationID string `json:"organization_id"`
}

func (g Group) key() string { return g.ID }

// Groups lists all groups.
func (c *Client) Groups(ctx context.Context) iter.Seq2[Group, error] {
	return checkpoints(ctx, c, request{Method: http.MethodGet, Route: apiPath + "/groups"}, parseJSON[Group], "groups")
}

// member is one of a group: a user, or another group.
type member struct {
	ID   string `json:"id"`
	Type string `json:"member_type"`
}

// Groups and users do not share ids: each names its kind.
func (m member) key() string { return m.ID }

// GroupMembers lists the ids of the users in a group. Groups within it are passed over.
func (c *Client) GroupMembers(ctx context.Context, id string) iter.Seq2[string, error] {
	r := request{Method: http.MethodGet, Route: apiPath + "/groups/{}/members", IDs: []string{id}}
	return func(yield func(string, error) bool) {
		for m, err := range checkpoints(ctx, c, r, func(raw jsontext.Value) (member, error) { return parseJSON[member](raw) }, "members") {
			if err == nil && m.Type != "" && m.Type != "user" {
				continue
			}
			if !yield(m.ID, err) {
				return
			}
		}
	}
}
