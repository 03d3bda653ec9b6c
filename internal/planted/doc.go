// SPDX-License-Identifier: Apache-2.0

// Package planted holds mistakes that are put into the engine on purpose, to see that the
// simulator finds them: one that finds nothing proves nothing. The engine asks On where a
// mistake would be; in every ordinary build the answer is false at compile time and nothing
// of it is in the binary. With the build tag "planted" a test chooses which are made, or the
// variable USHER_PLANTED does, for tests that know nothing of them.
//
// It must not be imported for anything else, and knows nothing of what the mistakes do.
//
// Goroutines: none. Under the tag On may be called by any of them.
package planted
