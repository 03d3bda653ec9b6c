// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// Every state of a person against every state of a record: it is changed or let go, and
// never disabled or deleted, whatever the scope, the source and a grace time say.
func TestPlannerOfRecords(t *testing.T) {
	t.Parallel()
	target := newTarget(t, "hr", nil)
	target.Source, target.Scope = "hr", condition(t, `person.title != "out"`)
	grace := 30 * time.Minute
	target.DeleteAfter = &grace
	record := func(ids ...string) (keys []provision.RecordKey) {
		for _, id := range ids {
			k := provision.RecordKey{ID: strings.TrimSuffix(id, "ended")}
			if k.ID != id {
				k.End = noon
			}
			keys = append(keys, k)
		}
		return keys
	}
	for _, c := range []struct {
		what    string
		person  directory.State
		title   string
		account provision.AccountState
		records []provision.RecordKey
		plan    string
		letGo   string // "" for no; with a star in front: there is another one
		failed  string
	}{
		{"who is new", directory.Active, "in", provision.None, record("u-ann"), "create (joiner)", "", ""},
		{"who is settled", directory.Active, "in", provision.Live, record("u-ann"), "", "", ""},
		{"of no source", directory.Active, "in", provision.None, nil, "", "", ""},
		{"of the source no more", directory.Active, "in", provision.Live, nil, "", "not of source hr", ""},
		{"an ended record", directory.Active, "in", provision.Live, record("u-annended"), "", "the record in source hr has ended", ""},
		{"a new record", directory.Active, "in", provision.Live, record("u-annended", "u-9"), "", "*another record of source hr", ""},
		{"two records, one known", directory.Active, "in", provision.Live, record("u-9", "u-ann"), "", "", ""},
		{"two records, none known", directory.Active, "in", provision.None, record("u-9", "u-8"), "", "", "source hr has 2 records of this person (u-8, u-9)"},
		{"outside the scope", directory.Active, "out", provision.Live, record("u-ann"), "", "outside the app's scope", ""},
		{"on leave", directory.OnLeave, "in", provision.Live, record("u-ann"), "", "", ""},
		{"missing", directory.Missing, "in", provision.Live, nil, "", "", ""},
		{"staged", directory.Staged, "in", provision.None, record("u-ann"), "", "", ""},
		{"staged again", directory.Staged, "in", provision.Live, record("u-ann"), "", "left as it is", ""},
		{"a leaver", directory.Leaver, "in", provision.Live, record("u-annended"), "", "left as it is", ""},
		{"a leaver who was disabled, of an earlier time", directory.Leaver, "in", provision.Disabled, record("u-ann"), "", "left as it is", ""},
		{"a leaver without", directory.Leaver, "in", provision.None, record("u-ann"), "", "", ""},
		{"erased", directory.Erased, "in", provision.Live, nil, "", "left as it is", ""},
	} {
		s := subject(somebody("ann", c.person, "title", c.title), c.account)
		s.Records = c.records
		p := provision.NewPlanner(target, scim.CoreSchemas(), noon)
		ops, err := p.Subject(s, nil)
		if why, again := p.LetsGo(s); (why == "") != (c.letGo == "") || again != strings.HasPrefix(c.letGo, "*") || !strings.Contains(why, strings.TrimPrefix(c.letGo, "*")) {
			t.Errorf("%s: let go %q %v", c.what, why, again)
		} else if again {
			continue // nothing is planned of it
		}
		var failed *provision.Failed
		if errors.As(err, &failed) != (c.failed != "") || failed != nil && !strings.HasPrefix(failed.Reason, c.failed) || words(ops) != c.plan {
			t.Errorf("%s: %q, %v", c.what, words(ops), err)
		}
	}
}
