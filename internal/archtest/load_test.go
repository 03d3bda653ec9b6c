// SPDX-License-Identifier: Apache-2.0

package archtest_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

const module = "github.com/usher-id/usher"

// A file is what the tests want to know of one Go file, without type-checking anything.
type file struct {
	path    string // from the root of the repository, with slashes
	test    bool
	source  []byte
	imports []string
	doc     string // package comment
}

type pkg struct{ files []file }

func (f file) lines() int { return bytes.Count(f.source, []byte("\n")) }

// load reads every Go file of the module, by folder. Nested modules, test data and hidden folders are not of the house.
func load(t *testing.T) map[string]*pkg {
	t.Helper()
	root := testenv.Root(t)
	pkgs := map[string]*pkg{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipFolder(root, path, d.Name())
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := read(root, path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(f.path))
		if pkgs[dir] == nil {
			pkgs[dir] = &pkg{}
		}
		pkgs[dir].files = append(pkgs[dir].files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

func skipFolder(root, path, name string) error {
	if path == root {
		return nil
	}
	if name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func read(root, path string) (file, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return file{}, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return file{}, err
	}
	f := file{path: filepath.ToSlash(rel), test: strings.HasSuffix(path, "_test.go"), source: source, doc: docText(parsed)}
	for _, spec := range parsed.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, to)
	}
	return f, nil
}

func docText(f *ast.File) string {
	if f.Doc == nil {
		return ""
	}
	return strings.TrimSpace(f.Doc.Text())
}
