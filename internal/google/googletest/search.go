// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"net/http"
	"regexp"
	"slices"
)

// term is the only search here.
var term = regexp.MustCompile(`^externalId='([^']*)'$`)

func (u *user) hasExternalID(value string) bool {
	entries, _ := u.fields["externalIds"].([]any)
	return slices.ContainsFunc(entries, func(e any) bool {
		m, _ := e.(map[string]any)
		return m["value"] == value
	})
}

// listUsers lists users, or those that a search finds. Suspended ones are among them.
func listUsers(c *call) (any, error) {
	if no := c.ours(); no != nil {
		return nil, no
	}
	c.index.CatchUp(c.now)
	match := func(*user) bool { return true }
	if q := c.query.Get("query"); q != "" {
		m := term.FindStringSubmatch(q)
		if m == nil {
			return nil, refuse(http.StatusBadRequest, "invalid", "Invalid Input: query")
		}
		match = func(u *user) bool { return u.hasExternalID(m[1]) }
	}
	cut, token := c.page(c.index.Find(match), 500)
	var out []any
	for _, id := range cut {
		out = append(out, c.index.Get(id).document())
	}
	return listed("users", out, token), nil
}
