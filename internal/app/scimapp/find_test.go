// SPDX-License-Identifier: Apache-2.0

package scimapp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

func TestFind(t *testing.T) {
	t.Parallel()
	const list = listStart
	user := func(id, name, external string) string {
		return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":%q,"userName":%q,"externalId":%q}`, id, name, external)
	}
	everybody := list + `"totalResults":3,"Resources":[` + user("1", "alice", "A") + "," + user("2", "bob", "B") + `]}`
	rest := list + `"totalResults":3,"startIndex":3,"Resources":[` + user("3", "carol", "C") + `]}`
	for name, tt := range map[string]struct {
		attribute, value string
		pages            []string
		status           int
		ids              []string
		requests         int
		class            app.Class // with err
		err              bool
	}{
		"hit":            {"userName", "alice", []string{list + `"totalResults":1,"Resources":[` + user("1", "alice", "A") + `]}`}, 200, []string{"1"}, 1, 0, false},
		"hit folded":     {"userName", "ALICE", []string{list + `"totalResults":1,"Resources":[` + user("1", "alice", "A") + `]}`}, 200, []string{"1"}, 1, 0, false},
		"exact":          {"externalId", "a", []string{list + `"totalResults":1,"Resources":[` + user("1", "alice", "A") + `]}`}, 200, nil, 1, 0, false},
		"none":           {"userName", "dave", []string{list + `"totalResults":0}`}, 200, nil, 1, 0, false},
		"none, untold":   {"userName", "dave", []string{list + `"Resources":[]}`}, 200, nil, 1, 0, false},
		"none by 404":    {"userName", "dave", []string{`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}`}, 404, nil, 1, 0, false},
		"two hits":       {"userName", "alice", []string{list + `"totalResults":2,"Resources":[` + user("1", "alice", "A") + "," + user("4", "Alice", "D") + `]}`}, 200, []string{"1", "4"}, 1, 0, false},
		"ignored, all":   {"userName", "bob", []string{list + `"totalResults":2,"Resources":[` + user("1", "alice", "A") + "," + user("2", "bob", "B") + `]}`}, 200, []string{"2"}, 1, 0, false},
		"ignored, paged": {"userName", "carol", []string{everybody, everybody, rest}, 200, []string{"3"}, 3, 0, false},
		"ignored, nobody": {
			"userName", "dave", []string{everybody, everybody, rest}, 200, nil, 3, 0, false,
		},
		"ignored, unprovable": {"userName", "dave", []string{everybody}, 200, nil, 3, app.Retry, true},
		"bad filter":          {"userName", "dave", []string{`{"scimType":"invalidFilter","status":"400"}`}, 400, nil, 1, app.Terminal, true},
		"no escapes known": {
			"userName", `d"ave`, []string{`{"scimType":"invalidFilter","status":"400"}`, everybody, rest}, 400, nil, 3, app.Retry, false,
		},
		"sick": {"userName", "dave", []string{``}, 500, nil, 1, app.Retry, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := 0
			b := setup(t, func(w http.ResponseWriter, _ *http.Request) {
				page := tt.pages[min(i, len(tt.pages)-1)]
				status := tt.status
				if i++; i > 1 {
					status = 200
				}
				answer(status, page)(w, nil)
			})
			hits, a, err := b.app.Find(t.Context(), app.KindUser, scim.MustPath(tt.attribute), tt.value)
			var ids []string
			for _, r := range hits {
				ids = append(ids, r.ID())
			}
			if !slices.Equal(ids, tt.ids) || b.app.Requests() != int64(tt.requests) || a.Status != tt.status {
				t.Errorf("hits %v by %v, answer %+v", ids, b.seen, a)
			}
			value := strings.ReplaceAll(tt.value, `"`, "%5C%22")
			if want := fmt.Sprintf("GET /scim/v2/Users?filter=%s%%20eq%%20%%22%s%%22", tt.attribute, value); b.seen[0] != want {
				t.Errorf("%s, want %s", b.seen[0], want)
			}
			switch {
			case tt.err:
				_ = classOf(t, err, tt.class)
			case err != nil:
				t.Error(err)
			}
		})
	}
}
