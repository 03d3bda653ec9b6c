// SPDX-License-Identifier: Apache-2.0

// Package heap decides when memory is collected. It holds no state but the setting of the
// runtime, and starts no goroutine: the runtime calls it after each collection.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// room is how much is allocated at least between two collections. A service that keeps
// next to nothing, as its state is in a store, is otherwise collected once for every 4 MB,
// which is each 40 requests, and that costs a quarter of what the requests do. A heap of
// more than this is collected when it has doubled, as any is.
const room = 12 << 20

// usual is the runtime's own percentage.
const usual = 100

// Roomy lets the heap of the process grow by some megabytes before it is collected, however
// small it is, until stop is called. Whoever sets GOGC decides that alone.
func Roomy() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	h := &heap{percent: usual}
	h.adjust()
	h.again()
	return h.stop
}

// heap is what is set. After each collection the goroutine of finalizers sees to it.
type heap struct {
	mu      sync.Mutex
	percent int
	over    bool
}

// again has adjust called after the next collection, and so on.
func (h *heap) again() {
	type mark struct{ of *heap }
	runtime.SetFinalizer(&mark{h}, func(m *mark) {
		if m.of.adjust() {
			m.of.again()
		}
	})
}

func (h *heap) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	debug.SetGCPercent(usual)
}

// adjust sets the percentage of what lives that may be allocated before the next
// collection. To set it stops everybody for a moment, so that it is left as it is while it
// is nearly right.
func (h *heap) adjust() (goOn bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return false
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if want := percentFor(live[0].Value.Uint64()); !near(h.percent, want) {
		h.percent = want
		debug.SetGCPercent(want)
	}
	return true
}

// near says that what is set may stay. A large heap doubles, and grows by no more.
func near(set, want int) bool {
	if want == usual {
		return set == usual
	}
	return want*4 > set*3 && want*3 < set*4
}

// least is what the runtime takes a heap for that is smaller: it is collected when it comes
// to this many bytes, times the percentage.
const least = 4 << 20

// percentFor is the percentage by which a heap of this size grows by room, or doubles.
func percentFor(live uint64) int {
	return max(usual, int(room*100/max(live, least)))
}
