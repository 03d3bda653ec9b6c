// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/source/auth0in"
)

// reader is a source's.
func (b *Built) reader(name string) *auth0in.Tenant {
	return b.Tenants[slices.IndexFunc(b.Tenants, func(t Tenant) bool { return t.Source == name })].Reader
}

func (w *walk) app(ctx context.Context, p *party) {
	w.database(ctx, p)
	if p.app.Groups == nil {
		return
	}
	as := p.app.Groups.As
	if as.Value == "" {
		as.Value = config.GroupsAsRoles
	}
	as.Pos = p.app.Groups.Pos
	w.teams(ctx, p, as)
}

// database looks at the connection in which users are made.
func (w *walk) database(ctx context.Context, p *party) {
	at, name := p.app.Auth0.Connection.Pos, p.app.Auth0.Connection.Value
	if !w.may("read:connections") {
		return
	}
	var d auth0.Database
	found := false
	err := step(ctx, func(ctx context.Context) (err error) {
		d, found, err = p.client.DatabaseByName(ctx, name)
		return err
	})
	switch {
	case err != nil:
		w.failed(at, p.name, "its connection cannot be read", err)
	case !found:
		w.say(at, p.name, FindingError, "write its name as Auth0 shows it at Authentication, Database", "the tenant has no connection %s", name)
	case d.Strategy != "auth0":
		w.say(at, p.name, FindingError, "name a database, or use type: scim with the profile auth0-inbound-scim",
			"the connection %s is no database (its strategy is %s), and its users are not made by this API", name, d.Strategy)
	default:
		w.say(at, p.name, FindingOK, "", "the connection %s is a database", name)
		w.userNames(p, d)
		w.signUps(p, d)
		w.passwords(p, d)
	}
}

func (w *walk) userNames(p *party, d auth0.Database) {
	at := p.app.Auth0.Connection.Pos
	switch has := d.Options.Usernames; {
	case has == nil || *has == p.app.Auth0.Usernames:
	case *has:
		w.say(at, p.name, FindingError, "say usernames: true, and map userName to one and emails to the address", "users of %s have user names, and nobody is made without", d.Name)
	default:
		w.say(at, p.name, FindingError, "take usernames: true away, or require user names in the connection", "users of %s have no user names, which usernames: true would give them", d.Name)
	}
}

// signUps: who can sign up with a colleague's address must not be taken for the colleague.
func (w *walk) signUps(p *party, d auth0.Database) {
	at, says := p.app.Auth0.Connection.Pos, p.app.Auth0.SignUps == config.SignUpsClosed
	switch closed := d.Options.SignUpsClosed; {
	case closed == nil:
		w.say(at, p.name, FindingNote, "look at Disable Sign Ups at the connection", "whether anybody can sign up in %s is not told", d.Name)
	case says && !*closed:
		w.say(at, p.name, FindingError, "switch Disable Sign Ups on at Authentication, Database, or take sign_ups: closed away",
			"anybody can sign up in %s, and sign_ups: closed has their accounts taken over by an address that nobody has verified", d.Name)
	case *closed && !says:
		w.say(at, p.name, FindingNote, "with sign_ups: closed they are", "nobody can sign up in %s, and users who were there before are still not taken over by an address that nobody has verified", d.Name)
	case *closed:
		w.say(at, p.name, FindingOK, "", "nobody can sign up in %s", d.Name)
	default:
		w.say(at, p.name, FindingOK, "", "anybody can sign up in %s, and an address that nobody has verified is nobody's", d.Name)
	}
}

// passwords looks at whether ours are good enough, and at the way to one's own.
func (w *walk) passwords(p *party, d auth0.Database) {
	at := p.app.Auth0.Connection.Pos
	least := d.Options.Complexity.Least
	switch policy := d.Options.Policy; {
	case least > app.PasswordLength:
		w.say(at, p.name, FindingError, "ask for fewer at Authentication, Database, Password Policy",
			"%s asks for passwords of %d characters, and new users get one of %d, which nobody knows", d.Name, least, app.PasswordLength)
	case policy == "" && least == 0:
		w.say(at, p.name, FindingNote, "", "the password policy of %s is not told", d.Name)
	default:
		if policy == "" {
			policy = "its own"
		}
		if least > 0 {
			policy += fmt.Sprintf(", of %d characters at least", least)
		}
		w.say(at, p.name, FindingOK, "", "the password policy of %s (%s) is met by the password that new users get, which nobody knows", d.Name, policy)
	}
	id := p.tenant.ClientID.Value
	if p.app.Auth0.PasswordChange == config.PasswordEmail && d.Clients != nil && !slices.Contains(d.Clients, id) {
		w.say(at, p.name, FindingError, "switch the connection on at Applications, "+id+", Connections",
			"%s is not enabled for the application %s, in whose name the mail of password_change: email is asked for", d.Name, id)
	}
}
