// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/url"
	"strings"

	"github.com/usher-id/usher/scim"
)

func pathEscape(id string) string { return url.PathEscape(id) }

// object is a complex value of names and values in turn.
func object(parts ...any) scim.Object {
	var o scim.Object
	for i := 0; i+1 < len(parts); i += 2 {
		name, _ := parts[i].(string)
		switch v := parts[i+1].(type) {
		case string:
			o.Set(name, scim.String(v))
		case bool:
			o.Set(name, scim.Bool(v))
		case scim.Value:
			o.Set(name, v)
		}
	}
	return o
}

// values is a multi-valued attribute of complex values.
func values(list ...scim.Object) scim.Value {
	out := make([]scim.Value, len(list))
	for i, o := range list {
		out[i] = scim.Complex(o)
	}
	return scim.List(out...)
}

// enterprise names an attribute of the Enterprise extension (RFC 7643 §4.3).
func enterprise(name string) string { return scim.EnterpriseUserURN + ":" + name }

// put sets a value at a path; a path of an extension adds its schema.
func put(r *scim.Resource, path string, v scim.Value) {
	at := scim.MustPath(path)
	if at.URN != "" {
		r.AddSchema(at.URN)
	}
	_ = r.Put(at, v) // the paths are of this package, and fit what it builds
}

// text is a string at a path.
func text(r *scim.Resource, path string) string {
	v, _ := r.At(scim.MustPath(path))
	s, _ := v.AsString()
	return s
}

func has(r *scim.Resource, path string) bool {
	v, ok := r.At(scim.MustPath(path))
	return ok && !v.IsUnassigned()
}

// part is an attribute with the value that a canary has, and another one for changes.
type part struct {
	path         string
	value, other scim.Value
}

func textPart(path, value, other string) part {
	return part{path, scim.String(value), scim.String(other)}
}

// modest is what nearly every app has, and wants, of a user.
func modest(name, address string) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.Set("userName", scim.String(name))
	local, _, _ := strings.Cut(strings.ToLower(name), "@")
	r.SetExternalID(local)
	r.SetActive(true)
	put(r, "displayName", scim.String("Usher Probe"))
	put(r, "name.givenName", scim.String("Usher"))
	put(r, "name.familyName", scim.String("Probe"))
	put(r, "emails", emails(address))
	return r
}

func emails(address string) scim.Value {
	return values(object("value", address, "type", "work", "primary", true))
}

// wealth are further attributes of SCIM's core and of the Enterprise extension.
func (p *prober) wealth() []part {
	multi := func(path, value, other string) part {
		return part{path, values(object("value", value, "type", "work")), values(object("value", other, "type", "work"))}
	}
	return []part{
		textPart("name.formatted", "Usher Probe", "Usher P. Probe"),
		textPart("name.middleName", "P", "Q"),
		textPart("name.honorificPrefix", "Dr.", "Prof."),
		textPart("name.honorificSuffix", "III", "IV"),
		textPart("nickName", "canary", "robin"),
		textPart("profileUrl", "https://example.com/canary", "https://example.com/robin"),
		textPart("title", "Canary", "Robin"),
		textPart("userType", "Probe", "Test"),
		textPart("preferredLanguage", "en", "de"),
		textPart("locale", "en-US", "de-DE"),
		textPart("timezone", "Europe/Berlin", "Europe/Paris"),
		multi("phoneNumbers", "tel:+1-201-555-0123", "tel:+1-201-555-0124"),
		{
			"addresses", values(object("locality", "Berlin", "country", "DE", "type", "work")),
			values(object("locality", "Paris", "country", "FR", "type", "work")),
		},
		{"ims", values(object("value", "canary", "type", "xmpp")), values(object("value", "robin", "type", "xmpp"))},
		{
			"photos", values(object("value", "https://example.com/canary.png", "type", "photo")),
			values(object("value", "https://example.com/robin.png", "type", "photo")),
		},
		{"x509Certificates", values(object("value", "Y2FuYXJ5")), values(object("value", "cm9iaW4="))},
		{"entitlements", values(object("value", "usher-probe")), values(object("value", "usher-probe-2"))},
		{"roles", values(object("value", "usher-probe")), values(object("value", "usher-probe-2"))},
		textPart(enterprise("employeeNumber"), Prefix+p.code, Prefix+p.code+"-2"), // by which some apps match people
		textPart(enterprise("costCenter"), "4130", "4131"),
		textPart(enterprise("organization"), "Probe", "Test"),
		textPart(enterprise("division"), "Birds", "Fish"),
		textPart(enterprise("department"), "Canaries", "Robins"),
		{
			enterprise("manager"), scim.Complex(object("value", "usher-probe-nobody")), scim.Complex(object("value", "usher-probe-no-one")),
		},
	}
}

// plurals are the multi-valued ones of a user.
func plurals() []string {
	return []string{"emails", "phoneNumbers", "addresses", "ims", "photos", "roles", "entitlements", "x509Certificates"}
}

// oper is one operation of a PATCH; without path if that is "".
func oper(name, path string, v scim.Value) scim.Value {
	o := object("op", name)
	if path != "" {
		o.Set("path", scim.String(path))
	}
	if !v.IsNull() {
		o.Set("value", v)
	}
	return scim.Complex(o)
}

func op(name, path string, v scim.Value) []scim.Value { return []scim.Value{oper(name, path, v)} }
