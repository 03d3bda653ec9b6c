// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is an endpoint. Segments of its path that begin with a colon are arguments.
type route struct {
	method, path string
	segments     []string
	query        []string   // parameters that it knows
	scopes       [][]string // sets of scopes of which one is needed, whole; none: the endpoint is open
	run          func(*call) (answer, error)
}

const (
	offsets     = "page per_page include_totals "
	checkpoints = "from take "
	selection   = "fields include_fields "
)

// routes are the endpoints, as reference and documentation have them. Of their scopes one
// is needed, or all that a plus joins.
func routes() []*route {
	var out []*route
	add := func(what, query, scopes string, run func(*call) (answer, error)) {
		method, path, _ := strings.Cut(what, " ")
		r := &route{method: method, path: path, segments: strings.Split(strings.Trim(path, "/"), "/"), query: strings.Fields(query), run: run}
		for _, set := range strings.Fields(scopes) {
			r.scopes = append(r.scopes, strings.Split(set, "+"))
		}
		out = append(out, r)
	}
	add("POST /oauth/token", "", "", issueToken)
	add("POST /dbconnections/change_password", "", "", changePassword)
	add("GET /exports/:id", "ticket", "", downloadExport)
	userRoutes(add)
	groupRoutes(add)
	streamRoutes(add)
	return out
}

type adder func(what, query, scopes string, run func(*call) (answer, error))

func userRoutes(add adder) {
	add("GET /users", offsets+selection+"sort connection q search_engine primary_order", "read:users read:user_idp_tokens", searchUsers)
	add("POST /users", "", "create:users", createUser)
	add("GET /users-by-email", "email "+selection, "read:users", usersByEmail)
	add("GET /users/:id", selection, "read:users read:current_user read:user_idp_tokens", getUser)
	add("PATCH /users/:id", "", "update:users update:users_app_metadata update:current_user_metadata", patchUser)
	add("DELETE /users/:id", "", "delete:users delete:current_user", deleteUser)
	add("POST /users/:id/identities", "", "update:users update:current_user_identities", linkUser)
	add("DELETE /users/:id/identities/:provider/:user_id", "", "update:users update:current_user_identities", unlinkUser)
	add("GET /users/:id/sessions", "include_totals "+checkpoints, "read:sessions", listSessions)
	add("DELETE /users/:id/sessions", "", "delete:sessions", endSessions)
	add("GET /users/:id/refresh-tokens", "include_totals "+checkpoints, "read:refresh_tokens", listRefreshTokens)
	add("DELETE /users/:id/refresh-tokens", "", "delete:refresh_tokens", revokeRefreshTokens)
	add("GET /users/:id/roles", offsets, "read:users+read:roles read:users+read:role_members", userRoles)
	add("POST /users/:id/roles", "", "read:roles+update:users create:role_members", assignRoles)
	add("DELETE /users/:id/roles", "", "read:roles+update:users delete:role_members", unassignRoles)
	add("GET /users/:id/organizations", offsets+checkpoints, "read:users read:organizations", userOrganizations)
	add("GET /users/:id/groups", selection+checkpoints, "read:groups", userGroups)
	add("GET /user-blocks/:id", "", "read:users", getBlocks)
	add("DELETE /user-blocks/:id", "", "update:users", liftBlocks)
	add("POST /tickets/password-change", "", "create:user_tickets", passwordTicket)
	add("POST /jobs/users-exports", "", "read:users", exportUsers)
	add("GET /jobs/:id", "", "create:users read:users", getJob)
	add("GET /jobs/:id/errors", "", "create:users read:users", jobErrors)
}

func groupRoutes(add adder) {
	add("GET /roles", offsets+"name_filter", "read:roles", listRoles)
	add("POST /roles", "", "create:roles", createRole)
	add("GET /roles/:id", "", "read:roles", getRole)
	add("PATCH /roles/:id", "", "update:roles", updateRole)
	add("DELETE /roles/:id", "", "delete:roles", deleteRole)
	add("GET /roles/:id/users", offsets+checkpoints, "read:users+read:roles read:role_members", roleUsers)
	add("POST /roles/:id/users", "", "update:roles create:role_members", assignUsers)
	add("GET /organizations", offsets+checkpoints+"sort", "read:organizations read:organizations_summary", listOrganizations)
	add("POST /organizations", "", "create:organizations", createOrganization)
	add("GET /organizations/name/:name", "", "read:organizations", organizationByName)
	add("GET /organizations/:id", "", "read:organizations", getOrganization)
	add("PATCH /organizations/:id", "", "update:organizations", updateOrganization)
	add("DELETE /organizations/:id", "", "delete:organizations", deleteOrganization)
	add("GET /organizations/:id/members", offsets+checkpoints+selection, "read:organization_members", listMembers)
	add("POST /organizations/:id/members", "", "create:organization_members", addMembers)
	add("DELETE /organizations/:id/members", "", "delete:organization_members", removeMembers)
	add("GET /groups", selection+offsets+checkpoints+"connection_id name external_id search", "read:groups", listGroups)
	add("GET /groups/:id", "", "read:groups", getGroup)
	add("GET /groups/:id/members", selection+checkpoints, "read:group_members", groupMembers)
	add("GET /connections", offsets+checkpoints+selection+"strategy name", "read:connections", listConnections)
	add("GET /connections/:id", selection, "read:connections", getConnection)
}

func streamRoutes(add adder) {
	add("GET /events", "from from_timestamp event_type", "read:events", subscribe)
	add("GET /event-streams", checkpoints, "read:event_streams", listStreams)
	add("POST /event-streams", "", "create:event_streams", createStream)
	add("GET /event-streams/:id", "", "read:event_streams", getStream)
	add("PATCH /event-streams/:id", "", "update:event_streams", updateStream)
	add("DELETE /event-streams/:id", "", "delete:event_streams", deleteStream)
	add("GET /event-streams/:id/deliveries", checkpoints+"statuses event_types date_from date_to", "read:event_streams read:event_deliveries", listDeliveries)
	add("GET /event-streams/:id/deliveries/:event_id", "", "read:event_deliveries", getDelivery)
	add("POST /event-streams/:id/redeliver", "", "update:event_deliveries", redeliver)
	add("POST /event-streams/:id/redeliver/:event_id", "", "update:event_deliveries", redeliverOne)
	add("POST /event-streams/:id/test", "", "update:event_streams", testStream)
	add("GET /clients/:id", selection, "read:clients read:client_keys", getClient)
	add("PATCH /clients/:id", "", "update:clients update:client_keys update:client_credentials", updateClient)
	add("POST /clients/:id/rotate-secret", "", "update:client_keys", rotateSecret)
	add("GET /clients/:id/credentials", "", "read:client_credentials", listCredentials)
	add("POST /clients/:id/credentials", "", "create:client_credentials", createCredential)
	add("DELETE /clients/:id/credentials/:cid", "", "delete:client_credentials", deleteCredential)
}

// open reports whether a route asks for no token.
func (r *route) open() bool { return len(r.scopes) == 0 }

// allows reports whether a token's scopes do.
func (r *route) allows(scopes []string) bool {
	return slices.ContainsFunc(r.scopes, func(set []string) bool {
		return !slices.ContainsFunc(set, func(s string) bool { return !slices.Contains(scopes, s) })
	})
}

func (r *route) needs() string {
	if first := r.scopes[0]; len(first) > 1 {
		return "Insufficient scope, expected all of: " + strings.Join(first, ", ")
	}
	var any []string
	for _, set := range r.scopes {
		any = append(any, strings.Join(set, "+"))
	}
	return "Insufficient scope, expected any of: " + strings.Join(any, ", ")
}

// knownScopes are all that a route may ask for.
func knownScopes(all []*route) []string {
	var out []string
	for _, r := range all {
		for _, s := range slices.Concat(r.scopes...) {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Barred are the endpoints that were asked since the start and that other scopes than
// those of the time would not have opened, such as "PATCH /users/:id".
func (t *Tenant) Barred(scopes []string) []string {
	t.Lock()
	defer t.Unlock()
	var out []string
	for _, r := range t.routes {
		if t.asked[r] && !r.allows(scopes) {
			out = append(out, r.method+" "+r.path)
		}
	}
	return out
}

// match finds the route of a request and its arguments, or says which methods the path
// knows. A route that names a segment goes before one that takes any.
func (t *Tenant) match(r *http.Request) (*route, map[string]string, []string) {
	path := strings.Trim(r.URL.EscapedPath(), "/")
	if inside, ok := strings.CutPrefix("/"+path, API+"/"); ok {
		path = inside
	} else if !openPath(path) {
		return nil, nil, nil
	}
	var parts []string
	for _, p := range strings.Split(path, "/") {
		text, err := url.PathUnescape(p)
		if err != nil {
			return nil, nil, nil
		}
		parts = append(parts, text)
	}
	var methods []string
	for _, rt := range t.routes {
		args, ok := rt.args(parts)
		switch {
		case !ok:
		case rt.method == r.Method:
			return rt, args, nil
		default:
			methods = append(methods, rt.method)
		}
	}
	return nil, nil, methods
}

// openPath reports whether a path lies beside the Management API.
func openPath(path string) bool {
	return path == "oauth/token" || strings.HasPrefix(path, "dbconnections/") || strings.HasPrefix(path, "exports/")
}

func (r *route) args(parts []string) (map[string]string, bool) {
	if len(parts) != len(r.segments) {
		return nil, false
	}
	for i, s := range r.segments {
		if s != parts[i] && s[0] != ':' {
			return nil, false
		}
	}
	args := map[string]string{}
	for i, s := range r.segments {
		if s[0] == ':' {
			args[s[1:]] = parts[i]
		}
	}
	return args, true
}
