// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// DefaultMaxLocal is the longest local part that RFC 5321 §4.5.3.1.1 lets a mail
// address have; NumberedName uses it when the caller names no limit.
const DefaultMaxLocal = 64

// NumberedName is the n-th candidate for a wished name: the wish itself for n = 1
// (or less), then the wish with 2, 3 … before the first @, or at its end when it
// has none. The part before the @ never exceeds maxLocal characters; a cut never
// leaves a hyphen or a dot at its end. It is pure, so that a reservation that is
// made again finds the same names in the same order.
func NumberedName(wish string, n int, maxLocal int) string {
	if maxLocal <= 0 {
		maxLocal = DefaultMaxLocal
	}
	local, domain := wish, ""
	if i := strings.IndexByte(wish, '@'); i >= 0 {
		local, domain = wish[:i], wish[i:]
	}
	number := ""
	if n >= 2 {
		number = strconv.Itoa(n)
	}
	// A limit shorter than the number cannot be kept without two candidates of
	// one spelling; the number wins.
	return cutName(local, max(maxLocal-len(number), 0)) + number + domain
}

// cutName shortens to n characters and then drops the hyphens and dots that the
// cut has laid bare; a name that fits is left as it is.
func cutName(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimRight(cut(s, n), "-.")
}

// cut is the first n characters of s.
func cut(s string, n int) string {
	if n <= 0 {
		return ""
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
