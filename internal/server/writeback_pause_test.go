// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// deny has requests answered with a status by record and method, as "GET 2"; "*" is every
// record that is not named.
func (h *house) deny(statuses map[string]int) {
	h.hr.Lock()
	defer h.hr.Unlock()
	h.hr.OneFault = func(w http.ResponseWriter, r *http.Request, id string) bool {
		status := statuses[r.Method+" "+id]
		if status == 0 {
			status = statuses[r.Method+" *"]
		}
		if status == 0 || status == http.StatusOK {
			return false
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"title":"no"}`))
		return true
	}
}

// TestWriteBackOfOneThatIsForbidden: a record that may not be read is its person's affair,
// be it alone to be looked at; where none may be, the app is paused, and nobody set aside.
func TestWriteBackOfOneThatIsForbidden(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo")
	h.wait = time.Millisecond
	h.deny(map[string]int{"GET *": 403})
	if rep := h.cycle().Apps["hr-names"]; !strings.Contains(rep.Paused, "status 403: no") || h.parked() != "" {
		t.Errorf("paused %q, parked %q", rep.Paused, h.parked())
	}
	h.relent()
	if rep := h.cycle().Apps["hr-names"]; rep.Update != 2 || rep.Paused != "" {
		t.Fatalf("%+v %s", rep, h.parked())
	}
	h.hr.Lock() // one is hired whose record may not be read, and nobody else is to be looked at
	h.hr.Insert(map[string]any{"id": 9, "name": map[string]any{"first": "Cai"}, "start": "2020-01-01"})
	h.hr.Unlock()
	h.deny(map[string]int{"GET 9": 403})
	if rep := h.cycle().Apps["hr-names"]; rep.Paused != "" || !strings.Contains(h.parked(), "it cannot be looked up: app: terminal: status 403: no") {
		t.Errorf("paused %q, parked %q", rep.Paused, h.parked())
	}
	h.quiet()
	h.hr.Edit("1", `{"name":{"first":"Adah"}}`)
	if rep := h.cycle().Apps["hr-names"]; rep.Update != 1 || rep.Paused != "" {
		t.Errorf("%+v %s", rep, h.parked())
	}
	h.relent()
	h.person = "9"
	if h.cycle(); h.kept("9") != "cai@acme.example cai@acme.example usher <nil>" {
		t.Error(h.kept("9"), h.parked())
	}
}

// TestWriteBackEndsItsPause: whatever a system says to a key that nobody has, a pause ends
// once it answers about those who are there; and until then it says what was asked for.
func TestWriteBackEndsItsPause(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 422, 500, 503} {
		h := newHouse(t, "Ada", "Bo")
		h.wait = time.Millisecond
		h.cycle()
		h.hr.Edit("1", `{"name":{"first":"Adah"}}`)
		h.deny(map[string]int{"PATCH *": 401, "GET *": 401})
		for range 2 {
			h.hr.Writes()
			rep := h.cycle().Apps["hr-names"]
			if !strings.Contains(rep.Paused, "status 401: no") {
				t.Errorf("%d: %q", status, rep.Paused)
			}
		}
		rep := h.cycle().Apps["hr-names"]
		if n := h.hr.Counts(); !strings.Contains(rep.Paused, "(asked for record ") || strings.Contains(rep.Paused, "probe") || n.Requests-n.Lists != 1 {
			t.Errorf("%d: %q, %+v", status, rep.Paused, n)
		}
		h.deny(map[string]int{"GET usher-probe": status, "GET 2": 403}) // one of two is protected
		if rep = h.cycle().Apps["hr-names"]; rep.Update != 1 || rep.Paused != "" {
			t.Errorf("%d: %+v", status, rep)
		}
	}
}

// TestWriteBackPausedWithNobody: where no record is known the key is one that nobody has,
// and what is said to that proves little.
func TestWriteBackPausedWithNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada")
	h.wait = time.Millisecond
	h.deny(map[string]int{"GET *": 401})
	if rep := h.cycle().Apps["hr-names"]; rep.Paused == "" {
		t.Errorf("%+v", rep)
	}
	h.hr.Edit("1", `{"end":"2026-02-01"}`) // and is out: there is nobody to be asked for
	h.deny(map[string]int{"GET *": 401})
	if rep := h.cycle().Apps["hr-names"]; !strings.Contains(rep.Paused, "asked for record usher-probe") {
		t.Errorf("%q", rep.Paused)
	}
	h.deny(map[string]int{"GET *": 500}) // usher-probe is no number
	if rep := h.cycle().Apps["hr-names"]; rep.Paused != "" {
		t.Errorf("%q", rep.Paused)
	}
}

// TestWriteBackLeavesInAPause: whoever leaves while the system is paused is let go at once,
// is not what it is asked for, and is asked for by no later look.
func TestWriteBackLeavesInAPause(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo")
	h.wait = time.Millisecond
	h.cycle()
	h.deny(map[string]int{"GET *": 401})
	h.verify = true // which has everybody looked at
	if rep := h.cycle().Apps["hr-names"]; rep.Paused == "" {
		t.Fatalf("%+v", rep)
	}
	h.verify = false
	h.hr.Edit("2", `{"end":"2026-03-02"}`)
	h.today = "2026-03-05"
	if rep := h.cycle().Apps["hr-names"]; rep.Paused == "" || h.status.Apps[0].Live != 1 || h.status.People.Leaver != 1 {
		t.Errorf("%+v %+v", rep, h.status.Apps[0])
	}
	h.deny(map[string]int{"GET 2": 403, "PATCH 2": 403})
	if rep := h.cycle().Apps["hr-names"]; rep.Paused != "" || rep.Waiting+rep.Parked != 0 || h.parked() != "" {
		t.Errorf("%+v %s", rep, h.parked())
	}
	h.quiet()
}

// TestWriteBackOfOneThatGoes: a record that is gone when it is to be written is looked for
// once more, and is its person's affair.
func TestWriteBackOfOneThatGoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo")
	h.wait = time.Millisecond
	h.cycle()
	h.hr.Edit("2", `{"name":{"first":"Bob"}}`)
	h.deny(map[string]int{"GET 2": 404, "PATCH 2": 404})
	h.hr.Writes()
	if rep := h.cycle().Apps["hr-names"]; rep.Parked != 1 || rep.Paused != "" || !strings.Contains(h.parked(), "has no such record") {
		t.Errorf("%+v %s", rep, h.parked())
	}
	h.quiet()
}
