// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
)

const (
	tenantDialTimeout = 10 * time.Second
	tenantConnections = 8
)

// entry is a tenant, and the client by which it is entered.
type entry struct {
	tenant *config.Tenant
	client *auth0.Client
}

// wayTo is how requests to a tenant go.
func wayTo(t *config.Tenant) *http.Transport {
	return dial.NewTransport(dial.Allow{
		Loopback: t.Allows(config.AllowLoopback), Private: t.Allows(config.AllowPrivate), PlainHTTP: t.Allows(config.AllowPlainHTTP), Addresses: config.Addresses(t.Allow),
	}, tenantDialTimeout, tenantConnections, nil)
}

// tenant makes the client of an Auth0 tenant. what is whose tenant it is, for people.
func (b *Built) tenant(t *config.Tenant, what string) (*auth0.Client, error) {
	c := auth0.Config{
		URL: t.URL.Value, Audience: t.Audience.Value, ClientID: t.ClientID.Value, Secret: t.Secret.Reveal(), Timeout: time.Duration(t.Timeout),
		HTTP: b.origins.Through(wayTo(t)),
	}
	if t.Secret.Ref() != "" || t.Key.Ref() != "" {
		c.Credential = func() (auth0.Credential, error) {
			secret, err := b.vault.reveal(t.Secret)
			key, keyErr := b.vault.reveal(t.Key)
			return auth0.Credential{Secret: secret, Key: []byte(key)}, errors.Join(err, keyErr)
		}
	}
	if t.Key.Reveal() != "" {
		var err error
		if c.Key, err = pemOf(t.Key, "private_key of the tenant of "+what); err != nil {
			return nil, err
		}
	}
	client, err := auth0.New(c)
	if err != nil {
		return nil, &config.Error{Pos: t.Pos, Msg: what + ": " + err.Error()}
	}
	b.entries = append(b.entries, entry{t, client})
	return client, nil
}
