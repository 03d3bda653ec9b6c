// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Personio is a company there, by API v2: https://developer.personio.de/reference, November
// 2026. The number of a worker is a custom attribute, personnel_number.
type Personio struct {
	System

	secret string
	tokens []string // those that hold
	issued int
	hidden map[string]bool   // members of employments that the credential may not see
	byHand map[string]string // statuses that somebody has set, by id of a person
	units  map[string]string // departments, by id
	refs   map[string]int    // by what was asked for: persons, person, employments, org-units
}

// PersonioClient is the client id of the credential.
const PersonioClient = "papi-client"

// NewPersonio starts one that takes secret.
func NewPersonio(t testing.TB, secret string) *Personio {
	t.Helper()
	p := &Personio{secret: secret, hidden: map[string]bool{}, byHand: map[string]string{}, units: map[string]string{}, refs: map[string]int{}}
	p.start(t, p.serve)
	return p
}

// Hide takes attributes from those that the credential may see.
func (p *Personio) Hide(names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hidden = map[string]bool{}
	for _, n := range names {
		p.hidden[n] = true
	}
}

// SetStatus has a status as somebody in HR has set it, whatever the days say.
func (p *Personio) SetStatus(id, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byHand[id] = status
}

// Expire ends all tokens that were given.
func (p *Personio) Expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = nil
}

// Counts tells how often what was asked for since the last call: token, persons, person,
// employments and org-units.
func (p *Personio) Counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.refs
	p.refs = map[string]int{}
	return was
}

func (p *Personio) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/auth/token" {
		p.token(w, r)
		return
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	switch {
	case !slices.Contains(p.tokens, token):
		p.problem(w, http.StatusUnauthorized)
	case r.Method != http.MethodGet:
		p.problem(w, http.StatusMethodNotAllowed)
	case len(parts) == 1 && parts[0] == "persons":
		p.persons(w, r)
	case len(parts) == 2 && parts[0] == "persons":
		p.person(w, parts[1])
	case len(parts) == 3 && parts[0] == "persons" && parts[2] == "employments":
		p.employments(w, r, parts[1])
	case len(parts) == 2 && parts[0] == "org-units":
		p.unit(w, r, parts[1])
	default:
		p.problem(w, http.StatusNotFound)
	}
}

// token gives one for the client's credentials, which are in the form and nowhere else.
func (p *Personio) token(w http.ResponseWriter, r *http.Request) {
	p.refs["token"]++
	_, _, basic := r.BasicAuth()
	form := r.Header.Get("Content-Type") == "application/x-www-form-urlencoded"
	if r.Method != http.MethodPost || basic || !form || r.PostFormValue("grant_type") != "client_credentials" ||
		r.PostFormValue("client_id") != PersonioClient || r.PostFormValue("client_secret") != p.secret {
		w.WriteHeader(http.StatusBadRequest)
		p.answer(w, map[string]string{"error": "invalid_client"})
		return
	}
	p.issued++
	token := fmt.Sprint("papi-", p.issued)
	p.tokens = append(p.tokens, token)
	p.answer(w, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 86400, "scope": "personio:persons:read"})
}

func (p *Personio) problem(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"personio_trace_id":"a1","errors":[{"title":%q}]}`, http.StatusText(status))
}

// page answers a page of a list, at most 50 and 10 unless it is said. The address of the
// next one holds the cursor alone.
func (p *Personio) page(w http.ResponseWriter, r *http.Request, all []map[string]any) {
	limit, from := 10, 0
	for name, v := range r.URL.Query() {
		var err error
		switch name {
		case "limit":
			limit, err = strconv.Atoi(v[0])
		case "cursor":
			from, err = strconv.Atoi(strings.TrimPrefix(v[0], "cur_"))
		default:
			p.problem(w, http.StatusBadRequest)
			return
		}
		if err != nil || limit < 1 || limit > 50 || from < 0 || from > len(all) {
			p.problem(w, http.StatusBadRequest)
			return
		}
	}
	to := min(from+limit, len(all))
	links := map[string]any{"self": map[string]string{"href": p.URL + r.URL.RequestURI()}}
	if to < len(all) {
		links["next"] = map[string]string{"href": fmt.Sprintf("%s%s?cursor=cur_%d", p.URL, r.URL.Path, to)}
	}
	p.answer(w, map[string]any{"_data": all[from:to], "_meta": map[string]any{"links": links}})
}

func (p *Personio) persons(w http.ResponseWriter, r *http.Request) {
	p.refs["persons"]++
	all := []map[string]any{}
	for _, who := range p.workers {
		all = append(all, p.record(who))
	}
	p.page(w, r, all)
}

func (p *Personio) person(w http.ResponseWriter, id string) {
	p.refs["person"]++
	who, ok := p.find(id)
	if !ok {
		p.problem(w, http.StatusNotFound)
		return
	}
	p.answer(w, p.record(who))
}

func (p *Personio) record(who Worker) map[string]any {
	jobs, status := []map[string]string{}, "INACTIVE"
	for i, j := range who.Jobs {
		jobs = append(jobs, map[string]string{"id": fmt.Sprint(who.ID, "-", i)})
		if p.status(who, j) != "INACTIVE" {
			status = "ACTIVE"
		}
	}
	return map[string]any{
		"id": who.ID, "email": p.nothing(who.Email), "first_name": who.First, "last_name": who.Last, "preferred_name": p.nothing(who.Preferred), "status": status,
		"employments": jobs, "custom_attributes": []map[string]any{
			{"id": "dynamic_1", "global_id": "personnel_number", "type": "string", "value": who.Number},
			{"id": "dynamic_2", "global_id": "IBAN", "type": "string", "value": "no business of ours"},
		},
	}
}

// employments come with the newest first.
func (p *Personio) employments(w http.ResponseWriter, r *http.Request, id string) {
	p.refs["employments"]++
	who, ok := p.find(id)
	if !ok {
		p.problem(w, http.StatusNotFound)
		return
	}
	all := []map[string]any{}
	jobs := slices.Clone(who.Jobs)
	slices.SortStableFunc(jobs, func(a, b Job) int { return strings.Compare(b.Start, a.Start) })
	for i, j := range jobs {
		kind := "INTERNAL"
		if j.Kind == "Contractor" {
			kind = "EXTERNAL"
		}
		job := map[string]any{
			"id": fmt.Sprint(id, "-", i), "status": p.status(who, j), "type": kind, "position": map[string]string{"title": j.Title},
			"employment_start_date": j.Start, "employment_end_date": p.nothing(j.End), "contract_end_date": nil,
			"org_units":   []map[string]string{{"type": "team", "id": "7"}, {"type": "department", "id": p.unitOf(j.Department)}},
			"termination": p.termination(j), "person": map[string]string{"id": id}, "supervisor": p.supervisor(who), "weekly_working_hours": 40,
		}
		for name := range p.hidden {
			delete(job, name)
		}
		all = append(all, job)
	}
	p.page(w, r, all)
}

func (p *Personio) status(who Worker, j Job) string {
	switch {
	case p.byHand[who.ID] != "":
		return p.byHand[who.ID]
	case j.End != "" && j.End < p.today:
		return "INACTIVE"
	case j.Start > p.today:
		return "ONBOARDING"
	case who.Away(p.today):
		return "LEAVE"
	}
	return "ACTIVE"
}

// termination is null unless somebody was given notice.
func (p *Personio) termination(j Job) any {
	if j.End == "" || j.RanOut {
		return nil
	}
	return map[string]any{"termination_date": j.End, "terminated_at": nil}
}

func (p *Personio) supervisor(who Worker) any {
	i := slices.IndexFunc(p.workers, func(o Worker) bool { return o.Number == who.Manager })
	if i < 0 {
		return nil
	}
	return map[string]string{"id": p.workers[i].ID}
}

// unitOf is the id of a department.
func (p *Personio) unitOf(name string) string {
	for id, n := range p.units {
		if n == name {
			return id
		}
	}
	id := strconv.Itoa(401 + len(p.units))
	p.units[id] = name
	return id
}

// unit needs to be told what it is that has the id.
func (p *Personio) unit(w http.ResponseWriter, r *http.Request, id string) {
	p.refs["org-units"]++
	name, ok := p.units[id]
	switch {
	case r.URL.Query().Get("type") != "department":
		p.problem(w, http.StatusBadRequest)
	case !ok:
		p.problem(w, http.StatusNotFound)
	default:
		p.answer(w, map[string]any{"id": id, "type": "department", "name": name, "parent_id": nil})
	}
}

// nothing is null for what is not known.
func (*Personio) nothing(text string) any {
	if text == "" {
		return nil
	}
	return text
}
