// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"bytes"
	"context"
	gocsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/csv"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/internal/testenv"
)

// said is what a read says: its rows by key, who was set aside, and whether it is complete.
func said(rows []source.Row, rejected []source.Reject, complete bool) string {
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s %q", r.Key, r.Values()))
	}
	aside := map[string]bool{}
	for _, j := range rejected {
		if j.Key != "" {
			aside[j.Key] = true
		}
	}
	for key := range aside {
		lines = append(lines, key+" is set aside")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + fmt.Sprintf("\ncomplete %v", complete)
}

// TestARowIsARow: whatever text a file and a list hold, the same is taken of both, and the
// same set aside.
func TestARowIsARow(t *testing.T) {
	t.Parallel()
	hr := httpintest.New(t)
	hr.Paging, hr.Token, hr.Size = httpintest.Offset, token, 4
	conf := listing(t, hr, httpintest.Offset)
	t.Cleanup(conf.HTTP.(*http.Transport).CloseIdleConnections)
	l, err := httpin.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "hr.csv")
	odd := rapid.OneOf(rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{
		"", " ", "Zoë", "a,b", "a\nb", "\"q\"", "=cmd|x", "\u202eabc", "\x00", "\u00a0x ", "1.50", "true", "null", strings.Repeat("ë", 4097),
	}))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 9).Draw(t, "people")
		var b bytes.Buffer
		rows := gocsv.NewWriter(&b)
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(rows.Write([]string{"id", "name", "dept", "end"}))
		people := make([]httpintest.Person, n)
		for i := range people {
			id, name, dept, end := fmt.Sprint(i), odd.Draw(t, "name"), odd.Draw(t, "dept"), odd.Draw(t, "end")
			if rapid.IntRange(0, 9).Draw(t, "odd key") == 0 {
				id = odd.Draw(t, "id") + id
			}
			for _, v := range []string{id, name, dept, end} {
				if strings.ContainsAny(v, "\r\n") { // which the writer of files alters
					t.Skip()
				}
			}
			must(rows.Write([]string{id, name, dept, end}))
			people[i] = httpintest.Person{"id": id, "name": map[string]string{"first": name}, "dept": dept, "end": end}
		}
		rows.Flush()
		must(os.WriteFile(file, b.Bytes(), 0o600))
		hr.Set(people)
		columns := []string{"id", "name", "dept", "end"}
		snap, err := csv.Read(context.Background(), csv.Config{Path: file, Key: "id", Columns: columns, Read: columns, Encoding: "utf-8", Delimiter: ',', Settle: time.Millisecond})
		must(err)
		batch, err := l.ReadAll(context.Background(), knowledge())
		must(err)
		fromFile, fromList := said(snap.Rows, snap.Rejected, snap.Proof.Complete), said(batch.Rows, batch.Rejected, batch.Proof.Complete)
		if fromFile != fromList {
			t.Fatalf("from the file\n%s\nfrom the list\n%s", fromFile, fromList)
		}
	})
}

// TestHumanResources: the practice HR data, as a file and as a list, says the same.
func TestHumanResources(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(filepath.Dir(testenv.Root(t)), "shared", "data", "hr")
	columns := []string{"id", "first_name", "last_name", "department", "jobtitle", "hire_date", "termdate"}
	for _, name := range []string{"day1", "day2", "truncated", "empty", "dirty"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(folder, name+".csv")
			data, err := os.ReadFile(file)
			if err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatalf("the HR practice data is missing: %v", err)
				}
				t.Skipf("the HR practice data is missing: %v", err)
			}
			snap, err := csv.Read(t.Context(), csv.Config{Path: file, Key: "id", Columns: columns, Read: columns})
			if err != nil {
				t.Fatal(err)
			}
			hr := httpintest.New(t)
			hr.Paging, hr.Token, hr.Size, hr.Total = httpintest.Cursor, token, 2_000, true
			hr.Set(recordsOf(t, data))
			conf := listing(t, hr, httpintest.Cursor)
			t.Cleanup(conf.HTTP.(*http.Transport).CloseIdleConnections)
			conf.Paging.SizeParam, conf.Paging.Size, conf.Total, conf.Columns = "", 0, ptr(path(t, "meta.total")), nil
			for _, c := range columns {
				conf.Columns = append(conf.Columns, httpin.Column{Name: c, Path: path(t, c)})
			}
			l, err := httpin.New(conf)
			if err != nil {
				t.Fatal(err)
			}
			batch, err := l.ReadAll(t.Context(), knowledge())
			if err != nil {
				t.Fatal(err)
			}
			fromFile, fromList := said(snap.Rows, snap.Rejected, snap.Proof.Complete), said(batch.Rows, batch.Rejected, batch.Proof.Complete)
			if fromFile != fromList {
				t.Errorf("%d rows, %v from the file; %d rows, %v (%s) from the list", len(snap.Rows), snap.Proof.Complete, len(batch.Rows), batch.Proof.Complete, batch.Proof.Reason)
			}
		})
	}
}

// recordsOf makes records of a file's rows.
func recordsOf(t *testing.T, data []byte) (out []httpintest.Person) {
	t.Helper()
	r := gocsv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	header, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		p := httpintest.Person{}
		for i, name := range header {
			p[name] = row[i]
		}
		out = append(out, p)
	}
}
