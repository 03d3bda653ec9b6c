// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/secret/rotation"
	"github.com/usher-id/usher/internal/store"
)

// The bounds of how long an old key stays good behind the new one.
const (
	DefaultOverlap = rotation.DefaultOverlap
	MostOverlap    = 10 * time.Minute
)

// RotationScopes are the scopes of the Management API that a tenant's own credential needs
// to be rotated: as a client secret, or as a private key.
func RotationScopes(t *config.Tenant) []string { return auth0.RotationScopes(t.Key.Ref() != "") }

// rotatable is a sealed credential that can be made here and brought to its tenant.
type rotatable struct {
	name   string
	key    bool
	tenant *config.Tenant
}

// rotatable finds the tenant whose credential a secret is. It must be that of one
// application alone, and that application known by nothing else.
func (b *Built) rotatable(name string) (r rotatable, err error) {
	uses := b.usesOfSecret(name)
	if len(uses) == 0 {
		return r, fmt.Errorf("%s does not use secret:%s", b.Config.File, name)
	}
	for _, u := range uses {
		switch {
		case u.tenant == nil:
			return r, fmt.Errorf("secret:%s is the %s, for which nothing can be made here: give the new value on the standard input", name, u.What)
		case r.tenant != nil && !sameApplication(r.tenant, u.tenant):
			return r, fmt.Errorf("secret:%s is of two applications, and a credential that is made here is of one: give each its own", name)
		case r.tenant != nil && r.key != (u.kind == useKey):
			return r, fmt.Errorf("secret:%s is both a client_secret and a private_key", name)
		}
		r = rotatable{name, u.kind == useKey, u.tenant}
	}
	for _, t := range b.Config.AllTenants() {
		if sameApplication(t.Tenant, r.tenant) && t.Tenant.Sealed() != name {
			return r, fmt.Errorf("%s is the same application and is known by another credential, which would not be taken any more: write secret:%s there, too", t.What, name)
		}
	}
	return r, nil
}

// sameApplication reports whether two tenants are entered as the same application.
func sameApplication(a, b *config.Tenant) bool {
	return sameTenant(a, b) && a.ClientID.Value == b.ClientID.Value
}

// CheckRotatable refuses what RotateSecret cannot rotate.
func (b *Built) CheckRotatable(name string) error {
	_, err := b.rotatable(name)
	return err
}

// schedules refuses tenants whose credential is to be rotated by serve, and cannot be.
func (b *Built) schedules() error {
	var mistakes config.Errors
	for _, u := range b.uses {
		if u.tenant == nil || u.tenant.Rotate == 0 {
			continue
		}
		if _, err := b.rotatable(u.Name); err != nil {
			mistakes = append(mistakes, &config.Error{Pos: u.pos, Msg: "rotate: " + err.Error()})
		}
	}
	if len(mistakes) == 0 {
		return nil
	}
	return mistakes
}

// errTurning refuses what would have to wait for a rotation.
var errTurning = errors.New("a credential is being rotated, which takes a minute or so and as long as its overlap: ask again when that is done")

// longestTurn bounds a rotation, but for its overlap: a tenant may ask for a pause of hours,
// and whatever is cut short is gone on with.
const longestTurn = 5 * time.Minute

// turn has nobody else rotate or rewrap until done is called. Nobody waits for it, as who
// waits here has others wait. A rotation knows the key ring that it began with: what it
// seals would be lost if all else were sealed by another meanwhile and this one's key went.
func (u *Usher) turn() (done func(), err error) {
	if !u.rotating.TryLock() {
		return nil, errTurning
	}
	return u.rotating.Unlock, nil
}

// rotation is a rotation's configuration, and what ends it. The caller has the turn.
func (u *Usher) rotation(ctx context.Context, of rotatable, actor string, say func(string)) (rotation.Config, func(), error) {
	ring, err := u.Ring()
	if err != nil {
		return rotation.Config{}, nil, err
	}
	kept, err := u.db.Secrets().Secrets(ctx)
	if err != nil {
		return rotation.Config{}, nil, err
	}
	for _, use := range u.usesOfSecret(of.name) { // nothing goes to where it was not sealed for
		if mistake := use.problem(kept); mistake != nil {
			return rotation.Config{}, nil, mistake
		}
	}
	way := wayTo(of.tenant)
	return rotation.Config{
		Name: of.name, Key: of.key, Store: u.db.Secrets(), Ring: ring, Actor: actor, Overlap: DefaultOverlap, Wait: true,
		Enter: func(c auth0.Credential) (*auth0.Client, error) { return u.enter(of.tenant, c, way) },
		Promoted: func() error {
			_, err := u.takeUp(ctx, of.name)
			return err
		},
		Say: say,
	}, way.CloseIdleConnections, nil
}

// enter makes a client of a tenant that is known by one credential, whatever is newest.
func (u *Usher) enter(t *config.Tenant, c auth0.Credential, way http.RoundTripper) (*auth0.Client, error) {
	return auth0.New(auth0.Config{
		URL: t.URL.Value, Audience: t.Audience.Value, ClientID: t.ClientID.Value, Secret: c.Secret, Key: c.Key, Timeout: time.Duration(t.Timeout), HTTP: way,
	})
}

// takeUp has every client of a tenant go by the newest version of its credential, whatever
// becomes of other secrets, and ask for its next token by it. taken is that they went by
// another one. If it does not open, they go on with what they have.
func (u *Usher) takeUp(ctx context.Context, name string) (taken bool, err error) {
	if taken, err = u.unsealOne(context.WithoutCancel(ctx), name); !taken {
		return false, err
	}
	for _, e := range u.entries {
		if e.tenant.Sealed() == name {
			e.client.Forget()
		}
	}
	return true, nil
}

// RotateSecret makes a new credential for the tenant whose credential a secret is, brings
// it there, and takes it up; see rotation.Rotate. say is told what goes on, and may be nil.
// It is refused while another rotation is on its way.
func (u *Usher) RotateSecret(ctx context.Context, name string, overlap time.Duration, actor string, say func(string)) (rotation.Result, error) {
	of, err := u.rotatable(name)
	if err != nil {
		return rotation.Result{}, err
	}
	over, err := u.turn()
	if err != nil {
		return rotation.Result{}, err
	}
	defer over()
	ctx, cancel := context.WithTimeout(ctx, longestTurn+overlap)
	defer cancel()
	c, done, err := u.rotation(ctx, of, actor, say)
	if err != nil {
		return rotation.Result{}, err
	}
	defer done()
	c.Overlap = overlap
	r, err := rotation.Rotate(ctx, c)
	return r, errors.Join(err, u.sequence(context.WithoutCancel(ctx)))
}

// ResumeRotations goes on with rotations that were cut short, so that what is used is what
// the tenants take. wait says whether an old key is waited for that can go soon; without it
// the call takes half a minute at most, and what is not done by then is gone on with by the
// next. say is told what is waited for if that takes long, and may be nil. It returns what
// there is to tell of each.
func (u *Usher) ResumeRotations(ctx context.Context, wait bool, actor string, say func(string)) (notes []string) {
	if !wait {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, resumeWithin)
		defer cancel()
	}
	kept, err := u.db.Secrets().Secrets(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	told := map[string]bool{}
	for _, s := range kept {
		if told[s.Name] || !rotation.Pending(kept, s.Name) {
			continue
		}
		told[s.Name] = true
		done := unlessSoon(say, fmt.Sprintf("secret:%s: a rotation was cut short, and its tenant is asked how far it came; that takes %v at most", s.Name, resumeWithin))
		r, err := u.resumeRotation(ctx, s.Name, wait, actor)
		done()
		notes = append(notes, r.Notes...)
		switch {
		case errors.Is(err, errTurning): // who is at it goes on with it, or the next call does
		case err != nil:
			notes = append(notes, "a rotation that was cut short cannot be finished yet: "+err.Error())
		case r.Rotated:
			notes = append(notes, fmt.Sprintf("secret:%s: a rotation that was cut short is finished; version %d is the newest", s.Name, r.Version))
		}
	}
	return notes
}

// unlessSoon says what is waited for, unless done is called soon. It says nothing after that.
func unlessSoon(say func(string), what string) (done func()) {
	if say == nil {
		return func() {}
	}
	soon, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-soon:
		case <-time.After(untold):
			say(what)
		}
	}()
	return func() {
		close(soon)
		<-ended
	}
}

// UnfinishedRotations says of each rotation that was cut short that it is unfinished, for
// who does not go on with it.
func (u *Usher) UnfinishedRotations(ctx context.Context) (notes []string) {
	kept, err := u.db.Secrets().Secrets(ctx)
	if err != nil {
		return nil // whoever needs them was told
	}
	for _, s := range kept {
		if s.State == secret.Intended {
			notes = append(notes, fmt.Sprintf("secret:%s: a rotation was cut short, and the tenant may not take what is used here; apply, serve or usher secret rotate %s --at-tenant goes on with it", s.Name, s.Name))
		}
	}
	return notes
}

func (u *Usher) resumeRotation(ctx context.Context, name string, wait bool, actor string) (r rotation.Result, err error) {
	of, err := u.rotatable(name)
	if err != nil {
		return r, err
	}
	over, err := u.turn()
	if err != nil {
		return r, err
	}
	defer over()
	ctx, cancel := context.WithTimeout(ctx, longestTurn+DefaultOverlap)
	defer cancel()
	c, done, err := u.rotation(ctx, of, actor, nil)
	if err != nil {
		return r, err
	}
	defer done()
	c.Wait = wait
	if _, err := u.takeUp(ctx, name); err != nil { // an old key must not go while it is used
		return r, fmt.Errorf("the newest version is not taken up: %w", err)
	}
	r, err = rotation.Resume(ctx, c)
	return r, errors.Join(err, u.sequence(context.WithoutCancel(ctx)))
}

// AskRotateSecret has the daemon do what RotateSecret does, and waits for it.
func (u *Usher) AskRotateSecret(ctx context.Context, name string, overlap time.Duration, actor string) (notes []string, err error) {
	return u.askSecret(ctx, secretArgs{Turn: name, Overlap: overlap.Milliseconds()}, actor)
}

// carryTurn rotates what another process asks for.
func (d *daemon) carryTurn(ctx context.Context, a secretArgs, actor string) (*Document, error) {
	overlap := min(max(time.Duration(a.Overlap)*time.Millisecond, 0), MostOverlap)
	r, err := d.RotateSecret(ctx, a.Turn, overlap, actor, func(what string) { d.log.Info("credential is rotated", "secret", a.Turn, "step", what) })
	doc := newDocument()
	for _, n := range r.Notes {
		doc.Problems = append(doc.Problems, Problem{What: n})
	}
	return doc, err
}

// old reports whether a version is so old that somebody is to be told.
func (b *Built) old(created time.Time) bool {
	return time.Since(created) > time.Duration(cmp.Or(b.Config.Secrets.OldAfter, config.DefaultOldAfter))
}

// SecretStatus is how a sealed secret that is used is.
type SecretStatus struct {
	Secret     string    `json:"secret"`
	Version    int       `json:"version"`
	Created    time.Time `json:"created"`
	AgeSeconds float64   `json:"age_seconds"`
	Old        bool      `json:"old"` // older than secrets.old_after
	// Rotation is empty, intended or retiring, as in Secret.State.
	Rotation string     `json:"rotation,omitempty"`
	Rotates  *time.Time `json:"rotates,omitempty"` // when serve rotates it
	Tenant   bool       `json:"tenant"`            // it can be made here
}

// secretStatus tells of the secrets that are used and set, in the order of their names.
func (b *Built) secretStatus(ctx context.Context, db store.DB, now time.Time) ([]SecretStatus, error) {
	out := []SecretStatus{}
	kept, err := db.Secrets().Secrets(ctx)
	for i, s := range kept {
		newest, ok := secret.Newest(kept, s.Name)
		if !ok || i > 0 && kept[i-1].Name == s.Name || len(b.usesOfSecret(s.Name)) == 0 {
			continue
		}
		one := SecretStatus{
			Secret: s.Name, Version: newest.Version, Created: newest.Created.UTC(), AgeSeconds: now.Sub(newest.Created).Seconds(), Old: b.old(newest.Created),
			Tenant: b.CheckRotatable(s.Name) == nil,
		}
		if _, ok := secret.Retirement(kept, s.Name); ok {
			one.Rotation = string(secret.Retiring)
		}
		if _, ok := secret.Intention(kept, s.Name); ok {
			one.Rotation = string(secret.Intended)
		}
		if every := b.rotatesEvery(s.Name); every > 0 {
			one.Rotates = when(newest.Created.Add(every))
		}
		out = append(out, one)
	}
	return out, err
}

// rotatesEvery is how old a credential may get before it is rotated; 0 is for ever.
func (b *Built) rotatesEvery(name string) (every time.Duration) {
	for _, u := range b.usesOfSecret(name) {
		if u.tenant == nil || u.tenant.Rotate == 0 {
			continue
		}
		if of := time.Duration(u.tenant.Rotate); every == 0 || of < every {
			every = of
		}
	}
	return every
}
