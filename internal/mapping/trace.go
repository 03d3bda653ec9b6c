// SPDX-License-Identifier: Apache-2.0

package mapping

import "github.com/usher-id/usher/scim"

// Trace tells how an expression came to its result. It holds values: show it only
// to who may see the person.
type Trace struct {
	Expression string
	Inputs     []TraceInput
	Result     scim.Value
	Err        string
}

// TraceInput is one thing that the expression may have looked at.
type TraceInput struct {
	Name    string // as in Reads
	Value   scim.Value
	Present bool // what has() says
}

// Explain evaluates the expression and keeps what it read.
func (p *Program) Explain(in Input) Trace {
	t := Trace{Expression: p.text.Value}
	a := new(activation)
	a.reset(p.env, &in)
	for _, r := range p.reads {
		t.Inputs = append(t.Inputs, r.trace(a))
	}
	v, err := p.eval(a)
	if err != nil {
		t.Err = err.Error()
		return t
	}
	t.Result = v
	return t
}

func (r read) trace(a *activation) TraceInput {
	in := TraceInput{Name: r.name}
	if r.root == "teams" {
		names := make([]scim.Value, len(a.teams))
		for i, n := range a.teams {
			names[i] = scim.String(n)
		}
		in.Value, in.Present = scim.List(names...), len(names) > 0
		return in
	}
	if v, present, err := r.value(a); err == nil {
		in.Value, in.Present = v, present
	}
	return in
}
