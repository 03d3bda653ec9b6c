// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/usher-id/usher/scim"
)

// object is a complex value seen through its CEL type. It copies nothing: each
// field is read out of the SCIM object when the expression asks for it.
type object struct {
	typ *objectType
	obj scim.Object
	id  string // of the person, which is ours and no attribute
}

// ConvertToNative refuses: no Go type stands behind an object.
func (o *object) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted", o.typ.name)
}

// ConvertToType knows only the object's own type.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	if t.TypeName() == o.typ.name {
		return o
	}
	return types.NewErr("%s cannot be converted", o.typ.name)
}

// Equal compares exactly, as scim.Value.Equal does.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	return types.Bool(ok && o.id == p.id && o.obj.Equal(p.obj))
}

// Type is the object's CEL type.
func (o *object) Type() ref.Type { return o.typ.cel }

// Value is the object itself: field getters take it from here.
func (o *object) Value() any { return o }

// scimList converts a CEL list, element by element.
func scimList(v ref.Val) (scim.Value, error) {
	l, ok := v.(traits.Lister)
	if !ok {
		return scim.Value{}, &valueError{"the result is no value of SCIM"}
	}
	size, ok := l.Size().(types.Int)
	if !ok {
		return scim.Value{}, &valueError{"the result is no value of SCIM"}
	}
	if size > maxList {
		return scim.Value{}, &valueError{"the result has too many elements"}
	}
	out := make([]scim.Value, 0, int(size))
	for i := range size {
		e, err := scimValue(l.Get(i))
		if err != nil {
			return scim.Value{}, err
		}
		if e.Kind() == scim.KindList {
			return scim.Value{}, &valueError{"the result is a list of lists"}
		}
		out = append(out, e)
	}
	return scim.List(out...), nil
}

// maxList is the longest list that an expression may yield.
const maxList = 100_000
