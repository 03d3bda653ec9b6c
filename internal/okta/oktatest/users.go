// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// base are the attributes that each profile may have.
var base = strings.Fields(`login email secondEmail firstName lastName middleName honorificPrefix honorificSuffix title displayName nickName
	profileUrl primaryPhone mobilePhone streetAddress city state zipCode countryCode postalAddress preferredLanguage locale timezone userType
	employeeNumber costCenter organization division department managerId manager`)

var required = []string{"login", "email", "firstName", "lastName"}

// user is a user of the org.
type user struct {
	id, status, becoming      string
	due                       time.Time // when it is what it is becoming
	created, changed, updated time.Time
	profile                   map[string]any
	sessions                  int
	roles                     []string
}

func (u *user) text(name string) string {
	s, _ := u.profile[name].(string)
	return s
}

func (u *user) clone() *user {
	c := *u
	c.profile, c.roles = maps.Clone(u.profile), slices.Clone(u.roles)
	return &c
}

// document is a user as it goes over the wire.
func (u *user) document() any {
	d := map[string]any{
		"id": u.id, "status": u.status, "created": stamp(u.created), "statusChanged": stamp(u.changed), "lastUpdated": stamp(u.updated),
		"profile": maps.Clone(u.profile), "type": map[string]string{"id": "oty1"},
	}
	if u.becoming != "" {
		d["transitioningToStatus"] = u.becoming
	}
	return d
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }

// settle lets a transition come to its end once its time has come.
func (o *Org) settle(u *user) {
	if u.becoming != "" && !o.now().Before(u.due) {
		to := u.becoming
		if to == "ACTIVE" {
			to = "PROVISIONED" // nobody made here has a password
		}
		u.status, u.becoming, u.changed = to, "", u.due
		if to == "DEPROVISIONED" && o.cfg.NobodyToEnd {
			u.sessions = 0
		}
		o.touch(u)
	}
}

// become begins a transition, or makes it at once.
func (o *Org) become(u *user, status string, in time.Duration) {
	u.becoming, u.due = status, o.now().Add(in)
	o.settle(u)
	o.touch(u)
}

// touch tells the index of a change.
func (o *Org) touch(u *user) {
	u.updated = o.now()
	o.index.Tell(o.now().Add(o.cfg.SearchLag), u.id, u.clone())
}

// putUser makes a user.
func (o *Org) putUser(by fake.Cause, status string, profile map[string]any) *user {
	now := o.now()
	u := &user{id: o.ids.Next("00u", 17), status: status, created: now, changed: now, profile: profile}
	o.users[u.id] = u
	o.everyone.members[u.id] = true
	o.touch(u)
	o.note(by, Created, "user", u.id, u.text("login"))
	return u
}

// find finds a user by id, by login, or by what stands before the @ of a login if it is
// one user's.
func (o *Org) find(name string) *user {
	if u := o.users[name]; u != nil {
		o.settle(u)
		return u
	}
	var short []*user
	for _, u := range o.users {
		login := u.text("login")
		if strings.EqualFold(login, name) {
			o.settle(u)
			return u
		}
		if first, _, ok := strings.Cut(login, "@"); ok && strings.EqualFold(first, name) {
			short = append(short, u)
		}
	}
	if len(short) != 1 {
		return nil
	}
	o.settle(short[0])
	return short[0]
}

func (c *call) user() (*user, error) {
	id := c.r.PathValue("id")
	u := c.find(id)
	if u == nil {
		return nil, notFound(id, "User")
	}
	return u, nil
}

// checkProfile checks what is to become a user's profile. Texts and nulls are taken.
func (o *Org) checkProfile(of *user, p map[string]any) *refusal {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		s, ok := p[name].(string)
		switch {
		case slices.Contains(o.cfg.Without, name), !slices.Contains(base, name) && !slices.Contains(o.cfg.Attributes, name):
			return invalid(name, name+": The property is not defined in the schema")
		case !ok && p[name] != nil:
			return invalid(name, name+": Property type does not match expected type")
		case slices.Contains(required, name) && s == "":
			return invalid(name, name+": The field cannot be left blank")
		case (name == "email" || name == "login" && !o.cfg.PlainLogins) && !regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`).MatchString(s):
			return invalid(name, name+": Username must be in the form of an email address")
		case name == "login":
			for _, u := range o.users {
				if u != of && strings.EqualFold(u.text("login"), s) {
					return invalid("login", "login: An object with this field already exists in the current organization")
				}
			}
		}
	}
	for _, name := range required {
		if _, ok := p[name]; !ok && of == nil {
			return invalid(name, name+": The field cannot be left blank")
		}
	}
	return o.conforms(of, p)
}

// createUser makes a user without credentials, who is STAGED, or PROVISIONED and sent a mail.
func createUser(c *call) (answer, error) {
	p, err := c.read()
	if err != nil {
		return answer{}, err
	}
	if no := c.checkProfile(nil, p); no != nil {
		return answer{}, no
	}
	maps.DeleteFunc(p, func(_ string, v any) bool { return v == nil })
	u := c.putUser(c.by, "STAGED", p)
	if c.query.Get("activate") != "false" {
		u.status = "PROVISIONED"
		c.touch(u)
		c.note(c.by, MailSent, "user", u.id, u.text("email"))
	}
	return answer{status: http.StatusOK, body: u.document()}, nil
}

func getUser(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: u.document()}, nil
}

// updateUser merges a profile. Somebody who is DEPROVISIONED is not found, as an issue of
// Okta's own SDK has it (okta-sdk-java 721).
func updateUser(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	if u.status == "DEPROVISIONED" {
		return answer{}, notFound(u.id, "User")
	}
	p, err := c.read()
	if err != nil {
		return answer{}, err
	}
	if no := c.checkProfile(u, p); no != nil {
		return answer{}, no
	}
	if c.by.Void || c.cfg.KeepsNothing {
		return answer{status: http.StatusOK, body: u.document()}, nil
	}
	was := maps.Clone(u.profile)
	for name, v := range p {
		if u.profile[name] = v; v == nil {
			delete(u.profile, name)
		}
	}
	if !maps.Equal(was, u.profile) {
		c.touch(u)
		c.note(c.by, Updated, "user", u.id, strings.Join(slices.Sorted(maps.Keys(p)), " "))
	}
	return answer{status: http.StatusOK, body: u.document()}, nil
}

// empty is how lifecycle operations are answered.
func empty() (answer, error) { return answer{status: http.StatusOK, body: map[string]any{}}, nil }

func activate(c *call) (answer, error) {
	u, err := c.user()
	switch {
	case err != nil:
		return answer{}, err
	case u.status != "STAGED" && u.status != "DEPROVISIONED" || u.becoming != "":
		return answer{}, refuse(http.StatusForbidden, "E0000016", "Activation failed because the user is already active")
	case c.by.Void:
		return empty()
	}
	c.note(c.by, Activated, "user", u.id, u.status)
	if c.query.Get("sendEmail") != "false" {
		c.note(c.by, MailSent, "user", u.id, u.text("email"))
	}
	c.become(u, "ACTIVE", c.cfg.ActivateIn)
	return empty()
}

// deactivate takes its time, and ends no session by itself: whether Okta does is not said.
func deactivate(c *call) (answer, error) {
	u, err := c.user()
	switch {
	case err != nil:
		return answer{}, err
	case u.status == "DEPROVISIONED":
		return answer{}, notFound(u.id, "User")
	case c.by.Void || u.becoming == "DEPROVISIONED":
		return empty()
	}
	c.note(c.by, Deactivated, "user", u.id, u.status)
	c.become(u, "DEPROVISIONED", c.cfg.DeactivateIn)
	return empty()
}

func suspend(c *call) (answer, error)   { return change(c, "ACTIVE", "SUSPENDED", Suspended) }
func unsuspend(c *call) (answer, error) { return change(c, "SUSPENDED", "ACTIVE", Unsuspended) }

func change(c *call, from, to, op string) (answer, error) {
	u, err := c.user()
	switch {
	case err != nil:
		return answer{}, err
	case u.status != from:
		return answer{}, invalid("user", fmt.Sprintf("Cannot %s a user that is not %s", op, strings.ToLower(from)))
	case c.by.Void:
		return empty()
	}
	u.status, u.changed = to, c.now
	c.touch(u)
	c.note(c.by, op, "user", u.id, "")
	return empty()
}

func endSessions(c *call) (answer, error) {
	u, err := c.user()
	switch {
	case err != nil:
		return answer{}, err
	case u.status == "DEPROVISIONED" && c.cfg.NobodyToEnd:
		return answer{}, notFound(u.id, "User")
	case u.sessions > 0 && !c.by.Void:
		u.sessions = 0
		c.note(c.by, SessionsEnded, "user", u.id, "")
	}
	return answer{status: http.StatusNoContent}, nil
}

// deleteUser deactivates a user, or deletes one who is DEPROVISIONED.
func deleteUser(c *call) (answer, error) {
	u, err := c.user()
	switch {
	case err != nil:
		return answer{}, err
	case c.by.Void:
	case u.status != "DEPROVISIONED":
		if u.becoming != "DEPROVISIONED" {
			c.note(c.by, Deactivated, "user", u.id, u.status)
			c.become(u, "DEPROVISIONED", c.cfg.DeactivateIn)
		}
	default:
		delete(c.users, u.id)
		for _, g := range c.groups {
			delete(g.members, u.id)
		}
		c.index.Tell(c.now.Add(c.cfg.SearchLag), u.id, nil)
		c.note(c.by, Deleted, "user", u.id, u.text("login"))
	}
	return answer{status: http.StatusNoContent}, nil
}

func listRoles(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	out := []map[string]string{}
	for i, kind := range u.roles {
		out = append(out, map[string]string{"id": fmt.Sprint("ra", i), "type": kind, "label": kind, "status": "ACTIVE"})
	}
	return answer{status: http.StatusOK, body: out}, nil
}

// listAdministrators lists the users who have a role, with links in the body.
func listAdministrators(c *call) (answer, error) {
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(c.users)), func(id string) bool { return len(c.users[id].roles) == 0 })
	cut, links := c.page(ids)
	value, more := []map[string]string{}, map[string]any{}
	for _, id := range cut {
		value = append(value, map[string]string{"id": id})
	}
	for _, link := range links {
		if target, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
			more["next"] = map[string]string{"href": target[1:]}
		}
	}
	return answer{status: http.StatusOK, body: map[string]any{"value": value, "_links": more}}, nil
}
