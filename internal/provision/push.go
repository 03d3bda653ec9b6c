// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"net/http"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// push sends one recorded intent. A deactivation is read back at once, be it by
// DELETE: an app that answers 200 and leaves the account active is found here and
// not at the next audit. So is what lets somebody in again: of whom nobody has disabled
// since, an account that is inactive must not look like one that others have. What else
// was sent is compared with the answer, see keeping.
func push(ctx context.Context, a app.App, k *keeping, in *Intent) Answer {
	ctx = app.WithRequestID(ctx, in.RequestID())
	ans, err := write(ctx, a, in)
	if err != nil {
		e := app.Classify(err)
		return Answer{Err: forbidden(ctx, a, in, e), Elapsed: ans.Elapsed, Verified: in.Kind == Delete && in.ends() && absent(a, e)}
	}
	out := Answer{Remote: in.Remote, Status: ans.Status, Elapsed: ans.Elapsed}
	if in.Kind == Create || in.Kind == GroupCreate {
		out.Remote = idOf(ans.Resource)
		if out.Remote == "" { // created, but as what? The look-up will tell.
			out.Err = &app.Error{Class: app.Ambiguous, Status: ans.Status, Detail: "the answer names no id"}
		}
	}
	switch {
	case in.ends() && planted.On(planted.NoReadBack):
		out.Verified = true
	case in.ends() && a.Profile().Settle > 0 && a.Profile().DeactivateLeaves == app.LeavesNothing:
		// That nobody is there proves nothing yet: it is looked at once, when it does.
	case in.ends(), in.lets():
		out.Verified, out.Ignored = readBack(ctx, a, in)
	}
	if out.Err == nil {
		out.Shown = k.check(ctx, a, in, out.Remote, ans.Resource)
		out.Verified = out.Verified || out.Shown.read && !in.lets()
	}
	return out
}

// forbidden asks, when a request was answered 403, whether the app still answers
// others: then it is this one that is protected, and not our credential that is
// void, and nobody else has to wait.
func forbidden(ctx context.Context, a app.App, in *Intent, e *app.Error) *app.Error {
	if e.Class != app.Unauthorized || e.Status != http.StatusForbidden {
		return e
	}
	var err error
	switch {
	case in.Remote == "" && in.Team == "":
		_, _, err = a.Find(ctx, app.KindUser, userNamePath, in.Ops[0].Label)
	case in.Remote == "":
		_, _, err = a.Find(ctx, app.KindGroup, displayName, in.Ops[0].Label)
	case in.Team != "":
		_, err = a.Get(ctx, app.KindGroup, in.Remote)
	default:
		_, err = a.Get(ctx, app.KindUser, in.Remote)
	}
	if err != nil && app.Classify(err).Class != app.NotFound {
		return e
	}
	one := *e
	one.Class = app.Terminal
	return &one
}

func idOf(r *scim.Resource) string {
	if r == nil {
		return ""
	}
	return r.ID()
}

func write(ctx context.Context, a app.App, in *Intent) (app.Answer, error) {
	op := in.Ops[0]
	switch in.Kind {
	case Create:
		u := op.user.Clone()
		if err := u.Put(activePath, scim.Bool(true)); err != nil {
			return app.Answer{}, err
		}
		return a.Create(ctx, app.KindUser, u)
	case Disable:
		if a.Profile().DeactivateBy == app.ByDelete {
			return a.Delete(ctx, app.KindUser, in.Remote)
		}
		return a.Patch(ctx, app.KindUser, in.Remote, op.changes, op.user)
	case Update:
		return a.Patch(ctx, app.KindUser, in.Remote, op.changes, op.user)
	case Delete:
		return a.Delete(ctx, app.KindUser, in.Remote)
	case GroupCreate:
		g := scim.NewResource(scim.GroupURN)
		g.Set("displayName", scim.String(op.Label))
		g.SetExternalID(in.Team)
		return a.Create(ctx, app.KindGroup, g)
	case GroupUpdate:
		return a.Patch(ctx, app.KindGroup, in.Remote, op.changes, nil)
	case MemberAdd:
		return a.ChangeMembers(ctx, in.Remote, in.Remotes, nil)
	default:
		return a.ChangeMembers(ctx, in.Remote, nil, in.Remotes)
	}
}

// ends reports whether a live account ends with the request.
func (i *Intent) ends() bool {
	return i.Kind == Disable || i.Kind == Delete && i.Ops[0].live
}

// lets reports whether a disabled account is let in again with the request.
func (i *Intent) lets() bool {
	if i.Kind != Update || len(i.Ops) == 0 {
		return false
	}
	for _, c := range i.Ops[0].Changes {
		if on, _ := c.After.AsBool(); on && c.Path == activePath.String() {
			return true
		}
	}
	return false
}

// readBack reports whether the account was read and found as it was asked to be, active or
// not, or found as it was. What is gone is inactive; what says nothing of activity and is
// there after a DELETE is active. A read that fails leaves both false: it is looked at
// again; so does one that finds nothing new in an app that takes its time to show what it
// holds.
func readBack(ctx context.Context, a app.App, in *Intent) (verified, ignored bool) {
	ans, err := a.Get(ctx, app.KindUser, in.Remote)
	if err != nil {
		e := app.Classify(err)
		return in.ends() && (absent(a, e) || planted.On(planted.SecondLookForgotten) && in.Kind == Disable && e.Class == app.Unreachable), false
	}
	active, known := ans.Resource.Active()
	if !known {
		active = in.Kind == Delete || in.lets()
	}
	verified = active == in.lets()
	return verified, !verified && a.Profile().Settle == 0
}

// absent says that an error proves that something is not there: not so of an app that takes
// its time to show what it holds.
func absent(a app.App, e *app.Error) bool {
	return e.Class == app.NotFound && a.Profile().Settle == 0
}

// result is an answer on its way back to the machine's owner.
type result struct {
	in *Intent
	Answer
}

// senders push what comes in until in is closed. The caller joins them. Once the lease has
// run out nothing is sent: another process may be at work.
func (r *run) senders(ctx context.Context, n int, in <-chan *Intent, out chan<- result) (wait func()) {
	done := make(chan struct{})
	for range n {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range in {
				if e := compare(ctx, r.target.App, i); e != nil {
					out <- result{i, Answer{Err: e}}
					continue
				}
				if !r.holds() {
					out <- result{i, Answer{Err: app.Classify(app.Refuse(app.Unreachable, "this process could not renew its lease of the app: nothing was sent"))}}
					continue
				}
				out <- result{i, push(ctx, r.target.App, r.keeping, i)}
			}
		}()
	}
	return func() {
		for range n {
			<-done
		}
	}
}
