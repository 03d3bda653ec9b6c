// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

func rangeTables() []*unicode.RangeTable {
	return []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.Zs}
}

func TestDateLayouts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ layout, text, want string }{
		{"M/d/yyyy", "1/20/2002", "2002-01-20T00:00:00Z"},
		{"M/d/yyyy", "01/02/2002", "2002-01-02T00:00:00Z"},
		{"MM-dd-yy", "04-08-19", "2019-04-08T00:00:00Z"},
		{"MM-dd-yy", "04-08-68", "2068-04-08T00:00:00Z"},
		{"MM-dd-yy", "04-08-69", "1969-04-08T00:00:00Z"},
		{"yyyy-MM-dd HH:mm:ss 'UTC'", "2029-10-29 06:09:38 UTC", "2029-10-29T06:09:38Z"},
		{"dd.MM.yyyy", " 29.02.2024 ", "2024-02-29T00:00:00Z"},
		{"yyyyMMdd", "20261123", "2026-11-23T00:00:00Z"},
		{"d MMM yyyy", "3 feb 2020", "2020-02-03T00:00:00Z"},
		{"EEEE, MMMM d, yyyy", "Monday, November 23, 2026", "2026-11-23T00:00:00Z"},
		{"M/d/yyyy h:mm a", "1/2/2020 12:05 AM", "2020-01-02T00:05:00Z"},
		{"M/d/yyyy h:mm a", "1/2/2020 12:05 pm", "2020-01-02T12:05:00Z"},
		{"M/d/yyyy h:mm a", "1/2/2020 1:05 PM", "2020-01-02T13:05:00Z"},
		{"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2026-03-29T01:30:00.123+02:00", "2026-03-28T23:30:00Z"},
		{"yyyy-MM-dd'T'HH:mmX", "2026-03-29T01:30-05", "2026-03-29T06:30:00Z"},
		{"yyyy-MM-dd'T'HH:mmZ", "2026-03-29T01:30-0530", "2026-03-29T07:00:00Z"},
		{"d 'o''clock' M yyyy", "1 o'clock 2 2020", "2020-02-01T00:00:00Z"},
		{"ISO", "2026-11-23", "2026-11-23T00:00:00Z"},
		{"ISO", "2026-11-23T10:11", "2026-11-23T10:11:00Z"},
		{"ISO", "2026-11-23 10:11:12.5+01:00", "2026-11-23T09:11:12Z"},
		{"ISO", "2026-11-23T10:11:12Z", "2026-11-23T10:11:12Z"},
		{"ISO", "  ", ""},
		// Not these.
		{"M/d/yyyy", "2/31/2002", "none"},
		{"M/d/yyyy", "2/29/2023", "none"},
		{"M/d/yyyy", "13/1/2002", "none"},
		{"M/d/yyyy", "0/1/2002", "none"},
		{"M/d/yyyy", "1/2/0000", "none"},
		{"M/d/yyyy", "1/2/02", "shape"},
		{"M/d/yyyy", "1/2/20020", "shape"},
		{"M/d/yyyy", "1/2/2002 x", "shape"},
		{"M/d/yyyy", "001/2/2002", "shape"},
		{"M/d/yyyy", "١/٢/٢٠٠٢", "shape"},
		{"MM-dd-yy", "4-08-19", "shape"},
		{"MM-dd-yy", "04-08-2019", "shape"},
		{"yyyy-MM-dd HH:mm:ss 'UTC'", "2029-10-29 24:00:00 UTC", "none"},
		{"yyyy-MM-dd HH:mm:ss 'UTC'", "2029-10-29 06:09:60 UTC", "none"},
		{"yyyy-MM-dd HH:mm:ss 'UTC'", "2029-10-29 06:09:38", "shape"},
		{"M/d/yyyy h:mm a", "1/2/2020 13:05 PM", "none"},
		{"ISO", "2026-11-23T", "shape"},
		{"ISO", "2026-11-23T10:11:12.", "shape"},
		{"ISO", "2026-11-23T10:11:12+25:00", "shape"},
		{"ISO", "2026-11-23T10:11:12+0", "shape"},
		{"ISO", "0001-01-01T00:00:00+14:00", "year"},
		{"ISO", "9999-12-31T23:00:00-14:00", "year"},
	} {
		got, err := call(t, `date(row.x, ["`+c.layout+`"])`)(c.text)
		switch {
		case c.want == "none":
			wantError(t, c.layout, c.text, err, "no such date")
		case c.want == "shape":
			wantError(t, c.layout, c.text, err, "none of the layouts")
		case c.want == "year":
			wantError(t, c.layout, c.text, err, "the year leaves")
		case err != nil || got != c.want:
			t.Errorf("%s of %q = %q, %v; want %q", c.layout, c.text, got, err, c.want)
		}
	}
}

func wantError(t *testing.T, layout, text string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s of %q: error %v, want %q", layout, text, err, want)
	}
}

// A layout that does not fit leaves the next one its chance, impossible dates too.
func TestDateSecondLayout(t *testing.T) {
	t.Parallel()
	got, err := call(t, `date(row.x, ["MM-dd-yy", "dd-MM-yy"])`)("31-01-19")
	if err != nil || got != "2019-01-31T00:00:00Z" {
		t.Errorf("date = %q, %v", got, err)
	}
}

func TestDateArithmetic(t *testing.T) {
	t.Parallel()
	checkText(t, `addDays(row.x, 1, "Europe/Berlin")`, [][2]string{
		{"", ""},
		{"2026-03-28T12:00:00Z", "2026-03-29T11:00:00Z"}, // the night that is an hour short
	})
	checkText(t, `endOfDay(row.x, "America/Sao_Paulo")`, [][2]string{
		{"", ""},
		{"2018-11-03", "2018-11-04T02:59:59Z"}, // the next day begins at 01:00
		{"2026-01-01T12:00:00Z", "2026-01-02T02:59:59Z"},
	})
	for _, expr := range []string{`addDays(row.x, 9999999999)`, `addDays(row.x, 3660000)`, `addDays(row.x, -3660000)`} {
		if _, err := call(t, expr)("2026-01-01"); err == nil {
			t.Errorf("%s has a result", expr)
		}
	}
}

// What date reads is what time.Format has written.
func TestDateProperty(t *testing.T) {
	t.Parallel()
	layouts := map[string]string{
		"M/d/yyyy": "1/2/2006", "yyyyMMdd": "20060102", "dd.MM.yyyy": "02.01.2006",
		"d MMM yyyy": "2 Jan 2006", "yyyy-MM-dd HH:mm:ss 'UTC'": "2006-01-02 15:04:05 UTC", "ISO": time.RFC3339,
	}
	for pattern, goLayout := range layouts {
		date := call(t, `date(row.x, ["`+pattern+`"])`)
		t.Run(pattern, rapid.MakeCheck(func(t *rapid.T) {
			at := time.Unix(rapid.Int64Range(-50_000_000_000, 200_000_000_000).Draw(t, "seconds"), 0).UTC()
			text := at.Format(goLayout)
			want, err := time.Parse(goLayout, text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := date(text)
			if err != nil || got != want.UTC().Format(time.RFC3339) {
				t.Fatalf("date(%q) = %q, %v", text, got, err)
			}
		}))
	}
}
