// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
)

// The types of apps.
const (
	AppSCIM   = "scim"
	AppAuth0  = "auth0"
	AppOkta   = "okta"
	AppGoogle = "google"
	AppEntra  = "entra"
	AppGitHub = "github"
	AppHTTP   = "http"
)

// appKind is which keys of an app are of one type alone, or of some, and which of them it
// must have.
type appKind struct {
	name      string
	own, must []string
}

// appKinds are the types, in the order in which they are told.
func appKinds() []appKind {
	return []appKind{
		{AppSCIM, []string{"url", "token", "profile", "allow", "timeout", "discovery_every"}, []string{"url", "token"}},
		{AppAuth0, []string{"tenant", "connection", "usernames", "password_change", "tickets", "sessions", "sign_ups"}, []string{"tenant", "connection"}},
		{AppOkta, []string{"url", "token", "oauth", "allow", "timeout", "deactivate", "id_attribute"}, []string{"url"}},
		{AppHTTP, []string{"source", "auth", "headers", "read", "write", "allow", "timeout"}, []string{"source", "read", "write"}},
		{
			AppGoogle,
			[]string{"url", "service_account_key", "administrator", "administrators", "change_password", "group_domain", "group_prefix", "allow", "timeout"},
			[]string{"service_account_key", "administrator"},
		},
		{AppEntra, []string{"url", "registration", "allow", "timeout", "change_password", "id_attribute"}, []string{"registration"}},
		{AppGitHub, []string{"url", "organization", "app_id", "private_key", "allow", "timeout", "owners"}, []string{"organization", "app_id", "private_key"}},
	}
}

// kindly is what was read of the keys that are of one type alone.
type kindly struct {
	auth0  *Auth0App
	okta   *OktaApp
	google *GoogleApp
	entra  *EntraApp
	github *GitHubApp
	http   *HTTPApp
}

// kindOfApp checks the keys that only some types of app have, and keeps what there is of
// this one.
func (d *decoder) kindOfApp(n *node, a *App, read kindly, what string) {
	kinds := appKinds()
	n.note(func(s *Schema) {
		for _, k := range kinds {
			alternative := &Schema{Required: k.must, Properties: map[string]*Schema{"type": {Type: Types{"string"}, Enum: []string{k.name}}}}
			if k.name != AppSCIM { // which is what an app without a type is
				alternative.Required = append([]string{"type"}, k.must...)
			}
			if k.name == AppOkta {
				alternative.OneOf = []*Schema{{Required: []string{"token"}}, {Required: []string{"oauth"}}}
			}
			s.AnyOf = append(s.AnyOf, alternative)
		}
	})
	if n.kind != kindMap || a.Type.Value == "" {
		return
	}
	i := slices.IndexFunc(kinds, func(k appKind) bool { return k.name == a.Type.Value })
	if i < 0 {
		return
	}
	d.keysOf(n, a, kinds, kinds[i], what)
	switch a.Type.Value {
	case AppAuth0:
		a.Auth0, a.Profile, a.Timeout, a.DiscoveryEvery = read.auth0, Text{}, 0, 0
	case AppOkta:
		a.Okta, a.Profile, a.DiscoveryEvery = read.okta, Text{}, 0
	case AppGoogle:
		a.Google, a.Profile, a.DiscoveryEvery = read.google, Text{}, 0
	case AppEntra: // two keys are the same as others have them
		read.entra.IDAttribute, read.entra.ChangePassword = read.okta.IDAttribute, read.google.ChangePassword
		a.Entra, a.Profile, a.DiscoveryEvery = read.entra, Text{}, 0
	case AppGitHub:
		a.GitHub, a.Profile, a.DiscoveryEvery = read.github, Text{}, 0
	case AppHTTP:
		a.HTTP, a.Profile, a.DiscoveryEvery, a.Adopt = read.http, Text{}, 0, nil
	}
	d.auth0Words(n, a, what)
	d.oktaWords(n, a, what)
	d.googleWords(n, a, what)
	d.gitHubWords(a)
	d.httpWords(n, a, what)
}

func (d *decoder) keysOf(n *node, a *App, kinds []appKind, mine appKind, what string) {
	of := map[string][]string{} // which types know a key
	var known []string
	for _, k := range kinds {
		for _, key := range k.own {
			of[key] = append(of[key], k.name)
			known = append(known, key)
		}
	}
	meant := map[string]bool{}
	for _, e := range n.entries {
		key := e.key.Value
		switch names := of[key]; {
		case names == nil:
			meant[nearest(key, known)] = true
		case !slices.Contains(names, mine.name):
			hint := "remove it"
			if mine.name == AppAuth0 && slices.Contains(names, AppSCIM) && key != "profile" {
				hint = "tenant says where Auth0 is and who we are there"
			}
			d.fail(e.key.Pos, key+" of "+what+" is for type: "+strings.Join(names, " or "), hint)
		}
	}
	for _, key := range mine.must {
		if n.at(key) == nil && !meant[key] { // a slip of the pen is one mistake, not two
			d.fail(a.Pos, what+" has no "+key, "it must have one")
		}
	}
}
