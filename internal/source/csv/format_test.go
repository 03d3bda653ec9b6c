// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/usher-id/usher/internal/source/csv"
)

func utf16Text(order binary.AppendByteOrder, s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func TestFormatIsFound(t *testing.T) {
	t.Parallel()
	const plain = "id,name,note\n1,Zoë 🙂,x\n2,\"Al, jr\",y\n"
	const want = "2 1|1|Zoë 🙂\n3 2|2|Al, jr\n"
	tests := map[string]struct {
		data, encoding string
		delimiter      rune
	}{
		"utf-8":             {plain, "utf-8", ','},
		"utf-8 mark":        {"\ufeff" + plain, "utf-8", ','},
		"utf-16le":          {"\xff\xfe" + utf16Text(binary.LittleEndian, plain), "utf-16le", ','},
		"utf-16be":          {"\xfe\xff" + utf16Text(binary.BigEndian, plain), "utf-16be", ','},
		"crlf":              {strings.ReplaceAll(plain, "\n", "\r\n"), "utf-8", ','},
		"cr":                {strings.ReplaceAll(plain, "\n", "\r"), "utf-8", ','},
		"lf, then crlf":     {"id,name,note\n1,Zoë 🙂,x\r\n2,\"Al, jr\",y\n", "utf-8", ','},
		"crlf, then lf":     {"id,name,note\r\n1,Zoë 🙂,x\n2,\"Al, jr\",y\r\n", "utf-8", ','},
		"cr, lf and crlf":   {"id,name,note\r1,Zoë 🙂,x\n2,\"Al, jr\",y\r\n", "utf-8", ','},
		"break in quotes":   {"id,name,note\r\n1,Zoë 🙂,x\r\n2,\"Al, jr\",\"x\r\ny\nz\"\r\n", "utf-8", ','},
		"no last line end":  {strings.TrimSuffix(plain, "\n"), "utf-8", ','},
		"last line end CR":  {strings.TrimSuffix(plain, "\n") + "\r", "utf-8", ','},
		"semicolon":         {"id;name;note\n1;Zoë 🙂;x\n2;Al, jr;y\n", "utf-8", ';'},
		"tab":               {"id\tname\tnote\n1\tZoë 🙂\tx\n2\tAl, jr\ty\n", "utf-8", '\t'},
		"bar":               {"id|name|note\n1|Zoë 🙂|x\n2|Al, jr|y\n", "utf-8", '|'},
		"quoted header":     {"\"id\",\"name\",\"note\"\n1,Zoë 🙂,x\n2,\"Al, jr\",y\n", "utf-8", ','},
		"blanks in header":  {" id , name\t,note\n1,Zoë 🙂,x\n2,\"Al, jr\",y\n", "utf-8", ','},
		"blanks around key": {"id,name,note\n \t1\u00a0,Zoë 🙂,x\n2 ,\"Al, jr\",y\n", "utf-8", ','},
		"other order":       {"more,name,id\n,Zoë 🙂,1\nz,\"Al, jr\",2\n", "utf-8", ','},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := team()
			c.Required = []string{"id", "name"}
			snap := read(t, c, test.data)
			if got := brief(snap.Rows); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if snap.Encoding != test.encoding || snap.Delimiter != test.delimiter || len(snap.Rejected) > 0 || !snap.Proof.Complete || len(snap.Notes) > 0 {
				t.Errorf("%q %q %+v %+v %q", snap.Encoding, snap.Delimiter, snap.Rejected, snap.Proof, snap.Notes)
			}
		})
	}
}

func TestBlankLinesCount(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n", "\r"} {
		snap := read(t, team(), strings.ReplaceAll("\n\nid,name,note\n\n1,a,\n\n\n2,b,\"x\ny\"\n3,c,\n\n", "\n", end))
		if got, want := brief(snap.Rows), "5 1|1|a\n8 2|2|b\n10 3|3|c\n"; got != want || !snap.Proof.Complete {
			t.Errorf("%q: got\n%swant\n%s%+v", end, got, want, snap.Rejected)
		}
	}
}

func TestWindows1252IsFallback(t *testing.T) {
	t.Parallel()
	snap := read(t, team(), "id,name,note\n1,Zo\xeb \x80,\n2,b\x81,\n")
	if got, want := brief(snap.Rows), "2 1|1|Zoë €\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := rejects(snap.Rejected), "3:2 name 2: control character U+0081 at character 2\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if snap.Encoding != "windows-1252" || len(snap.Notes) != 1 || !strings.Contains(snap.Notes[0], "Windows-1252") {
		t.Errorf("%q %q", snap.Encoding, snap.Notes)
	}
}

// One broken byte must not turn every other name into mojibake.
func TestMostlyUTF8StaysUTF8(t *testing.T) {
	t.Parallel()
	snap := read(t, team(), "id,name,note\n1,Zoë,\n2,Ren\xe9,\n3,Łukasz,\n4,d,\xff\n5,é,\n")
	if got, want := brief(snap.Rows), "2 1|1|Zoë\n4 3|3|Łukasz\n5 4|4|d\n6 5|5|é\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := rejects(snap.Rejected), "3:2 name 2: invalid UTF-8 (byte 0xE9) at character 4\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if snap.Encoding != "utf-8" || len(snap.Notes) != 1 || !snap.Proof.Complete {
		t.Errorf("%q %q %+v", snap.Encoding, snap.Notes, snap.Proof)
	}
}

func TestUnpairedSurrogate(t *testing.T) {
	t.Parallel()
	text := []byte("\xff\xfe" + utf16Text(binary.LittleEndian, "id,name,note\n1,ab?,\n2,c,\n3,?d,\n"))
	first := true
	for i := 2; i < len(text); i += 2 {
		if text[i] == '?' {
			u := uint16(0xDC01)
			if first {
				u, first = 0xD83D, false
			}
			binary.LittleEndian.PutUint16(text[i:], u)
		}
	}
	snap := read(t, team(), string(text))
	want := "2:2 name 1: unpaired surrogate U+D83D at character 3\n4:2 name 3: unpaired surrogate U+DC01 at character 1\n"
	if got := rejects(snap.Rejected); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := brief(snap.Rows); got != "3 2|2|c\n" {
		t.Error(got)
	}
}

func TestEncodingIsConfigured(t *testing.T) {
	t.Parallel()
	c := team()
	c.Encoding = "CP1252"
	if snap := read(t, c, "id,name,note\n1,ZoÃ«,\n"); snap.Rows[0].Values()[1] != "ZoÃƒÂ«" || len(snap.Notes) > 0 {
		t.Errorf("%q %q", snap.Rows[0].Values(), snap.Notes)
	}
	for name, want := range map[string]string{"latin1": "Zoë ¤\u00a4", "ISO-8859-15": "Zoë €\u20ac", "windows-1252": "Zoë ¤\u00a4"} {
		c.Encoding = name
		if snap := read(t, c, "id,name,note\n1,Zo\xeb \xa4\xa4,\n"); snap.Rows[0].Values()[1] != want || len(snap.Notes) > 0 {
			t.Errorf("%s: %q %q", name, snap.Rows[0].Values(), snap.Notes)
		}
	}
	c.Encoding = "utf-7"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), `"utf-7"`) {
		t.Errorf("an encoding that there is not: %v", err)
	}
	c.Encoding = "utf-8"
	if snap := read(t, c, "id,name,note\n1,Zo\xeb,\n"); len(snap.Rejected) != 1 {
		t.Errorf("%+v", snap)
	}
	c.Encoding = "utf-16le"
	if snap := read(t, c, utf16Text(binary.LittleEndian, "id,name,note\n1,Zoë,\n")); snap.Rows[0].Values()[1] != "Zoë" {
		t.Errorf("%+v", snap)
	}
	if snap, err := csv.ReadBytes(t.Context(), c, []byte("\ufeffid,name,note\n")); err == nil {
		t.Errorf("a mark that contradicts: %+v", snap)
	}
}
