// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends v as compact JSON. It does not fail: bytes that are not
// UTF-8 are written as U+FFFD.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind() {
	case KindBool:
		b, _ := v.AsBool()
		return strconv.AppendBool(dst, b)
	case KindInteger:
		i, _ := v.AsInteger()
		return strconv.AppendInt(dst, i, 10)
	case KindDecimal:
		f, _ := v.AsDecimal()
		return appendDecimal(dst, f)
	case KindString:
		s, _ := v.AsString()
		return appendString(dst, s)
	case KindComplex:
		o, _ := v.AsComplex()
		return o.AppendJSON(dst)
	case KindList:
		list, _ := v.AsList()
		dst = append(dst, '[')
		for i := range list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = list[i].AppendJSON(dst)
		}
		return append(dst, ']')
	}
	return append(dst, "null"...)
}

// MarshalJSON writes v as compact JSON.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// String returns v as compact JSON, so a string comes with its quotes; use
// [Value.AsString] for its text.
func (v Value) String() string { return string(v.AppendJSON(nil)) }

// AppendJSON appends o as compact JSON, attributes in their order.
func (o Object) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range o.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, o.fields[i].name)
		dst = append(dst, ':')
		dst = o.fields[i].value.AppendJSON(dst)
	}
	return append(dst, '}')
}

// MarshalJSON writes o as compact JSON, attributes in their order.
func (o Object) MarshalJSON() ([]byte, error) { return o.AppendJSON(nil), nil }

// String returns o as compact JSON.
func (o Object) String() string { return string(o.AppendJSON(nil)) }

// AppendJSON appends r as compact JSON: schemas first, then the attributes in
// their order.
func (r *Resource) AppendJSON(dst []byte) []byte {
	at := r.index("schemas")
	if at <= 0 {
		return r.Object.AppendJSON(dst)
	}
	dst = append(dst, `{"schemas":`...)
	dst = r.fields[at].value.AppendJSON(dst)
	for i := range r.fields {
		if i == at {
			continue
		}
		dst = append(dst, ',')
		dst = appendString(dst, r.fields[i].name)
		dst = append(dst, ':')
		dst = r.fields[i].value.AppendJSON(dst)
	}
	return append(dst, '}')
}

// MarshalJSON writes r as compact JSON: schemas first, then the attributes in
// their order.
func (r *Resource) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	return r.AppendJSON(nil), nil
}

// String returns r as compact JSON.
func (r *Resource) String() string {
	if r == nil {
		return "null"
	}
	return string(r.AppendJSON(nil))
}

// appendDecimal keeps a point or an exponent in the text, so that a decimal is
// read back as a decimal (RFC 7643 §2.3.3).
func appendDecimal(dst []byte, f float64) []byte {
	start := len(dst)
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if !bytes.ContainsAny(dst[start:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}

const hexDigits = "0123456789abcdef"

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
