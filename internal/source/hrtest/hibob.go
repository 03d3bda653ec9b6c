// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// HiBob is a company there: https://apidocs.hibob.com/docs/people-read-api-contract, November
// 2026. What that does not say is as it may be awkward.
type HiBob struct {
	System

	user, token string
	lag         time.Duration     // for which what was is shown
	hidden      []string          // categories that the service user may not see
	byHand      map[string]string // statuses that somebody has set, by id
	hiddenOf    map[string]string // the same of somebody alone, by id
	employed    bool              // it may see nobody but those who are employed
	limit       int               // of searches in a window; 0: none
	window      time.Duration
	searches    int // in this window, which ends at reset
	reset       time.Time
	refused     int
}

// NewHiBob starts one with a service user.
func NewHiBob(t testing.TB, user, token string) *HiBob {
	t.Helper()
	b := &HiBob{user: user, token: token, byHand: map[string]string{}}
	b.start(t, b.serve)
	return b
}

// Permit says what the service user may see: all categories but those that are hidden, of
// everybody or, as a new permission group has it, of those who are employed alone.
func (b *HiBob) Permit(employedOnly bool, hidden ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.employed, b.hidden = employedOnly, hidden
}

// HideOf takes a category of somebody from what the service user may see; "" is none.
func (b *HiBob) HideOf(id, category string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hiddenOf = map[string]string{id: category}
}

// SetStatus has a lifecycle status as it is there, whatever the days say, and tells of it.
func (b *HiBob) SetStatus(id, status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w, there := b.find(id)
	if !there {
		b.byHand[id] = status
		return
	}
	was := b.status(w)
	b.byHand[id] = status
	for _, h := range b.hooks.all {
		for _, e := range b.lived(w, was, status) {
			b.offer(h, e)
		}
	}
}

// Limit has no more than n searches in a window answered; there a window is a minute.
func (b *HiBob) Limit(n int, window time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit, b.window, b.searches, b.reset = n, window, 0, time.Time{}
}

// Refused counts the searches that were too many.
func (b *HiBob) Refused() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}

// bobSearch is the body of a search.
type bobSearch struct {
	Fields        []string    `json:"fields"`
	Filters       []bobFilter `json:"filters"`
	ShowInactive  bool        `json:"showInactive"`
	HumanReadable string      `json:"humanReadable"`
}

type bobFilter struct {
	FieldPath string   `json:"fieldPath"`
	Operator  string   `json:"operator"`
	Values    []string `json:"values"`
}

func (b *HiBob) serve(w http.ResponseWriter, r *http.Request) {
	user, token, ok := r.BasicAuth()
	switch {
	case !ok || user != b.user || token != b.token:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path != "/v1/people/search" || r.URL.RawQuery != "":
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !b.paced(w):
		w.WriteHeader(http.StatusTooManyRequests)
	default:
		b.search(w, r)
	}
}

// paced counts a search; it reports whether there may be one.
func (b *HiBob) paced(w http.ResponseWriter) bool {
	if b.limit == 0 {
		return true
	}
	if now := time.Now(); !now.Before(b.reset) {
		b.searches, b.reset = 0, now.Add(b.window).Truncate(time.Second)
	}
	b.searches++
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(b.limit))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(b.limit-b.searches, 0)))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
	if b.searches > b.limit {
		b.refused++
		return false
	}
	return true
}

func (b *HiBob) search(w http.ResponseWriter, r *http.Request) {
	const mostFields = 400
	var s bobSearch
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil || len(s.Fields) == 0 || len(s.Fields) > mostFields || len(s.Filters) > 1 || !slices.Contains([]string{"", "APPEND", "REPLACE"}, s.HumanReadable) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, f := range s.Filters {
		if f.Operator != "equals" || f.FieldPath != "root.id" && f.FieldPath != "root.email" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	people := []map[string]any{}
	for _, p := range b.shown() {
		status := b.status(p)
		if b.employed && status != "employed" || !s.ShowInactive && status != "employed" {
			continue
		}
		if f := s.Filters; len(f) == 1 && !slices.Contains(f[0].Values, map[string]string{"root.id": p.ID, "root.email": p.Email}[f[0].FieldPath]) {
			continue
		}
		people = append(people, b.record(p, s))
	}
	b.answer(w, map[string]any{"employees": people})
}

// status is a lifecycle status, which begins and ends with the day.
func (b *HiBob) status(p Worker) string {
	switch {
	case b.byHand[p.ID] != "":
		return b.byHand[p.ID]
	case p.Start() > b.today:
		return "hired"
	case p.End() != "" && p.End() < b.today:
		return "terminated"
	case p.Away(b.today):
		return "parental leave" // and not: remain active
	}
	return "employed"
}

// record has the fields that are known, were asked for and may be seen, each twice: by its
// path, unless it is empty, and by its category. Items of lists are numbers.
func (b *HiBob) record(p Worker, s bobSearch) map[string]any {
	empty := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	all := map[string]any{
		"root.id": p.ID, "root.firstName": p.First, "root.surname": p.Last, "root.displayName": cmp.Or(p.Preferred, p.First) + " " + p.Last, "root.email": empty(p.Email),
		"work.employeeIdInCompany": p.Number, "work.startDate": p.Start(), "work.department": empty(item(p.Jobs[0].Department)), "work.title": empty(item(p.Jobs[0].Title)),
		"work.site": empty(p.Location), "work.reportsToIdInCompany": empty(p.Manager), "payroll.employment.type": item(p.Jobs[0].Kind),
		"internal.lifecycleStatus": b.status(p), "internal.terminationDate": empty(p.End()), "home.privateEmail": "no business of ours",
	}
	words := map[string]any{
		"work.department": p.Jobs[0].Department, "work.title": p.Jobs[0].Title, "payroll.employment.type": p.Jobs[0].Kind,
		"work.startDate": local(p.Start()), "internal.terminationDate": empty(local(p.End())),
	}
	out, human := map[string]any{}, map[string]any{}
	for field, v := range all {
		category, _, _ := strings.Cut(field, ".")
		if !slices.Contains(s.Fields, field) || slices.Contains(b.hidden, category) || b.hiddenOf[p.ID] == category {
			continue
		}
		word, listed := words[field]
		if !listed {
			word = v
		}
		if s.HumanReadable == "REPLACE" {
			v = word
		}
		nested(out, field, v)
		if v != nil {
			out["/"+strings.ReplaceAll(field, ".", "/")] = map[string]any{"value": v}
			nested(human, field, word)
		}
	}
	if s.HumanReadable == "APPEND" {
		out["humanReadable"] = human
	}
	return out
}

// nested puts a value below its categories; those of root stand at the top.
func nested(out map[string]any, field string, v any) {
	names := strings.Split(strings.TrimPrefix(field, "root."), ".")
	for _, name := range names[:len(names)-1] {
		if out[name] == nil {
			out[name] = map[string]any{}
		}
		out = out[name].(map[string]any)
	}
	out[names[len(names)-1]] = v
}

// item is the id of an item of a list.
func item(word string) string {
	if word == "" {
		return ""
	}
	return fmt.Sprint(crc32.ChecksumIEEE([]byte(word)))
}

// local is a day as the company writes it.
func local(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return at.Format("02/01/2006")
}
