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
	either    []string // exactly one of these
}

// appKinds are the types, in the order in which they are told.
func appKinds() []appKind {
	return []appKind{
		{AppSCIM, []string{"url", "token", "auth", "tls", "expires", "profile", "allow", "timeout", "discovery_every"}, []string{"url"}, []string{"token", "auth"}},
		{AppAuth0, []string{"tenant", "connection", "usernames", "password_change", "tickets", "sessions", "sign_ups"}, []string{"tenant", "connection"}, nil},
		{AppOkta, []string{"url", "token", "oauth", "expires", "allow", "timeout", "deactivate", "id_attribute"}, []string{"url"}, []string{"token", "oauth"}},
		{AppHTTP, []string{"source", "auth", "expires", "headers", "read", "write", "allow", "timeout"}, []string{"source", "read", "write"}, nil},
		{
			AppGoogle,
			[]string{"url", "service_account_key", "expires", "administrator", "administrators", "change_password", "group_domain", "group_prefix", "allow", "timeout"},
			[]string{"service_account_key", "administrator"},
			nil,
		},
		{AppEntra, []string{"url", "registration", "expires", "allow", "timeout", "change_password", "id_attribute"}, []string{"registration"}, nil},
		{AppGitHub, []string{"url", "organization", "app_id", "private_key", "expires", "allow", "timeout", "owners"}, []string{"organization", "app_id", "private_key"}, nil},
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
			for _, key := range k.either {
				alternative.OneOf = append(alternative.OneOf, &Schema{Required: []string{key}})
			}
			if k.name == AppSCIM { // which may have a certificate and nothing else, or beside them
				alternative.AnyOf, alternative.OneOf = append(alternative.OneOf, &Schema{Required: []string{"tls"}}), nil
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
	if a.Auth != nil {
		d.listAddress(a.Auth.TokenURL, "token_url of "+what, a.Allow)
	}
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
	slip := slices.ContainsFunc(mine.either, func(key string) bool { return meant[key] })
	switch count := given(n, mine.either); {
	case len(mine.either) == 0 || count == 1:
	case count == 0 && (slip || a.TLS != nil && !a.TLS.Certificate.IsZero()):
	default:
		d.fail(a.Pos, what+" must have either "+strings.Join(mine.either, " or "), mine.advice())
	}
}

func given(n *node, keys []string) (count int) {
	for _, key := range keys {
		if n.at(key) != nil {
			count++
		}
	}
	return count
}

// advice says which of several credentials to take.
func (k appKind) advice() string {
	if k.name == AppOkta {
		return "oauth is safer: what it proves never leaves this machine, and it may do no more than its scopes say"
	}
	return "token is a bearer token; auth is for all else, such as a client of OAuth"
}
