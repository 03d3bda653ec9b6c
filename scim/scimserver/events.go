// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// EventStore is a Store that tells others of what it changes, by security event tokens
// (RFC 9967). It finds the request that a change comes of by RequestOf.
type EventStore interface {
	Store
	// EventURIs are the events that it gives, for ServiceProviderConfig; none if it
	// gives none. With scimevent.AsyncResponse among them, a client may prefer to be
	// answered by one (RFC 9967 §2.5.1.1). It is asked once, by New.
	EventURIs() []string
}

// Request is the request that an EventStore carries out.
type Request struct {
	Method string // POST, PUT, PATCH or DELETE
	Txn    string // names its transaction in every event that comes of it (RFC 8417 §2.2)
	// Async says that the client would have an event for its answer. A store that has
	// committed one says so by Promise, and the client gets 202; without it the answer
	// is the usual one, as RFC 9967 §2.5.1.1 allows.
	Async bool

	h        *Handler
	root     string
	promised bool
}

type requestKey struct{}

// RequestOf is the request that a method of an EventStore is called for; nil outside
// of a Handler, and for a store that gives no events.
func RequestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

// Promise says that the event which answers the request is committed.
func (r *Request) Promise() { r.promised = true }

// Path is where a resource is, below the base (RFC 9967 §2.1); "" for a type that there
// is not.
func (r *Request) Path(typ, id string) string {
	t := r.h.typeOf(typ)
	if t == nil {
		return ""
	}
	return t.location("", id)
}

// Shown is a resource as the client is shown it if it names no attributes: without
// those that are never returned, only on request, or hidden.
func (r *Request) Shown(typ string, res *scim.Resource) *scim.Resource {
	t := r.h.typeOf(typ)
	if t == nil {
		return scim.NewResource()
	}
	return t.shown(t.location(r.root, res.ID()), res, &t.plain)
}

func (h *Handler) typeOf(name string) *resourceType {
	i := slices.IndexFunc(h.types, func(t *resourceType) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return h.types[i]
}

// asked puts the request of a change where the store finds it; nil if the store gives
// no events.
func (h *Handler) asked(ctx context.Context, method, root string) (context.Context, *Request) {
	if len(h.events) == 0 {
		return ctx, nil
	}
	req := &Request{Method: method, Txn: rand.Text(), h: h, root: root}
	return context.WithValue(ctx, requestKey{}, req), req
}

// heard carries out a request that may change something, and answers it with 202 if
// that is what the client prefers and the store has promised.
func (h *Handler) heard(w http.ResponseWriter, r *http.Request, t *resourceType, id string, do func(http.ResponseWriter, *http.Request) error) error {
	root := h.root(r)
	ctx, req := h.asked(r.Context(), r.Method, root)
	if req == nil {
		return do(w, r)
	}
	r = r.WithContext(ctx)
	if req.Async = slices.Contains(h.events, scimevent.AsyncResponse) && prefersAsync(r.Header); !req.Async {
		return do(w, r)
	}
	later := &acceptance{ResponseWriter: w, req: req, location: t.location(root, id)}
	err := do(later, r)
	if err != nil && req.promised && !later.wrote {
		// It is done, and the event says so, whatever failed on the way to an answer.
		h.c.Failed(r.Context(), err)
		later.WriteHeader(http.StatusOK)
		return nil
	}
	return err
}

// acceptance turns the answer to a request whose event is promised into 202 without a
// body (RFC 9967 §2.5.1.1).
type acceptance struct {
	http.ResponseWriter
	req      *Request
	location string // of the resource, unless the answer says it
	wrote    bool
}

func (a *acceptance) WriteHeader(status int) {
	a.wrote = true
	if !a.req.promised {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	h := a.Header()
	if h.Get("Location") == "" {
		h.Set("Location", a.location)
	}
	for _, name := range []string{"Content-Type", "Content-Location", "ETag"} {
		h.Del(name)
	}
	h.Set("Content-Length", "0")
	h.Set("Set-Txn", a.req.Txn)
	h.Set("Preference-Applied", "respond-async")
	a.ResponseWriter.WriteHeader(http.StatusAccepted)
}

func (a *acceptance) Write(b []byte) (int, error) {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	if a.req.promised {
		return len(b), nil
	}
	return a.ResponseWriter.Write(b)
}

// prefersAsync reads Prefer (RFC 7240 §2). Who would wait for an answer gets it: no
// request is carried out for as long as a second (§4.3).
func prefersAsync(h http.Header) bool {
	async, seen := false, map[string]bool{}
	for _, line := range h.Values("Prefer") {
		for one := range strings.SplitSeq(line, ",") {
			one, _, _ = strings.Cut(one, ";")
			name, value, _ := strings.Cut(one, "=")
			name, value = strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(value), `"`)
			if seen[name] { // the first counts (§2)
				continue
			}
			seen[name] = true
			switch name {
			case "respond-async":
				async = true
			case "wait":
				if n, err := strconv.Atoi(value); err == nil && n > 0 {
					return false
				}
			}
		}
	}
	return async
}

// securityEvents is what ServiceProviderConfig says of events (RFC 9967 §4).
func (h *Handler) securityEvents() scim.Value {
	async := "none"
	if slices.Contains(h.events, scimevent.AsyncResponse) {
		async = "request"
	}
	uris := make([]scim.Value, len(h.events))
	for i, uri := range h.events {
		uris[i] = scim.String(uri)
	}
	var o scim.Object
	o.Set("asyncRequest", scim.String(async))
	o.Set("eventUris", scim.List(uris...))
	return scim.Complex(o)
}
