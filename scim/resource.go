// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"time"
)

// Resource is a SCIM resource (RFC 7643 §3): an [Object] with accessors for the
// attributes that Usher asks for most. Attributes of an extension sit in a
// complex value named by the extension's URN (§3.3); [Resource.At],
// [Resource.Put] and [Resource.Remove] find them by [Path].
//
// A Resource is safe for concurrent reading, not for writing.
type Resource struct{ Object }

// NewResource returns a resource of the given schemas, without other attributes.
func NewResource(schemas ...string) *Resource {
	r := &Resource{Object{fields: make([]field, 0, 16)}}
	list := make([]Value, len(schemas))
	for i, urn := range schemas {
		list[i] = String(urn)
	}
	r.Set("schemas", List(list...))
	return r
}

// Clone returns a copy that shares nothing that can be written to.
func (r *Resource) Clone() *Resource {
	if r == nil {
		return nil
	}
	return &Resource{r.Object.Clone()}
}

// Schemas returns the URNs in the schemas attribute (RFC 7643 §3).
func (r *Resource) Schemas() []string {
	v, _ := r.Get("schemas")
	if s, ok := v.AsString(); ok {
		return []string{s}
	}
	list, _ := v.AsList()
	out := make([]string, 0, len(list))
	for _, e := range list {
		if s, ok := e.AsString(); ok {
			out = append(out, s)
		}
	}
	return out
}

// HasSchema tells whether the schemas attribute names the URN.
func (r *Resource) HasSchema(urn string) bool {
	v, _ := r.Get("schemas")
	list, _ := v.AsList()
	for _, e := range list {
		if s, ok := e.AsString(); ok && sameName(s, urn) {
			return true
		}
	}
	s, ok := v.AsString()
	return ok && sameName(s, urn)
}

// AddSchema adds the URN to the schemas attribute, unless it is there.
func (r *Resource) AddSchema(urn string) {
	if r.HasSchema(urn) {
		return
	}
	old := r.Schemas()
	list := make([]Value, 0, len(old)+1)
	for _, s := range old {
		list = append(list, String(s))
	}
	r.Set("schemas", List(append(list, String(urn))...))
}

func (r *Resource) dropSchema(urn string) {
	var list []Value
	for _, s := range r.Schemas() {
		if !sameName(s, urn) {
			list = append(list, String(s))
		}
	}
	r.Set("schemas", List(list...))
}

// ID returns the identifier that the service provider gave (RFC 7643 §3.1).
func (r *Resource) ID() string { return r.text("id") }

// SetID sets the identifier; "" removes it.
func (r *Resource) SetID(id string) { r.setText("id", id) }

// ExternalID returns the identifier that the client gave (RFC 7643 §3.1).
func (r *Resource) ExternalID() string { return r.text("externalId") }

// SetExternalID sets the client's identifier; "" removes it.
func (r *Resource) SetExternalID(id string) { r.setText("externalId", id) }

// Members returns the ids of a Group's members, in their order (RFC 7643 §4.2).
func (r *Resource) Members() []string {
	v, _ := r.Get("members")
	list, ok := v.AsList()
	if !ok && !v.IsUnassigned() {
		list = []Value{v}
	}
	ids := make([]string, 0, len(list))
	for _, m := range list {
		if id, ok := subValue(m, "value").AsString(); ok && id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// UserName returns a User's userName (RFC 7643 §4.1.1).
func (r *Resource) UserName() string { return r.text("userName") }

// DisplayName returns the displayName of a User or a Group.
func (r *Resource) DisplayName() string { return r.text("displayName") }

// Active returns a User's active flag; ok is false if it is not assigned or not a
// boolean (RFC 7643 §4.1.1).
func (r *Resource) Active() (active, ok bool) {
	v, _ := r.Get("active")
	return v.AsBool()
}

// SetActive sets a User's active flag.
func (r *Resource) SetActive(active bool) { r.Set("active", Bool(active)) }

// SetMeta sets what a service provider's store knows of the resource (RFC 7643
// §3.1): when it was made and last changed, and the entity tag of its state with
// its quotes, "" for none.
func (r *Resource) SetMeta(created, lastModified time.Time, version string) {
	var meta Object
	meta.Set("created", DateTime(created))
	meta.Set("lastModified", DateTime(lastModified))
	if version != "" {
		meta.Set("version", String(version))
	}
	r.Set("meta", Complex(meta))
}

// Version returns meta.version, the entity tag with its quotes (RFC 7644 §3.14).
func (r *Resource) Version() string { return r.meta("version") }

// Location returns meta.location, the resource's URI (RFC 7643 §3.1).
func (r *Resource) Location() string { return r.meta("location") }

// ResourceType returns meta.resourceType (RFC 7643 §3.1).
func (r *Resource) ResourceType() string { return r.meta("resourceType") }

func (r *Resource) text(name string) string {
	v, _ := r.Get(name)
	s, _ := v.AsString()
	return s
}

func (r *Resource) setText(name, s string) {
	if s == "" {
		r.Delete(name)
		return
	}
	r.Set(name, String(s))
}

func (r *Resource) meta(name string) string {
	v, _ := r.Get("meta")
	o, _ := v.AsComplex()
	v, _ = o.Get(name)
	s, _ := v.AsString()
	return s
}

const coreSchemas = "urn:ietf:params:scim:schemas:core:"

func isCore(urn string) bool {
	return len(urn) > len(coreSchemas) && sameName(urn[:len(coreSchemas)], coreSchemas)
}

// isBase tells whether attributes of the URN sit at the top of r rather than in
// a container. Core schemas do. A resource type of somebody else's is recognised
// by being named first, as is the custom, unless its URN says extension.
func (r *Resource) isBase(urn string) bool {
	if urn == "" || isCore(urn) {
		return true
	}
	if r.index(urn) >= 0 || strings.Contains(urn, ":extension:") {
		return false
	}
	v, _ := r.Get("schemas")
	list, _ := v.AsList()
	if len(list) == 0 {
		return false
	}
	first, _ := list[0].AsString()
	return sameName(first, urn)
}
