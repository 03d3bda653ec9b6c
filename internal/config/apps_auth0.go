// SPDX-License-Identifier: Apache-2.0

package config

import "slices"

// The types of apps.
const (
	AppSCIM  = "scim"
	AppAuth0 = "auth0"
)

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

// ofSCIMApp and ofAuth0App are the keys that only one type of app has; the first two
// of each are those that it must have.
var (
	ofSCIMApp  = []string{"url", "token", "profile", "allow", "timeout", "discovery_every"}
	ofAuth0App = []string{"tenant", "connection", "usernames", "password_change", "tickets", "sessions", "sign_ups"}
)

const neededByApp = 2

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

// kindOfApp checks the keys that only one type of app has, and returns what there is
// of Auth0.
func (d *decoder) kindOfApp(n *node, a *App, auth0 *Auth0App, what string) {
	n.note(func(s *Schema) {
		s.AnyOf = []*Schema{
			{Required: ofSCIMApp[:neededByApp]},
			{
				Required:   append([]string{"type"}, ofAuth0App[:neededByApp]...),
				Properties: map[string]*Schema{"type": {Type: Types{"string"}, Enum: []string{AppAuth0}}},
			},
		}
	})
	if n.kind != kindMap || a.Type.Value == "" {
		return
	}
	own, others, of := ofSCIMApp, ofAuth0App, AppAuth0
	if a.Type.Value == AppAuth0 {
		own, others, of = ofAuth0App, ofSCIMApp, AppSCIM
		a.Auth0, a.Profile, a.Timeout = auth0, Text{}, 0
		a.DiscoveryEvery = 0
	}
	known := slices.Concat(ofSCIMApp, ofAuth0App)
	meant := map[string]bool{}
	for _, e := range n.entries {
		if slices.Contains(others, e.key.Value) {
			hint := "remove it"
			if of == AppSCIM && e.key.Value != "profile" {
				hint = "tenant says where Auth0 is and who we are there"
			}
			d.fail(e.key.Pos, e.key.Value+" of "+what+" is for type: "+of, hint)
		}
		if !slices.Contains(known, e.key.Value) {
			meant[nearest(e.key.Value, known)] = true
		}
	}
	for _, key := range own[:neededByApp] {
		if n.at(key) == nil && !meant[key] { // a slip of the pen is one mistake, not two
			d.fail(a.Pos, what+" has no "+key, "it must have one")
		}
	}
	d.auth0Words(n, a, what)
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
