// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// observe looks at the app wherever its state is not known: after a crash, an
// answer that was lost, an id that is void, a name that is taken, and before
// the first write of all.
func (r *run) observe(ctx context.Context) error {
	if err := r.loadGroups(ctx); err != nil {
		return err
	}
	if !r.state.Listed {
		if nobody, err := r.nobody(ctx); err != nil || nobody {
			return err // there is nobody to match with what would be listed
		}
		if err := r.firstList(ctx); err != nil {
			if e := app.Classify(err); e.Class == app.NotFound {
				r.refused = fmt.Sprintf("nothing answers at the app's address (status %d): is its url the SCIM base URL?", e.Status)
				return nil
			}
			return r.unreadable(ctx, err)
		}
		if r.resting() {
			return nil // the rest of the list is read after it
		}
	}
	if r.strangers == nil && r.state.Foreign > 0 {
		if err := r.loadStrangers(ctx); err != nil {
			return err
		}
	}
	waiting, err := r.waiting(ctx)
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		r.missing = nil
		if err := r.lookUp(ctx, waiting); err != nil {
			return r.unreadable(ctx, err)
		}
		if err := r.settleMissing(ctx); err != nil {
			return err
		}
	}
	r.unread = 0
	if r.resting() || r.refused != "" {
		return nil
	}
	return r.observeGroups(ctx)
}

// resting says that the app has asked for a pause.
func (r *run) resting() bool { return r.state.RetryAt.After(time.Now()) && !r.ahead }

// nobody reports whether the directory has no people for this app.
func (r *run) nobody(ctx context.Context) (none bool, err error) {
	err = r.store.View(ctx, func(tx Tx) error {
		some, err := tx.Subjects(ctx, Query{App: r.target.Name, Limit: 1, Now: time.Now()})
		none = len(some) == 0
		return err
	})
	return none, err
}

func (r *run) loadStrangers(ctx context.Context) error {
	return r.store.View(ctx, func(tx Tx) (err error) {
		r.strangers, err = tx.ForeignNames(ctx, r.target.Name)
		return err
	})
}

// unreadable keeps an app that cannot even be read from failing the others. A
// failure that passes is waited for like a request's; otherwise, and when
// nobody has ever answered at its address, the app is paused with the reason.
func (r *run) unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil { // our stop, not the app's fault
		return ctx.Err()
	}
	var e *app.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("app %s: %w", r.target.Name, err)
	}
	if opened, err := r.failing(ctx, fmt.Sprint("r", r.unread), e); opened || err != nil {
		return err
	}
	passes := e.Class == app.Retry || e.Class == app.Ambiguous || e.Class == app.Unreachable && r.state.Listed
	if passes && !r.ahead && r.unread < mostUnread {
		r.state.RetryAt = time.Now().Add(max(e.RetryAfter, backoff(r.unread, r.luck())))
		r.unread++
		return r.update(ctx, func(tx Tx) error { return tx.PutApp(ctx, r.state) })
	}
	r.refused = e.Error()
	return nil
}

// mostUnread is how often in a row an app is asked again before it is paused.
const mostUnread = 8

// waiting returns everybody whose account has to be looked up.
func (r *run) waiting(ctx context.Context) ([]Subject, error) {
	var all []Subject
	after := ""
	for {
		var subjects []Subject
		err := r.store.View(ctx, func(tx Tx) (err error) {
			q := Query{App: r.target.Name, After: after, Limit: page, People: r.people, Observe: true, Now: r.at()}
			subjects, err = r.read(ctx, tx, q)
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, subjects...)
		if len(subjects) < page {
			return all, r.belated(ctx, all)
		}
		after = subjects[len(subjects)-1].Person.ID
	}
}

// lookUp finds each subject's account: one by one, or by one list where that
// takes fewer requests and the profile trusts the app's lists, of today.
func (r *run) lookUp(ctx context.Context, subjects []Subject) error {
	p := r.target.App.Profile()
	var live int
	err := r.store.View(ctx, func(tx Tx) error {
		t, err := tx.Totals(ctx, r.target.Name)
		live = t.Live + t.Disabled
		return err
	})
	if err != nil {
		return err
	}
	if p.ListTrusted && !p.ListLate && len(subjects) > 1+live/max(1, p.PageSize) {
		there, err := r.list(ctx)
		if err != nil {
			return err
		}
		var listed, unlisted []Subject
		var found []sighting
		for _, s := range subjects {
			f := r.among(there, s)
			if f.account == nil && r.leftAt(s) { // a list that is cut short proves nothing
				unlisted = append(unlisted, s)
				continue
			}
			listed, found = append(listed, s), append(found, f)
		}
		if err := r.settleWhole(ctx, listed, found); err != nil || len(unlisted) == 0 || r.resting() {
			return err
		}
		return r.each(ctx, unlisted, func(i int) (sighting, error) { return r.find(ctx, unlisted[i]) })
	}
	return r.each(ctx, subjects, func(i int) (sighting, error) { return r.find(ctx, subjects[i]) })
}

// settleWhole is settle, once what a list leaves out has been read.
func (r *run) settleWhole(ctx context.Context, subjects []Subject, found []sighting) error {
	if !r.planner.profile.ListPartial {
		return r.settle(ctx, subjects, found)
	}
	return r.each(ctx, subjects, func(i int) (sighting, error) {
		f := found[i]
		return f, r.whole(ctx, &f)
	})
}

// each looks accounts up one by one, until the app asks for a pause. Who has
// not been asked for by then is asked for after it.
func (r *run) each(ctx context.Context, subjects []Subject, look func(i int) (sighting, error)) error {
	found, failed := make([]sighting, len(subjects)), make([]error, len(subjects))
	asked := 0
	var pause, gone atomic.Pointer[app.Error]
	var answers, barred atomic.Int64
	var whom atomic.Pointer[string] // pause is about
	one := func(i int) {
		found[i], failed[i] = look(i)
		switch e := app.Classify(failed[i]); {
		case e == nil:
			answers.Add(1)
		case e.Class == app.Retry && !r.ahead:
			pause.Store(e)
			whom.Store(&subjects[i].Person.ID)
		case e.Class == app.Unreachable, ofUs(e): // by anybody
			gone.Store(e)
		case e.Class == app.Unauthorized:
			barred.Add(1)
		}
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(r.target.Concurrency, len(subjects)) {
		wg.Go(func() {
			for i := range next {
				one(i)
			}
		})
	}
	for i := range subjects {
		if pause.Load() != nil || gone.Load() != nil || answers.Load() == 0 && barred.Load() >= mostBarred {
			break
		}
		asked++
		next <- i
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if barred.Load() > 0 && answers.Load() == 0 && gone.Load() == nil && pause.Load() == nil {
		e, err := r.taken(ctx, subjects[:asked], failed[:asked])
		if err != nil {
			return err
		}
		gone.Store(e)
	}
	var seen []Subject
	var unseen []Account
	for i, s := range subjects[:asked] {
		e := app.Classify(failed[i])
		switch {
		case e == nil:
			found[len(seen)] = found[i]
			seen = append(seen, s)
		case e.Class == app.Unreachable || ofUs(e): // told below, once what was seen is kept
		case e.Class == app.Unauthorized && answers.Load() == 0 && (gone.Load() != nil || pause.Load() != nil): // it may be of us
		case e.Class == app.Unauthorized: // one that is protected is its own affair
			one := *e
			one.Class = app.Terminal
			unseen = append(unseen, unknown(s.Account, &one, r.luck()))
		default:
			unseen = append(unseen, unknown(s.Account, e, r.luck()))
		}
	}
	if err := r.settle(ctx, seen, found[:len(seen)]); err != nil {
		return err
	}
	if len(unseen) > 0 {
		if err := r.update(ctx, func(tx Tx) error { return tx.PutAccounts(ctx, unseen) }); err != nil {
			return err
		}
	}
	if e := gone.Load(); e != nil {
		return e
	}
	if answers.Load() > 0 {
		r.sick.reset()
	}
	if e := pause.Load(); e != nil {
		if opened, err := r.failing(ctx, "p"+*whom.Load(), e); opened || err != nil {
			return err
		}
		return r.rest(ctx, time.Now().Add(max(e.RetryAfter, backoff(0, r.luck()))))
	}
	if asked < len(subjects) { // the first ones are protected, and the app answers others
		return r.each(ctx, subjects[asked:], func(i int) (sighting, error) { return look(asked + i) })
	}
	return nil
}

// taken says that the app forbids what we ask, whomever it is about: nil when it answers
// something else. That one look-up after another was forbidden does not tell yet.
func (r *run) taken(ctx context.Context, subjects []Subject, failed []error) (*app.Error, error) {
	var first *app.Error
	asked := map[string]bool{}
	for i, s := range subjects {
		if e := app.Classify(failed[i]); e.Class == app.Unauthorized {
			asked[s.Person.ID], first = true, cmp.Or(first, e)
		}
	}
	e, _, err := r.ask(ctx, asked)
	if err != nil || e == nil {
		return nil, err
	}
	return first, nil
}

// unknown is an account whose look-up failed: it waits, or is set aside if the
// app will not answer. It is still not known, and nobody else waits for it.
func unknown(a Account, e *app.Error, luck float64) Account {
	a.Observe, a.Due = true, true
	a.postpone(e, luck)
	return a
}

// postpone is what a look-up that failed means for what is tried next; luck is in [0, 1). It
// reports whether nothing is.
func (s *Standing) postpone(e *app.Error, luck float64) (aside bool) {
	switch e.Class {
	case app.Terminal, app.NotFound, app.Conflict, app.Precondition, app.TooLarge:
		s.Parked, aside = "it cannot be looked up: "+e.Error(), true
	default:
		s.RetryAt = time.Now().Add(max(e.RetryAfter, backoff(s.Attempts, luck)))
	}
	s.Attempts++
	return aside
}

// settle writes down what look-ups saw, in pages.
func (r *run) settle(ctx context.Context, subjects []Subject, found []sighting) error {
	for from := 0; from < len(subjects); from += page {
		to := min(from+page, len(subjects))
		if err := r.settlePage(ctx, subjects[from:to], found[from:to]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) settlePage(ctx context.Context, subjects []Subject, found []sighting) error {
	owners, err := r.owners(ctx, found)
	if err != nil {
		return err
	}
	w := &writing{r: r, now: time.Now(), strangers: r.state.Foreign > 0}
	var last map[string]int64
	if w.turns, last, err = r.turns(ctx, subjects); err != nil {
		return err
	}
	var outcomes []Outcome
	for i, s := range subjects {
		f := r.theirs(s, found[i], owners)
		if f.account == nil && s.Account.State == Live && r.leftAt(s) && r.early(&s.Account.Standing) {
			s.Account.Due = true
			w.accounts = append(w.accounts, s.Account)
			continue
		}
		if f.account == nil && r.pending(&s) {
			w.accounts = append(w.accounts, s.Account)
			continue
		}
		if f.account == nil && (s.Account.State == Live && r.leftAt(s) || r.untold(s)) {
			r.missing = append(r.missing, s)
			continue
		}
		if s.Account.Last == Lost && w.turns[s.Person.ID] > 0 { // it was early meanwhile, which tells nothing of the request
			s.Account.Last = Ambiguous
		}
		outcomes = append(outcomes, w.sighted(s, f, owners)...)
	}
	shown := confirmed(subjects, w.accounts, last)
	return r.update(ctx, func(tx Tx) error {
		if err := tx.Confirm(ctx, shown); err != nil {
			return err
		}
		return w.store(ctx, tx, outcomes)
	})
}

// early says that something may not be shown yet, as it may have been written just now: it
// is looked at again once the app has settled, before anything is concluded. After a request
// that was answered so, that wait is over.
func (r *run) early(s *Standing) bool {
	settle := r.target.App.Profile().Settle
	if settle == 0 || s.Last == Lost || r.ahead {
		return false
	}
	s.Observe, s.Last, s.RetryAt = true, Lost, time.Now().Add(settle)
	return true
}

func (r *run) owners(ctx context.Context, found []sighting) (owners map[string]string, err error) {
	var ids []string
	for _, f := range found {
		if f.account != nil {
			ids = append(ids, f.account.ID())
		}
		for _, u := range f.asked {
			ids = append(ids, u.ID())
		}
	}
	if len(ids) == 0 {
		return map[string]string{}, nil
	}
	err = r.store.View(ctx, func(tx Tx) (err error) {
		if owners, err = tx.Owners(ctx, r.target.Name, ids); err != nil {
			return err
		}
		r.foreign, err = tx.ForeignAmong(ctx, r.target.Name, ids)
		return err
	})
	return owners, err
}

// theirs is what a look-up saw of a person, without what is others'.
func (r *run) theirs(s Subject, f sighting, owners map[string]string) sighting {
	f = r.ours(s, f, owners)
	if owner := owners[f.id()]; f.by == "userName" && s.Account.Last != Taken && owner != "" && owner != s.Person.ID && r.planner.namesUsers() {
		return sighting{} // a namesake's: the person's own name has a number
	}
	return f
}

// sighted turns a look-up into the account's row, and settles what was unsure.
func (w *writing) sighted(s Subject, f sighting, owners map[string]string) []Outcome {
	a, before := s.Account, s.Account
	a.Observe, a.RetryAt = false, time.Time{}
	unsure := w.r.unsure["p"+s.Person.ID]
	if a.Last == Ambiguous { // and is known now
		a.Last = ""
	}
	switch {
	case f.account == nil && before.State == Disabled && w.r.leftAt(s) && before.Last != Lost && before.Last != Taken:
		w.accounts = append(w.accounts, a) // an app need not show who is out, until it says that an id is void
		return nil
	case f.account == nil:
		a.RemoteID, a.Sent, a.State, a.Begun = "", nil, None, false
		if a.Last == Taken {
			a.Parked = "the app says that the name is taken, and that nobody has it"
		}
	case f.strange:
		a.Parked, a.Observe = strangeReason, true
	case f.several > 0:
		a.Parked = fmt.Sprintf("%d accounts have this %s: somebody must say which one it is", f.several+1, f.by)
		a.Observe = true // whoever unparks it wants it looked at, not created
	default:
		if w.r.given(s, f, owners, unsure) {
			w.make(f.id(), s.Person.ID)
			owners[f.id()] = s.Person.ID
		}
		if reason := w.r.mayAdopt(s, f, owners, unsure); reason != "" {
			a.Parked, a.Observe = reason, true
			break
		}
		w.adopt(&a, f.account)
		if a.Begun = w.r.begun(before, &a, unsure); a.Begun && a.State == Disabled { // some of it, at least
			a.State, a.Since = Live, before.Since
		}
		if len(unsure) == 0 && a.RemoteID == before.RemoteID && before.Sent != nil {
			a.Sent = w.r.overlaid(before.Sent, a.Sent)
		}
		a.Parked = w.r.barred(s, a)
		w.owned, w.adopted = append(w.owned, a.RemoteID), append(w.adopted, a)
		owners[a.RemoteID] = s.Person.ID // nobody else of this page gets it
	}
	if a.RemoteID == "" || a.RemoteID != before.RemoteID {
		w.leaveGroups(s)
	}
	if before.Last == Ambiguous && len(unsure) == 0 { // it was done, and could not be read back
		in, turns := a.State == Live, w.turns[s.Person.ID]
		a.Attempts = 0
		switch {
		case in == (before.State == Live) || a.Parked != "" || turns < mostTurns:
		case in:
			a.Parked = fmt.Sprintf("the app has answered %d times that the account is disabled, and it is active still: disable it by hand", turns)
		case a.State == Disabled:
			a.Parked = fmt.Sprintf("the app has answered %d times that the account is enabled, and it is inactive still: enable it by hand", turns)
		}
	}
	if len(unsure) == 0 {
		w.drift(before, a)
		w.r.shut(s, &a)
	}
	if a.Parked == "" {
		a.Due = true
	}
	switch {
	case slices.ContainsFunc(unsure, func(in *Intent) bool {
		return (in.Kind == Create || in.Kind == Disable) && !w.r.happened(in, f.account)
	}):
		a.Late = w.now.Add(mostLate)
	case !before.Late.After(w.now):
		a.Late = time.Time{}
	}
	w.accounts = append(w.accounts, a)
	if len(unsure) == 0 {
		if a.RemoteID != "" && a.RemoteID != before.RemoteID {
			w.events = append(w.events, audit.Event{
				At: w.now, Kind: "account.adopted", Actor: w.r.actor, Person: s.Person.ID, App: a.App,
				Object: a.RemoteID, Why: "found by " + f.by,
			})
		}
		return nil
	}
	delete(w.r.unsure, "p"+s.Person.ID)
	var outcomes []Outcome
	for _, intent := range unsure {
		o := Outcome{Intent: intent, Result: Void, At: w.now, Detail: "looked up: it did not happen"}
		switch {
		case a.Parked != "":
		case a.Begun && intent.Kind == Disable:
			o.Detail = "looked up: a part of it may have happened, and all of it is to be sent again"
		case w.r.happened(intent, f.account):
			o.Result, o.Remote, o.Detail, o.Verified = Done, a.RemoteID, "looked up: it happened", true
			w.events = append(w.events, w.tell(&o)...)
			w.r.count(&o)
			w.removed(intent.Ops[0], admitted(s))
			w.r.written[s.Person.ID] = a.State == Live
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

func (w *writing) adopt(a *Account, seen *scim.Resource) {
	state := Live
	if active, known := seen.Active(); known && !active {
		state = Disabled
	}
	if state != a.State || a.Since.IsZero() {
		a.State, a.Since = state, w.r.planner.Now
	}
	a.RemoteID, a.Sent, a.Parked = seen.ID(), w.r.project(seen), ""
}

// mostTurns is how often an account is disabled and seen active once the app has settled, or
// enabled and seen inactive, before a person has to look at it.
const mostTurns = 3

// turns is how often in a row accounts were ended, or enabled, by the app's word alone, for
// those that are looked at for that, and the journal's entry that says so last. Look-ups that failed are none.
func (r *run) turns(ctx context.Context, subjects []Subject) (n map[string]int, last map[string]int64, err error) {
	n, last = map[string]int{}, map[string]int64{}
	for _, s := range subjects {
		late := s.Account.Last == Lost && s.Account.State == Live // it may have been enabled, and not shown at all since
		if s.Account.Last != Ambiguous && !late || len(r.unsure["p"+s.Person.ID]) > 0 {
			continue
		}
		var entries []Entry
		err := r.store.View(ctx, func(tx Tx) (err error) {
			entries, err = tx.EntriesThat(ctx, Done, r.target.Name, s.Person.ID, mostTurns)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			in := &Intent{Kind: e.Kind, Ops: e.Ops}
			if e.Verified || e.Kind != entries[0].Kind || e.Kind == Update && !in.lets() || late && e.Kind != Update {
				break
			}
			n[s.Person.ID]++
			last[s.Person.ID] = max(last[s.Person.ID], e.ID)
		}
	}
	return n, last, nil
}

// confirmed are the newest turns of accounts that look-ups have found as those should have left
// them: the next that is ignored, months later, is the first.
func confirmed(subjects []Subject, seen []Account, last map[string]int64) []int64 {
	before := map[string]AccountState{}
	for _, s := range subjects {
		before[s.Person.ID] = s.Account.State
	}
	var entries []int64
	for _, a := range seen {
		if last[a.Person] > 0 && !a.Observe && (a.State == Live) == (before[a.Person] == Live) {
			entries = append(entries, last[a.Person])
		}
	}
	return entries
}

// begun says whether a departure at an account is still half done, as far as is known. Of one
// of several requests an account that is inactive shows one: all of it is sent again, or
// whoever is back by now is let in. What has let them in already has ended it.
func (r *run) begun(before Account, now *Account, unsure []*Intent) bool {
	begun := before.Begun
	for _, in := range unsure {
		begun = begun && !(in.lets() && now.State == Live) ||
			in.Kind == Disable && r.target.App.Profile().DeactivateSteps
	}
	return begun && before.State == Live && now.RemoteID == before.RemoteID
}

// barred says why somebody can have no account: a disabled one is in the way, and
// there is no way back to it. Making another would be refused for ever. Whoever has
// deleted it by hand has nothing looked at before the next try.
func (r *run) barred(s Subject, a Account) string {
	if a.Last != Taken || a.State != Disabled || r.planner.profile.DeactivateLeaves != app.LeavesNothing {
		return ""
	}
	if wanted, _, _, err := r.planner.wanted(s); err != nil || !wanted {
		return "" // nothing is made
	}
	return "the account " + a.RemoteID + " is inactive there and cannot be enabled again: delete it by hand"
}

// project keeps of an account what our mapping names; nothing else is ours to
// store or to write.
func (r *run) project(seen *scim.Resource) *scim.Resource {
	mine := scim.NewResource(scim.UserURN)
	for _, p := range r.planner.paths {
		if v, ok := seen.At(p); ok {
			_ = mine.Put(p, v) // a path that was read can be written
		}
	}
	return mine
}

// happened reports whether an unsure intent shows in what was seen.
func (r *run) happened(in *Intent, seen *scim.Resource) bool {
	if seen == nil { // an app that disables by DELETE may show nothing of it afterwards
		return in.Kind == Delete || in.Kind == Disable && r.target.App.Profile().DeactivateBy == app.ByDelete
	}
	switch in.Kind {
	case Create, GroupCreate:
		return true
	case Delete:
		return false
	}
	for _, c := range in.Ops[0].Changes {
		p, err := scim.ParsePath(c.Path)
		if err != nil {
			return false
		}
		want := scim.NewResource(scim.UserURN)
		if err := want.Put(p, c.After); err != nil || len(scim.Diff(r.schemas, scim.UserURN, []scim.Path{p}, seen, want)) > 0 {
			return false
		}
	}
	return true
}
