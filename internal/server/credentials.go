// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
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
	// resumeWithin bounds how long a start waits for a rotation that was cut short.
	resumeWithin = 30 * time.Second
)

// keeper is what a daemon knows of the credentials that it looks after.
type keeper struct {
	turn   sync.Mutex           // held by the job: one that is tried again may meet the next
	failed map[string]time.Time // when a rotation that was due did not come about
	said   map[string]string    // by secret: what was told of its age
	last   string               // what was told of rotations that were cut short
}

func newKeeper() *keeper { return &keeper{failed: map[string]time.Time{}, said: map[string]string{}} }

// credentials works a job of the kind credentials.
func (d *daemon) credentials(ctx context.Context) error {
	d.keeper.turn.Lock()
	defer d.keeper.turn.Unlock()
	d.resumed(d.ResumeRotations(ctx, true, d.o.Actor))
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

// resumed tells of rotations that were cut short, once for each thing there is to say.
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

// tellAges warns of secrets that are old, once for each version.
func (d *daemon) tellAges(ctx context.Context) error {
	all, err := d.secretStatus(ctx, d.db, time.Now())
	for _, s := range all {
		if now := fmt.Sprint(s.Version); s.Old && d.keeper.said[s.Secret] != now {
			d.keeper.said[s.Secret] = now
			d.log.Warn("secret is old: set a new one", "secret", s.Secret, "version", s.Version, "days", int(s.AgeSeconds/86_400), "old_after", d.Config.Secrets.OldAfter.String())
		}
	}
	return err
}

// beginCredentials does before anything is sent what a start has to: a credential that
// was on its way when an earlier process ended is the one to use, if the tenant takes it.
func (d *daemon) beginCredentials(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, resumeWithin)
	defer cancel()
	d.resumed(d.ResumeRotations(within, false, d.o.Actor))
	return d.tellAges(ctx)
}

// askCredentials has the credentials looked after now, and not only when their time comes.
func (d *daemon) askCredentials(ctx context.Context) {
	if _, err := d.queue.Enqueue(ctx, queue.Job{Kind: jobCredentials}); err != nil && ctx.Err() == nil {
		d.log.Warn("credentials could not be asked for", "err", err)
	}
}
