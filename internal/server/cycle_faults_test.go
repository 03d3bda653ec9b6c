// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

// What vanished at the app is made again, with all that belongs to it.
func TestMadeAgainWithItsMemberships(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.apply()
		w.app.drop(app.KindUser, w.app.id(app.KindUser, "p001"))
		w.staff[0].first = "q001"
		w.apply()
		w.full("A", 3)
		w.alive(3)

		w.app.drop(app.KindGroup, w.app.id(app.KindGroup, "A"))
		w.staff = append(w.staff, staff(4)[3])
		w.apply()
		w.full("A", 4) // everybody, not only who was added
		w.quiet()
	})
}

// soon is longer than a file takes to lie still, and shorter than any retry.
const soon = time.Second

// A cycle for one person neither spins on the retries of others nor waits for them.
func TestOnePersonWaitsForNobody(t *testing.T) {
	t.Parallel()
	for name, overdue := range map[string]bool{"ahead": false, "overdue": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				w.staff = staff(3)
				w.apply()
				w.app.before = func(c call) *app.Error {
					if c.op == "patch" {
						return busy(time.Hour)
					}
					return nil
				}
				w.staff[0].first = "q001"
				if rep := w.apply(); rep.Waiting != 1 {
					t.Fatalf("%+v", rep)
				}
				w.app.before = nil
				if overdue {
					time.Sleep(2 * time.Hour) // of the bubble
				}
				start := time.Now()
				rep := w.steer(server.Options{Person: "2", Wait: 3 * time.Hour}).Apps["app"]
				if d := time.Since(start); d > soon || rep.Writes() != 0 || rep.Waiting != 0 {
					t.Errorf("%+v after %v", rep, d)
				}
				w.steer(server.Options{Wait: 3 * time.Hour})
				w.quiet()
			})
		})
	}
}

// A group's retry that nothing needs any more keeps no cycle going.
func TestLeftoverGroupRetry(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.apply()
		w.app.before = func(c call) *app.Error {
			if c.op == "add" {
				return busy(time.Hour)
			}
			return nil
		}
		w.staff[0].dept = "B"
		if rep := w.apply(); rep.Waiting == 0 {
			t.Fatalf("%+v", rep)
		}
		w.app.before = nil
		w.staff[0].dept = "A"
		time.Sleep(2 * time.Hour) // of the bubble
		start := time.Now()
		rep := w.steer(server.Options{Wait: 3 * time.Hour}).Apps["app"]
		if d := time.Since(start); d > soon || rep.Waiting != 0 {
			t.Errorf("%+v after %v", rep, d)
		}
		w.full("A", 3)
		w.full("B", 0)
		w.quiet()
	})
}

// A member whom the app shows, and denies when it comes to groups, is set aside.
func TestDeniedMemberIsSetAside(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.app.before = func(c call) *app.Error {
			if c.op == "add" && slices.Contains(c.members, "p001") {
				return missing()
			}
			return nil
		}
		rep := w.steer(server.Options{Wait: time.Hour}).Apps["app"]
		if rep.Parked != 1 || rep.MemberAdd != 2 || rep.Requests > 50 {
			t.Errorf("%+v", rep)
		}
		w.full("A", 2)
		w.alive(3)
		w.quiet()
	})
}

// Somebody who can neither be created nor be looked up delays nobody.
func TestPoisonedLookUpDelaysNobody(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(10)
		w.app.before = func(c call) *app.Error {
			switch {
			case c.on("create", "p001"):
				return &app.Error{Class: app.Ambiguous, Status: 500}
			case c.on("find", "p001"):
				return refused("bad filter")
			}
			return nil
		}
		if rep := w.apply(); rep.Create != 9 || rep.Parked != 1 || rep.Paused != "" {
			t.Errorf("%+v", rep)
		}
		w.staff = staff(20)
		w.staff[4].end = past
		if rep := w.apply(); rep.Create != 10 || rep.Disable != 1 || rep.Paused != "" {
			t.Errorf("%+v", rep)
		}
		w.out("p005")
		w.alive(18)
		w.full("A", 18)
	})
}

// renamed gives everybody another name, so that every account is to be written.
func renamed(all []worker) {
	for i := range all {
		all[i].first = fmt.Sprintf("q%03d", i+1)
	}
}

func forbidden() *app.Error {
	return &app.Error{Class: app.Unauthorized, Status: 403, Detail: "not yours"}
}

// One account that nobody may touch is its own affair.
func TestOneForbiddenAccountDelaysNobody(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(40)
		w.apply()
		w.app.before = func(c call) *app.Error {
			if c.on("patch", "p001") {
				return forbidden()
			}
			return nil
		}
		renamed(w.staff)
		if rep := w.apply(); rep.Update != 39 || rep.Parked != 1 || rep.Paused != "" {
			t.Errorf("%+v", rep)
		}
		w.quiet()
	})
}

// An app that is down is told of by its breaker: in the status, with when it is asked
// again, and in the ledger, once. It closes when something has gone through.
func TestBreakerIsTold(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(20)
		w.apply()
		told := func(want provision.Breaker) server.AppStatus {
			t.Helper()
			u := w.open()
			defer u.Close()
			s, err := u.Status(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			a := s.Apps[0]
			if a.Breaker != want || (a.Paused != "") != (want == provision.Open) || (a.PausedSince != nil) != (want != provision.Closed) {
				t.Errorf("%s, want %s: %+v", a.Breaker, want, a)
			}
			return a
		}
		told(provision.Closed)
		w.app.before = func(call) *app.Error { return &app.Error{Class: app.Unreachable} }
		renamed(w.staff)
		if rep := w.apply(); rep.Paused == "" || rep.Update != 0 {
			t.Errorf("%+v", rep)
		}
		if a := told(provision.Open); a.RetryAt == nil || !a.RetryAt.After(time.Now()) || time.Until(*a.RetryAt) > time.Minute {
			t.Errorf("asked again at %v", a.RetryAt)
		}
		w.app.before = nil
		if rep := w.apply(); rep.Paused != "" || rep.Update != 20 {
			t.Errorf("%+v", rep)
		}
		told(provision.Closed)
		if paused, resumed := w.events("app.paused"), w.events("app.resumed"); paused != 1 || resumed != 1 {
			t.Errorf("%d events app.paused, %d app.resumed", paused, resumed)
		}
		w.quiet()
	})
}

// An app that forbids everything is left alone until its rights are back.
func TestAllForbiddenPausesTheApp(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(200)
		w.apply()
		w.app.before = func(c call) *app.Error {
			if c.writes() {
				return forbidden()
			}
			return nil
		}
		renamed(w.staff)
		for range 2 {
			before := w.app.Requests()
			rep := w.apply()
			if n := w.app.Requests() - before; rep.Paused == "" || rep.Update != 0 || n > 80 {
				t.Errorf("%d requests, %+v", n, rep)
			}
		}
		w.app.before = nil
		if rep := w.apply(); rep.Update != 200 || rep.Paused != "" || rep.Parked != 0 {
			t.Errorf("%+v", rep)
		}
		w.quiet()
	})
}

// A retry that is over, of an operation that is held now, keeps no cycle going.
func TestHeldWithAnOldRetryEnds(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(40)
		w.apply()
		w.app.before = func(c call) *app.Error {
			if c.off {
				return busy(time.Hour)
			}
			return nil
		}
		w.scope("p003")
		if rep := w.apply(); rep.Waiting != 3 {
			t.Fatalf("%+v", rep)
		}
		w.app.before = nil
		time.Sleep(2 * time.Hour) // of the bubble
		for i := range w.staff[3:6] {
			w.staff[3+i].first = fmt.Sprintf("a%03d", i) // out of scope as well, and six are too many
		}
		start := time.Now()
		rep := w.steer(server.Options{Wait: 3 * time.Hour}).Apps["app"]
		if d := time.Since(start); d > soon || rep.Held != 6 || rep.Disable != 0 {
			t.Errorf("%+v after %v", rep, d)
		}
		w.alive(40)
	})
}

// Several requests of one group without an answer have one effect each, told once.
func TestAmbiguousChunksOfOneGroup(t *testing.T) {
	t.Parallel()
	for name, carried := range map[string]bool{"carried out": true, "not carried out": false} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				w.staff = staff(12)
				w.app.profile.MaxMembersPerRequest = 4
				n := 0
				fault := func(c call) *app.Error {
					if c.op != "add" {
						return nil
					}
					if n++; n > 3 {
						return nil
					}
					return &app.Error{Class: app.Ambiguous}
				}
				if carried {
					w.app.after = fault
				} else {
					w.app.before = fault
				}
				if rep := w.apply(); rep.MemberAdd != 12 || rep.Waiting != 0 {
					t.Errorf("%+v", rep)
				}
				w.full("A", 12)
				w.quiet()
				if n := w.events("member.added"); n != 12 {
					t.Errorf("%d events for 12 effects", n)
				}
			})
		})
	}
}

// A group's rename that could not be done yet is not passed over in silence.
func TestUnfinishedGroupRenameWaits(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.apply()
		w.app.before = func(c call) *app.Error {
			if c.op == "patch" && c.kind == app.KindGroup {
				return busy(time.Hour)
			}
			return nil
		}
		w.edit("display_name: team.value", `display_name: '"G-" + team.value'`)
		for range 2 {
			if rep := w.apply(); rep.Waiting != 1 || rep.GroupUpdate != 0 {
				t.Errorf("%+v", rep)
			}
		}
		w.app.before = nil
		if rep := w.steer(server.Options{Wait: 2 * time.Hour}).Apps["app"]; rep.GroupUpdate != 1 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		w.full("G-A", 3)
		w.quiet()
	})
}
