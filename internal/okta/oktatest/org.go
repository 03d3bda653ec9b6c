// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// Config is what an org is like. One of Token and ClientID is required.
type Config struct {
	Token    string // an API token, with every permission
	ClientID string // of an API services application,
	// PublicKeys of it, PEM, and the scopes that it may have; default those of users
	// and groups.
	PublicKeys [][]byte
	Scopes     []string
	DPoP       bool // the application demands proof of possession

	Now          func() time.Time    // default time.Now
	TokenLife    time.Duration       // default 1 h
	MostPerPage  int                 // default 200
	SearchLag    time.Duration       // how late searches and lists know what was written
	ActivateIn   time.Duration       // how long an activation takes,
	DeactivateIn time.Duration       // and a deactivation
	Attributes   []string            // of the org's own, beside those that each profile has
	Schema       map[string]Property // what the schema says of them and of those, by name
	Without      []string            // of those that each profile has, what this org has not
	PlainLogins  bool                // a login need be no e-mail address
	// NobodyToEnd says that a deactivation ends all sessions by itself, and that whoever
	// asks for it then is told that there is nobody. Which of both holds is not verified.
	NobodyToEnd  bool
	PerMinute    map[string]int // requests by limit, as "users"; none: no limit
	Faults       *fake.Schedule // nil: none
	KeepsNothing bool           // what is written to a profile is answered, and does not happen
}

// Org is a fake org: an http.Handler. It is safe for concurrent use.
type Org struct {
	fake.Frame[fake.Effect]

	cfg        Config
	ids        fake.IDs
	keys       []fake.PublicKey
	assertions fake.Assertions
	tokens     fake.Tokens
	windows    map[string]*window
	users      map[string]*user
	index      fake.Late[user] // what searches and lists know, late by the org's lag
	groups     map[string]*group
	everyone   *group
}

// New returns an org without users, and with the group that everybody is in.
func New(c Config) (*Org, error) {
	if (c.Token == "") == (c.ClientID == "") {
		return nil, errors.New("an org needs either an API token or a client")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLife == 0 {
		c.TokenLife = time.Hour
	}
	if c.MostPerPage == 0 {
		c.MostPerPage = 200
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"okta.users.manage", "okta.groups.manage"}
	}
	o := &Org{
		cfg: c, windows: map[string]*window{}, users: map[string]*user{},
		groups: map[string]*group{}, assertions: fake.Assertions{Most: time.Hour},
	}
	for _, text := range c.PublicKeys {
		key, err := fake.ReadPublicKey(text)
		if err != nil {
			return nil, err
		}
		o.keys = append(o.keys, key)
	}
	o.everyone = o.putGroup(administrator(), "BUILT_IN", map[string]any{"name": "Everyone", "description": "All users in your organization"})
	o.Init(o.routes(), c.Faults)
	return o, nil
}

// now is the org's time, in the milliseconds that Okta shows.
func (o *Org) now() time.Time { return o.cfg.Now().UTC().Truncate(time.Millisecond) }

// The operations of a [fake.Effect].
const (
	Created       = "create"
	Updated       = "update"
	Activated     = "activate"
	Deactivated   = "deactivate" // asked for; it may take its time
	Suspended     = "suspend"
	Unsuspended   = "unsuspend"
	Deleted       = "delete"
	SessionsEnded = "sessions_end"
	MemberAdded   = "member_add"
	MemberRemoved = "member_remove"
	MailSent      = "mail"
)

func administrator() fake.Cause { return fake.Cause{Outside: true} }

// note writes an effect down. The caller holds the lock.
func (o *Org) note(by fake.Cause, op, kind, id, detail string) {
	o.Happened(by.Effect(o.now(), op, kind, id, detail))
}

// User is a copy of a user, as it is.
type User struct {
	ID, Status, Becoming string
	Profile              map[string]string
	Sessions             int
	Groups               []string // names, in order, without the one of everybody
}

// Users returns all users by their login.
func (o *Org) Users() map[string]User {
	o.Lock()
	defer o.Unlock()
	out := map[string]User{}
	for _, u := range o.users {
		out[u.text("login")] = o.copy(u)
	}
	return out
}

func (o *Org) copy(u *user) User {
	o.settle(u)
	c := User{ID: u.id, Status: u.status, Becoming: u.becoming, Profile: map[string]string{}, Sessions: u.sessions}
	for name := range u.profile {
		c.Profile[name] = u.text(name)
	}
	for _, g := range o.groups {
		if g.members[u.id] && g != o.everyone {
			c.Groups = append(c.Groups, g.text("name"))
		}
	}
	slices.Sort(c.Groups)
	return c
}

// Put makes a user as an administrator might, and returns its id. The login is its
// e-mail address unless one is given.
func (o *Org) Put(status string, profile map[string]string) (string, error) {
	o.Lock()
	defer o.Unlock()
	p := map[string]any{"firstName": "A", "lastName": "B", "email": profile["login"]}
	for name, value := range profile {
		p[name] = value
	}
	if no := o.checkProfile(nil, p); no != nil {
		return "", no
	}
	u := o.putUser(administrator(), status, p)
	return u.id, nil
}

// SignIn signs a user in, as far as their status lets them.
func (o *Org) SignIn(id string) error {
	o.Lock()
	defer o.Unlock()
	u := o.users[id]
	if u == nil {
		return fmt.Errorf("there is no user %q", id)
	}
	o.settle(u)
	switch u.status {
	case "STAGED", "SUSPENDED", "DEPROVISIONED", "LOCKED_OUT":
		return fmt.Errorf("the user is %s", u.status)
	case "PROVISIONED":
		u.status = "ACTIVE" // by the mail that they were sent
		o.touch(u)
	}
	u.sessions++
	return nil
}

// SetStatus gives a user a status, as whatever happens to them might.
func (o *Org) SetStatus(id, status string) {
	o.Lock()
	defer o.Unlock()
	if u := o.users[id]; u != nil {
		u.status, u.becoming = status, ""
		o.touch(u)
	}
}

// PutRole makes a user an administrator.
func (o *Org) PutRole(id, kind string) {
	o.Lock()
	defer o.Unlock()
	if u := o.users[id]; u != nil {
		u.roles = append(u.roles, kind)
	}
}

// PutGroup makes a group of a type as an administrator, or an application, might, with
// members, and returns its id.
func (o *Org) PutGroup(kind, name string, members ...string) string {
	o.Lock()
	defer o.Unlock()
	g := o.putGroup(administrator(), kind, map[string]any{"name": name})
	for _, id := range members {
		g.members[id] = true
	}
	return g.id
}

// Groups returns the names of the groups of a type, in order, without the one of everybody.
func (o *Org) Groups(kind string) (names []string) {
	o.Lock()
	defer o.Unlock()
	for _, g := range o.groups {
		if g.kind == kind && g != o.everyone {
			names = append(names, g.text("name"))
		}
	}
	slices.Sort(names)
	return names
}
