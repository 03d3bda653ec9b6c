// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/server"
)

// TestDeletedNeedsNoEndDate: a row that says that somebody is gone takes them out, whether
// or not the source maps an end date.
func TestDeletedNeedsNoEndDate(t *testing.T) {
	in(t, func(w *world) {
		w.edit("    mode: snapshot\n", "    mode: delta\n    deleted: row.dept == \"gone\"\n")
		w.edit("      usher.endDate: date(row.end, [\"yyyy-MM-dd\"])\n", "")
		w.staff = staff(3)
		if _, err := w.try(server.Options{}); err != nil {
			w.t.Fatal(err)
		}
		w.staff = []worker{{id: "2", first: "p002", dept: "gone"}}
		doc, err := w.try(server.Options{})
		if err != nil || doc.People.Leaver != 1 || doc.People.Active != 2 {
			w.t.Errorf("%+v, %v", doc.People, err)
		}
		if got := w.app.live(); !slices.Equal(got, []string{"p001", "p003"}) {
			w.t.Errorf("%v have accounts", got)
		}
	})
}
