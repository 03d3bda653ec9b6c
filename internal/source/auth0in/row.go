// SPDX-License-Identifier: Apache-2.0

package auth0in

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/source"
)

// Columns are those that every row has: fields of a user. Below app_metadata and
// user_metadata a configuration names its own, dotted.
func Columns() []string {
	return []string{
		"user_id", "email", "email_verified", "username", "phone_number", "name", "given_name", "family_name", "nickname", "picture", "created_at",
	}
}

const (
	appMetadata  = "app_metadata."
	userMetadata = "user_metadata."
)

// IsColumn reports whether a configuration may name a column.
func IsColumn(name string) bool {
	rest, ok := strings.CutPrefix(name, appMetadata)
	if !ok {
		rest, ok = strings.CutPrefix(name, userMetadata)
	}
	if !ok {
		return slices.Contains(Columns(), name)
	}
	return !slices.Contains(strings.Split(rest, "."), "")
}

// longest is how long a value may be, in bytes. A user's whole profile has 10 kB.
const longest = 4 << 10

// tooLong says which column of a user cannot be taken.
type tooLong string

func (c tooLong) Error() string {
	return fmt.Sprintf("%s is longer than %d bytes", string(c), longest)
}

// values are a user's row: what the columns hold, and behind them what else the
// directory has to know of, so that a row which differs in that alone is news.
func (t *Tenant) values(u auth0.User) ([]string, error) {
	values := make([]string, 0, len(t.Columns)+1)
	var fields map[string]jsontext.Value
	for _, c := range t.Columns {
		var v jsontext.Value
		switch {
		case strings.HasPrefix(c, appMetadata):
			v = descend(u.AppMetadata, strings.Split(c[len(appMetadata):], "."))
		case strings.HasPrefix(c, userMetadata):
			v = descend(u.UserMetadata, strings.Split(c[len(userMetadata):], "."))
		default:
			if fields == nil {
				if err := json.Unmarshal(u.Raw, &fields); err != nil {
					return nil, fmt.Errorf("the user is no JSON object: %w", err)
				}
			}
			v = fields[c]
		}
		s := text(v)
		if len(s) > longest {
			return nil, tooLong(c)
		}
		values = append(values, s)
	}
	return append(values, strconv.FormatBool(u.Blocked)+" "+strings.Join(aliases(u), " ")), nil
}

// descend finds a value below an object.
func descend(of map[string]jsontext.Value, path []string) jsontext.Value {
	v := of[path[0]]
	for _, name := range path[1:] {
		var inner map[string]jsontext.Value
		if json.Unmarshal(v, &inner) != nil {
			return nil
		}
		v = inner[name]
	}
	return v
}

// text is a value as a column has it: a string as it is, nothing for null, and the
// JSON of anything else.
func text(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	case 'n', 0:
		return ""
	}
	c := slices.Clone(v)
	if c.Canonicalize() != nil {
		return string(v)
	}
	return string(c)
}

// aliases are the ids that other accounts had before they were linked to a user's.
func aliases(u auth0.User) []string {
	var out []string
	for _, i := range u.Identities {
		if id := i.ID(); id != u.ID {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ours reports whether a user is of one of the connections that are read. A user is of
// the connection of its own identity, whatever is linked to it.
func (t *Tenant) ours(u auth0.User) bool {
	if len(t.Connections) == 0 {
		return true
	}
	for _, i := range u.Identities {
		if i.ID() == u.ID {
			return slices.Contains(t.Connections, i.Connection)
		}
	}
	return false
}

// batch collects users.
type batch struct {
	t    *Tenant
	out  *source.Batch
	pack source.Packer
	keys map[string]bool
}

func (t *Tenant) newBatch() *batch {
	fields := make([]int, len(t.Columns))
	return &batch{t: t, keys: map[string]bool{}, out: &source.Batch{
		Columns: t.Columns, Fields: fields, Live: &source.LiveBatch{Blocked: map[string]bool{}, Aliases: map[string][]string{}},
	}}
}

// add takes a user, once.
func (b *batch) add(u auth0.User) {
	switch {
	case u.ID == "" || b.keys[u.ID]:
		return
	case !b.t.ours(u):
		b.out.Live.Elsewhere = append(b.out.Live.Elsewhere, aliases(u)...)
		return
	}
	b.keys[u.ID] = true
	if of := aliases(u); len(of) > 0 { // whether or not it can be taken
		b.out.Live.Aliases[u.ID] = of
	}
	values, err := b.t.values(u)
	if err != nil {
		b.out.Rejected = append(b.out.Rejected, source.Reject{Key: u.ID, Reason: err.Error()})
		return
	}
	raw := make([][]byte, len(values))
	for i, v := range values {
		raw[i] = []byte(v)
	}
	b.pack.Add(0, []byte(u.ID), raw)
	if u.Blocked {
		b.out.Live.Blocked[u.ID] = true
	}
}

// apart tells of accounts that are linked to users who are not read: their people are
// there, and nobody reads how they are.
func (b *batch) apart(known func(key string) bool) {
	var of []string
	for _, key := range b.out.Live.Elsewhere {
		if known(key) && !b.keys[key] {
			of = append(of, key)
		}
	}
	slices.Sort(of)
	if b.out.Live.Elsewhere = of; len(of) > 0 {
		b.out.Notes = append(b.out.Notes, fmt.Sprintf("%d were linked to users of connections that are not read, and stay as they are; the first is %s", len(of), of[0]))
	}
}

func (b *batch) done() *source.Batch {
	b.out.Rows = b.pack.Rows()
	b.out.Proof.Rows, b.out.Proof.Rejected = len(b.out.Rows), len(b.out.Rejected)
	return b.out
}
