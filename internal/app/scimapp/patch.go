// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// beyond says why a PATCH does not reach the changes, or "" when it does.
func (a *App) beyond(kind app.Kind, changes []scim.Change) string {
	d := &a.profile.Patch
	if !a.profile.Operations(kind).Patch {
		return fmt.Sprintf("%s has no PATCH for %ss", a.profile.Name, strings.ToLower(string(kind)))
	}
	reach := a.profile.PatchPaths(kind)
	var out []string
	for _, c := range changes {
		removal := c.After.IsUnassigned()
		switch {
		case len(reach) > 0 && !reach.Cover(c.Path), d.Forbidden.Cover(c.Path):
			out = append(out, c.Path.String())
		case removal && d.Kept.Cover(c.Path), removal && len(d.Ops) > 0 && !slices.Contains(d.Ops, scim.OpRemove):
			out = append(out, "the removal of "+c.Path.String())
		}
	}
	if len(out) == 0 {
		return ""
	}
	return fmt.Sprintf("a PATCH of %s does not reach %s", a.profile.Name, strings.Join(out, ", "))
}

// patch says the changes in the profile's dialect.
func (a *App) patch(kind app.Kind, id string, changes []scim.Change) (scim.Patch, error) {
	d := &a.profile.Patch
	if kind == app.KindGroup && d.GroupRename == app.GroupRenameWithID && len(changes) == 1 && strings.EqualFold(changes[0].Path.Attr, "displayName") {
		var o scim.Object
		o.Set("id", scim.String(id))
		o.Set("displayName", changes[0].After)
		return a.bounded(scim.Patch{{Op: scim.OpReplace, Value: scim.Complex(o)}})
	}
	patch := changePatch(changes)
	if d.Style == app.PatchStylePathless || d.Style == app.PatchStyleObject || d.Active == app.PatchStylePathless {
		var err error
		if patch, err = a.pathless(patch); err != nil {
			return nil, err
		}
	}
	return a.bounded(patch)
}

// bounded writes the operations as the app spells them, and refuses more than it takes.
func (a *App) bounded(patch scim.Patch) (scim.Patch, error) {
	d := &a.profile.Patch
	if d.MaxOps > 0 && len(patch) > d.MaxOps {
		return nil, refuse(app.TooLarge, fmt.Errorf("%d operations in one request, where the profile allows %d", len(patch), d.MaxOps))
	}
	for _, op := range patch {
		if len(d.Ops) > 0 && !slices.Contains(d.Ops, op.Op) {
			return nil, refuse(app.Terminal, fmt.Errorf("a PATCH of %s knows no %s", a.profile.Name, op.Op))
		}
	}
	if d.OpCase == app.OpCaseCapital {
		for i := range patch {
			patch[i].Op = strings.ToUpper(patch[i].Op[:1]) + patch[i].Op[1:]
		}
	}
	return patch, nil
}

// pathless moves paths into the values of operations. What is removed keeps its
// path (RFC 7644 §3.5.2.2).
func (a *App) pathless(patch scim.Patch) (scim.Patch, error) {
	d := &a.profile.Patch
	out := make(scim.Patch, 0, len(patch))
	whole := map[string]int{} // the one operation of each name, to where it is in out
	for _, op := range patch {
		one := d.Style == app.PatchStylePathless || d.Style == app.PatchStyleObject
		if d.Active != "" && strings.EqualFold(op.Path.Attr, "active") {
			one = d.Active == app.PatchStylePathless
		}
		if !one || op.Op == scim.OpRemove {
			out = append(out, op)
			continue
		}
		i, merge := whole[op.Op]
		value := &scim.Resource{}
		if merge = merge && d.Style == app.PatchStyleObject; merge {
			value.Object, _ = out[i].Value.AsComplex()
			value = value.Clone()
		}
		if op.Path.Filter != nil {
			return nil, refuse(app.Terminal, errors.New("a value that is picked by a filter cannot be said without a path"))
		}
		if err := value.Put(*op.Path, op.Value); err != nil {
			return nil, refuse(app.Terminal, err)
		}
		value.Delete("schemas") // Put names an extension there, which is no change
		op = scim.PatchOp{Op: op.Op, Value: scim.Complex(value.Object)}
		if merge {
			out[i] = op
			continue
		}
		whole[op.Op] = len(out)
		out = append(out, op)
	}
	return out, nil
}
