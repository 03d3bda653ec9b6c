// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/secret/rotation"
)

const elsewhere = "https://acme-2.eu.auth0.com"

type act = func(context.Context, rotation.Config) (rotation.Result, error)

// offered is Resume, which notes by which values the tenant is asked.
func offered(to *[]string) act {
	return func(ctx context.Context, c rotation.Config) (rotation.Result, error) {
		enter := c.Enter
		c.Enter = func(one auth0.Credential) (*auth0.Client, error) {
			*to = append(*to, one.Secret+string(one.Key))
			return enter(one)
		}
		return rotation.Resume(ctx, c)
	}
}

// unhurried is Rotate that leaves the old key to the next one.
func unhurried(ctx context.Context, c rotation.Config) (rotation.Result, error) {
	c.Wait = false
	return rotation.Rotate(ctx, c)
}

// notes holds that there is one note, with some words.
func (w *world) notes(r rotation.Result, words ...string) {
	w.Helper()
	for _, want := range words {
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], want) {
			w.Errorf("notes %q, want %q", r.Notes, want)
		}
	}
}

// tells holds what the ledger has of some kinds of event.
func (w *world) tells(want map[string]int) {
	w.Helper()
	kinds, _ := w.told()
	for kind, n := range want {
		got := 0
		for _, k := range kinds {
			if k == kind {
				got++
			}
		}
		if got != n {
			w.Errorf("%s is told %d times, want %d: %v", kind, got, n, kinds)
		}
	}
}

// TestAnotherOrigin: what was sealed for one tenant is never sent to the one whose address
// stands there now, and is dropped once that one takes what was set for it.
func TestAnotherOrigin(t *testing.T) {
	t.Parallel()
	for _, key := range []bool{false, true} {
		t.Run(fmt.Sprint("intended, key ", key), func(t *testing.T) {
			t.Parallel()
			inBubble(t, key, nil, func(w *world) {
				w.cutOn(patch, after)
				intent, _ := secret.Intention(w.rows(), name)
				wrong, right := []byte("typed wrong"), []byte(w.value(intent))
				if key {
					wrong = madeKeys()[5]
				}
				time.Sleep(time.Minute)
				w.setFor(elsewhere, wrong)
				var sent []string
				w.fails(offered(&sent), "the tenant takes no version of it that is kept here", "sealed for "+address)
				if len(sent) == 0 || slices.Contains(sent, string(right)) || w.states() != "3, 2 intended" {
					t.Errorf("%d are sent, what is for another origin: %t; %s", len(sent), slices.Contains(sent, string(right)), w.states())
				}
				w.setFor(elsewhere, right)
				r := w.works(rotation.Resume)
				w.notes(r, "version 2 is dropped: it is sealed for "+address+", and the newest for "+elsewhere)
				if !r.Dropped || w.states() != "4" || strings.Contains(fmt.Sprint(r.Notes), "remove it there") != key {
					t.Errorf("%+v, %s", r, w.states())
				}
				w.tells(map[string]int{"secret.dropped": 1, "secret.rotated": 0})
			})
		})
	}
	t.Run("retiring", func(t *testing.T) {
		t.Parallel()
		inBubble(t, true, nil, func(w *world) {
			old := w.newest()
			w.works(unhurried)
			w.setFor(elsewhere, []byte(w.newest()))
			time.Sleep(time.Hour)
			var sent []string
			r := w.works(offered(&sent))
			w.notes(r, "version 1 is not taken back: it is sealed for "+address, "at "+address+" has a public key")
			if r.Retired || slices.Contains(sent, old) || w.states() != "3" || !w.enters(old) {
				t.Errorf("%+v, %s", r, w.states())
			}
			w.tells(map[string]int{"secret.retired": 0, "secret.left": 1})
		})
	})
}

// renames is a way to the tenant that shows some public keys under other names.
type renames struct {
	next http.RoundTripper
	hide []string
}

func (n renames) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := n.next.RoundTrip(req)
	if err != nil || req.Method != http.MethodGet {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	for _, thumb := range n.hide {
		body = bytes.ReplaceAll(body, []byte(thumb), []byte("renamed"))
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Length")
	return res, err
}

// TestOldKeyStays: of a key that may live at the tenant nobody says that it is gone.
func TestOldKeyStays(t *testing.T) {
	t.Parallel()
	for hidden, note := range map[int]string{0: "another public key, which is not ours by its thumbprint", 1: "stays, as the tenant does not show which other one we are known by"} {
		t.Run(fmt.Sprint("hidden ", hidden), func(t *testing.T) {
			t.Parallel()
			inBubble(t, true, nil, func(w *world) {
				old := w.newest()
				w.works(unhurried)
				time.Sleep(time.Hour)
				_, thumb := public(t, []byte([]string{old, w.newest()}[hidden]))
				r := w.works(func(ctx context.Context, c rotation.Config) (rotation.Result, error) {
					c.Enter = func(one auth0.Credential) (*auth0.Client, error) {
						return auth0.New(auth0.Config{URL: address, ClientID: "usher", Key: one.Key, HTTP: renames{w.tenant.Transport(), []string{thumb}}})
					}
					return rotation.Resume(ctx, c)
				})
				w.notes(r, note)
				if r.Retired || w.states() != "2, 1" || !w.enters(old) {
					t.Errorf("%+v, %s", r, w.states())
				}
				w.tells(map[string]int{"secret.retired": 0, "secret.left": 1})
			})
		})
	}
}

// meanwhile is Rotate, in which something happens once its PATCH is answered.
func (w *world) meanwhile(what func()) act {
	return func(ctx context.Context, c rotation.Config) (rotation.Result, error) {
		c.Enter = func(one auth0.Credential) (*auth0.Client, error) {
			return auth0.New(auth0.Config{URL: address, ClientID: "usher", Secret: one.Secret, Key: one.Key, HTTP: then{w.tenant.Transport(), what}})
		}
		return rotation.Rotate(ctx, c)
	}
}

type then struct {
	next http.RoundTripper
	what func()
}

func (t then) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(req)
	if req.Method == http.MethodPatch {
		t.what()
	}
	return res, err
}

// TestSetUnderWay: a rotation that runs does not go over what an administrator has set at
// the tenant and here meanwhile, although its own is taken for a while yet.
func TestSetUnderWay(t *testing.T) {
	t.Parallel()
	t.Run("secret", func(t *testing.T) {
		t.Parallel()
		inBubble(t, false, func(c *auth0test.Config) { c.SecretLag = 17 * time.Second }, func(w *world) {
			const byHand = "made-in-the-dashboard-by-an-administrator"
			admin, err := auth0.New(auth0.Config{URL: address, ClientID: "usher", Secret: firstSecret, HTTP: w.tenant.Transport()})
			if err == nil {
				_, err = admin.Scopes(context.Background())
			}
			if err != nil {
				t.Fatal(err)
			}
			w.fails(w.meanwhile(func() {
				if err := admin.SetSecret(context.Background(), byHand); err != nil {
					t.Error(err)
				}
				w.set([]byte(byHand))
			}), "somebody else has set it meanwhile")
			if w.newest() != byHand || w.states() != "3, 2 intended" || w.enters(byHand) {
				t.Errorf("%s", w.states())
			}
			w.notes(w.works(rotation.Resume), "version 2 is kept until it cannot come about")
			if w.newest() != byHand || w.states() != "3, 2 intended" || !w.enters(byHand) {
				t.Errorf("%s", w.states())
			}
			time.Sleep(time.Hour)
			if r := w.works(rotation.Resume); !r.Dropped || w.newest() != byHand || w.states() != "3" || !w.enters(byHand) {
				t.Errorf("%+v, %s", r, w.states())
			}
		})
	})
	t.Run("key", func(t *testing.T) {
		t.Parallel()
		inBubble(t, true, nil, func(w *world) {
			old := w.newest()
			w.fails(w.meanwhile(func() { w.set([]byte(old)) }), "somebody else has set it meanwhile")
			if w.newest() != old || w.states() != "3, 2 intended" {
				t.Errorf("%s", w.states())
			}
			if r := w.works(rotation.Resume); !r.Dropped || w.states() != "3" || !w.enters(old) || len(w.tenant.ClientKeys("usher")) != 1 {
				t.Errorf("%+v, %s", r, w.states())
			}
		})
	})
}

// TestRotatedByHand: where a value that is wrong is put before the one that there was while
// a rotation is on its way, what is taken of the rotation's counts, and the old one only
// if nothing is.
func TestRotatedByHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key     bool
		how     mode
		rotated bool
		states  string
	}{
		{false, after, true, "4, 3"},
		{false, before, false, "3, 1"},
		{true, after, true, "4, 3"},
		{true, before, false, "3, 1"},
	} {
		t.Run(fmt.Sprint("key ", c.key, ", in use ", c.how == after), func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.key, nil, func(w *world) {
				old, wrong := w.newest(), []byte("typed wrong")
				if c.key {
					wrong = madeKeys()[5]
				}
				w.cutOn(patch, c.how)
				w.rotate(wrong)
				if w.states() != "3, 2 intended, 1" {
					t.Errorf("%s", w.states())
				}
				time.Sleep(time.Hour)
				r := w.works(rotation.Resume)
				if r.Rotated != c.rotated || r.Dropped == c.rotated || w.states() != c.states || c.rotated && (!w.enters(w.newest()) || w.enters(old)) || r.Retired != (c.rotated && c.key) {
					t.Errorf("%+v, %s", r, w.states())
				}
				if !c.rotated {
					w.notes(r, "version 2 is dropped: the tenant does not take it, but version 1")
				}
				if n := len(w.tenant.ClientKeys("usher")); c.key && n != 1 {
					t.Errorf("%d public keys", n)
				}
			})
		})
	}
}

// TestNotOverYet: a rotation that cannot begin as another may come about yet says until
// when, and its name once.
func TestNotOverYet(t *testing.T) {
	t.Parallel()
	inBubble(t, false, nil, func(w *world) {
		w.cutOn(patch, before)
		w.set([]byte(w.newest()))
		sent := time.Now().UTC()
		time.Sleep(time.Minute)
		_, err := w.process(0, 0, rotation.Rotate)
		want := fmt.Sprintf("secret:auth0: a rotation of it is not over yet: version 2 was sent at %s and may come about until %s; try again then",
			sent.Format(time.RFC3339), sent.Add(10*time.Minute).Format(time.RFC3339))
		if err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
		time.Sleep(9*time.Minute + time.Second)
		if r := w.works(rotation.Rotate); !r.Rotated || !r.Dropped {
			t.Errorf("%+v", r)
		}
	})
}

// loses has the newest version be sealed by a new ring, and the key of all others be gone.
func (w *world) loses() {
	w.Helper()
	newest, _ := secret.Newest(w.rows(), name)
	value := w.value(newest)
	text, _, err := secret.NewKey()
	if err == nil {
		w.ring, err = secret.ParseRing(text)
	}
	if err == nil {
		newest, err = w.ring.Seal(newest, []byte(value))
	}
	if err == nil {
		err = w.db.Secrets().Update(context.Background(), func(tx secret.Tx) error { return tx.PutSecret(context.Background(), newest) })
	}
	if err != nil {
		w.Fatal(err)
	}
}

// TestLostKey: a version on its way whose key is gone from the ring stops nothing for ever,
// and what may be left at the tenant is told.
func TestLostKey(t *testing.T) {
	t.Parallel()
	for _, key := range []bool{false, true} {
		t.Run(fmt.Sprint("intended, key ", key), func(t *testing.T) {
			t.Parallel()
			inBubble(t, key, nil, func(w *world) {
				w.cutOn(patch, before)
				w.loses()
				if !key {
					w.notes(w.works(rotation.Resume), "version 2 is kept until it cannot come about")
				}
				time.Sleep(time.Hour)
				r := w.works(rotation.Resume)
				w.notes(r, "version 2 is dropped: it is sealed by key ", "which is not in the key ring")
				if !r.Dropped || w.states() != "1" || strings.Contains(fmt.Sprint(r.Notes), "remove it there") != key {
					t.Errorf("%+v, %s", r, w.states())
				}
				w.tells(map[string]int{"secret.dropped": 1})
				if !key {
					w.works(rotation.Rotate)
				}
			})
		})
	}
	t.Run("retiring", func(t *testing.T) {
		t.Parallel()
		inBubble(t, true, nil, func(w *world) {
			w.works(unhurried)
			w.loses()
			time.Sleep(time.Hour)
			r := w.works(rotation.Resume)
			w.notes(r, "version 1 is not taken back: it is sealed by key ", "remove it there")
			if r.Retired || w.states() != "2" {
				t.Errorf("%+v, %s", r, w.states())
			}
			w.tells(map[string]int{"secret.retired": 0, "secret.left": 1})
		})
	})
	t.Run("the one before", func(t *testing.T) {
		t.Parallel()
		inBubble(t, true, nil, func(w *world) {
			w.works(rotation.Rotate)
			w.loses()
			text, _ := public(t, madeKeys()[5])
			id, err := w.tenant.PutClientKey("usher", "of somebody else", text, true)
			if err != nil {
				t.Fatal(err)
			}
			w.fails(rotation.Rotate, id+" of somebody else is not ours")
		})
	})
	t.Run("needed", func(t *testing.T) {
		t.Parallel()
		inBubble(t, false, nil, func(w *world) {
			w.cutOn(patch, after)
			before := w.ring
			w.loses()
			time.Sleep(time.Hour)
			c := w.config()
			c.Enter = func(one auth0.Credential) (*auth0.Client, error) { // w would miss what it cannot open
				return auth0.New(auth0.Config{URL: address, ClientID: "usher", Secret: one.Secret, HTTP: w.tenant.Transport()})
			}
			_, err := rotation.Resume(context.Background(), c)
			if err == nil || !strings.Contains(err.Error(), "version 2 was on its way and cannot be tried, as it is sealed by key ") || w.states() != "2 intended, 1" {
				t.Errorf("%v, %s", err, w.states())
			}
			w.tells(map[string]int{"secret.dropped": 0})
			w.ring = before
			intent, _ := secret.Intention(w.rows(), name)
			if !w.enters(w.value(intent)) {
				t.Error("what the tenant takes is not kept")
			}
		})
	})
}

// TestWrongOneIsNewest: where the tenant takes the version before the newest, that is what
// is rotated, and taken back.
func TestWrongOneIsNewest(t *testing.T) {
	t.Parallel()
	inBubble(t, true, nil, func(w *world) {
		old := w.newest()
		w.rotate(madeKeys()[6])
		r := w.works(rotation.Rotate)
		if !r.Rotated || !r.Retired || len(r.Notes) > 0 || w.states() != "3, 2" || w.enters(old) || !w.enters(w.newest()) || len(w.tenant.ClientKeys("usher")) != 1 {
			t.Errorf("%+v, %s, %+v", r, w.states(), w.tenant.ClientKeys("usher"))
		}
	})
}
