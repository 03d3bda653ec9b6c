// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
)

// condition is what a filter says in SQL about a row p of the table pushed.
type condition struct {
	sql   string
	exact bool // true of neither more nor less than what scim.SchemaSet.Match is; otherwise of more
}

// compiler turns filters into conditions (RFC 7644 §3.4.2.2), as far as columns can tell:
// names, ids, times and members. The rest is scim.SchemaSet.Match's, row by row: SQL does
// not fold letter case as SCIM does, and PostgreSQL takes no function of ours. Whatever
// stands in a filter is a parameter.
type compiler struct {
	q    source.PushedQuery
	args []any
}

// arg adds a parameter and returns its place in the text.
func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// filter compiles a filter. ok is false if columns can say nothing of it, and there are
// no more parameters then than there were.
func (c *compiler) filter(f scim.Filter) (cond condition, ok bool) {
	before := len(c.args)
	switch f := f.(type) {
	case nil:
		return condition{"true", true}, true
	case *scim.And:
		cond, ok = c.and(f.Terms)
	case *scim.Or:
		cond, ok = c.or(f.Terms)
	case *scim.Not:
		if cond, ok = c.filter(f.Term); ok {
			cond, ok = condition{"NOT " + cond.sql, true}, cond.exact
		}
	case *scim.Compare:
		cond, ok = c.compare(f)
	case *scim.ValuePath:
		cond, ok = c.valued(f)
	}
	if !ok {
		c.args = c.args[:before]
	}
	return cond, ok
}

// and leaves out what columns cannot tell: then more satisfy it than should.
func (c *compiler) and(terms []scim.Filter) (condition, bool) {
	all := condition{exact: true}
	var parts []string
	for _, t := range terms {
		cond, ok := c.filter(t)
		if all.exact = all.exact && ok && cond.exact; ok {
			parts = append(parts, cond.sql)
		}
	}
	all.sql = "(" + strings.Join(parts, " AND ") + ")"
	return all, len(parts) > 0
}

func (c *compiler) or(terms []scim.Filter) (condition, bool) {
	any := condition{exact: true}
	var parts []string
	for _, t := range terms {
		cond, ok := c.filter(t)
		if !ok {
			return condition{}, false
		}
		any.exact = any.exact && cond.exact
		parts = append(parts, cond.sql)
	}
	any.sql = "(" + strings.Join(parts, " OR ") + ")"
	return any, len(parts) > 0
}

// attribute finds what a path names, before filter and sub-attribute. foreign tells that
// it is another type's, and no resource of this one has it.
func (c *compiler) attribute(p scim.Path) (a scim.Attribute, foreign, ok bool) {
	p.Sub, p.Filter = "", nil
	base := p.URN == "" || strings.EqualFold(p.URN, c.q.Schema)
	switch {
	case p.Attr == "":
		return a, false, false
	case !base && strings.HasPrefix(strings.ToLower(p.URN), "urn:ietf:params:scim:schemas:core:"):
		return a, true, true
	}
	a, ok = c.q.Schemas.Lookup(c.q.Schema, p)
	return a, false, ok && a.Name != ""
}

// compare compiles a comparison with what has a column of its own.
func (c *compiler) compare(f *scim.Compare) (condition, bool) {
	a, foreign, ok := c.attribute(f.Path)
	if !ok || foreign || f.Path.Filter != nil {
		return condition{}, false
	}
	of := a.Comparison(f.Path.Sub, f.Op, f.Value)
	if a.Name == "meta" && f.Path.URN == "" {
		return c.instant(f, of)
	}
	text, isText := of.Operand.AsString()
	if !isText || text == "" || of.Instant || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return condition{}, false
	}
	if c.of(f.Path, a, c.q.Members) {
		if of.Op != scim.OpEq || !of.Exact || f.Path.Sub != "" && !strings.EqualFold(f.Path.Sub, "value") {
			return condition{}, false
		}
		return condition{"(p.id IN (SELECT m.grp FROM pushed_members m WHERE m.source = $1 AND m.member = " + c.arg(text) + "))", true}, true
	}
	column, exact := c.column(f.Path, a)
	if column == "" || exact != of.Exact {
		return condition{}, false
	}
	if !exact {
		text = scim.Fold(text)
	}
	v := c.arg(text)
	has := " AND " + column + " <> ''" // "" is no value
	sql := ""
	switch of.Op {
	case scim.OpEq: // the index of external has no empty ones, and must be told
		sql = column + " = " + v + has
	case scim.OpNe:
		sql = column + " <> " + v
	case scim.OpCo:
		sql = "strpos(" + column + ", " + v + ") > 0"
	case scim.OpSw:
		sql = column + " >= " + v + " AND starts_with(" + column + ", " + v + ")" + has
	case scim.OpEw:
		sql = "right(" + column + ", length(" + v + ")) = " + v
	case scim.OpGt:
		sql = column + " > " + v
	case scim.OpGe:
		sql = column + " >= " + v
	case scim.OpLt:
		sql = column + " < " + v + has
	case scim.OpLe:
		sql = column + " <= " + v + has
	}
	return condition{"(" + sql + ")", true}, sql != ""
}

// of tells whether a path names an attribute that stands in rows of another table.
func (c *compiler) of(p scim.Path, a scim.Attribute, name string) bool {
	return name != "" && strings.EqualFold(a.Name, name) && !strings.Contains(p.URN, ":extension:")
}

// column is the column in which a text stands by itself, and whether it does as it was
// sent or folded.
func (c *compiler) column(p scim.Path, a scim.Attribute) (column string, exact bool) {
	if a.MultiValued || a.Type != scim.TypeString || p.Sub != "" || strings.Contains(p.URN, ":extension:") {
		return "", false
	}
	switch a.Name {
	case "id":
		return "p.id", true
	case "externalId":
		return "p.external", true
	case c.q.Name:
		return "p.name", false
	}
	return "", false
}

// valued compiles what stands in brackets as the comparison without them, if it is one
// of members.
func (c *compiler) valued(f *scim.ValuePath) (condition, bool) {
	inner, ok := f.Filter.(*scim.Compare)
	if !ok || !strings.EqualFold(f.Path.Attr, c.q.Members) || inner.Path.Sub != "" || inner.Path.URN != "" {
		return condition{}, false
	}
	return c.compare(&scim.Compare{Path: scim.Path{URN: f.Path.URN, Attr: f.Path.Attr, Sub: inner.Path.Attr}, Op: inner.Op, Value: inner.Value})
}

// instant compiles a comparison with a time that has a column, which counts
// microseconds.
func (c *compiler) instant(f *scim.Compare, of scim.Comparison) (condition, bool) {
	column := ""
	switch {
	case strings.EqualFold(f.Path.Sub, "created"):
		column = "p.created"
	case strings.EqualFold(f.Path.Sub, "lastModified"):
		column = "p.modified"
	}
	text, _ := of.Operand.AsString()
	at, ok := scim.ParseDateTime(text)
	if !ok || column == "" || !of.Instant {
		return condition{}, false
	}
	between := at.Nanosecond()%int(time.Microsecond) != 0 // and equal to none
	op := ""
	switch {
	case of.Op == scim.OpEq && between:
		return condition{"false", true}, true
	case of.Op == scim.OpNe && between:
		return condition{"true", true}, true
	case of.Op == scim.OpEq:
		op = " = "
	case of.Op == scim.OpNe:
		op = " <> "
	case of.Op == scim.OpGt, of.Op == scim.OpGe && between:
		op = " > "
	case of.Op == scim.OpGe:
		op = " >= "
	case of.Op == scim.OpLe, of.Op == scim.OpLt && between:
		op = " <= "
	case of.Op == scim.OpLt:
		op = " < "
	default:
		return condition{}, false
	}
	return condition{"(" + column + op + c.arg(at.UnixMicro()) + ")", true}, true
}

// told is the part of a filter that Match can tell of a row by itself, without the
// members and groups that stand in other tables, and whether that is all of it.
func (c *compiler) told(f scim.Filter) (part scim.Filter, whole bool) {
	and, ok := f.(*scim.And)
	if !ok {
		if c.tells(f) {
			return f, true
		}
		return nil, false
	}
	whole = true
	var terms []scim.Filter
	for _, t := range and.Terms {
		p, all := c.told(t)
		if whole = whole && all; p != nil {
			terms = append(terms, p)
		}
	}
	if len(terms) == 0 {
		return nil, whole
	}
	return &scim.And{Terms: terms}, whole
}

func (c *compiler) tells(f scim.Filter) bool {
	switch f := f.(type) {
	case *scim.And:
		return !slices.ContainsFunc(f.Terms, func(t scim.Filter) bool { return !c.tells(t) })
	case *scim.Or:
		return !slices.ContainsFunc(f.Terms, func(t scim.Filter) bool { return !c.tells(t) })
	case *scim.Not:
		return c.tells(f.Term)
	case *scim.Compare:
		return c.stands(f.Path)
	case *scim.Present:
		return c.stands(f.Path)
	case *scim.ValuePath:
		return c.stands(f.Path)
	}
	return false
}

// stands tells whether an attribute stands in the row itself.
func (c *compiler) stands(p scim.Path) bool {
	a, foreign, ok := c.attribute(p)
	switch {
	case !ok || foreign:
		return ok
	case c.of(p, a, c.q.Members) || c.of(p, a, c.q.Groups):
		return false
	case a.Name == "meta": // the rest of it is for whoever shows the resource
		return slices.ContainsFunc([]string{"created", "lastModified", "version"}, func(s string) bool { return strings.EqualFold(s, p.Sub) })
	}
	return true
}

// order compiles a sort as scimserver.Select has it: unassigned values last, or first
// if descending, and equal ones as they were made. It is one of a column, or by the key
// of each resource.
func (c *compiler) order() (sql string, key func(*scim.Resource) string, ok bool) {
	p := c.q.SortBy
	if p.IsZero() {
		return "p.seq", nil, true
	}
	a, foreign, ok := c.attribute(p)
	if !ok || foreign || p.Filter != nil || a.MultiValued || a.Name == "schemas" {
		return "", nil, false
	}
	target := a
	if p.Sub != "" {
		i := slices.IndexFunc(a.SubAttributes, func(s scim.Attribute) bool { return strings.EqualFold(s.Name, p.Sub) })
		if i < 0 || a.SubAttributes[i].MultiValued {
			return "", nil, false
		}
		target = a.SubAttributes[i]
	}
	down := map[bool]string{true: " DESC"}[c.q.Descending]
	exact := target.CaseExact || target.Type == scim.TypeReference || target.Type == scim.TypeBinary
	column, asSent := c.column(p, a)
	switch {
	case a.Name == "meta" && target.Name == "created":
		return "p.created" + down + ", p.seq", nil, true
	case a.Name == "meta" && target.Name == "lastModified":
		return "p.modified" + down + ", p.seq", nil, true
	case a.Name == "meta":
		return "", nil, false
	case column != "" && exact == asSent:
		return "(" + column + " = '')" + down + ", " + column + down + ", p.seq", nil, true
	case target.Type == scim.TypeBoolean:
		return "p.seq", func(r *scim.Resource) string {
			v, _ := r.At(p)
			yes, ok := v.AsBool()
			switch {
			case !ok:
				return ""
			case yes:
				return "1"
			}
			return "0"
		}, true
	case exact && (target.Type == scim.TypeString || target.Type == scim.TypeReference || target.Type == scim.TypeBinary):
		return "p.seq", func(r *scim.Resource) string {
			v, _ := r.At(p)
			text, _ := v.AsString()
			return text
		}, true
	case target.Type == scim.TypeString:
		return "p.seq", func(r *scim.Resource) string {
			v, _ := r.At(p)
			text, _ := v.AsString()
			return scim.Fold(text)
		}, true
	}
	return "", nil, false
}
