// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
)

// Status is what is there, and what is stuck.
type Status struct {
	Engine  EngineStatus     `json:"engine"`
	People  directory.Totals `json:"people"`
	Sources []SourceStatus   `json:"sources"`
	Apps    []AppStatus      `json:"apps"`
	Holds   []HoldStatus     `json:"holds"`
	// Secrets are those that are sealed and used.
	Secrets []SecretStatus `json:"secrets"`
	// Credentials are those of which it is known when they run out.
	Credentials []Expiry `json:"credentials"`
	// Asked counts the requests of other processes that have no outcome yet.
	Asked int `json:"requests_waiting"`
	// Notes are what the last start of an engine has found.
	Notes []Note `json:"notes,omitempty"`
}

// EngineStatus says whether an engine holds the store, and who it is.
type EngineStatus struct {
	Running bool   `json:"running"`
	Holder  string `json:"holder,omitempty"`
}

// SourceStatus is how a source is.
type SourceStatus struct {
	Source     string     `json:"source"`
	File       string     `json:"file"`
	ReadAt     *time.Time `json:"read_at,omitempty"` // nil: never
	AgeSeconds float64    `json:"age_seconds"`
	Complete   bool       `json:"complete"`
	Reason     string     `json:"reason,omitempty"` // why the last read proves nothing
	Rows       int        `json:"rows"`
	Rejected   int        `json:"rejected_rows"`
	Problem    string     `json:"problem,omitempty"` // why it cannot be read now
	Since      *time.Time `json:"problem_since,omitempty"`
	Tries      int        `json:"problem_tries,omitzero"`
	Replay     bool       `json:"replay,omitzero"`
	// Unmet are the calls that ended the access of somebody whose record nobody knows.
	Unmet  []directory.Awaited `json:"revocations_unmet,omitempty"`
	Pushed bool                `json:"pushed,omitzero"` // by its provider, and not read; rows are its users
}

// AppStatus is how an app is.
type AppStatus struct {
	App         string     `json:"app"`
	Known       bool       `json:"known"` // some cycle has come to it
	Live        int        `json:"live"`
	Disabled    int        `json:"disabled"`
	Memberships int        `json:"memberships"`
	Foreign     int        `json:"foreign"`
	Due         int        `json:"due"`     // what waits for its time included
	Waiting     int        `json:"waiting"` // for a retry
	Parked      int        `json:"parked"`
	Held        int        `json:"held"`
	DueSince    *time.Time `json:"due_since,omitempty"`
	RetryAt     *time.Time `json:"retry_at,omitempty"`
	Paused      string     `json:"paused,omitempty"`
	PausedSince *time.Time `json:"paused_since,omitempty"`
	// Breaker is closed, half-open or open. While it is half open nothing that was
	// sent has gone through yet.
	Breaker   provision.Breaker `json:"breaker"`
	Reasons   []ParkedStatus    `json:"parked_reasons,omitempty"`
	Changed   *AppChange        `json:"changed,omitempty"`
	changedAt *time.Time        // ever
}

// ParkedStatus is a reason why something is set aside.
type ParkedStatus struct {
	Reason string     `json:"reason"`
	Count  int        `json:"count"`
	Since  *time.Time `json:"since,omitempty"`
}

// HoldStatus is a hold, and since when it stands.
type HoldStatus struct {
	provision.Hold
	Since *time.Time `json:"since,omitempty"`
}

// mostReasons is how many reasons of an app are told.
const mostReasons = 5

// Status asks the store how everything is.
func (u *Usher) Status(ctx context.Context) (*Status, error) {
	s := &Status{Sources: []SourceStatus{}, Apps: []AppStatus{}, Holds: []HoldStatus{}}
	var err error
	if s.Engine.Holder, s.Engine.Running, err = store.Holder(u.Config.Store.Value); err != nil {
		return nil, err
	}
	now := time.Now()
	err = u.db.Read(ctx, func(r store.Reader) (err error) {
		if s.People, err = r.PeopleTotals(ctx); err != nil {
			return err
		}
		if s.Notes, err = u.keptNotes(ctx, r); err != nil {
			return err
		}
		return errors.Join(u.sourceStatus(ctx, r, now, s), holdStatus(ctx, r, s), u.appStatus(ctx, r, now, s))
	})
	if err != nil {
		return nil, err
	}
	if s.Secrets, err = u.secretStatus(ctx, u.db, now); err != nil {
		return nil, err
	}
	kept, err := u.db.Secrets().Secrets(ctx)
	if err != nil {
		return nil, err
	}
	s.Credentials = u.expiries(kept, now)
	open, err := u.db.Requests().Open(ctx)
	s.Asked = len(open)
	return s, err
}

func (u *Usher) sourceStatus(ctx context.Context, r store.Reader, now time.Time, s *Status) error {
	states, err := r.States(ctx)
	if err != nil {
		return err
	}
	for _, of := range u.Sources {
		st := SourceStatus{Source: of.Name, File: of.File}
		if i := slices.IndexFunc(states, func(k source.State) bool { return k.Source == of.Name }); i >= 0 {
			k := states[i]
			st.ReadAt, st.Complete, st.Reason, st.Rows, st.Rejected, st.Replay = when(k.Read), k.Complete, k.Reason, k.Rows, k.Rejected, k.Replay
			st.Problem, st.Since, st.Tries = k.Trouble, when(k.Since), k.Tries
			if !k.Read.IsZero() {
				st.AgeSeconds = now.Sub(k.Read).Seconds()
			}
		}
		if st.Unmet, err = directory.Awaiting(ctx, r, of.Name); err != nil {
			return err
		}
		s.Sources = append(s.Sources, st)
	}
	for _, of := range u.Pushed {
		n, err := r.PushedCount(ctx, of.Name, "User")
		if err != nil {
			return err
		}
		s.Sources = append(s.Sources, SourceStatus{Source: of.Name, File: "SCIM", Complete: true, Pushed: true, Rows: n})
	}
	return nil
}

func holdStatus(ctx context.Context, r store.Reader, s *Status) error {
	holds, err := r.Holds(ctx)
	if err != nil {
		return err
	}
	since, err := r.HeldSince(ctx)
	for _, h := range holds {
		s.Holds = append(s.Holds, HoldStatus{h, when(since[h.ID])})
	}
	return err
}

func (u *Usher) appStatus(ctx context.Context, r store.Reader, now time.Time, s *Status) error {
	for _, t := range u.Targets {
		a := AppStatus{App: t.Name}
		state, err := r.App(ctx, t.Name)
		if err != nil {
			return err
		}
		sizes, err := r.Totals(ctx, t.Name)
		if err != nil {
			return err
		}
		due, err := r.Backlog(ctx, t.Name, now)
		if err != nil {
			return err
		}
		reasons, err := r.ParkedReasons(ctx, t.Name, mostReasons)
		if err != nil {
			return err
		}
		kept, _, err := saidOf(ctx, r, t.Name)
		if err != nil {
			return err
		}
		if kept.Address == t.Address {
			a.Changed, a.changedAt = kept.change(now), kept.Changed
		}
		a.Known, a.Paused, a.PausedSince, a.RetryAt = state.Address != "", state.Paused, when(state.PausedAt), when(due.Retry)
		a.Breaker = state.Breaker(now)
		if state.RetryAt.After(now) {
			a.RetryAt = when(state.RetryAt)
		}
		a.Live, a.Disabled, a.Memberships, a.Foreign, a.Parked = sizes.Live, sizes.Disabled, sizes.Memberships, sizes.Foreign, sizes.Parked
		a.Due, a.Waiting, a.DueSince = due.Due, due.Retrying, when(due.Oldest)
		for _, p := range reasons {
			a.Reasons = append(a.Reasons, ParkedStatus{p.Reason, p.Count, when(p.Since)})
		}
		for _, h := range s.Holds {
			if h.App == t.Name {
				a.Held += h.Count
			}
		}
		s.Apps = append(s.Apps, a)
	}
	return nil
}

// when is an instant that may not be there.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
