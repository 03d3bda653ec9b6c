// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// MaxValue is how long a value may be, in bytes.
const MaxValue = 64 << 10

// Usher is the origin of what is sent nowhere: what others prove to us, and what we
// sign with.
const Usher = "usher"

const (
	maxOrigin = 1 << 10
	maxName   = 63
)

// Sealed is a value as it is kept. Nothing in it is secret.
type Sealed struct {
	Name       string    `json:"name"`
	Version    int       `json:"version"` // from 1
	Origin     string    `json:"origin"`  // where it may go: scheme://host[:port], or Usher
	Key        string    `json:"key"`     // id of the key that seals it
	Ciphertext []byte    `json:"ciphertext"`
	Created    time.Time `json:"created"`
	Who        string    `json:"who"`
	State      State     `json:"state,omitempty"`
}

// State says how far a version is on its way to where it is used.
type State string

// The states. Rotation is the room secret/rotation's; others leave them as they are.
const (
	Held     State = ""
	Intended State = "intended" // made here; whether it is taken where it goes is not known yet
	Retiring State = "retiring" // the one before, which is to be taken back where it went
)

// String names the value.
func (s Sealed) String() string { return fmt.Sprintf("secret:%s, version %d", s.Name, s.Version) }

// CheckName refuses what is no name of a secret.
func CheckName(name string) error {
	ok := name != "" && len(name) <= maxName && name[0] >= 'a' && name[0] <= 'z'
	for i := range len(name) {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return errors.New("a secret's name is a letter, then letters, digits and hyphens, all lower-case, at most 63")
	}
	return nil
}

// ErrEmpty says that there is no value.
var ErrEmpty = errors.New("the value is empty")

// CheckValue refuses values that cannot be kept. It shows nothing of them.
func CheckValue(value []byte) error {
	switch {
	case len(bytes.TrimSpace(value)) == 0:
		return ErrEmpty
	case len(value) > MaxValue:
		return fmt.Errorf("the value is longer than %d KiB", MaxValue>>10)
	}
	return nil
}

func (s Sealed) check() error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	if s.Version < 1 || s.Origin == "" || len(s.Origin) > maxOrigin || len(s.Ciphertext) > MaxValue+1<<10 {
		return fmt.Errorf("secret:%s has no version, no origin, or more than fits", s.Name)
	}
	return nil
}

// bound is the associated data of a value: each part with its length before it, so that
// no two differ in where one part ends.
func (s Sealed) bound() []byte {
	out := []byte("usher secret 1")
	for _, part := range []string{s.Name, s.Origin} {
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return binary.AppendUvarint(out, uint64(s.Version))
}

// Seal seals a value by the first key. The rest of s says what it is bound to.
func (r *Ring) Seal(s Sealed, value []byte) (Sealed, error) {
	if err := CheckValue(value); err != nil {
		return Sealed{}, fmt.Errorf("secret:%s: %w", s.Name, err)
	}
	var err error
	s.Key = r.keys[0].id
	if s.Ciphertext, err = r.keys[0].aead.Encrypt(value, s.bound()); err != nil {
		return Sealed{}, fmt.Errorf("secret:%s cannot be sealed", s.Name)
	}
	return s, s.check()
}

// MissingKeyError says that the key is not in the ring which a value was sealed by.
type MissingKeyError struct {
	Sealed string // what it is
	Key    string
}

func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("%s is sealed by key %s, which is not in the key ring", e.Sealed, e.Key)
}

// DamagedError says that a value does not open although its key is there.
type DamagedError struct{ Sealed string }

func (e *DamagedError) Error() string {
	return e.Sealed + " does not open: its row in the store was changed, or copied there from another place"
}

// keyOf is the id of the key that a ciphertext says it is sealed by, "" for none
// (Tink's output prefix: 1, and the id in four bytes, the highest first).
func keyOf(ciphertext []byte) string {
	const prefix = 5
	if len(ciphertext) < prefix || ciphertext[0] != 1 {
		return ""
	}
	return keyID(binary.BigEndian.Uint32(ciphertext[1:prefix]))
}

// Open returns a value, which the caller wipes when it is done with it. An error is a
// *MissingKeyError or a *DamagedError.
func (r *Ring) Open(s Sealed) ([]byte, error) {
	id := keyOf(s.Ciphertext)
	if id == "" || id != s.Key {
		return nil, &DamagedError{s.String()}
	}
	k := r.find(id)
	if k == nil {
		return nil, &MissingKeyError{s.String(), id}
	}
	value, err := k.aead.Decrypt(s.Ciphertext, s.bound())
	if err != nil {
		return nil, &DamagedError{s.String()}
	}
	return value, nil
}
