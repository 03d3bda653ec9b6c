// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// Config is what an organization is like. Login, AppID and PublicKeys are required.
type Config struct {
	Login       string            // of the organization
	AppID       string            // of the GitHub App that is installed there; any text
	PublicKeys  [][]byte          // of it, PEM
	Permissions map[string]string // that it was granted; default members: write

	Now           func() time.Time // default time.Now
	TokenLife     time.Duration    // default 1 h
	MostPerPage   int              // default 100
	PerHour       int              // requests; 0: no limit
	InvitesPerDay int              // 0: no limit
	NeverInvites  bool             // as where accounts are managed by an enterprise
	PendingAnyway bool             // a membership is told as pending after its invitation failed; whether it is is not verified
	Faults        *fake.Schedule   // nil: none
}

// Org is a fake organization: an http.Handler. It is safe for concurrent use.
type Org struct {
	fake.Frame[Effect]

	cfg         Config
	ids         fake.IDs
	last        int64 // id given
	keys        []fake.PublicKey
	suspended   bool
	tokens      fake.Tokens
	used        int // requests of this hour
	ends        time.Time
	users       map[int64]*user
	members     map[int64]string // roles
	invitations []*invitation
	sent        []time.Time // invitations of the last day, whatever became of them
	teams       map[int64]*team
}

const orgID, installationID = 7001, 9001

// user is an account of somebody's own.
type user struct {
	id     int64
	login  string
	hidden bool // from everybody, as an account that GitHub has flagged
}

// invitation is of a user, or of an address, which an owner alone can have sent.
type invitation struct {
	id      int64
	user    int64
	email   string
	role    string
	teams   map[int64]bool
	created time.Time
	failed  time.Time
}

// team is a team of the organization.
type team struct {
	id                               int64
	name, slug, description, privacy string
	synced                           bool
	parent                           int64
	members                          map[int64]string // roles
}

// New returns an organization whose one owner is called owner.
func New(c Config) (*Org, error) {
	if c.Login == "" || c.AppID == "" || len(c.PublicKeys) == 0 {
		return nil, errors.New("an organization needs a login, and an app with a key")
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
	if c.Permissions == nil {
		c.Permissions = map[string]string{"members": "write", "metadata": "read"}
	}
	o := &Org{
		cfg: c, last: 1000, users: map[int64]*user{},
		members: map[int64]string{}, teams: map[int64]*team{},
	}
	for _, text := range c.PublicKeys {
		key, err := fake.ReadPublicKey(text)
		if err != nil {
			return nil, err
		}
		o.keys = append(o.keys, key)
	}
	o.PutMember(o.PutUser("owner"), "admin")
	o.Init(o.routes(), c.Faults)
	return o, nil
}

func (o *Org) now() time.Time { return o.cfg.Now().UTC().Truncate(time.Second) }

func (o *Org) id() int64 {
	o.last++
	return o.last
}

// The operations of an Effect.
const (
	Invited     = "invite"
	Accepted    = "accept"
	Cancelled   = "cancel" // of an invitation
	RoleChanged = "role"
	Removed     = "remove" // of a member
	TeamCreated = "team_create"
	TeamUpdated = "team_update"
	TeamAdded   = "team_add"
	TeamRemoved = "team_remove"
)

// Effect is something that really happened. A request that changes nothing has none.
type Effect struct {
	At      time.Time
	Op      string
	Who     string // a login; the name of a team
	Detail  string // the name of the team that somebody was put into, a role
	Outside bool   // without a request: by an owner, or by the user
	Lost    bool   // the client was not told: its answer went wrong
}

// note writes an effect down. The caller holds the lock.
func (o *Org) note(by fake.Cause, op, who, detail string) {
	o.Happened(Effect{o.now(), op, who, detail, by.Outside, by.Lost})
}

// PutUser makes an account at GitHub, which is nobody's member, and returns its id.
func (o *Org) PutUser(login string) int64 {
	o.Lock()
	defer o.Unlock()
	u := &user{id: o.id(), login: login}
	o.users[u.id] = u
	return u.id
}

// PutMember makes an account a member, as if invited and accepted by hand.
func (o *Org) PutMember(id int64, role string) {
	o.Lock()
	defer o.Unlock()
	o.members[id] = role
}

// PutTeam makes a team as an owner might, with members, and returns its id. synced is
// filled by an identity provider; parent may be 0.
func (o *Org) PutTeam(name string, synced bool, parent int64, members ...int64) int64 {
	o.Lock()
	defer o.Unlock()
	t := &team{id: o.id(), name: name, slug: slugOf(name), privacy: "closed", synced: synced, parent: parent, members: map[int64]string{}}
	for _, id := range members {
		t.members[id] = "member"
	}
	o.teams[t.id] = t
	return t.id
}

// SetTeamRole makes somebody a maintainer of a team, or a member; "" takes them out.
func (o *Org) SetTeamRole(name, login, role string) {
	o.Lock()
	defer o.Unlock()
	if t, u := o.named(name), o.byLogin(login); t != nil && u != nil {
		if t.members[u.id] = role; role == "" {
			delete(t.members, u.id)
		}
	}
}

// InviteMail invites an address, as an owner might, into the teams of these names.
func (o *Org) InviteMail(email string, teams ...string) {
	o.Lock()
	defer o.Unlock()
	i := &invitation{id: o.id(), email: email, role: "member", teams: map[int64]bool{}, created: o.now()}
	for _, name := range teams {
		if t := o.named(name); t != nil {
			i.teams[t.id] = true
		}
	}
	o.invitations = append(o.invitations, i)
}

// Accept has somebody accept their invitation.
func (o *Org) Accept(login string) error {
	o.Lock()
	defer o.Unlock()
	o.settle()
	u := o.byLogin(login)
	if u == nil {
		return fmt.Errorf("there is no %s", login)
	}
	n := slices.IndexFunc(o.invitations, func(i *invitation) bool { return i.failed.IsZero() && i.user == u.id })
	if n < 0 {
		return fmt.Errorf("%s is not invited", u.login)
	}
	i := o.invitations[n]
	o.invitations = slices.Delete(o.invitations, n, n+1)
	o.members[u.id] = i.role
	for id := range i.teams {
		if t := o.teams[id]; t != nil {
			t.members[u.id] = "member"
		}
	}
	o.note(fake.Cause{Outside: true}, Accepted, u.login, "")
	return nil
}

// Age lets time pass for all invitations.
func (o *Org) Age(d time.Duration) {
	o.Lock()
	defer o.Unlock()
	for _, i := range o.invitations {
		i.created = i.created.Add(-d)
	}
}

// Leave has a member leave the organization.
func (o *Org) Leave(login string) {
	o.Lock()
	defer o.Unlock()
	if u := o.byLogin(login); u != nil {
		o.remove(fake.Cause{Outside: true}, u)
	}
}

// Rename gives an account another login, which leaves the old one to others.
func (o *Org) Rename(login, now string) {
	o.Lock()
	defer o.Unlock()
	if u := o.byLogin(login); u != nil {
		u.login = now
	}
}

// Hide hides an account, as GitHub does with those that it has flagged: nobody is told of
// it, and what it is a member of still lists it. That it does so is from memory.
func (o *Org) Hide(login string) {
	o.Lock()
	defer o.Unlock()
	if u := o.byLogin(login); u != nil {
		u.hidden = true
	}
}

// RenameOrg gives the organization another name. Whatever is below the old one is not found
// from then on, as GitHub's page on that says.
func (o *Org) RenameOrg(login string) {
	o.Lock()
	defer o.Unlock()
	o.cfg.Login = login
}

// Suspend suspends the app, or lifts that.
func (o *Org) Suspend(on bool) {
	o.Lock()
	defer o.Unlock()
	o.suspended = on
}

// Grant replaces the permissions of the app.
func (o *Org) Grant(permissions map[string]string) {
	o.Lock()
	defer o.Unlock()
	o.cfg.Permissions = permissions
}

// RevokeTokens makes all tokens that were given so far worthless.
func (o *Org) RevokeTokens() {
	o.Lock()
	defer o.Unlock()
	o.tokens.Revoke()
}

// Person is a copy of who is a member, or invited.
type Person struct {
	ID    int64
	Role  string // of a member; "" of who is invited
	Teams []string
}

// Members returns the members by login.
func (o *Org) Members() map[string]Person {
	o.Lock()
	defer o.Unlock()
	out := map[string]Person{}
	for id, role := range o.members {
		p := Person{ID: id, Role: role}
		for _, t := range o.teams {
			if t.members[id] != "" {
				p.Teams = append(p.Teams, t.name)
			}
		}
		slices.Sort(p.Teams)
		out[o.users[id].login] = p
	}
	return out
}

// Invitations returns who is invited, by login or address, and into which teams.
func (o *Org) Invitations() map[string]Person {
	o.Lock()
	defer o.Unlock()
	o.settle()
	out := map[string]Person{}
	for _, i := range o.invitations {
		if i.failed.IsZero() {
			p := Person{ID: i.user}
			for id := range i.teams {
				if t := o.teams[id]; t != nil {
					p.Teams = append(p.Teams, t.name)
				}
			}
			slices.Sort(p.Teams)
			out[o.who(i)] = p
		}
	}
	return out
}

func (o *Org) who(i *invitation) string {
	if u := o.users[i.user]; u != nil {
		return u.login
	}
	return i.email
}

// Teams returns the names of all teams, in order.
func (o *Org) Teams() (names []string) {
	o.Lock()
	defer o.Unlock()
	for _, t := range o.teams {
		names = append(names, t.name)
	}
	slices.Sort(names)
	return names
}

// TeamRole is what somebody is in a team, "" for nothing.
func (o *Org) TeamRole(name, login string) string {
	o.Lock()
	defer o.Unlock()
	if t, u := o.named(name), o.byLogin(login); t != nil && u != nil {
		return t.members[u.id]
	}
	return ""
}

func (o *Org) named(name string) *team {
	for _, t := range o.teams {
		if t.name == name {
			return t
		}
	}
	return nil
}

func (o *Org) byLogin(login string) *user {
	for _, u := range o.users {
		if strings.EqualFold(u.login, login) {
			return u
		}
	}
	return nil
}

// goodFor is how long an invitation can be accepted.
const goodFor = 7 * 24 * time.Hour

// settle lets invitations fail whose time is over.
func (o *Org) settle() {
	for _, i := range o.invitations {
		if end := i.created.Add(goodFor); i.failed.IsZero() && !o.now().Before(end) {
			i.failed = end
		}
	}
}

// pending is an invitation that can be accepted.
func (o *Org) pending(which func(*invitation) bool) *invitation {
	for _, i := range o.invitations {
		if i.failed.IsZero() && which(i) {
			return i
		}
	}
	return nil
}

// remove takes somebody out of the organization and of all teams.
func (o *Org) remove(by fake.Cause, u *user) {
	delete(o.members, u.id)
	for _, t := range o.teams {
		delete(t.members, u.id)
	}
	o.note(by, Removed, u.login, "")
}
