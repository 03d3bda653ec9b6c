// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
	"github.com/usher-id/usher/scim/scimtest"
)

// storeAlone is a store without transactions and whatever else not every store can do.
type storeAlone struct{ scimserver.Store }

// What our library does of bulk requests, queries over all types and /Me is looked at, and
// not passed over as if it were not there: with every power of a store, and with
// none.
func TestOurServerIsLookedAt(t *testing.T) {
	t.Parallel()
	store := scimserver.NewMemory(nil, nil)
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String("me"))
	me, err := store.Create(context.Background(), "User", u)
	if err != nil {
		t.Fatal(err)
	}
	choices := []string{"7644-3.4.2.1-03", "7644-3.11-02", "7644-3.11-03"} // of two ways the other one
	for name, s := range map[string]scimserver.Store{"all": store, "a Store": storeAlone{store}} {
		r := judged(t, func(c *scimserver.Config) {
			c.Store = s
			c.Me = func(*http.Request) (string, string, error) { return "User", me.ID(), nil }
		})
		seen := 0
		for _, l := range r.Results {
			section, _, _ := strings.Cut(strings.TrimPrefix(l.ID, "7644-"), "-")
			if !strings.HasPrefix(section, "3.7") && !slices.Contains([]string{"3.4.2.1", "3.4.3", "3.11"}, section) || slices.Contains(choices, l.ID) {
				continue
			}
			if seen++; l.Result != scimtest.Pass {
				t.Errorf("%s: %s %s: %s", name, l.ID, l.Result, l.Detail)
			}
		}
		if seen < 25 {
			t.Errorf("%s: %d checks", name, seen)
		}
	}
}
