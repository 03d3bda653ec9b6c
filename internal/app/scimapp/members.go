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

// ChangeMembers adds and removes members in one request.
func (a *App) ChangeMembers(ctx context.Context, groupID string, add, remove []string) (app.Answer, error) {
	if err := a.checkMembers(add, remove); err != nil {
		return app.Answer{}, err
	}
	endpoint, err := a.endpoint(app.KindGroup)
	if err != nil {
		return app.Answer{}, err
	}
	if why := a.beyond(app.KindGroup, []scim.Change{{Path: membersPath, After: scim.Bool(true)}}); why != "" {
		return app.Answer{}, refuse(app.Terminal, fmt.Errorf("%s: members have to be changed in the app, by hand", why))
	}
	patch, err := a.bounded(a.memberPatch(add, remove))
	if err != nil {
		return app.Answer{}, err
	}
	return outcome(a.client.Patch(named(ctx), endpoint, groupID, patch))
}

func (a *App) checkMembers(add, remove []string) error {
	n, limit := len(add)+len(remove), a.profile.MaxMembersPerRequest
	switch {
	case n == 0:
		return refuse(app.Terminal, errors.New("there is no member to change"))
	case limit > 0 && n > limit:
		return refuse(app.TooLarge, fmt.Errorf("%d member changes in one request, where the profile allows %d", n, limit))
	case limit > 0 && len(remove) > a.profile.MembersAtOnce(false):
		return refuse(app.TooLarge, fmt.Errorf("%d members removed in one request, where the profile allows %d", len(remove), a.profile.MembersAtOnce(false)))
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

var membersPath = scim.Path{Attr: "members"}

// memberPatch adds in one operation, and removes as the profile says: by one
// operation each unless it says otherwise, as servers read a removal with a value
// list in three ways, one of which empties the group.
func (a *App) memberPatch(add, remove []string) scim.Patch {
	patch := make(scim.Patch, 0, 1+len(remove))
	switch {
	case len(add) == 0:
	case a.profile.Patch.MemberAdd == app.MemberAddPathless:
		var o scim.Object
		o.Set("members", memberList(add))
		patch = append(patch, scim.PatchOp{Op: scim.OpAdd, Value: scim.Complex(o)})
	default:
		patch = append(patch, scim.PatchOp{Op: scim.OpAdd, Path: &membersPath, Value: memberList(add)})
	}
	if a.profile.Patch.MemberRemove == app.MemberRemoveList && len(remove) > 0 {
		return append(patch, scim.PatchOp{Op: scim.OpRemove, Path: &membersPath, Value: memberList(remove)})
	}
	for _, id := range remove {
		one := membersPath
		one.Filter = scim.Eq(scim.Path{Attr: "value"}, id)
		patch = append(patch, scim.PatchOp{Op: scim.OpRemove, Path: &one})
	}
	return patch
}

func memberList(ids []string) scim.Value {
	values := make([]scim.Value, 0, len(ids))
	for _, id := range ids {
		var member scim.Object
		member.Set("value", scim.String(id))
		values = append(values, scim.Complex(member))
	}
	return scim.List(values...)
}
