// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim/scimtest"
)

var (
	namedTest   = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	testFunc    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	requirement = regexp.MustCompile(`"((?:7643|7644|9865)-[\d.]+-\d+|(?:entra|okta|interop|ipsie)-\d+)"`)
	numberedRow = regexp.MustCompile(`(?m)^\| (\d+) \| .* \| .* \| .*` + "`Test")
)

// docs/divergences.md is the register of deviations: each test that it names is there,
// each of the RFCs' contradictions is decided once, and each id at which an endpoint
// of ours, or a profile, deviates as decided can be found in it.
func TestDivergencesRegister(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "divergences.md"))
	if err != nil {
		t.Fatal(err)
	}
	register := string(text)
	tests := map[string]bool{}
	decided := map[string]string{} // by id, who decides
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(source), -1) {
			tests[m[1]] = true
		}
		if in := filepath.ToSlash(path); strings.HasSuffix(in, "internal/acceptance/judge_test.go") || strings.Contains(in, "/examples/") {
			for _, m := range requirement.FindAllStringSubmatch(string(source), -1) {
				decided[m[1]] = in
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range scimtest.Profiles() {
		for id := range p.Decisions {
			decided[id] = "profile " + p.Name
		}
	}
	if len(decided) < 5 {
		t.Errorf("decided are only %v", decided)
	}
	for id, who := range decided {
		if !regexp.MustCompile(regexp.QuoteMeta(id) + `\b`).MatchString(register) {
			t.Errorf("%s is decided by %s and not in docs/divergences.md", id, who)
		}
	}
	named := namedTest.FindAllStringSubmatch(register, -1)
	if len(named) < 50 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("docs/divergences.md names %s, and there is no such test", m[1])
		}
	}
	_, section, _ := strings.Cut(register, "\n## Where the RFCs contradict themselves\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var numbers []string
	for _, m := range numberedRow.FindAllStringSubmatch(section, -1) {
		numbers = append(numbers, m[1])
	}
	var want []string
	for n := 1; n <= 18; n++ {
		want = append(want, fmt.Sprint(n))
	}
	if !slices.Equal(numbers, want) {
		t.Errorf("contradictions with a test are %v, want 1 to 18", numbers)
	}
}
