// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"time"
	_ "time/tzdata" // a time zone must load on machines that carry no zone files
)

// Config is one configuration, validated and with its defaults.
type Config struct {
	File      string    `json:"-"`
	Store     Text      `json:"store"` // a path, or a postgres:// URL, which may hold a password: print StoreRedacted
	Calendar  Calendar  `json:"calendar"`
	Sources   []Source  `json:"sources"`
	Teams     []Team    `json:"teams"`
	Apps      []App     `json:"apps"`
	Guard     Guard     `json:"guard"`
	Server    Server    `json:"server"`
	Telemetry Telemetry `json:"telemetry"`
	Secrets   Secrets   `json:"secrets,omitzero"`
	// Digest is SHA-256 over what the configuration means: values after
	// expansion and defaults, without positions, file name, comments and the
	// values of secrets (the names of sealed secrets count).
	Digest [32]byte `json:"-"`
}

// Calendar says what day it is and how days are counted.
type Calendar struct {
	Now         Text `json:"now"`       // empty = the real clock; read it with Clock
	TimeZone    Text `json:"time_zone"` // IANA name, default UTC
	PrehireDays int  `json:"prehire_days"`
}

// Source is where people come from.
type Source struct {
	Name string   `json:"name"`
	Pos  Position `json:"-"`
	Type Text     `json:"type"` // SourceCSV, SourceSCIM, SourceAuth0 or SourceHTTP
	// Maker is whose HR system a source of type http is; "" if the configuration says all of it.
	Maker string `json:"maker,omitzero"`
	Path  Text   `json:"path"`           // relative to the working directory of the process, or to where SFTP begins
	SFTP  *SFTP  `json:"sftp,omitempty"` // the server on which Path lies; nil is this machine
	// Done is what is added to a file's name for that of the file which holds its SHA-256
	// once it is whole; empty = there is none.
	Done      Text        `json:"done,omitzero"`
	Mode      string      `json:"mode"` // ModeSnapshot or ModeDelta
	Key       Text        `json:"key"`
	Columns   []Text      `json:"columns"`
	Optional  []Text      `json:"optional"`  // columns that may be missing
	Encoding  Text        `json:"encoding"`  // empty = the source decides
	Delimiter Text        `json:"delimiter"` // empty = the source decides; else one character
	Settle    Duration    `json:"settle"`    // how long a file must lie still before it is read
	Person    []Attribute `json:"person"`
	// Match lists the attribute paths that correlate a row with a person of an
	// earlier source; empty = this source has its own people.
	Match     []Text `json:"match"`
	Unmatched string `json:"unmatched"` // UnmatchedWait or UnmatchedFound; "" without Match
	Authority []Text `json:"authority"` // attribute paths that this source has before all others
	Deleted   Text   `json:"deleted"`   // bool expression, in ModeDelta: this row says that the record is gone

	// Of SourceSCIM, an identity provider that pushes to our endpoint:
	Strictness Text    `json:"strictness"` // how closely its requests are held to the RFCs
	RateLimit  float64 `json:"rate_limit"` // requests a second, 0 for no limit
	// Experimental lists the resource types of Internet-Drafts that it may use.
	Experimental []Text `json:"experimental,omitempty"`
	// OAuthClients may get access tokens for this source by what they have signed.
	OAuthClients []OAuthClient `json:"oauth_clients,omitempty"`
	Events       *Events       `json:"events,omitempty"`

	// Of SourceAuth0, a tenant of Auth0:
	Tenant      *Tenant  `json:"tenant,omitempty"`
	Connections []Text   `json:"connections,omitempty"` // names; empty = all
	Changes     string   `json:"changes"`               // how they are told: ChangesStream, ChangesWebhook, ChangesNone
	Webhook     *Webhook `json:"webhook,omitempty"`     // set exactly with ChangesWebhook
	Teams       []Text   `json:"teams,omitempty"`       // what of the tenant is a team: roles, organizations, groups
	Unblocked   string   `json:"unblocked"`             // UnblockedStays or UnblockedReturns
	Deletions   Duration `json:"deletions"`             // how long somebody must be gone before that is believed

	// Conversion is of SourceCSV and SourceHTTP; nil: every record is somebody.
	Conversion *Conversion `json:"conversion,omitempty"`

	HTTP *HTTPList `json:"http,omitempty"` // set exactly with SourceHTTP
	// Expires is the day on which the credential of HTTP runs out, as 2006-01-02; empty = not known.
	Expires Text `json:"expires,omitzero"`
}

// The values of Source.Experimental.
const (
	ExperimentalAgents       = "agents"
	ExperimentalRoles        = "roles"
	ExperimentalEntitlements = "entitlements"
)

// The values of Source.Type.
const (
	SourceCSV   = "csv"
	SourceSCIM  = "scim"
	SourceAuth0 = "auth0"
	SourceHTTP  = "http"
)

// DefaultRateLimit is how many requests a second a provider may push.
const DefaultRateLimit = 100

// The values of Source.Mode.
const (
	ModeSnapshot = "snapshot" // each read holds everybody
	ModeDelta    = "delta"    // each file holds what changed
)

// The values of Source.Unmatched.
const (
	UnmatchedWait  = "wait"  // a row that matches nobody waits for them
	UnmatchedFound = "found" // it is somebody new
)

// The values of Attribute.Unique.
const (
	UniqueOrganisation = "organisation" // one holder in the organisation, for ever
	UniqueApp          = "app"          // one holder in the app, for ever
)

// The values of Source.Changes.
const (
	ChangesStream  = "stream"  // the source's own stream of events is followed
	ChangesWebhook = "webhook" // the source calls us
	ChangesNone    = "none"    // everybody is read now and then
)

// The values of Source.Unblocked.
const (
	UnblockedStays   = "stays"   // whoever left when they were blocked stays out
	UnblockedReturns = "returns" // they are back
)

// DefaultDeletions is how long somebody is looked for who is gone.
const DefaultDeletions = Duration(30 * time.Second)

// Attribute is one line of a mapping: attribute path → expression.
type Attribute struct {
	Path   Text   `json:"path"`
	Value  Text   `json:"value"`  // expression
	Unique string `json:"unique"` // "", UniqueOrganisation (sources), UniqueApp (apps)
	// Max is how many characters of a unique name may stand before its @, or in
	// all; 0: as many as mail allows. For apps only.
	Max int      `json:"max,omitempty"`
	Pos Position `json:"-"`
}

// Team is a rule for one team (When) or for one team per value (Each); exactly
// one of the two is set.
type Team struct {
	Name        string   `json:"name"`
	Pos         Position `json:"-"`
	Each        Text     `json:"each"` // expression: one team for each value
	When        Text     `json:"when"` // bool expression: this one team
	DisplayName Text     `json:"display_name"`
}

// The values of App.FirstRun.
const (
	FirstRunReport = "report" // write nothing before somebody agrees
	FirstRunGo     = "go"     // agreed beforehand
)

// App is a downstream system with accounts.
type App struct {
	Name              string      `json:"name"`
	Pos               Position    `json:"-"`
	Type              Text        `json:"type"`    // scim, auth0, okta, google, entra, github or http
	Profile           Text        `json:"profile"` // generic-scim2, or the path of a file; of type scim. All but auth0 have Allow and Timeout, all but auth0 and http a URL, scim and okta a Token
	URL               Text        `json:"url"`
	Token             Secret      `json:"token"`
	Auth              *HTTPAuth   `json:"auth,omitempty"`   // of types scim (in place of Token) and http; nil = none
	TLS               *ClientTLS  `json:"tls,omitempty"`    // of type scim; nil = what this machine trusts, and no certificate
	Expires           Text        `json:"expires,omitzero"` // the day on which its credential runs out, as 2006-01-02; empty = not known
	Allow             []Text      `json:"allow"`
	FirstRun          string      `json:"first_run"`
	Adopt             []string    `json:"adopt"` // by what an existing account is found to be a person's
	Concurrency       int         `json:"concurrency"`
	RequestsPerSecond float64     `json:"requests_per_second"` // 0 = no limit
	Timeout           Duration    `json:"timeout"`
	DiscoveryEvery    Duration    `json:"discovery_every"` // how often it is asked what it takes; 0 = never
	Scope             Text        `json:"scope"`           // bool expression; empty = everybody
	User              []Attribute `json:"user"`
	Groups            *Groups     `json:"groups,omitempty"`
	DeleteAfter       *Duration   `json:"delete_after,omitempty"` // nil = never
	Auth0             *Auth0App   `json:"auth0,omitempty"`        // set exactly if the type is auth0
	Okta              *OktaApp    `json:"okta,omitempty"`         // set exactly if the type is okta
	HTTP              *HTTPApp    `json:"http,omitempty"`         // set exactly if the type is http
	Google            *GoogleApp  `json:"google,omitempty"`       // set exactly if the type is google
	Entra             *EntraApp   `json:"entra,omitempty"`        // set exactly if the type is entra
	GitHub            *GitHubApp  `json:"github,omitempty"`       // set exactly if the type is github
}

// Allows reports whether the app's allow list holds what.
func (a App) Allows(what string) bool { return allows(a.Allow, what) }

// Groups says which teams an app gets as groups.
type Groups struct {
	Teams       []Text   `json:"teams"`
	DisplayName Text     `json:"display_name"` // expression; empty = the team's own
	As          Text     `json:"as,omitzero"`  // of type auth0: roles or organizations
	Pos         Position `json:"-"`
}

// Guard holds the limits beyond which removals wait for a person's decision. It
// cannot be switched off, only be given other numbers, with a sentence why.
type Guard struct {
	Unexplained    Limit `json:"unexplained"`     // per cycle
	UnexplainedDay Limit `json:"unexplained_day"` // in 24 hours
	Terminations   Limit `json:"terminations"`    // per cycle
	Memberships    Limit `json:"memberships"`     // per cycle
	Why            Text  `json:"why"`             // set exactly if the file has a guard section
}

// Limit is the larger of Floor and Percent of the whole, but never over Cap.
type Limit struct {
	Floor   int      `json:"floor"`
	Percent float64  `json:"percent"`
	Cap     int      `json:"cap"` // 0 = none
	Pos     Position `json:"-"`   // zero for a default
}

// Allowed is the number of removals that the limit lets through out of total.
func (l Limit) Allowed(total int) int {
	n := max(l.Floor, int(l.Percent*float64(total)/100))
	if l.Cap > 0 {
		n = min(n, l.Cap)
	}
	return n
}

// DefaultGuard returns the limits that hold when the file says nothing.
func DefaultGuard() Guard {
	return Guard{
		Unexplained:    Limit{Floor: 3, Percent: 2, Cap: 250},
		UnexplainedDay: Limit{Floor: 5, Percent: 5, Cap: 1000},
		Terminations:   Limit{Floor: 10, Percent: 5},
		Memberships:    Limit{Floor: 25, Percent: 5},
	}
}

// Clock returns the time that stands for now, and whether the file names one;
// without it the caller's clock is now. A bare date is 00:00 UTC.
func (c Calendar) Clock() (now time.Time, fixed bool, err error) {
	s := strings.TrimSpace(c.Now.Value)
	if s == "" {
		return time.Time{}, false, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true, nil
		}
	}
	return time.Time{}, false, &Error{
		Pos:  c.Now.Pos,
		Msg:  "calendar.now is neither a date nor an RFC 3339 time",
		Hint: "write 2026-03-01 or 2026-03-01T08:30:00Z",
	}
}

// Location loads the calendar's time zone; UTC if the file names none.
func (c Calendar) Location() (*time.Location, error) {
	name := c.TimeZone.Value
	// time.LoadLocation knows "Local", which would make a plan depend on the
	// machine that makes it.
	if name == "Local" {
		name = "local/unknown"
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, &Error{
			Pos:  c.TimeZone.Pos,
			Msg:  "calendar.time_zone is no known time zone",
			Hint: "write an IANA name such as Europe/Berlin or America/New_York",
		}
	}
	return loc, nil
}

// Duration is a span of time, written as 30d, 12h or 2m30s.
type Duration time.Duration
