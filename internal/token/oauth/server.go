// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/time/rate"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/token"
)

// Scope is the one that there is.
const Scope = "scim"

// Where the token endpoint is.
const path = "/oauth2/token"

// maxForm bounds a request to the token endpoint.
const maxForm = 16 << 10

// Client is whoever may get access tokens for a source.
type Client struct {
	ID         string
	Source     string
	Keys       []Key
	Algorithms []string      // that are taken of it; nil for all
	Life       time.Duration // of its access tokens
}

// Check refuses a client that could never get a token.
func (c Client) Check() error {
	if c.ID == "" || c.Source == "" || c.Life <= 0 {
		return errors.New("a client must have an id, a source, and a life for its tokens")
	}
	if len(c.Keys) == 0 || len(c.Keys) > MaxKeys {
		return fmt.Errorf("a client must have one to %d keys", MaxKeys)
	}
	for i, k := range c.Keys {
		if !slices.ContainsFunc(k.algorithms, c.takes) {
			return fmt.Errorf("key %d makes none of the signatures that are taken of it: %s", i+1, strings.Join(c.Algorithms, ", "))
		}
		for _, other := range c.Keys[:i] {
			if k.Thumbprint == other.Thumbprint {
				return fmt.Errorf("key %d is there twice", i+1)
			}
		}
	}
	return nil
}

func (c Client) takes(algorithm string) bool {
	return c.Algorithms == nil || slices.Contains(c.Algorithms, algorithm)
}

// Holds tells whether a token is an access token of this client, by a key that it
// still has.
func (c Client) Holds(t token.Token) bool {
	return t.Client == c.ID && t.Source == c.Source && slices.ContainsFunc(c.Keys, func(k Key) bool { return k.Thumbprint == t.Key })
}

// Store keeps what was exchanged.
type Store interface {
	// Redeem notes that an assertion is used, keeps the token that it is exchanged for,
	// and tells the ledger of it: all or nothing, and ErrReplayed if it was used
	// before. What has expired, of assertions and of access tokens, goes.
	Redeem(ctx context.Context, a Assertion, t token.Token, e audit.Event) error
	// Refuse tells the ledger that a client got no token.
	Refuse(ctx context.Context, e audit.Event) error
}

// ErrReplayed says that an assertion was exchanged before.
var ErrReplayed = errors.New("the assertion was used before")

// Config is what a Server is made of. All but Told is required.
type Config struct {
	Issuer   string // scheme, host and port, as clients reach us
	Resource string // the path of what tokens open, such as /scim/v2
	Clients  []Client
	Store    Store
	Log      *slog.Logger
	Told     func() // called when the ledger was told something; may be nil
}

// Server is the authorization server.
type Server struct {
	c         Config
	clients   map[string]*Client
	issued    map[string]*rate.Limiter // by client
	addresses addresses
	told      told
}

// New makes a Server.
func New(c Config) (*Server, error) {
	s := &Server{
		c: c, clients: map[string]*Client{}, issued: map[string]*rate.Limiter{},
		addresses: addresses{seen: map[string]*rate.Limiter{}},
		told:      told{last: map[string]time.Time{}, unsaid: map[string]int{}},
	}
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != c.Issuer {
		return nil, fmt.Errorf("oauth: issuer %q must be scheme, host and port", c.Issuer)
	}
	if c.Store == nil || c.Log == nil || c.Resource == "" {
		return nil, errors.New("oauth: Store, Log and Resource are required")
	}
	if c.Told == nil {
		s.c.Told = func() {}
	}
	for _, client := range c.Clients {
		if err := client.Check(); err != nil {
			return nil, fmt.Errorf("oauth: client %q: %w", client.ID, err)
		}
		if s.clients[client.ID] != nil {
			return nil, fmt.Errorf("oauth: client %q is there twice", client.ID)
		}
		s.clients[client.ID] = &client
		s.issued[client.ID] = rate.NewLimiter(perClient, burstClient)
	}
	return s, nil
}

// Mount puts the token endpoint and the metadata where clients look for them.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.HandleFunc(path, s.token)
	mux.HandleFunc("GET "+serverMetadata, s.describeServer)
	mux.HandleFunc("GET "+resourceMetadata+s.c.Resource, s.describeResource)
}

// Holds tells whether an access token's client is still one of its source, and still
// has the key by which it was known. No Server has no clients.
func (s *Server) Holds(t token.Token) bool {
	if s == nil {
		return false
	}
	c := s.clients[t.Client]
	return c != nil && c.Holds(t)
}

// The codes of RFC 6749 §5.2 and RFC 8707 §2 that are used; unavailable is that of
// §4.1.2.1, as the RFC has none for a token endpoint that cannot answer now.
const (
	invalidRequest   = "invalid_request"
	invalidClient    = "invalid_client"
	invalidScope     = "invalid_scope"
	invalidTarget    = "invalid_target"
	unsupportedGrant = "unsupported_grant_type"
	unavailable      = "temporarily_unavailable"
)

// refusal is an answer that is no token.
type refusal struct {
	status int
	code   string
	says   string        // never holds what the client has sent
	after  time.Duration // 429 and 503: when to come back
	client *Client       // who has shown a key of theirs; nil for nobody
}

// granted is the answer of RFC 6749 §5.1.
type granted struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"` // seconds
	Scope   string `json:"scope"`
}

// token is the token endpoint (RFC 6749 §3.2).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	now := time.Now()
	g, bad := s.exchange(w, r, now)
	if bad == nil {
		_ = json.MarshalWrite(w, g) // who has hung up needs no answer
		return
	}
	s.tell(r.Context(), bad, now)
	if bad.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(bad.after.Seconds()))))
	}
	w.WriteHeader(bad.status)
	_ = json.MarshalWrite(w, struct {
		Error string `json:"error"`
		Says  string `json:"error_description"`
	}{bad.code, bad.says})
}

// exchange gives an access token for an assertion.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, now time.Time) (granted, *refusal) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return granted{}, &refusal{status: http.StatusMethodNotAllowed, code: invalidRequest, says: "the token endpoint takes POST"}
	}
	if wait := s.addresses.wait(r, now); wait > 0 {
		return granted{}, &refusal{status: http.StatusTooManyRequests, code: unavailable, says: "too many requests", after: wait}
	}
	f, bad := form(w, r)
	if bad == nil {
		bad = s.asked(w, r, f)
	}
	if bad != nil {
		return granted{}, bad
	}
	p, bad := s.prove(f["client_assertion"], f["client_id"], now)
	if bad != nil {
		return granted{}, bad
	}
	return s.issue(r.Context(), p, now)
}

// issue makes the token, once the client is known.
func (s *Server) issue(ctx context.Context, p proven, now time.Time) (granted, *refusal) {
	limit := s.issued[p.client.ID]
	if wait := missing(limit, now); wait > 0 {
		return granted{}, &refusal{status: http.StatusTooManyRequests, code: unavailable, says: "too many tokens: use the one you have", after: wait, client: p.client}
	}
	secret, t := token.New(p.client.Source, p.client.ID, now, p.client.Life)
	t.Client, t.Key = p.client.ID, p.key.Thumbprint
	err := s.c.Store.Redeem(ctx, p.used, t, audit.Event{
		Kind: "token.issued", Actor: "client " + t.Client, Object: t.ID,
		Why: "an access token for source " + t.Source + ", by key " + t.Key + ", until " + t.Expires.UTC().Format(time.RFC3339),
	})
	switch {
	case errors.Is(err, ErrReplayed):
		return granted{}, &refusal{status: http.StatusUnauthorized, code: invalidClient, says: ErrReplayed.Error(), client: p.client}
	case err != nil:
		s.c.Log.Error("an access token could not be stored", "client", t.Client, "err", err)
		return granted{}, &refusal{status: http.StatusServiceUnavailable, code: unavailable, says: "the service cannot issue tokens now", after: time.Second}
	}
	limit.AllowN(now, 1) // what was refused costs nothing: a replay must not use up what is the client's
	s.c.Log.Info("an access token was issued", "client", t.Client, "source", t.Source, "id", t.ID)
	s.c.Told()
	return granted{Token: secret, Type: "Bearer", Expires: int64(p.client.Life.Seconds()), Scope: Scope}, nil
}

// tell says that there was no token: in the log, and in the ledger if a client has
// shown its key. Others could fill the ledger with what nobody is to blame for. Each
// reason is told now and then.
func (s *Server) tell(ctx context.Context, bad *refusal, now time.Time) {
	name := ""
	if bad.client != nil {
		name = bad.client.ID
	}
	before, yes := s.told.say(name+"\x00"+bad.says, now)
	if !yes {
		return
	}
	s.c.Log.Info("no access token was issued", "client", name, "error", bad.code, "why", bad.says, "others_since", before)
	if bad.client == nil {
		return
	}
	why := bad.says
	if before > 0 {
		why += fmt.Sprintf("; %d more since it was last told", before)
	}
	err := s.c.Store.Refuse(context.WithoutCancel(ctx), audit.Event{Kind: "token.refused", Actor: "client " + name, Object: bad.client.Source, Why: why})
	if err != nil {
		s.c.Log.Error("the ledger could not be told that a client was refused", "client", name, "err", err)
		return
	}
	s.c.Told()
}

// form reads the parameters. Each may be there once; one without a value is not there
// (RFC 6749 §3.2).
func form(w http.ResponseWriter, r *http.Request) (map[string]string, *refusal) {
	bad := func(status int, says string) (map[string]string, *refusal) {
		return nil, &refusal{status: status, code: invalidRequest, says: says}
	}
	// What stands in an address is kept in logs.
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return bad(http.StatusBadRequest, "parameters belong into the body, not into the address")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || len(r.Header["Content-Type"]) != 1 {
		return bad(http.StatusUnsupportedMediaType, "the body must be application/x-www-form-urlencoded")
	}
	body, err := readAll(w, r)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return bad(http.StatusRequestEntityTooLarge, "the body is longer than 16 KiB")
	case err != nil:
		return bad(http.StatusBadRequest, "the body cannot be read")
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return bad(http.StatusBadRequest, "the body is no form")
	}
	f := map[string]string{}
	for name, all := range values {
		if len(all) > 1 {
			return bad(http.StatusBadRequest, "a parameter is there twice")
		}
		f[name] = all[0]
	}
	return f, nil
}

// assertionType is that of RFC 7523 §2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// asked checks what is asked for, but for who asks.
func (s *Server) asked(w http.ResponseWriter, r *http.Request, f map[string]string) *refusal {
	request := func(says string) *refusal {
		return &refusal{status: http.StatusBadRequest, code: invalidRequest, says: says}
	}
	switch {
	case f["grant_type"] == "":
		return request("grant_type is missing")
	case f["grant_type"] != "client_credentials":
		return &refusal{status: http.StatusBadRequest, code: unsupportedGrant, says: "grant_type must be client_credentials"}
	case f["client_secret"] != "":
		return request("a client has no secret here: it signs an assertion (private_key_jwt)")
	case r.Header.Get("Authorization") != "" && f["client_assertion"] != "":
		return request("there is more than one way in it to authenticate (RFC 6749, section 2.3)")
	case r.Header.Get("Authorization") != "":
		// RFC 6749 §5.2: the challenge names the scheme that the client has used.
		if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Basic") {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		}
		return &refusal{status: http.StatusUnauthorized, code: invalidClient, says: "a client authenticates by private_key_jwt, in the body"}
	case f["client_assertion"] == "":
		return &refusal{status: http.StatusUnauthorized, code: invalidClient, says: "client_assertion is missing"}
	case f["client_assertion_type"] != assertionType:
		return request("client_assertion_type must be " + assertionType)
	case strings.ContainsFunc(f["scope"], func(c rune) bool { return c < ' ' || c > '~' }) || slices.ContainsFunc(strings.Fields(f["scope"]), func(one string) bool { return one != Scope }):
		return &refusal{status: http.StatusBadRequest, code: invalidScope, says: "the one scope is " + Scope}
	case f["resource"] != "" && f["resource"] != s.c.Issuer+s.c.Resource:
		return &refusal{status: http.StatusBadRequest, code: invalidTarget, says: "the one resource is that of the metadata"}
	}
	return nil
}
