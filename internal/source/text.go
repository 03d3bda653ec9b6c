// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// What follows is held of every key and value, whatever kind of source it comes from, so
// that the same people are taken from each.

// MaxField is how many characters a value may have.
const MaxField = 4096

// IsBlank tells the characters that are trimmed around keys and column names. Line breaks are none: a key that holds one is
// more likely a broken row than a sloppy one.
func IsBlank(r rune) bool {
	return r == '\t' || unicode.Is(unicode.Zs, r)
}

// BadText says what is wrong with a value, by nature and position and never by content; "" means nothing.
func BadText(b []byte, maxChars int) string {
	for i, c := range b {
		if c < 0x20 || c >= 0x7f {
			// Only text that is not plain ASCII from here on pays for being decoded.
			return badRunes(b, i, maxChars)
		}
	}
	if len(b) > maxChars {
		return tooLong(len(b), maxChars)
	}
	return ""
}

// badRunes goes on where b[:ascii] is known to be plain.
func badRunes(b []byte, ascii, maxChars int) string {
	if len(b) > maxChars {
		// First, as a huge value's length tells more than the character that happens to be wrong in it.
		if n := utf8.RuneCount(b); n > maxChars {
			return tooLong(n, maxChars)
		}
	}
	char := ascii
	for i := ascii; i < len(b); {
		char++
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size <= 1 {
			if u, ok := surrogate(b[i:]); ok {
				return fmt.Sprintf("unpaired surrogate U+%04X at character %d", u, char)
			}
			return fmt.Sprintf("invalid UTF-8 (byte 0x%02X) at character %d", b[i], char)
		}
		switch {
		case r == 0:
			return fmt.Sprintf("NUL at character %d", char)
		case unicode.IsControl(r):
			return fmt.Sprintf("control character U+%04X at character %d", r, char)
		case isBidi(r):
			return fmt.Sprintf("bidirectional control U+%04X at character %d", r, char)
		}
		i += size
	}
	return ""
}

// BadKey is BadText, and refuses characters that nobody sees: two keys must not look the same and differ.
func BadKey(b []byte, maxChars int) string {
	if len(b) == 0 {
		return "the key is empty"
	}
	if reason := BadText(b, maxChars); reason != "" {
		return "the key cannot be read: " + reason
	}
	char := 0
	for _, r := range string(b) {
		char++
		if r >= 0x80 && unicode.Is(unicode.Cf, r) {
			return fmt.Sprintf("the key cannot be read: invisible format character U+%04X at character %d", r, char)
		}
	}
	return ""
}

func tooLong(n, maxChars int) string {
	return fmt.Sprintf("longer than %d characters: %d", maxChars, n)
}

// isBidi tells the characters that reorder the text around them, so that a name shows as something else than it is.
func isBidi(r rune) bool {
	switch {
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0x200E, r == 0x200F, r == 0x061C:
		return true
	}
	return false
}

// surrogate reads a surrogate in the three bytes that UTF-8 would have for it, as package csv leaves unpaired ones of UTF-16.
func surrogate(b []byte) (rune, bool) {
	if len(b) < 3 || b[0] != 0xED || b[1]&0xE0 != 0xA0 || b[2]&0xC0 != 0x80 {
		return 0, false
	}
	return 0xD000 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F), true
}
