// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

type evalCase struct{ expr, want, result string }

func TestEvalRow(t *testing.T) {
	t.Parallel()
	e := rowEnv(t)
	for _, c := range []evalCase{
		{`row.first_name`, "string", `"Renée"`},
		{`row["Full Name"]`, "string", `"Ludwig van Beethoven"`},
		{`row["in"]`, "string", `""`}, // a short row reads as blank
		{`""`, "string", `""`},
		{`null`, "text", `null`},
		{`[]`, "strings", `[]`},
		{`has(row.termdate)`, "bool", `true`},
		{`has(row.department) && row["in"] == ""`, "bool", `true`},
		{`slug(row.first_name) + "." + slug(row.last_name) + "@acme.example"`, "string", `"renee.oneil-smith@acme.example"`},
		{`date(row.hire_date, ["M/d/yyyy", "MM-dd-yy"])`, "date", `"2002-01-20T00:00:00Z"`},
		{`date(row.hire_date, ["M/d/yyyy"], "Europe/Berlin")`, "date", `"2002-01-19T23:00:00Z"`},
		{`date(row.termdate, ["ISO", "yyyy-MM-dd HH:mm:ss 'UTC'"])`, "date", `"2029-10-29T06:09:38Z"`},
		{`date(row["in"], ["ISO"])`, "date", `""`},
		{`endOfDay(date(row.hire_date, ["M/d/yyyy"]))`, "date", `"2002-01-20T23:59:59Z"`},
		{`endOfDay(date(row.hire_date, ["M/d/yyyy"], "Europe/Berlin"), "Europe/Berlin")`, "date", `"2002-01-20T22:59:59Z"`},
		{`addDays(date(row.hire_date, ["M/d/yyyy"]), -20)`, "date", `"2001-12-31T00:00:00Z"`},
		{`splitName(row["Full Name"])[1]`, "string", `"van Beethoven"`},
		{`splitName(row["Full Name"])`, "strings", `["Ludwig","van Beethoven"]`},
		{`upper(row.department) + lower("ÄB") + title("JOHN o'neil") + trim("  x ")`, "string", `"R\u0026DäbJohn O'Neilx"`},
		{`join(["a", "b"], "-") + ["c", "d"].join(",") + ["e"].join()`, "string", `"a-bc,de"`},
		{`first([]) + first(["x", "y"])`, "string", `"x"`},
		{`or(row["in"], row.department) + or("", "", "z") + or("", "")`, "string", `"R\u0026Dz"`},
		{`cut("Grüße", 3) + cut("a", 9) + cut("a", 0)`, "string", `"Grüa"`},
		{`row.id.matches("^[0-9]{2}-[0-9]+$")`, "bool", `true`},
		{`row.id.replace("-", "") + row.id.split("-")[0] + row.id.substring(3)`, "string", `"001001"`},
		{`{"R&D": "Research"}[row.department]`, "string", `"Research"`},
		{`row.department in ["R&D", "Sales"] ? "yes" : "no"`, "string", `"yes"`},
		{`int(row.id.substring(3)) + 1`, "int", `2`},
		{`int(row.id.substring(3))`, "decimal", `1.0`},
		{`[1, 2].map(x, string(x)).join()`, "string", `"12"`},
	} {
		checkEval(t, e, mapping.Input{Row: row()}, c)
	}
}

func TestEvalPerson(t *testing.T) {
	t.Parallel()
	e := personEnv(t)
	in := mapping.Input{Person: person(t), PersonID: "p-1", Teams: []string{"eng", "all"}}
	for _, c := range []evalCase{
		{`person.userName`, "string", `"renee@acme.example"`},
		{`person.id + person.externalId`, "string", `"p-1x-1"`},
		{`person.id`, "string", `"p-1"`},
		{`has(person.id) && !has(person.nickName) && has(person.name) && has(person.emails)`, "bool", `true`},
		{`person.active`, "bool", `true`},
		{`person.name.givenName + " " + person.name.familyName`, "string", `"Renée O'Neil"`},
		{`person.name`, "name", `{"givenName":"Renée","familyName":"O'Neil"}`},
		{`person.enterprise.department`, "string", `"R\u0026D"`},
		{`person.enterprise.manager.value`, "string", `"m-1"`},
		{`person.usher.startDate`, "date", `""`}, // through an extension that is absent
		{`person.usher.startDate == "" && !has(person.usher.startDate) && !has(person.usher)`, "bool", `true`},
		{`person.enterprise.manager.displayName + "-"`, "string", `"-"`},
		{`person.emails.filter(e, e.type == "work").map(e, e.value)`, "strings", `["w@acme.example"]`},
		{`first(person.emails.filter(e, e.primary).map(e, e.value))`, "string", `"w@acme.example"`},
		{`person.phoneNumbers.size() == 0 && person.phoneNumbers.all(p, p.value != "")`, "bool", `true`},
		{`person.emails.exists(e, e.value.endsWith("@acme.example") && !has(e.display))`, "bool", `true`},
		{`"eng" in teams && !("ops" in teams)`, "bool", `true`},
		{`teams`, "strings", `["eng","all"]`},
		{`teams.exists(person, person == "eng")`, "bool", `true`},
		{`person.name == person.name`, "bool", `true`},
	} {
		checkEval(t, e, in, c)
	}
}

func TestEvalEmptyPerson(t *testing.T) {
	t.Parallel()
	e := personEnv(t)
	for _, c := range []evalCase{
		{`person.name.givenName`, "string", `""`},
		{`person.name.givenName + "x"`, "string", `"x"`},
		{`person.active`, "bool", `false`},
		{`person.emails.map(e, e.value)`, "strings", `[]`},
		{`person.name`, "name", `{}`},
		{`person.id`, "string", `""`},
	} {
		checkEval(t, e, mapping.Input{}, c)
	}
}

func TestEvalTeam(t *testing.T) {
	t.Parallel()
	e, err := newCompiler(t).Team()
	if err != nil {
		t.Fatal(err)
	}
	in := mapping.Input{Team: mapping.Team{Name: "dept-eng", Value: "Engineering"}}
	checkEval(t, e, in, evalCase{`team.value`, "string", `"Engineering"`})
	checkEval(t, e, in, evalCase{`or(team.value, team.name) + "!"`, "string", `"Engineering!"`})
}

func checkEval(t *testing.T, e *mapping.Env, in mapping.Input, c evalCase) {
	t.Helper()
	p, err := e.Compile(at(c.expr), anyWant()[c.want])
	if err != nil {
		t.Errorf("%s: %v", c.expr, err)
		return
	}
	v, err := p.Eval(in)
	if err != nil {
		t.Errorf("%s: %v", c.expr, err)
		return
	}
	got, want := v.String(), strings.ReplaceAll(c.result, `\u0026`, "&")
	if strings.ReplaceAll(got, `\u0026`, "&") != want {
		t.Errorf("%s = %s, want %s", c.expr, got, want)
	}
	if tr := p.Explain(in); tr.Err != "" || !tr.Result.Equal(v) {
		t.Errorf("%s: the trace says %v %s", c.expr, tr.Result, tr.Err)
	}
}

// Whatever goes wrong, the secret in the data is not in the error.
func TestEvalErrorsKeepValues(t *testing.T) {
	t.Parallel()
	e := rowEnv(t)
	for _, c := range []struct{ expr, want, secret, msg string }{
		{`date(row.id, ["M/d/yyyy", "ISO"])`, "date", "99/99/zz", `usher.yaml:10:5: date: the text has none of the layouts "M/d/yyyy", "ISO"`},
		{`date(row.id, ["M/d/yyyy"])`, "date", "2/31/2002", `usher.yaml:10:5: date: there is no such date or time (layouts: "M/d/yyyy")`},
		{`date(row.id, ["M/d/yyyy"])`, "date", "2/3/2002 x", `usher.yaml:10:5: date: the text has none of the layouts "M/d/yyyy"`},
		{`row.id`, "date", "2/3/2002", `usher.yaml:10:5: the result is no date in RFC 3339; make it one with date()`},
		{`{"a": "b"}[row.id]`, "string", "s3cret", `usher.yaml:10:15: the map has no entry for this key`},
		{`string(int(row.id))`, "string", "s3cret", `usher.yaml:10:12: a value cannot be converted`},
		{`row.id.substring(99)`, "string", "s3cret", `usher.yaml:10:12: the text or list has no such position`},
		{`row.id`, "string", "a\u202eb", `usher.yaml:10:5: the text holds a character that turns the direction of writing`},
		{`row.id + "x"`, "string", "a\x00b", `usher.yaml:10:5: the text holds a control character`},
		{`row.id + "x"`, "string", "a\xffb", `usher.yaml:10:5: the text is no valid UTF-8`},
		{`[row.id]`, "strings", "a\nb", `usher.yaml:10:5: the text holds a control character`},
		{`row.id`, "string", strings.Repeat("x", 70_000), `usher.yaml:10:5: a text is longer than 64 KiB`},
		{`slug(row.id)`, "string", strings.Repeat("x", 70_000), `a text is longer than 64 KiB`},
		{`row.id.replace("", row.id)`, "string", strings.Repeat("x", 60_000), `a text is longer than 64 KiB`},
		{`row.id.split("").map(x, row.id.split("").map(y, x + y).join()).join()`, "string", strings.Repeat("x", 60_000), `the expression costs too much for this input`},
		{`endOfDay(row.id)`, "date", "soon", `endOfDay: the text is no date; make it one with date()`},
		{`date("2002-01-01", ["ISO"], row.id)`, "date", "Mars/Base", `there is no such time zone`},
		{`date("2002-01-01", ["ISO"], row.id)`, "date", "Local", `there is no such time zone`},
	} {
		p, err := e.Compile(at(c.expr), anyWant()[c.want])
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		_, err = p.Eval(mapping.Input{Row: []string{c.secret}})
		var ee *mapping.EvalError
		if !errors.As(err, &ee) {
			t.Errorf("%s: error %v", c.expr, err)
			continue
		}
		if !strings.Contains(err.Error(), c.msg) {
			t.Errorf("%s: error %q, want %q", c.expr, err, c.msg)
		}
		if strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: the error tells the value: %v", c.expr, err)
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	p, err := rowEnv(t).Compile(at(`slug(row.last_name) + row["Full Name"] + (has(row.id) ? row.last_name : "")`), mapping.WantString())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Reads(), []string{`row.id`, `row.last_name`, `row["Full Name"]`}; !slices.Equal(got, want) {
		t.Errorf("Reads = %q, want %q", got, want)
	}
	if got, want := p.Columns(), []string{"id", "last_name", "Full Name"}; !slices.Equal(got, want) {
		t.Errorf("Columns = %q, want %q", got, want)
	}
	p, err = personEnv(t).Compile(at(`person.emails.exists(e, e.value == person.enterprise.department) && teams.exists(person, person == "x")`), mapping.WantBool())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Reads(), []string{"person.emails", "person.enterprise.department", "teams"}; !slices.Equal(got, want) {
		t.Errorf("Reads = %q, want %q", got, want)
	}
	tr := p.Explain(mapping.Input{Person: person(t), Teams: []string{"y"}})
	if len(tr.Inputs) != 3 || !tr.Inputs[0].Present || tr.Inputs[1].Value.String() == "" || !tr.Inputs[2].Present {
		t.Errorf("Inputs = %v", tr.Inputs)
	}
}

// A program is shared between workers; run with -race.
func TestConcurrentEval(t *testing.T) {
	t.Parallel()
	p, err := rowEnv(t).Compile(at(`slug(row.first_name) + date(row.hire_date, ["M/d/yyyy"], "Europe/Berlin")`), mapping.WantString())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := string(rune('a' + i))
			for range 200 {
				v, err := p.Eval(mapping.Input{Row: []string{"", name, "", "", "1/2/2003"}})
				if err != nil || !v.Equal(scim.String(name+"2003-01-01T23:00:00Z")) {
					t.Errorf("Eval = %v, %v", v, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestExplainError(t *testing.T) {
	t.Parallel()
	p, err := rowEnv(t).Compile(at(`date(row.hire_date, ["ISO"])`), mapping.WantString())
	if err != nil {
		t.Fatal(err)
	}
	tr := p.Explain(mapping.Input{Row: []string{"", "", "", "", "soon"}})
	if tr.Err == "" || !tr.Result.IsNull() || len(tr.Inputs) != 1 || !tr.Inputs[0].Present || !tr.Inputs[0].Value.Equal(scim.String("soon")) {
		t.Errorf("trace %+v", tr)
	}
	if tr.Expression != p.Text().Value {
		t.Errorf("expression %q", tr.Expression)
	}
}

// Long conditions and long sums are common; the limits leave room for them.
func TestLongExpressions(t *testing.T) {
	t.Parallel()
	e := rowEnv(t)
	for expr, want := range map[string]mapping.Want{
		strings.Repeat(`row.id == "x" || `, 200) + "true": mapping.WantBool(),
		strings.Repeat(`row.id + `, 60) + `""`:            mapping.WantString(),
	} {
		if _, err := e.Compile(at(expr), want); err != nil {
			t.Errorf("%d characters: %v", len(expr), err)
		}
	}
}
