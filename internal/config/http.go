// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// HTTPList is a list of people that is had over HTTP as JSON. Where its parts are is told
// by paths, which are for those to check who follow them.
type HTTPList struct {
	Pos               Position     `json:"-"`
	URL               Text         `json:"url"` // may have a query
	Method            string       `json:"method"`
	Body              Text         `json:"body"` // JSON, of a POST
	Headers           []HTTPHeader `json:"headers,omitempty"`
	Auth              *HTTPAuth    `json:"auth,omitempty"`   // nil: none
	List              Text         `json:"list"`             // path to the list; empty = the answer
	Paths             []Text       `json:"paths,omitempty"`  // of Source.Columns, in their order
	Fields            []HTTPField  `json:"fields,omitempty"` // of columns that are not asked for by the first name of their path
	Takes             []string     `json:"takes,omitempty"`  // of Paths: TakeEarliest, TakeLatest or empty
	Total             Text         `json:"total"`            // path; empty = it is not told
	Paging            *Paging      `json:"paging,omitempty"`
	With              []HTTPDetail `json:"with,omitempty"`
	One               *HTTPOne     `json:"one,omitempty"`
	Since             *HTTPSince   `json:"since,omitempty"`
	Every             Duration     `json:"every"` // how often everybody is read
	RequestsPerSecond float64      `json:"requests_per_second"`
	Timeout           Duration     `json:"timeout"`
	Allow             []Text       `json:"allow"`
	Workday           *Workday     `json:"workday,omitempty"` // how workers are read by its SOAP; nil: it is none of them
}

// Allows reports whether the list of what may be connected to holds what.
func (l HTTPList) Allows(what string) bool { return allows(l.Allow, what) }

// HTTPHeader goes along with each request.
type HTTPHeader struct {
	Name  string `json:"name"`
	Value Text   `json:"value"`
}

// The values of Paging.Kind.
const (
	PagingPage   = "page"
	PagingOffset = "offset"
	PagingCursor = "cursor"
	PagingNext   = "next_link"
	PagingLink   = "link_header"
)

// Paging is how a list goes on.
type Paging struct {
	Pos       Position `json:"-"`
	Kind      string   `json:"kind"`
	Param     Text     `json:"param"`
	SizeParam Text     `json:"size_param"`
	Size      int      `json:"size"`
	First     int      `json:"first"`
	Next      Text     `json:"next"` // path
	More      Text     `json:"more"` // path; empty = it is not told
}

// HTTPOne is how one record is had by its id.
type HTTPOne struct {
	Pos    Position `json:"-"`
	URL    Text     `json:"url"`             // with {id}, unless Body has it
	Method string   `json:"method,omitzero"` // empty = GET
	Body   Text     `json:"body,omitzero"`   // JSON, of a POST
	At     Text     `json:"at"`              // path to the record; empty = the answer
	List   Text     `json:"list,omitzero"`   // path to a list that holds the record alone, or nothing; empty = there is none
	Lag    Duration `json:"lag,omitzero"`    // for how long after a change what was before may be answered
}

// HTTPField is by what name a column is asked for.
type HTTPField struct {
	Column Text `json:"column"`
	Field  Text `json:"field"`
}

// HTTPSince is how it is asked who has changed.
type HTTPSince struct {
	Pos     Position `json:"-"`
	URL     Text     `json:"url"`
	List    Text     `json:"list"` // path
	Key     Text     `json:"key"`  // path; empty = the items are the ids
	Param   Text     `json:"param"`
	Value   Text     `json:"value,omitzero"` // what Param is, with {time}; empty = the time
	Form    string   `json:"form"`           // one of timeForms
	Every   Duration `json:"every"`
	Overlap Duration `json:"overlap"`
	Paged   bool     `json:"paged"` // it goes on as the list does
}

const (
	defaultEvery   = Duration(15 * time.Minute)
	defaultChanged = Duration(5 * time.Minute)
	defaultOverlap = Duration(2 * time.Minute)
	soonestRead    = 10 * time.Second
	longestBetween = 31 * 24 * time.Hour
	longestLag     = time.Hour
	mostPageSize   = 100_000
	defaultForm    = "rfc3339"
)

func timeForms() []string { return []string{defaultForm, "datetime", "date", "unix", "unix-ms"} }

// httpList are the keys of a source of type http that no other has, read into l.
func (d *decoder) httpList(l *HTTPList, what string) []field {
	return []field{
		{key: "url", read: func(n *node) { l.URL, _ = d.text(n, "url of "+what) }},
		{key: "method", read: func(n *node) {
			if t, ok := d.choice(n, "method of "+what, http.MethodGet, http.MethodPost); ok {
				l.Method = t.Value
			}
		}},
		{key: "body", read: func(n *node) { l.Body, _ = d.text(n, "body of "+what) }},
		{key: "headers", read: func(n *node) { l.Headers = d.headers(n, what) }},
		{key: "auth", read: func(n *node) { l.Auth = d.httpAuth(n, what) }},
		{key: "list", read: func(n *node) { l.List, _ = d.text(n, "list of "+what) }},
		{key: "fields", read: func(n *node) { l.Fields = d.httpFields(n, what) }},
		{key: "total", read: func(n *node) { l.Total, _ = d.text(n, "total of "+what) }},
		{key: "paging", read: func(n *node) { l.Paging = d.paging(n, what) }},
		{key: "with", read: func(n *node) { l.With = d.httpWith(n, what) }},
		{key: "one", read: func(n *node) { l.One = d.httpOne(n, what) }},
		{key: "since", read: func(n *node) { l.Since = d.httpSince(n, what) }},
		{key: "every", read: func(n *node) { set(&l.Every)(d.duration(n, "every of "+what, soonestRead, longestBetween)) }},
		{key: "requests_per_second", read: func(n *node) {
			l.RequestsPerSecond, _ = d.number(n, "requests_per_second of "+what, 0, 100_000, false)
		}},
		{key: "timeout", read: func(n *node) { set(&l.Timeout)(d.duration(n, "timeout of "+what, time.Millisecond, time.Hour)) }},
		{key: "allow", read: func(n *node) {
			l.Allow = d.allow(n, "allow of "+what, AllowLoopback, AllowPrivate, AllowPlainHTTP)
		}},
		{key: "workday", read: func(n *node) { l.Workday = d.workday(n, what) }},
	}
}

// columnsOf reads columns: a list of names, or of type http also a map from the name to
// where in a record the column is. In a list the name is the path.
func (d *decoder) columnsOf(n *node, s *Source, what string) (ok bool) {
	if n.shape != nil || n.kind != kindMap || s.Type.Value != SourceHTTP {
		s.Columns, ok = d.texts(n, "columns of "+what, "column")
		s.HTTP.Paths, s.HTTP.Takes = slices.Clone(s.Columns), make([]string, len(s.Columns))
		n.note(func(s *Schema) {
			list := *s
			*s = Schema{AnyOf: []*Schema{&list, {Type: Types{"object"}, MinProperties: 1, Values: d.columnShape()}}}
		})
		return ok
	}
	ok = true
	for _, e := range n.entries {
		path, take, good := d.column(e)
		if strings.TrimSpace(e.key.Value) == "" {
			d.fail(e.key.Pos, "a column of "+what+" has no name", "")
			good = false
		}
		if ok = ok && good; good {
			s.Columns, s.HTTP.Paths = append(s.Columns, e.key), append(s.HTTP.Paths, path)
			s.HTTP.Takes = append(s.HTTP.Takes, take)
		}
	}
	if len(n.entries) == 0 {
		d.fail(n.pos, "columns of "+what+" is empty", "")
	}
	return ok
}

// ours are headers that Usher sets, and those that hold credentials.
func headerAdvice(name string) string {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie":
		return "credentials belong into auth, which keeps them out of sight"
	case "host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "if-none-match", "upgrade", "te", "trailer":
		return "Usher sets it by itself"
	}
	return ""
}

func (d *decoder) headers(n *node, what string) (out []HTTPHeader) {
	if !d.is(n, "headers of "+what, "a map from name to value", kindMap) {
		n.note(func(s *Schema) {
			*s = Schema{Type: Types{"object"}, Names: &Schema{Pattern: `^[A-Za-z0-9_-]+$`}, Values: &Schema{Type: Types{"string"}}}
		})
		return nil
	}
	for _, e := range n.entries {
		v, _ := d.text(e.value, "header "+quote(e.key.Value)+in(what))
		switch {
		case !isToken(e.key.Value):
			d.fail(e.key.Pos, quote(e.key.Value)+" is no name of a header", "such as Accept-Version")
		case headerAdvice(e.key.Value) != "":
			d.fail(e.key.Pos, "header "+e.key.Value+" of "+what+" cannot be set", headerAdvice(e.key.Value))
		case strings.ContainsAny(v.Value, "\r\n\x00"):
			d.fail(v.Pos, "header "+e.key.Value+" of "+what+" holds a line break", "")
		}
		out = append(out, HTTPHeader{e.key.Value, v})
	}
	return out
}

func (d *decoder) paging(n *node, what string) *Paging {
	what = "paging of " + what
	p := &Paging{Pos: n.pos}
	var kinds []string
	kind := func(key string, first int, keys ...string) field {
		return field{key: key, read: func(n *node) {
			p.Kind, p.First, kinds = key, first, append(kinds, key)
			fields := []field{
				{key: "param", required: true, read: func(n *node) { p.Param, _ = d.text(n, "param of "+what) }},
				{key: "next", required: true, read: func(n *node) { p.Next, _ = d.text(n, "next of "+what) }},
				{key: "first", read: func(n *node) {
					if v, ok := d.number(n, "first of "+what, 0, 1, true); ok {
						p.First = int(v)
					}
				}},
				{key: "size_param", read: func(n *node) { p.SizeParam, _ = d.text(n, "size_param of "+what) }},
				{key: "size", read: func(n *node) {
					v, _ := d.number(n, "size of "+what, 1, mostPageSize, true)
					p.Size = int(v)
				}},
			}
			d.section(n, key+" of "+what, n.pos, slices.DeleteFunc(fields, func(f field) bool { return !slices.Contains(keys, f.key) })...)
			if !p.SizeParam.IsZero() && p.Size == 0 && n.kind == kindMap && n.at("size") == nil {
				d.fail(p.SizeParam.Pos, "size_param of "+what+" without size", "say how many a page is to have")
			}
		}}
	}
	d.section(n, what, n.pos,
		kind(PagingPage, 1, "param", "first", "size_param", "size"),
		kind(PagingOffset, 0, "param", "first", "size_param", "size"),
		kind(PagingCursor, 0, "param", "next", "size_param", "size"),
		kind(PagingNext, 0, "next", "size_param", "size"),
		kind(PagingLink, 0, "size_param", "size"),
		field{key: "more", read: func(n *node) { p.More, _ = d.text(n, "more of "+what) }},
	)
	if n.kind == kindMap && len(kinds) != 1 {
		d.fail(n.pos, what+" must be one of page, offset, cursor, next_link and link_header", "leave paging out if one answer holds everybody")
	}
	return p
}

func (d *decoder) httpOne(n *node, what string) *HTTPOne {
	what = "one of " + what
	o := &HTTPOne{Pos: n.pos}
	d.section(n, what, n.pos,
		field{key: "url", required: true, read: func(n *node) { o.URL, _ = d.text(n, "url of "+what) }},
		field{key: "method", read: func(n *node) {
			if t, ok := d.choice(n, "method of "+what, http.MethodGet, http.MethodPost); ok {
				o.Method = t.Value
			}
		}},
		field{key: "body", read: func(n *node) { o.Body, _ = d.text(n, "body of "+what) }},
		field{key: "at", read: func(n *node) { o.At, _ = d.text(n, "at of "+what) }},
		field{key: "list", read: func(n *node) { o.List, _ = d.text(n, "list of "+what) }},
		field{key: "lag", read: func(n *node) { set(&o.Lag)(d.duration(n, "lag of "+what, 0, longestLag)) }},
	)
	if !o.At.IsZero() && !o.List.IsZero() {
		d.fail(o.List.Pos, what+" has at and list", "at leads to the record, list to a list that holds it alone: remove one of them")
	}
	return o
}

// httpFields reads by what names columns are asked for.
func (d *decoder) httpFields(n *node, what string) (out []HTTPField) {
	if !d.is(n, "fields of "+what, "a map from column to field", kindMap) {
		n.note(func(s *Schema) {
			*s = Schema{Type: Types{"object"}, Values: &Schema{Type: Types{"string"}, Pattern: notBlank}}
		})
		return nil
	}
	for _, e := range n.entries {
		if f, ok := d.text(e.value, "the field of column "+quote(e.key.Value)); ok {
			out = append(out, HTTPField{e.key, f})
		}
	}
	return out
}

func (d *decoder) httpSince(n *node, what string) *HTTPSince {
	what = "since of " + what
	s := &HTTPSince{Pos: n.pos, Form: defaultForm, Every: defaultChanged, Overlap: defaultOverlap}
	d.section(n, what, n.pos,
		field{key: "url", required: true, read: func(n *node) { s.URL, _ = d.text(n, "url of "+what) }},
		field{key: "param", required: true, read: func(n *node) { s.Param, _ = d.text(n, "param of "+what) }},
		field{key: "value", read: func(n *node) {
			s.Value, _ = d.text(n, "value of "+what)
			if n.shape == nil && !s.Value.IsZero() && strings.Count(s.Value.Value, "{time}") != 1 {
				d.fail(n.pos, "value of "+what+" must hold {time} once", "such as updated_at ge {time}")
			}
		}},
		field{key: "form", read: func(n *node) {
			if t, ok := d.choice(n, "form of "+what, timeForms()...); ok {
				s.Form = t.Value
			}
		}},
		field{key: "list", read: func(n *node) { s.List, _ = d.text(n, "list of "+what) }},
		field{key: "key", read: func(n *node) { s.Key, _ = d.text(n, "key of "+what) }},
		field{key: "every", read: func(n *node) { set(&s.Every)(d.duration(n, "every of "+what, soonestRead, longestBetween)) }},
		field{key: "overlap", read: func(n *node) { set(&s.Overlap)(d.duration(n, "overlap of "+what, 0, 24*time.Hour)) }},
		field{key: "paged", read: func(n *node) { set(&s.Paged)(d.boolean(n, "paged of "+what)) }},
	)
	return s
}

// httpChecked checks what depends on more than one key of a source of type http.
func (d *decoder) httpChecked(s Source, what string) {
	l := s.HTTP
	d.listAddress(l.URL, "url of "+what, l.Allow)
	d.workdayChecked(s, what)
	if !l.Body.IsZero() && l.Method != http.MethodPost {
		d.fail(l.Body.Pos, "body of "+what+" is for method: POST", "add method: POST, or remove body")
	}
	if l.Auth != nil {
		d.listAddress(l.Auth.TokenURL, "token_url of "+what, l.Allow)
	}
	if l.One != nil {
		d.listAddress(l.One.URL, "url in one of "+what, l.Allow)
		if !l.One.Body.IsZero() && l.One.Method != http.MethodPost {
			d.fail(l.One.Body.Pos, "body of one of "+what+" is for method: POST", "add method: POST, or remove body")
		}
	}
	for _, f := range l.Fields {
		if !slices.ContainsFunc(s.Columns, func(c Text) bool { return c.Value == f.Column.Value }) {
			d.fail(f.Column.Pos, quote(f.Column.Value)+" in fields of "+what+" is no column", "fields say by what name a column is asked for")
		}
	}
	for _, w := range l.With {
		d.listAddress(w.URL, "url in with "+w.Name.Value+" of "+what, l.Allow)
	}
	if l.Since != nil {
		d.listAddress(l.Since.URL, "url in since of "+what, l.Allow)
		if l.One == nil {
			d.fail(l.Since.Pos, "since of "+what+" has no use without one", "say with one how those are read who have changed")
		}
	}
	d.revokeChecked(s, what)
	if w := s.Webhook; w != nil && !w.Person.IsZero() && l.One == nil && w.Revoke == nil {
		d.fail(w.Person.Pos, "person in webhook of "+what+" has no use without one", "say with one how a person is read by id, or remove person: then everybody is read when a call comes")
	}
}

// listAddress checks an address that may have a query, unlike one that paths are put
// behind. It is not shown: a query may hold what nobody should see.
func (d *decoder) listAddress(t Text, what string, allow []Text) {
	if t.IsZero() {
		return
	}
	u, err := url.Parse(t.Value)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		d.fail(t.Pos, what+" is no address", "write https://host/path")
	case u.User != nil:
		d.fail(t.Pos, what+" holds a user name or password", "credentials belong into auth")
	case strings.Contains(t.Value, "#"):
		d.fail(t.Pos, what+" holds a fragment", "take out the part from the number sign on")
	case u.Scheme == "http" && !allows(allow, AllowPlainHTTP):
		d.fail(t.Pos, what+" is plain http, which shows people and credentials to the network", "use https, or allow: ["+AllowPlainHTTP+"]")
	}
}
