// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

// revoke ends the access of a record's person, as hr said at an instant.
func (h *house) revoke(id string, at time.Time) directory.Effect {
	h.t.Helper()
	return h.revokes("hr", id, at)
}

func (h *house) revokes(source, id string, at time.Time) (effect directory.Effect) {
	h.t.Helper()
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) error {
		var err error
		effect, err = h.dir().Revoke(h.t.Context(), tx, directory.Key{Source: source, ID: id}, at)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return effect
}

// TestRevokedIsOut at once, whatever the record says from then on, until it states a newer
// start; an older word of it does nothing.
func TestRevokedIsOut(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ada := row{userName: "ada", startDate: day(-100), endDate: day(30)}
	h.accept(h.says("a", ada), h.says("b", ada.with(row{userName: "bo"})))
	h.settle()
	h.now = day(1)
	before := h.events()
	h.revoke("a", day(1))
	h.stands("a", directory.Active, "", 1) // the gate has not been asked
	if s := h.settle(); s.Left != 1 {
		t.Errorf("%+v", s)
	}
	h.told(before, map[string]int{"person.revoked": 1, "person.left": 1})
	out := func(what string) {
		t.Helper()
		h.settle()
		if p := h.stands("a", directory.Leaver, directory.CauseRevoked, 1); len(h.teams("a")) != 0 || p.Why == "" {
			t.Errorf("%s: %+v", what, p)
		}
		h.stands("b", directory.Active, "", 1)
	}
	out("as it was")
	h.now = day(2)
	h.accept(h.says("a", ada.with(row{department: "eng"})), h.says("b", ada.with(row{userName: "bo"})))
	h.only("a", "b")
	out("read again, with a change")
	h.accept(h.says("a", ada.with(row{endDate: day(60)})))
	out("with a later end")
	h.accept(h.says("a", ada.with(row{endDate: nil})))
	out("with none")
	h.only("b")
	out("gone")
	h.only("a", "b")
	out("and back")
	before = h.events()
	h.revoke("a", day(1))
	h.revoke("a", day(-5))
	h.told(before, map[string]int{})

	h.now = day(20)
	h.accept(h.says("a", ada.with(row{startDate: day(15), endDate: nil})))
	h.settle()
	h.stands("a", directory.Active, "", 2)
	h.revoke("a", day(1)) // the old one once more, and one that nobody had heard of
	h.revoke("a", day(10))
	h.settle()
	h.stands("a", directory.Active, "", 2)
	h.revoke("a", day(20))
	h.settle()
	h.stands("a", directory.Leaver, directory.CauseRevoked, 2)
}

// TestRevokedBeforeTheStart: whose start lies ahead is not brought in by it.
func TestRevokedBeforeTheStart(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.cfg.PreHire = 3 * 24 * time.Hour
	h.accept(h.says("a", row{userName: "ada", startDate: day(2)}), h.says("b", row{userName: "bo", startDate: day(10)}))
	h.settle()
	h.stands("a", directory.Active, "", 1) // let in ahead
	h.stands("b", directory.Staged, "", 1)
	h.revoke("a", today)
	h.revoke("b", today)
	for _, at := range []int{0, 5, 12} {
		h.now = day(at)
		h.settle()
		h.stands("a", directory.Leaver, directory.CauseRevoked, 1)
		h.stands("b", directory.Leaver, directory.CauseRevoked, 1)
		if ahead, err := directory.Ahead(directory.Calendar{Now: h.now}, h.person("b"), day(100)); err != nil || len(ahead) > 0 {
			t.Errorf("ahead of them: %v, %v", ahead, err)
		}
	}
	h.accept(h.says("b", row{userName: "bo", startDate: day(11)}))
	h.settle()
	h.stands("b", directory.Active, "", 2)
}

// TestRevokedUnknown: what is said of a record that nobody has stated holds once it is.
func TestRevokedUnknown(t *testing.T) {
	t.Parallel()
	h := setup(t)
	before := h.events()
	for _, key := range []string{"a", "c", "c"} {
		if got := h.revoke(key, today); got != directory.EffectWaits {
			t.Errorf("%s: %s", key, got)
		}
	}
	h.told(before, map[string]int{"revocation.waits": 2})
	h.awaits(directory.Awaited{Key: "a", At: today}, directory.Awaited{Key: "c", At: today})
	h.now = day(5)
	before = h.events()
	h.accept(h.says("a", row{userName: "ada", startDate: day(-9)}), h.says("b", row{userName: "bo"}))
	h.accept(h.says("c", row{userName: "cy", startDate: day(4)})) // hired since
	h.settle()
	h.stands("a", directory.Leaver, directory.CauseRevoked, 1)
	h.stands("b", directory.Active, "", 1)
	h.stands("c", directory.Active, "", 1)
	h.told(before, map[string]int{"person.created": 3, "person.revoked": 1})
	h.awaits()
}

// TestRevokedUnknownFlood: of calls of nobody the newest are kept, and those known are not
// touched by any of them.
func TestRevokedUnknownFlood(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("a", row{userName: "ada"}))
	h.settle()
	const n, most = 1010, 1000
	err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		for i := range n {
			if _, err := h.dir().Revoke(t.Context(), tx, directory.Key{Source: "hr", ID: fmt.Sprintf("x%04d", i)}, day(0).Add(time.Duration(i)*time.Second)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := h.awaiting()
	if len(all) != most || all[0].Key != fmt.Sprintf("x%04d", n-most) || all[most-1].Key != fmt.Sprintf("x%04d", n-1) {
		t.Errorf("%d are kept, from %v to %v", len(all), all[0], all[len(all)-1])
	}
	h.settle()
	h.stands("a", directory.Active, "", 1)
}

// TestRevokedOnTheFirstDay: whoever is dismissed early on their first day is, even where the
// day begins later than the call says; what is older is told apart, and changes nothing.
func TestRevokedOnTheFirstDay(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("a", row{userName: "ada", startDate: day(0)}))
	h.settle()
	h.now = day(0).Add(2 * time.Hour)
	if got := h.revoke("a", day(0).Add(-25*time.Hour)); got != directory.EffectOutdone {
		t.Errorf("the day before: %s", got)
	}
	h.settle()
	h.stands("a", directory.Active, "", 1)
	at := day(0).Add(-9*time.Hour + 1234*time.Nanosecond) // stores keep microseconds
	for _, want := range []directory.Effect{directory.EffectEnds, directory.EffectNone} {
		if got := h.revoke("a", at); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	h.settle()
	h.stands("a", directory.Leaver, directory.CauseRevoked, 1)
}

func (h *house) awaiting() (all []directory.Awaited) {
	h.t.Helper()
	h.read(func(r store.Reader) (err error) {
		all, err = directory.Awaiting(h.t.Context(), r, "hr")
		return err
	})
	return all
}

func (h *house) awaits(want ...directory.Awaited) {
	h.t.Helper()
	if got := h.awaiting(); !slices.Equal(got, want) {
		h.t.Errorf("awaited are %v, want %v", got, want)
	}
}

// TestRevokedMissing and whoever left as absent stay out when their record comes back.
func TestRevokedMissing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("a", row{userName: "ada"}), h.says("b", row{userName: "bo"}), h.says("c", row{userName: "cy"}))
	h.settle()
	h.gate.shut[directory.CauseAbsent] = true
	h.only("b", "c")
	h.settle()
	h.stands("a", directory.Missing, "", 1)
	h.gate.shut[directory.CauseAbsent] = false
	h.revoke("a", today)
	h.settle()
	h.stands("a", directory.Leaver, directory.CauseRevoked, 1)
	h.only("a", "c")
	h.settle()
	h.stands("a", directory.Leaver, directory.CauseRevoked, 1)
	h.stands("b", directory.Leaver, directory.CauseAbsent, 1)
	h.revoke("b", today)
	h.only("a", "b", "c")
	h.settle()
	h.stands("b", directory.Leaver, directory.CauseRevoked, 1)
}

// TestRevokedErased: a record that still says employed makes nobody anew of whom we were
// told to forget.
func TestRevokedErased(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ada := row{userName: "ada", startDate: day(-100), endDate: day(30)}
	h.accept(h.says("a", ada))
	h.settle()
	h.revoke("a", today)
	h.settle()
	h.forget("a")
	if p := h.person("a"); p.Revoked != (directory.Revocation{At: today}) {
		t.Errorf("%+v", p.Revoked)
	}
	h.accept(h.says("a", ada.with(row{title: "Dr"})))
	h.settle()
	h.stands("a", directory.Erased, directory.CauseRevoked, 1)

	before := h.events()
	h.revoke("a", day(3))
	h.accept(h.says("a", ada))
	h.settle()
	h.stands("a", directory.Erased, directory.CauseRevoked, 1)
	h.told(before, map[string]int{})
	if text := h.meta("revoked:hr"); strings.Contains(text, `"a"`) {
		t.Errorf("their key is kept: %s", text)
	}
	h.now = day(5)
	h.accept(h.says("a", ada.with(row{startDate: day(4), endDate: nil})))
	h.settle()
	h.stands("a", directory.Active, "", 2)
}

// TestRevokedErasedAhead: of a start that lay behind the revocation only the month is kept.
func TestRevokedErasedAhead(t *testing.T) {
	t.Parallel()
	h := setup(t)
	bo := row{userName: "bo", startDate: day(10)}
	h.accept(h.says("b", bo))
	h.revoke("b", today)
	h.settle()
	h.forget("b")
	if p := h.person("b"); p.Revoked != (directory.Revocation{At: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}) {
		t.Errorf("%+v", p.Revoked)
	}
	h.now = day(12)
	h.accept(h.says("b", bo.with(row{title: "Dr"})))
	h.settle()
	h.stands("b", directory.Erased, directory.CauseRevoked, 1)
}

// TestRevokedOfTwoSources: what is awaited of one source's record is not met by the record
// of another that has the same key.
func TestRevokedOfTwoSources(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.cfg.Sources[0].Joins = true
	first := as("u", h.says("a", numbered("E-7", row{startDate: day(-100), endDate: day(3)})))
	h.accept(first, as("u", h.says("b", numbered("E-7", row{startDate: day(4)}))))
	h.settle()
	h.revokes("more", "a", day(1))
	h.now = day(5) // the first record has ended, which nobody has looked at
	h.states("more", file{"x": {number: "E-7", nickName: "Addie"}})
	if text := h.meta("revoked:hr"); text != "" {
		t.Errorf("nothing was said of hr, and %s is kept", text)
	}
	h.reads("more", file{"a": {userName: "cy", number: "E-9"}, "x": {number: "E-7", nickName: "Addie"}})
	if p := h.everyone()[ofPerson("more", "a")].Person; p == nil || p.State != directory.Leaver || p.Cause != directory.CauseRevoked {
		t.Errorf("%+v", p)
	}
	if p := h.everyone()[personID("a")].Person; p.State != directory.Active {
		t.Errorf("%+v", p)
	}
}

// forget erases somebody.
func (h *house) forget(id string) {
	h.t.Helper()
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) error {
		_, err := h.dir().Erase(h.t.Context(), tx, personID(id), "asked to")
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) meta(key string) (text string) {
	h.t.Helper()
	h.read(func(r store.Reader) error {
		b, err := r.Meta(h.t.Context(), key)
		text = string(b)
		return err
	})
	return text
}

// TestRevokedCountsByItself: terminations that are held do not hold it, and a flood of it is
// held.
func TestRevokedCountsByItself(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var all []directory.Statement
	for i := range 60 {
		r := row{userName: fmt.Sprintf("p%02d", i)}
		if i < 20 {
			r[endDate] = day(1)
		}
		all = append(all, h.says(fmt.Sprintf("%02d", i), r))
	}
	h.accept(all...)
	h.settle()
	h.gate.real = provision.Gate{Limits: provision.DefaultLimits(), Released: func(string) bool { return false }, Actor: "test", Window: time.Hour}
	h.now = day(1)
	h.revoke("30", day(1))
	h.settle()
	h.stands("00", directory.Active, directory.CauseTermination, 1)
	h.stands("30", directory.Leaver, directory.CauseRevoked, 1)
	for i := 31; i < 50; i++ {
		h.revoke(fmt.Sprint(i), day(1))
		h.settle()
	}
	if n := h.totals().Leaver; n != 10 {
		t.Errorf("%d of 20 are out, one by one; want 10, as with terminations", n)
	}
	for i := range 5 { // whatever else comes, and however often
		h.now = day(1).Add(time.Duration(i) * time.Minute)
		h.settle()
	}
	if n := h.totals().Leaver; n != 10 {
		t.Errorf("%d are out", n)
	}
}

// TestRevocationHolds whatever is read in between, in any order: somebody is out exactly if
// the newest word of it is no older than the employment that is stated, and than every one
// that has begun since.
func TestRevocationHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := setup(t)
		start, end := day(-50), time.Time{}
		state := func() {
			r := row{userName: "ada", startDate: start}
			if !end.IsZero() {
				r[endDate] = end
			}
			h.accept(h.says("a", r))
		}
		state()
		h.settle()
		var last directory.Revocation
		begins := func() { // an employment that it was not about has begun: it is over for good
			last.Outdone = last.Outdone || !last.At.IsZero() && !last.Holds(start) && !start.After(h.now)
		}
		for i := range rapid.IntRange(1, 8).Draw(rt, "steps") {
			h.now = day(i * 10)
			begins()
			switch rapid.SampledFrom([]string{"revoke", "again", "end", "hire", "ahead", "back", "gone", "read"}).Draw(rt, "step") {
			case "revoke":
				last = directory.Revocation{At: h.now, Start: start}
				h.revoke("a", h.now)
			case "again":
				if !last.At.IsZero() {
					h.revoke("a", last.At)
				}
			case "end":
				end = h.now.AddDate(0, 0, rapid.IntRange(1, 200).Draw(rt, "days"))
			case "hire":
				start, end = h.now.Add(-time.Hour), time.Time{}
			case "ahead":
				start = h.now.AddDate(0, 0, rapid.IntRange(1, 30).Draw(rt, "ahead"))
			case "back":
				start = day(rapid.IntRange(-60, i*10).Draw(rt, "back"))
			case "gone":
				h.only()
				h.settle()
				h.only("a")
			case "read":
			}
			state()
			h.settle()
			begins()
			out := last.Holds(start) || !end.IsZero() && !end.After(h.now)
			if p := h.person("a"); (p.State == directory.Leaver) != out {
				rt.Fatalf("on day %d they are %s (%s), revoked at %s, employed from %s to %s", i*10, p.State, p.Why, last.At, start, end)
			}
		}
	})
}
