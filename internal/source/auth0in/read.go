// SPDX-License-Identifier: Apache-2.0

package auth0in

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/source"
)

// Config is what a Tenant is made of. Source, Client and Columns are required.
type Config struct {
	Source      string
	Host        string // of the tenant; offsets of one mean nothing to another
	Client      *auth0.Client
	Columns     []string // that rows have, in this order; see IsColumn
	Connections []string // names; none is all
	Teams       []Teams
	// Permit is asked before anything is read, and says why it must not be; may be nil.
	Permit func(context.Context) error
	// AtOnce is how many users are asked for at the same time; default 4.
	AtOnce int
	// Closely is up to how many differences a read of everybody asks for one by one,
	// so that they are as of now; default 200. Beyond that they are taken as they come,
	// and whoever is absent is the guard's to decide.
	Closely int
}

// Teams is a kind of thing that people are in.
type Teams string

// The kinds.
const (
	Roles         Teams = "roles"
	Organizations Teams = "organizations"
	Groups        Teams = "groups"
)

// mostColumns is how many fields an export tells, without those that are always asked for.
const mostColumns = 26

// Tenant is a tenant of Auth0 as a source.
type Tenant struct{ Config }

var _ source.LiveReader = (*Tenant)(nil)

// New checks the configuration. It sends nothing.
func New(c Config) (*Tenant, error) {
	switch {
	case c.Source == "" || c.Client == nil:
		return nil, errors.New("auth0in: there is no source, or no client")
	case c.AtOnce < 0 || c.Closely < 0:
		return nil, errors.New("auth0in: a number is negative")
	}
	if len(c.Columns) > mostColumns {
		return nil, fmt.Errorf("auth0in: the expressions read %d columns, and an export of the tenant tells %d at most", len(c.Columns), mostColumns)
	}
	for _, name := range c.Columns {
		if !IsColumn(name) {
			return nil, fmt.Errorf("auth0in: %q is no column: write %s, app_metadata.NAME or user_metadata.NAME", name, strings.Join(Columns(), ", "))
		}
	}
	if c.AtOnce == 0 {
		c.AtOnce = 4
	}
	if c.Closely == 0 {
		c.Closely = 200
	}
	if c.Permit == nil {
		c.Permit = func(context.Context) error { return nil }
	}
	return &Tenant{c}, nil
}

// ReadAll implements source.LiveReader.
func (t *Tenant) ReadAll(ctx context.Context, k source.Knowledge) (*source.Batch, error) {
	if err := t.Permit(ctx); err != nil {
		return nil, err
	}
	b := t.newBatch()
	b.out.Live.Began = time.Now()
	for u, err := range t.everybody(ctx) {
		if err != nil {
			return nil, err
		}
		b.add(u)
	}
	if len(b.keys) == 0 {
		if err := t.unnamed(ctx); err != nil {
			return nil, err
		}
	}
	b.apart(k.Has)
	out := b.done()
	out.Proof.Complete = true
	if err := t.lookClosely(ctx, k, b); err != nil {
		return nil, err
	}
	out.Proof.Digest = fingerprint(out.Rows)
	return out, nil
}

// unnamed says that a connection is none of the tenant's: a slip of the pen reads nobody,
// which looks like a tenant without users. Where we may not ask, it is not known.
func (t *Tenant) unnamed(ctx context.Context) error {
	for _, name := range t.Connections {
		_, found, err := t.Client.ConnectionByName(ctx, name)
		if e, ok := errors.AsType[*auth0.Error](err); ok && e.Status == http.StatusForbidden {
			return nil
		}
		switch {
		case err != nil:
			return err
		case !found:
			return fmt.Errorf("the tenant has no connection %q; write its name as Auth0 shows it", name)
		}
	}
	return nil
}

// everybody lists a small tenant by pages, and exports a larger one.
func (t *Tenant) everybody(ctx context.Context) iter.Seq2[auth0.User, error] {
	return func(yield func(auth0.User, error) bool) {
		n, err := t.Client.CountUsers(ctx, "", "")
		if err != nil {
			yield(auth0.User{}, err)
			return
		}
		all := t.Client.Export(ctx, "", t.Columns)
		if n <= auth0.MostListed/2 { // far from where lists end
			all = t.Client.Search(ctx, "", "")
		}
		all(yield)
	}
}

// mostAbsent is up to how many people whom a read lacks are asked for. Beyond it the
// guard lets nobody go, whatever the size of the house: its limit of a day.
const mostAbsent = 1_000

// lookClosely asks for those one by one of whom the read says something new, or whom it
// lacks: what lists say lags behind, and exports may be cut short. If those with news are
// many they are taken as they come; if many are lacking, nobody is asked for.
func (t *Tenant) lookClosely(ctx context.Context, k source.Knowledge, b *batch) error {
	if k.Len() == 0 {
		return nil
	}
	parts := map[string]bool{}
	for _, of := range b.out.Live.Aliases {
		for _, id := range of {
			parts[id] = true
		}
	}
	for _, id := range b.out.Live.Elsewhere {
		parts[id] = true
	}
	ask := k.Absent(func(key string) bool { return b.keys[key] || parts[key] })
	var news []string
	for _, row := range b.out.Rows {
		if k.News(row) {
			news = append(news, row.Key)
		}
	}
	if len(ask) > max(mostAbsent, t.Closely) {
		ask = nil
	}
	if len(news) <= t.Closely {
		ask = append(ask, news...)
	}
	if len(ask) == 0 {
		return nil
	}
	now, err := t.ReadSome(ctx, ask)
	if err != nil {
		return err
	}
	b.out.Renew(now, ask)
	return nil
}

// fingerprint identifies what a read says, in whatever order.
func fingerprint(rows []source.Row) (sum [32]byte) {
	for _, r := range rows {
		one := sha256.Sum256(fmt.Appendf(nil, "%q %q", r.Key, r.Values()))
		for i := range sum {
			sum[i] ^= one[i]
		}
	}
	return sum
}

// ReadSome implements source.LiveReader.
func (t *Tenant) ReadSome(ctx context.Context, keys []string) (*source.Batch, error) {
	if err := t.Permit(ctx); err != nil {
		return nil, err
	}
	b := t.newBatch()
	b.out.Live.Began = time.Now()
	users, poison := make([]*auth0.User, len(keys)), make([]error, len(keys))
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(t.AtOnce)
	for i, key := range keys {
		g.Go(func() (err error) {
			if users[i], err = t.user(within, key); ofOne(err) {
				poison[i], err = err, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	for i, u := range users {
		asked[keys[i]] = true
		switch {
		case poison[i] != nil:
			b.out.Rejected = append(b.out.Rejected, source.Reject{Key: keys[i], Reason: poison[i].Error()})
		case u == nil:
			b.out.Live.Doubted = append(b.out.Live.Doubted, keys[i])
		default:
			b.add(*u)
		}
	}
	b.apart(func(key string) bool { return asked[key] })
	b.out.Proof.Reason = "it holds some users alone"
	return b.done(), nil
}

// ofOne reports whether an error is about one user alone, so that others need not wait.
func ofOne(err error) bool {
	e, ok := errors.AsType[*auth0.Error](err)
	return ok && (e.Status == http.StatusBadRequest || e.Status == http.StatusOK)
}

// user reads who has an id: the user of it, or the one to whom it was linked. Nil is
// nobody.
func (t *Tenant) user(ctx context.Context, id string) (*auth0.User, error) {
	u, err := t.Client.User(ctx, id)
	if err == nil {
		return &u, nil
	}
	if !auth0.IsNotFound(err) {
		return nil, err
	}
	_, own, _ := strings.Cut(id, "|")
	for found, err := range t.Client.Search(ctx, `identities.user_id:"`+escape(own)+`"`, "") {
		if err != nil {
			return nil, err
		}
		if !slices.Contains(aliases(found), id) {
			continue
		}
		u, err := t.Client.User(ctx, found.ID) // as it is now
		switch {
		case auth0.IsNotFound(err):
		case err != nil:
			return nil, err
		case slices.Contains(aliases(u), id):
			return &u, nil
		}
	}
	return nil, nil
}

// escape quotes what would end a phrase of a query.
func escape(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }

// Bounds of teams.
const (
	mostTeams   = 20_000
	mostMembers = 2_000_000
)

// Rule is the name under which a source states teams of a kind.
func Rule(name string, k Teams) string { return name + "." + string(k) }

// ReadTeams implements source.LiveReader.
func (t *Tenant) ReadTeams(ctx context.Context) (rules []string, teams []source.StatedTeam, err error) {
	if err := t.Permit(ctx); err != nil {
		return nil, nil, err
	}
	members := 0
	for _, kind := range t.Teams {
		rule := Rule(t.Source, kind)
		rules = append(rules, rule)
		for team, err := range t.list(ctx, kind) {
			if err != nil {
				return nil, nil, err
			}
			for user, err := range t.members(ctx, kind, team.ID) {
				if err != nil {
					return nil, nil, err
				}
				team.Members = append(team.Members, user)
				members++
			}
			team.Rule = rule
			teams = append(teams, team)
			if len(teams) > mostTeams || members > mostMembers {
				return nil, nil, fmt.Errorf("the tenant has more than %d roles, organizations and groups, or more than %d people in them: read fewer kinds", mostTeams, mostMembers)
			}
		}
	}
	return rules, teams, nil
}

func (t *Tenant) list(ctx context.Context, kind Teams) iter.Seq2[source.StatedTeam, error] {
	return func(yield func(source.StatedTeam, error) bool) {
		switch kind {
		case Roles:
			for r, err := range t.Client.Roles(ctx) {
				if !yield(source.StatedTeam{ID: r.ID, Name: r.Name}, err) {
					return
				}
			}
		case Organizations:
			for o, err := range t.Client.Organizations(ctx) {
				if !yield(source.StatedTeam{ID: o.ID, Name: cmp.Or(o.DisplayName, o.Name)}, err) {
					return
				}
			}
		case Groups:
			for g, err := range t.Client.Groups(ctx) {
				if !yield(source.StatedTeam{ID: g.ID, Name: g.Name}, err) {
					return
				}
			}
		}
	}
}

func (t *Tenant) members(ctx context.Context, kind Teams, id string) iter.Seq2[string, error] {
	switch kind {
	case Roles:
		return t.Client.RoleUsers(ctx, id)
	case Organizations:
		return t.Client.OrganizationMembers(ctx, id)
	}
	return t.Client.GroupMembers(ctx, id)
}
