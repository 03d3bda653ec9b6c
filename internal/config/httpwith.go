// SPDX-License-Identifier: Apache-2.0

package config

// HTTPDetail is what is told of each record of a list in a request of its own.
type HTTPDetail struct {
	Pos   Position `json:"-"`
	Name  Text     `json:"name"` // of the member that a record gets by it
	URL   Text     `json:"url"`  // with {id}
	ID    Text     `json:"id"`   // path to what {id} is; empty = the key
	List  Text     `json:"list"` // path to the list in the answer; empty = it is one value
	At    Text     `json:"at"`   // path to that value; empty = the answer
	Paged bool     `json:"paged"`
}

// The values of HTTPList.Takes.
const (
	TakeEarliest = "earliest"
	TakeLatest   = "latest"
)

// mostDetails is how many requests there may be for each record.
const mostDetails = 8

func (d *decoder) httpWith(n *node, what string) (out []HTTPDetail) {
	d.named(n, "with of "+what, "what is told in a request of its own", func(name Text, n *node) {
		w := HTTPDetail{Pos: name.Pos, Name: name}
		label := "with " + name.Value + " of " + what
		d.section(n, label, name.Pos,
			field{key: "url", required: true, read: func(n *node) { w.URL, _ = d.text(n, "url of "+label) }},
			field{key: "id", read: func(n *node) { w.ID, _ = d.text(n, "id of "+label) }},
			field{key: "list", read: func(n *node) { w.List, _ = d.text(n, "list of "+label) }},
			field{key: "at", read: func(n *node) { w.At, _ = d.text(n, "at of "+label) }},
			field{key: "paged", read: func(n *node) { set(&w.Paged)(d.boolean(n, "paged of "+label)) }},
		)
		switch {
		case !w.List.IsZero() && !w.At.IsZero():
			d.fail(w.At.Pos, label+" has list and at", "write list if the answer holds a list, and at if it holds one value")
		case w.Paged && w.List.IsZero():
			d.fail(name.Pos, label+" is paged, and has no list", "say with list where the list is")
		}
		out = append(out, w)
	})
	if len(out) > mostDetails {
		d.fail(n.pos, "with of "+what+" has more than 8 requests for each record", "")
	}
	return out
}

// column reads a column of a map: a path, or a path and which value counts if it leads to
// several.
func (d *decoder) column(e entry) (path Text, take string, ok bool) {
	what := "the path of column " + quote(e.key.Value)
	if e.value.kind != kindMap {
		path, ok = d.text(e.value, what)
		return path, "", ok
	}
	d.section(e.value, "column "+quote(e.key.Value), e.key.Pos, d.taken(&path, &take, &ok, what)...)
	return path, take, ok
}

func (d *decoder) taken(path *Text, take *string, ok *bool, what string) []field {
	return []field{
		{key: "path", required: true, read: func(n *node) { *path, *ok = d.text(n, what) }},
		{key: "take", required: true, read: func(n *node) {
			t, good := d.choice(n, "take of "+what, TakeEarliest, TakeLatest)
			*take, *ok = t.Value, *ok && good
		}},
	}
}

func (d *decoder) columnShape() *Schema {
	var path Text
	var take string
	var ok bool
	more := sectionShape(d.taken(&path, &take, &ok, ""))
	return &Schema{AnyOf: []*Schema{{Type: Types{"string"}, Pattern: notBlank}, &more}}
}
