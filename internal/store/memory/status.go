// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// Totals implements provision.GuardTx.
func (tx *Tx) Totals(ctx context.Context, app string) (t provision.Totals, err error) {
	if err := tx.look(ctx); err != nil {
		return t, err
	}
	for _, a := range tx.at(app) {
		switch a.state {
		case provision.Live:
			t.Live++
		case provision.Disabled:
			t.Disabled++
		case provision.None, provision.Gone:
		}
		switch {
		case a.parked != "":
			t.Parked++
		case a.due:
			t.Waiting++
		}
	}
	for _, g := range tx.groupsAt(app) {
		if g.parked != "" {
			t.Parked++
		}
	}
	for range tx.edgesAt(app) {
		t.Memberships++
	}
	for range tx.strangers(app) {
		t.Foreign++
	}
	return t, nil
}

// LiveAccounts implements provision.GuardTx.
func (tx *Tx) LiveAccounts(ctx context.Context, people []string) (map[string]int, error) {
	at, err := tx.LiveAt(ctx, people)
	out := map[string]int{}
	for _, apps := range at {
		for _, app := range apps {
			out[app]++
		}
	}
	return out, err
}

// LiveAt implements provision.HealthReader.
func (tx *Tx) LiveAt(ctx context.Context, people []string) (map[string][]string, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, p := range distinct(people) {
		for k := range tx.accountsOf.from(two{p, ""}) {
			if k.a != p {
				break
			}
			if a, _ := tx.accounts.get(two{k.b, p}); a.state == live {
				out[p] = append(out[p], k.b)
			}
		}
	}
	return out, nil
}

// Backlog implements provision.HealthReader.
func (tx *Tx) Backlog(ctx context.Context, app string, now time.Time) (b provision.Backlog, err error) {
	if err := tx.look(ctx); err != nil {
		return b, err
	}
	var retry, oldest instant
	for _, a := range tx.at(app) {
		if !a.due || a.parked != "" {
			continue
		}
		b.Due++
		oldest = earlier(oldest, a.dueAt)
		if a.retry.after(stamp(now)) {
			b.Retrying++
			retry = earlier(retry, a.retry)
		}
	}
	b.Retry, b.Oldest = retry.time(), oldest.time()
	return b, nil
}

// ParkedReasons implements provision.HealthReader.
func (tx *Tx) ParkedReasons(ctx context.Context, app string, limit int) ([]provision.ParkedReason, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	type tally struct {
		n     int
		since instant
	}
	of := map[string]tally{}
	count := func(parked string, journal int64) {
		if parked == "" {
			return
		}
		t := of[parked]
		t.n++
		if e, ok := tx.journal.get(number(journal)); ok {
			t.since = earlier(t.since, e.done)
		}
		of[parked] = t
	}
	for _, a := range tx.at(app) {
		count(a.parked, a.journal)
	}
	for _, g := range tx.groupsAt(app) {
		count(g.parked, g.journal)
	}
	var out []provision.ParkedReason
	for reason, t := range of {
		out = append(out, provision.ParkedReason{Reason: reason, Count: t.n, Since: t.since.time()})
	}
	slices.SortFunc(out, func(a, b provision.ParkedReason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Reason, b.Reason))
	})
	return atMost(out, limit), nil
}

// HeldSince implements provision.HealthReader.
func (tx *Tx) HeldSince(ctx context.Context) (map[string]time.Time, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for id, since := range tx.held() {
		out[id] = since.time()
	}
	return out, nil
}

// Waking implements provision.HealthReader.
func (tx *Tx) Waking(ctx context.Context, until time.Time, limit int) ([]provision.Waking, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	type waking struct {
		two
		at instant
	}
	var all []waking
	for k, a := range tx.accounts.all() {
		if a.wake.upTo(stamp(until)) && tx.apps.has(one(k.a)) {
			all = append(all, waking{k, a.wake})
		}
	}
	slices.SortStableFunc(all, func(a, b waking) int { return cmp.Compare(a.at.micro, b.at.micro) })
	var out []provision.Waking
	for _, w := range atMost(all, limit) {
		p, err := tx.person(w.b)
		if err != nil {
			return nil, err
		}
		out = append(out, provision.Waking{App: w.a, Person: p, At: w.at.time()})
	}
	return out, nil
}

func (tx *Tx) person(id string) (*directory.Person, error) {
	p, _ := tx.people.get(one(id))
	return p.read(id)
}
