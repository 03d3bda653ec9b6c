// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/source"
)

type read struct {
	at       instant
	file     string
	complete bool
	reason   string
	rows     int
	digest   [32]byte
	modified instant
	replay   bool
}

type trouble struct {
	what      string
	since, at instant
	tries     int
}

type mark struct {
	due, since, gone instant
	version          int64
}

// PutRead implements source.Tx. The time of the newest file stays.
func (tx *Tx) PutRead(ctx context.Context, r source.Report, p source.Proof) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	row := &read{
		at: stamp(tx.now), file: r.File, complete: r.Complete, reason: r.Reason, rows: r.Rows, digest: p.Digest, modified: stamp(p.ModTime), replay: r.Replay,
	}
	if had, ok := tx.reads.get(one(r.Source)); ok && (!row.modified.is || had.modified.after(row.modified)) {
		row.modified = had.modified
	}
	tx.reads.put(tx.own, one(r.Source), row)
	tx.digests.put(tx.own, two{r.Source, string(p.Digest[:])}, none{})
	tx.rejects.put(tx.own, one(r.Source), slices.Clone(r.Rejected))
	return nil
}

// PutRejects implements source.LiveTx.
func (tx *Tx) PutRejects(ctx context.Context, name string, keys []string, rejects []source.Reject) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	had, _ := tx.rejects.get(one(name))
	of := setOf(keys)
	all := slices.DeleteFunc(slices.Clone(had), func(j source.Reject) bool { return of[j.Key] })
	tx.rejects.put(tx.own, one(name), append(all, rejects...))
	return nil
}

// Known implements source.Tx. A read that is equal to the one before it is no replay,
// unless that one was.
func (tx *Tx) Known(ctx context.Context, name string, p source.Proof, seen func(id string) bool) (k source.Known, err error) {
	if err := tx.look(ctx); err != nil {
		return k, err
	}
	for id := range tx.from(name) {
		k.Records++
		if seen(id) {
			k.Here++
		}
	}
	last, ok := tx.reads.get(one(name))
	switch {
	case !ok:
	case last.modified.is && p.ModTime.UnixMicro() > last.modified.micro: // newer
	case last.digest == p.Digest:
		k.Replay = last.replay
	default:
		k.Replay = tx.digests.has(two{name, string(p.Digest[:])})
	}
	return k, nil
}

// Sources implements source.Tx.
func (tx *Tx) Sources(ctx context.Context) (out []string, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for k := range tx.records.all() {
		if len(out) == 0 || out[len(out)-1] != k.a {
			out = append(out, k.a)
		}
	}
	return out, nil
}

// PutTrouble implements source.Tx.
func (tx *Tx) PutTrouble(ctx context.Context, name, what string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	if what == "" {
		tx.trouble.drop(tx.own, one(name))
		return nil
	}
	t, ok := tx.trouble.get(one(name))
	if !ok {
		t.since = stamp(tx.now)
	}
	t.what, t.at = what, stamp(tx.now)
	t.tries++
	tx.trouble.put(tx.own, one(name), t)
	return nil
}

// States implements source.StateReader.
func (tx *Tx) States(ctx context.Context) ([]source.State, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	of := map[string]*source.State{}
	state := func(name one) *source.State {
		s := of[string(name)]
		if s == nil {
			rejects, _ := tx.rejects.get(name)
			s = &source.State{Source: string(name), Rejected: len(rejects)}
			of[s.Source] = s
		}
		return s
	}
	for name, r := range tx.reads.all() {
		s := state(name)
		s.File, s.Read, s.Complete, s.Reason, s.Replay, s.Rows = r.file, r.at.time(), r.complete, r.reason, r.replay, r.rows
	}
	for name, t := range tx.trouble.all() {
		s := state(name)
		s.Trouble, s.Since, s.Tried, s.Tries = t.what, t.since.time(), t.at.time(), t.tries
	}
	var out []source.State
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, *of[name])
	}
	return out, nil
}

// PushedCount implements source.StateReader. Nothing is pushed to this store.
func (tx *Tx) PushedCount(ctx context.Context, _, _ string) (int, error) { return 0, tx.look(ctx) }

// Digests implements source.LiveTx.
func (tx *Tx) Digests(ctx context.Context, name string) (map[string][32]byte, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string][32]byte{}
	for id, r := range tx.from(name) {
		if !r.missing.is {
			out[id] = r.digest
		}
	}
	return out, nil
}

// Mark implements source.LiveTx.
func (tx *Tx) Mark(ctx context.Context, name string, marks []source.Mark) error {
	for _, m := range marks {
		if err := tx.may(ctx); err != nil {
			return err
		}
		if m.Due.IsZero() {
			return errNoTime
		}
		k := two{name, m.Key}
		row, ok := tx.marks.get(k)
		if !ok {
			row.since = stamp(tx.now)
		}
		row.due = earlier(row.due, stamp(m.Due))
		if !row.gone.is {
			row.gone = stamp(m.Gone)
		}
		row.version++
		tx.marks.put(tx.own, k, row)
	}
	return nil
}

// Marks implements source.LiveTx.
func (tx *Tx) Marks(ctx context.Context, name string, now time.Time, limit int) (due []source.Mark, next time.Time, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, time.Time{}, err
	}
	var first instant
	for k, m := range tx.marks.from(two{name, ""}) {
		if k.a != name {
			break
		}
		first = earlier(first, m.due)
		if limit > 0 && m.due.upTo(stamp(now)) {
			due = append(due, source.Mark{Key: k.b, Due: m.due.time(), Since: m.since.time(), Gone: m.gone.time(), Version: m.version})
		}
	}
	slices.SortStableFunc(due, func(a, b source.Mark) int { return cmp.Compare(a.Due.UnixMicro(), b.Due.UnixMicro()) })
	return atMost(due, limit), first.time(), nil
}

// Marked implements source.LiveTx.
func (tx *Tx) Marked(ctx context.Context, name, key string) (bool, error) {
	return tx.marks.has(two{name, key}), tx.look(ctx)
}

// Unmark implements source.LiveTx.
func (tx *Tx) Unmark(ctx context.Context, name string, marks []source.Mark) error {
	for _, m := range marks {
		if err := tx.may(ctx); err != nil {
			return err
		}
		k := two{name, m.Key}
		if row, ok := tx.marks.get(k); ok && row.version == m.Version {
			tx.marks.drop(tx.own, k)
		}
	}
	return nil
}

// heardFor is how long events are remembered.
const heardFor = 7 * 24 * time.Hour

// Heard implements source.LiveTx.
func (tx *Tx) Heard(ctx context.Context, name, event string) (bool, error) {
	if tx.events.has(two{name, event}) {
		return true, tx.look(ctx)
	}
	if err := tx.may(ctx); err != nil {
		return false, err
	}
	until := stamp(tx.now.Add(-heardFor))
	var old []two
	for k, at := range tx.events.from(two{name, ""}) {
		if k.a != name {
			break
		}
		if until.after(at) {
			old = append(old, k)
		}
	}
	for _, k := range old {
		tx.events.drop(tx.own, k)
	}
	tx.events.put(tx.own, two{name, event}, stamp(tx.now))
	return false, nil
}

// Touch implements source.LiveTx.
func (tx *Tx) Touch(ctx context.Context, name string, keys []string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for _, key := range keys {
		edit(&tx.records, tx.own, two{name, key}, func(r *record) { r.at = stamp(tx.now) })
	}
	return nil
}

// Teamless implements source.LiveTx.
func (tx *Tx) Teamless(ctx context.Context, name string, keys []string) ([]string, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	of := setOf(keys)
	var out []string
	for k := range tx.statedIn.from(three{name, "", ""}) {
		if k.a != name {
			break
		}
		r, ok := tx.records.get(two{name, k.c})
		if !ok || r.person == "" || keys != nil && !of[k.c] {
			continue
		}
		if p, ok := tx.people.get(one(r.person)); ok && p.state.In() && !tx.members.has(two{r.person, k.b}) {
			out = append(out, k.c)
		}
	}
	return distinct(out), nil
}

// StateTeams implements source.LiveTx.
func (tx *Tx) StateTeams(ctx context.Context, name, rule string, teams []source.StatedTeam) ([]string, error) {
	if err := tx.may(ctx); err != nil {
		return nil, err
	}
	had := map[string]bool{}
	for k, t := range tx.stated.from(two{name, ""}) {
		if k.a != name {
			break
		}
		if t.Rule == rule {
			had[k.b] = true
		}
	}
	changed := map[string]bool{}
	for _, t := range teams {
		of := t.Team(name)
		delete(had, of.ID)
		if err := tx.PutTeam(ctx, of); err != nil {
			return nil, err
		}
		if s := tx.stated.slot(tx.own, two{name, of.ID}); s != nil {
			s.Name = of.Name
		} else {
			of.Rule = rule
			tx.stated.put(tx.own, two{name, of.ID}, of)
		}
		tx.stateMembers(name, of.ID, t.Members, changed)
	}
	for id := range had {
		tx.stateMembers(name, id, nil, changed)
		tx.stated.drop(tx.own, two{name, id})
	}
	return slices.Sorted(maps.Keys(changed)), nil
}

func (tx *Tx) stateMembers(name, team string, members []string, changed map[string]bool) {
	here := setOf(members)
	var gone []string
	for k := range tx.statedIn.from(three{name, team, ""}) {
		if k.a != name || k.b != team {
			break
		}
		if !here[k.c] {
			gone = append(gone, k.c)
		}
	}
	for _, record := range gone {
		changed[record] = true
		tx.leaveStated(name, record, team)
	}
	for _, record := range members {
		if k := (three{name, team, record}); !tx.statedIn.has(k) {
			changed[record] = true
			tx.statedIn.put(tx.own, k, none{})
			tx.statedOf.put(tx.own, three{name, record, team}, none{})
		}
	}
}

func (tx *Tx) leaveStated(name, record, team string) {
	tx.statedIn.drop(tx.own, three{name, team, record})
	tx.statedOf.drop(tx.own, three{name, record, team})
}

// ShutOut implements source.LiveTx.
func (tx *Tx) ShutOut(ctx context.Context, app string, ids []string) (out []string, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	of := setOf(ids)
	for _, a := range tx.at(app) {
		if a.state == disabled && a.remote != "" && !a.observe && (ids == nil || of[a.remote]) {
			out = append(out, a.remote)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Suspect implements source.LiveTx.
func (tx *Tx) Suspect(ctx context.Context, app string, ids []string) error {
	for _, id := range ids {
		if err := tx.may(ctx); err != nil {
			return err
		}
		for person, a := range tx.at(app) {
			if a.remote == "" || a.remote != id {
				continue
			}
			edit(&tx.accounts, tx.own, two{app, person}, func(a *account) {
				a.due, a.dueAt, a.observe, a.parked, a.retry = true, stamp(tx.now), true, "", instant{}
				a.version++
			})
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return tx.marked(ctx, app)
}
