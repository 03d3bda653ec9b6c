// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/mapping"
)

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	c := newCompiler(t)
	team, err := c.Team()
	if err != nil {
		t.Fatal(err)
	}
	envs := map[string]*mapping.Env{"row": rowEnv(t), "person": personEnv(t), "team": team}
	var out strings.Builder
	for _, c := range []struct{ env, want, expr string }{
		{"row", "string", ``},
		{"row", "string", `row.frist_name`},
		{"row", "string", `row.FirstName + row["full name"]`},
		{"row", "string", `row.salary`},
		{"row", "string", `first_name`},
		{"row", "string", `person.userName`},
		{"row", "string", `row[row.id]`},
		{"row", "string", `row`},
		{"row", "bool", `row == row`},
		{"row", "bool", `row.active`},
		{"row", "bool", `row.active == 1`},
		{"row", "bool", `row.active == true`},
		{"row", "bool", `row.active = "true"`},
		{"row", "bool", `row.active == "true" & row.id != ""`},
		{"row", "bool", `has(row["Full Name"])`},
		{"row", "string", `row.first_name + 1`},
		{"row", "string", `slugg(row.first_name)`},
		{"row", "string", `slug(1)`},
		{"row", "string", `"unclosed`},
		{"row", "string", `slug(row.first_name`},
		{"row", "string", "slug(row.first_name) +\n  \".\" +\n  slug(row.lastname)"},
		{"row", "string", `date(row.hire_date, ["M/d/yyyy", "MM-dd-yy", "Q/yyyy"])`},
		{"row", "string", `date(row.hire_date, ["Mdyyyy"])`},
		{"row", "string", `date(row.hire_date, ["MM/yyyy"])`},
		{"row", "string", `date(row.hire_date, [])`},
		{"row", "string", `date(row.hire_date, [row.id])`},
		{"row", "string", `date(row.hire_date, "yyyy")`},
		{"row", "string", `date(row.hire_date, ["ISO"], "Europe/Berlino")`},
		{"row", "string", `endOfDay(row.hire_date, "Nowhere")`},
		{"row", "bool", `row.id.matches(row.first_name)`},
		{"row", "bool", `row.id.matches("[")`},
		{"row", "bool", `row.id.matches("(a{500}){500}")`},
		{"row", "string", `"%s".format([row.id])`},
		{"row", "string", `dyn(row.id)`},
		{"row", "string", `now()`},
		{"row", "string", `splitName(row["Full Name"])`},
		{"row", "strings", `row.id`},
		{"row", "int", `row.id`},
		{"row", "decimal", `row.id`},
		{"row", "string", `int(row.id)`},
		{"row", "date", `timestamp(row.id)`},
		{"row", "string", `timestamp(row.id).getFullYear()`},
		{"row", "string", `{"a": 1, "b": "c"}[row.id]`},
		{"row", "string", `["a", 1][0]`},
		{"row", "bool", `null`},
		{"person", "string", `person.departement`},
		{"person", "string", `person.department`},
		{"person", "string", `person.enterprise.departement`},
		{"person", "string", `person.name`},
		{"person", "string", `person.emails`},
		{"person", "string", `person.emails.value`},
		{"person", "string", `person.emails[0].vlaue`},
		{"person", "string", `person.password`},
		{"person", "bool", `person.teams == "x"`},
		{"person", "bool", `teams == "x"`},
		{"person", "bool", `person.active == "true"`},
		{"person", "string", `userName`},
		{"person", "name", `Name{givenName: "x"}`},
		{"person", "name", `person.enterprise.manager`},
		{"person", "string", `person.userName.first`},
		{"person", "bool", `[[1]].exists(a, a.exists(b, a.exists(c, c == b)))`},
		{"team", "string", `team.title + person.id`},
		{"row", "string", `"` + strings.Repeat("x", 9000) + `"`},
		{"row", "string", strings.Repeat("(", 500) + "1"},
		{"row", "string", strings.Repeat("row.id+", 1100) + "row.id"},
		{"row", "string", "\"\xff\""},
	} {
		_, err := envs[c.env].Compile(at(c.expr), anyWant()[c.want])
		expr := c.expr
		if len(expr) > 100 {
			expr = expr[:40] + "…"
		}
		fmt.Fprintf(&out, "%s → %s: %q\n", c.env, c.want, expr)
		var one *config.Error
		if !errors.As(err, &one) {
			t.Errorf("%s: no config.Error but %v", expr, err)
		}
		fmt.Fprintf(&out, "  %s\n", strings.ReplaceAll(fmt.Sprint(err), "\n", "\n  "))
	}
	golden(t, "compile-errors", out.String())
}

func TestRowColumns(t *testing.T) {
	t.Parallel()
	for _, cols := range [][]string{{"a", ""}, {"a", "a"}} {
		if _, err := newCompiler(t).Row(cols); err == nil {
			t.Errorf("columns %q are taken", cols)
		}
	}
}
