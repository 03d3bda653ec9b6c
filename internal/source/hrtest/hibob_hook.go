// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Webhooks of Bob, version 2: https://apidocs.hibob.com/reference/getting-started-webhooks,
// /reference/employee-data-webhooks, /reference/post_webhook_employee-updated and those
// beside it, /docs/working-with-webhooks; November 2026.

// Subscribe has events told to an address, all unless it names some, signed by a secret. It
// reports whether the address has answered a test, without which it is not added.
func (b *HiBob) Subscribe(t testing.TB, url, secret string, types ...string) bool {
	t.Helper()
	var waits []time.Duration // exponential, for up to three days; the first is not said
	for sum, w := time.Duration(0), time.Minute; sum+w <= 3*24*time.Hour; w *= 2 {
		sum += w
		waits = append(waits, w)
	}
	return b.subscribe(t, caller{
		events: b.events, call: bobCall, pings: []string{`"Ping test"`, `{"text":"Ping test"}`},
		waits: waits, gives: func(int) bool { return false }, ordered: true,
	}, url, secret, types)
}

// bobCall says who and which fields, and no values.
func bobCall(e Event, secret string, at time.Time) (string, map[string]string) {
	data := map[string]any{"employeeId": e.ID}
	if e.Type == "employee.updated" {
		fields := []map[string]string{}
		for _, f := range e.Fields {
			fields = append(fields, map[string]string{"id": f})
		}
		data["fieldUpdates"] = fields
	}
	if e.Table != "" { // of a table that has a history
		data["tableId"], data["effectiveDate"] = e.Table, e.Day
	}
	body, err := json.Marshal(map[string]any{
		"companyId": 557418, "type": e.Type, "triggeredBy": "system", "triggeredAt": at.UTC().Format("2006-01-02T15:04:05.000000"), "version": "v2", "data": data,
	})
	if err != nil {
		panic(err)
	}
	m := hmac.New(sha512.New, []byte(secret))
	m.Write(body)
	return string(body), map[string]string{"Bob-Signature": base64.StdEncoding.EncodeToString(m.Sum(nil))}
}

// bobFields are the fields of which a change is told, with the table of which each is a
// column, if it is one.
var bobFields = []struct {
	id, table string
	of        func(Worker) string
}{
	{"root.firstName", "", func(w Worker) string { return w.First }},
	{"root.surname", "", func(w Worker) string { return w.Last }},
	{"root.displayName", "", func(w Worker) string { return cmp.Or(w.Preferred, w.First) + " " + w.Last }},
	{"root.email", "", func(w Worker) string { return w.Email }},
	{"work.employeeIdInCompany", "", func(w Worker) string { return w.Number }},
	{"work.startDate", "", Worker.Start},
	{"work.department", "work", func(w Worker) string { return w.Jobs[0].Department }},
	{"work.title", "work", func(w Worker) string { return w.Jobs[0].Title }},
	{"work.site", "work", func(w Worker) string { return w.Location }},
	{"work.reportsToIdInCompany", "work", func(w Worker) string { return w.Manager }},
	{"payroll.employment.type", "employment", func(w Worker) string { return w.Jobs[0].Kind }},
}

// Lag has searches answered as things were for so long after they have changed, by the clock
// that Passes moves: "up to 20 seconds" (/reference/put_people-identifier).
func (b *HiBob) Lag(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lag = d
}

// shown are the people whom a search finds.
func (b *HiBob) shown() []Worker {
	if b.hooks.passed-b.hooks.changed < b.lag {
		return b.hooks.before
	}
	return b.workers
}

// events are those of fields, of entries of tables, and of what somebody's life there has
// come to. An end is an entry of the table lifecycle; that one is deleted is not told, nor
// that there is no day of termination any more.
func (b *HiBob) events(before []Worker, was string) (out []Event) {
	add := func(e Event) { out = append(out, e) }
	differ(before, b.workers,
		func(w Worker) {
			add(Event{Type: "employee.created", ID: w.ID})
			out = append(out, b.lived(w, "", b.status(w))...)
		},
		func(old, now Worker) {
			var changed []string
			tables := map[string]bool{}
			for _, f := range bobFields {
				if f.of(old) == f.of(now) {
					continue
				}
				changed = append(changed, f.id)
				if f.table != "" && !tables[f.table] {
					tables[f.table] = true
					add(Event{Type: "table.entry.created", ID: now.ID, Table: f.table, Day: b.today})
				}
			}
			switch end, had := now.End(), old.End(); {
			case end == had:
			case end == "": // the entry was deleted
			case had == "":
				add(Event{Type: "table.entry.created", ID: now.ID, Table: "lifecycle", Day: end})
				changed = append(changed, "internal.terminationDate")
			default:
				add(Event{Type: "table.entry.updated", ID: now.ID, Table: "lifecycle", Day: end})
				changed = append(changed, "internal.terminationDate")
			}
			if len(changed) > 0 {
				add(Event{Type: "employee.updated", ID: now.ID, Fields: changed})
			}
			today := b.today
			b.today = was
			status := b.status(old)
			b.today = today
			if old.End() == "" || now.End() != "" || now.Start() > old.Start() { // else what was is deleted, not followed by something else
				out = append(out, b.lived(now, status, b.status(now))...)
			}
		},
		func(w Worker) { add(Event{Type: "employee.deleted", ID: w.ID}) },
	)
	return out
}

// lived are the events of a status that has come to somebody, "" before they were there: at
// midnight where their site is, which may be a while from now. Garden leave is the way out, as
// the reference has it: who is on it has left.
func (b *HiBob) lived(w Worker, was, is string) (out []Event) {
	active := func(status string) bool { return status == "employed" }
	left := func(status string) bool { return status == "terminated" || strings.HasPrefix(status, "garden") }
	away := func(status string) bool { return strings.HasSuffix(status, "leave") && !left(status) }
	add := func(kind string) {
		out = append(out, Event{Type: "employee." + kind, ID: w.ID, Day: b.today, after: b.untilMidnight(w.Zone)})
	}
	if was == is {
		return nil
	}
	switch {
	case left(is):
		if !left(was) {
			add("left")
		}
	case away(is):
		add("temporaryLeave")
	case active(is) && !away(was):
		add("joined")
	}
	switch {
	case active(is):
		add("activated")
	case active(was):
		add("inactivated")
	}
	return out
}

// untilMidnight is how long after the day has begun in UTC it begins in a zone; where it has
// begun before that it is none.
func (b *HiBob) untilMidnight(zone string) time.Duration {
	at, err := time.LoadLocation(zone)
	if err != nil {
		return 0
	}
	utc, err := time.Parse(time.DateOnly, b.today)
	if err != nil {
		return 0
	}
	there := time.Date(utc.Year(), utc.Month(), utc.Day(), 0, 0, 0, 0, at)
	return max(0, there.Sub(utc))
}
