// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/http"
	"strings"
)

// HTTPApp is what an app of type http has of its own: the records of a source, into which
// attributes are written back.
type HTTPApp struct {
	Source  Text         `json:"source"`
	Headers []HTTPHeader `json:"headers,omitempty"`
	Read    HTTPRead     `json:"read"`
	Write   HTTPWrite    `json:"write"`
}

// HTTPRead is how a record is read by its key. Its paths are for those to check who follow
// them.
type HTTPRead struct {
	Pos        Position        `json:"-"`
	URL        Text            `json:"url"` // with {id}
	At         Text            `json:"at"`  // path to the record; empty = the answer
	Key        Text            `json:"key"` // path to the key in a record; empty = it is not compared
	Attributes []HTTPAttribute `json:"attributes"`
}

// HTTPAttribute is where in a record an attribute is.
type HTTPAttribute struct {
	Attribute Text `json:"attribute"`
	Path      Text `json:"path"`
}

// HTTPWrite is the request that changes a record.
type HTTPWrite struct {
	Pos         Position `json:"-"`
	Method      string   `json:"method"`       // PATCH, PUT or POST
	URL         Text     `json:"url"`          // with {id}
	ContentType string   `json:"content_type"` // one of the constants
	Send        string   `json:"send"`         // SendChanges or SendAll
	Empty       string   `json:"empty"`        // EmptyNull or EmptyText
	Body        Body     `json:"body"`
}

// The values of HTTPWrite.ContentType.
const (
	ContentJSON  = "application/json"
	ContentMerge = "application/merge-patch+json" // RFC 7396
)

// The values of HTTPWrite.Send.
const (
	SendChanges = "changes" // what differs, and what of the body is the same for everybody
	SendAll     = "all"
)

// The values of HTTPWrite.Empty.
const (
	EmptyNull = "null"
	EmptyText = "text" // ""
)

// BodyKind is what a part of a body is.
type BodyKind string

// The kinds of parts.
const (
	BodyObject  BodyKind = "object"
	BodyList    BodyKind = "list"
	BodyText    BodyKind = "text"    // of which those in braces stand for a value
	BodyLiteral BodyKind = "literal" // a number, true or false, as JSON writes it
)

// Body is a JSON value as the file gives it: what stands in it in braces is put in for a
// person, as a value and never as a part of a text.
type Body struct {
	Kind    BodyKind     `json:"kind"`
	Text    Text         `json:"text"`
	Members []BodyMember `json:"members,omitempty"`
	Items   []Body       `json:"items,omitempty"`
}

// BodyMember is a member of an object.
type BodyMember struct {
	Name  Text `json:"name"`
	Value Body `json:"value"`
}

// httpApp are the keys that only an app of type http has. sources are those of the file.
func (d *decoder) httpApp(a *HTTPApp, what string, sources []Source) []field {
	return []field{
		{key: "source", read: func(n *node) { a.Source = d.sourceNamed(n, "source of "+what, sources) }},
		{key: "headers", read: func(n *node) { a.Headers = d.headers(n, what) }},
		{key: "read", read: func(n *node) { a.Read = d.httpRead(n, "read of "+what) }},
		{key: "write", read: func(n *node) { a.Write = d.httpWrite(n, "write of "+what) }},
	}
}

// sourceNamed reads the name of a source that the file has.
func (d *decoder) sourceNamed(n *node, what string, sources []Source) Text {
	t, ok := d.text(n, what)
	if !ok {
		return t
	}
	names := make([]string, len(sources))
	for i, s := range sources {
		if names[i] = s.Name; s.Name == t.Value {
			return t
		}
	}
	d.fail(t.Pos, "there is no source "+quote(n.raw), didYouMean(t.Value, names))
	return Text{Pos: t.Pos}
}

func (d *decoder) httpRead(n *node, what string) HTTPRead {
	r := HTTPRead{Pos: n.pos}
	d.section(n, what, n.pos,
		field{key: "url", required: true, read: func(n *node) { r.URL, _ = d.text(n, "url of "+what) }},
		field{key: "at", read: func(n *node) { r.At, _ = d.text(n, "at of "+what) }},
		field{key: "key", read: func(n *node) { r.Key, _ = d.text(n, "key of "+what) }},
		field{key: "attributes", required: true, read: func(n *node) { r.Attributes = d.placesOf(n, "attributes of "+what) }},
	)
	return r
}

// placesOf reads a map from attribute to where in a record it is.
func (d *decoder) placesOf(n *node, what string) (out []HTTPAttribute) {
	if !d.is(n, what, "a map from attribute to path", kindMap) {
		n.note(func(s *Schema) {
			*s = Schema{
				Type: Types{"object"}, MinProperties: 1, Names: &Schema{MinLength: 1, MaxLength: longestPath},
				Values: &Schema{Type: Types{"string"}, Pattern: notBlank},
			}
		})
		return nil
	}
	seen := map[string]bool{}
	for _, e := range n.entries {
		label, folded := quote(e.key.Value)+in(what), strings.ToLower(e.key.Value)
		switch {
		case !isPath(e.key.Value):
			d.fail(e.key.Pos, label+" is no attribute path", "such as userName or name.givenName")
		case seen[folded]:
			d.fail(e.key.Pos, label+" is there twice", "attribute names do not care for case")
		}
		seen[folded] = true
		path, _ := d.text(e.value, "the path of "+label)
		out = append(out, HTTPAttribute{e.key, path})
	}
	if len(n.entries) == 0 {
		d.fail(n.pos, what+" is empty", "")
	}
	return out
}

func (d *decoder) httpWrite(n *node, what string) HTTPWrite {
	w := HTTPWrite{Pos: n.pos, ContentType: ContentJSON, Send: SendChanges, Empty: EmptyNull}
	word := func(key string, to *string, words ...string) field {
		return field{key: key, required: key == "method", read: func(n *node) {
			if t, ok := d.choice(n, key+" of "+what, words...); ok {
				*to = t.Value
			}
		}}
	}
	d.section(n, what, n.pos,
		word("method", &w.Method, http.MethodPatch, http.MethodPut, http.MethodPost),
		field{key: "url", required: true, read: func(n *node) { w.URL, _ = d.text(n, "url of "+what) }},
		word("content_type", &w.ContentType, ContentJSON, ContentMerge),
		word("send", &w.Send, SendChanges, SendAll),
		word("empty", &w.Empty, EmptyNull, EmptyText),
		field{key: "body", required: true, read: func(n *node) {
			if !d.is(n, "body of "+what, "a map, as the JSON object that it becomes", kindMap) {
				n.note(func(s *Schema) {
					*s = Schema{Type: Types{"object"}, MinProperties: 1, Values: &Schema{Type: Types{"string", "number", "boolean", "object", "array"}}}
				})
				return
			}
			w.Body = d.body(n, "body of "+what)
		}},
	)
	return w
}

// body reads a JSON value out of YAML. null is none: what is cleared is for empty to say.
func (d *decoder) body(n *node, what string) Body {
	b := Body{Text: Text{Value: n.value, Pos: n.pos}}
	switch n.kind {
	case kindMap:
		b.Kind, b.Text.Value = BodyObject, ""
		for _, e := range n.entries {
			b.Members = append(b.Members, BodyMember{e.key, d.body(e.value, quote(e.key.Value)+in(what))})
		}
		if len(n.entries) == 0 {
			d.fail(n.pos, what+" is empty", "")
		}
	case kindList:
		b.Kind, b.Text.Value = BodyList, ""
		for _, item := range n.items {
			b.Items = append(b.Items, d.body(item, "an item of "+what))
		}
	case kindInteger, kindDecimal, kindBool:
		if b.Kind = BodyLiteral; !literal(n) {
			d.fail(n.pos, what+" is no number of JSON: "+quote(n.raw), "write it in decimal, or in quotes")
		}
	default:
		d.is(n, what, "a text, a number, true or false, a map or a list", kindText, kindQuoted)
		b.Kind = BodyText
	}
	return b
}

// literal reports whether YAML and JSON write a value alike: 0x10, 1_000 and .5 are
// numbers of YAML alone.
func literal(n *node) bool {
	if n.kind == kindBool {
		return n.value == "true" || n.value == "false"
	}
	digits := strings.TrimPrefix(n.value, "-")
	whole, part, split := strings.Cut(digits, ".")
	return isDigits(whole) && (len(whole) == 1 || whole[0] != '0') && (!split || isDigits(part))
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// httpWords checks what goes together in an app of type http.
func (d *decoder) httpWords(n *node, a *App, what string) {
	h := a.HTTP
	if h == nil {
		return
	}
	for _, e := range n.entries {
		hint := map[string]string{
			"groups": "a record is in no group", "delete_after": "the record of whoever leaves is left as it is",
			"adopt": "a record is found by the key that its source has for the person",
		}[e.key.Value]
		if hint != "" {
			d.fail(e.key.Pos, e.key.Value+" of "+what+" is for apps with accounts of their own", hint+": remove it")
		}
	}
	d.listAddress(h.Read.URL, "url in read of "+what, a.Allow)
	d.listAddress(h.Write.URL, "url in write of "+what, a.Allow)
}
