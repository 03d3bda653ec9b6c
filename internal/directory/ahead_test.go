// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
)

// What dates will bring, in the zone in which they were stated or the person's own.
func TestAhead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		dates   map[string]string
		leave   bool
		zone    string
		prehire time.Duration
		want    []string
	}{
		"nothing":                {want: nil},
		"a start":                {dates: map[string]string{"startDate": "2026-03-05T00:00:00Z"}, want: []string{"2026-03-05T00:00:00Z staged→active"}},
		"a start before its day": {dates: map[string]string{"startDate": "2026-03-05T00:00:00Z"}, prehire: 48 * time.Hour, want: []string{"2026-03-03T00:00:00Z staged→active"}},
		"an end, as stated":      {dates: map[string]string{"endDate": "2026-03-05T17:00:00+02:00"}, want: []string{"2026-03-05T17:00:00+02:00 active→leaver"}},
		"an end, in their zone":  {dates: map[string]string{"endDate": "2026-03-05T17:00:00Z"}, zone: "America/New_York", want: []string{"2026-03-05T12:00:00-05:00 active→leaver"}},
		"no such zone":           {dates: map[string]string{"endDate": "2026-03-05T17:00:00Z"}, zone: "Mars/Phobos", want: []string{"2026-03-05T17:00:00Z active→leaver"}},
		"start, leave and end": {
			dates: map[string]string{
				"startDate": "2026-03-02T00:00:00Z", "endDate": "2026-03-29T00:00:00Z", "leaveStartDate": "2026-03-10T00:00:00Z", "leaveEndDate": "2026-03-20T00:00:00Z",
			},
			want: []string{
				"2026-03-02T00:00:00Z staged→active", "2026-03-10T00:00:00Z active→on_leave", "2026-03-20T00:00:00Z on_leave→active", "2026-03-29T00:00:00Z active→leaver",
			},
		},
		"an end before the start":  {dates: map[string]string{"startDate": "2026-03-20T00:00:00Z", "endDate": "2026-03-10T00:00:00Z"}, want: []string{"2026-03-10T00:00:00Z staged→leaver"}},
		"two dates at one instant": {dates: map[string]string{"endDate": "2026-03-10T00:00:00Z", "leaveStartDate": "2026-03-10T00:00:00Z"}, want: []string{"2026-03-10T00:00:00Z active→leaver"}},
		"a word of leave":          {leave: true, want: nil},
		"a word, and a way back":   {leave: true, dates: map[string]string{"leaveEndDate": "2026-03-10T00:00:00Z"}, want: []string{"2026-03-10T00:00:00Z on_leave→active"}},
		"a word, and an end":       {leave: true, dates: map[string]string{"endDate": "2026-03-10T00:00:00Z"}, want: []string{"2026-03-10T00:00:00Z on_leave→leaver"}},
		"later than asked":         {dates: map[string]string{"endDate": "2026-05-01T00:00:00Z"}, want: nil},
		"over already":             {dates: map[string]string{"startDate": "2020-01-01T00:00:00Z", "endDate": "2026-03-01T12:00:00Z"}, want: nil},
	} {
		u := scim.NewResource(scim.UserURN)
		for attr, v := range c.dates {
			if err := u.Put(scim.Path{URN: scim.UsherUserURN, Attr: attr}, scim.String(v)); err != nil {
				t.Fatal(err)
			}
		}
		if c.leave {
			if err := u.Put(scim.Path{URN: scim.UsherUserURN, Attr: "onLeave"}, scim.Bool(true)); err != nil {
				t.Fatal(err)
			}
		}
		if c.zone != "" {
			u.Set("timezone", scim.String(c.zone))
		}
		changes, err := directory.Ahead(directory.Calendar{Now: now, PreHire: c.prehire}, &directory.Person{ID: "p", User: u}, now.AddDate(0, 0, 30))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ch := range changes {
			got = append(got, fmt.Sprintf("%s %s→%s", ch.At.Format(time.RFC3339), ch.From, ch.To))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
