// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ASCII transliterates, as the function ascii of expressions does: letters that Unicode
// decomposes lose their marks (é → e), our table has what Unicode does not decompose (ß,
// ø, Cyrillic, Greek …), and what neither knows is dropped (Arabic, CJK).
func ASCII(s string) string {
	i := asciiPrefix(s)
	if i == len(s) {
		return s
	}
	// Composed first, so that the table sees й and ё whole, however they were typed.
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
		i = asciiPrefix(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	prev := rune(-1)
	for _, r := range s[i:] {
		prev = writeASCII(&b, r, prev)
	}
	return b.String()
}

func asciiPrefix(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}

// writeASCII writes one composed character and returns its base letter, which
// decides how a Greek υ after ο is written.
func writeASCII(b *strings.Builder, r, prev rune) rune {
	if r < utf8.RuneSelf {
		b.WriteByte(byte(r))
		return r
	}
	if greekU(r, prev) {
		b.WriteByte('u')
		return r
	}
	if t, ok := transliterate(r); ok {
		b.WriteString(t)
		return r
	}
	var buf [utf8.UTFMax]byte
	d := norm.NFKD.Properties(buf[:utf8.EncodeRune(buf[:], r)]).Decomposition()
	base := r
	for i, c := range string(d) {
		if i == 0 {
			base = c
		}
		switch {
		case c < utf8.RuneSelf:
			b.WriteByte(byte(c))
		case unicode.Is(unicode.M, c):
		case greekU(c, prev):
			b.WriteByte('u')
		default:
			t, _ := transliterate(c)
			b.WriteString(t)
		}
	}
	return base
}

// greekU tells ου, one sound and one Latin letter (ELOT 743).
func greekU(r, prev rune) bool {
	return (r == 'υ' || r == 'Υ') && (prev == 'ο' || prev == 'Ο')
}

// transliterate has the letters that no decomposition reaches. A function, not a
// map: the compiler turns it into a jump, and nothing can write to it.
func transliterate(r rune) (string, bool) {
	switch {
	case r < 0x0370:
		return latinASCII(r)
	case r < 0x0400:
		return greekASCII(r)
	case r < 0x0530:
		return cyrillicASCII(r)
	default:
		return signASCII(r)
	}
}

func latinASCII(r rune) (string, bool) {
	switch r {
	case 'ʻ', 'ʼ', 'ʹ', '´':
		return "'", true
	case '«', '»':
		return `"`, true
	case '×':
		return "x", true
	case '\u00ad':
		return "", true // soft hyphen: a hint for line breaks, no letter
	}
	const lower = "ßss æae œoe øo ɔo łl ƚl đd ðd ɖd ɗd þth ıi ħh ŧt ŋng ĸk ƙk əe ɛe ǝe ƒf ɓb ƴy"
	return tableASCII(lower, r)
}

func signASCII(r rune) (string, bool) {
	switch r {
	case 'ẞ':
		return "SS", true
	case '‘', '’', '‚', '‛', '′', '‹', '›':
		return "'", true
	case '“', '”', '„', '‟', '″':
		return `"`, true
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return "-", true
	}
	return "", false
}

// greekASCII follows ELOT 743 without its context rules, but for ου.
func greekASCII(r rune) (string, bool) {
	const lower = "αa βv γg δd εe ζz ηi θth ιi κk λl μm νn ξx οo πp ρr σs ςs τt υy φf χch ψps ωo"
	return tableASCII(lower, r)
}

// cyrillicASCII covers Russian, Ukrainian, Belarusian, Bulgarian, Serbian and
// Macedonian, close to what passports of these countries print.
func cyrillicASCII(r rune) (string, bool) {
	const lower = "аa бb вv гg дd еe ёe жzh зz иi йi кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch" +
		" ъ ыy ь эe юiu яia іi їi єie ґg ўu ђdj јj љlj њnj ћc џdz ѓgj ќkj ѕdz ѐe ѝi"
	return tableASCII(lower, r)
}

// tableASCII looks a letter up in a row of "letter and what it becomes" and gives
// an upper-case letter an upper-case first letter (Щ → Shch).
func tableASCII(row string, r rune) (string, bool) {
	l := unicode.ToLower(r)
	i := strings.IndexRune(row, l)
	if i < 0 || (i > 0 && row[i-1] != ' ') {
		return "", false
	}
	s, _, _ := strings.Cut(row[i+utf8.RuneLen(l):], " ")
	if l == r || s == "" {
		return s, true
	}
	return strings.ToUpper(s[:1]) + s[1:], true
}
