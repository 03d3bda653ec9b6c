// SPDX-License-Identifier: Apache-2.0

// Package dial is how Usher connects to what lies outside the house.
//
// It owns which addresses may be dialled: [CheckAddress] is asked at dial time, on
// the resolved address, so that neither a name that changes its mind nor another
// spelling of an address gets past. It uses no proxy from the environment, as a
// proxy would resolve names where no check reaches.
// It alone makes transports of HTTP in the product: [NewTransport] for what a configuration
// names, [NewTypedTransport] for a URL that somebody has typed.
//
// It must not know what is sent.
//
// Goroutines: none beyond those of net/http.
package dial
