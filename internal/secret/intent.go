// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"context"
	"errors"
	"fmt"
)

// ErrIntended says that a rotation of the secret was begun and is not over.
var ErrIntended = errors.New("a rotation of it is not over yet")

// find returns the version of a name that is in a state, if there is one.
func find(all []Sealed, name string, state State) (Sealed, bool) {
	for _, s := range all {
		if s.Name == name && s.State == state {
			return s, true
		}
	}
	return Sealed{}, false
}

// Intention is the version of a name that is Intended, if there is one.
func Intention(all []Sealed, name string) (Sealed, bool) { return find(all, name, Intended) }

// Retirement is the version of a name that is Retiring, if there is one.
func Retirement(all []Sealed, name string) (Sealed, bool) { return find(all, name, Retiring) }

// Before is the version before the newest one, if there is one.
func Before(all []Sealed, name string) (Sealed, bool) {
	newest, ok := Newest(all, name)
	for _, s := range all {
		if ok && s.Name == name && s.State != Intended && s.Version < newest.Version {
			return s, true
		}
	}
	return Sealed{}, false
}

// Intend keeps a value that is to be brought to where it goes, before anything of it goes
// there: whatever happens then, what may be taken there is here. There must be a version
// that is held and that the ring opens, and no other intention.
func Intend(ctx context.Context, store Store, r *Ring, s Sealed, actor, why string) (Sealed, error) {
	s.State = Intended
	if err := errors.Join(s.check(), r.opens(s)); err != nil {
		return s, err
	}
	return s, store.Update(ctx, func(tx Tx) error {
		had, err := tx.Secrets(ctx, s.Name)
		if err != nil {
			return err
		}
		newest, held := Newest(had, s.Name)
		_, intended := Intention(had, s.Name)
		switch {
		case intended:
			return fmt.Errorf("secret:%s: %w", s.Name, ErrIntended)
		case !held || s.Version != Top(had, s.Name)+1:
			return fmt.Errorf("secret:%s: %w", s.Name, ErrMoved)
		}
		if err := r.opens(newest); err != nil { // all was sealed anew meanwhile, and the key of r may go
			return err
		}
		s.Created, s.Who = tx.Now(), actor
		if err := tx.PutSecret(ctx, s); err != nil {
			return err
		}
		return tx.TellSecrets(ctx, []Told{{"secret.intended", actor, s, why}})
	})
}

// Resend notes that an intention is sent again, from when on it counts as made. One that
// somebody has set another value after is not: that goes before.
func Resend(ctx context.Context, store Store, intent Sealed) (Sealed, error) {
	err := store.Update(ctx, func(tx Tx) error {
		had, err := tx.Secrets(ctx, intent.Name)
		if err != nil {
			return err
		}
		kept, ok := Intention(had, intent.Name)
		if newest, _ := Newest(had, intent.Name); !ok || kept.Version != intent.Version || newest.Version > kept.Version {
			return fmt.Errorf("secret:%s: %w", intent.Name, ErrMoved)
		}
		intent = kept
		intent.Created = tx.Now()
		return tx.PutSecret(ctx, intent)
	})
	return intent, err
}

// Promote makes an intention the newest version: it is taken where it goes. The one that
// was the newest stays behind it, Retiring if it is to be taken back there. One that was
// set by hand after the intention goes before it, and it is ErrMoved; but for over, which
// is known not to be taken there (0: there is none). Then what is to be taken back is the
// one before over, if that is kept.
func Promote(ctx context.Context, store Store, r *Ring, intent Sealed, over int, retire bool, actor, why string) (promoted Sealed, err error) {
	err = store.Update(ctx, func(tx Tx) error {
		had, err := tx.Secrets(ctx, intent.Name)
		if err != nil {
			return err
		}
		old, held := Newest(had, intent.Name)
		kept, ok := Intention(had, intent.Name)
		byHand := old.Version > kept.Version
		if !ok || !held || kept.Version != intent.Version || kept.Origin != old.Origin || byHand && old.Version != over {
			return fmt.Errorf("secret:%s: %w", intent.Name, ErrMoved)
		}
		promoted = kept // as it is sealed now, which may be by another key
		if byHand {     // the newest has the highest number
			promoted.Version = Top(had, intent.Name) + 1
			if promoted, err = r.rebind(kept, promoted); err != nil {
				return err
			}
			if err := tx.DeleteSecret(ctx, intent.Name, intent.Version); err != nil {
				return err
			}
		}
		promoted.State, promoted.Created, promoted.Who = Held, tx.Now(), actor
		put := []Sealed{promoted}
		if retire {
			if before, ok := Before(had, intent.Name); ok && old.Version == over {
				old = before
			}
			retiring := old
			retiring.State = Retiring
			put = append(put, retiring)
		}
		for _, s := range put {
			if err := tx.PutSecret(ctx, s); err != nil {
				return err
			}
		}
		if err := tx.DropSecrets(ctx, intent.Name, old.Version); err != nil {
			return err
		}
		return tx.TellSecrets(ctx, []Told{{"secret.rotated", actor, promoted, why}})
	})
	return promoted, err
}

// rebind seals what one row holds as another.
func (r *Ring) rebind(from, to Sealed) (Sealed, error) {
	value, err := r.Open(from)
	if err != nil {
		return Sealed{}, err
	}
	defer clear(value)
	return r.Seal(to, value)
}

// Abandon forgets an intention that is not taken where it goes, and never will be.
func Abandon(ctx context.Context, store Store, intent Sealed, actor, why string) error {
	return store.Update(ctx, func(tx Tx) error {
		had, err := tx.Secrets(ctx, intent.Name)
		if err != nil {
			return err
		}
		if s, ok := Intention(had, intent.Name); !ok || s.Version != intent.Version {
			return fmt.Errorf("secret:%s: %w", intent.Name, ErrMoved)
		}
		if err := tx.DeleteSecret(ctx, intent.Name, intent.Version); err != nil {
			return err
		}
		return tx.TellSecrets(ctx, []Told{{"secret.dropped", actor, intent, why}})
	})
}

// Retire notes that a version which was Retiring is not taken any more where it went.
func Retire(ctx context.Context, store Store, old Sealed, actor, why string) error {
	return settle(ctx, store, old, false, Told{"secret.retired", actor, old, why})
}

// Leave notes that a version which was Retiring is not taken back, and why: whether it is
// taken where it went is not known. forget is for one that can be used no more.
func Leave(ctx context.Context, store Store, old Sealed, forget bool, actor, why string) error {
	return settle(ctx, store, old, forget, Told{"secret.left", actor, old, why})
}

// settle has a version be Retiring no more, and tells of it.
func settle(ctx context.Context, store Store, old Sealed, forget bool, told Told) error {
	return store.Update(ctx, func(tx Tx) error {
		had, err := tx.Secrets(ctx, old.Name)
		if err != nil {
			return err
		}
		s, ok := Retirement(had, old.Name)
		if !ok || s.Version != old.Version {
			return nil // somebody else has done it
		}
		s.State = Held
		if err := tx.PutSecret(ctx, s); err != nil {
			return err
		}
		// It is the one before the newest, or older than that.
		if before, ok := Before(had, old.Name); forget || ok && before.Version > s.Version {
			if err := tx.DeleteSecret(ctx, s.Name, s.Version); err != nil {
				return err
			}
		}
		told.Sealed = s
		return tx.TellSecrets(ctx, []Told{told})
	})
}
