// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// deepest is how deep a record may be nested.
const deepest = 64

var errDeep = fmt.Errorf("it is nested deeper than %d", deepest)

// value is a JSON value, read.
type value struct {
	kind  jsontext.Kind
	text  string   // of a string, a number as it is written, true or false
	raw   []byte   // of an object or a list
	names []string // of an object: those of its items
	items []*value
}

// parse reads one value, strictly. What is wrong is said without what stands there.
func parse(raw []byte) (*value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	v, err := build(d, raw, 0, nil)
	if err != nil {
		return nil, unreadable(err, d)
	}
	return v, ended(d)
}

// parsePage reads an answer of which the list is not read, but kept as it is written,
// record by record: a list may be large, and one record at a time is enough.
func parsePage(raw []byte, list Path) (*value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	v, err := build(d, raw, 0, &list.steps)
	if err != nil {
		return nil, unreadable(err, d)
	}
	return v, ended(d)
}

func ended(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind its end")
	}
	return nil
}

// unreadable says what is wrong with a text, and never what stands there.
func unreadable(err error, d *jsontext.Decoder) error {
	at := d.InputOffset()
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = s.ByteOffset
	}
	switch {
	case errors.Is(err, errDeep):
		return errDeep
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("an object has two members of one name, at byte %d", at)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("it is cut off at byte %d", at)
	}
	return fmt.Errorf("it is no JSON in UTF-8, from byte %d on", at)
}

// build reads a value. apart leads to a list of which the items are not read; nil is none.
func build(d *jsontext.Decoder, raw []byte, depth int, apart *[]step) (*value, error) {
	if depth > deepest {
		return nil, errDeep
	}
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	v := &value{kind: tok.Kind()}
	switch v.kind {
	case '{', '[':
		begin := d.InputOffset() - 1
		for d.PeekKind() != '}' && d.PeekKind() != ']' {
			if err := v.add(d, raw, depth, apart); err != nil {
				return nil, err
			}
		}
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		v.raw = raw[begin:d.InputOffset()]
	default:
		v.text = tok.String() // of a number it is what is written
	}
	return v, nil
}

// add reads the next member of an object or the next item of a list.
func (v *value) add(d *jsontext.Decoder, raw []byte, depth int, apart *[]step) error {
	var beneath *[]step
	if v.kind == '{' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		v.names = append(v.names, name.String())
		if apart != nil && len(*apart) > 0 && (*apart)[0].name == v.names[len(v.names)-1] {
			rest := (*apart)[1:]
			beneath = &rest
		}
	}
	if v.kind == '[' && apart != nil && len(*apart) == 0 {
		one, err := d.ReadValue()
		if err != nil {
			return err
		}
		end := int(d.InputOffset())
		v.items = append(v.items, &value{kind: one.Kind(), raw: raw[end-len(one) : end]})
		return nil
	}
	item, err := build(d, raw, depth+1, beneath)
	v.items = append(v.items, item)
	return err
}

// find returns what a path leads to, in order; nothing is no mistake.
func (v *value) find(p Path) []*value {
	found := []*value{v}
	for _, s := range p.steps {
		var next []*value
		for _, f := range found {
			next = append(next, f.follow(s)...)
		}
		if found = next; len(found) == 0 {
			return nil
		}
	}
	return found
}

func (v *value) follow(s step) []*value {
	switch {
	case s.kind == member || s.kind == pointed && v.kind == '{':
		if m := v.member(s.name); m != nil {
			return []*value{m}
		}
	case s.kind == each && v.kind == '{': // the values of an object that is a list by ids
		return v.items
	case v.kind != '[':
	case s.kind == pointed:
		n, err := strconv.Atoi(s.name)
		if err == nil && n >= 0 && n < len(v.items) && strconv.Itoa(n) == s.name {
			return v.items[n : n+1]
		}
	case s.kind == each:
		return v.items
	case s.kind == at && s.index < len(v.items):
		return v.items[s.index : s.index+1]
	case s.kind == where:
		var out []*value
		for _, item := range v.items {
			if item.is(s.name, s.value) {
				out = append(out, item)
			}
		}
		return out
	case s.kind == best:
		return v.best(s)
	case s.kind == prefer:
		all := v.best(s)
		return all[:min(1, len(all))]
	}
	return nil
}

// best are the items that are best by a member.
func (v *value) best(s step) (out []*value) {
	for _, alike := range s.order {
		for _, item := range v.items {
			if slices.ContainsFunc(alike, func(wanted string) bool { return wanted == "*" || item.is(s.name, wanted) }) {
				out = append(out, item)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// is reports whether a member of an object is a text, as a column has it.
func (v *value) is(name, text string) bool {
	m := v.member(name)
	return m != nil && m.kind != '{' && m.kind != '[' && m.string() == text
}

func (v *value) member(name string) *value {
	if v.kind != '{' {
		return nil
	}
	for i, n := range v.names {
		if n == name {
			return v.items[i]
		}
	}
	return nil
}

// first is the first value that a path leads to and that is not null, as a column has
// it. there tells that the path leads somewhere, be it to null.
func (v *value) first(p Path) (text string, there bool) {
	for _, f := range v.find(p) {
		if there = true; f.kind != 'n' {
			return f.string(), true
		}
	}
	return "", there
}

// string is a value as a column has it: text as it is, numbers and booleans as they are
// written, nothing for null, and anything else as its JSON.
func (v *value) string() string {
	switch v.kind {
	case 'n':
		return ""
	case '{', '[':
		c := jsontext.Value(bytes.Clone(v.raw))
		if c.Compact() != nil {
			return string(v.raw)
		}
		return string(c)
	}
	return v.text
}
