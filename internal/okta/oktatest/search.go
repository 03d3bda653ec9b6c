// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// term is one comparison by eq, the only operator here.
var term = regexp.MustCompile(`^([A-Za-z.]+) eq "((?:[^"\\]|\\.)*)"$`)

// matcher reads comparisons that are joined by or. A search compares without regard to
// case, a filter with it, and knows a few attributes only.
func matcher(text string, fold bool) (func(*user) bool, bool) {
	type want struct{ name, value string }
	var any []want
	for _, part := range strings.Split(text, " or ") {
		m := term.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return nil, false
		}
		if !fold && !slices.Contains(strings.Fields("status id profile.login profile.email profile.firstName profile.lastName"), m[1]) {
			return nil, false
		}
		any = append(any, want{m[1], strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[2])})
	}
	return func(u *user) bool {
		return slices.ContainsFunc(any, func(w want) bool {
			is := ""
			switch name, ok := strings.CutPrefix(w.name, "profile."); {
			case ok:
				is = u.text(name)
			case w.name == "status":
				is = u.status
			case w.name == "id":
				is = u.id
			}
			return is == w.value || fold && strings.EqualFold(is, w.value)
		})
	}, true
}

// listUsers lists users by search or filter; without either, those that are not DEPROVISIONED.
func listUsers(c *call) (answer, error) {
	for _, u := range c.users {
		c.settle(u)
	}
	c.index.CatchUp(c.now)
	match, ok := func(u *user) bool { return u.status != "DEPROVISIONED" }, true
	switch {
	case c.query.Get("search") != "":
		match, ok = matcher(c.query.Get("search"), true)
	case c.query.Get("filter") != "":
		match, ok = matcher(c.query.Get("filter"), false)
	}
	if !ok {
		return answer{}, refuse(http.StatusBadRequest, "E0000031", "Invalid search criteria.")
	}
	cut, links := c.page(c.index.Find(match))
	out := []any{}
	for _, id := range cut {
		out = append(out, c.index.Get(id).document())
	}
	return answer{http.StatusOK, out, links}, nil
}
