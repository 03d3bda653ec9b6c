// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/scim"
)

// Event tells of one effect: who did what to whom, before, after and why.
// Values must carry mapped attributes only, never a secret.
type Event struct {
	At     time.Time // the real clock's instant of the transaction
	Kind   string    // noun.verb, such as "account.created"
	Actor  string    // who: "apply", "serve", or an administrator's name
	Person string    // directory id, "" when the event is about nobody
	App    string    // app's name, "" when the event is about none
	Object string    // team, source, hold or file that the event is about
	Why    string    // the cause, in a sentence
	Op     string    // id of the planned operation, "" when none
	Before any       // JSON-encodable, nil when there was nothing
	After  any       // JSON-encodable, nil when there is nothing
}

// Appender is what a room's transaction embeds to tell the ledger of its
// effects. The events commit with the transaction or not at all.
type Appender interface {
	AppendEvents(ctx context.Context, events []Event) error
}

// Envelope is the part of a stored event that the chain covers. It survives
// the erasure of its payload.
type Envelope struct {
	ID     int64 // storage order, given by the store
	At     time.Time
	Kind   string
	Digest [sha256.Size]byte // SHA-256 over salt and payload
}

// Sealed is an event ready to be stored.
type Sealed struct {
	Envelope
	Person  string
	Salt    []byte
	Payload []byte
}

const saltBytes = 16

// payload is what is kept by person and can be erased, as JSON. It is written
// by hand: there is one for every effect, thousands a second in a first load.
func (e Event) payload() ([]byte, error) {
	dst := append(make([]byte, 0, 256), '{')
	var err error
	for _, f := range []struct{ name, text string }{
		{"actor", e.Actor}, {"person", e.Person}, {"app", e.App}, {"object", e.Object}, {"why", e.Why}, {"op", e.Op},
	} {
		if f.text == "" {
			continue
		}
		dst = member(dst, f.name)
		if dst, err = jsontext.AppendQuote(dst, strings.ToValidUTF8(f.text, "\uFFFD")); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		name  string
		value any
	}{{"before", e.Before}, {"after", e.After}} {
		if f.value == nil {
			continue
		}
		if dst, err = appendAny(member(dst, f.name), f.value); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func member(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(append(dst, '"'), name...), `":`...)
}

// appendAny writes what an event tells of, attributes in order of their paths.
func appendAny(dst []byte, v any) ([]byte, error) {
	values, ok := v.(map[string]scim.Value)
	if !ok {
		b, err := json.Marshal(v)
		return append(dst, b...), err
	}
	dst = append(dst, '{')
	for i, path := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = jsontext.AppendQuote(dst, path); err != nil {
			return nil, err
		}
		dst = values[path].AppendJSON(append(dst, ':'))
	}
	return append(dst, '}'), nil
}

// Seal encodes e and salts its digest, so that a digest that outlives its
// payload does not let anybody guess what was erased.
func Seal(e Event) (Sealed, error) {
	body, err := e.payload()
	if err != nil {
		return Sealed{}, fmt.Errorf("ledger event %s: %w", e.Kind, err)
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails, as of Go 1.24
	s := Sealed{Person: e.Person, Salt: salt, Payload: body}
	s.At, s.Kind, s.Digest = e.At.UTC().Truncate(time.Microsecond), e.Kind, digest(salt, body)
	return s, nil
}

func digest(salt, body []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil))
}
