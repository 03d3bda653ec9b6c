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

// openHTTP are files of the product that may send by what net/http has ready, with reasons.
var openHTTP = map[string]string{
	"scim/scimclient/client.go":           "public: whoever embeds it brings their own client, or has net/http's",
	"scim/scimtest/session.go":            "public, likewise; usher scim check brings the guarded one",
	"scim/scimtest/checks_errors.go":      "public, likewise",
	"internal/testenv/process.go":         "it speaks to programs that a test has started",
	"internal/auth0/auth0test/webhook.go": "a fake, which calls the address that a test gives it",
}

// TestDialIsTheOnlyWayOut: only internal/dial makes transports of HTTP in the product, so that
// each connection is guarded, and none takes a proxy from the environment. A client without a
// transport, and the functions of package http that send, have net/http's own.
func TestDialIsTheOnlyWayOut(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range load(t) {
		for _, f := range p.files {
			if f.test || strings.HasPrefix(f.path, "internal/dial/") || !slices.Contains(f.imports, "net/http") {
				continue
			}
			for _, what := range sendsByItself(t, f) {
				if seen[f.path] = true; openHTTP[f.path] == "" {
					t.Errorf("%s uses %s: connect by internal/dial", f.path, what)
				}
			}
		}
	}
	for path := range openHTTP {
		if !seen[path] {
			t.Errorf("%s is listed in openHTTP, and does nothing of it", path)
		}
	}
}

// sendsByItself are the uses of what of package http connects by itself.
func sendsByItself(t *testing.T, f file) (found []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), f.path, f.source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	of := func(e ast.Expr) string {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return ""
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "http" {
			return s.Sel.Name
		}
		return ""
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			switch of(n.Type) {
			case "Transport":
				found = append(found, "http.Transport{}")
			case "Client":
				if !slices.ContainsFunc(n.Elts, func(e ast.Expr) bool {
					kv, ok := e.(*ast.KeyValueExpr)
					if !ok {
						return false
					}
					key, ok := kv.Key.(*ast.Ident)
					return ok && key.Name == "Transport"
				}) {
					found = append(found, "http.Client{} without a transport")
				}
			}
		case *ast.SelectorExpr:
			if name := of(n); slices.Contains([]string{"DefaultTransport", "DefaultClient", "Get", "Head", "Post", "PostForm", "ProxyFromEnvironment"}, name) {
				found = append(found, "http."+name)
			}
		}
		return true
	})
	return found
}
