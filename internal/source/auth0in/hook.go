// SPDX-License-Identifier: Apache-2.0

package auth0in

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/auth0"
)

// Hook takes the deliveries of an event stream. What it says is never acted upon, as
// nobody signs it: it only has a user read.
type Hook struct {
	Tenant *Tenant
	Header string // which holds the secret; default Authorization
	// Secrets are what the header may be: two while one is exchanged for the other. With
	// Authorization it may have "Bearer " before it.
	Secrets []string
	Sealed  func() []string // others that it may be, as they are at the time; may be nil
	Hear    Listener
}

const (
	mostEvent  = 256 << 10 // bytes; a user's profile has 10 kB
	mostAtOnce = 64
	hearWithin = 10 * time.Second
)

// Handler answers deliveries. 204 is given once the event is kept; a failure of ours is
// 503, as Auth0 tries no delivery again that was answered with 4xx.
func (h *Hook) Handler() http.Handler {
	busy := make(chan struct{}, mostAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "deliveries come by POST", http.StatusMethodNotAllowed)
			return
		}
		if !h.knows(r) {
			http.Error(w, "the secret is not the one that is configured", http.StatusUnauthorized)
			return
		}
		select {
		case busy <- struct{}{}:
			defer func() { <-busy }()
		default:
			unavailable(w)
			return
		}
		h.take(w, r)
	})
}

func (h *Hook) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostEvent))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		h.lost() // it will not be sent again
		http.Error(w, "an event has at most 256 KiB", http.StatusRequestEntityTooLarge)
		return
	case err != nil: // cut short on the way
		unavailable(w)
		return
	}
	e, err := auth0.ParseEvent(body)
	if err != nil {
		h.lost()
		http.Error(w, "this is no event", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), hearWithin)
	defer cancel()
	word := h.Tenant.Word(e)
	word.Progress, err = h.Tenant.heard()
	if err == nil {
		err = h.Hear.Hear(ctx, word)
	}
	if err != nil {
		if h.Hear.State != nil {
			h.Hear.State(err)
		}
		unavailable(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// lost has everybody read, as it is not known of whom an event spoke.
func (h *Hook) lost() {
	if h.Hear.Lost != nil {
		h.Hear.Lost()
	}
}

func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "the event was not taken; send it again", http.StatusServiceUnavailable)
}

// knows compares the secret with each that may be, in a time that tells nothing of them.
func (h *Hook) knows(r *http.Request) bool {
	name := h.Header
	if name == "" {
		name = "Authorization"
	}
	given := sha256.Sum256([]byte(r.Header.Get(name)))
	match := 0
	all := h.Secrets
	if h.Sealed != nil {
		all = slices.Concat(all, h.Sealed())
	}
	for _, s := range all {
		if s == "" {
			continue
		}
		for _, want := range []string{s, "Bearer " + s} {
			sum := sha256.Sum256([]byte(want))
			match |= subtle.ConstantTimeCompare(given[:], sum[:])
		}
	}
	return match == 1
}
