// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"iter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// User is a user as the Management API tells it, or as an event does.
type User struct {
	ID            string // user_id: provider|id
	Email         string
	EmailVerified bool
	Username      string
	PhoneNumber   string
	Name          string
	GivenName     string
	FamilyName    string
	Nickname      string
	Picture       string
	Blocked       bool // by an administrator, not by too many attempts
	Identities    []Identity
	AppMetadata   map[string]jsontext.Value
	UserMetadata  map[string]jsontext.Value
	CreatedAt     time.Time
	UpdatedAt     time.Time
	Raw           jsontext.Value // the whole document
}

// Identity is one account behind a user; the first is the user's own, the others
// were linked to it.
type Identity struct {
	Connection string
	Provider   string
	UserID     string // an integer comes as its digits
	Social     bool
}

// ID is the user_id that the identity has, or had before it was linked.
func (i Identity) ID() string { return i.Provider + "|" + i.UserID }

// ParseUser reads a user, strictly as JSON and leniently as to what is not known.
func ParseUser(text []byte) (User, error) { return User{}, errNotYet }

// User reads one user. It is consistent at once.
func (c *Client) User(ctx context.Context, id string) (User, error) { return User{}, errNotYet }

// UsersByEmail finds users by their address, in the case in which it is stored. It is
// consistent at once.
func (c *Client) UsersByEmail(ctx context.Context, email string) ([]User, error) {
	return nil, errNotYet
}

// MostListed is how many users a list or a search tells at most.
const MostListed = 1_000

// ErrTooMany says that a list has more users than it tells.
var ErrTooMany = errNotYet

// Search lists users by a query in Lucene's syntax, "" for all. It lags behind what
// is written, and ends with ErrTooMany before the first user if there are more than
// MostListed. connection narrows it by name, "" is all.
func (c *Client) Search(ctx context.Context, query, connection string) iter.Seq2[User, error] {
	return nil
}

// CountUsers returns how many users a search would tell of, without reading them.
func (c *Client) CountUsers(ctx context.Context, query, connection string) (int, error) {
	return 0, errNotYet
}

// Export reads everybody by an export job: it asks for one, waits for it within ctx,
// and reads its lines as they come. It is complete if and only if the sequence ends
// without an error. connection is a connection's id, "" is all. fields are the names
// of top-level fields, dotted below app_metadata and user_metadata; user_id,
// identities, blocked and updated_at are always there.
func (c *Client) Export(ctx context.Context, connection string, fields []string) iter.Seq2[User, error] {
	return nil
}

// UserChange is what a user is made of, or changed in. What is not set is left out,
// and left alone; in AppMetadata and UserMetadata, which merge by their top level, a
// null takes a value away.
type UserChange struct {
	// For CreateUser alone. UserID is the part of user_id behind "auth0|".
	Connection, UserID, Password string

	Email, Username, PhoneNumber, Name, GivenName, FamilyName, Nickname, Picture *string // "" takes the value away where Auth0 has a null for it

	EmailVerified, VerifyEmail, Blocked *bool
	AppMetadata, UserMetadata           map[string]jsontext.Value
}

// CreateUser makes a user of a database connection.
func (c *Client) CreateUser(ctx context.Context, u UserChange) (User, error) {
	return User{}, errNotYet
}

// UpdateUser changes a user.
func (c *Client) UpdateUser(ctx context.Context, id string, u UserChange) (User, error) {
	return User{}, errNotYet
}

// DeleteUser deletes a user. One that is not there is no error.
func (c *Client) DeleteUser(ctx context.Context, id string) error { return errNotYet }

// EndSessions ends all sessions of a user, and RevokeRefreshTokens all refresh tokens.
// Neither minds that there is none.
func (c *Client) EndSessions(ctx context.Context, id string) error         { return errNotYet }
func (c *Client) RevokeRefreshTokens(ctx context.Context, id string) error { return errNotYet }

// Sessions and RefreshTokens count what a user has, up to one page.
func (c *Client) Sessions(ctx context.Context, id string) (int, error)      { return 0, errNotYet }
func (c *Client) RefreshTokens(ctx context.Context, id string) (int, error) { return 0, errNotYet }

// PasswordTicket makes an address at which somebody may choose the user's password.
// Whoever has it can: it is as secret as a password.
func (c *Client) PasswordTicket(ctx context.Context, id, resultURL string, valid time.Duration) (string, error) {
	return "", errNotYet
}

// PasswordEmail has Auth0 send a mail by which the user chooses a password.
func (c *Client) PasswordEmail(ctx context.Context, email, connection string) error {
	return errNotYet
}
