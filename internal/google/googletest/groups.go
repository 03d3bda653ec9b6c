// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// group is a group of the account.
type group struct {
	id, email, name, description string
	there                        time.Time
	members                      map[string]*member // by id
}

// member is somebody, or something, in a group.
type member struct{ id, email, kind, role string }

func (g *group) document() any {
	return map[string]any{"kind": "admin#directory#group", "id": g.id, "email": g.email, "name": g.name, "description": g.description, "adminCreated": true}
}

func (a *Account) putGroup(by fake.Cause, email, name, description string) *group {
	g := &group{id: a.ids.Next("0", 14), email: email, name: name, description: description, there: a.now().Add(a.cfg.SettleIn), members: map[string]*member{}}
	a.groups[g.id] = g
	a.note(by, Created, "group", g.id, email)
	return g
}

// group finds the one that a call is about, by id or address. What is new is not there for a while.
func (c *call) group() (*group, error) {
	key := c.r.PathValue("gid")
	g := c.groups[key]
	for _, one := range c.groups {
		if strings.EqualFold(one.email, key) {
			g = one
		}
	}
	if g == nil || c.now.Before(g.there) {
		return nil, notFound("groupKey")
	}
	return g, nil
}

const mostGroupName = 73

func createGroup(c *call) (any, error) {
	body, err := c.read()
	if err != nil {
		return nil, err
	}
	email, _ := body["email"].(string)
	name, _ := body["name"].(string)
	description, _ := body["description"].(string)
	if no := c.checkAddress(nil, email); no != nil {
		if no.reason == "invalid" {
			return nil, invalid("groupEmail")
		}
		return nil, no
	}
	if name == "" || len([]rune(name)) > mostGroupName || len(description) > 4096 {
		return nil, invalid("name")
	}
	return c.putGroup(c.by, email, name, description).document(), nil
}

func getGroup(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	return g.document(), nil
}

func updateGroup(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	body, err := c.read()
	if err != nil {
		return nil, err
	}
	for key, v := range body {
		s, ok := v.(string)
		if key != "name" || !ok || s == "" || len([]rune(s)) > mostGroupName {
			return nil, invalid(key)
		}
		if g.name != s && !c.by.Void {
			g.name = s
			c.note(c.by, Updated, "group", g.id, s)
		}
	}
	return g.document(), nil
}

func listGroups(c *call) (any, error) {
	if no := c.ours(); no != nil {
		return nil, no
	}
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(c.groups)), func(id string) bool { return c.now.Before(c.groups[id].there) })
	cut, token := c.page(ids, 200)
	var out []any
	for _, id := range cut {
		out = append(out, c.groups[id].document())
	}
	return listed("groups", out, token), nil
}

func (c *call) member(m *member) any {
	d := map[string]any{"kind": "admin#directory#member", "id": m.id, "type": m.kind, "role": m.role}
	email := m.email
	if u := c.users[m.id]; u != nil {
		email, d["status"] = u.email, "ACTIVE"
		if u.suspended {
			d["status"] = "SUSPENDED"
		}
	}
	if email != "" {
		d["email"] = email
	}
	return d
}

func listMembers(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	cut, token := c.page(slices.Sorted(maps.Keys(g.members)), 200)
	var out []any
	for _, id := range cut {
		out = append(out, c.member(g.members[id]))
	}
	return listed("members", out, token), nil
}

// addMember adds by address, as the documentation demands.
func addMember(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	body, err := c.read()
	if err != nil {
		return nil, err
	}
	email, _ := body["email"].(string)
	role, _ := body["role"].(string)
	u := c.find(email)
	switch {
	case email == "" || !slices.Contains([]string{"MEMBER", "MANAGER", "OWNER"}, role):
		return nil, invalid("member")
	case u == nil || c.now.Before(u.there):
		return nil, notFound("memberKey")
	case g.members[u.id] != nil:
		return nil, duplicate("Member")
	}
	m := &member{id: u.id, kind: "USER", role: role}
	if !c.by.Void {
		g.members[u.id] = m
		c.note(c.by, MemberAdded, "group", g.id, u.id)
	}
	return c.member(m), nil
}

func removeMember(c *call) (any, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	id := c.r.PathValue("id")
	if g.members[id] == nil {
		return nil, notFound("memberKey")
	}
	if !c.by.Void {
		delete(g.members, id)
		c.note(c.by, MemberRemoved, "group", g.id, id)
	}
	return nil, nil
}
