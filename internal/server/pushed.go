// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/token/oauth"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// Pushed is a source whose provider speaks SCIM to us.
type Pushed struct {
	Name       string
	Mapping    *mapping.Mapping // pushed User → person
	Strictness scimserver.Strictness
	Rules      scimserver.Rules
	RateLimit  float64 // requests a second, and operations of bulk requests, 0 for no limit
	// Experimental are the names of scim.Experiments that it may use, and Catalog is
	// what resources there are for it.
	Experimental []string
	Catalog      scim.Catalog
	Clients      []oauth.Client
	Events       *Events // nil: nobody is told
}

// pushed builds a source of type scim.
func (b *Built) pushed(s config.Source) error {
	strictness := scimserver.Strictness(cmp.Or(s.Strictness.Value, string(scimserver.RFC)))
	rules, err := scimserver.RulesOf(strictness)
	if err != nil {
		return &config.Error{Pos: s.Strictness.Pos, Msg: "strictness of source " + s.Name + ": " + err.Error()}
	}
	env, err := b.compiler.Person()
	if err != nil {
		return err
	}
	m, err := env.CompileMapping(scim.UserURN, asPushed(b.Schemas, s))
	if err != nil {
		return err
	}
	authority, err := b.authority(s, m)
	if err != nil {
		return err
	}
	authority.Teams = true
	clients, err := oauthClients(s)
	if err != nil {
		return err
	}
	told, err := b.events(s)
	if err != nil {
		return err
	}
	p := Pushed{Name: s.Name, Mapping: m, Strictness: strictness, Rules: rules, RateLimit: s.RateLimit, Clients: clients, Events: told}
	for _, x := range s.Experimental {
		p.Experimental = append(p.Experimental, x.Value)
	}
	if p.Catalog, err = scim.CoreCatalog().WithExperiments(p.Experimental...); err != nil {
		return &config.Error{Pos: s.Pos, Msg: "experimental of source " + s.Name + ": " + err.Error()}
	}
	b.Pushed = append(b.Pushed, p)
	b.addRules(append(m.Paths(), scimin.EndDate), authority)
	return nil
}

// asPushed is the mapping of a pushed User to a person: attribute by attribute what
// the provider says, but for what it does not say of people. Whether somebody is
// active is for the lifecycle.
func asPushed(set *scim.SchemaSet, s config.Source) []config.Attribute {
	var out []config.Attribute
	add := func(path string) {
		out = append(out, config.Attribute{Path: config.Text{Value: path, Pos: s.Pos}, Value: config.Text{Value: "person." + path, Pos: s.Pos}, Pos: s.Pos})
	}
	each := func(prefix string, attributes []scim.Attribute) {
		for _, a := range attributes {
			switch {
			case a.Mutability == scim.ReadOnly, a.Returned == scim.ReturnedNever, prefix == "" && a.Name == "active":
			case a.Type == scim.TypeComplex && !a.MultiValued:
				for _, sub := range a.SubAttributes {
					if sub.Mutability != scim.ReadOnly && sub.Type != scim.TypeReference {
						add(prefix + a.Name + "." + sub.Name)
					}
				}
			default:
				add(prefix + a.Name)
			}
		}
	}
	user, _ := set.Schema(scim.UserURN)
	each("", user.Attributes)
	enterprise, _ := set.Schema(scim.EnterpriseUserURN)
	each("enterprise.", enterprise.Attributes)
	return out
}

// rulesOf are what the directory knows of a source.
func (b *Built) rulesOf(name string) directory.SourceRules {
	for _, r := range b.sourceRules {
		if r.Name == name {
			return r
		}
	}
	return directory.SourceRules{Name: name}
}

// scimPath is where our SCIM endpoint is (CONTRACT).
const scimPath = "/scim/v2"

// endpoint is our own SCIM service provider: one set of resources for each
// provider that pushes, told apart by who presents which token.
type endpoint struct {
	d         *daemon
	tokens    token.Store
	oauth     *oauth.Server // nil if there is no client
	providers map[string]http.Handler
	nobody    http.Handler // answers who has no token
	noting    sync.Map     // ids of tokens whose use is being noted
}

func (d *daemon) newEndpoint(ctx context.Context) (*endpoint, error) {
	e := &endpoint{d: d, tokens: d.db.Tokens(), providers: map[string]http.Handler{}}
	key, err := d.cursorKey(ctx)
	if err != nil {
		return nil, err
	}
	challenge := ""
	if e.oauth, err = d.newOAuth(); err != nil {
		return nil, err
	}
	if e.oauth != nil {
		challenge = e.oauth.Challenge()
	}
	for _, s := range d.Pushed {
		log := d.log.With("source", s.Name)
		store, err := scimin.New(scimin.Config{
			Source: s.Name, Store: d.db.Pushed(), Directory: d.directory(d.o), Schemas: s.Catalog.Schemas, Types: s.Catalog.ResourceTypes, Mapping: s.Mapping,
			Revives: s.Strictness == scimserver.Okta || s.Strictness == scimserver.Lenient, Cursors: key,
			UniqueGroups: s.Strictness == scimserver.Entra || s.Strictness == scimserver.IPSIE, // Entra's validator and IPSIE want 409
			Changed:      func() { wake(d.pushes) }, Events: d.feed(s), Told: func() { d.ring(s.Name) },
			Rejected: func(id string, err error) {
				log.Warn("a pushed record is set aside; its person is as they were", "record", id, "err", err)
			},
		})
		if err != nil {
			return nil, err
		}
		c := scimserver.Config{
			Store: scimin.WithValues(store), Base: scimPath, URL: d.publicSCIM(), Authorize: scimserver.AllowAll, Rules: s.Rules, Schemes: schemes(s),
			Schemas: s.Catalog.Schemas, ResourceTypes: s.Catalog.ResourceTypes,
			Saved:  saved(log),
			Failed: func(_ context.Context, err error) { log.Error("a pushed request failed", "err", err) },
			Limits: scimserver.Limits{Bulk: mostInBulk, BulkBytes: maxBody},
		}
		if s.RateLimit > 0 {
			limited(&c, s.RateLimit)
		}
		h, err := scimserver.New(c)
		if err != nil {
			return nil, err
		}
		e.providers[s.Name] = d.withEvents(s, h)
	}
	e.nobody, err = scimserver.New(scimserver.Config{
		Store: scimserver.NewMemory(nil, nil), Base: scimPath, Authorize: func(*http.Request) error { return token.ErrUnknown },
		Challenge: challenge, Private: true,
	})
	return e, err
}

// mostInBulk is how many operations a bulk request may have.
const mostInBulk = 1_000

// limited holds a provider to so many operations a second, twice as many at once,
// whether they come one by one or in a bulk request.
func limited(c *scimserver.Config, perSecond float64) {
	burst := int(math.Ceil(2 * perSecond))
	limit := rate.NewLimiter(rate.Limit(perSecond), burst)
	c.Limits.Bulk = min(mostInBulk, burst) // more could never be let in
	c.Admit = func(_ *http.Request, operations int) error {
		wait := limit.ReserveN(time.Now(), operations)
		if after := wait.Delay(); after > 0 {
			wait.Cancel()
			return &scimserver.TooManyError{After: after}
		}
		return nil
	}
}

// saidEvery is how often it is told that a switch has saved requests: a provider that
// needs one needs it with every request.
const saidEvery = time.Minute

// saved tells of switches that have saved a request, each now and then.
func saved(log *slog.Logger) func(r *http.Request, name string) {
	var mu sync.Mutex
	last, unsaid := map[string]time.Time{}, map[string]int{}
	return func(r *http.Request, name string) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last[name]) >= saidEvery {
			log.Info("a switch of the strictness has saved a request", "switch", name, "method", r.Method, "path", r.URL.Path, "others_since", unsaid[name])
			last[name], unsaid[name] = now, 0
			return
		}
		unsaid[name]++
	}
}

// cursorKey is the store's own, so that a cursor outlives a restart.
func (d *daemon) cursorKey(ctx context.Context) (key scimserver.CursorKey, err error) {
	const name = "scim_cursor_key"
	err = d.db.Directory().Update(ctx, func(tx directory.Tx) error {
		stored, err := tx.Meta(ctx, name)
		if key = stored; err != nil || len(stored) > 0 {
			return err
		}
		key = make([]byte, 32)
		_, _ = rand.Read(key) // it never fails
		return tx.PutMeta(ctx, name, key)
	})
	return key, err
}

// ServeHTTP finds out who asks, and lets their provider's handler answer.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, err := e.caller(r)
	switch {
	case errors.Is(err, token.ErrUnknown), errors.Is(err, token.ErrExpired), errors.Is(err, token.ErrRevoked):
		e.nobody.ServeHTTP(w, r)
		return
	case err != nil:
		e.d.log.Error("a token could not be looked up", "err", err)
		refuse(w, &scim.Error{Status: http.StatusServiceUnavailable, Detail: "the service cannot check the token now"})
		return
	}
	p.ServeHTTP(w, r)
}

// refuse answers with a SCIM error outside of a handler.
func refuse(w http.ResponseWriter, e *scim.Error) {
	body, _ := e.MarshalJSON() // it has no error
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // who has hung up needs no answer
}

// caller finds the provider whose token a request presents.
func (e *endpoint) caller(r *http.Request) (http.Handler, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, token.ErrUnknown
	}
	now := time.Now()
	t, err := token.Find(r.Context(), e.tokens, strings.TrimSpace(secret), now)
	if err != nil {
		return nil, err
	}
	p := e.providers[t.Source]
	if p == nil {
		return nil, token.ErrUnknown
	}
	if t.Client != "" && !e.oauth.Holds(t) {
		return nil, token.ErrRevoked
	}
	if t.Stale(now) {
		e.note(r.Context(), t.ID, now)
	}
	return p, nil
}

// note keeps that a token is used. One request does it for all that come meanwhile.
func (e *endpoint) note(ctx context.Context, id string, now time.Time) {
	if _, busy := e.noting.LoadOrStore(id, true); busy {
		return
	}
	defer e.noting.Delete(id)
	if err := e.tokens.UseToken(ctx, id, now); err != nil {
		e.d.log.Warn("it could not be noted that a token is used", "token", id, "err", err)
	}
}

// How long the directory waits for more of what is pushed before it acts upon it:
// a provider says what it has to say request by request, and a departure of many
// must be seen as one.
const (
	pushQuiet = 250 * time.Millisecond
	pushMost  = 2 * time.Second
)

// followPushes moves people once a provider has said what it had to say.
func (d *daemon) followPushes(ctx context.Context) error {
	for gather(ctx, d.pushes, d.engine.Wake) {
		if err := d.settle(ctx); err != nil && ctx.Err() == nil {
			d.log.Log(ctx, slog.LevelError, "what was pushed could not be acted upon; it is tried again", "err", err)
			wake(d.pushes)
			pause(ctx, pushMost)
		}
	}
	return nil
}

// gather waits for a push and then until there is silence, or for pushMost. It calls
// each at every push, as who comes or changes need not wait, and reports whether it was
// over before ctx.
func gather(ctx context.Context, pushes <-chan struct{}, each func()) bool {
	var quiet, latest <-chan time.Time // none before the first push
	for {
		select {
		case <-ctx.Done():
			return false
		case <-pushes:
			each()
			quiet = time.After(pushQuiet)
			if latest == nil {
				latest = time.After(pushMost)
			}
		case <-quiet:
			return true
		case <-latest:
			return true
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// SourceNames lists all sources, of whatever kind, in the order of their authority.
func (b *Built) SourceNames() []string {
	out := make([]string, len(b.sourceRules))
	for i, r := range b.sourceRules {
		out[i] = r.Name
	}
	return out
}

// hasSource tells whether the configuration has a source of this name.
func (b *Built) hasSource(name string) bool { return slices.Contains(b.SourceNames(), name) }
