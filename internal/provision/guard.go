// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"fmt"
	"maps"
	"slices"

	"github.com/usher-id/usher/internal/directory"
)

// Limit is how much of an app one cause may take away: the larger of Floor and
// Percent of what there is, and never more than Cap (0: no cap).
type Limit struct {
	Floor   int
	Percent float64
	Cap     int
}

// Of returns the limit for a base of n accounts or memberships.
func (l Limit) Of(n int) int {
	most := max(l.Floor, int(float64(n)*l.Percent/100))
	if l.Cap > 0 {
		most = min(most, l.Cap)
	}
	return most
}

// Limits are the guard's, per app and cause.
type Limits struct {
	Unexplained    Limit // a cycle
	UnexplainedDay Limit // 24 hours
	Terminations   Limit // a cycle
	Memberships    Limit // a cycle, by people who keep the account
}

// DefaultLimits are those of a configuration that says nothing. The guard has
// no off switch.
func DefaultLimits() Limits {
	return Limits{
		Unexplained:    Limit{3, 2, 250},
		UnexplainedDay: Limit{5, 5, 1000},
		Terminations:   Limit{10, 5, 0},
		Memberships:    Limit{25, 5, 0},
	}
}

// base is what a limit is measured against at one app.
type base struct {
	accounts    int // live
	memberships int
	today       int // unexplained removals that passed in the last 24 hours
	passing     int // unexplained removals of another cause that pass now
	lately      int // explicit ones of the cause that passed within the gate's window
}

// verdict says whether n removals of a cause may pass, and if not, why.
func (l Limits) verdict(cause directory.Cause, n int, b base) (limit int, reason string) {
	over := func(limit int, of string) (int, string) {
		if n <= limit {
			return limit, ""
		}
		return limit, fmt.Sprintf("%d removals (%s) at once; at most %d of %s pass without somebody's consent", n, cause, limit, of)
	}
	switch cause {
	case directory.CauseTermination, directory.CauseRevoked:
		if limit = l.Terminations.Of(b.accounts + b.lately); b.lately > 0 && b.lately+n > limit {
			return max(0, limit-b.lately), fmt.Sprintf("%d removals (%s), with %d shortly before; at most %d of %d accounts pass without somebody's consent", n, cause, b.lately, limit, b.accounts+b.lately)
		}
		return over(l.Terminations.Of(b.accounts), fmt.Sprintf("%d accounts", b.accounts))
	case CauseMembership:
		return over(l.Memberships.Of(b.memberships), fmt.Sprintf("%d memberships", b.memberships))
	}
	if limit, reason = over(l.Unexplained.Of(b.accounts), fmt.Sprintf("%d accounts", b.accounts)); reason != "" {
		return limit, reason
	}
	day := l.UnexplainedDay.Of(b.accounts + b.today)
	today := b.today + b.passing
	if today+n <= day {
		return limit, ""
	}
	return max(0, day-today), fmt.Sprintf("%d removals (%s), with %d in the last 24 hours; at most %d a day pass without somebody's consent", n, cause, today, day)
}

// guarded says whether an operation takes something away that the guard has
// not yet let pass.
func guarded(o *Op) bool {
	switch o.Kind {
	case Disable, Delete:
		return !o.admitted && !o.consented
	case MemberRemove:
		return o.retained && !o.consented
	default:
		return false
	}
}

// Guard holds, cause by cause, whole sets of removals that reach too far.
// Hires, updates and the other causes go on. A membership that is lost with its
// account follows that account's verdict and is not counted again. Released
// names the holds that somebody agreed to.
func (l Limits) Guard(p Plan, b base, released func(id string) bool) Plan {
	sets := map[directory.Cause][]*Op{}
	for _, o := range p.Ops {
		if guarded(o) {
			sets[o.Cause] = append(sets[o.Cause], o)
		}
	}
	held := map[directory.Cause]bool{}
	for _, cause := range sortedCauses(sets) {
		ops := sets[cause]
		limit, reason := l.verdict(cause, len(ops), b)
		if reason == "" {
			if !cause.Explicit() && cause != CauseMembership {
				b.passing += len(ops)
			}
			continue
		}
		ids := make([]string, len(ops))
		for i, o := range ops {
			ids[i] = o.ID
		}
		id := HoldID(p.App, cause, ids)
		h := Hold{ID: id, App: p.App, Cause: told(cause), Count: len(ops), Limit: limit, Reason: reason, Ops: ops}
		if released(id) {
			p.released = append(p.released, h)
			for _, o := range ops {
				o.consented = true
			}
			continue
		}
		held[cause] = true
		p.Held = append(p.Held, h)
	}
	if len(held) > 0 {
		p.Ops = withoutHeld(p.Ops, held)
	}
	return p
}

func sortedCauses(sets map[directory.Cause][]*Op) []directory.Cause {
	return slices.Sorted(maps.Keys(sets))
}

// told is a cause as a hold names it. A revocation is a termination to whoever reads of one,
// counted by itself.
func told(c directory.Cause) directory.Cause {
	if c == directory.CauseRevoked {
		return directory.CauseTermination
	}
	return c
}

// withoutHeld drops what is held: the guarded operations of the cause, and the
// memberships that would be lost with the accounts among them.
func withoutHeld(ops []*Op, held map[directory.Cause]bool) []*Op {
	with := map[string]bool{} // people whose account's removal is held
	for _, o := range ops {
		if guarded(o) && held[o.Cause] && o.Kind != MemberRemove {
			with[o.Person] = true
		}
	}
	var kept []*Op
	for _, o := range ops {
		if guarded(o) && held[o.Cause] || o.Kind == MemberRemove && !o.retained && with[o.Person] {
			continue
		}
		kept = append(kept, o)
	}
	return kept
}
