// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
)

// Base is what limits are measured against.
func Base(accounts, memberships, today int) base {
	return base{accounts: accounts, memberships: memberships, today: today}
}

// Verdict is the guard's word on one cause.
func (l Limits) Verdict(c directory.Cause, n int, b base) (limit int, reason string) {
	return l.verdict(c, n, b)
}

// SetOp sets what only a planner can set.
func SetOp(o *Op, admitted, retained bool) *Op {
	o.admitted, o.retained = admitted, retained
	return o.seal()
}

// Consented says whether a release covers the operation.
func Consented(o *Op) bool { return o.consented }

// Meaning is what an error means for an intent.
func Meaning(in *Intent, e *app.Error) Result { return meaning(in, e) }

// Stand applies an outcome to a standing.
func Stand(s *Standing, o *Outcome) { standing(s, o) }

// Key is what may have one writer at a time.
func (i *Intent) Key() string { return i.key() }

// Backoff is how long a retry waits.
func Backoff(attempt int, luck float64) time.Duration { return backoff(attempt, luck) }

// Flying is how many requests have no answer yet.
func (m *Machine) Flying() int { return m.flying }

// User is the account that an operation wants.
func User(o *Op) string {
	if o.user == nil {
		return ""
	}
	return o.user.String()
}

// Sorted puts operations into the order of a plan.
func Sorted(ops []*Op) []*Op {
	sortOps(ops)
	return ops
}

// LetsGo says why a record is let go.
func (p *Planner) LetsGo(s Subject) (why string, again bool) { return p.letsGo(s) }
