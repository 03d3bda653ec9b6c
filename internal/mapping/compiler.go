// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/ext"

	"github.com/usher-id/usher/scim"
)

// The limits of an expression. Without a comprehension (map, filter, exists …) the
// work is bounded by nodes × MaxText, as no function yields more than it is given
// or MaxText; comprehensions repeat their body, so they run under maxCost.
const (
	maxExpression = 8 << 10 // characters
	maxNodes      = 2_000
	maxRecursion  = 100
	maxRegex      = 1_000 // instructions of a compiled pattern
	maxCost       = 1_000_000
)

// Compiler makes environments for expressions over one set of schemas.
type Compiler struct {
	set   *scim.SchemaSet
	base  *cel.Env
	zones *zones
	zone  string // of dates that name none, and whose person names none; "" is UTC
}

// NewCompiler prepares the functions; the environments share them. Dates that name
// no time zone are in that of their person, usher.timeZone, or else in UTC.
func NewCompiler(set *scim.SchemaSet) (*Compiler, error) { return NewCompilerIn(set, "") }

// NewCompilerIn is NewCompiler with another time zone than UTC, by its IANA name.
func NewCompilerIn(set *scim.SchemaSet, zone string) (*Compiler, error) {
	if set == nil {
		return nil, errors.New("mapping: no schemas")
	}
	c := &Compiler{set: set, zones: &zones{}}
	if zone != "UTC" {
		c.zone = zone
	}
	if _, err := c.zones.load(c.zone); err != nil {
		return nil, fmt.Errorf("mapping: the time zone %q: %w", zone, err)
	}
	base, err := cel.NewCustomEnv(c.options()...)
	if err != nil {
		return nil, fmt.Errorf("mapping: functions: %w", err)
	}
	c.base = base
	return c, nil
}

func (c *Compiler) options() []cel.EnvOption {
	opts := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(env.NewLibrarySubset().AddExcludedFunctions(excluded()...))),
		ext.Strings(),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxRecursion),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegex),
		cel.ASTValidators(
			cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(2),
		),
	}
	return append(opts, functions(c.zones)...)
}

// excluded are the standard functions that would undo the typing (dyn, type) or
// look a time zone up that nobody has checked.
func excluded() []*env.Function {
	out := []*env.Function{env.NewFunction("dyn"), env.NewFunction("type")}
	for _, name := range []string{
		"getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear",
		"getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
	} {
		out = append(out, env.NewFunction(name))
	}
	return out
}

// Env is where expressions of one kind are compiled: it knows their variables.
type Env struct {
	compiler *Compiler
	cel      *cel.Env
	kind     string
	columns  []string
	row      *objectType
	person   *objectType
	team     *objectType
	pool     *sync.Pool
}

// Row is the environment of a source: the variable row, with these columns.
func (c *Compiler) Row(columns []string) (*Env, error) {
	t := newObjectType("row")
	for i, name := range columns {
		if name == "" {
			return nil, fmt.Errorf("mapping: column %d has no name", i+1)
		}
		if _, dup := t.fields[name]; dup {
			return nil, fmt.Errorf("mapping: column %q is there twice", name)
		}
		t.add(columnField(name, i))
	}
	e := &Env{compiler: c, kind: "row", columns: slices.Clone(columns), row: t}
	return e.open(cel.Variable("row", t.cel))
}

// Person is the environment of apps, teams by rule and access: the variables
// person, with its extensions by alias and its id, and teams.
func (c *Compiler) Person() (*Env, error) {
	user, ok := c.set.Schema(scim.UserURN)
	if !ok {
		return nil, errors.New("mapping: the schemas have no User")
	}
	t := newSchemaType("person", user.Attributes)
	id := &field{name: "id"} // no key: ours, not the resource's
	id.bind()
	t.add(id)
	// The other common attribute (RFC 7643 §3.1) that schemas do not list.
	external := &field{name: "externalId", key: "externalId"}
	external.bind()
	t.add(external)
	aliases := c.set.Aliases()
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		s, ok := c.set.Schema(aliases[alias])
		if !ok {
			return nil, fmt.Errorf("mapping: the alias %s stands for no schema", alias)
		}
		if _, dup := t.fields[alias]; dup {
			return nil, fmt.Errorf("mapping: the alias %s is an attribute of User", alias)
		}
		f := &field{name: alias, key: s.ID, kind: kindObject, object: newSchemaType("person."+alias, s.Attributes)}
		f.bind()
		t.add(f)
	}
	t.link("person")
	e := &Env{compiler: c, kind: "person", person: t}
	return e.open(cel.Variable("person", t.cel), cel.Variable("teams", cel.ListType(cel.StringType)))
}

// Team is the environment of what is made from a team: team.name and team.value.
func (c *Compiler) Team() (*Env, error) {
	t := newSchemaType("team", []scim.Attribute{{Name: "name"}, {Name: "value"}})
	e := &Env{compiler: c, kind: "team", team: t}
	return e.open(cel.Variable("team", t.cel))
}

func (e *Env) open(vars ...cel.EnvOption) (*Env, error) {
	var roots []*objectType
	for _, t := range []*objectType{e.row, e.person, e.team} {
		if t != nil {
			roots = append(roots, t)
		}
	}
	opts := append([]cel.EnvOption{cel.CustomTypeProvider(newProvider(roots...))}, vars...)
	env, err := e.compiler.base.Extend(opts...)
	if err != nil {
		return nil, fmt.Errorf("mapping: %s: %w", e.kind, err)
	}
	e.cel = env
	e.pool = &sync.Pool{New: func() any { return new(activation) }}
	return e, nil
}

// root is the object type of a variable.
func (e *Env) root(name string) *objectType {
	switch name {
	case "row":
		return e.row
	case "person":
		return e.person
	case "team":
		return e.team
	}
	return nil
}

// variables are the names that an expression may begin with.
func (e *Env) variables() []string {
	switch e.kind {
	case "row":
		return []string{"row"}
	case "person":
		return []string{"person", "teams"}
	}
	return []string{"team"}
}
