// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/token"
)

// kindToken asks for a token to be stored, or for what has changed of it.
const kindToken = "token"

// Token is a token as commands tell of it.
type Token struct {
	ID      string     `json:"id"`
	Source  string     `json:"source"`
	Owner   string     `json:"owner"`
	Client  string     `json:"client,omitempty"` // of an access token, the OAuth client
	Key     string     `json:"key,omitempty"`    // of an access token, the thumbprint of the client's key
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Used    *time.Time `json:"used,omitempty"` // last, to the minute
	Holds   bool       `json:"holds"`
}

// CanPush refuses a source that nobody can push to.
func (b *Built) CanPush(source string) error {
	var names []string
	for _, s := range b.Pushed {
		if s.Name == source {
			return nil
		}
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return fmt.Errorf("%s has no source of type scim: there is nobody to make a token for", b.Config.File)
	}
	return fmt.Errorf("there is no source %q of type scim in %s; there is %s", source, b.Config.File, strings.Join(names, ", "))
}

// Tokens lists the tokens that people have made, the newest first; AccessTokens those
// that OAuth clients have been issued.
func (u *Usher) Tokens(ctx context.Context) ([]Token, error) { return u.tokens(ctx, false) }

// AccessTokens is told of at Tokens.
func (u *Usher) AccessTokens(ctx context.Context) ([]Token, error) { return u.tokens(ctx, true) }

func (u *Usher) tokens(ctx context.Context, access bool) ([]Token, error) {
	all, err := u.db.Tokens().Tokens(ctx)
	out := []Token{}
	for _, t := range all {
		if (t.Client != "") == access {
			out = append(out, Token{
				ID: t.ID, Source: t.Source, Owner: t.Owner, Client: t.Client, Key: t.Key, Created: t.Created, Expires: when(t.Expires),
				Revoked: when(t.Revoked), Used: when(t.Used), Holds: t.Check(time.Now()) == nil && (!access || u.hasClient(t)),
			})
		}
	}
	return out, err
}

// FindToken finds one by its id.
func (u *Usher) FindToken(ctx context.Context, id string) (token.Token, error) {
	t, ok, err := u.db.Tokens().TokenByID(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("there is no token %q; usher token list has them", id)
	}
	return t, err
}

// PutToken stores a token, or what has changed of it, and tells the ledger.
func (u *Usher) PutToken(ctx context.Context, t token.Token, actor string) error {
	if err := u.CanPush(t.Source); err != nil {
		return err
	}
	_, kept, err := u.db.Tokens().TokenByID(ctx, t.ID)
	if err != nil {
		return err
	}
	kind, why := "token.created", "a token for source "+t.Source+", of "+t.Owner
	switch {
	case !t.Revoked.IsZero():
		kind, why = "token.revoked", "the token of "+t.Owner+" for source "+t.Source
	case kept:
		kind, why = "token.ends", "the token of "+t.Owner+" for source "+t.Source+" ends at "+t.Expires.UTC().Format(time.RFC3339)
	}
	err = u.db.Tokens().PutToken(ctx, t, audit.Event{Kind: kind, Actor: actor, Object: t.ID, Why: why})
	return errors.Join(err, u.sequence(ctx))
}

// AskToken has the daemon do what PutToken does, and waits for it. No secret goes
// through the store.
func (u *Usher) AskToken(ctx context.Context, t token.Token, actor string) error {
	args, err := json.Marshal(t)
	if err != nil {
		return err
	}
	id, err := request.Leave(ctx, u.db.Requests(), request.Request{Kind: kindToken, Args: args, Actor: actor})
	if err != nil {
		return err
	}
	_, _, err = u.Answer(ctx, id)
	return err
}
