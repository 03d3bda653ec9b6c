// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
)

// TestWhoWasJoinedStaysOne when the rule is gone: nobody is out by that, and dates and
// absences mean what they meant.
func TestWhoWasJoinedStaysOne(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, day(8)), h.engineer(young, 8, nil))
		h.only(old, young)
		id := h.at(10).shows(old, directory.Active, "engineer").ID
		h.retally()
		h.cfg.Sources[0].Joins, h.cfg.Sources[0].Overlap = false, 0
		h.retally()
		h.at(11).shows(old, directory.Active, "engineer")
		for n, statements := range [][]directory.Statement{
			{h.says(old, row{userName: "ada", title: "helper", startDate: day(-100), endDate: day(8)}), h.says(young, row{userName: "ada", title: "engineer", startDate: day(8)})},
			{h.says(old, row{userName: "ada", title: "helper", department: "x", startDate: day(-100), endDate: day(8)})},
			{h.says(young, row{userName: "ada", title: "engineer", department: "x", startDate: day(8)})},
		} {
			h.accept(statements...)
			h.only(old, young)
			if p := h.at(12+n).shows(young, directory.Active, "engineer"); p.ID != id {
				t.Error("it is another person")
			}
		}
		h.accept(h.says("x", row{userName: "x", title: "boss"}), h.helper("y", nil))
		if h.of("x").ID == id || h.of("y").ID == id {
			t.Error("whoever comes then is somebody new")
		}
		h.gate.shut[directory.CauseAbsent] = true
		h.only(old, "x", "y")
		h.at(20).shows(old, directory.Missing, "engineer")
		h.only(old, young, "x", "y")
		h.at(21).shows(old, directory.Active, "engineer")
		h.accept(h.says(young, row{userName: "ada", title: "engineer", startDate: day(8), endDate: day(30)}))
		h.at(29).shows(old, directory.Active, "engineer")
		h.at(30).shows(old, directory.Leaver, "engineer")
	})
}

// TestAnOlderRecordWaitsForNoAbsence: that HR lists the newer record no more is no word that
// the older one goes on.
func TestAnOlderRecordWaitsForNoAbsence(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, day(8)), h.engineer(young, 8, day(20)))
		h.only(old, young)
		h.at(21).shows(old, directory.Leaver, "engineer")
		for n := 22; n < 26; n++ {
			h.accept(h.helper(old, nil)) // refused, and so read again and again
			if n > 23 {
				h.only(old)
			}
			h.at(n).shows(old, directory.Leaver, "engineer")
		}
		out := h.accept(h.helper(old, nil))
		if len(out.Rejected) != 1 || !errors.Is(out.Rejected[0].Err, directory.ErrOlder) {
			t.Errorf("%+v", out)
		}
		h.at(26).shows(old, directory.Leaver, "engineer")
	})
}

// TestAnOlderRecordThatComesBack: one that nobody has ended, and that HR lists again after the
// newer one has, brings nobody back either, be it as it was or another.
func TestAnOlderRecordThatComesBack(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, nil), h.engineer(young, 8, day(20)))
		h.only(old, young)
		h.at(9).only(young)
		h.at(10).shows(young, directory.Active, "engineer")
		h.at(21).shows(young, directory.Leaver, "engineer")
		for n, keys := range [][]string{{old, young}, {old}, {old, young}} {
			h.accept(h.helper(old, nil))
			h.only(keys...)
			h.at(22+n).shows(old, directory.Leaver, "engineer")
		}
		h.accept(as("u", h.says(old, row{userName: "ada", title: "chief", startDate: day(-100)})))
		h.only(old, young)
		h.at(26).shows(old, directory.Leaver, "engineer")
		h.accept(h.engineer(young, 8, day(40))) // the end is taken back
		h.at(27).shows(old, directory.Active, "engineer")
	})
}

// TestWhatNeverCameIsNobodys and holds nothing of its person, who may be erased one day; the
// ledger tells of it, and of a record that has its person no more.
func TestWhatNeverCameIsNobodys(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, day(8)), h.engineer(young, 30, nil))
		h.only(old, young)
		before := h.events()
		h.at(3).only(old)
		h.at(4).shows(old, directory.Active, "helper")
		h.told(before, map[string]int{"record.rescinded": 1})
		if err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) error {
			of, err := tx.Records(t.Context(), "hr", []string{young})
			if r := of[young]; r.Person != "" || r.Same != "" || string(r.User) != "{}" || r.Digest != [32]byte{} || !r.Start.IsZero() {
				t.Errorf("it keeps %+v", r)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.accept(h.engineer(young, 8, nil)) // it comes about nevertheless
		h.only(old, young)
		before = h.events()
		h.at(8).shows(old, directory.Active, "engineer")
		h.told(before, map[string]int{"record.past": 1, "person.changed": 1})
	})
}

// TestAnIDThatIsTakenBack joins nobody any more; one that is hidden for a while is as it was.
func TestAnIDThatIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, hidden := range map[string]bool{"emptied": false, "hidden": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := joining(t)
			h.accept(h.helper("c", nil))
			s := h.says("c", row{userName: "ada", title: "helper", startDate: day(-100)})
			s.Hidden = hidden
			h.accept(s, h.engineer("a", -8, day(-7)))
			h.accept(h.engineer("e", -8, nil))
			for _, key := range []string{"a", "e"} {
				if joined := h.of(key).ID == h.of("c").ID; joined != hidden {
					t.Errorf("%s: one person: %t", key, joined)
				}
			}
		})
	}
}

// TestAnIDThatMoves: who loses the id with the read that gives it to somebody new, and comes
// behind them, is not who they are.
func TestAnIDThatMoves(t *testing.T) {
	t.Parallel()
	h := joining(t)
	h.accept(h.helper("c", nil))
	s := h.engineer("e", -8, nil)
	s.Read = map[string]string{"c": "", "e": "u"}
	h.accept(s)
	h.accept(h.says("c", row{userName: "ada", title: "helper", startDate: day(-100)}))
	if h.of("e").ID == h.of("c").ID {
		t.Error("they are one person")
	}
}

// TestAnIDOfTheErased that somebody else has by mistake is nobody's: whoever comes with it may
// be who was erased.
func TestAnIDOfTheErased(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, day(8)), h.engineer(young, 8, day(20)))
		h.only(old, young)
		h.at(21).shows(old, directory.Leaver, "engineer")
		h.erase(h.of(old).ID)
		for _, key := range []string{old, young} {
			if h.revoke(key, day(22)); strings.Contains(h.meta("revoked:hr"), `"`+key+`"`) {
				t.Errorf("their key is kept: %s", h.meta("revoked:hr"))
			}
		}
		h.accept(h.says("b", row{userName: "bob", title: "cook"}))
		h.accept(as("u", h.says("b", row{userName: "bob", title: "cook"})))
		out := h.accept(h.engineer("n", 30, nil))
		if len(out.Rejected) != 1 || out.New > 0 {
			t.Errorf("accepted %+v", out)
		}
	})
}

// TestAnIDThatIsReadForTheFirstTime with the read that brings the new record: whose key comes
// first, and which chunk is taken first, makes no difference.
func TestAnIDThatIsReadForTheFirstTime(t *testing.T) {
	t.Parallel()
	for name, chunks := range map[string]int{"in one chunk": 1, "in two": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keysOfTwo(t, func(t *testing.T, old, young string) {
				t.Helper()
				h := joining(t)
				h.accept(h.says(old, row{userName: "ada", title: "helper", startDate: day(-100)}))
				s := h.engineer(young, 8, nil)
				if chunks == 1 {
					h.accept(h.helper(old, day(8)), s)
				} else {
					s.Twins = []string{old}
					h.accept(s)
					h.accept(h.helper(old, day(8)))
				}
				if h.of(young).ID != h.of(old).ID {
					t.Error("they are two people")
				}
				h.at(7).shows(old, directory.Active, "helper")
				h.at(8).shows(old, directory.Active, "engineer")
			})
		})
	}
}

// TestManyOfOneID: two that have not ended are a conversion, more are none, however many have
// ended; and nothing that is known is touched by it.
func TestManyOfOneID(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 9; n++ {
		for name, end := range map[string]any{"open": nil, "ended": day(-1)} {
			t.Run(fmt.Sprint(n, " ", name), func(t *testing.T) {
				t.Parallel()
				h := joining(t)
				var all []directory.Statement
				for i := range n {
					all = append(all, as("u", h.says(fmt.Sprint("k", i), row{userName: "ada", title: "helper", startDate: day(-100 + i), endDate: end})))
				}
				out := h.accept(all...)
				want := n - directory.MostOpen
				if end != nil {
					want = n - directory.MostAlike
				}
				if len(out.Rejected) != max(0, want) || out.New != 1 {
					t.Errorf("set aside %d, %d new", len(out.Rejected), out.New)
				}
				h.accept(as("u", h.says("k0", row{userName: "ada", title: "boss", startDate: day(-100), endDate: day(5)})))
				for i := range directory.MostOpen {
					if h.of(fmt.Sprint("k", i)).ID != personID("k0") {
						t.Errorf("k%d is another person", i)
					}
				}
			})
		}
	}
}

// TestAnIDUnderAnotherName: one name of two changes, as by a marriage; who has another given
// and another family name is looked at by somebody.
func TestAnIDUnderAnotherName(t *testing.T) {
	t.Parallel()
	givenName := scim.MustPath("name.givenName")
	for name, c := range map[string]struct {
		given, family string
		joined        bool
	}{
		"the same":       {"ADA ", "Byron", true},
		"married":        {"Ada", "Lovelace", true},
		"another given":  {"Augusta", "byron", true},
		"none":           {"", "", true},
		"one is missing": {"Bob", "", true},
		"another human":  {"Bob", "Smith", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keysOfTwo(t, func(t *testing.T, old, young string) {
				t.Helper()
				h := joining(t)
				h.accept(as("u", h.says(old, row{userName: "ada", givenName: "Ada", familyName: "Byron", startDate: day(-100), endDate: day(8)})))
				r := row{userName: "x", startDate: day(8)}
				if c.given != "" {
					r[givenName] = c.given
				}
				if c.family != "" {
					r[familyName] = c.family
				}
				out := h.accept(as("u", h.says(young, r)))
				if c.joined {
					if len(out.Rejected) > 0 || h.of(young).ID != h.of(old).ID {
						t.Errorf("not joined: %+v", out)
					}
					return
				}
				if len(out.Rejected) != 1 || out.New+out.Changed != 0 || !strings.Contains(out.Rejected[0].Err.Error(), "another given name and another family name") {
					t.Errorf("%+v", out)
				}
			})
		})
	}
}

// TestWhyByAnOlderRecord: an older contract that nobody has ended keeps somebody in; that it
// is by that alone is told, and no more once it is not so.
func TestWhyByAnOlderRecord(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		h := joining(t)
		h.accept(h.helper(old, nil), h.engineer(young, 8, day(20)))
		h.only(old, young)
		told := "employed by " + old + ", while " + young + ", which began after it, has ended"
		for n, want := range []string{"employed", "employed", told, told} {
			h.at(n*8 + 4)
			if p := h.of(old); p.State != directory.Active || p.Why != want {
				t.Errorf("day %d: %s: %s", n*8+4, p.State, p.Why)
			}
		}
		h.accept(h.engineer(young, 8, day(40)))
		if p := h.at(29).of(old); p.Why != "employed" {
			t.Errorf("it goes on: %s", p.Why)
		}
		h.accept(h.engineer(young, 8, day(21)))
		if p := h.of(old); p.Why != told {
			t.Errorf("it has ended: %s", p.Why)
		}
	})
}
