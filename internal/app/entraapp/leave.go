// SPDX-License-Identifier: Apache-2.0

package entraapp

import (
	"context"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/entra"
)

// A leaver is out when nobody can sign in as the user, and nobody is signed in. Sessions
// are ended before the account is disabled as well as behind it, and both are read back:
// since when sessions are good is a property of the user. A look-up shows whether the
// account is enabled and no more, so that none settles a departure that is not done: it is
// sent again.

// mine reads a user who is to be written, and refuses whoever is nobody's to write. It may
// be known to no replica yet.
func (a *App) mine(ctx context.Context, id string) (entra.User, error) {
	u, err := a.client.User(ctx, id)
	switch {
	case err != nil:
		return u, unwritten(ctx, err)
	case u.Guest:
		return u, app.Refuse(app.Terminal, "the user %s is a guest, who belongs to another tenant: end the invitation there", nameOf(&u))
	case u.Synced:
		return u, app.Refuse(app.Terminal, "the user %s: %s", nameOf(&u), onPremises)
	}
	return u, a.noRole(ctx, id)
}

// noRole refuses whoever has a role of administration, before anything is written: locking
// an administrator out is a person's to decide, and Entra protects most of them anyway.
func (a *App) noRole(ctx context.Context, id string) error {
	roles, err := a.client.Roles(ctx, id)
	if err != nil {
		return unwritten(ctx, err)
	}
	if len(roles) > 0 {
		return app.Refuse(app.Terminal, "the user is an administrator (%s), and nobody's to write by rule: take the role away, or do it by hand", strings.Join(roles, ", "))
	}
	return nil
}

// unwritten is a failure of a read before anything was written. It is no open question of
// what a write did, which a look-up would settle by the account alone: the write before may
// have failed in ending sessions.
func unwritten(ctx context.Context, err error) error {
	e := app.Classify(convert(ctx, err))
	if e.Class != app.Ambiguous {
		return err
	}
	again := *e
	again.Class = app.Retry
	return &again
}

// disable takes a user out of use. All of it may be done again, and is until the user is
// out, as far as a replica shows. Other changes come last: none of them keeps anybody in.
func (a *App) disable(ctx context.Context, id string, props entra.Props) (entra.User, error) {
	u, err := a.mine(ctx, id)
	if err != nil {
		return u, err
	}
	var changed error
	if u.Enabled || !u.Known {
		_ = a.client.RevokeSessions(ctx, id) // it is for a crash: what counts is the one behind the change
		off := false
		if changed = a.client.UpdateUser(ctx, id, nil, &off); changed != nil {
			changed = app.Half(ctx, convert(ctx, changed), "the user is not shut out, as far as is known")
		}
	}
	ended := a.client.RevokeSessions(ctx, id)
	now, err := a.client.User(ctx, id) // which tells also if an answer was lost
	switch {
	case err != nil && changed != nil:
		return u, changed
	case err != nil:
		return u, unseen(ctx, err, "whether the user is out is not known")
	case now.Enabled && changed != nil:
		return now, changed
	case now.Enabled || !now.Known:
		return now, &app.Error{Class: app.Precondition, Detail: "Graph has taken the request, and does not show it yet: the user is still enabled"}
	case ended != nil:
		return now, unseen(ctx, ended, "the user is disabled, and the sessions are not ended")
	case !moved(&u, &now):
		return now, &app.Error{Class: app.Precondition, Detail: "the user is disabled, and Graph does not show yet that the sessions are ended"}
	}
	if len(props) > 0 {
		return now, a.client.UpdateUser(ctx, id, props, nil)
	}
	return now, nil
}

// unseen is a failure behind the first request. That a replica does not know the user, which
// another has shown, is no news of it, and settles nothing.
func unseen(ctx context.Context, err error, what string) error {
	e := *app.Classify(app.Half(ctx, err, what))
	if e.Class == app.NotFound {
		e.Class = app.Precondition
	}
	return &e
}

// skew is how far our clock and Entra's may be apart.
const skew = 5 * time.Minute

// moved reports whether sessions are good since a later time than before, or since a
// moment ago: times are to the second. Where it is not told, there is nothing to compare.
func moved(was, now *entra.User) bool {
	return now.SessionsFrom.IsZero() || now.SessionsFrom.After(was.SessionsFrom) || time.Since(now.SessionsFrom) < skew
}

// enable lets a user in, with other changes, in one request.
func (a *App) enable(ctx context.Context, id string, props entra.Props) error {
	if _, err := a.mine(ctx, id); err != nil {
		return err
	}
	on := true
	return a.client.UpdateUser(ctx, id, props, &on)
}
