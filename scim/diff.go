// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"strings"
)

// Change is one difference between two resources. Null means unassigned. Compare
// values with [Value.Equal].
type Change struct {
	Path          Path
	Before, After Value

	// NewElement says that no element matched the filter of Path before: to set
	// a sub-attribute means to add an element (RFC 7644 §3.5.2.3 answers a replace
	// with noTarget).
	NewElement bool

	// Lost names what Before has of a complex attribute, or of an extension, and
	// After has not: a replace leaves it where it is (RFC 7644 §3.5.2.3).
	Lost []Path
}

// Diff compares two resources at the named paths, and nowhere else, and returns
// what differs in the order of the paths. Values are compared as
// [Attribute.Same] says. A nil resource has no attributes.
func Diff(set *SchemaSet, resourceSchema string, paths []Path, before, after *Resource) []Change {
	var out []Change
	for i := range paths {
		p := &paths[i]
		b, _ := before.at(p)
		a, _ := after.at(p)
		if b.Equal(a) {
			continue
		}
		attr := set.lookup(resourceSchema, *p)
		if attr == nil { // a whole extension, perhaps
			if x, ok := set.Lookup(resourceSchema, *p); ok {
				attr = &x
			}
		}
		if same(attr, b, a) {
			continue
		}
		if out == nil && (before == nil || before.Len() == 0) {
			out = make([]Change, 0, len(paths)-i)
		}
		c := Change{Path: *p, Before: b, After: a}
		if b.IsUnassigned() {
			c.Before = Value{}
			c.NewElement = p.Filter != nil && !before.hasElement(*p)
		}
		switch {
		case a.IsUnassigned():
			c.After = Value{}
		case p.Filter == nil && p.Sub == "":
			c.Lost = lost(nil, *p, attr, b, a)
		}
		out = append(out, c)
	}
	return out
}

// lost appends the paths of what before has and after has not, as far as a client
// may take it away.
func lost(paths []Path, p Path, a *Attribute, before, after Value) []Path {
	b, ok := before.AsComplex()
	c, both := after.AsComplex()
	if !ok || !both {
		return paths
	}
	for name, v := range b.All() {
		sub, at := a.sub(name), p
		if p.Attr == "" {
			at.Attr = name
		} else {
			at.Sub = name
		}
		switch w, _ := c.Get(name); {
		case v.IsUnassigned() || weightOf(a, sub, name) != counts:
		case w.IsUnassigned():
			paths = append(paths, at)
		case at.Sub == "":
			paths = lost(paths, at, sub, v, w)
		}
	}
	return paths
}

func (r *Resource) hasElement(p Path) bool {
	p.Sub = ""
	_, ok := r.At(p)
	return ok
}

// ToPatch turns changes into PATCH operations. What has a new value is replaced,
// what has none is removed, also within a complex attribute; changes of an element that is not there yet become
// one "add" of the element to its attribute, as a "replace" would find no target.
//
// Operations are ordered by path. Of one and the same element removals come last,
// since a service provider may drop an element that a removal leaves bare, and
// would find it no more.
func ToPatch(changes []Change) Patch {
	type item struct {
		key string
		op  PatchOp
	}
	items := make([]item, 0, len(changes))
	made := map[string]int{} // new elements by attribute and filter
	for _, c := range changes {
		p := c.Path
		key := orderKey(p, c.After.IsUnassigned())
		switch {
		case c.After.IsUnassigned():
			items = append(items, item{key, PatchOp{Op: OpRemove, Path: &p}})
			continue
		case !c.NewElement:
			items = append(items, item{key, PatchOp{Op: OpReplace, Path: &p, Value: c.After}})
			for _, gone := range c.Lost {
				items = append(items, item{orderKey(gone, true), PatchOp{Op: OpRemove, Path: &gone}})
			}
			continue
		}
		element, ok := elementOf(p.Filter)
		if !ok {
			items = append(items, item{key, PatchOp{Op: OpAdd, Path: &p, Value: c.After}})
			continue
		}
		at := Path{URN: p.URN, Attr: p.Attr, Filter: p.Filter}
		i, ok := made[at.String()]
		if !ok {
			i = len(items)
			made[at.String()] = i
			items = append(items, item{orderKey(at, false), PatchOp{Op: OpAdd, Path: &Path{URN: p.URN, Attr: p.Attr}}})
		} else if list, _ := items[i].op.Value.AsList(); len(list) > 0 {
			element = list[0]
		}
		if e, err := putElement(element, p, c.After); err == nil {
			element = e
		}
		items[i].op.Value = List(element)
	}
	slices.SortStableFunc(items, func(a, b item) int { return strings.Compare(a.key, b.key) })
	out := make(Patch, len(items))
	for i := range items {
		out[i] = items[i].op
	}
	return out
}

// orderKey sorts by element, then removals last, then by path.
func orderKey(p Path, removal bool) string {
	if p.Filter == nil {
		return p.String()
	}
	rank := "\x01"
	if removal {
		rank = "\x02"
	}
	element := Path{URN: p.URN, Attr: p.Attr, Filter: p.Filter}
	return element.String() + rank + p.Sub
}
