// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/secret"
)

// goOn takes an intention that an earlier call has left to its end.
func (r *run) goOn(ctx context.Context, rows []secret.Sealed, intent secret.Sealed) error {
	newest, _ := secret.Newest(rows, r.Name)
	switch why := r.lost(intent); {
	case why != "":
		return r.giveUp(ctx, rows, intent, why)
	case newest.Version > intent.Version:
		return r.afterHand(ctx, rows, newest, intent)
	}
	if done, err := r.finished(ctx, intent, 0); done || err != nil {
		return err
	}
	in, err := r.enter(ctx, rows)
	if err != nil {
		return err
	}
	value, err := r.Ring.Open(intent)
	if err != nil {
		return err
	}
	defer clear(value)
	if intent, err = secret.Resend(ctx, r.Store, intent); err != nil {
		return err
	}
	return r.bring(ctx, in, intent, value, false)
}

// afterHand takes an intention to its end when another version was set by hand after it,
// which goes before if the tenant takes it. The version before that counts for less than
// the intention: the tenant may take either while a change spreads.
func (r *run) afterHand(ctx context.Context, rows []secret.Sealed, newest, intent secret.Sealed) error {
	in, taken, err := r.patiently(ctx, newest)
	if err != nil {
		return err
	}
	why := "another one was set meanwhile, and is taken"
	if !taken {
		if done, err := r.finished(ctx, intent, newest.Version); done || err != nil {
			return err
		}
		if in, err = r.enter(ctx, rows); err != nil {
			return err
		}
		if in.by.Version != newest.Version {
			why = fmt.Sprintf("the tenant does not take it, but version %d", in.by.Version)
		}
	}
	if r.mayComeAbout(intent) {
		return nil
	}
	return r.abandon(ctx, in, intent, why)
}

// patiently tries a version that was set by hand until it is taken, or has had time to
// spread: until then the one that it was set in place of may be taken, and it not yet.
func (r *run) patiently(ctx context.Context, s secret.Sealed) (in entered, taken bool, err error) {
	until := time.Now().Add(min(time.Until(s.Created.Add(spreads)), spreads))
	for n := 0; ; n++ {
		if in, taken, err = r.try(ctx, s); taken || err != nil || !time.Now().Before(until) {
			return in, taken, err
		}
		if n == 0 {
			r.say("the tenant does not take version %d, which was set by hand, and gets %v for it", s.Version, time.Until(until).Round(time.Second))
		}
		if err := pause(ctx, n); err != nil {
			return in, false, fmt.Errorf("whether the tenant takes version %d, which was set by hand, is not known yet, and the next start finds out: %w", s.Version, err)
		}
	}
}

// mayComeAbout reports whether a secret may be on its way to the tenant yet, and says so. A
// key can be removed there again.
func (r *run) mayComeAbout(intent secret.Sealed) bool {
	if r.Key || time.Since(intent.Created) >= settled {
		return false
	}
	r.note("version %d is kept until it cannot come about any more, which is %v after it was sent", intent.Version, settled)
	return true
}

// finished promotes an intention if the tenant takes it; over is as in promote.
func (r *run) finished(ctx context.Context, intent secret.Sealed, over int) (done bool, err error) {
	in, taken, err := r.try(ctx, intent)
	if err != nil || !taken {
		return false, err
	}
	return true, r.promote(ctx, intent, over, in.thumb)
}

// lost says why a version can be used no more, whatever the tenant takes; "" if it can.
func (r *run) lost(s secret.Sealed) string {
	if s.Origin != r.origin {
		return "it is sealed for " + s.Origin + ", and the newest for " + r.origin
	}
	value, err := r.Ring.Open(s)
	clear(value)
	if keyLost(err) {
		return fmt.Sprintf("it is sealed by key %s, which is not in the key ring", s.Key)
	}
	return ""
}

// keyLost tells a value whose key is gone from one that does not open for another reason,
// which somebody should look at.
func keyLost(err error) bool {
	_, ok := errors.AsType[*secret.MissingKeyError](err)
	return ok
}

// giveUp drops an intention that is lost, once the tenant takes another version: until
// then it is the trace of what the tenant may have.
func (r *run) giveUp(ctx context.Context, rows []secret.Sealed, intent secret.Sealed, why string) error {
	if _, err := r.enter(ctx, rows); err != nil {
		return fmt.Errorf("version %d was on its way and cannot be tried, as %s: %w", intent.Version, why, err)
	}
	if intent.Origin == r.origin && r.mayComeAbout(intent) {
		return nil
	}
	if err := secret.Abandon(ctx, r.Store, intent, r.Actor, why); err != nil {
		return err
	}
	r.out.Dropped = true
	r.note("version %d is dropped: %s%s", intent.Version, why, r.lookThere(intent))
	return nil
}

// lookThere is what a person has to do about a key that cannot be taken back from here.
func (r *run) lookThere(s secret.Sealed) string {
	if !r.Key {
		return ""
	}
	return fmt.Sprintf("; if the application at %s has a public key that nobody needs, remove it there", s.Origin)
}
