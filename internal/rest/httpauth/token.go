// SPDX-License-Identifier: Apache-2.0

package httpauth

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest"
)

const (
	defaultLife = 5 * time.Minute // of a token that tells none
	longestLife = 24 * time.Hour
	mostToken   = 16 << 10 // bytes
)

// TokenRequest is what TokenURL is sent by POST.
type TokenRequest struct {
	Header http.Header
	Body   string      // a form
	Hidden rest.Redact // the secrets in it, in each way in which they are written
}

// ErrUnusable is in the chain of errors about a credential that cannot be sent: it is
// empty, or none of its kind. Nobody was asked, and asking again will not help.
var ErrUnusable = errors.New("the credential cannot be used")

// TokenRequest makes a request for an access token (RFC 6749 §4.4.2, RFC 7523 §2), with
// the credentials as they are now.
func (a Auth) TokenRequest() (TokenRequest, error) {
	id, err := a.User()
	if err != nil {
		return TokenRequest{}, err
	}
	r := TokenRequest{Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	form := url.Values{}
	maps.Copy(form, a.Params)
	form.Set("grant_type", cmp.Or(a.Grant, GrantClient))
	if a.Scope != "" && a.Grant != GrantJWT { // which has it in what is signed
		form.Set("scope", a.Scope)
	}
	if a.Key != nil {
		err = a.signed(&r, form, id)
	} else {
		err = a.secret(&r, form, id)
	}
	r.Body = form.Encode()
	return r, err
}

// secret says who we are by the client's secret (RFC 6749 §2.3.1).
func (a Auth) secret(r *TokenRequest, form url.Values, id string) error {
	secret, err := a.Secret()
	if err != nil {
		return err
	}
	r.Hidden = rest.Redact{secret, url.QueryEscape(secret)}
	if a.InBody {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
		return nil
	}
	basic := userPass(url.QueryEscape(id), url.QueryEscape(secret)) // each part is encoded as a form is
	r.Header.Set("Authorization", "Basic "+basic)
	r.Hidden = append(r.Hidden, basic)
	return nil
}

// signed says by what is signed who we are (RFC 7523 §2.2), or for whom a token is asked
// for (§2.1).
func (a Auth) signed(r *TokenRequest, form url.Values, id string) error {
	key, err := a.Key()
	if err != nil {
		return err
	}
	signer, err := rest.NewSigner([]byte(key), a.KeyID, id, cmp.Or(a.Audience, a.TokenURL))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	var assertion string
	if a.Grant == GrantJWT {
		assertion, err = signer.Grant(time.Now(), cmp.Or(a.Subject, id), strings.Fields(a.Scope))
		form.Set("assertion", assertion)
	} else {
		assertion, err = signer.Assertion(time.Now())
		form.Set("client_id", id)
		form.Set("client_assertion_type", rest.AssertionType)
		form.Set("client_assertion", assertion)
	}
	r.Hidden = rest.Redact{assertion}
	return err
}

// ReadGrant reads an answer of success (RFC 6749 §5.1). Makers leave out what must be
// there: a token without a type is taken for one of bearer, and one without a life is good
// for five minutes. An error goes behind the name of who answered.
func ReadGrant(text []byte) (rest.Grant, error) {
	v, err := jsonpath.Parse(text)
	if err != nil {
		return rest.Grant{}, fmt.Errorf("answers with no token of OAuth: %w", err)
	}
	at := func(name string) string {
		if m := v.Member(name); m != nil && m.Simple() {
			return m.String()
		}
		return ""
	}
	token, kind := at("access_token"), at("token_type")
	switch {
	case token == "" || len(token) > mostToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return rest.Grant{}, errors.New("answers without an access_token that can be sent")
	case kind != "" && !strings.EqualFold(kind, "bearer"):
		return rest.Grant{}, errors.New("answers with a token that is none of type bearer")
	}
	g := rest.Grant{Token: token, Life: defaultLife}
	if s, err := strconv.ParseFloat(at("expires_in"), 64); err == nil && s > 0 {
		g.Life = time.Duration(min(s, longestLife.Seconds()) * float64(time.Second))
	}
	return g, nil
}
