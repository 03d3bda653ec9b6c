// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"

	"github.com/usher-id/usher/scim"
)

// read is a chain of fields from a variable, as in person.name.givenName: what an
// expression reads, known before it runs.
type read struct {
	id     int64 // of the node that names the variable
	name   string
	root   string
	fields []*field
}

// direct tells whether the chain can be followed without CEL. A list goes through
// CEL, which drops nulls and takes one object for a list of one.
func (r read) direct() bool { return len(r.fields) > 0 && !r.fields[len(r.fields)-1].list }

// value follows the chain. It reports false if the value is absent.
func (r read) value(a *activation) (scim.Value, bool, error) {
	if r.root == "row" {
		s := a.column(r.fields[0].column)
		if len(s) > MaxText {
			return scim.Value{}, false, errTooLong
		}
		return scim.String(s), s != "", nil
	}
	o := &a.person
	if r.root == "team" {
		o = &a.team
	}
	if r.fields[0].key == "" {
		return scim.String(o.id), o.id != "", nil
	}
	obj := o.obj
	for i, f := range r.fields {
		v, ok := obj.Get(f.key)
		if !ok || v.IsNull() {
			return r.zero(), false, nil
		}
		if i == len(r.fields)-1 {
			return v, !v.IsUnassigned(), f.conforms(v)
		}
		if obj, ok = v.AsComplex(); !ok {
			_, err := f.single(v)
			return scim.Value{}, false, err
		}
	}
	return scim.Value{}, false, nil
}

// chain is the name under which the provider knows the chain.
func (r read) chain() string {
	names := make([]string, len(r.fields))
	for i, f := range r.fields {
		names[i] = f.name
	}
	return strings.Join(names, ".")
}

// last follows the chain to the object that holds its last field.
func (r read) last(o scim.Object) (scim.Value, bool) {
	for _, f := range r.fields[:len(r.fields)-1] {
		v, ok := o.Get(f.key)
		if !ok {
			return scim.Value{}, false
		}
		if o, ok = v.AsComplex(); !ok {
			return v, false
		}
	}
	return o.Get(r.fields[len(r.fields)-1].key)
}

func (r read) isSet(target any) bool {
	o, ok := target.(*object)
	if !ok {
		return false
	}
	v, ok := r.last(o.obj)
	return ok && !v.IsUnassigned()
}

func (r read) getFrom(target any) (any, error) {
	f := r.fields[len(r.fields)-1]
	o, ok := target.(*object)
	if !ok {
		return nil, &valueError{"the attribute " + f.name + " is asked of something that has none"}
	}
	v, ok := r.last(o.obj)
	switch {
	case ok:
		return f.celValue(v)
	case v.IsNull():
		return f.zero(), nil
	}
	return nil, &valueError{"the attribute " + r.chain() + " does not hold what its schema says"}
}

// flatten replaces each chain of a checked expression by one select of its whole
// name; types and results stay what they are.
func (e *Env) flatten(x ast.Expr) {
	if e.person == nil {
		return
	}
	fac := ast.NewExprFactory()
	e.visitScoped(x, map[string]bool{}, func(x ast.Expr, local map[string]bool) bool {
		if x.Kind() != ast.SelectKind {
			return true
		}
		sel := x.AsSelect()
		r, ok := e.extend(sel.Operand(), sel.FieldName(), local)
		if !ok || len(r.fields) < 2 {
			return true
		}
		root := fac.NewIdent(r.id, r.root)
		if sel.IsTestOnly() {
			x.SetKindCase(fac.NewPresenceTest(x.ID(), root, r.chain()))
		} else {
			x.SetKindCase(fac.NewSelect(x.ID(), root, r.chain()))
		}
		return false
	})
}

// zero is what the chain reads as when something on its way is absent.
func (r read) zero() scim.Value {
	f := r.fields[len(r.fields)-1]
	switch {
	case f.list:
		return scim.List()
	case f.kind == kindBool:
		return scim.Bool(false)
	case f.kind == kindInt:
		return scim.Integer(0)
	case f.kind == kindDouble:
		return scim.Decimal(0)
	case f.kind == kindObject:
		return scim.Complex(scim.Object{})
	}
	return scim.String("")
}

// readOf sees an expression as a chain of fields from a variable, if it is one.
func (e *Env) readOf(x ast.Expr, local map[string]bool) (read, bool) {
	switch x.Kind() {
	case ast.IdentKind:
		name := x.AsIdent()
		if local[name] {
			return read{}, false
		}
		if e.root(name) != nil || name == "teams" && e.person != nil {
			return read{id: x.ID(), name: name, root: name}, true
		}
	case ast.SelectKind:
		sel := x.AsSelect()
		if sel.IsTestOnly() {
			return read{}, false
		}
		return e.extend(sel.Operand(), sel.FieldName(), local)
	}
	return read{}, false
}

func (e *Env) extend(operand ast.Expr, name string, local map[string]bool) (read, bool) {
	r, ok := e.readOf(operand, local)
	if !ok {
		return read{}, false
	}
	t := e.root(r.root)
	if n := len(r.fields); n > 0 {
		if r.fields[n-1].list {
			return read{}, false
		}
		t = r.fields[n-1].object
	}
	if t == nil {
		return read{}, false
	}
	f, ok := t.fields[name]
	if !ok {
		return read{}, false
	}
	r.fields = append(slices.Clone(r.fields), f)
	if r.root == "row" {
		r.name = e.columnRef(name)
	} else {
		r.name += "." + name
	}
	return r, true
}

// columnRef is how an expression writes a column.
func (e *Env) columnRef(name string) string {
	if identifier(name) {
		return "row." + name
	}
	return "row[" + quote(name) + "]"
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

func identifier(s string) bool {
	switch s {
	case "", "in", "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "let", "loop",
		"package", "namespace", "null", "return", "true", "var", "void", "while":
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// collectReads finds the longest chains in an expression, those in has() too.
func (e *Env) collectReads(x ast.Expr) []read {
	found := map[string]read{}
	e.visitScoped(x, map[string]bool{}, func(x ast.Expr, local map[string]bool) bool {
		r, ok := e.readOf(x, local)
		if !ok && x.Kind() == ast.SelectKind { // has(…)
			r, ok = e.extend(x.AsSelect().Operand(), x.AsSelect().FieldName(), local)
		}
		if ok {
			found[r.name] = r
		}
		return !ok
	})
	var out []read
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[name])
	}
	return out
}

// visitScoped walks an expression from the top and knows which names are local:
// the variables of a comprehension hide ours, as in teams.exists(person, …). The
// visitor says whether to go deeper.
func (e *Env) visitScoped(x ast.Expr, local map[string]bool, visit func(ast.Expr, map[string]bool) bool) {
	if !visit(x, local) {
		return
	}
	var inside []ast.Expr
	switch x.Kind() {
	case ast.SelectKind:
		inside = append(inside, x.AsSelect().Operand())
	case ast.CallKind:
		call := x.AsCall()
		if call.IsMemberFunction() {
			inside = append(inside, call.Target())
		}
		inside = append(inside, call.Args()...)
	case ast.ListKind:
		inside = x.AsList().Elements()
	case ast.MapKind:
		for _, entry := range x.AsMap().Entries() {
			inside = append(inside, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		c := x.AsComprehension()
		inside = append(inside, c.IterRange(), c.AccuInit())
		inner := maps.Clone(local)
		inner[c.IterVar()], inner[c.AccuVar()] = true, true
		if c.HasIterVar2() {
			inner[c.IterVar2()] = true
		}
		for _, y := range []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
			e.visitScoped(y, inner, visit)
		}
	}
	for _, y := range inside {
		e.visitScoped(y, local, visit)
	}
}
