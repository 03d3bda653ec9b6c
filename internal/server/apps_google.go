// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/internal/provision"
)

// googleTarget connects to an account of Google Workspace. Whose account it is, the
// administrator says.
func (b *Built) googleTarget(a config.App, t *provision.Target) error {
	base := strings.TrimSuffix(strings.TrimRight(cmp.Or(a.URL.Value, google.DefaultURL), "/"), "/admin/directory/v1")
	_, domain, _ := strings.Cut(a.Google.Administrator.Value, "@")
	t.Address = base + "#" + strings.ToLower(domain)
	errs := []error{b.googlePlaces(a)}
	client, err := b.googleClient(a)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	account, err := googleapp.New(googleapp.Config{
		Client: client, ChangePassword: a.Google.ChangePassword, Administrators: a.Google.Administrators == config.AdministratorsWrite,
		GroupDomain: a.Google.GroupDomain.Value, GroupPrefix: a.Google.GroupPrefix.Value,
	})
	if err != nil {
		return errors.Join(append(errs, &config.Error{Pos: a.Pos, Msg: "app " + a.Name + ": " + err.Error()})...)
	}
	t.App = b.origins.Share(account, t.Address, cmp.Or(a.RequestsPerSecond, account.Profile().RequestsPerSecond))
	return errors.Join(append(errs, offers(a, account.Profile()))...)
}

// googleClient makes the client of an account, with no more scopes than it needs.
func (b *Built) googleClient(a config.App) (*google.Client, error) {
	c := google.Config{
		URL: a.URL.Value, Administrator: a.Google.Administrator.Value, Scopes: google.DefaultScopes(a.Groups != nil), Timeout: time.Duration(a.Timeout),
		HTTP: b.origins.Through(transportOf(a)),
	}
	if err := google.CheckURL(cmp.Or(a.URL.Value, google.DefaultURL)); err != nil {
		return nil, &config.Error{Pos: a.URL.Pos, Msg: "app " + a.Name + ": " + err.Error()}
	}
	if key := a.Google.Key; key.Ref() != "" {
		c.Credential = func() ([]byte, error) {
			text, err := b.vault.reveal(key)
			return []byte(text), err
		}
	} else {
		var err error
		if c.Key, err = fileOr(key, "{", "service_account_key of app "+a.Name); err != nil {
			return nil, err
		}
	}
	client, err := google.New(c)
	if err != nil {
		return nil, &config.Error{Pos: a.Google.Key.Pos(), Msg: "app " + a.Name + ": " + err.Error()}
	}
	return client, nil
}

// googlePlaces refuses what a user of Google has no place for, and a mapping without what
// nobody is made without.
func (b *Built) googlePlaces(a config.App) error {
	paths, written := b.pathsOf(a)
	places, lacking := googleapp.Check(paths)
	return errors.Join(misplaced(a, written, places), lacks(a, "Google", lacking))
}
