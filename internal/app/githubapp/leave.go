// SPDX-License-Identifier: Apache-2.0

package githubapp

import (
	"context"
	"iter"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/github"
)

// leave takes somebody out of the organization and of all its teams, or cancels their
// invitation, and reads back that it is so. All of it may be done again. It is sent also if
// no membership is shown, as it harms nobody, and what is shown may lag behind. An owner stays
// unless configured otherwise: without one nobody can set right what went wrong.
func (a *App) leave(ctx context.Context, u github.User) error {
	m, err := a.membership(ctx, u)
	switch {
	case github.IsNotFound(err):
	case err != nil:
		return before(ctx, err)
	case m.Role == github.Admin && m.State == github.Active && !a.manages:
		return app.Refuse(app.Terminal, "%s is an owner of the organization, and is left in: have another owner make them a member, or say owners: %s in the app", u.Login, config.OwnersManage)
	}
	gone := a.client.RemoveMembership(ctx, u.Login)
	now, err := a.client.Membership(ctx, u.Login) // which tells also if the answer was lost
	switch {
	case github.IsNotFound(err), err == nil && now.User.ID != u.ID:
		return nil
	case err != nil && gone != nil:
		return app.Half(ctx, convert(ctx, gone), "whether the member is out is not known")
	case err != nil:
		return app.Half(ctx, err, "whether the member is out is not known")
	case github.IsForbidden(gone) && m.Role == github.Admin:
		return app.Alone(*app.Classify(app.Wrap(convert(ctx, gone), "the owner "+u.Login+" stays, as an organization needs one: make somebody else an owner")))
	case gone != nil:
		return app.Half(ctx, convert(ctx, gone), "the member is not out")
	case now.State == github.Pending: // which may be told of one whose invitation has failed
		lapsed, err := a.lapsed(ctx, u.Login)
		switch {
		case err != nil:
			return app.Half(ctx, err, "whether the member is out is not known")
		case lapsed > 0:
			return nil
		}
	}
	return &app.Error{Class: app.Precondition, Detail: "GitHub has taken the request, and the membership is still " + string(now.State)}
}

// cancel cancels those of some invitations that are to a login, once all have been read, as
// a list that becomes shorter may pass one over.
func (a *App) cancel(ctx context.Context, some iter.Seq2[github.Invitation, error], login string) error {
	var ids []int64
	for i, err := range some {
		if err != nil {
			return err
		}
		if ofLogin(login)(i) {
			ids = append(ids, i.ID)
		}
	}
	for _, id := range ids {
		if err := a.client.CancelInvitation(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// Open are invitations that nobody has accepted.
type Open struct{ Pending, Failed int }

// Invitations counts those that nobody has accepted, whoever sent them.
func (a *App) Invitations(ctx context.Context) (o Open, err error) {
	for _, err := range a.client.Invitations(ctx) {
		if err != nil {
			return o, err
		}
		o.Pending++
	}
	o.Failed, err = a.failures(ctx, func(github.Invitation) bool { return true })
	return o, err
}
