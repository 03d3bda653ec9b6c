// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// CursorKey seals the places at which pages end, for a [CursorStore]. It must be
// secret, and the same wherever a cursor may be opened: on every replica, and
// after a restart.
type CursorKey []byte

const macBytes = 16

// Seal writes a place, signed together with whom it is for and with its query, so
// that it opens no other and tells nothing of it (RFC 9865 §5).
func (k CursorKey) Seal(caller, typ string, q Query, place ...int64) string {
	var text []byte
	for _, n := range place {
		text = binary.AppendVarint(text, n)
	}
	return base64.RawURLEncoding.EncodeToString(append(text, k.mac(caller, typ, q, text)...))
}

// Open returns the place, or ErrCursor if the cursor is none of this caller and
// query.
func (k CursorKey) Open(caller, typ string, q Query, cursor string) (place []int64, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(text) < macBytes {
		return nil, ErrCursor
	}
	text, sum := text[:len(text)-macBytes], text[len(text)-macBytes:]
	if !hmac.Equal(sum, k.mac(caller, typ, q, text)) {
		return nil, ErrCursor
	}
	for len(text) > 0 {
		n, size := binary.Varint(text)
		if size <= 0 {
			return nil, ErrCursor
		}
		place, text = append(place, n), text[size:]
	}
	return place, nil
}

func (k CursorKey) mac(caller, typ string, q Query, text []byte) []byte {
	filter := ""
	if q.Filter != nil {
		filter = q.Filter.String()
	}
	h := hmac.New(sha256.New, k)
	_, _ = fmt.Fprintf(h, "%q %q %q %q %t %q", caller, typ, filter, q.SortBy.String(), q.Descending, text) // a hash takes everything
	return h.Sum(nil)[:macBytes]
}
