// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/internal/provision"
)

// entraTarget connects to a tenant of Microsoft Entra ID, by Microsoft Graph.
func (b *Built) entraTarget(a config.App, t *provision.Target) error {
	if a.Entra == nil || a.Entra.Registration == nil {
		return nil // which the configuration has been told of
	}
	t.Address = strings.TrimSuffix(strings.TrimRight(cmp.Or(a.URL.Value, entra.DefaultURL), "/"), "/v1.0")
	errs := []error{b.entraPlaces(a)}
	if err := entraapp.CheckID(a.Entra.IDAttribute.Value); err != nil {
		return errors.Join(append(errs, &config.Error{Pos: a.Entra.IDAttribute.Pos, Msg: "app " + a.Name + ": " + err.Error()})...)
	}
	client, err := b.entraClient(a)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	tenant, err := entraapp.New(entraapp.Config{Client: client, IDAttribute: a.Entra.IDAttribute.Value, ChangePassword: a.Entra.ChangePassword})
	if err != nil {
		return errors.Join(append(errs, &config.Error{Pos: a.Pos, Msg: "app " + a.Name + ": " + err.Error()})...)
	}
	b.registered = append(b.registered, &registered{a, client})
	t.App = b.origins.Share(tenant, t.Address, cmp.Or(a.RequestsPerSecond, tenant.Profile().RequestsPerSecond))
	return errors.Join(append(errs, offers(a, tenant.Profile()))...)
}

// entraClient makes the client of a tenant. What is wrong is told where it stands.
func (b *Built) entraClient(a config.App) (*entra.Client, error) {
	r := a.Entra.Registration
	at := func(pos config.Position, err error) error {
		return &config.Error{Pos: pos, Msg: "app " + a.Name + ": " + err.Error()}
	}
	where := a.URL.Pos
	if a.URL.IsZero() {
		where = r.Authority.Pos
	}
	for _, check := range []struct {
		pos config.Position
		err error
	}{
		{where, entra.CheckURL(a.URL.Value, r.Authority.Value)}, {r.Tenant.Pos, entra.CheckTenant(r.Tenant.Value)}, {r.ClientID.Pos, entra.CheckClientID(r.ClientID.Value)},
	} {
		if check.err != nil {
			return nil, at(check.pos, check.err)
		}
	}
	c := entra.Config{
		URL: a.URL.Value, Authority: r.Authority.Value, Tenant: r.Tenant.Value, ClientID: r.ClientID.Value, Timeout: time.Duration(a.Timeout),
		Attributes: entraapp.Properties(a.Entra.IDAttribute.Value),
		HTTP:       b.origins.Through(dial.NewTransport(opened(a), tenantDialTimeout, max(a.Concurrency, 1), nil)),
	}
	pos := r.Secret.Pos()
	switch byKey := !r.Key.IsZero(); {
	case byKey:
		pos = r.Key.Pos()
		var err error
		if c.Certificate, err = certificateOf(r.Certificate, "certificate in registration of app "+a.Name); err != nil {
			return nil, err
		}
		if r.Key.Ref() != "" {
			c.Credential = func() (entra.Credential, error) {
				key, err := b.vault.reveal(r.Key)
				return entra.Credential{Key: []byte(key)}, err
			}
			break
		}
		if c.Key, err = pemOf(r.Key, "private_key in registration of app "+a.Name); err != nil {
			return nil, err
		}
	case r.Secret.Ref() != "":
		c.Credential = func() (entra.Credential, error) {
			secret, err := b.vault.reveal(r.Secret)
			return entra.Credential{Secret: secret}, err
		}
	default:
		c.Secret = r.Secret.Reveal()
	}
	client, err := entra.New(c)
	if err != nil {
		return nil, at(pos, err)
	}
	return client, nil
}

// certificateOf is a certificate in PEM, or what a file holds.
func certificateOf(t config.Text, what string) ([]byte, error) {
	if strings.Contains(t.Value, "-----BEGIN ") {
		return []byte(t.Value), nil
	}
	text, err := os.ReadFile(t.Value)
	if err != nil {
		return nil, &config.Error{Pos: t.Pos, Msg: what + " names no file that can be read: " + err.Error()}
	}
	return text, nil
}

// entraPlaces refuses what Entra has no place for, and a mapping without what nobody is
// made without.
func (b *Built) entraPlaces(a config.App) error {
	paths, written := b.pathsOf(a)
	places, lacking := entraapp.Check(paths, a.Entra.IDAttribute.Value)
	errs := []error{misplaced(a, written, places)}
	for _, path := range lacking {
		why := "and Entra makes nobody without"
		if path == "externalId" {
			why = "and Usher's own ids are longer than the 16 characters of employeeId (id_attribute)"
		}
		errs = append(errs, &config.Error{Pos: a.Pos, Msg: "user of app " + a.Name + " has no " + path + ", " + why, Hint: "map it to an expression"})
	}
	return errors.Join(errs...)
}
