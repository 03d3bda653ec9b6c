// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// Base is the path under which an App answers.
const Base = "/scim/v2"

const maxBody = 8 << 20

// noBulk: quirks, faults and counts are about requests of one operation each.
const noBulk = -1

// Config is what an App is made of. Token is required.
type Config struct {
	Token   string // the bearer token that it accepts
	Quirks  Quirks
	Faults  *Schedule     // nil: none
	Latency time.Duration // before each answer
}

// App is a fake app: an http.Handler with Base as its base path. It is safe for
// concurrent use.
type App struct {
	config  Config
	memory  *scimserver.Memory
	world   *world
	gate    *gate
	handler http.Handler

	mu     sync.Mutex
	faults *Schedule
	counts Counts
	down   bool
	recent []time.Time // requests within the last second, for the rate limit
}

// New returns an app without accounts.
func New(c Config) (*App, error) {
	if c.Token == "" {
		return nil, errors.New("an app needs a token")
	}
	set, err := c.Quirks.schemas()
	if err != nil {
		return nil, err
	}
	a := &App{config: c, memory: scimserver.NewMemory(set, nil), faults: c.Faults, counts: Counts{}}
	if c.Quirks.AllowDuplicates {
		a.memory.Unique("User")
	}
	if c.Quirks.Groups.UniqueName {
		a.memory.Unique("Group", scim.Path{Attr: "displayName"})
	}
	if a.world, err = newWorld(a.memory, set, c.Quirks); err != nil {
		return nil, err
	}
	next, err := scimserver.New(scimserver.Config{
		Store: c.Quirks.store(a.world), Base: Base, Schemas: set, ResourceTypes: c.Quirks.types(),
		Authorize: scimserver.BearerToken(c.Token), Rules: c.Quirks.rules(), Hide: c.Quirks.hidden(),
		Limits: scimserver.Limits{
			Page: c.Quirks.PageSize, PageSize: c.Quirks.DefaultPage, Body: scim.Limits{MaxBytes: maxBody}, Bulk: noBulk,
		},
	})
	if err != nil {
		return nil, err
	}
	a.gate = &gate{quirks: c.Quirks, memory: a.memory, token: c.Token, next: next, idle: c.Quirks.idle()}
	a.world.refuse = func(c cause, no *refused) error {
		a.gate.note(c.method, c.path, no)
		return &no.Error
	}
	a.handler = a.gate
	return a, nil
}

// Refusals returns the requests that were refused because the app is as it is, in
// order: those that a client which knows the app does not send.
func (a *App) Refusals() []Refusal { return a.gate.all() }

// Users returns a snapshot of all users, in the order of their creation.
func (a *App) Users() []*scim.Resource { return a.all("User") }

// Groups returns a snapshot of all groups with their members, in the order of
// their creation, whatever the app shows to its clients.
func (a *App) Groups() []*scim.Resource { return a.all("Group") }

func (a *App) all(typ string) []*scim.Resource {
	all := allOf(context.Background(), a.memory, typ)
	out := make([]*scim.Resource, len(all))
	for i, r := range all {
		out[i] = r.Clone()
	}
	return out
}

// Ledger returns what really happened, in order.
func (a *App) Ledger() []Effect { return a.world.ledger.all() }

// Alter changes a resource behind everybody's back, as its administrator might.
// typ is "User" or "Group".
func (a *App) Alter(typ, id string, change func(*scim.Resource)) error {
	if err := a.world.alter(outside(context.Background()), typ, id, change); err != nil {
		return fmt.Errorf("%s %s: %w", typ, id, err)
	}
	return nil
}

// Remove deletes a resource behind everybody's back. A user leaves all groups
// with it.
func (a *App) Remove(typ, id string) error {
	return a.world.Delete(outside(context.Background()), typ, id, "")
}

// Add puts a resource there that nobody's client made.
func (a *App) Add(typ string, r *scim.Resource) (id string, err error) {
	stored, err := a.world.create(outside(context.Background()), typ, r)
	if err != nil {
		return "", err
	}
	return stored.ID(), nil
}

// Snapshot is a backup of an app's accounts and groups.
type Snapshot struct{ memory *scimserver.MemorySnapshot }

// Snapshot returns what the app holds now.
func (a *App) Snapshot() *Snapshot { return &Snapshot{a.memory.Snapshot()} }

// Restore makes the app what it was at a snapshot of it, as after an accident: what
// was written since is gone, and what was deleted is there again, under its old id.
func (a *App) Restore(s *Snapshot) { a.world.restore(s.memory) }

// SetDown makes the app answer everything with 503 and Retry-After, or ends that.
func (a *App) SetDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// SetFaults replaces the schedule; nil ends all faults.
func (a *App) SetFaults(s *Schedule) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = s
}

// Counts are the requests that came, whatever became of them, by method and
// pattern: "POST /Users", "PATCH /Users/:id".
type Counts map[string]int

// Total is the number of all requests.
func (c Counts) Total() int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

// Writes is the number of requests that may change something.
func (c Counts) Writes() int {
	n := 0
	for what, k := range c {
		if !strings.HasPrefix(what, "GET ") && !strings.HasSuffix(what, "/.search") {
			n += k
		}
	}
	return n
}

// Counts returns the requests since the start, or since ResetCounts.
func (a *App) Counts() Counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.counts)
}

// ResetCounts begins to count anew.
func (a *App) ResetCounts() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts = Counts{}
}

// ServeHTTP answers one request, with what goes wrong.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	faults, refusal := a.arrive(r)
	if refusal != nil {
		refusal(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, "", "the request is too large, or did not come whole")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if a.config.Latency > 0 {
		wait(r.Context(), a.config.Latency)
	}
	asked := strings.TrimPrefix(r.URL.RequestURI(), Base)
	r = r.WithContext(request(r.Context(), r.Method, asked, r.Header.Get("X-Request-Id")))
	a.arrange(r)
	fault := Fault{}
	if faults != nil {
		fault = faults.next(a.world.operation(r, body))
	}
	fault.serve(w, r, a.handler)
}

// arrive counts a request, and says what it meets: the schedule, or an answer if
// the app does not take any now.
func (a *App) arrive(r *http.Request) (*Schedule, func(http.ResponseWriter)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[pattern(r)]++
	if a.down {
		return nil, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			answer(w, http.StatusServiceUnavailable, "", "down for maintenance")
		}
	}
	if a.config.Quirks.NoPatch && r.Method == http.MethodPatch {
		a.gate.note(r.Method, strings.TrimPrefix(r.URL.RequestURI(), Base), against(RefusedOperation, "PATCH is not supported").with(http.StatusMethodNotAllowed))
		return nil, func(w http.ResponseWriter) {
			w.Header().Set("Allow", "DELETE, GET, PUT")
			answer(w, http.StatusMethodNotAllowed, "", "PATCH is not supported")
		}
	}
	if limit := a.config.Quirks.RequestsPerSecond; limit > 0 {
		now := time.Now()
		a.recent = slices.DeleteFunc(a.recent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
		if len(a.recent) >= limit {
			q := &a.config.Quirks
			status := cmp.Or(q.RateStatus, http.StatusTooManyRequests)
			why := cmp.Or(q.RateDetail, strconv.Itoa(limit)+" requests a second")
			a.gate.note(r.Method, strings.TrimPrefix(r.URL.RequestURI(), Base), against(RefusedRate, "%s", why).with(status))
			return nil, func(w http.ResponseWriter) {
				if !q.NoRetryAfter {
					w.Header().Set("Retry-After", "1")
				}
				answer(w, status, "", why)
			}
		}
		a.recent = append(a.recent, now)
	}
	return a.faults, nil
}

// pattern is a request's method and path with :id for an id.
func pattern(r *http.Request) string {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, Base), "/"), "/")
	if len(parts) > 1 && parts[1] != ".search" {
		parts[1] = ":id"
	}
	return r.Method + " /" + strings.Join(parts, "/")
}

func answer(w http.ResponseWriter, status int, kind, detail string) {
	body, _ := (&scim.Error{Status: status, ScimType: kind, Detail: detail}).MarshalJSON() // it has no error
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is there to be told
}

// wait waits for a while, or for ctx to end.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
