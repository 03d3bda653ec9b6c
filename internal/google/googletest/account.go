// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// Config is what an account is like. Email and PublicKeys are required.
type Config struct {
	Email         string   // of the service account
	PublicKeys    [][]byte // its keys, PEM: key1, key2 …
	Administrator string   // for whom it acts; default admin@ the first domain
	Scopes        []string // that it was given; default all that there are here
	Domains       []string // default acme.example
	OrgUnits      []string // beside /

	Now         func() time.Time // default time.Now
	TokenLife   time.Duration    // default 1 h
	MostPerPage int              // default 500
	SearchLag   time.Duration    // how late searches and lists know what was written
	// SettleIn is for how long a user or a group that is new is not found by other calls;
	// FreshForbidden says that it is forbidden meanwhile, as users of the API report.
	SettleIn       time.Duration
	FreshForbidden bool
	// NobodyToSignOut says that a suspension ends all sessions by itself, and that whoever
	// is to be signed out then is refused. Which of both holds is not verified.
	NobodyToSignOut bool
	// RenamesAsTaken says that a change of address is made, and answered with 409, as users
	// of the API have reported.
	RenamesAsTaken bool
	PerMinute      int            // requests; 0: no limit
	Faults         *fake.Schedule // nil: none
	KeepsNothing   bool           // what is written to a user is answered, and does not happen
}

// The scopes.
const (
	scopeUsers    = "https://www.googleapis.com/auth/admin.directory.user"
	scopeSecurity = "https://www.googleapis.com/auth/admin.directory.user.security"
	scopeGroups   = "https://www.googleapis.com/auth/admin.directory.group"
)

// Account is a fake account: an http.Handler. It is safe for concurrent use.
type Account struct {
	fake.Frame[fake.Effect]

	cfg        Config
	ids        fake.IDs
	keys       []fake.PublicKey
	assertions fake.Assertions
	tokens     fake.Tokens
	used       int // of PerMinute
	ends       time.Time
	users      map[string]*user
	index      fake.Late[user] // what searches and lists know, late by the account's lag
	groups     map[string]*group
}

// New returns an account with its administrator alone.
func New(c Config) (*Account, error) {
	if c.Email == "" || len(c.PublicKeys) == 0 {
		return nil, errors.New("an account needs a service account with a key")
	}
	if len(c.Domains) == 0 {
		c.Domains = []string{"acme.example"}
	}
	if c.Administrator == "" {
		c.Administrator = "admin@" + c.Domains[0]
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLife == 0 {
		c.TokenLife = time.Hour
	}
	if c.MostPerPage == 0 {
		c.MostPerPage = 500
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{scopeUsers, scopeSecurity, scopeGroups}
	}
	a := &Account{
		cfg: c, users: map[string]*user{}, groups: map[string]*group{},
		assertions: fake.Assertions{Most: time.Hour},
	}
	for i, text := range c.PublicKeys {
		key, err := fake.ReadPublicKey(text)
		if err != nil {
			return nil, err
		}
		key.ID = fmt.Sprint("key", i+1)
		a.keys = append(a.keys, key)
	}
	a.Init(a.routes(), c.Faults)
	_, err := a.put(c.Administrator, nil, func(u *user) { u.super = true })
	return a, err
}

// now is the account's time, in the milliseconds that Google shows.
func (a *Account) now() time.Time { return a.cfg.Now().UTC().Truncate(time.Millisecond) }

// The operations of a [fake.Effect].
const (
	Created       = "create"
	Updated       = "update"
	Renamed       = "rename" // to another address
	Suspended     = "suspend"
	Restored      = "restore"
	Deleted       = "delete"
	SignedOut     = "sign_out"
	Revoked       = "revoke" // an application's tokens, or a password for one
	MemberAdded   = "member_add"
	MemberRemoved = "member_remove"
)

// note writes an effect down. The caller holds the lock.
func (a *Account) note(by fake.Cause, op, kind, id, detail string) {
	a.Happened(by.Effect(a.now(), op, kind, id, detail))
}

// User is a copy of a user, as it is.
type User struct {
	ID, Email           string
	Suspended, Archived bool
	Aliases             []string
	Fields              map[string]any // what was written: names, lists, orgUnitPath
	Password            string         // as it was written
	ChangePassword      bool           // with the next sign-in
	Sessions            int
	Grants              []string // applications with tokens
	Passwords           []int    // for one application each
	Groups              []string // names, in order
}

// Entry is the first entry of a list of a user that has a text under a name, nil if none has.
func (u *User) Entry(list, name, text string) map[string]any {
	entries, _ := u.Fields[list].([]any)
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok && m[name] == text {
			return m
		}
	}
	return nil
}

// Users returns all users but the first administrator, by their primary address.
func (a *Account) Users() map[string]User {
	a.Lock()
	defer a.Unlock()
	out := map[string]User{}
	for _, u := range a.users {
		if u.email != a.cfg.Administrator {
			out[u.email] = a.copy(u)
		}
	}
	return out
}

func (a *Account) copy(u *user) User {
	c := User{
		ID: u.id, Email: u.email, Suspended: u.suspended, Archived: u.archived, Aliases: slices.Clone(u.aliases), Fields: clone(u.fields),
		Password: u.password, ChangePassword: u.changePasswordAtNext, Sessions: u.sessions, Grants: slices.Sorted(maps.Keys(u.grants)), Passwords: slices.Sorted(maps.Keys(u.passwords)),
	}
	for _, g := range a.groups {
		if g.members[u.id] != nil {
			c.Groups = append(c.Groups, g.name)
		}
	}
	slices.Sort(c.Groups)
	return c
}

// Put makes a user as an administrator might, who is there for everybody at once, and
// returns its id. Fields are those of the API.
func (a *Account) Put(email string, fields map[string]any) (string, error) {
	a.Lock()
	defer a.Unlock()
	u, err := a.put(email, fields, nil)
	if err != nil {
		return "", err
	}
	return u.id, nil
}

func (a *Account) put(email string, fields map[string]any, change func(*user)) (*user, error) {
	all := map[string]any{"primaryEmail": email, "password": "a-password", "name": map[string]any{"givenName": "A", "familyName": "B"}}
	maps.Copy(all, fields)
	if no := a.checkFields(nil, all); no != nil {
		return nil, no
	}
	u := a.putUser(fake.Cause{Outside: true}, all, change)
	u.there = a.now()
	a.index.Now(u.id, u.clone())
	return u, nil
}

// change changes a user from outside.
func (a *Account) change(id string, how func(*user)) {
	a.Lock()
	defer a.Unlock()
	if u := a.users[id]; u != nil {
		how(u)
		a.touch(u)
	}
}

// SignIn signs a user in, as far as that is let.
func (a *Account) SignIn(id string) error {
	a.Lock()
	defer a.Unlock()
	u := a.users[id]
	switch {
	case u == nil:
		return fmt.Errorf("there is no user %q", id)
	case u.suspended || u.archived:
		return errors.New("the user is suspended or archived")
	}
	u.sessions++
	return nil
}

// LetIn has a user give an application access, MakePassword make a password for one.
// Nobody who is suspended can.
func (a *Account) LetIn(id, clientID string) {
	a.change(id, func(u *user) {
		if !u.suspended {
			u.grants[clientID] = true
		}
	})
}

// MakePassword has a user make a password for one application.
func (a *Account) MakePassword(id string) {
	a.change(id, func(u *user) {
		if !u.suspended {
			u.made++
			u.passwords[u.made] = true
		}
	})
}

// SetAdministrator makes a user an administrator, with all rights or with some.
func (a *Account) SetAdministrator(id string, super bool) {
	a.change(id, func(u *user) { u.super, u.delegated = super, !super })
}

// Suspend suspends a user for a reason of Google's own: an administrator alone gives it up.
func (a *Account) Suspend(id, why string) {
	a.change(id, func(u *user) { u.suspended, u.why = true, why })
}

// Archive archives a user.
func (a *Account) Archive(id string) { a.change(id, func(u *user) { u.archived = true }) }

// Field is written by an administrator.
func (a *Account) Field(id, name string, value any) {
	a.change(id, func(u *user) { u.fields[name] = value })
}

// PutGroup makes a group as an administrator might, with members, and returns its id.
func (a *Account) PutGroup(email, name string, members ...string) string {
	a.Lock()
	defer a.Unlock()
	g := a.putGroup(fake.Cause{Outside: true}, email, name, "")
	g.there = a.now()
	for _, id := range members {
		g.members[id] = &member{id: id, kind: "USER", role: "MEMBER"}
	}
	return g.id
}

// PutMember puts a member of any type into a group: another group, everybody, a stranger.
func (a *Account) PutMember(group, id, email, kind, role string) {
	a.Lock()
	defer a.Unlock()
	if g := a.groups[group]; g != nil {
		g.members[id] = &member{id, email, kind, role}
	}
}

// Groups returns who is in each group, by its address: ids in order.
func (a *Account) Groups() map[string][]string {
	a.Lock()
	defer a.Unlock()
	out := map[string][]string{}
	for _, g := range a.groups {
		out[g.email] = slices.Sorted(maps.Keys(g.members))
	}
	return out
}
