// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"maps"
	"slices"
	"time"
)

// How many operations are planned and pushed together when there are more than
// a survey keeps. Memberships are small, and share requests.
const (
	accountWindow = 1_000
	memberWindow  = 4_000
	keptMembers   = 10_000 // of what is in memory already
)

// lateCommit is how long after the instant that it carries a mark may become
// visible. Whoever is seen twice by that has nothing more to do.
const lateCommit = time.Minute

// carryOut pushes what a survey found and reports whether anything was sent.
// With only set, an operation is carried out if only says so.
func (r *run) carryOut(ctx context.Context, s *survey, only func(*Op) bool) (bool, error) {
	may := func(o *Op) bool { return s.mine(o) && (only == nil || only(o)) }
	removals, groups := keep(s.removals, may), keep(s.groups, may)
	rest := keep(s.rest, may)
	if !s.more && len(rest) <= accountWindow {
		return r.push(ctx, append(append(removals, rest...), groups...))
	}
	p := &passage{run: r, may: may, looked: time.Now()}
	p.push(ctx, removals) // whoever leaves goes first
	if !s.more {
		p.kept(ctx, rest, groups)
		return p.sent, p.err
	}
	p.windows(ctx, accountWindow, func(k Kind) bool { return k == Create || k == Update })
	p.push(ctx, groups)
	p.windows(ctx, memberWindow, func(k Kind) bool { return k == MemberAdd })
	return p.sent, p.err
}

// passage is a walk through everybody who is due, window by window, by which
// more is carried out than is kept in memory.
type passage struct {
	*run
	may    func(*Op) bool
	looked time.Time // for leavers
	sent   bool
	err    error
}

func (p *passage) push(ctx context.Context, ops []*Op) {
	if len(ops) == 0 || p.over(ctx) {
		return
	}
	sent, err := p.run.push(ctx, ops)
	p.sent, p.err = p.sent || sent, err
}

// over says that nothing more is to be sent now.
func (p *passage) over(ctx context.Context) bool {
	return p.err != nil || p.refused != "" || ctx.Err() != nil || p.state.RetryAt.After(time.Now())
}

// kept pushes what is kept in memory, window by window, too: whoever leaves
// meanwhile, or is asked for, must not wait for all of it.
func (p *passage) kept(ctx context.Context, rest, groups []*Op) {
	people, gone := p.subjects, map[string]bool{}
	each := func(ops []*Op, size int) {
		for window := range slices.Chunk(ops, size) {
			if p.over(ctx) || p.sent && p.owner.wanted(p.target.Name) {
				return
			}
			maps.Copy(gone, p.leavers(ctx))
			p.subjects = people
			p.push(ctx, keep(window, func(o *Op) bool { return !gone[o.Person] }))
		}
	}
	each(keep(rest, func(o *Op) bool { return o.Kind != MemberAdd }), accountWindow)
	p.push(ctx, groups)
	each(keep(rest, func(o *Op) bool { return o.Kind == MemberAdd }), keptMembers)
}

// windows pushes the operations of some kinds, planned from the state as it is
// now. Removals are none of them: the guard has not seen those that are new.
func (p *passage) windows(ctx context.Context, size int, of func(Kind) bool) {
	if p.over(ctx) {
		return
	}
	p.reload(ctx)
	var window []*Op
	people := map[string]Subject{}
	flush := func() {
		left := p.leavers(ctx)
		p.subjects = people
		p.push(ctx, keep(window, func(o *Op) bool { return !left[o.Person] }))
		window, people = nil, map[string]Subject{}
	}
	err := p.pages(ctx, "", func(ops []*Op) (bool, error) {
		for _, o := range ops {
			if of(o.Kind) && p.may(o) {
				window = append(window, o)
				people[o.Person] = p.subjects[o.Person]
			}
		}
		if len(window) >= size {
			flush()
		}
		return !p.over(ctx) && !p.owner.wanted(p.target.Name), nil
	})
	if p.err == nil {
		p.err = err
	}
	if len(window) > 0 && !p.over(ctx) {
		flush()
	}
}

// reload takes the groups as the passage itself has changed them.
func (p *passage) reload(ctx context.Context) {
	if err := p.loadGroups(ctx); err != nil {
		p.err = err
	}
}

// leavers lets those go first who have left since the last look. They have
// passed the guard in the directory, or wait for the next survey. It returns
// who they are: what was planned for them is void.
func (p *passage) leavers(ctx context.Context) map[string]bool {
	since := p.looked.Add(-lateCommit)
	p.looked = time.Now()
	left := map[string]bool{}
	for after, last := "", false; !last && p.err == nil; {
		var subjects []Subject
		p.err = p.store.View(ctx, func(tx Tx) (err error) {
			subjects, err = p.read(ctx, tx, Query{App: p.target.Name, After: after, Limit: page, Due: true, Out: true, Since: since, Now: p.at()})
			return err
		})
		if last = len(subjects) < page; len(subjects) == 0 || p.err != nil {
			break
		}
		for _, s := range subjects {
			after = s.Person.ID
			left[after] = true
		}
		p.subjects = map[string]Subject{}
		ops, err := p.planPage(ctx, subjects)
		if p.err = err; err == nil {
			p.push(ctx, keep(ops, func(o *Op) bool { return o.Kind.removes() && o.admitted && p.may(o) }))
		}
	}
	return left
}
