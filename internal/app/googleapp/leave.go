// SPDX-License-Identifier: Apache-2.0

package googleapp

import (
	"context"
	"fmt"
	"net/http"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/google"
)

// A leaver is out when nobody can sign in as the user, nobody is signed in, and no
// application and no password for one is left that would be good again with a return. What
// there is of sessions cannot be asked, so that all of it is ended before the suspension as
// well as behind it. That a user is suspended says nothing of the rest, so that no look-up
// settles a departure that is not done: all of it is sent again.

// out says whether nobody can sign in as a user.
func out(u *google.User) bool { return u.Suspended || u.Archived }

// disable suspends a user, and ends what there is. All of it may be done again, and is until
// the user is out. Other changes go behind it: one that is refused keeps nobody in.
func (a *App) disable(ctx context.Context, u google.User, edits []edit) (google.User, error) {
	if !out(&u) {
		first := a.end(ctx, &u)
		suspended := true
		if _, err := a.put(ctx, u, nil, &suspended); err != nil {
			// Whether it was or was not done is no matter: it is done again.
			return u, app.Half(ctx, convert(ctx, err), "the user is not suspended, as far as is known")
		}
		is, err := a.client.User(ctx, u.ID)
		switch {
		case err != nil:
			return u, app.Half(ctx, convert(ctx, err), "whether the user is suspended is not known")
		case !out(&is):
			return u, &app.Error{Class: app.Precondition, Detail: "Google has taken the request, and the user is not suspended"}
		case first != nil && app.Classify(first).Class == app.Terminal:
			return is, first // and will be the same again
		}
		u = is
	}
	if err := a.end(ctx, &u); err != nil {
		return u, err
	}
	left, err := a.left(ctx, &u)
	switch {
	case err != nil:
		return u, app.Half(ctx, convert(ctx, err), "the user is suspended, and what is left is not known")
	case left != "":
		return u, &app.Error{Class: app.Precondition, Detail: "the user is suspended, and still has " + left}
	}
	return a.put(ctx, u, edits, nil)
}

// end signs a user out, and takes away what applications were given. One thing that fails
// keeps nothing else from being ended; the first failure is told.
func (a *App) end(ctx context.Context, u *google.User) (failed error) {
	state := "active"
	if out(u) {
		state = "suspended"
	}
	for _, s := range []struct {
		not string
		run func() error
	}{
		{"the sessions are not ended", func() error { return a.signOut(ctx, u) }},
		{"the tokens of applications are not revoked", func() error { return a.revoke(ctx, u) }},
		{"the passwords for applications are not revoked", func() error { return a.passwords(ctx, u) }},
	} {
		if err := s.run(); err != nil && failed == nil {
			failed = app.Half(ctx, convert(ctx, noSuch(err)), fmt.Sprintf("the user is %s, and %s", state, s.not))
		}
	}
	return failed
}

// signOut signs a user out. Of somebody who is suspended Google may say that there is
// nobody to be signed out; whether it does is not verified.
func (a *App) signOut(ctx context.Context, u *google.User) error {
	err := a.client.SignOut(ctx, u.ID)
	if out(u) && google.IsInvalid(err) {
		return nil
	}
	return err
}

func (a *App) revoke(ctx context.Context, u *google.User) error {
	list, err := a.client.Grants(ctx, u.ID)
	for _, client := range list {
		if one := a.client.Revoke(ctx, u.ID, client); one != nil && err == nil {
			err = one
		}
	}
	return err
}

func (a *App) passwords(ctx context.Context, u *google.User) error {
	list, err := a.client.Passwords(ctx, u.ID)
	for _, code := range list {
		if one := a.client.DeletePassword(ctx, u.ID, code); one != nil && err == nil {
			err = one
		}
	}
	return err
}

// left names what would be good again with a return, "" for nothing.
func (a *App) left(ctx context.Context, u *google.User) (string, error) {
	grants, err := a.client.Grants(ctx, u.ID)
	if err != nil {
		return "", noSuch(err)
	}
	codes, err := a.client.Passwords(ctx, u.ID)
	switch {
	case err != nil:
		return "", noSuch(err)
	case len(grants) > 0:
		return fmt.Sprintf("tokens of %d applications", len(grants)), nil
	case len(codes) > 0:
		return fmt.Sprintf("%d passwords for applications", len(codes)), nil
	}
	return "", nil
}

// noSuch says what "not found" means of what hangs on a user who was read a moment ago: it
// proves nothing of who is signed in.
func noSuch(err error) error {
	if !google.IsNotFound(err) {
		return err
	}
	return &app.Error{Class: app.Precondition, Status: http.StatusNotFound, Detail: "Google does not find the user by this call"}
}

// enable lets a user in, with other changes. What Google itself has suspended, and what
// somebody has archived, is not ours to give back.
func (a *App) enable(ctx context.Context, u google.User, edits []edit) (google.User, error) {
	switch {
	case u.Archived:
		return u, app.Refuse(app.Terminal, "the user is archived, which needs a licence to be undone: take it out of the archive by hand")
	case !u.Suspended:
		return a.put(ctx, u, edits, nil)
	case u.Why != "" && u.Why != byAdministrator:
		return u, app.Refuse(app.Terminal, "Google has suspended the user (%s): look after it by hand", google.Reason(u.Why))
	}
	suspended := false
	is, err := a.put(ctx, u, edits, &suspended)
	if err != nil {
		return u, err
	}
	if out(&is) {
		return is, &app.Error{Class: app.Precondition, Detail: "Google has taken the request, and the user is still suspended"}
	}
	return is, nil
}

// byAdministrator is the suspensionReason of a suspension that was asked for.
const byAdministrator = "ADMIN"
