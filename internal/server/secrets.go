// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/store"
)

// kindSecret asks for a sealed value to be kept, or for all to be sealed anew.
const kindSecret = "secret"

// secretArgs are what a request carries: a value that is sealed already, the key that all
// are to be sealed by, or the name of what is to be rotated at its tenant.
type secretArgs struct {
	Put     *secret.Sealed `json:"put,omitempty"`
	Rotate  bool           `json:"rotate,omitempty"`
	Rewrap  string         `json:"rewrap,omitempty"` // id of the ring's first key
	Turn    string         `json:"turn,omitempty"`
	Overlap int64          `json:"overlap_ms,omitempty"`
}

// Secret is a version of a secret as commands tell of it, or a secret that is used and
// not set.
type Secret struct {
	Name    string     `json:"name"`
	Version int        `json:"version,omitempty"` // 0: not set
	Newest  bool       `json:"newest"`
	Origin  string     `json:"origin,omitempty"`
	Key     string     `json:"key,omitempty"`
	Created *time.Time `json:"created,omitempty"`
	Who     string     `json:"who,omitempty"`
	Uses    []string   `json:"uses"`
	Opens   bool       `json:"opens"`
	Why     string     `json:"why,omitempty"` // it does not
	Old     bool       `json:"old,omitempty"` // the newest, and older than secrets.old_after
	// State is empty, intended (made, and perhaps not at its tenant yet) or retiring (the
	// one before, which its tenant still takes).
	State string `json:"state,omitempty"`
}

// usesOfSecret are the places that take a secret.
func (b *Built) usesOfSecret(name string) (out []Use) {
	for _, u := range b.uses {
		if u.Name == name {
			out = append(out, u)
		}
	}
	return out
}

// SecretOrigin decides where a secret may go: to where the configuration uses it, or to
// what was asked for. Warning is not empty if these are not the same.
func (b *Built) SecretOrigin(name, asked string) (origin, warning string, err error) {
	if err := secret.CheckName(name); err != nil {
		return "", "", err
	}
	var origins []string
	for _, u := range b.usesOfSecret(name) {
		if !slices.Contains(origins, u.Origin) {
			origins = append(origins, u.Origin)
		}
	}
	if asked != "" {
		if origin = originOf(asked); origin == "" && asked == secret.Usher {
			origin = asked
		}
		switch {
		case origin == "":
			return "", "", fmt.Errorf("the origin is scheme, host and port, such as https://app.example, or %s for what is sent nowhere", secret.Usher)
		case len(origins) > 0 && !slices.Equal(origins, []string{origin}):
			warning = fmt.Sprintf("%s uses secret:%s at %s: nothing starts with it until that is %s", b.Config.File, name, strings.Join(origins, " and "), origin)
		}
		return origin, warning, nil
	}
	switch len(origins) {
	case 0:
		return "", "", fmt.Errorf("%s does not use secret:%s: write secret:%s where it is needed, or say with --origin where it may go", b.Config.File, name, name)
	case 1:
		return origins[0], "", nil
	}
	return "", "", fmt.Errorf("%s uses secret:%s at %s, and a secret goes to one place: give each its own", b.Config.File, name, strings.Join(origins, " and "))
}

// ReadAtStart tells whether a running daemon goes on with the old value of a secret
// until it is started anew.
func (b *Built) ReadAtStart(name string) bool {
	return slices.ContainsFunc(b.usesOfSecret(name), func(u Use) bool { return u.kind == useSign })
}

// SealSecret seals a value as the version after the newest. To rotate, there must be a
// version already, and its origin stays; else the origin is the given one.
func (u *Usher) SealSecret(ctx context.Context, name, origin string, value []byte, rotate bool) (secret.Sealed, error) {
	ring, err := u.Ring()
	if err != nil {
		return secret.Sealed{}, err
	}
	kept, err := u.db.Secrets().Secrets(ctx)
	if err != nil {
		return secret.Sealed{}, err
	}
	newest, ok := secret.Newest(kept, name)
	if rotate {
		if !ok {
			return secret.Sealed{}, fmt.Errorf("secret:%s is not set: usher secret set %s", name, name)
		}
		origin = newest.Origin
	}
	for _, use := range u.usesOfSecret(name) {
		if mistake := use.problem(kept); rotate && mistake != nil {
			return secret.Sealed{}, mistake
		}
		if err := use.check(value); err != nil {
			return secret.Sealed{}, fmt.Errorf("secret:%s: %w", name, err)
		}
	}
	return ring.Seal(secret.Sealed{Name: name, Version: secret.Top(kept, name) + 1, Origin: origin}, value)
}

// PutSecret keeps a sealed value, and tells the ledger.
func (u *Usher) PutSecret(ctx context.Context, s secret.Sealed, rotate bool, actor string) error {
	ring, err := u.Ring()
	if err != nil {
		return err
	}
	return errors.Join(secret.Put(ctx, u.db.Secrets(), ring, s, rotate, actor), u.sequence(ctx))
}

// RewrapSecrets seals every value anew by the first key of the ring. It is refused while a
// rotation is on its way.
func (u *Usher) RewrapSecrets(ctx context.Context, actor string) error {
	over, err := u.turn()
	if err != nil {
		return err
	}
	defer over()
	ring, err := u.Ring()
	if err != nil {
		return err
	}
	_, err = secret.Rewrap(ctx, u.db.Secrets(), ring, actor)
	return errors.Join(err, u.sequence(ctx))
}

// AskPutSecret has the daemon do what PutSecret does, and waits for it. No value in
// clear goes through the store. Notes are what the daemon could not do with it yet.
func (u *Usher) AskPutSecret(ctx context.Context, s secret.Sealed, rotate bool, actor string) (notes []string, err error) {
	return u.askSecret(ctx, secretArgs{Put: &s, Rotate: rotate}, actor)
}

// AskRewrap has the daemon do what RewrapSecrets does, by its own ring, which must begin
// with the same key.
func (u *Usher) AskRewrap(ctx context.Context, actor string) (notes []string, err error) {
	ring, err := u.Ring()
	if err != nil {
		return nil, err
	}
	return u.askSecret(ctx, secretArgs{Rewrap: ring.First()}, actor)
}

func (u *Usher) askSecret(ctx context.Context, a secretArgs, actor string) (notes []string, err error) {
	args, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	id, err := request.Leave(ctx, u.db.Requests(), request.Request{Kind: kindSecret, Args: args, Actor: actor})
	if err != nil {
		return nil, err
	}
	doc, _, err := u.Answer(ctx, id)
	if doc != nil {
		for _, p := range doc.Problems {
			notes = append(notes, p.What)
		}
	}
	return notes, err
}

// carrySecret keeps what another process has sealed, and takes it up.
func (d *daemon) carrySecret(ctx context.Context, r request.Request) (*Document, error) {
	var a secretArgs
	if err := json.Unmarshal(r.Args, &a, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("request %d: %w", r.ID, err)
	}
	if a.Turn != "" {
		return d.carryTurn(ctx, a, r.Actor)
	}
	ring, err := d.Ring()
	if err != nil {
		return nil, err
	}
	switch {
	case a.Put != nil:
		err = d.PutSecret(ctx, *a.Put, a.Rotate, r.Actor)
	case a.Rewrap != ring.First():
		err = fmt.Errorf("the running engine seals by key %s and not by %s: start it anew with the ring that begins with %s", ring.First(), a.Rewrap, a.Rewrap)
	default:
		err = d.RewrapSecrets(ctx, r.Actor)
	}
	var missing *secret.MissingKeyError
	if errors.As(err, &missing) && a.Put != nil {
		err = fmt.Errorf("the running engine's key ring has no key %s: start it anew with the ring that has it", missing.Key)
	}
	if err != nil {
		return nil, err
	}
	doc := newDocument()
	if err := d.Unseal(ctx); err != nil {
		d.log.Warn("secrets have changed and cannot be taken up; what was open goes on", "err", err)
		doc.Problems = append(doc.Problems, Problem{What: "the running engine goes on with what it had: " + err.Error()})
	}
	return doc, nil
}

// KeptSecrets are what the store has; none if there is no store yet.
func (b *Built) KeptSecrets(ctx context.Context) (kept []secret.Sealed, err error) {
	db, err := store.OpenRead(ctx, b.Config.Store.Value)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Secrets().Secrets(ctx)
}

// MissingSecrets says of each place that takes a sealed secret why it cannot have it,
// without opening any.
func (b *Built) MissingSecrets(ctx context.Context) (out []string, err error) {
	if len(b.uses) == 0 {
		return nil, nil
	}
	kept, err := b.KeptSecrets(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range b.uses {
		if mistake := u.problem(kept); mistake != nil {
			out = append(out, fmt.Sprintf("%s: %s", mistake.Msg, mistake.Hint))
		}
	}
	return slices.Compact(out), nil
}

// Secrets lists what is sealed, each with whether it opens where it is used, and what is
// used and not set. A ring that cannot be read is why nothing opens.
func (b *Built) Secrets(ctx context.Context) ([]Secret, error) {
	kept, err := b.KeptSecrets(ctx)
	if err != nil {
		return nil, err
	}
	ring, ringErr := b.Ring()
	out := []Secret{}
	named := map[string]bool{}
	for _, s := range kept {
		one := Secret{
			Name: s.Name, Version: s.Version, Newest: !named[s.Name] && s.State != secret.Intended, Origin: s.Origin, Key: s.Key, Created: &s.Created, Who: s.Who,
			Uses: b.places(s.Name), State: string(s.State),
		}
		one.Old = one.Newest && b.old(s.Created)
		named[s.Name] = named[s.Name] || one.Newest
		why := ringErr
		if ring != nil {
			why = b.opens(ring, s)
		}
		one.Opens, one.Why = why == nil, message(why)
		out = append(out, one)
	}
	for _, u := range b.uses {
		if !named[u.Name] {
			named[u.Name] = true
			out = append(out, Secret{Name: u.Name, Uses: b.places(u.Name), Why: "not set"})
		}
	}
	return out, nil
}

func (b *Built) places(name string) []string {
	out := []string{}
	for _, u := range b.usesOfSecret(name) {
		out = append(out, u.What)
	}
	return out
}

// opens says why a value does not open where it is used.
func (b *Built) opens(ring *secret.Ring, s secret.Sealed) error {
	value, err := ring.Open(s)
	if err != nil {
		return err
	}
	defer clear(value)
	for _, u := range b.usesOfSecret(s.Name) {
		if u.Origin != s.Origin {
			return fmt.Errorf("it is used at %s", u.Origin)
		}
		if err := u.check(value); err != nil {
			return err
		}
	}
	return nil
}
