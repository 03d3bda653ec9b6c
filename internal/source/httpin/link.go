// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"net/http"
	"slices"
	"strings"
)

// link is the target of the first link of the relation next (RFC 8288 §3), "" for none.
func link(h http.Header) string { return linked(h, "next") }

// pages reports whether an answer links to another page by the relations of pages (RFC 8288
// §3; previous is that of RFC 5005 §3), so that it is known that we look where it does so.
func pages(h http.Header) bool { return linked(h, "next", "prev", "previous", "first", "last") != "" }

// linked is the target of the first link of one of some relations, "" for none.
func linked(h http.Header, relations ...string) string {
	for _, field := range h.Values("Link") {
		for field != "" {
			var target string
			var rels []string
			target, rels, field = oneLink(field)
			if target != "" && slices.ContainsFunc(rels, func(r string) bool { return slices.Contains(relations, r) }) {
				return target
			}
		}
	}
	return ""
}

// oneLink reads a link off the front of a field: <target>; rel="a b"; other=x, …
func oneLink(field string) (target string, rels []string, rest string) {
	_, field, ok := strings.Cut(field, "<")
	if !ok {
		return "", nil, ""
	}
	if target, field, ok = strings.Cut(field, ">"); !ok {
		return "", nil, ""
	}
	for {
		field = strings.TrimLeft(field, " \t")
		if !strings.HasPrefix(field, ";") {
			break
		}
		var name, value string
		name, value, field = parameter(field[1:])
		if strings.EqualFold(name, "rel") && rels == nil { // the first one counts, RFC 8288 §3.3
			rels = strings.Fields(strings.ToLower(value))
		}
	}
	_, rest, _ = strings.Cut(field, ",")
	return strings.TrimSpace(target), rels, rest
}

// parameter reads name=token or name="quoted" off the front of a text.
func parameter(text string) (name, value, rest string) {
	end := strings.IndexAny(text, "=;,")
	if end < 0 {
		return strings.TrimSpace(text), "", ""
	}
	name = strings.TrimSpace(text[:end])
	if text[end] != '=' {
		return name, "", text[end:]
	}
	text = strings.TrimLeft(text[end+1:], " \t")
	if !strings.HasPrefix(text, `"`) {
		if end = strings.IndexAny(text, ";,"); end < 0 {
			end = len(text)
		}
		return name, strings.TrimSpace(text[:end]), text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			return name, b.String(), text[i+1:]
		default:
			b.WriteByte(c)
		}
	}
	return name, "", "" // it is never closed
}
