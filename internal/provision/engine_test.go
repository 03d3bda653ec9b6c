// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"testing"

	"github.com/usher-id/usher/internal/directory"
)

func TestJoinersMoversLeavers(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("ann", directory.Active), somebody("bob", directory.Active), somebody("cid", directory.Staged))
		h.seat("ann", "sales", "board")
		h.seat("bob", "sales")
		rep := h.apply()
		if rep.Create != 2 || rep.GroupCreate != 2 || rep.MemberAdd != 3 || rep.Waiting != 0 || rep.Parked != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}
