// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"strings"
)

// The operations of PATCH, as a client writes them.
const (
	OpAdd     = "add"
	OpReplace = "replace"
	OpRemove  = "remove"
)

// PatchOp is one operation of a PATCH request (RFC 7644 §3.5.2).
type PatchOp struct {
	Op    string // "add", "replace" or "remove"
	Path  *Path  // nil for none
	Value Value  // null for none
}

// Patch is the list of operations of a PATCH request, in order.
type Patch []PatchOp

// AppendJSON appends the PATCH message (RFC 7644 §3.5.2).
func (p Patch) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"schemas":["`+PatchOpURN+`"],"Operations":[`...)
	for i, op := range p {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"op":`...)
		dst = appendString(dst, op.Op)
		if op.Path != nil {
			dst = append(dst, `,"path":`...)
			dst = appendString(dst, op.Path.String())
		}
		if !op.Value.IsNull() || op.Op != OpRemove {
			dst = append(dst, `,"value":`...)
			dst = op.Value.AppendJSON(dst)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// MarshalJSON writes the PATCH message (RFC 7644 §3.5.2).
func (p Patch) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil), nil }

// PatchRules says which departures from RFC 7644 a service provider accepts. The
// zero value accepts none. Two are always accepted, as they harm nobody: op in
// any letter case, and qualified names as members of a value without path.
type PatchRules struct {
	SchemasOptional       bool // no schemas member
	StringBooleans        bool // "True" and "false" for boolean attributes
	RemoveWithValueArray  bool // remove of members with a value: only those go
	CreateOnNoMatch       bool // a filter that matches nothing makes the element
	IgnoreIDInValue       bool // the resource's own id within a value
	ManagerAsString       bool // a string for a complex attribute: its "value"
	IgnoreReadOnlyInValue bool // readOnly attributes in a value without path
}

// ParsePatch reads a PATCH message as RFC 7644 §3.5.2 writes it. A message that is
// JSON but no PATCH gives an *[Error], anything else a *[SyntaxError];
// [ErrorOf] makes the answer of either.
func ParsePatch(data []byte, lim Limits) (Patch, error) {
	return PatchRules{}.Parse(data, lim)
}

// Parse is [ParsePatch] under the rules.
func (rules PatchRules) Parse(data []byte, lim Limits) (Patch, error) {
	o, err := parseObject(data, lim)
	if err != nil {
		return nil, err
	}
	r := Resource{o}
	if !r.HasSchema(PatchOpURN) && (!rules.SchemasOptional || len(r.Schemas()) > 0) {
		return nil, badSyntax("schemas must name " + PatchOpURN)
	}
	v, _ := o.Get("Operations")
	list, ok := v.AsList()
	if !ok || len(list) == 0 {
		return nil, badSyntax("Operations must be a list of one operation at least")
	}
	out := make(Patch, len(list))
	for i, e := range list {
		if out[i], err = parseOp(e); err != nil {
			return nil, opError(i, err)
		}
	}
	return out, nil
}

func parseOp(e Value) (PatchOp, error) {
	o, ok := e.AsComplex()
	if !ok {
		return PatchOp{}, badSyntax("an operation is an object")
	}
	v, _ := o.Get("op")
	name, _ := v.AsString()
	op := PatchOp{Op: strings.ToLower(name)}
	if op.Op != OpAdd && op.Op != OpReplace && op.Op != OpRemove {
		return PatchOp{}, badSyntax("op must be add, replace or remove")
	}
	v, _ = o.Get("path")
	text, isText := v.AsString()
	switch {
	case isText && text != "":
		p, err := ParsePath(text)
		if err != nil {
			return PatchOp{}, err
		}
		op.Path = &p
	case !isText && !v.IsNull():
		return PatchOp{}, badPath("path must be a string")
	case op.Op == OpRemove:
		return PatchOp{}, &Error{Status: 400, ScimType: NoTarget, Detail: "remove wants a path"}
	}
	op.Value, ok = o.Get("value")
	switch {
	case op.Op == OpRemove:
	case !ok || op.Op == OpAdd && op.Value.IsNull():
		return PatchOp{}, badValue(op.Op + " wants a value")
	case op.Path == nil && op.Value.Kind() != KindComplex:
		return PatchOp{}, badValue("without a path the value is an object")
	}
	return op, nil
}

// opError names the operation in the error.
func opError(i int, err error) error {
	e := ErrorOf(err)
	if e == nil {
		return err
	}
	return &Error{Status: e.Status, ScimType: e.ScimType, Detail: fmt.Sprintf("operation %d: %s", i+1, e.Detail)}
}

func badSyntax(detail string) error {
	return &Error{Status: 400, ScimType: InvalidSyntax, Detail: detail}
}
