// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
)

// convertedStaff is five, and as the last one the fourth, who is taken on behind the end of
// a contract. young is the id of that record, which stands before the others or behind
// them.
func convertedStaff(young, from string) []hrtest.Worker {
	staff := workdayStaff(5)
	staff[3].Jobs[0] = hrtest.Job{Title: "Helper", Department: "Research", Kind: "Contingent", Start: "2025-01-01", End: "2026-03-08"}
	again := staff[3]
	again.ID, again.Jobs = young, []hrtest.Job{{Title: "Engineer", Department: "Design", Kind: "Employee", Start: from}}
	return append(staff, again)
}

// converting is a house of which Workday is the source, one way or the other; set has it
// say who there is on a day.
type converting struct {
	*workdayHouse
	set func(day string, staff []hrtest.Worker, universal map[string]string)
}

func convertingHouses(t *testing.T, more string, test func(t *testing.T, h converting)) {
	t.Helper()
	t.Run("Get_Workers", func(t *testing.T) {
		t.Parallel()
		h, hr := soapHouse(t, more)
		test(t, converting{h, func(day string, staff []hrtest.Worker, universal map[string]string) {
			unlock := hr.Lock()
			hr.Universal = universal
			unlock()
			hr.Set(day, staff)
		}})
	})
	t.Run("a report", func(t *testing.T) {
		t.Parallel()
		h, hr := raasHouse(t, more)
		test(t, converting{h, func(day string, staff []hrtest.Worker, universal map[string]string) {
			hr.Universal = universal
			hr.Set(day, staff)
		}})
	})
}

// calls are what was sent of somebody since the last call, but for names and titles.
func (h *workdayHouse) calls(name string) (ops []string) {
	h.app.mu.Lock()
	defer h.app.mu.Unlock()
	for _, c := range h.app.sent {
		if c.name == name && (c.op != "patch" || c.off) {
			ops = append(ops, c.op)
		}
	}
	h.app.sent = nil
	return ops
}

// at is a cycle on a day, and how p4 stands behind it, if the records are as they are then.
func (h *workdayHouse) at(day, state, title string, live int) *server.Document {
	h.Helper()
	h.now = day + "T09:00:00Z"
	doc := h.must()
	if s, is := h.is("p4@acme.example", "title"); s != state || is != title || len(h.app.live()) != live {
		h.Errorf("%s: %s as %s, %v have accounts; want %s as %s, %d", day, s, is, h.app.live(), state, title, live)
	}
	return doc
}

// TestWorkdayConversionLinked: with conversion: link a worker who becomes another one is one
// person with one account, who is in all the time, if Workday says by its universal id that
// they are. In between it is who the older record says.
func TestWorkdayConversionLinked(t *testing.T) {
	t.Parallel()
	const link = "\n    conversion: {rule: link}"
	for name, young := range map[string]string{"behind": "99", "before": "1000"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			convertingHouses(t, link, func(t *testing.T, h converting) {
				same := map[string]string{"4": "u-4004", young: "u-4004", "5": "u-4005"}
				staff := convertedStaff(young, "2026-03-12")
				h.set("2026-03-02", staff[:5], same)
				h.at("2026-03-02", "active", "Helper", 5)
				h.set("2026-03-03", staff, same)
				h.calls("")
				h.at("2026-03-03", "active", "Helper", 5)
				h.at("2026-03-08", "active", "Helper", 5) // the last day of the contract
				h.at("2026-03-10", "active", "Helper", 5) // between the two
				slices.Reverse(staff)
				h.set("2026-03-12", staff, same)
				h.at("2026-03-12", "active", "Engineer", 5)
				h.at("2026-03-30", "active", "Engineer", 5)
				if ops := h.calls("p4"); len(ops) > 0 {
					t.Errorf("it was sent: %v", ops)
				}
				if doc := h.at("2026-03-31", "active", "Engineer", 5); doc.People.Total != 5 {
					t.Errorf("%+v", doc.People)
				}
				staff[0].Jobs[0].End = "2026-04-10" // the newer one
				h.set("2026-04-12", staff, same)
				h.at("2026-04-12", "leaver", "Engineer", 4)
			})
		})
	}
	t.Run("known from the start, and rescinded", func(t *testing.T) {
		t.Parallel()
		convertingHouses(t, link, func(t *testing.T, h converting) {
			same := map[string]string{"4": "u-4004", "1000": "u-4004"}
			staff := convertedStaff("1000", "2026-03-09")
			h.set("2026-03-02", staff, same)
			h.at("2026-03-02", "active", "Helper", 5)
			staff[3].Jobs[0].End = "2026-06-30"
			h.set("2026-03-04", staff[:5], same)
			h.at("2026-03-04", "active", "Helper", 5)
			h.at("2026-03-20", "active", "Helper", 5)
			h.set("2026-07-02", staff[:5], same)
			h.at("2026-07-02", "leaver", "Helper", 4)
		})
	})
	t.Run("a longer gap", func(t *testing.T) {
		t.Parallel()
		convertingHouses(t, link, func(t *testing.T, h converting) {
			same := map[string]string{"4": "u-4004", "1000": "u-4004"}
			staff := convertedStaff("1000", "2026-03-25")
			h.set("2026-03-02", staff, same)
			h.at("2026-03-02", "active", "Helper", 5)
			h.set("2026-03-10", staff, same)
			h.at("2026-03-10", "staged", "Engineer", 4)
			h.set("2026-03-25", staff, same)
			if doc := h.at("2026-03-25", "active", "Engineer", 5); doc.People.Total != 5 {
				t.Errorf("%+v", doc.People)
			}
		})
	})
}

// TestWorkdayConversionUnproven: without a universal id the new worker is somebody new, also
// by the same name; and one that many have is none.
func TestWorkdayConversionUnproven(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		more     string
		same     map[string]string
		total    int
		rejected int
	}{
		"by default":      {"", map[string]string{"4": "u-4004", "1000": "u-4004"}, 6, 0},
		"new":             {"\n    conversion: {rule: new}", map[string]string{"4": "u-4004", "1000": "u-4004"}, 6, 0},
		"no universal id": {"\n    conversion: {rule: link}", nil, 6, 0},
		"one of two":      {"\n    conversion: {rule: link}", map[string]string{"1000": "u-4004"}, 6, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			convertingHouses(t, c.more, func(t *testing.T, h converting) {
				h.set("2026-03-02", convertedStaff("1000", "2026-03-09"), c.same)
				if doc := h.must(); doc.People.Total != c.total || doc.RejectedRows != c.rejected {
					t.Errorf("%+v, %d set aside", doc.People, doc.RejectedRows)
				}
				h.set("2026-03-10", convertedStaff("1000", "2026-03-09"), c.same)
				h.now = "2026-03-10T09:00:00Z"
				if doc := h.must(); doc.People.Active != 5 || doc.People.Leaver != 1 {
					t.Errorf("%+v", doc.People)
				}
			})
		})
	}
	t.Run("the same for many", func(t *testing.T) {
		t.Parallel()
		convertingHouses(t, "\n    conversion: {rule: link}", func(t *testing.T, h converting) {
			same := map[string]string{}
			staff := workdayStaff(20)
			staff[19].Jobs[0].End = "2026-12-31" // a report of nobody who leaves has no such column
			for _, p := range staff[:9] {
				same[p.ID] = "acme-corp"
			}
			h.set("2026-03-02", staff, same)
			doc := h.must()
			if doc.People.Total != 11 || doc.RejectedRows != 9 || !strings.Contains(doc.Sources[0].Rejected[0].Reason, "9 rows have the same value here") {
				t.Errorf("%+v, %+v", doc.People, doc.Sources[0].Rejected)
			}
		})
	})
}

// TestWorkdayConversionLinkedLate: two who were two before the rule stay two, and nobody is
// out by it.
func TestWorkdayConversionLinkedLate(t *testing.T) {
	t.Parallel()
	convertingHouses(t, ` + "-" + row.worker_type`, func(t *testing.T, h converting) {
		same := map[string]string{"4": "u-4004", "1000": "u-4004"}
		staff := convertedStaff("1000", "2026-03-01")
		h.set("2026-03-02", staff, same)
		if doc := h.must(); doc.People.Active != 6 {
			t.Errorf("%+v", doc.People)
		}
		h.conf = strings.Replace(h.conf, "    allow:", "    conversion: {rule: link}\n    allow:", 1)
		h.now = "2026-03-04T09:00:00Z"
		doc := h.must()
		if doc.People.Active != 6 || doc.RejectedRows != 0 || len(h.app.live()) != 6 {
			t.Errorf("%+v, %v have accounts", doc.People, h.app.live())
		}
		h.set("2026-03-10", staff, same)
		h.now = "2026-03-10T09:00:00Z"
		if doc := h.must(); doc.People.Active != 5 || doc.People.Leaver != 1 {
			t.Errorf("%+v", doc.People)
		}
	})
}

// TestConversionOfAFile: a file can say by a column of its own who is the same.
func TestConversionOfAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hr.csv")
	h := newWorkdayHouse(t, `type: csv
    path: `+path+`
    key: id
    columns: [id, human, first, title, start, end]
    conversion: {rule: link, column: human, overlap: 3d}
    person:
      userName: {value: 'slug(row.first) + "@acme.example"', unique: organisation}
      title: row.title
      usher.startDate: date(row.start, ["yyyy-MM-dd"])
      usher.endDate: endOfDay(date(row.end, ["yyyy-MM-dd"]))`)
	text := "id,human,first,title,start,end\nc4,human-4,p4,Helper,2025-01-01,2026-03-08\ne9,human-4,p4,Engineer,2026-03-10,\ne5,,p5,Boss,2025-01-01,\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	aged := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, aged, aged); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"2026-03-02", "Helper"}, {"2026-03-09", "Helper"}, {"2026-03-10", "Engineer"}} {
		if doc := h.at(c[0], "active", c[1], 2); doc.People.Total != 2 || doc.Sources[0].Rejected == nil {
			t.Errorf("%+v, %v", doc.People, doc.Sources[0].Rejected)
		}
	}
	h.conf = strings.Replace(h.conf, "    conversion: {rule: link, column: human, overlap: 3d}\n", "", 1)
	for _, day := range []string{"2026-03-12", "2026-03-20"} { // whoever is one stays one
		if doc := h.at(day, "active", "Engineer", 2); doc.People.Total != 2 || doc.People.Active != 2 {
			t.Errorf("%+v", doc.People)
		}
	}
	if ops := h.calls("p4"); !slices.Equal(ops, []string{"create"}) {
		t.Errorf("it was sent: %v", ops)
	}
}
