// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// Rule maps one attribute.
type Rule struct {
	Path    scim.Path
	Program *Program
	Unique  string // "", config.UniqueOrganisation or config.UniqueApp
	Max     int    // characters of a unique name before its @; 0: DefaultMaxLocal
}

// Mapping turns an input into a resource. It is safe for concurrent use.
type Mapping struct {
	Schema string // of the resource
	Rules  []Rule // in the order of their paths
	env    *Env
	zone   int // the rule that makes a row's time zone; -1 if none does
	digest [sha256.Size]byte
}

// CompileMapping checks paths and expressions of a mapping into resources of a
// schema. The error is a config.Errors with all mistakes, in the file's order.
func (e *Env) CompileMapping(resourceSchema string, attrs []config.Attribute) (*Mapping, error) {
	m := &Mapping{Schema: resourceSchema, env: e}
	var errs config.Errors
	var taken []takenPath
	for _, a := range attrs {
		target, err := e.target(resourceSchema, a)
		if err == nil {
			err = overlap(taken, target.path, a.Path)
		}
		if err != nil {
			errs = append(errs, err)
			// Without a target the type is open, but the rest can be checked.
			if target.path.Attr == "" {
				continue
			}
		} else {
			taken = append(taken, takenPath{target.path, a.Path})
		}
		p, cerr := e.Compile(a.Value, WantAttribute(target.attr))
		if cerr != nil {
			errs = append(errs, asErrors(cerr, a.Value.Pos)...)
			continue
		}
		m.Rules = append(m.Rules, Rule{Path: target.path, Program: p, Unique: a.Unique, Max: a.Max})
	}
	if len(errs) > 0 {
		errs.Sort()
		return nil, errs
	}
	slices.SortStableFunc(m.Rules, func(a, b Rule) int { return cmp.Compare(a.Path.String(), b.Path.String()) })
	m.zone = slices.IndexFunc(m.Rules, func(r Rule) bool { return e.kind == "row" && r.Path.String() == timeZone.String() })
	m.digest = m.sum()
	return m, nil
}

func asErrors(err error, pos config.Position) config.Errors {
	var es config.Errors
	if errors.As(err, &es) {
		return es
	}
	return config.Errors{{Pos: pos, Msg: err.Error()}}
}

// Digest identifies what the mapping does: its schema, its paths, expressions and
// uniqueness, and the version of our functions. Equal digests, equal results.
func (m *Mapping) Digest() [sha256.Size]byte { return m.digest }

func (m *Mapping) sum() [sha256.Size]byte {
	h := sha256.New()
	var version [8]byte
	binary.BigEndian.PutUint64(version[:], functionsVersion)
	h.Write(version[:])
	writeString(h, m.env.kind)
	if zone := m.env.compiler.zone; zone != "" {
		writeString(h, zone)
	}
	writeString(h, m.Schema)
	for _, r := range m.Rules {
		writeString(h, r.Path.String())
		writeString(h, r.Program.text.Value)
		writeString(h, r.Unique)
		writeString(h, strconv.Itoa(r.Max))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// writeString writes the length first, so that no two lists have one spelling.
func writeString(h hash.Hash, s string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(s)))
	h.Write(n[:])
	h.Write([]byte(s))
}

// Paths lists the attributes that the mapping owns; no other is ever touched.
func (m *Mapping) Paths() []scim.Path {
	out := make([]scim.Path, len(m.Rules))
	for i, r := range m.Rules {
		out[i] = r.Path
	}
	return out
}

// Without is the mapping without the rules for some attributes, such as those
// that an app does not have. Without any it is the mapping itself.
func (m *Mapping) Without(drop func(scim.Path) bool) *Mapping {
	if !slices.ContainsFunc(m.Rules, func(r Rule) bool { return drop(r.Path) }) {
		return m
	}
	out := &Mapping{Schema: m.Schema, env: m.env}
	for _, r := range m.Rules {
		if !drop(r.Path) {
			out.Rules = append(out.Rules, r)
		}
	}
	out.zone = slices.IndexFunc(out.Rules, func(r Rule) bool { return m.zone >= 0 && r.Path.Equal(m.Rules[m.zone].Path) })
	out.digest = out.sum()
	return out
}

// Reads lists what the expressions read, sorted.
func (m *Mapping) Reads() []string {
	var out []string
	for _, r := range m.Rules {
		out = append(out, r.Program.Reads()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Failure is a rule that found no value. The error never repeats a value.
type Failure struct {
	Path scim.Path
	Err  error
}

// inZone reads the time zone that a row states, as all its dates are in it.
func (m *Mapping) inZone(a *activation) error {
	if m.zone < 0 {
		return nil
	}
	v, err := m.Rules[m.zone].Program.eval(a)
	if err != nil {
		return nil // told by the rule itself
	}
	name, _ := v.AsString()
	if name == "" {
		return nil
	}
	if _, err := m.env.compiler.zones.load(name); err != nil {
		return m.Rules[m.zone].Program.evalError(err)
	}
	a.zone = name
	return nil
}

// Apply evaluates all rules. What yields null, "", an empty list or an empty
// object stays unassigned; what fails is listed, and is unassigned as well: the
// caller decides whether the rest may be used.
func (m *Mapping) Apply(in Input) (*scim.Resource, []Failure) {
	r := scim.NewResource(m.Schema)
	a := m.env.activate(&in)
	defer m.env.release(a)
	var failures []Failure
	if err := m.inZone(a); err != nil {
		failures = append(failures, Failure{Path: timeZone, Err: err})
	}
	for i := range m.Rules {
		rule := &m.Rules[i]
		v, err := rule.Program.eval(a)
		if err == nil && !v.IsUnassigned() {
			err = r.Put(rule.Path, v)
		}
		if err != nil {
			failures = append(failures, Failure{Path: rule.Path, Err: err})
		}
	}
	return r, failures
}

// MadeOf are the attributes that are made of one of some columns.
func (m *Mapping) MadeOf(columns []string) (paths []scim.Path) {
	for _, r := range m.Rules {
		if slices.ContainsFunc(r.Program.Columns(), func(c string) bool { return slices.Contains(columns, c) }) {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// Agrees evaluates all rules and reports whether each yields what a resource
// has: what Apply makes of the input would be equal at every path of the
// mapping. It costs a third of that, and false may also mean that a rule fails.
// Of an attribute that is one person's alone the name counts that was given, and
// not the wish: the caller compares it.
func (m *Mapping) Agrees(in Input, r *scim.Resource) bool {
	a := m.env.activate(&in)
	defer m.env.release(a)
	if m.inZone(a) != nil {
		return false
	}
	for i := range m.Rules {
		rule := &m.Rules[i]
		v, err := rule.Program.eval(a)
		if err != nil {
			return false
		}
		if rule.Unique == config.UniqueApp {
			continue
		}
		has, _ := r.At(rule.Path)
		if !v.Equal(has) && !(v.IsUnassigned() && has.IsUnassigned()) {
			return false
		}
	}
	return true
}

// takenPath is a path that an earlier line of the mapping has.
type takenPath struct {
	path scim.Path
	text config.Text
}

// overlap refuses two rules for one value: the same path, or an attribute and a
// part of it.
func overlap(taken []takenPath, p scim.Path, text config.Text) *config.Error {
	for _, t := range taken {
		switch {
		case !strings.EqualFold(t.path.URN, p.URN) || !strings.EqualFold(t.path.Attr, p.Attr):
		case samePart(t.path, p):
			return &config.Error{Pos: text.Pos, Msg: text.Value + " is mapped twice", Hint: "first at " + t.text.Pos.String()}
		case whole(t.path) || whole(p) || sameFilter(t.path, p) && (t.path.Sub == "" || p.Sub == ""):
			return &config.Error{
				Pos: text.Pos, Msg: text.Value + " and " + t.text.Value + " map the same value",
				Hint: "map the attribute or its parts, not both",
			}
		}
	}
	return nil
}

func whole(p scim.Path) bool { return p.Filter == nil && p.Sub == "" }

func samePart(a, b scim.Path) bool { return strings.EqualFold(a.Sub, b.Sub) && sameFilter(a, b) }

func sameFilter(a, b scim.Path) bool {
	if a.Filter == nil || b.Filter == nil {
		return a.Filter == nil && b.Filter == nil
	}
	return a.Filter.String() == b.Filter.String()
}
