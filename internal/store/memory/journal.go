// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// entry is a request. Its operations are kept as text: what is read back is what the
// text says, and nothing else that the engine knew when it wrote them.
type entry struct {
	app, person, team, remote string
	kind                      provision.Kind
	attempt                   int
	ops                       string
	requestID                 string
	at                        instant
	answered                  bool
	result                    provision.Result
	status                    int
	detail                    string
	done                      instant
	verified                  bool
}

func (e *entry) read(id number) (provision.Entry, error) {
	out := provision.Entry{
		ID: int64(id), Kind: e.kind, At: e.at.time(), RequestID: e.requestID, Result: e.result, Status: e.status, Detail: e.detail,
		DoneAt: e.done.time(), Verified: e.verified,
	}
	return out, json.Unmarshal([]byte(e.ops), &out.Ops)
}

type hold struct {
	cause directory.Cause
	count int
	most  int
	why   string
	since instant
}

type passed struct {
	cause directory.Cause
	n     int
	at    instant
}

// errTwice is for two rows of one key.
var errTwice = errors.New("store: it is there already")

// PutIntents implements provision.JournalTx. The fence is checked by who calls it.
func (tx *Tx) PutIntents(ctx context.Context, _ int64, intents []*provision.Intent) error {
	for _, in := range intents {
		if err := tx.may(ctx); err != nil {
			return err
		}
		if in.At.IsZero() {
			return errNoTime
		}
		ops, err := provision.AppendOps(nil, in.Ops)
		if err != nil {
			return err
		}
		tx.entries++
		in.ID = tx.entries
		tx.journal.put(tx.own, number(in.ID), &entry{
			app: in.App, kind: in.Kind, person: in.Person, team: in.Team, remote: in.Remote, attempt: in.Attempt, ops: string(ops), at: stamp(in.At),
		})
		tx.open.put(tx.own, counted{in.App, in.ID}, none{})
	}
	return nil
}

// PutOutcomes implements provision.JournalTx.
func (tx *Tx) PutOutcomes(ctx context.Context, outcomes []provision.Outcome) error {
	for i := range outcomes {
		o := &outcomes[i]
		if err := tx.may(ctx); err != nil {
			return err
		}
		edit(&tx.journal, tx.own, number(o.Intent.ID), func(e *entry) {
			e.answered, e.result, e.status, e.detail, e.done = true, o.Result, o.Status, o.Detail, stamp(tx.now)
			e.verified, e.requestID = o.Verified, o.Intent.RequestID()
			if o.Remote != "" {
				e.remote = o.Remote
			}
			if k := (counted{e.app, o.Intent.ID}); o.Result == provision.Ambiguous {
				tx.open.put(tx.own, k, none{})
			} else {
				tx.open.drop(tx.own, k)
			}
		})
	}
	return nil
}

// Confirm implements provision.JournalTx.
func (tx *Tx) Confirm(ctx context.Context, entries []int64) error {
	for _, id := range entries {
		if err := tx.may(ctx); err != nil {
			return err
		}
		edit(&tx.journal, tx.own, number(id), func(e *entry) { e.verified = true })
	}
	return nil
}

// OpenIntents implements provision.JournalTx.
func (tx *Tx) OpenIntents(ctx context.Context, app string) (out []*provision.Intent, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for k := range tx.open.from(counted{app, 0}) {
		if k.of != app {
			break
		}
		e, _ := tx.journal.get(number(k.n))
		in := &provision.Intent{
			ID: k.n, App: app, Kind: e.kind, Person: e.person, Team: e.team, Remote: e.remote, Attempt: e.attempt, At: e.at.time(), Answered: e.answered,
		}
		if err := json.Unmarshal([]byte(e.ops), &in.Ops); err != nil {
			return nil, err
		}
		out = append(out, in)
	}
	return out, nil
}

// DoneOps implements provision.JournalTx.
func (tx *Tx) DoneOps(ctx context.Context, since time.Time) (map[string]bool, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out, from := map[string]bool{}, stamp(since)
	for id, e := range tx.journal.all() {
		if e.result != provision.Done || !from.upTo(e.done) {
			continue
		}
		read, err := e.read(id)
		if err != nil {
			return nil, err
		}
		for _, op := range read.Ops {
			out[op.ID] = true
		}
	}
	return out, nil
}

// Entries implements provision.Reader.
func (tx *Tx) Entries(ctx context.Context, app, person string, limit int) ([]provision.Entry, error) {
	return tx.newest(ctx, app, person, limit, func(*entry) bool { return true })
}

// EntriesThat implements provision.JournalTx.
func (tx *Tx) EntriesThat(ctx context.Context, ended provision.Result, app, person string, limit int) ([]provision.Entry, error) {
	return tx.newest(ctx, app, person, limit, func(e *entry) bool { return e.result == ended })
}

// newest returns the newest entries of a person at an app that are wanted.
func (tx *Tx) newest(ctx context.Context, app, person string, limit int, wanted func(*entry) bool) (out []provision.Entry, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for id, e := range tx.journal.backward() {
		if limit >= 0 && len(out) >= limit {
			break
		}
		if e.app != app || e.person != person || person == "" || !wanted(e) {
			continue
		}
		read, err := e.read(id)
		if err != nil {
			return nil, err
		}
		out = append(out, read)
	}
	return out, nil
}

// MemberEntry implements provision.Reader.
func (tx *Tx) MemberEntry(ctx context.Context, app, person, team string) (provision.Entry, bool, error) {
	if err := tx.look(ctx); err != nil {
		return provision.Entry{}, false, err
	}
	id, _ := tx.edges.get(three{app, person, team})
	e, ok := tx.journal.get(number(id))
	if !ok {
		return provision.Entry{}, false, nil
	}
	read, err := e.read(number(id))
	return read, true, err
}

// PutHolds implements provision.GuardTx. The same set is the same hold, however often it
// is found, and stands since it was first.
func (tx *Tx) PutHolds(ctx context.Context, door, app string, holds []provision.Hold) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	since := tx.held()
	tx.holds.dropFrom(tx.own, three{door, app, ""}, func(k three) bool { return k.a == door && (app == "" || k.b == app) })
	for _, h := range holds {
		if err := tx.may(ctx); err != nil {
			return err
		}
		at, ok := since[h.ID]
		if !ok {
			at = stamp(tx.now)
		}
		k := three{door, h.App, h.ID}
		if tx.holds.has(k) {
			return errTwice
		}
		tx.holds.put(tx.own, k, &hold{cause: h.Cause, count: h.Count, most: h.Limit, why: h.Reason, since: at})
	}
	return nil
}

func (tx *Tx) held() map[string]instant {
	out := map[string]instant{}
	for k, h := range tx.holds.all() {
		out[k.c] = earlier(out[k.c], h.since)
	}
	return out
}

// Holds implements provision.GuardTx.
func (tx *Tx) Holds(ctx context.Context) (out []provision.Hold, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for k, h := range tx.holds.all() {
		out = append(out, provision.Hold{ID: k.c, App: k.b, Cause: h.cause, Count: h.count, Limit: h.most, Reason: h.why})
	}
	slices.SortStableFunc(out, func(a, b provision.Hold) int {
		return three{a.App, string(a.Cause), a.ID}.compare(three{b.App, string(b.Cause), b.ID})
	})
	return out, nil
}

// Passed implements provision.GuardTx.
func (tx *Tx) Passed(ctx context.Context, app string, since time.Time) (int, error) {
	return tx.sum(ctx, app, since, func(c directory.Cause) bool { return !c.Explicit() })
}

// Terminated implements provision.GuardTx.
func (tx *Tx) Terminated(ctx context.Context, app string, cause directory.Cause, since time.Time) (int, error) {
	return tx.sum(ctx, app, since, func(c directory.Cause) bool { return c == cause })
}

func (tx *Tx) sum(ctx context.Context, app string, since time.Time, of func(directory.Cause) bool) (n int, err error) {
	if err := tx.look(ctx); err != nil {
		return 0, err
	}
	for k, p := range tx.passed.from(counted{app, 0}) {
		if k.of != app {
			break
		}
		if p.at.after(stamp(since)) && of(p.cause) {
			n += p.n
		}
	}
	return n, nil
}

// AddPassed implements provision.GuardTx.
func (tx *Tx) AddPassed(ctx context.Context, app string, cause directory.Cause, n int) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	tx.passes++
	tx.passed.put(tx.own, counted{app, tx.passes}, passed{cause, n, stamp(tx.now)})
	return nil
}
