// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/auth0in"
	"github.com/usher-id/usher/internal/source/scimin"
)

// Tenant is a tenant of Auth0 that people come from.
type Tenant struct {
	Source  string
	Reader  *auth0in.Tenant
	Stream  bool            // its events are followed
	Webhook *config.Webhook // it calls us; nil: it does not
}

// person is what a user of a tenant is mapped to if the configuration says nothing.
func tenantPerson(s config.Source) []config.Attribute {
	var out []config.Attribute
	for _, a := range [][2]string{
		{"userName", `or(row.email, row.username)`},
		{"name.givenName", "row.given_name"},
		{"name.familyName", "row.family_name"},
		{"displayName", `or(row.name, row.nickname)`},
		{`emails[type eq "work"].value`, "row.email"},
	} {
		out = append(out, config.Attribute{Path: config.Text{Value: a[0], Pos: s.Pos}, Value: config.Text{Value: a[1], Pos: s.Pos}, Pos: s.Pos})
	}
	return out
}

// tenantSource builds a source of type auth0.
func (b *Built) tenantSource(s config.Source) error {
	var mistakes config.Errors
	declared := auth0in.Columns()
	for _, c := range s.Columns {
		switch {
		case !auth0in.IsColumn(c.Value):
			mistakes = append(mistakes, &config.Error{
				Pos: c.Pos, Msg: "a user of Auth0 has no column " + c.Value, Hint: "write app_metadata.NAME or user_metadata.NAME; a user's own fields are there anyway",
			})
		case !slices.Contains(declared, c.Value):
			declared = append(declared, c.Value)
		}
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	if len(s.Person) == 0 {
		s.Person = tenantPerson(s)
	}
	rows, err := b.rows(s, declared)
	if err != nil {
		return err
	}
	rules, err := b.authority(s, rows.mapping)
	if err != nil {
		return err
	}
	rules.Links, rules.Teams = true, len(s.Teams) > 0
	client, err := b.tenant(s.Tenant, "source "+s.Name)
	if err != nil {
		return err
	}
	who := &party{name: "source " + s.Name, tenant: s.Tenant, client: client, source: &s, needs: needsOf(sourceScopes, &s)}
	b.join(who)
	host := s.Tenant.URL.Value
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	c := auth0in.Config{Source: s.Name, Host: host, Client: client, Columns: rows.read, Connections: texts(s.Connections)}
	c.Permit = func(ctx context.Context) error { return who.permit(ctx, false) }
	for _, kind := range s.Teams {
		c.Teams = append(c.Teams, auth0in.Teams(kind.Value))
	}
	reader, err := auth0in.New(c)
	if err != nil {
		return &config.Error{Pos: s.Pos, Msg: err.Error()}
	}
	b.Tenants = append(b.Tenants, Tenant{Source: s.Name, Reader: reader, Stream: s.Changes == config.ChangesStream, Webhook: s.Webhook})
	b.Sources = append(b.Sources, source.Source{
		Name: s.Name, File: host, Mapping: rows.mapping, Digest: sourceDigest(s, rows),
		Live: &source.Live{Reader: reader, Grace: time.Duration(s.Deletions), Returns: s.Unblocked == config.UnblockedReturns, Twins: twins(b.Config, s)},
	})
	b.addRules(append(rows.mapping.Paths(), scimin.EndDate), rules)
	return nil
}

// twins are the apps that are the tenant of a source, and of whose connection it reads.
func twins(cfg *config.Config, s config.Source) (apps []string) {
	for _, a := range cfg.Apps {
		if a.Auth0 == nil || a.Auth0.Tenant == nil || !sameTenant(a.Auth0.Tenant, s.Tenant) {
			continue
		}
		if len(s.Connections) == 0 || slices.Contains(texts(s.Connections), a.Auth0.Connection.Value) {
			apps = append(apps, a.Name)
		}
	}
	return apps
}

// sameTenant compares addresses; a tenant may have one of its own beside a domain of
// Auth0, and then the audience, which is always the latter.
func sameTenant(a, b *config.Tenant) bool {
	of := func(t *config.Tenant) string {
		return strings.ToLower(cmp.Or(t.Audience.Value, strings.TrimRight(t.URL.Value, "/")+"/api/v2/"))
	}
	return of(a) == of(b)
}

// serveLive says of every live source whether its marks are looked at.
func (d *daemon) serveLive() {
	for i, s := range d.Sources {
		if s.Live == nil {
			continue
		}
		served := *s.Live
		served.Served = d.rereads(s.Name)
		d.Sources[i].Live = &served
		d.marked[s.Name] = make(chan struct{}, 1)
		d.told[s.Name] = make(chan struct{}, 1)
	}
}

// streams reports whether a source's own stream of events is followed.
func (d *daemon) streams(name string) bool {
	return slices.ContainsFunc(d.Tenants, func(t Tenant) bool { return t.Source == name && t.Stream })
}

// live is a live source.
func (d *daemon) live(name string) source.Source {
	return d.Sources[slices.IndexFunc(d.Sources, func(s source.Source) bool { return s.Name == name })]
}

// followTenants listens to the tenants of Auth0, and reads whom they tell of.
func (d *daemon) followTenants(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { <-ctx.Done(); return nil }) // a part ends with the daemon, whatever it has to do
	if len(d.grants) > 0 {
		g.Go(func() error { return d.watchScopes(ctx) })
	}
	for _, t := range d.Tenants {
		g.Go(func() error { return d.reread(ctx, d.live(t.Source)) })
		if t.Stream {
			g.Go(func() error { return d.listen(ctx, t) })
		}
		if t.Webhook != nil && t.Webhook.Stream.Value != "" {
			g.Go(func() error { return d.redeliver(ctx, t) })
		}
	}
	return g.Wait()
}

// listener is who is told of a tenant's events.
func (d *daemon) listener(t Tenant) auth0in.Listener {
	s, log, first, trouble := d.live(t.Source), d.log.With("source", t.Source), true, ""
	return auth0in.Listener{
		Hear: func(ctx context.Context, w source.Word) error {
			marked, err := source.Hear(ctx, d.db.Source(), s, w)
			if marked {
				wake(d.marked[t.Source])
			}
			return err
		},
		Lost: func() { d.sourceChanged(t.Source) },
		State: func(err error) { // by one goroutine
			if first { // from now on, whatever changes is told, or cannot be
				first = false
				d.sourceChanged(t.Source)
			}
			switch now := message(err); {
			case now == trouble:
			case err != nil:
				log.Warn("events do not come; everybody is read every hour", "err", err)
				trouble = now
			default:
				log.Info("events come again")
				trouble = ""
			}
		},
	}
}

func (d *daemon) listen(ctx context.Context, t Tenant) error {
	kept, err := source.Progress(ctx, d.db.Source(), t.Source)
	if err != nil {
		return err
	}
	t.Reader.Follow(ctx, kept, d.listener(t))
	return nil
}

// reread reads the records of a live source that are marked, and has people moved.
func (d *daemon) reread(ctx context.Context, s source.Source) error {
	log := d.log.With("source", s.Name)
	for wait := time.Duration(0); ; {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.marked[s.Name]:
			timer.Stop()
		case <-timer.C:
		}
		next, err := d.rereadOnce(ctx, s, log)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Warn("changes cannot be read; they are tried again", "err", err)
			pause(ctx, pushMost)
			wait = 0
		case next.IsZero():
			wait = sweepEvery
		default:
			wait = max(0, time.Until(next))
		}
	}
}

func (d *daemon) rereadOnce(ctx context.Context, s source.Source, log *slog.Logger) (next time.Time, err error) {
	re, next, err := source.Look(ctx, d.db.Source(), s)
	if err != nil || re == nil {
		return next, err
	}
	d.ingesting.Lock()
	d.Usher.reading.Add(1)
	r, err := re.Take(ctx, d.directory(d.o))
	d.Usher.reading.Add(1)
	d.ingesting.Unlock()
	if err != nil {
		return next, err
	}
	log.Debug("changes read", "rows", r.Rows, "new", r.New, "changed", r.Changed, "rejected", len(r.Rejected))
	wake(d.pushes)
	return time.Now(), nil // there may be more
}

// hooksPath is where sources call us (CONTRACT).
const hooksPath = "/hooks/"

// hook takes what a tenant calls us with.
func (d *daemon) hook(t Tenant) http.Handler {
	h := auth0in.Hook{Tenant: t.Reader, Header: t.Webhook.Header.Value, Hear: d.listener(t)}
	for _, s := range t.Webhook.Secrets {
		if s.Ref() == "" {
			h.Secrets = append(h.Secrets, s.Reveal())
		}
	}
	h.Sealed = func() (sealed []string) { // the last two versions of each
		for _, s := range t.Webhook.Secrets {
			sealed = append(sealed, d.vault.values(s.Name())...)
		}
		return sealed
	}
	log := d.log.With("source", t.Source)
	h.Hear.State = func(err error) { log.Error("an event could not be kept; it will be delivered again", "err", err) }
	return h.Handler()
}

// redeliverEvery is how often failed deliveries are looked for.
const redeliverEvery = 5 * time.Minute

// redeliver asks for what could not be delivered, at the start and now and then.
func (d *daemon) redeliver(ctx context.Context, t Tenant) error {
	log := d.log.With("source", t.Source)
	every := time.NewTicker(redeliverEvery)
	defer every.Stop()
	kept, err := source.Progress(ctx, d.db.Source(), t.Source)
	if err != nil {
		return err
	}
	// From the last event that came before the start, and then from the last look: one
	// that comes in between says nothing of those before it.
	since := t.Reader.LastHeard(kept)
	for {
		now := time.Now()
		n, err := t.Reader.Redeliver(ctx, t.Webhook.Stream.Value, since)
		if err == nil {
			since = now
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Warn("failed deliveries cannot be asked for", "err", err)
		case n > 0:
			log.Info("failed deliveries are delivered again", "count", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}
