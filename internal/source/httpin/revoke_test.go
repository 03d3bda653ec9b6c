// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/httpin"
)

// TestRevoke: calls that are configured to end access do, by the time at which that
// happened, and no others.
func TestRevoke(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	earlier := time.Date(2026, 11, 26, 9, 59, 10, 0, time.UTC)
	const gone = `{"type":"gone","at":%s,"data":{"id":%s}}`
	for name, c := range map[string]struct {
		body    string
		noIDs   bool // records cannot be read by id
		keys    string
		revoked time.Time
		lost    int
		code    int
	}{
		"without a zone":             {fmt.Sprintf(gone, `"2026-11-26T09:59:10.000000"`, "7"), false, "7", earlier, 0, 204},
		"with one":                   {fmt.Sprintf(gone, `"2026-11-26T11:59:10+02:00"`, "7"), false, "7", earlier, 0, 204},
		"in seconds":                 {fmt.Sprintf(gone, fmt.Sprint(earlier.Unix()), "7"), false, "7", earlier, 0, 204},
		"in milliseconds":            {fmt.Sprintf(gone, fmt.Sprint(earlier.UnixMilli()), "7"), false, "7", earlier, 0, 204},
		"ahead of us":                {fmt.Sprintf(gone, `"2026-11-26T14:00:00"`, "7"), false, "7", now, 0, 204},
		"no time":                    {fmt.Sprintf(gone, `"soon"`, "7"), false, "7", now, 0, 204},
		"another event":              {`{"type":"changed","data":{"id":7}}`, false, "7", time.Time{}, 0, 204},
		"none that is told":          {`{"data":{"id":7}}`, false, "7", time.Time{}, 0, 204},
		"of people who are read all": {fmt.Sprintf(gone, `"2026-11-26T09:59:10"`, "7"), true, "7", earlier, 1, 204},
		"another event of such":      {`{"type":"changed","data":{"id":7}}`, true, "", time.Time{}, 1, 204},
		"of nobody":                  {`{"type":"gone","at":"2026-11-26T09:59:10","data":{}}`, false, "", time.Time{}, 1, 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard told
			var revoked time.Time
			l := heard.listener()
			hear := l.Hear
			l.Hear = func(ctx context.Context, w source.Word) error {
				revoked = w.Revoked
				return hear(ctx, w)
			}
			h := httpin.Hook{
				HookConfig: httpin.HookConfig{
					Algorithm: httpin.AlgSecret, Header: "X-Secret", Person: ptr(path(t, "data.id")),
					Revoke: &httpin.Revoke{At: path(t, "type"), Values: []string{"gone", "left"}, When: ptr(path(t, "at"))},
				},
				Hear: l, ByID: !c.noIDs, Secrets: func() []string { return []string{oldSecret} }, Now: func() time.Time { return now },
			}
			if err := h.Check(); err != nil {
				t.Fatal(err)
			}
			if code := post(h.Handler(), c.body, map[string]string{"X-Secret": newSecret}); code != http.StatusUnauthorized || len(heard.keys) > 0 {
				t.Errorf("forged: %d", code)
			}
			code := post(h.Handler(), c.body, map[string]string{"X-Secret": oldSecret})
			if keys, lost := heard.take(); code != c.code || keys != c.keys || lost != c.lost || !revoked.Equal(c.revoked) {
				t.Errorf("%d, told of %q at %s, %d times of everybody; want %d, %q, %s, %d", code, keys, revoked, lost, c.code, c.keys, c.revoked, c.lost)
			}
		})
	}
}

// TestRevokeMistakes: what would end the access of the wrong people is refused.
func TestRevokeMistakes(t *testing.T) {
	t.Parallel()
	person := ptr(path(t, "id"))
	for want, c := range map[string]httpin.HookConfig{
		"no use without person": {Header: "X", Revoke: &httpin.Revoke{At: path(t, "type"), When: person}},
		"revoke has no at":      {Header: "X", Person: person, Revoke: &httpin.Revoke{At: path(t, "type")}},
		"path of revoke":        {Header: "X", Person: person, Revoke: &httpin.Revoke{At: path(t, "events[*].type"), When: person}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := (httpin.HookConfig{Header: "X", Person: person, Signed: "{timestamp}{body}", TimeHeader: "T", Revoke: &httpin.Revoke{At: path(t, "type")}}).Check(); err != nil {
		t.Error(err)
	}
}
