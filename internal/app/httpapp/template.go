// SPDX-License-Identifier: Apache-2.0

package httpapp

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/scim"
)

// Template is a JSON value of which some parts are a person's. Exactly one of its fields
// is set; Members and Items may be empty.
type Template struct {
	Members   []Member       // of an object
	Items     []Template     // of a list
	Constant  jsontext.Value // the same for everybody
	Attribute *scim.Path     // whose value stands here
	ID        bool           // the key of the record stands here, as a text
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value Template
}

// attributes are those whose values stand in the template.
func (t *Template) attributes(all []scim.Path) []scim.Path {
	if t.Attribute != nil && !slices.ContainsFunc(all, t.Attribute.Equal) {
		all = append(all, *t.Attribute)
	}
	for i := range t.Members {
		all = t.Members[i].Value.attributes(all)
	}
	for i := range t.Items {
		all = t.Items[i].attributes(all)
	}
	return all
}

func (t *Template) hasID() bool {
	return t.ID || slices.ContainsFunc(t.Members, func(m Member) bool { return m.Value.hasID() }) || slices.ContainsFunc(t.Items, func(i Template) bool { return i.hasID() })
}

// filling is what is put into a template: of whom, and of an attribute its value and
// whether it is sent at all.
type filling struct {
	id        string
	named     int // places at which the id stands by now
	value     func(scim.Path) (v scim.Value, send bool)
	emptyText bool
}

// fill appends the value that the template becomes, if it is sent: an attribute is left
// out that is not, and so is an object or a list in which all attributes are left out. What
// holds the id is always sent: it says whose record the rest is about.
func (t *Template) fill(dst []byte, f *filling) (out []byte, sent bool) {
	switch {
	case t.Attribute != nil:
		v, send := f.value(*t.Attribute)
		switch {
		case !send:
			return dst, false
		case !v.IsUnassigned():
			return v.AppendJSON(dst), true
		case f.emptyText:
			return append(dst, `""`...), true
		}
		return append(dst, "null"...), true
	case t.ID:
		f.named++
		return scim.String(f.id).AppendJSON(dst), true
	case t.Constant != nil:
		return append(dst, t.Constant...), true
	}
	begin, named, alive := len(dst), f.named, len(t.attributes(nil)) == 0 || t.hasID()
	open, end := byte('{'), byte('}')
	if t.Members == nil {
		open, end = '[', ']'
	}
	out = append(dst, open)
	add := func(name *string, part *Template) {
		before := len(out)
		if before > begin+1 {
			out = append(out, ',')
		}
		if name != nil {
			out = append(scim.String(*name).AppendJSON(out), ':')
		}
		var ok bool
		if out, ok = part.fill(out, f); !ok {
			out = out[:before]
		}
		alive = alive || ok && len(part.attributes(nil)) > 0
	}
	for i := range t.Members {
		add(&t.Members[i].Name, &t.Members[i].Value)
	}
	for i := range t.Items {
		add(nil, &t.Items[i])
	}
	if !alive {
		f.named = named
		return dst[:begin], false
	}
	return append(out, end), true
}

// Placeholder is what stands in a text in braces, "" if the text is a constant.
func Placeholder(text string) string {
	inner, ok := strings.CutPrefix(text, "{")
	if inner, closed := strings.CutSuffix(inner, "}"); ok && closed {
		return inner
	}
	return ""
}
