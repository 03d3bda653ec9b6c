// SPDX-License-Identifier: Apache-2.0

// Package httpintest is an HR system that gives its people as a JSON list over HTTP, for
// tests: with every way of paging, single people by id, changes since a time, entity tags
// and tokens, and with the faults that such systems have.
//
// It must not share code with package httpin, so that a mistake there shows here.
//
// Goroutines: those of net/http/httptest, until the test ends.
package httpintest
