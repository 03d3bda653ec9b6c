// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/fit"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

// How an app is followed that may change under our hands.
const (
	restAfterStart = time.Hour // a daemon that starts again and again asks no more often
	retryDiscovery = time.Hour // after nothing came of asking, or the period if that is shorter
	longestSleep   = 15 * time.Minute
	mostChanges    = 40                 // clauses that are kept and told
	changeShown    = 7 * 24 * time.Hour // or for as long as the mapping does not fit
)

// said is what is kept of an app's discovery, as JSON among the store's small facts.
type said struct {
	Address string        `json:"address"` // whom it is of: another address is another app
	Asked   time.Time     `json:"asked"`
	Next    time.Time     `json:"next"` // not before
	Failed  bool          `json:"failed,omitempty"`
	Silent  bool          `json:"silent,omitempty"` // it did not tell, the last time, what it had told before
	Says    fit.Statement `json:"says"`

	Changed *time.Time `json:"changed,omitempty"` // when it was last found to say something else
	What    []string   `json:"what,omitempty"`    // what was different then, in clauses
	Breaks  []string   `json:"breaks,omitempty"`  // what of the mapping does not fit now, with its place
	Mapping string     `json:"mapping,omitempty"` // under which Breaks were found
}

// saidKey is where it is kept.
func saidKey(app string) string { return "discovery." + app }

// metas are the store's small facts, in a transaction.
type metas interface {
	Meta(ctx context.Context, key string) ([]byte, error)
}

// saidOf reads what is kept. What cannot be read is as good as nothing: the app is
// asked anew.
func saidOf(ctx context.Context, r metas, app string) (s said, there bool, err error) {
	text, err := r.Meta(ctx, saidKey(app))
	if err != nil || len(text) == 0 || json.Unmarshal(text, &s) != nil {
		return said{}, false, err
	}
	return s, true, nil
}

// followApps asks each app now and then what it takes, and tells when that has
// changed. It only reads: a change sends nothing, and stops nothing: docs/adr, "An app that changed is told of, and not paused".
func (d *daemon) followApps(ctx context.Context) error {
	first := true
	for {
		next := d.rediscover(ctx, time.Now(), first)
		first = false
		sleep := time.NewTimer(min(max(time.Until(next), time.Second), longestSleep))
		select {
		case <-ctx.Done():
			sleep.Stop()
			return nil
		case <-sleep.C:
		}
	}
}

// rediscover asks the apps whose time has come, and returns when the next one's is. At
// a start those that have discovery are due, unless they were just asked.
func (d *daemon) rediscover(ctx context.Context, now time.Time, start bool) (next time.Time) {
	next = now.Add(longestSleep)
	var g errgroup.Group
	g.SetLimit(appsAtOnce)
	var mu sync.Mutex
	for _, t := range d.Targets {
		every := d.discoveryEvery(t.Name)
		if _, ok := app.DiscovererOf(t.App); !ok || every == 0 {
			continue
		}
		g.Go(func() error {
			due, err := d.rediscoverOne(ctx, t, now, start, every)
			if err != nil && ctx.Err() == nil {
				d.log.Error("what the app says of itself could not be kept", "app", t.Name, "err", err)
				due = now.Add(longestSleep)
			}
			mu.Lock()
			defer mu.Unlock()
			if due.Before(next) {
				next = due
			}
			return nil
		})
	}
	_ = g.Wait() // no error comes out
	return next
}

// discoveryEvery is how often an app is asked; 0 is never.
func (b *Built) discoveryEvery(name string) time.Duration {
	for _, a := range b.Config.Apps {
		if a.Name == name {
			return time.Duration(a.DiscoveryEvery)
		}
	}
	return 0
}

// dueAt is when an app is to be asked. Next was computed under the period of its time;
// a shorter one counts at once. One that has nothing to tell is asked once a period,
// whatever else happens.
func (s said) dueAt(every time.Duration, start bool) time.Time {
	due := s.Next
	if latest := s.Asked.Add(every + every/10); due.After(latest) {
		due = latest
	}
	if rested := s.Asked.Add(restAfterStart); start && (s.Says.Offered() || s.Failed) && due.After(rested) {
		due = rested
	}
	return due
}

func (d *daemon) rediscoverOne(ctx context.Context, t *provision.Target, now time.Time, start bool, every time.Duration) (time.Time, error) {
	kept, known, err := d.kept(ctx, t.Name)
	if err != nil {
		return now, err
	}
	read := kept.Asked
	if known = known && kept.Address == t.Address; !known {
		kept = said{Address: t.Address}
	}
	mapping := mappingOf(t)
	reread := kept.Says.Offered() && kept.Mapping != mapping // what was found under another mapping is worth nothing
	if due := kept.dueAt(every, start); known && now.Before(due) && !reread {
		return due, nil
	}
	log := d.log.With("app", t.Name)
	heard, err := discover(ctx, t, false)
	if ctx.Err() != nil {
		return now, nil
	}
	if err != nil {
		text, _ := fit.Explain(err, t.App.Profile())
		log.Debug("the app could not be asked what it takes", "why", text)
		kept.Asked, kept.Failed, kept.Next = now, true, now.Add(min(every, retryDiscovery))
		_, err := d.keep(ctx, t.Name, read, kept, nil)
		return kept.Next, err
	}
	statement := fit.StatementOf(heard)
	if !kept.Silent && statement.Lacks(kept.Says) { // a page of a bad day says so, too: it is believed the second time
		kept.Asked, kept.Silent, kept.Next = now, true, now.Add(min(every, retryDiscovery))
		_, err := d.keep(ctx, t.Name, read, kept, nil)
		return kept.Next, err
	}
	fresh := statement.Over(kept.Says)
	changes := fit.Changes(kept.Says, fresh)
	before := kept
	kept.Asked, kept.Failed, kept.Silent, kept.Says = now, false, false, fresh
	kept.Next = now.Add(every + rand.N(every/10)) //nolint:gosec // jitter, no secret
	if statement.Schemas != nil || kept.Mapping != mapping {
		kept.Breaks, kept.Mapping = d.breaks(t, heard), mapping
	}
	event := changeEvent(t.Name, d.o.Actor, before, kept, changes)
	if event != nil {
		kept.Changed, kept.What = &kept.Asked, firstFew(changes)
	}
	first, err := d.keep(ctx, t.Name, read, kept, event)
	switch {
	case err != nil:
		return now, err
	case !first:
		return kept.Next, nil
	}
	if event != nil {
		log.Warn("this app changed: it says something else of itself; nothing is paused", "what", strings.Join(kept.What, "; "), "does_not_fit", len(kept.Breaks))
		d.wakeBooks()
	}
	for _, b := range kept.Breaks {
		if !slices.Contains(before.Breaks, b) {
			log.Warn("the mapping does not fit what the app says that it takes", "what", b)
		}
	}
	return kept.Next, nil
}

// mappingOf identifies what of the configuration is compared.
func mappingOf(t *provision.Target) string { return hex.EncodeToString(t.Digest[:8]) }

// breaks are the errors of the mapping, with their places.
func (d *daemon) breaks(t *provision.Target, heard app.Discovery) (out []string) {
	for _, f := range fit.Mapping(t.App.Profile(), heard, d.sent(t)) {
		if f.Level == fit.Error {
			out = append(out, placed(f.Pos, f.Text))
		}
	}
	return firstFew(out)
}

func placed(pos config.Position, text string) string {
	if p := pos.String(); p != "" {
		return p + ": " + text
	}
	return text
}

// firstFew keeps the first of many clauses, and says how many there are more.
func firstFew(clauses []string) []string {
	if len(clauses) <= mostChanges {
		return clauses
	}
	return append(slices.Clone(clauses[:mostChanges]), fmt.Sprintf("and %d more", len(clauses)-mostChanges))
}

// changeEvent is what the ledger gets when an app says something else; nil if it does not.
func changeEvent(name, actor string, before, after said, changes []string) *audit.Event {
	if len(changes) == 0 {
		return nil
	}
	hash := func(s fit.Statement) map[string]string {
		sum := s.Digest()
		return map[string]string{"discovery": "sha256:" + hex.EncodeToString(sum[:sha256.Size/2])}
	}
	return &audit.Event{
		At: after.Asked, Kind: "app.changed", Actor: actor, App: name, Why: strings.Join(firstFew(changes), "; "),
		Before: hash(before.Says), After: hash(after.Says),
	}
}

func (d *daemon) kept(ctx context.Context, name string) (s said, known bool, err error) {
	err = d.db.Read(ctx, func(r store.Reader) error {
		s, known, err = saidOf(ctx, r, name)
		return err
	})
	return s, known, err
}

// keep stores what an app said, and the event of a change with it, unless another replica
// has asked since what was kept was read: it has told, and what it heard stands (first is
// false).
func (d *daemon) keep(ctx context.Context, name string, read time.Time, s said, event *audit.Event) (first bool, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return false, err
	}
	err = d.db.Directory().Update(ctx, func(tx directory.Tx) error {
		now, _, err := saidOf(ctx, tx, name)
		if first = err == nil && now.Asked.Equal(read); !first {
			return err
		}
		err = tx.PutMeta(ctx, saidKey(name), text)
		if event != nil {
			event.At = tx.Now()
			err = errors.Join(err, tx.AppendEvents(ctx, []audit.Event{*event}))
		}
		return err
	})
	return first, err
}

// AppChange is that an app says something else of itself than before, or that what is
// mapped does not fit what it says.
type AppChange struct {
	At     *time.Time `json:"at,omitempty"` // nil: it always said so
	What   []string   `json:"what"`         // what changed
	Breaks []string   `json:"breaks"`       // what of the mapping does not fit
}

// change is what is told of an app now; nil for nothing.
func (s said) change(now time.Time) *AppChange {
	recent := s.Changed != nil && now.Sub(*s.Changed) < changeShown
	if !recent && len(s.Breaks) == 0 {
		return nil
	}
	c := &AppChange{What: []string{}, Breaks: append([]string{}, s.Breaks...)}
	if s.Changed != nil {
		c.At, c.What = s.Changed, append(c.What, s.What...)
	}
	return c
}
