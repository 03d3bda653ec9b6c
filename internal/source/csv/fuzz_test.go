// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/csv"
)

// FuzzRead: nothing makes the reader panic, each record ends in exactly one place, and what encoding/csv can read we read alike.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"id,name,note\n1,a,b\n", "\ufeffid,name,note\r\n1,\"a,\"\"b\",c\r\n\r\n2,b,\"x\r\ny\"", "note;id;name\rx;1;a\r",
		"id,name,note\n1,a\n,b,c\n2,\"b\"c,d\n3,c,\"d\n4,\n", "id,name,note\n1,a,\"x\n2,b,\"\n1,\x00,\xff\n", "\xff\xfei\x00d\x00",
		"id,name,note\n1,\u202ea,b\n\n 1 ,c\r,d\r\r\n", "\xfe\xff\x00i\x00d\xd8\x00", "id|name|note|x\n1|Zo\xeb|\x81|\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := csv.Config{Key: "id", Columns: []string{"id", "name", "note"}, Read: []string{"id", "name", "note"}, Required: []string{"id"}}
		c.Limits = csv.Limits{MaxRow: 4096, MaxField: 64}
		snap, err := csv.ReadBytes(t.Context(), c, data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		line := 0
		for _, row := range snap.Rows {
			if row.Line <= line || row.Key == "" || seen[row.Key] || len(row.Values()) != 3 || row.Values()[0] != row.Key {
				t.Fatalf("%+v after line %d", row, line)
			}
			line, seen[row.Key] = row.Line, true
			for _, v := range row.Values() {
				if !utf8.ValidString(v) || strings.ContainsAny(v, "\x00\n\r\t\u202e") || utf8.RuneCountInString(v) > 64 {
					t.Fatalf("%q was let through", v)
				}
			}
		}
		line = 0
		for _, r := range snap.Rejected {
			if r.Line <= line || r.Reason == "" {
				t.Fatalf("%+v after line %d", r, line)
			}
			line = r.Line
		}
		differ(t, c, snap, data)
		changes(t, c, snap, data)
	})
}

// changes reads the same as changes in their order: no row is lost that a snapshot
// has, and each key comes once.
func changes(t *testing.T, c csv.Config, snap *csv.Snapshot, data []byte) {
	t.Helper()
	c.Changes = true
	got, err := csv.ReadBytes(t.Context(), c, data)
	if err != nil || got.Proof.Complete != snap.Proof.Complete || len(got.Rows) < len(snap.Rows) || len(got.Rejected) > len(snap.Rejected) {
		t.Fatalf("%+v %v\nas a snapshot %+v", got, err, snap)
	}
	seen := map[string]bool{}
	for _, row := range got.Rows {
		if seen[row.Key] {
			t.Fatalf("%+v twice", row)
		}
		seen[row.Key] = true
	}
	for _, row := range snap.Rows {
		if !seen[row.Key] {
			t.Fatalf("%+v is lost", row)
		}
	}
}

// FuzzPieces: where a piece of the file ends changes nothing. The small limit makes the pieces begin soon.
func FuzzPieces(f *testing.F) {
	for _, seed := range []string{
		"id,name,note\n1,\"a\"\"b\",c\r\n2,\"b\r\nc\",\"d\"e\r\n3,\r,x\n4,\"", "\xff\xfei\x00d\x00,\x00\r\x00\n\x001\x00\x3d\xd8\x42\xde,\x00,\x00x",
		"id,x\r1,\"a\r\nb\r\"\r\n2,\"b\"\r\r3\"c,\"d\"x\r\n4,Zo\xeb\r", "id,x\n1,\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\"\n2,\xf0\x9f\x99\x82\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := csv.Config{Key: "id", Columns: []string{"id", "name", "x"}, Read: []string{"name", "x"}, Required: []string{"id"}}
		c.Limits.MaxRow = 24
		want, wantErr := csv.ReadBytes(t.Context(), c, data)
		got, err := csv.ReadTrickle(t.Context(), c, data)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
			t.Fatalf("whole %+v %v\npieces %+v %v", want, wantErr, got, err)
		}
	})
}

// differ compares with encoding/csv where both read the same language: UTF-8, one delimiter, lines of LF or CRLF.
func differ(t *testing.T, c csv.Config, snap *csv.Snapshot, data []byte) {
	t.Helper()
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if snap.Encoding != "utf-8" || len(data) > 4096 || bytes.Contains(bytes.ReplaceAll(data, []byte("\r\n"), nil), []byte("\r")) {
		return
	}
	r := stdcsv.NewReader(bytes.NewReader(data))
	r.Comma = snap.Delimiter
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil || len(records) == 0 {
		return
	}
	for i, name := range records[0] {
		records[0][i] = strings.Trim(name, " \t\u00a0")
	}
	got := map[string][]string{}
	for _, row := range snap.Rows {
		got[row.Key] = row.Values()
	}
	if n := len(snap.Rows) + len(snap.Rejected); n != len(records)-1 {
		t.Fatalf("%d records, encoding/csv has %d", n, len(records)-1)
	}
	times := map[string]int{}
	for _, want := range records[1:] {
		if at := slices.Index(records[0], "id"); at < len(want) {
			times[strings.Trim(want[at], " \t\u00a0")]++
		}
	}
	for _, want := range records[1:] {
		if len(want) != len(records[0]) {
			continue
		}
		values := make([]string, 3)
		for i, name := range c.Columns {
			if at := slices.Index(records[0], name); at >= 0 {
				values[i] = want[at]
			}
		}
		key := strings.Trim(values[0], " \t\u00a0")
		if times[key] > 1 {
			continue // set aside, or known apart only because one of them is broken in our eyes
		}
		have, ok := got[key]
		if ok && !slices.Equal(have[1:], values[1:]) {
			t.Fatalf("got %q, want %q", have, values)
		}
		if !ok && harmless(snap, values) {
			t.Fatalf("%q was set aside: %s", values, rejects(snap.Rejected))
		}
	}
}

// harmless tells a row that nothing can be wrong with, unless its key is repeated or it looks like several.
func harmless(snap *csv.Snapshot, values []string) bool {
	for _, v := range values {
		if strings.Trim(v, "abcdefghijklmnopqrstuvwxyz0123456789,;'\" ") != "" || len(v) > 64 {
			return false
		}
	}
	return strings.TrimSpace(values[0]) != "" && !slices.ContainsFunc(snap.Rejected, func(r source.Reject) bool {
		return strings.Contains(r.Reason, "occurs") || strings.Contains(r.Reason, "swallowed")
	})
}

func benchData(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeffid,first_name,last_name,birthdate,gender,race,department,jobtitle,location,hire_date,termdate,location_city,location_state\r\n")
	for i := range rows {
		fmt.Fprintf(&b, "%02d-%07d,Ignatius,O'Springett,6/29/1984,x,y,Business Development,\"Analyst, Senior\",Headquarters,04-08-19,,Cleveland,Ohio\r\n", i%100, i)
	}
	return b.Bytes()
}

func BenchmarkRead(b *testing.B) {
	for _, rows := range []int{22_000, 100_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			data := benchData(rows)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				snap, err := csv.ReadBytes(b.Context(), hrConfig(""), data)
				if err != nil || len(snap.Rows) != rows {
					b.Fatal(err, len(snap.Rows))
				}
			}
		})
	}
}
