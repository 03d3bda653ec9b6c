// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// patch is RFC 7644 §3.5.2.
func (h *Handler) patch(ctx context.Context, k task) (outcome, error) {
	p, err := h.projection(k.t, k.params)
	if err != nil {
		return outcome{}, err
	}
	ops, err := h.readPatch(k)
	if err != nil {
		return outcome{}, err
	}
	if c, ok := h.memberChange(k.t, ops, k.rules.PatchRules); ok {
		return h.changeMembers(ctx, k, c, p)
	}
	stored, err := h.change(ctx, k, func(old *scim.Resource) (*scim.Resource, error) {
		fresh, err := ops.Apply(h.c.Schemas, k.t.Schema, old, k.rules.PatchRules)
		if err != nil {
			return nil, err
		}
		return fresh, h.c.Schemas.Complete(k.t.ResourceType, fresh)
	})
	if err != nil {
		return outcome{}, err
	}
	return patched(k, stored, p), nil
}

func (h *Handler) readPatch(k task) (scim.Patch, error) {
	ops, err := k.rules.Parse(k.body, h.c.Limits.Body)
	if err == nil && len(ops) > h.c.Limits.Operations {
		err = &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the request has %d operations; %d are taken at once", len(ops), h.c.Limits.Operations)}
	}
	return ops, err
}

// patched shows what has become of a resource, or is 204. RFC 7644 §3.5.2 allows
// either, unless the client asks for attributes.
func patched(k task, stored *scim.Resource, p *projection) outcome {
	if k.rules.PatchNoContent && !k.params.has("attributes") {
		return outcome{status: http.StatusNoContent, id: k.id, version: stored.Version()}
	}
	return whole(http.StatusOK, stored, p)
}

// changeMembers lets the store change members without anybody reading all of
// them.
func (h *Handler) changeMembers(ctx context.Context, k task, c MemberChange, p *projection) (outcome, error) {
	if len(k.none) > 0 { // nobody asks so, but it must hold
		old, err := h.c.Store.Get(ctx, k.t.Name, k.id)
		if err == nil {
			err = k.precondition(old)
		}
		if err != nil {
			return outcome{}, err
		}
	}
	if match := tags(k.match); len(k.match) > 0 && !slices.Contains(match, "*") {
		c.IfVersion = append([]string{}, match...) // an empty list is met by nothing
	}
	done, err := h.members.ChangeMembers(ctx, k.t.Name, k.id, c)
	if err != nil {
		return outcome{}, err
	}
	if k.quiet || !k.params.has("attributes") && (done.Count > h.c.Limits.Members || k.rules.PatchNoContent) {
		return outcome{status: http.StatusNoContent, id: k.id, version: done.Head.Version()}, nil
	}
	stored, err := h.c.Store.Get(ctx, k.t.Name, k.id)
	if err != nil {
		return outcome{}, err
	}
	return patched(k, stored, p), nil
}

// memberChange reads a PATCH that only adds and removes members by their value. Of
// anything else, and of what is wrong with it, ok is false: Patch.Apply is the
// one that knows.
func (h *Handler) memberChange(t *resourceType, ops scim.Patch, rules scim.PatchRules) (c MemberChange, ok bool) {
	if h.members == nil || t.members == "" {
		return c, false
	}
	f := folding{t: t, rules: rules, set: h.c.Schemas, added: map[string]int{}, removed: map[string]bool{}}
	for _, op := range ops {
		if op.Path == nil || op.Path.Sub != "" || !strings.EqualFold(op.Path.Attr, t.members) ||
			op.Path.URN != "" && !strings.EqualFold(op.Path.URN, t.Schema) || !f.fold(op) {
			return c, false
		}
	}
	c.Attribute = t.members
	for _, v := range f.add {
		if !v.IsNull() {
			c.Add = append(c.Add, v)
		}
	}
	c.Remove = f.remove
	return c, true
}

// folding makes one change of a sequence of operations.
type folding struct {
	t     *resourceType
	rules scim.PatchRules
	set   *scim.SchemaSet

	add     []scim.Value // null for one that is removed again
	added   map[string]int
	remove  []string
	removed map[string]bool
}

func (f *folding) fold(op scim.PatchOp) bool {
	switch {
	case op.Op == scim.OpAdd && op.Path.Filter == nil:
		return f.adds(op)
	case op.Op == scim.OpRemove && op.Path.Filter != nil && op.Value.IsUnassigned():
		c, ok := op.Path.Filter.(*scim.Compare)
		if !ok || c.Op != scim.OpEq || !strings.EqualFold(c.Path.Attr, "value") || c.Path.Sub != "" || c.Path.URN != "" {
			return false
		}
		value, ok := c.Value.AsString()
		return ok && f.removes(value)
	case op.Op == scim.OpRemove && f.rules.RemoveWithValueArray:
		list, ok := op.Value.AsList()
		for _, e := range list {
			value, has := memberID(e)
			if !has || !f.removes(value) {
				return false
			}
		}
		if ok && len(list) > 0 && f.rules.Noted != nil {
			f.rules.Noted(scim.RuleRemoveWithValueArray)
		}
		return ok && len(list) > 0
	}
	return false
}

// adds lets Patch.Apply look at the members, by way of a resource that has none.
func (f *folding) adds(op scim.PatchOp) bool {
	r, err := scim.Patch{op}.Apply(f.set, f.t.Schema, scim.NewResource(f.t.Schema), f.rules)
	if err != nil {
		return false
	}
	v, _ := r.Get(f.t.members)
	list, _ := v.AsList()
	for _, e := range list {
		id, ok := memberID(e)
		if !ok || f.removed[id] { // to replace one needs both to be seen
			return false
		}
		if _, twice := f.added[id]; !twice {
			f.added[id] = len(f.add)
			f.add = append(f.add, e)
		}
	}
	return true
}

func (f *folding) removes(id string) bool {
	if id == "" {
		return false
	}
	if i, ok := f.added[id]; ok {
		f.add[i] = scim.Null()
		delete(f.added, id)
	}
	if !f.removed[id] {
		f.removed[id] = true
		f.remove = append(f.remove, id)
	}
	return true
}

// memberID is the "value" of a member.
func memberID(v scim.Value) (string, bool) {
	o, _ := v.AsComplex()
	value, _ := o.Get("value")
	s, ok := value.AsString()
	return s, ok && s != ""
}
