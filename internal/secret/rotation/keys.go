// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/secret"
)

// refusal is something that we do not ask the tenant for, as it would not end well.
type refusal struct{ why string }

func (e *refusal) Error() string { return e.why }

// known finds a public key by its thumbprint: the kid that we give it, and, should a
// tenant give it another one, the name.
func known(keys []auth0.PublicKey, thumb string) (auth0.PublicKey, bool) {
	i := slices.IndexFunc(keys, func(k auth0.PublicKey) bool {
		return thumb != "" && (k.Kid == thumb || k.Name == auth0.PublicKeyName(thumb))
	})
	if i < 0 {
		return auth0.PublicKey{}, false
	}
	return keys[i], true
}

// spare is the public key that has to go so that there is room for one more; none if
// there is room. Only one of ours goes, and never that which we are let in by.
func (r *run) spare(keys []auth0.PublicKey, rows []secret.Sealed, in entered) (*auth0.PublicKey, error) {
	if len(keys) < auth0.MostPublicKeys {
		return nil, nil
	}
	mine := map[string]bool{}
	for _, s := range rows {
		value, err := r.Ring.Open(s)
		if keyLost(err) { // and so it cannot be told which one is its
			continue
		}
		if err != nil {
			return nil, err
		}
		if k, ok := known(keys, r.thumbprint(value)); ok {
			mine[k.ID] = true
		}
		clear(value)
	}
	by, _ := known(keys, in.thumb)
	var foreign []string
	for _, k := range keys {
		switch {
		case !mine[k.ID]:
			foreign = append(foreign, strings.TrimSpace(k.ID+" "+k.Name))
		case k.ID != by.ID:
			return &k, nil
		}
	}
	return nil, &refusal{fmt.Sprintf("the application has %d public keys, which is all that it can have, and %s not ours: remove what is not needed there; nothing has changed", len(keys), are(foreign))}
}

// are names some things: "x is", "x and y are".
func are(names []string) string {
	verb := " are"
	if len(names) == 1 {
		verb = " is"
	}
	return strings.Join(names, " and ") + verb
}

// sendKey registers the public half of an intention, unless it is registered already, and
// has the tenant take both it and the old one.
func (r *run) sendKey(ctx context.Context, in entered, intent secret.Sealed, value []byte) error {
	keys, err := in.client.PublicKeys(ctx)
	if err != nil {
		return err
	}
	mine, ok := known(keys, r.thumbprint(value))
	if !ok {
		if keys, err = r.room(ctx, in, intent, keys); err != nil {
			return err
		}
		if mine, err = in.client.AddPublicKey(ctx, value); err != nil {
			return err
		}
		keys = append(keys, mine)
	}
	used, err := in.client.PublicKeysInUse(ctx)
	if err != nil || slices.Contains(used, mine.ID) {
		return err
	}
	want := append(used, mine.ID)
	if by, ok := known(keys, in.thumb); ok && !slices.Contains(want, by.ID) {
		want = append(want, by.ID)
	}
	return in.client.UsePublicKeys(ctx, want)
}

// room makes room for one more public key, by one of ours that is left over.
func (r *run) room(ctx context.Context, in entered, intent secret.Sealed, keys []auth0.PublicKey) ([]auth0.PublicKey, error) {
	rows, err := r.rows(ctx)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(s secret.Sealed) bool { return s.Version == intent.Version })
	spare, err := r.spare(keys, rows, in)
	if spare == nil || err != nil {
		return keys, err
	}
	if err := r.takeBack(ctx, in, keys, *spare); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k auth0.PublicKey) bool { return k.ID == spare.ID }), nil
}

// takeBack has the tenant not take a public key any more, and forget it. It takes that
// which we are let in by, all the while.
func (r *run) takeBack(ctx context.Context, in entered, keys []auth0.PublicKey, gone auth0.PublicKey) error {
	used, err := in.client.PublicKeysInUse(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(used, gone.ID) {
		rest := slices.DeleteFunc(slices.Clone(used), func(id string) bool { return id == gone.ID })
		by, ok := known(keys, in.thumb)
		if !ok || by.ID == gone.ID || !slices.Contains(rest, by.ID) {
			return &refusal{fmt.Sprintf("the public key %s stays, as the tenant does not show which other one we are known by; remove it there", gone.ID)}
		}
		if err := in.client.UsePublicKeys(ctx, rest); err != nil {
			return err
		}
	}
	return in.client.DeletePublicKey(ctx, gone.ID)
}

// undo removes the public half of an intention from the tenant.
func (r *run) undo(ctx context.Context, in entered, intent secret.Sealed) error {
	value, err := r.Ring.Open(intent)
	if err != nil {
		return err
	}
	defer clear(value)
	keys, err := in.client.PublicKeys(ctx)
	if err != nil {
		return err
	}
	mine, ok := known(keys, r.thumbprint(value))
	if !ok || r.thumbprint(value) == in.thumb {
		return nil
	}
	return r.takeBack(ctx, in, keys, mine)
}

// retire takes the old key back, once the new one has had time to spread: by then nobody
// needs it, and it is one less that could be stolen.
func (r *run) retire(ctx context.Context) error {
	if r.unused { // the old one is what we are known by
		return nil
	}
	rows, err := r.rows(ctx)
	if err != nil {
		return err
	}
	old, ok := secret.Retirement(rows, r.Name)
	newest, held := secret.Newest(rows, r.Name)
	if !ok || !held {
		return nil
	}
	due := newest.Created.Add(r.Overlap)
	if wait := min(time.Until(due), r.Overlap); wait > 0 {
		if !r.Wait {
			r.out.Later = due
			return nil
		}
		r.say("the old key goes in %v, when the new one has had time to spread", wait.Round(time.Second))
		if err := sleep(ctx, wait); err != nil {
			return fmt.Errorf("the new key is the newest, and the old one is taken back by the next start: %w", err)
		}
	}
	thumb, stays, err := r.retireOld(ctx, newest, old)
	switch {
	case err != nil:
		return fmt.Errorf("the old key is not taken back yet: %w", err)
	case stays != "": // and would each time
		r.note("%s", stays)
		return secret.Leave(ctx, r.Store, old, r.lost(old) != "", r.Actor, stays)
	}
	if err := secret.Retire(ctx, r.Store, old, r.Actor, "key "+thumb); err != nil {
		return err
	}
	r.out.Retired = true
	r.say("the tenant does not take the old key any more")
	return nil
}

// retireOld takes a key back at the tenant, let in by the newest. stays is why it is not
// known to be gone there, for people; "" if it is gone.
func (r *run) retireOld(ctx context.Context, newest, old secret.Sealed) (thumb, stays string, err error) {
	in, taken, err := r.try(ctx, newest)
	switch {
	case err != nil:
		return "", "", err
	case !taken:
		return "", "", errors.New("the tenant does not take the newest")
	}
	if why := r.lost(old); why != "" {
		return "", fmt.Sprintf("version %d is not taken back: %s%s", old.Version, why, r.lookThere(old)), nil
	}
	value, err := r.Ring.Open(old)
	if err != nil {
		return "", "", err
	}
	thumb = r.thumbprint(value)
	clear(value)
	if in.thumb == thumb {
		return thumb, "the old key was set again by hand, and stays", nil
	}
	keys, err := in.client.PublicKeys(ctx)
	if err != nil {
		return thumb, "", err
	}
	if gone, ok := known(keys, thumb); ok {
		err := r.takeBack(ctx, in, keys, gone)
		if no := (*refusal)(nil); errors.As(err, &no) {
			return thumb, no.why, nil
		}
		return thumb, "", err
	}
	if others := len(keys) - 1; others > 0 {
		return thumb, "the application has another public key, which is not ours by its thumbprint: remove it there if nobody needs it", nil
	}
	return thumb, "", nil
}
