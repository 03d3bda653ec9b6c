// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// slug is what is left of a name in a user name: transliterated, lower-case, and
// nothing but a–z, 0–9 and inner hyphens.
func slug(s string) string {
	s = ASCII(s)
	clean := true
	for i := 0; i < len(s); i++ {
		if !slugByte(s[i]) {
			clean = false
			break
		}
	}
	if clean {
		return strings.Trim(s, "-")
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if slugByte(c) {
			b = append(b, c)
		}
	}
	return strings.Trim(string(b), "-")
}

func slugByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
}

// title gives each word one capital: "JOHN o'neil-smith" → "John O'Neil-Smith". A
// single letter after an apostrophe stays small ("women's").
func title(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	start := true
	for i, r := range s {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsMark(r):
			b.WriteRune(r)
			start = !unicode.IsDigit(r) && (!apostrophe(r) || longWord(s[i+utf8.RuneLen(r):]))
		case start:
			b.WriteRune(unicode.ToTitle(r))
			start = false
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func apostrophe(r rune) bool { return r == '\'' || r == '’' || r == 'ʼ' }

// longWord reports whether s begins with two letters or more.
func longWord(s string) bool {
	n := 0
	for _, r := range s {
		if !unicode.IsLetter(r) {
			return false
		}
		if n++; n == 2 {
			return true
		}
	}
	return false
}

// splitName parts a full name into given and family name: "Family, Given" at its
// comma, else the last word with the particles before it ("van der", "de la").
// A guess, as every such split is; one word alone is a given name.
func splitName(full string) (given, family string) {
	if f, g, ok := strings.Cut(full, ","); ok && strings.TrimSpace(g) != "" && !nameSuffix(g) {
		return joinWords(strings.Fields(g)), joinWords(strings.Fields(f))
	}
	words := strings.Fields(full)
	if len(words) < 2 {
		return joinWords(words), ""
	}
	at := len(words) - 1
	if at > 1 && nameSuffix(words[at]) {
		at--
	}
	for at > 1 && nameParticle(words[at-1]) {
		at--
	}
	return joinWords(words[:at]), joinWords(words[at:])
}

func joinWords(words []string) string { return strings.Join(words, " ") }

func nameSuffix(word string) bool {
	switch strings.ToLower(strings.Trim(word, " .,")) {
	case "jr", "sr", "ii", "iii", "iv", "phd", "md":
		return true
	}
	return false
}

func nameParticle(word string) bool {
	switch strings.ToLower(word) {
	case "van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "das", "do", "du", "la", "le",
		"ter", "ten", "zu", "zum", "zur", "bin", "ibn", "al", "el", "af", "av", "st.", "'t":
		return true
	}
	return false
}

// replaceText is strings.Replace with a result that is measured before it is
// made: a 64 KiB text with each letter replaced by 64 KiB would take 4 GiB.
func replaceText(s, from, to string, n int) (string, error) {
	count := strings.Count(s, from)
	if n >= 0 && n < count {
		count = n
	}
	if len(s)+count*(len(to)-len(from)) > MaxText {
		return "", errTooLong
	}
	return strings.Replace(s, from, to, n), nil
}
