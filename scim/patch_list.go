// SPDX-License-Identifier: Apache-2.0

package scim

// editor is the working copy of a multi-valued attribute while a PATCH request
// adds to it and removes from it. Many operations on one big group thereby cost a
// copy and an index once, not each (a PATCH that removes 1,000 of 100,000 members
// has 1,000 operations).
type editor struct {
	path    Path
	attr    *Attribute
	value   *Attribute // its sub-attribute "value"; nil for none
	exact   bool       // letter case of what elements are found by counts
	list    []Value    // removed elements are null
	gone    int
	changed bool

	keys    map[string][]int32 // positions by key; nil while scanning is cheaper
	lookups int
}

const (
	scansBeforeIndex = 8
	longestChain     = 64 // elements of one value that are told apart; beyond, hostile
)

// edit returns the editor of the attribute that p names.
func (t *patching) edit(p Path, a *Attribute) *editor {
	for _, e := range t.editors {
		if sameName(e.path.URN, p.URN) && sameName(e.path.Attr, p.Attr) {
			return e
		}
	}
	p.Filter, p.Sub = nil, ""
	e := newEditor(p, a)
	v, _ := t.r.attribute(&p)
	if have, ok := v.AsList(); ok {
		e.list = append(make([]Value, 0, len(have)+1), have...)
	} else if !v.IsUnassigned() {
		e.list = []Value{v}
	}
	t.editors = append(t.editors, e)
	return e
}

func newEditor(p Path, a *Attribute) *editor {
	e := &editor{path: p, attr: a, value: a.sub("value")}
	keyed := a
	if a.Type == TypeComplex {
		keyed = e.value
	}
	e.exact = isExact(keyed, "value")
	return e
}

// settle writes back what an operation on p would not see otherwise.
func (t *patching) settle(p Path) error {
	for i := 0; i < len(t.editors); i++ {
		e := t.editors[i]
		if !sameName(e.path.URN, p.URN) || p.Attr != "" && !sameName(e.path.Attr, p.Attr) {
			continue
		}
		if err := t.flush(e); err != nil {
			return err
		}
		t.editors = append(t.editors[:i], t.editors[i+1:]...)
		i--
	}
	return nil
}

func (t *patching) flush(e *editor) error {
	if !e.changed {
		return nil
	}
	left := e.list
	if e.gone > 0 {
		left = make([]Value, 0, len(e.list)-e.gone)
		for _, v := range e.list {
			if !v.IsNull() {
				left = append(left, v)
			}
		}
	}
	return t.r.put(e.path, List(left...), e.attr)
}

// key is what an element is found by: its value, folded where letter case does
// not count. Elements of one key may still differ.
func (e *editor) key(v Value) string {
	if v.kind == KindComplex {
		fields := v.fields()
		i := Object{fields: fields}.index("value")
		if i < 0 {
			return ""
		}
		v = fields[i].value
	}
	if v.kind != KindString || e.exact {
		return v.str // "" if it is none
	}
	return Fold(v.str)
}

// positions returns where elements of the key are, in order. Positions of removed
// elements may be among them.
func (e *editor) positions(key string) []int32 {
	if e.lookups++; e.keys == nil && e.lookups <= scansBeforeIndex {
		var at []int32
		for i, v := range e.list {
			if !v.IsNull() && e.key(v) == key {
				at = append(at, int32(i))
			}
		}
		return at
	}
	if e.keys == nil {
		e.keys = make(map[string][]int32, len(e.list))
		for i, v := range e.list {
			if !v.IsNull() {
				k := e.key(v)
				e.keys[k] = append(e.keys[k], int32(i))
			}
		}
	}
	return e.keys[key]
}

// add appends the elements that are not there yet.
func (e *editor) add(t *patching, list []Value) error {
	primary := -1
	for _, v := range list {
		key := e.key(v)
		at := e.positions(key)
		if key == "" { // nothing to find them by
			if err := t.pay(len(at)); err != nil {
				return err
			}
		} else if len(at) > longestChain {
			at = at[len(at)-longestChain:]
		}
		there := false
		for _, i := range at {
			if there = sameOne(e.attr, v, e.list[i]); there {
				break
			}
		}
		if there {
			continue
		}
		if isPrimary(v) {
			if primary >= 0 {
				return badValue(e.path.String() + " has one primary value at most")
			}
			primary = len(e.list)
		}
		if e.keys != nil {
			e.keys[key] = append(e.keys[key], int32(len(e.list)))
		}
		e.list = append(e.list, v)
		e.changed = true
	}
	if primary < 0 || e.attr.sub("primary") == nil {
		return nil
	}
	for i, v := range e.list {
		if i != primary && isPrimary(v) {
			e.list[i] = notPrimary(v)
		}
	}
	return t.pay(len(e.list))
}

// drop removes the elements at the positions for which gone says so.
func (e *editor) drop(at []int32, gone func(Value) bool) {
	for _, i := range at {
		if v := e.list[i]; !v.IsNull() && gone(v) {
			e.list[i] = Value{}
			e.gone++
			e.changed = true
		}
	}
}

// empty tells whether no element is left.
func (e *editor) empty() bool { return e.gone == len(e.list) }

// replaceAll gives the attribute these elements and no others.
func (t *patching) replaceAll(p Path, a *Attribute, v Value) error {
	if err := t.settle(p); err != nil {
		return err
	}
	if a.Mutability == Immutable {
		if old, ok := t.r.At(p); ok && !same(a, old, v) {
			return breach(p, "is immutable and has a value")
		}
	}
	e := newEditor(p, a)
	e.changed = true
	if err := e.add(t, v.list()); err != nil {
		return err
	}
	return t.flush(e)
}

func (t *patching) remove(p Path, a, target *Attribute, v Value) error {
	several := a.MultiValued && p.Sub == "" && p.Filter == nil
	switch {
	case v.IsNull(), !a.MultiValued && v.IsUnassigned():
	case !t.rules.RemoveWithValueArray:
		// Read literally, this would remove every value; whoever sends it means some.
		return badValue("remove takes no value; name elements by a filter in the path")
	case several:
		note(t.rules.Noted, RuleRemoveWithValueArray)
		return t.removeValues(p, a, v)
	case a.MultiValued && p.Filter == nil:
		return badValue("remove with a value wants a multi-valued attribute, or one value that the path names")
	default:
		note(t.rules.Noted, RuleRemoveWithValueArray)
	}
	if key, ok := oneValue(p, a); ok {
		e := t.edit(p, a)
		e.drop(e.positions(key), func(Value) bool { return true })
		return e.stillThere(p)
	}
	if err := t.settle(p); err != nil {
		return err
	}
	before, _ := t.r.attribute(&Path{URN: p.URN, Attr: p.Attr})
	if err := t.charge(before, p.Filter); err != nil {
		return err
	}
	switch {
	case target.Required && p.Filter == nil:
		return breach(p, "is required")
	case target.Mutability == Immutable, target.Required && p.Sub != "":
		if _, ok := t.at(p, a); ok {
			return breach(p, "is required or immutable")
		}
		return nil
	}
	t.r.remove(p, a)
	if after, _ := t.r.attribute(&Path{URN: p.URN, Attr: p.Attr}); a.Required && after.IsUnassigned() && !before.IsUnassigned() {
		return breach(p, "leaves nothing of a required attribute")
	}
	return nil
}

// oneValue recognises `[value eq "x"]`, of which the editor knows the positions.
func oneValue(p Path, a *Attribute) (key string, ok bool) {
	c, ok := p.Filter.(*Compare)
	if !ok || p.Sub != "" || !a.MultiValued || a.Mutability == Immutable || c.Op != OpEq || !sameName(c.Path.Attr, "value") {
		return "", false
	}
	s, _ := c.Value.AsString()
	e := newEditor(p, a)
	if s == "" || a.Type == TypeComplex && (e.value == nil || e.value.Type == TypeDateTime) {
		return "", false
	}
	return e.key(c.Value), true
}

// removeValues removes the elements that the value names.
func (t *patching) removeValues(p Path, a *Attribute, v Value) error {
	v, err := t.coerce(p, a, v)
	if err != nil {
		return err
	}
	if a.Mutability == Immutable {
		return breach(p, "is immutable")
	}
	e := t.edit(p, a)
	for _, w := range v.list() {
		key := e.key(w)
		at := e.positions(key)
		switch {
		case !e.saysWhich(w):
			return badValue("remove wants elements that say what they are; this one has no value")
		case key == "": // every element may be meant
			at = make([]int32, len(e.list))
			for i := range at {
				at[i] = int32(i)
			}
			if err := t.pay(len(at)); err != nil {
				return err
			}
		}
		e.drop(at, func(have Value) bool { return covers(a, w, have) })
	}
	return e.stillThere(p)
}

func (e *editor) stillThere(p Path) error {
	if e.attr.Required && e.changed && e.empty() {
		return breach(p, "leaves nothing of a required attribute")
	}
	return nil
}

// saysWhich tells whether an element of a removal says which elements are meant. With
// less than the value, `[{"type":"User"}]` would empty a group.
func (e *editor) saysWhich(v Value) bool {
	o, ok := v.AsComplex()
	if !ok || e.value != nil {
		return !subValue(v, "value").IsUnassigned()
	}
	for name, w := range o.All() {
		if weightOf(e.attr, e.attr.sub(name), name) == counts && w.Kind() != KindBool && !w.IsUnassigned() {
			return true
		}
	}
	return false
}

// covers tells whether an element is what named says: each sub-attribute that
// named states is the same. What a service provider fills in by itself need only
// agree where both state it; primary does not tell elements apart.
func covers(a *Attribute, named, have Value) bool {
	o, ok := named.AsComplex()
	if !ok {
		return sameText(a, named, have)
	}
	h, ok := have.AsComplex()
	if !ok {
		return false
	}
	for name, v := range o.All() {
		w, _ := h.Get(name)
		sub := a.sub(name)
		switch {
		case v.IsUnassigned(), sameName(name, "primary"):
			continue
		case weightOf(a, sub, name) != counts && w.IsUnassigned():
			continue
		}
		if !sameText(sub, v, w) {
			return false
		}
	}
	return true
}

// sameText is same, but letter case counts only where the schema says so.
func sameText(a *Attribute, v, w Value) bool {
	s, ok := v.AsString()
	t, both := w.AsString()
	if ok && both && !isExact(a, "") && alike(s, t) {
		return true
	}
	return same(a, v, w)
}

func isPrimary(v Value) bool {
	o, ok := v.AsComplex()
	if !ok {
		return false
	}
	p, _ := o.Get("primary")
	b, _ := p.AsBool()
	return b
}

func notPrimary(v Value) Value {
	o, _ := v.AsComplex()
	o.Set("primary", Bool(false))
	return Complex(o)
}

// onePrimary clears every primary but the one that the operation made (RFC 7644
// §3.5.2). Elements keep their places in an operation.
func (t *patching) onePrimary(p Path, a *Attribute, before Value) error {
	if !a.MultiValued || a.sub("primary") == nil {
		return nil
	}
	after, _ := t.r.attribute(&Path{URN: p.URN, Attr: p.Attr})
	list, old := after.list(), before.list()
	newest := -1
	for i, e := range list {
		switch {
		case !isPrimary(e) || i < len(old) && isPrimary(old[i]):
		case newest >= 0:
			return badValue(p.String() + " has one primary value at most")
		default:
			newest = i
		}
	}
	if newest < 0 {
		return nil
	}
	out := make([]Value, len(list))
	for i, e := range list {
		if out[i] = e; i != newest && isPrimary(e) {
			out[i] = notPrimary(e)
		}
	}
	return t.r.put(Path{URN: p.URN, Attr: p.Attr}, List(out...), a)
}
