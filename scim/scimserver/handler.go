// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// Config is what a Handler is made of. Store and Authorize are required.
type Config struct {
	Store Store
	// Base is the path under which the handler is mounted, such as /scim/v2.
	Base string
	// URL is how clients reach Base, such as https://app.example/scim/v2, for
	// meta.location. Without it locations repeat the host that a request names:
	// set it wherever answers are cached or shown to others than who asked.
	URL string
	// Authorize checks who asks, before anything else is read. A *scim.Error is
	// answered as it is, such as 403; any other error with 401, and its text is
	// not shown. See BearerToken. It is asked about each operation of a bulk request
	// as well, which it sees as a request of its own without a body.
	Authorize func(r *http.Request) error
	// Challenge is the WWW-Authenticate of a 401 (RFC 6750 §3, RFC 9728 §5.1); default
	// is Bearer realm="scim".
	Challenge string

	Schemas       *scim.SchemaSet     // default scim.CoreSchemas()
	ResourceTypes []scim.ResourceType // default scim.CoreResourceTypes()
	Rules         Rules               // how the RFCs are read for the clients; see RulesOf
	Limits        Limits
	// Schemes says how to authenticate, for ServiceProviderConfig; default is the
	// bearer token.
	Schemes []Scheme
	// Private says that who asks for ServiceProviderConfig without a credential is
	// refused, too. RFC 7643 §5 wants everybody to see how to authenticate.
	Private bool
	// Hide names attributes that are kept, can be searched for, and are never shown,
	// whatever the schemas say.
	Hide []scim.Path
	// Saved is told of each switch of Rules without which a request would have been
	// refused, once a request; may be nil. See Switches for their names.
	Saved func(r *http.Request, name string)
	// Me finds the resource of who asks, for /Me (RFC 7644 §3.11): the name of its
	// type and its id, or ErrNotFound. nil: there is no /Me.
	Me func(r *http.Request) (typ, id string, err error)
	// Admit is asked, after Authorize, whether there may be so many more operations
	// now: 1 for each request, and those of a bulk request beyond the first before
	// any of them is carried out. An error is answered; see TooManyError. May be nil.
	Admit func(r *http.Request, operations int) error
	// Failed is told of errors that clients are not shown; may be nil.
	Failed func(ctx context.Context, err error)
}

// Scheme is a way to authenticate (RFC 7643 §5).
type Scheme struct {
	Type        string // oauth, oauth2, oauthbearertoken, httpbasic or httpdigest
	Name        string
	Description string
	SpecURI     string // "" for none
}

// BearerScheme is a token in the Authorization header.
func BearerScheme() Scheme {
	return Scheme{"oauthbearertoken", "Bearer token", "A token in the Authorization header (RFC 6750)", "https://www.rfc-editor.org/rfc/rfc6750"}
}

// Limits bounds requests. Zero fields mean the defaults.
type Limits struct {
	Body       scim.Limits       // of a request; default 1 MiB
	Filter     scim.FilterLimits // of a filter
	Operations int               // of one PATCH; default 1,000
	Page       int               // resources in one answer; default 1,000
	PageSize   int               // if the client names no count; default 100
	// Members is up to how many members a PATCH of members alone is answered with
	// all of them; beyond, with 204 (RFC 7644 §3.5.2 allows either). Default 1,000.
	Members int
	// Bulk is how many operations one bulk request may have; default 1,000, negative
	// for no bulk requests.
	Bulk      int
	BulkBytes int // of a bulk request's body; default 4 MiB. Each operation's data is held to Body
	// Tries is how often a change is applied anew because somebody else came
	// between, until it is answered with 503. Default 50.
	Tries int
}

const (
	defaultOperations = 1_000
	defaultPage       = 1_000
	defaultPageSize   = 100
	defaultMembers    = 1_000
	defaultBulk       = 1_000
	defaultBulkBytes  = 4 << 20
	defaultTries      = 50
	maxURL            = 16 << 10
)

func (l Limits) withDefaults() Limits {
	l.Operations = cmp.Or(l.Operations, defaultOperations)
	l.Page = cmp.Or(l.Page, defaultPage)
	l.PageSize = min(cmp.Or(l.PageSize, defaultPageSize), l.Page)
	l.Members = cmp.Or(l.Members, defaultMembers)
	l.Bulk = cmp.Or(l.Bulk, defaultBulk)
	l.BulkBytes = cmp.Or(l.BulkBytes, defaultBulkBytes)
	l.Tries = cmp.Or(l.Tries, defaultTries)
	l.Body.MaxBytes = cmp.Or(l.Body.MaxBytes, 1<<20)
	return l
}

// Handler is a SCIM service provider.
type Handler struct {
	c       Config
	types   []*resourceType
	members MemberStore // nil if the store is none
	cursors CursorStore // likewise
	parts   PartStore   // likewise
	texts   TextStore   // likewise
	atomic  TxStore     // likewise
	events  []string    // that the store gives

	special    map[string]endpoint // beside those of the types; nil for what is not supported
	collection []verb              // of /Users
	item       []verb              // of /Users/{id}
}

// endpoint answers a request, or returns the error to answer with; parts is its
// path below the base.
type endpoint func(w http.ResponseWriter, r *http.Request, parts []string) error

var _ http.Handler = (*Handler)(nil)

// New checks the configuration and makes a Handler.
func New(c Config) (*Handler, error) {
	if c.Store == nil || c.Authorize == nil {
		return nil, errors.New("scimserver: Store and Authorize are required; AllowAll is for tests")
	}
	c.Base, c.URL = strings.TrimRight(c.Base, "/"), strings.TrimRight(c.URL, "/")
	if c.Base != "" && !strings.HasPrefix(c.Base, "/") {
		return nil, fmt.Errorf("scimserver: base %q does not begin with a slash", c.Base)
	}
	if c.Schemas == nil {
		c.Schemas = scim.CoreSchemas()
	}
	published := c.Schemas.Schemas()
	if c.Rules.NoPassword {
		published = withoutPassword(published)
	}
	// Aliases are for configurations: on the wire enterprise.department is nothing.
	var err error
	if c.Schemas, err = scim.NewSchemaSet(published...); err != nil {
		return nil, fmt.Errorf("scimserver: %w", err)
	}
	if c.ResourceTypes == nil {
		c.ResourceTypes = scim.CoreResourceTypes()
	}
	if len(c.ResourceTypes) == 0 {
		return nil, errors.New("scimserver: there are no resource types")
	}
	if c.Schemes == nil {
		c.Schemes = []Scheme{BearerScheme()}
	}
	c.Challenge = cmp.Or(c.Challenge, `Bearer realm="scim"`)
	if c.Failed == nil {
		c.Failed = func(context.Context, error) {}
	}
	if l := c.Limits; l.Operations < 0 || l.Page < 0 || l.PageSize < 0 || l.Members < 0 || l.BulkBytes < 0 || l.Tries < 0 {
		return nil, errors.New("scimserver: a limit is negative")
	}
	c.Limits = c.Limits.withDefaults()
	h := &Handler{c: c}
	h.members, _ = c.Store.(MemberStore)
	h.cursors, _ = c.Store.(CursorStore)
	h.parts, _ = c.Store.(PartStore)
	h.texts, _ = c.Store.(TextStore)
	h.atomic, _ = c.Store.(TxStore)
	if s, ok := c.Store.(EventStore); ok {
		h.events = s.EventURIs()
	}
	h.routes()
	for _, t := range c.ResourceTypes {
		rt, err := describe(c.Schemas, t, c.Hide)
		if err != nil {
			return nil, err
		}
		_, special := h.special[t.Endpoint[1:]]
		if special || slices.ContainsFunc(h.types, func(o *resourceType) bool { return o.Endpoint == t.Endpoint || o.Name == t.Name }) {
			return nil, fmt.Errorf("scimserver: resource type %s: its name or its endpoint %s is taken", t.Name, t.Endpoint)
		}
		h.types = append(h.types, rt)
	}
	return h, nil
}

// routes is what there is. ServiceProviderConfig is told from it.
func (h *Handler) routes() {
	h.special = map[string]endpoint{
		"ServiceProviderConfig": h.discovery, "ResourceTypes": h.discovery, "Schemas": h.discovery,
		"": h.queryAll, ".search": h.searchAll, "Bulk": nil, "Me": nil,
	}
	if h.c.Limits.Bulk > 0 {
		h.special["Bulk"] = h.bulk
	}
	if h.c.Me != nil {
		h.special["Me"] = h.me
	}
	h.collection = []verb{{method: http.MethodGet, do: h.query}, {method: http.MethodHead, do: h.query}, {method: http.MethodPost, act: h.create}}
	h.item = []verb{
		{method: http.MethodGet, do: h.get},
		{method: http.MethodHead, do: h.get},
		{method: http.MethodPut, act: h.replace},
		{method: http.MethodPatch, act: h.patch},
		{method: http.MethodDelete, act: h.remove},
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.answer(w, r); err != nil {
		h.fail(w, r, err)
	}
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request) error {
	if err := h.c.Authorize(r); err != nil && (h.c.Private || !h.introduces(r)) {
		return h.unauthorized(w, err)
	}
	if h.c.Admit != nil {
		if err := h.c.Admit(r, 1); err != nil {
			return err
		}
	}
	if len(r.URL.RequestURI()) > maxURL {
		return &scim.Error{Status: http.StatusRequestURITooLong, Detail: fmt.Sprintf("the address is longer than %d bytes; send the query by POST to /.search", maxURL)}
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), h.c.Base)
	if !ok || rest != "" && rest[0] != '/' {
		return notHere(r)
	}
	return h.route(w, r, strings.Split(strings.Trim(rest, "/"), "/"))
}

// introduces tells whether a request is one that may come from anybody. Who presents
// a credential that does not hold shall learn of that.
func (h *Handler) introduces(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && r.Method == http.MethodGet && r.URL.EscapedPath() == h.c.Base+"/ServiceProviderConfig"
}

// unauthorized is what a refusal of Config.Authorize is answered with.
func (h *Handler) unauthorized(w http.ResponseWriter, err error) error {
	e := refused(err)
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", h.c.Challenge)
	}
	return e
}

func refused(err error) *scim.Error {
	if e := scim.ErrorOf(err); e != nil {
		return e
	}
	return &scim.Error{Status: http.StatusUnauthorized, Detail: "the request carries no credential that is accepted"}
}

func (h *Handler) route(w http.ResponseWriter, r *http.Request, parts []string) error {
	if answer, ok := h.special[parts[0]]; ok {
		if answer == nil {
			return &scim.Error{Status: http.StatusNotImplemented, Detail: "/" + parts[0] + " is not supported"}
		}
		return answer(w, r, parts)
	}
	t := h.at(parts[0])
	switch {
	case t == nil:
	case len(parts) == 1:
		return h.call(w, r, t.verbs(h.collection), t, "")
	case len(parts) == 2 && parts[1] == ".search":
		return h.call(w, r, []verb{{method: http.MethodPost, do: h.search}}, t, "")
	case len(parts) == 2:
		if id, ok := pathID(parts[1]); ok {
			return h.call(w, r, t.verbs(h.item), t, id)
		}
	}
	return notHere(r)
}

// at finds the type at an endpoint, nil for none.
func (h *Handler) at(endpoint string) *resourceType {
	for _, t := range h.types {
		if t.Endpoint[1:] == endpoint {
			return t
		}
	}
	return nil
}

// call does what is there for the request's method, or answers 405 with those
// that are (RFC 9110 §15.5.6).
func (h *Handler) call(w http.ResponseWriter, r *http.Request, verbs []verb, t *resourceType, id string) error {
	v, ok := verbOf(verbs, r.Method)
	switch {
	case ok && v.act != nil:
		return h.heard(w, r, t, id, func(w http.ResponseWriter, r *http.Request) error { return h.carryOut(w, r, v, t, id) })
	case ok:
		return v.do(w, r, t, id)
	}
	names := make([]string, len(verbs))
	for i, v := range verbs {
		names[i] = v.method
	}
	return notAllowed(w, names...)
}

// notAllowed is the error of a method that is not among those that are there.
func notAllowed(w http.ResponseWriter, names ...string) error {
	slices.Sort(names)
	w.Header().Set("Allow", strings.Join(names, ", "))
	return &scim.Error{Status: http.StatusMethodNotAllowed, Detail: "here is " + strings.Join(names, ", ")}
}

// rules are the rules for one request, which tell of those that it needed.
func (h *Handler) rules(r *http.Request) Rules {
	rules := h.c.Rules
	if h.c.Saved == nil {
		return rules
	}
	var told []string
	rules.Noted = func(name string) {
		if !slices.Contains(told, name) {
			told = append(told, name)
			h.c.Saved(r, name)
		}
	}
	return rules
}
