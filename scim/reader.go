// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// ParseValue reads one JSON document strictly. Unlike encoding/json it refuses a
// name that occurs twice in an object, in any letter case (two readers would
// disagree about who wins), bytes that are not UTF-8, lone surrogates, NUL,
// anything after the document, and whatever exceeds the limits. An error is a
// *[SyntaxError].
//
// Strings of the result share one copy of the document: keep a [Value] for long
// only if you would keep its document.
func ParseValue(data []byte, lim Limits) (Value, error) {
	lim = lim.withDefaults()
	if len(data) > lim.MaxBytes {
		return Value{}, &SyntaxError{What: "json", Offset: lim.MaxBytes, limit: true, tooLong: true, Reason: "document longer than " + strconv.Itoa(lim.MaxBytes) + " bytes"}
	}
	st, ok := stacksPool.Get().(*stacks)
	if !ok {
		st = &stacks{make([]field, 0, mostKept), make([]Value, 0, mostKept)}
	}
	r := reader{s: string(data), lim: lim, stacks: *st}
	r.space()
	v, err := r.value()
	if err != nil {
		return Value{}, err // what the stacks hold goes with them
	}
	if *st = r.stacks; cap(st.fields) <= mostKept && cap(st.values) <= mostKept {
		stacksPool.Put(st)
	}
	r.space()
	if r.pos < len(r.s) {
		return Value{}, r.fail(r.pos, "data after the end of the document")
	}
	return v, nil
}

// ParseResource reads a JSON object as a resource, as strictly as [ParseValue].
func ParseResource(data []byte, lim Limits) (*Resource, error) {
	o, err := parseObject(data, lim)
	if err != nil {
		return nil, err
	}
	return &Resource{o}, nil
}

func parseObject(data []byte, lim Limits) (Object, error) {
	v, err := ParseValue(data, lim)
	if err != nil {
		return Object{}, err
	}
	o, ok := v.AsComplex()
	if !ok {
		return Object{}, &SyntaxError{What: "json", Reason: "an object is wanted, this is " + v.Kind().String()}
	}
	o.shared = false // nobody else has it
	return o, nil
}

// reader is a recursive descent over the text. Members and elements of the open
// objects and arrays are gathered on two stacks and cut from shared chunks when
// complete, so that a document costs a handful of allocations however many
// objects it holds.
type reader struct {
	s        string
	pos      int
	lim      Limits
	depth    int
	elements int

	stacks
	fchunk []field
	vchunk []Value
}

// stacks are empty again once a document has been read to its end, and serve the
// next one: they would be a third of what reading costs in memory.
type stacks struct {
	fields []field
	values []Value
}

var stacksPool sync.Pool // of *stacks

// mostKept is how long the stacks may be that are kept: a list of thousands is rare.
const mostKept = 64

func (r *reader) fail(at int, reason string) *SyntaxError {
	return &SyntaxError{What: "json", Offset: at, Reason: reason}
}

func (r *reader) exceeded(at int, what string, limit int) *SyntaxError {
	return &SyntaxError{What: "json", Offset: at, limit: true, Reason: "more than " + strconv.Itoa(limit) + " " + what}
}

func (r *reader) space() {
	for r.pos < len(r.s) {
		switch r.s[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *reader) value() (Value, *SyntaxError) {
	if r.pos >= len(r.s) {
		return Value{}, r.fail(r.pos, "unexpected end of the document")
	}
	switch c := r.s[r.pos]; {
	case c == '"':
		s, err := r.string()
		return String(s), err
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	switch {
	case r.literal("true"):
		return Bool(true), nil
	case r.literal("false"):
		return Bool(false), nil
	case r.literal("null"):
		return Null(), nil
	}
	return Value{}, r.fail(r.pos, "a value is wanted")
}

func (r *reader) literal(text string) bool {
	if !strings.HasPrefix(r.s[r.pos:], text) {
		return false
	}
	r.pos += len(text)
	return true
}

func (r *reader) enter() *SyntaxError {
	if r.depth++; r.depth > r.lim.MaxDepth {
		return r.exceeded(r.pos, "levels of nesting", r.lim.MaxDepth)
	}
	r.pos++
	r.space()
	return nil
}

func (r *reader) count() *SyntaxError {
	if r.elements++; r.elements > r.lim.MaxElements {
		return r.exceeded(r.pos, "attributes and elements", r.lim.MaxElements)
	}
	return nil
}

// next consumes what stands between two members: a comma (true) or the closing
// bracket (false).
func (r *reader) next(closing byte) (bool, *SyntaxError) {
	r.space()
	if r.pos < len(r.s) {
		switch r.s[r.pos] {
		case ',':
			r.pos++
			r.space()
			return true, nil
		case closing:
			r.pos++
			r.depth--
			return false, nil
		}
		return false, r.fail(r.pos, "a comma or "+string(rune(closing))+" is wanted")
	}
	return false, r.fail(r.pos, "unexpected end of the document")
}

func (r *reader) object() (Value, *SyntaxError) {
	if err := r.enter(); err != nil {
		return Value{}, err
	}
	if r.pos < len(r.s) && r.s[r.pos] == '}' {
		r.pos++
		r.depth--
		return Complex(Object{}), nil
	}
	base := len(r.fields)
	var seen names
	for {
		name, err := r.member(base, &seen)
		if err != nil {
			return Value{}, err
		}
		v, err := r.value()
		if err != nil {
			return Value{}, err.under(name)
		}
		r.fields = append(r.fields, field{name, v})
		more, err := r.next('}')
		if err != nil {
			return Value{}, err
		}
		if !more {
			break
		}
	}
	n := len(r.fields) - base
	if cap(r.fchunk)-len(r.fchunk) < n {
		r.fchunk = make([]field, 0, r.chunk(n))
	}
	at := len(r.fchunk)
	r.fchunk = append(r.fchunk, r.fields[base:]...)
	clear(r.fields[base:])
	r.fields = r.fields[:base]
	return Complex(Object{fields: r.fchunk[at : at+n : at+n]}), nil
}

// member reads a name and its colon.
func (r *reader) member(base int, seen *names) (string, *SyntaxError) {
	if err := r.count(); err != nil {
		return "", err
	}
	at := r.pos
	if at >= len(r.s) || r.s[at] != '"' {
		return "", r.fail(at, "a member name is wanted")
	}
	name, err := r.string()
	if err != nil {
		return "", err
	}
	if seen.add(name, r.fields[base:]) {
		return "", r.fail(at, "the name occurs twice in this object").under(name)
	}
	r.space()
	if r.pos >= len(r.s) || r.s[r.pos] != ':' {
		return "", r.fail(r.pos, "a colon is wanted").under(name)
	}
	r.pos++
	r.space()
	return name, nil
}

func (r *reader) array() (Value, *SyntaxError) {
	if err := r.enter(); err != nil {
		return Value{}, err
	}
	if r.pos < len(r.s) && r.s[r.pos] == ']' {
		r.pos++
		r.depth--
		return List(), nil
	}
	base := len(r.values)
	for {
		if err := r.count(); err != nil {
			return Value{}, err
		}
		v, err := r.value()
		if err != nil {
			return Value{}, err.under(strconv.Itoa(len(r.values) - base))
		}
		r.values = append(r.values, v)
		more, err := r.next(']')
		if err != nil {
			return Value{}, err
		}
		if !more {
			break
		}
	}
	n := len(r.values) - base
	if cap(r.vchunk)-len(r.vchunk) < n {
		r.vchunk = make([]Value, 0, max(n, r.chunk(n)/4))
	}
	at := len(r.vchunk)
	r.vchunk = append(r.vchunk, r.values[base:]...)
	clear(r.values[base:])
	r.values = r.values[:base]
	return List(r.vchunk[at : at+n : at+n]...), nil
}

// chunk is the size of the next chunk if n items are needed now. It follows the
// size of the document, as a small one shall not pay for a big chunk.
func (r *reader) chunk(n int) int {
	const most = 512
	return max(n, min(len(r.s)/24+1, most))
}

func (r *reader) number() (Value, *SyntaxError) {
	start := r.pos
	if r.s[r.pos] == '-' {
		r.pos++
	}
	integer := true
	switch {
	case r.pos < len(r.s) && r.s[r.pos] == '0':
		r.pos++
	case r.digits() == 0:
		return Value{}, r.fail(start, "not a number")
	}
	if r.pos < len(r.s) && r.s[r.pos] == '.' {
		integer = false
		r.pos++
		if r.digits() == 0 {
			return Value{}, r.fail(start, "not a number")
		}
	}
	if r.pos < len(r.s) && r.s[r.pos]|0x20 == 'e' {
		integer = false
		r.pos++
		if r.pos < len(r.s) && (r.s[r.pos] == '+' || r.s[r.pos] == '-') {
			r.pos++
		}
		if r.digits() == 0 {
			return Value{}, r.fail(start, "not a number")
		}
	}
	text := r.s[start:r.pos]
	if len(text) > r.lim.MaxString {
		return Value{}, r.exceeded(start, "bytes in a number", r.lim.MaxString)
	}
	if integer {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return Integer(i), nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Value{}, r.fail(start, "number out of range")
	}
	return Decimal(f), nil
}

func (r *reader) digits() int {
	start := r.pos
	for r.pos < len(r.s) && r.s[r.pos] >= '0' && r.s[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - start
}

// string reads a string at its opening quote. Without escapes the result is a
// piece of the document.
func (r *reader) string() (string, *SyntaxError) {
	start := r.pos
	r.pos++
	for r.pos < len(r.s) {
		r.plain()
		if r.pos == len(r.s) {
			break
		}
		switch c := r.s[r.pos]; {
		case c == '"':
			s := r.s[start+1 : r.pos]
			r.pos++
			if len(s) > r.lim.MaxString {
				return "", r.exceeded(start, "bytes in a string", r.lim.MaxString)
			}
			return s, nil
		case c == '\\':
			return r.escaped(start)
		default:
			if err := r.char(c); err != nil {
				return "", err
			}
		}
	}
	return "", r.fail(start, "the string has no end")
}

// plain steps over ASCII characters that need no second look.
func (r *reader) plain() {
	i := r.pos
	for i < len(r.s) {
		if c := r.s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
		i++
	}
	r.pos = i
}

// char steps over one character.
func (r *reader) char(c byte) *SyntaxError {
	switch {
	case c < 0x20:
		return r.fail(r.pos, "a control character in a string")
	case c < utf8.RuneSelf:
		r.pos++
		return nil
	}
	c1, n := utf8.DecodeRuneInString(r.s[r.pos:])
	if c1 == utf8.RuneError && n == 1 {
		return r.fail(r.pos, "not valid UTF-8")
	}
	r.pos += n
	return nil
}

// escaped reads on from the first backslash of the string that starts at start.
func (r *reader) escaped(start int) (string, *SyntaxError) {
	buf := append(make([]byte, 0, r.pos-start+32), r.s[start+1:r.pos]...)
	for r.pos < len(r.s) {
		at := r.pos
		switch c := r.s[at]; {
		case c == '"':
			r.pos++
			if len(buf) > r.lim.MaxString {
				return "", r.exceeded(start, "bytes in a string", r.lim.MaxString)
			}
			return string(buf), nil
		case c == '\\':
			c1, err := r.escape()
			if err != nil {
				return "", err
			}
			buf = utf8.AppendRune(buf, c1)
		default:
			if err := r.char(c); err != nil {
				return "", err
			}
			buf = append(buf, r.s[at:r.pos]...)
		}
	}
	return "", r.fail(start, "the string has no end")
}

func (r *reader) escape() (rune, *SyntaxError) {
	at := r.pos
	if at+1 >= len(r.s) {
		return 0, r.fail(at, "unexpected end of the document")
	}
	r.pos += 2
	switch c := r.s[at+1]; c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return r.unicode(at)
	}
	return 0, r.fail(at, "unknown escape")
}

func (r *reader) unicode(at int) (rune, *SyntaxError) {
	c, ok := r.hex4()
	switch {
	case !ok:
		return 0, r.fail(at, "\\u wants four hexadecimal digits")
	case c == 0:
		// NUL ends strings in C and is refused by PostgreSQL's text type.
		return 0, r.fail(at, "NUL in a string")
	case c < 0xD800 || c > 0xDFFF:
		return c, nil
	case c <= 0xDBFF && strings.HasPrefix(r.s[r.pos:], `\u`):
		r.pos += 2
		if low, ok := r.hex4(); ok && low >= 0xDC00 && low <= 0xDFFF {
			return (c-0xD800)<<10 | (low - 0xDC00) + 0x10000, nil
		}
	}
	return 0, r.fail(at, "half of a surrogate pair")
}

func (r *reader) hex4() (rune, bool) {
	if r.pos+4 > len(r.s) {
		return 0, false
	}
	var c rune
	for _, h := range []byte(r.s[r.pos : r.pos+4]) {
		switch {
		case h >= '0' && h <= '9':
			c = c<<4 | rune(h-'0')
		case h|0x20 >= 'a' && h|0x20 <= 'f':
			c = c<<4 | rune(h|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	r.pos += 4
	return c, true
}
