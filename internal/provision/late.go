// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"strings"
	"time"
)

// A request that was given up may have its effect later than a look-up believes. For most
// people that harms nobody: who is to have an account is asked for again, by the same name, and
// the app says that it is taken. Nobody asks again for who has left meanwhile, be it with an
// account that was made since and deleted, or is called otherwise; and who is back is shut out
// by the departure that lies behind them. So they are looked at once more when it is too late
// for that (Account.Late).

// mostLate is how late such a request may have its effect, counted from when it was given up.
const mostLate = 10 * time.Minute

// straggles says that somebody who needs nothing is looked at all the same once it is too late
// for a request of theirs that was given up: a create of who is to have no account, or a
// departure of who is in.
func (r *run) straggles(s Subject) bool {
	wanted, _, _, err := r.planner.wanted(s)
	return err == nil && (s.Account.none() || s.Account.State == Live) && wanted == (s.Account.State == Live) && !s.Person.HeldAt(r.planner.Now)
}

// none says that there is no account, or none any more: a create that comes late finds its name free.
func (a *Account) none() bool { return a.State == None || a.State == Gone }

// pending says that a create without an answer may make an account still, of a name that the
// person does not have any more: another one beside it would be one too many, and is not made
// before.
func (r *run) pending(s *Subject) bool {
	wish := text(r.wish(*s), userNamePath)
	for _, in := range r.unsure["p"+s.Person.ID] {
		until := in.At.Add(mostLate + time.Minute) // it was given up a little later
		if other(asks(in.Kind, in.Ops), wish) && until.After(time.Now()) && !r.ahead {
			s.Account.Observe, s.Account.Due, s.Account.RetryAt = true, true, until
			return true
		}
	}
	return false
}

// mostVoid is how many requests that were given up are looked back at of one account.
const mostVoid = 16

// renamed is pending for a create that was looked up already, while the person was still called
// as it says: once it is too late for that they are looked for by that name, too, before another
// account is made. Nobody looks again for somebody who has been made since, so they keep the name
// of their account until then: it is what keeps the create from making another one beside it.
func (r *run) renamed(ctx context.Context, s Subject, planned []*Op) (wait bool, err error) {
	a := s.Account
	over := !a.Late.After(time.Now())
	if len(planned) == 0 || a.Late.IsZero() || !over && r.ahead {
		return false, nil
	}
	var has string // of which it would be one too many
	switch planned[0].Kind {
	case Create:
		if over && !a.none() { // belated looks for nobody else
			return false, nil
		}
	case Update:
		if has = text(a.Sent, userNamePath); over || !other(has, text(planned[0].user, userNamePath)) {
			return false, nil
		}
	default:
		return false, nil
	}
	err = r.store.View(ctx, func(tx Tx) error {
		entries, err := tx.EntriesThat(ctx, Void, r.target.Name, s.Person.ID, mostVoid)
		for _, e := range entries {
			name := asks(e.Kind, e.Ops)
			if other(name, text(planned[0].user, userNamePath)) && (has == "" || !other(name, has)) {
				wait = true
			}
		}
		return err
	})
	return wait, err
}

// belated finds the creates that were given up of whoever is looked for because of them.
func (r *run) belated(ctx context.Context, subjects []Subject) error {
	r.late = map[string][]*Intent{}
	return r.store.View(ctx, func(tx Tx) error {
		for _, s := range subjects {
			if s.Account.Late.IsZero() || !s.Account.none() {
				continue
			}
			entries, err := tx.EntriesThat(ctx, Void, r.target.Name, s.Person.ID, mostVoid)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.Kind == Create && len(e.Ops) > 0 {
					r.late[s.Person.ID] = append(r.late[s.Person.ID], &Intent{Kind: e.Kind, Person: s.Person.ID, Ops: e.Ops, At: e.At})
				}
			}
		}
		return nil
	})
}

// asks is the user name that a create asks for, "" if it is none.
func asks(kind Kind, ops []*Op) (name string) {
	if kind != Create || len(ops) == 0 {
		return ""
	}
	for _, c := range ops[0].Changes {
		if c.Path == userNamePath.String() {
			name, _ = c.After.AsString()
		}
	}
	return name
}

// other says that a name that was asked for is not the one that is wished for now.
func other(asked, wish string) bool { return asked != "" && !strings.EqualFold(asked, wish) }
