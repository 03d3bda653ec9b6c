// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/secret"
)

func at(name string, version int, origin string) secret.Sealed {
	return secret.Sealed{Name: name, Version: version, Origin: origin}
}

func seal(t *testing.T, r *secret.Ring, s secret.Sealed, value string) secret.Sealed {
	t.Helper()
	s, err := r.Seal(s, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSealedIsBound: what is sealed for one name, version and origin opens at no other,
// however a row is copied or changed.
func TestSealedIsBound(t *testing.T) {
	t.Parallel()
	text, id := newKey(t)
	other, otherID := newKey(t)
	r := newRing(t, text, other)
	s := seal(t, r, at("crm", 2, "https://a.example"), "hunter2")
	if value, err := r.Open(s); err != nil || string(value) != "hunter2" || s.Key != id {
		t.Fatalf("%q %v, by %s", value, err, s.Key)
	}
	moved := map[string]secret.Sealed{}
	copied := func(name string, change func(*secret.Sealed)) {
		c := s
		c.Ciphertext = bytes.Clone(s.Ciphertext)
		change(&c)
		moved[name] = c
	}
	copied("another name", func(c *secret.Sealed) { c.Name = "erp" })
	copied("another version", func(c *secret.Sealed) { c.Version = 1 })
	copied("another origin", func(c *secret.Sealed) { c.Origin = "https://b.example" })
	copied("another scheme", func(c *secret.Sealed) { c.Origin = "http://a.example" })
	copied("a part that ends elsewhere", func(c *secret.Sealed) { c.Name, c.Origin = "cr", "mhttps://a.example" })
	copied("another key's id", func(c *secret.Sealed) { c.Key = otherID })
	copied("another key's id in the ciphertext, too", func(c *secret.Sealed) {
		c.Key = otherID
		copy(c.Ciphertext, seal(t, newRing(t, other), at("crm", 2, "https://a.example"), "x").Ciphertext[:5])
	})
	copied("nothing", func(c *secret.Sealed) { c.Ciphertext = nil })
	copied("cut", func(c *secret.Sealed) { c.Ciphertext = c.Ciphertext[:len(c.Ciphertext)-1] })
	copied("longer", func(c *secret.Sealed) { c.Ciphertext = append(c.Ciphertext, 0) })
	for i := range s.Ciphertext {
		copied(fmt.Sprintf("a bit of byte %d", i), func(c *secret.Sealed) { c.Ciphertext[i] ^= 1 })
	}
	for name, c := range moved {
		value, err := r.Open(c)
		var damaged *secret.DamagedError
		if !errors.As(err, &damaged) || value != nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %q %v", name, value, err)
		}
	}
}

// TestMissingKey: the error names the key that is missing, and shows nothing of what is sealed.
func TestMissingKey(t *testing.T) {
	t.Parallel()
	text, id := newKey(t)
	other, _ := newKey(t)
	s := seal(t, newRing(t, text), at("crm", 1, "https://a.example"), "hunter2")
	_, err := newRing(t, other).Open(s)
	var missing *secret.MissingKeyError
	if !errors.As(err, &missing) || missing.Key != id || err.Error() != "secret:crm, version 1 is sealed by key "+id+", which is not in the key ring" {
		t.Errorf("%v", err)
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	text, _ := newKey(t)
	r := newRing(t, text)
	for name, c := range map[string]struct {
		s     secret.Sealed
		value string
	}{
		"an empty value": {at("crm", 1, "usher"), ""},
		"blanks":         {at("crm", 1, "usher"), " \n\t "},
		"a long value":   {at("crm", 1, "usher"), strings.Repeat("x", secret.MaxValue+1)},
		"no origin":      {at("crm", 1, ""), "x"},
		"a long origin":  {at("crm", 1, strings.Repeat("x", 2000)), "x"},
		"no version":     {at("crm", 0, "usher"), "x"},
		"no name":        {at("", 1, "usher"), "x"},
		"a capital":      {at("Crm", 1, "usher"), "x"},
		"a digit first":  {at("1crm", 1, "usher"), "x"},
		"a long name":    {at("c"+strings.Repeat("x", 63), 1, "usher"), "x"},
	} {
		if _, err := r.Seal(c.s, []byte(c.value)); err == nil {
			t.Errorf("%s is sealed", name)
		}
	}
	long := seal(t, r, at("c"+strings.Repeat("x", 62), 1, "usher"), strings.Repeat("x", secret.MaxValue))
	if value, err := r.Open(long); err != nil || len(value) != secret.MaxValue {
		t.Errorf("%d bytes, %v", len(value), err)
	}
}

// TestSealedDiffer: no two of one value are alike, as no nonce comes twice (A137).
func TestSealedDiffer(t *testing.T) {
	t.Parallel()
	text, _ := newKey(t)
	r := newRing(t, text)
	const many, nonce = 20_000, 24
	seen := make(map[[nonce]byte]bool, many)
	for range many {
		s := seal(t, r, at("crm", 1, "usher"), "hunter2")
		n := [nonce]byte(s.Ciphertext[5:])
		if seen[n] {
			t.Fatal("a nonce came twice")
		}
		seen[n] = true
	}
}
