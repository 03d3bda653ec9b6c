// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	mostOrganizationName = 50
	mostMetadata         = 25
	mostMembersAtOnce    = 1_000 // not verified on a live tenant
)

var organizationName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

type organization struct {
	id, name, display string
	metadata          map[string]string
	members           map[string]*membership
}

// membership is known to lists some time after it began, and until some time after it
// ended.
type membership struct{ since, until time.Time }

func (m *membership) holds() bool { return m != nil && m.until.IsZero() }

// shown reports whether a list knows of the membership, which lags behind.
func (m *membership) shown(at time.Time) bool {
	return !m.since.After(at) && (m.until.IsZero() || m.until.After(at))
}

func (o *organization) removeMember(id string, now time.Time) bool {
	m := o.members[id]
	if !m.holds() {
		return false
	}
	m.until = now
	return true
}

func (o *organization) json() jsontext.Value {
	var out object
	out.text("id", o.id)
	out.text("name", o.name)
	out.text("display_name", o.display)
	if len(o.metadata) > 0 {
		text, _ := json.Marshal(o.metadata, json.Deterministic(true)) // texts alone
		out.raw("metadata", text)
	}
	return out.end()
}

func (c *call) organization() (*organization, error) {
	if o := c.orgs[c.args["id"]]; o != nil {
		return o, nil
	}
	return nil, refuse(http.StatusNotFound, "inexistent_organization", "No organization found by that id or name")
}

func (t *Tenant) organizationNamed(name string) *organization {
	for _, o := range t.orgs {
		if o.name == name {
			return o
		}
	}
	return nil
}

func listOrganizations(c *call) (answer, error) {
	var rows []row
	for _, o := range c.orgs {
		rows = append(rows, row{o.id, o.json})
	}
	return c.list("organizations", rows)
}

// organizationBody is what an organization is made of. Branding and connections are not
// part of this fake.
type organizationBody struct {
	Name     field[string]             `json:"name"`
	Display  field[string]             `json:"display_name"`
	Metadata field[map[string]*string] `json:"metadata"`
}

func (b *organizationBody) check() error {
	switch {
	case b.Name.set && (!organizationName.MatchString(b.Name.value) || len(b.Name.value) > mostOrganizationName):
		return badBody("Object didn't pass validation for format organization-name on property name")
	case b.Display.set && (b.Display.value == "" || len(b.Display.value) > 255):
		return badBody("String is too short or too long on property display_name")
	case len(b.Metadata.value) > mostMetadata:
		return badBody("Too many properties on property metadata")
	}
	for name, v := range b.Metadata.value {
		if len(name) > 255 || v != nil && len(*v) > 255 {
			return badBody("String is too long on property metadata")
		}
	}
	return nil
}

func (b *organizationBody) apply(o *organization) {
	if b.Name.set {
		o.name = b.Name.value
	}
	if b.Display.set {
		o.display = b.Display.value
	}
	if b.Metadata.set {
		o.metadata = map[string]string{}
		for name, v := range b.Metadata.value {
			if v != nil {
				o.metadata[name] = *v
			}
		}
	}
}

func createOrganization(c *call) (answer, error) {
	var want organizationBody
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if want.Name.value == "" {
		return answer{}, badBody("Missing required property: name")
	}
	if err := want.check(); err != nil {
		return answer{}, err
	}
	if c.organizationNamed(want.Name.value) != nil {
		return answer{}, refuse(http.StatusConflict, "organization_conflict", "An organization with this name already exists.")
	}
	o := &organization{id: c.ids.Next("org_", 16), members: map[string]*membership{}}
	want.apply(o)
	c.orgs[o.id] = o
	c.note(c.by, Created, "organization", o.id, o.name)
	c.emit(c.by, "organization.created", o.json(), "")
	return created(o.json())
}

func getOrganization(c *call) (answer, error) {
	o, err := c.organization()
	if err != nil {
		return answer{}, err
	}
	return ok(o.json())
}

func organizationByName(c *call) (answer, error) {
	o := c.organizationNamed(c.args["name"])
	if o == nil {
		return answer{}, refuse(http.StatusNotFound, "inexistent_organization", "No organization found by that id or name")
	}
	return ok(o.json())
}

func updateOrganization(c *call) (answer, error) {
	o, err := c.organization()
	if err != nil {
		return answer{}, err
	}
	var want organizationBody
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if err := want.check(); err != nil {
		return answer{}, err
	}
	if other := c.organizationNamed(want.Name.value); want.Name.set && other != nil && other != o {
		return answer{}, refuse(http.StatusConflict, "organization_conflict", "An organization with this name already exists.")
	}
	want.apply(o)
	c.note(c.by, Updated, "organization", o.id, o.name)
	c.emit(c.by, "organization.updated", o.json(), "")
	return ok(o.json())
}

// deleteOrganization is DELETE /organizations/:id. One that is not there is no error.
func deleteOrganization(c *call) (answer, error) {
	if o := c.orgs[c.args["id"]]; o != nil {
		delete(c.orgs, o.id)
		c.note(c.by, Deleted, "organization", o.id, o.name)
		c.emit(c.by, "organization.deleted", o.json(), "")
	}
	return status(http.StatusNoContent)
}

// listMembers is GET /organizations/:id/members, which lags behind.
func listMembers(c *call) (answer, error) {
	o, err := c.organization()
	if err != nil {
		return answer{}, err
	}
	var rows []row
	for id, m := range o.members {
		if m.shown(c.now.Add(-c.cfg.SearchLag)) {
			whole := c.userRow(id)
			rows = append(rows, row{id, func() jsontext.Value { return c.selected(whole.json()) }})
		}
	}
	return c.list("members", rows)
}

func (c *call) membersInBody() (*organization, []string, error) {
	o, err := c.organization()
	if err != nil {
		return nil, nil, err
	}
	var want struct {
		Members []string `json:"members"`
	}
	if err := c.read(&want); err != nil {
		return nil, nil, err
	}
	if len(want.Members) == 0 || len(want.Members) > mostMembersAtOnce {
		return nil, nil, badBody("Array is too short or too long on property members")
	}
	return o, want.Members, nil
}

func memberEvent(o *organization, user string) jsontext.Value {
	var org, who, out object
	org.text("id", o.id)
	org.text("name", o.name)
	who.text("user_id", user)
	out.raw("organization", org.end())
	out.raw("user", who.end())
	return out.end()
}

// addMembers is POST /organizations/:id/members: all users, or none.
func addMembers(c *call) (answer, error) {
	o, users, err := c.membersInBody()
	if err != nil {
		return answer{}, err
	}
	for _, id := range users {
		if c.find(id) == nil {
			return answer{}, refuse(http.StatusBadRequest, "inexistent_user", "One or more of the users do not exist.")
		}
	}
	for _, id := range users {
		if !o.members[id].holds() {
			o.members[id] = &membership{since: c.now}
			c.note(c.by, MemberAdded, "organization", o.id, id)
			c.emit(c.by, "organization.member.added", memberEvent(o, id), id)
		}
	}
	return status(http.StatusNoContent)
}

func removeMembers(c *call) (answer, error) {
	o, users, err := c.membersInBody()
	if err != nil {
		return answer{}, err
	}
	for _, id := range users {
		if o.removeMember(id, c.now) {
			c.note(c.by, MemberRemoved, "organization", o.id, id)
			c.emit(c.by, "organization.member.deleted", memberEvent(o, id), id)
		}
	}
	return status(http.StatusNoContent)
}

// organizationsOf are the organizations that a user is a member of.
func (t *Tenant) organizationsOf(id string) []*organization {
	var out []*organization
	for _, o := range t.orgs {
		if o.members[id].holds() {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *organization) int { return strings.Compare(a.name, b.name) })
	return out
}

func userOrganizations(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	var rows []row
	for _, o := range c.organizationsOf(u.ID) {
		rows = append(rows, row{o.id, o.json})
	}
	return c.list("organizations", rows)
}
