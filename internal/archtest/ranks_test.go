// SPDX-License-Identifier: Apache-2.0

package archtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A rank says how far along the path of a change a package stands; a package imports only packages of lower rank. Ranks are
// counted in halves, so that a folder inside a room has a place between its room and the next.
type rank int

// ranks is the order of the rooms, as data flows through them. Folders inside a room need no line, see rankOf.
var ranks = map[string]rank{
	"scim":            0,
	"scim/scimevent":  1,
	"scim/scimserver": 2,
	"scim/scimclient": 2,
	"scim/scimtest":   4,

	"internal/config":    0,
	"internal/dial":      0,
	"internal/jsonpath":  0,
	"internal/rest":      0,
	"internal/fake":      0,
	"internal/heap":      0,
	"internal/planted":   0,
	"internal/telemetry": 0,
	"internal/mapping":   2,
	"internal/auth0":     2,
	"internal/okta":      2,
	"internal/google":    2,
	"internal/entra":     2,
	"internal/github":    2,
	"internal/audit":     2,
	"internal/secret":    2,
	"internal/queue":     2,
	"internal/request":   2,
	"internal/directory": 4,
	"internal/token":     4,
	"internal/events":    4,
	"internal/app":       4,
	"internal/source":    6,
	"internal/provision": 6,
	"internal/access":    6,
	"internal/store":     8,
	"internal/proxy":     10,
	"internal/mcp":       10,
	"internal/api":       10,
	"internal/console":   10,
	"internal/server":    12,
	"internal/demo":      13,
	"internal/cli":       14,
	"cmd/usher":          16,
}

// testOnly packages may import anything; nothing but test files may import them.
var testOnly = map[string]bool{"internal/acceptance": true, "internal/app/apptest": true, "internal/archtest": true, "internal/bench": true, "internal/bench/perftable": true, "internal/sim": true, "internal/source/hrtest": true, "internal/store/postgres/postgrestest": true, "internal/store/sqlite/sqlitetest": true, "internal/store/storetest": true, "internal/testenv": true}

// only narrows what a package may import of the project, and whether it may import other modules at all.
var only = map[string]struct {
	project []string // "" allows nothing
	modules bool
	reason  string
}{
	"scim":            {nil, false, "embedding it must bring the standard library and nothing else"},
	"scim/scimclient": {[]string{"scim"}, false, "embedding it must bring the standard library and scim, nothing else"},
	"scim/scimevent":  {[]string{"scim"}, false, "embedding it must bring the standard library and scim, nothing else"},
	"scim/scimserver": {[]string{"scim", "scim/scimevent"}, true, "a public package cannot stand on an internal one"},
	"scim/scimtest":   {[]string{"scim", "scim/scimserver", "scim/scimclient"}, true, "a public package cannot stand on an internal one"},
	"cmd/usher":       {[]string{"internal/cli"}, true, "main calls internal/cli and nothing else"},

	"internal/auth0/auth0test": {[]string{"internal/fake"}, true, "it is a second reading of Auth0's documentation, and must not borrow from the first"},
	"internal/okta/oktatest":   {[]string{"internal/fake"}, true, "it is a second reading of Okta's documentation, and must not borrow from the first"},
	"internal/entra/entratest": {[]string{"internal/fake"}, true, "it is a second reading of Microsoft's documentation, and must not borrow from the first"},

	"internal/google/googletest": {[]string{"internal/fake"}, true, "it is a second reading of Google's documentation, and must not borrow from the first"},

	"internal/fake/authtest": {[]string{"internal/fake"}, true, "it is a second reading of the RFCs, and must not borrow from the first"},

	"internal/github/githubtest": {[]string{"internal/fake"}, true, "it is a second reading of GitHub's documentation, and must not borrow from the first"},
}

// never lists imports that one package must not have although its rank allows them.
var never = map[string]map[string]string{
	"scim": {
		"net/http": "the package is about documents; sending them is scimclient's and scimserver's",
		"os":       "the package does no I/O",
	},
	"scim/scimtest": {
		"testing": "a check is a function that anybody can call, in a binary too",
	},
	"internal/auth0/auth0test": {
		"testing": "the demo has a fake tenant in the binary",
	},
	"internal/fake": {
		"testing": "the demo has a fake tenant in the binary",
	},
}

// rankOf finds the rank of a package of the project. A folder inside a room ranks half above it; inside store half below, as
// Open chooses among them. Deeper folders, and example programs, must be listed.
func rankOf(path string) (rank, bool) {
	if r, ok := ranks[path]; ok {
		return r, true
	}
	if strings.HasPrefix(path, "examples/") {
		return ranks["cmd/usher"], true
	}
	room := path[:max(0, strings.LastIndexByte(path, '/'))]
	r, ok := ranks[room]
	switch {
	case !ok || !strings.HasPrefix(room, "internal/"):
		return 0, false
	case room == "internal/store":
		return r - 1, true
	default:
		return r + 1, true
	}
}

// misplaced says what is wrong with one import of a package, or "".
func misplaced(from, to string) string {
	project, inside := strings.CutPrefix(to, module+"/")
	limit, limited := only[from]
	switch {
	case never[from][to] != "":
		return never[from][to]
	case !inside && limited && !limit.modules && strings.Contains(strings.SplitN(to, "/", 2)[0], "."):
		return limit.reason
	case !inside || testOnly[from]:
		return ""
	case testOnly[project]:
		return "it is for test files only"
	case limited && !slices.Contains(limit.project, project):
		return limit.reason
	case strings.HasPrefix(from, "examples/") && strings.HasPrefix(project, "internal/"):
		return "an example is what somebody else could write: public packages only"
	}
	mine, _ := rankOf(from)
	its, ok := rankOf(project)
	if !ok {
		return "it has no rank"
	}
	if its >= mine {
		return fmt.Sprintf("its rank is %.1f, this one's %.1f", float64(its)/2, float64(mine)/2)
	}
	return ""
}

func TestRanks(t *testing.T) {
	t.Parallel()
	for path, pkg := range load(t) {
		if _, ok := rankOf(path); !ok && !testOnly[path] {
			t.Errorf("package %s has no rank: decide where on the path it stands, and add it to ranks", path)
		}
		for _, f := range pkg.files {
			if f.test {
				continue
			}
			for _, to := range f.imports {
				if why := misplaced(path, to); why != "" {
					t.Errorf("%s imports %s: %s", f.path, to, why)
				}
			}
		}
	}
}

// TestRankTable tries the rules themselves, so that a table which allows everything is noticed.
func TestRankTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"internal/cli", "internal/server", true},
		{"internal/app", "scim/scimclient", true},
		{"internal/app/scimapp", "internal/app", true},
		{"internal/source/csv", "internal/source", true},
		{"internal/store", "internal/store/sqlite", true},
		{"internal/store/sqlite", "internal/provision", true},
		{"scim/scimclient", "scim", true},
		{"internal/directory", "internal/provision", false},
		{"internal/provision", "internal/access", false},
		{"internal/provision", "internal/source", false},
		{"internal/app", "internal/app/scimapp", false},
		{"internal/store/sqlite", "internal/store", false},
		{"internal/cli", "internal/testenv", false},
		{"internal/cli", "internal/nowhere", false},
		{"scim/scimserver", "internal/config", false},
		{"cmd/usher", "internal/server", false},
		{"examples/embed", "internal/config", false},
	} {
		if why := misplaced(c.from, module+"/"+c.to); (why == "") != c.allowed {
			t.Errorf("%s → %s: allowed %t, want %t (%s)", c.from, c.to, why == "", c.allowed, why)
		}
	}
	for _, c := range [][2]string{
		{"scim", "net/http"},
		{"scim", "os"},
		{"scim", "golang.org/x/text/cases"},
		{"scim/scimclient", "golang.org/x/time/rate"},
		{"scim/scimtest", "testing"},
		{"internal/auth0/auth0test", "testing"},
		{"internal/auth0/auth0test", module + "/internal/auth0"},
	} {
		if misplaced(c[0], c[1]) == "" {
			t.Errorf("%s may import %s, but must not", c[0], c[1])
		}
	}
	for _, path := range []string{"internal/nowhere", "internal/source/csv/deep", "other", "scim/other"} {
		if _, ok := rankOf(path); ok {
			t.Errorf("%s has a rank without a line", path)
		}
	}
}
