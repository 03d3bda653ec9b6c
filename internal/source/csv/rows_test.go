// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source/csv"
)

func TestBadRowsAreIsolated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data    string
		rows, rejects string
		incomplete    string // part of the reason
	}{
		{name: "quotes", data: "1,\"a\"\"b\",x\n2,a\"b\"c,x\n3, \"q\",x\n4,=cmd|' /C calc'!A0,x\n", rows: "2 1|1|a\"b\n3 2|2|a\"b\"c\n4 3|3| \"q\"\n5 4|4|=cmd|' /C calc'!A0\n"},
		{name: "values are kept", data: "1,  a e\u0301  ,x\n", rows: "2 1|1|  a e\u0301  \n"},
		{name: "nobody looks at the note", data: "1,a,\u202e\x00\x07\n2,b,\"x\ny\"\n3,c,\"" + strings.Repeat("x", 5000) + "\"\n", rows: "2 1|1|a\n3 2|2|b\n5 3|3|c\n"},
		{
			name: "controls", data: "1,a\x00,\n2,a\tb,\n3,\x1b[2J,\n4,é\u0085,\n5,\"a\nb\",\n6,\x7f,\n7,ok,\n",
			rows: "9 7|7|ok\n",
			rejects: "2:2 name 1: NUL at character 2\n3:2 name 2: control character U+0009 at character 2\n4:2 name 3: control character U+001B at character 1\n" +
				"5:2 name 4: control character U+0085 at character 2\n6:2 name 5: control character U+000A at character 2\n8:2 name 6: control character U+007F at character 1\n",
		},
		{
			name: "bidi", data: "1,\u202eevil,\n2,a\u2067,\n3,\u200f,\n4,\u061c,\n5,\u200d\u2060,\n", rows: "6 5|5|\u200d\u2060\n",
			rejects: "2:2 name 1: bidirectional control U+202E at character 1\n3:2 name 2: bidirectional control U+2067 at character 2\n" +
				"4:2 name 3: bidirectional control U+200F at character 1\n5:2 name 4: bidirectional control U+061C at character 1\n",
		},
		{
			name: "long", data: "1," + strings.Repeat("ë", 4096) + ",\n2," + strings.Repeat("e", 4097) + ",\n3," + strings.Repeat("ë", 4097) + ",\n",
			rows: "2 1|1|" + strings.Repeat("ë", 4096) + "\n", rejects: "3:2 name 2: longer than 4096 characters: 4097\n4:2 name 3: longer than 4096 characters: 4097\n",
		},
		{
			name: "repeated", data: "1,a,\n2,b,\n 1,c,\n3,d,\n1,\x07,\n", rows: "3 2|2|b\n5 3|3|d\n",
			rejects: "2:1 id 1: the key occurs 3 times, also in lines 4, 6\n4:1 id 1: the key occurs 3 times, also in lines 2, 6\n" +
				"6:2 name 1: control character U+0007 at character 1; and the key occurs 3 times, also in lines 2, 4\n",
		},
		{
			name: "repeated by a bad row", data: "1,\x07,\n1,a,\n",
			rejects: "2:2 name 1: control character U+0007 at character 1; and the key occurs 2 times, also in line 3\n3:1 id 1: the key occurs 2 times, also in line 2\n",
		},
		{
			name: "no key", data: "1,a,\n,b,\n \t,c,\n4,d,\n", rows: "2 1|1|a\n5 4|4|d\n",
			rejects: "3:1 id : the key is empty\n4:1 id : the key is empty\n", incomplete: "2 rows have no key that can be read for sure: lines 3, 4",
		},
		{
			name: "bad key", data: "1\x00,a,\n\"2\n\",b,\n3\u200b,c,\n4\u202e,d,\n\u00ad5,e,\n6,f,\n", rows: "8 6|6|f\n",
			rejects: "2:1 id : the key cannot be read: NUL at character 2\n3:1 id : the key cannot be read: control character U+000A at character 2\n" +
				"5:1 id : the key cannot be read: invisible format character U+200B at character 2\n6:1 id : the key cannot be read: bidirectional control U+202E at character 2\n" +
				"7:1 id : the key cannot be read: invisible format character U+00AD at character 1\n", incomplete: "5 rows",
		},
		{
			name: "field count", data: "1,a\n2,b,,\n3,c,\n,,\n4\n", rows: "4 3|3|c\n",
			rejects:    "2:0  : 2 fields where the header has 3\n3:0  : 4 fields where the header has 3\n5:1 id : the key is empty\n6:0  : 1 field where the header has 3\n",
			incomplete: "lines 2, 3, 5, 6",
		},
		{
			name: "text after quote", data: "1,\"a\"b,\"x\n2,\"b\"\"\",\n3,\"c\"\rd,\n4,\"d\",\n", rows: "3 2|2|b\"\n5 4|4|d\n",
			rejects: "2:2  : text after a closing quote\n4:2  : text after a closing quote\n", incomplete: "lines 2, 4",
		},
		{
			name: "open quote", data: "1,a,\n2,\"b,\n3,c,\n4,d,\n", rows: "2 1|1|a\n",
			rejects: "3:2  : a quote that begins in line 3 is never closed; it swallowed all up to line 6\n", incomplete: "1 row has",
		},
		{
			name: "open quote in a later line", data: "1,\"a\nb\",\"x\n2,b,\n",
			rejects: "2:3  : a quote that begins in line 3 is never closed; it swallowed all up to line 5\n", incomplete: "line 2",
		},
		{
			name: "swallowed", data: "1,a,\"x\n2,b,\n3,c,\"\n4,d,\n", rows: "5 4|4|d\n",
			rejects: "2:3  : a quote that begins in line 2 seems to have swallowed rows up to line 4\n", incomplete: "line 2",
		},
		{name: "lone CR is data", data: "1,a\rb,\n2,b,\r\r\n3,c,\n", rows: "3 2|2|b\n4 3|3|c\n", rejects: "2:2 name 1: control character U+000D at character 2\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			snap := read(t, team(), "id,name,note\n"+test.data)
			if got := brief(snap.Rows); got != test.rows {
				t.Errorf("rows\n%swant\n%s", got, test.rows)
			}
			if got := rejects(snap.Rejected); got != test.rejects {
				t.Errorf("rejects\n%swant\n%s", got, test.rejects)
			}
			if snap.Proof.Complete != (test.incomplete == "") || !strings.Contains(snap.Proof.Reason, test.incomplete) {
				t.Errorf("proof %+v, want %q", snap.Proof, test.incomplete)
			}
		})
	}
}

// TestChanges: of the rows of a key the last one counts that can be taken.
func TestChanges(t *testing.T) {
	t.Parallel()
	c := team()
	c.Changes = true
	snap := read(t, c, "id,name,note\n1,a,\n2,b,\n1,c,\n2,\x07,\n3,\x07,\n 1 ,d,\n3,e,\n")
	if got, want := brief(snap.Rows), "3 2|2|b\n7 1|1|d\n8 3|3|e\n"; got != want {
		t.Errorf("rows\n%swant\n%s", got, want)
	}
	if got, want := rejects(snap.Rejected), "5:2 name 2: control character U+0007 at character 1\n6:2 name 3: control character U+0007 at character 1\n"; got != want {
		t.Errorf("rejects\n%swant\n%s", got, want)
	}
	if !snap.Proof.Complete || len(snap.Notes) != 1 || !strings.Contains(snap.Notes[0], "2 rows outdone") {
		t.Errorf("%+v %q", snap.Proof, snap.Notes)
	}
}

func TestLongRows(t *testing.T) {
	t.Parallel()
	c := team()
	c.Limits.MaxRow = 100
	pad := strings.Repeat("x", 200)
	lines := strings.Repeat("7,y\n", 50)
	// The key stands before the limit: known. After it, or behind a quote over several lines: not.
	snap := read(t, c, "id,name,note\n1,a,"+pad+"\n"+pad+",b,\n3,c,\""+lines+"\"\n4,d,\n")
	want := "2:3  1: longer than 100 bytes\n3:1  : longer than 100 bytes\n4:3  : longer than 100 bytes; a quote runs on from line 4 to line 54\n"
	if got := rejects(snap.Rejected); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := brief(snap.Rows); got != "55 4|4|d\n" {
		t.Error(got)
	}
	if got := snap.Proof.Reason; got != "2 rows have no key that can be read for sure: lines 3, 4" {
		t.Error(got)
	}
	snap = read(t, c, "id,name,note\n1,a,\""+lines)
	if got := rejects(snap.Rejected); !strings.Contains(got, "never closed") || snap.Proof.Complete {
		t.Error(got, snap.Proof)
	}
}

func TestManyLinesAreNotListed(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("id,name,note\n")
	for range 30 {
		b.WriteString("1,a,\n")
	}
	snap := read(t, team(), b.String())
	if got, want := snap.Rejected[0].Reason, "the key occurs 30 times, also in lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 19 more"; got != want {
		t.Errorf("got %s", got)
	}
	if got, want := snap.Rejected[29].Reason, "the key occurs 30 times, also in lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 19 more"; got != want {
		t.Errorf("got %s", got)
	}
}

// A reason may go to a log; a value may not.
func TestReasonsHoldNoValue(t *testing.T) {
	t.Parallel()
	const secret = "Geheimrat"
	data := "id,name,note\n"
	for i, bad := range []string{secret + "\x00", "\u202e" + secret, strings.Repeat(secret, 1000), "\"" + secret + "\"" + secret, secret + "," + secret, secret + "\xff"} {
		data += fmt.Sprintf("%d,%s,%s\n%s\x01%d,a,b\n", i, bad, secret, secret, i)
	}
	c := team()
	c.Encoding = "utf-8"
	snap := read(t, c, data+"9,\""+secret)
	if len(snap.Rejected) != 13 {
		t.Errorf("%d rejects", len(snap.Rejected))
	}
	if got := fmt.Sprintf("%+v %+v %q", snap.Rejected, snap.Proof, snap.Notes); strings.Contains(got, secret) {
		t.Error(got)
	}
}

func TestColumnsThatAreRead(t *testing.T) {
	t.Parallel()
	c := csv.Config{Key: "id", Columns: []string{"b", "id", "a", "gone"}, Read: []string{"gone", "a", "b"}, Required: []string{"a"}}
	snap := read(t, c, "id,a,x,b\n1,A,X,B\n")
	if got := brief(snap.Rows); got != "2 1|B|A|\n" {
		t.Error(got)
	}
	if got := strings.Join(snap.Columns, " "); got != "b a gone" {
		t.Error(got)
	}
	c.Read = nil
	if got := brief(read(t, c, "id,a,x,b\n1,A,X,B\n").Rows); got != "2 1|\n" {
		t.Error(got)
	}
}
