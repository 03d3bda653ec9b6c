// SPDX-License-Identifier: Apache-2.0

package app

import "crypto/rand"

// PasswordLength is that of a password that nobody knows: of four kinds in turn, so that
// every policy of Auth0 is met, that of no three equal signs in a row included, and that of
// Google, which takes 8 to 100; 72 bytes are the most that Auth0 takes.
const PasswordLength = 40

// RandomPassword makes one, which is to be kept nowhere.
func RandomPassword() string {
	kinds := [...]string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!@#$%^&*"}
	out := make([]byte, PasswordLength)
	for i := range out {
		kind := kinds[i%len(kinds)]
		out[i] = kind[below(len(kind))]
	}
	return string(out)
}

// below is a number from 0 to n-1, each as likely. n is at most 256.
func below(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails
		if v := int(b[0]); v < 256-256%n {
			return v % n
		}
	}
}
