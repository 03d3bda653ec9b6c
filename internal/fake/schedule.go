// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// Operation is a request by what it is about: the same for every run of the same
// work, whatever ids the fake gives and in which order requests come.
type Operation struct {
	Method  string
	Path    string // "/users/:id", as in Counts
	Subject string // what names a user, group and so on for people; of a search its query
	Attempt int    // from 1
}

// Schedule says which operations go wrong, and how. It is made before it is used, and
// safe for concurrent use from then on.
type Schedule struct {
	seed  uint64
	rate  float64
	lost  float64
	kinds []Kind
	most  int
	spare []string
	rules []Rule

	mu   sync.Mutex
	seen map[string]int
	done map[Kind]int
	hits map[int]int // of rules, by their place: how many requests matched
}

// mostInARow is how often one operation goes wrong before it is let through.
const mostInARow = 4

// Rules makes a schedule of rules alone; the first that matches counts.
func Rules(rules ...Rule) *Schedule {
	return &Schedule{rules: rules, seen: map[string]int{}, done: map[Kind]int{}, hits: map[int]int{}}
}

// Seeded makes a share of all requests go wrong, of those that write a share with the
// answer lost after the write, and the rest in ways that leave the fake as it was;
// with kinds given, in those. No operation goes wrong more than four times in a row, so
// that a run ends.
func Seeded(seed uint64, rate, lostShare float64, kinds ...Kind) *Schedule {
	if len(kinds) == 0 {
		kinds = []Kind{TooMany, Unavailable, ServerError, BadGateway, Reset, TimeOut}
	}
	s := Rules()
	s.seed, s.rate, s.lost, s.kinds, s.most = seed, rate, lostShare, kinds, mostInARow
	return s
}

// Most says how often in a row one operation goes wrong by chance; default 4. It is
// called before the schedule is used, and returns it.
func (s *Schedule) Most(inARow int) *Schedule {
	s.most = max(0, inARow)
	return s
}

// Spare lets paths through that nothing goes wrong with by chance. It is called before
// the schedule is used, and returns it.
func (s *Schedule) Spare(paths ...string) *Schedule {
	s.spare = paths
	return s
}

// On adds rules, which go before chance. It is called before the schedule is used, and
// returns it.
func (s *Schedule) On(rules ...Rule) *Schedule {
	s.rules = append(s.rules, rules...)
	return s
}

// Rule makes particular operations go wrong. Empty fields match everything.
type Rule struct {
	Method, Path, Subject string
	Match                 func(Operation) bool // in addition to these
	Attempt               int                  // 0: every one
	After                 int                  // so many that match are let through first
	Times                 int                  // how often the rule is good; 0: for ever
	Fault                 Fault                // None lets the operation through
}

func (r Rule) matches(op Operation) bool {
	return (r.Method == "" || r.Method == op.Method) && (r.Path == "" || r.Path == op.Path) &&
		(r.Subject == "" || r.Subject == op.Subject) && (r.Attempt == 0 || r.Attempt == op.Attempt) &&
		(r.Match == nil || r.Match(op))
}

// Done counts the faults that were served, by kind.
func (s *Schedule) Done() map[Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.done)
}

// Next says what goes wrong with an operation.
func (s *Schedule) Next(op Operation) Fault {
	key := fmt.Sprintf("%q %q %q", op.Method, op.Path, op.Subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[key]++
	op.Attempt = s.seen[key]
	f := s.fault(key, op)
	if f.Kind != None {
		s.done[f.Kind]++
	}
	return f
}

func (s *Schedule) fault(key string, op Operation) Fault {
	for i, r := range s.rules {
		if r.Times > 0 && s.hits[i] >= r.After+r.Times || !r.matches(op) {
			continue
		}
		s.hits[i]++
		if s.hits[i] > r.After {
			return r.Fault
		}
	}
	// Every most+1st attempt gets through, whatever chance says.
	if s.rate == 0 || slices.Contains(s.spare, op.Path) || op.Attempt%(s.most+1) == 0 {
		return Fault{}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", s.seed, key, op.Attempt))
	if chance(sum[0:]) >= s.rate {
		return Fault{}
	}
	if op.Method != http.MethodGet && chance(sum[8:]) < s.lost {
		return Fault{Kind: AnswerLost}
	}
	return Fault{Kind: s.kinds[binary.BigEndian.Uint64(sum[16:])%uint64(len(s.kinds))]}
}

// chance is a number in [0, 1) made of eight bytes.
func chance(b []byte) float64 {
	return float64(binary.BigEndian.Uint64(b)>>11) / (1 << 53)
}
