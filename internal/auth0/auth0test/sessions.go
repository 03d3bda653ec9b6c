// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// session is a session, or a refresh token, of a user.
type session struct {
	id, user string
	created  time.Time
	ended    time.Time // zero: open
}

// open are the sessions that a list shows: one that was ended is shown for a while.
func (t *Tenant) open(all []*session) []*session {
	now := t.now()
	return slices.DeleteFunc(slices.Clone(all), func(s *session) bool { return !s.ended.IsZero() && !now.Before(s.ended) })
}

// end ends sessions, and reports whether there were any.
func (t *Tenant) end(all []*session) (some bool) {
	for _, s := range all {
		if s.ended.IsZero() {
			s.ended, some = t.now().Add(t.cfg.SessionLag), true
		}
	}
	return some
}

func (s *session) json() jsontext.Value {
	var o object
	o.text("id", s.id)
	o.text("user_id", s.user)
	o.time("created_at", s.created)
	return o.end()
}

// SignIn is a user that signs in: there is a session and a refresh token more, and
// last_login, last_ip and logins_count change, which is told. Who is blocked gets an
// error.
func (t *Tenant) SignIn(id string) error {
	t.Lock()
	defer t.Unlock()
	u := t.find(id)
	switch {
	case u == nil:
		return fmt.Errorf("there is no user %q", id)
	case u.Blocked:
		return fmt.Errorf("user %q is blocked", id)
	case t.users.locked[id]:
		return fmt.Errorf("user %q is blocked after too many attempts", id)
	}
	by, now := administrator(), t.now()
	t.sessions[id] = append(t.sessions[id], &session{id: t.ids.Next("ses_", 22), user: id, created: now})
	t.refreshes[id] = append(t.refreshes[id], &session{id: t.ids.Next("rt_", 22), user: id, created: now})
	in := u.clone()
	in.LastLogin, in.LastIP, in.LoginsCount, in.UpdatedAt = now, "198.51.100.7", u.LoginsCount+1, now
	t.put(u, in)
	t.note(by, SignedIn, "user", id, "")
	t.tell(by, "user.updated", in)
	return nil
}

// BruteForce blocks a user after too many attempts to sign in, or lifts that. Nothing
// tells of it.
func (t *Tenant) BruteForce(id string, blocked bool) {
	t.Lock()
	defer t.Unlock()
	t.users.locked[id] = blocked
}

// Sessions and RefreshTokens count what a user has.
func (t *Tenant) Sessions(id string) int {
	t.Lock()
	defer t.Unlock()
	return len(t.open(t.sessions[id]))
}

// RefreshTokens counts the refresh tokens of a user.
func (t *Tenant) RefreshTokens(id string) int {
	t.Lock()
	defer t.Unlock()
	return len(t.open(t.refreshes[id]))
}

// getBlocks is GET /user-blocks/:id: the block after too many attempts, and not the one
// by an administrator.
func getBlocks(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	list := "[]"
	if c.users.locked[u.ID] {
		var one object
		one.text("identifier", u.Email)
		one.text("connection", u.connection())
		list = "[" + string(one.end()) + "]"
	}
	var o object
	o.raw("blocked_for", jsontext.Value(list))
	return ok(o.end())
}

// liftBlocks is DELETE /user-blocks/:id.
func liftBlocks(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	delete(c.users.locked, u.ID)
	return status(http.StatusNoContent)
}

func (c *call) listOf(name string, all []*session) (answer, error) {
	if _, err := c.user(); err != nil {
		return answer{}, err
	}
	all = c.open(all)
	rows := make([]row, len(all))
	for i, s := range all {
		rows[i] = row{s.id, s.json}
	}
	return c.list(name, rows)
}

func listSessions(c *call) (answer, error) { return c.listOf("sessions", c.sessions[c.args["id"]]) }

func listRefreshTokens(c *call) (answer, error) { return c.listOf("tokens", c.refreshes[c.args["id"]]) }

// endSessions is DELETE /users/:id/sessions. It is accepted, and done after SessionLag.
func endSessions(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	if c.end(c.sessions[u.ID]) {
		c.note(c.by, SessionsEnded, "user", u.ID, "")
	}
	return status(http.StatusAccepted)
}

func revokeRefreshTokens(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	if c.end(c.refreshes[u.ID]) {
		c.note(c.by, TokensRevoked, "user", u.ID, "")
	}
	return status(http.StatusAccepted)
}

// Ticket is an address at which a user may choose a password.
type Ticket struct {
	At, Until time.Time
	URL       string
	UserID    string
	ResultURL string
}

const defaultTicketLife = 5 * 24 * time.Hour

// passwordTicket is POST /tickets/password-change.
func passwordTicket(c *call) (answer, error) {
	var want struct {
		UserID       string `json:"user_id"`
		Email        string `json:"email"`
		ConnectionID string `json:"connection_id"`
		ResultURL    string `json:"result_url"`
		TTL          int    `json:"ttl_sec"`
		Verified     bool   `json:"mark_email_as_verified"`
		InRedirect   bool   `json:"includeEmailInRedirect"`
		ClientID     string `json:"client_id"`
		Organization string `json:"organization_id"`
	}
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if want.ClientID != "" && want.ResultURL != "" || want.UserID == "" && (want.Email == "" || want.ConnectionID == "") {
		return answer{}, badBody("user_id, or email and connection_id, and one of client_id and result_url")
	}
	u := c.find(want.UserID)
	if want.UserID == "" {
		if con := c.connectionByID(want.ConnectionID); con != nil {
			u = c.find(c.users.taken["email\x00"+con.Name+"\x00"+want.Email])
		}
	}
	if u == nil {
		return answer{}, refuse(http.StatusNotFound, "inexistent_user", "The user does not exist.")
	}
	if con := c.connection(u.connection()); con == nil || !con.database() {
		return answer{}, refuse(http.StatusBadRequest, "operation_not_supported", "The user does not belong to a database connection.")
	}
	life := time.Duration(want.TTL) * time.Second
	if life <= 0 {
		life = defaultTicketLife
	}
	address := c.base(c.r) + "/lo/reset?ticket=" + url.QueryEscape(c.ids.Secret("ticket")) + "#"
	c.tickets = append(c.tickets, Ticket{c.now, c.now.Add(life), address, u.ID, want.ResultURL})
	c.note(c.by, Created, "ticket", u.ID, "")
	var o object
	o.text("ticket", address)
	return created(o.end())
}

// Tickets returns the tickets that were made, in order.
func (t *Tenant) Tickets() []Ticket {
	t.Lock()
	defer t.Unlock()
	return slices.Clone(t.tickets)
}

// Mails returns the mails that were sent, in order.
func (t *Tenant) Mails() []Mail {
	t.Lock()
	defer t.Unlock()
	return slices.Clone(t.mails)
}

// changePassword is POST /dbconnections/change_password. It says the same whether there
// is such a user or not.
func changePassword(c *call) (answer, error) {
	var want struct {
		ClientID     string `json:"client_id"`
		Email        string `json:"email"`
		Connection   string `json:"connection"`
		Organization string `json:"organization"`
	}
	if err := json.Unmarshal(c.body, &want); err != nil || want.ClientID == "" || want.Email == "" || want.Connection == "" {
		return answer{}, oauthRefusal(http.StatusBadRequest, "invalid_request", "client_id, email and connection are required")
	}
	con := c.connection(want.Connection)
	if con == nil || !con.database() || c.clients[want.ClientID] == nil {
		return answer{}, oauthRefusal(http.StatusBadRequest, "invalid_request", "the connection or the client does not exist")
	}
	c.by.clientID = want.ClientID
	if u := c.find(c.users.taken["email\x00"+con.Name+"\x00"+strings.ToLower(want.Email)]); u != nil {
		c.mail(c.by, Mail{To: u.Email, Kind: MailChangePassword, UserID: u.ID, Connection: con.Name})
	}
	return answer{stream: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("We've just sent you an email to reset your password.")) // nobody is there to be told
	}}, nil
}
