// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source/httpintest"
)

// payroll is written back to although its people come from a file: a list that only adds
// to them knows them by keys of its own.
const payroll = `store: DIR/usher.db
calendar: {now: NOW, time_zone: UTC}
sources:
  people:
    type: csv
    path: DIR/partners.csv
    key: no
    columns: [no, name]
    person:
      userName: {value: 'slug(row.name) + "@acme.example"', unique: organisation}
      enterprise.employeeNumber: row.no
  payroll:
    type: http
    url: URL
    auth: {bearer: "hr-token"}
    allow: [loopback, plain-http]
    list: data.people
    key: id
    columns: {id: id, badge: badge}
    person: {enterprise.employeeNumber: row.badge}
    match: [enterprise.employeeNumber]
apps:
  names:
    type: http
    source: payroll
    auth: {bearer: "hr-token"}
    allow: [loopback, plain-http]
    first_run: go
    read: {url: "URL/{id}", at: data, attributes: {userName: account.login}}
    write: {method: PUT, url: "URL/{id}", send: all, body: {account: {login: "{userName}"}}}
    user: {userName: person.userName}
`

// TestWriteBackByTheSourcesKey: the record that the named source knows somebody by is
// written to, and another one once there is another one.
func TestWriteBackByTheSourcesKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.conf = strings.NewReplacer("DIR", h.dir, "URL", h.hr.URL).Replace(payroll)
	set := func(ids ...int) {
		var people []httpintest.Person
		for _, id := range ids {
			people = append(people, httpintest.Person{"id": id, "badge": "P1"})
		}
		h.hr.Set(people)
	}
	login := func(id string) string {
		account, _ := h.hr.Record(id)["account"].(map[string]any)
		return fmt.Sprint(account["login"])
	}
	set(7)
	if rep := h.cycle().Apps["names"]; rep.Update != 1 || rep.Parked != 0 || login("7") != "pat@acme.example" {
		t.Fatalf("%+v %s", rep, h.parked())
	}
	h.quiet()
	var old []string // what 7 is asked, which is in the list no more, and is there yet
	h.hr.Lock()
	h.hr.OneFault = func(w http.ResponseWriter, r *http.Request, id string) bool {
		if id == "7" {
			old = append(old, r.Method)
			_, _ = w.Write([]byte(`{"data":{"id":7,"account":{"login":"somebody"}}}`))
		}
		return id == "7"
	}
	h.hr.Unlock()
	set(9)
	h.verify = true
	h.cycle()
	rep := h.cycle().Apps["names"]
	if rep.Parked != 0 || login("9") != "pat@acme.example" {
		t.Errorf("%+v %s %s", rep, login("9"), h.parked())
	}
	h.verify = false
	h.hr.Lock()
	if slices.ContainsFunc(old, func(method string) bool { return method != http.MethodGet }) {
		t.Errorf("the old record is written: %q", old)
	}
	h.hr.Unlock()
	h.quiet()
}

// TestWriteBackElsewhere: where a key may mean somebody else by now, be it for a query or a
// header, what was known is forgotten and nothing is written before somebody agrees.
func TestWriteBackElsewhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, with string }{
		{"      url: URL/{id}\n      at: data", "      url: URL/{id}?company=2\n      at: data"},
		{"      url: URL/{id}\n      body", "      url: URL/{id}?company=2\n      body"},
		{"    first_run: go\n", "    first_run: go\n    headers: {X-Company: two}\n"},
	} {
		h := newHouse(t, "Ada")
		h.cycle()
		h.edit(strings.ReplaceAll(c.old, "URL", h.hr.URL), strings.ReplaceAll(c.with, "URL", h.hr.URL))
		h.edit("    first_run: go\n", "")
		h.hr.Edit("1", `{"account":{"login":"hers"}}`)
		h.hr.Writes()
		if rep := h.cycle().Apps["hr-names"]; !rep.FirstRun || rep.Held != 1 || h.writes() != "" {
			t.Errorf("%s: %+v", c.with, rep)
		}
	}
}

// TestWriteBackOnceThereIsARecord: whoever the source comes to know later is written to
// then, though nothing else is new of them.
func TestWriteBackOnceThereIsARecord(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.conf = strings.NewReplacer("DIR", h.dir, "URL", h.hr.URL).Replace(payroll)
	if rep := h.cycle().Apps["names"]; rep.Update+rep.Parked+rep.Waiting != 0 {
		t.Fatalf("%+v %s", rep, h.parked())
	}
	h.quiet()
	h.hr.Set([]httpintest.Person{{"id": 5, "badge": "P1"}})
	if rep := h.cycle().Apps["names"]; rep.Update != 1 || h.kept("5") != "pat@acme.example <nil> <nil> <nil>" {
		t.Errorf("%+v %s %s", rep, h.kept("5"), h.parked())
	}
	h.quiet()
}

// TestWriteBackNoneThere: so it is where none has ever been seen: nobody is set aside for an
// address that leads nowhere, and all are written once it leads somewhere.
func TestWriteBackNoneThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo", "Cai", "Dot", "Eve")
	h.deny(map[string]int{"GET *": 404})
	rep := h.cycle().Apps["hr-names"]
	if !strings.HasPrefix(rep.Paused, "5 of 5 records of source hr are not there where read looks for them") || h.parked() != "" {
		t.Errorf("%+v %s", rep, h.parked())
	}
	h.deny(map[string]int{"GET 2": 404})
	if rep := h.cycle().Apps["hr-names"]; rep.Paused != "" || rep.Update != 4 || !strings.Contains(h.parked(), "knows this person as 2, and has no such record") {
		t.Errorf("%+v %s", rep, h.parked())
	}
	h.quiet()
}

// TestWriteBackManyGone: where many records are gone at once that were there, the app is
// paused and nobody is set aside: that says something of the address, or of us.
func TestWriteBackManyGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo", "Cai", "Dot", "Eve")
	h.cycle()
	h.hr.Lock()
	h.hr.OneFault = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		http.Error(w, `{"error":"nobody"}`, http.StatusNotFound)
		return true
	}
	h.hr.Unlock()
	h.verify = true
	rep := h.cycle().Apps["hr-names"]
	if !strings.HasPrefix(rep.Paused, "5 of 5 records of source hr are not there where read looks for them") || h.parked() != "" {
		t.Errorf("%+v %s", rep, h.parked())
	}
	h.relent()
	if rep := h.cycle().Apps["hr-names"]; rep.Paused != "" || rep.Unchanged != 5 || h.parked() != "" {
		t.Errorf("%+v %s", rep, h.parked())
	}
	h.verify = false
	h.quiet()
}
