// SPDX-License-Identifier: Apache-2.0

package jsonpath

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Deepest is how deep a record may be nested.
const Deepest = 64

var errDeep = fmt.Errorf("it is nested deeper than %d", Deepest)

// Value is a JSON value, read.
type Value struct {
	Kind  jsontext.Kind
	text  string   // of a string, a number as it is written, true or false
	Raw   []byte   // of an object or a list
	Names []string // of an object: those of its items
	Items []*Value
}

// Parse reads one value, strictly. What is wrong is said without what stands there.
func Parse(raw []byte) (*Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	v, err := build(d, raw, 0, nil)
	if err != nil {
		return nil, unreadable(err, d)
	}
	return v, ended(d)
}

// ParseAround reads an answer of which the list is not read, but kept as it is written,
// record by record: a list may be large, and one record at a time is enough.
func ParseAround(raw []byte, list Path) (*Value, error) {
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
func build(d *jsontext.Decoder, raw []byte, depth int, apart *[]step) (*Value, error) {
	if depth > Deepest {
		return nil, errDeep
	}
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	v := &Value{Kind: tok.Kind()}
	switch v.Kind {
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
		v.Raw = raw[begin:d.InputOffset()]
	default:
		v.text = tok.String() // of a number it is what is written
	}
	return v, nil
}

// add reads the next member of an object or the next item of a list.
func (v *Value) add(d *jsontext.Decoder, raw []byte, depth int, apart *[]step) error {
	var beneath *[]step
	if v.Kind == '{' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		v.Names = append(v.Names, name.String())
		if apart != nil && len(*apart) > 0 && (*apart)[0].name == v.Names[len(v.Names)-1] {
			rest := (*apart)[1:]
			beneath = &rest
		}
	}
	if v.Kind == '[' && apart != nil && len(*apart) == 0 {
		one, err := d.ReadValue()
		if err != nil {
			return err
		}
		end := int(d.InputOffset())
		v.Items = append(v.Items, &Value{Kind: one.Kind(), Raw: raw[end-len(one) : end]})
		return nil
	}
	item, err := build(d, raw, depth+1, beneath)
	v.Items = append(v.Items, item)
	return err
}

// Find returns what a path leads to, in order; nothing is no mistake.
func (v *Value) Find(p Path) []*Value {
	found := []*Value{v}
	for _, s := range p.steps {
		var next []*Value
		for _, f := range found {
			next = append(next, f.follow(s)...)
		}
		if found = next; len(found) == 0 {
			return nil
		}
	}
	return found
}

func (v *Value) follow(s step) []*Value {
	switch {
	case s.kind == member || s.kind == pointed && v.Kind == '{':
		if m := v.Member(s.name); m != nil {
			return []*Value{m}
		}
	case s.kind == each && v.Kind == '{': // the values of an object that is a list by ids
		return v.Items
	case v.Kind != '[':
	case s.kind == pointed:
		n, err := strconv.Atoi(s.name)
		if err == nil && n >= 0 && n < len(v.Items) && strconv.Itoa(n) == s.name {
			return v.Items[n : n+1]
		}
	case s.kind == each:
		return v.Items
	case s.kind == at && s.index < len(v.Items):
		return v.Items[s.index : s.index+1]
	case s.kind == where:
		var out []*Value
		for _, item := range v.Items {
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
func (v *Value) best(s step) (out []*Value) {
	for _, alike := range s.order {
		for _, item := range v.Items {
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
func (v *Value) is(name, text string) bool {
	m := v.Member(name)
	return m != nil && m.Simple() && m.String() == text
}

// Member is the member of an object of this name, nil if there is none.
func (v *Value) Member(name string) *Value {
	if v.Kind != '{' {
		return nil
	}
	for i, n := range v.Names {
		if n == name {
			return v.Items[i]
		}
	}
	return nil
}

// First is the first value that a path leads to and that is not null, as a column has
// it. there tells that the path leads somewhere, be it to null.
func (v *Value) First(p Path) (text string, there bool) {
	for _, f := range v.Find(p) {
		if there = true; f.Kind != 'n' {
			return f.String(), true
		}
	}
	return "", there
}

// Simple reports whether a value is no object and no list.
func (v *Value) Simple() bool { return v.Kind != '{' && v.Kind != '[' }

// String is a value as a column has it: text as it is, numbers and booleans as they are
// written, nothing for null, and anything else as its JSON.
func (v *Value) String() string {
	switch v.Kind {
	case 'n':
		return ""
	case '{', '[':
		c := jsontext.Value(bytes.Clone(v.Raw))
		if c.Compact() != nil {
			return string(v.Raw)
		}
		return string(c)
	}
	return v.text
}

// NullOn reports whether null stands on the way of a path: there is none of what is behind it.
func (v *Value) NullOn(p Path) bool {
	for i := range p.steps {
		if found := v.Find(Path{p.text, p.steps[:i]}); len(found) == 1 && found[0].Kind == 'n' {
			return true
		}
	}
	return false
}
