// SPDX-License-Identifier: Apache-2.0

package jsonpath

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// longestPath bounds a path, in bytes, and mostSteps its length.
const (
	longestPath = 512
	mostSteps   = 32
)

// Path says where in a JSON text a value is: employee.name.first, jobs[0].title,
// jobs[primary=true].title, emails[*].value (of a list, or of an object with any names),
// jobs[status=active,leave|*].title; or as RFC 6901 has it, /employee/name/first, for names that hold
// a dot or a bracket. The zero Path is the whole text.
type Path struct {
	text  string
	steps []step
}

// step is one member, or some of a list.
type step struct {
	name  string     // of a member; of a pointer it may be an index, too
	index int        // with kind at
	value string     // with kind where: what the member called name is
	order [][]string // with kind prefer and best: what it may be, the best first
	kind  stepKind
}

type stepKind int

const (
	member  stepKind = iota
	pointed          // a member, or the index of a list
	at
	each
	where
	prefer // the one item that is best by a member
	best   // all items that are as good as that
)

// ParsePath reads a path. Errors say what is wrong, and not where it stands.
func ParsePath(text string) (Path, error) {
	p := Path{text: text}
	var err error
	switch {
	case text == "":
		return p, nil
	case len(text) > longestPath:
		return p, fmt.Errorf("it is longer than %d bytes", longestPath)
	case text[0] == '/':
		p.steps, err = pointer(text[1:])
	default:
		p.steps, err = dotted(text)
	}
	if err == nil && len(p.steps) > mostSteps {
		err = fmt.Errorf("it has more than %d steps", mostSteps)
	}
	return p, err
}

// String returns the path as it was written.
func (p Path) String() string { return p.text }

// First is the name of the member that the path begins with, "" if it begins with none.
func (p Path) First() string {
	if len(p.steps) == 0 || p.steps[0].kind != member && p.steps[0].kind != pointed {
		return ""
	}
	return p.steps[0].name
}

// Container is where the list itself is, of a path that may say behind it, by [*], that the
// list is an object of which the values are the records.
func (p Path) Container() (Path, bool) {
	if n := len(p.steps); n > 0 && p.steps[n-1].kind == each {
		return Path{p.text, p.steps[:n-1]}, true
	}
	return p, false
}

// Items splits a path at its last list: where the items are, and where in one the value is.
// Of items that are preferred it leads to all that are as good as the first.
func (p Path) Items() (list, rest Path, ok bool) {
	for i, s := range slices.Backward(p.steps) {
		switch s.kind {
		case prefer:
			s.kind = best
			return Path{p.text, append(slices.Clone(p.steps[:i]), s)}, Path{p.text, p.steps[i+1:]}, true
		case each, where:
			return Path{p.text, p.steps[:i+1]}, Path{p.text, p.steps[i+1:]}, true
		}
	}
	return p, Path{}, false
}

// Plain reports whether the path leads to one place, by names alone.
func (p Path) Plain() bool {
	return !slices.ContainsFunc(p.steps, func(s step) bool { return s.kind != member && s.kind != pointed })
}

// IsZero reports whether the path is the whole text.
func (p Path) IsZero() bool { return len(p.steps) == 0 }

// pointer reads the tokens of RFC 6901 §3.
func pointer(text string) (steps []step, err error) {
	for token := range strings.SplitSeq(text, "/") {
		for i := range len(token) {
			if token[i] == '~' && (i+1 == len(token) || token[i+1] != '0' && token[i+1] != '1') {
				return nil, errors.New("a ~ of a pointer must be written ~0, and a slash within a name ~1")
			}
		}
		steps = append(steps, step{name: strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~"), kind: pointed})
	}
	return steps, nil
}

func dotted(text string) (steps []step, err error) {
	for rest, first := text, true; rest != "" || first; first = false {
		name := rest
		if i := strings.IndexAny(rest, ".[]"); i >= 0 {
			name = rest[:i]
		}
		rest = rest[len(name):]
		switch {
		case name != "" && strings.TrimSpace(name) != name:
			return nil, errors.New("a name in it has blanks around it")
		case name != "":
			steps = append(steps, step{name: name})
		case !first || !strings.HasPrefix(rest, "["):
			return nil, errors.New("it has a dot with no name beside it; a name that holds a dot is written as a pointer, /like.this/so")
		}
		for strings.HasPrefix(rest, "[") {
			inner, after, closed := strings.Cut(rest[1:], "]")
			s, ok := selector(inner)
			if !closed || !ok {
				return nil, errors.New("brackets hold a number, *, or name=value, as in jobs[0], emails[*], jobs[primary=true] and jobs[status=active,leave|*]")
			}
			steps, rest = append(steps, s), after
		}
		switch {
		case rest == "":
			return steps, nil
		case rest[0] != '.' || len(rest) == 1:
			return nil, errors.New("between two steps stands one dot")
		}
		rest = rest[1:]
	}
	return steps, nil
}

func selector(text string) (step, bool) {
	if text == "*" {
		return step{kind: each}, true
	}
	if name, value, ok := strings.Cut(text, "="); ok {
		if strings.ContainsAny(value, "|,") {
			return preference(name, value)
		}
		return step{name: name, value: value, kind: where}, name != ""
	}
	n, err := strconv.Atoi(text)
	return step{index: n, kind: at}, err == nil && n >= 0 && n < 1000 && strconv.Itoa(n) == text
}

// preference reads what is best: after each | comes what is less so, and what a comma is
// between is as good.
func preference(name, text string) (step, bool) {
	s, ok := step{name: name, kind: prefer}, name != ""
	for alike := range strings.SplitSeq(text, "|") {
		values := strings.Split(alike, ",")
		ok = ok && !slices.Contains(values, "")
		s.order = append(s.order, values)
	}
	return s, ok
}
