// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// alphabet is base 58: what the ids of groups are made of, and good enough for all.
const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// IDs makes identifiers that look like a maker's and are the same in each run.
type IDs struct{ n uint64 }

func (i *IDs) sum(kind string) [sha256.Size]byte {
	i.n++
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(kind), i.n))
}

// Next makes an identifier of a prefix and size characters, at most 32.
func (i *IDs) Next(prefix string, size int) string {
	sum := i.sum(prefix)
	out := []byte(prefix)
	for _, b := range sum[:size] {
		out = append(out, alphabet[int(b)%len(alphabet)])
	}
	return string(out)
}

// Hex makes an identifier of 24 hexadecimal digits.
func (i *IDs) Hex(kind string) string {
	sum := i.sum(kind)
	return hex.EncodeToString(sum[:12])
}

// Secret makes what only its holder knows.
func (i *IDs) Secret(kind string) string {
	sum := i.sum("secret " + kind)
	return fmt.Sprintf("%s_%x", kind, sum)
}
