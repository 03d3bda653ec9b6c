// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// Webhooks of BambooHR: https://documentation.bamboohr.com/docs/event-based-webhooks,
// /docs/field-based-webhooks, /docs/webhooks, and /reference/employee-created-webhook,
// -updated- and -deleted-; November 2026.

// bambooMonitored are the fields that are watched unless it is said otherwise. There are no
// days of termination among those that there are to watch in the settings.
var bambooMonitored = []string{"hireDate", "status", "employmentHistoryStatus", "firstName", "preferredName", "lastName", "department", "jobTitle", "location"}

// bambooWords are names of fields as the field-based form has them.
var bambooWords = map[string]string{
	"hireDate": "Hire Date", "status": "Status", "firstName": "First Name", "preferredName": "Preferred Name", "lastName": "Last Name", "department": "Department",
	"jobTitle": "Job Title", "location": "Location", "employmentHistoryStatus": "Employment Status", "employeeNumber": "Employee #", "workEmail": "Work Email",
}

// Subscribe has events told to an address, employee.created, .updated and .deleted unless it
// names some, signed by a private key.
func (b *BambooHR) Subscribe(t testing.TB, url, key string, types ...string) {
	t.Helper()
	b.subscribe(t, caller{
		events: func(before []Worker, was string) []Event { return b.events(before, was, false) },
		call: func(e Event, key string, at time.Time) (string, map[string]string) {
			data := map[string]any{"companyId": "12345", "employeeId": e.ID}
			if e.Type == "employee.updated" {
				data["changedFields"] = e.Fields
			}
			return bambooSigned(bambooJSON(map[string]any{"type": e.Type, "timestamp": bambooTime(at), "data": data}), key, at)
		},
		waits: bambooWaits, gives: bambooGives,
	}, url, key, types)
}

// SubscribeFields is Subscribe to the field-based form, which puts all that has changed at a
// time into one call.
func (b *BambooHR) SubscribeFields(t testing.TB, url, key string) {
	t.Helper()
	b.subscribe(t, caller{
		events: func(before []Worker, was string) []Event {
			all := b.events(before, was, true)
			if len(all) == 0 {
				return nil
			}
			all[0].With = all[1:]
			return all[:1]
		},
		call: func(e Event, key string, at time.Time) (string, map[string]string) {
			var people []any
			for _, one := range append([]Event{e}, e.With...) {
				changed, fields := []string{}, map[string]any{}
				for _, f := range one.Fields {
					changed = append(changed, bambooWords[f])
					fields[bambooWords[f]] = "as it is now"
				}
				_, action, _ := strings.Cut(one.Type, ".")
				people = append(people, map[string]any{
					"id": one.ID, "action": strings.ToUpper(action[:1]) + action[1:], "timestamp": bambooTime(at), "changedFields": changed, "fields": fields,
				})
			}
			return bambooSigned(bambooJSON(map[string]any{"employees": people}), key, at)
		},
		waits: bambooWaits, gives: bambooGives,
	}, url, key, nil)
}

// Monitor has other fields watched; whatever else changes is not told.
func (b *BambooHR) Monitor(fields ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.monitored = fields
}

// A server error is tried again up to five times; one of the client is a refusal.
var bambooWaits = []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute}

func bambooGives(status int) bool { return status < 500 }

func bambooTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05+0000") }

func bambooJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// bambooSigned signs the body, and behind it the time, which is that of the request: one that
// is made again is signed again.
func bambooSigned(body, key string, at time.Time) (string, map[string]string) {
	now := fmt.Sprint(at.Unix())
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(body + now))
	return body, map[string]string{"X-BambooHR-Timestamp": now, "X-BambooHR-Signature": hex.EncodeToString(m.Sum(nil))}
}

// events are one for whoever has changed, of all their fields. Whoever comes is made first
// and filled in then, which is told as well. What is a row of a table, as an end is, is told
// when it takes effect and not when it is entered.
func (b *BambooHR) events(before []Worker, was string, byField bool) (out []Event) {
	kind := "employee."
	if byField {
		kind = "employee_with_fields."
	}
	monitored := b.monitored
	if monitored == nil {
		monitored = bambooMonitored
	}
	updated := func(id string, old, now map[string]string) {
		var changed []string
		for _, f := range monitored {
			if old[f] != now[f] {
				changed = append(changed, f)
			}
		}
		if len(changed) > 0 {
			out = append(out, Event{Type: kind + "updated", ID: id, Fields: changed})
		}
	}
	differ(before, b.workers,
		func(w Worker) {
			out = append(out, Event{Type: kind + "created", ID: w.ID})
			updated(w.ID, nil, b.effective(w, b.today))
		},
		func(old, now Worker) { updated(now.ID, b.effective(old, was), b.effective(now, b.today)) },
		func(w Worker) { out = append(out, Event{Type: kind + "deleted", ID: w.ID}) },
	)
	return slices.Clip(out)
}

// effective are the fields as a record has them on a day, but for an end that lies ahead.
func (b *BambooHR) effective(w Worker, day string) map[string]string {
	today, hidden := b.today, b.hidden
	b.today, b.hidden = day, nil
	defer func() { b.today, b.hidden = today, hidden }()
	m := map[string]string{}
	if len(w.Jobs) == 0 {
		return m
	}
	for f, v := range b.record(w, append([]string{"terminationDate", "supervisorEId"}, slices.Sorted(maps.Keys(bambooWords))...)) {
		if text, ok := v.(string); ok {
			m[f] = text
		}
	}
	if m["terminationDate"] >= day {
		delete(m, "terminationDate")
	}
	return m
}
