// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/probe"
	"github.com/usher-id/usher/internal/testenv"
)

// TestScimmy: of a server that nobody here wrote exactly this is found. Each line was
// held against its request and answer by hand.
func TestScimmy(t *testing.T) {
	t.Parallel()
	s := testenv.Scimmy(t, testenv.ScimmyOptions{})
	r, err := probe.Run(t.Context(), probe.Config{BaseURL: s.BaseURL, Token: s.Token, HTTP: &http.Client{Timeout: 20 * time.Second}, SettleMost: time.Second})
	if err != nil {
		t.Fatalf("%v %+v", err, r)
	}
	compare(t, []string{
		"users: also at /users",         // GET /users: 200, a list; its router knows no letter case
		"groups: also at /groups",       // GET /groups: 200, a list
		"no versions",                   // meta has no version; the ETag is a digest of the answer, and If-Match is passed over
		"groups: displayName is unique", // POST /Groups with the name again: 409, uniqueness
		"no pages by cursor",            // GET /Users?count=1&cursor=bogus: 200, with startIndex 1
	}, r.Deviations)
	for _, want := range []probe.Fact{
		{About: "versions", Text: "If-Match of another version is passed over"},
		{About: "PATCH", Text: "active in quotes (Entra): refused"}, // 400: expected value type 'boolean'
		{About: "members", Text: "remove with a list as value (Entra): removes who is in the list"},
	} {
		if !slices.Contains(r.Facts, want) {
			t.Errorf("there is no %v in %v", want, r.Facts)
		}
	}
	if d := s.Dump(t); len(r.Left) > 0 || len(d.Users)+len(d.Groups) > 0 {
		t.Errorf("left: %v %v", r.Left, d)
	}
}
