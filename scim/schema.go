// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"slices"
	"strings"
)

// The schema URNs of RFC 7643 and of Usher's own extension.
const (
	UserURN                  = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN                 = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseUserURN        = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	ServiceProviderConfigURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	ResourceTypeURN          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	SchemaURN                = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	UsherUserURN             = "urn:usher:params:scim:schemas:extension:lifecycle:2.0:User"
)

// The message URNs of RFC 7644.
const (
	ListResponseURN  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SearchRequestURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	PatchOpURN       = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	BulkRequestURN   = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN  = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	ErrorURN         = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// Type is the data type of an attribute (RFC 7643 §2.3, §7).
type Type string

// The attribute types.
const (
	TypeString    Type = "string"
	TypeBoolean   Type = "boolean"
	TypeDecimal   Type = "decimal"
	TypeInteger   Type = "integer"
	TypeDateTime  Type = "dateTime"
	TypeBinary    Type = "binary"
	TypeReference Type = "reference"
	TypeComplex   Type = "complex"
)

// Mutability says when an attribute may be written (RFC 7643 §7).
type Mutability string

// The mutabilities.
const (
	ReadOnly  Mutability = "readOnly"
	ReadWrite Mutability = "readWrite"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is in an answer (RFC 7643 §7).
type Returned string

// When an attribute is returned.
const (
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedDefault Returned = "default"
	ReturnedRequest Returned = "request"
)

// Uniqueness says where no two resources may share a value (RFC 7643 §7).
type Uniqueness string

// The scopes of uniqueness.
const (
	UniqueNone   Uniqueness = "none"
	UniqueServer Uniqueness = "server"
	UniqueGlobal Uniqueness = "global"
)

// Attribute is the definition of one attribute (RFC 7643 §7). The zero value of
// Type, Mutability, Returned and Uniqueness stands for the default of §2.2:
// string, readWrite, default and none.
type Attribute struct {
	Name            string
	Type            Type
	MultiValued     bool
	Description     string
	Required        bool
	CanonicalValues []string
	CaseExact       bool
	Mutability      Mutability
	Returned        Returned
	Uniqueness      Uniqueness
	ReferenceTypes  []string
	SubAttributes   []Attribute
}

// Schema is a schema definition (RFC 7643 §7).
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []Attribute
}

// Only returns the schema with the attributes of these names alone, for a service
// provider that has no others: "userName" for an attribute with all its parts,
// "name.familyName" for one of them. A name that the schema does not have is an
// error, and so is the lack of a required attribute.
func (s Schema) Only(names ...string) (Schema, error) {
	out := s
	out.Attributes = nil
	parts := map[string][]string{} // of an attribute; nil for all
	for _, n := range names {
		name, part, _ := strings.Cut(n, ".")
		a := findAttribute(s.Attributes, name)
		if a == nil || part != "" && a.sub(part) == nil {
			return s, fmt.Errorf("scim: schema %s has no attribute %s", s.ID, n)
		}
		if part != "" {
			parts[a.Name] = append(parts[a.Name], part)
		} else {
			parts[a.Name] = nil
		}
	}
	for _, a := range s.Attributes {
		kept, ok := parts[a.Name]
		switch {
		case !ok && a.Required && a.Mutability != ReadOnly:
			return s, fmt.Errorf("scim: schema %s requires %s", s.ID, a.Name)
		case !ok:
			continue
		case kept != nil:
			subs := a.SubAttributes
			a.SubAttributes = nil
			for _, sub := range subs {
				if slices.ContainsFunc(kept, func(n string) bool { return sameName(n, sub.Name) }) {
					a.SubAttributes = append(a.SubAttributes, sub)
				}
			}
		}
		out.Attributes = append(out.Attributes, a)
	}
	return out, nil
}

// SchemaExtension names an extension of a resource type (RFC 7643 §6).
type SchemaExtension struct {
	Schema   string
	Required bool
}

// ResourceType is the description of a resource type (RFC 7643 §6).
type ResourceType struct {
	ID               string
	Name             string
	Endpoint         string
	Description      string
	Schema           string
	SchemaExtensions []SchemaExtension
}

// sub returns the definition of a sub-attribute, or nil.
func (a *Attribute) sub(name string) *Attribute {
	if a == nil {
		return nil
	}
	return findAttribute(a.SubAttributes, name)
}
