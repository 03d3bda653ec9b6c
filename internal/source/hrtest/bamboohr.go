// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// BambooHR is a company there: https://documentation.bamboohr.com/reference, November 2026.
type BambooHR struct {
	System

	key       string
	changed   map[string]string // action by id, of /employees/changed
	hidden    []string          // fields that the key may not see
	monitored []string          // fields whose change is told; nil: bambooMonitored
}

// NewBambooHR starts one that takes key as an API key.
func NewBambooHR(t testing.TB, key string) *BambooHR {
	t.Helper()
	b := &BambooHR{key: key, changed: map[string]string{}}
	b.start(t, b.serve)
	return b
}

// Change has /employees/changed tell of somebody: Inserted, Updated or Deleted.
func (b *BambooHR) Change(id, action string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed[id] = action
}

// Hide takes fields from those that the key may see: they are left out of every answer.
func (b *BambooHR) Hide(fields ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hidden = fields
}

// BambooLeave is the employment status that this company has for a leave.
const BambooLeave = "Parental Leave"

const bambooPath = "/api/v1/"

func (b *BambooHR) serve(w http.ResponseWriter, r *http.Request) {
	if user, _, ok := r.BasicAuth(); !ok || user != b.key {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, bambooPath)
	id, one := strings.CutPrefix(path, "employees/")
	switch {
	case !ours:
		w.WriteHeader(http.StatusNotFound)
	case path == "reports/custom" && r.Method == http.MethodPost:
		b.report(w, r)
	case path == "employees/changed" && r.Method == http.MethodGet:
		b.changes(w, r)
	case one && r.Method == http.MethodGet:
		b.one(w, r, id)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// report is a custom report: of the fields that were asked for, and id.
func (b *BambooHR) report(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Title  string   `json:"title"`
		Fields []string `json:"fields"`
	}
	format := strings.ToLower(r.URL.Query().Get("format"))
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Fields) == 0 || format != "json" {
		w.Header().Set("X-BambooHR-Error-Messsage", "Malformed report") // the maker's own spelling
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	people := []map[string]any{}
	for _, p := range b.workers {
		// Only current ones unless it is asked otherwise: those who have left and
		// those who have not begun are not in the report.
		current := p.Start() <= b.today && (p.End() == "" || p.End() >= b.today)
		if r.URL.Query().Get("onlyCurrent") == "false" || current {
			people = append(people, b.record(p, asked.Fields))
		}
	}
	b.answer(w, map[string]any{"title": asked.Title, "fields": []any{}, "employees": people})
}

func (b *BambooHR) one(w http.ResponseWriter, r *http.Request, id string) {
	p, ok := b.find(id)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	b.answer(w, b.record(p, strings.Split(r.URL.Query().Get("fields"), ",")))
}

func (b *BambooHR) changes(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("since") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	people := map[string]any{}
	for id, action := range b.changed {
		people[id] = map[string]string{"id": id, "action": action, "lastChanged": b.today + "T10:00:00+00:00"}
	}
	if len(people) == 0 {
		b.answer(w, map[string]any{"latest": b.today + "T10:00:00+00:00", "employees": []any{}}) // an empty object is written as a list
		return
	}
	b.answer(w, map[string]any{"latest": b.today + "T10:00:00+00:00", "employees": people})
}

// record has the fields that are known; what there is no field for is not told.
func (b *BambooHR) record(p Worker, fields []string) map[string]any {
	day := func(d string) any {
		if d == "" {
			return "0000-00-00"
		}
		return d
	}
	empty := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	status := "Active"
	if p.End() != "" && p.End() < b.today {
		status = "Inactive"
	}
	employment := p.Jobs[0].Kind
	if p.Away(b.today) {
		employment = BambooLeave
	}
	all := map[string]any{
		"id": p.ID, "employeeNumber": p.Number, "firstName": p.First, "preferredName": empty(p.Preferred), "lastName": p.Last, "workEmail": empty(p.Email),
		"status": status, "employmentHistoryStatus": employment, "hireDate": day(p.Start()), "terminationDate": day(p.End()),
		"department": p.Jobs[0].Department, "division": nil, "jobTitle": p.Jobs[0].Title, "location": empty(p.Location), "supervisorEId": empty(p.Manager),
		"ssn": "no business of ours",
	}
	out := map[string]any{"id": p.ID}
	for name, v := range all {
		if slices.Contains(fields, name) && !slices.Contains(b.hidden, name) {
			out[name] = v
		}
	}
	return out
}
