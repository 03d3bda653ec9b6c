// SPDX-License-Identifier: Apache-2.0

package authtest

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/fake"
)

// Config is what an Endpoint is made of. ClientID and one of Secret and PublicKey are
// required.
type Config struct {
	ClientID  string
	Secret    string
	InBody    bool       // the secret must be in the body, and not in the header; either may
	PublicKey []byte     // PEM; the client proves itself by what it signs
	KeyID     string     // of PublicKey; default its thumbprint
	Audience  string     // of what is signed
	Grant     string     // grant_type; default client_credentials
	Subject   string     // of what is signed for a grant of RFC 7523 §2.1; default the client
	Scope     string     // the one that is given; "" is any
	Params    url.Values // what else must be sent
	Life      time.Duration
	Silent    bool // answers do not say how long a token lives
}

// Endpoint gives tokens by POST, at whatever address it is asked.
type Endpoint struct {
	config     Config
	assertions fake.Assertions
	key        fake.PublicKey

	mu     sync.Mutex
	tokens map[string]time.Time // until when they are good
	asked  int
	shut   bool
	faults []http.HandlerFunc
}

// New makes an Endpoint.
func New(c Config) (*Endpoint, error) {
	e := &Endpoint{config: c, tokens: map[string]time.Time{}, assertions: fake.Assertions{Most: 5 * time.Minute}}
	if c.Grant == "" {
		e.config.Grant = "client_credentials"
	}
	if c.Life == 0 {
		e.config.Life = time.Hour
	}
	if c.PublicKey == nil {
		return e, nil
	}
	var err error
	e.key, err = fake.ReadPublicKey(c.PublicKey)
	if c.KeyID != "" {
		e.key.ID = c.KeyID
	}
	return e, err
}

// Fail has the next requests answered by others, one each.
func (e *Endpoint) Fail(by ...http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, by...)
}

// Revoke ends all tokens.
func (e *Endpoint) Revoke() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.tokens)
}

// SetSecret changes the client's secret. Tokens that were given go on.
func (e *Endpoint) SetSecret(secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.config.Secret = secret
}

// SetAudience changes the audience of what is signed.
func (e *Endpoint) SetAudience(to string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.config.Audience = to
}

// Disown forgets the client's key, as if it had been deleted, and ends all tokens.
func (e *Endpoint) Disown() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.key = fake.PublicKey{}
	clear(e.tokens)
}

// Shut has the door let nobody in, whatever they show.
func (e *Endpoint) Shut() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shut = true
}

// Asked is the number of requests so far.
func (e *Endpoint) Asked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := e.begin(); fault != nil {
		fault(w, r)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if status, code, why := e.refuses(r); code != "" {
		reply(w, status, map[string]any{"error": code, "error_description": why})
		return
	}
	token := fmt.Sprintf("access-token-%d", e.asked)
	e.tokens[token] = time.Now().Add(e.config.Life)
	answer := map[string]any{"access_token": token, "token_type": "Bearer"}
	if !e.config.Silent {
		answer["expires_in"] = int(e.config.Life / time.Second)
	}
	reply(w, http.StatusOK, answer)
}

// begin counts a request, and is what goes wrong with it; nil: nothing does.
func (e *Endpoint) begin() (fault http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	if len(e.faults) > 0 {
		fault, e.faults = e.faults[0], e.faults[1:]
	}
	return fault
}

func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever has gone has gone
}

// refuses says why a request gets no token (RFC 6749 §5.2).
func (e *Endpoint) refuses(r *http.Request) (status int, code, why string) {
	const bad = http.StatusBadRequest
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return bad, "invalid_request", "tokens are asked for by POST of a form"
	}
	form := r.PostForm
	for name, values := range form {
		if len(values) != 1 { // RFC 6749 §3.2
			return bad, "invalid_request", name + " is there several times"
		}
	}
	for name := range e.config.Params {
		if form.Get(name) != e.config.Params.Get(name) {
			return bad, "invalid_request", name + " is not as it must be"
		}
	}
	if form.Get("grant_type") != e.config.Grant {
		return bad, "unsupported_grant_type", "it is " + e.config.Grant
	}
	scope := form.Get("scope")
	if e.config.PublicKey != nil {
		said, code, why := e.signed(r)
		if code != "" {
			return bad, code, why
		}
		scope += said
	} else if why := e.secret(r); why != "" {
		return http.StatusUnauthorized, "invalid_client", why
	}
	if e.config.Scope != "" && scope != e.config.Scope {
		return bad, "invalid_scope", "the scope is " + e.config.Scope
	}
	return 0, "", ""
}

// secret says why a client's secret is not taken, "" if it is. It quotes what was sent, as
// makers have been seen to do.
func (e *Endpoint) secret(r *http.Request) string {
	id, secret, header := r.BasicAuth()
	if header {
		id, secret = unescape(id), unescape(secret)
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	switch {
	case header == e.config.InBody:
		return "the client's secret is not where it must be"
	case id != e.config.ClientID, subtle.ConstantTimeCompare([]byte(secret), []byte(e.config.Secret)) != 1:
		return fmt.Sprintf("the client %s is not known by %s (%s)", id, secret, r.Header.Get("Authorization"))
	}
	return ""
}

func unescape(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}

// signed checks what the client has signed, and returns the scope in it.
func (e *Endpoint) signed(r *http.Request) (scope, code, why string) {
	keys := func(client string) ([]fake.PublicKey, bool) {
		if e.key.Key == nil {
			return nil, client == e.config.ClientID
		}
		return []fake.PublicKey{e.key}, client == e.config.ClientID
	}
	if e.config.Grant == "client_credentials" {
		if r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return "", "invalid_client", "client_assertion_type is missing"
		}
		_, why := e.assertions.Check(r.PostForm.Get("client_assertion"), r.PostForm.Get("client_id"), e.config.Audience, time.Now(), keys)
		if why != "" {
			return "", "invalid_client", why
		}
		return "", "", ""
	}
	claims, why := e.assertions.Grant(r.PostForm.Get("assertion"), e.config.Audience, time.Now(), keys)
	subject := e.config.Subject
	if subject == "" {
		subject = e.config.ClientID
	}
	if why == "" && claims.Subject != subject {
		why = "sub is nobody whom the client acts for"
	}
	if why != "" {
		return "", "invalid_grant", why
	}
	return claims.Scope, "", ""
}

// Door lets those in who show a token that is good, and sends others away by 401. What is
// behind it is shown fixed in its place.
func (e *Endpoint) Door(next http.Handler, fixed string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !bearer || !e.good(token) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 §3
			reply(w, http.StatusUnauthorized, map[string]any{
				"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": "401", "detail": "no token of ours: " + token,
			})
			return
		}
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+fixed)
		next.ServeHTTP(w, r)
	})
}

func (e *Endpoint) good(token string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.shut && time.Now().Before(e.tokens[token])
}
