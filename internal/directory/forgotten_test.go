// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/directory"
)

func (h *house) erase(id string) {
	h.t.Helper()
	if err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) error {
		_, err := h.dir().Erase(h.t.Context(), tx, id, "asked for")
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
}

// TestErasureOfAllRecords: whoever was erased stays so while HR lists their records as they
// were, one or all of them, in any order; and nobody else comes of it. With the rule, and
// without.
func TestErasureOfAllRecords(t *testing.T) {
	t.Parallel()
	keysOfTwo(t, func(t *testing.T, old, young string) {
		t.Helper()
		for _, rule := range []bool{true, false} {
			for _, order := range [][]string{{old}, {young}, {old, young}, {young, old}, {"both"}} {
				t.Run(fmt.Sprint(rule, order), func(t *testing.T) {
					t.Parallel()
					h := joining(t)
					h.accept(h.helper(old, day(8)), h.engineer(young, 8, day(20)))
					h.only(old, young)
					id := h.at(21).shows(old, directory.Leaver, "engineer").ID
					h.erase(id)
					h.cfg.Sources[0].Joins = rule
					say := map[string]directory.Statement{old: h.helper(old, day(8)), young: h.engineer(young, 8, day(20))}
					for n := range 3 {
						for _, k := range order {
							out := directory.Accepted{}
							if k == "both" {
								out = h.accept(say[old], say[young])
							} else {
								out = h.accept(say[k])
							}
							if out.New+out.Changed+len(out.Rejected) > 0 {
								t.Errorf("%s: %+v", k, out)
							}
						}
						h.only(old, young)
						h.at(22 + n)
					}
					// What is older than the employment that has ended brings nobody back.
					if out := h.accept(h.helper(old, nil)); len(out.Rejected) != 1 || !errors.Is(out.Rejected[0].Err, directory.ErrOlder) {
						t.Errorf("%+v", out)
					}
					h.at(26).stillErased(id, old, young)
					// A newer one does, as the one that it was.
					h.accept(h.engineer(young, 40, nil))
					h.only(old, young)
					if p := h.at(40).shows(young, directory.Active, "engineer"); p.ID != id || p.Generation != 2 {
						t.Errorf("%+v", p)
					}
				})
			}
		}
	})
}

// stillErased asserts that somebody is, that there is nobody else, and that no record of
// theirs is kept.
func (h *house) stillErased(id string, keys ...string) {
	h.t.Helper()
	if err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) error {
		everybody, err := tx.Everybody(h.t.Context())
		if err != nil {
			return err
		}
		people, err := tx.People(h.t.Context(), everybody)
		if !slices.Equal(everybody, []string{id}) || people[id].State != directory.Erased {
			h.t.Errorf("there are %v, and %s is %s", everybody, id, people[id].State)
		}
		if err != nil {
			return err
		}
		records, err := tx.Records(h.t.Context(), "hr", keys)
		if len(records) > 0 {
			h.t.Errorf("kept are %v", records)
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
}

// TestErasureOfTheHuman: another record of a human who was erased is held against what was
// known of them.
func TestErasureOfTheHuman(t *testing.T) {
	t.Parallel()
	h := joining(t)
	h.accept(h.engineer("e", 8, day(20)))
	h.only("e")
	h.at(21)
	h.erase(personID("e"))
	another := func(from int, to any) directory.Statement {
		return as("u", h.says("x", row{title: "boss", startDate: day(from), endDate: to}))
	}
	if out := h.accept(another(-500, nil)); len(out.Rejected) != 1 || !errors.Is(out.Rejected[0].Err, directory.ErrOlder) {
		t.Errorf("an older one: %+v", out)
	}
	if out := h.accept(another(9, day(10))); out.Unchanged != 1 {
		t.Errorf("one that has ended: %+v", out)
	}
	h.at(22).stillErased(personID("e"), "e", "x")
	h.accept(another(21, nil), h.engineer("e", 8, day(20)))
	if p := h.at(23).shows("x", directory.Active, "boss"); p.ID != personID("x") {
		t.Error("by nothing but an id they have the accounts of somebody who was erased")
	}
}
