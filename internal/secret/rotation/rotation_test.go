// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/secret/rotation"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// inBubble runs a test in a world whose time is its own.
func inBubble(t *testing.T, key bool, change func(*auth0test.Config), test func(w *world)) {
	t.Helper()
	madeKeys()
	dir := sqlitetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir, key, change)
		defer w.close()
		test(w)
	})
}

// states are the versions that are kept, the newest first: "2 held, 1 retiring".
func (w *world) states() string {
	w.Helper()
	var out []string
	for _, s := range w.rows() {
		out = append(out, strings.TrimSpace(fmt.Sprint(s.Version, " ", s.State)))
	}
	return strings.Join(out, ", ")
}

// fails runs a process that is to fail with some words.
func (w *world) fails(do func(context.Context, rotation.Config) (rotation.Result, error), words ...string) rotation.Result {
	w.Helper()
	r, err := w.process(0, 0, do)
	for _, want := range words {
		if err == nil || !strings.Contains(err.Error(), want) {
			w.Errorf("%v, want %q", err, want)
		}
	}
	return r
}

func (w *world) works(do func(context.Context, rotation.Config) (rotation.Result, error)) rotation.Result {
	w.Helper()
	r, err := w.process(0, 0, do)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// TestRotate: the secret is exchanged by three requests, the key by twelve, with the scopes
// that are said to be needed and no more; the old secret is good as long as the tenant
// says, the old key for the overlap.
func TestRotate(t *testing.T) {
	t.Parallel()
	for key, requests := range map[bool]string{
		false: "PATCH /clients/:id 1, POST /oauth/token 2",
		true: "DELETE /clients/:id/credentials/:cid 1, GET /clients/:id 2, GET /clients/:id/credentials 3, PATCH /clients/:id 2, POST /clients/:id/credentials 1, " +
			"POST /oauth/token 3",
	} {
		t.Run(fmt.Sprint(key), func(t *testing.T) {
			t.Parallel()
			inBubble(t, key, func(c *auth0test.Config) { c.Scopes = auth0.RotationScopes(key) }, func(w *world) {
				old, began := w.newest(), time.Now()
				r := w.works(func(ctx context.Context, c rotation.Config) (rotation.Result, error) {
					c.Promoted = nil // which asks for a token by itself
					return rotation.Rotate(ctx, c)
				})
				var sent []string
				for what, n := range w.tenant.Counts() {
					sent = append(sent, fmt.Sprint(what, " ", n))
				}
				slices.Sort(sent)
				if got := strings.Join(sent, ", "); got != requests {
					t.Errorf("sent %s\nwant %s", got, requests)
				}
				if !r.Rotated || r.Resumed || r.Dropped || r.Version != 2 || r.Retired != key || (r.Thumbprint != "") != key || len(r.Notes) > 0 {
					t.Errorf("%+v", r)
				}
				if took := time.Since(began); key != (took == rotation.DefaultOverlap) {
					t.Errorf("it took %v", took)
				}
				if w.states() != "2, 1" || w.newest() == old || !w.enters(w.newest()) || w.enters(old) == key {
					t.Errorf("%s", w.states())
				}
				if !key && len(w.newest()) != 64 {
					t.Errorf("a secret of %d characters", len(w.newest()))
				}
			})
		})
	}
}

// TestMissingScope: what the application may not do is said before anything is made.
func TestMissingScope(t *testing.T) {
	t.Parallel()
	for _, key := range []bool{false, true} {
		for _, lacks := range auth0.RotationScopes(key) {
			inBubble(t, key, func(c *auth0test.Config) {
				c.Scopes = slices.DeleteFunc(auth0.RotationScopes(key), func(s string) bool { return s == lacks })
				c.Scopes = append(c.Scopes, "read:users")
			}, func(w *world) {
				w.fails(rotation.Rotate, "secret:auth0: the application lacks "+lacks+" of the Management API", "nothing has changed")
				if kinds, _ := w.told(); w.states() != "1" || w.tenant.Counts().Total() != 1 || len(kinds) != 1 {
					t.Errorf("%s, %v, %v", w.states(), w.tenant.Counts(), kinds)
				}
			})
		}
	}
}

// TestForeignKeys: where another public key takes the room, it is named, and stays.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	inBubble(t, true, nil, func(w *world) {
		text, _ := public(t, madeKeys()[5])
		id, err := w.tenant.PutClientKey("usher", "of somebody else", text, true)
		if err != nil {
			t.Fatal(err)
		}
		w.fails(rotation.Rotate, id+" of somebody else is not ours", "nothing has changed")
		if w.states() != "1" || w.tenant.Counts().Writes() != 0 {
			t.Errorf("%s, %v", w.states(), w.tenant.Counts())
		}
	})
}

// TestRefused: what the tenant refuses is dropped, and the old one stays; a secret that may
// have been sent before is not.
func TestRefused(t *testing.T) {
	t.Parallel()
	refuse := func(path string) *auth0test.Schedule {
		return auth0test.Rules(auth0test.Rule{Path: path, Match: func(o auth0test.Operation) bool { return o.Method != "GET" }, Fault: auth0test.Fault{Kind: auth0test.Forbidden}})
	}
	for name, c := range map[string]struct {
		key  bool
		path string
	}{"secret": {false, "/clients/:id"}, "key, not added": {true, "/clients/:id/credentials"}, "key, not used": {true, "/clients/:id"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.key, nil, func(w *world) {
				w.tenant.SetFaults(refuse(c.path))
				r := w.fails(rotation.Rotate, "the tenant refuses the new one, and the old one stays: auth0: ", "insufficient_scope")
				kinds, _ := w.told()
				if !r.Dropped || w.states() != "1" || !slices.Equal(kinds, []string{"secret.set", "secret.intended", "secret.dropped"}) {
					t.Errorf("%+v, %s, %v", r, w.states(), kinds)
				}
				if c.key && len(w.tenant.ClientKeys("usher")) != 1 {
					t.Errorf("%+v", w.tenant.ClientKeys("usher"))
				}
				w.tenant.SetFaults(nil)
				w.works(rotation.Rotate)
			})
		})
	}
	t.Run("a secret that was sent before", func(t *testing.T) {
		t.Parallel()
		inBubble(t, false, nil, func(w *world) {
			w.cutOn(patch, before) // and nobody knows what became of it
			w.tenant.SetFaults(refuse("/clients/:id"))
			for range 3 {
				w.fails(rotation.Resume, "which was sent before; both are kept")
				time.Sleep(time.Hour)
			}
			if w.states() != "2 intended, 1" {
				t.Errorf("%s", w.states())
			}
			w.tenant.SetFaults(nil)
			if r := w.works(rotation.Resume); !r.Rotated || !r.Resumed || w.states() != "2, 1" {
				t.Errorf("%+v, %s", r, w.states())
			}
		})
	})
}

// TestSetByHand: what somebody sets while a rotation is on its way counts if the tenant
// takes it, and else what the rotation had made.
func TestSetByHand(t *testing.T) {
	t.Parallel()
	for _, key := range []bool{false, true} {
		t.Run(fmt.Sprint("taken, key ", key), func(t *testing.T) {
			t.Parallel()
			inBubble(t, key, nil, func(w *world) {
				w.cutOn(patch, before)
				w.set([]byte(w.newest()))
				if w.states() != "3, 2 intended" {
					t.Errorf("%s", w.states())
				}
				if r := w.works(rotation.Resume); !key && (r.Dropped || len(r.Notes) != 1) || key && !r.Dropped {
					t.Errorf("at once: %+v", r)
				}
				time.Sleep(time.Hour)
				if r := w.works(rotation.Resume); r.Rotated || w.states() != "3" || key && len(w.tenant.ClientKeys("usher")) != 1 {
					t.Errorf("%+v, %s, %+v", r, w.states(), w.tenant.ClientKeys("usher"))
				}
			})
		})
		t.Run(fmt.Sprint("not taken, key ", key), func(t *testing.T) {
			t.Parallel()
			inBubble(t, key, nil, func(w *world) {
				w.cutOn(patch, after)
				other := []byte("typed wrong")
				if key {
					other = madeKeys()[5]
				}
				time.Sleep(time.Minute)
				w.set(other)
				if r := w.works(rotation.Resume); !r.Rotated || r.Version != 4 || !w.enters(w.newest()) {
					t.Errorf("%+v, %s", r, w.states())
				}
			})
		})
	}
}

// cutOn cuts a rotation at the first request of a kind.
func (w *world) cutOn(what string, how mode) {
	w.Helper()
	w.on = what
	if _, err := w.process(-1, how, rotation.Rotate); err == nil {
		w.Fatal("it was not cut")
	}
	w.on = ""
}

const patch = "PATCH /api/v2/clients/usher"

// TestNothingIsTaken: where the tenant takes nothing that is kept, nothing is done.
func TestNothingIsTaken(t *testing.T) {
	t.Parallel()
	dir := sqlitetest.Dir(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir, false, func(c *auth0test.Config) { c.Secret = "another one" })
		defer w.close()
		c := w.config()
		c.Enter = func(c auth0.Credential) (*auth0.Client, error) {
			return auth0.New(auth0.Config{URL: address, ClientID: "usher", Secret: c.Secret, HTTP: w.tenant.Transport()})
		}
		_, err := rotation.Rotate(context.Background(), c)
		if err == nil || !strings.Contains(err.Error(), "the tenant takes no version of it that is kept here: set the one that the application has, by usher secret set; of the last one it says: auth0: ") {
			t.Errorf("%v", err)
		}
		if w.states() != "1" || w.tenant.Counts().Writes() != 0 {
			t.Errorf("%s, %v", w.states(), w.tenant.Counts())
		}
	})
}

// TestOldKeyLater: whoever does not wait leaves the old key to the next one, once it is
// time. One that was set again by hand stays.
func TestOldKeyLater(t *testing.T) {
	t.Parallel()
	at := func(overlap time.Duration) func(ctx context.Context, c rotation.Config) (rotation.Result, error) {
		return func(ctx context.Context, c rotation.Config) (rotation.Result, error) {
			c.Wait, c.Overlap = false, overlap
			return rotation.Rotate(ctx, c)
		}
	}
	for _, again := range []bool{false, true} {
		inBubble(t, true, nil, func(w *world) {
			old := w.newest()
			if r := w.works(at(time.Hour)); !r.Rotated || r.Retired || time.Until(r.Later) != time.Hour || w.states() != "2, 1 retiring" || !w.enters(old) {
				t.Errorf("%+v, %s", r, w.states())
			}
			if again {
				w.set([]byte(old))
			}
			time.Sleep(2 * time.Hour)
			r := w.works(rotation.Resume)
			kinds, _ := w.told()
			if r.Retired == again || (len(r.Notes) == 1) != again || slices.Contains(kinds, "secret.retired") == again || again != w.enters(old) || strings.Contains(w.states(), string(secret.Retiring)) {
				t.Errorf("%+v, %s", r, w.states())
			}
		})
	}
}
