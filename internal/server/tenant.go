// SPDX-License-Identifier: Apache-2.0

package server

import (
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/dial"
)

const (
	tenantDialTimeout = 10 * time.Second
	tenantConnections = 8
)

// tenant makes the client of an Auth0 tenant. what is whose tenant it is, for people.
func tenant(t *config.Tenant, what string) (*auth0.Client, error) {
	for _, s := range []config.Secret{t.Secret, t.Key} {
		if s.Ref() != "" {
			return nil, &config.Error{Pos: s.Pos(), Msg: what + ": " + s.Ref() + ": sealed secrets are not in this version yet; take it from the environment"}
		}
	}
	c := auth0.Config{
		URL: t.URL.Value, Audience: t.Audience.Value, ClientID: t.ClientID.Value, Secret: t.Secret.Reveal(), Timeout: time.Duration(t.Timeout),
		HTTP: dial.NewTransport(dial.Allow{
			Loopback: t.Allows(config.AllowLoopback), Private: t.Allows(config.AllowPrivate), PlainHTTP: t.Allows(config.AllowPlainHTTP),
		}, tenantDialTimeout, tenantConnections, nil),
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
	return client, nil
}
