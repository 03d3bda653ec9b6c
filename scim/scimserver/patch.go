// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// patch answers RFC 7644 §3.5.2.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request, t *resourceType, id string) error {
	params, err := readQuery(r)
	if err != nil {
		return err
	}
	p, err := h.projection(t, params)
	if err != nil {
		return err
	}
	rules := h.rules(r)
	ops, err := h.readPatch(w, r, rules)
	if err != nil {
		return err
	}
	if c, ok := h.memberChange(t, ops, rules.PatchRules); ok {
		return h.changeMembers(w, r, t, id, c, p, params)
	}
	stored, err := h.change(r, t, id, func(old *scim.Resource) (*scim.Resource, error) {
		fresh, err := ops.Apply(h.c.Schemas, t.Schema, old, rules.PatchRules)
		if err != nil {
			return nil, err
		}
		return fresh, h.c.Schemas.Complete(t.ResourceType, fresh)
	})
	if err != nil {
		return err
	}
	h.patched(w, r, t, stored, p, params)
	return nil
}

func (h *Handler) readPatch(w http.ResponseWriter, r *http.Request, rules Rules) (scim.Patch, error) {
	body, err := h.read(w, r)
	if err != nil {
		return nil, err
	}
	ops, err := rules.Parse(body, h.c.Limits.Body)
	if err == nil && len(ops) > h.c.Limits.Operations {
		err = &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the request has %d operations; %d are taken at once", len(ops), h.c.Limits.Operations)}
	}
	return ops, err
}

// patched answers with what has become of a resource, or with 204. RFC 7644 §3.5.2
// allows either, unless the client asks for attributes.
func (h *Handler) patched(w http.ResponseWriter, r *http.Request, t *resourceType, stored *scim.Resource, p *projection, params query) {
	if h.c.Rules.PatchNoContent && !params.has("attributes") {
		noContent(w, stored.Version())
		return
	}
	h.resource(w, r, http.StatusOK, t, stored, p)
}

func noContent(w http.ResponseWriter, version string) {
	if version != "" {
		w.Header().Set("ETag", version)
	}
	w.WriteHeader(http.StatusNoContent)
}

// changeMembers lets the store change members without anybody reading all of
// them.
func (h *Handler) changeMembers(w http.ResponseWriter, r *http.Request, t *resourceType, id string, c MemberChange, p *projection, params query) error {
	if len(r.Header.Values("If-None-Match")) > 0 { // nobody asks so, but it must hold
		old, err := h.c.Store.Get(r.Context(), t.Name, id)
		if err == nil {
			err = precondition(r, old)
		}
		if err != nil {
			return err
		}
	}
	if match := tags(r.Header.Values("If-Match")); len(match) > 0 && !slices.Contains(match, "*") {
		c.IfVersion = match
	}
	done, err := h.members.ChangeMembers(r.Context(), t.Name, id, c)
	if err != nil {
		return err
	}
	if !params.has("attributes") && (done.Count > h.c.Limits.Members || h.c.Rules.PatchNoContent) {
		noContent(w, done.Head.Version())
		return nil
	}
	stored, err := h.c.Store.Get(r.Context(), t.Name, id)
	if err != nil {
		return err
	}
	h.patched(w, r, t, stored, p, params)
	return nil
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
