// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// API is the path under which the Management API answers.
const API = "/api/v2"

// DefaultConnection is the name of the database connection that a tenant has if its
// configuration names none.
const DefaultConnection = "Username-Password-Authentication"

// Config is what a Tenant is made of. ClientID, and one of Secret and PublicKeys, are
// required.
type Config struct {
	Name   string // of the tenant; default "acme"
	Domain string // behind it; default "eu.auth0.com"
	// URL is what tokens are asked for: the audience is URL + "/api/v2/", that of an
	// assertion URL + "/". Default: scheme and host of the request.
	URL string

	ClientID   string
	ClientName string // default ClientID
	Secret     string
	PublicKeys [][]byte // PEM, for private_key_jwt
	Scopes     []string // nil: all that this fake knows

	Connections []Connection // default: one database

	Now       func() time.Time // default time.Now
	TokenLife time.Duration    // default 24 h
	Latency   time.Duration    // before each answer

	// RatePerSecond and Burst limit the Management API as a whole; 0 is no limit.
	RatePerSecond float64
	Burst         int

	// MostPerPage is how much per_page may be; default 50, as the API's overview says
	// of the public cloud, though its reference says 100.
	MostPerPage int
	// SearchLag is how long a search, and a list of an organization's members, do not
	// know of a write.
	SearchLag time.Duration
	// SessionLag is how long sessions and refresh tokens live on behind the 202 that
	// accepts to end them.
	SessionLag time.Duration
	// SecretLag is how long a new client secret is not taken yet, while the one before
	// it is; 30 s at most. Auth0 says "up to thirty seconds".
	SecretLag   time.Duration
	ExportDelay time.Duration // until an export job is completed
	// ExportNested says that a dotted field is exported as the object that holds it,
	// and not under its dotted name. Which one Auth0 does is not documented for JSON.
	ExportNested bool
	// EmailTaken is the status of a change of email or username to one that another
	// user has. Default 400 with auth0_idp_error, as the reference knows no 409 of
	// PATCH; not verified on a live tenant.
	EmailTaken int

	Events  EventsConfig
	Retries []time.Duration // between attempts to deliver to a webhook; default 1, 2, 4 s

	Faults *Schedule // nil: none
}

// Connection is where users come from.
type Connection struct {
	ID       string // con_…; default made up
	Name     string
	Strategy string // "auth0" is a database, "email" and "sms" are passwordless
	// RequiresUsername says that users of a database have a username too.
	RequiresUsername bool
	MostUsername     int // characters of a username; default 15, as Auth0's
	// NoSignUps says that nobody makes a user of a database for themselves.
	NoSignUps      bool
	PasswordPolicy string   // none, low, fair, good or excellent; "" is not told
	LeastPassword  int      // characters; 0 is not told
	Clients        []string // ids of those for which the connection is enabled; nil: all
	// KeepsProfile says that the profile is not synced at each login, and may so be
	// changed although somebody else is the identity provider.
	KeepsProfile bool
}

func (c *Connection) database() bool     { return c.Strategy == "auth0" }
func (c *Connection) passwordless() bool { return c.Strategy == "email" || c.Strategy == "sms" }

// social lists the strategies that are social; all others are enterprise connections.
func (c *Connection) social() bool {
	return slices.Contains([]string{"google-oauth2", "github", "facebook", "apple", "linkedin", "windowslive", "twitter"}, c.Strategy)
}

// Tenant is a fake tenant: an http.Handler. It is safe for concurrent use.
type Tenant struct {
	fake.Frame[Effect]

	cfg    Config
	routes []*route

	ids         fake.IDs
	asked       map[*route]bool // with a token whose scopes did
	clients     map[string]*client
	tokens      map[string]*token
	assertions  fake.Assertions
	rate        bucket
	connections []*Connection
	users       users
	sessions    map[string][]*session // by user
	refreshes   map[string][]*session // refresh tokens by user
	mails       []Mail
	tickets     []Ticket
	jobs        map[string]*job
	roles       map[string]*role
	orgs        map[string]*organization
	groups      map[string]*group
	log         eventLog
	sender      sender
}

// New returns a tenant without users.
func New(c Config) (*Tenant, error) {
	if c.ClientID == "" {
		return nil, errors.New("a tenant needs the id of a client")
	}
	c.defaults()
	t := &Tenant{
		cfg: c, asked: map[*route]bool{}, clients: map[string]*client{}, tokens: map[string]*token{}, assertions: fake.Assertions{Most: longestAssertion},
		users: newUsers(), sessions: map[string][]*session{}, refreshes: map[string][]*session{}, jobs: map[string]*job{},
		roles: map[string]*role{}, orgs: map[string]*organization{}, groups: map[string]*group{},
	}
	t.Init(http.HandlerFunc(t.answer), c.Faults)
	t.log.changed = make(chan struct{})
	t.sender = newSender(c.Retries)
	t.rate = bucket{perSecond: c.RatePerSecond, burst: c.Burst}
	if err := t.AddClient(Client{ID: c.ClientID, Name: c.ClientName, Secret: c.Secret, PublicKeys: c.PublicKeys, Scopes: c.Scopes}); err != nil {
		return nil, err
	}
	for _, con := range c.Connections {
		if con.Name == "" || con.Strategy == "" {
			return nil, errors.New("a connection needs a name and a strategy")
		}
		if t.connection(con.Name) != nil {
			return nil, fmt.Errorf("two connections are named %q", con.Name)
		}
		if con.ID == "" {
			con.ID = t.ids.Next("con_", 16)
		}
		if con.MostUsername == 0 {
			con.MostUsername = mostUsername
		}
		t.connections = append(t.connections, &con)
	}
	t.routes = routes()
	return t, nil
}

func (c *Config) defaults() {
	if c.Name == "" {
		c.Name = "acme"
	}
	if c.Domain == "" {
		c.Domain = "eu.auth0.com"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TokenLife == 0 {
		c.TokenLife = 24 * time.Hour
	}
	if c.MostPerPage == 0 {
		c.MostPerPage = 50
	}
	if c.EmailTaken == 0 {
		c.EmailTaken = http.StatusBadRequest
	}
	if c.Retries == nil {
		c.Retries = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	}
	if len(c.Connections) == 0 {
		c.Connections = []Connection{{Name: DefaultConnection, Strategy: "auth0"}}
	}
	c.Events.defaults()
}

// now is the tenant's time, in the milliseconds that Auth0 shows.
func (t *Tenant) now() time.Time { return t.cfg.Now().UTC().Truncate(time.Millisecond) }

// base is the tenant's address as the client of a request knows it.
func (t *Tenant) base(r *http.Request) string {
	if t.cfg.URL != "" {
		return strings.TrimSuffix(t.cfg.URL, "/")
	}
	return fake.Base(r)
}

// connection finds a connection by its name, or nil.
func (t *Tenant) connection(name string) *Connection {
	for _, c := range t.connections {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (t *Tenant) connectionByID(id string) *Connection {
	for _, c := range t.connections {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Connections returns the tenant's connections, with their ids.
func (t *Tenant) Connections() []Connection {
	t.Lock()
	defer t.Unlock()
	out := make([]Connection, len(t.connections))
	for i, c := range t.connections {
		out[i] = *c
	}
	return out
}
