// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
)

// Apps of one configuration that are at one scheme, host and port share one budget,
// whatever their type: when one of them is told to come later, be it by an answer that
// its client keeps to itself, the other is not sent to before.
func TestAppsAtOneOriginShareABudget(t *testing.T) {
	t.Parallel()
	const plain = `    url: "URL/scim/%s"
    token: xyz
    allow: [loopback, plain-http]
    user: {userName: person.userName}
`
	types := map[string]string{"scim": fmt.Sprintf(plain, "b"), "auth0": inTenant, "okta": inOrg, "entra": inEntra}
	for name, text := range types {
		for _, first := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s %d", name, first), func(t *testing.T) {
				t.Parallel()
				var asked atomic.Int64
				at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					asked.Add(1)
					w.Header().Set("Retry-After", "600")
					w.WriteHeader(http.StatusTooManyRequests)
				}))
				defer at.Close()
				conf := company[:strings.Index(company, "apps:\n")] + "apps:\n  one:\n" + fmt.Sprintf(plain, "a") + "  two:\n" + text
				conf = strings.ReplaceAll(strings.ReplaceAll(conf, "DIR", t.TempDir()), "URL", at.URL)
				b, err := build(t, conf)
				if err != nil {
					t.Fatal(err)
				}
				get := func(i int) *app.Error {
					_, err := b.Targets[i].App.Get(t.Context(), app.KindUser, "u1")
					return app.Classify(err)
				}
				_ = get(first)
				before := asked.Load()
				e := get(1 - first)
				if before == 0 || asked.Load() != before {
					t.Errorf("%d requests, and %d of the neighbour", before, asked.Load()-before)
				}
				if e == nil || e.Class != app.Retry || e.RetryAfter < 9*time.Minute || !strings.Contains(e.Error(), "nothing was sent") {
					t.Errorf("the neighbour: %v", e)
				}
			})
		}
	}
}
