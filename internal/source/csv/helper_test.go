// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/csv"
)

// team is the configuration of most tests: three columns of which the note is read by nobody.
func team() csv.Config {
	return csv.Config{Key: "id", Columns: []string{"id", "name", "note"}, Read: []string{"id", "name"}}
}

func read(t *testing.T, c csv.Config, data string) *csv.Snapshot {
	t.Helper()
	snap, err := csv.ReadBytes(t.Context(), c, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if p := snap.Proof; p.Rows != len(snap.Rows) || p.Rejected != len(snap.Rejected) || p.Complete != (p.Reason == "") {
		t.Errorf("proof %+v of %d rows and %d rejects", p, len(snap.Rows), len(snap.Rejected))
	}
	return snap
}

// brief shows rows as "line key|value|value".
func brief(rows []source.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%d %s|%s\n", r.Line, r.Key, strings.Join(r.Values(), "|"))
	}
	return b.String()
}

// rejects shows them as "line:column field key: reason".
func rejects(bad []source.Reject) string {
	var b strings.Builder
	for _, r := range bad {
		fmt.Fprintf(&b, "%d:%d %s %s: %s\n", r.Line, r.Column, r.Field, r.Key, r.Reason)
	}
	return b.String()
}
