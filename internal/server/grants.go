// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
)

// party is a source or an app that is connected to a tenant.
type party struct {
	name   string // "source auth0"
	tenant *config.Tenant
	client *auth0.Client
	needs  []need
	source *config.Source // either this
	app    *config.App    // or this
}

// grant is an application of a tenant, with everybody here who uses it: its scopes are
// theirs together.
type grant struct{ parties []*party }

func (g *grant) tenant() *config.Tenant { return g.parties[0].tenant }
func (g *grant) client() *auth0.Client  { return g.parties[0].client }

// credential is what the tenant knows us by.
func (g *grant) credential() config.Secret {
	if t := g.tenant(); t.Key.IsZero() {
		return t.Secret
	}
	return g.tenant().Key
}

func (g *grant) subject() string { return "tenant " + address(g.tenant()) }

func (g *grant) needs() (out []need) {
	for _, p := range g.parties {
		out = append(out, p.needs...)
	}
	return out
}

// address is a tenant's, as it is shown.
func address(t *config.Tenant) string { return strings.TrimRight(t.URL.Value, "/") }

// join adds a party to those who use the same application.
func (b *Built) join(p *party) {
	for _, g := range b.grants {
		if t := g.tenant(); sameTenant(t, p.tenant) && t.ClientID.Value == p.tenant.ClientID.Value {
			g.parties = append(g.parties, p)
			return
		}
	}
	b.grants = append(b.grants, &grant{[]*party{p}})
}

// says is a finding about a scope that a party lacks, all of its uses in one sentence.
func (p *party) says(scope string, lacking []need) Finding {
	var what []string
	var without string
	for _, n := range lacking {
		what = append(what, n.what)
		if n.without == "" { // the weightiest comes first, and is what follows from it
			without = "until then nothing is read from it"
			if p.app != nil {
				without = "until then it is paused, but for shutting people out"
			}
		}
	}
	level := FindingError
	if without == "" {
		level, without = FindingWarning, lacking[0].without
	}
	name := scope
	if or := lacking[0].or; or != "" {
		name += " (or " + or + ")"
	}
	return Finding{
		Pos: lacking[0].at, Subject: p.name, Level: level,
		Text: fmt.Sprintf("the tenant %s does not grant %s, which the %s needs for %s: %s", address(p.tenant), name, p.name, strings.Join(what, " and "), without),
		Fix:  fmt.Sprintf("grant %s to the application %s: Applications, APIs, Auth0 Management API, Machine to Machine Applications", scope, p.tenant.ClientID.Value),
	}
}

// lacks says what a party lacks, a finding for each scope.
func (p *party) lacks(granted []string) (out []Finding) {
	lacking := missing(p.needs, granted)
	for len(lacking) > 0 {
		scope := lacking[0].scope
		var same, rest []need
		for _, n := range lacking {
			if n.scope == scope {
				same = append(same, n)
			} else {
				rest = append(rest, n)
			}
		}
		out, lacking = append(out, p.says(scope, same)), rest
	}
	return out
}

// mostScopes is how many superfluous scopes are named.
const mostScopes = 12

// scopes says what a grant's scopes lack, and what they have beside. A tenant that tells
// of none leaves both open.
func (g *grant) scopes(granted []string) (out []Finding) {
	if len(granted) == 0 {
		return nil
	}
	for _, p := range g.parties {
		out = append(out, p.lacks(granted)...)
	}
	if g.tenant().Sealed() != "" { // usher secret rotate --at-tenant may need them
		granted = slices.DeleteFunc(slices.Clone(granted), func(s string) bool { return slices.Contains(RotationScopes(g.tenant()), s) })
	}
	over := superfluous(g.needs(), granted)
	if len(over) == 0 {
		return out
	}
	named := strings.Join(over[:min(len(over), mostScopes)], ", ")
	if more := len(over) - mostScopes; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	return append(out, Finding{
		Pos: g.tenant().ClientID.Pos, Subject: g.subject(), Level: FindingWarning,
		Text: fmt.Sprintf("the tenant %s grants %s, which nothing here needs", address(g.tenant()), named),
		Fix:  "take them from the application " + g.tenant().ClientID.Value + ": whoever got hold of its credential could use them",
	})
}

// permit refuses what a party may not do for want of a scope, so that nothing is done by
// half. Whoever shuts somebody out is let through, if that is granted. What the scopes
// are is known from the token that the party's own next request goes with; that it cannot
// be had is the client's error, as that request would have it.
func (p *party) permit(ctx context.Context, shutsOut bool) error {
	lacking, err := p.vital(ctx, shutsOut)
	if len(lacking) > 0 { // it may be granted by now
		p.client.Reconsider()
		lacking, err = p.vital(ctx, shutsOut)
	}
	if err != nil || len(lacking) == 0 {
		return err
	}
	f := p.says(lacking[0].scope, lacking[:1])
	if rest := names(lacking[1:]); len(rest) > 0 {
		f.Text += "; and it lacks " + strings.Join(rest, ", ")
	}
	return fmt.Errorf("%s: %s", f.Pos, f.Text)
}

// vital are the needs that are not met and without which nothing is done.
func (p *party) vital(ctx context.Context, shutsOut bool) (out []need, err error) {
	granted, err := p.client.Scopes(ctx)
	if err != nil || len(granted) == 0 {
		return nil, err
	}
	for _, n := range missing(p.needs, granted) {
		if n.without == "" && (!shutsOut || n.scope == toShutOut) {
			out = append(out, n)
		}
	}
	return out, nil
}

// names are the scopes of needs, each once.
func names(needs []need) (out []string) {
	for _, n := range needs {
		if !slices.Contains(out, n.scope) {
			out = append(out, n.scope)
		}
	}
	return out
}

// startWithin bounds how long a start waits for tenants to tell their scopes.
const startWithin = 10 * time.Second

// scopes asks each tenant of Auth0 once what it grants, and says what is missing and
// what is superfluous. One that cannot be asked is passed over, unless it refuses an
// app: who reads a source says so. whole is that none was. It takes ten seconds at most.
func (b *Built) scopes(ctx context.Context) (out []Finding, whole bool) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	found, unasked := make([][]Finding, len(b.grants)), make([]bool, len(b.grants))
	var all errgroup.Group
	for i, g := range b.grants {
		all.Go(func() error {
			granted, err := g.client().Scopes(ctx)
			switch {
			case err == nil:
				found[i] = g.scopes(granted)
			case g.parties[0].app != nil && refusedBy(err):
				found[i] = []Finding{g.refused(err)}
			default:
				unasked[i] = true
			}
			return nil
		})
	}
	_ = all.Wait() // none has an error
	return slices.Concat(found...), !slices.Contains(unasked, true)
}

// refusedBy says that a tenant has said no, rather than nothing.
func refusedBy(err error) bool {
	e, ok := errors.AsType[*auth0.Error](err)
	return ok && e.Status >= 400 && e.Status < 500 && e.RetryAfter == 0
}

// refused is a finding about a tenant that gives no token.
func (g *grant) refused(err error) Finding {
	t := g.tenant()
	f := Finding{Pos: t.URL.Pos, Subject: g.subject(), Level: FindingError, Text: "the tenant " + address(t) + " gives no token: " + message(err)}
	e, ok := errors.AsType[*auth0.Error](err)
	if !ok || e.Err == nil {
		return f
	}
	if shut, ok := errors.AsType[*notOpenError](err); ok {
		f.Pos, f.Text, f.Fix = g.credential().Pos(), fmt.Sprintf("the tenant %s is not asked: %s", address(t), shut.Error()), "usher secret list says why"
		return f
	}
	if e.Status == 0 {
		f.Fix = "see whether the address is right, and whether this machine may reach it"
	}
	what, fix, ok := strings.Cut(e.Err.Error(), "; ")
	if !ok {
		return f
	}
	f.Text, f.Fix = "the tenant "+address(t)+" gives no token: "+what, fix
	for _, of := range []struct { // what the sentence begins with, and where that stands
		what string
		at   config.Position
	}{
		{"the audience", t.Audience.Pos},
		{"the client id", t.ClientID.Pos},
		{"the application", t.ClientID.Pos},
		{"the client secret", t.Secret.Pos()},
		{"the tenant does not take the private key", t.Key.Pos()},
	} {
		if strings.HasPrefix(what, of.what) && of.at.Line > 0 {
			f.Pos = of.at
		}
	}
	return f
}
