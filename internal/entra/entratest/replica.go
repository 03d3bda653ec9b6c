// SPDX-License-Identifier: Apache-2.0

package entratest

import (
	"time"
)

// replica is what reads are answered from. It is late by the tenant's lag.
type replica struct {
	users   map[string]*user
	groups  map[string]*group
	pending []told
}

// told is a change that the replica will know of. A nil copy is gone.
type told struct {
	at     time.Time
	id     string
	user   *user
	group  *group
	groups bool
}

func newReplica() replica { return replica{users: map[string]*user{}, groups: map[string]*group{}} }

func (r *replica) now(id string, u *user)       { r.users[id] = u.clone() }
func (r *replica) nowGroup(id string, g *group) { r.groups[id] = g.clone() }

// tell has the replica know of a user as it is, once its time has come.
func (t *Tenant) tell(id string, u *user) {
	if u != nil {
		u = u.clone()
	}
	t.replica.pending = append(t.replica.pending, told{at: t.now().Add(t.cfg.Lag), id: id, user: u})
}

func (t *Tenant) tellGroup(id string, g *group) {
	if g != nil {
		g = g.clone()
	}
	t.replica.pending = append(t.replica.pending, told{at: t.now().Add(t.cfg.Lag), id: id, group: g, groups: true})
}

func (r *replica) catchUp(now time.Time) {
	n := 0
	for n < len(r.pending) && !now.Before(r.pending[n].at) {
		switch p := r.pending[n]; {
		case p.groups && p.group == nil:
			delete(r.groups, p.id)
		case p.groups:
			r.groups[p.id] = p.group
		case p.user == nil:
			delete(r.users, p.id)
		default:
			r.users[p.id] = p.user
		}
		n++
	}
	r.pending = r.pending[n:]
}

// asked is the replica that a request comes to.
func (t *Tenant) asked() *replica {
	if t.calls++; !t.cfg.Uneven || t.calls%2 == 0 {
		return &t.replica
	}
	fresh := newReplica()
	for id, u := range t.users {
		fresh.now(id, u)
	}
	for id, g := range t.groups {
		fresh.nowGroup(id, g)
	}
	return &fresh
}
