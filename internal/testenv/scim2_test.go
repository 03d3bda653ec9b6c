// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

func TestScim2(t *testing.T) {
	t.Parallel()
	server := testenv.Scim2(t)
	c := client{t: t, base: server.BaseURL, auth: "Bearer " + server.Token}

	id := c.create("/Users", user(1))
	c.want(http.StatusConflict, http.MethodPost, "/Users", user(1))
	c.create("/Users", user(2))
	c.want(http.StatusNoContent, http.MethodPatch, "/Users/"+id, patch(
		object{"op": "replace", "path": "name.familyName", "value": "Ødegård"},
		object{"op": "replace", "path": enterprise + ":department", "value": "Finance"},
		object{"op": "replace", "path": "active", "value": false},
		object{"op": "remove", "path": "title"}))
	got := c.want(http.StatusOK, http.MethodGet, "/Users/"+id, nil)
	if name := got["name"].(object)["familyName"]; name != "Ødegård" || got["active"] != false || got["title"] != nil {
		t.Errorf("patched user: %v", got)
	}
	if got := c.find("/Users", `userName eq "PERSON.1@acme.example"`); got["totalResults"] != 1.0 {
		t.Errorf("look-up by userName in another case: %v", got)
	}
	if got := c.find("/Users", `externalId eq "KEY-1"`); got["totalResults"] != 0.0 {
		t.Errorf("look-up by externalId in another case: %v", got)
	}
	counts := server.Counts(t)
	for kind, n := range (testenv.Counts{"POST /Users": 3, "PATCH /Users/:id": 1, "GET /Users?filter": 2, "GET /Users/:id": 1}) {
		if counts[kind] != n {
			t.Errorf("count of %s: %d, want %d", kind, counts[kind], n)
		}
	}
	if counts.Total() != 7 || counts.Writes() != 4 {
		t.Errorf("total %d, writes %d of %v", counts.Total(), counts.Writes(), counts)
	}
	server.ResetCounts(t)
	if n := server.Counts(t).Total(); n != 0 {
		t.Errorf("%d requests after a reset", n)
	}
	c.auth = "Bearer wrong"
	c.want(http.StatusUnauthorized, http.MethodGet, "/Users", nil)
}

// TestScim2Groups keeps the oddities that a client must live with, so that a new version which mends them is noticed.
func TestScim2Groups(t *testing.T) {
	t.Parallel()
	server := testenv.Scim2(t)
	c := client{t: t, base: server.BaseURL, auth: "Bearer " + server.Token}
	ids := []string{c.create("/Users", user(1)), c.create("/Users", user(2)), c.create("/Users", user(3))}

	c.create("/Groups", group("Sales"))
	id := c.create("/Groups", group("Sales")) // takes two groups of one name
	add := patch(object{"op": "add", "path": "members", "value": members(append(ids, "nobody")...)})
	// A PATCH that asks for no members in its answer is answered 200, and keeps them all.
	if got := c.want(http.StatusOK, http.MethodPatch, "/Groups/"+id+"?excludedAttributes=members", add); got["members"] != nil {
		t.Errorf("members came although excluded: %v", got)
	}
	c.want(http.StatusNoContent, http.MethodPatch, "/Groups/"+id, patch(
		object{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", ids[0])},
		object{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", ids[1])}))
	c.want(http.StatusNoContent, http.MethodDelete, "/Users/"+ids[2], nil)
	// Who is deleted stays a member, and so does who never was.
	got, _ := c.want(http.StatusOK, http.MethodGet, "/Groups/"+id, nil)["members"].([]any)
	if len(got) != 2 || got[0].(object)["value"] != ids[2] || got[1].(object)["value"] != "nobody" {
		t.Errorf("members: %v", got)
	}
}
