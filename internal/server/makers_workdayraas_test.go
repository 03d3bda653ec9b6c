// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/scim"
)

// workdayHouse is a company whose people come from Workday, one way or the other.
type workdayHouse struct {
	*testing.T

	conf, store, now string
	app              *fakeApp
}

func newWorkdayHouse(t *testing.T, source string) *workdayHouse {
	t.Helper()
	return &workdayHouse{
		T: t, store: sqlitetest.New(t), now: "2026-03-02T09:00:00Z", app: newFakeApp(),
		conf: strings.Replace(madeCompany, "SOURCE", source, 1),
	}
}

// open builds the company as of now, with the lines that change replaced.
func (h *workdayHouse) open(change ...string) *server.Usher {
	h.Helper()
	text := strings.NewReplacer(append(change, "STORE", h.store, "NOW", h.now)...).Replace(h.conf)
	cfg, err := config.Parse("usher.yaml", []byte(text), nil)
	if err != nil {
		h.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		h.Fatal(err)
	}
	built.Targets[0].App = h.app
	u, err := built.Open(h.Context(), "test")
	if err != nil {
		h.Fatal(err)
	}
	return u
}

// cycle runs one, and returns what it told, or why it did not.
func (h *workdayHouse) cycle(change ...string) (*server.Document, error) {
	h.Helper()
	u := h.open(change...)
	defer u.Close()
	return u.Apply(h.Context(), server.Options{Actor: "test"})
}

// must is a cycle that holds everybody.
func (h *workdayHouse) must(change ...string) *server.Document {
	h.Helper()
	doc, err := h.cycle(change...)
	if err != nil {
		h.Fatal(err)
	}
	return doc
}

// is is an attribute of somebody, and the state that they are in, by their user name.
func (h *workdayHouse) is(user, path string) (state, value string) {
	h.Helper()
	u := h.open()
	defer u.Close()
	err := u.List(h.Context(), "", func(l directory.Listing) {
		if l.Person.UserName() != user {
			return
		}
		v, _ := l.Person.User.At(scim.MustPath(path))
		value, _ = v.AsString()
		state = string(l.Person.State)
	})
	if err != nil {
		h.Fatal(err)
	}
	return state, value
}

func raasHouse(t *testing.T, more string) (*workdayHouse, *hrtest.WorkdayRaaS) {
	t.Helper()
	hr := hrtest.NewWorkdayRaaS(t, "usher", "the-password")
	return newWorkdayHouse(t, `type: workday-raas
    url: `+hr.URL+hrtest.WorkdayReport+`
    auth: {basic: {user: usher, password: the-password}}
    allow: [loopback, plain-http]
    person:
      userName: slug(row.first_name) + "@acme.example"`+more), hr
}

func workdayStaff(n int) []hrtest.Worker {
	all := bambooStaff(n)
	for i := range all {
		all[i].Jobs[0].Kind = "Employee"
	}
	return all
}

// TestWorkdayReports: columns of the customer's own, nested ones too, dates with an offset,
// and the last day of work before the date of termination.
func TestWorkdayReports(t *testing.T) {
	t.Parallel()
	h, hr := raasHouse(t, `
      title: or(row.second_title, row.title)
      usher.endDate: endOfDay(date(cut(row.end_date, 10), ["yyyy-MM-dd"]))
    columns: {second_title: 'additional_jobs_group[0].job_title'}
    optional: [second_title]`)
	hr.Offsets = true
	staff := workdayStaff(4)
	staff[0].Jobs = append(staff[0].Jobs, hrtest.Job{Title: "Teacher", Department: "School", Kind: "Employee", Start: "2020-01-01"})
	staff[1].Jobs[0].End = "2026-03-01" // over, wherever an offset would move it to
	hr.Set("2026-03-02", staff)
	h.must()
	if _, title := h.is("p1@acme.example", "title"); title != "Teacher" {
		t.Errorf("the nested column is %q", title)
	}
	if state, end := h.is("p2@acme.example", "urn:usher:scim:1.0:User:endDate"); state != string(directory.Leaver) {
		t.Errorf("whoever has left is %s until %s", state, end)
	}
}

// TestWorkdayReportsThatCannotBeTaken: a report that lost the column that tells when people
// leave, a user who may not run it, one that is XML, one that is cut, and one without anybody.
func TestWorkdayReportsThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	h, hr := raasHouse(t, "")
	staff := workdayStaff(16)
	staff[0].Jobs[0].End = "2020-12-31"
	hr.Set("2026-03-02", staff)
	h.must()
	in := func(want string, change ...string) {
		t.Helper()
		_, err := h.cycle(change...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "the-password") {
			t.Errorf("%v\nwant %s", err, want)
		}
		if n := len(h.app.live()); n != 15 {
			t.Errorf("%s: %d have accounts", want, n)
		}
	}
	in("does not take the credential", "the-password", "guessed")
	in("is not there", "Usher_Workers", "No_Such_Report")
	hr.Set("2026-03-02", staff[1:])
	in("gives no record the column end_date")
	hr.Set("2026-03-02", staff)
	hr.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte(`{"Report_Entry":[{"worker_id":"1","first_`))
		return true
	})
	in("it is cut off")
	hr.Fault(nil)
	hr.Set("2026-03-02", nil)
	doc := h.must()
	if n := len(h.app.live()); n != 15 || len(doc.Holds) == 0 {
		t.Errorf("a report without anybody: %d have accounts, %d holds", n, len(doc.Holds))
	}
}
