// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// doubt has everything at the app looked at once, where that is asked for: what others
// have changed there is seen by nobody else. Whatever differs from what was confirmed is
// told, and the plan mends it.
func (r *run) doubt(ctx context.Context, tx Tx) error {
	if !r.verify || !r.state.Listed {
		return nil
	}
	return tx.Doubt(ctx, r.target.Name, r.people)
}

// leftAt says that an account was left at the app's id, and that nothing of ours is
// under way to it: what is seen otherwise was done by others, whoever has it looked at.
func (r *run) leftAt(s Subject) bool {
	return s.Account.RemoteID != "" && len(r.unsure["p"+s.Person.ID]) == 0
}

// settleMissing settles whose live account is not there any more: whoever is in gets a new
// one. More of those than may be taken away without an explanation say something of the
// app, or of our credential, and not of them: nothing is concluded, and the app is paused.
func (r *run) settleMissing(ctx context.Context) error {
	if len(r.missing) == 0 {
		return nil
	}
	var live int
	err := r.store.View(ctx, func(tx Tx) error {
		t, err := tx.Totals(ctx, r.target.Name)
		live = t.Live
		return err
	})
	if err != nil {
		return err
	}
	n := r.vanished
	for _, s := range r.missing {
		if s.Account.State == None { // and is not among them
			live++
		}
		if wanted, _, _, err := r.planner.wanted(s); err != nil || wanted {
			n++
		}
	}
	limit := r.limits.Unexplained.Of(live + r.vanished)
	if n > limit && r.target.Source != "" {
		r.refused = fmt.Sprintf("%d of %d records of source %s are not there where read looks for them (status 404 or 410); more than %d are not believed to be gone in one cycle: "+
			"is the credential that of another company, or the url of read another place? Who is known to have none is set aside by apply --person, one by one", n, live+r.vanished, r.target.Source, limit)
		return nil
	}
	if n > limit {
		r.refused = fmt.Sprintf("%d of %d live accounts are not there any more; at most %d are made anew in one cycle, and these are not: "+
			"is the credential that of another workspace, or the app not restored to its end? Who was deleted there on purpose is made anew by apply --person, one by one", n, live+r.vanished, limit)
		return nil
	}
	r.vanished = n
	w := &writing{r: r, now: time.Now()}
	for _, s := range r.missing {
		w.sighted(s, sighting{}, nil)
	}
	return r.update(ctx, func(tx Tx) error { return w.store(ctx, tx, nil) })
}

// shutReason is why an account is left alone that others have disabled: they may have had
// a reason that no source knows, and nobody who is in is let in against it unasked.
const shutReason = "somebody else has disabled the account at the app: it is left so until apply --person enables it again"

// shut leaves an account disabled that others have, unless it is asked for by name. It
// goes on counting as live: whoever leaves meanwhile is disabled, by us and from then on.
func (r *run) shut(s Subject, now *Account) {
	before := s.Account
	wanted, _, _, err := r.planner.wanted(s)
	if before.State != Live || now.State != Disabled || now.RemoteID != before.RemoteID || err == nil && !wanted || slices.Contains(r.people, now.Person) ||
		before.Last == Ambiguous || !before.Late.IsZero() { // it was never seen that we have enabled it, or we have disabled it late
		if now.Last == Shut {
			now.Last = ""
		}
		return
	}
	now.State, now.Since, now.Last, now.Parked = Live, before.Since, Shut, shutReason
}

// overlaid is what was confirmed, with what the app shows otherwise by now. What it was
// found not to keep, or never returns, shows nothing of what it is.
func (r *run) overlaid(confirmed, seen *scim.Resource) *scim.Resource {
	now := confirmed.Clone()
	for _, p := range r.keeping.unknown(r.keeping.differing(r.planner.paths, seen, confirmed)) {
		if v, ok := seen.At(p); ok {
			_ = now.Put(p, v) // a path that was read can be written
			continue
		}
		now.Remove(p)
	}
	return now
}

// drift tells of an account that is not as it was left. Who is out is looked at for
// being in, and for nothing else.
func (w *writing) drift(before, now Account) {
	if before.RemoteID == "" || before.State != Live && (before.State != Disabled || now.State != Live) {
		return
	}
	if before.Last == Ambiguous || (before.Last == Shut || !before.Late.IsZero()) && now.State == Disabled {
		return // what we did there is not known; or it has been told
	}
	e := audit.Event{At: w.now, Kind: "account.drifted", Actor: w.r.actor, Person: now.Person, App: now.App, Object: before.RemoteID}
	was, is := map[string]scim.Value{}, map[string]scim.Value{}
	switch {
	case now.RemoteID != before.RemoteID:
		e.Why = "the account is not there any more"
	case now.Sent != nil && before.Sent != nil:
		e.Why = "it was changed at the app"
		for _, c := range scim.Diff(w.r.schemas, scim.UserURN, w.r.planner.paths, before.Sent, now.Sent) {
			was[c.Path.String()], is[c.Path.String()] = c.Before, c.After
		}
		if now.State != before.State {
			was[activePath.String()], is[activePath.String()] = scim.Bool(before.State == Live), scim.Bool(now.State == Live)
		}
		if len(is) == 0 {
			return
		}
		e.Before, e.After = was, is
	default:
		return
	}
	w.events = append(w.events, e)
	w.r.report.Drifted++
}

// driftOfGroup tells of a group that does not hold whom it was left with.
func (r *run) driftOfGroup(g Group, more, less int) {
	renamed := r.groups[g.Team].Name != g.Name
	if r.groups[g.Team].RemoteID != g.RemoteID || len(r.unsure["g"+g.Team]) > 0 || more == 0 && less == 0 && !renamed {
		return
	}
	why := fmt.Sprintf("it was changed at the app: %d members more and %d less than were put there", more, less)
	if renamed {
		why += ", and another name"
	}
	r.strayed = []audit.Event{{At: time.Now(), Kind: "group.drifted", Actor: r.actor, App: g.App, Object: g.Team, Why: why}}
	r.report.Drifted++
}
