// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// An app that takes its time to show what it holds, and says just after a DELETE that nobody
// is there, has proven nothing: what its DELETE has left alone is found, and ended.
func TestAbsenceProvesNothingBeforeTheAppHasSettled(t *testing.T) {
	for _, leaves := range []app.Leaves{app.LeavesDisabled, app.LeavesNothing} {
		t.Run(string(leaves), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.Settle = 30 * time.Second
				h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves, h.app.profile.DeleteLeaves = app.ByDelete, leaves, leaves
				h.crew(3, "sales")
				h.apply()
				h.app.forget()
				var sent time.Time
				h.app.faults = func(c call) fault {
					if c.Op == "delete" && c.Nth == 1 {
						sent = time.Now()
						return fault{ignore: true}
					}
					return fault{before: map[bool]*app.Error{true: missing()}[c.Op == "get" && c.Kind == app.KindUser && time.Since(sent) < h.app.profile.Settle]}
				}
				h.put(somebody("p000", directory.Leaver))
				h.apply()
				h.settled()
				if n := h.app.did("delete"); n != 2 {
					t.Errorf("%d deletes, want one more than the app has ignored", n)
				}
			})
		})
	}
}

// The same of a DELETE that the app answers so: it may not know the account yet.
func TestDeleteOfWhatIsNotKnownYet(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Settle = 30 * time.Second
		h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves, h.app.profile.DeleteLeaves = app.ByDelete, app.LeavesNothing, app.LeavesNothing
		h.crew(3, "")
		h.apply()
		h.app.forget()
		h.app.faults = func(c call) fault {
			if c.Op == "delete" && c.Nth == 1 {
				return fault{before: missing()}
			}
			return fault{}
		}
		h.put(somebody("p000", directory.Leaver))
		h.apply()
		h.settled()
	})
}

// Whoever comes back, and whom an app does not let in although it says so, is told of, and not
// taken for somebody whom others have disabled.
func TestIgnoredReturn(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		h.put(somebody("p000", directory.Leaver))
		h.apply()
		h.app.forget()
		h.app.faults = func(c call) fault { return fault{ignore: c.Op == "patch"} }
		h.put(somebody("p000", directory.Active))
		rep := h.apply()
		a := h.account("p000")
		if rep.Update != 0 || rep.Parked != 1 || a.State != provision.Disabled || a.Last != provision.Ignored || h.events("account.updated", "p000") != 0 {
			t.Errorf("%+v %+v", rep, a)
		}
		h.apply()
		if n := h.app.did("patch"); n != 1 {
			t.Errorf("sent %d times", n)
		}
		h.app.faults = nil
		h.put(somebody("p000", directory.Active))
		h.apply()
		h.settled()
	})
}

// Of an app that takes its time to show what it holds that is known only once it has settled:
// then whoever comes back is let in once more, and three times at the most.
func TestIgnoredReturnIsSeenLate(t *testing.T) {
	for _, ignored := range []int{0, 1, 9} {
		t.Run(fmt.Sprint(ignored), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.Settle = 30 * time.Second
				h.crew(3, "sales")
				h.apply()
				h.put(somebody("p000", directory.Leaver))
				h.apply()
				h.app.forget()
				h.app.faults = func(c call) fault { return fault{ignore: c.Op == "patch" && c.Nth <= ignored} }
				h.put(somebody("p000", directory.Active))
				h.apply()
				if want := min(ignored+1, 3); h.app.did("patch") != want {
					t.Errorf("%d requests, want %d", h.app.did("patch"), want)
				}
				if a := h.account("p000"); (a.Parked != "") != (ignored > 3) || a.Last == provision.Shut {
					t.Errorf("%+v", a)
				}
				if ignored < 3 {
					h.settled()
				}
			})
		})
	}
}

// A look-up that fails is no answer of the app's: only what it has answered counts.
func TestLookUpsThatFailAreNoAnswers(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		h.app.forget()
		h.app.faults = func(c call) fault {
			return fault{
				ignore: c.Off && c.Nth == 1,
				before: map[bool]*app.Error{true: broken()}[c.Op == "get" && c.Kind == app.KindUser && c.Nth <= 6],
			}
		}
		h.put(somebody("p000", directory.Leaver))
		h.apply()
		h.settled()
		if n := h.app.did("patch"); n != 2 {
			t.Errorf("%d requests", n)
		}
	})
}

// An account that is read for another reason, too, is not known to be enabled by that.
func TestIgnoredReturnThatCannotBeReadBack(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.mute = true
		h.crew(3, "sales")
		h.apply()
		h.put(somebody("p000", directory.Leaver))
		h.apply()
		h.app.forget()
		h.app.faults = func(c call) fault {
			h.app.ignores = map[bool]string{true: "active"}[c.Op == "patch" && c.Nth == 1]
			return fault{before: map[bool]*app.Error{true: {Class: app.Unreachable}}[c.Op == "get" && c.Kind == app.KindUser && c.Nth == 1]}
		}
		h.put(somebody("p000", directory.Active, "displayName", "x"))
		rep := h.apply()
		h.settled()
		if len(rep.NotKept) > 0 {
			t.Errorf("%v", rep.NotKept)
		}
	})
}

// Departures that a look-up has confirmed are no turns of a later one: an account that others
// enable again now and then is ended again each time.
func TestTurnsThatWereConfirmed(t *testing.T) {
	for _, gone := range []bool{false, true} { // the app does not show who is out
		t.Run(fmt.Sprint(gone), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(3, "sales")
				h.apply()
				id := h.account("p000").RemoteID
				h.put(somebody("p000", directory.Leaver))
				for round := range 5 {
					h.app.forget()
					patches, reads, last := 0, 0, round == 4
					h.app.faults = func(c call) fault {
						switch {
						case c.Off:
							patches, reads = patches+1, 0
							return fault{ignore: last && patches == 1}
						case patches == 0 || c.Op != "get" || c.Kind != app.KindUser:
							return fault{}
						}
						switch reads++; {
						case reads == 1:
							return fault{before: broken()}
						case gone && !last:
							return fault{before: missing()}
						}
						return fault{}
					}
					h.verify()
					if a := h.account("p000"); a.State != provision.Disabled || a.Parked != "" || patches != map[bool]int{false: 1, true: 2}[last] {
						t.Fatalf("round %d: %d requests, %+v", round, patches, a)
					}
					time.Sleep(30 * 24 * time.Hour)
					h.app.users[id].SetActive(true)
				}
			})
		})
	}
}

// A return that an app has ignored is sent again, although the account was not shown at all
// when it was first looked for: nobody else has disabled it.
func TestIgnoredReturnOfWhomAnAppDoesNotShow(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Settle = 30 * time.Second
		h.crew(3, "sales")
		h.apply()
		h.put(somebody("p000", directory.Leaver))
		h.apply()
		h.app.forget()
		id := h.account("p000").RemoteID
		account, sent := h.app.users[id], time.Time{}
		h.app.faults = func(c call) fault {
			since := time.Since(sent)
			switch hidden := !sent.IsZero() && since > 20*time.Second && since < 50*time.Second; {
			case c.Op == "patch" && sent.IsZero():
				sent = time.Now()
				return fault{ignore: true}
			case hidden:
				delete(h.app.users, id)
			case h.app.users[id] == nil:
				h.app.users[id] = account
			}
			return fault{}
		}
		h.put(somebody("p000", directory.Active))
		h.apply()
		if a := h.account("p000"); a.Last == provision.Shut || h.app.did("patch") != 2 {
			t.Errorf("%d requests, %+v", h.app.did("patch"), a)
		}
		h.settled()
	})
}

// However often a busy app puts us off between its answers, the third that it does not act upon
// is the last.
func TestTurnsOfABusyApp(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Settle = 30 * time.Second
		h.crew(3, "sales")
		h.apply()
		h.app.forget()
		answered := 0
		h.app.faults = func(c call) fault {
			switch {
			case c.Off && c.Nth%10 != 0:
				return fault{before: slow(time.Second)}
			case c.Off:
				answered++
				return fault{ignore: true}
			}
			return fault{}
		}
		h.put(somebody("p000", directory.Leaver))
		h.wait = 10 * time.Hour
		h.apply()
		if a := h.account("p000"); answered != 3 || a.Parked == "" {
			t.Errorf("%d answers, %+v", answered, a)
		}
	})
}

// A departure by DELETE takes one read, be it at once or when the app has settled.
func TestReadsOfADelete(t *testing.T) {
	for _, leaves := range []app.Leaves{app.LeavesDisabled, app.LeavesNothing} {
		for _, settle := range []time.Duration{0, 30 * time.Second} {
			t.Run(fmt.Sprint(leaves, settle), func(t *testing.T) {
				in(t, func(t *testing.T, h *house) {
					h.app.profile.Settle = settle
					h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves, h.app.profile.DeleteLeaves = app.ByDelete, leaves, leaves
					h.crew(3, "")
					h.apply()
					h.app.forget()
					h.put(somebody("p000", directory.Leaver))
					h.apply()
					if h.app.did("delete") != 1 || len(h.app.calls) != 2 {
						t.Errorf("%+v", h.app.calls)
					}
					h.settled()
				})
			})
		}
	}
}
