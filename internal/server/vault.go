// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/internal/secret"
)

// Use is a place of the configuration that takes a sealed secret.
type Use struct {
	Name   string // of the secret
	What   string // the place, for people
	Origin string // where the value goes from there: scheme://host[:port], or secret.Usher

	pos    config.Position
	kind   useKind
	tenant *config.Tenant // that the value is a credential of; nil: it is none of a tenant
}

// useKind says what a value must be for its use.
type useKind int

const (
	useText    useKind = iota // one line
	useHook                   // one line, and long enough; the version before the newest holds, too
	useKey                    // PEM
	useSign                   // PEM, read once
	useAccount                // the key file of a service account of Google's
)

// usesOf finds the places that take sealed secrets, in the order of the file's sections.
func usesOf(c *config.Config) (out []Use) {
	add := func(s config.Secret, what, origin string, kind useKind) {
		if s.Ref() != "" {
			out = append(out, Use{Name: s.Name(), What: what, Origin: origin, pos: s.Pos(), kind: kind})
		}
	}
	tenant := func(t *config.Tenant, of string) {
		n := len(out)
		add(t.Secret, "client_secret of "+of, originOf(t.URL.Value), useText)
		add(t.Key, "private_key of "+of, originOf(t.URL.Value), useKey)
		for i := range out[n:] {
			out[n+i].tenant = t
		}
	}
	httpAuth := func(a *config.HTTPAuth, url, who string) {
		of, goes := " in auth of "+who, originOf(url)
		if a.Kind == config.AuthOAuth {
			goes = originOf(a.TokenURL.Value)
		}
		add(a.User, "user"+of, goes, useText)
		add(a.Secret, map[string]string{
			config.AuthBearer: "bearer", config.AuthBasic: "password", config.AuthHeader: "value", config.AuthOAuth: "client_secret",
		}[a.Kind]+of, goes, useText)
		add(a.Key, "private_key"+of, goes, useKey)
	}
	for _, s := range c.Sources {
		if s.Tenant != nil {
			tenant(s.Tenant, "source "+s.Name)
		}
		if s.SFTP != nil {
			add(s.SFTP.Password, "password of source "+s.Name, originOf(s.SFTP.URL.Value), useText)
			add(s.SFTP.Key, "private_key of source "+s.Name, originOf(s.SFTP.URL.Value), useKey)
			add(s.SFTP.Passphrase, "passphrase of source "+s.Name, originOf(s.SFTP.URL.Value), useText)
		}
		if s.HTTP != nil && s.HTTP.Auth != nil {
			httpAuth(s.HTTP.Auth, s.HTTP.URL.Value, "source "+s.Name)
		}
		if s.Webhook != nil {
			for _, one := range s.Webhook.Secrets {
				add(one, "webhook of source "+s.Name, secret.Usher, useHook)
			}
		}
		if s.Events != nil && s.Events.Push != nil {
			add(s.Events.Push.Token, "events of source "+s.Name, originOf(s.Events.Push.URL.Value), useText)
		}
	}
	for _, a := range c.Apps {
		add(a.Token, "token of app "+a.Name, originOf(a.URL.Value), useText)
		if a.Auth0 != nil && a.Auth0.Tenant != nil {
			tenant(a.Auth0.Tenant, "app "+a.Name)
		}
		if a.Auth != nil {
			to := a.URL.Value
			if a.HTTP != nil {
				to = a.HTTP.Read.URL.Value
			}
			httpAuth(a.Auth, to, "app "+a.Name)
		}
		if a.TLS != nil { // the key itself goes nowhere: it signs what is shown there
			add(a.TLS.Key, "private_key in tls of app "+a.Name, originOf(a.URL.Value), useKey)
		}
		if a.Okta != nil && a.Okta.OAuth != nil {
			add(a.Okta.OAuth.Key, "private_key of app "+a.Name, originOf(a.URL.Value), useKey)
		}
		if a.Google != nil {
			add(a.Google.Key, "service_account_key of app "+a.Name, originOf(cmp.Or(a.URL.Value, google.DefaultURL)), useAccount)
		}
		if a.Entra != nil && a.Entra.Registration != nil { // which goes to where tokens come from, and not to the app
			r, goes := a.Entra.Registration, originOf(entra.Authority(a.URL.Value, a.Entra.Registration.Authority.Value))
			add(r.Secret, "client_secret of app "+a.Name, goes, useText)
			add(r.Key, "private_key of app "+a.Name, goes, useKey)
		}
		if a.GitHub != nil {
			add(a.GitHub.Key, "private_key of app "+a.Name, originOf(a.URL.Value), useKey)
		}
	}
	add(c.Server.SigningKey, "server.signing_key", secret.Usher, useSign)
	return out
}

// originOf is where requests to a URL go (RFC 6454 §4), spelled in one way; "" if it
// is no URL of HTTP or SFTP.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "sftp" {
		return ""
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != map[string]string{"https": "443", "http": "80", "sftp": "22"}[u.Scheme] {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

const shortestHook = 16 // characters, as in the configuration

// check refuses a value that its use cannot take. It shows nothing of it.
func (u Use) check(value []byte) error {
	switch {
	case u.kind == useAccount:
		if err := google.CheckKey(value); err != nil {
			return fmt.Errorf("the %s: %w", u.What, err)
		}
		return nil
	case u.kind == useKey || u.kind == useSign:
		if !bytes.Contains(value, []byte("-----BEGIN ")) {
			return fmt.Errorf("the %s must be a private key in PEM", u.What)
		}
		return nil
	case !utf8.Valid(value) || bytes.IndexFunc(value, unicode.IsControl) >= 0:
		return fmt.Errorf("the %s must be one line of text", u.What)
	case u.kind == useHook && utf8.RuneCount(value) < shortestHook:
		return fmt.Errorf("the secret of the %s must have %d characters at least", u.What, shortestHook)
	}
	return nil
}

// sealable refuses sealed secrets without a key ring.
func (b *Built) sealable() error {
	if len(b.uses) == 0 || !b.Config.Secrets.Key.IsZero() {
		return nil
	}
	return &config.Error{
		Pos: b.uses[0].pos, Msg: "secret:" + b.uses[0].Name + " cannot be opened: there is no secrets.key",
		Hint: "usher secret key --new usher.key makes one",
	}
}

// Ring reads the key ring, anew each time, as a file may have been exchanged.
func (b *Built) Ring() (*secret.Ring, error) {
	key := b.Config.Secrets.Key
	if key.IsZero() {
		return nil, config.Errors{{
			Pos: config.Position{File: b.Config.File}, Msg: "there is no secrets.key, by which secrets are sealed", Hint: "usher secret key --new usher.key makes one",
		}}
	}
	read := secret.ReadRing
	if secret.LooksLikeKeys(key.Reveal()) {
		read = secret.ParseRing
	}
	ring, err := read(key.Reveal())
	if err != nil {
		return nil, config.Errors{{Pos: key.Pos(), Msg: "secrets.key: " + err.Error()}}
	}
	return ring, nil
}

// vault holds the values that the configuration uses, opened, by name: the newest
// version, and behind it those that hold, too.
type vault struct {
	turn   sync.Mutex // held by who reads the store, so that nothing older comes after it
	mu     sync.RWMutex
	opened map[string][]string
}

func (v *vault) values(name string) []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.opened[name]
}

func (v *vault) put(opened map[string][]string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.opened = opened
}

// putOne puts the values of one secret in, and leaves the others as they are; changed is
// that they were others before.
func (v *vault) putOne(name string, values []string) (changed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if slices.Equal(v.opened[name], values) {
		return false
	}
	opened := maps.Clone(v.opened)
	if opened == nil {
		opened = map[string][]string{}
	}
	opened[name] = values
	v.opened = opened
	return true
}

// reveal is the value of a secret as it is now, sealed or not; "" if it is unset.
func (v *vault) reveal(s config.Secret) (string, error) {
	if s.Ref() == "" {
		return s.Reveal(), nil
	}
	if values := v.values(s.Name()); len(values) > 0 {
		return values[0], nil
	}
	return "", &notOpenError{s.Ref()}
}

// notOpenError says that a sealed secret is used and was not opened.
type notOpenError struct{ ref string } // secret:NAME

func (e *notOpenError) Error() string { return e.ref + " is not open" }

// Format keeps what is open from being printed.
func (v *vault) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "a vault") }

// Unseal opens what the configuration uses. Everything that is missing, sealed for
// another origin or by another key comes at once, as config.Errors with their places.
func (u *Usher) Unseal(ctx context.Context) error {
	if len(u.uses) == 0 {
		return nil
	}
	u.vault.turn.Lock()
	defer u.vault.turn.Unlock()
	opened, err := u.open(ctx, u.uses)
	if err != nil {
		return err
	}
	u.vault.put(opened)
	return nil
}

// unsealOne opens one secret, whatever becomes of the others; changed is that it is another
// one than before. If it cannot be opened, what was open goes on.
func (u *Usher) unsealOne(ctx context.Context, name string) (changed bool, err error) {
	u.vault.turn.Lock()
	defer u.vault.turn.Unlock()
	opened, err := u.open(ctx, u.usesOfSecret(name))
	if err != nil {
		return false, err
	}
	return u.vault.putOne(name, opened[name]), nil
}

// open opens the secrets of uses, all of them or none. The caller has the vault's turn.
func (u *Usher) open(ctx context.Context, uses []Use) (map[string][]string, error) {
	ring, err := u.Ring()
	if err != nil {
		return nil, err
	}
	kept, err := u.db.Secrets().Secrets(ctx)
	if err != nil {
		return nil, err
	}
	opened := map[string][]string{}
	var mistakes config.Errors
	for _, use := range uses {
		values, err := use.open(ring, kept)
		var mistake *config.Error
		if errors.As(err, &mistake) {
			mistakes = append(mistakes, mistake)
		}
		if len(values) > len(opened[use.Name]) { // a hook's other version is no other use's
			opened[use.Name] = values
		}
	}
	if len(mistakes) > 0 {
		mistakes.Sort()
		return nil, mistakes
	}
	return opened, nil
}

// SealedValues are those that are open, for a log that must not show them.
func (u *Usher) SealedValues() (out []string) {
	u.vault.mu.RLock()
	defer u.vault.mu.RUnlock()
	for _, values := range u.vault.opened {
		out = append(out, values...)
	}
	return out
}

// problem says why a use cannot have its secret, as far as that is known without
// opening it; nil if it can.
func (u Use) problem(kept []secret.Sealed) *config.Error {
	newest, ok := secret.Newest(kept, u.Name)
	switch {
	case !ok:
		return &config.Error{Pos: u.pos, Msg: "secret:" + u.Name + " is not set", Hint: "usher secret set " + u.Name}
	case newest.Origin != u.Origin:
		return &config.Error{
			Pos: u.pos, Msg: fmt.Sprintf("secret:%s is sealed for %s and not given to %s (the %s)", u.Name, newest.Origin, u.Origin, u.What),
			Hint: "if that address is right: usher secret set " + u.Name,
		}
	}
	return nil
}

// open returns the values of a use, the newest first. The error is a *config.Error.
func (u Use) open(ring *secret.Ring, kept []secret.Sealed) (values []string, err error) {
	if mistake := u.problem(kept); mistake != nil {
		return nil, mistake
	}
	for _, s := range kept {
		if s.Name != u.Name || s.State == secret.Intended || len(values) > 0 && u.kind != useHook {
			continue
		}
		value, err := ring.Open(s)
		if err == nil {
			err = u.check(value)
			values = append(values, string(value))
			clear(value)
		}
		if err != nil {
			hint := ""
			if missing := (*secret.MissingKeyError)(nil); errors.As(err, &missing) {
				hint = "add that key to secrets.key, or: usher secret set " + u.Name
			}
			return nil, &config.Error{Pos: u.pos, Msg: err.Error(), Hint: hint}
		}
	}
	return values, nil
}
