// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/usher-id/usher/internal/directory"
)

// TestRecordsAndTheirPeople: whatever two sources say of a few numbers, in whatever
// order, a record changes its person only after it was gone, nobody has two records
// of one source that are there, and whoever is held by nobody is out.
func TestRecordsAndTheirPeople(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 11))
		waits := seed%2 == 0
		h := pair(t, waits)
		hand := func() file {
			f := file{}
			for i := range 5 {
				if random.IntN(3) == 0 {
					continue
				}
				r := row{number: fmt.Sprint(random.IntN(6)), nickName: fmt.Sprint(random.IntN(3))}
				if random.IntN(5) == 0 {
					r[number] = ""
				}
				if !waits && random.IntN(4) == 0 {
					r[endDate] = day(-random.IntN(5))
				}
				f[fmt.Sprint(i)] = r
			}
			return f
		}
		before := map[directory.Key]directory.Record{}
		for step := range 14 {
			source := []string{"hr", "more"}[random.IntN(2)]
			h.reads(source, hand())
			after := map[directory.Key]directory.Record{}
			for id, l := range h.everyone() {
				if len(l.Records) == 0 {
					t.Fatalf("seed %d, step %d: nobody speaks of %s", seed, step, id)
				}
				there, held := map[string]int{}, false
				for _, r := range l.Records {
					after[r.Key] = r
					if r.Missing.IsZero() {
						there[r.Source]++
						held = held || r.Holds
					}
				}
				if there["hr"] > 1 || there["more"] > 1 {
					t.Fatalf("seed %d, step %d: %s has %v", seed, step, id, there)
				}
				if l.Person.State.In() != held && (held || l.Person.State.In()) && l.Person.State != directory.Leaver {
					t.Fatalf("seed %d, step %d: %s is %s, held %t", seed, step, id, l.Person.State, held)
				}
			}
			for key, was := range before {
				if is, ok := after[key]; ok && is.Person != was.Person && (was.Missing.IsZero() || was.Holds) {
					t.Fatalf("seed %d, step %d: %v went from %s to %s", seed, step, key, was.Person, is.Person)
				} else if !ok && was.Person != "" && !waits {
					t.Fatalf("seed %d, step %d: %v is nobody's any more", seed, step, key)
				}
			}
			before = after
		}
		h.quiet()
	}
}
