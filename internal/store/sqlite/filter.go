// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
)

// condition is what a filter says in SQL about a row p of the table pushed. It is
// 0 or 1, never NULL.
type condition struct {
	sql   string
	exact bool   // true of neither more nor less than what scim.SchemaSet.Match is; otherwise of more
	index string // by which all rows of which it is true are found, "" for none
	ids   string // a query for the ids that it names, "" if it is about anything else
}

// The indexes of the table pushed.
const (
	indexLive     = "pushed_live"
	indexID       = "sqlite_autoindex_pushed_1"
	indexName     = "pushed_name"
	indexExternal = "pushed_external"
)

// compiler turns filters into conditions (RFC 7644 §3.4.2.2). Whatever stands in a
// filter is a parameter: the text that SQLite parses is made of the constants in
// this file alone.
type compiler struct {
	q    source.PushedQuery
	args []any
}

// arg adds a parameter and returns its place in the text.
func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "?" + strconv.Itoa(len(c.args))
}

// filter compiles a filter. ok is false if SQL can say nothing of it, and there are
// no more parameters then than there were.
func (c *compiler) filter(f scim.Filter) (cond condition, ok bool) {
	before := len(c.args)
	switch f := f.(type) {
	case nil:
		return condition{sql: "1", exact: true}, true
	case *scim.And:
		cond, ok = c.and(f.Terms, c.filter)
	case *scim.Or:
		cond, ok = c.or(f.Terms, c.filter)
	case *scim.Not:
		if cond, ok = c.filter(f.Term); ok {
			cond, ok = condition{sql: "NOT " + cond.sql, exact: true}, cond.exact
		}
	case *scim.Compare:
		cond, ok = c.compare(f)
	case *scim.Present:
		cond, ok = c.present(f)
	case *scim.ValuePath:
		if cond, ok = c.valued(f); ok {
			break
		}
		p := f.Path
		p.Filter = f.Filter
		var from elements
		if from, ok = c.elements(p); ok {
			cond = condition{sql: from.some(""), exact: true}
		}
	}
	if !ok {
		c.args = c.args[:before]
	}
	return cond, ok
}

// nobody reports whether no resource satisfies a condition, whatever it holds. SQLite
// finds no plan by a named index where such a one stands beside others.
func (c condition) nobody() bool { return c.sql == "0" && c.exact }

// and leaves out what SQL cannot tell: then more satisfy it than should.
func (c *compiler) and(terms []scim.Filter, compile func(scim.Filter) (condition, bool)) (condition, bool) {
	all, before := condition{exact: true}, len(c.args)
	var parts []string
	for _, t := range terms {
		cond, ok := compile(t)
		if ok && cond.nobody() {
			c.args = c.args[:before]
			return cond, true
		}
		if all.exact = all.exact && ok && cond.exact; ok {
			parts = append(parts, cond.sql)
			all.index = cmp.Or(all.index, cond.index)
		}
	}
	all.sql = "(" + strings.Join(parts, " AND ") + ")"
	return all, len(parts) > 0
}

func (c *compiler) or(terms []scim.Filter, compile func(scim.Filter) (condition, bool)) (condition, bool) {
	any := condition{exact: true}
	var none *condition
	var parts, ids []string
	for _, t := range terms {
		cond, ok := compile(t)
		if !ok {
			return condition{}, false
		}
		if cond.nobody() {
			none = &cond
			continue
		}
		any.exact = any.exact && cond.exact
		parts = append(parts, cond.sql)
		if cond.ids != "" {
			ids = append(ids, cond.ids)
		}
	}
	if len(parts) == 0 && none != nil {
		return *none, true
	}
	any.sql = "(" + strings.Join(parts, " OR ") + ")"
	if n := len(ids); n > 0 && n == len(parts) && n <= mostIDs { // no index has an OR
		any = named(strings.Join(ids, " UNION ALL "))
	}
	return any, len(parts) > 0
}

// mostIDs is how many queries for ids are made one; SQLite takes 500.
const mostIDs = 200

// named is the condition that a resource is one of those whose ids a query finds.
func named(ids string) condition {
	return condition{sql: "(p.id IN (" + ids + "))", exact: true, index: indexID, ids: ids}
}

// place is where an attribute stands.
type place struct {
	attr scim.Attribute
	json string // its value as JSON, NULL for none; "" for what stands in rows of another table
	rows string // a query for its values, one JSON object each, in the column value
	path string // of what stands in the body
	body string // the same as a parameter
}

const members = `(SELECT m.body AS value FROM pushed_members m WHERE m.source = p.source AND m.grp = p.id)`

// groups are those of a User (RFC 7643 §4.1.2), as an answer shows them.
const groups = `(SELECT json_object('value', m.grp, 'display', g.body ->> '$.displayName', 'type', 'direct') AS value
	FROM pushed_members m LEFT JOIN pushed g ON g.source = m.source AND g.type = 'Group' AND g.id = m.grp AND g.deleted = 0
	WHERE m.source = p.source AND m.member = p.id)`

const metaObject = `json_object('created', scim_instant(p.created), 'lastModified', scim_instant(p.modified), 'version', 'W/"' || p.version || '"')`

// place finds the attribute that a path names, before filter and sub-attribute.
// nowhere tells that no resource of the type has it; ok is false for what only the
// resource itself can tell.
func (c *compiler) place(p scim.Path) (at place, nowhere, ok bool) {
	p.Sub, p.Filter = "", nil
	base := p.URN == "" || strings.EqualFold(p.URN, c.q.Schema)
	switch {
	case p.Attr == "":
		return at, false, false
	case !base && strings.HasPrefix(strings.ToLower(p.URN), "urn:ietf:params:scim:schemas:core:"):
		return at, true, true // another type's
	case base == strings.Contains(p.URN, ":extension:"):
		return at, false, false // the resource says where it stands
	}
	var known bool
	if at.attr, known = c.q.Schemas.Lookup(c.q.Schema, p); !known || at.attr.Name == "" {
		return at, false, false
	}
	name := at.attr.Name
	if !base {
		s, ok := c.q.Schemas.Schema(p.URN)
		if _, twice := c.q.Schemas.Schema(p.URN + ":" + p.Attr); !ok || twice {
			return at, false, false
		}
		c.within(&at, jsonPath(s.ID, name))
		return at, false, true
	}
	switch {
	case name == "id":
		at.json = "json_quote(p.id)"
	case name == "meta":
		at.json = metaObject
	case name == c.q.Members:
		at.rows = members
	case name == c.q.Groups:
		at.rows = groups
	default:
		c.within(&at, jsonPath(name))
	}
	return at, false, true
}

func (c *compiler) within(at *place, path string) {
	at.path, at.body = path, c.arg(path)
	at.json = "p.body -> " + at.body
}

// jsonPath is a path of SQLite's into a stored body, which has names in the spelling
// of the schemas.
func jsonPath(names ...string) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, n := range names {
		b.WriteString(`."`)
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(n)) // no name has either
		b.WriteByte('"')
	}
	return b.String()
}

// compare compiles a comparison. What no value satisfies is satisfied by an attribute
// that is not there if it compares so with null: "ne" holds for it.
func (c *compiler) compare(f *scim.Compare) (condition, bool) {
	at, nowhere, ok := c.place(f.Path)
	if !ok {
		return condition{}, false
	}
	of := at.attr.Comparison(f.Path.Sub, f.Op, f.Value)
	absent := of.Holds(scim.Null())
	if nowhere {
		return condition{sql: strconv.FormatInt(truth(absent), 10), exact: true}, true
	}
	if f.Path.Filter == nil {
		if cond, ok := c.column(at, f, of); ok {
			return cond, true
		}
	}
	if cond, ok := c.member(at, f, of); ok {
		return cond, true
	}
	if f.Path.Filter == nil && at.rows == "" {
		sql, ok := c.holds(at.json, of)
		return condition{sql: sql, exact: true}, ok
	}
	from, ok := c.elements(f.Path)
	if !ok {
		return condition{}, false
	}
	holds, ok := c.holds("e.value", of)
	sql := from.some(holds)
	if absent {
		sql = "(" + sql + " OR NOT " + from.some("") + ")"
	}
	return condition{sql: sql, exact: true}, ok
}

// holds compares a JSON value.
func (c *compiler) holds(json string, of scim.Comparison) (string, bool) {
	traits := 0
	if of.Exact {
		traits |= exactTrait
	}
	if of.Instant {
		traits |= instantTrait
	}
	var operand any
	switch v := of.Operand; v.Kind() {
	case scim.KindNull:
	case scim.KindString:
		operand, _ = v.AsString()
	case scim.KindInteger:
		operand, _ = v.AsInteger()
	case scim.KindDecimal:
		operand, _ = v.AsDecimal()
	case scim.KindBool:
		b, _ := v.AsBool()
		operand, traits = truth(b), traits|boolTrait
	default:
		return "", false
	}
	return "scim_holds(" + json + ", " + c.arg(string(of.Op)) + ", " + c.arg(operand) + ", " + c.arg(traits) + ", " + c.arg(of.Sub) + ")", true
}

func (c *compiler) present(f *scim.Present) (condition, bool) {
	at, nowhere, ok := c.place(f.Path)
	switch {
	case !ok:
		return condition{}, false
	case nowhere:
		return condition{sql: "0", exact: true}, true
	case f.Path.Filter == nil && at.rows == "":
		return condition{sql: "scim_assigned(" + at.json + ", " + c.arg(f.Path.Sub) + ")", exact: true}, true
	}
	from, ok := c.elements(f.Path)
	if !ok {
		return condition{}, false
	}
	return condition{sql: from.some("scim_assigned(e.value, " + c.arg(f.Path.Sub) + ")"), exact: true}, true
}

// elements are the values of a complex attribute that satisfy what stands in its
// brackets, as rows e.
type elements struct{ from, where string }

// some tells whether there is one that satisfies a further condition.
func (e elements) some(more string) string {
	where := e.where
	switch {
	case where == "":
		where = more
	case more != "":
		where += " AND " + more
	}
	if where != "" {
		where = " WHERE " + where
	}
	return "EXISTS (SELECT 1 FROM " + e.from + " e" + where + ")"
}

func (c *compiler) elements(p scim.Path) (elements, bool) {
	at, nowhere, ok := c.place(p)
	if !ok || !nowhere && at.attr.Type != scim.TypeComplex {
		return elements{}, false
	}
	e := elements{from: at.rows}
	switch {
	case nowhere:
		e.from = "(SELECT NULL AS value WHERE 0)"
	case at.rows != "":
	case at.body != "": // one value is a list of it
		e.from = "json_each(CASE coalesce(json_type(p.body, " + at.body + "), 'null') WHEN 'null' THEN '[]' WHEN 'array' THEN p.body -> " +
			at.body + " ELSE json_array(p.body -> " + at.body + ") END)"
	default:
		e.from = "json_each(json_array(json(" + at.json + ")))"
	}
	if p.Filter == nil {
		return e, true
	}
	cond, ok := c.element(&at.attr, p.Filter)
	e.where = cond.sql
	return e, ok
}

// element compiles what stands in brackets. Anything that is not exact is none.
func (c *compiler) element(attr *scim.Attribute, f scim.Filter) (cond condition, ok bool) {
	inner := func(f scim.Filter) (condition, bool) { return c.element(attr, f) }
	switch f := f.(type) {
	case *scim.And:
		cond, ok = c.and(f.Terms, inner)
	case *scim.Or:
		cond, ok = c.or(f.Terms, inner)
	case *scim.Not:
		if cond, ok = c.element(attr, f.Term); ok {
			cond.sql = "NOT " + cond.sql
		}
	case *scim.Compare:
		cond.exact = true
		cond.sql, ok = c.holds("e.value", attr.Comparison(f.Path.Attr, f.Op, f.Value))
	case *scim.Present:
		cond, ok = condition{sql: "scim_assigned(e.value, " + c.arg(f.Path.Attr) + ")", exact: true}, true
	}
	return cond, ok && cond.exact
}

// column compiles a comparison with what has a column of its own.
func (c *compiler) column(at place, f *scim.Compare, of scim.Comparison) (condition, bool) {
	if at.attr.Name == "meta" {
		return c.instant(f, of)
	}
	text, isText := of.Operand.AsString()
	if !isText || text == "" || f.Path.Sub != "" || of.Instant || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return condition{}, false
	}
	column, exact, index := c.columnOf(at)
	if column == "" || exact != of.Exact {
		return condition{}, false
	}
	if !exact {
		text = scim.Fold(text)
	}
	v := c.arg(text)
	cond := condition{exact: true}
	switch of.Op {
	case scim.OpEq: // the index of external has no empty ones, and must be told
		if cond.sql, cond.index = "("+column+" = "+v+" AND "+column+" <> '')", index; index == indexID {
			cond.ids = "SELECT " + v
		}
	case scim.OpNe:
		cond.sql = "(" + column + " <> " + v + ")"
	case scim.OpCo:
		cond.sql = "(instr(" + column + ", " + v + ") > 0)"
	case scim.OpSw:
		cond.sql, cond.index = "("+column+" >= "+v+" AND "+column+" < "+c.arg(after(text))+" AND "+column+" <> '')", index
	case scim.OpEw:
		cond.sql = "(substr(" + column + ", -length(" + v + ")) = " + v + ")"
	case scim.OpGt:
		cond.sql = "(" + column + " > " + v + ")"
	case scim.OpGe:
		cond.sql = "(" + column + " >= " + v + ")"
	case scim.OpLt: // "" is no value
		cond.sql = "(" + column + " < " + v + " AND " + column + " <> '')"
	case scim.OpLe:
		cond.sql = "(" + column + " <= " + v + " AND " + column + " <> '')"
	}
	return cond, cond.sql != ""
}

// member compiles the question which groups somebody is in: those that the index of
// members has, and no look at the others.
func (c *compiler) member(at place, f *scim.Compare, of scim.Comparison) (condition, bool) {
	text, isText := of.Operand.AsString()
	is := at.rows == members && f.Path.Filter == nil && (f.Path.Sub == "" || strings.EqualFold(f.Path.Sub, "value"))
	if !is || of.Op != scim.OpEq || !of.Exact || !isText || text == "" || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return condition{}, false
	}
	return named("SELECT m.grp FROM pushed_members m WHERE m.source = ?1 AND m.member = " + c.arg(text)), true
}

// valued compiles what stands in brackets as the comparison without them, if it is
// one of members.
func (c *compiler) valued(f *scim.ValuePath) (condition, bool) {
	inner, ok := f.Filter.(*scim.Compare)
	if !ok || !strings.EqualFold(f.Path.Attr, c.q.Members) || inner.Path.Sub != "" || inner.Path.URN != "" {
		return condition{}, false
	}
	at, _, ok := c.place(f.Path)
	if !ok {
		return condition{}, false
	}
	one := &scim.Compare{Path: scim.Path{Attr: f.Path.Attr, Sub: inner.Path.Attr}, Op: inner.Op, Value: inner.Value}
	return c.member(at, one, at.attr.Comparison(inner.Path.Attr, inner.Op, inner.Value))
}

// columnOf is the column in which a text stands by itself, whether it does as it was
// sent or folded, and the column's index.
func (c *compiler) columnOf(at place) (column string, exact bool, index string) {
	switch {
	case at.attr.MultiValued || at.attr.Type != scim.TypeString:
		return "", false, ""
	case at.path == "" && at.attr.Name == "id":
		return "p.id", true, indexID
	case at.path == jsonPath("externalId"):
		return "p.external", true, indexExternal
	case at.path == jsonPath(c.q.Name):
		return "p.name", false, indexName
	}
	return "", false, ""
}

// after is the first text, byte by byte, that is after all those that begin with
// another one.
func after(prefix string) string {
	b := []byte(prefix)
	b[len(b)-1]++ // no byte of UTF-8 is the last one
	return string(b)
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
		return condition{sql: "0", exact: true}, true
	case of.Op == scim.OpNe && between:
		return condition{sql: "1", exact: true}, true
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
	return condition{sql: "(" + column + op + c.arg(at.UnixMicro()) + ")", exact: true}, true
}

// order compiles a sort as scimserver.Select has it: unassigned values last, or first
// if descending, and equal ones as they were made. indexed tells that the index of
// names has this order.
func (c *compiler) order() (sql string, indexed, ok bool) {
	before := len(c.args)
	key, indexed, ok := c.sortKey()
	switch {
	case !ok:
		c.args = c.args[:before]
		return "", false, false
	case key == "" || indexed:
		return strings.TrimPrefix(key+", p.seq", ", "), indexed, true
	case c.q.Descending:
		return "(coalesce(" + key + ", '') = '') DESC, " + key + " DESC, p.seq", false, true
	}
	return "(coalesce(" + key + ", '') = ''), " + key + ", p.seq", false, true
}

func (c *compiler) sortKey() (key string, indexed, ok bool) {
	if c.q.SortBy.IsZero() {
		return "", false, true
	}
	p := c.q.SortBy
	at, nowhere, ok := c.place(p)
	if !ok || nowhere || p.Filter != nil || at.rows != "" || at.attr.MultiValued {
		return "", false, false
	}
	target := at.attr
	if p.Sub != "" {
		i := slices.IndexFunc(at.attr.SubAttributes, func(a scim.Attribute) bool { return strings.EqualFold(a.Name, p.Sub) })
		if i < 0 || at.attr.SubAttributes[i].MultiValued {
			return "", false, false
		}
		target = at.attr.SubAttributes[i]
	}
	exact := target.CaseExact || target.Type == scim.TypeReference || target.Type == scim.TypeBinary
	column, asSent, _ := c.columnOf(at)
	switch {
	case at.attr.Name == "meta" && target.Name == "created":
		return "p.created", false, true
	case at.attr.Name == "meta" && target.Name == "lastModified":
		return "p.modified", false, true
	case at.path == "" && column == "":
		return "", false, false
	case p.Sub == "" && column != "" && exact == asSent:
		return column, column == "p.name" && at.attr.Required && !c.q.Descending, true
	case at.path == "":
		return "", false, false
	}
	path := at.path
	if p.Sub != "" {
		path += strings.TrimPrefix(jsonPath(target.Name), "$")
	}
	key = "(p.body ->> " + c.arg(path) + ")"
	switch {
	case target.Type == scim.TypeBoolean, target.Type == scim.TypeString && exact, target.Type == scim.TypeReference, target.Type == scim.TypeBinary:
		return key, false, true
	case target.Type == scim.TypeString:
		return "scim_fold" + key, false, true
	}
	return "", false, false
}
