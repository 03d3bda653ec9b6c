// SPDX-License-Identifier: Apache-2.0

package entratest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// longest are the properties that can be written here, and how long each may be
// (learn.microsoft.com/graph/api/resources/user); 0 is not said.
var longest = map[string]int{
	"userPrincipalName": 113, "displayName": 256, "mailNickname": 64, "givenName": 64, "surname": 64, "jobTitle": 128, "department": 64,
	"companyName": 64, "employeeId": 16, "employeeType": 0, "officeLocation": 128, "preferredLanguage": 0, "usageLocation": 2, "mail": 0,
	"mobilePhone": 64, "faxNumber": 0, "streetAddress": 1024, "city": 128, "state": 128, "postalCode": 40, "country": 128, "employeeHireDate": 0,
}

var (
	required = []string{"displayName", "mailNickname", "userPrincipalName"}
	// shownAnyway are the properties of a user that come without being asked for.
	shownAnyway = strings.Fields("id businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname userPrincipalName")
	// sensitive are those that only some may change of whoever has a role.
	sensitive = strings.Fields("accountEnabled businessPhones mobilePhone onPremisesImmutableId otherMails passwordProfile userPrincipalName")
	name      = regexp.MustCompile(`^[A-Za-z0-9'._!#^~-]+@([A-Za-z0-9.-]+)$`)
	nickname  = regexp.MustCompile(`^[!#-'*+\-./0-9=?A-Z^-~]+$`)
)

// user is a user of the tenant.
type user struct {
	id                    string
	enabled               bool
	guest, synced         bool
	created, sessionsFrom time.Time
	gone                  time.Time // when it was deleted
	props                 map[string]any
	extra                 map[string]any // the 15 extension attributes
	password              string
	change                bool
	sessions              int
	roles                 []string
}

func (u *user) text(name string) string {
	switch v := u.props[name].(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			s, _ := v[0].(string)
			return s
		}
	}
	return ""
}

func (u *user) clone() *user {
	c := *u
	c.props, c.extra, c.roles = maps.Clone(u.props), maps.Clone(u.extra), slices.Clone(u.roles)
	return &c
}

// newUser is one of no properties yet.
func (t *Tenant) newUser(enabled bool) *user {
	now := t.now()
	return &user{id: t.guid("user"), enabled: enabled, created: now, sessionsFrom: now, props: map[string]any{"businessPhones": []any{}}, extra: map[string]any{}}
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

// document is a user as it goes over the wire, with the properties that were asked for.
func (u *user) document(selected string) any {
	names := shownAnyway
	if selected != "" {
		names = strings.Split(selected, ",")
	}
	d := map[string]any{}
	for _, name := range names {
		switch name {
		case "id":
			d[name] = u.id
		case "accountEnabled":
			d[name] = u.enabled
		case "createdDateTime":
			d[name] = stamp(u.created)
		case "signInSessionsValidFromDateTime":
			d[name] = stamp(u.sessionsFrom)
		case "userType":
			if d[name] = "Member"; u.guest {
				d[name] = "Guest"
			}
		case "onPremisesSyncEnabled":
			if d[name] = nil; u.synced {
				d[name] = true
			}
		case "onPremisesExtensionAttributes":
			all := map[string]any{}
			for i := range 15 {
				key := fmt.Sprint("extensionAttribute", i+1)
				all[key] = u.extra[key]
			}
			d[name] = all
		default:
			d[name] = u.props[name]
		}
	}
	return d
}

// check checks one property that is to be written.
func (t *Tenant) check(of *user, key string, v any) *refusal {
	s, isText := v.(string)
	most, known := longest[key]
	invalid := bad("Invalid value specified for property '" + key + "' of resource 'User'.")
	switch {
	case key == "businessPhones":
		list, ok := v.([]any)
		if !ok || len(list) > 1 {
			return invalid
		}
		return nil
	case !known && !slices.Contains(t.cfg.Attributes, key):
		return bad("One or more property values specified are invalid. Property '" + key + "' does not exist.")
	case v == nil && (slices.Contains(required, key) || key == "usageLocation"):
		return bad("A value is required for property '" + key + "' of resource 'User'.")
	case v == nil:
		return nil
	case !isText, s == "", most > 0 && len([]rune(s)) > most, key == "mailNickname" && !nickname.MatchString(s):
		return invalid
	case key == "employeeHireDate":
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return invalid
		}
	case key == "userPrincipalName":
		m := name.FindStringSubmatch(s)
		if m == nil || !slices.Contains(t.cfg.Domains, strings.ToLower(m[1])) {
			return bad("Property userPrincipalName is invalid.")
		}
		if t.taken(of, key, s) {
			no := bad("Another object with the same value for property userPrincipalName already exists.")
			no.details = []detail{{"ObjectConflict", key, no.message}}
			return no
		}
	}
	return nil
}

// keepsFor is for how long whoever was deleted can be restored.
const keepsFor = 30 * 24 * time.Hour

func (t *Tenant) taken(of *user, key, s string) bool {
	is := func(u *user) bool { return u != of && strings.EqualFold(u.text(key), s) }
	for _, u := range t.users {
		if is(u) {
			return true
		}
	}
	for _, u := range t.deleted {
		if t.cfg.DeletedKeepNames && is(u) && t.now().Before(u.gone.Add(keepsFor)) {
			return true
		}
	}
	return false
}

// checkExtra checks the extension attributes of a body.
func checkExtra(v any) (map[string]any, *refusal) {
	all, ok := v.(map[string]any)
	if !ok {
		return nil, bad("Invalid value specified for property 'onPremisesExtensionAttributes' of resource 'User'.")
	}
	for key, v := range all {
		s, isText := v.(string)
		if !regexp.MustCompile(`^extensionAttribute([1-9]|1[0-5])$`).MatchString(key) || v != nil && (!isText || s == "" || len(s) > 1024) {
			return nil, bad("Invalid value specified for property '" + key + "' of resource 'OnPremisesExtensionAttributes'.")
		}
	}
	return all, nil
}

// strong reports whether a password is one that Entra takes: three kinds of characters of
// four, 8 to 256 of them.
func strong(s string) bool {
	kinds := 0
	for _, is := range []func(rune) bool{unicode.IsUpper, unicode.IsLower, unicode.IsDigit, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }} {
		if strings.ContainsFunc(s, is) {
			kinds++
		}
	}
	return len(s) >= 8 && len(s) <= 256 && kinds >= 3
}

func createUser(c *call) (answer, error) {
	body, err := c.read()
	if err != nil {
		return answer{}, err
	}
	enabled, ok := body["accountEnabled"].(bool)
	profile, _ := body["passwordProfile"].(map[string]any)
	password, _ := profile["password"].(string)
	change, _ := profile["forceChangePasswordNextSignIn"].(bool)
	for _, key := range required {
		if _, there := body[key]; !there {
			return answer{}, bad("A value is required for property '" + key + "' of resource 'User'.")
		}
	}
	switch {
	case !ok:
		return answer{}, bad("A value is required for property 'accountEnabled' of resource 'User'.")
	case !strong(password):
		return answer{}, bad("The specified password does not comply with password complexity requirements. Please provide a different password.")
	}
	u := c.newUser(enabled)
	delete(body, "accountEnabled")
	delete(body, "passwordProfile")
	if err := c.set(u, body, true); err != nil {
		return answer{}, err
	}
	u.password, u.change = password, change
	c.users[u.id] = u
	c.tell(u.id, u)
	c.note(c.by, Created, "user", u.id, u.text("userPrincipalName"))
	return answer{http.StatusCreated, u.document("")}, nil
}

// set writes properties, all of them or none.
func (c *call) set(u *user, body map[string]any, made bool) error {
	var of *user
	if !made {
		of = u
	}
	props, extra := map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(body)) {
		if key == "onPremisesExtensionAttributes" {
			all, no := checkExtra(body[key])
			if no != nil {
				return no
			}
			extra = all
			continue
		}
		if no := c.check(of, key, body[key]); no != nil {
			return no
		}
		props[key] = body[key]
	}
	for key, v := range props {
		if u.props[key] = v; v == nil {
			delete(u.props, key)
		}
	}
	for key, v := range extra { // what is not named of them stays
		if u.extra[key] = v; v == nil {
			delete(u.extra, key)
		}
	}
	return nil
}

// seen finds a user as the replica knows it, by id or name, and the user itself.
func (c *call) seen() (shown, real *user, _ error) {
	key := c.r.PathValue("id")
	shown = c.view.users.Get(key)
	for _, u := range c.view.users.All() {
		if shown == nil && strings.EqualFold(u.text("userPrincipalName"), key) {
			shown = u
		}
	}
	if shown == nil || c.users[shown.id] == nil {
		return shown, nil, notFound(key)
	}
	return shown, c.users[shown.id], nil
}

func getUser(c *call) (answer, error) {
	shown, _, err := c.seen()
	if shown == nil {
		return answer{}, err
	}
	return answer{http.StatusOK, shown.document(c.query.Get("$select"))}, nil
}

// updateUser changes what is named. Whoever comes from on-premises cannot be changed, and
// of whoever has a role nothing that is sensitive.
func updateUser(c *call) (answer, error) {
	_, u, err := c.seen()
	if err != nil {
		return answer{}, err
	}
	body, err := c.read()
	if err != nil {
		return answer{}, err
	}
	on, turns := body["accountEnabled"].(bool)
	isSensitive := slices.ContainsFunc(slices.Collect(maps.Keys(body)), func(key string) bool { return slices.Contains(sensitive, key) })
	switch {
	case len(body) == 0:
		return answer{}, bad("Empty Payload. JSON content expected.")
	case turns && !c.may("User.EnableDisableAccount.All"), (len(body) > 1 || !turns) && !c.may(writeUsers...):
		return answer{}, forbidden()
	case u.synced:
		return answer{}, bad("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.")
	case isSensitive && len(u.roles) > 0:
		return answer{}, forbidden()
	}
	delete(body, "accountEnabled")
	was, extra := maps.Clone(u.props), maps.Clone(u.extra)
	if c.by.Void {
		return answer{status: http.StatusNoContent}, nil
	}
	if err := c.set(u, body, false); err != nil {
		return answer{}, err
	}
	if !sameProps(was, u.props) || !maps.Equal(extra, u.extra) {
		c.note(c.by, Updated, "user", u.id, strings.Join(slices.Sorted(maps.Keys(body)), " "))
	}
	if turns && on != u.enabled {
		u.enabled = on // which ends no session
		c.note(c.by, map[bool]string{true: Enabled, false: Disabled}[on], "user", u.id, "")
	}
	c.tell(u.id, u)
	return answer{status: http.StatusNoContent}, nil
}

func sameProps(a, b map[string]any) bool {
	return maps.EqualFunc(a, b, func(v, w any) bool { return fmt.Sprint(v) == fmt.Sprint(w) })
}

func deleteUser(c *call) (answer, error) {
	_, u, err := c.seen()
	switch {
	case err != nil:
		return answer{}, err
	case len(u.roles) > 0:
		return answer{}, forbidden()
	case c.by.Void:
		return answer{status: http.StatusNoContent}, nil
	}
	delete(c.users, u.id)
	u.gone = c.now
	c.deleted[u.id] = u
	for _, g := range c.groups {
		if g.members[u.id] {
			delete(g.members, u.id)
			c.tellGroup(g)
		}
	}
	c.tell(u.id, nil)
	c.note(c.by, Deleted, "user", u.id, u.text("userPrincipalName"))
	return answer{status: http.StatusNoContent}, nil
}

// revokeSessions makes all that is older than now worthless.
func revokeSessions(c *call) (answer, error) {
	_, u, err := c.seen()
	if err != nil {
		return answer{}, err
	}
	if !c.by.Void {
		u.sessionsFrom = c.now
		if u.sessions > 0 {
			u.sessions = 0
			c.note(c.by, SessionsEnded, "user", u.id, "")
		}
		c.tell(u.id, u)
	}
	if c.cfg.RevokeAnswersNothing {
		return answer{status: http.StatusNoContent}, nil
	}
	return answer{http.StatusOK, map[string]any{"@odata.context": "https://" + c.r.Host + version + "/$metadata#Edm.Boolean", "value": true}}, nil
}

// filter reads "name eq 'text'", alone.
var filter = regexp.MustCompile(`^([A-Za-z0-9_/]+) eq '((?:[^']|'')*)'$`)

func (c *call) filter() (key, value string, _ error) {
	text := c.query.Get("$filter")
	if text == "" {
		return "", "", nil
	}
	m := filter.FindStringSubmatch(text)
	if m == nil {
		return "", "", refuse(http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
	}
	return m[1], strings.ReplaceAll(m[2], "''", "'"), nil
}

func listUsers(c *call) (answer, error) {
	key, value, err := c.filter()
	if err != nil {
		return answer{}, err
	}
	ids := c.view.users.Find(func(u *user) bool {
		is := u.text(key)
		if sub, ok := strings.CutPrefix(key, "onPremisesExtensionAttributes/"); ok {
			is, _ = u.extra[sub].(string)
		}
		return key == "" || strings.EqualFold(is, value)
	})
	return c.page(ids, func(id string) any { return c.view.users.Get(id).document(c.query.Get("$select")) }), nil
}

// listMemberships are the groups and roles of a user. Of a role that may not be read there
// is the id alone (learn.microsoft.com/graph/permissions-overview, "limited information").
func listMemberships(c *call) (answer, error) {
	shown, _, err := c.seen()
	if shown == nil {
		return answer{}, err
	}
	all := map[string]any{}
	for _, g := range c.view.groups.All() {
		if g.members[shown.id] {
			d := g.document("").(map[string]any)
			d["@odata.type"] = "#microsoft.graph.group"
			all[g.id] = d
		}
	}
	for i, role := range shown.roles {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		d := map[string]any{"@odata.type": "#microsoft.graph.directoryRole", "id": id, "displayName": nil}
		if c.may("RoleManagement.Read.Directory", "Directory.Read.All") {
			d["displayName"] = role
		}
		all[id] = d
	}
	return c.page(slices.Sorted(maps.Keys(all)), func(id string) any { return all[id] }), nil
}
