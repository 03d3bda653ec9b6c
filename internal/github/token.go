// SPDX-License-Identifier: Apache-2.0

package github

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/rest"
)

const tokenOp = http.MethodPost + " /app/installations/{id}/access_tokens"

// The permission that everything here needs.
const (
	permission = "members"
	level      = "write"
)

// Installation is the GitHub App in an organization.
type Installation struct {
	ID           int64
	Organization int64             // its numeric id
	Permissions  map[string]string // what the app was granted: "members": "write"
}

// tokens gets access tokens of the installation: for an hour each, and for members alone.
type tokens struct {
	*rest.Tokens

	client *Client
	appID  string
	asked  func() (Key, error)

	mu        sync.Mutex
	key       []byte // by which signer was made
	signer    *rest.Signer
	installed Installation // as it was when the last token was given
}

func newTokens(c *Client, cfg Config) (*tokens, error) {
	t := &tokens{client: c, appID: cfg.AppID, asked: cfg.Credential}
	if t.asked == nil {
		t.asked = func() (Key, error) { return cfg.Key, nil }
		if _, err := t.sign(cfg.Key); err != nil {
			return nil, fmt.Errorf("github: %w", err)
		}
	}
	t.Tokens = rest.NewTokens(api, tokenOp, t.ask, func() []string { return nil })
	return t, nil
}

// sign is what signs with a key, made anew if it is another one.
func (t *tokens) sign(key []byte) (*rest.Signer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.signer != nil && bytes.Equal(key, t.key) {
		return t.signer, nil
	}
	s, err := rest.NewSigner(key, "", t.appID, "")
	if err != nil {
		return nil, err
	}
	t.key, t.signer = key, s
	return s, nil
}

// assertion is what the app says to be known as itself.
func (t *tokens) assertion() (string, *Error) {
	key, err := t.asked()
	var s *rest.Signer
	if err == nil {
		s, err = t.sign(key)
	}
	if err != nil {
		return "", &Error{Unsent: true, Foreign: true, Err: err}
	}
	assertion, err := s.Issued(time.Now())
	if err != nil {
		return "", &Error{Unsent: true, Err: err}
	}
	return assertion, nil
}

// Installation is the app in the organization, as it was when the last token was given.
func (c *Client) Installation(ctx context.Context) (Installation, error) {
	if _, err := c.tokens.Get(ctx); err != nil {
		return Installation{}, err
	}
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	i := c.tokens.installed
	i.Permissions = maps.Clone(i.Permissions)
	return i, nil
}

// seen asks whether the organization is there by its name, and is the one that the tokens
// are for. It is what makes a 404 below that name one of what was asked for: after an
// organization was renamed all that is below the old name answers 404, and a token goes on
// for an hour. What is wrong with the organization or with us there is 401, so that it is
// not taken for a refusal of one person.
func (c *Client) seen(ctx context.Context) error {
	before, err := c.Installation(ctx)
	if err != nil {
		return err
	}
	assertion, e := c.tokens.assertion()
	if e != nil {
		return e
	}
	now, e := c.tokens.install(ctx, assertion)
	switch {
	case e != nil && e.Status == http.StatusForbidden && !e.Busy:
		e.Status = http.StatusUnauthorized
		return e
	case e != nil:
		return e
	case now.Organization != before.Organization:
		return &Error{Status: http.StatusUnauthorized, Unsent: true, Foreign: true, Err: fmt.Errorf("the name %s is another organization's by now; set organization to what ours is called", c.org)}
	}
	return nil
}

// ask asks where the app is installed, and for a token there. Whoever renews calls it,
// one at a time.
func (t *tokens) ask(ctx context.Context) (rest.Grant, *Error) {
	assertion, e := t.assertion()
	if e != nil {
		return rest.Grant{}, e
	}
	i, e := t.install(ctx, assertion)
	if e != nil {
		return rest.Grant{}, e
	}
	body, _ := json.Marshal(map[string]any{"permissions": map[string]string{permission: level}}) // texts can be written
	r := request{Method: http.MethodPost, Route: "/app/installations/" + strconv.FormatInt(i.ID, 10) + "/access_tokens", Header: bearer(assertion)}
	status, text, e := t.client.rest.Exchange(ctx, &r, body, rest.Redact{assertion})
	switch {
	case e != nil && status == 0:
		return rest.Grant{}, t.unreachable(e)
	case e != nil:
		return rest.Grant{}, t.explain(e)
	}
	var answer struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return rest.Grant{}, t.noAPI()
	}
	life := time.Until(answer.Expires)
	grant, ok := rest.ParseGrant("Bearer", answer.Token, permission+":"+level, int64(life/time.Second))
	if !ok {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: errors.New("GitHub answers without a token, or with one that has expired: is this machine's clock right?")}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.installed = i
	return grant, nil
}

func bearer(assertion string) http.Header {
	return http.Header{"Authorization": {"Bearer " + assertion}, "Content-Type": {"application/json"}}
}

// install finds the installation in the organization, which also tells whether app,
// organization and permissions are as they must be.
func (t *tokens) install(ctx context.Context, assertion string) (Installation, *Error) {
	r := request{Method: http.MethodGet, Route: "/orgs/" + t.client.org + "/installation", Header: bearer(assertion)}
	status, text, e := t.client.rest.Exchange(ctx, &r, nil, rest.Redact{assertion})
	switch {
	case e != nil && status == 0:
		return Installation{}, t.unreachable(e)
	case e != nil:
		return Installation{}, t.explain(e)
	}
	var answer struct {
		ID      int64 `json:"id"`
		Account struct {
			ID    int64  `json:"id"`
			Login string `json:"login"`
		} `json:"account"`
		Permissions map[string]string `json:"permissions"`
		Suspended   *time.Time        `json:"suspended_at"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.ID == 0 || answer.Account.ID == 0 {
		return Installation{}, t.noAPI()
	}
	wrong := ""
	switch {
	case !strings.EqualFold(answer.Account.Login, t.client.org):
		wrong = fmt.Sprintf("the organization %s is called %s by now; set organization to that", t.client.org, answer.Account.Login)
	case answer.Suspended != nil:
		wrong = fmt.Sprintf("the GitHub App is suspended in %s; an owner lifts that under Settings, GitHub Apps", t.client.org)
	case answer.Permissions[permission] != level:
		wrong = fmt.Sprintf("the GitHub App may not write members of %s; give it the organization permission Members: Read and write, and have an owner accept that", t.client.org)
	}
	if wrong != "" {
		return Installation{}, &Error{Status: http.StatusForbidden, Unsent: true, Foreign: true, Err: errors.New(wrong)}
	}
	return Installation{answer.ID, answer.Account.ID, answer.Permissions}, nil
}

// noAPI is an answer that GitHub does not give. It has no status: a "not found" of a wrong
// place must not look like one of a user.
func (t *tokens) noAPI() *Error {
	return &Error{Unsent: true, Foreign: true, Err: fmt.Errorf("%s is no API of GitHub: it answers with something else; set url to that of the API, such as https://api.github.com", t.client.base)}
}

func (t *tokens) unreachable(e *Error) *Error {
	e.Unsent, e.Foreign = true, true
	if dns, ok := errors.AsType[*net.DNSError](e.Err); ok && dns.IsNotFound {
		e.Err = fmt.Errorf("the API's address %s does not exist; set url to that of the API, such as https://api.github.com: %w", t.client.base, dns)
	}
	return e
}

// explain says what is wrong, one thing for each status. That a wrong app is told by
// "Integration not found" is from memory, and not verified.
func (t *tokens) explain(e *Error) *Error {
	own := e.Message != ""
	e.Foreign, e.Unsent = true, true // of the request that the token was for
	switch {
	case e.Busy, e.Status >= 500, e.Status == http.StatusTooManyRequests:
	case e.Status >= 300 && e.Status < 400:
		wrong := t.noAPI()
		wrong.Err = fmt.Errorf("the API redirects, which is not followed as the token would go along: has the organization %s another name by now, or the API another address?", t.client.org)
		return wrong
	case !own:
		return t.noAPI()
	case e.Status == http.StatusNotFound && strings.Contains(e.Message, "Integration"):
		e.Err = fmt.Errorf("there is no GitHub App %s; set app_id to the client id or the app id that its page shows", t.appID)
		e.Status = http.StatusUnauthorized
	case e.Status == http.StatusNotFound:
		e.Err = fmt.Errorf("the GitHub App %s is not installed in an organization %s; install it there, or set organization to where it is, or to its new name if it was renamed", t.appID, t.client.org)
		e.Status = http.StatusUnauthorized
	case e.Status == http.StatusUnauthorized:
		e.Err = fmt.Errorf("GitHub does not take the private key for the app %s; make one on the app's page, and see that app_id is that app's and this machine's clock is right", t.appID)
	case e.Status == http.StatusUnprocessableEntity:
		e.Err = fmt.Errorf("the GitHub App may not write members of %s; give it the organization permission Members: Read and write, and have an owner accept that", t.client.org)
	}
	return e
}
