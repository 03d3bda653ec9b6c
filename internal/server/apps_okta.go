// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/oktaapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/internal/provision"
)

// oktaTarget connects to an org of Okta.
func (b *Built) oktaTarget(a config.App, t *provision.Target) error {
	t.Address = strings.TrimSuffix(strings.TrimRight(a.URL.Value, "/"), "/api/v1")
	errs := []error{b.oktaPlaces(a)}
	client, err := b.oktaClient(a)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	org, err := oktaapp.New(oktaapp.Config{Client: client, Deactivate: a.Okta.Deactivate, IDAttribute: a.Okta.IDAttribute.Value})
	if err != nil {
		return errors.Join(append(errs, &config.Error{Pos: a.Okta.IDAttribute.Pos, Msg: "app " + a.Name + ": " + err.Error()})...)
	}
	t.App = b.origins.Share(org, t.Address, cmp.Or(a.RequestsPerSecond, org.Profile().RequestsPerSecond))
	return errors.Join(append(errs, offers(a, org.Profile()))...)
}

// oktaClient makes the client of an org.
func (b *Built) oktaClient(a config.App) (*okta.Client, error) {
	c := okta.Config{URL: a.URL.Value, Timeout: time.Duration(a.Timeout), HTTP: b.origins.Through(transportOf(a))}
	pos := a.URL.Pos
	if err := okta.CheckURL(a.URL.Value); err != nil {
		return nil, &config.Error{Pos: pos, Msg: "app " + a.Name + ": " + err.Error()}
	}
	switch o := a.Okta.OAuth; {
	case o == nil && a.Token.Ref() == "":
		pos = a.Token.Pos()
		c.Token = a.Token.Reveal()
	case o == nil:
		c.Credential = func() (okta.Credential, error) {
			token, err := b.vault.reveal(a.Token)
			return okta.Credential{Token: token}, err
		}
	default:
		pos = o.Pos
		c.ClientID, c.KeyID, c.Scopes = o.ClientID.Value, o.KeyID.Value, texts(o.Scopes)
		if o.Key.Ref() != "" {
			c.Credential = func() (okta.Credential, error) {
				key, err := b.vault.reveal(o.Key)
				return okta.Credential{Key: []byte(key)}, err
			}
			break
		}
		var err error
		if c.Key, err = pemOf(o.Key, "private_key of oauth of app "+a.Name); err != nil {
			return nil, err
		}
	}
	client, err := okta.New(c)
	if err != nil {
		return nil, &config.Error{Pos: pos, Msg: "app " + a.Name + ": " + err.Error()}
	}
	return client, nil
}

// oktaPlaces refuses what Okta has no place for, and a mapping without what nobody is
// made without.
func (b *Built) oktaPlaces(a config.App) error {
	paths, written := b.pathsOf(a)
	places, lacking := oktaapp.Check(paths)
	return errors.Join(misplaced(a, written, places), lacks(a, "Okta", lacking))
}

// misplaced says what a maker's users have no place for, with what to do: places says so of
// each that is written.
func misplaced(a config.App, written []config.Text, places []error) error {
	var errs []error
	for i, err := range places {
		if no, ok := errors.AsType[*app.NoPlaceError](err); ok {
			errs = append(errs, &config.Error{Pos: written[i].Pos, Msg: "app " + a.Name + ": " + no.Maker + " has no place for " + written[i].Value, Hint: no.Why})
		}
	}
	return errors.Join(errs...)
}

// lacks says what a mapping lacks without which nobody is made.
func lacks(a config.App, maker string, lacking []string) error {
	if len(lacking) == 0 {
		return nil
	}
	return &config.Error{
		Pos: a.Pos, Msg: "user of app " + a.Name + " has no " + strings.Join(lacking, ", ") + ", and " + maker + " makes nobody without", Hint: "map each to an expression",
	}
}

// transportOf connects to where an app's configuration allows, and nowhere else.
func transportOf(a config.App) *http.Transport {
	return dial.NewTransport(opened(a), tenantDialTimeout, max(a.Concurrency, 1), nil)
}
