// SPDX-License-Identifier: Apache-2.0

package heap

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestPercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 300, 1 << 20: 300, 4 << 20: 300, 6 << 20: 200, 12 << 20: 100, 1 << 40: 100} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes: %d %%, want %d", live, got, want)
		}
	}
}

// What is nearly right stays, but for what a large heap is to have.
func TestNear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		set, want int
		stays     bool
	}{{300, 300, true}, {300, 250, true}, {300, 200, false}, {usual, 130, true}, {130, usual, false}, {usual, usual, true}} {
		if near(c.set, c.want) != c.stays {
			t.Errorf("%d %% for %d %%: stays %t", c.set, c.want, !c.stays)
		}
	}
}

// A heap that is small may grow by some megabytes, one that is large doubles, and it goes
// back again: what is set follows each collection.
func TestItFollowsTheHeap(t *testing.T) {
	set := make(chan int, 1)
	h := &heap{percent: usual}
	h.again()
	// One goroutine runs all finalizers, so that what is set is read there, between two of
	// them.
	after := func() int {
		runtime.SetFinalizer(new([16]int), func(*[16]int) { set <- h.percent })
		runtime.GC()
		return <-set
	}
	settle := func() (p int) {
		for range 3 { // the live heap of one collection is what the next is set by
			p = after()
		}
		return p
	}
	if p := settle(); p < 2*usual {
		t.Errorf("a small heap grows by %d %%", p)
	}
	func() {
		large := make([]byte, 64<<20)
		if p := settle(); p != usual {
			t.Errorf("a large heap grows by %d %%", p)
		}
		runtime.KeepAlive(large)
	}()
	if p := settle(); p < 2*usual {
		t.Errorf("a heap that is small again grows by %d %%", p)
	}
	h.stop()
	if p := debug.SetGCPercent(usual); p != usual {
		t.Errorf("%d %% are left", p)
	}
}
