// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/secret/rotation"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// TestSecondActor: while rotations run and are cut, somebody else sets what the application
// has, puts a wrong value before it, or has everything sealed by a new ring, at any step. At
// every instant the tenant takes what is sealed here (world.sound); what was cut comes to
// an end, and then the newest version is taken, unless it is the wrong one and nothing was
// on its way any more that could go over it.
func TestSecondActor(t *testing.T) {
	t.Parallel()
	madeKeys()
	rounds := 120
	if testing.Short() {
		rounds = 30
	}
	for _, key := range []bool{false, true} {
		t.Run(map[bool]string{false: "secret", true: "key"}[key], func(t *testing.T) {
			t.Parallel()
			dir, seed := sqlitetest.Dir(t), uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, dir, key, func(c *auth0test.Config) { c.SecretLag = 17 * time.Second })
				defer w.close()
				luck, did := rand.New(rand.NewPCG(seed, 1)), map[string]int{}
				for range rounds {
					w.round(luck, did)
				}
				t.Logf("%v", did)
				for _, what := range []string{"rotated", "set", "wrong", "rewrapped"} {
					if did[what] == 0 {
						t.Errorf("never %s", what)
					}
				}
			})
		})
	}
}

// round is one rotation with a second actor in it, to its end.
func (w *world) round(luck *rand.Rand, did map[string]int) {
	w.Helper()
	act := func() { did[w.second(luck)]++ }
	w.other, w.otherAt = act, 1+luck.IntN(12)
	r, _ := w.process(luck.IntN(14), mode(luck.IntN(int(modes))), rotation.Rotate) // most are cut
	if r.Rotated {
		did["rotated"]++
	}
	if luck.IntN(3) == 0 {
		act()
	}
	w.other = nil
	for n := 0; n == 0 || rotation.Pending(w.rows(), name); n++ {
		w.passes(luck)
		if n%10 == 9 { // whatever chance says, what may still come about has its time
			time.Sleep(11 * time.Minute)
		}
		r, err := w.process(0, 0, rotation.Resume)
		if r.Rotated {
			did["rotated"]++
		}
		if n == 10 { // a wrong value behind the end is said, and stays until somebody sets another
			if err == nil || !strings.Contains(err.Error(), "the tenant does not take the newest") || w.newest() != w.wrong() {
				w.Fatalf("it comes to no end: %s, %v", w.states(), err)
			}
			w.corrects()
		}
		if n == 20 {
			w.Fatalf("it comes to no end: %s, %v", w.states(), err)
		}
	}
	time.Sleep(time.Minute)
	if !w.enters(w.newest()) {
		if w.newest() != w.wrong() {
			w.Fatalf("the newest is not taken: %s", w.states())
		}
		w.corrects()
	}
	w.sound()
}

// corrects sets what the application has, by hand.
func (w *world) corrects() {
	w.Helper()
	for _, s := range w.rows() {
		if value := w.value(s); w.holds(value) {
			w.set([]byte(value))
			return
		}
	}
	w.Fatal("locked out")
}

func (w *world) wrong() string {
	if w.key {
		return string(madeKeys()[6])
	}
	return "typed wrong"
}

// second is what somebody else does, and its name.
func (w *world) second(luck *rand.Rand) string {
	w.Helper()
	rows := w.rows()
	_, intended := secret.Intention(rows, name)
	switch luck.IntN(3) {
	case 0:
		if w.holds(w.newest()) {
			w.set([]byte(w.newest()))
			return "set"
		}
	case 1:
		if w.newest() != w.wrong() && (w.holds(w.newest()) || intended) {
			w.rotate([]byte(w.wrong()))
			return "wrong"
		}
	}
	w.rewrap()
	return "rewrapped"
}

// rewrap seals everything by a new key, whose ring a process that runs does not have.
func (w *world) rewrap() {
	w.Helper()
	text, _, err := secret.NewKey()
	if err == nil {
		w.ring, err = secret.ParseRing(text + "\n" + w.text)
	}
	if err == nil {
		w.text = text
		_, err = secret.Rewrap(context.Background(), w.db.Secrets(), w.ring, "ines")
	}
	if err != nil {
		w.Fatal(err)
	}
}
