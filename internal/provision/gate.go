// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/planted"
)

// Gate is the guard's door in the directory: it stands before a person becomes
// a leaver, so that sessions and agents do not end by mistake either. It counts
// in accounts, app by app, with the same counters as the door at the plan, and
// in people for whoever has no account.
type Gate struct {
	Limits   Limits
	Released func(id string) bool
	Actor    string
	// Window is over how long explicit ends are counted together; zero is one call. An
	// engine that follows a source acts many times a minute: whoever is taken out one by
	// one would never be too many.
	Window time.Duration
	// Spared are apps in which nobody's account ends, as they are records of a source:
	// nothing is counted there.
	Spared []string
}

// guardTx is what the guard needs of a transaction, whoever opened it.
type guardTx interface {
	GuardTx
	audit.Appender
	Now() time.Time
}

// InDirectory stands for the directory itself where a hold names an app.
const InDirectory = "directory"

// Departures implements directory.Gate. If the set reaches too far in one app,
// it is held as a whole: one id, with an entry for each app that is over.
func (g Gate) Departures(ctx context.Context, tx directory.Tx, cause directory.Cause, people []string) (bool, error) {
	gtx, ok := tx.(guardTx)
	if !ok {
		return false, fmt.Errorf("guard: the store's transaction cannot count: %T", tx)
	}
	door := InDirectory + ":" + string(cause)
	if len(people) == 0 {
		return true, gtx.PutHolds(ctx, door, "", nil)
	}
	counts, err := gtx.LiveAccounts(ctx, people)
	if err != nil {
		return false, err
	}
	for _, app := range g.Spared {
		delete(counts, app)
	}
	holds, err := g.holds(ctx, gtx, cause, people, counts)
	if err != nil {
		return false, err
	}
	if len(holds) > 0 {
		return false, g.hold(ctx, gtx, door, holds)
	}
	if err := gtx.PutHolds(ctx, door, "", nil); err != nil {
		return false, err
	}
	if g.Released(HoldID(InDirectory, cause, people)) {
		return true, nil // agreed to: not counted against what passes without
	}
	counts[InDirectory] = len(people)
	for _, app := range sortedKeys(counts) {
		if err := gtx.AddPassed(ctx, app, cause, counts[app]); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (g Gate) holds(ctx context.Context, tx guardTx, cause directory.Cause, people []string, counts map[string]int) ([]Hold, error) {
	id := HoldID(InDirectory, cause, people)
	if g.Released(id) {
		return nil, tx.AppendEvents(ctx, []audit.Event{{
			At: tx.Now(), Kind: "hold.released", Actor: g.Actor, Object: id,
			Why: fmt.Sprintf("%d people (%s)", len(people), cause),
		}})
	}
	var holds []Hold
	for _, app := range sortedKeys(counts) {
		b, err := sizes(ctx, tx, app)
		if err == nil {
			b.lately, err = g.lately(ctx, tx, app, cause)
		}
		if err != nil {
			return nil, err
		}
		if limit, reason := g.Limits.verdict(cause, counts[app], b); reason != "" {
			holds = append(holds, Hold{ID: id, App: app, Cause: told(cause), Count: counts[app], Limit: limit, Reason: reason})
		}
	}
	if len(holds) > 0 {
		return holds, nil
	}
	in, err := tx.InCount(ctx)
	if err != nil {
		return nil, err
	}
	today, err := tx.Passed(ctx, InDirectory, tx.Now().Add(-24*time.Hour))
	if err != nil {
		return nil, err
	}
	if planted.On(planted.GuardPerCycle) {
		today = 0
	}
	lately, err := g.lately(ctx, tx, InDirectory, cause)
	if err != nil {
		return nil, err
	}
	if limit, reason := g.Limits.verdict(cause, len(people), base{accounts: in, today: today, lately: lately}); reason != "" {
		holds = append(holds, Hold{ID: id, App: InDirectory, Cause: told(cause), Count: len(people), Limit: limit, Reason: reason})
	}
	return holds, nil
}

// lately is how many explicit ends of a cause have passed within the window.
func (g Gate) lately(ctx context.Context, tx guardTx, app string, cause directory.Cause) (int, error) {
	if g.Window == 0 || !cause.Explicit() {
		return 0, nil
	}
	return tx.Terminated(ctx, app, cause, tx.Now().Add(-g.Window))
}

// hold writes the holds down, and tells the ledger when the set is a new one.
func (g Gate) hold(ctx context.Context, tx guardTx, door string, holds []Hold) error {
	standing, err := tx.Holds(ctx)
	if err != nil {
		return err
	}
	if err := tx.PutHolds(ctx, door, "", holds); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, made(tx.Now(), g.Actor, standing, holds))
}

// made tells of the holds whose set is a new one.
func made(at time.Time, actor string, standing, holds []Hold) []audit.Event {
	var events []audit.Event
	for _, h := range holds {
		if !slices.ContainsFunc(standing, func(k Hold) bool { return k.ID == h.ID }) {
			events = append(events, audit.Event{At: at, Kind: "hold.made", Actor: actor, App: h.App, Object: h.ID, Why: h.Reason})
		}
	}
	return events
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
