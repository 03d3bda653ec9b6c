// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Group is what an enterprise connection's directory has. The API shows it; nobody
// writes it but the directory, which is [Tenant.PutGroup].
type Group struct {
	ID           string // grp_…; default made up
	Name         string
	ExternalID   string
	ConnectionID string   // of a connection's group
	Organization string   // id, of an organization's group
	Members      []string // user ids
}

type group struct {
	Group
	members          map[string]bool
	created, updated time.Time
}

func (g *group) kind() string {
	switch {
	case g.ConnectionID != "":
		return "connection"
	case g.Organization != "":
		return "organization"
	default:
		return "tenant"
	}
}

// json is the group as the API shows it: without its type, which events have.
func (g *group) json(tenant string) jsontext.Value {
	var o object
	o.text("id", g.ID)
	o.text("name", g.Name)
	o.text("external_id", g.ExternalID)
	o.text("connection_id", g.ConnectionID)
	o.text("tenant_name", tenant)
	o.time("created_at", g.created)
	o.time("updated_at", g.updated)
	return o.end()
}

func (g *group) event() jsontext.Value {
	var o object
	o.text("id", g.ID)
	o.text("name", g.Name)
	o.text("external_id", g.ExternalID)
	o.text("type", g.kind())
	o.text("connection_id", g.ConnectionID)
	o.text("organization_id", g.Organization)
	o.time("created_at", g.created)
	o.time("updated_at", g.updated)
	return o.end()
}

// PutGroup is a directory that sends a group with its members, new or changed. It
// returns the group's id.
func (t *Tenant) PutGroup(want Group) (id string, err error) {
	t.Lock()
	defer t.Unlock()
	for _, g := range t.groups {
		if g.Name == want.Name && g.ConnectionID == want.ConnectionID && g.Organization == want.Organization && g.ID != want.ID {
			return "", fmt.Errorf("there is a group %q", want.Name)
		}
	}
	for _, m := range want.Members {
		if t.find(m) == nil {
			return "", fmt.Errorf("group %q: there is no user %q", want.Name, m)
		}
	}
	by, now := administrator(), t.now()
	if want.ID == "" {
		want.ID = t.ids.Next("grp_", 22)
	}
	g, op, event := t.groups[want.ID], Updated, "group.updated"
	if g == nil {
		g = &group{members: map[string]bool{}, created: now}
		op, event = Created, "group.created"
		t.groups[want.ID] = g
	}
	before := g.Group
	g.Group, g.updated = want, now
	if before.Name != want.Name || before.ExternalID != want.ExternalID {
		t.note(by, op, "group", g.ID, g.Name)
		t.emit(by, event, g.event(), "")
	}
	for _, m := range want.Members {
		if !g.members[m] {
			g.members[m] = true
			t.note(by, MemberAdded, "group", g.ID, m)
			t.emit(by, "group.member.added", g.memberEvent(m), m)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(g.members)) {
		if !slices.Contains(want.Members, m) {
			delete(g.members, m)
			t.note(by, MemberRemoved, "group", g.ID, m)
			t.emit(by, "group.member.deleted", g.memberEvent(m), m)
		}
	}
	return g.ID, nil
}

// RemoveGroup is a directory that deletes a group.
func (t *Tenant) RemoveGroup(id string) error {
	t.Lock()
	defer t.Unlock()
	g := t.groups[id]
	if g == nil {
		return fmt.Errorf("there is no group %q", id)
	}
	delete(t.groups, id)
	t.note(administrator(), Deleted, "group", id, g.Name)
	t.emit(administrator(), "group.deleted", g.event(), "")
	return nil
}

func (g *group) memberEvent(user string) jsontext.Value {
	var of, who, out object
	of.text("id", g.ID)
	of.text("external_id", g.ExternalID)
	of.text("type", g.kind())
	of.text("connection_id", g.ConnectionID)
	of.text("organization_id", g.Organization)
	who.text("member_type", "user")
	who.text("id", user)
	who.text("connection_id", g.ConnectionID)
	out.raw("group", of.end())
	out.raw("member", who.end())
	return out.end()
}

func listGroups(c *call) (answer, error) {
	q := c.query
	var rows []row
	for _, g := range c.groups {
		if q.Has("connection_id") && q.Get("connection_id") != g.ConnectionID || q.Has("name") && q.Get("name") != g.Name ||
			q.Has("external_id") && q.Get("external_id") != g.ExternalID ||
			q.Has("search") && !strings.Contains(g.Name, q.Get("search")) && !strings.Contains(g.ExternalID, q.Get("search")) {
			continue
		}
		rows = append(rows, row{g.ID, func() jsontext.Value { return c.selected(g.json(c.cfg.Name)) }})
	}
	return c.list("groups", rows)
}

func (c *call) group() (*group, error) {
	if g := c.groups[c.args["id"]]; g != nil {
		return g, nil
	}
	return nil, refuse(http.StatusNotFound, "inexistent_group", "The group does not exist.")
}

func getGroup(c *call) (answer, error) {
	g, err := c.group()
	if err != nil {
		return answer{}, err
	}
	return ok(g.json(c.cfg.Name))
}

func groupMembers(c *call) (answer, error) {
	g, err := c.group()
	if err != nil {
		return answer{}, err
	}
	var rows []row
	for id := range g.members {
		rows = append(rows, row{id, func() jsontext.Value {
			var o object
			o.text("id", id)
			o.text("member_type", "user")
			o.text("type", g.kind())
			o.text("connection_id", g.ConnectionID)
			return c.selected(o.end())
		}})
	}
	return c.list("members", rows)
}

func userGroups(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	var rows []row
	for _, g := range c.groups {
		if g.members[u.ID] {
			rows = append(rows, row{g.ID, func() jsontext.Value { return c.selected(g.json(c.cfg.Name)) }})
		}
	}
	return c.list("groups", rows)
}

func (c *call) connectionJSON(con *Connection) jsontext.Value {
	var o, options object
	options.flag("requires_username", con.RequiresUsername)
	options.flag("disable_signup", con.NoSignUps)
	if con.PasswordPolicy != "" {
		options.text("passwordPolicy", con.PasswordPolicy)
	}
	if con.LeastPassword > 0 {
		var complexity object
		complexity.number("min_length", con.LeastPassword)
		options.raw("password_complexity_options", complexity.end())
	}
	enabled := con.Clients
	if enabled == nil {
		enabled = slices.Sorted(maps.Keys(c.clients))
	}
	list, _ := json.Marshal(enabled) // of texts
	o.text("id", con.ID)
	o.text("name", con.Name)
	o.text("strategy", con.Strategy)
	o.raw("options", options.end())
	o.raw("enabled_clients", list)
	return o.end()
}

func listConnections(c *call) (answer, error) {
	var rows []row
	for _, con := range c.connections {
		if c.query.Has("name") && c.query.Get("name") != con.Name || c.query.Has("strategy") && !slices.Contains(c.query["strategy"], con.Strategy) {
			continue
		}
		rows = append(rows, row{con.ID, func() jsontext.Value { return c.selected(c.connectionJSON(con)) }})
	}
	return c.list("connections", rows)
}

func getConnection(c *call) (answer, error) {
	con := c.connectionByID(c.args["id"])
	if con == nil {
		return answer{}, refuse(http.StatusNotFound, "inexistent_connection", "The connection does not exist.")
	}
	return ok(c.selected(c.connectionJSON(con)))
}
