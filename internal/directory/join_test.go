// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
)

const week = 7 * 24 * time.Hour

// joining is a house whose source says which of its records are of the same human.
func joining(t *testing.T) *house {
	t.Helper()
	h := setup(t)
	h.cfg.Sources[0].Joins, h.cfg.Sources[0].Overlap = true, week
	return h
}

// as makes a statement one of a human.
func as(human string, s directory.Statement) directory.Statement {
	s.Same, s.Digest = human, sha256.Sum256(fmt.Appendf(s.Digest[:], "%q", human))
	return s
}

// of is the person that a record has, with their state.
func (h *house) of(key string) (out *directory.Person) {
	h.t.Helper()
	h.read(func(r store.Reader) error {
		ids, err := r.Search(h.t.Context(), key)
		if err != nil || len(ids) != 1 {
			return err
		}
		people, err := r.People(h.t.Context(), ids)
		out = people[ids[0]]
		return err
	})
	if out == nil {
		h.t.Fatalf("there is not one person of %s", key)
	}
	return out
}

// shows asserts who somebody is by one of their records.
func (h *house) shows(key string, state directory.State, is string) *directory.Person {
	h.t.Helper()
	p := h.of(key)
	v, _ := p.User.Get("title")
	if name, _ := v.AsString(); p.State != state || name != is {
		h.t.Errorf("%s: %s is %s, a %s (%s); want %s, a %s", h.now.Format(time.DateOnly), key, p.State, name, p.Why, state, is)
	}
	return p
}

// at moves the calendar, and settles.
func (h *house) at(n int) *house {
	h.t.Helper()
	h.now = day(n)
	h.settle()
	return h
}

// The keys of the records of one human, in either order.
func keysOfTwo(t *testing.T, test func(t *testing.T, old, young string)) {
	t.Helper()
	for _, k := range [][2]string{{"c", "e"}, {"e", "c"}} {
		t.Run("first "+k[0]+", then "+k[1], func(t *testing.T) {
			t.Parallel()
			test(t, k[0], k[1])
		})
	}
}

func (h *house) helper(key string, to any) directory.Statement {
	return as("u", h.says(key, row{userName: "ada", title: "helper", department: "temps", startDate: day(-100), endDate: to}))
}

func (h *house) engineer(key string, from int, to any) directory.Statement {
	return as("u", h.says(key, row{userName: "ada", title: "engineer", startDate: day(from), endDate: to}))
}

// TestConversion: who gets a new record when they are taken on is one person, who is in all
// the time, under the name that they had; and is who the older record says until the newer
// one begins.
func TestConversion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from int
		end  any
	}{"at once": {8, day(8)}, "a week later": {15, day(8)}, "at the same time": {8, day(20)}, "of a contract that is not ended": {8, nil}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keysOfTwo(t, func(t *testing.T, old, young string) {
				t.Helper()
				h := joining(t)
				h.accept(h.helper(old, nil))
				h.settle()
				before := h.events()
				h.accept(h.helper(old, c.end), h.engineer(young, c.from, nil))
				h.only(old, young)
				h.at(1).shows(old, directory.Active, "helper")
				h.at(c.from-1).shows(young, directory.Active, "helper")
				if got := h.teams(old); !slices.Equal(got, []string{"temps"}) {
					t.Errorf("teams %v", got)
				}
				h.at(c.from).shows(young, directory.Active, "engineer")
				h.at(c.from+30).shows(old, directory.Active, "engineer")
				h.accept(h.helper(old, c.end), h.engineer(young, c.from, nil)) // read again
				h.only(old, young)
				if p := h.at(c.from+31).shows(young, directory.Active, "engineer"); p.ID != personID(old) || p.UserName() != "ada" || p.Generation != 1 || len(h.teams(old)) != 0 {
					t.Errorf("%+v in %v", p, h.teams(old))
				}
				for kind, n := range h.events() {
					if n -= before[kind]; n > 0 && kind != "person.changed" && kind != "record.matched" && kind != "record.past" {
						t.Errorf("the ledger tells of %d %s", n, kind)
					}
				}
				h.accept(h.engineer(young, c.from, day(90)))
				state := directory.Leaver
				if c.end == nil { // which holds them, as it says so
					state = directory.Active
				}
				if p := h.at(91).of(young); p.State != state {
					t.Errorf("in the end they are %s: %s", p.State, p.Why)
				}
			})
		})
	}
}

// TestConversionWithAGap that is longer than the overlap: out between the two, and the same
// person again.
func TestConversionWithAGap(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, day(8)))
		h.settle()
		h.accept(h.engineer(young, 20, nil))
		h.at(7).shows(old, directory.Active, "helper")
		h.at(8).shows(old, directory.Staged, "engineer")
		if p := h.at(20).shows(young, directory.Active, "engineer"); p.ID != personID(old) {
			t.Error("it is another person")
		}
		h.accept(h.engineer(young, 20, day(30)))
		h.at(30).shows(young, directory.Leaver, "engineer")
		third := as("u", h.says("x", row{userName: "ada", title: "boss", startDate: day(60)}))
		h.at(50).accept(third)
		h.at(51).shows("x", directory.Staged, "boss")
		if p := h.at(60).shows("x", directory.Active, "boss"); p.ID != personID(old) || p.Generation != 2 {
			t.Errorf("%+v", p)
		}
	})
}

// TestConversionRescinded: what was to be does not come, and what was goes on.
func TestConversionRescinded(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		t.Run("before the day", func(t *testing.T) {
			t.Parallel()
			h := joining(t)
			h.accept(h.helper(old, day(8)), h.engineer(young, 8, nil))
			h.only(old, young)
			h.at(3).only(old)
			h.at(4).shows(old, directory.Active, "helper")
			h.accept(h.helper(old, day(40)))
			h.at(9).shows(old, directory.Active, "helper")
			if p := h.at(40).shows(old, directory.Leaver, "helper"); p.Cause != directory.CauseTermination {
				t.Errorf("they left by %s", p.Cause)
			}
		})
		t.Run("long before", func(t *testing.T) {
			t.Parallel()
			h := joining(t)
			h.accept(h.helper(old, day(6)), h.engineer(young, 30, nil))
			h.only(old, young)
			h.at(3).only(old)
			for _, n := range []int{7, 31} {
				h.at(n).shows(old, directory.Leaver, "helper")
			}
			h.accept(h.engineer(young, 40, nil)) // it comes about nevertheless
			h.only(old, young)
			h.at(40).shows(old, directory.Active, "engineer")
		})
		t.Run("behind it", func(t *testing.T) {
			t.Parallel()
			h := joining(t)
			h.accept(h.helper(old, day(8)), h.engineer(young, 8, nil))
			h.only(old, young)
			h.at(9).shows(old, directory.Active, "engineer")
			h.gate.shut[directory.CauseAbsent] = true
			h.at(12).only(old) // which has ended: they are absent, as if it were not there
			h.at(13).shows(old, directory.Missing, "engineer")
			h.at(14).only(old, young)
			h.at(15).shows(old, directory.Active, "engineer")
			h.at(16).only(old)
			h.at(17).shows(old, directory.Missing, "engineer")
			h.accept(h.helper(old, day(40)))
			h.at(18).shows(old, directory.Active, "helper")
			h.at(40).shows(old, directory.Leaver, "helper")
		})
		t.Run("and nobody comes back from where they went", func(t *testing.T) {
			t.Parallel()
			h := joining(t)
			h.accept(h.helper(old, day(8)), h.engineer(young, 8, nil))
			h.only(old, young)
			h.at(9).only(old)
			h.settle()
			p := h.shows(old, directory.Leaver, "engineer")
			if p.Cause != directory.CauseAbsent {
				t.Errorf("they left by %s", p.Cause)
			}
			h.at(10).only(old, young)
			h.at(11).shows(old, directory.Active, "engineer")
		})
	})
}

// TestConversionOfTheAbsent: the older record is gone before the newer one begins.
func TestConversionOfTheAbsent(t *testing.T) {
	t.Parallel()
	h := joining(t)
	h.accept(h.helper("c", nil), h.engineer("e", 8, nil))
	h.only("c", "e")
	h.at(5).only("e")
	h.at(6).shows("e", directory.Active, "helper")
	h.at(8).shows("e", directory.Active, "engineer")
}

// TestConversionUnproven: what does not say that it is the same human is another person,
// and what could be one of several is set aside.
func TestConversionUnproven(t *testing.T) {
	t.Parallel()
	h := joining(t)
	h.accept(h.helper("c", nil), h.says("e", row{userName: "ada", title: "engineer"}))
	if h.of("c").ID == h.of("e").ID {
		t.Error("by a name alone")
	}
	h = joining(t)
	h.cfg.Sources[0].Joins = false
	h.accept(h.helper("c", nil), h.engineer("e", -8, nil))
	h.settle()
	if h.of("c").ID == h.of("e").ID {
		t.Error("without the rule")
	}
	h.cfg.Sources[0].Joins = true
	h.accept(h.helper("c", day(50)), h.engineer("e", -9, nil))
	if h.of("c").ID == h.of("e").ID {
		t.Error("whoever are two stay two")
	}
	third := as("u", h.says("x", row{userName: "ada", title: "boss", startDate: day(9)}))
	if out := h.accept(third); len(out.Rejected) != 1 || out.New != 0 {
		t.Errorf("one of two: %+v", out)
	}
	h.at(50) // one of them has left: nobody can tell whether that is who comes back
	if out := h.accept(third); len(out.Rejected) != 1 || out.New != 0 {
		t.Errorf("one of two, of whom one is there: %+v", out)
	}
	h.accept(as("", h.says("e", row{userName: "ada", title: "engineer"}))) // it was a mistake
	if out := h.accept(third); len(out.Rejected) != 0 || h.of("x").ID != h.of("c").ID {
		t.Errorf("the one who has it: %+v", out)
	}
}

// TestAnOlderRecordBringsNobodyBack: what a newer one has ended stays so, until that one
// says otherwise.
func TestAnOlderRecordBringsNobodyBack(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, day(8)), h.engineer(young, 8, day(20)))
		h.only(old, young)
		h.at(21).shows(old, directory.Leaver, "engineer")
		for _, s := range []directory.Statement{h.helper(old, nil), as("u", h.says("a", row{title: "trainee", startDate: day(-500)}))} {
			out := h.accept(s)
			if len(out.Rejected) != 1 || !errors.Is(out.Rejected[0].Err, directory.ErrOlder) {
				t.Errorf("%s: %+v", s.ID, out)
			}
			h.at(22).shows(old, directory.Leaver, "engineer")
		}
		h.accept(h.engineer(young, 8, nil))
		h.at(23).shows(old, directory.Active, "engineer")
	})
}

// TestConversionInAnyOrder of reads and chunks, read once or often: the same person.
func TestConversionInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		type spell struct{ from, to int } // to 99 is none
		keys := []string{"a", "b", "c"}
		spells := map[string]spell{}
		for _, k := range keys {
			from := rapid.IntRange(-30, 30).Draw(rt, "from")
			spells[k] = spell{from, rapid.SampledFrom([]int{from + 1, from + 10, from + 20, 99}).Draw(rt, "to")}
			if k == "c" { // of three one has ended, as no human has three that have not
				spells[k] = spell{from - 100, from - 90}
			}
		}
		in := func(n int) bool { // with the overlap of a week between those that follow each other
			for _, s := range spells {
				if s.from <= n && n < s.to {
					return true
				}
				for _, o := range spells {
					if s.to <= n && n < o.from && o.from <= s.to+7 {
						return true
					}
				}
			}
			return false
		}
		newest := func(n int) (title string) { // of those that are on
			var best spell
			for _, k := range keys { // of two that begin at once the one that goes on for longer
				s := spells[k]
				if s.from <= n && n < s.to && (title == "" || s.from > best.from || s.from == best.from && s.to >= best.to) {
					title, best = k, s
				}
			}
			return title
		}
		h := joining(t)
		say := func(k string) directory.Statement {
			r := row{userName: "ada", title: k, startDate: day(spells[k].from)}
			if spells[k].to != 99 {
				r[endDate] = day(spells[k].to)
			}
			return as("u", h.says(k, r))
		}
		h.now = day(-40) // so that nobody has left when the last of them is known
		for _, some := range [][]string{rapid.Permutation(keys).Draw(rt, "order"), rapid.Permutation(keys).Draw(rt, "again")} {
			n := rapid.IntRange(0, 2).Draw(rt, "together")
			for _, part := range [][]string{some[:n], some[n:]} {
				var statements []directory.Statement
				for _, k := range part {
					statements = append(statements, say(k))
				}
				h.accept(statements...)
			}
			if rapid.Bool().Draw(rt, "settles") {
				h.settle()
			}
		}
		h.only(keys...)
		id := h.of("a").ID
		if n := h.events()["person.created"]; n != 1 {
			rt.Fatalf("%d people were made", n)
		}
		for n := -39; n < 60; n += rapid.IntRange(1, 9).Draw(rt, "days") {
			h.now = day(n)
			if rapid.Bool().Draw(rt, "read") {
				k := rapid.SampledFrom(keys).Draw(rt, "which")
				h.accept(say(k))
			}
			h.settle()
			p := h.of("b")
			v, _ := p.User.Get("title")
			title, _ := v.AsString()
			if p.ID != id || (p.State == directory.Active) != in(n) || newest(n) != "" && title != newest(n) {
				rt.Fatalf("day %d: %s is %s (%s), title %s; want in %t, title %s; %v", n, p.ID, p.State, p.Why, title, in(n), newest(n), spells)
			}
		}
	})
}

// TestConversionOfTheRevoked: a change of records is no new employment, a gap between them
// makes one.
func TestConversionOfTheRevoked(t *testing.T) {
	t.Parallel()
	for from, want := range map[int]directory.State{8: directory.Leaver, 30: directory.Active} {
		h := joining(t)
		h.accept(h.helper("c", day(8)))
		h.settle()
		h.revoke("c", day(1))
		h.at(2).accept(h.engineer("e", from, nil))
		if p := h.at(31).of("e"); p.State != want || p.ID != personID("c") {
			t.Errorf("from day %d: %s (%s), want %s", from, p.State, p.Why, want)
		}
	}
}
