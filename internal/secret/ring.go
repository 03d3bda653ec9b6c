// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xchacha20poly1305"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	// keyPrefix begins the text of a key, so that a scanner of repositories and logs
	// knows one that got there.
	keyPrefix = "usher-key-1:"
	sumBytes  = 4 // of SHA-256, behind the keyset: a key that was cut or mistyped is none

	maxRing = 64 << 10 // bytes
	maxKeys = 64
)

// Ring holds keys. The first seals, all of them open. Printing a ring prints no key.
type Ring struct{ keys []*key }

// key is behind a pointer, as fmt follows none into a struct that is not exported.
type key struct {
	id   string // eight hexadecimal digits, as in what it seals
	aead tink.AEAD
}

// NewKey makes a key, and returns its text and its id.
func NewKey() (text, id string, err error) {
	params, err := xchacha20poly1305.NewParameters(xchacha20poly1305.VariantTink)
	if err != nil {
		return "", "", fmt.Errorf("a key cannot be made: %w", err)
	}
	m := keyset.NewManager()
	number, err := m.AddNewKeyFromParameters(params)
	if err == nil {
		err = m.SetPrimary(number)
	}
	if err != nil {
		return "", "", fmt.Errorf("a key cannot be made: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return "", "", fmt.Errorf("a key cannot be made: %w", err)
	}
	var body bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&body)); err != nil {
		return "", "", fmt.Errorf("a key cannot be made: %w", err)
	}
	sum := sha256.Sum256(body.Bytes())
	body.Write(sum[:sumBytes])
	defer clear(body.Bytes())
	return keyPrefix + base64.RawURLEncoding.EncodeToString(body.Bytes()), keyID(number), nil
}

func keyID(number uint32) string { return fmt.Sprintf("%08x", number) }

// ParseRing reads keys, apart by blanks, commas or line ends; a line that begins with #
// is a remark. No error shows anything of a key.
func ParseRing(text string) (*Ring, error) {
	if len(text) > maxRing {
		return nil, errors.New("the key ring is larger than 64 KiB")
	}
	r := &Ring{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, word := range strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\n' }) {
			k, err := parseKey(word)
			switch {
			case err != nil:
				return nil, fmt.Errorf("key %d of the key ring %w", len(r.keys)+1, err)
			case r.Has(k.id):
				return nil, fmt.Errorf("the key ring has two keys of the id %s", k.id)
			case len(r.keys) == maxKeys:
				return nil, fmt.Errorf("the key ring has more than %d keys", maxKeys)
			}
			r.keys = append(r.keys, k)
		}
	}
	if len(r.keys) == 0 {
		return nil, errors.New("the key ring has no key")
	}
	return r, nil
}

var errNoKey = errors.New("is none: a key is a line of " + keyPrefix + "…, as usher secret key makes it, and this one is cut or changed")

func parseKey(word string) (*key, error) {
	text, ok := strings.CutPrefix(word, keyPrefix)
	if !ok {
		return nil, errNoKey
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(text)
	defer clear(body)
	if err != nil || len(body) <= sumBytes {
		return nil, errNoKey
	}
	body, sum := body[:len(body)-sumBytes], body[len(body)-sumBytes:]
	want := sha256.Sum256(body)
	if subtle.ConstantTimeCompare(sum, want[:sumBytes]) != 1 {
		return nil, errNoKey
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(body)))
	if err != nil || h.Len() != 1 {
		return nil, errNoKey // the library's own words may show what it has read
	}
	entry, err := h.Primary()
	if err != nil || entry.KeyStatus() != keyset.Enabled {
		return nil, errNoKey
	}
	k, ok := entry.Key().(*xchacha20poly1305.Key)
	if !ok || k.Parameters().(*xchacha20poly1305.Parameters).Variant() != xchacha20poly1305.VariantTink {
		return nil, errors.New("is of another kind than those that seal here (XChaCha20-Poly1305)")
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, errNoKey
	}
	return &key{keyID(entry.KeyID()), a}, nil
}

// First is the id of the key that seals.
func (r *Ring) First() string { return r.keys[0].id }

// IDs are those of all keys, the one that seals first.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id
	}
	return ids
}

// Has tells whether the ring has a key.
func (r *Ring) Has(id string) bool { return r.find(id) != nil }

func (r *Ring) find(id string) *key {
	for _, k := range r.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// Format tells how many keys there are, for every verb.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "a key ring of %d", len(r.keys)) }

// MarshalText tells what Format tells.
func (r *Ring) MarshalText() ([]byte, error) { return fmt.Append(nil, r), nil }

// LooksLikeKeys tells a ring's text from the path of a file that holds one.
func LooksLikeKeys(text string) bool { return strings.Contains(text, keyPrefix) }

// readRing reads a ring's text to its end.
func readRing(r io.Reader) (*Ring, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxRing+1))
	defer clear(text)
	if err != nil {
		return nil, err
	}
	return ParseRing(string(text))
}
