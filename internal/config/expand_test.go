// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"A": "alpha", "_b2": "beta", "EMPTY": "", "N": "8", "D": "90s",
		"YAML": "x\nsources: {}\n# &a *a !!str", "AGAIN": "${A}", "BAD": "a\xff", "LONG": strings.Repeat("x", 300<<10),
	}
	for _, c := range []struct{ in, want, err string }{
		{"plain", "plain", ""},
		{"${A}", "alpha", ""},
		{"'x-${A}-${_b2}'", "x-alpha-beta", ""},
		{"${A:-none}", "alpha", ""},
		{"${NONE:-none}", "none", ""},
		{"'${NONE:-}x'", "x", ""},
		{"${EMPTY:-full}", "full", ""},
		{"'[${EMPTY}]'", "[]", ""},
		{`"${NONE:-a: b}"`, "a: b", ""},
		{"${NONE:-:-}", ":-", ""},
		{"$A", "$A", ""},
		{"a$", "a$", ""},
		{"$$A", "$$A", ""},
		{"$${A}", "${A}", ""},
		{"$$${A}", "$${A}", ""},
		{"${A}$${A}", "alpha${A}", ""},
		{"${AGAIN}", "${A}", ""},
		{"${YAML}", "x\nsources: {}\n# &a *a !!str", ""},
		{"${NONE}", "", "1:8: environment variable NONE is not set (set it, or write ${NONE:-default})"},
		{"'ab${NONE}'", "", "1:11: environment variable NONE is not set"},
		{"${EMPTY}", "", `1:8: store is empty (nothing is left of "${EMPTY}" after the environment was put in)`},
		{"${A", "", "1:8: ${ without }"},
		{"${}", "", "1:8: ${…} must hold the name"},
		{"${1A}", "", "1:8: ${…} must hold the name"},
		{"${A-b}", "", "1:8: ${…} must hold the name"},
		{"${A:-${B}}", "", "1:8: the default of ${A} holds another ${"},
		{"${BAD}", "", "1:8: environment variable BAD does not hold UTF-8 text"},
		{"${LONG}", "", "longer than 256 KiB"},
		{"${NONE}${NONF}", "", "1:15: environment variable NONF is not set"},
	} {
		_, tail, _ := strings.Cut(small, "\n")
		cfg, err := config.Parse("f", []byte("store: "+c.in+"\n"+tail), environment(env))
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %v, want %s", c.in, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", c.in, err)
		case c.err == "" && cfg.Store.Value != c.want:
			t.Errorf("%s is %q, want %q", c.in, cfg.Store.Value, c.want)
		}
	}
}

// TestEnvironmentTypes: numbers, durations and lists convert after expansion.
func TestEnvironmentTypes(t *testing.T) {
	t.Parallel()
	env := map[string]string{"N": "8", "F": "2.5", "D": "90s", "WORD": "many", "GO": "go", "LOOP": "loopback"}
	const typed = "concurrency: '${N}', requests_per_second: '${F}', timeout: '${D}', first_run: '${GO}', allow: ['${LOOP}'], user:"
	src := strings.Replace(small, "user:", typed, 1)
	app := mustParse(t, src, env).Apps[0]
	if app.Concurrency != 8 || app.RequestsPerSecond != 2.5 || app.Timeout.String() != "1m30s" || app.FirstRun != "go" || !app.Allows("loopback") {
		t.Errorf("%+v", app)
	}
	_, err := config.Parse("f", []byte(strings.Replace(src, "${N}", "${WORD}", 1)), environment(env))
	if err == nil || !strings.Contains(err.Error(), `must be a whole number, not "${WORD}"`) {
		t.Errorf("got %v", err)
	}
}
