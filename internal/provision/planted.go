// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// What the mistakes of package planted need more than a condition for. None of it is
// called in an ordinary build.

// misversion takes the newest versions for those under which marks and accounts were
// read, so that comparing them tells nothing.
func (r *run) misversion(ctx context.Context, tx Tx, marks []Mark, accounts []Account) error {
	var people []string
	for _, m := range marks {
		people = append(people, m.Person)
	}
	for _, a := range accounts {
		people = append(people, a.Person)
	}
	subjects, err := tx.Subjects(ctx, Query{App: r.target.Name, People: people, Limit: max(1, len(people)), Now: never})
	if err != nil {
		return err
	}
	newest := map[string]int64{}
	for _, s := range subjects {
		newest[s.Person.ID] = s.Account.Version
	}
	for i, m := range marks {
		if planted.On(planted.MarkWithoutVersion) {
			marks[i].Version = newest[m.Person]
		}
	}
	for i, a := range accounts {
		if planted.On(planted.ParkedOverMark) && a.Parked != "" {
			accounts[i].Version = newest[a.Person]
		}
	}
	return nil
}

// forestall clears the marks of those who are at rest once what is being recorded is done,
// and sets them again where it was not: between the two it is only the journal that knows.
func (w *writing) forestall(ctx context.Context, tx Tx) error {
	var again []string
	for _, o := range w.outcomes {
		for _, op := range o.Intent.Ops {
			if op.Kind == MemberAdd && o.Result != Done && o.Result != Parked && o.Result != Forbidden {
				again = append(again, op.Person)
			}
		}
	}
	if len(again) > 0 {
		if err := tx.MarkPeople(ctx, w.r.target.Name, again); err != nil {
			return err
		}
	}
	recorded := map[string]int{}
	var marks []Mark
	for _, in := range w.intents {
		for _, op := range in.Ops {
			s := w.r.subjects[op.Person]
			if recorded[op.Person]++; op.Kind == MemberAdd && recorded[op.Person] == s.owed {
				marks = append(marks, Mark{Person: op.Person, Version: s.Account.Version})
			}
		}
	}
	return tx.ClearMarks(ctx, w.r.target.Name, marks)
}

// pauses are the last that any app has asked an owner for.
var pauses sync.Map // of *Owner to time.Time

func (r *run) anybodysPause() time.Time {
	t, _ := pauses.Load(r.owner)
	until, _ := t.(time.Time)
	return until
}

// batches counts a person's operations, those that share requests with others' as one.
func batches(ops []*Op) (n int) {
	shared := 0
	for _, o := range ops {
		if o.Kind == MemberAdd || o.Kind == MemberRemove {
			shared = 1
			continue
		}
		n++
	}
	return n + shared
}

// givesWay says that an update gives an account a name that another account has still, which
// is to have another one. Two who swap their names wait for each other for ever.
func (r *run) givesWay(o *Op, ops []*Op) bool {
	has := func(o *Op) string {
		if u := r.subjects[o.Person].Account.Sent; u != nil {
			return u.DisplayName()
		}
		return ""
	}
	if wants := o.user.DisplayName(); o.Kind == Update && wants != has(o) {
		return slices.ContainsFunc(ops, func(other *Op) bool { return has(other) == wants && other.user.DisplayName() != wants })
	}
	return false
}

// over is all that is known of a person, with what is mapped in its place.
func over(user, mapped *scim.Resource, paths []scim.Path) *scim.Resource {
	u := user.Clone()
	for _, p := range paths {
		v, _ := mapped.At(p)
		_ = u.Put(p, v) // null takes it away
	}
	return u
}
