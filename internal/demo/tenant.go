// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

const (
	clientID         = "usher" // who Usher is at the tenant; its secret is token
	socialConnection = "google-oauth2"
)

// How the tenant is slow: a search does not know of a write for a while, and sessions
// live on behind the answer that accepts to end them.
const (
	searchLag  = time.Second
	sessionLag = 200 * time.Millisecond
)

// scopes are what Usher may do at the tenant: exactly what it needs here.
var scopes = strings.Fields(`read:users create:users update:users read:connections read:roles create:roles update:roles
	read:sessions delete:sessions read:refresh_tokens delete:refresh_tokens read:events`)

// tenant is Auth0.
type tenant struct {
	*auth0test.Tenant

	numbers map[string]string // personnel numbers by user id, of users that are there or were
	ahead   atomic.Int64      // by how much its clock is
}

// later lets so much time go by at the tenant that its searches know everything.
func (t *tenant) later() { t.ahead.Add(int64(searchLag)) }

func (t *tenant) start(ctx context.Context) (url string, stop func(), err error) {
	t.numbers = map[string]string{}
	t.Tenant, err = auth0test.New(auth0test.Config{
		Now:      func() time.Time { return time.Now().Add(time.Duration(t.ahead.Load())) },
		ClientID: clientID, Secret: token, Scopes: scopes, SearchLag: searchLag, SessionLag: sessionLag,
		Connections: []auth0test.Connection{{Name: auth0test.DefaultConnection, Strategy: "auth0"}, {Name: socialConnection, Strategy: "google-oauth2"}},
		Faults: auth0test.Rules(auth0test.Rule{
			Method: http.MethodPost, Path: "/users", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost},
		}),
	})
	if err != nil {
		return "", nil, err
	}
	return t.Listen(ctx)
}

func (t *tenant) setDown(down bool) { t.SetDown(down) }

// holds reads the users of the database, and their roles. One that was linked to a user
// of another connection is a part of that, under its own former id.
func (t *tenant) holds() (h holdings, odd []string) {
	h = newHoldings()
	say := func(format string, args ...any) { odd = append(odd, fmt.Sprintf(format, args...)) }
	for _, u := range t.Users() {
		linked := slices.IndexFunc(u.Identities, func(i auth0test.Identity) bool { return i.Connection == auth0test.DefaultConnection })
		if linked < 0 {
			continue // nobody's work account
		}
		who := plain(u.AppMetadata, "employee_number")
		one := account{
			UserName: u.Email, Mail: u.Email, Given: u.GivenName, Family: u.FamilyName, Display: u.Name, Title: plain(u.AppMetadata, "title"),
			Department: plain(u.AppMetadata, "department"), Mobile: plain(u.UserMetadata, "mobile_phone"), Active: !u.Blocked,
		}
		if linked > 0 {
			i := u.Identities[linked]
			who, one = t.numbers[i.Provider+"|"+i.UserID], account{Linked: true, Active: !u.Blocked}
		} else {
			t.numbers[u.ID] = who
		}
		if _, twice := h.accounts[who]; twice {
			say("%s has two users", who)
		}
		h.accounts[who] = one
		if n := t.Sessions(u.ID) + t.RefreshTokens(u.ID); u.Blocked && n > 0 {
			say("%s (%s) is blocked and has %d sessions and refresh tokens", who, u.Email, n)
		}
		for _, role := range t.RolesOf(u.ID) {
			h.groups[role] = append(h.groups[role], who)
		}
	}
	for _, members := range h.groups {
		slices.Sort(members)
	}
	return h, odd
}

func (t *tenant) tally() tally {
	counts := t.Counts()
	n := tally{writes: counts.Writes(), requests: counts.Total(), again: t.deeds().lost}
	n.stirred = n.writes // it is read in each cycle, as it is a source
	for _, e := range t.Ledger() {
		if e.Kind == "role" && e.Op == auth0test.Created {
			n.groups++
		}
	}
	return n
}

func (t *tenant) deeds() (d deeds) {
	for _, e := range t.Ledger() {
		if e.Outside {
			continue
		}
		if e.Lost {
			d.lost++
		}
		switch {
		case e.Op == auth0test.Deleted && e.Kind != "user":
			d.odd = append(d.odd, fmt.Sprintf("%s %s was deleted", e.Kind, e.ID))
		case e.Kind != "user":
		case e.Op == auth0test.Created:
			d.made++
		case e.Op == auth0test.Blocked:
			d.out++
		case e.Op == auth0test.Unblocked:
			d.back++
		case e.Op == auth0test.Deleted:
			d.gone++
		}
	}
	return d
}

// user is the id of somebody's user.
func (t *tenant) user(w *Worker) (string, error) {
	u, ok := t.UserByEmail(w.Mail)
	if !ok {
		return "", fmt.Errorf("the tenant has no user %s", w.Mail)
	}
	return u.ID, nil
}

// signIn has somebody sign in, who has a session and a refresh token from then on.
func (t *tenant) signIn(w *Worker) error {
	id, err := t.user(w)
	if err != nil {
		return err
	}
	return t.SignIn(id)
}

// write has somebody write into their own profile.
func (t *tenant) write(w *Worker, key, value string) error {
	id, err := t.user(w)
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]string{key: value})
	if err != nil {
		return err
	}
	return t.Alter(id, func(u *auth0test.User) { u.UserMetadata = data })
}

// join links somebody's user to one of their own at a social provider, which so takes
// it in: under its id there is nobody any more.
func (t *tenant) join(w *Worker) error {
	id, err := t.user(w)
	if err != nil {
		return err
	}
	local, _, _ := strings.Cut(w.Mail, "@")
	primary, err := t.Put(auth0test.User{
		Email: local + "@mail.example", EmailVerified: true, Name: w.FullName(),
		Identities: []auth0test.Identity{{Connection: socialConnection, Provider: "google-oauth2", UserID: "1" + w.Number, Social: true}},
	})
	if err != nil {
		return err
	}
	return t.Link(primary, id)
}

// plain is a text in metadata.
func plain(metadata jsontext.Value, key string) string {
	var all map[string]jsontext.Value
	var s string
	if json.Unmarshal(metadata, &all) != nil || json.Unmarshal(all[key], &s) != nil {
		return ""
	}
	return s
}
