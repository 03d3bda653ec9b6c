// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Rippling is a company there: https://developer.rippling.com/documentation/rest-api, November
// 2026. What that does not say is as it may be awkward. It calls nobody: the documentation
// of the API has no signature by which a call would be known.
type Rippling struct {
	System

	token    string
	page     int // workers on a page, whatever limit says
	updated  map[string]time.Time
	noUsers  bool   // the token may not read users
	userless string // id of a worker who has none
}

// NewRippling starts one that takes token.
func NewRippling(t testing.TB, token string, page int) *Rippling {
	t.Helper()
	r := &Rippling{token: token, page: page, updated: map[string]time.Time{}}
	r.start(t, r.serve)
	return r
}

// Touch has a worker changed at a time, as updated_at tells.
func (r *Rippling) Touch(id string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.updated[id] = at
}

// NoUser has a worker without a user.
func (r *Rippling) NoUser(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.userless = id
}

// NoUsers takes the right to read users from the token.
func (r *Rippling) NoUsers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noUsers = true
}

const ripplingPath = "/workers/"

func (r *Rippling) serve(w http.ResponseWriter, q *http.Request) {
	id, one := strings.CutPrefix(q.URL.Path, ripplingPath)
	expand := strings.Split(q.URL.Query().Get("expand"), ",")
	known := []string{"", "user", "manager", "legal_entity", "employment_type", "compensation", "department", "teams", "level", "custom_fields", "business_partners"}
	switch {
	case q.Header.Get("Authorization") != "Bearer "+r.token:
		w.WriteHeader(http.StatusUnauthorized)
	case !one:
		w.WriteHeader(http.StatusNotFound)
	case q.Method != http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case slices.ContainsFunc(expand, func(e string) bool { return !slices.Contains(known, e) }):
		w.WriteHeader(http.StatusBadRequest)
	case id == "":
		r.list(w, q, expand)
	default:
		p, ok := r.find(strings.TrimSuffix(id, "/"))
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		r.answer(w, r.record(p, expand))
	}
}

// list answers a page, and the address of the next one, which is relative now and then.
func (r *Rippling) list(w http.ResponseWriter, q *http.Request, expand []string) {
	const mostLimit = 100
	query := q.URL.Query()
	since, good := filterOf(query.Get("filter"))
	limit, err := strconv.Atoi(query.Get("limit"))
	from, _ := strconv.Atoi(query.Get("cursor"))
	if !good || err != nil || limit < 1 || limit > mostLimit || !slices.Contains([]string{"", "id", "created_at", "updated_at"}, query.Get("order_by")) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	found := slices.DeleteFunc(slices.Clone(r.workers), func(p Worker) bool { return r.at(p.ID).Before(since) })
	from = min(max(from, 0), len(found))
	to := min(from+min(limit, r.page), len(found))
	results := []map[string]any{}
	for _, p := range found[from:to] {
		results = append(results, r.record(p, expand))
	}
	var next any
	if to < len(found) {
		query.Set("cursor", strconv.Itoa(to))
		link := (&url.URL{Path: ripplingPath, RawQuery: query.Encode()}).String()
		if from == 0 {
			link = r.URL + link
		}
		next = link
	}
	r.answer(w, map[string]any{"results": results, "next_link": next})
}

// filterOf reads the one filter that is known: updated_at ge 2026-11-26T10:00:00, in UTC.
func filterOf(text string) (since time.Time, good bool) {
	if text == "" {
		return time.Time{}, true
	}
	when, ok := strings.CutPrefix(text, "updated_at ge ")
	at, err := time.Parse("2006-01-02T15:04:05", when)
	return at, ok && err == nil
}

func (r *Rippling) at(id string) time.Time {
	if at, ok := r.updated[id]; ok {
		return at
	}
	return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
}

// record has all fields, null where they are empty; what is not expanded is an id alone.
func (r *Rippling) record(p Worker, expand []string) map[string]any {
	empty := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	status := "ACTIVE"
	switch {
	case p.Start() > r.today:
		status = "HIRED"
	case p.End() != "" && p.End() < r.today:
		status = "TERMINATED"
	}
	job := p.Jobs[0]
	out := map[string]any{
		"id": p.ID, "created_at": "2020-01-01T00:00:00Z", "updated_at": r.at(p.ID).UTC().Format(time.RFC3339), "user_id": "usr_" + p.ID, "number": p.Number,
		"start_date": empty(p.Start()), "end_date": empty(p.End()), "work_email": empty(p.Email), "status": status, "title": empty(job.Title),
		"manager_id": empty(p.Manager), "department_id": "dep_" + job.Department, "employment_type_id": "emp_" + job.Kind,
		"location": map[string]any{"type": "OFFICE", "work_location_id": "loc_" + p.Location}, "date_of_birth": "1990-01-01", "gender": "no business of ours",
	}
	for _, e := range expand {
		switch e {
		case "user":
			if r.noUsers || r.userless == p.ID {
				out[e] = nil
				continue
			}
			out[e] = map[string]any{
				"id": "usr_" + p.ID, "number": fmt.Sprint("9", p.Number), "timezone": empty(p.Zone), "display_name": p.First + " " + p.Last,
				"name": map[string]any{"given_name": p.First, "family_name": p.Last, "preferred_given_name": empty(p.Preferred), "preferred_family_name": nil},
			}
		case "department":
			out[e] = map[string]any{"id": "dep_" + job.Department, "name": job.Department}
		case "employment_type":
			kind := "EMPLOYEE"
			if job.Kind == "Contractor" {
				kind = "CONTRACTOR"
			}
			out[e] = map[string]any{"id": "emp_" + job.Kind, "label": job.Kind, "type": kind}
		}
	}
	return out
}
