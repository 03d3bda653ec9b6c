// SPDX-License-Identifier: Apache-2.0

package scim

import "math"

// Limits bounds what a reader accepts. A zero field means its default, a negative
// one no limit (not for bytes that come from a network).
type Limits struct {
	MaxBytes    int // the whole document; default 1 MiB
	MaxDepth    int // nested objects and arrays; default 16, at most 10,000
	MaxElements int // attributes and list elements in all; default 100,000
	MaxString   int // one string, name or number, in bytes; default 64 KiB

	MaxOperations int // operations of one PATCH message; default 10,000
}

// FilterLimits bounds a filter expression. A zero field means its default, a
// negative one no limit.
type FilterLimits struct {
	MaxBytes int // length of the text; default 8 KiB
	MaxDepth int // nested brackets; default 16, at most 1,000
	MaxTerms int // attribute expressions; default 200
}

const (
	hardDepth       = 10_000 // what recursion may use at the most
	hardFilterDepth = 1_000

	// What the path filters of one PATCH may compare, some seconds of one core: 250
	// filters of 200 terms on a group of 100,000 would take minutes.
	maxPatchWork = 10_000_000
)

func (l Limits) withDefaults() Limits {
	l.MaxBytes = limitOr(l.MaxBytes, 1<<20)
	l.MaxDepth = min(limitOr(l.MaxDepth, 16), hardDepth)
	l.MaxElements = limitOr(l.MaxElements, 100_000)
	l.MaxString = limitOr(l.MaxString, 64<<10)
	l.MaxOperations = limitOr(l.MaxOperations, 10_000)
	return l
}

func (l FilterLimits) withDefaults() FilterLimits {
	l.MaxBytes = limitOr(l.MaxBytes, 8<<10)
	l.MaxDepth = min(limitOr(l.MaxDepth, 16), hardFilterDepth)
	l.MaxTerms = limitOr(l.MaxTerms, 200)
	return l
}

func limitOr(n, fallback int) int {
	switch {
	case n == 0:
		return fallback
	case n < 0:
		return math.MaxInt
	}
	return n
}
