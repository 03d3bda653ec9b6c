// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"net/http"
	"strings"

	"github.com/usher-id/usher/scim"
)

// together makes resources that refer to each other in a circle (RFC 7644 §3.7.1):
// all of them or none. Only those that are to be made can be in a circle, as
// nothing else is referred to.
func (j *job) together(set []int) {
	steps := make([]*step, len(set))
	for i, n := range set {
		steps[i] = j.steps[n]
		steps[i].done = true
	}
	culprit, err := -1, error(nil)
	fresh := make([]*scim.Resource, len(set))
	for i, s := range steps {
		if fresh[i], err = j.circular(s, steps); err != nil {
			culprit = i
			break
		}
	}
	var made []*scim.Resource
	if err == nil {
		culprit, made, err = j.makeAll(steps, fresh)
	}
	for i, s := range steps {
		switch {
		case err == nil:
			j.succeed(s, http.StatusCreated, made[i].ID(), made[i].Version())
		case culprit < 0 || culprit == i:
			j.fail(s, err)
		default:
			j.fail(s, &scim.Error{Status: http.StatusConflict, Detail: "it is made together with " + refPrefix + steps[culprit].bulkID + ", which has failed"})
		}
	}
}

// circular reads one of a circle, in which only the references within it are left as
// they are.
func (j *job) circular(s *step, set []*step) (*scim.Resource, error) {
	outward := *s
	outward.refs = nil
	for _, ref := range s.refs {
		if !isOf(set, ref) {
			outward.refs = append(outward.refs, ref)
		}
	}
	k, err := j.task(&outward)
	if err != nil {
		return nil, err
	}
	_, fresh, err := j.h.readResource(k)
	return fresh, err
}

func isOf(set []*step, bulkID string) bool {
	for _, s := range set {
		if s.bulkID == bulkID {
			return true
		}
	}
	return false
}

// makeAll makes the resources of a circle in one transaction, and tells which of them
// could not be; -1 for none in particular.
func (j *job) makeAll(steps []*step, fresh []*scim.Resource) (culprit int, made []*scim.Resource, err error) {
	h, ctx := j.h, j.r.Context()
	if h.atomic == nil {
		return -1, nil, &scim.Error{Status: http.StatusConflict, Detail: "it refers to others that refer to it, which cannot be made at once here"}
	}
	made = make([]*scim.Resource, len(steps))
	err = h.atomic.Atomically(ctx, func(store Store) (err error) {
		ids := map[string]string{}
		for i, s := range steps {
			culprit = i
			if made[i], err = store.Create(ctx, s.t.Name, without(fresh[i], steps)); err != nil {
				return err
			}
			ids[s.bulkID] = made[i].ID()
		}
		known := texts(func(ref string) string { return ids[ref] }, false)
		for i, s := range steps {
			culprit = i
			o, _ := rewrite(scim.Complex(fresh[i].Object), "", known).AsComplex()
			next, err := h.c.Schemas.Replacement(s.t.ResourceType, made[i], &scim.Resource{Object: o}, false)
			if err != nil {
				return err
			}
			if made[i], err = store.Replace(ctx, s.t.Name, next, made[i].Version()); err != nil {
				return err
			}
		}
		culprit = -1
		return nil
	})
	return culprit, made, err
}

// without is a resource without what refers to one of a set.
func without(r *scim.Resource, set []*step) *scim.Resource {
	var refers func(v scim.Value, name string) bool
	refers = func(v scim.Value, name string) (found bool) {
		rewrite(v, name, texts(func(ref string) string {
			found = found || isOf(set, ref)
			return ""
		}, false))
		return found
	}
	out := &scim.Resource{}
	for name, v := range r.All() {
		if extension, ok := v.AsComplex(); ok && strings.Contains(name, ":") {
			var kept scim.Object
			for name, v := range extension.All() {
				if !refers(v, name) {
					kept.Set(name, v)
				}
			}
			if kept.Len() > 0 {
				out.Set(name, scim.Complex(kept))
			}
			continue
		}
		list, ok := v.AsList()
		if !ok {
			if !refers(v, name) {
				out.Set(name, v)
			}
			continue
		}
		kept := make([]scim.Value, 0, len(list))
		for _, e := range list {
			if !refers(e, name) {
				kept = append(kept, e)
			}
		}
		if len(kept) > 0 {
			out.Set(name, scim.List(kept...))
		}
	}
	return out
}
