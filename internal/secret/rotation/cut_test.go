// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/secret/rotation"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// cutsOfEach is how often each of the two kinds of credential is cut, at least: every step
// in every way, whatever it says.
func cutsOfEach() int {
	if testing.Short() {
		return 100
	}
	return 500
}

// TestCutAtEveryStep: a rotation of either credential is cut 500 times: every request and
// every transaction of it in every way, what goes on after a cut cut again and again. At
// every instant the tenant takes what is sealed here and has two keys at most; once one
// is left to its end, the newest version is what it takes, and the old one is not needed.
func TestCutAtEveryStep(t *testing.T) {
	t.Parallel()
	madeKeys()
	for _, key := range []bool{false, true} {
		t.Run(map[bool]string{false: "secret", true: "key"}[key], func(t *testing.T) {
			t.Parallel()
			dir, seed := sqlitetest.Dir(t), uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, dir, key, func(c *auth0test.Config) { c.SecretLag = 17 * time.Second })
				defer w.close()
				w.cuts(rand.New(rand.NewPCG(seed, 1)))
			})
		})
	}
}

// cuts cuts rotations, the first time at every effect in every way, later wherever.
func (w *world) cuts(luck *rand.Rand) {
	if _, err := w.process(0, 0, rotation.Rotate); err != nil {
		w.Fatal(err)
	}
	done, rotations, most := 0, 1, w.effects
	hit, everywhere := map[string]int{}, false
	for at, how := 1, mode(0); done < cutsOfEach() || !everywhere; {
		old := w.newest()
		_, err := w.process(at, how, rotation.Rotate)
		if w.effects >= at {
			done++
			hit[fmt.Sprint(at, how)]++
		}
		for again := luck.IntN(4); err != nil && again > 0; again-- {
			w.passes(luck)
			next, other := 1+luck.IntN(9), mode(luck.IntN(int(modes)))
			_, err = w.process(next, other, []func(context.Context, rotation.Config) (rotation.Result, error){rotation.Rotate, rotation.Resume}[luck.IntN(2)])
			if w.effects >= next {
				done++
			}
		}
		w.passes(luck)
		w.ends(old)
		rotations++
		if how++; how == modes {
			at, how = at+1, 0
		}
		if at > most { // every step has been cut in every way
			everywhere = true
			at = 1 + luck.IntN(most)
		}
	}
	w.Logf("%d cuts in %d rotations, of %d effects at most", done, rotations, most)
	for at := 1; at <= most; at++ {
		for how := range modes {
			if hit[fmt.Sprint(at, how)] == 0 {
				w.Errorf("effect %d was never cut in the way %d", at, how)
			}
		}
	}
	w.ledger(rotations)
}

// passes lets some time go by, or none.
func (w *world) passes(luck *rand.Rand) {
	time.Sleep([]time.Duration{0, time.Second, 20 * time.Second, 45 * time.Second, 11 * time.Minute}[luck.IntN(5)])
	if !slices.ContainsFunc(w.rows(), func(s secret.Sealed) bool { return w.enters(w.value(s)) }) {
		w.Fatal("locked out: the tenant takes nothing that is sealed, now")
	}
}

func (w *world) newest() string {
	w.Helper()
	s, ok := secret.Newest(w.rows(), name)
	if !ok {
		w.Fatal("nothing is set")
	}
	return w.value(s)
}

// ends lets whoever comes next finish what was cut, and holds that it is finished: by
// Resume, or by a rotation if there is nothing to go on with.
func (w *world) ends(old string) {
	w.Helper()
	do := rotation.Resume
	if w.newest() == old && !rotation.Pending(w.rows(), name) {
		do = rotation.Rotate
	}
	if _, err := w.process(0, 0, do); err != nil {
		w.Fatalf("it is not finished: %v", err)
	}
	time.Sleep(time.Minute)
	rows, now := w.rows(), w.newest()
	if now == old || !w.enters(now) || w.enters(old) {
		w.Fatalf("the newest is another one: %t, is taken: %t, the old one is taken: %t", now != old, w.enters(now), w.enters(old))
	}
	// A cut behind the end of a rotation may have had another one follow it.
	if len(rows) != 2 || rows[0].State != secret.Held || rows[1].State != secret.Held || w.enters(w.value(rows[1])) {
		w.Fatalf("what is kept: %+v", rows)
	}
	if keys := w.tenant.ClientKeys("usher"); w.key && (len(keys) != 1 || !keys[0].Active) {
		w.Fatalf("keys at the tenant: %+v", keys)
	}
	if w.key {
		return
	}
	if !w.tenant.HoldsSecret("usher", now) {
		w.Fatal("the tenant holds another one")
	}
}

// ledger holds that each rotation is told once, from its intention to its end, and no
// value is.
func (w *world) ledger(rotations int) {
	w.Helper()
	kinds, text := w.told()
	count := map[string]int{}
	for _, k := range kinds {
		count[k]++
	}
	done := count["secret.rotated"]
	if done < rotations || count["secret.intended"] != done+count["secret.dropped"] {
		w.Errorf("%d rotations, told: %v", rotations, count)
	}
	if w.key && count["secret.retired"] != done || !w.key && count["secret.retired"] != 0 {
		w.Errorf("%d rotations, told: %v", rotations, count)
	}
	if strings.Contains(text, w.newest()) || strings.Contains(text, firstSecret) || strings.Contains(text, "PRIVATE KEY") {
		w.Error("the ledger has a value")
	}
	for _, r := range w.tenant.Refusals() {
		if r.Path != "/oauth/token" && r.Code != "invalid_token" {
			w.Errorf("refused: %+v", r)
			break
		}
	}
}
