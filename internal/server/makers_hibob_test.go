// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
)

const bobCompany = `store: DIR/usher.db
calendar: {prehire_days: 3}
sources:
  hr:
    type: hibob
    url: URL
    auth: {basic: {user: SERVICE-1, password: the-token-of-the-service-user}}
    allow: [loopback, plain-http]
    requests_per_second: 1000
    webhook: {secrets: [` + bobKey + `]}
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

func bobStaff(n int) []hrtest.Worker {
	all := bambooStaff(n)
	for i := range all {
		all[i].ID = fmt.Sprint(3332883894235038480 + int64(i) + 1) // longer than a float is exact
	}
	return all
}

// bob is a daemon whose people come from HiBob.
func bob(t *testing.T, staff []hrtest.Worker) (*served, *hrtest.HiBob) {
	t.Helper()
	s, hr := newServed(t), hrtest.NewHiBob(t, "SERVICE-1", "the-token-of-the-service-user")
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.conf = strings.ReplaceAll(bobCompany, "URL", hr.URL)
	return s, hr
}

// opened opens the world for cycles.
func (s *served) opened(t *testing.T) *server.Usher {
	t.Helper()
	b := built(t, s.dir, s.conf)
	b.Targets[0].App = s.app
	u, err := b.Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	return u
}

// bobCalls calls as HiBob does, with any body, signed by a secret, if there is one.
func (s *served) bobCalls(t *testing.T, body, secret string) int {
	t.Helper()
	m := hmac.New(sha512.New, []byte(secret))
	m.Write([]byte(body))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/hooks/hr", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		r.Header.Set("Bob-Signature", base64.StdEncoding.EncodeToString(m.Sum(nil)))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

const bobKey = "the-secret-that-signs-the-calls"

// TestHiBobCalls: a call that is signed has its person searched for, who leaves by what is
// found; one that is forged does nothing, and comes again by a secret that holds; one about
// nobody in particular, as a test that is signed, has all read.
func TestHiBobCalls(t *testing.T) {
	t.Parallel()
	staff := bobStaff(6)
	s, hr := bob(t, staff)
	s.conf = strings.Replace(s.conf, "    webhook:", "    one: {lag: 0s}\n    webhook:", 1) // so that one call is one search, however long it takes
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(6) })
	hr.Asked()
	if !hr.Subscribe(t, s.url+"/hooks/hr", "a-secret-that-was-guessed", "employee.updated", "employee.deleted") {
		t.Error("Bob was not answered when it tried whether somebody is there")
	}
	if n := hr.Asked(); n > 0 {
		t.Errorf("%d requests for a test of the connection", n)
	}
	staff[2].Jobs[0].End = "2026-01-31"
	staff[2].Jobs[0].Department, staff[2].Jobs[0].Title = "", "" // which leaves no words of them
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.answered(t, &hr.System, "a forged call", http.StatusUnauthorized)
	if n := hr.Asked(); n > 0 || !s.has(6) {
		t.Errorf("%d requests for a call that nobody signed", n)
	}
	hr.Rotate(bobKey)
	hr.Passes(time.Minute)
	s.answered(t, &hr.System, "the call again", http.StatusNoContent)
	until(t, "one is out", func() bool { return slices.Equal(s.live(), []string{"p1", "p2", "p4", "p5", "p6"}) })
	if n := hr.Asked(); n != 1 {
		t.Errorf("%d requests for one call", n)
	}
	staff[3].Jobs[0].End = "2026-01-31" // whom we have read only now, so that the list is not believed alone
	hr.Fates(func(hrtest.Event) hrtest.Fate { return hrtest.Fate{Lost: true} })
	hr.Set(time.Now().UTC().Format(time.DateOnly), slices.Delete(staff, 4, 5))
	if code := s.bobCalls(t, `{"text":"Ping test"}`, bobKey); code != http.StatusNoContent {
		t.Errorf("a test of the connection that is signed: %d", code)
	}
	until(t, "one has left and one is not there any more", func() bool { return slices.Equal(s.live(), []string{"p1", "p2", "p6"}) })
}

// TestHiBobHides whom and what the service user may not see, without a word. Whoever is
// not shown is absent, which the guard counts; a field that nobody has ends the read, as
// without their end all who have left would come back.
func TestHiBobHides(t *testing.T) {
	t.Parallel()
	staff := bobStaff(20)
	s, hr := bob(t, staff)
	for i := range 5 {
		staff[i].Jobs[0].End = "2099-12-31"
	}
	for i := range 6 { // all at once, so that more vanish than may
		staff[10+i].LeaveFrom = "2026-11-01"
	}
	staff[19].Preferred = "Goes by"
	hr.Set("2026-11-26", staff)
	u := s.opened(t)
	run := func() *server.Document {
		doc, err := u.Apply(t.Context(), server.Options{Actor: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	if doc := run(); doc.People.Active != 14 || doc.People.OnLeave != 6 || !s.has(20) {
		t.Errorf("who is on leave counts as inactive and is there all the same: %+v", doc.People)
	}
	hr.Permit(false, "internal")
	if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err == nil || !strings.Contains(err.Error(), "end_date (internal.terminationDate)") {
		t.Errorf("the ends are hidden: %v", err)
	}
	hr.Permit(true)
	if doc := run(); doc.People.Missing != 6 || doc.People.Leaver != 0 || len(doc.Holds) != 1 || doc.Holds[0].Cause != "absent" {
		t.Errorf("six are hidden: %+v %+v", doc.People, doc.Holds)
	}
	hr.Permit(false)
	if doc := run(); doc.People.Active != 14 || doc.People.OnLeave != 6 || len(doc.Holds) != 0 {
		t.Errorf("they are shown again: %+v %+v", doc.People, doc.Holds)
	}
}

// TestHiBobLeave: by a lifecycle status that is called a leave somebody is on leave; garden
// leave is none, and a kind of leave that is called otherwise wants a line.
func TestHiBobLeave(t *testing.T) {
	t.Parallel()
	const line = `
      usher.onLeave: row.status in ["leave", "parental leave", "sabbatical"]`
	for name, c := range map[string]struct {
		more string
		away []string
	}{
		"by itself":  {"", []string{"leave", "Leave", "Parental leave", "parental leave", "Long-term leave"}},
		"as it says": {line, []string{"leave", "parental leave", "sabbatical"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statuses := []string{"employed", "garden leave", "Garden leave", "gardenLeave", "hired", "leave", "Leave", "Parental leave", "parental leave", "Long-term leave", "Leaver", "Leaving", "leave requested", "sabbatical", "3341"}
			staff := bobStaff(len(statuses))
			s, hr := bob(t, staff)
			s.conf = strings.Replace(s.conf, `"@acme.example"`, `"@acme.example"`+c.more, 1)
			for i, status := range statuses {
				hr.SetStatus(staff[i].ID, status)
			}
			u := s.opened(t)
			if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil {
				t.Fatal(err)
			}
			var away []string
			err := u.List(t.Context(), directory.OnLeave, func(l directory.Listing) {
				i := slices.IndexFunc(staff, func(p hrtest.Worker) bool { return p.First+"@acme.example" == l.Person.UserName() })
				away = append(away, statuses[i])
			})
			if slices.Sort(away); err != nil || !slices.Equal(away, slices.Sorted(slices.Values(c.away))) || !s.has(len(statuses)) {
				t.Errorf("%q are on leave, want %q; %v, %v", away, c.away, s.live(), err)
			}
		})
	}
}

// TestHiBobHidesOne who has left: what is hidden of them alone, while it is told of others,
// does not bring them back; whoever just has no department is read as they are.
func TestHiBobHidesOne(t *testing.T) {
	t.Parallel()
	staff := bobStaff(12)
	s, hr := bob(t, staff)
	staff[2].Jobs[0].End = "2026-01-31"
	staff[5].Jobs[0].Department, staff[5].Jobs[0].Title = "", ""
	hr.Set("2026-11-26", staff)
	u := s.opened(t)
	run := func(what string) *server.Document {
		t.Helper()
		doc, err := u.Apply(t.Context(), server.Options{Actor: "test"})
		if err != nil || doc.People.Leaver != 1 || doc.People.Active != 11 || !s.has(11) {
			t.Errorf("%s: %v, %+v, %v", what, err, doc, s.live())
		}
		return doc
	}
	if doc := run("all is told"); len(doc.Sources[0].Rejected) != 0 {
		t.Errorf("set aside: %+v", doc.Sources[0].Rejected)
	}
	hr.HideOf(staff[2].ID, "internal")
	if j := run("one end is not").Sources[0].Rejected; len(j) != 1 || j[0].Key != staff[2].ID || !strings.Contains(j[0].Reason, "end_date: there is no internal.terminationDate, which others have") {
		t.Errorf("set aside: %+v", j)
	}
	hr.HideOf("", "")
	run("all is told again")
}

// TestHiBobIsAskedForNoMore than what is read, by the names that fields have there.
func TestHiBobIsAskedForNoMore(t *testing.T) {
	t.Parallel()
	s, hr := bob(t, bobStaff(2))
	s.conf = strings.Replace(s.conf, "    person:\n", "    columns: {shirt: work.custom.field_1}\n    fields: {shirt: work.custom.field_1}\n    optional: [shirt]\n    person:\n      nickName: row.shirt\n", 1)
	var mu sync.Mutex
	var asked []string
	hr.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		var search struct {
			Fields []string `json:"fields"`
		}
		if json.Unmarshal(body, &search) == nil {
			mu.Lock()
			defer mu.Unlock()
			asked = search.Fields
		}
		return false
	})
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(2) })
	mu.Lock()
	defer mu.Unlock()
	want := []string{"root.id", "work.employeeIdInCompany", "root.firstName", "root.surname", "root.displayName", "work.startDate", "internal.terminationDate", "internal.lifecycleStatus", "work.department", "work.title", "work.custom.field_1"}
	slices.Sort(want)
	if slices.Sort(asked); !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

// TestHiBobLimits: more searches than there may be are refused until X-RateLimit-Reset,
// which is waited for; and a user who is not let in is not asked for again and again, as
// that locks addresses out.
func TestHiBobLimits(t *testing.T) {
	t.Parallel()
	staff := bobStaff(20)
	s, hr := bob(t, staff)
	u := s.opened(t)
	if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil || !s.has(20) {
		t.Fatal(err)
	}
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff[:17])
	hr.Limit(2, 2*time.Second) // and one for everybody and three for those who are absent are needed
	doc, err := u.Apply(t.Context(), server.Options{Actor: "test"})
	if err != nil || doc.People.Leaver != 3 || hr.Refused() == 0 {
		t.Errorf("%+v, %d searches refused, %v", doc.People, hr.Refused(), err)
	}
	hr.Limit(0, 0)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.conf = strings.Replace(s.conf, "the-token-of-the-service-user", "another-token", 1)
	u = s.opened(t)
	hr.Asked()
	if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err == nil || !strings.Contains(err.Error(), "does not take the credential") || strings.Contains(err.Error(), "another-token") {
		t.Error(err)
	}
	if n := hr.Asked(); n != 1 {
		t.Errorf("%d requests by somebody who is not let in", n)
	}
}
