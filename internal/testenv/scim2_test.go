// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

func TestScim2(t *testing.T) {
	t.Parallel()
	server := testenv.Scim2(t)
	c := client{t: t, base: server.BaseURL, auth: "Bearer " + server.Token}
	for _, p := range []string{"/ServiceProviderConfig", "/Users"} {
		s, o := c.send("GET", p, nil)
		t.Log(s, o)
	}
	s, o := c.send("POST", "/Users", user(1))
	t.Log(s, o)
	id := o["id"].(string)
	s, o = c.send("POST", "/Users", user(1))
	t.Log(s, o)
	for _, op := range []object{
		{"op": "replace", "path": "active", "value": false},
		{"op": "replace", "path": "active", "value": false},
		{"op": "replace", "path": enterprise + ":department", "value": "X"},
		{"op": "remove", "path": "title"},
		{"op": "replace", "path": `emails[type eq "work"].value`, "value": "x@y.example"},
	} {
		s, o = c.send("PATCH", "/Users/"+id, patch(op))
		t.Log(s, o)
	}
	s, o = c.send("POST", "/Groups", group("A"))
	t.Log(s, o)
	s, o = c.send("POST", "/Groups", group("A"))
	t.Log(s, o)
	gid := o["id"].(string)
	for _, op := range []object{
		{"op": "add", "path": "members", "value": members(id)},
		{"op": "add", "path": "members", "value": members(id)},
		{"op": "remove", "path": "members[value eq \"" + id + "\"]"},
		{"op": "remove", "path": "members[value eq \"" + id + "\"]"},
		{"op": "add", "path": "members", "value": members("nobody")},
	} {
		s, o = c.send("PATCH", "/Groups/"+gid+"?excludedAttributes=members", patch(op))
		t.Log(s, o)
	}
	for _, f := range []string{`userName eq "PERSON.1@acme.example"`, `externalId eq "KEY-1"`, `externalId eq "key-1"`} {
		t.Log(f, c.find("/Users", f)["totalResults"])
	}
	s, o = c.send("DELETE", "/Users/"+id, nil)
	t.Log(s, o)
	s, o = c.send("GET", "/Groups/"+gid, nil)
	t.Log(s, o)
	t.Log(server.Counts(t))
}
