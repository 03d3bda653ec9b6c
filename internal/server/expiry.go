// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/secret"
)

// soon is how long before a credential runs out somebody is told: long enough for a new one
// to be asked for where that takes a form and a signature.
const soon = 30 * 24 * time.Hour

// How it is known when a credential runs out.
const (
	KnownByFile        = "configuration" // expires
	KnownByProfile     = "profile"       // how long such tokens live, and when this one was sealed
	KnownByCertificate = "certificate"   // itself
)

// Expiry is when a credential runs out.
type Expiry struct {
	Where string    `json:"where"` // "app aws", "source hr"
	What  string    `json:"what"`  // "token", "certificate" …: the key of the configuration
	At    time.Time `json:"at"`
	Known string    `json:"known_by"` // one of the constants
	Soon  bool      `json:"soon"`     // within 30 days, or over
	Over  bool      `json:"over"`
	// Passed says that the day in the configuration is of an earlier credential: this one was
	// sealed after it.
	Passed bool `json:"passed,omitzero"`
}

// String is what there is to say to somebody. It shows nothing of the credential.
func (e Expiry) String() string {
	until := time.Until(e.At)
	days := int(math.Floor(until.Hours() / 24))
	text := fmt.Sprintf("%s of %s runs out in %d days, on %s", e.What, e.Where, days, e.At.Format(time.DateOnly))
	switch {
	case e.Passed:
		return fmt.Sprintf("expires of %s is %s, and its %s was sealed after that: write the day on which the new one runs out", e.Where, e.At.Format(time.DateOnly), e.What)
	case e.Over:
		text = fmt.Sprintf("%s of %s HAS RUN OUT, on %s", e.What, e.Where, e.At.Format(time.DateOnly))
	case days == 0:
		text = fmt.Sprintf("%s of %s runs out within a day, on %s", e.What, e.Where, e.At.Format(time.DateOnly))
	case days == 1:
		text = fmt.Sprintf("%s of %s runs out in 1 day, on %s", e.What, e.Where, e.At.Format(time.DateOnly))
	}
	switch e.Known {
	case KnownByFile:
		return text + ", as expires says: make a new one where it is taken, set it, and write its day"
	case KnownByProfile:
		return text + ", as its profile has it: make a new one where it is taken, and set it"
	}
	return text + ": put a new one in its place"
}

// expiries are the credentials of which it is known when they run out, the first first. What
// cannot be read is not among them: whoever uses it says so.
func (b *Built) expiries(kept []secret.Sealed, now time.Time) []Expiry {
	out := []Expiry{}
	add := func(e Expiry) {
		e.At = e.At.UTC()
		e.Over = !now.Before(e.At) && !e.Passed
		e.Soon = e.Passed || now.Add(soon).After(e.At)
		out = append(out, e)
	}
	file := func(where, what string, s config.Secret, day config.Text) {
		at, err := time.Parse(time.DateOnly, day.Value)
		if err != nil { // there is none
			return
		}
		sealed, ok := secret.Newest(kept, s.Name())
		add(Expiry{Where: where, What: what, At: at, Known: KnownByFile, Passed: s.Ref() != "" && ok && sealed.Created.After(at)})
	}
	for _, s := range b.Config.Sources {
		if s.HTTP != nil && s.HTTP.Auth != nil {
			what, of := credentialOf(s.HTTP.Auth)
			file("source "+s.Name, what, of, s.Expires)
		}
	}
	for _, a := range b.Config.Apps {
		where := "app " + a.Name
		what, of := credentialOfApp(a)
		file(where, what, of, a.Expires)
		if sealed, ok := secret.Newest(kept, of.Name()); ok && of.Ref() != "" && a.Expires.IsZero() && (what == "token" || what == config.AuthBearer) {
			if days := b.tokenDays(a.Name); days > 0 {
				add(Expiry{Where: where, What: what, At: sealed.Created.AddDate(0, 0, days), Known: KnownByProfile})
			}
		}
		for _, c := range certificatesIn(a) {
			text, err := certificateOf(c, "certificate")
			if err != nil {
				continue
			}
			if at, err := firstEnd(text); err == nil {
				add(Expiry{Where: where, What: "certificate", At: at, Known: KnownByCertificate})
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Expiry) int { return x.At.Compare(y.At) })
	return out
}

// tokenDays is how long a token of an app's kind is good, as its profile has it.
func (b *Built) tokenDays(app string) int {
	for _, t := range b.Targets {
		if t.Name == app {
			return t.App.Profile().TokenDays
		}
	}
	return 0
}

// credentialOfApp is the credential that an app's expires is about.
func credentialOfApp(a config.App) (what string, s config.Secret) {
	switch {
	case a.Auth != nil:
		return credentialOf(a.Auth)
	case a.Okta != nil && a.Okta.OAuth != nil:
		return "private_key", a.Okta.OAuth.Key
	case a.Google != nil:
		return "service_account_key", a.Google.Key
	case a.Entra != nil && a.Entra.Registration != nil && a.Entra.Registration.Key.IsZero():
		return "client_secret", a.Entra.Registration.Secret
	case a.Entra != nil && a.Entra.Registration != nil:
		return "private_key", a.Entra.Registration.Key
	case a.GitHub != nil:
		return "private_key", a.GitHub.Key
	case a.Token.IsZero() && a.TLS != nil:
		return "certificate", config.Secret{}
	}
	return "token", a.Token
}

func credentialOf(a *config.HTTPAuth) (what string, s config.Secret) {
	switch {
	case a.Kind == config.AuthOAuth && !a.Key.IsZero():
		return "private_key", a.Key
	case a.Kind == config.AuthOAuth:
		return "client_secret", a.Secret
	case a.Kind == config.AuthBasic:
		return "password", a.Secret
	}
	return a.Kind, a.Secret
}

// certificatesIn are those that an app is shown, or knows us by.
func certificatesIn(a config.App) (out []config.Text) {
	if a.TLS != nil && !a.TLS.Certificate.IsZero() {
		out = append(out, a.TLS.Certificate)
	}
	if a.Entra != nil && a.Entra.Registration != nil && !a.Entra.Registration.Certificate.IsZero() {
		out = append(out, a.Entra.Registration.Certificate)
	}
	return out
}

// Expiring are the credentials that run out soon, or have, as far as that is known without
// opening any.
func (b *Built) Expiring(ctx context.Context) ([]Expiry, error) {
	var kept []secret.Sealed
	if len(b.uses) > 0 {
		var err error
		if kept, err = b.KeptSecrets(ctx); err != nil {
			return nil, err
		}
	}
	all := b.expiries(kept, time.Now())
	return slices.DeleteFunc(all, func(e Expiry) bool { return !e.Soon }), nil
}

// dueExpiries are those to be told of now, each once a day; warned is on which day each was
// told last, and is brought up to date.
func dueExpiries(all []Expiry, warned map[string]string, now time.Time) (out []Expiry) {
	today := now.UTC().Format(time.DateOnly)
	for _, e := range all {
		key := e.What + " of " + e.Where
		if !e.Soon || warned[key] == today {
			continue
		}
		warned[key] = today
		out = append(out, e)
	}
	return out
}

// tellExpiries warns of credentials that run out soon.
func (d *daemon) tellExpiries(kept []secret.Sealed, now time.Time) {
	for _, e := range dueExpiries(d.expiries(kept, now), d.keeper.warned, now) {
		log := d.log.Warn
		if e.Over {
			log = d.log.Error
		}
		log("credential runs out", "what", e.String(), "at", e.At.Format(time.RFC3339))
	}
}
