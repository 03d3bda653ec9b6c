// SPDX-License-Identifier: Apache-2.0

package httpintest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// mostBody bounds the body of a write.
const mostBody = 64 << 10

// Writes are the requests since the last call that were to change somebody.
func (s *Server) Writes() []Written {
	s.Lock()
	defer s.Unlock()
	w := s.writes
	s.writes = nil
	return w
}

// Record is a person as they are now, nil if there is none of this id.
func (s *Server) Record(id string) Person {
	s.Lock()
	defer s.Unlock()
	for _, p := range s.people {
		if fmt.Sprint(p["id"]) == id {
			return p
		}
	}
	return nil
}

// Edit changes a person as a colleague of theirs would, by a merge patch (RFC 7396).
func (s *Server) Edit(id, patch string) {
	s.Lock()
	defer s.Unlock()
	if !s.merge(id, []byte(patch)) {
		panic("httpintest: there is nobody of this id, or the patch is no object")
	}
}

// single answers a request about a single person. PATCH, PUT and POST change those members
// that they name, as such systems do.
func (s *Server) single(w http.ResponseWriter, r *http.Request, id string) {
	if s.OneFault != nil && s.OneFault(w, r, id) {
		return
	}
	switch r.Method {
	case http.MethodGet:
		s.one(w, id)
		return
	case http.MethodPatch, http.MethodPut, http.MethodPost:
	default:
		http.Error(w, `{"error":"no such method"}`, http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, mostBody))
	if err != nil {
		return
	}
	s.writes = append(s.writes, Written{id, r.Method, r.Header.Get("Content-Type"), string(body)})
	switch {
	case s.Ignores:
	case !s.merge(id, body):
		http.Error(w, `{"error":"nobody"}`, http.StatusNotFound)
		return
	}
	if s.Drops > 0 {
		s.Drops--
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"ok":true}`))
}

func (s *Server) merge(id string, patch []byte) bool {
	for i, p := range s.people {
		if fmt.Sprint(p["id"]) != id {
			continue
		}
		was, err := json.Marshal(p) // what tests put in are structures of many kinds
		var is, change map[string]any
		if err != nil || json.Unmarshal(was, &is) != nil || json.Unmarshal(patch, &change) != nil || change == nil {
			return false
		}
		s.people[i] = merged(is, change)
		s.people[i]["id"] = p["id"]
		return true
	}
	return false
}

func merged(is, change map[string]any) map[string]any {
	for name, v := range change {
		inner, object := v.(map[string]any)
		was, _ := is[name].(map[string]any)
		switch {
		case v == nil:
			delete(is, name)
		case object && was != nil:
			is[name] = merged(was, inner)
		default:
			is[name] = v
		}
	}
	return is
}
