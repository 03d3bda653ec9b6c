// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/usher-id/usher/internal/config"
)

func (c *compilation) fail(pos config.Position, msg, hint string) {
	c.errs = append(c.errs, &config.Error{Pos: pos, Msg: msg, Hint: hint})
}

// failAt reports at a node of the expression.
func (c *compilation) failAt(id int64, msg, hint string) {
	c.fail(place(c.text, c.parsed.SourceInfo().GetStartLocation(id)), msg, hint)
}

// place turns CEL's location into one in the file. CEL puts a call at its bracket
// and a field at its dot; people look for the name.
func place(text config.Text, loc common.Location) config.Position {
	if loc == nil || loc.Line() < 1 {
		return text.Pos
	}
	lines := strings.Split(text.Value, "\n")
	col := loc.Column()
	if loc.Line() > len(lines) {
		return text.At(loc.Line(), col+1)
	}
	line := []rune(lines[loc.Line()-1])
	switch {
	case col < 0 || col >= len(line):
	case line[col] == '.':
		col++
	case line[col] == '(':
		for col > 0 && (line[col-1] == '_' || unicode.IsLetter(line[col-1]) || unicode.IsDigit(line[col-1])) {
			col--
		}
	}
	return text.At(loc.Line(), col+1)
}

// syntax reports what the parser found. Its first complaint is the mistake, those
// after it are mostly its echo.
func (c *compilation) syntax(iss *cel.Issues) {
	for _, err := range iss.Errors() {
		msg := firstLine(strings.TrimPrefix(err.Message, "Syntax error: "))
		msg, _, _ = strings.Cut(msg, " expecting ")
		c.fail(place(c.text, err.Location), "syntax: "+msg, syntaxHint(err.Message))
		return
	}
	c.fail(c.text.Pos, "syntax: "+firstLine(iss.Err().Error()), "")
}

func syntaxHint(msg string) string {
	switch {
	case strings.Contains(msg, "'='"), strings.Contains(msg, "at: '= "):
		return "compare with =="
	case strings.Contains(msg, "at: '&"), strings.Contains(msg, "'&'"):
		return "and is &&"
	case strings.Contains(msg, "at: '|"), strings.Contains(msg, "'|'"):
		return "or is ||"
	case strings.Contains(msg, "invalid argument to has() macro"):
		return `has() takes a field, as in has(person.title); for a column write row["Full Name"] != ""`
	case strings.Contains(msg, "token recognition error at: '\""), strings.Contains(msg, "token recognition error at: '''"):
		return "a quote is not closed"
	case strings.Contains(msg, "input '<EOF>'"):
		return "something is missing at the end"
	}
	return ""
}

// patterns of the checker's messages; the words are its, the names are the user's.
type patterns struct{ field, name, overload, noFields *regexp.Regexp }

func checkerPatterns() patterns {
	return patterns{
		field:    regexp.MustCompile(`^undefined field '(.*)'`),
		name:     regexp.MustCompile(`^undeclared reference to '([^']*)'`),
		overload: regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'`),
		noFields: regexp.MustCompile(`^type '(.*)' does not support field selection`),
	}
}

// types reports what the type checker found, in our words.
func (c *compilation) types(iss *cel.Issues) {
	pats := checkerPatterns()
	nodes := c.nodes()
	for _, err := range iss.Errors() {
		msg, hint := firstLine(err.Message), ""
		if m := pats.field.FindStringSubmatch(msg); m != nil {
			msg, hint = c.unknownField(m[1], nodes[err.ExprID])
		} else if m := pats.name.FindStringSubmatch(msg); m != nil {
			msg, hint = c.unknownName(m[1], nodes[err.ExprID])
		} else if m := pats.overload.FindStringSubmatch(msg); m != nil {
			msg, hint = overloadMessage(m[1], m[2])
		} else if m := pats.noFields.FindStringSubmatch(msg); m != nil {
			msg, hint = m[1]+" has no fields", ""
			if strings.HasPrefix(m[1], "list(") {
				hint = "each element has: first(person.emails.map(e, e.value))"
			}
		} else if msg == "invalid matches argument" {
			msg, hint = "the pattern is no regular expression of RE2, or too big a one", ""
		}
		c.fail(place(c.text, err.Location), plainTypes(msg), hint)
	}
}

func (c *compilation) nodes() map[int64]ast.Expr {
	out := map[int64]ast.Expr{}
	ast.PostOrderVisit(c.parsed.Expr(), ast.NewExprVisitor(func(x ast.Expr) { out[x.ID()] = x }))
	return out
}

func (c *compilation) unknownField(name string, x ast.Expr) (msg, hint string) {
	if x == nil || x.Kind() != ast.SelectKind {
		return "there is no field " + name, ""
	}
	operand := x.AsSelect().Operand()
	r, ok := c.env.readOf(operand, nil)
	if !ok {
		return "there is no field " + name, ""
	}
	t := c.env.root(r.root)
	if n := len(r.fields); n > 0 {
		t = r.fields[n-1].object
	}
	if t == nil {
		return r.name + " has no fields", ""
	}
	near := closest(name, t.names)
	if r.root == "row" {
		if near == "" {
			return "there is no column " + quote(name), listHint("the columns are", t.names)
		}
		return "there is no column " + quote(name), "did you mean " + c.env.columnRef(near) + "?"
	}
	if near == "" {
		near = nested(name, t)
	}
	if near == "" && name == "teams" && r.name == "person" {
		return "person has no attribute teams", "did you mean teams?"
	}
	if near == "" {
		return r.name + " has no attribute " + name, listHint("it has", t.names)
	}
	return r.name + " has no attribute " + name, "did you mean " + r.name + "." + near + "?"
}

// nested looks one level deeper, where extensions keep their attributes.
func nested(name string, t *objectType) string {
	for _, n := range t.names {
		f := t.fields[n]
		if f.object == nil || f.list {
			continue
		}
		if near := closest(name, f.object.names); near != "" {
			return n + "." + near
		}
	}
	return ""
}

func (c *compilation) unknownName(name string, x ast.Expr) (msg, hint string) {
	if x != nil && x.Kind() == ast.CallKind {
		fns := slices.Collect(maps.Keys(c.env.cel.Functions()))
		fns = slices.DeleteFunc(fns, func(f string) bool { return !identifier(f) || f == name })
		if n := closest(name, fns); n != "" {
			return "there is no function " + name, "did you mean " + n + "?"
		}
		return "there is no function " + name, ""
	}
	if x != nil && x.Kind() == ast.StructKind {
		return "an expression builds no objects", "map each sub-attribute by its own path"
	}
	msg = "there is no variable " + name
	if t := c.env.root(c.env.kind); t != nil {
		if n := closest(name, t.names); n != "" && strings.EqualFold(n, name) {
			if c.env.kind == "row" {
				return msg, "did you mean " + c.env.columnRef(n) + "?"
			}
			return msg, "did you mean " + c.env.kind + "." + n + "?"
		}
	}
	return msg, "an expression here begins with " + strings.Join(c.env.variables(), " or ")
}

// overloadMessage tells of types that do not go together.
func overloadMessage(fn, signature string) (msg, hint string) {
	args := signature
	op, isOperator := operators.FindReverse(fn)
	if !isOperator || op == "" {
		if fn == operators.Index {
			return "[…] does not work on " + args, `columns are row["name"], lists take a number`
		}
		return fn + " does not take " + args, usage(fn)
	}
	both := strings.Split(strings.Trim(args, "()"), ", ")
	if len(both) != 2 {
		return op + " does not work on " + args, ""
	}
	a, b := both[0], both[1]
	switch {
	case a == "string" && b == "int" || a == "int" && b == "string":
		if op == "+" {
			return "a text and a number cannot be joined", "string(…) makes a text of a number"
		}
		return "a text is compared with a number", `write the number in quotes, as in "1", or make a number of the text with int(…)`
	case a == "string" && b == "bool" || a == "bool" && b == "string":
		return op + " does not work on a text and a condition", `compare the text, as in row.active == "true"`
	case strings.HasPrefix(a, "list(") || strings.HasPrefix(b, "list("):
		return op + " does not work on " + args, `"x" in list looks into a list, first(list) takes one element`
	}
	return op + " does not work on " + a + " and " + b, ""
}

// usage shows how one of our functions is called.
func usage(fn string) string {
	switch fn {
	case "ascii", "slug", "lower", "upper", "title", "trim", "splitName":
		return "it is called as in " + fn + "(text)"
	case "date":
		return `it is called as in date(text, ["M/d/yyyy"]) or date(text, ["M/d/yyyy"], "Europe/Berlin")`
	case "endOfDay":
		return `it is called as in endOfDay(text) or endOfDay(text, "Europe/Berlin")`
	case "addDays":
		return `it is called as in addDays(text, 30) or addDays(text, 30, "Europe/Berlin")`
	case "cut":
		return "it is called as in cut(text, 20)"
	case "join":
		return `it is called as in join(list, ", ")`
	case "first":
		return "it is called as in first(list), with a list of texts"
	case "or":
		return "it is called as in or(a, b), with two to four texts"
	}
	return ""
}

func resultHint(t *types.Type, want Want) string {
	switch {
	case t.Kind() == types.DynKind:
		return "all values of a list or map must have one type"
	case want.kind == kindObject:
		return "map its parts by their own paths, or copy an attribute of the same parts"
	case want.list && t.Kind() != types.ListKind:
		return "put it into brackets: […]"
	case !want.list && t.Kind() == types.ListKind:
		return "first(…) takes the first element, join(…, \", \") all"
	case want.kind == kindString && (t.Kind() == types.IntKind || t.Kind() == types.DoubleKind || t.Kind() == types.BoolKind):
		return "string(…) makes a text of it"
	case want.kind == kindBool && t.Kind() == types.StringKind:
		return `compare it, as in … == "true"`
	case want.kind == kindInt && t.Kind() == types.StringKind:
		return "int(…) makes a number of it"
	case want.kind == kindDouble && t.Kind() == types.StringKind:
		return "double(…) makes a number of it"
	case t.Kind() == types.StructKind:
		return "name one of its fields"
	case t.Kind() == types.TimestampKind:
		return "string(…) makes a text of it; date() yields one"
	}
	return ""
}

// typeLabel is a type as users know it.
func typeLabel(t *types.Type) string {
	if t.Kind() == types.DynKind {
		return "values of different types"
	}
	return plainTypes(cel.FormatCELType(t))
}

// plainTypes strips the mark that keeps our type names out of expressions.
func plainTypes(s string) string { return strings.ReplaceAll(s, "$", "") }

func listHint(lead string, names []string) string {
	const most = 12
	if len(names) == 0 {
		return ""
	}
	if len(names) > most {
		return lead + " " + strings.Join(names[:most], ", ") + " and more"
	}
	return lead + " " + strings.Join(names, ", ")
}

// closest is the name that somebody who wrote this name meant: the same letters,
// or a few keystrokes away.
func closest(name string, names []string) string {
	best, least := "", max(len(name)/3, 1)+1
	want := letters(name)
	for _, n := range slices.Sorted(slices.Values(names)) {
		have := letters(n)
		if have == want {
			return n
		}
		if d := distance(want, have); d < least {
			best, least = n, d
		}
	}
	return best
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := prev
			if a[i-1] != b[j-1] {
				cost++
			}
			prev = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSpace(s)
}
