// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"unicode"
)

// Nearest returns the known word that is likely meant by word, or "".
func Nearest(word string, known []string) string { return nearest(word, known) }

// nearest returns the known word that is likely meant by word, or "". Few words,
// short ones, and only after a mistake: the plain edit distance will do.
func nearest(word string, known []string) string {
	const longest = 64
	if len(word) > longest {
		return ""
	}
	best, bestDistance := "", 1+max(1, len(word)/3)
	plain := plainWord(word)
	for _, k := range known {
		if d := distance(plain, plainWord(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// plainWord makes timeZone, time-zone and time_zone one word.
func plainWord(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '_', '-', ' ':
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// distance counts the insertions, deletions and replacements from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// didYouMean is the hint for an unknown word: the nearest one, else all of them.
func didYouMean(word string, known []string) string {
	if k := nearest(word, known); k != "" {
		return "did you mean " + k + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}
