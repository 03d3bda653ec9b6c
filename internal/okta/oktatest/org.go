// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
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
	cfg Config
	mux *http.ServeMux

	mu         sync.Mutex
	ids        fake.IDs
	faults     *fake.Schedule
	down       bool
	counts     Counts
	refusals   []Refusal
	ledger     []Effect
	keys       []fake.PublicKey
	assertions fake.Assertions
	tokens     map[string]*token
	windows    map[string]*window
	users      map[string]*user
	index      index
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
		cfg: c, faults: c.Faults, counts: Counts{}, tokens: map[string]*token{}, windows: map[string]*window{}, users: map[string]*user{},
		groups: map[string]*group{}, assertions: fake.Assertions{Most: time.Hour}, index: index{seen: map[string]*user{}},
	}
	for _, text := range c.PublicKeys {
		key, err := fake.ReadPublicKey(text)
		if err != nil {
			return nil, err
		}
		o.keys = append(o.keys, key)
	}
	o.everyone = o.putGroup(administrator(), "BUILT_IN", map[string]any{"name": "Everyone", "description": "All users in your organization"})
	o.mux = o.routes()
	return o, nil
}

// now is the org's time, in the milliseconds that Okta shows.
func (o *Org) now() time.Time { return o.cfg.Now().UTC().Truncate(time.Millisecond) }

// Listen serves the org on a free port of the loopback interface, see [fake.Listen].
func (o *Org) Listen(ctx context.Context) (url string, stop func(), err error) {
	return fake.Listen(ctx, o)
}

// Transport is a way to the org without a network.
func (o *Org) Transport() http.RoundTripper { return fake.Transport(o) }

// SetFaults replaces the schedule; nil ends all faults.
func (o *Org) SetFaults(s *fake.Schedule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = s
}

// Counts are the requests that came, whatever became of them, by method and path without
// the base: "POST /users", "PUT /groups/{gid}/users/{id}".
type Counts map[string]int

// Total is the number of all requests.
func (c Counts) Total() (n int) {
	for _, k := range c {
		n += k
	}
	return n
}

// Writes is the number of requests that may change something.
func (c Counts) Writes() (n int) {
	for what, k := range c {
		if !strings.HasPrefix(what, "GET ") && what != "POST /oauth2/v1/token" {
			n += k
		}
	}
	return n
}

// Counts returns the requests since the start, or since ResetCounts.
func (o *Org) Counts() Counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.counts)
}

// ResetCounts begins to count anew.
func (o *Org) ResetCounts() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts = Counts{}
}

// The operations of an Effect.
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

// Effect is something that really happened. A request that changes nothing has none.
type Effect struct {
	Seq     int
	At      time.Time
	Op      string
	Kind    string // "user" or "group"
	ID      string
	Detail  string // the member's id, or what was written
	Outside bool   // without a request: by an administrator, or by the user
	Lost    bool   // the client was not told: its answer went wrong
}

// cause is who brings something about.
type cause struct{ outside, lost, void bool }

func administrator() cause { return cause{outside: true} }

// note writes an effect down. The caller holds the lock.
func (o *Org) note(by cause, op, kind, id, detail string) {
	o.ledger = append(o.ledger, Effect{len(o.ledger) + 1, o.now(), op, kind, id, detail, by.outside, by.lost})
}

// Ledger returns what really happened, in order.
func (o *Org) Ledger() []Effect {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.ledger)
}

// Refusal is a request that was refused because Okta is as it is: no fault, and no limit.
type Refusal struct {
	Method, Path string
	Status       int
	Code         string
	Message      string
}

const mostRefusals = 10_000

// Refusals returns the requests that were refused, in order, up to 10,000.
func (o *Org) Refusals() []Refusal {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.refusals)
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
	o.mu.Lock()
	defer o.mu.Unlock()
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
	o.mu.Lock()
	defer o.mu.Unlock()
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
	o.mu.Lock()
	defer o.mu.Unlock()
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
	o.mu.Lock()
	defer o.mu.Unlock()
	if u := o.users[id]; u != nil {
		u.status, u.becoming = status, ""
		o.touch(u)
	}
}

// PutRole makes a user an administrator.
func (o *Org) PutRole(id, kind string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if u := o.users[id]; u != nil {
		u.roles = append(u.roles, kind)
	}
}

// PutGroup makes a group of a type as an administrator, or an application, might, with
// members, and returns its id.
func (o *Org) PutGroup(kind, name string, members ...string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.putGroup(administrator(), kind, map[string]any{"name": name})
	for _, id := range members {
		g.members[id] = true
	}
	return g.id
}

// Groups returns the names of the groups of a type, in order, without the one of everybody.
func (o *Org) Groups(kind string) (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range o.groups {
		if g.kind == kind && g != o.everyone {
			names = append(names, g.text("name"))
		}
	}
	slices.Sort(names)
	return names
}
