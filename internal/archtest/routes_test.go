// SPDX-License-Identifier: Apache-2.0

package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// routes are all that is put on a mux, by file: what is new here is to be looked at by
// somebody who asks what it tells to whom (TestAttackWithoutACredential in
// internal/server asks it).
var routes = []string{
	"internal/entra/entratest/call.go /", // a fake tenant, which listens in tests alone
	"internal/entra/entratest/call.go POST /{tenant}/oauth2/v2.0/token",
	"internal/entra/entratest/call.go method versionpath",
	"internal/github/githubtest/call.go /", // a fake organization, which listens in tests alone
	"internal/github/githubtest/call.go what",
	"internal/google/googletest/call.go /", // a fake account, which listens in tests alone
	"internal/google/googletest/call.go method basepath",
	"internal/okta/oktatest/call.go /", // a fake org, which listens in tests alone
	"internal/okta/oktatest/call.go method basepath",
	"internal/server/web.go GET /healthz",
	"internal/server/web.go GET /metrics", // on a listener of its own
	"internal/server/web.go GET /readyz",
	"internal/server/web.go GET keysPath",       // public keys
	"internal/server/web.go hooksPath l.Source", // wants what is signed by a secret that is configured, or that secret
	"internal/server/web.go hooksPath t.Source", // wants the secret that is configured
	"internal/server/web.go scimPath/",          // asks for a token before it looks at anything
	"internal/token/oauth/server.go GET resourceMetadata s.c.Resource",
	"internal/token/oauth/server.go GET serverMetadata",
	"internal/token/oauth/server.go path", // wants what a client has signed
}

// TestRoutes finds what is put on a mux anywhere in the binary.
func TestRoutes(t *testing.T) {
	t.Parallel()
	var found []string
	for _, p := range load(t) {
		for _, f := range p.files {
			if f.test || !strings.HasPrefix(f.path, "internal/") && !strings.HasPrefix(f.path, "cmd/") || strings.HasPrefix(f.path, "internal/archtest/") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), f.path, f.source, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 2 || spelled(call.Args[0]) == "ctx" { // that one handles a line of the log
					return true
				}
				if fn, ok := call.Fun.(*ast.SelectorExpr); ok && (fn.Sel.Name == "Handle" || fn.Sel.Name == "HandleFunc") {
					found = append(found, f.path+" "+strings.Join(strings.Fields(spelled(call.Args[0])), " "))
				}
				return true
			})
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, routes) {
		t.Errorf("routes are\n%s\nand listed here are\n%s", strings.Join(found, "\n"), strings.Join(routes, "\n"))
	}
}

// spelled is a pattern as it is written: texts as they are, names by their names.
func spelled(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strings.Trim(e.Value, "`\"")
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return " " + spelled(e.X) + "." + e.Sel.Name
	case *ast.BinaryExpr:
		return spelled(e.X) + spelled(e.Y)
	}
	return "?"
}
