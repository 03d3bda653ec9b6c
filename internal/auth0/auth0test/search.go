// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// searchUsers is GET /users: what was written some time ago, up to a thousand rows.
func searchUsers(c *call) (answer, error) {
	if e := c.query.Get("search_engine"); e != "" && e != "v3" {
		return answer{}, refuse(http.StatusBadRequest, "invalid_query_string", "You are not allowed to use search_engine="+e+". Use search_engine=v3 instead.")
	}
	p, err := c.page()
	if err != nil {
		return answer{}, err
	}
	match, err := parseQuery(c.query.Get("q"))
	if err != nil {
		return answer{}, refuse(http.StatusBadRequest, "invalid_query_string", err.Error())
	}
	con := c.query.Get("connection")
	if con != "" && c.connection(con) == nil {
		return answer{}, refuse(http.StatusBadRequest, "inexistent_connection", "The connection does not exist.")
	}
	c.users.seen.catchUp(c.now)
	found := c.users.seen.sorted
	if match != nil || con != "" {
		found = nil
		for _, u := range c.users.seen.sorted {
			if (con == "" || slices.ContainsFunc(u.Identities, func(i Identity) bool { return i.Connection == con })) && (match == nil || match(u)) {
				found = append(found, u)
			}
		}
	}
	if sort := c.query.Get("sort"); sort != "" {
		if found, err = sorted(found, sort); err != nil {
			return answer{}, err
		}
	}
	total := len(found)
	found = found[min(p.start, total):min(p.start+p.limit, total)]
	rows := make([]row, len(found))
	for i, u := range found {
		rows[i] = row{u.ID, u.json}
	}
	for i := range rows {
		whole := rows[i].json
		rows[i].json = func() jsontext.Value { return c.selected(whole()) }
	}
	return ok(p.write("users", total, rows))
}

// sorted sorts users by a field, "name:1" or "name:-1". Metadata cannot be sorted on.
func sorted(users []*User, by string) ([]*User, error) {
	name, way, found := strings.Cut(by, ":")
	if !found || way != "1" && way != "-1" || strings.Contains(name, "metadata") || !slices.Contains(searchable(), name) {
		return nil, refuse(http.StatusBadRequest, "invalid_sort", "Sort by "+by+" is not supported")
	}
	users = slices.Clone(users)
	slices.SortStableFunc(users, func(a, b *User) int {
		c := cmp.Compare(first(a.values(name)), first(b.values(name)))
		if way == "-1" {
			return -c
		}
		return c
	})
	return users, nil
}

func first(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

// searchable are the fields of a user that a search knows, without metadata.
func searchable() []string {
	return []string{
		"user_id", "email", "email_verified", "username", "phone_number", "phone_verified", "name", "given_name", "family_name", "nickname", "blocked",
		"logins_count", "created_at", "updated_at", "last_login", "last_ip",
		"identities.user_id", "identities.connection", "identities.provider", "identities.isSocial",
	}
}

// values are what a user has for a field.
func (u *User) values(name string) []string {
	instant := func(t time.Time) []string {
		if t.IsZero() {
			return nil
		}
		return []string{t.Format(timeFormat)}
	}
	if sub, ok := strings.CutPrefix(name, "identities."); ok {
		out := make([]string, len(u.Identities))
		for n, i := range u.Identities {
			switch sub {
			case "user_id":
				out[n] = i.UserID
			case "connection":
				out[n] = i.Connection
			case "provider":
				out[n] = i.Provider
			case "isSocial":
				out[n] = word(i.Social)
			}
		}
		return out
	}
	switch name {
	case "created_at":
		return instant(u.CreatedAt)
	case "updated_at":
		return instant(u.UpdatedAt)
	case "last_login":
		return instant(u.LastLogin)
	case "blocked":
		return []string{word(u.Blocked)}
	}
	if text := u.text(name); text != "" {
		return []string{text}
	}
	return u.valuesAt(name)
}

// valuesAt reads a field out of the user's document: flags, numbers, and metadata.
func (u *User) valuesAt(name string) []string {
	root, rest, _ := strings.Cut(name, ".")
	v, found := u.at(root, rest)
	if !found {
		return nil
	}
	if v.Kind() != '[' {
		return []string{plain(v)}
	}
	var out []string
	for _, e := range elements(v) {
		out = append(out, plain(e))
	}
	return out
}

func word(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
