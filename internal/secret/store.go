// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Store keeps sealed values.
type Store interface {
	// Secrets returns all of them, by name, the newest version first. A store of a
	// version that had none has none.
	Secrets(ctx context.Context) ([]Sealed, error)
	// Update runs fn in a transaction: all that it does is kept, or nothing.
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is a transaction of a Store.
type Tx interface {
	Now() time.Time
	// Secrets returns all values of a name, the newest version first; of every name, in
	// their order, if it is "".
	Secrets(ctx context.Context, name string) ([]Sealed, error)
	// PutSecret keeps a value, in place of the same version of its name if there is one.
	PutSecret(ctx context.Context, s Sealed) error
	// DropSecrets forgets the versions of a name below a number that are Held.
	DropSecrets(ctx context.Context, name string, below int) error
	// DeleteSecret forgets one version, whatever its state.
	DeleteSecret(ctx context.Context, name string, version int) error
	// TellSecrets writes into the ledger what became of values, as events of the
	// transaction's instant.
	TellSecrets(ctx context.Context, all []Told) error
}

// Told is what the ledger is told of a value.
type Told struct {
	Kind   string // secret.set, .intended, .rotated, .retired, .left, .dropped or .rewrapped
	Actor  string
	Sealed Sealed // of which the ciphertext is not told
	Why    string // what else there is to say; may be empty
}

// ErrMoved says that somebody else has set the same secret meanwhile.
var ErrMoved = errors.New("somebody else has set it meanwhile; see usher secret list, and try again")

// Newest returns the newest value of a name, out of what a store has: one that is
// Intended is none yet.
func Newest(all []Sealed, name string) (Sealed, bool) {
	for _, s := range all {
		if s.Name == name && s.State != Intended {
			return s, true
		}
	}
	return Sealed{}, false
}

// Top is the highest version of a name in any state, 0 if there is none: the next one
// comes after it.
func Top(all []Sealed, name string) (top int) {
	for _, s := range all {
		if s.Name == name {
			top = max(top, s.Version)
		}
	}
	return top
}

// Put keeps a sealed value as the version after the newest, if that is what it is, and
// tells the ledger. Of those before it, rotate leaves the newest, else none stays but what
// is on its way and opens. What the ring does not open is not kept: it would be missed when
// it is needed.
func Put(ctx context.Context, store Store, r *Ring, s Sealed, rotate bool, actor string) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.State != Held {
		return fmt.Errorf("%s is not to be set, as it is %s", s, s.State)
	}
	if err := r.opens(s); err != nil {
		return err
	}
	return store.Update(ctx, func(tx Tx) error {
		had, err := tx.Secrets(ctx, s.Name)
		if err != nil {
			return err
		}
		kind, below := "secret.set", s.Version
		newest, any := Newest(had, s.Name)
		if s.Version != Top(had, s.Name)+1 || rotate && !any {
			return fmt.Errorf("secret:%s: %w", s.Name, ErrMoved)
		}
		if rotate {
			kind, below = "secret.rotated", newest.Version
		}
		s.Created, s.Who = tx.Now(), actor
		if err := tx.PutSecret(ctx, s); err != nil {
			return err
		}
		if err := tx.DropSecrets(ctx, s.Name, below); err != nil {
			return err
		}
		told := []Told{{Kind: kind, Actor: actor, Sealed: s}}
		if !rotate {
			dropped, err := dropLost(ctx, tx, r, had, actor)
			if err != nil {
				return err
			}
			told = append(told, dropped...)
		}
		return tx.TellSecrets(ctx, told)
	})
}

// dropLost forgets the versions that are on their way and that the ring does not open, as
// nobody can take them any further, and returns what there is to tell.
func dropLost(ctx context.Context, tx Tx, r *Ring, had []Sealed, actor string) (told []Told, err error) {
	for _, s := range had {
		why := r.opens(s)
		if s.State == Held || why == nil {
			continue
		}
		if err := tx.DeleteSecret(ctx, s.Name, s.Version); err != nil {
			return nil, err
		}
		told = append(told, Told{"secret.dropped", actor, s, why.Error() + ", and another one is set; what of it was sent may be taken there"})
	}
	return told, nil
}

// Rewrap seals every value anew by the first key of the ring, all of them or none, and
// returns how many were sealed by another. A value that does not open is an error.
func Rewrap(ctx context.Context, store Store, r *Ring, actor string) (n int, err error) {
	err = store.Update(ctx, func(tx Tx) error {
		n = 0 // a store may run this again
		all, err := tx.Secrets(ctx, "")
		if err != nil {
			return err
		}
		var told []Told
		for _, s := range all {
			anew, err := r.reseal(s)
			if err != nil {
				return notAnew(err, s.Name)
			}
			if s.Key == r.First() { // it opens, which is all that was to be known
				continue
			}
			if err := tx.PutSecret(ctx, anew); err != nil {
				return err
			}
			told = append(told, Told{Kind: "secret.rewrapped", Actor: actor, Sealed: anew})
			n++
		}
		if n == 0 {
			return nil
		}
		return tx.TellSecrets(ctx, told)
	})
	return n, err
}

// notAnew says what there is to do about a value that does not open.
func notAnew(err error, name string) error {
	hint := "usher secret set " + name
	if _, ok := errors.AsType[*MissingKeyError](err); ok {
		hint = "add that key to the ring, or: " + hint
	}
	return fmt.Errorf("nothing is sealed anew: %w (%s)", err, hint)
}

// opens says why a value does not open.
func (r *Ring) opens(s Sealed) error {
	value, err := r.Open(s)
	clear(value)
	return err
}

// reseal seals a value by the first key, bound to what it was bound to.
func (r *Ring) reseal(s Sealed) (Sealed, error) {
	value, err := r.Open(s)
	if err != nil {
		return Sealed{}, err
	}
	defer clear(value)
	return r.Seal(s, value)
}
