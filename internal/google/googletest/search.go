// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// index is what searches and lists know: it is late by the account's lag.
type index struct {
	seen    map[string]*user
	pending []told
}

type told struct {
	at time.Time
	id string
	u  *user // nil: it is gone
}

func (i *index) tell(at time.Time, id string, u *user) {
	i.pending = append(i.pending, told{at, id, u})
}

func (i *index) now(u *user) { i.seen[u.id] = u.clone() }

func (i *index) catchUp(now time.Time) {
	n := 0
	for n < len(i.pending) && !now.Before(i.pending[n].at) {
		if t := i.pending[n]; t.u == nil {
			delete(i.seen, t.id)
		} else {
			i.seen[t.id] = t.u
		}
		n++
	}
	i.pending = i.pending[n:]
}

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
	c.index.catchUp(c.now)
	match := func(*user) bool { return true }
	if q := c.query.Get("query"); q != "" {
		m := term.FindStringSubmatch(q)
		if m == nil {
			return nil, refuse(http.StatusBadRequest, "invalid", "Invalid Input: query")
		}
		match = func(u *user) bool { return u.hasExternalID(m[1]) }
	}
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(c.index.seen)), func(id string) bool { return !match(c.index.seen[id]) })
	cut, token := c.page(ids, 500)
	var out []any
	for _, id := range cut {
		out = append(out, c.index.seen[id].document())
	}
	return listed("users", out, token), nil
}
