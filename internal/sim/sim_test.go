// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/internal/sim"
	"github.com/usher-id/usher/internal/store/memory"
	"github.com/usher-id/usher/internal/testenv"
)

var (
	runs     = flag.Int("runs", 500, "how many runs are made")
	from     = flag.Uint64("from", 0, "the first seed")
	seedFlag = flag.Int64("seed", -1, "the seed of the one run to make, with all of its trace")
	bug      = flag.String("bug", "", "the planted bug with which runs are made (build tag planted)")
	tries    = flag.Int("tries", 5_000, "in how many runs a planted bug has to be found")
	report   = flag.String("report", "", "a file for the table and the last line")
)

// play makes one run in a bubble of its own.
func play(t *testing.T, seed uint64, told sim.Told) sim.Result {
	t.Helper()
	var res sim.Result
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = sim.Run(seed, memory.New(), told); err != nil {
			t.Fatal(err)
		}
	})
	return res
}

// each makes runs on all processors until so many are made, or fn has enough.
func each(t *testing.T, from uint64, n int, fn func(t *testing.T, r sim.Result) (more bool)) {
	t.Helper()
	var next atomic.Uint64
	var mu sync.Mutex
	enough := false
	t.Run("runs", func(t *testing.T) {
		for w := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for {
					i := next.Add(1) - 1
					if i >= uint64(n) {
						return
					}
					res := play(t, from+i, sim.Ending)
					over := func() bool {
						mu.Lock()
						defer mu.Unlock()  // as fn may end the goroutine
						more := fn(t, res) // of what was begun before there was enough, too
						enough = enough || !more
						return enough
					}()
					if over {
						return
					}
				}
			})
		}
	})
}

// Runs from one seed each, with everything that goes wrong in them. With the build tag
// planted each of the engine's planted bugs has to be found, too.
func TestSim(t *testing.T) {
	// Runs are short, and make much that is soon forgotten: what is kept of them is next to nothing. What they make is let go
	// whenever it has come to so much.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(160 << 20)
	planted.Choose(planted.Bug(*bug))
	if *seedFlag >= 0 {
		res := play(t, uint64(*seedFlag), sim.Reads)
		t.Logf("%s\n%s", strings.Join(res.Trace, "\n"), res)
		for _, v := range res.Violations {
			t.Error(v)
		}
		return
	}
	var sum sim.Summary
	each(t, *from, *runs, func(t *testing.T, r sim.Result) bool {
		sum.Add(r)
		what, known := open[r.Seed]
		switch {
		case planted.Enabled, !known: // make sim excuses nothing
		case len(r.Violations) == 0:
			t.Errorf("seed %d is right now: take it from the list of what is open (%s)", r.Seed, what)
		default:
			t.Logf("seed %d is open: %s: %s", r.Seed, what, r.Violations[0])
			return true
		}
		switch {
		case len(r.Violations) > 0 && sum.Violated > mostTold:
			t.Errorf("seed %d: %s", r.Seed, r.Violations[0])
		case len(r.Violations) > 0:
			r.Trace = play(t, r.Seed, sim.Everything).Trace
			t.Errorf("%s\n%s", r.Failure(commit(t)), "replay: go test ./internal/sim -run '^TestSim$' "+fmt.Sprintf("-seed %d", r.Seed))
		}
		return true
	})
	text, line := sum.Table()+"\n"+sum.Figures()+"\n", fmt.Sprintf("sim: %d runs, %d violations", sum.Runs, sum.Violated)
	if planted.Enabled && *bug == "" {
		found := 0
		for _, b := range planted.All {
			what, ok := hunt(t, b)
			if text += what + "\n"; ok {
				found++
			}
		}
		if line += fmt.Sprintf(", planted bugs %d of %d", found, len(planted.All)); found < len(planted.All) {
			t.Error("not every planted bug was found")
		}
	}
	text += line + "\n"
	t.Log(text)
	if *report != "" {
		if err := os.WriteFile(*report, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// mostTold is of how many runs that are not right the whole is told.
const mostTold = 10

// open are runs, of those that every build makes, that are not right and not understood yet. Nothing else of a
// run in the list is looked at, so it is to be short, and empty before make sim can end well.
var open = map[uint64]string{}

// hunt looks for a planted bug, and says what was found: a run that is not right with it, and is without.
func hunt(t *testing.T, b planted.Bug) (what string, found bool) {
	t.Helper()
	defer planted.Choose("")
	n := 0
	for n < *tries {
		var with *sim.Result
		planted.Choose(b)
		each(t, *from+uint64(n), *tries-n, func(_ *testing.T, r sim.Result) bool {
			if len(r.Violations) > 0 && (with == nil || r.Seed < with.Seed) {
				with = &r
			}
			return with == nil
		})
		if with == nil {
			break
		}
		n = int(with.Seed-*from) + 1
		planted.Choose("")
		if len(play(t, with.Seed, sim.Ending).Violations) == 0 {
			return fmt.Sprintf("%s is found in %d runs, by seed %d (%s): %s", b, n, with.Seed, with.Class, with.Violations[0]), true
		}
	}
	return fmt.Sprintf("%s is NOT found in %d runs", b, *tries), false
}

// The same seed makes the same run, step by step.
func TestSame(t *testing.T) {
	t.Parallel()
	n := uint64(40)
	if testing.Short() {
		n = 10
	}
	for s := range n {
		a, b, c := play(t, s, sim.Everything), play(t, s, sim.Everything), play(t, s, sim.Ending)
		if a.String() != c.String() || !maps.Equal(a.Hits, c.Hits) {
			t.Fatalf("a run that nothing is told of is another one:\n%s %v\n%s %v", a, a.Hits, c, c.Hits)
		}
		if a.Sum == b.Sum {
			continue
		}
		for i := range min(len(a.Trace), len(b.Trace)) {
			if a.Trace[i] != b.Trace[i] {
				t.Fatalf("seed %d: two runs differ in line %d:\n%s\n%s\n\n%s", s, i, a.Trace[max(0, i-5):i], a.Trace[i], b.Trace[i])
			}
		}
		t.Fatalf("seed %d: one of two runs is longer: %d and %d lines", s, len(a.Trace), len(b.Trace))
	}
}

// commit is the version of which a failure is told.
func commit(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "git", "describe", "--always", "--dirty", "--abbrev=12")
	cmd.Dir = testenv.Root(t)
	out, err := cmd.Output()
	if err != nil {
		return "of an unknown commit"
	}
	return strings.TrimSpace(string(out))
}
