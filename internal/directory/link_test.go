// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
)

// linking is a house whose source links records.
func linking(t *testing.T) *house {
	t.Helper()
	h := setup(t)
	h.cfg.Sources[0].Links = true
	return h
}

// names makes a statement name records as parts of it.
func names(s directory.Statement, aliases ...string) directory.Statement {
	s.Aliases = aliases
	for _, a := range aliases {
		s.Digest = sha256.Sum256(append(s.Digest[:], a...))
	}
	return s
}

func blocked(s directory.Statement) directory.Statement {
	s.Blocked, s.Digest = true, sha256.Sum256(append(s.Digest[:], "blocked"...))
	return s
}

func deleted(s directory.Statement) directory.Statement {
	s.Deleted, s.Digest = true, sha256.Sum256([]byte("deleted "+s.ID))
	return s
}

// holder is whose person a record is.
func (h *house) holder(key string) (person string) {
	h.t.Helper()
	h.read(func(r store.Reader) error {
		ids, err := r.Search(h.t.Context(), key)
		if len(ids) == 1 {
			person = ids[0]
		}
		return err
	})
	return person
}

// TestLinkedAccountsOffboardNobody: an account that was linked to another is gone
// under its own id, whichever of the two is heard of first.
func TestLinkedAccountsOffboardNobody(t *testing.T) {
	t.Parallel()
	ada := row{userName: "ada"}
	t.Run("the account of a person becomes a part of one that nobody knew", func(t *testing.T) {
		t.Parallel()
		h := linking(t)
		h.accept(h.says("b", ada))
		h.settle()
		h.accept(names(h.says("a", ada.with(row{title: "Dr"})), "b"))
		h.only("a")
		if s := h.settle(); s.Left+s.Missing+s.Joined > 0 {
			t.Errorf("%+v", s)
		}
		if p := h.stands("b", directory.Active, "", 1); p.User.String() == "" || h.holder("a") != p.ID || h.holder("b") != "" {
			t.Errorf("a is %s's, b %s's", h.holder("a"), h.holder("b"))
		}
		h.accept(deleted(h.says("a", ada)))
		h.settle()
		h.stands("b", directory.Leaver, directory.CauseTermination, 1)
	})
	for name, end := range map[string]func(directory.Statement) directory.Statement{"blocked": blocked, "deleted": deleted} {
		t.Run("two people, of whom one is a part, until it is "+name, func(t *testing.T) {
			t.Parallel()
			h := linking(t)
			h.accept(h.says("a", ada), h.says("b", row{userName: "bo"}))
			h.settle()
			whole := names(h.says("a", ada), "b")
			h.accept(whole)
			h.only("a")
			if s := h.settle(); s.Left+s.Missing > 0 {
				t.Errorf("%+v", s)
			}
			h.stands("a", directory.Active, "", 1)
			if p := h.stands("b", directory.Active, "", 1); p.UserName() != "bo" {
				t.Errorf("b is called %s now", p.UserName())
			}
			h.accept(whole) // said again
			h.accept(end(whole))
			h.settle()
			h.stands("a", directory.Leaver, directory.CauseTermination, 1)
			h.stands("b", directory.Leaver, directory.CauseTermination, 1)
			if name == "deleted" {
				return
			}
			whole.Returns = true
			h.accept(whole)
			h.settle()
			h.stands("a", directory.Active, "", 1)
			h.stands("b", directory.Active, "", 1)
		})
	}
	t.Run("gone with the whole", func(t *testing.T) {
		t.Parallel()
		h := linking(t)
		h.accept(h.says("a", ada), h.says("b", row{userName: "bo"}), h.says("c", row{userName: "cy"}))
		h.accept(names(h.says("a", ada), "b"))
		h.settle()
		h.only("c")
		h.settle()
		h.stands("a", directory.Leaver, directory.CauseAbsent, 1)
		h.stands("b", directory.Leaver, directory.CauseAbsent, 1)
	})
	t.Run("taken apart", func(t *testing.T) {
		t.Parallel()
		h := linking(t)
		h.accept(h.says("a", ada), h.says("b", row{userName: "bo"}))
		h.accept(names(h.says("a", ada), "b"))
		h.accept(h.says("a", ada), h.says("b", row{userName: "bo", title: "Dr"}))
		h.only("a", "b")
		h.accept(deleted(h.says("a", ada)))
		h.settle()
		h.stands("a", directory.Leaver, directory.CauseTermination, 1)
		h.stands("b", directory.Active, "", 1)
	})
}

// TestALiftedBlockBringsNobodyBack: it may have been lifted by accident.
func TestALiftedBlockBringsNobodyBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ada := row{userName: "ada"}
	h.accept(h.says("a", ada))
	h.settle()
	h.accept(blocked(h.says("a", ada)))
	h.settle()
	left := h.stands("a", directory.Leaver, directory.CauseTermination, 1)
	h.now = day(1)
	h.accept(blocked(h.says("a", ada.with(row{title: "Dr"})))) // still blocked: since the first time
	h.settle()
	if p := h.stands("a", directory.Leaver, directory.CauseTermination, 1); p.Why != left.Why {
		t.Errorf("%s, was %s", p.Why, left.Why)
	}
	for range 2 {
		out := h.accept(h.says("a", ada))
		if len(out.Rejected) != 1 || !errors.Is(out.Rejected[0].Err, directory.ErrUnblocked) {
			t.Errorf("%+v", out)
		}
		h.settle()
		h.stands("a", directory.Leaver, directory.CauseTermination, 1)
	}
	h.accept(h.says("a", ada.with(row{startDate: day(1)}))) // hired anew
	h.settle()
	h.stands("a", directory.Active, "", 2)
	h.accept(blocked(h.says("a", ada)))
	h.settle()
	meant := h.says("a", ada)
	meant.Returns = true
	h.accept(meant)
	h.settle()
	h.stands("a", directory.Active, "", 2)
	// Who has an end of their own has that one.
	h.accept(blocked(h.says("a", ada.with(row{endDate: day(0)}))))
	h.accept(h.says("a", ada.with(row{endDate: day(30)})))
	h.settle()
	h.stands("a", directory.Active, "", 2)
}

// TestABlockThatWasHeld: whoever was blocked and has not left, as the guard held them,
// is as they were when the block is gone.
func TestABlockThatWasHeld(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ada := row{userName: "ada"}
	h.accept(h.says("a", ada))
	h.settle()
	h.gate.shut[directory.CauseTermination] = true
	h.accept(blocked(h.says("a", ada)))
	h.settle()
	h.stands("a", directory.Active, directory.CauseTermination, 1)
	if out := h.accept(h.says("a", ada)); len(out.Rejected) != 0 {
		t.Errorf("%v", out.Rejected[0].Err)
	}
	h.gate.shut[directory.CauseTermination] = false
	h.settle()
	if p := h.stands("a", directory.Active, "", 1); !p.Next.IsZero() {
		t.Errorf("due at %s", p.Next)
	}
}

// TestAnErasedPersonStaysOut when a block is gone of which nobody knows any more.
func TestAnErasedPersonStaysOut(t *testing.T) {
	t.Parallel()
	h := linking(t)
	ada := row{userName: "ada"}
	h.accept(h.says("a", ada))
	h.accept(blocked(h.says("a", ada)))
	h.settle()
	id := h.stands("a", directory.Leaver, directory.CauseTermination, 1).ID
	err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		_, err := h.dir().Erase(t.Context(), tx, id, "asked for")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := h.accept(h.says("a", ada)); len(out.Rejected) != 1 || !errors.Is(out.Rejected[0].Err, directory.ErrUnblocked) {
		t.Errorf("%+v", out)
	}
	h.accept(h.says("a", ada.with(row{startDate: day(0)})))
	h.settle()
	h.stands("a", directory.Active, "", 2)
}

// TestBlockedElsewhere: a source that only adds to people ends nobody.
func TestBlockedElsewhere(t *testing.T) {
	t.Parallel()
	h := setup(t, "lead", "hr")
	h.cfg.Sources[1].Match, h.cfg.Sources[1].Waits = append(h.cfg.Sources[1].Match, userName), true
	lead := h.says("x", row{userName: "ada"})
	lead.Source = "lead"
	err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		_, err := h.dir().Accept(t.Context(), tx, "lead", []directory.Statement{lead})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.accept(blocked(h.says("a", row{userName: "ada"})))
	h.settle()
	if n := h.totals().Active; n != 1 {
		t.Errorf("%d are active", n)
	}
}

// TestWhatWasTakenLaterIsNewer: a long read does not undo what was read meanwhile.
func TestWhatWasTakenLaterIsNewer(t *testing.T) {
	t.Parallel()
	h := setup(t)
	began := time.Now()
	h.accept(h.says("a", row{userName: "ada", title: "new"}))
	old := h.says("a", row{userName: "ada", title: "old"})
	old.Since = began
	if out := h.accept(old); len(out.Late) != 1 {
		t.Errorf("%+v", out)
	}
	old.Since = time.Now().Add(time.Second)
	if out := h.accept(old); out.Changed != 1 {
		t.Errorf("%+v", out)
	}
}
