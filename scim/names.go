// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// names finds a name that was there already. It folds as Unicode does, wider than
// [Object.Get], since other readers of the same bytes may fold so.
type names struct {
	wide bool // a name is not ASCII
	set  map[string]struct{}
}

const manyNames = 24 // from here on a map is cheaper than a scan

func (n *names) add(name string, before []field) (twice bool) {
	n.wide = n.wide || !isASCII(name)
	if n.set == nil && len(before) < manyNames {
		for i := range before {
			if sameName(before[i].name, name) || n.wide && strings.EqualFold(before[i].name, name) {
				return true
			}
		}
		return false
	}
	if n.set == nil {
		n.set = make(map[string]struct{}, 4*manyNames)
		for i := range before {
			n.set[foldKey(before[i].name)] = struct{}{}
		}
	}
	key := foldKey(name)
	if _, twice = n.set[key]; !twice {
		n.set[key] = struct{}{}
	}
	return twice
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// foldKey maps strings that strings.EqualFold holds equal to the same string.
func foldKey(s string) string {
	if isASCII(s) {
		// K and S have relatives beyond ASCII (U+212A, U+017F); the lower-case
		// letter stands for the whole orbit below as well.
		return strings.ToLower(s)
	}
	return strings.Map(foldRune, s)
}

func foldRune(c rune) rune {
	least := c
	for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least >= 'A' && least <= 'Z' {
		least |= 0x20
	}
	return least
}
