// SPDX-License-Identifier: Apache-2.0

package events

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

// Kind is what a token tells of.
type Kind string

// The kinds that a configuration can name.
const (
	Create     Kind = "create"
	Patch      Kind = "patch"
	Put        Kind = "put"
	Delete     Kind = "delete"
	Activate   Kind = "activate"
	Deactivate Kind = "deactivate"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Create, Patch, Put, Delete, Activate, Deactivate} }

// uris are a kind's events: the notice, or the only one, and the one with data.
func (k Kind) uris() (notice, full string) {
	switch k {
	case Create:
		return scimevent.CreateNotice, scimevent.CreateFull
	case Patch:
		return scimevent.PatchNotice, scimevent.PatchFull
	case Put:
		return scimevent.PutNotice, scimevent.PutFull
	case Delete:
		return scimevent.Delete, ""
	case Activate:
		return scimevent.Activate, ""
	case Deactivate:
		return scimevent.Deactivate, ""
	}
	return "", ""
}

// Feed is what of a source's changes is told, and to whom. All but Kinds and Full is
// required.
type Feed struct {
	Source     string
	Issuer     string
	Audience   string
	Deliveries []Delivery
	Kinds      []Kind // nil for all
	Full       bool   // with data where it is small; notices otherwise
}

func (f *Feed) wants(k Kind) bool { return f.Kinds == nil || slices.Contains(f.Kinds, k) }

// URIs are the events that the feed gives.
func (f *Feed) URIs() []string {
	var out []string
	for _, k := range Kinds() {
		if !f.wants(k) {
			continue
		}
		notice, full := k.uris()
		out = append(out, notice)
		if f.Full && full != "" {
			out = append(out, full)
		}
	}
	return append(out, scimevent.AsyncResponse)
}

// Change is what has become of one resource.
type Change struct {
	Kind    Kind // Create, Patch, Put or Delete
	ID      string
	Subject scimevent.Subject
	Version string
	// Before and After are the resource as its client is shown it; nil where there was
	// none. If only members have changed they may be nil both.
	Before, After  *scim.Resource
	Added, Removed []Member // members of a group
	// Beside names attributes that are told one by one, or by somebody else: they are
	// not compared.
	Beside []string
	// Big says that After has not all that belongs to it: no data is told.
	Big    bool
	Active Kind // Activate or Deactivate, if it has become that
}

// Member is somebody in a group, as the client is shown them.
type Member struct {
	ID    string
	Value scim.Value
}

// mostData is how much data a token carries at most; what has more is told by a notice.
const mostData = 64 << 10

// Tokens are what is to be queued of a change; none if nothing of it is wanted, or
// nothing that is shown has changed.
func (f *Feed) Tokens(now time.Time, txn string, c Change) ([]Queued, error) {
	var list []scimevent.Event
	if f.wants(c.Kind) {
		if e, ok := f.event(c); ok {
			list = append(list, e)
		}
	}
	if c.Active != "" && f.wants(c.Active) {
		uri, _ := c.Active.uris()
		list = append(list, scimevent.Event{URI: uri})
	}
	return f.issue(now, txn, c, list)
}

// Erased is what is to be queued of a resource of somebody who is forgotten: that it is
// gone, or, if that is not wanted, not active, and nothing of what it was.
func (f *Feed) Erased(now time.Time, txn, uri, id string) ([]Queued, error) {
	c := Change{Kind: Delete, ID: id, Subject: scimevent.Subject{URI: uri, ID: id}}
	if !f.wants(Delete) {
		c.Active = Deactivate
	}
	return f.Tokens(now, txn, c)
}

// Answer is the token that a request is answered with which would not wait (RFC 9967
// §2.5.1.3).
func (f *Feed) Answer(now time.Time, txn, method string, status int, c Change) ([]Queued, error) {
	return f.issue(now, txn, c, []scimevent.Event{{
		URI: scimevent.AsyncResponse, Method: method, Status: status, Version: c.Version,
	}})
}

// issue makes one token for each recipient.
func (f *Feed) issue(now time.Time, txn string, c Change, list []scimevent.Event) ([]Queued, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var out []Queued
	for _, d := range f.Deliveries {
		t := scimevent.Token{
			Issuer: f.Issuer, Audience: []string{f.Audience}, ID: strings.ToLower(rand.Text()), IssuedAt: now, Txn: txn, Subject: c.Subject, Events: list,
		}
		claims, err := t.MarshalJSON()
		if err != nil {
			return nil, err
		}
		out = append(out, Queued{Stream: Stream{f.Source, d}, ID: t.ID, Resource: c.ID, At: now, Claims: claims})
	}
	return out, nil
}

// event tells of a change; ok is false if there is nothing to tell.
func (f *Feed) event(c Change) (e scimevent.Event, ok bool) {
	notice, full := c.Kind.uris()
	if c.Kind == Delete {
		return scimevent.Event{URI: notice}, true
	}
	edits := editsOf(c.Before, c.After, c.Beside)
	members := len(c.Added)+len(c.Removed) > 0
	if c.Kind != Create && len(edits) == 0 && !members {
		return e, false
	}
	e = scimevent.Event{URI: notice, Version: c.Version}
	if f.Full && !c.Big {
		if data := dataOf(c, edits); len(data.AppendJSON(nil)) <= mostData {
			e.URI, e.Data = full, data
			return e, true
		}
	}
	e.Attributes = []string{}
	if c.Kind == Create {
		e.Attributes = append(e.Attributes, "id")
	}
	for _, edit := range edits {
		e.Attributes = append(e.Attributes, edit.path)
	}
	if members {
		e.Attributes = append(e.Attributes, "members")
	}
	return e, true
}

// dataOf is the resource as it is now, or the PATCH that made it so (RFC 9967 §2.2).
func dataOf(c Change, edits []edit) scim.Object {
	if c.Kind == Patch {
		return patchOf(c, edits)
	}
	data := c.After.Clone().Object
	if v, ok := data.Get("members"); ok && slices.Contains(c.Beside, "members") {
		list, _ := v.AsList()
		plain := make([]scim.Value, len(list))
		for i, m := range list {
			plain[i] = unnamed(m)
		}
		data.Set("members", scim.List(plain...))
	}
	return data
}

func patchOf(c Change, edits []edit) scim.Object {
	var ops []scim.Value
	add := func(op, path string, v scim.Value) {
		var o scim.Object
		o.Set("op", scim.String(op))
		o.Set("path", scim.String(path))
		if !v.IsNull() {
			o.Set("value", v)
		}
		ops = append(ops, scim.Complex(o))
	}
	for _, e := range edits {
		add(e.op, e.path, e.value)
	}
	for _, m := range c.Removed {
		add("remove", "members[value eq "+scim.String(m.ID).String()+"]", scim.Null())
	}
	if len(c.Added) > 0 {
		values := make([]scim.Value, len(c.Added))
		for i, m := range c.Added {
			values[i] = unnamed(m.Value)
		}
		add("add", "members", scim.List(values...))
	}
	var o scim.Object
	o.Set("schemas", scim.List(scim.String(scim.PatchOpURN)))
	o.Set("Operations", scim.List(ops...))
	return o
}

// unnamed is a member without what they are called: who is erased must not stay in the
// tokens of groups.
func unnamed(v scim.Value) scim.Value {
	o, ok := v.AsComplex()
	if !ok {
		return v
	}
	o.Delete("display")
	return scim.Complex(o)
}

// edit is what has become of one attribute, or of one part of a complex one.
type edit struct {
	op    string // add, replace or remove
	path  string
	value scim.Value // null if it is gone
}

// editsOf compares two resources, either of which may be nil, but for what is the
// service provider's own and for some others.
func editsOf(before, after *scim.Resource, beside []string) []edit {
	var b, a scim.Object
	if before != nil {
		b = before.Object
	}
	if after != nil {
		a = after.Object
	}
	own := func(name string) bool {
		same := func(s string) bool { return strings.EqualFold(s, name) }
		return slices.ContainsFunc([]string{"schemas", "id", "meta"}, same) || slices.ContainsFunc(beside, same)
	}
	return compare(nil, "", b, a, own)
}

func compare(out []edit, prefix string, before, after scim.Object, skip func(string) bool) []edit {
	for name, is := range after.All() {
		if skip(name) {
			continue
		}
		was, had := before.Get(name)
		path := prefix + name
		b, bothOld := was.AsComplex()
		a, bothNew := is.AsComplex()
		extension := prefix == "" && strings.Contains(name, ":")
		switch {
		case was.Equal(is):
		case bothNew && extension:
			out = compare(out, path+":", b, a, never)
		case bothNew && bothOld:
			out = compare(out, path+".", b, a, never)
		case is.IsUnassigned() && !was.IsUnassigned():
			out = append(out, edit{"remove", path, scim.Null()})
		case had:
			out = append(out, edit{"replace", path, is})
		default:
			out = append(out, edit{"add", path, is})
		}
	}
	for name, was := range before.All() {
		if _, still := after.Get(name); still || skip(name) {
			continue
		}
		b, complex := was.AsComplex()
		if complex && prefix == "" && strings.Contains(name, ":") {
			out = compare(out, name+":", b, scim.Object{}, never)
			continue
		}
		out = append(out, edit{"remove", prefix + name, scim.Null()})
	}
	return out
}

func never(string) bool { return false }
