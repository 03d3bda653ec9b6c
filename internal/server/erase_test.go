// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
)

// TestErased: nothing that tells of the person is left, the chain holds, the file
// that still lists them brings nothing back, and a new employment does.
func TestErased(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(4)
		w.staff[0].first = "zebulon"
		w.apply()
		erase := func(reason string) error {
			t.Helper()
			u := w.open()
			defer u.Close()
			return u.Erase(w.ctx, "1", reason, "test")
		}
		if err := erase("asked for"); err == nil || !strings.Contains(err.Error(), "only who has left") {
			t.Errorf("somebody who is in: %v", err)
		}
		w.staff[0].end = "2026-02-01"
		w.apply()
		w.out("zebulon")
		if err := erase(" "); err == nil {
			t.Error("without a reason")
		}
		if err := erase("asked for"); err != nil {
			t.Fatal(err)
		}
		w.quiet()
		u := w.open()
		r, err := u.Verify(w.ctx)
		if err != nil || r.Erased == 0 {
			t.Errorf("%+v %v", r, err)
		}
		var all []directory.Listing
		if err := u.List(w.ctx, "", func(l directory.Listing) { all = append(all, l) }); err != nil {
			t.Fatal(err)
		}
		erased := 0
		for _, l := range all {
			if l.Person.State == directory.Erased {
				erased++
				if len(l.Records) != 0 || l.Person.UserName() != "" {
					t.Errorf("%+v %+v", l.Person, l.Records)
				}
			}
		}
		if erased != 1 || len(all) != 4 {
			t.Errorf("%d of %d are erased", erased, len(all))
		}
		if _, err := u.Why(w.ctx, server.Question{Person: "1"}); err == nil {
			t.Error("their key is still known")
		}
		u.Close()
		// A new employment is a new generation of the same account, with its name.
		w.staff[0].start, w.staff[0].end = "2026-03-01", ""
		w.apply()
		w.alive(4)
		w.quiet()
		u = w.open()
		defer u.Close()
		e, err := u.Why(w.ctx, server.Question{Person: "1"})
		if err != nil || e.Records[0].Generation != 2 || e.UserName != "zebulon@acme.example" {
			t.Errorf("%+v %v", e, err)
		}
	})
}

// TestErasedLeavesNoValue looks into the store's file itself, for every value of somebody
// whose access was ended at once, and of whom that is said once more.
func TestErasedLeavesNoValue(t *testing.T) {
	in(t, func(w *world) {
		w.edit("value: 'slug(row.first) + \"@acme.example\"', unique: organisation", "value: 'row.first.startsWith(\"Z\") ? \"one@acme.example\" : row.id + \"@acme.example\"'")
		w.staff = staff(3)
		w.staff[0] = worker{id: "K-73519", first: "Zebulon-Quatermain", dept: "A", start: "2020-03-07", leave: "2024-05-11", back: "2024-06-13"}
		w.apply()
		revoke := func(at string) {
			t.Helper()
			u := w.open()
			if err := u.Revoke(w.ctx, "hr", "K-73519", instantOf(t, at)); err != nil {
				t.Fatal(err)
			}
			if err := u.Close(); err != nil {
				t.Fatal(err)
			}
		}
		revoke("2026-02-27")
		w.staff[0].end = "2026-02-21"
		w.apply()
		values := []string{"K-73519", "k-73519", "Zebulon-Quatermain", "zebulon-quatermain"}
		for _, d := range []string{"2020-03-07", "2024-05-11", "2024-06-13", "2026-02-21"} {
			values = append(values, d, fmt.Sprint(instantOf(t, d).UnixMicro()))
		}
		u := w.open()
		if err := u.Erase(w.ctx, "K-73519", "asked for", "test"); err != nil {
			t.Fatal(err)
		}
		if err := u.Close(); err != nil {
			t.Fatal(err)
		}
		// What a database has freed it overwrites in its own time: the tables tell.
		gone := func(when string) {
			t.Helper()
			for _, v := range values {
				if n := w.mentions(v); n != 0 {
					t.Errorf("%s: %d values tell of %s", when, n, v)
				}
			}
		}
		gone("erased")
		revoke("2026-02-28")
		gone("said once more")
		w.apply() // the file still lists them
		gone("read again")
		if n := w.mentions("p002"); n == 0 {
			t.Error("this search finds nobody, so that it proves nothing")
		}
	})
}

func instantOf(t *testing.T, day string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// mentions counts the values in the store's tables that hold a text.
func (w *world) mentions(text string) (n int) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "usher.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	columns, err := db.QueryContext(w.ctx, `SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer columns.Close()
	var queries []string
	for columns.Next() {
		var table, column string
		if err := columns.Scan(&table, &column); err != nil {
			w.t.Fatal(err)
		}
		queries = append(queries, fmt.Sprintf("SELECT count(*) FROM %q WHERE instr(CAST(%q AS TEXT), ?)", table, column))
	}
	if err := columns.Err(); err != nil {
		w.t.Fatal(err)
	}
	for _, q := range queries {
		var more int
		if err := db.QueryRowContext(w.ctx, q, text).Scan(&more); err != nil {
			w.t.Fatal(err)
		}
		n += more
	}
	return n
}
