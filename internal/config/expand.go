// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"unicode/utf8"
)

// maxScalar bounds one value after expansion, so that a line of variables
// cannot grow without end.
const maxScalar = 256 << 10

// expandError is a mistake in a ${…}, at a byte offset of the text.
type expandError struct {
	offset    int
	msg, hint string
}

// expand replaces ${NAME} and ${NAME:-default}; $${ is a literal ${. It works on
// one scalar after the file is parsed, so that what the environment holds stays
// one value: it can bring neither a key nor a line of YAML with it, and it is
// not expanded again. As in a shell, :-default also stands in for an empty value.
func expand(s string, lookup func(string) (string, bool)) (out string, used bool, errs []expandError) {
	if !strings.Contains(s, "${") {
		return s, false, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		rest := s[i:]
		switch {
		case strings.HasPrefix(rest, "$${"):
			b.WriteString("${")
			i += len("$${")
		case strings.HasPrefix(rest, "${"):
			used = true
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return "", used, append(errs, expandError{i, "${ without }", "write $${ for a literal ${"})
			}
			value, problem := variable(rest[2:end], lookup)
			if problem != nil {
				problem.offset = i
				errs = append(errs, *problem)
			}
			b.WriteString(value)
			i += end + 1
		default:
			b.WriteByte(s[i])
			i++
		}
		if b.Len() > maxScalar {
			return "", used, append(errs, expandError{i, "the value is longer than 256 KiB after expansion", ""})
		}
	}
	return b.String(), used, errs
}

// variable reads what stands between ${ and }.
func variable(inner string, lookup func(string) (string, bool)) (string, *expandError) {
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	if !isVariableName(name) {
		return "", &expandError{msg: "${…} must hold the name of an environment variable", hint: "write ${NAME}, ${NAME:-default}, or $${ for a literal ${"}
	}
	if strings.Contains(fallback, "${") {
		return "", &expandError{msg: "the default of ${" + name + "} holds another ${", hint: "defaults are taken as they are"}
	}
	value, ok := "", false
	if lookup != nil {
		value, ok = lookup(name)
	}
	switch {
	case hasFallback && value == "":
		return fallback, nil
	case !ok:
		return "", &expandError{msg: "environment variable " + name + " is not set", hint: "set it, or write ${" + name + ":-default}"}
	case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
		return "", &expandError{msg: "environment variable " + name + " does not hold UTF-8 text"}
	}
	return value, nil
}

func isVariableName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}
