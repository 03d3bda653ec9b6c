// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Webhooks of Personio: https://developer.personio.de/reference/webhooks,
// /reference/post_v2-webhooks and /docs/event-driven-data-from-personio; November 2026.

// Subscribe has events told to an address, all unless it names some, which shows a token.
func (p *Personio) Subscribe(t testing.TB, url, token string, types ...string) {
	t.Helper()
	p.subscribe(t, caller{
		events: p.events,
		// Nothing is told but who, and nothing is signed.
		call: func(e Event, token string, at time.Time) (string, map[string]string) {
			payload := map[string]any{"person": map[string]string{"id": e.ID}}
			if strings.HasPrefix(e.Type, "employment.") {
				payload["employment"] = map[string]string{"id": e.ID + "-0"}
			}
			body, err := json.Marshal(map[string]any{"company_id": "1", "event_name": e.Type, "occurred_at": at.UTC().Format(time.RFC3339), "payload": payload})
			if err != nil {
				panic(err)
			}
			return string(body), map[string]string{"Authorization": token}
		},
		// One attempt and six behind it within three days, with two requests each if need be.
		// How long there is between is not said.
		waits: []time.Duration{10 * time.Minute, time.Hour, 4 * time.Hour, 10 * time.Hour, 20 * time.Hour, 36 * time.Hour}, tries: 2,
		gives: func(status int) bool { return status < 500 || status == http.StatusNotImplemented },
	}, url, token, types)
}

// events are those of persons, and of their employments. Of a person names, the address and
// custom attributes are told, of which the number is one. Of an employment days, the kind,
// the department and the supervisor are here: which ones are is listed where we could not
// read it, but for the job, which is said not to be. A start and an end are told again on
// their day.
func (p *Personio) events(before []Worker, was string) (out []Event) {
	add := func(kind, id string) { out = append(out, Event{Type: kind, ID: id}) }
	dated := func(w Worker) { // of the days since the last one that was known
		from := cmp.Or(was, p.today)
		for _, j := range w.Jobs {
			if from < j.Start && j.Start <= p.today {
				add("employment.started", w.ID)
			}
			if j.End != "" && !j.RanOut && from < j.End && j.End <= p.today {
				add("employment.terminated", w.ID)
			}
		}
	}
	differ(before, p.workers,
		func(w Worker) {
			add("person.created", w.ID)
			for range w.Jobs {
				add("employment.created", w.ID)
			}
			dated(w)
		},
		func(old, now Worker) {
			if fmt.Sprint(old.First, "|", old.Last, "|", old.Preferred, "|", old.Email, "|", old.Number) != fmt.Sprint(now.First, "|", now.Last, "|", now.Preferred, "|", now.Email, "|", now.Number) {
				add("person.updated", now.ID)
			}
			for i, j := range now.Jobs {
				switch {
				case i >= len(old.Jobs):
					add("employment.created", now.ID)
				default:
					o := old.Jobs[i]
					o.Title = j.Title // which is not told
					if o != j || old.Manager != now.Manager {
						add("employment.updated", now.ID)
					}
				}
			}
			for range max(0, len(old.Jobs)-len(now.Jobs)) {
				add("employment.deleted", now.ID)
			}
			dated(now)
		},
		func(w Worker) {
			for range w.Jobs {
				add("employment.deleted", w.ID)
			}
			add("person.deleted", w.ID)
		},
	)
	return out
}
