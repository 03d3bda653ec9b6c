// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// full is the output of a run in which everything was measured.
func full() string {
	var b strings.Builder
	b.WriteString("goos: linux\ncpu: A Processor\n")
	for _, r := range slices.Concat(tables()[0].rows, tables()[1].rows) {
		b.WriteString("Benchmark" + r.benchmark + "-2 \t 1 \t 120030567 ns/op")
		for _, m := range metricName.FindAllString(r.says, -1) {
			b.WriteString("\t 2.64851 " + strings.Trim(m, "{}"))
		}
		b.WriteString("\n")
	}
	return b.String() + "BenchmarkOther-2 \t 1 \t 5 ns/op\nPASS\n"
}

var document = "before\n" + tables()[0].begin() + "\nold\n" + end + "\nbetween\n" + tables()[1].begin() + "\nold\n" + end + "\nafter\n" +
	tables()[2].begin() + "\ndeep\n" + end + "\n"

// wrote runs the command on a document and returns what it is then.
func wrote(t *testing.T, text, in string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := write([]string{path}, strings.NewReader(in), &out)
	if !strings.HasPrefix(out.String(), in) {
		t.Errorf("not passed on:\n%s", out.String())
	}
	data, rerr := os.ReadFile(path)
	if rerr != nil {
		t.Fatal(rerr)
	}
	return string(data), err
}

func TestTable(t *testing.T) {
	t.Parallel()
	out, err := wrote(t, document, full())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"before\n" + tables()[0].begin() + "\nMeasured on ", ", 2 cores (A Processor), go", end + "\nbetween\n", end + "\nafter\n", "\ndeep\n",
		"| 2.65 s, 2.65 accounts/s | `go test -run '^$' -bench 'Plan$' ./internal/bench` |",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "old") || strings.Contains(out, "Other") || strings.Contains(out, "?") {
		t.Errorf("not as it must be:\n%s", out)
	}
}

func TestNotWritten(t *testing.T) {
	t.Parallel()
	out, err := wrote(t, document, strings.Replace(full(), "BenchmarkPlan", "BenchmarkPlam", 1))
	if head, _, _ := strings.Cut(document, "between"); !strings.HasPrefix(out, head) || strings.Count(out, "Measured on") != 1 || err != nil {
		t.Errorf("a run that left something out: %v\n%s", err, out)
	}
	if out, err := wrote(t, document, full()+"FAIL\n"); out != document || err == nil {
		t.Errorf("a run that failed: %v\n%s", err, out)
	}
	if out, err := wrote(t, "no markers", full()); out != "no markers" || err == nil {
		t.Errorf("a document without markers: %v\n%s", err, out)
	}
}
