// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
)

// A user that was linked to another one is under no id of its own any more, and whoever
// it is still signs in by it: not there is not gone. What was linked to a user of the
// connection is one with it, and blocked with it.

// linked says that a user of another connection has taken one of ours in.
func (a *App) linked(u *auth0.User) bool {
	return !a.ours(u) && slices.ContainsFunc(u.Identities, func(i auth0.Identity) bool { return i.Connection == a.cfg.Connection })
}

// isLinked is what a person has to see to.
func (a *App) isLinked(to *auth0.User) error {
	return app.Refuse(app.Terminal, "the user was linked to another one (%s), by which whoever it is still signs in: unlink it, or block that one, by hand", to.ID)
}

// linkedAway says of a user that is not there whether it was linked to another one, of
// whatever connection: the error to give then, or nil. A search may be late to know of
// it, and then nothing is known of it here either.
func (a *App) linkedAway(ctx context.Context, id string) error {
	name, ok := strings.CutPrefix(id, database)
	if !ok || strings.ContainsAny(name, "\"\\*?") {
		return nil
	}
	for u, err := range a.client.Search(ctx, `identities.user_id:"`+name+`"`, "") {
		if err != nil {
			return err
		}
		if u.ID != id && slices.ContainsFunc(u.Identities, func(i auth0.Identity) bool { return i.ID() == id }) {
			return a.isLinked(&u)
		}
	}
	return nil
}
