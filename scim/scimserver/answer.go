// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

const contentType = "application/scim+json"

// errBusy says that a change met another one every time that it was tried.
var errBusy = errors.New("the resource is being changed by too many at once")

func notHere(r *http.Request) error {
	return &scim.Error{Status: http.StatusNotFound, Detail: "there is nothing at " + r.URL.Path}
}

func badQuery(kind, detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: kind, Detail: detail}
}

// pathID reads the id out of a path.
func pathID(s string) (string, bool) {
	id, err := url.PathUnescape(s)
	return id, err == nil && id != ""
}

// fail answers with an error (RFC 7644 §3.12).
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var many *TooManyError
	switch {
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "1")
	case errors.As(err, &many):
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(many.After.Seconds()))))
	}
	e := h.told(r.Context(), err)
	body, _ := e.MarshalJSON() // it has no error
	send(w, e.Status, body)
}

// told is the one table from the errors of a Store and of package scim to what a
// client is told.
func (h *Handler) told(ctx context.Context, err error) *scim.Error {
	var taken *UniquenessError
	var large *http.MaxBytesError
	var many *TooManyError
	e := scim.ErrorOf(err)
	switch {
	case e != nil && e.Status >= 400 && e.Status <= 599:
		return e
	case errors.Is(err, ErrNotFound):
		return &scim.Error{Status: http.StatusNotFound, Detail: "there is no such resource"}
	case errors.Is(err, ErrVersion):
		return &scim.Error{Status: http.StatusPreconditionFailed, Detail: "the resource has another version"}
	case errors.Is(err, ErrCursor):
		return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.InvalidCursor, Detail: "the cursor is not one of this query's"}
	case errors.Is(err, ErrCursorExpired):
		return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.ExpiredCursor, Detail: "the cursor has expired; begin again"}
	case errors.As(err, &taken):
		return &scim.Error{Status: http.StatusConflict, ScimType: scim.UniquenessBreach, Detail: taken.Error()}
	case errors.As(err, &large):
		return &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the request is larger than %d bytes", large.Limit)}
	case errors.As(err, &many):
		return &scim.Error{Status: http.StatusTooManyRequests, Detail: many.Error()}
	case errors.Is(err, errBusy):
		return &scim.Error{Status: http.StatusServiceUnavailable, Detail: errBusy.Error()}
	}
	h.c.Failed(ctx, err)
	return &scim.Error{Status: http.StatusInternalServerError, Detail: "the service failed; nothing is known to be wrong with the request"}
}

// TooManyError says that there are too many requests, and is answered with 429 and
// Retry-After (RFC 6585 §4).
type TooManyError struct{ After time.Duration }

func (e *TooManyError) Error() string { return "too many requests a second" }

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = []string{contentType}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = bytes.NewReader(body).WriteTo(w) // nobody is there to be told of an error
}

// resource answers with a resource.
func (h *Handler) resource(w http.ResponseWriter, r *http.Request, status int, t *resourceType, res *scim.Resource, p *projection) {
	location := t.location(h.root(r), res.ID())
	about(w, status, location, res.Version())
	send(w, status, t.shown(location, res, p).AppendJSON(make([]byte, 0, usualBody)))
}

// about says in the header which resource an answer shows.
func about(w http.ResponseWriter, status int, location, version string) {
	if version != "" {
		w.Header()["Etag"] = []string{version}
	}
	if status == http.StatusCreated {
		w.Header()["Location"] = []string{location}
	} else {
		w.Header()["Content-Location"] = []string{location}
	}
}

const usualBody = 1 << 10 // bytes of most users

// root is the base URL, as its clients see it.
func (h *Handler) root(r *http.Request) string {
	if h.c.URL != "" {
		return h.c.URL
	}
	if r.TLS != nil {
		return "https://" + r.Host + h.c.Base
	}
	return "http://" + r.Host + h.c.Base
}

func (t *resourceType) location(root, id string) string {
	return root + t.Endpoint + "/" + url.PathEscape(id)
}

// read reads a request's body, of so many bytes at most; a negative number is no
// limit.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, most int) ([]byte, error) {
	kind := r.Header.Get("Content-Type")
	if kind != "" && kind != contentType {
		media, params, err := mime.ParseMediaType(kind)
		charset := strings.ToLower(params["charset"])
		if err != nil || media != contentType && media != "application/json" || charset != "" && charset != "utf-8" {
			return nil, &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "the body must be " + contentType}
		}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") { // RFC 9110 §8.4
		return nil, &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "the body must not be encoded"}
	}
	if most < 0 {
		return io.ReadAll(r.Body)
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
}
