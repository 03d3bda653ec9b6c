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
	within := map[string]bool{}
	for _, s := range steps {
		within[s.bulkID] = true
	}
	for i, s := range steps {
		if fresh[i], err = j.circular(s, within); err != nil {
			culprit = i
			break
		}
	}
	var made []*scim.Resource
	if err == nil {
		culprit, made, err = j.makeAll(steps, within, fresh)
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
func (j *job) circular(s *step, within map[string]bool) (*scim.Resource, error) {
	outward := *s
	outward.refs = nil
	for _, ref := range s.refs {
		if !within[ref] {
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

// makeAll makes the resources of a circle in one transaction, and tells which of them
// could not be; -1 for none in particular.
func (j *job) makeAll(steps []*step, within map[string]bool, fresh []*scim.Resource) (culprit int, made []*scim.Resource, err error) {
	h := j.h
	ctx, _ := h.asked(j.r.Context(), http.MethodPost, j.root)
	if h.atomic == nil {
		return -1, nil, &scim.Error{Status: http.StatusConflict, Detail: "it refers to others that refer to it, which cannot be made at once here"}
	}
	made = make([]*scim.Resource, len(steps))
	err = h.atomic.Atomically(ctx, func(store Store) (err error) {
		ids := map[string]string{}
		for i, s := range steps {
			culprit = i
			if made[i], err = store.Create(ctx, s.t.Name, without(fresh[i], within)); err != nil {
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
			// Nobody else has seen it; what was made since may have given it another version.
			if made[i], err = store.Replace(ctx, s.t.Name, next, ""); err != nil {
				return err
			}
		}
		culprit = -1
		return nil
	})
	return culprit, made, err
}

// without is a resource without the attributes that refer to one of a set.
func without(r *scim.Resource, set map[string]bool) *scim.Resource {
	refers := func(v scim.Value) (found bool) {
		rewrite(v, "", texts(func(ref string) string {
			found = found || set[ref]
			return ""
		}, false))
		return found
	}
	out := &scim.Resource{}
	for name, v := range r.All() {
		if extension, ok := v.AsComplex(); ok && strings.Contains(name, ":") {
			var kept scim.Object
			for name, v := range extension.All() {
				if !refers(v) {
					kept.Set(name, v)
				}
			}
			v = scim.Complex(kept)
		}
		if !refers(v) && !v.IsUnassigned() {
			out.Set(name, v)
		}
	}
	return out
}
