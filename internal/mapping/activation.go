// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/usher-id/usher/scim"
)

// Input is what an expression may look at. An Env reads the fields that are its
// own and ignores the others. Nothing in it is written to or kept.
type Input struct {
	Row      []string // in the order of the Env's columns; missing ones read ""
	Person   *scim.Resource
	PersonID string
	Teams    []string
	Team     Team
}

// Team is the team that a team expression looks at.
type Team struct {
	Name  string
	Value string // of the attribute that the team was made from, if it was
}

// activation hands an Input to CEL. One is taken from its Env's pool for each
// evaluation, so that none is allocated.
type activation struct {
	row    []string
	teams  []string
	team   object
	person object
	zone   string // of dates that name none
}

// timeZone is the path of the person's.
var timeZone = scim.Path{URN: scim.UsherUserURN, Attr: "timeZone"}

// activate takes an activation for an input from the pool; release gives it back.
func (e *Env) activate(in *Input) *activation {
	a, ok := e.pool.Get().(*activation)
	if !ok {
		a = new(activation)
	}
	a.reset(e, in)
	return a
}

func (e *Env) release(a *activation) {
	a.clear()
	e.pool.Put(a)
}

func (a *activation) reset(e *Env, in *Input) {
	a.row, a.teams, a.zone = in.Row, in.Teams, e.compiler.zone
	if e.person != nil {
		if v, ok := in.Person.At(timeZone); ok {
			a.zone, _ = v.AsString()
		}
		a.person.typ, a.person.id = e.person, in.PersonID
		if in.Person != nil {
			a.person.obj = in.Person.Object
		}
	}
	if e.team != nil {
		a.team.typ = e.team
		a.team.obj = teamObject(in.Team)
	}
}

// clear lets go of the input, so that a pooled activation keeps no person alive.
func (a *activation) clear() {
	a.row, a.teams = nil, nil
	a.person.obj, a.person.id, a.team.obj = scim.Object{}, "", scim.Object{}
}

func teamObject(t Team) scim.Object {
	var o scim.Object
	o.Set("name", scim.String(t.Name))
	o.Set("value", scim.String(t.Value))
	return o
}

func (a *activation) column(i int) string {
	if i < len(a.row) {
		return a.row[i]
	}
	return ""
}

// ResolveName finds a variable.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case zoneName:
		return types.String(a.zone), true
	case "row":
		return a, true
	case "person":
		return &a.person, true
	case "teams":
		return types.NewStringList(types.DefaultTypeAdapter, a.teams), true
	case "team":
		return &a.team, true
	}
	return nil, false
}

// Parent is nil: there are no other variables.
func (a *activation) Parent() interpreter.Activation { return nil }
