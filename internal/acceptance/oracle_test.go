// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/testenv"
)

// now is what TODAY stands for in these tests.
var now = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)

// worker is a row of the HR export, as this file's own code reads it.
type worker struct {
	id, first, last, department, title string
	start, end                         time.Time
}

func (w worker) employed() bool {
	return !w.start.After(now) && (w.end.IsZero() || w.end.After(now))
}

// rowsOf reads a CSV file with the standard library, its header first.
func rowsOf(t *testing.T, path string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// readHR reads an export. Rows for which skip holds are left out.
func readHR(t *testing.T, path string, skip func(map[string]string) bool) map[string]worker {
	t.Helper()
	rows := rowsOf(t, path)
	out := map[string]worker{}
	for _, row := range rows[1:] {
		cell := map[string]string{}
		for i, name := range rows[0] {
			cell[name] = row[i]
		}
		if skip != nil && skip(cell) {
			continue
		}
		out[cell["id"]] = worker{
			id: cell["id"], first: cell["first_name"], last: cell["last_name"], department: cell["department"],
			title: cell["jobtitle"], start: date(t, cell["hire_date"]), end: date(t, cell["termdate"]),
		}
	}
	return out
}

func date(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{"1/2/2006", "01-02-06", "2006-01-02 15:04:05 UTC"} {
		if d, err := time.Parse(layout, s); err == nil {
			return d
		}
	}
	t.Fatalf("no date: %q", s)
	return time.Time{}
}

// names are the user names that everybody ever seen has, by id.
type names struct {
	byID  map[string]string
	taken map[string]bool
}

// give names the newcomers, in the order of their ids. All names in the files
// are ASCII, so that no transliteration is needed here.
func (n *names) give(workers map[string]worker) {
	if n.byID == nil {
		n.byID, n.taken = map[string]string{}, map[string]bool{}
	}
	var ids []string
	for id := range workers {
		if n.byID[id] == "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		w := workers[id]
		wish := part(w.first) + "." + part(w.last)
		local := wish
		for i := 2; n.taken[local]; i++ {
			local = fmt.Sprintf("%s%d", wish, i)
		}
		n.taken[local], n.byID[id] = true, local+"@acme.example"
	}
}

func part(s string) string {
	kept := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(s))
	return strings.Trim(kept, "-")
}

// account is what must be at the app of one worker.
type account struct {
	userName, given, family, department string
	active                              bool
}

// expectation is what must be at the app, by employee number.
type expectation map[string]account

// follow computes what must be after a file was applied, from what was before:
// who is employed has an account that follows the row, who is not keeps what
// they had and is disabled, who is not in the file is as they were.
func (e expectation) follow(workers map[string]worker, n *names) {
	for id, w := range workers {
		before, had := e[id]
		switch {
		case w.employed():
			e[id] = account{n.byID[id], w.first, w.last, w.department, true}
		case had:
			before.active = false
			e[id] = before
		}
	}
}

func (e expectation) active() int {
	n := 0
	for _, a := range e {
		if a.active {
			n++
		}
	}
	return n
}

// compare fails the test for everything at the app that is not as it must be.
func (e expectation) compare(t *testing.T, d testenv.Dump) {
	t.Helper()
	wrong := 0
	complain := func(format string, args ...any) {
		t.Helper()
		if wrong++; wrong <= 10 {
			t.Errorf(format, args...)
		}
	}
	department, groups := map[string]string{}, map[string]string{}
	for _, g := range d.Groups {
		if groups[g.DisplayName] != "" {
			complain("group %s is there twice", g.DisplayName)
		}
		groups[g.DisplayName] = g.ID
		for _, m := range g.Members {
			if department[m] != "" {
				complain("member %s is in %s and in %s (or twice)", m, department[m], g.DisplayName)
			}
			department[m] = g.DisplayName
		}
	}
	seen, external, userNames := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, u := range d.Users {
		want, ok := e[u.EmployeeNumber]
		if !ok || seen[u.EmployeeNumber] || external[u.ExternalID] || userNames[u.UserName] {
			complain("account %s (%s, %s) must not be there, or is a duplicate", u.ID, u.UserName, u.EmployeeNumber)
			continue
		}
		seen[u.EmployeeNumber], external[u.ExternalID], userNames[u.UserName] = true, true, true
		got := account{u.UserName, u.GivenName, u.FamilyName, u.Department, u.Active != nil && *u.Active}
		if got != want {
			complain("account of %s is %+v, want %+v", u.EmployeeNumber, got, want)
		}
		member := ""
		if want.active {
			member = want.department
		}
		if department[u.ID] != member {
			complain("account of %s is in group %q, want %q", u.EmployeeNumber, department[u.ID], member)
		}
	}
	if len(seen) != len(e) {
		complain("%d people have an account, want %d", len(seen), len(e))
	}
	if wrong > 10 {
		t.Errorf("… and %d more", wrong-10)
	}
}
