// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
	"github.com/usher-id/usher/internal/testenv"
)

const bambooCompany = `store: DIR/usher.db
sources:
  hr:
    type: bamboohr
    url: URL
    auth: {basic: {user: the-key-of-the-company}}
    allow: [loopback, plain-http]
    webhook: {secrets: [` + bambooKey + `]}
    since: {every: 10s}
    person:
      userName: slug(row.first_name) + "@acme.example"
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user: {userName: person.userName, displayName: person.displayName}
server: {address: '127.0.0.1:0'}
telemetry: {metrics_address: 'off'}
`

func bambooStaff(n int) (out []hrtest.Worker) {
	for i := range n {
		out = append(out, hrtest.Worker{
			ID: fmt.Sprint(1 + i), Number: fmt.Sprint("E", 1+i), First: fmt.Sprint("p", 1+i), Last: "Brandt",
			Jobs: []hrtest.Job{{Title: "Engineer", Department: "Research", Kind: "Full-Time", Start: "2020-01-01"}},
		})
	}
	return out
}

// bamboo is a daemon whose people come from BambooHR.
func bamboo(t *testing.T, staff []hrtest.Worker) (*served, *hrtest.BambooHR) {
	t.Helper()
	s, hr := newServed(t), hrtest.NewBambooHR(t, "the-key-of-the-company")
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.conf = strings.ReplaceAll(bambooCompany, "URL", hr.URL)
	return s, hr
}

const bambooKey = "the-private-key-of-the-webhook"

// TestBambooHRCalls: a call that is signed has its person read, who leaves by what is read;
// one that is forged, or old, does nothing, and is not tried again.
func TestBambooHRCalls(t *testing.T) {
	t.Parallel()
	staff := bambooStaff(6)
	s, hr := bamboo(t, staff)
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(6) })
	hr.Subscribe(t, s.url+"/hooks/hr", "a-key-that-was-guessed")
	staff[2].Jobs[0].End = "2026-01-31"
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.answered(t, &hr.System, "a forged call", http.StatusUnauthorized)
	hr.Rotate(bambooKey)
	hr.Skew(-time.Hour)
	hr.Send("employee.updated", "3")
	s.answered(t, &hr.System, "an old call", http.StatusUnauthorized)
	hr.Passes(24 * time.Hour)
	if n := len(hr.Deliveries()); n > 0 || !s.has(6) {
		t.Errorf("%d more calls, and %v", n, s.live())
	}
	hr.Skew(0)
	hr.Asked()
	hr.Send("employee.updated", "3")
	s.answered(t, &hr.System, "a call", http.StatusNoContent)
	until(t, "one is out", func() bool { return slices.Equal(s.live(), []string{"p1", "p2", "p4", "p5", "p6"}) })
	if n := hr.Asked(); n != 1 {
		t.Errorf("%d requests for one call", n)
	}
	hr.Set(time.Now().UTC().Format(time.DateOnly), slices.Delete(staff, 4, 5))
	s.answered(t, &hr.System, "a call about somebody who is not there", http.StatusNoContent)
	until(t, "they are out", func() bool { return slices.Equal(s.live(), []string{"p1", "p2", "p4", "p6"}) })
}

// answered waits until a system's calls are answered, and holds how they are.
func (s *served) answered(t *testing.T, hr *hrtest.System, what string, status int) {
	t.Helper()
	hr.Calm()
	went := hr.Deliveries()
	if len(went) == 0 {
		t.Errorf("%s: nothing went out", what)
	}
	for _, d := range went {
		if d.Status != status {
			t.Errorf("%s: %s about %s was answered with %d, want %d", what, d.Type, d.ID, d.Status, status)
		}
	}
}

// TestBambooHRTells by /employees/changed who has changed: read one by one, and somebody
// who was deleted is looked for in the report.
func TestBambooHRTells(t *testing.T) {
	t.Parallel()
	staff := bambooStaff(6)
	s, hr := bamboo(t, staff)
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(6) })
	staff = slices.Delete(staff, 4, 5)
	staff[1].Jobs[0].End = "2026-01-31"
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	hr.Change("2", "Updated")
	hr.Change("5", "Deleted")
	until(t, "both are out", func() bool { return slices.Equal(s.live(), []string{"p1", "p3", "p4", "p6"}) })
}

// TestBambooHRHides fields without a word when the key's owner loses a right: nothing is
// taken then, as whoever has left would be back.
func TestBambooHRHides(t *testing.T) {
	t.Parallel()
	staff := bambooStaff(20)
	staff[0].Jobs[0].End = "2026-01-31"
	for field, column := range map[string]string{"terminationDate": "end_date", "hireDate": "start_date", "employeeNumber": "employee_id", "lastName": "last_name"} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			s, hr := bamboo(t, staff)
			u := s.opened(t)
			if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil || !s.has(19) {
				t.Fatalf("%v, %v", err, s.live())
			}
			hr.Hide(field)
			if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err == nil || !strings.Contains(err.Error(), "gives no record the column "+column+" ("+field+")") || !s.has(19) {
				t.Errorf("%v, %v", err, s.live())
			}
		})
	}
}

// TestBambooHRIsAskedForNoMore than what is read: no report names a field that no
// expression reads.
func TestBambooHRIsAskedForNoMore(t *testing.T) {
	t.Parallel()
	s, hr := bamboo(t, bambooStaff(2))
	var mu sync.Mutex
	var asked []string
	hr.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		var report struct {
			Fields []string `json:"fields"`
		}
		if json.Unmarshal(body, &report) == nil {
			mu.Lock()
			defer mu.Unlock()
			asked = report.Fields
		}
		return false
	})
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(2) })
	mu.Lock()
	defer mu.Unlock()
	want := []string{"id", "employeeNumber", "firstName", "preferredName", "lastName", "hireDate", "terminationDate", "department", "division", "jobTitle"}
	slices.Sort(want)
	if slices.Sort(asked); !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

// TestBambooHRLeave: which employment status is a leave is not known until the line that the
// page offers says so.
func TestBambooHRLeave(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "hr", "bamboohr.md"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`\n      usher\.onLeave: '.*'`).FindString(string(page))
	if line == "" {
		t.Fatal("the page has no line")
	}
	for more, want := range map[string]int{"": 0, line: 1} {
		staff := bambooStaff(4)
		staff[1].LeaveFrom = "2026-01-01"
		s, _ := bamboo(t, staff)
		s.conf = strings.Replace(s.conf, `"@acme.example"`, `"@acme.example"`+more, 1)
		doc, err := s.opened(t).Apply(t.Context(), server.Options{Actor: "test"})
		if err != nil || doc.People.OnLeave != want || doc.People.Active != 4-want || !s.has(4) {
			t.Errorf("with %q: %v, %+v, %v", more, err, doc, s.live())
		}
	}
}

// TestBambooHRRestsAndFails: it is waited for as long as Retry-After says, and a report
// without anybody has the guard ask.
func TestBambooHRRestsAndFails(t *testing.T) {
	t.Parallel()
	s, hr := bamboo(t, bambooStaff(16))
	refused := 0
	hr.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
		if refused++; refused > 1 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(16) })
	hr.Subscribe(t, s.url+"/hooks/hr", bambooKey)
	hr.Set("2026-11-26", nil) // who is not found has everybody read
	until(t, "somebody has to decide", func() bool {
		st, err := s.usher.Status(s.ctx)
		return err == nil && len(st.Holds) > 0
	})
	if !s.has(16) {
		t.Errorf("%d have accounts", len(s.live()))
	}
}
