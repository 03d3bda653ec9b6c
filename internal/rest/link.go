// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"net/http"
	"slices"
	"strings"
)

// Link is the target of the first link of one of some relations in the headers of an answer
// (RFC 8288 §3), which may be empty; false: there is no such link.
func Link(h http.Header, relations ...string) (target string, ok bool) {
	for _, field := range h.Values("Link") {
		for field != "" {
			var rels []string
			target, rels, field = oneLink(field)
			if slices.ContainsFunc(rels, func(r string) bool { return slices.Contains(relations, r) }) {
				return target, true
			}
		}
	}
	return "", false
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
	return name, b.String(), "" // it is never closed: rather a page too many than a list that seems to end
}
