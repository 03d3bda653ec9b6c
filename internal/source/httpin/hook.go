// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/source"
)

// Algorithm is how a delivery shows that its sender knows a secret.
type Algorithm string

// The algorithms. AlgSecret is none: the header holds the secret itself.
const (
	AlgSHA256 Algorithm = "sha256" // HMAC, RFC 2104
	AlgSHA512 Algorithm = "sha512"
	AlgSecret Algorithm = "secret"
)

// The parts of what is signed.
const (
	bodyIn = "{body}"
	timeIn = "{timestamp}"
)

// HookConfig says by what a delivery is known and of whom it speaks.
type HookConfig struct {
	Algorithm Algorithm
	Header    string // which holds the signature
	Prefix    string // that stands before it, such as sha256=
	Base64    bool   // it is written in base64 (RFC 4648 §4), and not in hexadecimal digits
	// Signed is what is signed: {body} once, and {timestamp} at most once, as the header
	// has it, with whatever stands between; "" is the body alone.
	Signed string
	// TimeHeader holds when it was signed; "" if that is not told. What is older than Within,
	// or so far ahead, is refused.
	TimeHeader string
	TimeForm   TimeForm
	Within     time.Duration // default 5 min
	// Person leads to the ids of whom it speaks; nil: it tells of nobody, and everybody is
	// read. Event leads to what tells a delivery from every other; nil: nothing does.
	Person, Event *Path
	// Revoke tells calls that end all access of their people at once; nil: none does.
	Revoke *Revoke
	// Ping is what a system sends, unsigned, to try whether somebody is there; "" if it
	// sends no such thing.
	Ping string
}

// Revoke tells, by a value in a call, that the access of those whom it speaks of ends at
// once, whatever their records say.
type Revoke struct {
	At     Path     // to what says so
	Values []string // by which of these
	// When leads to when that happened; nil: it is when the call was signed.
	When *Path
}

// Check says what is wrong with the configuration.
func (c HookConfig) Check() error {
	signed := c.Signed != "" && strings.Count(c.Signed, bodyIn) != 1
	timed := strings.Count(c.Signed, timeIn)
	switch {
	case c.Header == "":
		return errors.New("a webhook has no header")
	case c.Algorithm == AlgSecret && (c.Signed != "" || c.TimeHeader != "" || c.Base64):
		return errors.New("with algorithm: secret nothing is signed: take out signed, timestamp and encoding")
	case signed:
		return errors.New("signed must hold {body} once, such as {timestamp}.{body}")
	case timed > 1 || timed == 1 && c.TimeHeader == "":
		return errors.New("{timestamp} may stand once in signed, with a timestamp that says which header holds it")
	case c.Revoke != nil && c.Person == nil:
		return errors.New("revoke has no use without person, which says whose access ends")
	case c.Revoke != nil && c.Revoke.When == nil && c.TimeHeader == "":
		return errors.New("revoke has no at, the path to when it happened, and no timestamp stands for it: an old call that is sent again would end the access of somebody who was hired since")
	case c.Revoke != nil && c.Algorithm == AlgSecret:
		return errors.New("revoke cannot be with algorithm: secret, as such a call is not signed: whoever has seen one knows the secret, and could end anybody's access")
	case timed == 0 && c.TimeHeader != "":
		return errors.New("a timestamp that is not signed proves nothing: write it into signed, such as {timestamp}.{body}")
	case c.Revoke != nil: // of several events in a call nobody could tell which one speaks of whom
		return plain(c.Revoke.At, "path of revoke")
	}
	return nil
}

// Hook takes calls that tell of changes. What a call says is not acted upon, it only has
// somebody read; but for HookConfig.Revoke, as no record says what such a call does.
type Hook struct {
	HookConfig
	Secrets func() []string // those that hold now: two while one is exchanged for the other
	Hear    Listener
	// ByID says that single records can be read. Else every call has everybody read.
	ByID bool
	Now  func() time.Time // default time.Now
	// Body is how long the body of a call may take to come; default 5 s.
	Body time.Duration
}

// Bounds of what a call may cost.
const (
	mostCall   = 256 << 10 // bytes
	mostIDs    = 1_000
	mostAtOnce = 64
	hearWithin = 10 * time.Second
)

// Handler answers calls: 204 once what a call tells is kept, and 503 for trouble of ours, as
// makers give up what was answered with 4xx.
func (h *Hook) Handler() http.Handler {
	busy, ping := make(chan struct{}, mostAtOnce), pings{text: h.Ping, busy: make(chan struct{}, pingsAtOnce)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "calls come by POST", http.StatusMethodNotAllowed)
			return
		}
		// Where that cannot be, the server has a bound of its own.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(cmp.Or(h.Body, 5*time.Second)))
		switch { // before a place is taken, which is not for everybody who can reach us
		case ping.is(r, h.Header):
			w.WriteHeader(http.StatusNoContent)
			return
		case !h.plausible(r):
			unsigned(w)
			return
		case !h.fresh(r):
			http.Error(w, "the call was signed too long ago, or is not yet", http.StatusUnauthorized)
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostCall))
	if err == nil { // else the call ends while it is kept; what has not come is not waited for
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large): // nobody knows whose it is, as it cannot be verified
		http.Error(w, "a call has at most 256 KiB", http.StatusRequestEntityTooLarge)
		return
	case err != nil: // cut short on the way
		unavailable(w)
		return
	case !h.knows(r, body):
		unsigned(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), hearWithin)
	defer cancel()
	if err := h.tell(ctx, r, body); err != nil {
		if h.Hear.State != nil {
			h.Hear.State(err)
		}
		unavailable(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// tell has those read of whom a call speaks. One of whom that is not clear is genuine all
// the same, and has everybody read. As that is done at every start, too, it is not lost
// with the process; that somebody's access ends would be.
func (h *Hook) tell(ctx context.Context, r *http.Request, body []byte) error {
	v, err := jsonpath.Parse(body)
	if err != nil || h.Person == nil {
		h.Hear.Lost()
		return nil
	}
	revoked, dated := h.revoked(r, v)
	if !h.ByID && revoked.IsZero() {
		h.Hear.Lost()
		return nil
	}
	keys, all := h.ids(v)
	if !all || !h.ByID {
		h.Hear.Lost()
	}
	event := ""
	if h.Event != nil {
		event, _ = v.First(*h.Event)
	}
	for _, key := range keys {
		word := source.Word{Key: key, Revoked: revoked}
		if !revoked.IsZero() && !dated {
			sum := sha256.Sum256(body)
			word.Undated = hex.EncodeToString(sum[:])
		}
		if event != "" { // of this person: another call may tell of others under the same one
			sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", event, key))
			word.ID = hex.EncodeToString(sum[:])
		}
		if err := h.Hear.Hear(ctx, word); err != nil {
			return err
		}
	}
	if !revoked.IsZero() && !all {
		return errWhose
	}
	return nil
}

// errWhose has the call sent again, and somebody told.
var errWhose = errors.New("it ends somebody's access at once, and does not say whose where person of webhook leads")

// revoked is when the access ended of those whom a call speaks of; zero if it ends none.
// A time that cannot be read, or that lies ahead, is now, and dated is false.
func (h *Hook) revoked(r *http.Request, v *jsonpath.Value) (at time.Time, dated bool) {
	if h.Revoke == nil {
		return time.Time{}, false
	}
	if what, _ := v.First(h.Revoke.At); !slices.Contains(h.Revoke.Values, what) {
		return time.Time{}, false
	}
	now := h.now()
	at, err := h.TimeForm.read(strings.TrimSpace(r.Header.Get(h.TimeHeader)))
	if h.Revoke.When != nil {
		text, _ := v.First(*h.Revoke.When)
		at, err = moment(text)
	}
	if err != nil || at.After(now) {
		return now, false
	}
	return at, true
}

// moment reads a time as makers write it into calls: as RFC 3339 has it, or without a zone,
// which is UTC; or seconds or milliseconds since 1970.
func moment(text string) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n >= sinceEpoch*1000 {
			return time.UnixMilli(n), nil
		}
		return time.Unix(n, 0), nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	return time.Parse(dateTime, text)
}

// ids are those of whom a call speaks; all is false if there may be others.
func (h *Hook) ids(v *jsonpath.Value) (keys []string, all bool) {
	found := v.Find(*h.Person)
	if all = len(found) > 0 && len(found) <= mostIDs; !all {
		return nil, false
	}
	for _, f := range found {
		if key := idOf(f, Path{}); key == "" {
			all = false
		} else if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, all
}

func unsigned(w http.ResponseWriter) {
	http.Error(w, "the signature is not by a secret that is configured", http.StatusUnauthorized)
}

func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "the call was not taken; send it again", http.StatusServiceUnavailable)
}

// given is the signature of a call, or its secret, as it is written.
func (h *Hook) given(r *http.Request) (text string, ok bool) {
	values := r.Header.Values(h.Header)
	if len(values) != 1 { // of two nobody can say which one counts
		return "", false
	}
	return strings.CutPrefix(strings.TrimSpace(values[0]), h.Prefix)
}

// plausible reports whether a call may be by somebody who knows a secret, as far as that can
// be told without its body.
func (h *Hook) plausible(r *http.Request) bool {
	given, ok := h.given(r)
	if !ok || h.Algorithm == AlgSecret {
		return ok && h.holds(given)
	}
	sum, err := h.decode(given)
	return err == nil && len(sum) == h.hash()().Size()
}

// knows compares the signature with that by each secret, in a time that tells nothing of
// them.
func (h *Hook) knows(r *http.Request, body []byte) bool {
	given, ok := h.given(r)
	if !ok || h.Algorithm == AlgSecret {
		return ok && h.holds(given)
	}
	sum, err := h.decode(given)
	if err != nil {
		return false
	}
	text := h.signed(r, body)
	match := false
	for _, secret := range h.Secrets() {
		if secret == "" {
			continue
		}
		mac := hmac.New(h.hash(), []byte(secret))
		mac.Write(text)
		match = hmac.Equal(mac.Sum(nil), sum) || match
	}
	return match
}

// holds compares what was given with each secret.
func (h *Hook) holds(given string) bool {
	sum, match := sha256.Sum256([]byte(given)), false
	for _, secret := range h.Secrets() {
		want := sha256.Sum256([]byte(secret))
		match = secret != "" && hmac.Equal(sum[:], want[:]) || match
	}
	return match
}

func (h *Hook) hash() func() hash.Hash {
	if h.Algorithm == AlgSHA512 {
		return sha512.New
	}
	return sha256.New
}

func (h *Hook) decode(text string) ([]byte, error) {
	if h.Base64 {
		return base64.StdEncoding.DecodeString(text)
	}
	return hex.DecodeString(text)
}

// signed is what a signature is over.
func (h *Hook) signed(r *http.Request, body []byte) []byte {
	if h.Signed == "" {
		return body
	}
	before, after, _ := strings.Cut(h.Signed, bodyIn)
	at := r.Header.Get(h.TimeHeader)
	fill := func(part string) []byte { return []byte(strings.Replace(part, timeIn, at, 1)) }
	return bytes.Join([][]byte{fill(before), body, fill(after)}, nil)
}

// fresh refuses what was signed too long ago, so that who has overheard a call can send it
// again for a while only.
func (h *Hook) fresh(r *http.Request) bool {
	if h.TimeHeader == "" {
		return true
	}
	values := r.Header.Values(h.TimeHeader)
	if len(values) != 1 {
		return false
	}
	at, err := h.TimeForm.read(strings.TrimSpace(values[0]))
	if err != nil {
		return false
	}
	within := h.Within
	if within == 0 {
		within = 5 * time.Minute
	}
	return h.now().Sub(at).Abs() <= within
}

func (h *Hook) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}
