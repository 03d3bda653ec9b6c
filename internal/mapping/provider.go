// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/usher-id/usher/scim"
)

// objectType is one CEL object type: the person, an extension, a complex
// attribute, the columns of a row, a team.
type objectType struct {
	name   string
	cel    *types.Type
	fields map[string]*field
	names  []string // of the fields, sorted
	empty  *object
	// chains has the fields of nested objects by their whole name, as in
	// "name.givenName": a program reads them in one step, without the objects
	// between. No expression can spell such a name.
	chains map[string]*types.FieldType
}

// field is one attribute in an object type.
type field struct {
	name      string // in expressions
	key       string // in the SCIM object: an attribute name, or an extension's URN
	kind      kind
	list      bool
	object    *objectType
	emptyList ref.Val
	ft        *types.FieldType
	column    int // of a row
}

// typeName makes names that no expression can spell, so that person.name never
// means a type.
func typeName(name string) string { return "$" + name }

func newObjectType(name string) *objectType {
	t := &objectType{name: typeName(name), fields: map[string]*field{}}
	t.cel = types.NewObjectType(t.name)
	t.empty = &object{typ: t}
	return t
}

func (t *objectType) add(f *field) {
	if _, dup := t.fields[f.name]; dup {
		return
	}
	t.fields[f.name] = f
	i, _ := slices.BinarySearch(t.names, f.name)
	t.names = slices.Insert(t.names, i, f.name)
}

// newSchemaType builds the type of a complex attribute, a schema or an extension,
// and of all that it nests.
func newSchemaType(name string, attrs []scim.Attribute) *objectType {
	t := newObjectType(name)
	for _, a := range attrs {
		if a.Returned == scim.ReturnedNever {
			continue // a password is no input: no person holds one
		}
		// CEL has no names with a dollar: manager.$ref is manager.ref.
		f := &field{name: strings.TrimPrefix(a.Name, "$"), key: a.Name, kind: kindOf(a.Type), list: a.MultiValued}
		if f.kind == kindObject {
			f.object = newSchemaType(name+"."+f.name, a.SubAttributes)
		}
		f.bind()
		t.add(f)
	}
	return t
}

// bind gives the field its CEL type and the functions that read it.
func (f *field) bind() {
	f.emptyList = types.NewRefValList(types.DefaultTypeAdapter, nil)
	f.ft = &types.FieldType{Type: f.celType(), IsSet: f.isSet, GetFrom: f.getFrom}
}

func (f *field) celType() *types.Type {
	var t *types.Type
	switch f.kind {
	case kindBool:
		t = types.BoolType
	case kindInt:
		t = types.IntType
	case kindDouble:
		t = types.DoubleType
	case kindObject:
		t = f.object.cel
	default:
		t = types.StringType
	}
	if f.list {
		return types.NewListType(t)
	}
	return t
}

func (f *field) isSet(target any) bool {
	o, ok := target.(*object)
	if !ok {
		return false
	}
	if f.key == "" {
		return o.id != ""
	}
	v, ok := o.obj.Get(f.key)
	return ok && !v.IsUnassigned()
}

func (f *field) getFrom(target any) (any, error) {
	o, ok := target.(*object)
	if !ok {
		return nil, &valueError{"the attribute " + f.name + " is asked of something that has none"}
	}
	if f.key == "" {
		return types.String(o.id), nil
	}
	v, ok := o.obj.Get(f.key)
	if !ok {
		return f.zero(), nil
	}
	return f.celValue(v)
}

// link fills in the chains of a variable's type.
func (t *objectType) link(root string) {
	t.chains = map[string]*types.FieldType{}
	t.linkFrom(read{root: root, name: root}, t)
}

func (t *objectType) linkFrom(r read, at *objectType) {
	for _, f := range at.fields {
		next := read{root: r.root, fields: append(slices.Clone(r.fields), f)}
		if len(next.fields) > 1 {
			t.chains[next.chain()] = &types.FieldType{Type: f.ft.Type, IsSet: next.isSet, GetFrom: next.getFrom}
		}
		if f.object != nil && !f.list {
			t.linkFrom(next, f.object)
		}
	}
}

// columnField is a field of a row: always there, always text.
func columnField(name string, column int) *field {
	f := &field{name: name, column: column}
	f.ft = &types.FieldType{
		Type: types.StringType,
		IsSet: func(target any) bool {
			a, ok := target.(*activation)
			return ok && a.column(column) != ""
		},
		GetFrom: func(target any) (any, error) {
			a, ok := target.(*activation)
			if !ok {
				return nil, &valueError{"the column " + name + " is asked of something that is no row"}
			}
			s := a.column(column)
			if len(s) > MaxText {
				return nil, errTooLong
			}
			return types.String(s), nil
		},
	}
	return f
}

// provider tells the type checker and the planner about our object types and
// nothing else: no message can be built, no enum exists.
type provider struct{ types map[string]*objectType }

func newProvider(roots ...*objectType) *provider {
	p := &provider{types: map[string]*objectType{}}
	for _, t := range roots {
		p.add(t)
	}
	return p
}

func (p *provider) add(t *objectType) {
	p.types[t.name] = t
	for _, f := range t.fields {
		if f.object != nil {
			p.add(f.object)
		}
	}
}

// EnumValue knows no enum.
func (p *provider) EnumValue(string) ref.Val { return types.NewErr("there are no enums") }

// FindIdent knows no identifier beyond the declared variables.
func (p *provider) FindIdent(string) (ref.Val, bool) { return nil, false }

// FindStructType finds an object type.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	t, ok := p.types[name]
	if !ok {
		return nil, false
	}
	return types.NewTypeTypeWithParam(t.cel), true
}

// FindStructFieldNames lists the fields of an object type.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	t, ok := p.types[name]
	if !ok {
		return nil, false
	}
	return t.names, true
}

// FindStructFieldType finds a field of an object type.
func (p *provider) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	t, ok := p.types[name]
	if !ok {
		return nil, false
	}
	if f, ok := t.fields[fieldName]; ok {
		return f.ft, true
	}
	ft, ok := t.chains[fieldName]
	return ft, ok
}

// NewValue refuses: expressions build no objects.
func (p *provider) NewValue(string, map[string]ref.Val) ref.Val {
	return types.NewErr("objects cannot be built in an expression")
}
