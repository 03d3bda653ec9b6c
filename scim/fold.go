// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"strings"
	"sync"
)

// Fold maps strings that people cannot tell apart to the same string: those that differ
// in letter case alone, as Unicode's simple folding sees it; in width, as the Latin
// letters of Japanese do; or in whether an accent is a character of its own (RFC
// 7644 §5 and §7.8, RFC 8265 §3.3). Two strings of an attribute that is not caseExact
// are equal in a filter if and only if they fold to the same: so an index of a store
// finds what [SchemaSet.Match] finds. The result is for comparing, not for showing.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	t := unicodeTables()
	var runes []rune
	for _, c := range s {
		if w, ok := t.widths[c]; ok {
			c = w
		}
		if d, ok := t.decomposed[c]; ok {
			runes = append(runes, d...)
		} else {
			runes = append(runes, c)
		}
	}
	t.order(runes)
	for i, c := range runes {
		// U+0345 is the least of the iotas, but a mark, that would change places.
		if runes[i] = foldRune(c); runes[i] == 0x345 {
			runes[i] = 'ι'
		}
	}
	return string(t.compose(runes))
}

// alike tells whether two strings fold to the same.
func alike(s, t string) bool {
	if isASCII(s) && isASCII(t) {
		return strings.EqualFold(s, t)
	}
	return s == t || Fold(s) == Fold(t)
}

// normal is what Unicode says of characters beyond ASCII.
type normal struct {
	widths     map[rune]rune
	decomposed map[rune][]rune
	composed   map[[2]rune]rune
	classes    map[rune]uint8 // canonical combining classes but 0
}

// unicodeTables are read when first needed, and never changed.
var unicodeTables = sync.OnceValue(func() *normal {
	t := &normal{map[rune]rune{}, map[rune][]rune{}, map[[2]rune]rune{}, map[rune]uint8{}}
	pairs := []rune(foldWidths)
	for i := 0; i+1 < len(pairs); i += 2 {
		t.widths[pairs[i]] = pairs[i+1]
	}
	whole := map[string]rune{} // by decomposition
	var composites []rune
	for entry := range strings.SplitSeq(strings.TrimSuffix(foldDecomposed, "\x00"), "\x00") {
		c := []rune(entry)
		t.decomposed[c[0]] = c[1:]
		if !strings.ContainsRune(foldExcluded, c[0]) {
			whole[string(c[1:])] = c[0]
			composites = append(composites, c[0])
		}
	}
	for _, c := range composites {
		d := t.decomposed[c]
		first := d[0]
		if len(d) > 2 {
			first = whole[string(d[:len(d)-1])]
		}
		if first != 0 {
			t.composed[[2]rune{first, d[len(d)-1]}] = c
		}
	}
	ranges := []rune(foldClasses)
	for i := 0; i+2 < len(ranges); i += 3 {
		for c := ranges[i]; c <= ranges[i+1]; c++ {
			t.classes[c] = uint8(ranges[i+2]) // a class is at most 254
		}
	}
	return t
})

// order sorts marks that follow one another by their classes (UAX #15, D109).
func (t *normal) order(runes []rune) {
	for i := 0; i < len(runes); i++ {
		j := i
		for j < len(runes) && t.classes[runes[j]] != 0 {
			j++
		}
		slices.SortStableFunc(runes[i:j], func(a, b rune) int { return int(t.classes[a]) - int(t.classes[b]) })
		i = max(i, j)
	}
}

// compose puts characters together again (UAX #15, D117).
func (t *normal) compose(runes []rune) []rune {
	out := runes[:0]
	starter, last := -1, uint8(0)
	for _, c := range runes {
		class := t.classes[c]
		if starter >= 0 && (last < class || last == 0) {
			if whole, ok := t.pair(out[starter], c); ok {
				out[starter] = whole
				continue
			}
		}
		if class == 0 {
			starter = len(out)
		}
		last = class
		out = append(out, c)
	}
	return out
}

// pair is the character that two make. Syllables of Hangul are computed (The Unicode
// Standard §3.12).
func (t *normal) pair(a, b rune) (rune, bool) {
	const syllables, leads, vowels, trails = 0xac00, 0x1100, 0x1161, 0x11a7
	switch lead, vowel, trail := a-leads, b-vowels, b-trails; {
	case lead >= 0 && lead < 19 && vowel >= 0 && vowel < 21:
		return syllables + (lead*21+vowel)*28, true
	case a >= syllables && a < syllables+19*21*28 && (a-syllables)%28 == 0 && trail > 0 && trail < 28:
		return a + trail, true
	}
	c, ok := t.composed[[2]rune{a, b}]
	return c, ok
}
