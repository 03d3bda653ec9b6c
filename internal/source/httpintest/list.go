// SPDX-License-Identifier: Apache-2.0

package httpintest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Paging is how the list goes on.
type Paging string

// The ways of paging.
const (
	None   Paging = ""
	Page   Paging = "page"   // ?page=1
	Offset Paging = "offset" // ?offset=0
	Cursor Paging = "cursor" // ?cursor=, next at meta.next
	Next   Paging = "next_link"
	Link   Paging = "link_header"
)

// Person is a record, in the order of its members.
type Person map[string]any

// Server is the HR system. Its fields may be changed under Lock, while nothing is asked.
type Server struct {
	sync.Mutex

	URL    string // of /people
	Paging Paging
	Size   int    // of a page; what ?size= says, if it is less
	Total  bool   // is told at meta.total
	Token  string // that every request must have, "" for none
	ETag   bool
	// Omit leaves members out that are empty, as many systems do.
	Omit bool
	// Fault may answer a request for the nth page instead; it reports whether it did.
	Fault func(w http.ResponseWriter, r *http.Request, n int) bool
	// After is called when the nth page was written, with the server locked.
	After func(n int)
	// Details is what is told in requests of its own.
	Details Details
	// Hidden are people who are not in the list, and are told of by their id.
	Hidden []Person
	// OneFault may answer a request about a single person instead, of whatever method; it
	// reports whether it did.
	OneFault func(w http.ResponseWriter, r *http.Request, id string) bool
	// Ignores has writes answered with success that change nothing.
	Ignores bool
	// Drops is of how many writes the answer is lost, behind the change.
	Drops int

	people   []Person
	changed  []string // ids, of /changed
	lists    int      // requests for pages
	ones     int      // requests for single people
	requests int
	same     int // of the requests, those answered with 304
	since    []string
	writes   []Written
}

// Written is a request that changed somebody, or would have.
type Written struct{ ID, Method, Type, Body string }

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{Size: 3}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL + "/people"
	return s
}

// ServeHTTP answers a request, also without a network in between.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	s.requests++
	if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
		http.Error(w, `{"error":"who are you"}`, http.StatusUnauthorized)
		return
	}
	id, single := strings.CutPrefix(r.URL.Path, "/people/")
	switch {
	case s.detail(w, r):
	case r.URL.Path == "/people":
		s.list(w, r)
	case r.URL.Path == "/changed":
		s.changes(w, r)
	case single:
		s.single(w, r, id)
	default:
		http.NotFound(w, r)
	}
}

// Set replaces the people.
func (s *Server) Set(people []Person) {
	s.Lock()
	defer s.Unlock()
	s.people = slices.Clone(people)
}

// Remove takes somebody out of the list, under Lock.
func (s *Server) Remove(id string) {
	s.people = slices.DeleteFunc(slices.Clone(s.people), func(p Person) bool { return fmt.Sprint(p["id"]) == id })
}

// Insert puts somebody at the head of the list, under Lock.
func (s *Server) Insert(p Person) { s.people = append([]Person{p}, s.people...) }

// Change has /changed tell of ids.
func (s *Server) Change(ids ...string) {
	s.Lock()
	defer s.Unlock()
	s.changed = ids
}

// Counts is what was asked.
type Counts struct{ Requests, Lists, Ones, Same int }

// Counts counts the requests since the last call.
func (s *Server) Counts() Counts {
	s.Lock()
	defer s.Unlock()
	c := Counts{s.requests, s.lists, s.ones, s.same}
	s.requests, s.lists, s.ones, s.same = 0, 0, 0, 0
	return c
}

// Since are the times that /changed was asked for.
func (s *Server) Since() []string {
	s.Lock()
	defer s.Unlock()
	return slices.Clone(s.since)
}

// list answers a page.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.lists++
	n := s.lists
	if s.Fault != nil && s.Fault(w, r, n) {
		return
	}
	from, size := s.at(r)
	to := min(from+size, len(s.people))
	from = min(from, to)
	meta := map[string]any{}
	if s.Total {
		meta["total"] = len(s.people)
	}
	s.onward(w, r, meta, to)
	body := s.write(meta, s.people[from:to])
	if s.ETag {
		tag := fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(body))[:16])
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			s.same++
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
	if s.After != nil {
		s.After(n)
	}
}

// at is where a page begins, and how many it has.
func (s *Server) at(r *http.Request) (from, size int) {
	if size = s.Size; s.Paging == None {
		return 0, len(s.people)
	}
	q := r.URL.Query()
	if n, err := strconv.Atoi(q.Get("size")); err == nil && n > 0 {
		size = min(size, n)
	}
	number := func(name string) int { n, _ := strconv.Atoi(q.Get(name)); return n }
	switch s.Paging {
	case Page:
		return max(0, number("page")-1) * size, size
	case Offset:
		return max(0, number("offset")), size
	}
	from, _ = strconv.Atoi(strings.TrimPrefix(q.Get("cursor"), "c"))
	return max(0, from), size
}

// onward says where the next page is.
func (s *Server) onward(w http.ResponseWriter, r *http.Request, meta map[string]any, to int) {
	cursor := fmt.Sprintf("c%d", to)
	more := to < len(s.people)
	q := r.URL.Query()
	q.Set("cursor", cursor)
	switch s.Paging {
	case Cursor:
		meta["next"] = nil
		if more {
			meta["next"] = cursor
		}
	case Next:
		meta["next"] = nil
		if more {
			meta["next"] = "?" + q.Encode()
		}
	case Link:
		w.Header().Set("Link", `</people>; rel="first"`)
		if more {
			w.Header().Add("Link", fmt.Sprintf(`</people?%s>; rel="other next"; title="a, b"`, q.Encode()))
		}
	}
}

func (s *Server) write(meta map[string]any, people []Person) []byte {
	if people == nil {
		people = []Person{}
	}
	out := make([]Person, len(people))
	for i, p := range people {
		out[i] = s.shown(p)
	}
	body, err := json.Marshal(map[string]any{"data": map[string]any{"people": out}, "meta": meta})
	if err != nil {
		panic(err)
	}
	return body
}

func (s *Server) shown(p Person) Person {
	if !s.Omit {
		return p
	}
	out := Person{}
	for k, v := range p {
		if v != "" && v != nil {
			out[k] = v
		}
	}
	return out
}

// one answers a single person.
func (s *Server) one(w http.ResponseWriter, id string) {
	s.ones++
	for _, p := range append(slices.Clone(s.people), s.Hidden...) {
		if fmt.Sprint(p["id"]) == id {
			_ = json.NewEncoder(w).Encode(map[string]any{"data": s.shown(p)})
			return
		}
	}
	http.Error(w, `{"error":"nobody"}`, http.StatusNotFound)
}

func (s *Server) changes(w http.ResponseWriter, r *http.Request) {
	s.since = append(s.since, r.URL.Query().Get("since"))
	byID := map[string]any{}
	for _, id := range s.changed {
		byID[id] = map[string]string{"id": id, "action": "Updated"}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"employees": byID})
}
