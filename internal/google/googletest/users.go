// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// lists are the lists of a user that can be written, with what each entry must have.
var lists = map[string]string{
	"externalIds": "value", "organizations": "", "phones": "value", "addresses": "", "relations": "value", "locations": "", "keywords": "value", "websites": "value",
}

// user is a user of the account.
type user struct {
	id, email            string
	created, there       time.Time // there: from when on other calls find it
	suspended, archived  bool
	why, password        string
	super, delegated     bool
	aliases              []string
	fields               map[string]any // without what stands above
	sessions, made       int
	grants               map[string]bool
	passwords            map[int]bool
	changePasswordAtNext bool
}

// clone copies a tree of JSON.
func clone(m map[string]any) map[string]any {
	out := maps.Clone(m)
	for name, v := range out {
		switch v := v.(type) {
		case map[string]any:
			out[name] = clone(v)
		case []any:
			list := slices.Clone(v)
			for i := range list {
				if e, ok := list[i].(map[string]any); ok {
					list[i] = clone(e)
				}
			}
			out[name] = list
		}
	}
	return out
}

func (u *user) clone() *user {
	c := *u
	c.fields, c.aliases = clone(u.fields), slices.Clone(u.aliases)
	return &c
}

// document is a user as it goes over the wire.
func (u *user) document() any {
	d := clone(u.fields)
	d["kind"], d["id"], d["primaryEmail"] = "admin#directory#user", u.id, u.email
	d["isAdmin"], d["isDelegatedAdmin"], d["suspended"], d["archived"] = u.super, u.delegated, u.suspended, u.archived
	d["creationTime"] = u.created.Format("2006-01-02T15:04:05.000Z")
	d["changePasswordAtNextLogin"] = u.changePasswordAtNext
	emails := []any{map[string]any{"address": u.email, "primary": true}}
	for _, alias := range u.aliases {
		emails = append(emails, map[string]any{"address": alias})
	}
	if d["emails"] = emails; len(u.aliases) > 0 {
		d["aliases"] = slices.Clone(u.aliases)
	}
	if u.why != "" {
		d["suspensionReason"] = u.why
	}
	return d
}

func (a *Account) touch(u *user) { a.index.Tell(a.now().Add(a.cfg.SearchLag), u.id, u.clone()) }

// putUser makes a user.
func (a *Account) putUser(by fake.Cause, fields map[string]any, change func(*user)) *user {
	now := a.now()
	u := &user{
		id: a.ids.Next("1", 20), created: now, there: now.Add(a.cfg.SettleIn), fields: map[string]any{"orgUnitPath": "/"}, grants: map[string]bool{}, passwords: map[int]bool{},
	}
	u.set(fields)
	if change != nil {
		change(u)
	}
	a.users[u.id] = u
	a.touch(u)
	a.note(by, Created, "user", u.id, u.email)
	return u
}

// set takes fields over: nulls take away, names are merged, lists are replaced.
func (u *user) set(fields map[string]any) {
	for name, v := range clone(fields) {
		switch name {
		case "primaryEmail":
			u.email, _ = v.(string)
		case "password":
			u.password, _ = v.(string)
		case "suspended":
			u.suspended, _ = v.(bool)
		case "changePasswordAtNextLogin":
			u.changePasswordAtNext, _ = v.(bool)
		case "name":
			was, _ := u.fields["name"].(map[string]any)
			is := maps.Clone(was)
			if is == nil {
				is = map[string]any{}
			}
			names, _ := v.(map[string]any)
			maps.Copy(is, names)
			maps.DeleteFunc(is, func(_ string, v any) bool { return v == nil })
			u.fields["name"] = is
		default:
			if list, ok := v.([]any); v == nil || ok && len(list) == 0 {
				delete(u.fields, name)
			} else {
				u.fields[name] = v
			}
		}
	}
}

// find finds a user by id, by address or by alias.
func (a *Account) find(key string) *user {
	if u := a.users[key]; u != nil {
		return u
	}
	for _, u := range a.users {
		if strings.EqualFold(u.email, key) || slices.ContainsFunc(u.aliases, func(s string) bool { return strings.EqualFold(s, key) }) {
			return u
		}
	}
	return nil
}

// user finds the one that a call is about. Who is new is not there for a while.
func (c *call) user() (*user, error) {
	u := c.find(c.r.PathValue("id"))
	switch {
	case u == nil:
		return nil, notFound("userKey")
	case c.now.Before(u.there) && c.cfg.FreshForbidden:
		return nil, forbidden()
	case c.now.Before(u.there):
		return nil, notFound("userKey")
	}
	return u, nil
}

var mail = regexp.MustCompile(`^[A-Za-z0-9._'+-]+@([A-Za-z0-9.-]+)$`)

// checkAddress checks an address that somebody is to have.
func (a *Account) checkAddress(of *user, s string) *refusal {
	m := mail.FindStringSubmatch(s)
	if m == nil || !slices.Contains(a.cfg.Domains, strings.ToLower(m[1])) {
		return invalid("primary_user_email")
	}
	if other := a.find(s); other != nil && (other != of || !strings.EqualFold(of.email, s)) { // an alias of one's own, too
		return duplicate("Entity")
	}
	for _, g := range a.groups {
		if strings.EqualFold(g.email, s) {
			return duplicate("Entity")
		}
	}
	return nil
}

const mostName = 60

// checkFields checks what is to be written to a user.
func (a *Account) checkFields(of *user, fields map[string]any) *refusal {
	if of == nil {
		for _, need := range []string{"primaryEmail", "password", "name"} {
			if fields[need] == nil {
				return refuse(http.StatusBadRequest, "required", "Missing required field: "+need)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v := fields[name]
		text, isText := v.(string)
		_, isBool := v.(bool)
		switch _, isList := lists[name]; {
		case name == "primaryEmail":
			if no := a.checkAddress(of, text); no != nil {
				return no
			}
		case name == "password":
			if len(text) < 8 || len(text) > 100 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				return invalid("password")
			}
		case name == "name":
			if no := checkName(of, v); no != nil {
				return no
			}
		case name == "suspended", name == "changePasswordAtNextLogin":
			if !isBool {
				return invalid(name)
			}
		case name == "orgUnitPath":
			if !isText || text != "/" && !slices.Contains(a.cfg.OrgUnits, text) {
				return invalid("INVALID_OU_ID")
			}
		case isList:
			if no := checkList(name, v); no != nil {
				return no
			}
		default:
			return refuse(http.StatusBadRequest, "badRequest", "Unknown name or read-only field: "+name)
		}
	}
	return nil
}

func checkName(of *user, v any) *refusal {
	names, ok := v.(map[string]any)
	if !ok {
		return invalid("name")
	}
	for key, v := range names {
		s, isText := v.(string)
		if !slices.Contains([]string{"givenName", "familyName", "displayName"}, key) || !isText && (v != nil || key != "displayName") || len([]rune(s)) > mostName || s == "" && key != "displayName" {
			return invalid(key)
		}
	}
	if of == nil && (names["givenName"] == nil || names["familyName"] == nil) {
		return refuse(http.StatusBadRequest, "required", "Missing required field: name")
	}
	return nil
}

// checkList checks a list: of objects, each with what it must have, one of them primary at
// most. A custom type must say which.
func checkList(name string, v any) *refusal {
	entries, ok := v.([]any)
	if !ok && v != nil {
		return invalid(name)
	}
	primary := 0
	for _, e := range entries {
		m, ok := e.(map[string]any)
		must := lists[name]
		if !ok || must != "" && (m[must] == nil || m[must] == "") || m["type"] == "custom" && (m["customType"] == nil || m["customType"] == "") {
			return invalid(name)
		}
		for _, v := range m {
			if v == nil {
				return invalid(name)
			}
		}
		if m["primary"] == true {
			primary++
		}
	}
	if primary > 1 {
		return invalid(name)
	}
	return nil
}

func createUser(c *call) (any, error) {
	fields, err := c.read()
	if err != nil {
		return nil, err
	}
	if no := c.checkFields(nil, fields); no != nil {
		return nil, no
	}
	return c.putUser(c.by, fields, nil).document(), nil
}

func getUser(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	return u.document(), nil
}

// updateUser is the PUT that keeps what it does not name. Who gets another address keeps
// the one before as an alias.
func updateUser(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	fields, err := c.read()
	if err != nil {
		return nil, err
	}
	if no := c.checkFields(u, fields); no != nil {
		return nil, no
	}
	if c.by.Void || c.cfg.KeepsNothing {
		return u.document(), nil
	}
	was, email := u.suspended, u.email
	u.set(fields)
	if !u.suspended {
		u.why = ""
	}
	switch {
	case u.suspended && !was:
		if u.why = "ADMIN"; c.cfg.NobodyToSignOut {
			u.sessions = 0
		}
		c.note(c.by, Suspended, "user", u.id, u.email)
	case was && !u.suspended:
		c.note(c.by, Restored, "user", u.id, u.email)
	}
	delete(fields, "suspended")
	if len(fields) > 0 {
		c.note(c.by, Updated, "user", u.id, strings.Join(slices.Sorted(maps.Keys(fields)), " "))
	}
	if renamed := !strings.EqualFold(u.email, email); renamed {
		u.aliases = append(u.aliases, email)
		c.note(c.by, Renamed, "user", u.id, email+" "+u.email)
		if c.cfg.RenamesAsTaken {
			c.touch(u)
			return nil, duplicate("Entity")
		}
	}
	c.touch(u)
	return u.document(), nil
}

func deleteUser(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	if c.by.Void {
		return nil, nil
	}
	delete(c.users, u.id)
	for _, g := range c.groups {
		delete(g.members, u.id)
	}
	c.index.Tell(c.now.Add(c.cfg.SearchLag), u.id, nil)
	c.note(c.by, Deleted, "user", u.id, u.email)
	return nil, nil
}

func deleteAlias(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	i := slices.Index(u.aliases, c.r.PathValue("alias"))
	if i < 0 {
		return nil, notFound("alias")
	}
	u.aliases = slices.Delete(u.aliases, i, i+1)
	c.touch(u)
	c.note(c.by, Updated, "user", u.id, "aliases")
	return nil, nil
}

func signOut(c *call) (any, error) {
	u, err := c.user()
	switch {
	case err != nil:
		return nil, err
	case u.suspended && c.cfg.NobodyToSignOut:
		return nil, invalid("userKey")
	case u.sessions > 0 && !c.by.Void:
		u.sessions = 0
		c.note(c.by, SignedOut, "user", u.id, "")
	}
	return nil, nil
}

func listTokens(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, client := range slices.Sorted(maps.Keys(u.grants)) {
		items = append(items, map[string]any{"clientId": client, "displayText": client, "userKey": u.id, "scopes": []string{"openid"}})
	}
	return listed("items", items, ""), nil
}

func deleteToken(c *call) (any, error) {
	u, err := c.user()
	client := c.r.PathValue("client")
	switch {
	case err != nil:
		return nil, err
	case !u.grants[client]:
		return nil, notFound("clientId")
	case !c.by.Void:
		delete(u.grants, client)
		c.note(c.by, Revoked, "user", u.id, client)
	}
	return nil, nil
}

func listPasswords(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, code := range slices.Sorted(maps.Keys(u.passwords)) {
		items = append(items, map[string]any{"codeId": code, "name": "mail", "userKey": u.id})
	}
	return listed("items", items, ""), nil
}

func deletePassword(c *call) (any, error) {
	u, err := c.user()
	code, nerr := strconv.Atoi(c.r.PathValue("code"))
	switch {
	case err != nil:
		return nil, err
	case nerr != nil || !u.passwords[code]:
		return nil, notFound("codeId")
	case !c.by.Void:
		delete(u.passwords, code)
		c.note(c.by, Revoked, "user", u.id, c.r.PathValue("code"))
	}
	return nil, nil
}
