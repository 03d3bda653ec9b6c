// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// StoreRedacted is the store without a password, for people and logs.
func (c Config) StoreRedacted() string {
	s := c.Store.Value
	if !strings.Contains(s, "://") {
		if strings.Contains(strings.ToLower(s), "password") { // a key=value connection string
			return redacted
		}
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return redacted
	}
	if u.RawQuery != "" { // ?password= is one of its parameters
		u.RawQuery = redacted
	}
	return u.Redacted()
}

// plainConfig is Config without its methods.
type plainConfig Config

// MarshalJSON writes the effective configuration with every credential redacted.
func (c Config) MarshalJSON() ([]byte, error) {
	c.Store.Value = c.StoreRedacted()
	return json.Marshal(plainConfig(c))
}

// Format writes one line for every verb, so that printing a Config never prints
// the store's password; its parts can be printed one by one.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "config %s (%d sources, %d teams, %d apps) sha256:%s",
		c.File, len(c.Sources), len(c.Teams), len(c.Apps), hex.EncodeToString(c.Digest[:]))
}

// MarshalText writes what Format writes, for encoders other than JSON.
func (c Config) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// LogValue is the file and the digest.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("file", c.File),
		slog.String("digest", "sha256:"+hex.EncodeToString(c.Digest[:])),
	)
}

// refs are the sealed secrets of an auth.
func (a *HTTPAuth) refs() string { return a.User.Ref() + " " + a.Secret.Ref() + " " + a.Key.Ref() }

// digest hashes what the configuration means; see Config.Digest.
func digest(c *Config) [32]byte {
	refs := map[string]string{}
	for _, a := range c.Apps {
		refs[a.Name] = a.Token.Ref()
		if a.Auth0 != nil && a.Auth0.Tenant != nil {
			refs["the secret of "+a.Name] = a.Auth0.Tenant.Secret.Ref()
			refs["the key of "+a.Name] = a.Auth0.Tenant.Key.Ref()
		}
		if a.Okta != nil && a.Okta.OAuth != nil {
			refs["the key of "+a.Name] = a.Okta.OAuth.Key.Ref()
		}
		if a.Auth != nil {
			refs["auth of app "+a.Name] = a.Auth.refs()
		}
		if a.TLS != nil {
			refs["tls of "+a.Name] = a.TLS.Key.Ref()
		}
		if a.Google != nil {
			refs["the key of "+a.Name] = a.Google.Key.Ref()
		}
		if a.Entra != nil && a.Entra.Registration != nil {
			refs["the secret of "+a.Name] = a.Entra.Registration.Secret.Ref()
			refs["the key of "+a.Name] = a.Entra.Registration.Key.Ref()
		}
		if a.GitHub != nil {
			refs["the key of "+a.Name] = a.GitHub.Key.Ref()
		}
	}
	for _, s := range c.Sources {
		if s.Tenant != nil {
			refs["tenant of "+s.Name] = s.Tenant.Secret.Ref() + s.Tenant.Key.Ref()
		}
		if s.SFTP != nil {
			refs["sftp of "+s.Name] = s.SFTP.Password.Ref() + s.SFTP.Key.Ref() + s.SFTP.Passphrase.Ref()
		}
		if s.HTTP != nil && s.HTTP.Auth != nil {
			refs["auth of "+s.Name] = s.HTTP.Auth.refs()
		}
		if s.Webhook != nil {
			for i, secret := range s.Webhook.Secrets {
				refs[fmt.Sprintf("webhook of %s %d", s.Name, i)] = secret.Ref()
			}
		}
		if s.Events != nil && s.Events.Push != nil {
			refs["events of "+s.Name] = s.Events.Push.Token.Ref()
		}
	}
	if ref := c.Server.SigningKey.Ref(); ref != "" {
		refs["the signing key"] = ref
	}
	// Marshalling these types cannot fail: no maps with odd keys, no channels,
	// and no float that is not a number gets past the decoder.
	data, _ := json.Marshal(struct {
		Config  Config            `json:"config"`
		Secrets map[string]string `json:"secrets"`
	}{*c, refs})
	return sha256.Sum256(data)
}
