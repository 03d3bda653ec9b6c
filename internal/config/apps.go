// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

func (d *decoder) apps(n *node, teams []Team, sources []Source) []App {
	var out []App
	d.named(n, "apps", "an app", func(name Text, n *node) {
		out = append(out, d.app(name, n, teams, sources))
	})
	return out
}

// app reads one app over its defaults.
func (d *decoder) app(name Text, n *node, teams []Team, sources []Source) App {
	a := App{
		Name: name.Value, Pos: name.Pos,
		Type:        Text{Value: AppSCIM, Pos: name.Pos},
		Profile:     Text{Value: "generic-scim2", Pos: name.Pos},
		FirstRun:    FirstRunReport,
		Adopt:       []string{"externalId", "userName"},
		Concurrency: 16,
		Timeout:     Duration(30 * time.Second),

		DiscoveryEvery: Duration(24 * time.Hour),
	}
	what := "app " + name.Value
	auth0 := &Auth0App{PasswordChange: PasswordNone, Sessions: SessionsEnd, SignUps: SignUpsOpen}
	okta, google, entra := &OktaApp{Deactivate: OktaDeactivate}, &GoogleApp{Administrators: AdministratorsLeave}, &EntraApp{}
	github, records := &GitHubApp{Owners: OwnersKeep}, &HTTPApp{}
	var address *node
	fields := []field{
		{key: "type", read: func(n *node) {
			a.Type, _ = d.choice(n, "type of "+what, AppSCIM, AppAuth0, AppOkta, AppGoogle, AppEntra, AppGitHub, AppHTTP)
		}},
		{key: "profile", read: func(n *node) { set(&a.Profile)(d.text(n, "profile of "+what)) }},
		{key: "url", read: func(n *node) { address = n; a.URL, _ = d.text(n, "url of "+what) }},
		{key: "token", read: func(n *node) { a.Token = d.secret(n, "token of "+what) }},
		{key: "auth", read: func(n *node) { a.Auth = d.httpAuth(n, what) }},
		{key: "tls", read: func(n *node) { a.TLS = d.clientTLS(n, "tls of "+what) }},
		{key: "expires", read: func(n *node) { a.Expires = d.expires(n, "expires of "+what) }},
		{key: "allow", read: func(n *node) {
			a.Allow = d.allow(n, "allow of "+what, AllowLoopback, AllowPrivate, AllowPlainHTTP)
		}},
		{key: "first_run", read: func(n *node) {
			if t, ok := d.choice(n, "first_run of "+what, FirstRunReport, FirstRunGo); ok {
				a.FirstRun = t.Value
			}
		}},
		{key: "adopt", read: func(n *node) { a.Adopt = d.adopt(n, what) }},
		{key: "concurrency", read: func(n *node) {
			if v, ok := d.number(n, "concurrency of "+what, 1, 256, true); ok {
				a.Concurrency = int(v)
			}
		}},
		{key: "requests_per_second", read: func(n *node) {
			a.RequestsPerSecond, _ = d.number(n, "requests_per_second of "+what, 0, 100_000, false)
		}},
		{key: "timeout", read: func(n *node) {
			set(&a.Timeout)(d.duration(n, "timeout of "+what, time.Millisecond, time.Hour))
		}},
		{key: "discovery_every", read: func(n *node) { set(&a.DiscoveryEvery)(d.discoveryEvery(n, "discovery_every of "+what)) }},
		{key: "scope", read: func(n *node) { a.Scope = d.scope(n, what) }},
		{key: "user", required: true, read: func(n *node) { a.User = d.attributes(n, "user of "+what, UniqueApp) }},
		{key: "groups", read: func(n *node) { a.Groups = d.groups(n, what, teams) }},
		{key: "delete_after", read: func(n *node) {
			if v, ok := d.duration(n, "delete_after of "+what, 0, 3650*24*time.Hour); ok {
				a.DeleteAfter = &v
			}
		}},
	}
	d.section(n, what, name.Pos, slices.Concat(fields, d.auth0App(auth0, what), d.oktaApp(okta, what), d.googleApp(google, what),
		d.entraApp(entra, &a.Allow, what), d.gitHubApp(github, what), d.httpApp(records, what, sources))...)
	d.kindOfApp(n, &a, kindly{auth0, okta, google, entra, github, records}, what)
	if address != nil && !a.URL.IsZero() {
		d.address(address, what, a.URL, a.Allow)
	}
	return a
}

// discoveryEvery reads how often an app is asked what it takes: never, or now and then,
// as the answer changes with the app's versions.
func (d *decoder) discoveryEvery(n *node, what string) (Duration, bool) {
	v, ok := d.duration(n, what, 0, 30*24*time.Hour)
	if ok && v != 0 && time.Duration(v) < time.Hour {
		d.fail(n.pos, what+" is out of range", "1h to 30d, or 0 for never")
		return 0, false
	}
	return v, ok
}

// set keeps a default when a value could not be read.
func set[T any](to *T) func(T, bool) {
	return func(v T, ok bool) {
		if ok {
			*to = v
		}
	}
}

// scope reads who is in the app. An empty scope is everybody, so nobody gets
// there by a variable that happens to be empty: without the key it is meant.
func (d *decoder) scope(n *node, what string) Text {
	t, _ := d.expression(n, "scope of "+what)
	return t
}

// address checks a URL that we call. Where it leads is checked when it is dialled, as
// a name may lead elsewhere by then.
func (d *decoder) address(n *node, what string, t Text, allow []Text) {
	u, err := url.Parse(t.Value)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		d.fail(n.pos, "url of "+what+" is no address", "write https://host/path")
		return
	}
	if u.User != nil {
		d.fail(n.pos, "url of "+what+" holds a user name or password", "credentials belong into token")
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(t.Value, "#") {
		d.fail(n.pos, "url of "+what+" holds a query or fragment", "write the address alone")
	}
	if u.Scheme == "http" && !allows(allow, AllowPlainHTTP) {
		d.fail(n.pos, "url of "+what+" is plain http, which shows the token to the network", "use https, or allow: ["+AllowPlainHTTP+"]")
	}
}

// secret reads a credential. What is wrong with it is said without showing it.
func (d *decoder) secret(n *node, what string) Secret {
	switch n.kind {
	case kindInteger, kindDecimal, kindBool: // optional would show how to quote it
		d.fail(n.pos, what+" must be text, not "+n.kind.String(), "put it in quotes")
		return Secret{}
	}
	t, ok := d.text(n, what)
	if !ok {
		return Secret{}
	}
	if name, sealed := strings.CutPrefix(t.Value, secretPrefix); sealed && !isName(name) {
		d.fail(t.Pos, what+" names no sealed secret", "secret:NAME with a lower-case name")
	}
	if strings.ContainsAny(t.Value, "\r\n") {
		d.fail(t.Pos, what+" holds a line break", "")
	}
	return NewSecret(t.Value, t.Pos)
}

// adopt reads by what existing accounts are found; an empty list is nobody.
func (d *decoder) adopt(n *node, what string) []string {
	list, _ := d.choices(n, "adopt of "+what, "adopt", "externalId", "userName", "email")
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.Value
	}
	return out
}

func (d *decoder) groups(n *node, what string, teams []Team) *Groups {
	g := &Groups{Pos: n.pos}
	d.section(n, "groups of "+what, n.pos,
		field{key: "teams", required: true, read: func(n *node) { g.Teams = d.teamNames(n, what, teams) }},
		field{key: "display_name", read: func(n *node) { g.DisplayName, _ = d.expression(n, "display_name of groups of "+what) }},
		field{key: "as", read: func(n *node) {
			g.As, _ = d.choice(n, "as in groups of "+what, GroupsAsRoles, GroupsAsOrganizations)
		}},
	)
	return g
}

// teamNames reads a list of teams that the file has.
func (d *decoder) teamNames(n *node, what string, teams []Team) []Text {
	names := make([]string, len(teams))
	for i, t := range teams {
		names[i] = t.Name
	}
	list, _ := d.texts(n, "teams of "+what, "team")
	for _, t := range list {
		if slices.Contains(names, t.Value) {
			continue
		}
		hint := didYouMean(t.Value, names)
		if len(names) == 0 {
			hint = "there are no teams"
		}
		i := slices.IndexFunc(n.items, func(item *node) bool { return item.pos == t.Pos })
		d.fail(t.Pos, "there is no team "+quote(n.items[i].raw), hint)
	}
	return list
}
