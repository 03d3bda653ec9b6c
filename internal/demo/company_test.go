// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/demo"
)

var today = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

func TestSameSeedSameCompany(t *testing.T) {
	t.Parallel()
	a, b := demo.NewCompany(3, 200, today), demo.NewCompany(3, 200, today)
	if !reflect.DeepEqual(a.Workers, b.Workers) {
		t.Error("the same seed makes another company")
	}
	if c := demo.NewCompany(4, 200, today); reflect.DeepEqual(a.Workers, c.Workers) {
		t.Error("another seed makes the same company")
	}
	// More people are more people, not others.
	if c := demo.NewCompany(3, 300, today); !reflect.DeepEqual(a.Workers, c.Workers[:200]) {
		t.Error("a larger company has other people")
	}
}

// TestHardCases: what has broken somebody's system is in every company.
func TestHardCases(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		c := demo.NewCompany(seed, 60, today)
		numbers, names := map[string]bool{}, map[string]int{}
		single, notASCII, staged, left, departments := 0, 0, 0, 0, map[string]bool{}
		for _, w := range c.Workers {
			if numbers[w.Number] || w.FullName() == "" || w.Department == "" || w.Title == "" || w.Start.IsZero() {
				t.Fatalf("seed %d: %+v", seed, *w)
			}
			numbers[w.Number], departments[w.Department] = true, true
			names[w.FullName()]++
			if w.Given == "" || w.Family == "" {
				single++
			}
			if utf8.RuneCountInString(w.FullName()) < len(w.FullName()) {
				notASCII++
			}
			switch {
			case w.Start.After(today):
				staged++
			case !w.Employed(today):
				left++
			}
			if w.Manager != "" && !numbers[w.Manager] {
				t.Errorf("seed %d: the manager of %s is nobody", seed, w.Number)
			}
		}
		if len(c.Workers) != 60 || names["Ada Brandt"] < 2 || names["Zoë O'Malley"] == 0 || names["李"] > 0 ||
			single < 2 || notASCII < 5 || left == 0 || staged == 0 || len(departments) < 8 {
			t.Errorf("seed %d: %d people, %d single names, %d not ASCII, %d staged, %d left, departments %v", seed, len(c.Workers), single, notASCII, staged, left, departments)
		}
	}
}

func TestEmployed(t *testing.T) {
	t.Parallel()
	w := demo.Worker{Start: today, End: today.AddDate(0, 0, 2)}
	for days, want := range map[int]bool{-1: false, 0: true, 1: true, 2: false, 3: false} {
		if got := w.Employed(today.AddDate(0, 0, days)); got != want {
			t.Errorf("day %d: %t", days, got)
		}
	}
}

func TestWriteHR(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "people.csv")
	c := demo.NewCompany(1, 200, today)
	for range 2 { // over an older one, too
		if err := demo.WriteHR(path, c.Workers, false); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 201 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, w := range c.Workers {
		if r := rows[i+1]; r[0] != w.Number || r[1] != w.Given || r[2] != w.Family || r[3] != w.Department || r[4] != w.Title || r[6] != w.Start.Format(time.DateOnly) {
			t.Errorf("row %v, want %+v", r, *w)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}
