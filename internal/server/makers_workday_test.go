// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
)

const workdayPassword = `p&ss<word>`

func soapHouse(t *testing.T, more string) (*workdayHouse, *hrtest.Workday) {
	t.Helper()
	hr := hrtest.NewWorkday(t, "usher@acme", workdayPassword)
	return newWorkdayHouse(t, `type: workday
    url: `+hr.URL+hrtest.WorkdayService+`
    auth: {basic: {user: usher@acme, password: '`+workdayPassword+`'}}
    allow: [loopback, plain-http]
    workday: {page_size: 4}
    person:
      userName: slug(row.first_name) + "@acme.example"`+more), hr
}

const endDate = "urn:usher:params:scim:schemas:extension:lifecycle:2.0:User:endDate"

// TestWorkdayEnds: an end that lies ahead is known ahead; the last day of work goes before
// the date of termination, unless the configuration says otherwise.
func TestWorkdayEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ more, at10, end string }{
		"by itself": {"", "leaver", "2026-03-09T22:59:59Z"},
		"as it is said": {
			"\n      usher.endDate: endOfDay(date(or(row.end_date, row.end_not_told), [\"yyyy-MM-dd\"]))", "active", "2026-04-30T21:59:59Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, hr := soapHouse(t, c.more)
			staff := workdayStaff(6)
			staff[1].Jobs[0].End = "2026-04-30"
			hr.LastDays = map[string]string{"2": "2026-03-09"}
			hr.Set("2026-03-02", staff)
			h.must()
			if state, end := h.is("p2@acme.example", endDate); state != string(directory.Active) || end != c.end {
				t.Errorf("%s until %s, want until %s", state, end, c.end)
			}
			h.now = "2026-03-10T09:00:00Z"
			h.must()
			if state, _ := h.is("p2@acme.example", endDate); state != c.at10 {
				t.Errorf("behind the last day of work: %s, want %s", state, c.at10)
			}
			h.now = "2026-05-04T09:00:00Z"
			h.must()
			if state, _ := h.is("p2@acme.example", endDate); state != string(directory.Leaver) || len(h.app.live()) != 5 {
				t.Errorf("in the end: %s, %d have accounts", state, len(h.app.live()))
			}
		})
	}
}

// TestWorkdayAgain: whoever is hired again is the same worker with another record. While
// they are gone they are out; whoever goes and comes back later is in until they go.
func TestWorkdayAgain(t *testing.T) {
	t.Parallel()
	h, hr := soapHouse(t, "\n      title: row.wid\n    columns: {wid: wid}")
	staff := workdayStaff(6)
	staff[1].Jobs[0].Start, staff[2].Jobs[0].Start = "2026-03-20", "2026-03-20"
	hr.Former = map[string]hrtest.Job{"2": {Start: "2020-01-01", End: "2026-02-27"}, "3": {Start: "2020-01-01", End: "2026-03-10"}}
	hr.Set("2026-03-02", staff)
	in := func(now, second, third string, live int) {
		t.Helper()
		h.now = now
		h.must()
		two, _ := h.is("p2@acme.example", "title")
		three, _ := h.is("p3@acme.example", "title")
		if two != second || three != third || len(h.app.live()) != live {
			t.Errorf("%s: %s and %s, %d have accounts; want %s and %s, %d", now, two, three, len(h.app.live()), second, third, live)
		}
	}
	in("2026-03-02T09:00:00Z", "staged", "active", 5)
	in("2026-03-12T09:00:00Z", "staged", "staged", 4) // the second is not there yet, the third not any more
	in("2026-03-20T09:00:00Z", "active", "active", 6)
	if _, wid := h.is("p2@acme.example", "title"); wid != "wid-2-2026-03-20" {
		t.Errorf("their record is %s", wid)
	}
}

// TestWorkdayConversion: a contingent worker who becomes an employee is a new worker, be it
// with the same number: where that can be, the typed id tells them apart.
func TestWorkdayConversion(t *testing.T) {
	t.Parallel()
	staff := workdayStaff(5)
	staff[3].Jobs[0] = hrtest.Job{Title: "Helper", Department: "Research", Kind: "Contingent", Start: "2025-01-01", End: "2026-03-08"}
	again := staff[3]
	again.Jobs = []hrtest.Job{{Title: "Engineer", Department: "Research", Kind: "Employee", Start: "2026-03-09"}}
	staff = append(staff, again)

	h, hr := soapHouse(t, "")
	hr.Set("2026-03-02", staff)
	doc := h.must()
	if doc.RejectedRows == 0 || len(h.app.live()) != 4 {
		t.Errorf("two workers of one id: %d set aside, %d have accounts", doc.RejectedRows, len(h.app.live()))
	}
	h, hr = soapHouse(t, ` + "-" + row.worker_type
    columns: {id: typed_id}`)
	hr.Set("2026-03-02", staff)
	h.must()
	h.now = "2026-03-10T09:00:00Z"
	h.must()
	before, _ := h.is("p4@acme.example-Contingent_Worker", "title")
	after, title := h.is("p4@acme.example-Employee", "title")
	if before != "leaver" || after != "active" || title != "Engineer" || len(h.app.live()) != 5 {
		t.Errorf("%s, then %s as %s; %v have accounts", before, after, title, h.app.live())
	}
}

// TestWorkdayHides: whom the security group does not let us see looks like somebody who has
// gone: few of them go, many are held. A group by organisation does not show who is
// terminated, ahead neither: they are in until they have gone. Whose hire was taken back is
// not there.
func TestWorkdayHides(t *testing.T) {
	t.Parallel()
	h, hr := soapHouse(t, "")
	staff := workdayStaff(16)
	staff[14].Jobs[0].End = "2026-03-10"
	staff[15].Jobs[0].Start = "2026-03-20"
	hr.HidesGone = true
	hr.Set("2026-03-02", staff)
	h.must()
	ends, end := h.is("p15@acme.example", endDate)
	ahead, _ := h.is("p16@acme.example", "title")
	if ends != "active" || end != "" || ahead != "staged" {
		t.Errorf("whoever is to go is %s until %q, whoever is to come is %s", ends, end, ahead)
	}
	hr.Hidden = map[string]bool{"1": true}
	hr.Rescinded = map[string]bool{"16": true}
	h.now = "2026-03-11T09:00:00Z"
	h.must()
	hidden, _ := h.is("p1@acme.example", "title")
	ends, _ = h.is("p15@acme.example", "title")
	ahead, _ = h.is("p16@acme.example", "title")
	if hidden != "leaver" || ends != "leaver" || ahead == "staged" || len(h.app.live()) != 13 {
		t.Errorf("whoever is hidden is %s, has gone %s, was not to come %s; %d have accounts", hidden, ends, ahead, len(h.app.live()))
	}
	for _, p := range staff[2:9] {
		hr.Hidden[p.ID] = true
	}
	if doc := h.must(); len(doc.Holds) == 0 || len(h.app.live()) != 13 {
		t.Errorf("%d holds, %d have accounts", len(doc.Holds), len(h.app.live()))
	}
}

// TestWorkdayCut: a page that cannot be had leaves the rest as it is; where it is one of
// those ahead, nothing is taken.
func TestWorkdayCut(t *testing.T) {
	t.Parallel()
	h, hr := soapHouse(t, "")
	staff := workdayStaff(10)
	staff[0].Jobs[0].End = "2026-03-20"
	hr.Set("2026-03-02", staff)
	h.must()
	staff[1].Jobs[0].Title = "Director"
	hr.Set("2026-03-02", slices.Delete(slices.Clone(staff), 9, 10))
	requests := 0
	cut := func(at int) {
		requests = 0
		hr.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
			if requests++; requests != at {
				return false
			}
			_, _ = io.WriteString(w, `<?xml version="1.0"?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><wd:Get_Wor`)
			return true
		})
	}
	cut(2)
	if _, err := h.cycle(); err == nil || !strings.Contains(err.Error(), "as of 2026-05-31: the answer cannot be read: it is cut off") {
		t.Errorf("a page ahead that is cut: %v", err)
	}
	cut(5) // the second page of those of today
	h.must()
	state, title := h.is("p2@acme.example", "title")
	_, end := h.is("p1@acme.example", endDate)
	gone, _ := h.is("p10@acme.example", "title")
	if title != "Director" || end != "2026-03-20T22:59:59Z" || gone != "active" {
		t.Errorf("%s %s, until %s, whoever is on the page that was cut is %s", state, title, end, gone)
	}
	hr.Fault(nil)
	h.must()
	if gone, _ = h.is("p10@acme.example", "title"); gone != string(directory.Missing) && gone != string(directory.Leaver) {
		t.Errorf("whoever is gone is %s", gone)
	}
}

// TestWorkdayRefuses: faults are what they are, although all of them are 500; what is about
// who we are is asked once, so that nobody is locked; and nothing of the message is told.
func TestWorkdayRefuses(t *testing.T) {
	t.Parallel()
	h, hr := soapHouse(t, "")
	hr.Set("2026-03-02", workdayStaff(6))
	h.must()
	fault := func(status int, body string, times int) {
		hr.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
			if times--; times < 0 {
				return false
			}
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		})
	}
	in := func(want string, asked int, change ...string) {
		t.Helper()
		hr.Asked()
		_, err := h.cycle(change...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ss<w") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v\nwant %s", err, want)
		}
		if n := hr.Asked(); n != asked {
			t.Errorf("%s: %d requests", want, n)
		}
	}
	in("does not take user and password", 1, workdayPassword, "ss<wrong")
	in("user of auth is not NAME@TENANT", 0, "usher@acme", "usher")
	in("is not there (404", 1, "v45.0", "v44.0")
	fault(500, hrtest.WorkdayFault("Server.processingError", "Processing error occurred. The task submitted is not authorized. geheim"), 9)
	in("does not let this user run Get_Workers", 1)
	fault(500, hrtest.WorkdayFault("Client.validationError", "Validation error occurred. geheim"), 9)
	in("refuses the request as not valid", 1)
	fault(503, "geheim", 9)
	in("has no time for us (503", 4)
	fault(200, "<html>geheim", 9)
	in("answers with a web page instead of text/xml", 1)
	fault(200, `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>`, 9)
	in("it holds a document type declaration", 1)
	fault(500, hrtest.WorkdayFault("Server", "geheim"), 2)
	h.must() // the third try
	if len(h.app.live()) != 6 {
		t.Errorf("%d have accounts", len(h.app.live()))
	}
}

// TestWorkdayIsAskedForNoMore than what is read, and all pages for one moment; the password
// goes to it alone, and into nothing that is kept.
func TestWorkdayIsAskedForNoMore(t *testing.T) {
	t.Parallel()
	h, hr := soapHouse(t, "")
	hr.Set("2026-03-02", workdayStaff(10))
	var bodies bytes.Buffer
	hr.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		bodies.Write(body)
		return false
	})
	h.must()
	want := []string{
		"Include_Reference", "Include_Personal_Information", "Include_Employment_Information", "Include_Organizations", "Exclude_Organization_Support_Role_Data", "Exclude_Location_Hierarchies",
		"Exclude_Cost_Centers", "Exclude_Cost_Center_Hierarchies", "Exclude_Companies", "Exclude_Company_Hierarchies", "Exclude_Matrix_Organizations", "Exclude_Pay_Groups", "Exclude_Regions",
		"Exclude_Region_Hierarchies", "Exclude_Teams", "Exclude_Custom_Organizations",
	}
	if got := hr.Groups(); !slices.Equal(got, want) {
		t.Errorf("asked for %v", got)
	}
	if days, entries := hr.Days(); !slices.Equal(days, []string{"2026-03-02", "2026-05-31"}) || entries != 1 {
		t.Errorf("asked as of %v, %d times of entry", days, entries)
	}
	if bytes.Contains(bodies.Bytes(), []byte(workdayPassword)) || !bytes.Contains(bodies.Bytes(), []byte("p&amp;ss&lt;word&gt;")) {
		t.Error("the password is not written as XML")
	}
}

// TestWorkdayLeave: a leave is told while it is on, if we may see it; also one that goes on
// behind its estimated end, and one of which we may not see the days.
func TestWorkdayLeave(t *testing.T) {
	t.Parallel()
	h, hr := soapHouse(t, "")
	hr.Leaves, hr.LeaveEnds = true, map[string]string{"3": "2026-03-09", "4": "-"}
	staff := workdayStaff(4)
	for i := range 3 {
		staff[1+i].LeaveFrom, staff[1+i].LeaveTo = "2026-03-05", "2026-03-20"
	}
	hr.Set("2026-03-02", staff)
	for _, c := range []struct{ now, want string }{
		{"2026-03-02T09:00:00Z", "active"},
		{"2026-03-06T09:00:00Z", "on_leave"},
		{"2026-03-12T09:00:00Z", "on_leave"},
		{"2026-03-20T09:00:00Z", "on_leave"},
		{"2026-03-22T09:00:00Z", "active"},
	} {
		h.now = c.now
		h.must()
		for _, who := range []string{"p2", "p3", "p4"} {
			if state, _ := h.is(who+"@acme.example", "title"); state != c.want {
				t.Errorf("%s at %s: %s, want %s", who, c.now, state, c.want)
			}
		}
	}
}

// TestWorkdayLeaveEndsWhereTheyAre: the estimated end of a leave counts until it is over where
// the person is, also behind midnight in UTC. If the leave goes on, it goes on a day later.
func TestWorkdayLeaveEndsWhereTheyAre(t *testing.T) {
	t.Parallel()
	const until = "urn:usher:params:scim:schemas:extension:lifecycle:2.0:User:leaveEndDate"
	h, hr := soapHouse(t, "\n      usher.timeZone: '\"America/Los_Angeles\"'")
	hr.Leaves, hr.LeaveEnds = true, map[string]string{"2": "2026-03-09", "3": "soon"}
	staff := workdayStaff(4)
	for i := range 2 {
		staff[1+i].LeaveFrom, staff[1+i].LeaveTo = "2026-03-05", "2026-03-20"
	}
	hr.Set("2026-03-02", staff)
	for _, c := range []struct{ now, state, end string }{
		{"2026-03-09T09:00:00Z", "on_leave", "2026-03-10T06:59:59Z"},
		{"2026-03-10T02:00:00Z", "on_leave", "2026-03-10T06:59:59Z"}, // the evening of the 9th
		{"2026-03-10T08:00:00Z", "active", "2026-03-10T06:59:59Z"},
		{"2026-03-11T08:00:00Z", "on_leave", ""},
	} {
		h.now = c.now
		doc := h.must()
		if state, end := h.is("p2@acme.example", until); state != c.state || end != c.end {
			t.Errorf("%s: %s until %q, want %s until %q", c.now, state, end, c.state, c.end)
		}
		if doc.RejectedRows != 1 {
			t.Errorf("%s: %d set aside, and one's end is no day", c.now, doc.RejectedRows)
		}
	}
}

// TestWorkdayMistakes are told where the configuration has them, before anything is asked.
func TestWorkdayMistakes(t *testing.T) {
	t.Parallel()
	const lines = `store: x.db
calendar: {prehire_days: 30}
sources:
  hr:
    type: workday
    url: https://wd3.example/ccx/service/acme/Human_Resources/v45.0
    auth: {basic: {user: usher@acme, password: x}}
    person: {userName: row.work_email}
apps: {}
`
	for name, c := range map[string]struct{ was, is, want string }{
		"another service":  {"Human_Resources", "Staffing", "5:11: source hr: url is not that of Human_Resources"},
		"no version":       {"/v45.0", "", "5:11: source hr: url is not that of Human_Resources"},
		"another way in":   {"{basic: {user: usher@acme, password: x}}", "{bearer: x}", "7:12: auth of source hr must be basic (the user NAME@TENANT"},
		"too short":        {"    person:", "    workday: {ahead: 7d}\n    person:", "8:15: ahead in workday of source hr is less than prehire_days"},
		"too far":          {"    person:", "    workday: {ahead: 3650d}\n    person:", "ahead of workday of source hr is out of range"},
		"a page too large": {"    person:", "    workday: {page_size: 1000}\n    person:", "page_size of workday of source hr is out of range"},
		"another maker":    {"type: workday", "type: workday-raas\n    workday: {ahead: 30d}", "workday of source hr is for type: workday"},
		"JSON":             {"    person:", "    list: Report_Entry\n    person:", "5:11: source hr: body, list, total"},
	} {
		cfg, err := config.Parse("usher.yaml", []byte(strings.Replace(lines, c.was, c.is, 1)), nil)
		if err == nil {
			_, err = server.Build(cfg)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}
