// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/directory"
)

// atOnce is how many marked records one Reread takes.
const atOnce = 100

// Word is what an event tells: who may have changed.
type Word struct {
	ID  string // of the event; "" if there is none
	Key string // of the record, "" for the teams
	// Row is what the event says of the record, if it says all: one that says nothing
	// new needs no look. Nil has it read.
	Row *Row
	// Idle says that nobody is spoken of, and that there is progress alone.
	Idle bool
	// Revoked is when the source said that this person's access ends at once; zero if it
	// did not. See Revoke.
	Revoked time.Time
	// Undated identifies an event that does not say when that was, and Revoked is when it came:
	// the first time counts, however often it comes. "" for all others.
	Undated string
	// Progress is where to go on after it, kept under ProgressKey; nil for none.
	Progress []byte
}

// ProgressKey is where the store keeps how far a source's events were taken.
func ProgressKey(source string) string { return "progress:" + source }

// Hear takes what an event tells, so that it is not lost when it returns. marked
// reports whether there is something to read.
func Hear(ctx context.Context, st Store, s Source, w Word) (marked bool, err error) {
	err = st.Update(ctx, func(tx Tx) error {
		if marked, err = note(ctx, tx, s, w); err != nil || w.Progress == nil {
			return err
		}
		return tx.PutMeta(ctx, ProgressKey(s.Name), w.Progress)
	})
	return marked, err
}

func note(ctx context.Context, tx Tx, s Source, w Word) (bool, error) {
	if w.Idle {
		return false, nil
	}
	if w.Row != nil {
		old, err := stale(ctx, tx, s, w)
		if err != nil || old {
			return false, err
		}
	}
	if w.ID != "" {
		if before, err := tx.Heard(ctx, s.Name, w.ID); err != nil || before {
			return false, err
		}
	}
	return true, tx.Mark(ctx, s.Name, []Mark{{Key: w.Key, Due: tx.Now()}})
}

// stale reports whether an event says what the record says, and nobody is about to read
// it: a read that is on its way may have seen something else, before the event or after.
// One of everybody has not, as the record is known to be so now.
func stale(ctx context.Context, tx Tx, s Source, w Word) (bool, error) {
	known, err := tx.Records(ctx, s.Name, []string{w.Key})
	if err != nil {
		return false, err
	}
	r, ok := known[w.Key]
	if !ok || !r.Missing.IsZero() || r.Digest != digest(s.Digest, *w.Row) {
		return false, nil
	}
	marked, err := tx.Marked(ctx, s.Name, w.Key)
	if err != nil || marked {
		return false, err
	}
	return true, tx.Touch(ctx, s.Name, []string{w.Key})
}

// Progress returns what was kept of a source's progress, nil for nothing.
func Progress(ctx context.Context, st Store, source string) (kept []byte, err error) {
	err = st.Update(ctx, func(tx Tx) (err error) {
		kept, err = tx.Meta(ctx, ProgressKey(source))
		return err
	})
	return kept, err
}

// Reread is what was read of a live source because it was marked.
type Reread struct {
	ingestion
	marks   []Mark
	keys    []string // of the records among them
	doubted []Mark   // to be looked at again

	// The teams, if they were marked.
	again bool
	rules []string
	teams []StatedTeam
}

// Look reads what is marked and due of a live source, up to a bound, as it is now; nil
// is nothing. What it returns is to be given to Take. next is when to come again if
// there is nothing, zero for never.
func Look(ctx context.Context, st Store, s Source) (re *Reread, next time.Time, err error) {
	re = &Reread{ingestion: ingestion{st: st, s: s, partial: true, r: Report{Source: s.Name, File: s.File, Complete: true, Rejected: []Reject{}}}}
	err = st.Update(ctx, func(tx Tx) (err error) {
		re.marks, next, err = tx.Marks(ctx, s.Name, tx.Now(), atOnce)
		return err
	})
	if err != nil || len(re.marks) == 0 {
		return nil, next, err
	}
	for _, m := range re.marks {
		if m.Key == "" {
			re.again = true
			continue
		}
		re.keys = append(re.keys, m.Key)
	}
	if len(re.keys) > 0 {
		re.batch, err = s.Live.Reader.ReadSome(ctx, re.keys)
	}
	if err == nil && re.again {
		re.rules, re.teams, err = s.Live.Reader.ReadTeams(ctx)
	}
	if err != nil {
		return nil, next, fmt.Errorf("source %s: %w", s.Name, err)
	}
	return re, next, nil
}

// Take brings what was read into the directory. Nobody leaves by it: departures wait
// for directory.Settle.
func (re *Reread) Take(ctx context.Context, d *directory.Directory) (Report, error) {
	re.d = d
	if re.batch != nil {
		if err := re.records(ctx); err != nil {
			return re.r, fmt.Errorf("source %s: %w", re.s.Name, err)
		}
	}
	if re.again {
		failed, err := stateTeams(ctx, re.st, d, re.s.Name, re.rules, re.teams)
		if err != nil {
			return re.r, fmt.Errorf("source %s: %w", re.s.Name, err)
		}
		re.r.Rejected = append(re.r.Rejected, failed...)
	}
	for _, key := range re.late {
		re.doubted = append(re.doubted, Mark{Key: key, Due: time.Now()})
	}
	return re.r, re.st.Update(ctx, func(tx Tx) error {
		if err := tx.Unmark(ctx, re.s.Name, re.marks); err != nil {
			return err
		}
		return tx.Mark(ctx, re.s.Name, slices.Concat(re.doubted, re.early(tx.Now())))
	})
}

func (re *Reread) records(ctx context.Context) error {
	re.r.Rejected = append(re.r.Rejected, re.batch.Rejected...)
	var err error
	if re.batch.Live.Doubted, err = re.apart(ctx, re.batch.Live.Doubted); err != nil {
		return err
	}
	re.forget(re.believed(time.Now()))
	slices.SortFunc(re.batch.Rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	re.seen = look(re.batch)
	re.r.Rows = len(re.batch.Rows)
	if err := re.compare(ctx); err != nil {
		return err
	}
	for rows := range slices.Chunk(re.batch.Rows, chunk) {
		if err := re.submit(ctx, rows); err != nil {
			return err
		}
	}
	var teamless []string
	err = re.st.Update(ctx, func(tx Tx) error {
		seen := re.seen.keys()
		if len(seen) > 0 { // somebody is there by a record that could not be taken, too
			if err := re.unkeep(ctx, tx); err != nil {
				return err
			}
		}
		if err := re.d.Present(ctx, tx, re.s.Name, seen); err != nil {
			return err
		}
		if err := tx.Touch(ctx, re.s.Name, seen); err != nil {
			return err
		}
		var err error
		if teamless, err = tx.Teamless(ctx, re.s.Name, seen); err != nil {
			return err
		}
		if err := re.letIn(ctx, tx); err != nil {
			return err
		}
		return tx.PutRejects(ctx, re.s.Name, append(slices.Clone(re.keys), seen...), re.r.Rejected)
	})
	if err != nil {
		return err
	}
	failed, err := regroup(ctx, re.st, re.d, re.s.Name, teamless, false)
	re.r.Rejected = append(re.r.Rejected, failed...)
	return err
}

// early are those whom a look may have seen as they were before what they were marked for:
// it began less than the lag behind the first word of them, or there was another one since.
// How long it took, and what it waited for until it was taken, counts for nothing. They are
// marked as of now, which is the transaction's, so that a look when they are due is late enough.
func (re *Reread) early(now time.Time) (again []Mark) {
	lag := re.s.Live.Lag
	for _, m := range re.marks {
		if lag > 0 && m.Key != "" && m.Gone.IsZero() && (m.Version > 1 || re.batch.Live.Began.Sub(m.Since) < lag) {
			again = append(again, Mark{Key: m.Key, Due: now.Add(lag)})
		}
	}
	return again
}

// believed returns who has been gone for the time of grace, and marks the others anew.
func (re *Reread) believed(now time.Time) (gone []string) {
	for _, key := range re.batch.Live.Doubted {
		i := slices.IndexFunc(re.marks, func(m Mark) bool { return m.Key == key })
		m := Mark{Key: key, Gone: now}
		if i >= 0 && !re.marks[i].Gone.IsZero() {
			m.Gone = re.marks[i].Gone
		}
		if m.Due = m.Gone.Add(re.s.Live.Grace); !m.Due.After(now) {
			gone = append(gone, key)
			continue
		}
		re.doubted = append(re.doubted, m)
	}
	return gone
}
