// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
		undated bool
	}{
		"without a zone":             {fmt.Sprintf(gone, `"2026-11-26T09:59:10.000000"`, "7"), false, "7", earlier, 0, 204, false},
		"with one":                   {fmt.Sprintf(gone, `"2026-11-26T11:59:10+02:00"`, "7"), false, "7", earlier, 0, 204, false},
		"in seconds":                 {fmt.Sprintf(gone, fmt.Sprint(earlier.Unix()), "7"), false, "7", earlier, 0, 204, false},
		"in milliseconds":            {fmt.Sprintf(gone, fmt.Sprint(earlier.UnixMilli()), "7"), false, "7", earlier, 0, 204, false},
		"ahead of us":                {fmt.Sprintf(gone, `"2026-11-26T14:00:00"`, "7"), false, "7", now, 0, 204, true},
		"no time":                    {fmt.Sprintf(gone, `"soon"`, "7"), false, "7", now, 0, 204, true},
		"another event":              {`{"type":"changed","data":{"id":7}}`, false, "7", time.Time{}, 0, 204, false},
		"none that is told":          {`{"data":{"id":7}}`, false, "7", time.Time{}, 0, 204, false},
		"of people who are read all": {fmt.Sprintf(gone, `"2026-11-26T09:59:10"`, "7"), true, "7", earlier, 1, 204, false},
		"another event of such":      {`{"type":"changed","data":{"id":7}}`, true, "", time.Time{}, 1, 204, false},
		"of nobody":                  {`{"type":"gone","at":"2026-11-26T09:59:10","data":{}}`, false, "", time.Time{}, 1, 503, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard told
			var revoked time.Time
			var undated []string
			l := heard.listener()
			hear := l.Hear
			l.Hear = func(ctx context.Context, w source.Word) error {
				revoked, undated = w.Revoked, append(undated, w.Undated)
				return hear(ctx, w)
			}
			h := httpin.Hook{
				HookConfig: httpin.HookConfig{
					Algorithm: httpin.AlgSHA256, Header: "X-Sig", Person: ptr(path(t, "data.id")),
					Revoke: &httpin.Revoke{At: path(t, "type"), Values: []string{"gone", "left"}, When: ptr(path(t, "at"))},
				},
				Hear: l, ByID: !c.noIDs, Secrets: func() []string { return []string{oldSecret} }, Now: func() time.Time { return now },
			}
			if err := h.Check(); err != nil {
				t.Fatal(err)
			}
			signed := func(secret string) map[string]string {
				return map[string]string{"X-Sig": hex.EncodeToString(sum(sha256.New, secret, c.body))}
			}
			if code := post(h.Handler(), c.body, signed(newSecret)); code != http.StatusUnauthorized || len(heard.keys) > 0 {
				t.Errorf("forged: %d", code)
			}
			code := post(h.Handler(), c.body, signed(oldSecret))
			if keys, lost := heard.take(); code != c.code || keys != c.keys || lost != c.lost || !revoked.Equal(c.revoked) {
				t.Errorf("%d, told of %q at %s, %d times of everybody; want %d, %q, %s, %d", code, keys, revoked, lost, c.code, c.keys, c.revoked, c.lost)
			}
			if c.revoked.IsZero() {
				return
			}
			now := now.Add(time.Hour)
			h.Now = func() time.Time { return now }
			if post(h.Handler(), c.body, signed(oldSecret)); len(undated) != 2 || undated[0] != undated[1] || (undated[0] != "") != c.undated {
				t.Errorf("it is known by %q", undated)
			}
		})
	}
}

// TestRevokeMistakes: what would end the access of the wrong people is refused.
func TestRevokeMistakes(t *testing.T) {
	t.Parallel()
	person := ptr(path(t, "id"))
	for want, c := range map[string]httpin.HookConfig{
		"no use without person":        {Header: "X", Revoke: &httpin.Revoke{At: path(t, "type"), When: person}},
		"as such a call is not signed": {Algorithm: httpin.AlgSecret, Header: "X", Person: person, Revoke: &httpin.Revoke{At: path(t, "type"), When: person}},
		"revoke has no at":             {Header: "X", Person: person, Revoke: &httpin.Revoke{At: path(t, "type")}},
		"path of revoke":               {Header: "X", Person: person, Revoke: &httpin.Revoke{At: path(t, "events[*].type"), When: person}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := (httpin.HookConfig{Header: "X", Person: person, Signed: "{timestamp}{body}", TimeHeader: "T", Revoke: &httpin.Revoke{At: path(t, "type")}}).Check(); err != nil {
		t.Error(err)
	}
}
