// SPDX-License-Identifier: Apache-2.0

package googleapp

import (
	"bytes"
	"errors"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/scim"
)

// place is where in a user an attribute goes: a field, a part of one, or a part of one
// entry of a list. All are texts.
type place struct {
	path   scim.Path
	field  string
	sub    string // of the field, or of the entry; "" is the field itself
	which  *which // of a list, which entry; nil: the field is no list
	needed bool   // there is no user without
}

// which is the entry of a list that is ours: the first of a type, or the primary one.
type which struct {
	kind    string // type
	custom  string // customType, of the type custom
	primary bool   // the one that is primary, whatever its type; kind is what it gets
}

// Extension is the URN of what an account of Google's has and SCIM does not.
const Extension = "urn:usher:params:scim:schemas:extension:google:2.0:User"

const enterprise = scim.EnterpriseUserURN + ":"

// mark is the customType of the externalId that is ours.
const mark = "usher"

// places is the whole table.
func places() []place {
	at := func(path, field, sub string, which *which) place {
		return place{scim.MustPath(path), field, sub, which, false}
	}
	must := func(path, field, sub string) place { return place{scim.MustPath(path), field, sub, nil, true} }
	job := &which{kind: "work", primary: true}
	work, mobile := &which{kind: "work"}, &which{kind: "mobile"}
	home := func(part string) place { return at(`addresses[type eq "work"].`+part, "addresses", part, work) }
	return []place{
		must("userName", "primaryEmail", ""),
		must("name.givenName", "name", "givenName"), must("name.familyName", "name", "familyName"), at("displayName", "name", "displayName", nil),
		at("externalId", "externalIds", "value", &which{kind: "custom", custom: mark}),
		at(enterprise+"employeeNumber", "externalIds", "value", &which{kind: "organization"}),
		at("title", "organizations", "title", job), at(enterprise+"department", "organizations", "department", job),
		at(enterprise+"costCenter", "organizations", "costCenter", job), at(enterprise+"organization", "organizations", "name", job),
		at("userType", "organizations", "description", job),
		at(enterprise+"manager.value", "relations", "value", &which{kind: "manager"}),
		at(`phoneNumbers[type eq "work"].value`, "phones", "value", work), at(`phoneNumbers[type eq "mobile"].value`, "phones", "value", mobile),
		home("streetAddress"), home("locality"), home("region"), home("postalCode"), home("country"), home("formatted"),
		at(Extension+":orgUnitPath", "orgUnitPath", "", nil),
	}
}

// needed are the attributes without which there is no user.
func needed() (out []app.Paths) {
	for _, p := range places() {
		if p.needed {
			out = append(out, app.Paths{p.path})
		}
	}
	return out
}

// placeOf finds where an attribute goes.
func placeOf(all []place, path scim.Path) (place, error) {
	for _, p := range all {
		if p.path.Equal(path) {
			return p, nil
		}
	}
	why := "take it out of user; custom fields of an account cannot be mapped yet"
	switch strings.ToLower(path.Attr) {
	case "emails":
		why = "userName is the address; take emails out"
	case "phonenumbers":
		why = `write phoneNumbers[type eq "work"].value, or mobile`
	case "addresses":
		why = `write addresses[type eq "work"].locality, and so on`
	case "name":
		why = "write name.givenName, name.familyName and displayName"
	case "manager":
		why = "write enterprise.manager.value, the manager's address"
	case "password":
		why = "nobody's password is ours to know: each gets one that nobody knows"
	}
	return place{}, &app.NoPlaceError{Maker: maker, Path: path, Why: why}
}

// Check says whether a mapping can have these attributes, see [app.CheckPlaces]. Each goes
// into a place of its own.
func Check(paths []scim.Path) (errs []error, lacking []string) {
	all := places()
	return app.CheckPlaces(maker, paths, needed(), func(path scim.Path) (string, error) {
		p, err := placeOf(all, path)
		return p.path.String(), err
	})
}

// entry is one of a list of a user.
type entry map[string]jsontext.Value

// text is a text of it, "" if it is none.
func (e entry) text(name string) string { return textOf(e[name]) }

func textOf(v jsontext.Value) string {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// entries reads a list, nil if there is none.
func entries(v jsontext.Value) ([]entry, error) {
	var list []entry
	if len(v) > 0 && json.Unmarshal(v, &list) != nil {
		return nil, errors.New("it is no list of objects")
	}
	return list, nil
}

// find is the index of the entry, -1 if there is none.
func (w *which) find(list []entry) int {
	for i, e := range list {
		switch {
		case w.primary:
			if string(e["primary"]) == "true" {
				return i
			}
		case e.text("type") == w.kind && e.text("customType") == w.custom:
			return i
		}
	}
	return -1
}

// read is the text at the place, "" if there is none.
func (p place) read(u *google.User) string {
	v := u.Fields[p.field]
	if p.which != nil {
		list, _ := entries(v) // what is no list has no entry of ours
		if i := p.which.find(list); i >= 0 {
			return list[i].text(p.sub)
		}
		return ""
	}
	if p.sub == "" {
		return textOf(v)
	}
	var object entry
	if len(v) == 0 || json.Unmarshal(v, &object) != nil {
		return ""
	}
	return object.text(p.sub)
}

// edit is a text for a place; "" takes it away.
type edit struct {
	place place
	text  string
}

// newEdit makes an edit of a value.
func newEdit(p place, v scim.Value) (edit, error) {
	s, ok := v.AsString()
	switch {
	case !ok && !v.IsUnassigned():
		return edit{}, app.Refuse(app.Terminal, "%s is no text", p.path)
	case s == "" && p.needed:
		return edit{}, app.Refuse(app.Terminal, "%s is what Google makes nobody without", p.path)
	}
	return edit{p, strings.ToValidUTF8(s, "\uFFFD")}, nil
}

// held reports whether a user is as an edit wants it.
func (e edit) held(u *google.User) bool {
	is := e.place.read(u)
	if e.place.field == "primaryEmail" {
		return strings.EqualFold(is, e.text)
	}
	return is == e.text
}

// apply are the fields to be sent so that a user is as the edits want it, with what stands
// beside ours in each of them as it is.
func apply(u *google.User, edits []edit) (map[string]jsontext.Value, error) {
	out := map[string]jsontext.Value{}
	for _, e := range edits {
		p := e.place
		now, changed := out[p.field]
		if !changed {
			now = u.Fields[p.field]
		}
		var err error
		switch {
		case p.which != nil:
			now, err = p.inList(now, e.text)
		case p.sub != "":
			now, err = p.inObject(now, e.text)
		case e.text == "":
			now = jsontext.Value("null")
		default:
			now = google.Text(e.text)
		}
		if err != nil {
			return nil, app.Refuse(app.Terminal, "%s of the user cannot be read: %w", p.field, err)
		}
		out[p.field] = now
	}
	return out, nil
}

func (p place) inObject(v jsontext.Value, text string) (jsontext.Value, error) {
	object := entry{}
	if len(v) > 0 && json.Unmarshal(v, &object) != nil {
		return nil, errors.New("it is no object")
	}
	delete(object, "fullName") // which Google makes
	if object[p.sub] = google.Text(text); text == "" {
		object[p.sub] = jsontext.Value("null")
	}
	return marshal(object)
}

// inList changes our entry, makes it, or takes it out once it says nothing any more. The
// others are as they were.
func (p place) inList(v jsontext.Value, text string) (jsontext.Value, error) {
	if bytes.Equal(v, jsontext.Value("null")) {
		v = nil
	}
	list, err := entries(v)
	if err != nil {
		return nil, err
	}
	i := p.which.find(list)
	switch {
	case i < 0 && text == "":
	case i < 0:
		list = append(list, p.which.blank())
		i = len(list) - 1
		fallthrough
	default:
		e := maps.Clone(list[i])
		if e[p.sub] = google.Text(text); text == "" {
			delete(e, p.sub)
		}
		if list[i] = e; !e.says() {
			list = append(list[:i:i], list[i+1:]...)
		}
	}
	if len(list) == 0 {
		return jsontext.Value("null"), nil
	}
	return marshal(list)
}

func (w *which) blank() entry {
	e := entry{"type": google.Text(w.kind)}
	if w.custom != "" {
		e["customType"] = google.Text(w.custom)
	}
	if w.primary {
		e["primary"] = jsontext.Value("true")
	}
	return e
}

// says reports whether an entry holds anything but which one it is.
func (e entry) says() bool {
	for name := range e {
		if name != "type" && name != "customType" && name != "primary" {
			return true
		}
	}
	return false
}

func marshal(v any) (jsontext.Value, error) {
	text, err := json.Marshal(v, json.Deterministic(true))
	return jsontext.Value(text), err
}
