// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"net/url"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/rest/httpauth"
)

// httpAuth is who we are to a system over HTTP, be it a source or an app. What is wrong
// with it is collected.
func (b *Built) httpAuth(a *config.HTTPAuth, who string, p *paths) httpauth.Auth {
	if a == nil {
		return httpauth.Auth{}
	}
	out := httpauth.Auth{
		Kind: httpauth.Kind(a.Kind), User: b.reveals(a.User), Secret: b.reveals(a.Secret), Header: a.Header.Value,
		TokenURL: a.TokenURL.Value, Scope: a.Scope.Value, InBody: a.In == config.InBody,
		KeyID: a.KeyID.Value, Audience: a.Audience.Value, Grant: a.Grant.Value, Subject: a.Subject.Value, Params: url.Values{},
	}
	for _, param := range a.Params {
		out.Params.Set(param.Name.Value, param.Value.Value)
	}
	if a.Kind == config.AuthOAuth {
		out.User = func() (string, error) { return a.ClientID.Value, nil }
	}
	if a.Kind != config.AuthOAuth || a.Key.Ref() == "" && a.Key.Reveal() == "" {
		return out
	}
	out.Secret = nil
	key, err := b.keyOf(a.Key, "private_key in auth of "+who)
	if out.Key = key; err != nil {
		var all config.Errors
		if errors.As(err, &all) {
			p.mistakes = append(p.mistakes, all...)
		}
	}
	return out
}

// reveals is a secret as it is now, each time.
func (b *Built) reveals(s config.Secret) func() (string, error) {
	return func() (string, error) { return b.vault.reveal(s) }
}

// keyOf is a private key for signing. One that is not sealed is read, and tried, at once.
func (b *Built) keyOf(s config.Secret, what string) (func() (string, error), error) {
	if s.Ref() != "" {
		return b.reveals(s), nil
	}
	text, err := pemOf(s, what)
	if err == nil {
		if _, err = rest.NewSigner(text, "", "", ""); err != nil {
			err = config.Errors{{Pos: s.Pos(), Msg: what + ": " + err.Error()}}
		}
	}
	return func() (string, error) { return string(text), nil }, err
}
