// SPDX-License-Identifier: Apache-2.0

package httpauth

import (
	"errors"
	"fmt"
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

// TokenRequest makes a request for an access token (RFC 6749 §4.4.2), with the credentials
// as they are now.
func (a Auth) TokenRequest() (TokenRequest, error) {
	id, err := a.User()
	if err != nil {
		return TokenRequest{}, err
	}
	secret, err := a.Secret()
	if err != nil {
		return TokenRequest{}, err
	}
	r := TokenRequest{
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Hidden: rest.Redact{secret, url.QueryEscape(secret)},
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if a.Scope != "" {
		form.Set("scope", a.Scope)
	}
	if a.InBody {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	} else { // each part is encoded as a form is, RFC 6749 §2.3.1
		basic := userPass(url.QueryEscape(id), url.QueryEscape(secret))
		r.Header.Set("Authorization", "Basic "+basic)
		r.Hidden = append(r.Hidden, basic)
	}
	r.Body = form.Encode()
	return r, nil
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
