// SPDX-License-Identifier: Apache-2.0

package entratest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	mostMembers = 20
	mostName    = 256
)

// group is a group of the tenant.
type group struct {
	id, name, unique, description string
	kind                          Kind
	members                       map[string]bool
}

func (g *group) clone() *group {
	c := *g
	c.members = maps.Clone(g.members)
	return &c
}

// document is a group as it goes over the wire, with the properties that were asked for.
func (g *group) document(selected string) any {
	all := map[string]any{
		"id": g.id, "displayName": g.name, "description": g.description, "groupTypes": []string{}, "membershipRule": nil, "isAssignableToRole": nil,
		"onPremisesSyncEnabled": nil, "mailEnabled": g.kind == Addresses, "securityEnabled": g.kind != Addresses,
	}
	switch g.kind {
	case Dynamic:
		all["groupTypes"], all["membershipRule"] = []string{"DynamicMembership"}, `user.department -eq "A"`
	case Assignable:
		all["isAssignableToRole"] = true
	case OnPremises:
		all["onPremisesSyncEnabled"] = true
	}
	if selected == "" {
		return all
	}
	if all["uniqueName"] = nil; g.unique != "" { // comes if it is asked for
		all["uniqueName"] = g.unique
	}
	d := map[string]any{}
	for _, name := range strings.Split(selected, ",") {
		d[name] = all[name]
	}
	return d
}

// seenGroup finds a group as the replica knows it, and the group itself.
func (c *call) seenGroup() (shown, real *group, _ error) {
	id := c.r.PathValue("gid")
	shown = c.view.groups.Get(id)
	if shown == nil || c.groups[id] == nil {
		return shown, nil, notFound(id)
	}
	return shown, c.groups[id], nil
}

func getGroup(c *call) (answer, error) {
	shown, _, err := c.seenGroup()
	if shown == nil {
		return answer{}, err
	}
	return answer{http.StatusOK, shown.document(c.query.Get("$select"))}, nil
}

func getUnique(c *call) (answer, error) {
	for _, g := range c.view.groups.All() {
		if g.unique == c.r.PathValue("unique") {
			return answer{http.StatusOK, g.document(c.query.Get("$select"))}, nil
		}
	}
	return answer{}, notFound(c.r.PathValue("unique"))
}

// upsertGroup makes a group of a unique name, or changes the one that there is. Whether
// one that was made a moment ago is known is not said: it is taken to be, as names that
// must be unique are.
func upsertGroup(c *call) (answer, error) {
	unique := c.r.PathValue("unique")
	body, err := c.read()
	if err != nil {
		return answer{}, err
	}
	for _, g := range c.groups {
		if g.unique == unique {
			return c.changeGroup(g, body)
		}
	}
	if c.r.Header.Get("Prefer") != "create-if-missing" {
		return answer{}, notFound(unique)
	}
	displayName, _ := body["displayName"].(string)
	nick, _ := body["mailNickname"].(string)
	description, _ := body["description"].(string)
	mail, hasMail := body["mailEnabled"].(bool)
	security, hasSecurity := body["securityEnabled"].(bool)
	switch {
	case displayName == "" || len([]rune(displayName)) > mostName:
		return answer{}, bad("Invalid value specified for property 'displayName' of resource 'Group'.")
	case nick == "" || len(nick) > 64 || strings.ContainsAny(nick, "@()\\[]\";:<>, "):
		return answer{}, bad("Invalid value specified for property 'mailNickname' of resource 'Group'.")
	case !hasMail || !hasSecurity || mail || !security:
		return answer{}, bad("The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set.")
	}
	g := &group{id: c.guid("group"), name: displayName, unique: unique, description: description, members: map[string]bool{}}
	c.groups[g.id] = g
	c.tellGroup(g)
	c.note(c.by, Created, "group", g.id, displayName)
	return answer{http.StatusCreated, g.document("")}, nil
}

// unreplicated is how members are refused while the replica does not know of one, or of the
// group (learn.microsoft.com/graph/api/group-post-members).
func unreplicated() *refusal {
	return bad("The source resource object or one of the objects being referenced do not exist.")
}

func updateGroup(c *call) (answer, error) {
	_, g, err := c.seenGroup()
	switch {
	case err != nil && c.addsMembers() && c.groups[c.r.PathValue("gid")] != nil:
		return answer{}, unreplicated()
	case err != nil:
		return answer{}, err
	}
	body, err := c.read()
	if err != nil {
		return answer{}, err
	}
	if links, ok := body["members@odata.bind"].([]any); ok {
		if len(body) > 1 {
			return answer{}, bad("Members cannot be changed together with other properties.") // taken to be so
		}
		return c.addMembers(g, links)
	}
	if !c.may(writeGroups...) {
		return answer{}, forbidden()
	}
	return c.changeGroup(g, body)
}

func (c *call) changeGroup(g *group, body map[string]any) (answer, error) {
	displayName, ok := body["displayName"].(string)
	switch {
	case !ok || displayName == "" || len([]rune(displayName)) > mostName:
		return answer{}, bad("Invalid value specified for property 'displayName' of resource 'Group'.")
	case g.kind == OnPremises:
		return answer{}, bad("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.")
	case g.name != displayName && !c.by.Void:
		g.name = displayName
		c.tellGroup(g)
		c.note(c.by, Updated, "group", g.id, displayName)
	}
	return answer{status: http.StatusNoContent}, nil
}

// writable refuses members of groups that are not for everybody to write.
func (c *call) writable(g *group) *refusal {
	switch g.kind {
	case Dynamic:
		return bad("Insufficient privileges to complete the operation. Membership of dynamic groups cannot be updated.") // by which words is not verified
	case OnPremises:
		return bad("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.")
	case Addresses:
		return bad("Cannot Update a mail-enabled security groups and or distribution list.")
	case Assignable:
		if !c.may("RoleManagement.ReadWrite.Directory") {
			return forbidden()
		}
	}
	return nil
}

// addMembers adds all or none.
func (c *call) addMembers(g *group, links []any) (answer, error) {
	if no := c.writable(g); no != nil {
		return answer{}, no
	}
	if len(links) == 0 || len(links) > mostMembers {
		return answer{}, bad("The maximum number of references is 20.")
	}
	var ids []string
	for _, v := range links {
		link, _ := v.(string)
		_, id, ok := strings.Cut(link, version+"/directoryObjects/")
		switch {
		case !ok:
			return answer{}, bad("Invalid URI for navigation property 'members'.")
		case c.view.users.Get(id) == nil && c.users[id] != nil:
			return answer{}, unreplicated()
		case c.users[id] == nil:
			return answer{}, notFound(id)
		case g.members[id], slices.Contains(ids, id):
			return answer{}, bad("One or more added object references already exist for the following modified properties: 'members'.")
		}
		ids = append(ids, id)
	}
	if c.by.Void {
		return answer{status: http.StatusNoContent}, nil
	}
	for _, id := range ids {
		g.members[id] = true
		c.note(c.by, MemberAdded, "group", g.id, id)
	}
	c.tellGroup(g)
	return answer{status: http.StatusNoContent}, nil
}

func removeMember(c *call) (answer, error) {
	_, g, err := c.seenGroup()
	if err != nil {
		return answer{}, err
	}
	id := c.r.PathValue("id")
	if no := c.writable(g); no != nil {
		return answer{}, no
	}
	if !g.members[id] {
		return answer{}, notFound(id)
	}
	if !c.by.Void {
		delete(g.members, id)
		c.tellGroup(g)
		c.note(c.by, MemberRemoved, "group", g.id, id)
	}
	return answer{status: http.StatusNoContent}, nil
}

func listGroups(c *call) (answer, error) {
	key, value, err := c.filter()
	switch {
	case err != nil:
		return answer{}, err
	case key != "" && key != "displayName":
		return answer{}, refuse(http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported Query.")
	}
	ids := c.view.groups.Find(func(g *group) bool { return key == "" || strings.EqualFold(g.name, value) })
	return c.page(ids, func(id string) any { return c.view.groups.Get(id).document(c.query.Get("$select")) }), nil
}

func listMembers(c *call) (answer, error) {
	shown, _, err := c.seenGroup()
	if shown == nil {
		return answer{}, err
	}
	return c.page(slices.Sorted(maps.Keys(shown.members)), func(id string) any {
		return map[string]any{"@odata.type": "#microsoft.graph.user", "id": id}
	}), nil
}
