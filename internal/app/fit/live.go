// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// live is what an app says of itself, as far as it can be compared. Schemas that
// SchemaSet would refuse are taken as they are: vendors' are seldom sound.
type live struct {
	discovery   app.Discovery
	user, group *scim.Schema // nil: not told
	userType    *scim.ResourceType
	groupType   *scim.ResourceType
	whole       bool // every schema was told: what is in none of them is not there
	typesWhole  bool
}

func liveOf(p app.Profile, d app.Discovery) live {
	l := live{discovery: d, whole: d.Parts[app.PartSchemas] == app.PartTold, typesWhole: d.Parts[app.PartTypes] == app.PartTold}
	l.userType, l.groupType = l.typeOf(p, app.KindUser), l.typeOf(p, app.KindGroup)
	l.user, l.group = l.base(l.userType, scim.UserURN), l.base(l.groupType, scim.GroupURN)
	return l
}

func (l live) typeOf(p app.Profile, k app.Kind) *scim.ResourceType {
	for i := range l.discovery.Types {
		t := &l.discovery.Types[i]
		if strings.EqualFold(t.Name, string(k)) || strings.EqualFold("/"+strings.Trim(t.Endpoint, "/"), p.Endpoint(k)) {
			return t
		}
	}
	return nil
}

// base is the schema of a type's own attributes.
func (l live) base(t *scim.ResourceType, urn string) *scim.Schema {
	if t != nil {
		if s := l.schema(t.Schema); s != nil {
			return s
		}
	}
	return l.schema(urn)
}

func (l live) schema(urn string) *scim.Schema {
	for i := range l.discovery.Schemas {
		if strings.EqualFold(l.discovery.Schemas[i].ID, urn) {
			return &l.discovery.Schemas[i]
		}
	}
	return nil
}

// of is the schema that a path of a user is in.
func (l live) of(p scim.Path) *scim.Schema {
	if p.URN == "" {
		return l.user
	}
	return l.schema(p.URN)
}

// extension is how the users' type names an extension, if it does.
func (l live) extension(urn string) *scim.SchemaExtension {
	if l.userType == nil {
		return nil
	}
	for i := range l.userType.SchemaExtensions {
		if strings.EqualFold(l.userType.SchemaExtensions[i].Schema, urn) {
			return &l.userType.SchemaExtensions[i]
		}
	}
	return nil
}

func attribute(list []scim.Attribute, name string) *scim.Attribute {
	for i := range list {
		if strings.EqualFold(list[i].Name, name) {
			return &list[i]
		}
	}
	return nil
}

// find is the definition of what a path of a user names, and of the attribute that
// it lies in. Without a path to a part both are the same.
func (l live) find(p scim.Path) (whole, part *scim.Attribute) {
	s := l.of(p)
	if s == nil {
		return nil, nil
	}
	whole = attribute(s.Attributes, p.Attr)
	if whole == nil || p.Sub == "" {
		return whole, whole
	}
	return whole, attribute(whole.SubAttributes, p.Sub)
}

// longest is how many characters a text may have, as the app's schema says; 0: it
// does not.
func (l live) longest(p scim.Path, sub string) int {
	s := l.of(p)
	if s == nil {
		return 0
	}
	whole := attribute(s.Attributes, p.Attr)
	if whole == nil {
		return 0
	}
	name := ""
	if sub != "" {
		part := attribute(whole.SubAttributes, sub)
		if part == nil {
			return 0
		}
		name = part.Name
	}
	return l.discovery.Lengths[app.LengthKey(s.ID, whole.Name, name)]
}

// common tells of the attributes that every resource has, and no schema need list
// (RFC 7643 §3.1).
func common(p scim.Path) bool {
	return p.URN == "" && (strings.EqualFold(p.Attr, "externalId") || strings.EqualFold(p.Attr, "id") || strings.EqualFold(p.Attr, "meta") || strings.EqualFold(p.Attr, "schemas"))
}

// sentKind is how a value looks on the wire.
type sentKind string

const (
	kindText    sentKind = "text"
	kindFlag    sentKind = "true or false"
	kindNumber  sentKind = "a number"
	kindComplex sentKind = "an object"
)

func kindOf(t scim.Type) sentKind {
	switch t {
	case scim.TypeBoolean:
		return kindFlag
	case scim.TypeInteger, scim.TypeDecimal:
		return kindNumber
	case scim.TypeComplex:
		return kindComplex
	}
	return kindText // what a server calls by a name of its own is text, if anything
}

// form is how a type is called, with "a list of" where it is one.
func form(a scim.Attribute) string {
	s := string(kindOf(a.Type))
	switch a.Type {
	case scim.TypeDateTime:
		s = "a date and time"
	case scim.TypeInteger:
		s = "a whole number"
	case scim.TypeBinary:
		s = "text in base64"
	}
	if a.MultiValued {
		return "a list of " + s
	}
	return s
}
