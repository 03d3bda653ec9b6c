// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/secret"
)

const (
	// stepWithin bounds one step of the walk through a tenant.
	stepWithin = 10 * time.Second
	// oldCredential is from when on a sealed credential's age is more than a note.
	oldCredential = 365 * 24 * time.Hour
)

// walk goes through one application of a tenant, step by step. It writes nothing there.
type walk struct {
	b       *Built
	g       *grant
	granted []string // none: the tenant does not tell
	kept    []secret.Sealed
	out     []Finding
}

// CheckTenants goes through what each tenant of Auth0, or the one of the app of that
// name, must be and allow for this configuration, and says of each step whether it is so, and what to do if not. It
// writes nothing, and asks for no more than a page of anything. Sealed credentials must
// have been opened before.
func (b *Built) CheckTenants(ctx context.Context, app string) []Finding {
	kept, err := b.KeptSecrets(ctx)
	if err != nil {
		kept = nil // ages are not known, which is all
	}
	found := make([][]Finding, len(b.grants))
	var all errgroup.Group
	for i, g := range b.grants {
		if app != "" && !slices.ContainsFunc(g.parties, func(p *party) bool { return p.name == "app "+app }) {
			continue
		}
		all.Go(func() error {
			w := &walk{b: b, g: g, kept: kept}
			w.tenant(ctx)
			found[i] = w.out
			return nil
		})
	}
	_ = all.Wait() // none has an error
	return slices.Concat(found...)
}

func (w *walk) say(at config.Position, subject, level, fix, format string, args ...any) {
	w.out = append(w.out, Finding{Pos: at, Subject: subject, Level: level, Text: fmt.Sprintf(format, args...), Fix: fix})
}

// step gives a step its time.
func step(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	return do(ctx)
}

// may says that a scope is granted, or that it is not known. What is not granted has been
// told, and is not asked for.
func (w *walk) may(scopes ...string) bool {
	return len(w.granted) == 0 || !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(w.granted, s) })
}

// failed tells of a request that failed.
func (w *walk) failed(at config.Position, subject, what string, err error) {
	level, fix := FindingError, ""
	switch statusOf(err) {
	case http.StatusForbidden:
		fix = "grant the scope that it names, or see whether the tenant's plan has this"
	case http.StatusNotFound:
		fix = "the tenant's plan may lack it"
	case http.StatusTooManyRequests:
		level, fix = FindingWarning, "the tenant's limit is used up: try again when others ask less of it"
	}
	w.say(at, subject, level, fix, "%s: %s", what, message(err))
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*auth0.Error](err); ok {
		return e.Status
	}
	return 0
}

func (w *walk) tenant(ctx context.Context) {
	t, c := w.g.tenant(), w.g.client()
	err := step(ctx, func(ctx context.Context) (err error) {
		w.granted, err = c.Scopes(ctx)
		return err
	})
	if err != nil {
		w.out = append(w.out, w.g.refused(err))
		return
	}
	w.credential()
	w.scopes()
	w.users(ctx)
	if n := c.Limit(); n > 0 {
		w.say(t.URL.Pos, w.g.subject(), FindingOK, "", "its headers tell of a limit of %d requests at once", n)
	}
	for _, p := range w.g.parties {
		if p.source != nil {
			w.source(ctx, p)
		} else {
			w.app(ctx, p)
		}
	}
}

// credential says by what the tenant knows us, and for how long already.
func (w *walk) credential() {
	t := w.g.tenant()
	by, s := "private key", w.g.credential()
	if t.Key.IsZero() {
		by = "client secret"
	}
	w.say(t.URL.Pos, w.g.subject(), FindingOK, "", "it answers, and takes the %s of the application %s", by, t.ClientID.Value)
	if t.Key.IsZero() {
		w.say(s.Pos(), w.g.subject(), FindingNote, "register a public key at the application (Credentials, Private Key JWT) and say private_key in place of client_secret",
			"a client secret goes along with each request for a token, and a private key never does")
	}
	newest, ok := secret.Newest(w.kept, s.Name())
	if s.Ref() == "" || !ok {
		return
	}
	age, level, fix := time.Since(newest.Created), FindingOK, ""
	if age > oldCredential {
		level, fix = FindingWarning, "make a new one at the application, and: usher secret rotate "+s.Name()
	}
	w.say(s.Pos(), w.g.subject(), level, fix, "the %s was set %s", by, daysAgo(age))
}

func daysAgo(age time.Duration) string {
	switch days := int(age / (24 * time.Hour)); days {
	case 0:
		return "today"
	case 1:
		return "yesterday"
	default:
		return fmt.Sprintf("%d days ago", days)
	}
}

func (w *walk) scopes() {
	at, about := w.g.tenant().ClientID.Pos, w.g.subject()
	if len(w.granted) == 0 {
		w.say(at, about, FindingNote, "", "it does not tell which scopes it grants: whether they do shows with the first requests")
		return
	}
	found := w.g.scopes(w.granted)
	if len(found) == 0 {
		w.say(at, about, FindingOK, "", "it grants the %d scopes that are needed, and no others", len(w.granted))
	}
	w.out = append(w.out, found...)
}

// users says how many there are, and so how they are read.
func (w *walk) users(ctx context.Context) {
	at, about := w.g.tenant().URL.Pos, w.g.subject()
	if !w.may("read:users") {
		return
	}
	n := 0
	err := step(ctx, func(ctx context.Context) (err error) {
		n, err = w.g.client().CountUsers(ctx, "", "")
		return err
	})
	switch {
	case err != nil:
		w.failed(at, about, "its users cannot be counted", err)
	case n > auth0.MostListed/2:
		w.say(at, about, FindingOK, "", "it has %d users, who are read by an export job, which the scope read:users allows", n)
	default:
		w.say(at, about, FindingOK, "", "it has %d users, who are read page by page", n)
	}
}

func (w *walk) source(ctx context.Context, p *party) {
	s := p.source
	for _, name := range s.Connections {
		w.connectionOf(ctx, p, name)
	}
	for _, kind := range s.Teams {
		w.teams(ctx, p, kind)
	}
	switch {
	case s.Changes == config.ChangesStream && w.may("read:events"):
		w.events(ctx, p)
	case s.Webhook != nil:
		w.webhook(ctx, p)
	}
}

// connectionOf says whether a source's connection is there.
func (w *walk) connectionOf(ctx context.Context, p *party, name config.Text) {
	if !w.may("read:connections") {
		return
	}
	found := false
	err := step(ctx, func(ctx context.Context) (err error) {
		_, found, err = p.client.ConnectionByName(ctx, name.Value)
		return err
	})
	switch {
	case err != nil:
		w.failed(name.Pos, p.name, "its connections cannot be read", err)
	case !found:
		w.say(name.Pos, p.name, FindingError, "write its name as Auth0 shows it at Authentication", "the tenant has no connection %s, so that nobody of it is read", name.Value)
	default:
		w.say(name.Pos, p.name, FindingOK, "", "the connection %s is there", name.Value)
	}
}

// teams reads the first page of what is a team.
func (w *walk) teams(ctx context.Context, p *party, kind config.Text) {
	err := step(ctx, func(ctx context.Context) error {
		switch kind.Value {
		case "roles":
			return first(w.may("read:roles"), p.client.Roles(ctx))
		case "organizations":
			return first(w.may("read:organizations") || w.may("read:organizations_summary"), p.client.Organizations(ctx))
		}
		return first(w.may("read:groups"), p.client.Groups(ctx))
	})
	switch {
	case errors.Is(err, errNotAsked):
	case err != nil:
		w.failed(kind.Pos, p.name, "its "+kind.Value+" cannot be read", err)
	default:
		w.say(kind.Pos, p.name, FindingOK, "", "its %s can be read", kind.Value)
	}
}

var errNotAsked = errors.New("it was not asked for")

// first reads a list up to its first entry.
func first[T any](may bool, list func(func(T, error) bool)) (err error) {
	if !may {
		return errNotAsked
	}
	list(func(_ T, e error) bool {
		err = e
		return false
	})
	return err
}

// events opens the stream once, and closes it.
func (w *walk) events(ctx context.Context, p *party) {
	at := p.source.Pos
	err := step(ctx, func(ctx context.Context) error {
		s, err := p.client.Events(ctx, auth0.From{}, w.b.reader(p.source.Name).EventTypes()...)
		if err != nil {
			return err
		}
		return s.Close()
	})
	switch status := statusOf(err); {
	case err == nil:
		w.say(at, p.name, FindingOK, "", "its events can be followed by the Events API")
	case status == http.StatusForbidden || status == http.StatusNotFound:
		w.say(at, p.name, FindingWarning, "say changes: webhook, which needs an address of ours, or changes: none",
			"its events cannot be followed, as the tenant's plan may lack the Events API, and changes are found by a read of everybody, every hour: %s", message(err))
	default:
		w.failed(at, p.name, "its events cannot be followed", err)
	}
}

// webhook looks for the event stream that calls us.
func (w *walk) webhook(ctx context.Context, p *party) {
	h := p.source.Webhook
	id := h.Stream.Value
	at := h.Stream.Pos
	if id == "" {
		at = h.Pos
	}
	if !w.may("read:event_streams") {
		w.say(at, p.name, FindingNote, "look at Event Streams in Auth0, or grant read:event_streams for this check and take it away then",
			"whether an event stream calls %s is not known, as read:event_streams is not granted", w.b.hookAddress(p.source))
		return
	}
	var s auth0.EventStream
	found := false
	err := step(ctx, func(ctx context.Context) (err error) {
		if id != "" {
			s, err = p.client.EventStream(ctx, id)
			found = err == nil
			return err
		}
		for one, err := range p.client.EventStreams(ctx) {
			if err != nil {
				return err
			}
			if found = w.b.callsUs(p.source, one); found {
				s = one
				break
			}
		}
		return nil
	})
	switch {
	case auth0.IsNotFound(err) || err == nil && !found:
		what := "calls " + w.b.hookAddress(p.source)
		if id != "" {
			what = "has the id " + id
		}
		w.say(at, p.name, FindingError, "make one at Event Streams, of the kind Webhook, to "+w.b.hookAddress(p.source)+", and its id is webhook.stream", "no event stream of the tenant %s", what)
	case err != nil:
		w.failed(at, p.name, "its event streams cannot be read", err)
	default:
		w.stream(p, at, s)
	}
}

// stream looks at the event stream that is to call us.
func (w *walk) stream(p *party, at config.Position, s auth0.EventStream) {
	var lacking []string
	for _, t := range w.b.reader(p.source.Name).EventTypes() {
		if !slices.Contains(s.Types, t) {
			lacking = append(lacking, t)
		}
	}
	fine := true
	wrong := func(fix, format string, args ...any) {
		fine = false
		w.say(at, p.name, FindingError, fix, "the event stream %s %s", s.ID, fmt.Sprintf(format, args...))
	}
	if s.Webhook == "" {
		wrong("make one of the kind Webhook", "is no webhook")
	} else if !w.b.callsUs(p.source, s) {
		wrong("set its address to "+w.b.hookAddress(p.source), "calls %s, where this source does not listen", shownAddress(s.Webhook))
	}
	if !s.Enabled {
		wrong("switch it on at Event Streams", "is switched off")
	}
	if len(lacking) > 0 {
		wrong("add them at Event Streams", "does not tell of %s", strings.Join(lacking, ", "))
	}
	if fine {
		w.say(at, p.name, FindingOK, "", "the event stream %s calls %s", s.ID, shownAddress(s.Webhook))
	}
}

// shownAddress is scheme, host and path: what else is in an address may be secret.
func shownAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "an address that cannot be read"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// hookAddress is where a source's webhook is called.
func (b *Built) hookAddress(s *config.Source) string {
	host := b.Config.Server.PublicURL.Value
	if host == "" {
		host = "https://OUR-ADDRESS"
	}
	return host + hooksPath + s.Name
}

// callsUs compares hosts where ours is known.
func (b *Built) callsUs(s *config.Source, e auth0.EventStream) bool {
	u, err := url.Parse(e.Webhook)
	if err != nil || strings.TrimRight(u.Path, "/") != hooksPath+s.Name {
		return false
	}
	public := b.Config.Server.PublicURL.Value
	return public == "" || originOf(e.Webhook) == originOf(public)
}
