// SPDX-License-Identifier: Apache-2.0

package server

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/source"
)

// TestFirstReads: a stream that opens before anything else has begun has its source read
// all the same.
func TestFirstReads(t *testing.T) {
	t.Parallel()
	d := &daemon{
		Usher:   &Usher{Built: &Built{Sources: []source.Source{{Name: "hr"}, {Name: "auth0"}, {Name: "later"}}, Tenants: []Tenant{{Source: "auth0", Stream: true}, {Source: "later", Stream: true}}}},
		changed: map[string]bool{}, reading: map[string]bool{}, nudge: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler),
	}
	d.sourceChanged("auth0")
	d.firstReads()
	if got := d.unread(); !slices.Equal(got, []string{"hr", "auth0"}) {
		t.Errorf("%v are to be read", got)
	}
}
