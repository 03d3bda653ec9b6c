// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/cli"
)

// TestShippedSchema holds docs/usher.schema.json to what `usher schema` prints;
// -update writes it. The examples lead editors there.
func TestShippedSchema(t *testing.T) {
	t.Parallel()
	var out, errw bytes.Buffer
	if code := cli.Main([]string{"schema"}, nil, &out, &errw); code != 0 {
		t.Fatalf("exit code %d: %s", code, errw.String())
	}
	root := filepath.Join("..", "..")
	path := filepath.Join(root, "docs", "usher.schema.json")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shipped, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shipped, out.Bytes()) {
		t.Error("docs/usher.schema.json is not what `usher schema` prints; run go test ./internal/cli -run TestShippedSchema -update")
	}

	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "*.yaml"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	for _, file := range examples {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(data), "\n")
		target, ok := strings.CutPrefix(first, "# yaml-language-server: $schema=")
		if !ok {
			t.Errorf("%s: the first line must lead editors to the schema", file)
			continue
		}
		if got := filepath.Join(filepath.Dir(file), target); got != path {
			t.Errorf("%s leads editors to %s", file, got)
		}
	}
}
