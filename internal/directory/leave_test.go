// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
)

// TestLeaveByAWord: whoever is said to be on leave is so until that is not said any more.
// No day of it is known, so that none brings anything about, and the same row is the same.
func TestLeaveByAWord(t *testing.T) {
	t.Parallel()
	h := setup(t)
	away := ada.with(row{onLeave: true})
	h.accept(h.says("1", away), h.says("2", ada.with(row{onLeave: false})))
	p := h.stands("1", directory.OnLeave, "", 1)
	if !p.Next.IsZero() || p.Why == "" {
		t.Errorf("next %v, why %q", p.Next, p.Why)
	}
	h.stands("2", directory.Active, "", 1)
	before := h.events()
	h.now = day(40)
	h.quiet()
	again := h.says("1", away)
	again.Digest[0]++ // as by another column
	if out := h.accept(again); out.Unchanged != 1 || out.Changed != 0 {
		t.Errorf("the same word: %+v", out)
	}
	h.stands("1", directory.OnLeave, "", 1)
	h.told(before, map[string]int{})
	h.accept(h.says("1", ada.with(row{onLeave: false})))
	h.stands("1", directory.Active, "", 1)
	h.told(before, map[string]int{"person.changed": 1})
	h.accept(h.says("1", away))
	h.accept(h.says("1", ada)) // nothing is said of it
	h.stands("1", directory.Active, "", 1)
}

// TestNoLeaveIsNothingSaid: that nobody is said to be on leave, where nothing was said of it
// before, makes nobody another one.
func TestNoLeaveIsNothingSaid(t *testing.T) {
	t.Parallel()
	h := setup(t)
	paths := h.cfg.Paths
	h.cfg.Paths = slices.DeleteFunc(slices.Clone(paths), func(p scim.Path) bool { return p == onLeave })
	h.accept(h.says("1", ada), h.says("2", ada.with(row{leaveStart: day(-3)})))
	one, two, before := h.person("1").Revision, h.person("2").Revision, h.events()
	h.cfg.Paths = paths
	h.retally()
	out := h.accept(h.says("1", ada.with(row{onLeave: false})), h.says("2", ada.with(row{leaveStart: day(-3), onLeave: false})))
	if out.Unchanged != 2 || out.Changed != 0 {
		t.Errorf("%+v", out)
	}
	h.told(before, map[string]int{})
	h.stands("2", directory.OnLeave, "", 1) // by its days
	if h.person("1").Revision != one || h.person("2").Revision != two {
		t.Error("they are others")
	}
	if v, ok := h.person("1").User.At(onLeave); ok {
		t.Errorf("onLeave is %s", v)
	}
	h.accept(h.says("1", ada.with(row{onLeave: true})))
	h.stands("1", directory.OnLeave, "", 1)
	h.accept(h.says("1", ada.with(row{onLeave: false})))
	h.stands("1", directory.Active, "", 1)
}

// TestLeaveByAWordAndDays: who has not begun, or has ended, is not on leave; days that are
// told outdo the word.
func TestLeaveByAWordAndDays(t *testing.T) {
	t.Parallel()
	h := setup(t)
	away := ada.with(row{onLeave: true})
	ends, starts, back, later := away.with(row{endDate: day(3)}), away.with(row{startDate: day(3)}), away.with(row{leaveEnd: day(3)}), away.with(row{leaveStart: day(3)})
	h.accept(h.says("back", back), h.says("ends", ends), h.says("later", later), h.says("starts", starts))
	for id, want := range map[string]directory.State{"ends": directory.OnLeave, "starts": directory.Staged, "back": directory.OnLeave, "later": directory.Active} {
		if p := h.stands(id, want, "", 1); !p.Next.Equal(day(3)) {
			t.Errorf("%s: next %v", id, p.Next)
		}
	}
	h.now = day(3)
	h.settle()
	h.stands("ends", directory.Leaver, directory.CauseTermination, 1)
	h.stands("starts", directory.OnLeave, "", 1)
	h.stands("back", directory.Active, "", 1)
	h.stands("later", directory.OnLeave, "", 1)
	h.quiet()
	h.accept(h.says("ends", ends.with(row{title: "Clerk"}))) // a word brings nobody back
	h.stands("ends", directory.Leaver, directory.CauseTermination, 1)
	h.accept(h.says("ends", away)) // the end is taken back
	h.stands("ends", directory.OnLeave, "", 1)
	h.accept(h.says("ends", ends))
	h.settle()
	h.accept(h.says("ends", away.with(row{startDate: day(4)}))) // hired again, and away
	h.stands("ends", directory.Staged, "", 2)
	h.now = day(4)
	h.settle()
	h.stands("ends", directory.OnLeave, "", 2)
}

// TestLeaveOfSomebodyMissing is what it was when their record is back.
func TestLeaveOfSomebodyMissing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{onLeave: true})), h.says("2", ada))
	h.only("2")
	h.gate.shut[directory.CauseAbsent] = true
	h.settle()
	h.stands("1", directory.Missing, "", 1)
	h.only("1", "2")
	h.settle()
	h.stands("1", directory.OnLeave, "", 1)
}

// TestLeaveIsOfOneRecord: the word is that of the record whose dates count.
func TestLeaveIsOfOneRecord(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("hr", file{"1": numbered("1", nil)})
	h.reads("more", file{"x": numbered("1", row{onLeave: true})})
	h.stands("1", directory.Active, "", 1)
	h.reads("hr", file{"1": numbered("1", row{onLeave: true})})
	h.stands("1", directory.OnLeave, "", 1)
	h.reads("more", file{"x": numbered("1", nil)})
	h.stands("1", directory.OnLeave, "", 1)
}

// TestLeaveIsKeptWhileNobodyHolds: what was said last stays when nobody says anything of it
// any more, and not what the first source had said before.
func TestLeaveIsKeptWhileNobodyHolds(t *testing.T) {
	t.Parallel()
	h := setup(t, "hr", "more", "names")
	h.cfg.Paths = append(h.cfg.Paths, nickName, number)
	h.cfg.Sources[1].Match = []scim.Path{number}
	h.cfg.Sources[2].Match, h.cfg.Sources[2].Waits = []scim.Path{number}, true
	h.retally()
	h.reads("hr", file{"1": numbered("1", nil)})
	h.reads("more", file{"x": numbered("1", row{onLeave: true})})
	h.reads("names", file{"y": {number: "1", nickName: "Addie"}})
	h.stands("1", directory.Active, "", 1)
	h.gate.shut[directory.CauseAbsent] = true
	h.reads("hr", file{})
	h.stands("1", directory.OnLeave, "", 1)
	h.reads("more", file{})
	h.reads("names", file{"y": {number: "1", nickName: "Ada"}})
	h.stands("1", directory.Missing, "", 1)
	h.has(personID("1"), nickName, "Ada")
	if v, _ := h.person("1").User.At(onLeave); v.String() != "true" {
		t.Errorf("onLeave is %s", v)
	}
}
