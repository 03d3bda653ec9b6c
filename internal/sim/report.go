// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func faultName(f fault) string { return fmt.Sprintf("F%d", int(f)) }

// describe says what a verdict does.
func describe(v verdict) string {
	switch {
	case v.die && v.refuse:
		return "it does not commit, and the process ends"
	case v.die:
		return "and the process dies"
	case v.refuse:
		return "it does not commit"
	case v.unsure:
		return "it commits, and that is not heard"
	case v.twice:
		return "it runs twice"
	case v.pause:
		return "and the process stands still"
	case v.lie:
		return "it is a lie"
	case v.late > 0:
		return "it comes late"
	case v.after:
		return "the answer is lost: " + v.err.Error()
	case v.err != nil:
		return v.err.Error()
	}
	return ""
}

// String says what a run was, in a line.
func (r Result) String() string {
	return fmt.Sprintf("seed %d (%s): %d apps, %d people, %d steps, %d faults, %d deaths, %d requests, %s by its clock",
		r.Seed, r.Class, r.Apps, r.People, r.Steps, r.Faults, r.Crashes, r.Requests, r.Lasted.Round(time.Second))
}

// kept is how much of what happened a failure tells.
const kept = 80

// Failure tells of a run in which something does not hold.
func (r Result) Failure(commit string) string {
	var b strings.Builder
	for _, l := range r.Trace[max(0, len(r.Trace)-kept):] {
		b.WriteString(l + "\n")
	}
	for _, v := range r.Violations {
		b.WriteString(v.String() + "\n")
	}
	fmt.Fprintf(&b, "%s, commit %s", r, commit)
	return b.String()
}

// Summary is what many runs were.
type Summary struct {
	Runs, Violated, Steps, Faults, Crashes int
	Requests                               int64
	Lasted                                 time.Duration
	first, last                            uint64 // of the seeds
	classes                                map[string]int
	hits                                   map[cell]int
}

// Add counts a run.
func (s *Summary) Add(r Result) {
	s.Runs++
	if len(r.Violations) > 0 {
		s.Violated++
	}
	s.Steps, s.Faults, s.Crashes, s.Requests, s.Lasted = s.Steps+r.Steps, s.Faults+r.Faults, s.Crashes+r.Crashes, s.Requests+r.Requests, s.Lasted+r.Lasted
	if s.hits == nil {
		s.hits, s.classes, s.first, s.last = map[cell]int{}, map[string]int{}, r.Seed, r.Seed
	}
	s.first, s.last = min(s.first, r.Seed), max(s.last, r.Seed)
	s.classes[r.Class]++
	for c, n := range r.Hits {
		s.hits[c] += n
	}
}

// Table is how often each fault hit each operation.
func (s *Summary) Table() string {
	var ops []string
	for c := range s.hits {
		if !slices.Contains(ops, c.op) {
			ops = append(ops, c.op)
		}
	}
	slices.Sort(ops)
	var b strings.Builder
	b.WriteString("| fault |")
	for _, op := range ops {
		b.WriteString(" " + op + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(ops)) + "\n")
	for f := f1; f < lastFault; f++ {
		row, any := "| "+faultName(f)+" |", false
		for _, op := range ops {
			n := s.hits[cell{f, op}]
			any = any || n > 0
			if n == 0 {
				row += " |"
				continue
			}
			row += fmt.Sprintf(" %d |", n)
		}
		if any {
			b.WriteString(row + "\n")
		}
	}
	return b.String()
}

// Figures are the rest of it.
func (s *Summary) Figures() string {
	var classes []string
	for _, c := range slices.Sorted(maps.Keys(s.classes)) {
		classes = append(classes, fmt.Sprintf("%s %d", c, s.classes[c]))
	}
	return fmt.Sprintf("seeds %d to %d: %s\n%d steps, %d faults, %d deaths, %d requests, %d days by the runs' clocks",
		s.first, s.last, strings.Join(classes, ", "), s.Steps, s.Faults, s.Crashes, s.Requests, int(s.Lasted/(24*time.Hour)))
}

// Hit is how often a fault came about, by its number.
func (s *Summary) Hit(number int) (n int) {
	for c, k := range s.hits {
		if int(c.fault) == number {
			n += k
		}
	}
	return n
}
