// SPDX-License-Identifier: Apache-2.0

package config

// How somebody who was made in Auth0 gets to choose a password.
const (
	PasswordNone    = "none"    // by "forgot password", or not at all
	PasswordEmail   = "email"   // Auth0 sends them a mail
	PasswordTickets = "tickets" // an address for each goes into a folder of ours
)

// What becomes of the sessions and refresh tokens of whoever leaves.
const (
	SessionsEnd  = "end"
	SessionsKeep = "keep" // they end by themselves: not every plan of Auth0 can end them
)

// Who can make a user of the connection.
const (
	SignUpsOpen   = "open"   // anybody, with any address
	SignUpsClosed = "closed" // administrators alone
)

// What a team becomes in Auth0.
const (
	GroupsAsRoles         = "roles"
	GroupsAsOrganizations = "organizations"
)

// Auth0App is what an app of type auth0 has of its own.
type Auth0App struct {
	Tenant         *Tenant `json:"tenant"`
	Connection     Text    `json:"connection"`      // of a database, by its name
	Usernames      bool    `json:"usernames"`       // the connection has user names beside e-mail addresses
	PasswordChange string  `json:"password_change"` // one of the constants
	Tickets        Text    `json:"tickets"`         // a folder, with PasswordTickets
	Sessions       string  `json:"sessions"`        // of a leaver: SessionsEnd or SessionsKeep
	SignUps        string  `json:"sign_ups"`        // SignUpsOpen or SignUpsClosed
}

// auth0App are the keys of an app of type auth0.
func (d *decoder) auth0App(a *Auth0App, what string) []field {
	return []field{
		{key: "tenant", read: func(n *node) { a.Tenant = d.tenant(n, what) }},
		{key: "connection", read: func(n *node) { a.Connection, _ = d.text(n, "connection of "+what) }},
		{key: "usernames", read: func(n *node) { a.Usernames, _ = d.boolean(n, "usernames of "+what) }},
		{key: "password_change", read: func(n *node) {
			if t, ok := d.choice(n, "password_change of "+what, PasswordNone, PasswordEmail, PasswordTickets); ok {
				a.PasswordChange = t.Value
			}
		}},
		{key: "tickets", read: func(n *node) { a.Tickets, _ = d.text(n, "tickets of "+what) }},
		{key: "sessions", read: func(n *node) {
			if t, ok := d.choice(n, "sessions of "+what, SessionsEnd, SessionsKeep); ok {
				a.Sessions = t.Value
			}
		}},
		{key: "sign_ups", read: func(n *node) {
			if t, ok := d.choice(n, "sign_ups of "+what, SignUpsOpen, SignUpsClosed); ok {
				a.SignUps = t.Value
			}
		}},
	}
}

// auth0Words checks what goes together in an app of type auth0, and nowhere else.
func (d *decoder) auth0Words(n *node, a *App, what string) {
	if a.Auth0 == nil {
		if a.Groups != nil && !a.Groups.As.IsZero() {
			d.fail(a.Groups.As.Pos, "as in groups of "+what+" is for type: "+AppAuth0, "remove it")
		}
		return
	}
	if a.Groups != nil && a.Groups.As.IsZero() {
		a.Groups.As.Value = GroupsAsRoles
	}
	tickets, wanted := n.at("tickets"), a.Auth0.PasswordChange == PasswordTickets
	switch {
	case wanted && tickets == nil:
		d.fail(n.at("password_change").pos, what+" has no tickets", "name the folder into which the addresses go")
	case !wanted && tickets != nil:
		d.fail(tickets.pos, "tickets of "+what+" is for password_change: "+PasswordTickets, "remove it")
	}
}
