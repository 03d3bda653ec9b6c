// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"net/http"
	"slices"
)

// after says which operations must come before each one: those that make what it
// refers to, and the one before that is about the same resource.
//
// RFC 7644 §3.7 lets a service provider choose an order that leaves what the
// operations in theirs would. The order of the request stays, but for an operation
// that refers to what a later one makes: it waits for that, and with it all that
// comes after it at its resource.
func (j *job) after() [][]int {
	makers, last := map[string]int{}, map[string]int{}
	for i, s := range j.steps {
		if s.method == http.MethodPost {
			makers[s.bulkID] = i
		}
	}
	after := make([][]int, len(j.steps))
	for i, s := range j.steps {
		for _, ref := range s.refs {
			after[i] = append(after[i], makers[ref])
		}
		if s.t != nil && s.id != "" {
			at := s.t.Endpoint + "/" + s.id
			if before, ok := last[at]; ok {
				after[i] = append(after[i], before)
			}
			last[at] = i
		}
	}
	return after
}

// inOrder puts numbers into an order in which each comes after those that it must.
// Those that go around in a circle come together, at the place of the last of
// them; of what may come next it is always the first.
func inOrder(after [][]int) [][]int {
	sets, of := circles(after)
	waits := make([]int, len(sets))
	next := make([][]int, len(sets))
	for i, list := range after {
		for _, before := range list {
			if of[before] != of[i] {
				waits[of[i]]++
				next[of[before]] = append(next[of[before]], of[i])
			}
		}
	}
	place := func(a, b int) int { return slices.Max(sets[a]) - slices.Max(sets[b]) }
	var ready []int
	for set, n := range waits {
		if n == 0 {
			ready = append(ready, set)
		}
	}
	slices.SortFunc(ready, place)
	out := make([][]int, 0, len(sets))
	for len(ready) > 0 {
		set := ready[0]
		ready = ready[1:]
		out = append(out, sets[set])
		for _, n := range next[set] {
			if waits[n]--; waits[n] == 0 {
				i, _ := slices.BinarySearchFunc(ready, n, place)
				ready = slices.Insert(ready, i, n)
			}
		}
	}
	return out
}

// circles finds the numbers that come after each other (the strongly connected
// components, by Tarjan), each set in order, and of which set each one is.
func circles(after [][]int) (sets [][]int, of []int) {
	of = make([]int, len(after))
	seen, low := make([]int, len(after)), make([]int, len(after)) // seen counts from 1
	var open []int
	count := 0
	var visit func(i int)
	visit = func(i int) {
		count++
		seen[i], low[i] = count, count
		of[i] = -1 // open
		open = append(open, i)
		for _, n := range after[i] {
			if seen[n] == 0 {
				visit(n)
				low[i] = min(low[i], low[n])
			} else if of[n] < 0 {
				low[i] = min(low[i], seen[n])
			}
		}
		if low[i] != seen[i] {
			return
		}
		from := len(open) - 1
		for open[from] != i {
			from--
		}
		set := slices.Clone(open[from:])
		open = open[:from]
		slices.Sort(set)
		for _, n := range set {
			of[n] = len(sets)
		}
		sets = append(sets, set)
	}
	for i := range after {
		if seen[i] == 0 {
			visit(i)
		}
	}
	return sets, of
}
