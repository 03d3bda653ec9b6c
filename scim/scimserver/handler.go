// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
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
	// meta.location. Without it locations are relative to the host.
	URL string
	// Authorize checks who asks, before anything else is read. An error is
	// answered with 401; its text is not shown. See BearerToken.
	Authorize func(r *http.Request) error

	Schemas       *scim.SchemaSet     // default scim.CoreSchemas()
	ResourceTypes []scim.ResourceType // default scim.CoreResourceTypes()
	Lenient       Lenient
	Limits        Limits
	// Failed is told of errors that clients are not shown; may be nil.
	Failed func(ctx context.Context, err error)
}

// Lenient says which departures from the RFCs are accepted. The zero value
// accepts none.
type Lenient struct {
	scim.PatchRules
	PutOmittedKeeps      bool // a PUT leaves what it does not name as it is
	PatchNoContent       bool // a PATCH is answered with 204
	DeleteMeansDisable   bool // DELETE of a User sets active to false
	RefuseUnknown        bool // an attribute that no schema has is refused, and not ignored
	CreateWithoutSchemas bool // a POST or PUT without schemas is taken as of the endpoint's
}

// Limits bounds requests. Zero fields mean the defaults.
type Limits struct {
	Body       scim.Limits       // of a request; default 1 MiB
	Filter     scim.FilterLimits // of a filter
	Operations int               // of one PATCH; default 1,000
	Page       int               // resources in one answer; default 1,000
	PageSize   int               // if the client names no count; default 100
}

const (
	defaultOperations = 1_000
	defaultPage       = 1_000
	defaultPageSize   = 100
	maxURL            = 16 << 10
)

// Handler is a SCIM service provider.
type Handler struct {
	c     Config
	types []*resourceType
}

// resourceType is one type with what follows from its schemas.
type resourceType struct {
	scim.ResourceType
	required []scim.Path // attributes that must have a value
	always   []scim.Path // returned: always
	hidden   []scim.Path // returned: never
	request  []scim.Path // returned: request
}

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
	c.URL = cmp.Or(c.URL, c.Base)
	if c.Schemas == nil {
		c.Schemas = scim.CoreSchemas()
	}
	if c.ResourceTypes == nil {
		c.ResourceTypes = scim.CoreResourceTypes()
	}
	c.Limits.Operations = cmp.Or(c.Limits.Operations, defaultOperations)
	c.Limits.Page = cmp.Or(c.Limits.Page, defaultPage)
	c.Limits.PageSize = min(cmp.Or(c.Limits.PageSize, defaultPageSize), c.Limits.Page)
	c.Limits.Body.MaxBytes = cmp.Or(c.Limits.Body.MaxBytes, 1<<20)
	if c.Failed == nil {
		c.Failed = func(context.Context, error) {}
	}
	h := &Handler{c: c}
	for _, t := range c.ResourceTypes {
		rt, err := describe(c.Schemas, t)
		if err != nil {
			return nil, err
		}
		h.types = append(h.types, rt)
	}
	return h, nil
}

func describe(set *scim.SchemaSet, t scim.ResourceType) (*resourceType, error) {
	rt := &resourceType{ResourceType: t}
	if !strings.HasPrefix(t.Endpoint, "/") || strings.Count(t.Endpoint, "/") != 1 {
		return nil, fmt.Errorf("scimserver: resource type %s: endpoint %q is not like /Users", t.Name, t.Endpoint)
	}
	for _, urn := range append([]string{t.Schema}, extensions(t)...) {
		s, ok := set.Schema(urn)
		if !ok {
			return nil, fmt.Errorf("scimserver: resource type %s: there is no schema %s", t.Name, urn)
		}
		prefix := ""
		if urn != t.Schema {
			prefix = urn
		}
		for _, a := range s.Attributes {
			rt.characterise(scim.Path{URN: prefix, Attr: a.Name}, a, prefix == "")
			for _, sub := range a.SubAttributes {
				rt.characterise(scim.Path{URN: prefix, Attr: a.Name, Sub: sub.Name}, sub, false)
			}
		}
	}
	return rt, nil
}

func extensions(t scim.ResourceType) []string {
	urns := make([]string, len(t.SchemaExtensions))
	for i, e := range t.SchemaExtensions {
		urns[i] = e.Schema
	}
	return urns
}

func (t *resourceType) characterise(p scim.Path, a scim.Attribute, core bool) {
	if core && a.Required && a.Mutability != scim.ReadOnly {
		t.required = append(t.required, p)
	}
	switch a.Returned {
	case scim.ReturnedAlways:
		t.always = append(t.always, p)
	case scim.ReturnedNever:
		t.hidden = append(t.hidden, p)
	case scim.ReturnedRequest:
		t.request = append(t.request, p)
	}
}

// AllowAll lets everybody in. It is for tests, and for handlers behind one that
// has asked already.
func AllowAll(*http.Request) error { return nil }

var errToken = errors.New("the bearer token is not accepted")

// BearerToken lets in whoever presents one of some tokens (RFC 6750 §2.1),
// compared in constant time. Empty tokens are none.
func BearerToken(tokens ...string) func(*http.Request) error {
	var sums [][sha256.Size]byte
	for _, t := range tokens {
		if t != "" {
			sums = append(sums, sha256.Sum256([]byte(t)))
		}
	}
	return func(r *http.Request) error {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(token)))
		ok := 0
		for _, s := range sums {
			ok |= subtle.ConstantTimeCompare(s[:], got[:])
		}
		if ok != 1 || !strings.EqualFold(scheme, "Bearer") {
			return errToken
		}
		return nil
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.c.Authorize(r); err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="scim"`)
		h.fail(w, r, &scim.Error{Status: http.StatusUnauthorized, Detail: "the request carries no credential that is accepted"})
		return
	}
	if len(r.URL.RequestURI()) > maxURL {
		h.fail(w, r, &scim.Error{Status: http.StatusRequestURITooLong, Detail: fmt.Sprintf("the address is longer than %d bytes; send the query by POST to /.search", maxURL)})
		return
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), h.c.Base)
	if !ok || rest != "" && rest[0] != '/' {
		h.fail(w, r, notHere(r))
		return
	}
	h.route(w, r, strings.Split(strings.Trim(rest, "/"), "/"))
}

func (h *Handler) route(w http.ResponseWriter, r *http.Request, parts []string) {
	switch parts[0] {
	case "ServiceProviderConfig", "ResourceTypes", "Schemas":
		h.discovery(w, r, parts)
		return
	case "Bulk", "Me", ".search":
		h.fail(w, r, &scim.Error{Status: http.StatusNotImplemented, Detail: "/" + parts[0] + " is not supported"})
		return
	}
	i := slices.IndexFunc(h.types, func(t *resourceType) bool { return t.Endpoint == "/"+parts[0] })
	if i < 0 {
		h.fail(w, r, notHere(r))
		return
	}
	t := h.types[i]
	switch {
	case len(parts) == 1:
		h.methods(w, r, map[string]func(){
			http.MethodGet:  func() { h.query(w, r, t) },
			http.MethodPost: func() { h.create(w, r, t) },
		})
	case len(parts) == 2 && parts[1] == ".search":
		h.methods(w, r, map[string]func(){http.MethodPost: func() { h.search(w, r, t) }})
	case len(parts) == 2:
		id, ok := pathID(parts[1])
		if !ok {
			h.fail(w, r, notHere(r))
			return
		}
		h.methods(w, r, map[string]func(){
			http.MethodGet:    func() { h.get(w, r, t, id) },
			http.MethodPut:    func() { h.replace(w, r, t, id) },
			http.MethodPatch:  func() { h.patch(w, r, t, id) },
			http.MethodDelete: func() { h.remove(w, r, t, id) },
		})
	default:
		h.fail(w, r, notHere(r))
	}
}

// methods calls what is there for the request's method, or answers 405 with
// those that are (RFC 9110 §15.5.6).
func (h *Handler) methods(w http.ResponseWriter, r *http.Request, by map[string]func()) {
	if fn := by[r.Method]; fn != nil {
		fn()
		return
	}
	allowed := make([]string, 0, len(by))
	for m := range by {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	h.fail(w, r, &scim.Error{Status: http.StatusMethodNotAllowed, Detail: "here is " + strings.Join(allowed, ", ")})
}
