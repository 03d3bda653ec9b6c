// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder reads nodes into values; a value that is wrong is reported and read
// as its zero, so that one mistake does not hide the next.
type decoder struct {
	file string
	errs Errors
}

func (d *decoder) fail(pos Position, msg, hint string) {
	d.errs = append(d.errs, &Error{Pos: pos, Msg: msg, Hint: hint})
}

// take adds a mistake that somebody else found.
func (d *decoder) take(err error) {
	var e *Error
	if errors.As(err, &e) {
		d.errs = append(d.errs, e)
	}
}

// field is one key of a section: its name, whether it must be there, and what
// reads it. later marks a key whose room is not built yet.
type field struct {
	key      string
	required bool
	later    bool
	read     func(*node)
}

// section reads a map that may hold exactly the given keys. what names it in
// errors; "" is the file itself. pos is where to say that a key is missing.
func (d *decoder) section(n *node, what string, pos Position, fields ...field) {
	label := what
	if label == "" {
		label = "the configuration"
	}
	if n.shape != nil {
		n.fits(sectionShape(fields))
		return
	}
	if !d.is(n, label, "a map of keys and values", kindMap) {
		return
	}
	var known []string
	for _, f := range fields {
		if !f.later {
			known = append(known, f.key)
		}
	}
	given, meant := map[string]*node{}, map[string]bool{}
	for _, e := range n.entries {
		given[e.key.Value] = e.value
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == e.key.Value })
		switch {
		case i < 0:
			meant[nearest(e.key.Value, known)] = true
			d.fail(e.key.Pos, "unknown key "+quote(e.key.Value)+in(what), didYouMean(e.key.Value, known))
		case fields[i].later:
			d.fail(e.key.Pos, e.key.Value+" is not in this version yet", "remove it")
		}
	}
	for _, f := range fields {
		v, ok := given[f.key]
		switch {
		case f.later:
		case ok:
			f.read(v)
		case f.required && !meant[f.key]: // a slip of the pen is one mistake, not two
			d.fail(pos, label+" has no "+f.key, "it must have one")
		}
	}
}

func in(what string) string {
	if what == "" {
		return ""
	}
	return " in " + what
}

// quote shows a word from the file, cut where it gets long.
func quote(s string) string {
	const longest = 60
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return strconv.Quote(s)
}

// is reports whether the node is of one of the kinds, and says so if it is not.
func (d *decoder) is(n *node, what, want string, kinds ...kind) bool {
	switch {
	case n.shape != nil:
		n.asks(kinds)
		return false
	case n.kind == kindBad:
		return false
	case slices.Contains(kinds, n.kind):
		return true
	case n.kind == kindNull:
		d.fail(n.pos, what+" has no value", "give it one, or remove the key")
	default:
		d.fail(n.pos, what+" must be "+want+", not "+n.kind.String(), "")
	}
	return false
}

func (k kind) String() string {
	switch k {
	case kindText, kindQuoted:
		return "text"
	case kindInteger, kindDecimal:
		return "a number"
	case kindBool:
		return "true or false"
	case kindMap:
		return "a map"
	case kindList:
		return "a list"
	default:
		return "nothing"
	}
}

// optional reads text that may be empty, and then counts as not given.
func (d *decoder) optional(n *node, what string) (Text, bool) {
	switch n.kind {
	case kindInteger, kindDecimal, kindBool:
		d.fail(n.pos, what+" must be text, not "+n.kind.String(), `put it in quotes: "`+n.raw+`"`)
		return Text{Pos: n.pos}, false
	}
	if !d.is(n, what, "text", kindText, kindQuoted) {
		return Text{Pos: n.pos}, false
	}
	return Text{Value: n.value, Pos: n.pos}, true
}

// text reads text that must not be empty.
func (d *decoder) text(n *node, what string) (Text, bool) {
	t, ok := d.optional(n, what)
	n.note(func(s *Schema) { s.Pattern = notBlank })
	if ok && strings.TrimSpace(t.Value) == "" {
		d.empty(n, what)
		return t, false
	}
	return t, ok
}

func (d *decoder) empty(n *node, what string) {
	hint := ""
	if n.expanded {
		hint = "nothing is left of " + quote(n.raw) + " after the environment was put in"
	}
	d.fail(n.pos, what+" is empty", hint)
}

// expression reads an expression; one that is `true` or a number needs no quotes.
func (d *decoder) expression(n *node, what string) (Text, bool) {
	if !d.is(n, what, "an expression", kindText, kindQuoted, kindBool, kindInteger, kindDecimal) {
		n.fits(expressionShape())
		return Text{Pos: n.pos}, false
	}
	t := Text{Value: n.value, Pos: n.pos}
	if strings.TrimSpace(t.Value) == "" {
		d.empty(n, what)
		return t, false
	}
	return t, true
}

// texts reads a list of different, non-empty texts.
func (d *decoder) texts(n *node, what, one string) ([]Text, bool) {
	if !d.is(n, what, "a list", kindList) {
		n.note(func(s *Schema) { s.Items, s.UniqueItems = &Schema{Type: Types{"string"}, Pattern: notBlank}, true })
		return nil, false
	}
	out, ok := make([]Text, 0, len(n.items)), true
	seen := map[string]bool{}
	for _, item := range n.items {
		t, good := d.text(item, one)
		switch {
		case !good:
			ok = false
		case seen[t.Value]:
			d.fail(t.Pos, one+" "+quote(item.raw)+" is there twice", "")
			ok = false
		default:
			seen[t.Value] = true
			out = append(out, t)
		}
	}
	return out, ok
}

// choice reads one of a few words.
func (d *decoder) choice(n *node, what string, words ...string) (Text, bool) {
	t, ok := d.text(n, what)
	n.fits(choiceShape(words))
	if ok && !slices.Contains(words, t.Value) {
		d.unknown(n, what, words)
		return t, false
	}
	return t, ok
}

func (d *decoder) unknown(n *node, what string, words []string) {
	hint := "known: " + strings.Join(words, ", ")
	if !n.expanded { // nearest would tell of the value
		hint = didYouMean(n.value, words)
	}
	d.fail(n.pos, what+" cannot be "+quote(n.raw), hint)
}

// choices reads a list of some of a few words.
func (d *decoder) choices(n *node, what, one string, words ...string) ([]Text, bool) {
	out, ok := d.texts(n, what, one)
	n.note(func(s *Schema) { *s.Items = choiceShape(words) })
	for _, t := range out {
		if slices.Contains(words, t.Value) {
			continue
		}
		i := slices.IndexFunc(n.items, func(item *node) bool { return item.pos == t.Pos })
		d.unknown(n.items[i], one, words)
		ok = false
	}
	return out, ok
}

// number reads a number in [low, high]; whole says whether it may have a fraction.
func (d *decoder) number(n *node, what string, low, high float64, whole bool) (float64, bool) {
	want := "a number"
	if whole {
		want = "a whole number"
	}
	kinds := []kind{kindInteger, kindDecimal}
	if n.expanded {
		kinds = append(kinds, kindText, kindQuoted)
	}
	if !d.is(n, what, want, kinds...) {
		n.fits(numberShape(low, high, whole))
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(n.value), 64)
	if err != nil || math.IsNaN(f) || strings.ContainsAny(n.value, "xX_") || whole && f != math.Trunc(f) {
		d.fail(n.pos, what+" must be "+want+", not "+quote(n.raw), "")
		return 0, false
	}
	if f < low || f > high {
		d.fail(n.pos, fmt.Sprintf("%s is out of range", what), fmt.Sprintf("%v to %v", low, high))
		return 0, false
	}
	return f, true
}

// duration reads a span of time in [low, high].
func (d *decoder) duration(n *node, what string, low, high time.Duration) (Duration, bool) {
	if !d.is(n, what, "a duration", kindText, kindQuoted, kindInteger, kindDecimal) {
		n.fits(durationShape(low == 0))
		return 0, false
	}
	v, err := ParseDuration(strings.TrimSpace(n.value))
	if err != nil {
		d.fail(n.pos, what+" is no duration: "+quote(n.raw), "write 30d, 12h, 2m30s or 500ms")
		return 0, false
	}
	if time.Duration(v) < low || time.Duration(v) > high {
		d.fail(n.pos, what+" is out of range", fmt.Sprintf("%v to %v", Duration(low), Duration(high)))
		return 0, false
	}
	return v, true
}

// named reads a map whose keys are names that people gave.
func (d *decoder) named(n *node, what, one string, read func(name Text, n *node)) {
	if n.shape != nil {
		value := probe()
		read(Text{}, value)
		n.fits(namedShape(value.shape))
		return
	}
	if !d.is(n, what, "a map from name to "+one, kindMap) {
		return
	}
	for _, e := range n.entries {
		if !isName(e.key.Value) {
			d.fail(e.key.Pos, quote(e.key.Value)+" is no name for "+one, "a letter, then letters, digits and hyphens, all lower-case, at most 63")
		}
		read(e.key, e.value)
	}
}

const longestName = 63

// isName is [a-z][a-z0-9-]{0,62}.
func isName(s string) bool {
	if s == "" || len(s) > longestName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
