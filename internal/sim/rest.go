// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/provision"
)

// drain lets everything go on until every process is idle.
func (w *world) drain() {
	for moves := 0; ; moves++ {
		w.settle()
		if w.broken() {
			return
		}
		if moves > 50_000 {
			w.violate(9, "nothing goes wrong any more, and the engine does not come to rest")
			return
		}
		ready := w.ready()
		switch {
		case len(ready) > 0:
			w.let(ready[0])
		case w.anybodyBusy():
			w.pass(48*time.Hour, true)
		default:
			return
		}
	}
}

func (w *world) anybodyBusy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.procs, func(p *process) bool { return p.busy && !p.dead && !p.still })
}

// doubtful says that there is something that only a look at everything can find.
func (w *world) doubtful() bool {
	return slices.ContainsFunc(w.apps, func(a *fakeApp) bool { return a.restored || len(a.tainted) > 0 })
}

// settling says that some app may not show yet what was written to it: a look at everything
// would take that for what others have changed.
func (w *world) settling() bool {
	return slices.ContainsFunc(w.apps, func(a *fakeApp) bool { return a.settle > 0 })
}

// rest lets time pass in which nobody asks for anything.
func (w *world) rest(d time.Duration) {
	for until := time.Now().Add(d); time.Now().Before(until); w.settle() {
		w.pass(time.Until(until), false)
	}
}

// cycle is one order, carried out to its end.
func (w *world) cycle(o order) {
	if w.broken() {
		return
	}
	if w.releases && o.people == nil {
		o.release = w.holds()
	}
	w.note("p%d is asked for a cycle, waiting %s, verify %t, for %v", w.live.n, o.wait, o.verify, o.people)
	w.live.ask(o)
	w.drain()
}

// cycles asks for cycles until one sends nothing, at most so many.
func (w *world) cycles(why string, o order, most int) {
	for range most {
		if w.broken() {
			return
		}
		w.note("%s", why)
		before := w.writes()
		w.cycle(o)
		w.attend()
		if w.writes() == before && len(w.paused()) == 0 {
			return
		}
	}
}

// holds are those that stand, which somebody agrees to from here on.
func (w *world) holds() map[string]bool {
	ids := map[string]bool{}
	w.kept = map[string]int{}
	w.view(func(ctx context.Context, tx provision.Tx) error {
		holds, err := tx.Holds(ctx)
		for _, h := range holds {
			ids[h.ID] = true
			if h.Cause == provision.CauseMembership {
				w.kept[h.App] = h.Count
			}
		}
		return err
	})
	return ids
}

// paused are the apps to which nothing is sent.
func (w *world) paused() (names []string) {
	w.view(func(ctx context.Context, tx provision.Tx) error {
		for _, a := range w.apps {
			s, err := tx.App(ctx, a.name)
			if err != nil {
				return err
			}
			if s.Paused != "" && !a.down {
				names = append(names, a.name)
			}
		}
		return nil
	})
	return names
}

// attend does by hand what an app is paused for: whoever is not there any more is made
// anew, one by one.
func (w *world) attend() {
	for _, name := range w.paused() {
		for _, h := range w.hr.workers {
			if id := w.oracle.id(h.key); id != "" && !w.broken() {
				w.cycle(order{wait: 26 * time.Hour, app: name, people: []string{id}})
			}
		}
	}
}

// enable asks for everybody by name whom others have shut out, as the engine has found, and who
// is to be in.
func (w *world) enable() {
	for _, a := range w.apps {
		found := map[string]bool{}
		w.view(func(ctx context.Context, tx provision.Tx) error {
			s, err := tx.Subjects(ctx, provision.Query{App: a.name, Limit: 1000, Now: time.Now()})
			for _, x := range s {
				found[x.Person.ID] = x.Account.Last == provision.Shut
			}
			return err
		})
		for _, h := range w.hr.workers {
			if id := w.oracle.id(h.key); a.shut[h.key] && found[id] && !w.broken() {
				w.cycle(order{wait: 26 * time.Hour, app: a.name, people: []string{id}})
			}
		}
	}
}

// heal ends what was still wrong, and has everything tried again that was set aside.
func (w *world) heal() {
	for _, a := range w.apps {
		a.down, a.poison = false, map[string]bool{}
	}
	w.update(func(ctx context.Context, tx provision.Tx) error {
		for _, a := range w.apps {
			if err := tx.MarkApp(ctx, a.name); err != nil {
				return err
			}
			groups, err := tx.Groups(ctx, a.name)
			if err != nil {
				return err
			}
			for _, g := range groups {
				g.Parked = ""
				if err := tx.PutGroups(ctx, []provision.Group{g}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (w *world) view(fn func(context.Context, provision.Tx) error) {
	ctx := context.Background()
	if err := w.store.Provision().View(ctx, func(tx provision.Tx) error { return fn(ctx, tx) }); err != nil {
		w.violate(0, "the store cannot be read: %v", err)
	}
}

func (w *world) update(fn func(context.Context, provision.Tx) error) {
	ctx := context.Background()
	if err := w.store.Provision().Update(ctx, func(tx provision.Tx) error { return fn(ctx, tx) }); err != nil {
		w.violate(0, "the store cannot be written: %v", err)
	}
}

// writes counts the writing requests that ever arrived.
func (w *world) writes() int { return w.oracle.writing }

// end ends every process.
func (w *world) end() {
	for _, p := range w.procs {
		p.die()
		w.mu.Lock()
		p.still = false
		w.mu.Unlock()
	}
	w.late = nil
	w.settle()
	for _, p := range w.procs {
		<-p.done
	}
}

// dump notes what the engine keeps of an app.
func (w *world) dump() {
	w.view(func(ctx context.Context, tx provision.Tx) error {
		for _, a := range w.apps {
			s, err := tx.Subjects(ctx, provision.Query{App: a.name, Limit: 1000, Now: time.Now()})
			if err != nil {
				return err
			}
			for _, x := range s {
				w.note("    %s: %s %s: %q %q %+v in %v", a.name, w.oracle.keys[x.Person.ID], x.Person.State, x.Account.RemoteID, x.Account.State, x.Account.Standing, x.Members)
			}
			groups, err := tx.Groups(ctx, a.name)
			if err != nil {
				return err
			}
			for _, id := range slices.Sorted(maps.Keys(groups)) {
				w.note("    %s: %+v", a.name, groups[id])
			}
		}
		return nil
	})
}
