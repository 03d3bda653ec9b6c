// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// group is a group of the org.
type group struct {
	id, kind string
	created  time.Time
	profile  map[string]any
	members  map[string]bool
}

func (g *group) text(name string) string {
	s, _ := g.profile[name].(string)
	return s
}

func (g *group) document() any {
	return map[string]any{"id": g.id, "type": g.kind, "created": stamp(g.created), "objectClass": []string{"okta:user_group"}, "profile": g.profile}
}

func (o *Org) putGroup(by fake.Cause, kind string, profile map[string]any) *group {
	g := &group{id: o.ids.Next("00g", 17), kind: kind, created: o.now(), profile: profile, members: map[string]bool{}}
	o.groups[g.id] = g
	o.note(by, Created, "group", g.id, g.text("name"))
	return g
}

func (c *call) group(written bool) (*group, error) {
	id := c.r.PathValue("gid")
	g := c.groups[id]
	switch {
	case g == nil:
		return nil, notFound(id, "UserGroup")
	case written && g.kind != "OKTA_GROUP":
		return nil, forbidden() // by which code Okta refuses it is not verified
	}
	return g, nil
}

// named checks a group's profile: names are unique among groups that can be written, and
// nobody's may be that of a built-in one (the latter is not verified).
func (c *call) named(of *group, p map[string]any) *refusal {
	name, _ := p["name"].(string)
	if name == "" {
		return invalid("name", "name: The field cannot be left blank")
	}
	for key := range p {
		if key != "name" && key != "description" {
			return invalid(key, key+": The property is not defined in the schema")
		}
	}
	for _, g := range c.groups {
		if g != of && g.kind != "APP_GROUP" && strings.EqualFold(g.text("name"), name) {
			return invalid("name", "name: An object with this field already exists in the current organization")
		}
	}
	return nil
}

func createGroup(c *call) (answer, error) {
	p, err := c.read()
	if err != nil {
		return answer{}, err
	}
	if no := c.named(nil, p); no != nil {
		return answer{}, no
	}
	return answer{status: http.StatusOK, body: c.putGroup(c.by, "OKTA_GROUP", p).document()}, nil
}

func getGroup(c *call) (answer, error) {
	g, err := c.group(false)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: g.document()}, nil
}

func updateGroup(c *call) (answer, error) {
	g, err := c.group(true)
	if err != nil {
		return answer{}, err
	}
	p, err := c.read()
	if err != nil {
		return answer{}, err
	}
	if no := c.named(g, p); no != nil {
		return answer{}, no
	}
	if !maps.Equal(g.profile, p) && !c.by.Void {
		g.profile = p
		c.note(c.by, Updated, "group", g.id, g.text("name"))
	}
	return answer{status: http.StatusOK, body: g.document()}, nil
}

func deleteGroup(c *call) (answer, error) {
	g, err := c.group(true)
	if err != nil {
		return answer{}, err
	}
	delete(c.groups, g.id)
	c.note(c.by, Deleted, "group", g.id, g.text("name"))
	return answer{status: http.StatusNoContent}, nil
}

// listGroups lists groups by type, or those whose names begin with q, exact ones first.
func listGroups(c *call) (answer, error) {
	kind, q := "", c.query.Get("q")
	if f := c.query.Get("filter"); f != "" {
		m := term.FindStringSubmatch(f)
		if m == nil || m[1] != "type" {
			return answer{}, refuse(http.StatusBadRequest, "E0000031", "Invalid search criteria.")
		}
		kind = m[2]
	}
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(c.groups)), func(id string) bool {
		g := c.groups[id]
		return kind != "" && g.kind != kind || !strings.HasPrefix(strings.ToLower(g.text("name")), strings.ToLower(q))
	})
	var links []string
	if q != "" { // which is not paged
		slices.SortStableFunc(ids, func(a, b string) int { return len(c.groups[a].text("name")) - len(c.groups[b].text("name")) })
		ids = ids[:min(len(ids), c.cfg.MostPerPage)]
	} else {
		ids, links = c.page(ids)
	}
	out := []any{}
	for _, id := range ids {
		out = append(out, c.groups[id].document())
	}
	return answer{http.StatusOK, out, links}, nil
}

func listMembers(c *call) (answer, error) {
	g, err := c.group(false)
	if err != nil {
		return answer{}, err
	}
	ids, links := c.page(slices.Sorted(maps.Keys(g.members)))
	out := []any{}
	for _, id := range ids {
		c.settle(c.users[id])
		out = append(out, c.users[id].document())
	}
	return answer{http.StatusOK, out, links}, nil
}

func addMember(c *call) (answer, error)    { return member(c, true, MemberAdded) }
func removeMember(c *call) (answer, error) { return member(c, false, MemberRemoved) }

func member(c *call, in bool, op string) (answer, error) {
	g, err := c.group(true)
	if err != nil {
		return answer{}, err
	}
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	if g.members[u.id] != in && !c.by.Void {
		if g.members[u.id] = in; !in {
			delete(g.members, u.id)
		}
		c.note(c.by, op, "group", g.id, u.id)
	}
	return answer{status: http.StatusNoContent}, nil
}
