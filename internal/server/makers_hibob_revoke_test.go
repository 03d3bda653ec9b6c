// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
)

// bobRevokes is the call of a termination that is to end all access at once.
func bobRevokes(id string, at time.Time) string {
	return `{"companyId":557418,"type":"employee.access.revoked.immediately","triggeredBy":"system","triggeredAt":"` +
		at.UTC().Format("2006-01-02T15:04:05.000000") + `","version":"v2","data":{"employeeId":"` + id + `"}}`
}

// bobEvent is the call of an end that was entered.
func bobEvent(id string) string {
	return `{"companyId":557418,"type":"employee.updated","triggeredBy":"system","triggeredAt":"2026-11-26T09:59:10.000000","version":"v2","data":{"employeeId":"` + id + `","fieldUpdates":[{"id":"internal.terminationDate"}]}}`
}

// TestHiBobRevokes: whose access is revoked there is out at once, be HR down or not, and
// whatever it says from then on; until it states a new start.
func TestHiBobRevokes(t *testing.T) {
	t.Parallel()
	staff := bobStaff(6)
	staff[2].Jobs[0].End = time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	s, hr := bob(t, staff)
	day := func(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly) }
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(6) })
	call := bobRevokes(staff[2].ID, time.Now().Add(-time.Minute))
	if code := s.bobCalls(t, call, "a-secret-that-was-guessed"); code != http.StatusUnauthorized || !s.has(6) {
		t.Errorf("a forged call: %d", code)
	}
	hr.Fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true })
	if code := s.bobCalls(t, call, bobKey); code != http.StatusNoContent {
		t.Errorf("a call: %d", code)
	}
	others := []string{"p1", "p2", "p4", "p5", "p6"}
	s.alive(t, others...)
	hr.Fault(nil)

	restart := func() { // somebody new shows that everybody was read
		t.Helper()
		n := len(staff) + 1
		staff = append(staff, bobStaff(n)[n-1])
		hr.Set(day(0), staff)
		s.end(t)
		s.serve(t)
		others = append(others, fmt.Sprintf("p%d", n))
		s.alive(t, others...)
	}
	restart()
	staff[2].Jobs[0].End = "" // taken back
	restart()
	if code := s.bobCalls(t, call, bobKey); code != http.StatusNoContent {
		t.Errorf("the call once more: %d", code)
	}
	s.settled(t)
	why, err := s.usher.Why(t.Context(), server.Question{Person: "p3@acme.example"})
	if err != nil || why.State != directory.Leaver || !strings.HasPrefix(why.Why, "hr ended all access at ") {
		t.Errorf("%+v, %v", why, err)
	}
	if !slices.Equal(s.live(), others) {
		t.Errorf("%v have accounts", s.live())
	}

	staff[2].Jobs[0].Start = day(1) // three days ahead of which they are let in
	hr.Set(day(0), staff)
	if code := s.bobCalls(t, bobEvent(staff[2].ID), bobKey); code != http.StatusNoContent {
		t.Errorf("a call of the new start: %d", code)
	}
	all := append(slices.Clone(others), "p3")
	slices.Sort(all)
	s.alive(t, all...)
	if code := s.bobCalls(t, call, bobKey); code != http.StatusNoContent {
		t.Errorf("the old call once more: %d", code)
	}
	staff[0].Jobs[0].End = day(-2)
	hr.Set(day(0), staff)
	s.bobCalls(t, bobEvent(staff[0].ID), bobKey)
	s.alive(t, all[1:]...) // whatever the old call did was done before
}

// TestHiBobRevokesMany: more than the guard lets pass within an hour are held, and are in
// until somebody agrees.
func TestHiBobRevokesMany(t *testing.T) {
	t.Parallel()
	staff := bobStaff(30)
	s, _ := bob(t, staff)
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(30) })
	for _, p := range staff[:12] {
		if code := s.bobCalls(t, bobRevokes(p.ID, time.Now()), bobKey); code != http.StatusNoContent {
			t.Errorf("a call: %d", code)
		}
	}
	var st *server.Status
	until(t, "some are held", func() bool {
		var err error
		st, err = s.usher.Status(t.Context())
		return err == nil && len(st.Holds) > 0 && st.Holds[0].Cause == directory.CauseTermination && strings.Contains(st.Holds[0].Reason, "revoked")
	})
	s.settled(t)
	if n := len(s.live()); n < 20 {
		t.Errorf("%d of 30 have accounts", n)
	}
}

// TestHiBobRevokesNobody: a call of somebody whose record nobody knows is no success: status
// says of whom it was, until their record is read; then they are out.
func TestHiBobRevokesNobody(t *testing.T) {
	t.Parallel()
	staff := bobStaff(5)
	s, hr := bob(t, staff[:3])
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(3) })
	unmet := func() (keys []string) {
		t.Helper()
		st, err := s.usher.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range st.Sources[0].Unmet {
			keys = append(keys, a.Key)
		}
		return keys
	}
	if code := s.bobCalls(t, bobRevokes(staff[3].ID, time.Now()), bobKey); code != http.StatusNoContent {
		t.Errorf("a call: %d", code)
	}
	if got := unmet(); !slices.Equal(got, []string{staff[3].ID}) {
		t.Errorf("%v are told of", got)
	}
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.end(t)
	s.serve(t)
	s.alive(t, "p1", "p2", "p3", "p5")
	if got := unmet(); len(got) > 0 {
		t.Errorf("%v are told of, and are known", got)
	}
}

// TestHiBobRevokesUndated: a call that does not say when it was counts as of when it first
// came, so that it ends nothing new when it is sent again, over restarts.
func TestHiBobRevokesUndated(t *testing.T) {
	t.Parallel()
	staff := bobStaff(3)
	s, hr := bob(t, staff)
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(3) })
	call := strings.Replace(bobRevokes(staff[1].ID, time.Now()), `"triggeredAt":"20`, `"triggeredAt":"on 20`, 1)
	say := func() {
		t.Helper()
		if code := s.bobCalls(t, call, bobKey); code != http.StatusNoContent {
			t.Errorf("a call: %d", code)
		}
	}
	say()
	s.alive(t, "p1", "p3")
	staff[1].Jobs[0].Start = time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.end(t)
	s.serve(t)
	s.alive(t, "p1", "p2", "p3")
	say()
	staff[0].Jobs[0].End = "2026-01-31"
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.bobCalls(t, bobEvent(staff[0].ID), bobKey)
	s.alive(t, "p2", "p3") // whatever the call did once more was done before
}

// TestHiBobRevokesNot if the configuration says that no call does.
func TestHiBobRevokesNot(t *testing.T) {
	t.Parallel()
	staff := bobStaff(3)
	s, hr := bob(t, staff)
	s.conf = strings.Replace(s.conf, "signs-the-calls]}", "signs-the-calls], revoke: {values: []}}", 1)
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(3) })
	staff[1].Jobs[0].End = "2026-01-31"
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	for _, p := range staff[:2] {
		if code := s.bobCalls(t, bobRevokes(p.ID, time.Now()), bobKey); code != http.StatusNoContent {
			t.Errorf("a call: %d", code)
		}
	}
	s.alive(t, "p1", "p3")
}
