// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// health is what a daemon knows of itself without asking the store.
type health struct {
	mu      sync.Mutex
	running bool // the engine
	sources map[string]sourceHealth
	apps    map[string]provision.AppReport // of the last cycle
	probed  probe
}

type sourceHealth struct {
	read    time.Time // last with success
	trouble string
}

// probe is the last try to write to the store.
type probe struct {
	at  time.Time
	err error
}

func newHealth() *health {
	return &health{sources: map[string]sourceHealth{}, apps: map[string]provision.AppReport{}}
}

func (h *health) engine(running bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = running
}

// source notes how a read ended and returns the trouble that there was before.
func (h *health) source(name string, at time.Time, trouble string) (was string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sources[name]
	was = s.trouble
	if trouble == "" && !at.IsZero() {
		s.read = at
	}
	s.trouble = trouble
	h.sources[name] = s
	return was
}

// everRead reports whether a source was read at least once, by whatever process.
func (h *health) everRead(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.sources[name].read.IsZero()
}

// cycle notes what a cycle has reported and returns what the one before had.
func (h *health) cycle(app string, r provision.AppReport) (was provision.AppReport) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was = h.apps[app]
	h.apps[app] = r
	return was
}

// probeEvery spares the store a write for every look at /readyz.
const probeEvery = 5 * time.Second

// unready returns why the daemon cannot do its work, nothing if it can.
func (d *daemon) unready(ctx context.Context) (why []string) {
	if err := d.writable(ctx); err != nil {
		why = append(why, "the store cannot be written to: "+err.Error())
	}
	d.health.mu.Lock()
	defer d.health.mu.Unlock()
	if !d.health.running {
		why = append(why, "the engine is not running")
	}
	for _, s := range d.Sources {
		of := d.health.sources[s.Name]
		switch {
		case !of.read.IsZero():
		case of.trouble != "":
			why = append(why, fmt.Sprintf("source %s has never been read: %s", s.Name, of.trouble))
		default:
			why = append(why, fmt.Sprintf("source %s has not been read yet", s.Name))
		}
	}
	return why
}

func (d *daemon) writable(ctx context.Context) error {
	d.health.mu.Lock()
	p := d.health.probed
	d.health.mu.Unlock()
	if time.Since(p.at) < probeEvery {
		return p.err
	}
	err := d.db.Directory().Update(ctx, func(tx directory.Tx) error {
		return tx.PutMeta(ctx, "ready_at", []byte(tx.Now().UTC().Format(time.RFC3339)))
	})
	d.health.mu.Lock()
	defer d.health.mu.Unlock()
	d.health.probed = probe{time.Now(), err}
	return err
}

// ages returns, for every source that was ever read, how long ago that was.
func (h *health) ages(now time.Time) (names []string, ages map[string]time.Duration, troubled map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ages, troubled = map[string]time.Duration{}, map[string]bool{}
	for name, s := range h.sources {
		troubled[name] = s.trouble != ""
		if !s.read.IsZero() {
			ages[name] = now.Sub(s.read)
		}
	}
	return slices.Sorted(maps.Keys(h.sources)), ages, troubled
}
