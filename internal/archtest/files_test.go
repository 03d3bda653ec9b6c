// SPDX-License-Identifier: Apache-2.0

package archtest_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	licenceLine = "// SPDX-License-Identifier: Apache-2.0\n"
	longFile    = 700
)

// longFiles are one idea each although they are long; test files may be long without a line here.
var longFiles = map[string]string{}

// shunned imports are wrong in every file, test files too.
var shunned = map[string]string{
	"math/rand": "math/rand/v2 has the better generators and no global seed",
	"io/ioutil": "os and io have all of it",
}

func TestPackageComments(t *testing.T) {
	t.Parallel()
	for dir, p := range load(t) {
		if slices.ContainsFunc(p.files, func(f file) bool { return !f.test && f.doc != "" }) {
			continue
		}
		if slices.ContainsFunc(p.files, func(f file) bool { return !f.test }) {
			t.Errorf("package %s has no doc comment: say what it owns, what it must not do, its RFC sections and its goroutines", dir)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range load(t) {
		for _, f := range p.files {
			seen[f.path] = true
			if !bytes.HasPrefix(f.source, []byte(licenceLine)) {
				t.Errorf("%s: the first line must be %q", f.path, strings.TrimSpace(licenceLine))
			}
			if n := f.lines(); n > longFile && !f.test && longFiles[f.path] == "" {
				t.Errorf("%s has %d lines: cut it by use case, or list it in longFiles with the reason why it is one idea", f.path, n)
			} else if n <= longFile && longFiles[f.path] != "" {
				t.Errorf("%s is listed in longFiles and has only %d lines", f.path, n)
			}
			for _, to := range f.imports {
				if why := shunned[to]; why != "" {
					t.Errorf("%s imports %s: %s", f.path, to, why)
				}
			}
		}
	}
	for name := range longFiles {
		if !seen[name] {
			t.Errorf("longFiles lists %s, which does not exist", name)
		}
	}
}

// TestNoDefaultServeMux holds that nobody serves what a package puts there by being imported: expvar, which the metrics
// library links, shows the command line and memory figures to whoever asks.
func TestNoDefaultServeMux(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		for _, f := range p.files {
			if strings.HasPrefix(f.path, "internal/archtest/") {
				continue
			}
			for _, use := range []string{"http.DefaultServeMux", "http.Handle(", "http.HandleFunc(", "http.ListenAndServe(", "http.ListenAndServeTLS(", "http.Serve(", "http.ServeTLS("} {
				if bytes.Contains(f.source, []byte(use)) {
					t.Errorf("%s uses %s: an http.Server with a mux of its own shows what was put on it, and has timeouts", f.path, use)
				}
			}
		}
	}
}

// TestNoInit holds that nothing happens by being imported: wiring is visible in internal/server.
func TestNoInit(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		for _, f := range p.files {
			if !bytes.Contains(f.source, []byte("func init(")) {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), path.Base(f.path), f.source, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, d := range parsed.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function", f.path)
				}
			}
		}
	}
}
