// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// FuzzParse: no file makes Parse panic or return neither a configuration nor
// positions, and the same file is always read the same.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/bad.yaml", "testdata/structure.yaml", "testdata/secrets.yaml", "../../examples/hr-csv/usher.yaml"} {
		data, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{small, "", "a: |2\n   x\n", "a: >-\n", "a: |", "? a\n: b", "%YAML 1.2\n---\na", "a: {b: [c, {d", "- - - -", "a: !!binary x", "a:\n...\n---\nb:", "\ufeff", "a: \"\\x\""} {
		f.Add([]byte(s))
	}
	env := environment(map[string]string{"A": "alpha", "HR_FILE": "p", "APP_URL": "https://a.example", "APP_TOKEN": "t"})
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := config.Parse("f", data, env)
		again, errAgain := config.Parse("f", data, env)
		if err != nil {
			var all config.Errors
			if cfg != nil || !errors.As(err, &all) || len(all) == 0 || errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("%v, %v, then %v", cfg, err, errAgain)
			}
			lines := 1 + strings.Count(strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n"), "\n")
			for _, e := range all {
				if e.Pos.File != "f" || e.Pos.Line > lines || e.Msg == "" {
					t.Fatalf("%v in a file of %d lines", e, lines)
				}
			}
			return
		}
		if errAgain != nil || cfg.Digest != again.Digest || cfg.Store.IsZero() || len(cfg.Sources) == 0 {
			t.Fatalf("%v, then %v, %v", cfg, again, errAgain)
		}
		if _, err := cfg.MarshalJSON(); err != nil {
			t.Fatal(err)
		}
	})
}
