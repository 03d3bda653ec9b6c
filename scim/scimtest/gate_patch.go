// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// operation is one of a PATCH, as it is written.
type operation struct {
	whole   scim.Value
	op      string // as it is spelled
	path    string // "" for none
	targets []target
}

// target is what an operation is about; one without path is about several.
type target struct {
	op    string // in lower case
	path  scim.Path
	value scim.Value
}

func operationsOf(body *scim.Resource) []operation {
	v, _ := body.Get("Operations")
	list, _ := v.AsList()
	out := make([]operation, 0, len(list))
	for _, e := range list {
		o, _ := e.AsComplex()
		op, _ := o.Get("op")
		path, _ := o.Get("path")
		value, _ := o.Get("value")
		x := operation{whole: e}
		x.op, _ = op.AsString()
		x.path, _ = path.AsString()
		name := strings.ToLower(x.op)
		if x.path != "" {
			if p, err := scim.ParsePath(x.path); err == nil {
				x.targets = []target{{name, p, value}}
			}
			out = append(out, x)
			continue
		}
		parts, _ := value.AsComplex()
		for key, v := range parts.All() {
			if p, err := scim.ParsePath(key); err == nil {
				x.targets = append(x.targets, target{name, p, v})
			}
		}
		out = append(out, x)
	}
	return out
}

// ofMembers tells whether a target is a group's members, some of them or all.
func (t target) ofMembers(typ string) bool {
	return typ == "Group" && strings.EqualFold(t.path.Attr, "members")
}

// within tells whether a path is one of a list, or a part of one.
func within(urn string, list []string, p scim.Path) bool {
	name := nameIn(urn, p)
	return slices.ContainsFunc(list, func(n string) bool {
		rest, ok := cutFold(name, n)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == ':')
	})
}

// cutFold cuts a prefix off, in any letter case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// patch checks a PATCH against the app's dialect.
func (g *gate) patch(a *ask) *refused {
	d := &a.offer.Patch
	if len(a.ops) == 0 {
		return nil
	}
	switch {
	case d.OneOperation && len(a.ops) > 1:
		return against(RefusedPatch, "%d operations; one is taken at once", len(a.ops))
	case d.MaxOperations > 0 && len(a.ops) > d.MaxOperations:
		return against(RefusedPatch, "%d operations; %d are taken at once", len(a.ops), d.MaxOperations)
	}
	seen := map[string]int{}
	for _, o := range a.ops {
		if no := d.operation(o); no != nil {
			return no
		}
		for _, t := range o.targets {
			if no := d.target(a, t); no != nil {
				return no
			}
			if no := g.values(a, t.path, t.value); no != nil {
				return no
			}
			for _, name := range d.Once {
				if within(a.urn, []string{name}, t.path) {
					if seen[name]++; seen[name] > 1 {
						return against(RefusedPatch, "more than one operation on %s", name)
					}
				}
			}
		}
	}
	return d.members(a, g.membersNow(a))
}

// membersNow are who is in the group that a PATCH is about.
func (g *gate) membersNow(a *ask) []string {
	if a.typ != "Group" {
		return nil
	}
	old, err := g.memory.Get(a.Context(), a.typ, a.id)
	if err != nil {
		return nil // the handler says so
	}
	return membersOf(old)
}

// operation checks how one operation is written.
func (d *Dialect) operation(o operation) *refused {
	name := strings.ToLower(o.op)
	switch {
	case d.LowerCase && name != o.op:
		return against(RefusedPatch, "there is no operation %s; they are written in lower case", o.op)
	case len(d.Ops) > 0 && !slices.Contains(d.Ops, name):
		return against(RefusedPatch, "there is no operation %s", o.op)
	case o.path == "" && d.NoPathless:
		return against(RefusedPatch, "%s without a path", o.op)
	case o.path == "" && d.OnePathless && len(o.targets) > 1:
		return against(RefusedPatch, "%s without a path of %d attributes; one is taken", o.op, len(o.targets))
	}
	return nil
}

// target checks what one operation is about.
func (d *Dialect) target(a *ask, t target) *refused {
	if d.IgnoresID && strings.EqualFold(t.path.String(), "id") {
		return nil
	}
	if t.path.Filter != nil && !t.ofMembers(a.typ) {
		switch {
		case d.NoPathFilters:
			return against(RefusedPatch, "the path %s has a filter", t.path)
		case len(d.PathFilters) > 0 && !listed(d.PathFilters, t.path.Filter.String()):
			return against(RefusedPatch, "the path %s has another filter than %s", t.path, strings.Join(d.PathFilters, ", "))
		}
	}
	if t.path.Filter != nil && d.EqFilters {
		for _, c := range termsOf(t.path.Filter) {
			if c.Op != scim.OpEq {
				return against(RefusedPatch, "the path %s compares by %s", t.path, c.Op)
			}
		}
	}
	switch {
	case len(d.Paths) > 0 && !d.VoidOthers && !within(a.urn, d.Paths, t.path):
		return against(RefusedPatch, "%s cannot be changed by PATCH", t.path)
	case t.op == scim.OpRemove && within(a.urn, d.NoRemove, t.path):
		return against(RefusedPatch, "%s is not removed", t.path)
	case d.OnlyInactive && !turnsOff(t):
		return against(RefusedPatch, "the only change is active to false, not %s", t.path)
	}
	return nil
}

func turnsOff(t target) bool {
	active, isBool := t.value.AsBool()
	text, _ := t.value.AsString()
	return strings.EqualFold(t.path.Attr, "active") && t.op == scim.OpReplace && (isBool && !active || strings.EqualFold(text, "false"))
}

// members checks who comes and goes in a group that has these members.
func (d *Dialect) members(a *ask, had []string) *refused {
	adds, removes, changes, others := 0, 0, 0, 0
	for _, o := range a.ops {
		for _, t := range o.targets {
			if !t.ofMembers(a.typ) {
				others++
				continue
			}
			changes++
			list, _ := t.value.AsList()
			n := max(1, len(list))
			if t.path.Filter != nil {
				n = max(1, len(termsOf(t.path.Filter)))
			}
			whole := t.path.Filter == nil && (t.op == scim.OpReplace || t.op == scim.OpRemove && (!d.ByValues || len(list) == 0))
			switch {
			case whole && d.KeepsMembers:
				return against(RefusedMembers, "%s of all members at once", t.op)
			case whole && t.op == scim.OpRemove:
				removes += len(had)
			case whole:
				in, out := exchanged(had, list)
				adds, removes = adds+in, removes+out
			case t.op == scim.OpRemove:
				removes += n
			default:
				adds += n
			}
		}
	}
	switch {
	case changes == 0:
	case d.MembersAlone && others > 0:
		return against(RefusedMembers, "members change together with something else")
	case d.MembersOnce && changes > 1:
		return against(RefusedMembers, "members change in %d operations; one is taken", changes)
	case d.MaxChanges > 0 && adds+removes > d.MaxChanges:
		return against(RefusedMembers, "%d members change at once; %d may", adds+removes, d.MaxChanges)
	case d.MaxAdds > 0 && adds > d.MaxAdds:
		return against(RefusedMembers, "%d members are added at once; %d may be", adds, d.MaxAdds)
	case d.MaxRemoves > 0 && removes > d.MaxRemoves:
		return against(RefusedMembers, "%d members are removed at once; %d may be", removes, d.MaxRemoves)
	}
	return nil
}

// exchanged is how many come and how many go if a group gets a list of members; had
// is sorted.
func exchanged(had []string, list []scim.Value) (in, out int) {
	stay := 0
	for _, o := range objectsOf(scim.List(list...)) {
		v, _ := o.Get("value")
		id, _ := v.AsString()
		if _, there := slices.BinarySearch(had, id); there {
			stay++
			continue
		}
		in++
	}
	return in, max(0, len(had)-stay)
}

// void tells whether an operation's target is taken and changes nothing.
func (d *Dialect) void(a *ask, t target) bool {
	return d.VoidOthers && !within(a.urn, d.Paths, t.path) || d.VoidFilters && t.path.Filter != nil && !t.ofMembers(a.typ)
}

// effective are the operations without what changes nothing, and whether there was
// any such.
func (d *Dialect) effective(a *ask) (left []scim.Value, fewer bool) {
	for _, o := range a.ops {
		if len(o.targets) == 0 {
			left = append(left, o.whole)
			continue
		}
		var keep scim.Object
		n := 0
		for _, t := range o.targets {
			if d.void(a, t) {
				fewer = true
				continue
			}
			n++
			keep.Set(t.path.String(), t.value)
		}
		switch {
		case n == len(o.targets):
			left = append(left, o.whole)
		case n > 0:
			whole, _ := o.whole.Clone().AsComplex()
			whole.Set("value", scim.Complex(keep))
			left = append(left, scim.Complex(whole))
		}
	}
	return left, fewer
}
