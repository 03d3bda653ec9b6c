// SPDX-License-Identifier: Apache-2.0

// Package hrtest has the HR systems of known makers, for tests: what each answers, hides,
// pages and refuses, and of what it calls us by webhooks, written from the makers'
// documentation a second time. Workday and Rippling call nobody.
//
// It must not share code with package httpin nor with the makers' files in package config, so that
// a mistake there shows here.
//
// Goroutines: those of net/http/httptest, and one for each address that is called, until the
// test ends.
package hrtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Worker is somebody who is known to an HR system. A day is written as 2026-11-30, and
// empty if it is not known.
type Worker struct {
	ID        string // the system's own, immutable
	Number    string // employee number
	First     string
	Preferred string
	Last      string
	Email     string // work e-mail, often empty before the first day
	Manager   string // employee number
	Location  string // the site's name
	Zone      string // the site's time zone, where the system tells one
	Jobs      []Job  // the first is the primary one; most have one
	LeaveFrom string
	LeaveTo   string // the last day of it
}

// Job is an employment.
type Job struct {
	Title      string
	Department string
	Kind       string // Employee or Contractor
	Start, End string
	RanOut     bool // it ended, and nobody gave notice
}

// Start is the first day of all jobs.
func (w Worker) Start() (day string) {
	for i, j := range w.Jobs {
		if i == 0 || j.Start < day {
			day = j.Start
		}
	}
	return day
}

// End is the last day of all jobs, empty if one of them has none.
func (w Worker) End() (day string) {
	for _, j := range w.Jobs {
		if j.End == "" {
			return ""
		}
		day = max(day, j.End)
	}
	return day
}

// Away tells whether somebody who works here is on leave on a day.
func (w Worker) Away(day string) bool {
	return w.LeaveFrom != "" && w.LeaveFrom <= day && (w.LeaveTo == "" || w.LeaveTo >= day) &&
		w.Start() <= day && (w.End() == "" || w.End() >= day)
}

// System is what all of them have: people, a clock, and a way to go wrong.
type System struct {
	mu      sync.Mutex
	t       testing.TB
	workers []Worker
	today   string // 2026-11-26
	asked   int
	// fault may answer a request instead; it reports whether it did.
	fault func(w http.ResponseWriter, r *http.Request) bool
	URL   string
	hooks hooks
}

// start serves an API until the test ends. h is called with the system locked.
func (s *System) start(t testing.TB, h http.HandlerFunc) {
	t.Helper()
	s.t = t
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		if s.fault != nil && s.fault(w, r) {
			return
		}
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	s.URL = srv.URL
}

// Set replaces the people, as of a day, and calls those who have subscribed to what that
// makes a difference to.
func (s *System) Set(today string, workers []Worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, was := s.workers, s.today
	s.today, s.workers = today, slices.Clone(workers)
	for i, w := range s.workers { // whoever changes theirs later changes nothing here
		s.workers[i].Jobs = slices.Clone(w.Jobs)
	}
	s.tell(before, was)
}

// Fault has requests answered by f, as long as it reports that it has; nil ends that.
func (s *System) Fault(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Asked counts the requests since the last call.
func (s *System) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.asked
	s.asked = 0
	return n
}

func (s *System) find(id string) (Worker, bool) {
	i := slices.IndexFunc(s.workers, func(w Worker) bool { return w.ID == id })
	if i < 0 {
		return Worker{}, false
	}
	return s.workers[i], true
}

func (s *System) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}
