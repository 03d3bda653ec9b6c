// SPDX-License-Identifier: Apache-2.0

package jsonpath

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// With is an object with a member, in the place of one that has its name; nil takes it away.
func (v *Value) With(name string, item *Value) *Value {
	out := *v
	out.Names, out.Items = slices.Clone(v.Names), slices.Clone(v.Items)
	if i := slices.Index(out.Names, name); i >= 0 {
		out.Names, out.Items = slices.Delete(out.Names, i, i+1), slices.Delete(out.Items, i, i+1)
	}
	if item != nil {
		out.Names, out.Items = append(out.Names, name), append(out.Items, item)
	}
	return &out
}

// Only writes an object with just some of its members; nil is all of them.
func (v *Value) Only(members map[string]bool) []byte {
	if members == nil {
		return bytes.Clone(v.Raw)
	}
	b := []byte{'{'}
	for i, name := range v.Names {
		if !members[name] {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(quoted(b, name), ':')
		switch item := v.Items[i]; item.Kind {
		case '{', '[':
			b = append(b, item.Raw...)
		case '"':
			b = quoted(b, item.text)
		default:
			b = append(b, item.text...)
		}
	}
	return append(b, '}')
}

func quoted(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text) // which was read as UTF-8
	return b
}
