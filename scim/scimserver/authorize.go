// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
)

// AllowAll lets everybody in. It is for tests, and for handlers behind one that
// has asked already.
func AllowAll(*http.Request) error { return nil }

var errToken = errors.New("the bearer token is not accepted")

// BearerToken lets in whoever presents one of some tokens (RFC 6750 §2.1),
// compared in constant time. Empty tokens are none.
func BearerToken(tokens ...string) func(*http.Request) error {
	var sums [][sha256.Size]byte
	for _, t := range tokens {
		if t != "" {
			sums = append(sums, sha256.Sum256([]byte(t)))
		}
	}
	return func(r *http.Request) error {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(token)))
		ok := 0
		for i := range sums { // all of them, so that the time tells nothing
			ok |= subtle.ConstantTimeCompare(sums[i][:], got[:])
		}
		if ok != 1 || !strings.EqualFold(scheme, "Bearer") {
			return errToken
		}
		return nil
	}
}
