// SPDX-License-Identifier: Apache-2.0

package googleapp

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/scim"
)

// ProfileID is the profile that says how Google Workspace differs from plain SCIM 2.0.
const ProfileID = "google-workspace"

// Config is what an App is made of. Client is required.
type Config struct {
	Client *google.Client
	// ChangePassword has whoever is new choose a password with the first sign-in; nobody
	// knows the one that they are made with.
	ChangePassword bool
	// Administrators lets users be written who are administrators; they are left alone otherwise.
	Administrators bool
	// GroupDomain is where the addresses of groups are, and GroupPrefix what each begins
	// with; without a domain there are no groups.
	GroupDomain, GroupPrefix string
}

// App is a Google Workspace account.
type App struct {
	app.Own

	client  *google.Client
	profile app.Profile
	places  []place
	cfg     Config

	mu    sync.Mutex
	since map[string]time.Time // whom Google alone forbids, by what they were asked for by
}

var _ app.App = (*App)(nil)

// New checks the configuration and makes an App. It sends nothing.
func New(cfg Config) (*App, error) {
	if cfg.Client == nil {
		return nil, errors.New("googleapp: there is no client")
	}
	p, err := app.ProfileByID(ProfileID)
	if err != nil {
		return nil, err
	}
	a := &App{client: cfg.Client, places: places(), cfg: cfg}
	a.profile = a.fill(p)
	a.Own = app.Own{Maker: maker, Users: users{a}, Groups: groups{a}, Convert: convert}
	return a, nil
}

// fill says of the profile what its file has no words for.
func (a *App) fill(p app.Profile) app.Profile {
	p.Unsupported = nil
	p.Filters = []app.FilterSupport{
		{Resource: app.KindUser, Attributes: []string{"userName", "emails.value", "externalId"}, Operators: []string{"eq"}},
		{Resource: app.KindGroup, Attributes: []string{"displayName"}, Operators: []string{"eq"}},
	}
	// What hangs on a group, such as its address, is not ours: none is deleted.
	p.Groups = app.Operations{Create: true, Patch: true, Get: true, List: true}
	p.ListTrusted, p.ListLate, p.MembersReadable = true, true, true
	p.MaxMembersPerRequest, p.MaxRemovalsPerRequest = 1, 1
	p.DeactivateLeaves, p.DeactivateSteps, p.Reversible = app.LeavesDisabled, true, true
	p.Deactivate = "the end of all sessions, of tokens of applications and of passwords for them, suspended=true, and all of it again"
	p.Required = nil
	for _, need := range needed() {
		p.Required = append(p.Required, app.Requirement{Any: need})
	}
	return p
}

// Profile says how Google Workspace differs from plain SCIM 2.0.
func (a *App) Profile() app.Profile { return a.profile }

// Requests is the number of HTTP requests sent so far.
func (a *App) Requests() int64 { return a.client.Requests() }

// String names the app. It holds no credential.
func (a *App) String() string { return "googleapp(" + a.client.String() + ")" }

// GoString is String, so that %#v does not walk into the client.
func (a *App) GoString() string { return a.String() }

// AddWeight is how many requests it takes to add a member: the address is read before.
func (a *App) AddWeight() int { return 2 }

// Weight is how many requests a Create or a Patch takes at most, see [app.Limit]; those
// that take each application's tokens away not counted.
func (a *App) Weight(kind app.Kind, changes []scim.Change) int {
	if kind == app.KindGroup || len(changes) == 0 {
		return 1
	}
	for _, c := range changes {
		if on, known := c.After.AsBool(); known && !on && c.Path.Equal(active) {
			return 11
		}
	}
	return 2 // the user is read before
}

// convert says what the engine may conclude. What comes too early for Google is sent again,
// and nobody else waits for it.
func convert(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*app.Error](err); ok {
		return e
	}
	e := *app.Classify(app.FromRest(ctx, err))
	switch {
	case google.IsUnsettled(err):
		e.Class = app.Precondition
	case google.IsSpent(err): // not waited for here: the engine keeps the time
		e.Class, e.RetryAfter = app.Retry, max(e.RetryAfter, time.Hour)
	}
	return &e
}

// read reads a user before anything is written. That it cannot be read is no open question
// of what a write did: what was done before may have failed in a part that does not show.
// Whoever alone is forbidden is new: that passes.
func (a *App) read(ctx context.Context, id string) (google.User, error) {
	u, err := a.client.User(ctx, id)
	switch e := app.Classify(convert(ctx, err)); {
	case err == nil:
		return u, a.mayWrite(&u)
	case google.IsForbidden(err):
		return u, a.alone(ctx, id, err)
	case e.Class == app.Ambiguous:
		again := *e
		again.Class = app.Retry
		return u, &again
	}
	return u, err
}

// mayWrite says that a user is not ours to write.
func (a *App) mayWrite(u *google.User) error {
	if !u.Administrator() || a.cfg.Administrators {
		return nil
	}
	return app.Refuse(app.Terminal, "the user is an administrator of Google (%s), and left alone: look after it by hand, or set administrators: write", rights(u))
}

// rights names what an administrator is.
func rights(u *google.User) string {
	if u.SuperAdmin {
		return "super administrator"
	}
	return "delegated administrator"
}

// alone says whether what is forbidden is so of one user alone: those who are new are, for
// a while, as users of the API report. Then it is asked again, and nobody else waits for it.
// Whoever is for longer is out of the administrator's reach, and set aside.
func (a *App) alone(ctx context.Context, key string, err error) error {
	if !a.client.Reachable(ctx) {
		return err
	}
	e := *app.Classify(convert(ctx, err))
	if a.lasts(key) {
		e.Detail = strings.TrimSpace("Google does not let us at the user, and has not for an hour: is it in an organizational unit that the administrator may not see? " + e.Detail)
		return app.Alone(e)
	}
	e.Class, e.Status = app.Precondition, 0
	e.Detail = strings.TrimSpace("Google does not let us at the user yet, as of some who are new (status 403): " + e.Detail)
	return &e
}

// mostNew is for how long whoever is forbidden may be new.
const mostNew = time.Hour

// mostKept is of how many of those it is kept since when they are.
const mostKept = 10_000

// lasts says whether a user has been forbidden for longer than whoever is new is, as far as
// this process has seen.
func (a *App) lasts(key string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	since, known := a.since[key]
	switch {
	case known && now.Sub(since) >= 24*mostNew: // of another time
		known = false
	case !known && len(a.since) >= mostKept:
		clear(a.since)
	}
	if !known {
		if a.since == nil {
			a.since = map[string]time.Time{}
		}
		a.since[key], since = now, now
	}
	return now.Sub(since) >= mostNew
}

// fresh is a "not found" of what may be new: it is asked again, and nobody else waits for it.
func fresh(what string, err error) error {
	return &app.Error{Class: app.Precondition, Detail: "Google does not find the " + what + " yet, as of some that are new (status 404)", Err: err}
}

const maker = "Google"

var (
	userName   = scim.Path{Attr: "userName"}
	externalID = scim.Path{Attr: "externalId"}
	active     = scim.Path{Attr: "active"}
)
