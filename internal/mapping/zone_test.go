// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// zoned compiles a mapping of a row with a time zone, in a compiler with another.
func zoned(t *testing.T, zone string, attrs ...config.Attribute) *mapping.Mapping {
	t.Helper()
	c, err := mapping.NewCompilerIn(scim.CoreSchemas(), zone)
	if err != nil {
		t.Fatal(err)
	}
	env, err := c.Row([]string{"start", "zone"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := env.CompileMapping(scim.UserURN, attrs)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func line(path, expr string) config.Attribute {
	return config.Attribute{Path: config.Text{Value: path}, Value: config.Text{Value: expr}}
}

// TestTheZoneOfAPerson: a date that names no zone begins when the day begins where
// the person is, or else where the company is.
func TestTheZoneOfAPerson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, persons, start, expr, want string }{
		{"", "", "2026-07-01", `date(row.start, ["yyyy-MM-dd"])`, "2026-07-01T00:00:00Z"},
		{"UTC", "", "2026-07-01", `date(row.start, ["yyyy-MM-dd"])`, "2026-07-01T00:00:00Z"},
		{"Europe/Berlin", "", "2026-07-01", `date(row.start, ["yyyy-MM-dd"])`, "2026-06-30T22:00:00Z"},
		{"Europe/Berlin", "", "2026-12-01", `date(row.start, ["yyyy-MM-dd"])`, "2026-11-30T23:00:00Z"},
		{"Europe/Berlin", "Pacific/Auckland", "2026-07-01", `date(row.start, ["yyyy-MM-dd"])`, "2026-06-30T12:00:00Z"},
		{"Europe/Berlin", "Pacific/Kiritimati", "2026-07-01", `date(row.start, ["yyyy-MM-dd"])`, "2026-06-30T10:00:00Z"},
		{"Europe/Berlin", "America/Los_Angeles", "2026-07-01", `date(row.start, ["yyyy-MM-dd"])`, "2026-07-01T07:00:00Z"},
		{"Europe/Berlin", "America/Los_Angeles", "2026-07-01T10:00:00+02:00", `date(row.start, ["ISO"])`, "2026-07-01T08:00:00Z"},
		{"Europe/Berlin", "America/Los_Angeles", "2026-07-01", `date(row.start, ["yyyy-MM-dd"], "Asia/Tokyo")`, "2026-06-30T15:00:00Z"},
		{"Europe/Berlin", "", "2026-07-01", `endOfDay(date(row.start, ["yyyy-MM-dd"]))`, "2026-07-01T21:59:59Z"},
		{"Europe/Berlin", "America/Los_Angeles", "2026-07-01", `endOfDay(date(row.start, ["yyyy-MM-dd"]))`, "2026-07-02T06:59:59Z"},
		{"Europe/Berlin", "Pacific/Auckland", "2026-07-01", `endOfDay(row.start)`, "2026-07-01T11:59:59Z"},
		{"Europe/Berlin", "America/Los_Angeles", "2026-07-01", `endOfDay(row.start, "UTC")`, "2026-07-01T23:59:59Z"},
		{"Europe/Berlin", "", "2026-03-28", `addDays(date(row.start, ["yyyy-MM-dd"]), 2)`, "2026-03-29T22:00:00Z"}, // a day of 23 hours lies between
		{"UTC", "America/Los_Angeles", "2026-10-31", `addDays(date(row.start, ["yyyy-MM-dd"]), 2)`, "2026-11-02T08:00:00Z"},
		{"UTC", "America/Santiago", "2026-09-06", `date(row.start, ["yyyy-MM-dd"])`, "2026-09-06T04:00:00Z"}, // a day that has no midnight
		{"Europe/Berlin", "", "", `date(row.start, ["yyyy-MM-dd"])`, ""},
	} {
		m := zoned(t, c.zone, line("usher.timeZone", "row.zone"), line("usher.startDate", c.expr))
		u, failures := m.Apply(mapping.Input{Row: []string{c.start, c.persons}})
		v, _ := u.At(scim.Path{URN: scim.UsherUserURN, Attr: "startDate"})
		if got, _ := v.AsString(); got != c.want || len(failures) != 0 {
			t.Errorf("%s of %q in %q, person in %q: %q %v, want %q", c.expr, c.start, c.zone, c.persons, got, failures, c.want)
		}
	}
}

func TestAZoneThatThereIsNot(t *testing.T) {
	t.Parallel()
	m := zoned(t, "Europe/Berlin", line("usher.timeZone", "row.zone"), line("usher.startDate", `date(row.start, ["yyyy-MM-dd"])`))
	for _, zone := range []string{"Europe/Berln", "Local", "../etc/passwd"} {
		if _, failures := m.Apply(mapping.Input{Row: []string{"2026-07-01", zone}}); len(failures) != 1 || failures[0].Path.Attr != "timeZone" {
			t.Errorf("%q: %v", zone, failures)
		}
	}
	// One row's zone is not the next one's.
	u, _ := m.Apply(mapping.Input{Row: []string{"2026-07-01", ""}})
	if v, _ := u.At(scim.Path{URN: scim.UsherUserURN, Attr: "startDate"}); v.String() != `"2026-06-30T22:00:00Z"` {
		t.Error(v)
	}
	if _, err := mapping.NewCompilerIn(scim.CoreSchemas(), "Europe/Berln"); err == nil {
		t.Error("a compiler in a time zone that there is not")
	}
}

// TestZonesAreTold: another company zone is another mapping.
func TestZonesAreTold(t *testing.T) {
	t.Parallel()
	start := line("usher.startDate", `date(row.start, ["yyyy-MM-dd"])`)
	if zoned(t, "", start).Digest() != zoned(t, "UTC", start).Digest() || zoned(t, "UTC", start).Digest() == zoned(t, "Asia/Tokyo", start).Digest() {
		t.Error("the digest does not tell the time zone")
	}
}

// TestThePersonsZoneInAnApp: an app's mapping counts days where the person is.
func TestThePersonsZoneInAnApp(t *testing.T) {
	t.Parallel()
	c, err := mapping.NewCompilerIn(scim.CoreSchemas(), "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	env, err := c.Person()
	if err != nil {
		t.Fatal(err)
	}
	p, err := env.Compile(config.Text{Value: "endOfDay(person.title)"}, mapping.WantString())
	if err != nil {
		t.Fatal(err)
	}
	person := scim.NewResource(scim.UserURN)
	person.Set("title", scim.String("2026-07-01"))
	for zone, want := range map[string]string{"": `"2026-07-01T21:59:59Z"`, "Pacific/Auckland": `"2026-07-01T11:59:59Z"`} {
		if err := person.Put(scim.Path{URN: scim.UsherUserURN, Attr: "timeZone"}, scim.String(zone)); err != nil {
			t.Fatal(err)
		}
		if v, err := p.Eval(mapping.Input{Person: person}); err != nil || v.String() != want {
			t.Errorf("%q: %s %v, want %s", zone, v, err, want)
		}
	}
}
