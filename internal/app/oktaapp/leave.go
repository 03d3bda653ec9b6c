// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/okta"
)

// A leaver is out when nobody can sign in as the user, and nobody is signed in. Whether
// sessions are left cannot be asked of Okta, so that their end goes before the change of
// the status as well as behind it. The status says nothing of them, so that no look-up
// settles a departure that is not done: all of it is sent again.

// disable takes a user out of use. The status decides what is sent, so that all of it may
// be done again, and is until the user is out: a deactivation takes effect later than it
// is answered.
func (a *App) disable(ctx context.Context, id string, profile map[string]jsontext.Value) (okta.User, error) {
	u, err := a.read(ctx, id)
	if err != nil {
		return u, err
	}
	if len(profile) > 0 && u.Status != okta.Deprovisioned { // whose profile Okta leaves as it is
		if _, err := a.update(ctx, id, profile); err != nil {
			return u, err
		}
	}
	if a.out(&u) {
		return u, a.endSessions(ctx, &u)
	}
	first := a.endSessions(ctx, &u)
	changed := a.shut(ctx, &u)
	if changed != nil && !okta.IsState(changed) { // all of it is done again: what was or was not done is no matter
		changed = app.Half(ctx, convert(ctx, changed), "the user is not shut out, as far as is known")
	}
	was := u
	switch u, err = a.client.User(ctx, id); { // which tells also if the answer was lost
	case err != nil && changed != nil:
		return was, changed
	case err != nil:
		return was, app.Half(ctx, err, "whether the user is out is not known")
	case a.out(&u):
		return u, a.endSessions(ctx, &u)
	case u.Becoming == okta.Deprovisioned:
		return u, &app.Error{Class: app.Precondition, Detail: "the user is being deactivated, and is still " + string(u.Status)}
	case changed != nil && u.Status != was.Status: // what was sent was for another status: the next time sends what is for this one
		return u, &app.Error{Class: app.Precondition, Detail: "the user is " + string(u.Status) + " by now, and was " + string(was.Status)}
	case changed != nil:
		return u, changed
	case first != nil:
		return u, first
	}
	return u, &app.Error{Class: app.Precondition, Detail: "Okta has taken the request, and the user is still " + string(u.Status)}
}

// read reads a user before anything is written. That it cannot be read is no open question
// of what a write did, which a look-up would settle by the status alone: the write before
// may have failed in ending sessions.
func (a *App) read(ctx context.Context, id string) (okta.User, error) {
	u, err := a.client.User(ctx, id)
	if e := app.Classify(convert(ctx, err)); e != nil && e.Class == app.Ambiguous {
		again := *e
		again.Class = app.Retry
		return u, &again
	}
	return u, err
}

// out says whether a user has the status that a leaver is to have. Somebody whom
// an administrator has suspended is deactivated all the same, where that is meant.
func (a *App) out(u *okta.User) bool {
	switch u.Status {
	case okta.Deprovisioned:
		return u.Becoming == ""
	case okta.Staged, okta.Suspended:
		return a.suspends && u.Becoming == ""
	}
	return false
}

// shut sends the change of the status, unless it is under way. Okta suspends ACTIVE users
// alone: whoever has another status is deactivated.
func (a *App) shut(ctx context.Context, u *okta.User) error {
	switch {
	case u.Becoming == okta.Deprovisioned:
		return nil
	case a.suspends && u.Status == okta.Active:
		return a.client.Suspend(ctx, u.ID)
	}
	return a.client.Deactivate(ctx, u.ID)
}

// endSessions ends sessions and revokes tokens. Where nobody can sign in any more, Okta
// may say that there is nobody; whether it does is not verified.
func (a *App) endSessions(ctx context.Context, u *okta.User) error {
	err := a.client.EndSessions(ctx, u.ID)
	switch {
	case err == nil, okta.IsNotFound(err) && u.Status == okta.Deprovisioned:
		return nil
	case okta.IsNotFound(err):
		return app.Refuse(app.Terminal, "the sessions are not ended: Okta finds no such user (status 404), who is %s", u.Status)
	}
	return app.Half(ctx, err, fmt.Sprintf("the user is %s, and the sessions are not ended", u.Status))
}

// enable lets a user in, with other changes. What goes wrong behind that is looked up, as
// the user is in by then.
func (a *App) enable(ctx context.Context, id string, profile map[string]jsontext.Value) (okta.User, error) {
	u, err := a.read(ctx, id)
	if err != nil {
		return u, err
	}
	switch {
	case u.Becoming == okta.Deprovisioned:
		return u, &app.Error{Class: app.Precondition, Detail: "the user is still being deactivated"}
	case u.Becoming != "" && !u.Status.Usable():
		return u, &app.Error{Class: app.Precondition, Detail: "the user is being activated, and is still " + string(u.Status)}
	case u.Status == okta.Staged && len(profile) > 0: // before the mail is sent, to where it goes
		if _, err := a.update(ctx, id, profile); err != nil {
			return u, err
		}
		profile = nil
	}
	switch u.Status {
	case okta.Suspended:
		err = a.client.Unsuspend(ctx, id)
	case okta.Staged, okta.Deprovisioned:
		err = a.client.Activate(ctx, id)
	}
	was := u.Status
	if err != nil {
		now, rerr := a.client.User(ctx, id)
		if rerr != nil || now.Status == was || okta.IsState(err) { // which says so itself
			return u, err
		}
		return now, &app.Error{Class: app.Precondition, Detail: "the user is " + string(now.Status) + " by now, and was " + string(was)}
	}
	if u, err = a.client.User(ctx, id); err != nil {
		return u, behind(ctx, err)
	}
	if !u.Status.Usable() {
		return u, &app.Error{Class: app.Precondition, Detail: "Okta has taken the request, and the user is still " + string(u.Status)}
	}
	if len(profile) == 0 {
		return u, nil
	}
	if u, err = a.update(ctx, id, profile); err != nil {
		return u, behind(ctx, err)
	}
	return u, nil
}

// behind is a failure behind which a user is in.
func behind(ctx context.Context, err error) error {
	e := *app.Classify(app.Wrap(convert(ctx, err), "the user is let in, and more is not known"))
	if e.Class != app.Unauthorized {
		e.Class = app.Ambiguous
	}
	return &e
}

// Delete deletes a user for good: Okta's first DELETE deactivates, and the second deletes.
func (a users) Delete(ctx context.Context, id string) error {
	u, err := a.read(ctx, id)
	switch {
	case okta.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case u.Status != okta.Deprovisioned && u.Becoming != okta.Deprovisioned:
		if err := a.client.DeleteUser(ctx, id); err != nil {
			return err
		}
		if u, err = a.client.User(ctx, id); err != nil {
			return app.Half(ctx, err, "the user is deactivated, and not deleted")
		}
	}
	if u.Status != okta.Deprovisioned {
		return &app.Error{Class: app.Precondition, Detail: "the user is being deactivated, which goes before it is deleted"}
	}
	return a.client.DeleteUser(ctx, id)
}
