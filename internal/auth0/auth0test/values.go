// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// members are the members of an object. What is no object has none.
func members(v jsontext.Value) map[string]jsontext.Value {
	var out map[string]jsontext.Value
	if len(v) == 0 || json.Unmarshal(v, &out) != nil {
		return nil
	}
	return out
}

// member is a text in an object, or "".
func member(v jsontext.Value, name string) string {
	return plain(members(v)[name])
}

// plain is a value as a search compares it: a text without its quotes.
func plain(v jsontext.Value) string {
	if v.Kind() == '"' {
		s, _ := jsontext.AppendUnquote(nil, v) // it was read before
		return string(s)
	}
	return string(v)
}

// at follows a path of names, with [n] for the elements of an array, into a value.
func at(v jsontext.Value, path string) (jsontext.Value, bool) {
	for _, step := range strings.Split(path, ".") {
		name, index, indexed := strings.Cut(step, "[")
		next, ok := members(v)[name]
		if !ok {
			return nil, false
		}
		v = next
		if indexed {
			var list []jsontext.Value
			n, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err != nil || json.Unmarshal(v, &list) != nil || n < 0 || n >= len(list) {
				return nil, false
			}
			v = list[n]
		}
	}
	return v, true
}

// merged is an object with the members of another put over it; a null takes one away.
// It merges by the top level alone, as Auth0 does with metadata.
func merged(old, over jsontext.Value) jsontext.Value {
	all := members(old)
	if all == nil {
		all = map[string]jsontext.Value{}
	}
	for name, v := range members(over) {
		if v.Kind() == 'n' {
			delete(all, name)
		} else {
			all[name] = v
		}
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	var o object
	for _, name := range names {
		o.raw(name, all[name])
	}
	return o.end()
}

// pick keeps the members of an object that are named, or those that are not.
func pick(v jsontext.Value, fields []string, include bool) jsontext.Value {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	var o object
	if _, err := d.ReadToken(); err != nil {
		return v
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}
		text := name.String()
		value, err := d.ReadValue()
		if err != nil {
			break
		}
		if slices.Contains(fields, text) == include {
			o.raw(text, value)
		}
	}
	return o.end()
}

// elements are the elements of an array.
func elements(v jsontext.Value) []jsontext.Value {
	var out []jsontext.Value
	if json.Unmarshal(v, &out) != nil {
		return nil
	}
	return out
}
