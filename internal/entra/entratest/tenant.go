// SPDX-License-Identifier: Apache-2.0

package entratest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// Config is what a tenant is like. One of Secret and Certificates is required.
type Config struct {
	ID           string   // of the tenant; default TenantID
	Domains      []string // that it has verified; default acme.example
	ClientID     string   // of the one app registration; default ClientID
	Secret       string
	Certificates [][]byte // of the app registration, PEM
	Permissions  []string // that were granted to it; default all that provisioning needs

	Now         func() time.Time // default time.Now
	TokenLife   time.Duration    // default 1 h
	MostPerPage int              // default 100
	// Lag is how late reads know what was written: of objects, lists and filters alike.
	Lag time.Duration
	// Uneven has every other request come to a replica that knows everything at once, so
	// that what was seen may be unseen by the next.
	Uneven     bool
	Attributes []string // directory extensions of the tenant
	// DeletedKeepNames says that the name of somebody who was deleted stays taken for 30
	// days. The page on restoring says otherwise, and that the name may be another's by then.
	DeletedKeepNames bool
	// RevokeAnswersNothing says that the end of sessions is answered with 204, as the maker
	// names it among the known issues.
	RevokeAnswersNothing bool
	Faults               *fake.Schedule // nil: none
}

// The ids of a tenant and an app registration, unless others are given.
const (
	TenantID = "7c1a9f04-27a3-4bd0-9a5e-2f3f0c6f1a10"
	ClientID = "0b6f1c52-8d3e-4a1c-8b1a-91f8f0c5d2e7"
)

// Permissions are all that provisioning needs.
func Permissions() []string {
	return []string{"User.Read.All", "User.ReadWrite.All", "User.EnableDisableAccount.All", "User.RevokeSessions.All", "Group.ReadWrite.All"}
}

// Tenant is a fake tenant: an http.Handler for the token endpoint and for Graph. It is
// safe for concurrent use.
type Tenant struct {
	fake.Frame[fake.Effect]

	cfg        Config
	ids        fake.IDs
	keys       map[string]fake.PublicKey // by the thumbprint of the certificate
	assertions fake.Assertions
	tokens     fake.Tokens
	users      map[string]*user
	deleted    map[string]*user
	groups     map[string]*group
	replica    replica
	calls      int
}

// New returns a tenant without users.
func New(c Config) (*Tenant, error) {
	if (c.Secret == "") == (len(c.Certificates) == 0) {
		return nil, errors.New("a tenant needs either a client secret or certificates")
	}
	defaults(&c)
	t := &Tenant{
		cfg: c, users: map[string]*user{}, deleted: map[string]*user{},
		groups: map[string]*group{}, keys: map[string]fake.PublicKey{}, assertions: fake.Assertions{Most: 10 * time.Minute},
	}
	for _, text := range c.Certificates {
		if err := t.register(text); err != nil {
			return nil, err
		}
	}
	t.Init(t.routes(), c.Faults)
	return t, nil
}

func defaults(c *Config) {
	if c.ID == "" {
		c.ID = TenantID
	}
	if len(c.Domains) == 0 {
		c.Domains = []string{"acme.example"}
	}
	if c.ClientID == "" {
		c.ClientID = ClientID
	}
	if c.Permissions == nil {
		c.Permissions = Permissions()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLife == 0 {
		c.TokenLife = time.Hour
	}
	if c.MostPerPage == 0 {
		c.MostPerPage = 100
	}
}

// now is the tenant's time, in the seconds that Graph shows.
func (t *Tenant) now() time.Time { return t.cfg.Now().UTC() }

// guid makes an id of an object.
func (t *Tenant) guid(kind string) string {
	h := t.ids.Hex(kind) + "00000000"
	return h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-8" + h[15:18] + "-" + h[18:24] + "000000"
}

// The operations of a [fake.Effect].
const (
	Created       = "create"
	Updated       = "update"
	Enabled       = "enable"
	Disabled      = "disable"
	Deleted       = "delete"
	SessionsEnded = "sessions_end"
	MemberAdded   = "member_add"
	MemberRemoved = "member_remove"
)

func administrator() fake.Cause { return fake.Cause{Outside: true} }

// note writes an effect down. The caller holds the lock.
func (t *Tenant) note(by fake.Cause, op, kind, id, detail string) {
	t.Happened(by.Effect(t.now(), op, kind, id, detail))
}

// User is a copy of a user, as it is, whatever the replicas know.
type User struct {
	ID             string
	Enabled        bool
	Props          map[string]string
	Password       string
	ChangePassword bool
	Sessions       int
	Groups         []string // names, in order
}

// Users returns all users by their userPrincipalName.
func (t *Tenant) Users() map[string]User {
	t.Lock()
	defer t.Unlock()
	out := map[string]User{}
	for _, u := range t.users {
		out[u.text("userPrincipalName")] = t.copy(u)
	}
	return out
}

func (t *Tenant) copy(u *user) User {
	c := User{ID: u.id, Enabled: u.enabled, Props: map[string]string{}, Password: u.password, ChangePassword: u.change, Sessions: u.sessions}
	for name := range u.props {
		c.Props[name] = u.text(name)
	}
	for name := range u.extra {
		c.Props[name], _ = u.extra[name].(string)
	}
	for _, g := range t.groups {
		if g.members[u.id] {
			c.Groups = append(c.Groups, g.name)
		}
	}
	slices.Sort(c.Groups)
	return c
}

// Person is what Put makes.
type Person struct {
	Name          string // userPrincipalName
	Props         map[string]string
	Guest, Synced bool
	Disabled      bool
	Roles         []string // of administration
}

// Put makes a user as an administrator, a sync or an invitation might, and returns its id.
func (t *Tenant) Put(p Person) string {
	t.Lock()
	defer t.Unlock()
	u := t.newUser(!p.Disabled)
	u.guest, u.synced, u.roles = p.Guest, p.Synced, slices.Clone(p.Roles)
	u.props["userPrincipalName"], u.props["displayName"] = p.Name, p.Name
	for name, s := range p.Props {
		if strings.HasPrefix(name, "extensionAttribute") {
			u.extra[name] = s
			continue
		}
		u.props[name] = s
	}
	t.users[u.id] = u
	t.replica.users.Now(u.id, u.clone())
	t.note(administrator(), Created, "user", u.id, p.Name)
	return u.id
}

// SetRoles gives a user roles of administration.
func (t *Tenant) SetRoles(id string, roles ...string) {
	t.Lock()
	defer t.Unlock()
	if u := t.users[id]; u != nil {
		u.roles = roles
		t.replica.users.Now(id, u.clone())
	}
}

// SignIn signs a user in, as far as the account lets them.
func (t *Tenant) SignIn(id string) error {
	t.Lock()
	defer t.Unlock()
	u := t.users[id]
	switch {
	case u == nil:
		return fmt.Errorf("there is no user %q", id)
	case !u.enabled:
		return errors.New("AADSTS50057: The user account is disabled")
	}
	u.sessions++
	return nil
}

// Kind is what a group of PutGroup is like.
type Kind string

// The kinds of groups.
const (
	Security   Kind = ""
	Dynamic    Kind = "dynamic"
	Assignable Kind = "assignable to roles"
	OnPremises Kind = "from on-premises"
	Addresses  Kind = "a distribution list"
)

// PutGroup makes a group as an administrator might, with members, and returns its id.
func (t *Tenant) PutGroup(kind Kind, name string, members ...string) string {
	t.Lock()
	defer t.Unlock()
	g := &group{id: t.guid("group"), kind: kind, name: name, members: map[string]bool{}}
	for _, id := range members {
		g.members[id] = true
	}
	t.groups[g.id] = g
	t.replica.groups.Now(g.id, g.clone())
	t.note(administrator(), Created, "group", g.id, name)
	return g.id
}

// Groups returns the names of the groups of a kind, in order.
func (t *Tenant) Groups(kind Kind) (names []string) {
	t.Lock()
	defer t.Unlock()
	for _, g := range t.groups {
		if g.kind == kind {
			names = append(names, g.name)
		}
	}
	slices.Sort(names)
	return names
}
