// SPDX-License-Identifier: Apache-2.0

package githubapp

import (
	"context"
	_ "embed" // of the profile
	"errors"
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/scim"
)

// facts are the profile that says how GitHub differs from plain SCIM 2.0. It stands here and
// not among the others: as the name of a profile in a configuration it would mean nothing.
//
//go:embed profile.json
var facts []byte

// Config is what an App is made of. Client is required.
type Config struct {
	Client *github.Client
	// Owners is what becomes of owners of the organization, as config has it; "" is kept.
	Owners string
}

// App is an organization at GitHub.
type App struct {
	app.Own

	client  *github.Client
	profile app.Profile
	manages bool // owners, too
}

var _ app.App = (*App)(nil)

// New checks the configuration and makes an App. It sends nothing.
func New(cfg Config) (*App, error) {
	if cfg.Client == nil {
		return nil, errors.New("githubapp: there is no client")
	}
	a := &App{client: cfg.Client}
	switch cfg.Owners {
	case "", config.OwnersKeep:
	case config.OwnersManage:
		a.manages = true
	default:
		return nil, fmt.Errorf("githubapp: owners cannot be %q", cfg.Owners)
	}
	a.Own = app.Own{Maker: maker, Users: logins{a}, Groups: groups{a}, Convert: convert}
	p, err := app.ParseProfile(facts)
	if err != nil {
		return nil, err
	}
	a.profile = fill(p)
	return a, nil
}

// fill says of the profile what its file has no words for.
func fill(p app.Profile) app.Profile {
	p.Unsupported = app.Paths{{Attr: "externalId"}}
	p.Filters = []app.FilterSupport{
		{Resource: app.KindUser, Attributes: []string{"userName"}, Operators: []string{"eq"}},
		{Resource: app.KindGroup, Attributes: []string{"displayName"}, Operators: []string{"eq"}},
	}
	p.MaxMembersPerRequest, p.MaxRemovalsPerRequest = 1, 1
	p.DeactivateLeaves = app.LeavesNothing
	p.Required = []app.Requirement{{Any: app.Paths{userName}}}
	return p
}

// Profile says how GitHub differs from plain SCIM 2.0.
func (a *App) Profile() app.Profile { return a.profile }

// Requests is the number of HTTP requests sent so far.
func (a *App) Requests() int64 { return a.client.Requests() }

// Weight is how many requests a Create or a Patch takes, see [app.Limit].
func (a *App) Weight(kind app.Kind, changes []scim.Change) int {
	switch {
	case kind == app.KindGroup && len(changes) == 0:
		return 1
	case kind == app.KindGroup:
		return 2
	}
	return 5
}

// String names the app. It holds no credential.
func (a *App) String() string { return "githubapp(" + a.client.String() + ")" }

// GoString is String, so that %#v does not walk into the client.
func (a *App) GoString() string { return a.String() }

const maker = "GitHub"

var (
	userName = scim.Path{Attr: "userName"}
	active   = scim.Path{Attr: "active"}
	orgRole  = scim.MustPath(`roles[type eq "organization"].value`)
)

// nextDay is when somebody is tried again whom the limit of invitations has kept out. It is
// asked for long before a day is over, as others' invitations fall out of it one by one.
const nextDay = time.Hour

// convert says what the engine may conclude. What is there already is no bad request; and
// the limit of invitations is nobody's who needs none, so that nobody else waits for it.
func convert(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*app.Error](err); ok {
		return e
	}
	e := *app.Classify(app.FromRest(ctx, err))
	switch {
	case github.IsManyInvitations(err):
		e.Class, e.RetryAfter = app.Precondition, nextDay
		e.Detail = "the organization has invited as many people as it may in a day: " + e.Detail
	case github.IsTaken(err):
		e.Class = app.Conflict
	}
	return &e
}

// before is an error of a read before anything was written: what was not read is no open
// question of what a write did.
func before(ctx context.Context, err error) error {
	if e := app.Classify(convert(ctx, err)); e != nil && e.Class == app.Ambiguous {
		again := *e
		again.Class = app.Retry
		return &again
	}
	return err
}

// missing is that there is no such account.
func missing(format string, args ...any) error {
	return app.Refuse(app.NotFound, format, args...)
}

// place is a text of an account, as it is to be.
func place(r *scim.Resource, p scim.Path) string {
	v, _ := r.At(p)
	s, _ := v.AsString()
	return s
}

// changed are the changes to an account, by what they are about.
type changed struct {
	login *string
	role  github.Role // "" for none
	out   bool
}

func (a *App) read(changes []scim.Change) (c changed, err error) {
	for _, ch := range changes {
		s, _ := ch.After.AsString()
		switch {
		case ch.Path.Equal(active):
			on, known := ch.After.AsBool()
			if !known {
				return c, app.Refuse(app.Terminal, "active is neither true nor false")
			}
			c.out = !on
		case ch.Path.Equal(userName):
			c.login = &s
		case ch.Path.Equal(orgRole):
			if c.role, err = a.role(s); err != nil {
				return c, err
			}
		default:
			return c, app.Refuse(app.Terminal, "GitHub has no place for %s: an account is its owner's", ch.Path)
		}
	}
	return c, nil
}

// role reads what somebody is to be in the organization; nothing said is a member.
func (a *App) role(s string) (github.Role, error) {
	switch r := github.Role(s); {
	case s == "":
		return github.Member, nil
	case r != github.Member && r != github.Admin:
		return "", app.Refuse(app.Terminal, "a role in the organization is member or admin")
	case r == github.Admin && !a.manages:
		return "", app.Refuse(app.Terminal, "nobody is made an owner of the organization unless the app says owners: %s", config.OwnersManage)
	default:
		return r, nil
	}
}

// account is a member as a SCIM resource. What is known of them is added by whoever knows.
func account(id string, role github.Role) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.SetID(id)
	r.SetActive(true)
	if role != "" {
		var o scim.Object
		o.Set("value", scim.String(string(role)))
		o.Set("type", scim.String("organization"))
		r.Set("roles", scim.List(scim.Complex(o)))
	}
	return r
}
