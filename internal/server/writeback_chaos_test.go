// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/httpapp"
	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/scim"
)

// inRecords is the app of a company whose people are told to an HR system.
const inRecords = `    type: http
    source: hr
    auth: {bearer: "hr-token"}
    first_run: go
    read: {url: "https://hr.example/people/{id}", at: data, attributes: {userName: account.login, enterprise.department: unit}}
    write: {method: PATCH, url: "https://hr.example/people/{id}", body: {account: {login: "{userName}"}, unit: "{enterprise.department}"}}
    user:
      userName: person.userName
      enterprise.department: person.enterprise.department
`

// unsteady hands requests to the system without a network, and has some go wrong, be it
// before or behind what they do.
type unsteady struct {
	hr *httpintest.Server

	mu   sync.Mutex
	luck *rand.Rand
	odds float64
	done int // what went wrong
}

func (u *unsteady) fault() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.luck.Float64() >= u.odds {
		return -1
	}
	u.done++
	return u.luck.IntN(9)
}

func (u *unsteady) RoundTrip(r *http.Request) (*http.Response, error) {
	refused := func(status int, header http.Header) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(`{"error":"not now"}`)), Request: r}, nil
	}
	kind := u.fault()
	switch kind {
	case 0:
		return nil, errors.New("the connection is reset")
	case 1:
		return refused(http.StatusInternalServerError, http.Header{})
	case 2:
		return refused(http.StatusServiceUnavailable, http.Header{"Retry-After": {"3"}})
	case 3:
		return refused(http.StatusTooManyRequests, http.Header{"Retry-After": {"2"}})
	case 7, 8: // a proxy knows of no such place
		return &http.Response{StatusCode: []int{http.StatusNotFound, http.StatusGone}[kind-7], Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html>not here</html>")), Request: r}, nil
	}
	w := httptest.NewRecorder()
	u.hr.ServeHTTP(w, r)
	switch kind {
	case 4:
		return nil, errors.New("the answer is lost")
	case 5:
		return refused(http.StatusBadGateway, http.Header{})
	case 6:
		w.Body.Truncate(w.Body.Len() / 2)
	}
	return w.Result(), nil
}

// TestWriteBackChaos plays seeded months of hires, moves, departures and returns beside
// colleagues who change records by hand, with a system that fails and loses answers. After
// each, whoever is in is told as the mapping says, nobody is asked for any more, and nobody
// has touched the record of whoever is out, or what no mapping names.
func TestWriteBackChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			hr := httpintest.New(t)
			inBubble(t, 8, func(o office) { recordMonths(&o, hr, seed) })
		})
	}
}

func recordMonths(o *office, hr *httpintest.Server, seed uint64) {
	luck := rand.New(rand.NewPCG(seed, 17))
	wire := &unsteady{hr: hr, luck: rand.New(rand.NewPCG(seed, 18))}
	from, to := strings.Index(company, "    url: "), len(company)
	o.conf = company[:from] + inRecords + company[to:]
	hr.Token = "hr-token"
	var err error
	if o.app, err = httpapp.New(recordsOf(o.T, wire)); err != nil {
		o.Fatal(err)
	}
	var people []httpintest.Person
	add := func(w worker) { people = append(people, httpintest.Person{"id": w.id, "salary": "s" + w.id}) }
	for _, w := range o.staff {
		add(w)
	}
	hr.Set(people)
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for range 4 {
		out := map[string]bool{}
		for i := range o.staff {
			s := &o.staff[i]
			happens(luck, s, day, nil)
			out[s.id] = s.end != ""
			if luck.IntN(3) == 0 { // a colleague knows better
				hr.Edit(s.id, `{"account":{"login":"by-hand"},"note":"`+s.dept+`"}`)
			}
		}
		n := fmt.Sprint(len(o.staff) + 1)
		o.staff = append(o.staff, worker{id: n, first: "n" + n, dept: "B", start: "2020-01-01"})
		hr.Lock()
		hr.Insert(httpintest.Person{"id": n, "salary": "s" + n})
		hr.Unlock()

		today := day.Format(time.DateOnly)
		wire.odds, o.verify = 0.3, true
		for range 4 {
			o.cycle(today)
		}
		wire.odds = 0
		for range 2 { // what waits for longer than a cycle, and a last look
			time.Sleep(time.Hour)
			o.cycle(today)
		}
		for _, w := range hr.Writes() {
			if out[w.ID] {
				o.Errorf("%s: the record of a leaver is written: %+v", today, w)
			}
		}
		for _, s := range o.staff {
			r := hr.Record(s.id)
			account, _ := r["account"].(map[string]any)
			if s.end == "" && (account["login"] != s.first+"@acme.example" || r["unit"] != s.dept) || r["salary"] != "s"+s.id {
				o.Errorf("%s: %s of %s: %v", today, s.first, s.dept, r)
			}
		}
		if parked := o.parked(); parked != "" {
			o.Errorf("set aside: %s", parked)
		}
		hr.Counts()
		if o.verify = false; o.status.Apps[0].Live != employed(o.staff) {
			o.Errorf("%s: %d live, and %d are in", today, o.status.Apps[0].Live, employed(o.staff))
		}
		o.cycle(today)
		if n := hr.Counts(); n.Requests != 0 {
			o.Errorf("%s: not quiet: %+v", today, n)
		}
		day = day.AddDate(0, 0, 7)
	}
	if wire.done < 30 {
		o.Errorf("only %d requests went wrong", wire.done)
	}
}

func employed(all []worker) (n int) {
	for _, s := range all {
		if s.end == "" {
			n++
		}
	}
	return n
}

// recordsOf is what the configuration says, with a wire of one's own.
func recordsOf(t *testing.T, wire http.RoundTripper) httpapp.Config {
	t.Helper()
	place := func(attribute, at string) httpapp.Place {
		p, err := jsonpath.ParsePath(at)
		if err != nil {
			t.Fatal(err)
		}
		return httpapp.Place{Attribute: scim.MustPath(attribute), At: p}
	}
	data, err := jsonpath.ParsePath("data")
	if err != nil {
		t.Fatal(err)
	}
	name, unit := place("userName", "account.login"), place(scim.EnterpriseUserURN+":department", "unit")
	return httpapp.Config{
		Source: "hr", Schemas: scim.CoreSchemas(), HTTP: wire,
		Auth: httpauth.Auth{Kind: httpauth.Bearer, Secret: func() (string, error) { return "hr-token", nil }},
		Read: httpapp.Read{URL: "https://hr.example/people/{id}", At: data, Attributes: []httpapp.Place{name, unit}},
		Write: httpapp.Write{Method: http.MethodPatch, URL: "https://hr.example/people/{id}", Body: httpapp.Template{Members: []httpapp.Member{
			{Name: "account", Value: httpapp.Template{Members: []httpapp.Member{{Name: "login", Value: httpapp.Template{Attribute: &name.Attribute}}}}},
			{Name: "unit", Value: httpapp.Template{Attribute: &unit.Attribute}},
		}}},
	}
}
