// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// FuzzExpression: no expression and no row makes the compiler or a program panic,
// and what comes out is fit to leave.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		`slug(row.first_name) + "@x"`, `date(row.hire_date, ["M/d/yyyy"], "Europe/Berlin")`, `row["Full Name"]`,
		`row.id.replace("", row.id)`, `row.id.split("").map(x, x + x).join("-")`, `row`, `row[row.id]`, `has(row.id) ? "a" : ""`,
		`{"a": "b"}[row.id]`, `first([])`, `string(1.0 / 0.0)`, `int(row.id)`, `row.id.matches("a+")`, `@date("", "")`,
		`"%d".format([1])`, `[1,2].map(a, [a].map(b, b)).size() == 2`, "\x00", `a.b.c(d.e)`, `date("x", [""])`, `date("", [], "")`,
		`b"x" == b"y"`, `timestamp("2020-01-01T00:00:00Z") < timestamp(row.id)`, `duration("1s")`, `row.id in [row.in]`,
		`person.name`, `endOfDay(row.id, row.id)`, `cut(row.id, -1)`, `row.id.substring(1, 0)`, `row{id: "x"}`, `null`,
	} {
		f.Add(s, "00-1", "x")
	}
	e := rowEnv(f)
	f.Fuzz(func(t *testing.T, expr, id, name string) {
		for label, want := range anyWant() {
			p, err := e.Compile(at(expr), want)
			if err != nil {
				continue
			}
			in := mapping.Input{Row: []string{id, name, name, name, id, id, name}}
			v, err := p.Eval(in)
			if err != nil {
				if s := err.Error(); len(id) > 8 && !strings.Contains(expr, id) && strings.Contains(s, id) {
					t.Errorf("%s: the error tells the value: %s", expr, s)
				}
				continue
			}
			if s, ok := v.AsString(); ok {
				checkLeaving(t, expr, s)
			}
			if w, err := p.Eval(in); err != nil || !w.Equal(v) {
				t.Errorf("%s as %s: first %v, then %v, %v", expr, label, v, w, err)
			}
			p.Explain(in)
		}
	})
}

func checkLeaving(t *testing.T, expr, s string) {
	t.Helper()
	if !utf8.ValidString(s) || len(s) > mapping.MaxText || strings.ContainsAny(s, "\x00\n\x7f\u202e\u2066\u200f") {
		t.Errorf("%s yields %q", expr, s)
	}
}

// FuzzPerson: a person as a provider sent it, against its schema or not, never
// makes a program panic.
func FuzzPerson(f *testing.F) {
	for _, s := range []string{
		`{"name":{"givenName":"x"},"active":true}`, `{"name":"x","active":"True","emails":{"value":1}}`,
		`{"emails":[null,{"value":"x","primary":"yes"}]}`, `{"name":[1,2],"emails":[["x"]]}`, `{"` + scim.EnterpriseUserURN + `":{"manager":"x"}}`,
	} {
		f.Add([]byte(s))
	}
	e := personEnv(f)
	var programs []*mapping.Program
	for _, c := range [][2]string{
		{`person.name.givenName`, "string"},
		{`person.name.givenName + "x"`, "string"},
		{`person.active`, "bool"},
		{`person.name`, "name"},
		{`person.emails.exists(e, e.primary && e.value == "x")`, "bool"},
		{`person.emails.map(e, e.value)`, "strings"},
		{`person.enterprise.manager.value`, "string"},
		{`has(person.enterprise.manager.value) || person.name == person.name`, "bool"},
	} {
		p, err := e.Compile(at(c[0]), anyWant()[c[1]])
		if err != nil {
			f.Fatal(err)
		}
		programs = append(programs, p)
	}
	// The same value, read the short way and by CEL.
	var direct [][2]*mapping.Program
	for _, c := range [][2]string{
		{`person.userName`, "string"},
		{`person.name.givenName`, "string"},
		{`person.active`, "bool"},
		{`person.name`, "name"},
		{`person.enterprise.manager.value`, "string"},
	} {
		var pair [2]*mapping.Program
		for i, expr := range []string{c[0], `person.id == "p" ? ` + c[0] + ` : ` + c[0]} {
			p, err := e.Compile(at(expr), anyWant()[c[1]])
			if err != nil {
				f.Fatal(err)
			}
			pair[i] = p
		}
		direct = append(direct, pair)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := scim.ParseResource(data, scim.Limits{})
		if err != nil {
			t.Skip()
		}
		in := mapping.Input{Person: r, PersonID: "p"}
		for i, p := range direct {
			v, err := p[0].Eval(in)
			w, werr := p[1].Eval(in)
			if (err == nil) != (werr == nil) || !v.Equal(w) {
				t.Errorf("%d: the short way yields %v, %v, CEL %v, %v", i, v, err, w, werr)
			}
		}
		for _, p := range programs {
			if v, err := p.Eval(mapping.Input{Person: r, PersonID: "p"}); err == nil {
				if s, ok := v.AsString(); ok {
					checkLeaving(t, p.Text().Value, s)
				}
			}
			p.Explain(mapping.Input{Person: r})
		}
	})
}

// FuzzDate: a layout that compiles reads any text without panic, and what it reads
// is RFC 3339.
func FuzzDate(f *testing.F) {
	for _, s := range [][2]string{
		{"M/d/yyyy", "1/20/2002"},
		{"MM-dd-yy", "04-08-19"},
		{"yyyy-MM-dd HH:mm:ss 'UTC'", "2029-10-29 06:09:38 UTC"},
		{"ISO", "2026-11-23T10:11:12.5+01:00"},
		{"d MMM yyyy h a", "1 Jan 2020 1 PM"},
		{"yyyyMMddX", "20200101+0100"},
		{"''yyyy''MM''dd", "'2020'01'01"},
	} {
		f.Add(s[0], s[1])
	}
	e, err := newCompiler(f).Row([]string{"x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, layout, text string) {
		quoted := `r"""` + layout + `"""`
		p, err := e.Compile(at(`date(row.x, [`+quoted+`], "Asia/Kathmandu")`), mapping.WantString())
		if err != nil {
			t.Skip()
		}
		v, err := p.Eval(mapping.Input{Row: []string{text}})
		if err != nil {
			return
		}
		s, _ := v.AsString()
		if s == "" {
			return
		}
		if _, err := time.Parse("2006-01-02T15:04:05Z", s); err != nil {
			t.Errorf("date(%q, %q) = %q", text, layout, s)
		}
	})
}
