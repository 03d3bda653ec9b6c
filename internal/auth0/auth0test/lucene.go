// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// condition says whether a user is found.
type condition func(*User) bool

// maxQuery is how long a query, and maxDepth how deep it may be.
const (
	maxQuery = 4096
	maxDepth = 16
)

// parseQuery reads the part of Lucene's syntax that a sync needs: field:value,
// field:"value", field:pre*, field:[from TO to] with * for an open end, _exists_:field,
// AND, OR, NOT and parentheses. What it does not know is an error, and never a guess.
// "" is nil, for everybody.
func parseQuery(text string) (condition, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxQuery {
		return nil, errors.New("the query is too long")
	}
	p := &queryParser{rest: text}
	c, err := p.any(0)
	if err != nil {
		return nil, err
	}
	if p.skip(); p.rest != "" {
		return nil, fmt.Errorf("the query cannot be read at %q", p.rest)
	}
	return c, nil
}

type queryParser struct{ rest string }

func (p *queryParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n\r") }

// word takes a keyword, if it is next.
func (p *queryParser) word(w string) bool {
	p.skip()
	rest, found := strings.CutPrefix(p.rest, w)
	if found && (rest == "" || strings.ContainsAny(rest[:1], " \t\n\r(")) {
		p.rest = rest
		return true
	}
	return false
}

func (p *queryParser) any(depth int) (condition, error) {
	left, err := p.every(depth)
	for err == nil && p.word("OR") {
		var right condition
		if right, err = p.every(depth); err == nil {
			one := left
			left = func(u *User) bool { return one(u) || right(u) }
		}
	}
	return left, err
}

func (p *queryParser) every(depth int) (condition, error) {
	left, err := p.not(depth)
	for err == nil && p.word("AND") {
		var right condition
		if right, err = p.not(depth); err == nil {
			one := left
			left = func(u *User) bool { return one(u) && right(u) }
		}
	}
	return left, err
}

func (p *queryParser) not(depth int) (condition, error) {
	if depth > maxDepth {
		return nil, errors.New("the query is nested too deep")
	}
	if p.word("NOT") {
		c, err := p.not(depth + 1)
		return func(u *User) bool { return !c(u) }, err
	}
	p.skip()
	if rest, found := strings.CutPrefix(p.rest, "("); found {
		p.rest = rest
		c, err := p.any(depth + 1)
		if err != nil {
			return nil, err
		}
		p.skip()
		if p.rest, found = strings.CutPrefix(p.rest, ")"); !found {
			return nil, errors.New("a parenthesis is missing")
		}
		return c, nil
	}
	return p.term()
}

func (p *queryParser) term() (condition, error) {
	name, rest, found := strings.Cut(p.rest, ":")
	if !found || strings.ContainsAny(name, " \t\n\r()\"[]{}") || name == "" {
		return nil, fmt.Errorf("the query must name a field at %q", p.rest)
	}
	metadata := strings.HasPrefix(name, "user_metadata.") || strings.HasPrefix(name, "app_metadata.")
	if !metadata && name != "_exists_" && !slices.Contains(searchable(), name) {
		return nil, fmt.Errorf("the field %q cannot be searched", name)
	}
	p.rest = rest
	if strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "{") {
		if strings.HasPrefix(name, "user_metadata.") {
			return nil, errors.New("user_metadata has no ranges")
		}
		return p.span(name)
	}
	value, wild, err := p.value()
	switch {
	case err != nil:
		return nil, err
	case name == "_exists_":
		return func(u *User) bool { return len(u.values(value)) > 0 }, nil
	case wild && strings.HasPrefix(name, "user_metadata."):
		return nil, errors.New("user_metadata has no wildcards")
	}
	// A user_id is compared as it is, everything else without regard to case; not verified.
	exact := strings.HasSuffix(name, "user_id")
	return func(u *User) bool {
		return slices.ContainsFunc(u.values(name), func(has string) bool {
			want := value
			if !exact {
				has, want = strings.ToLower(has), strings.ToLower(want)
			}
			if wild {
				return strings.HasPrefix(has, want)
			}
			return has == want
		})
	}, nil
}

// value reads a word or a text in quotes; a word may end in a wildcard.
func (p *queryParser) value() (value string, wild bool, err error) {
	if !strings.HasPrefix(p.rest, `"`) {
		end := strings.IndexAny(p.rest, " \t\n\r)")
		if end < 0 {
			end = len(p.rest)
		}
		value, p.rest = p.rest[:end], p.rest[end:]
		value, wild = strings.CutSuffix(value, "*")
		if value == "" && !wild || strings.ContainsAny(value, `*?~^"`) {
			return "", false, errors.New("a value of the query cannot be read")
		}
		return unescape(value), wild, nil
	}
	for i := 1; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			i++
		case '"':
			value, p.rest = p.rest[1:i], p.rest[i+1:]
			return unescape(value), false, nil
		}
	}
	return "", false, errors.New("a quotation mark is missing")
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// span reads a range, with its ends or without.
func (p *queryParser) span(name string) (condition, error) {
	end := strings.IndexAny(p.rest, "]}")
	if end < 0 {
		return nil, errors.New("a range has no end")
	}
	inside, opens, closes := p.rest[1:end], p.rest[0] == '[', p.rest[end] == ']'
	p.rest = p.rest[end+1:]
	from, to, found := strings.Cut(inside, " TO ")
	if !found {
		return nil, errors.New("a range needs TO")
	}
	from, to = bound(from), bound(to)
	return func(u *User) bool {
		return slices.ContainsFunc(u.values(name), func(v string) bool {
			v = bound(v)
			return (from == "*" || v > from || opens && v == from) && (to == "*" || v < to || closes && v == to)
		})
	}, nil
}

// bound writes times alike, so that they compare as texts.
func bound(s string) string {
	s = strings.Trim(strings.TrimSpace(s), `"`)
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format(timeFormat)
		}
	}
	return s
}
