// SPDX-License-Identifier: Apache-2.0

package scim

// The methods of encoding/json. They read strictly, within the default [Limits]; in
// a larger document, encoding/json has passed over what they would refuse around
// them. Without them json.Unmarshal would leave a Resource empty and say nothing.

// UnmarshalJSON reads one JSON value.
func (v *Value) UnmarshalJSON(data []byte) error {
	return unmarshal(data, v, ParseValue)
}

// UnmarshalJSON reads a JSON object.
func (o *Object) UnmarshalJSON(data []byte) error {
	return unmarshal(data, o, parseObject)
}

// UnmarshalJSON reads a resource, as [ParseResource] does.
func (r *Resource) UnmarshalJSON(data []byte) error {
	return unmarshal(data, &r.Object, parseObject)
}

// UnmarshalJSON reads a PATCH message, as [ParsePatch] does.
func (p *Patch) UnmarshalJSON(data []byte) error {
	return unmarshal(data, p, ParsePatch)
}

// UnmarshalJSON reads a list message, as [ParseListResponse] does.
func (l *ListResponse) UnmarshalJSON(data []byte) error {
	return unmarshal(data, l, dereferenced(ParseListResponse))
}

// UnmarshalJSON reads an error message, as [ParseError] does.
func (e *Error) UnmarshalJSON(data []byte) error {
	return unmarshal(data, e, func(data []byte, _ Limits) (Error, error) {
		parsed, err := ParseError(data)
		if err != nil {
			return Error{}, err
		}
		return *parsed, nil
	})
}

// UnmarshalJSON reads a schema, as [ParseSchema] does.
func (s *Schema) UnmarshalJSON(data []byte) error {
	return unmarshal(data, s, ParseSchema)
}

// UnmarshalJSON reads a resource type, as [ParseResourceType] does.
func (t *ResourceType) UnmarshalJSON(data []byte) error {
	return unmarshal(data, t, ParseResourceType)
}

// UnmarshalJSON reads the definition of an attribute, as in a schema.
func (a *Attribute) UnmarshalJSON(data []byte) error {
	return unmarshal(data, a, func(data []byte, lim Limits) (Attribute, error) {
		v, err := ParseValue(data, lim)
		if err != nil {
			return Attribute{}, err
		}
		list, bad := attributesFrom(List(v), 0)
		if bad != nil {
			return Attribute{}, bad
		}
		return list[0], nil
	})
}

func unmarshal[T any](data []byte, to *T, parse func([]byte, Limits) (T, error)) error {
	v, err := parse(data, Limits{})
	if err != nil {
		return err
	}
	*to = v
	return nil
}

func dereferenced[T any](parse func([]byte, Limits) (*T, error)) func([]byte, Limits) (T, error) {
	return func(data []byte, lim Limits) (T, error) {
		p, err := parse(data, lim)
		if err != nil {
			var none T
			return none, err
		}
		return *p, nil
	}
}
