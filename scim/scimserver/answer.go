// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/usher-id/usher/scim"
)

const contentType = "application/scim+json"

func notHere(r *http.Request) error {
	return &scim.Error{Status: http.StatusNotFound, Detail: "there is nothing at " + r.URL.Path}
}

// pathID reads the id out of a path.
func pathID(s string) (string, bool) {
	id, err := url.PathUnescape(s)
	return id, err == nil && id != ""
}

// fail answers with an error (RFC 7644 §3.12). This is the one table from the
// errors of a Store and of package scim to what a client is told.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var taken *UniquenessError
	var too *http.MaxBytesError
	e := scim.ErrorOf(err)
	switch {
	case e != nil:
	case errors.Is(err, ErrNotFound):
		e = &scim.Error{Status: http.StatusNotFound, Detail: "there is no such resource"}
	case errors.Is(err, ErrVersion):
		e = &scim.Error{Status: http.StatusPreconditionFailed, Detail: "the resource has another version"}
	case errors.Is(err, ErrCursor):
		e = &scim.Error{Status: http.StatusBadRequest, ScimType: scim.InvalidCursor, Detail: "the cursor is not one of this query's"}
	case errors.As(err, &taken):
		e = &scim.Error{Status: http.StatusConflict, ScimType: scim.UniquenessBreach, Detail: taken.Error()}
	case errors.As(err, &too):
		e = &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the request is larger than %d bytes", too.Limit)}
	default:
		h.c.Failed(r.Context(), err)
		e = &scim.Error{Status: http.StatusInternalServerError, Detail: "the service failed; nothing is known to be wrong with the request"}
	}
	body, _ := e.MarshalJSON() // it has no error
	send(w, e.Status, body)
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is there to be told
}

// resource answers with a resource, or without it if the client has it already.
func (h *Handler) resource(w http.ResponseWriter, status int, t *resourceType, r *scim.Resource, p projection) {
	if v := r.Version(); v != "" {
		w.Header().Set("ETag", v)
	}
	location := h.location(t, r.ID())
	if status == http.StatusCreated {
		w.Header().Set("Location", location)
	} else {
		w.Header().Set("Content-Location", location)
	}
	send(w, status, h.shown(t, r, p).AppendJSON(nil))
}

func (h *Handler) location(t *resourceType, id string) string {
	return h.c.URL + t.Endpoint + "/" + url.PathEscape(id)
}

// read reads a request's body.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind := r.Header.Get("Content-Type")
	if kind != "" {
		media, params, err := mime.ParseMediaType(kind)
		charset := strings.ToLower(params["charset"])
		if err != nil || media != contentType && media != "application/json" || charset != "" && charset != "utf-8" {
			return nil, &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "the body must be " + contentType}
		}
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, int64(h.c.Limits.Body.MaxBytes)))
}
