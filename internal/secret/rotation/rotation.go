// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/secret"
)

const (
	// secretBytes make a secret of 64 characters, as long as those that Auth0 makes.
	secretBytes = 48
	// spreads bounds how long a new credential is asked for until it is taken. Auth0 says
	// up to 30 seconds of a secret; a minute leaves room.
	spreads = time.Minute
	// settled is how long after it was sent a request is not on its way any more.
	settled = 10 * time.Minute
	// DefaultOverlap is how long an old key stays good behind the new one: as long as a
	// tenant says that a change may take to spread.
	DefaultOverlap = 30 * time.Second
)

// Config says what is rotated, and where. All but NewKey, Promoted and Say is required.
type Config struct {
	Name  string // of the secret
	Key   bool   // it is a private key, else a client secret
	Store secret.Store
	Ring  *secret.Ring
	// Enter makes a client of the tenant that is known by a credential. It sends nothing.
	Enter func(auth0.Credential) (*auth0.Client, error)
	Actor string
	// Overlap is how long an old key stays good behind the new one.
	Overlap time.Duration
	// Wait has a call wait until the old key can go; else it is left for the next one.
	Wait bool

	NewKey func() ([]byte, error) // default rest.NewKey
	// Promoted says that the newest version is another one now. While that is not used,
	// which an error says, the old key stays.
	Promoted func() error
	Say      func(what string) // what goes on, for people
}

// Result is what a call has done.
type Result struct {
	Version    int    // the newest, if it was rotated
	Thumbprint string // of a key
	Rotated    bool
	Resumed    bool // an earlier call had begun it
	Retired    bool // the tenant does not take the old key any more
	Dropped    bool // an intention that the tenant does not take
	// Later is when the old key can go, if that was not waited for.
	Later time.Time
	// Notes are what somebody should know, each one sentence.
	Notes []string
}

// Pending reports whether there is something that Resume would go on with.
func Pending(all []secret.Sealed, name string) bool {
	_, intended := secret.Intention(all, name)
	_, retiring := secret.Retirement(all, name)
	return intended || retiring
}

// run is one call.
type run struct {
	Config
	out    Result
	origin string // of the newest version when the call began: where all of it goes
	no     error  // what the tenant has said last of a credential that it does not take
	unused bool   // the newest version, as it could not be taken up
}

// Rotate makes a new credential, brings it to the tenant, and makes it the newest version.
// If an earlier call has left one on its way, that one is finished instead.
func Rotate(ctx context.Context, c Config) (Result, error) {
	r := &run{Config: c}
	err := r.resume(ctx)
	if err == nil && !r.out.Rotated {
		err = r.begin(ctx)
	}
	return r.out, r.named(err)
}

// Resume goes on with what an earlier call has left, and begins nothing.
func Resume(ctx context.Context, c Config) (Result, error) {
	r := &run{Config: c}
	err := r.resume(ctx)
	return r.out, r.named(err)
}

// named says of which secret an error is.
func (r *run) named(err error) error {
	if name := "secret:" + r.Name + ": "; err != nil && !strings.HasPrefix(err.Error(), name) {
		return fmt.Errorf("%s%w", name, err)
	}
	return err
}

func (r *run) say(format string, args ...any) {
	if r.Say != nil {
		r.Say(fmt.Sprintf(format, args...))
	}
}

// rows are the versions of the secret, the newest first.
func (r *run) rows(ctx context.Context) (own []secret.Sealed, err error) {
	all, err := r.Store.Secrets(ctx)
	for _, s := range all {
		if s.Name == r.Name {
			own = append(own, s)
		}
	}
	return own, err
}

func (r *run) resume(ctx context.Context) error {
	rows, err := r.rows(ctx)
	if err != nil {
		return err
	}
	newest, _ := secret.Newest(rows, r.Name)
	r.origin = newest.Origin
	if intent, ok := secret.Intention(rows, r.Name); ok {
		r.say("version %d was on its way to the tenant when an earlier rotation ended; it goes on", intent.Version)
		r.out.Resumed = true
		if err := r.goOn(ctx, rows, intent); err != nil {
			return err
		}
	}
	return r.retire(ctx)
}

// begin makes a credential and keeps it as an intention, once it is known that it can be
// brought to the tenant.
func (r *run) begin(ctx context.Context) error {
	rows, err := r.rows(ctx)
	if err != nil {
		return err
	}
	newest, ok := secret.Newest(rows, r.Name)
	if !ok {
		return errors.New("it is not set: rotation begins with a credential that the tenant takes")
	}
	if intent, ok := secret.Intention(rows, r.Name); ok {
		return fmt.Errorf("%w: version %d was sent at %s and may come about until %s; try again then", secret.ErrIntended, intent.Version,
			intent.Created.UTC().Format(time.RFC3339), intent.Created.Add(settled).UTC().Format(time.RFC3339))
	}
	in, err := r.enter(ctx, rows)
	if err != nil {
		return err
	}
	if err := r.allowed(ctx, in, rows); err != nil {
		return err
	}
	value, err := r.make()
	if err != nil {
		return err
	}
	defer clear(value)
	intent, err := r.Ring.Seal(secret.Sealed{Name: r.Name, Version: secret.Top(rows, r.Name) + 1, Origin: newest.Origin}, value)
	if err != nil {
		return err
	}
	if intent, err = secret.Intend(ctx, r.Store, r.Ring, intent, r.Actor, r.told(value)); err != nil {
		return err
	}
	r.say("version %d is made and sealed; it goes to the tenant", intent.Version)
	if err := r.bring(ctx, in, intent, value, true); err != nil {
		return err
	}
	return r.retire(ctx)
}

// allowed refuses what cannot end well, while nothing has begun.
func (r *run) allowed(ctx context.Context, in entered, rows []secret.Sealed) error {
	missing, err := in.client.MissingScopes(ctx, auth0.RotationScopes(r.Key))
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("the application lacks %s of the Management API, which its rotation needs: grant that first; nothing has changed", strings.Join(missing, ", "))
	}
	if !r.Key {
		return nil
	}
	keys, err := in.client.PublicKeys(ctx)
	if err != nil {
		return err
	}
	_, err = r.spare(keys, rows, in)
	return err
}

func (r *run) make() ([]byte, error) {
	if !r.Key {
		raw := make([]byte, secretBytes)
		_, _ = rand.Read(raw) // never fails
		defer clear(raw)
		return base64.RawURLEncoding.AppendEncode(nil, raw), nil
	}
	if r.NewKey != nil {
		return r.NewKey()
	}
	return rest.NewKey()
}

// credential is a value as a client takes it.
func (r *run) credential(value []byte) auth0.Credential {
	if r.Key {
		return auth0.Credential{Key: value}
	}
	return auth0.Credential{Secret: string(value)}
}

// told is what the ledger may know of a value: the thumbprint of a key.
func (r *run) told(value []byte) string {
	if thumb := r.thumbprint(value); thumb != "" {
		return "key " + thumb
	}
	return ""
}

func (r *run) thumbprint(value []byte) string {
	if !r.Key {
		return ""
	}
	_, thumb, err := rest.PublicKeyOf(value)
	if err != nil {
		return ""
	}
	return thumb
}

// entered is a client that the tenant lets in, and by which version.
type entered struct {
	client *auth0.Client
	by     secret.Sealed
	thumb  string
	over   int // the newest version, if that was tried and is not taken; as in promote
}

// try asks for a token by a value. One that was sealed for another origin is not sent, and
// so not taken.
func (r *run) try(ctx context.Context, s secret.Sealed) (in entered, taken bool, err error) {
	if s.Origin != r.origin {
		return in, false, nil
	}
	value, err := r.Ring.Open(s)
	if err != nil {
		return in, false, err
	}
	defer clear(value)
	client, err := r.Enter(r.credential(append([]byte(nil), value...)))
	if err != nil {
		return in, false, err
	}
	_, err = client.Scopes(ctx)
	if auth0.NotTaken(err) {
		r.no = err
		return in, false, nil
	}
	return entered{client: client, by: s, thumb: r.thumbprint(value)}, err == nil, err
}

// enter finds the version that the tenant takes: the newest, or else the one before.
func (r *run) enter(ctx context.Context, rows []secret.Sealed) (entered, error) {
	newest, ok := secret.Newest(rows, r.Name)
	if !ok {
		return entered{}, errors.New("it is not set")
	}
	if newest.Origin != r.origin { // since this call began
		return entered{}, secret.ErrMoved
	}
	in, taken, err := r.try(ctx, newest)
	if taken || err != nil {
		return in, err
	}
	if before, ok := secret.Before(rows, r.Name); ok {
		if in, taken, err = r.try(ctx, before); taken || err != nil && !keyLost(err) {
			in.over = newest.Version
			return in, err
		}
	}
	return entered{}, fmt.Errorf("%w; of the last one it says: %w", errNeither, r.no)
}

// errNeither needs a person.
var errNeither = errors.New("the tenant takes no version of it that is kept here: set the one that the application has, by usher secret set")

// bring takes an intention to the tenant, and promotes it once it is taken there. fresh
// says that nothing of it was ever sent.
func (r *run) bring(ctx context.Context, in entered, intent secret.Sealed, value []byte, fresh bool) error {
	sent, over := !fresh, in.over
	began := time.Now()
	for n := 0; ; n++ {
		err := r.send(ctx, in, intent, value)
		if err == nil {
			break
		}
		if refused := (*refusal)(nil); errors.As(err, &refused) || auth0.Refused(err) {
			return r.refused(ctx, in, intent, err, sent)
		}
		sent = true // as it may have been
		if in, taken, tried := r.try(ctx, intent); tried == nil && taken {
			return r.promote(ctx, intent, over, in.thumb)
		}
		if time.Since(began) >= spreads || pause(ctx, n) != nil {
			return fmt.Errorf("whether the tenant has the new one is not known, and the next start finds out: %w", err)
		}
	}
	return r.verify(ctx, intent, over)
}

// verify asks for a token by the new credential until there is one: either of two secrets
// may be taken for a while, or only the old one. over is as in promote.
func (r *run) verify(ctx context.Context, intent secret.Sealed, over int) error {
	began := time.Now()
	for n := 0; ; n++ {
		in, taken, err := r.try(ctx, intent)
		if taken {
			return r.promote(ctx, intent, over, in.thumb)
		}
		if time.Since(began) >= spreads || pause(ctx, n) != nil {
			if err != nil {
				return fmt.Errorf("whether the tenant takes the new one is not known, and the next start finds out: %w", err)
			}
			return fmt.Errorf("the tenant has the new one and does not take it after %v; both are kept, and tried by the next start", spreads)
		}
	}
}

// send brings a value to the tenant. It may be done again.
func (r *run) send(ctx context.Context, in entered, intent secret.Sealed, value []byte) error {
	if r.Key {
		return r.sendKey(ctx, in, intent, value)
	}
	return in.client.SetSecret(ctx, string(value))
}

// refused gives an intention up that the tenant refuses. A secret that was sent before
// may still come about, whatever the last answer was, and so it stays.
func (r *run) refused(ctx context.Context, in entered, intent secret.Sealed, why error, sent bool) error {
	if sent && !r.Key {
		return fmt.Errorf("the tenant refuses the new one, which was sent before; both are kept, and it is sent again by the next start: %w", why)
	}
	if err := r.abandon(ctx, in, intent, "the tenant refuses it"); err != nil {
		return errors.Join(why, err)
	}
	return fmt.Errorf("the tenant refuses the new one, and the old one stays: %w", why)
}

// abandon forgets an intention, once nothing of it is at the tenant.
func (r *run) abandon(ctx context.Context, in entered, intent secret.Sealed, why string) error {
	if r.Key {
		if err := r.undo(ctx, in, intent); err != nil {
			return err
		}
	}
	if err := secret.Abandon(ctx, r.Store, intent, r.Actor, why); err != nil {
		return err
	}
	r.out.Dropped = true
	r.note("version %d is dropped: %s", intent.Version, why)
	return nil
}

func (r *run) note(format string, args ...any) {
	r.out.Notes = append(r.out.Notes, fmt.Sprintf(format, args...))
}

// promote makes an intention the newest version: the tenant takes it. It goes over no
// version that was set by hand meanwhile, but for that which the tenant is known not to
// take: its number, or 0.
func (r *run) promote(ctx context.Context, intent secret.Sealed, over int, thumb string) error {
	why := ""
	if thumb != "" {
		why = "key " + thumb
	}
	s, err := secret.Promote(ctx, r.Store, r.Ring, intent, over, r.Key, r.Actor, why)
	if err != nil {
		return err
	}
	r.out.Rotated, r.out.Version, r.out.Thumbprint = true, s.Version, thumb
	r.say("the tenant takes version %d, which is the newest now", s.Version)
	if r.Promoted == nil {
		return nil
	}
	if err := r.Promoted(); err != nil {
		r.unused = true
		r.note("version %d is the newest, and cannot be taken up yet: %v", s.Version, err)
	}
	return nil
}

// pause waits a quarter of a second, then twice as long each time, up to five seconds.
func pause(ctx context.Context, n int) error {
	return sleep(ctx, min(5*time.Second, 250*time.Millisecond<<min(n, 5)))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
