// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// User returns a copy of a user. One that is linked to another is none.
func (t *Tenant) User(id string) (User, bool) {
	t.Lock()
	defer t.Unlock()
	u := t.find(id)
	if u == nil {
		return User{}, false
	}
	return *u.clone(), true
}

// UserByEmail returns a copy of the first user with an address, as it is stored.
func (t *Tenant) UserByEmail(email string) (User, bool) {
	t.Lock()
	defer t.Unlock()
	if ids := t.users.mails[email]; len(ids) > 0 {
		return *t.find(ids[0]).clone(), true
	}
	return User{}, false
}

// Users returns copies of all users, by id.
func (t *Tenant) Users() []User {
	t.Lock()
	defer t.Unlock()
	out := make([]User, 0, len(t.users.byID))
	for _, u := range t.users.byID {
		out = append(out, *u.clone())
	}
	slices.SortFunc(out, func(a, b User) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Len is the number of users.
func (t *Tenant) Len() int {
	t.Lock()
	defer t.Unlock()
	return len(t.users.byID)
}

// settle fills in what a new user must have: its identities and id, and what Auth0
// derives.
func (t *Tenant) settle(u *User) error {
	if len(u.Identities) == 0 {
		u.Identities = []Identity{{Connection: t.connections[0].Name}}
	}
	own := &u.Identities[0]
	con := t.connection(own.Connection)
	if con == nil {
		return fmt.Errorf("there is no connection %q", own.Connection)
	}
	if own.Provider == "" {
		own.Provider = con.Strategy
	}
	own.Social = own.Social || con.social()
	if u.ID != "" {
		provider, rest, found := strings.Cut(u.ID, "|")
		if !found || provider != own.Provider {
			return fmt.Errorf("the id %q must begin with %q", u.ID, own.Provider+"|")
		}
		own.UserID = rest
	}
	if own.UserID == "" {
		own.UserID = t.ids.Hex("user")
	}
	u.ID = own.id()
	complete(u, con)
	return nil
}

// Put makes a user as an administrator might, or a sign-up, and returns its id. Without
// identities it is one of the first connection.
func (t *Tenant) Put(want User) (id string, err error) {
	t.Lock()
	defer t.Unlock()
	u := want.clone()
	if err := t.settle(u); err != nil {
		return "", err
	}
	if field := t.conflict(nil, u); field != "" {
		return "", fmt.Errorf("somebody else has the %s of user %q", field, u.ID)
	}
	t.create(administrator(), u)
	return u.ID, nil
}

// Alter changes a user as an administrator might, without regard to what the API
// allows. Its id and identities stay.
func (t *Tenant) Alter(id string, change func(*User)) error {
	t.Lock()
	defer t.Unlock()
	old := t.find(id)
	if old == nil {
		return fmt.Errorf("there is no user %q", id)
	}
	now := old.clone()
	change(now)
	now.ID, now.Identities, now.CreatedAt = old.ID, old.Identities, old.CreatedAt
	if field := t.conflict(old, now); field != "" {
		return fmt.Errorf("somebody else has the new %s of user %q", field, id)
	}
	t.update(administrator(), old, now)
	return nil
}

// Block blocks a user as an administrator might.
func (t *Tenant) Block(id string) error { return t.Alter(id, func(u *User) { u.Blocked = true }) }

// Unblock lifts a block.
func (t *Tenant) Unblock(id string) error { return t.Alter(id, func(u *User) { u.Blocked = false }) }

// Remove deletes a user as an administrator might.
func (t *Tenant) Remove(id string) error {
	t.Lock()
	defer t.Unlock()
	u := t.find(id)
	if u == nil {
		return fmt.Errorf("there is no user %q", id)
	}
	t.remove(administrator(), u)
	return nil
}

// Load puts n users there that were always there: no event, no effect, and searches
// know them at once. gen says what the i-th is like, beyond an id that is made of i.
func (t *Tenant) Load(n int, gen func(i int, u *User)) error {
	t.Lock()
	defer t.Unlock()
	now := t.now()
	seen := &t.users.seen
	seen.catchUp(now.Add(time.Duration(1<<62 - 1)))
	for i := range n {
		u := &User{ID: fmt.Sprintf("auth0|%024x", i+1), CreatedAt: now, UpdatedAt: now}
		gen(i, u)
		if len(u.Identities) > 0 && u.ID == fmt.Sprintf("auth0|%024x", i+1) && u.Identities[0].Provider != "auth0" {
			u.ID = ""
		}
		if err := t.settle(u); err != nil {
			return err
		}
		if field := t.conflict(nil, u); field != "" {
			return fmt.Errorf("user %d: somebody else has the %s", i, field)
		}
		t.put(nil, u)
		seen.sorted = append(seen.sorted, u)
	}
	seen.pending = nil
	slices.SortFunc(seen.sorted, func(a, b *User) int { return strings.Compare(a.ID, b.ID) })
	return nil
}

// RolesOf are the names of a user's roles.
func (t *Tenant) RolesOf(id string) []string {
	t.Lock()
	defer t.Unlock()
	var out []string
	for _, r := range t.rolesOf(id) {
		out = append(out, r.name)
	}
	return out
}

// OrganizationsOf are the names of the organizations that a user is a member of.
func (t *Tenant) OrganizationsOf(id string) []string {
	t.Lock()
	defer t.Unlock()
	var out []string
	for _, o := range t.organizationsOf(id) {
		out = append(out, o.name)
	}
	return out
}

// PutRole makes a role as an administrator might, or finds the one of its name, gives
// it to users, and returns its id.
func (t *Tenant) PutRole(name string, users ...string) (id string, err error) {
	t.Lock()
	defer t.Unlock()
	r := t.roleNamed(name)
	if r == nil {
		r = &role{id: t.ids.Next("rol_", 16), name: name, users: map[string]bool{}}
		t.roles[r.id] = r
		t.note(administrator(), Created, "role", r.id, name)
	}
	for _, u := range users {
		if t.find(u) == nil {
			return "", fmt.Errorf("there is no user %q", u)
		}
		if !r.users[u] {
			r.users[u] = true
			t.note(administrator(), MemberAdded, "role", r.id, u)
		}
	}
	return r.id, nil
}

// TakeRole takes a role from users.
func (t *Tenant) TakeRole(name string, users ...string) error {
	t.Lock()
	defer t.Unlock()
	r := t.roleNamed(name)
	if r == nil {
		return fmt.Errorf("there is no role %q", name)
	}
	for _, u := range users {
		if r.users[u] {
			delete(r.users, u)
			t.note(administrator(), MemberRemoved, "role", r.id, u)
		}
	}
	return nil
}

// PutOrganization makes an organization as an administrator might, or finds the one of
// its name, adds members, and returns its id.
func (t *Tenant) PutOrganization(name, display string, users ...string) (id string, err error) {
	t.Lock()
	defer t.Unlock()
	if !organizationName.MatchString(name) {
		return "", errors.New("no organization can be named " + name)
	}
	by := administrator()
	o := t.organizationNamed(name)
	if o == nil {
		o = &organization{id: t.ids.Next("org_", 16), name: name, display: display, members: map[string]*membership{}}
		t.orgs[o.id] = o
		t.note(by, Created, "organization", o.id, name)
		t.emit(by, "organization.created", o.json(), "")
	}
	for _, u := range users {
		if t.find(u) == nil {
			return "", fmt.Errorf("there is no user %q", u)
		}
		if !o.members[u].holds() {
			o.members[u] = &membership{since: t.now()}
			t.note(by, MemberAdded, "organization", o.id, u)
			t.emit(by, "organization.member.added", memberEvent(o, u), u)
		}
	}
	return o.id, nil
}

// Expel takes members out of an organization.
func (t *Tenant) Expel(name string, users ...string) error {
	t.Lock()
	defer t.Unlock()
	o := t.organizationNamed(name)
	if o == nil {
		return fmt.Errorf("there is no organization %q", name)
	}
	for _, u := range users {
		if o.removeMember(u, t.now()) {
			t.note(administrator(), MemberRemoved, "organization", o.id, u)
			t.emit(administrator(), "organization.member.deleted", memberEvent(o, u), u)
		}
	}
	return nil
}
