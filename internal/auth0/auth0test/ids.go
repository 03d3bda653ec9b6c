// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// alphabet is base 58: what the ids of groups are made of, and good enough for all.
const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// ids makes identifiers that look like Auth0's and are the same in each run.
type ids struct{ n uint64 }

func (i *ids) sum(kind string) [sha256.Size]byte {
	i.n++
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(kind), i.n))
}

// next makes an identifier of a prefix and size characters, at most 32.
func (i *ids) next(prefix string, size int) string {
	sum := i.sum(prefix)
	out := []byte(prefix)
	for _, b := range sum[:size] {
		out = append(out, alphabet[int(b)%len(alphabet)])
	}
	return string(out)
}

// user makes the second part of a user_id of a database: 24 hexadecimal digits.
func (i *ids) user() string {
	sum := i.sum("user")
	return hex.EncodeToString(sum[:12])
}

// secret makes what only its holder knows.
func (i *ids) secret(kind string) string {
	sum := i.sum("secret " + kind)
	return fmt.Sprintf("%s_%x", kind, sum)
}
