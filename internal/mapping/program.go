// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	env     *Env
	text    config.Text
	want    Want
	reads   []read
	direct  *read // the expression is one chain of fields, and needs no CEL
	program cel.Program
	info    *ast.SourceInfo
}

// EvalError says what an expression could not do, and where in the file it
// stands. It never repeats a value.
type EvalError struct {
	Pos config.Position
	Msg string
}

// Error is "usher.yaml:12:7: msg".
func (e *EvalError) Error() string {
	if p := e.Pos.String(); p != "" {
		return p + ": " + e.Msg
	}
	return e.Msg
}

// Text is the expression as it stands in the file.
func (p *Program) Text() config.Text { return p.text }

// Reads lists what the expression may read, sorted: "row.first_name",
// "person.enterprise.department", "teams".
func (p *Program) Reads() []string {
	out := make([]string, len(p.reads))
	for i, r := range p.reads {
		out[i] = r.name
	}
	return out
}

// Columns lists the columns among them, by their plain names.
func (p *Program) Columns() []string {
	var out []string
	for _, r := range p.reads {
		if r.root == "row" && len(r.fields) > 0 {
			out = append(out, r.fields[0].name)
		}
	}
	return out
}

// Eval evaluates the expression. The result is null, "" or an empty list when the
// attribute is to be unassigned. The error is an *EvalError.
func (p *Program) Eval(in Input) (scim.Value, error) {
	a := p.env.activate(&in)
	defer p.env.release(a)
	return p.eval(a)
}

// eval is Eval on an activation that is ready, as Apply shares one between rules.
func (p *Program) eval(a *activation) (scim.Value, error) {
	v, err := p.result(a)
	if err == nil {
		v, err = p.want.check(v)
	}
	if err != nil {
		return scim.Value{}, p.evalError(err)
	}
	return v, nil
}

func (p *Program) result(a *activation) (scim.Value, error) {
	if p.direct != nil {
		v, _, err := p.direct.value(a)
		return v, err
	}
	out, _, err := p.program.Eval(a)
	if err != nil {
		return scim.Value{}, err
	}
	return scimValue(out)
}

// evalError keeps of an error what may be told: our own texts are free of values,
// those of CEL are not (it quotes keys and numbers), so they are told in our words.
func (p *Program) evalError(err error) *EvalError {
	e := &EvalError{Pos: p.text.Pos, Msg: "the expression cannot be evaluated for this input"}
	var ce *types.Err
	if errors.As(err, &ce) {
		e.Pos = place(p.text, p.info.GetStartLocation(ce.NodeID()))
	}
	var ve *valueError
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &ve):
		e.Msg = ve.msg
	case errors.As(err, &cancelled):
		e.Msg = "the expression costs too much for this input"
	case err != nil:
		e.Msg = celMessage(err.Error(), e.Msg)
	}
	return e
}

func celMessage(msg, other string) string {
	for _, m := range [...][2]string{
		{"no such key", "the map has no entry for this key"},
		{"division by zero", "division by zero"},
		{"modulus by zero", "division by zero"},
		{"index out of bounds", "the list has no such element"},
		{"index out of range", "the text or list has no such position"},
		{"overflow", "a number is out of range"},
		{"type conversion error", "a value cannot be converted"},
		{"strconv", "a text is no number"},
		{"failed to parse", "a text cannot be converted"},
	} {
		if strings.Contains(msg, m[0]) {
			return m[1]
		}
	}
	return other
}
