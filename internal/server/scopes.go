// SPDX-License-Identifier: Apache-2.0

package server

import (
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/source/auth0in"
)

// scopeRow is a row of the one table of what a configuration needs of Auth0's Management
// API: for what, by which scopes, and what becomes of it without them.
type scopeRow[T any] struct {
	what string // as it stands in sentences and in docs/auth0.md
	when func(*T) bool
	at   func(*T) config.Position
	// scopes are all needed. One may be written "a|b", where b does as well as a.
	scopes []string
	// spare are scopes that Auth0 names for the same requests beside those above, which
	// open them already. They are not asked for, and not called superfluous.
	spare []string
	// without says what is done all the same; "" is nothing: a source is not read, and an
	// app gets nothing but the news of who is shut out.
	without string
}

// toShutOut is the scope by which somebody is shut out.
const toShutOut = "update:users"

var (
	roleMembers = []string{"create:role_members", "read:role_members", "delete:role_members"}

	sourceScopes = append([]scopeRow[config.Source]{
		{what: "its people", at: sourceTenant, scopes: []string{"read:users"}},
		{
			what: "`connections`", when: func(s *config.Source) bool { return len(s.Connections) > 0 },
			at: func(s *config.Source) config.Position { return s.Connections[0].Pos }, scopes: []string{"read:connections"},
			without: "a connection whose name is misspelt reads nobody, and looks like one without users",
		},
		{
			what: "`teams: [roles]`", when: states(string(auth0in.Roles)), at: statedAt(string(auth0in.Roles)), scopes: []string{"read:roles"}, spare: []string{"read:role_members"},
		},
		{
			what: "`teams: [organizations]`", when: states(string(auth0in.Organizations)), at: statedAt(string(auth0in.Organizations)),
			scopes: []string{"read:organizations|read:organizations_summary", "read:organization_members"},
		},
		{
			what: "`teams: [groups]`", when: states(string(auth0in.Groups)), at: statedAt(string(auth0in.Groups)), scopes: []string{"read:groups", "read:group_members"},
		},
		{
			what: "`changes: stream`", when: func(s *config.Source) bool { return s.Changes == config.ChangesStream }, at: sourceAt,
			scopes: []string{"read:events"}, without: "changes are found by a read of everybody, every hour",
		},
		{
			what: "`webhook.stream`", when: func(s *config.Source) bool { return s.Webhook != nil && s.Webhook.Stream.Value != "" },
			at:     func(s *config.Source) config.Position { return s.Webhook.Stream.Pos },
			scopes: []string{"read:event_streams|read:event_deliveries", "update:event_deliveries"}, without: "what could not be delivered is not asked for again",
		},
	}, rotationScopes(func(s *config.Source) *config.Tenant { return s.Tenant })...)

	appScopes = append([]scopeRow[config.App]{
		{what: "its people", at: appTenant, scopes: []string{"read:users", "create:users", toShutOut}},
		{
			what: "`delete_after`", when: func(a *config.App) bool { return a.DeleteAfter != nil }, at: appAt,
			scopes: []string{"delete:users"}, without: "whoever is due to be deleted stays disabled, and is set aside",
		},
		{
			what: "`connection`", at: func(a *config.App) config.Position { return a.Auth0.Connection.Pos }, scopes: []string{"read:connections"},
			without: "a list is of all users of the tenant, and those of other connections are passed over",
		},
		{
			what: "people who leave", when: func(a *config.App) bool { return a.Auth0.Sessions != config.SessionsKeep }, at: appAt,
			scopes:  []string{"read:sessions", "delete:sessions", "read:refresh_tokens", "delete:refresh_tokens"},
			without: "whoever leaves is blocked and set aside, as it may not be ended, or not be known, by what they are still signed in",
		},
		{
			what: "`password_change: tickets`", when: func(a *config.App) bool { return a.Auth0.PasswordChange == config.PasswordTickets }, at: appAt,
			scopes: []string{"create:user_tickets"}, without: "whoever is new stays blocked, and is set aside",
		},
		{
			what: "`groups.as: roles`", when: groupsAs(config.GroupsAsRoles), at: groupsAt,
			scopes: []string{"read:roles", "create:roles", "update:roles"}, spare: roleMembers,
		},
		{
			what: "`groups.as: organizations`", when: groupsAs(config.GroupsAsOrganizations), at: groupsAt,
			scopes: []string{
				"read:organizations", "create:organizations", "update:organizations",
				"read:organization_members", "create:organization_members", "delete:organization_members",
			},
		},
		{
			what: "people who were there before", at: func(a *config.App) config.Position { return a.Auth0.Connection.Pos }, scopes: []string{"read:roles"}, spare: []string{"read:role_members"},
			without: "nobody who was there before is taken over by rule, as anybody may be an administrator",
		},
	}, rotationScopes(func(a *config.App) *config.Tenant { return a.Auth0.Tenant })...)
)

// rotationScopes are the rows of the exchange of the tenant's own credential.
func rotationScopes[T any](tenant func(*T) *config.Tenant) (rows []scopeRow[T]) {
	for _, c := range []struct {
		what string
		key  bool
	}{{"`tenant.rotate`, of `client_secret`", false}, {"`tenant.rotate`, of `private_key`", true}} {
		rows = append(rows, scopeRow[T]{
			what: c.what, when: func(of *T) bool { return tenant(of).Rotate > 0 && (tenant(of).Key.Ref() != "") == c.key },
			at: func(of *T) config.Position { return tenant(of).Pos }, scopes: auth0.RotationScopes(c.key),
			without: "its credential is not exchanged when that is due, and gets old",
		})
	}
	return rows
}

func sourceAt(s *config.Source) config.Position     { return s.Pos }
func sourceTenant(s *config.Source) config.Position { return s.Tenant.URL.Pos }
func appAt(a *config.App) config.Position           { return a.Pos }
func appTenant(a *config.App) config.Position       { return a.Auth0.Tenant.URL.Pos }
func groupsAt(a *config.App) config.Position        { return a.Groups.Pos }

func states(kind string) func(*config.Source) bool {
	return func(s *config.Source) bool { return slices.Contains(texts(s.Teams), kind) }
}

func statedAt(kind string) func(*config.Source) config.Position {
	return func(s *config.Source) config.Position { return s.Teams[slices.Index(texts(s.Teams), kind)].Pos }
}

func groupsAs(kind string) func(*config.App) bool {
	return func(a *config.App) bool {
		return a.Groups != nil && (a.Groups.As.Value == kind || a.Groups.As.Value == "" && kind == config.GroupsAsRoles)
	}
}

// need is a scope that a source or an app has a use for.
type need struct {
	scope   string
	or      string // another that does as well; may be empty
	spare   []string
	what    string
	at      config.Position
	without string
}

func needsOf[T any](rows []scopeRow[T], of *T) (out []need) {
	for _, r := range rows {
		if r.when != nil && !r.when(of) {
			continue
		}
		for _, text := range r.scopes {
			scope, or, _ := strings.Cut(text, "|")
			out = append(out, need{scope: scope, or: or, spare: r.spare, what: r.what, at: r.at(of), without: r.without})
		}
	}
	return out
}

func (n need) met(granted []string) bool {
	return slices.Contains(granted, n.scope) || n.or != "" && slices.Contains(granted, n.or)
}

// missing are the needs that are not met.
func missing(needs []need, granted []string) (out []need) {
	for _, n := range needs {
		if !n.met(granted) {
			out = append(out, n)
		}
	}
	return out
}

// superfluous are the scopes that none of the needs has a use for.
func superfluous(needs []need, granted []string) (out []string) {
	for _, scope := range granted {
		if !slices.ContainsFunc(needs, func(n need) bool { return n.scope == scope || n.or == scope || slices.Contains(n.spare, scope) }) {
			out = append(out, scope)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
