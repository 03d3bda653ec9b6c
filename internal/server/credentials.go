// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/queue"
)

// jobCredentials looks after sealed credentials: what is due is rotated, what was cut short
// is gone on with, what is old is told.
const jobCredentials = "credentials"

const (
	credentialsEvery = 5 * time.Minute
	// rotateAgain is how long a rotation waits that was due and failed.
	rotateAgain = time.Hour
	// resumeWithin bounds how long an apply waits for rotations that were cut short, and
	// beginWithin how long a daemon does, which goes on with them beside its engine.
	resumeWithin = 30 * time.Second
	beginWithin  = 5 * time.Second
	// untold is how long somebody waits without a word.
	untold = 2 * time.Second
)

// keeper is what a daemon knows of the credentials that it looks after.
type keeper struct {
	turn   sync.Mutex           // held by the job: one that is tried again may meet the next
	failed map[string]time.Time // when a rotation that was due did not come about
	said   map[string]string    // by secret: what was told of its age
	warned map[string]string    // by credential: the day on which it was last told that it runs out
	last   string               // what was told by resumed
}

func newKeeper() *keeper {
	return &keeper{failed: map[string]time.Time{}, said: map[string]string{}, warned: map[string]string{}}
}

// credentials works a job of the kind credentials.
func (d *daemon) credentials(ctx context.Context) error {
	d.keeper.turn.Lock()
	defer d.keeper.turn.Unlock()
	notes := d.takeUpNewest(ctx)
	d.resumed(append(notes, d.ResumeRotations(ctx, true, d.o.Actor, nil)...))
	all, err := d.secretStatus(ctx, d.db, time.Now())
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Rotates != nil && !s.Rotates.After(time.Now()) && s.Rotation == "" && time.Since(d.keeper.failed[s.Secret]) >= rotateAgain {
			d.rotateDue(ctx, s)
		}
	}
	return d.tellAges(ctx)
}

// takeUpNewest takes up what could not be when it became the newest, and says of what
// still cannot be.
func (d *daemon) takeUpNewest(ctx context.Context) (notes []string) {
	for _, e := range d.entries {
		name := e.tenant.Sealed()
		if name == "" {
			continue
		}
		switch taken, err := d.takeUp(ctx, name); {
		case err != nil:
			if n := fmt.Sprintf("secret:%s: what was open goes on, as the newest version is not taken up: %v", name, err); !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
		case taken:
			d.log.Info("credential is taken up", "secret", name)
		}
	}
	return notes
}

// resumed tells of credentials that are not what they should be, and of rotations that
// were cut short, once for each thing there is to say.
func (d *daemon) resumed(notes []string) {
	said := fmt.Sprint(notes)
	if said != d.keeper.last {
		for _, n := range notes {
			d.log.Warn("credential", "what", n)
		}
	}
	d.keeper.last = said
}

func (d *daemon) rotateDue(ctx context.Context, s SecretStatus) {
	log := d.log.With("secret", s.Secret)
	log.Info("credential is due to be rotated", "version", s.Version, "days", int(s.AgeSeconds/86_400))
	r, err := d.RotateSecret(ctx, s.Secret, DefaultOverlap, d.o.Actor, nil)
	for _, n := range r.Notes {
		log.Warn("credential", "what", n)
	}
	switch {
	case ctx.Err() != nil: // the next start goes on
	case errors.Is(err, errTurning): // and the next look finds it still due, or done
	case err != nil:
		d.keeper.failed[s.Secret] = time.Now()
		log.Error("credential could not be rotated; it is tried again", "err", err, "in", rotateAgain)
	default:
		log.Info("credential is rotated", "version", r.Version)
	}
	d.wakeBooks()
}

// tellAges warns of secrets that are old, once for each version, and of credentials that
// run out, once a day.
func (d *daemon) tellAges(ctx context.Context) error {
	all, err := d.secretStatus(ctx, d.db, time.Now())
	for _, s := range all {
		if now := fmt.Sprint(s.Version); s.Old && d.keeper.said[s.Secret] != now {
			d.keeper.said[s.Secret] = now
			d.log.Warn("secret is old: set a new one", "secret", s.Secret, "version", s.Version, "days", int(s.AgeSeconds/86_400), "old_after", d.Config.Secrets.OldAfter.String())
		}
	}
	if err != nil {
		return err
	}
	kept, err := d.db.Secrets().Secrets(ctx)
	if err == nil {
		d.tellExpiries(kept, time.Now())
	}
	return err
}

// beginCredentials does before anything is sent what a start has to: a credential that
// was on its way when an earlier process ended is the one to use, if the tenant takes it. A
// tenant that answers does so in less than the time that this takes at most. For one that
// does not nobody waits who leaves other apps: the engine begins with the credential that
// there is, may be refused there, and goes on as soon as the job has found out.
func (d *daemon) beginCredentials(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, beginWithin)
	defer cancel()
	d.resumed(d.ResumeRotations(within, false, d.o.Actor, nil))
	return d.tellAges(ctx)
}

// askCredentials has the credentials looked after now, and not only when their time comes.
func (d *daemon) askCredentials(ctx context.Context) {
	if _, err := d.queue.Enqueue(ctx, queue.Job{Kind: jobCredentials}); err != nil && ctx.Err() == nil {
		d.log.Warn("credentials could not be asked for", "err", err)
	}
}
