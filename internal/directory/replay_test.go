// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"errors"
	"testing"

	"github.com/usher-id/usher/internal/directory"
)

// replayed is a statement of a file that is known to be an old one.
func (h *house) replayed(id string, r row) directory.Statement {
	s := h.says(id, r)
	s.Replay = true
	return s
}

// TestAnOldFileBringsNobodyBack: not today, and not by a start that lies ahead.
func TestAnOldFileBringsNobodyBack(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]row{
		"active":   ada,
		"on leave": ada.with(row{leaveStart: day(-5)}),
		"said so":  ada.with(row{onLeave: true}),
		"staged":   ada.with(row{startDate: day(5)}),
		"rehired":  ada.with(row{startDate: day(0)}),
		"ending":   ada.with(row{endDate: day(9)}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			h.accept(h.says("1", old))
			h.accept(h.says("1", ada.with(row{endDate: day(-1)})))
			h.settle()
			h.stands("1", directory.Leaver, directory.CauseTermination, 1)
			before := h.events()
			out := h.accept(h.replayed("1", old))
			if len(out.Rejected) != 1 || !errors.Is(out.Rejected[0].Err, directory.ErrReplayed) {
				t.Errorf("accepted %+v, want it set aside", out)
			}
			h.now = day(6)
			h.settle()
			h.stands("1", directory.Leaver, directory.CauseTermination, 1)
			h.told(before, map[string]int{})
		})
	}
}

func TestAnOldFileStillSpeaksOfThoseWhoAreIn(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada.with(row{endDate: day(-1)})))
	out := h.accept(
		h.replayed("1", ada.with(row{title: "Clerk"})),
		h.replayed("2", ada.with(row{endDate: day(-2)})),
		h.replayed("3", ada),
	)
	if out.Changed != 2 || out.New != 1 || len(out.Rejected) != 0 {
		t.Errorf("accepted %+v", out)
	}
	h.stands("2", directory.Leaver, directory.CauseTermination, 1)
}
