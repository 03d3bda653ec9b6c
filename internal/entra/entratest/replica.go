// SPDX-License-Identifier: Apache-2.0

package entratest

import (
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// replica is what reads are answered from. It is late by the tenant's lag.
type replica struct {
	users  fake.Late[user]
	groups fake.Late[group]
}

func (r *replica) catchUp(now time.Time) {
	r.users.CatchUp(now)
	r.groups.CatchUp(now)
}

// tell has the replica know of a user as it is, nil if it is gone, once its time has come.
func (t *Tenant) tell(id string, u *user) {
	if u != nil {
		u = u.clone()
	}
	t.replica.users.Tell(t.now().Add(t.cfg.Lag), id, u)
}

func (t *Tenant) tellGroup(g *group) {
	t.replica.groups.Tell(t.now().Add(t.cfg.Lag), g.id, g.clone())
}

// asked is the replica that a request comes to.
func (t *Tenant) asked() *replica {
	if t.calls++; !t.cfg.Uneven || t.calls%2 == 0 {
		return &t.replica
	}
	fresh := &replica{}
	for id, u := range t.users {
		fresh.users.Now(id, u.clone())
	}
	for id, g := range t.groups {
		fresh.groups.Now(id, g.clone())
	}
	return fresh
}
