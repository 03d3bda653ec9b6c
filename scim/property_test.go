// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/scim"
)

// model is a user and a group in one, as plainly as Go can say it. Its methods are
// RFC 7644 §3.5.2 word by word, without a thought for speed.
type model struct {
	title   string
	name    map[string]string
	members []string
	emails  []mail
}

type mail struct {
	value, kind string
	primary     bool
}

// step is one operation: as a client writes it, and on the model. The function
// tells whether it is carried out; if not, the request is refused.
type step struct {
	text string
	run  func(*model) bool
}

func jsonOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func opText(op, path string, v any) string {
	o := map[string]any{"op": op, "path": path}
	if v != nil {
		o["value"] = v
	}
	return jsonOf(o)
}

func values(list []string) []map[string]string {
	out := make([]map[string]string, len(list))
	for i, s := range list {
		out[i] = map[string]string{"value": s}
	}
	return out
}

func (m *model) addMembers(list []string) bool {
	for _, s := range list {
		if !slices.Contains(m.members, s) {
			m.members = append(m.members, s)
		}
	}
	return true
}

func (m *model) dropMembers(list []string) bool {
	m.members = slices.DeleteFunc(m.members, func(s string) bool { return slices.Contains(list, s) })
	return true
}

func (m *model) addMails(list []mail) bool {
	primary := -1
	for _, e := range list {
		if slices.Contains(m.emails, e) {
			continue
		}
		m.emails = append(m.emails, e)
		if e.primary {
			if primary >= 0 {
				return false
			}
			primary = len(m.emails) - 1
		}
	}
	m.onlyPrimary(primary)
	return true
}

func (m *model) onlyPrimary(at int) {
	for i := range m.emails {
		if at >= 0 && i != at {
			m.emails[i].primary = false
		}
	}
}

func mailsJSON(list []mail) []map[string]any {
	out := make([]map[string]any, len(list))
	for i, e := range list {
		out[i] = map[string]any{"value": e.value, "type": e.kind}
		if e.primary {
			out[i]["primary"] = true
		}
	}
	return out
}

func steps() *rapid.Generator[step] {
	word := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	kind := rapid.SampledFrom([]string{"work", "home"})
	mails := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) mail {
		return mail{word.Draw(t, "value"), kind.Draw(t, "type"), rapid.IntRange(0, 3).Draw(t, "primary") == 0}
	}), 0, 3)
	return rapid.Custom(func(t *rapid.T) step {
		op := rapid.SampledFrom([]string{"add", "replace"}).Draw(t, "op")
		s, k, list, some := word.Draw(t, "word"), kind.Draw(t, "kind"), rapid.SliceOfN(word, 0, 4).Draw(t, "list"), mails.Draw(t, "mails")
		switch rapid.IntRange(0, 13).Draw(t, "which") {
		case 0:
			return step{opText(op, "title", s), func(m *model) bool { m.title = s; return true }}
		case 1:
			return step{opText("remove", "title", nil), func(m *model) bool { m.title = ""; return true }}
		case 2:
			v := map[string]any{"givenName": s, "familyName": nil}
			return step{opText(op, "name", v), func(m *model) bool {
				m.name["givenName"] = s
				delete(m.name, "familyName")
				return true
			}}
		case 3:
			return step{opText(op, "name.familyName", s), func(m *model) bool { m.name["familyName"] = s; return true }}
		case 4:
			return step{opText("remove", "name", nil), func(m *model) bool { clear(m.name); return true }}
		case 5:
			return step{opText("remove", "name.givenName", nil), func(m *model) bool { delete(m.name, "givenName"); return true }}
		case 6:
			return step{opText("add", "members", values(list)), func(m *model) bool { return m.addMembers(list) }}
		case 7:
			return step{opText("replace", "members", values(list)), func(m *model) bool { m.members = nil; return m.addMembers(list) }}
		case 8:
			return step{opText("remove", "members", values(list)), func(m *model) bool { return m.dropMembers(list) }}
		case 9:
			return step{opText("remove", `members[value eq "`+s+`"]`, nil), func(m *model) bool { return m.dropMembers([]string{s}) }}
		case 10:
			return step{opText("add", "emails", mailsJSON(some)), func(m *model) bool { return m.addMails(some) }}
		case 11:
			return step{opText("replace", "emails", mailsJSON(some)), func(m *model) bool { m.emails = nil; return m.addMails(some) }}
		case 12:
			return step{opText("remove", `emails[type eq "`+k+`"]`, nil), func(m *model) bool {
				m.emails = slices.DeleteFunc(m.emails, func(e mail) bool { return e.kind == k })
				return true
			}}
		}
		if rapid.Bool().Draw(t, "primary") {
			return step{opText("replace", `emails[type eq "`+k+`"].primary`, true), func(m *model) bool {
				hit, newest := false, -1
				for i, e := range m.emails {
					if e.kind != k {
						continue
					}
					if hit = true; !e.primary && newest >= 0 {
						return false
					} else if !e.primary {
						newest = i
						m.emails[i].primary = true
					}
				}
				m.onlyPrimary(newest)
				return hit
			}}
		}
		return step{opText("replace", `emails[type eq "`+k+`"].value`, s), func(m *model) bool {
			hit := false
			for i := range m.emails {
				if m.emails[i].kind == k {
					hit, m.emails[i].value = true, s
				}
			}
			return hit
		}}
	})
}

func (m *model) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %q", m.title, m.name["givenName"], m.name["familyName"], m.members)
	for _, e := range m.emails {
		fmt.Fprintf(&b, " %s/%s/%v", e.value, e.kind, e.primary)
	}
	return b.String()
}

func modelOf(r *scim.Resource) *model {
	text := func(v scim.Value, name string) string {
		o, _ := v.AsComplex()
		v, _ = o.Get(name)
		s, _ := v.AsString()
		return s
	}
	m := &model{name: map[string]string{}}
	v, _ := r.Get("title")
	m.title, _ = v.AsString()
	v, _ = r.Get("name")
	m.name["givenName"], m.name["familyName"] = text(v, "givenName"), text(v, "familyName")
	v, _ = r.Get("members")
	list, _ := v.AsList()
	for _, e := range list {
		m.members = append(m.members, text(e, "value"))
	}
	v, _ = r.Get("emails")
	list, _ = v.AsList()
	for _, e := range list {
		o, _ := e.AsComplex()
		p, _ := o.Get("primary")
		primary, _ := p.AsBool()
		m.emails = append(m.emails, mail{text(e, "value"), text(e, "type"), primary})
	}
	return m
}

// both has the attributes of users and of groups.
func both(tb testing.TB) (*scim.SchemaSet, string) {
	tb.Helper()
	const urn = "urn:acme:params:scim:schemas:core:2.0:Both"
	group, _ := scim.CoreSchemas().Schema(scim.GroupURN)
	user, _ := scim.CoreSchemas().Schema(scim.UserURN)
	set, err := scim.NewSchemaSet(scim.Schema{ID: urn, Attributes: append([]scim.Attribute{group.Attributes[1]}, user.Attributes...)})
	if err != nil {
		tb.Fatal(err)
	}
	return set, urn
}

// PATCH does what the model does, refuses what the model refuses, leaves its input
// alone, and never makes two values primary.
func TestApplyIsTheModel(t *testing.T) {
	t.Parallel()
	set, urn := both(t)
	rules := scim.PatchRules{RemoveWithValueArray: true}
	rapid.Check(t, func(t *rapid.T) {
		r := scim.NewResource(urn)
		want := &model{name: map[string]string{}}
		for range 3 { // requests
			some := rapid.SliceOfN(steps(), 1, 12).Draw(t, "steps")
			texts := make([]string, len(some))
			next := modelOf(r)
			ok := true
			for i, s := range some {
				texts[i] = s.text
				ok = ok && s.run(next)
			}
			request := message("[" + strings.Join(texts, ",") + "]")
			p, err := rules.Parse(request, scim.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			before, asked := r.String(), string(p.AppendJSON(nil))
			got, err := p.Apply(set, urn, r, rules)
			if r.String() != before || string(p.AppendJSON(nil)) != asked {
				t.Fatalf("Apply changed its input to\n%s\n%s", r, p.AppendJSON(nil))
			}
			if ok != (err == nil) {
				t.Fatalf("%s on %s: %v, the model says %v", request, r, err, ok)
			}
			if err != nil {
				continue // all or nothing
			}
			if want = next; modelOf(got).String() != want.String() {
				t.Fatalf("%s on\n%s gives\n%s\nthe model is\n%s", request, r, got, want)
			}
			primaries := 0
			for _, e := range want.emails {
				if e.primary {
					primaries++
				}
			}
			if primaries > 1 {
				t.Fatalf("%d primary values: %s", primaries, got)
			}
			r = got
		}
	})
}

func people() *rapid.Generator[*scim.Resource] {
	return rapid.Custom(func(t *rapid.T) *scim.Resource {
		r := scim.NewResource(scim.UserURN)
		r.Set("userName", scim.String("fixed"))
		word := rapid.SampledFrom([]string{"", "a", "b", "B"})
		object := func(names ...string) scim.Value {
			var o scim.Object
			for _, n := range names {
				if s := word.Draw(t, n); s != "" {
					o.Set(n, scim.String(s))
				}
			}
			return scim.Complex(o)
		}
		put := func(name string, v scim.Value) {
			if err := r.Put(whole(name), v); err != nil {
				t.Fatal(err)
			}
		}
		put("name", object("givenName", "familyName", "middleName"))
		put("title", scim.String(word.Draw(t, "title")))
		put("active", scim.Bool(rapid.Bool().Draw(t, "active")))
		for _, name := range []string{"emails", "phoneNumbers"} {
			var list []scim.Value
			primary := rapid.IntRange(0, 4).Draw(t, "primary")
			for i := range rapid.IntRange(0, 3).Draw(t, name) {
				o, _ := object("value", "type", "display").AsComplex()
				if o.Set("value", scim.String(fmt.Sprint(name, i))); i == primary {
					o.Set("primary", scim.Bool(true))
				}
				list = append(list, scim.Complex(o))
			}
			put(name, scim.List(list...))
		}
		put("enterprise.department", scim.String(word.Draw(t, "department")))
		put("enterprise.division", scim.String(word.Draw(t, "division")))
		put("enterprise.manager", object("value"))
		return r
	})
}

// whole is path for those who hold no testing.TB.
func whole(text string) scim.Path {
	p, err := scim.CoreSchemas().ParsePath(text)
	if err != nil {
		panic(err)
	}
	return p
}

var wholes = []string{"name", "title", "active", "emails", "phoneNumbers", "enterprise"}

// ToPatch(Diff(a, b)) makes b of a, also where whole complex attributes and whole
// extensions are compared; and Diff finds nothing between equals, whichever comes first.
func TestDiffAndPatchOfWholeAttributes(t *testing.T) {
	t.Parallel()
	set := scim.CoreSchemas()
	all := make([]scim.Path, len(wholes))
	for i, s := range wholes {
		all[i] = whole(s)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := people().Draw(t, "a"), people().Draw(t, "b")
		if d := scim.Diff(set, scim.UserURN, all, a, a.Clone()); len(d) > 0 {
			t.Fatalf("%s differs from itself: %v", a, d)
		}
		there, back := scim.Diff(set, scim.UserURN, all, a, b), scim.Diff(set, scim.UserURN, all, b, a)
		if len(there) != len(back) {
			t.Fatalf("%v one way, %v the other", there, back)
		}
		got, err := scim.ToPatch(there).Apply(set, scim.UserURN, a, scim.PatchRules{})
		if err != nil {
			t.Fatalf("%s on %s: %v", scim.ToPatch(there).AppendJSON(nil), a, err)
		}
		if left := scim.Diff(set, scim.UserURN, all, got, b); len(left) > 0 {
			t.Fatalf("%s on\n%s gives\n%s, not\n%s", scim.ToPatch(there).AppendJSON(nil), a, got, b)
		}
		if again := scim.ToPatch(scim.Diff(set, scim.UserURN, all, got, b)); len(again) > 0 {
			t.Fatalf("not quiet when done: %s", again.AppendJSON(nil))
		}
	})
}

// documents draws JSON values with the shapes that SCIM knows, and some it does not.
func documents(depth int) *rapid.Generator[scim.Value] {
	return rapid.Custom(func(t *rapid.T) scim.Value {
		kinds := 4
		if depth == 0 {
			kinds = 2
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 2:
			return scim.List(rapid.SliceOfN(documents(depth-1), 0, 4).Draw(t, "list")...)
		case 3:
			var o scim.Object
			for _, n := range rapid.SliceOfN(names(), 0, 5).Draw(t, "names") {
				o.Set(n, documents(depth-1).Draw(t, n))
			}
			return scim.Complex(o)
		}
		return operands().Draw(t, "simple")
	})
}

// What is printed is read back as the same: values, resources, PATCH and list messages.
func TestJSONPrintsAsItParses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := documents(4).Draw(t, "value")
		got, err := scim.ParseValue(v.AppendJSON(nil), scim.Limits{})
		if err != nil || !got.Equal(v) || got.String() != v.String() || !got.Equal(got.Clone()) {
			t.Fatalf("%s came back as %s, %v", v, got, err)
		}
		r := scim.NewResource(scim.UserURN)
		r.Set("x", v)
		list := scim.ListResponse{
			TotalResults: rapid.IntRange(-1, 9).Draw(t, "total"), StartIndex: rapid.IntRange(0, 9).Draw(t, "start"),
			NextCursor: rapid.StringMatching(`[a-z"\\]{0,5}`).Draw(t, "cursor"), Resources: []*scim.Resource{r, r.Clone()},
		}
		data, err := list.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := scim.ParseListResponse(data, scim.Limits{})
		if err != nil || back.TotalResults != list.TotalResults || back.StartIndex != list.StartIndex || back.NextCursor != list.NextCursor ||
			len(back.Resources) != 2 || !back.Resources[0].Equal(r.Object) {
			t.Fatalf("%s came back as %+v, %v", data, back, err)
		}
	})
}

func TestPatchPrintsAsItParses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) scim.PatchOp {
			op := scim.PatchOp{Op: rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(t, "op")}
			if op.Op == scim.OpRemove || rapid.Bool().Draw(t, "path") {
				at := pathWith(2, true).Draw(t, "at")
				op.Path = &at
			}
			op.Value = documents(2).Draw(t, "value")
			if op.Path == nil {
				var o scim.Object
				o.Set("x", op.Value)
				op.Value = scim.Complex(o)
			} else if op.Value.IsNull() {
				op.Value = scim.Bool(true)
			}
			return op
		}), 1, 5).Draw(t, "patch")
		data := scim.Patch(p).AppendJSON(nil)
		got, err := scim.ParsePatch(data, scim.Limits{})
		if err != nil || string(got.AppendJSON(nil)) != string(data) {
			t.Fatalf("%s came back as %s, %v", data, got.AppendJSON(nil), err)
		}
		for i := range p {
			if got[i].Op != p[i].Op || !got[i].Value.Equal(p[i].Value) || (got[i].Path == nil) != (p[i].Path == nil) ||
				p[i].Path != nil && !got[i].Path.Equal(*p[i].Path) {
				t.Fatalf("operation %d: %+v came back as %+v", i, p[i], got[i])
			}
		}
	})
}
