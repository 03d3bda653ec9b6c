// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// Refusal is a request that was refused because the app is as it is: SCIM 2.0 alone
// would have allowed it.
type Refusal struct {
	Method    string
	Path      string // below Base, with its query
	Status    int
	Rule      string // one of the constants
	Why       string
	Reference string // address of the document that has the rule
	Assumed   bool   // that it has could not be made sure of
}

func (r Refusal) String() string {
	s := fmt.Sprintf("%s %s: %d %s: %s", r.Method, r.Path, r.Status, r.Rule, r.Why)
	switch {
	case r.Assumed:
		s += " (assumed; " + r.Reference + ")"
	case r.Reference != "":
		s += " (" + r.Reference + ")"
	}
	return s
}

// What a request is refused for.
const (
	RefusedHeader      = "header"
	RefusedContentType = "content type"
	RefusedOperation   = "operation"
	RefusedFilter      = "filter"
	RefusedRequired    = "required attribute"
	RefusedAttribute   = "attribute"
	RefusedValue       = "value"
	RefusedPatch       = "patch"
	RefusedMembers     = "members"
	RefusedState       = "state" // by what the app holds
	RefusedRate        = "rate"
)

// refused is what a rule says against a request.
type refused struct {
	scim.Error
	rule string
}

// against is a refusal with 400, of the kind that goes with the rule.
func against(rule, format string, args ...any) *refused {
	kind := scim.InvalidValue
	switch rule {
	case RefusedHeader, RefusedPatch:
		kind = scim.InvalidSyntax
	case RefusedFilter:
		kind = scim.InvalidFilter
	case RefusedState:
		kind = scim.MutabilityBreach
	}
	return &refused{scim.Error{Status: http.StatusBadRequest, ScimType: kind, Detail: fmt.Sprintf(format, args...)}, rule}
}

// with is the refusal with another status, and so without a keyword but of a 409.
func (r *refused) with(status int) *refused {
	r.Status, r.ScimType = status, ""
	if status == http.StatusConflict {
		r.ScimType = scim.UniquenessBreach
	}
	return r
}

// gate refuses what an app refuses, in front of a handler that knows all of SCIM.
type gate struct {
	quirks Quirks
	memory *scimserver.Memory
	token  string
	next   http.Handler
	idle   bool // there is nothing to refuse and nothing to bend

	mu      sync.Mutex
	refused []Refusal
}

// ask is a request as the rules look at it.
type ask struct {
	*http.Request
	typ    string // "User", "Group", or ""
	id     string // "" for the whole type
	search bool   // a query by POST
	query  url.Values
	offer  *Offer
	urn    string         // schema of the type
	body   *scim.Resource // nil for none, and for one that the handler will refuse
	ops    []operation
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.idle && r.Header.Get("Authorization") == "Bearer "+g.token { // who is a stranger hears so first
		a := g.read(r)
		if no := g.check(a); no != nil {
			g.note(r.Method, causeOf(r.Context()).path, no)
			if no.Status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", a.allowed())
			}
			g.answer(w, no)
			return
		}
		if a.isQuery() && a.offer.Filters != nil && a.offer.Filters.EmptyOtherwise && a.offer.Filters.against(a) != nil {
			empty(w)
			return
		}
		if g.bend(a) && g.quirks.PatchNoContent && g.there(a.id) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	if g.quirks.dresses() {
		g.dressed(w, r)
		return
	}
	g.next.ServeHTTP(w, r)
}

// note writes a refusal down.
func (g *gate) note(method, path string, no *refused) {
	about, ok := g.quirks.References[no.rule]
	if !ok {
		about = g.quirks.References[""]
	}
	assumed := slices.Contains(g.quirks.Assumed, no.rule) || slices.Contains(g.offerAt(path).Assumed, no.rule)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = append(g.refused, Refusal{Method: method, Path: path, Status: no.Status, Rule: no.rule, Why: no.Detail, Reference: about, Assumed: assumed})
}

// offerAt is what there is at a path below Base, an empty offer where that is no type.
func (g *gate) offerAt(path string) *Offer {
	first, _, _ := strings.Cut(strings.Trim(path, "/"), "/")
	first, _, _ = strings.Cut(first, "?")
	switch strings.ToLower(first) {
	case "users":
		return &g.quirks.Users
	case "groups":
		return &g.quirks.Groups
	}
	return &Offer{}
}

func (g *gate) all() []Refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.refused)
}

// read takes a request apart, and leaves it whole.
func (g *gate) read(r *http.Request) *ask {
	a := &ask{Request: r, query: r.URL.Query(), offer: &Offer{}}
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, Base), "/"), "/")
	switch parts[0] {
	case "Users":
		a.typ, a.offer, a.urn = "User", &g.quirks.Users, scim.UserURN
	case "Groups":
		a.typ, a.offer, a.urn = "Group", &g.quirks.Groups, scim.GroupURN
	}
	if len(parts) > 1 {
		a.id = parts[1]
	}
	if a.search = parts[len(parts)-1] == ".search"; a.search {
		a.id = ""
	}
	body, err := io.ReadAll(r.Body)
	if r.Body = io.NopCloser(bytes.NewReader(body)); err != nil || len(body) == 0 {
		return a
	}
	if a.body, err = scim.ParseResource(body, scim.Limits{MaxBytes: maxBody}); err != nil {
		a.body = nil
		return a
	}
	if r.Method == http.MethodPatch {
		a.ops = operationsOf(a.body)
	}
	if a.search {
		v, _ := a.body.Get("filter")
		text, _ := v.AsString()
		a.query.Set("filter", text)
	}
	return a
}

// isQuery tells whether a request asks for a list of a type.
func (a *ask) isQuery() bool {
	return a.typ != "" && a.id == "" && (a.search || a.Method == http.MethodGet)
}

// writes tells whether a request brings a whole resource.
func (a *ask) writes() bool {
	return a.body != nil && !a.search && (a.Method == http.MethodPost || a.Method == http.MethodPut)
}

// allowed are the methods of the address.
func (a *ask) allowed() string {
	all := []string{http.MethodGet, http.MethodPost}
	if a.id != "" {
		all = []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPut}
	}
	return strings.Join(slices.DeleteFunc(all, func(m string) bool { return slices.Contains(a.offer.Without, m) }), ", ")
}

// check is the first thing that the app has against a request.
func (g *gate) check(a *ask) *refused {
	for _, rule := range []func(*ask) *refused{g.headers, g.contentType, g.operation, g.filter, g.resource, g.patch, g.state} {
		if no := rule(a); no != nil {
			return no
		}
	}
	return nil
}

func (g *gate) headers(a *ask) *refused {
	for name, wants := range g.quirks.Headers {
		got := strings.Join(a.Header.Values(name), ",")
		if got == "" || !strings.Contains(strings.ToLower(got), strings.ToLower(wants)) {
			return against(RefusedHeader, "the header %s must be there %s", name, wants).with(cmp.Or(g.quirks.HeaderStatus, http.StatusBadRequest))
		}
	}
	return nil
}

func (g *gate) contentType(a *ask) *refused {
	if len(g.quirks.ContentTypes) == 0 || a.ContentLength == 0 || a.Method == http.MethodGet || a.Method == http.MethodDelete {
		return nil
	}
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err == nil && slices.Contains(g.quirks.ContentTypes, kind) {
		return nil
	}
	return against(RefusedContentType, "the body must be %s", strings.Join(g.quirks.ContentTypes, " or ")).with(http.StatusUnsupportedMediaType)
}

// operation checks what there is at all.
func (g *gate) operation(a *ask) *refused {
	path := strings.TrimPrefix(a.URL.Path, Base)
	switch {
	case g.quirks.StrictPaths && strings.Contains(path, "//"):
		return against(RefusedOperation, "there is nothing at %s", path).with(http.StatusNotFound)
	case g.quirks.NoExtras && (a.search || path == "/Me" || path == "/Bulk"), a.offer.None,
		g.quirks.ConfigPath != "" && path == "/ServiceProviderConfig":
		return against(RefusedOperation, "there is no %s", path).with(http.StatusNotFound)
	case slices.Contains(a.offer.Without, a.Method) && !a.search:
		return against(RefusedOperation, "%s of a %s is not offered", a.Method, a.typ).with(http.StatusMethodNotAllowed)
	}
	return nil
}

// filter checks what a query asks for.
func (g *gate) filter(a *ask) *refused {
	if !a.isQuery() || a.query.Get("filter") == "" {
		return nil
	}
	if f := a.offer.Filters; f != nil && !f.EmptyOtherwise {
		if no := f.against(a); no != nil {
			return no
		}
	}
	if status := g.quirks.UnknownInFilter; status != 0 && a.typ == "Group" {
		f, err := scim.ParseFilter(a.query.Get("filter"), scim.FilterLimits{})
		if err != nil {
			return nil // the handler says so
		}
		for _, t := range termsOf(f) {
			id, _ := t.Value.AsString()
			if strings.EqualFold(t.Path.Attr, "members") && !g.there(id) {
				return against(RefusedFilter, "ResourceNotFound: there is no %s", id).with(status)
			}
		}
	}
	return nil
}

// there tells whether there is a user or a group of an id.
func (g *gate) there(id string) bool {
	for _, typ := range []string{"User", "Group"} {
		if _, err := g.memory.Get(context.Background(), typ, id); err == nil {
			return true
		}
	}
	return false
}

// answer says no.
func (g *gate) answer(w http.ResponseWriter, no *refused) {
	if !g.quirks.SchemaTwice {
		answer(w, no.Status, no.ScimType, no.Detail)
		return
	}
	body, _ := no.MarshalJSON() // it has no error
	said, _ := scim.ParseResource(body, scim.Limits{})
	w.Header().Set("Content-Type", "application/scim+json")
	write(w, no.Status, g.dress(no.Status, nil, said).AppendJSON(nil))
}

// write ends an answer whose header is set.
func write(w http.ResponseWriter, status int, body []byte) {
	w.WriteHeader(status)
	_, _ = bytes.NewReader(body).WriteTo(w) // nobody is there to be told
}

// empty answers a query with nobody.
func empty(w http.ResponseWriter) {
	body, _ := scim.ListResponse{StartIndex: 1}.MarshalJSON() // it has no error
	w.Header().Set("Content-Type", "application/scim+json")
	write(w, http.StatusOK, body)
}
