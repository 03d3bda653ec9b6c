// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// active looks at the attribute by which an account is disabled, where it is.
func (c *check) active() {
	if c.live.user == nil || c.profile.DeactivateBy == app.ByDelete {
		return
	}
	switch a := attribute(c.live.user.Attributes, "active"); {
	case a == nil:
		c.add(c.sent.Pos, Warning, "the app's schema of users has no active, by which whoever leaves is disabled: see that this works before anybody leaves", "another profile may know how it is done: usher profiles")
	case a.Mutability == scim.ReadOnly:
		c.add(c.sent.Pos, Error, "active is read-only at the app, so nobody who leaves can be disabled", "another profile may know how it is done: usher profiles")
	}
}

// groups looks at what is sent of groups: displayName and members.
func (c *check) groups() {
	if c.sent.Groups == nil {
		return
	}
	pos := *c.sent.Groups
	if c.live.group == nil {
		if c.live.typesWhole && c.live.groupType == nil {
			c.add(pos, Error, "groups are configured, and the app has none: there is no Group in its /ResourceTypes", "take groups out of this app")
		}
		return
	}
	for _, name := range []string{"displayName", "members"} {
		switch a := attribute(c.live.group.Attributes, name); {
		case a == nil:
			c.add(pos, Error, "groups are configured, and the app's schema of groups has no "+name, "take groups out of this app")
		case a.Mutability == scim.ReadOnly:
			c.add(pos, Error, "groups are configured, and "+name+" of a group is read-only at the app", "take groups out of this app")
		}
	}
	for _, a := range c.live.group.Attributes {
		switch strings.ToLower(a.Name) {
		case "displayname", "members", "schemas", "id", "meta":
			continue
		}
		if a.Required && a.Mutability != scim.ReadOnly {
			c.add(pos, Error, fmt.Sprintf("the app requires %s of a group, and of groups only displayName and members are sent", a.Name), "take groups out of this app")
		}
	}
}

// features compares what the app says that it can with what the profile has done.
// Usher sends no bulk requests, and asks for no versions: what is said of these
// decides nothing.
func (c *check) features() {
	f := c.live.discovery.Features
	if f == nil {
		return
	}
	level, fix := Note, fmt.Sprintf("profile %s was written from documentation, and is believed", c.profile.ID)
	if c.profile.ID == generic {
		level, fix = Warning, "another profile may fit the app better: usher profiles"
	}
	patch, told := f.Has["patch"]
	switch {
	case told && !patch && c.profile.Users.Patch:
		c.add(c.sent.Pos, level, "the app says that it takes no PATCH, by which changes are sent", fix)
	case patch && !c.profile.Users.Patch:
		c.add(c.sent.Pos, Note, "the app says that it takes PATCH, and accounts are sent whole", fix)
	}
	userName := scim.Path{Attr: "userName"}
	if filter, told := f.Has["filter"]; told && !filter && c.profile.Filterable(app.KindUser, userName) {
		c.add(c.sent.Pos, level, "the app says that it has no filters, by which accounts are looked up", fix)
	}
	if n := f.Numbers["filter.maxResults"]; n > 0 && c.profile.PageSize > n {
		c.add(c.sent.Pos, Note, fmt.Sprintf("the app says that it gives %d on a page, and %d are asked for", n, c.profile.PageSize), fix)
	}
	bearer := func(t string) bool {
		return strings.Contains(strings.ToLower(t), "oauth") || strings.Contains(strings.ToLower(t), "bearer")
	}
	if len(f.Auth) > 0 && !slices.ContainsFunc(f.Auth, bearer) {
		c.add(c.sent.Pos, Note, fmt.Sprintf("the app says that it takes %s, and a bearer token is sent", strings.Join(f.Auth, ", ")), "")
	}
}
