// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/usher-id/usher/internal/config"
)

// Compile checks an expression against the environment's types and prepares it.
// The error holds a *config.Error for each mistake, with its place in the file.
func (e *Env) Compile(expr config.Text, want Want) (*Program, error) {
	c := &compilation{env: e, text: expr}
	p := c.run(want)
	if len(c.errs) > 0 {
		c.errs.Sort()
		return nil, c.errs
	}
	return p, nil
}

// compilation collects the mistakes of one expression.
type compilation struct {
	env    *Env
	text   config.Text
	parsed *ast.AST
	errs   config.Errors
}

func (c *compilation) run(want Want) *Program {
	if strings.TrimSpace(c.text.Value) == "" {
		c.fail(c.text.Pos, "the expression is empty", `write "" for no value`)
		return nil
	}
	if n := utf8.RuneCountInString(c.text.Value); n > maxExpression {
		c.fail(c.text.Pos, fmt.Sprintf("the expression has %d characters, %d are allowed", n, maxExpression), "")
		return nil
	}
	if !utf8.ValidString(c.text.Value) {
		c.fail(c.text.Pos, "the expression is no valid UTF-8", "")
		return nil
	}
	parsed, iss := c.env.cel.Parse(c.text.Value)
	if iss.Err() != nil {
		c.syntax(iss)
		return nil
	}
	c.parsed = parsed.NativeRep()
	c.rewriteColumns()
	checked, iss := c.env.cel.Check(parsed)
	if iss.Err() != nil {
		c.types(iss)
		return nil
	}
	native := checked.NativeRep()
	comprehends := c.inspect(native)
	c.wanted(checked, want)
	if len(c.errs) > 0 {
		return nil
	}
	return c.plan(native, want, comprehends)
}

// plan makes the program; the expression is known to be good.
func (c *compilation) plan(a *ast.AST, want Want, comprehends bool) *Program {
	p := &Program{env: c.env, text: c.text, want: want, reads: c.env.collectReads(a.Expr()), info: a.SourceInfo()}
	if r, ok := c.env.readOf(a.Expr(), nil); ok && r.direct() {
		p.direct = &r
		return p
	}
	c.env.flatten(a.Expr())
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if comprehends {
		opts = append(opts, cel.CostTracking(callCost{}), cel.CostLimit(maxCost))
	}
	prog, err := c.env.cel.PlanProgram(a, opts...)
	if err != nil {
		c.fail(c.text.Pos, "the expression cannot be planned: "+firstLine(err.Error()), "")
		return nil
	}
	p.program = prog
	return p
}

// rewriteColumns turns row["Full Name"] into the field of that name, so that
// columns whose names are no identifiers are checked like the others.
func (c *compilation) rewriteColumns() {
	fac := ast.NewExprFactory()
	ast.PostOrderVisit(c.parsed.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.CallKind || x.AsCall().FunctionName() != operators.Index {
			return
		}
		args := x.AsCall().Args()
		if len(args) != 2 || args[0].Kind() != ast.IdentKind || args[0].AsIdent() != "row" || args[1].Kind() != ast.LiteralKind {
			return
		}
		if name, ok := args[1].AsLiteral().(types.String); ok {
			x.SetKindCase(fac.NewSelect(x.ID(), args[0], string(name)))
		}
	}))
}

// inspect does the checks that types cannot express, reads the layouts of dates,
// and reports whether the expression has a comprehension.
func (c *compilation) inspect(a *ast.AST) bool {
	comprehends := false
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.ComprehensionKind:
			comprehends = true
		case ast.StructKind:
			c.failAt(x.ID(), "an expression builds no objects", "map each sub-attribute by its own path")
		case ast.CallKind:
			c.inspectCall(a, x)
		}
	}))
	for _, r := range c.env.collectReads(a.Expr()) {
		if len(r.fields) == 0 && r.root != "teams" {
			c.failAt(r.id, "a whole "+r.root+" is no value", "name one of its fields, as in "+c.env.example())
		}
	}
	return comprehends
}

func (c *compilation) inspectCall(a *ast.AST, x ast.Expr) {
	call := x.AsCall()
	switch call.FunctionName() {
	case "matches":
		args := call.Args()
		if len(args) == 0 {
			return
		}
		if p := args[len(args)-1]; p.Kind() != ast.LiteralKind {
			c.failAt(p.ID(), "the pattern of matches must be written out", `as in row.id.matches("^[0-9]+$")`)
		}
	case "date":
		c.readLayouts(a, x)
	case "endOfDay", "addDays":
		if args := call.Args(); len(args) > 0 && a.GetOverloadIDs(x.ID()) != nil {
			c.checkZone(call.FunctionName(), args)
			c.fillZone(a, x)
		}
	}
}

// zoneName is the variable that holds the person's time zone; no expression can
// spell it.
const zoneName = "@zone"

// zoneOf makes the node that reads the person's time zone, for the call at x.
func zoneOf(a *ast.AST, x ast.Expr) ast.Expr {
	const beyond = 1 << 32 // above every id that the parser gives
	zone := ast.NewExprFactory().NewIdent(x.ID()+beyond, zoneName)
	a.SetType(zone.ID(), cel.StringType)
	a.SetReference(zone.ID(), ast.NewIdentReference(zoneName, nil))
	return zone
}

// fillZone gives endOfDay and addDays the person's time zone if they name none.
func (c *compilation) fillZone(a *ast.AST, x ast.Expr) {
	call := x.AsCall()
	overload, without := "endOfDay_string_string", 1
	if call.FunctionName() == "addDays" {
		overload, without = "addDays_string_int_string", 2
	}
	if args := call.Args(); len(args) == without {
		with := append(slices.Clone(args), zoneOf(a, x))
		x.SetKindCase(ast.NewExprFactory().NewCall(x.ID(), call.FunctionName(), with...))
		a.SetReference(x.ID(), ast.NewFunctionReference(overload))
	}
}

// readLayouts replaces date(text, ["…"]) by the inner call that has its layouts
// read, so that a wrong layout is an error now and costs nothing later.
func (c *compilation) readLayouts(a *ast.AST, x ast.Expr) {
	args := x.AsCall().Args()
	if len(args) < 2 {
		return
	}
	patterns, ok := stringLiterals(args[1])
	if !ok {
		c.failAt(args[1].ID(), "the layouts of date must be written out as a list of texts", `as in date(row.start, ["M/d/yyyy"])`)
		return
	}
	spec, err := newDateSpec(patterns)
	if err != nil {
		c.failAt(c.layoutID(args[1], err), err.Error(), `layouts are as in "yyyy-MM-dd", "M/d/yyyy", "dd.MM.yy", "yyyy-MM-dd HH:mm:ss 'UTC'", "ISO"`)
		return
	}
	c.checkZone("date", args)
	zone := zoneOf
	if len(args) == 3 {
		zone = func(*ast.AST, ast.Expr) ast.Expr { return args[2] }
	}
	fac := ast.NewExprFactory()
	lit := fac.NewLiteral(args[1].ID(), &layouts{dates: spec, typ: layoutsType()})
	a.SetType(lit.ID(), layoutsType())
	x.SetKindCase(fac.NewCall(x.ID(), dateCall, args[0], lit, zone(a, x)))
	a.SetReference(x.ID(), ast.NewFunctionReference(dateCallZone))
}

// layoutID is the list element that holds the layout at fault.
func (c *compilation) layoutID(list ast.Expr, err error) int64 {
	var bad *layoutError
	if !errors.As(err, &bad) {
		return list.ID()
	}
	for _, el := range list.AsList().Elements() {
		if el.AsLiteral() == ref.Val(types.String(bad.pattern)) {
			return el.ID()
		}
	}
	return list.ID()
}

// checkZone looks the time zone up if it is written out.
func (c *compilation) checkZone(fn string, args []ast.Expr) {
	last := args[len(args)-1]
	if fn == "endOfDay" && len(args) < 2 || fn != "endOfDay" && len(args) < 3 || last.Kind() != ast.LiteralKind {
		return
	}
	name, ok := last.AsLiteral().(types.String)
	if !ok {
		return
	}
	if _, err := c.env.compiler.zones.load(string(name)); err != nil {
		c.failAt(last.ID(), fmt.Sprintf("there is no time zone %q", string(name)), `name one as in "Europe/Berlin"`)
	}
}

func stringLiterals(x ast.Expr) ([]string, bool) {
	if x.Kind() != ast.ListKind {
		return nil, false
	}
	var out []string
	for _, el := range x.AsList().Elements() {
		if el.Kind() != ast.LiteralKind {
			return nil, false
		}
		s, ok := el.AsLiteral().(types.String)
		if !ok {
			return nil, false
		}
		out = append(out, string(s))
	}
	return out, true
}

// wanted compares the type of the result.
func (c *compilation) wanted(checked *cel.Ast, want Want) {
	t := checked.OutputType()
	if len(c.errs) > 0 || want.fits(c.env, t) {
		return
	}
	got := typeLabel(t)
	c.fail(c.text.Pos, "the expression yields "+got+", but it should yield "+want.phrase, resultHint(t, want))
}

func (e *Env) objectType(name string) *objectType {
	p, ok := e.cel.CELTypeProvider().(*provider)
	if !ok {
		return nil
	}
	return p.types[name]
}

func (e *Env) example() string {
	switch e.kind {
	case "row":
		if len(e.columns) > 0 {
			return e.columnRef(e.columns[0])
		}
		return "row.name"
	case "person":
		return "person.userName"
	}
	return "team.name"
}
