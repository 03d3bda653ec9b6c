// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"testing"

	"github.com/usher-id/usher/internal/sim"
)

// Each fault of the failure model is one that runs have, or has its reason; and runs have
// every one that is said to be had.
func TestFailureModel(t *testing.T) {
	t.Parallel()
	for i, f := range sim.Faults {
		if f.Number != i+1 || f.What == "" || f.Reached == (f.Reason != "") {
			t.Errorf("fault %d is %+v", i+1, f)
		}
	}
	if testing.Short() {
		return
	}
	var sum sim.Summary
	for seed := range uint64(300) {
		sum.Add(play(t, seed, sim.Ending))
	}
	sum.Add(play(t, 1657, sim.Ending)) // the first that has F12, as about one of a thousand does
	for _, f := range sim.Faults {
		if n := sum.Hit(f.Number); (n > 0) != f.Reached {
			t.Errorf("F%d (%s) was met %d times", f.Number, f.What, n)
		}
	}
}
