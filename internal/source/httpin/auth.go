// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/rest/httpauth"
)

// checkAuth says what is wrong with who we are.
func checkAuth(a httpauth.Auth) error {
	if err := a.Check(); err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	if a.Kind == httpauth.OAuth {
		if u, err := url.Parse(a.TokenURL); err != nil || origin(u) == "" {
			return errors.New("token_url is no address; write https://host/path")
		}
	}
	return nil
}

// sign puts the credential into a request. used is an access token, if it is one.
func (c *client) sign(ctx context.Context, r *http.Request) (used string, err error) {
	a := c.config.Auth
	var value string
	header, scheme := "Authorization", "Bearer "
	switch a.Kind {
	case httpauth.Bearer:
		value, err = a.Secret()
	case httpauth.Basic:
		scheme = "Basic "
		value, err = a.UserPass()
	case httpauth.Header:
		header, scheme = a.Header, ""
		value, err = a.Secret()
	case httpauth.OAuth:
		used, err = c.token(ctx)
		value = used
	default: // it is not asked
		return "", nil
	}
	if err == nil {
		r.Header.Set(header, scheme+value)
	}
	return used, err
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

// mostGrant bounds what is read of an answer.
const mostGrant = 256 << 10

// token is an access token that holds; who comes meanwhile waits for it.
func (c *client) token(ctx context.Context) (string, error) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	if c.tokens.value != "" && time.Now().Before(c.tokens.renew) {
		return c.tokens.value, nil
	}
	g, err := c.grant(ctx)
	if err != nil {
		return "", err
	}
	c.tokens.value, c.tokens.renew = g.Token, time.Now().Add(g.Life*8/10)
	return g.Token, nil
}

// grant asks for a token.
func (c *client) grant(ctx context.Context) (g rest.Grant, _ error) {
	asked, err := c.config.Auth.TokenRequest()
	if err != nil {
		return g, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.Auth.TokenURL, strings.NewReader(asked.Body))
	if err != nil {
		return g, errors.New("token_url cannot be read")
	}
	r.Header = asked.Header
	r.Header.Set("Accept", "application/json")
	where := place(r.URL)
	res, err := c.http.Do(r)
	if err != nil {
		return g, unanswered(ctx, where, err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	body, err := io.ReadAll(io.LimitReader(res.Body, mostGrant))
	switch {
	case res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return g, &Error{Where: where, Status: res.StatusCode, Credential: true, Msg: fmt.Sprintf("gives no token (%d%s): check client_id, client_secret and scope", res.StatusCode, oauthCode(body))}
	case res.StatusCode != http.StatusOK:
		e := refusal(where, res, time.Now())
		e.Status = 0 // which is of this address, and says nothing of what was asked for
		return g, e
	case err != nil:
		return g, &Error{Where: where, Msg: "its answer broke off", Again: true}
	}
	if g, err = httpauth.ReadGrant(body); err != nil {
		return g, &Error{Where: where, Msg: err.Error() + "; is token_url right?"}
	}
	return g, nil
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
