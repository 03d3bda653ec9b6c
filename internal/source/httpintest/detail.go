// SPDX-License-Identifier: Apache-2.0

package httpintest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Details is what the system tells of people in requests of their own: their jobs, at
// /people/ID/jobs, which go on as the list does if that goes on by a cursor, and the
// departments that these name, at /departments/ID. Its fields may be changed under Lock.
type Details struct {
	Jobs        map[string][]Person // by the id of a person; nobody else has any
	Departments map[string]string   // names, by id
	// Fault may answer a request instead; it reports whether it did.
	Fault func(w http.ResponseWriter, r *http.Request) bool

	asked map[string]int // by path
}

// Asked counts the requests for details since the last call, by path.
func (s *Server) Asked() map[string]int {
	s.Lock()
	defer s.Unlock()
	was := s.Details.asked
	s.Details.asked = nil
	return was
}

// detail answers what is told in requests of its own; it reports whether it was that.
func (s *Server) detail(w http.ResponseWriter, r *http.Request) bool {
	department, ofDepartment := strings.CutPrefix(r.URL.Path, "/departments/")
	id, ofPerson := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/people/"), "/jobs")
	if !ofDepartment && !ofPerson {
		return false
	}
	if s.Details.asked == nil {
		s.Details.asked = map[string]int{}
	}
	s.Details.asked[r.URL.Path]++
	if s.Details.Fault != nil && s.Details.Fault(w, r) {
		return true
	}
	if ofDepartment {
		name, ok := s.Details.Departments[department]
		if !ok {
			http.NotFound(w, r)
			return true
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{"id": department, "name": name}})
		return true
	}
	jobs, ok := s.Details.Jobs[id]
	if !ok {
		http.NotFound(w, r)
		return true
	}
	from, to, meta := 0, len(jobs), map[string]any{}
	if s.Paging == Cursor {
		_, _ = fmt.Sscanf(r.URL.Query().Get("cursor"), "c%d", &from)
		to = min(from+s.Size, to)
		if meta["next"] = nil; to < len(jobs) {
			meta["next"] = fmt.Sprintf("c%d", to)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": append([]Person{}, jobs[from:to]...), "meta": meta})
	return true
}
