// SPDX-License-Identifier: Apache-2.0

package auth0in

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/source"
)

// Listener is who is told of events.
type Listener struct {
	// Hear takes what an event tells; once it returns that is not lost.
	Hear func(ctx context.Context, w source.Word) error
	// Lost is called when events may have been missed: everybody has to be read.
	Lost func()
	// State is called when the stream comes and goes: nil when it is open, and why it
	// is not. It may be nil.
	State func(error)
}

// progress is how far the events of a tenant were taken.
type progress struct {
	Tenant string    `json:"tenant"` // another one's offsets mean nothing
	Offset string    `json:"offset"`
	At     time.Time `json:"at"`
}

// clocksDiffer is by how much the tenant's clock may be behind ours.
const clocksDiffer = time.Minute

// Bounds of the time between two tries to open the stream.
const (
	soonest = time.Second
	latest  = time.Minute
)

// Follow listens to the Events API until ctx ends, from where kept says that it was
// left; nil is now. Whatever goes wrong is tried again.
func (t *Tenant) Follow(ctx context.Context, kept []byte, l Listener) {
	var at progress
	if len(kept) > 0 && (json.Unmarshal(kept, &at) != nil || at.Tenant != t.Host) {
		at = progress{}
		l.Lost()
	}
	at.Tenant = t.Host
	for wait := soonest; ctx.Err() == nil; {
		opened := time.Now()
		err := t.listen(ctx, &at, l)
		if ctx.Err() != nil {
			return
		}
		switch {
		case errors.Is(err, auth0.ErrOffset): // what was missed is not known
			at.Offset, at.At = "", time.Time{}
		case errors.Is(err, io.EOF) && time.Since(opened) > soonest: // as it is closed every few minutes
			wait = soonest
			continue
		case errors.Is(err, io.EOF): // but not at once, as whatever stands between may do
			pause(ctx, wait)
			wait = min(2*wait, latest)
			continue
		}
		if l.State != nil {
			l.State(err)
		}
		if time.Since(opened) > latest { // it was open for a while
			wait = soonest
		}
		pause(ctx, wait/2+rand.N(wait/2)) //nolint:gosec // nobody gains by guessing it
		wait = min(2*wait, latest)
	}
}

// listen opens the stream once, and returns why it has ended.
func (t *Tenant) listen(ctx context.Context, at *progress, l Listener) error {
	now, from := time.Now().UTC(), auth0.From{Offset: at.Offset}
	if at.Offset == "" && !at.At.IsZero() {
		from.Time = at.At.Add(-clocksDiffer)
	}
	s, err := t.Client.Events(ctx, from, t.EventTypes()...)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // there is nothing to lose
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	if l.State != nil {
		l.State(nil)
	}
	if from == (auth0.From{}) { // what was before it is for a read of everybody
		l.Lost()
		at.At = now
	}
	for {
		f, err := s.Next()
		if err != nil {
			return err
		}
		w := source.Word{Idle: true}
		switch {
		case f.Err != nil: // of whom it speaks is not known
			l.Lost()
		case f.Event != nil:
			w = t.Word(*f.Event)
		}
		next := progress{Tenant: at.Tenant, Offset: f.Offset, At: time.Now().UTC()}
		if f.Offset == "" {
			next.Offset = at.Offset
		}
		if w.Progress, err = json.Marshal(next); err != nil {
			return err
		}
		if err := l.Hear(ctx, w); err != nil {
			return err // the stream goes on behind what was kept
		}
		*at = next
	}
}

// heard is the progress of a tenant that calls us: when it last did.
func (t *Tenant) heard() ([]byte, error) {
	return json.Marshal(progress{Tenant: t.Host, At: time.Now().UTC()})
}

// longestOutage is how far back failed deliveries are looked for, where nothing is
// known of the last one that came. Somebody who has left is found by the read of
// everybody at the start in any case.
const longestOutage = 24 * time.Hour

// LastHeard is when the last event came, as kept says, or as far back as is looked.
func (t *Tenant) LastHeard(kept []byte) time.Time {
	since := time.Now().Add(-longestOutage)
	var at progress
	if len(kept) > 0 && json.Unmarshal(kept, &at) == nil && at.Tenant == t.Host && at.At.After(since) {
		since = at.At
	}
	return since
}

// Redeliver asks for the events of a stream to be delivered again that could not be
// since, and returns how many they are.
func (t *Tenant) Redeliver(ctx context.Context, stream string, since time.Time) (int, error) {
	since = since.Add(-clocksDiffer)
	var failed []string
	for d, err := range t.Client.FailedDeliveries(ctx, stream, since) {
		if err != nil {
			return 0, err
		}
		failed = append(failed, d.EventID)
	}
	slices.Sort(failed)
	failed = slices.Compact(failed)
	if len(failed) == 0 {
		return 0, nil
	}
	return len(failed), t.Client.Redeliver(ctx, stream, failed)
}

// EventTypes are the events that have something to tell.
func (t *Tenant) EventTypes() []string {
	types := []string{auth0.UserCreated, auth0.UserUpdated, auth0.UserDeleted}
	if slices.Contains(t.Teams, Organizations) {
		types = append(types, "organization.created", "organization.updated", "organization.deleted", "organization.member.added", "organization.member.deleted")
	}
	if slices.Contains(t.Teams, Groups) {
		types = append(types, "group.created", "group.updated", "group.deleted", "group.member.added", "group.member.deleted")
	}
	return types
}

// Word is what an event tells the directory.
func (t *Tenant) Word(e auth0.Event) source.Word {
	idle := source.Word{ID: e.ID, Idle: true}
	if e.Purpose == "test" {
		return idle
	}
	kind, _, _ := strings.Cut(e.Type, ".")
	switch {
	case kind == "organization" && slices.Contains(t.Teams, Organizations), kind == "group" && slices.Contains(t.Teams, Groups):
		return source.Word{ID: e.ID}
	case kind != "user":
		return idle
	}
	u, err := auth0.ParseUser(e.Object)
	if err != nil { // whom it speaks of is read all the same
		u.ID = subject(e.Object)
	}
	switch {
	case u.ID == "": // found when everybody is read
		return idle
	case e.Type == auth0.UserDeleted || err != nil:
		return source.Word{ID: e.ID, Key: u.ID}
	case !t.ours(u):
		return idle
	}
	w := source.Word{ID: e.ID, Key: u.ID}
	if values, err := t.values(u); err == nil {
		row := source.NewRow(0, u.ID, values...)
		w.Row = &row
	}
	return w
}

// subject is the id of a user of whom nothing else can be read.
func subject(object []byte) string {
	var u struct {
		ID string `json:"user_id"`
	}
	if json.Unmarshal(object, &u) != nil {
		return ""
	}
	return u.ID
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
