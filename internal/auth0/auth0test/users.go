// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// users holds what is, and what searches know of it. A *User in it is never changed,
// only replaced.
type users struct {
	byID  map[string]*User
	taken map[string]string   // what is unique in a connection, and whose it is
	mails map[string][]string // ids by address as stored
	// locked are the users that are blocked after too many attempts to sign in.
	locked map[string]bool
	seen   view
}

func newUsers() users {
	return users{byID: map[string]*User{}, taken: map[string]string{}, mails: map[string][]string{}, locked: map[string]bool{}}
}

// view is what searches know: all users by id, and what is still on its way.
type view struct {
	sorted  []*User
	pending []change
}

type change struct {
	at  time.Time
	id  string
	now *User // nil: deleted
}

func byID(u *User, id string) int { return strings.Compare(u.ID, id) }

// catchUp takes in what was written until a time.
func (v *view) catchUp(until time.Time) {
	n := 0
	for n < len(v.pending) && !v.pending[n].at.After(until) {
		c := v.pending[n]
		i, found := slices.BinarySearchFunc(v.sorted, c.id, byID)
		switch {
		case c.now == nil && found:
			v.sorted = slices.Delete(v.sorted, i, i+1)
		case c.now != nil && found:
			v.sorted[i] = c.now
		case c.now != nil:
			v.sorted = slices.Insert(v.sorted, i, c.now)
		}
		n++
	}
	v.pending = slices.Delete(v.pending, 0, n)
}

// keys are what nobody else may have while a user has it: the id of each identity,
// and email and username in each database.
func (t *Tenant) keys(u *User) []string {
	keys := make([]string, 0, 3)
	for i, id := range u.Identities {
		keys = append(keys, "id\x00"+id.id())
		con := t.connection(id.Connection)
		if con == nil || !con.database() {
			continue
		}
		email, username := u.Email, u.Username
		if i > 0 {
			email, username = member(id.Profile, "email"), member(id.Profile, "username")
		}
		if email != "" {
			keys = append(keys, "email\x00"+con.Name+"\x00"+strings.ToLower(email))
		}
		if username != "" {
			keys = append(keys, "username\x00"+con.Name+"\x00"+strings.ToLower(username))
		}
	}
	return keys
}

// conflict says which of a user's unique values somebody else has: "id", "email" or
// "username", or "". old is the user that it replaces, or nil.
func (t *Tenant) conflict(old, u *User) string {
	for _, k := range t.keys(u) {
		if whose, ok := t.users.taken[k]; ok && (old == nil || whose != old.ID) {
			return k[:strings.IndexByte(k, 0)]
		}
	}
	return ""
}

// find is a user by id. One that is linked to another is not found.
func (t *Tenant) find(id string) *User { return t.users.byID[id] }

// put replaces a user, or deletes it, without a trace but in the indexes. The caller
// has looked for conflicts.
func (t *Tenant) put(old, now *User) {
	if old != nil {
		for _, k := range t.keys(old) {
			delete(t.users.taken, k)
		}
		t.unmail(old)
		delete(t.users.byID, old.ID)
	}
	c := change{at: t.now().Add(t.cfg.SearchLag), now: now}
	if now != nil {
		c.id = now.ID
		for _, k := range t.keys(now) {
			t.users.taken[k] = now.ID
		}
		if now.Email != "" {
			t.users.mails[now.Email] = append(t.users.mails[now.Email], now.ID)
		}
		t.users.byID[now.ID] = now
	} else {
		c.id = old.ID
	}
	t.users.seen.pending = append(t.users.seen.pending, c)
}

func (t *Tenant) unmail(u *User) {
	if u.Email == "" {
		return
	}
	rest := slices.DeleteFunc(t.users.mails[u.Email], func(id string) bool { return id == u.ID })
	if len(rest) == 0 {
		delete(t.users.mails, u.Email)
	} else {
		t.users.mails[u.Email] = rest
	}
}

// create puts a new user there, with what follows from it.
func (t *Tenant) create(by cause, u *User) {
	now := t.now()
	u.CreatedAt, u.UpdatedAt = now, now
	t.put(nil, u)
	t.note(by, Created, "user", u.ID, "")
	t.tell(by, "user.created", u)
}

// update replaces a user by one that differs, with what follows from it.
func (t *Tenant) update(by cause, old, now *User) {
	now.UpdatedAt = old.UpdatedAt
	changed := differences(old, now)
	if len(changed) == 0 {
		return
	}
	now.UpdatedAt = t.now()
	t.put(old, now)
	switch {
	case now.Blocked && !old.Blocked:
		t.note(by, Blocked, "user", now.ID, "")
	case old.Blocked && !now.Blocked:
		t.note(by, Unblocked, "user", now.ID, "")
	}
	if rest := slices.DeleteFunc(changed, func(f string) bool { return f == "blocked" }); len(rest) > 0 {
		t.note(by, Updated, "user", now.ID, strings.Join(rest, " "))
	}
	t.tell(by, "user.updated", now)
}

// remove deletes a user, with sessions, roles and memberships. That an organization's
// member goes with a user is no event of its own; not verified on a live tenant.
func (t *Tenant) remove(by cause, u *User) {
	t.put(u, nil)
	t.forget(u.ID)
	t.note(by, Deleted, "user", u.ID, "")
	t.tell(by, "user.deleted", u)
}

func (t *Tenant) forget(id string) {
	delete(t.sessions, id)
	delete(t.refreshes, id)
	for _, r := range t.roles {
		delete(r.users, id)
	}
	for _, o := range t.orgs {
		o.removeMember(id, t.now())
	}
	for _, g := range t.groups {
		delete(g.members, id)
	}
}

// differences are the names of the members in which two users differ.
func differences(old, now *User) []string {
	a, b := members(old.json()), members(now.json())
	var out []string
	for name, v := range b {
		if !bytes.Equal(a[name], v) {
			out = append(out, name)
		}
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
