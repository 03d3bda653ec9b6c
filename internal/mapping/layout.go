// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// layout is a date pattern of Unicode's CLDR (UTS #35 part 4), as Java and ICU
// use it, ready to read dates with.
type layout struct {
	text  string
	parts []part
}

// part reads one field ('y', 'M', 'd' …) or, for field 0, literal text.
type part struct {
	field    byte
	min, max int // digits
	names    bool
	text     string
}

// isoLayout is the one layout with a name: an ISO 8601 date, with or without a
// time, fractions and an offset.
const isoLayout = "ISO"

// parseLayout reads a pattern. What it accepts, it can read without guessing:
// a field of free width must not touch another number.
func parseLayout(pattern string) (layout, error) {
	l := layout{text: pattern}
	if pattern == isoLayout {
		return l, nil
	}
	for i := 0; i < len(pattern); {
		p, n, err := parsePart(pattern[i:])
		if err != nil {
			return layout{}, err
		}
		l.parts = append(l.parts, p)
		i += n
	}
	return l, l.check()
}

func parsePart(s string) (part, int, error) {
	c := s[0]
	if c == '\'' {
		return parseQuoted(s)
	}
	if c|0x20 < 'a' || c|0x20 > 'z' {
		_, size := utf8.DecodeRuneInString(s)
		return part{text: s[:size]}, size, nil
	}
	n := len(s) - len(strings.TrimLeft(s, string(c)))
	p, ok := fieldPart(c, n)
	if !ok {
		return part{}, 0, fmt.Errorf("%q is no field of a date layout", s[:n])
	}
	return p, n, nil
}

// parseQuoted reads 'literal text'; two quotes are one, inside and outside.
func parseQuoted(s string) (part, int, error) {
	if strings.HasPrefix(s, "''") {
		return part{text: "'"}, 2, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return part{text: b.String()}, i + 1, nil
	}
	return part{}, 0, errors.New("a quote is not closed")
}

func fieldPart(c byte, n int) (part, bool) {
	p := part{field: c, min: n, max: n}
	switch c {
	case 'y', 'u':
		p.field = 'y'
		if n == 1 {
			p.min, p.max = 4, 4
		}
		return p, n == 1 || n == 2 || n == 4
	case 'M', 'L':
		p.field, p.names = 'M', n == 3 || n == 4
		if n == 1 {
			p.max = 2
		}
		return p, n <= 4
	case 'd', 'H', 'h', 'm', 's':
		if n == 1 {
			p.max = 2
		}
		return p, n <= 2
	case 'S':
		return p, n <= 9
	case 'E', 'a':
		p.names = true
		return p, n <= 4
	case 'X', 'x', 'Z':
		p.names = true
		return p, n <= 3 || c == 'Z' && n == 5
	}
	return part{}, false
}

// check refuses layouts that say too little, too much, or cannot be parted.
func (l layout) check() error {
	seen := map[byte]bool{}
	for i, p := range l.parts {
		if p.field == 0 {
			continue
		}
		key := p.field
		if key == 'x' || key == 'Z' {
			key = 'X'
		}
		if seen[key] {
			return fmt.Errorf("the field %q is there twice", string(p.field))
		}
		seen[key] = true
		if p.min == p.max || p.names || i+1 == len(l.parts) {
			continue
		}
		if next := l.parts[i+1]; next.field != 0 && !next.names || startsWithDigit(next.text) {
			return fmt.Errorf("the field %q has one or two digits and touches another number; double it", string(p.field))
		}
	}
	if !seen['y'] || !seen['M'] || !seen['d'] {
		return errors.New("a date layout needs year (y), month (M) and day (d)")
	}
	if seen['h'] != seen['a'] {
		return errors.New("an hour of twelve (h) needs AM or PM (a), and the other way round")
	}
	if seen['h'] && seen['H'] {
		return errors.New("the hour is there twice")
	}
	return nil
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// clock is what a layout has read.
type clock struct {
	year, month, day, hour, minute, second int
	pm, twelve, hasOffset                  bool
	offset                                 int // seconds east of UTC
}

var (
	// errShape and errNoSuchDate are verdicts on one layout; the caller's error
	// names all layouts and never the value.
	errShape      = errors.New("the text has another shape")
	errNoSuchDate = errors.New("there is no such date or time")
)

// parse reads the whole of s, or says which of the two went wrong.
func (l layout) parse(s string) (clock, error) {
	if l.text == isoLayout {
		return parseISO(s)
	}
	var c clock
	for _, p := range l.parts {
		var ok bool
		if s, ok = p.read(s, &c); !ok {
			return clock{}, errShape
		}
	}
	if s != "" {
		return clock{}, errShape
	}
	return c, c.valid()
}

// parseISO tries what ISO 8601 and RFC 3339 §5.6 have in common, shortest first.
func parseISO(s string) (clock, error) {
	var c clock
	rest, ok := readAll(s, &c, number('y', 4), literal("-"), number('M', 2), literal("-"), number('d', 2))
	if !ok {
		return clock{}, errShape
	}
	if rest == "" {
		return c, c.valid()
	}
	if rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ' {
		return clock{}, errShape
	}
	if rest, ok = readAll(rest[1:], &c, number('H', 2), literal(":"), number('m', 2)); !ok {
		return clock{}, errShape
	}
	if strings.HasPrefix(rest, ":") {
		if rest, ok = readAll(rest[1:], &c, number('s', 2)); !ok {
			return clock{}, errShape
		}
		if rest, ok = skipFraction(rest); !ok {
			return clock{}, errShape
		}
	}
	if rest != "" {
		if rest, ok = readOffset(rest, &c); !ok || rest != "" {
			return clock{}, errShape
		}
	}
	return c, c.valid()
}

func number(field byte, digits int) part { return part{field: field, min: digits, max: digits} }
func literal(s string) part              { return part{text: s} }

func readAll(s string, c *clock, parts ...part) (string, bool) {
	for _, p := range parts {
		var ok bool
		if s, ok = p.read(s, c); !ok {
			return s, false
		}
	}
	return s, true
}

func skipFraction(s string) (string, bool) {
	if s == "" || s[0] != '.' && s[0] != ',' {
		return s, true
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	return rest, len(rest) < len(s)-1
}

func (p part) read(s string, c *clock) (string, bool) {
	switch {
	case p.field == 0:
		return strings.CutPrefix(s, p.text)
	case p.field == 'X' || p.field == 'x' || p.field == 'Z':
		return readOffset(s, c)
	case p.field == 'M' && p.names:
		return readName(s, monthName, p.min, 12, &c.month)
	case p.field == 'E':
		var day int
		return readName(s, dayName, p.min, 7, &day)
	case p.field == 'a':
		return readHalf(s, c)
	}
	v, n := 0, 0
	for n < len(s) && n < p.max && s[n] >= '0' && s[n] <= '9' {
		v = v*10 + int(s[n]-'0')
		n++
	}
	if n < p.min {
		return s, false
	}
	c.set(p, v)
	return s[n:], true
}

func (c *clock) set(p part, v int) {
	switch p.field {
	case 'y':
		c.year = v
		if p.max == 2 {
			c.year = pivot(v)
		}
	case 'M':
		c.month = v
	case 'd':
		c.day = v
	case 'H':
		c.hour = v
	case 'h':
		c.hour, c.twelve = v, true
	case 'm':
		c.minute = v
	case 's':
		c.second = v
	}
}

// pivot reads years of two digits as POSIX strptime does: 69 to 99 are 19xx.
func pivot(v int) int {
	if v >= 69 {
		return 1900 + v
	}
	return 2000 + v
}

// valid refuses dates that the calendar does not have, 31 February among them.
func (c *clock) valid() error {
	if c.twelve {
		if c.hour < 1 || c.hour > 12 {
			return errNoSuchDate
		}
		c.hour %= 12
		if c.pm {
			c.hour += 12
		}
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, 0, time.UTC)
	if c.year < 1 || t.Year() != c.year || int(t.Month()) != c.month || t.Day() != c.day ||
		t.Hour() != c.hour || t.Minute() != c.minute || t.Second() != c.second {
		return errNoSuchDate
	}
	return nil
}

func monthName(i int) string { return time.Month(i).String() }
func dayName(i int) string   { return time.Weekday(i - 1).String() }

// readName reads an English name, whole (width 4) or its first three letters.
func readName(s string, name func(int) string, width, n int, out *int) (string, bool) {
	for i := 1; i <= n; i++ {
		want := name(i)
		if width < 4 {
			want = want[:3]
		}
		if len(s) >= len(want) && strings.EqualFold(s[:len(want)], want) {
			*out = i
			return s[len(want):], true
		}
	}
	return s, false
}

func readHalf(s string, c *clock) (string, bool) {
	if len(s) < 2 {
		return s, false
	}
	switch strings.ToLower(s[:2]) {
	case "am":
	case "pm":
		c.pm = true
	default:
		return s, false
	}
	return s[2:], true
}

// readOffset reads Z, +hh, +hhmm and +hh:mm: what X, x and Z of CLDR write.
func readOffset(s string, c *clock) (string, bool) {
	if s == "" {
		return s, false
	}
	c.hasOffset = true
	sign := 1
	switch s[0] {
	case 'Z', 'z':
		return s[1:], true
	case '-':
		sign = -1
	case '+':
	default:
		return s, false
	}
	var o clock
	rest, ok := number('H', 2).read(s[1:], &o)
	if !ok {
		return s, false
	}
	after, colon := strings.CutPrefix(rest, ":")
	if tail, ok := number('m', 2).read(after, &o); ok {
		rest = tail
	} else if colon {
		return s, false
	}
	if o.hour > 18 || o.minute > 59 {
		return s, false
	}
	c.offset = sign * (o.hour*3600 + o.minute*60)
	return rest, true
}
