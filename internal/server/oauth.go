// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/token/oauth"
	"github.com/usher-id/usher/scim/scimserver"
)

// oauthClients are those of a source, with keys that are good.
func oauthClients(s config.Source) ([]oauth.Client, error) {
	var out []oauth.Client
	for _, c := range s.OAuthClients {
		keys, err := oauthKeys(c)
		if err != nil {
			return nil, err
		}
		client := oauth.Client{ID: c.ID, Source: s.Name, Keys: keys, Life: time.Duration(c.TokenLife)}
		if len(c.Algorithms) > 0 {
			client.Algorithms = texts(c.Algorithms)
		}
		if err := client.Check(); err != nil {
			return nil, &config.Error{Pos: c.Pos, Msg: "client " + c.ID + ": " + err.Error()}
		}
		out = append(out, client)
	}
	return out, nil
}

// maxKeysFile bounds a file of keys, four of which are some kilobytes.
const maxKeysFile = 64 << 10

func oauthKeys(c config.OAuthClient) (keys []oauth.Key, err error) {
	if c.KeysFile.Value != "" {
		text, err := keysFile(c.KeysFile.Value)
		if err == nil {
			keys, err = oauth.ParseKeys(text)
		}
		if err != nil {
			return nil, &config.Error{Pos: c.KeysFile.Pos, Msg: "keys_file of client " + c.ID + ": " + err.Error()}
		}
		return keys, nil
	}
	for _, k := range c.Keys {
		text, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		key, err := oauth.ParseKey(text)
		if err != nil {
			return nil, &config.Error{Pos: k.Pos, Msg: "a key of client " + c.ID + ": " + err.Error()}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func keysFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxKeysFile+1))
	if err == nil && len(text) > maxKeysFile {
		err = fmt.Errorf("it is longer than %d KiB", maxKeysFile>>10)
	}
	return text, err
}

// newOAuth makes what issues access tokens, once it is known where the daemon
// listens; nil if there is no client.
func (d *daemon) newOAuth() (*oauth.Server, error) {
	var clients []oauth.Client
	for _, s := range d.Pushed {
		clients = append(clients, s.Clients...)
	}
	if len(clients) == 0 {
		return nil, nil
	}
	return oauth.New(oauth.Config{
		Issuer: d.issuer(), Resource: scimPath, Clients: clients, Store: d.db.OAuth(), Log: d.log, Told: d.wakeBooks,
	})
}

// issuer is how clients reach us: as the configuration says, or at the address that
// is listened on, which the configuration has seen to be this machine's own.
func (d *daemon) issuer() string {
	c := d.Config.Server
	if c.PublicURL.Value != "" {
		return c.PublicURL.Value
	}
	host, _, _ := net.SplitHostPort(c.Address.Value) // which the configuration has checked
	_, port, _ := net.SplitHostPort(d.web.main.Addr().String())
	return "http://" + net.JoinHostPort(host, port)
}

// publicSCIM is how others reach the endpoint; "" if that is not known.
func (d *daemon) publicSCIM() string {
	if at := d.Config.Server.PublicURL.Value; at != "" {
		return at + scimPath
	}
	return ""
}

// schemes are the ways to authenticate at a source's endpoint; nil for the one that
// there always is.
func schemes(s Pushed) []scimserver.Scheme {
	if len(s.Clients) == 0 {
		return nil
	}
	return []scimserver.Scheme{
		{
			Type: "oauth2", Name: "OAuth 2.0 client credentials",
			Description: "An access token for what a client has signed (private_key_jwt, RFC 7523), scope " + oauth.Scope, SpecURI: "https://www.rfc-editor.org/rfc/rfc6749",
		},
		scimserver.BearerScheme(),
	}
}

// hasClient tells whether the configuration still has an access token's client, with
// the key by which it was known.
func (b *Built) hasClient(t token.Token) bool {
	return slices.ContainsFunc(b.Pushed, func(s Pushed) bool {
		return slices.ContainsFunc(s.Clients, func(c oauth.Client) bool { return c.Holds(t) })
	})
}
