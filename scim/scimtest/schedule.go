// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
)

// Operation is a request by what it is about: the same for every run of the
// same work, whatever ids the app gives and in which order requests come.
type Operation struct {
	Method   string
	Type     string // "User" or "Group"
	Identity string // userName or displayName; of a query its filter and place
	Detail   string // of a PATCH its paths, and the names of members
	Attempt  int    // from 1
}

// Schedule says which operations go wrong, and how. It is made before it is
// used, and safe for concurrent use from then on.
type Schedule struct {
	seed  uint64
	rate  float64
	lost  float64
	kinds []Kind
	most  int
	rules []Rule

	mu   sync.Mutex
	seen map[string]int
	done map[Kind]int
	used map[int]int // of rules, by their place
}

// mostInARow is how often one operation goes wrong before it is let through.
const mostInARow = 4

// Seeded makes a share of all requests go wrong, of those that write a share
// with the answer lost after the write, and the rest in all of the ways that
// leave an app as it was; with kinds given, in those. No operation goes wrong more than four times in a
// row, so that a run ends.
func Seeded(seed uint64, rate, lostShare float64, kinds ...Kind) *Schedule {
	if len(kinds) == 0 {
		kinds = []Kind{
			TooManySeconds, TooManyDate, UnavailableLater, Unavailable, ServerError, BadGateway, Reset, TimeOut,
		}
	}
	return &Schedule{seed: seed, rate: rate, lost: lostShare, kinds: kinds, most: mostInARow, seen: map[string]int{}, done: map[Kind]int{}, used: map[int]int{}}
}

// Most says how often in a row one operation goes wrong by chance; default 4. It is
// called before the schedule is used, and returns it.
func (s *Schedule) Most(inARow int) *Schedule {
	s.most = max(0, inARow)
	return s
}

// On adds rules, which go before chance. It is called before the schedule is used,
// and returns it.
func (s *Schedule) On(rules ...Rule) *Schedule {
	s.rules = append(s.rules, rules...)
	return s
}

// Rule makes particular operations go wrong. Empty fields match everything.
type Rule struct {
	Method, Type, Identity string
	Match                  func(Operation) bool // in addition to these
	Attempt                int                  // 0: every one
	Times                  int                  // how often the rule is good; 0: for ever
	Fault                  Fault                // None lets the operation through
}

func (r Rule) matches(op Operation) bool {
	return (r.Method == "" || r.Method == op.Method) && (r.Type == "" || r.Type == op.Type) &&
		(r.Identity == "" || r.Identity == op.Identity) && (r.Attempt == 0 || r.Attempt == op.Attempt) &&
		(r.Match == nil || r.Match(op))
}

// Rules makes a schedule of rules alone; the first that matches counts.
func Rules(rules ...Rule) *Schedule {
	return &Schedule{rules: rules, seen: map[string]int{}, done: map[Kind]int{}, used: map[int]int{}}
}

// Done counts the faults that were served, by kind.
func (s *Schedule) Done() map[Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[Kind]int, len(s.done))
	for k, n := range s.done {
		out[k] = n
	}
	return out
}

// next says what goes wrong with an operation.
func (s *Schedule) next(op Operation) Fault {
	key := fmt.Sprintf("%q %q %q %q", op.Method, op.Type, op.Identity, op.Detail)
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
		if r.Times > 0 && s.used[i] >= r.Times {
			continue
		}
		if r.matches(op) {
			s.used[i]++
			return r.Fault
		}
	}
	// Every most+1st attempt gets through, whatever chance says.
	if s.rate == 0 || op.Attempt%(s.most+1) == 0 {
		return Fault{}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", s.seed, key, op.Attempt))
	if chance(sum[0:]) >= s.rate {
		return Fault{}
	}
	if op.Method != "GET" && chance(sum[8:]) < s.lost {
		return Fault{Kind: AnswerLost}
	}
	return Fault{Kind: s.kinds[binary.BigEndian.Uint64(sum[16:])%uint64(len(s.kinds))]}
}

// chance is a number in [0, 1) made of eight bytes.
func chance(b []byte) float64 {
	return float64(binary.BigEndian.Uint64(b)>>11) / (1 << 53)
}
