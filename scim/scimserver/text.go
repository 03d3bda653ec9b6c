// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/usher-id/usher/scim"
)

// TextStore is a Store that keeps resources as the JSON of which answers are made, and
// gives it out as it is: to read a resource and to write it again costs about as much
// as to find it. An answer is the same, byte by byte, if Get has the attributes in the
// order of Text.
type TextStore interface {
	Store
	// GetText is Get, and LookupText is Lookup, for an answer that shows all of a
	// resource but these attributes. ok is false if there is no text of it, or none
	// without them: the handler then asks for the resource.
	GetText(ctx context.Context, typ, id string, without []scim.Path) (t Text, ok bool, err error)
	LookupText(ctx context.Context, typ string, attribute scim.Path, value string, without []scim.Path) (found []Text, ok bool, err error)
}

// Text is a resource as JSON: the attributes of Body, id, meta, and those of Rest, in
// this order. None is in two of these places.
type Text struct {
	Body []byte // an object as scim.Resource.AppendJSON writes it
	Rest []byte // likewise; nil for nothing

	ID                    string
	Created, LastModified time.Time
	Version               string // an entity tag with its quotes, "" for none
}

// usualMeta is the bytes of most ids, metas, and heads of lists.
const usualMeta = 512

// room is for a resource and what stands around it.
func (x *Text) room() []byte { return make([]byte, 0, len(x.Body)+len(x.Rest)+usualMeta) }

// appendJSON appends the resource as an answer shows it, if nothing is asked for.
func (x *Text) appendJSON(dst []byte, t *resourceType, location string) []byte {
	dst = append(dst, bytes.TrimSuffix(x.Body, []byte("}"))...)
	if len(x.Body) > len("{}") {
		dst = append(dst, ',')
	}
	add := func(name string, v scim.Value) { dst = v.AppendJSON(append(dst, name...)) }
	add(`"id":`, scim.String(x.ID))
	add(`,"meta":{"resourceType":`, scim.String(t.Name))
	add(`,"created":`, scim.DateTime(x.Created))
	add(`,"lastModified":`, scim.DateTime(x.LastModified))
	if x.Version != "" {
		add(`,"version":`, scim.String(x.Version))
	}
	add(`,"location":`, scim.String(location))
	dst = append(dst, '}')
	if len(x.Rest) > len("{}") {
		dst = append(append(dst, ','), x.Rest[1:len(x.Rest)-1]...)
	}
	return append(dst, '}')
}

// getText is get of what there is a text of; done says that it has answered.
func (h *Handler) getText(w http.ResponseWriter, r *http.Request, t *resourceType, id string) (done bool, err error) {
	x, ok, err := h.texts.GetText(r.Context(), t.Name, id, t.hidden)
	if !ok || err != nil {
		return false, err
	}
	if !unchanged(w, r, x.Version) {
		location := t.location(h.root(r), x.ID)
		about(w, http.StatusOK, location, x.Version)
		send(w, http.StatusOK, x.appendJSON(x.room(), t, location))
	}
	return true, nil
}

// listText is list of what one value names and there is a text of; done says that it has
// answered.
func (h *Handler) listText(w http.ResponseWriter, r *http.Request, t *resourceType, q asked) (done bool, err error) {
	path, value, ok := q.named(t)
	if !ok {
		return false, nil
	}
	all, ok, err := h.texts.LookupText(r.Context(), t.Name, path, value, t.hidden)
	if !ok || err != nil || len(all) > 1 { // several have an order and pages
		return false, err
	}
	shown := all[:min(len(all), q.Count)]
	body, _ := q.message(len(all), len(shown)).MarshalJSON() // it has no error
	if len(shown) > 0 {
		x, end := &shown[0], "]}" // of the empty list, between which it stands
		body = append(x.room(), body[:len(body)-len(end)]...)
		body = append(x.appendJSON(body, t, t.location(h.root(r), x.ID)), end...)
	}
	send(w, http.StatusOK, body)
	return true, nil
}
