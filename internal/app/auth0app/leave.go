// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"
	"fmt"
	"net/http"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
)

// Whoever is blocked cannot sign in. Whoever is signed in stays so: applications keep
// their sessions, and a refresh token may be good for months. So a leaver is out when
// the user is blocked, in this order, and has neither a session nor a refresh token.

// disable blocks a user, ends what there is, and counts what is left: Auth0 says of a
// deletion that it is accepted, not that it is done. All of it may be done again, and is
// until nothing is left; nobody else waits for that.
func (a *App) disable(ctx context.Context, id string, c auth0.UserChange) (auth0.User, error) {
	c.Blocked = new(true)
	u, err := a.client.UpdateUser(ctx, id, c)
	if err != nil {
		return u, err
	}
	if err := a.end(ctx, id, textOf(u.AppMetadata[keyID])); err != nil || a.cfg.KeepSessions {
		return u, err
	}
	left, err := a.live(ctx, id)
	switch {
	case err != nil:
		return u, app.Half(ctx, err, "the user is blocked, and what is left is not known")
	case left != "":
		return u, &app.Error{Class: app.Precondition, Detail: "the user is blocked, and still has " + left}
	}
	return u, nil
}

// end ends what a user could go on by. One thing that fails keeps nothing else from
// being ended; the first failure is told.
func (a *App) end(ctx context.Context, id, externalID string) (failed error) {
	steps := []struct {
		not string
		run func() error
	}{
		{"the address for a password is not removed", func() error { return a.dropTicket(externalID) }},
		{"the sessions are not ended", func() error { return a.client.EndSessions(ctx, id) }},
		{"the refresh tokens are not revoked", func() error { return a.client.RevokeRefreshTokens(ctx, id) }},
	}
	if a.cfg.KeepSessions {
		steps = steps[:1]
	}
	for _, s := range steps {
		if err := s.run(); err != nil && failed == nil {
			failed = app.Half(ctx, noSuch(err), "the user is blocked, and "+s.not)
		}
	}
	return failed
}

// out says whether nobody can be signed in as a user. Who still waits for a password is
// asked for, too: somebody may have let them in by hand meanwhile.
func (a *App) out(ctx context.Context, u *auth0.User) (bool, error) {
	switch {
	case !u.Blocked:
		return false, nil
	case a.cfg.KeepSessions:
		return true, nil
	}
	left, err := a.live(ctx, u.ID)
	if err != nil {
		e := app.Classify(app.FromRest(ctx, err))
		if e.Status == http.StatusForbidden {
			return false, app.Half(ctx, e, "whether there are sessions is not known")
		}
		return false, err
	}
	return left == "", nil
}

// live names what a user is still signed in by, "" for nothing.
func (a *App) live(ctx context.Context, id string) (string, error) {
	for _, kind := range []struct {
		name  string
		count func(context.Context, string) (int, error)
	}{
		{"session", a.client.Sessions},
		{"refresh token", a.client.RefreshTokens},
	} {
		n, err := kind.count(ctx, id)
		switch {
		case err != nil:
			return "", noSuch(err)
		case n == 1:
			return "1 " + kind.name, nil
		case n > 1:
			return fmt.Sprintf("%d %ss", n, kind.name), nil
		}
	}
	return "", nil
}

// noSuch says what "not found" means of what hangs on a user who was read or written
// a moment ago: it proves nothing of who is signed in, and is not the user's own.
func noSuch(err error) error {
	if !auth0.IsNotFound(err) {
		return err
	}
	return app.Refuse(app.Terminal, "the tenant has no such endpoint (status 404, and the user is there): its plan may lack it; sessions: keep leaves them to end by themselves")
}
