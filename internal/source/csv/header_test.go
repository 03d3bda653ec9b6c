// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source/csv"
)

func TestFileIsRefused(t *testing.T) {
	t.Parallel()
	narrow := team()
	narrow.Limits = csv.Limits{MaxColumns: 3, MaxRows: 2, MaxBytes: 40, MaxRow: 30}
	tests := map[string]struct {
		c    csv.Config
		data string
		want []string
		not  string
	}{
		"missing":         {team(), "id,Name,note\n", []string{`lacks the column "name"`, `did you mean "Name"?`, `it has "id", "Name", "note"`}, ""},
		"missing two":     {team(), "id,naame,other\n", []string{`lacks the columns "name" (did you mean "naame"?), "note";`}, ""},
		"nothing near":    {team(), "id,name,zzzzzz\n", []string{`lacks the column "note"; it has`}, "mean"},
		"missing key":     {team(), "name,note\n", []string{`lacks the column "id"`}, ""},
		"no header":       {team(), "00-1,Kimmy,Walczynski\n", []string{"is there a header", "id, name, note"}, "Kimmy"},
		"twice":           {team(), "id,name,note,name\n", []string{`the column "name" twice, as columns 2 and 4`}, ""},
		"unknown twice":   {team(), "id,name,note,x,x\n", []string{`"x" twice`}, ""},
		"wild name":       {team(), "id,\x1b[2J\u202e,note\n", []string{`"\x1b[2J\u202e"`}, "\x1b"},
		"empty":           {team(), "", []string{"empty (0 bytes)"}, ""},
		"mark only":       {team(), "\ufeff", []string{"no header"}, ""},
		"blank lines":     {team(), "\r\n\r\n", []string{"no header"}, ""},
		"open quote":      {team(), "id,\"name,note\n1,2,3\n", []string{"never closed"}, ""},
		"text after":      {team(), "id,\"name\"x,note\n", []string{"followed by text"}, ""},
		"utf-16 no mark":  {team(), utf16Text(binary.LittleEndian, "id,name,note\n"), []string{"UTF-16 without a byte order mark"}, ""},
		"utf-32":          {team(), "\xff\xfe\x00\x00i\x00\x00\x00", []string{"UTF-32"}, ""},
		"too many fields": {narrow, "id,name,note,a\n", []string{"4 columns, more than 3"}, ""},
		"too many rows":   {narrow, "id,name,note\n1,,\n2,,\n3,,\n", []string{"more than 2 rows"}, ""},
		"too many bytes":  {narrow, "id,name,note\n" + strings.Repeat("x", 40), []string{"53 bytes, more than 40"}, ""},
		"long header":     {narrow, "id,name,note" + strings.Repeat(" ", 22) + "\n1,,\n", []string{"longer than 30 bytes"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			snap, err := csv.ReadBytes(t.Context(), test.c, []byte(test.data))
			if err == nil {
				t.Fatalf("%+v", snap)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if test.not != "" && strings.Contains(err.Error(), test.not) {
				t.Errorf("%q holds %q", err, test.not)
			}
		})
	}
}

func TestHeaderAlone(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"id,name,note\n", "id,name,note", "\ufeffid,name,note\r\n", "id,name,note\r", "id,name,note,,\n"} {
		if snap := read(t, team(), data); len(snap.Rows)+len(snap.Rejected) > 0 || !snap.Proof.Complete {
			t.Errorf("%q: %+v", data, snap)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*csv.Config){
		"the key column":           func(c *csv.Config) { c.Key = "x" },
		"declared twice":           func(c *csv.Config) { c.Columns = append(c.Columns, "name") },
		"has blanks":               func(c *csv.Config) { c.Columns = append(c.Columns, " x") },
		`column "read" is not`:     func(c *csv.Config) { c.Read = []string{"read"} },
		`column "required" is not`: func(c *csv.Config) { c.Required = []string{"required"} },
		"unknown encoding":         func(c *csv.Config) { c.Encoding = "latin" },
		"the delimiter":            func(c *csv.Config) { c.Delimiter = '"' },
		"settle":                   func(c *csv.Config) { c.Settle = -1 },
		"a limit":                  func(c *csv.Config) { c.Limits.MaxRow = -1 },
	}
	for want, change := range tests {
		c := team()
		change(&c)
		if _, err := csv.ReadBytes(t.Context(), c, []byte("id,name,note\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := csv.ReadBytes(ctx, team(), []byte("id,name,note\n")); !errors.Is(err, cause) {
		t.Error(err)
	}
}
