// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// Create makes the resource. The id and meta belong to the app (RFC 7643 §3.1)
// and are not sent.
func (a *App) Create(ctx context.Context, kind app.Kind, r *scim.Resource) (app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return app.Answer{}, err
	}
	if r == nil {
		return app.Answer{}, refuse(app.Terminal, errors.New("there is no resource to create"))
	}
	_, hasID := r.Get("id")
	_, hasMeta := r.Get("meta")
	if hasID || hasMeta {
		r = r.Clone()
		r.Delete("id")
		r.Delete("meta")
	}
	return outcome(a.client.Create(named(ctx), endpoint, r))
}

// Patch sends the changes in one request, one operation per attribute.
func (a *App) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change) (app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return app.Answer{}, err
	}
	patch := changePatch(changes)
	if len(patch) == 0 {
		return app.Answer{}, refuse(app.Terminal, errors.New("there is no change to send"))
	}
	return outcome(a.client.Patch(named(ctx), endpoint, id, patch))
}

// changePatch is scim.ToPatch, but for a sub-attribute in a complex attribute of
// an extension, such as manager.value: it adds the complex attribute, which RFC
// 7644 §3.5.2.1 merges with what is there. To replace the sub-attribute is as
// right by §3.5.2.3, but some servers cannot follow a path behind a URN so deep.
func changePatch(changes []scim.Change) scim.Patch {
	patch := scim.ToPatch(changes)
	out := make(scim.Patch, 0, len(patch))
	added := map[string]int{} // complex attributes by path, to where they are in out
	for _, op := range patch {
		if op.Op != scim.OpReplace || op.Path == nil || op.Path.URN == "" || op.Path.Sub == "" || op.Path.Filter != nil {
			out = append(out, op)
			continue
		}
		whole := scim.Path{URN: op.Path.URN, Attr: op.Path.Attr}
		i, ok := added[whole.String()]
		if !ok {
			i = len(out)
			added[whole.String()] = i
			out = append(out, scim.PatchOp{Op: scim.OpAdd, Path: &whole})
		}
		value, _ := out[i].Value.AsComplex()
		value = value.Clone()
		value.Set(op.Path.Sub, op.Value)
		out[i].Value = scim.Complex(value)
	}
	return out
}

// ChangeMembers adds and removes members in one request.
func (a *App) ChangeMembers(ctx context.Context, groupID string, add, remove []string) (app.Answer, error) {
	if err := a.checkMembers(add, remove); err != nil {
		return app.Answer{}, err
	}
	endpoint, err := a.endpoint(app.KindGroup)
	if err != nil {
		return app.Answer{}, err
	}
	return outcome(a.client.Patch(named(ctx), endpoint, groupID, memberPatch(add, remove)))
}

func (a *App) checkMembers(add, remove []string) error {
	n, limit := len(add)+len(remove), a.profile.MaxMembersPerRequest
	switch {
	case n == 0:
		return refuse(app.Terminal, errors.New("there is no member to change"))
	case limit > 0 && n > limit:
		return refuse(app.TooLarge, fmt.Errorf("%d member changes in one request, where the profile allows %d", n, limit))
	case slices.Contains(add, "") || slices.Contains(remove, ""):
		return refuse(app.Terminal, errors.New("a member has no id"))
	}
	added := make(map[string]struct{}, len(add))
	for _, id := range add {
		added[id] = struct{}{}
	}
	for _, id := range remove {
		if _, both := added[id]; both {
			return refuse(app.Terminal, fmt.Errorf("member %q is to be added and removed at once", id))
		}
	}
	return nil
}

// memberPatch adds in one operation, and removes by one operation each: servers
// read a removal with a value array in three ways, one of which empties the group.
func memberPatch(add, remove []string) scim.Patch {
	members := scim.Path{Attr: "members"}
	patch := make(scim.Patch, 0, 1+len(remove))
	if len(add) > 0 {
		values := make([]scim.Value, 0, len(add))
		for _, id := range add {
			var member scim.Object
			member.Set("value", scim.String(id))
			values = append(values, scim.Complex(member))
		}
		patch = append(patch, scim.PatchOp{Op: scim.OpAdd, Path: &members, Value: scim.List(values...)})
	}
	for _, id := range remove {
		one := members
		one.Filter = scim.Eq(scim.Path{Attr: "value"}, id)
		patch = append(patch, scim.PatchOp{Op: scim.OpRemove, Path: &one})
	}
	return patch
}

// Delete removes the resource.
func (a *App) Delete(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	endpoint, err := a.endpoint(kind)
	if err != nil {
		return app.Answer{}, err
	}
	return outcome(a.client.Delete(named(ctx), endpoint, id))
}
