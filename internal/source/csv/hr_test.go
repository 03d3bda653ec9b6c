// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/csv"
)

// hr finds the practice HR files, which lie beside the repository.
func hr(t testing.TB, name string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(root)
		if up == root {
			t.Fatal("no go.mod above the package")
		}
		root = up
	}
	path := filepath.Join(filepath.Dir(root), "shared", "data", "hr", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the HR practice data is missing: %v", err)
		}
		t.Skipf("the HR practice data is missing: %v", err)
	}
	return path
}

func hrConfig(path string) csv.Config {
	return csv.Config{
		Path: path, Key: "id",
		Columns: []string{"id", "first_name", "last_name", "department", "jobtitle", "hire_date", "termdate"},
		Read:    []string{"id", "first_name", "last_name", "department", "jobtitle", "hire_date", "termdate"},
	}
}

func TestHumanResources(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"day1": 22214, "day2": 22334, "truncated": 6700, "empty": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := hr(t, name+".csv")
			snap, err := csv.Read(t.Context(), hrConfig(path))
			if err != nil {
				t.Fatal(err)
			}
			if len(snap.Rows) != rows || len(snap.Rejected) > 0 || !snap.Proof.Complete || len(snap.Notes) > 0 {
				t.Errorf("%d rows, rejects %+v, %+v, %q", len(snap.Rows), snap.Rejected, snap.Proof, snap.Notes)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if snap.Proof.Digest != sha256.Sum256(data) || snap.Proof.Size != int64(len(data)) || snap.Proof.ModTime.IsZero() {
				t.Errorf("%+v", snap.Proof)
			}
			if name == "day1" {
				r := snap.Rows[1]
				want := []string{"00-0041533", "Ignatius", "Springett", "Business Development", "Business Analyst", "04-08-19", ""}
				if r.Line != 3 || r.Key != want[0] || !slices.Equal(r.Values(), want) {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

func TestHumanResourcesDirty(t *testing.T) {
	t.Parallel()
	snap, err := csv.Read(t.Context(), hrConfig(hr(t, "dirty.csv")))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, r := range snap.Rejected {
		switch {
		case r.Reason == "the key is empty" && r.Column == 1 && r.Field == "id" && r.Key == "":
			kinds["empty"]++
		case strings.HasPrefix(r.Reason, "the key occurs 11 times, also in lines ") && r.Key == "00-0037846":
			kinds["repeated"]++
		case r.Reason == "bidirectional control U+202E at character 1" && r.Column == 2 && r.Field == "first_name" && r.Key != "":
			kinds["bidi"]++
		case r.Reason == "longer than 4096 characters: 70000" && r.Column == 7 && r.Field == "department" && r.Key != "":
			kinds["long"]++
		default:
			t.Errorf("%+v", r)
		}
	}
	if kinds["empty"] != 10 || kinds["repeated"] != 11 || kinds["bidi"] != 10 || kinds["long"] != 10 || len(snap.Rows) != 22334-41 {
		t.Errorf("%v, %d rows", kinds, len(snap.Rows))
	}
	if snap.Proof.Complete || !strings.HasPrefix(snap.Proof.Reason, "10 rows have no key") {
		t.Errorf("%+v", snap.Proof)
	}
	if !slices.IsSortedFunc(snap.Rejected, func(a, b source.Reject) int { return a.Line - b.Line }) {
		t.Error("rejects are not in the order of lines")
	}
}
