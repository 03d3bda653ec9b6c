// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
)

// AuthKind is how we say who we are.
type AuthKind string

// The kinds of authentication.
const (
	AuthNone   AuthKind = ""
	AuthBearer AuthKind = "bearer" // RFC 6750
	AuthBasic  AuthKind = "basic"  // RFC 7617
	AuthHeader AuthKind = "header" // a header of the maker's own
	AuthOAuth  AuthKind = "oauth"  // client credentials, RFC 6749 §4.4
)

// Auth is who we are. The functions return a credential as it is now, so that one that
// was exchanged counts at once.
type Auth struct {
	Kind   AuthKind
	User   func() (string, error) // of AuthBasic; the client id of AuthOAuth
	Secret func() (string, error) // token, password, value, or the client's secret
	Header string                 // name, of AuthHeader

	// Of AuthOAuth:
	TokenURL string
	Scope    string
	InBody   bool // the client's credentials go in the body, and not by Basic
}

func (a Auth) check() error {
	switch {
	case a.Kind == AuthNone:
		return nil
	case a.Secret == nil, (a.Kind == AuthBasic || a.Kind == AuthOAuth) && a.User == nil:
		return errors.New("auth lacks a credential")
	case a.Kind == AuthHeader && a.Header == "":
		return errors.New("auth has no name of a header")
	case a.Kind == AuthOAuth:
		if u, err := url.Parse(a.TokenURL); err != nil || origin(u) == "" {
			return errors.New("token_url is no address; write https://host/path")
		}
	}
	return nil
}

// sign puts the credential into a request. used is an access token, if it is one.
func (c *client) sign(ctx context.Context, r *http.Request) (used string, err error) {
	a := c.config.Auth
	if a.Kind == AuthNone {
		return "", nil
	}
	if a.Kind == AuthOAuth {
		if used, err = c.token(ctx); err == nil {
			r.Header.Set("Authorization", "Bearer "+used)
		}
		return used, err
	}
	secret, err := a.Secret()
	if err != nil {
		return "", err
	}
	switch a.Kind {
	case AuthBearer:
		r.Header.Set("Authorization", "Bearer "+secret)
	case AuthHeader:
		r.Header.Set(a.Header, secret)
	case AuthBasic:
		user, err := a.User()
		if err != nil {
			return "", err
		}
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
	}
	return "", nil
}

// tokens keeps an access token for most of its life.
type tokens struct {
	mu    sync.Mutex
	value string
	renew time.Time
}

// drop forgets a token that is not taken, unless there is another one already.
func (t *tokens) drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.value = ""
	}
}

const (
	defaultLife  = 5 * time.Minute // of a token that tells none
	longestLife  = 24 * time.Hour
	mostTokenLen = 16 << 10
	mostGrant    = 256 << 10
)

// token is an access token that holds; who comes meanwhile waits for it.
func (c *client) token(ctx context.Context) (string, error) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	if c.tokens.value != "" && time.Now().Before(c.tokens.renew) {
		return c.tokens.value, nil
	}
	value, life, err := c.grant(ctx)
	if err != nil {
		return "", err
	}
	c.tokens.value, c.tokens.renew = value, time.Now().Add(life*8/10)
	return value, nil
}

// grant asks for a token (RFC 6749 §4.4.2).
func (c *client) grant(ctx context.Context) (token string, life time.Duration, err error) {
	a := c.config.Auth
	user, err := a.User()
	if err != nil {
		return "", 0, err
	}
	secret, err := a.Secret()
	if err != nil {
		return "", 0, err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if a.Scope != "" {
		form.Set("scope", a.Scope)
	}
	if a.InBody {
		form.Set("client_id", user)
		form.Set("client_secret", secret)
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, errors.New("token_url cannot be read")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if !a.InBody { // each part is encoded as a form is, RFC 6749 §2.3.1
		r.SetBasicAuth(url.QueryEscape(user), url.QueryEscape(secret))
	}
	where := place(r.URL)
	res, err := c.http.Do(r)
	if err != nil {
		return "", 0, unanswered(ctx, where, err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	body, err := io.ReadAll(io.LimitReader(res.Body, mostGrant))
	switch {
	case res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return "", 0, &Error{Where: where, Status: res.StatusCode, Credential: true, Msg: fmt.Sprintf("gives no token (%d%s): check client_id, client_secret and scope", res.StatusCode, oauthCode(body))}
	case res.StatusCode != http.StatusOK:
		e := refusal(where, res, time.Now())
		e.Status = 0 // which is of this address, and says nothing of what was asked for
		return "", 0, e
	case err != nil:
		return "", 0, &Error{Where: where, Msg: "its answer broke off", Again: true}
	}
	return readGrant(where, body)
}

func readGrant(where string, body []byte) (string, time.Duration, error) {
	v, err := jsonpath.Parse(body)
	if err != nil {
		return "", 0, &Error{Where: where, Msg: "the answer is no token of OAuth: " + err.Error() + "; is token_url right?"}
	}
	at := func(name string) string {
		if m := v.Member(name); m != nil && m.Simple() {
			return m.String()
		}
		return ""
	}
	token, kind := at("access_token"), at("token_type")
	switch {
	case token == "" || len(token) > mostTokenLen || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", 0, &Error{Where: where, Msg: "the answer holds no access_token that can be sent"}
	case kind != "" && !strings.EqualFold(kind, "bearer"):
		return "", 0, &Error{Where: where, Msg: "the token is none of type bearer"}
	}
	life := defaultLife
	if s, err := strconv.ParseFloat(at("expires_in"), 64); err == nil && s > 0 {
		life = time.Duration(min(s, longestLife.Seconds()) * float64(time.Second))
	}
	return token, life, nil
}

// oauthCode is the error code of RFC 6749 §5.2, if it is one of those.
func oauthCode(body []byte) string {
	v, err := jsonpath.Parse(body)
	if err != nil {
		return ""
	}
	if m := v.Member("error"); m != nil {
		for _, code := range []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"} {
			if m.Kind == '"' && m.String() == code {
				return ", " + code
			}
		}
	}
	return ""
}
