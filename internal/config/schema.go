// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Schema is a JSON Schema (draft 2020-12), as far as a configuration needs one.
type Schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        Types              `json:"type,omitempty"`
	Default     any                `json:"default,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	MinLength   int                `json:"minLength,omitempty"`
	MaxLength   int                `json:"maxLength,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	AnyOf       []*Schema          `json:"anyOf,omitempty"`
	OneOf       []*Schema          `json:"oneOf,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	UniqueItems bool               `json:"uniqueItems,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	// Names is what every key of the object must match; Values is what every
	// value must be whose key is not in Properties. Closed: there is none such.
	Names         *Schema `json:"propertyNames,omitempty"`
	Values        *Schema `json:"-"`
	Closed        bool    `json:"-"`
	MinProperties int     `json:"minProperties,omitempty"`
}

// Types is one type or several; one is written without the list around it.
type Types []string

// MarshalJSON writes "string" or ["string","boolean"].
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// plainSchema is Schema without its methods.
type plainSchema Schema

// MarshalJSON writes the schema; Values and Closed are one keyword there.
func (s *Schema) MarshalJSON() ([]byte, error) {
	var rest any
	switch {
	case s.Values != nil:
		rest = s.Values
	case s.Closed:
		rest = false
	}
	return json.Marshal(struct {
		*plainSchema
		Rest any `json:"additionalProperties,omitempty"`
	}{(*plainSchema)(s), rest})
}

// JSONSchema returns what the decoder takes as a JSON Schema. It is no second
// account of the keys: the decoder itself is run over a probe, a node that has
// no value and notes what each reader asks of it. What the schema cannot say
// (that a column is declared, a team exists, an expression compiles) is said by
// Parse alone.
//
// Editors see the file before the environment is put in, so a value that holds
// ${NAME} fits wherever its type may come from the environment.
func JSONSchema() *Schema {
	d := &decoder{}
	root := probe()
	d.config(root, &Config{Guard: DefaultGuard()})
	s := root.shape
	s.Dialect, s.Title = "https://json-schema.org/draft/2020-12/schema", "Usher"
	describe(s, "", descriptions())
	return s
}

// describe gives every key its sentence and its default. The keys of a section
// under a name that people give, or in a list, are found under `*`.
func describe(s *Schema, path string, all map[string]description) {
	d := all[path]
	s.Description, s.Default = d.says, d.usual
	under := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	for key, p := range s.Properties {
		describe(p, under(key), all)
	}
	if s.Values != nil {
		describe(s.Values, under("*"), all)
	}
	if s.Items != nil && s.Items.Properties != nil {
		describe(s.Items, under("*"), all)
	}
	for _, one := range s.AnyOf { // an object beside a plain value: its keys, not itself
		for key, p := range one.Properties {
			describe(p, under(key), all)
		}
		if one.Values != nil {
			describe(one.Values, under("*"), all)
		}
	}
}

// probe is a node without a value. Whatever reads it finds it to be of no kind
// and goes on with a zero, and what would have fitted is in its shape.
func probe() *node { return &node{kind: kindBad, shape: &Schema{}} }

// asks notes on a probe of which kinds the node may be. A number or a boolean
// may also come from the environment.
func (n *node) asks(kinds []kind) {
	var types Types
	for _, k := range kinds {
		if t := jsonType(k); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if slices.Contains(types, "number") { // which an integer is, too
		types = slices.DeleteFunc(types, func(t string) bool { return t == "integer" })
	}
	plain := slices.ContainsFunc(types, func(t string) bool { return t == "string" || t == "object" || t == "array" })
	if n.shape.Type = types; !plain {
		*n.shape = Schema{AnyOf: []*Schema{{Type: types}, fromEnvironment()}}
	}
}

func jsonType(k kind) string {
	switch k {
	case kindInteger:
		return "integer"
	case kindDecimal:
		return "number"
	case kindBool:
		return "boolean"
	case kindMap:
		return "object"
	case kindList:
		return "array"
	default:
		return "string"
	}
}

// fits replaces what is noted on a probe; on any other node it does nothing.
func (n *node) fits(s Schema) {
	if n.shape != nil {
		*n.shape = s
	}
}

// note changes what is noted on a probe; on any other node it does nothing.
func (n *node) note(change func(*Schema)) {
	if n.shape != nil {
		change(n.shape)
	}
}

// sectionShape reads every key of a section off probes.
func sectionShape(fields []field) Schema {
	s := Schema{Type: Types{"object"}, Properties: map[string]*Schema{}, Closed: true}
	for _, f := range fields {
		if f.later {
			continue
		}
		p := probe()
		f.read(p)
		s.Properties[f.key] = p.shape
		if f.required {
			s.Required = append(s.Required, f.key)
		}
	}
	return s
}

// fromEnvironment is text that something is put into before it is read.
func fromEnvironment() *Schema { return &Schema{Type: Types{"string"}, Pattern: `\$\{`} }

const notBlank = `\S`

func numberShape(low, high float64, whole bool) Schema {
	t := "number"
	if whole {
		t = "integer"
	}
	return Schema{AnyOf: []*Schema{{Type: Types{t}, Minimum: &low, Maximum: &high}, fromEnvironment()}}
}

// durationShape takes a number only for 0, the one duration without a unit.
func durationShape(withZero bool) Schema {
	const units = `([0-9.]+(ns|us|µs|ms|s|m|h))`
	pattern := `[0-9]+d` + units + `*|` + units + `+`
	if !withZero {
		return Schema{AnyOf: []*Schema{{Type: Types{"string"}, Pattern: `^\s*(` + pattern + `)\s*$`}, fromEnvironment()}}
	}
	return Schema{AnyOf: []*Schema{
		{Type: Types{"string"}, Pattern: `^\s*(0|` + pattern + `)\s*$`},
		{Type: Types{"integer"}, Minimum: new(float64), Maximum: new(float64)},
		fromEnvironment(),
	}}
}

func choiceShape(words []string) Schema {
	return Schema{AnyOf: []*Schema{{Type: Types{"string"}, Enum: words}, fromEnvironment()}}
}

// allowShape is a word of allow, or an address, or a prefix.
func allowShape(words []string) Schema {
	s := choiceShape(words)
	s.AnyOf = append(s.AnyOf, &Schema{Type: Types{"string"}, Pattern: `^[0-9A-Fa-f]*[.:][0-9A-Fa-f:.]*(/[0-9]{1,3})?$`})
	return s
}

// expressionShape: what YAML takes for a number or for true is an expression, too.
func expressionShape() Schema {
	return Schema{Type: Types{"string", "boolean", "number"}, Pattern: notBlank}
}

// attributesShape is a mapping. Attribute names are for those who know the
// schemas; all that can be said of a key is how long it may be.
func attributesShape(object []field) Schema {
	expression, withMore := expressionShape(), sectionShape(object)
	return Schema{
		Type: Types{"object"}, MinProperties: 1, Names: &Schema{MinLength: 1, MaxLength: longestPath},
		Values: &Schema{AnyOf: []*Schema{&expression, &withMore}},
	}
}

// namedShape is a map whose keys are names that people gave.
func namedShape(one *Schema) Schema {
	return Schema{
		Type: Types{"object"}, Names: &Schema{Pattern: `^[a-z][a-z0-9-]{0,` + strconv.Itoa(longestName-1) + `}$`}, Values: one,
	}
}
