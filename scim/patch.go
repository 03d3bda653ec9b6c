// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"strconv"
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
	Op    string // "add", "replace" or "remove"; a client may write it in another case for a server that wants that
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
		if !op.Value.IsNull() || !sameName(op.Op, OpRemove) {
			dst = append(dst, `,"value":`...)
			dst = op.Value.AppendJSON(dst)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// MarshalJSON writes the PATCH message (RFC 7644 §3.5.2).
func (p Patch) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil), nil }

// PatchRules says how a service provider departs from RFC 7644 for one client. The
// zero value departs nowhere. Three things are always accepted, as they harm
// nobody: op in any letter case, an empty path for none, and qualified names as
// members of a value without path.
//
// No rule makes an operation reach further than it says. A removal that names
// nothing, and a list whose elements say nothing, never empty an attribute.
//
// Noted, if there is one, is told by name of each rule without which the request
// would have been refused, as often as it was needed.
type PatchRules struct {
	SchemasOptional       bool // no schemas member
	StringBooleans        bool // "True" and "false" for boolean attributes, in path filters as well
	RemoveWithValueArray  bool // remove of a multi-valued attribute with a value: only the elements that it names go
	CreateOnNoMatch       bool // a filter that matches nothing makes the element; never a member
	IgnoreIDInValue       bool // the resource's own id within a value without path
	ManagerAsString       bool // a string for a complex attribute or an element of one: its "value"
	IgnoreReadOnlyInValue bool // readOnly attributes in a value without path; not another resource's id
	IgnoreUnknown         bool // attributes that no schema has are passed over, in paths and values
	LegacyURNs            bool // the URNs of SCIM 1.1 (urn:scim:schemas:…:1.0) for those of RFC 7643
	RequirePath           bool // stricter than the RFC: an operation without path is refused
	ReplaceWhole          bool // replace of a complex attribute leaves nothing that it does not name, other than the RFC has it

	Noted func(rule string)
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
	if !r.HasSchema(PatchOpURN) {
		if !rules.SchemasOptional || len(r.Schemas()) > 0 {
			return nil, badSyntax("schemas must name " + PatchOpURN)
		}
		note(rules.Noted, RuleSchemasOptional)
	}
	v, _ := o.Get("Operations")
	list, ok := v.AsList()
	if !ok || len(list) == 0 {
		return nil, badSyntax("Operations must be a list of one operation at least")
	}
	if most := lim.withDefaults().MaxOperations; len(list) > most {
		return nil, &SyntaxError{
			What: "patch", Pointer: "/Operations", limit: true, tooLong: true,
			Reason: "more than " + strconv.Itoa(most) + " operations",
		}
	}
	out := make(Patch, len(list))
	for i, e := range list {
		if out[i], err = rules.parseOp(e); err != nil {
			return nil, opError(i, err)
		}
	}
	return out, nil
}

func (rules PatchRules) parseOp(e Value) (PatchOp, error) {
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
		return PatchOp{}, noTarget("remove wants a path")
	case rules.RequirePath:
		return PatchOp{}, badSyntax(op.Op + " wants a path")
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

func noTarget(detail string) error {
	return &Error{Status: 400, ScimType: NoTarget, Detail: detail}
}

func badSyntax(detail string) error {
	return &Error{Status: 400, ScimType: InvalidSyntax, Detail: detail}
}
