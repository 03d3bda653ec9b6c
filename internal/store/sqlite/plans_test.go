// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store/sqlite"
	"github.com/usher-id/usher/scim"
)

// TestPlans holds the hot queries to the indexes that make a cycle cost what
// changes and not what there is. Want is what some step of the first plans must
// say; no step may walk a table or sort.
func TestPlans(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "usher.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	now := time.Now()
	subjects := func(q provision.Query) func(context.Context, *sqlite.Tx) error {
		q.App, q.Limit, q.Now = "app", 10, now
		return func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Subjects(ctx, q)
			return err
		}
	}
	for name, c := range map[string]struct {
		run   func(context.Context, *sqlite.Tx) error
		want  []string
		walks []string // tables that may be walked, by an index at that
	}{
		"subjects due":         {subjects(provision.Query{Due: true}), []string{"SEARCH a USING INDEX accounts_due (app=? AND person>?)"}, nil},
		"subjects out":         {subjects(provision.Query{Due: true, Out: true, Since: now}), []string{"SEARCH a USING INDEX accounts_out (app=? AND due_at>?)"}, []string{"USE TEMP B-TREE FOR ORDER BY"}},
		"subjects to look at":  {subjects(provision.Query{Observe: true}), []string{"SEARCH a USING INDEX accounts_observe (app=? AND person>?)"}, nil},
		"subjects parked":      {subjects(provision.Query{Parked: true}), []string{"SEARCH a USING INDEX accounts_parked (app=? AND person>?)"}, nil},
		"subjects of everyone": {subjects(provision.Query{}), []string{"SEARCH a USING PRIMARY KEY (app=? AND person>?)"}, nil},
		"waiting": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, _, _, err := tx.Waiting(ctx, now)
			return err
		}, []string{"people_next", "records_missing", "people_state"}, []string{"SCAN r USING INDEX records_missing", "USE TEMP B-TREE FOR ORDER BY"}},
		"events": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.QueuedEvents(ctx, events.Stream{Source: "idp", Delivery: events.Push}, 9)
			return err
		}, []string{"SEARCH event_outbox USING INDEX event_outbox_stream (source=? AND delivery=?)"}, nil},
		"events waiting": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Backlogs(ctx)
			return err
		}, []string{"SCAN event_outbox USING COVERING INDEX event_outbox_stream", "SEARCH o USING INTEGER PRIMARY KEY"}, []string{"SCAN event_outbox USING COVERING INDEX", "SCAN w", "USE TEMP B-TREE FOR ORDER BY"}},
		"events still queued": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.StillQueued(ctx, events.Stream{Source: "idp", Delivery: events.Push}, []string{"x"})
			return err
		}, []string{"SEARCH event_outbox USING COVERING INDEX sqlite_autoindex_event_outbox_1 (source=? AND delivery=? AND id=?)"}, nil},
		"pushed": {func(ctx context.Context, tx *sqlite.Tx) error {
			for _, by := range []source.PushedBy{source.PushedByID, source.PushedByName, source.PushedByExternal} {
				if _, err := tx.Pushed(ctx, "idp", "User", by, "x", true); err != nil {
					return err
				}
			}
			if _, _, err := tx.PushedAfter(ctx, users(""), 7, 9); err != nil {
				return err
			}
			if _, err := tx.PushedAt(ctx, "idp", "User", 1000, 9); err != nil {
				return err
			}
			_, err := tx.PushedCount(ctx, "idp", "User")
			return err
		}, []string{
			"(source=? AND type=? AND id=?)", "pushed_name (source=? AND type=? AND name=?)", "pushed_external (source=? AND type=? AND external=?)",
			"pushed_live (source=? AND type=? AND deleted=? AND rowid>?)", "COVERING INDEX pushed_live (source=? AND type=? AND deleted=?)",
			"pushed_counts USING PRIMARY KEY (source=? AND type=?)",
		}, nil},
		"pushed by what an index has": {func(ctx context.Context, tx *sqlite.Tx) error {
			for _, filter := range []string{`id eq "x"`, `userName sw "ann" and active eq true`, `title pr and userName eq "x"`, `externalId eq "x"`} {
				if _, _, err := tx.PushedAfter(ctx, users(filter), 7, 9); err != nil {
					return err
				}
			}
			q := users("")
			q.SortBy = scim.MustPath("userName")
			_, _, _, err := tx.PushedPage(ctx, q, 10, 10)
			return err
		}, []string{
			"sqlite_autoindex_pushed_1 (source=? AND type=? AND id=?", "pushed_name (source=? AND type=? AND name>? AND name<?)",
			"pushed_name (source=? AND type=? AND name=?", "pushed_external (source=? AND type=? AND external=?",
		}, []string{"USE TEMP B-TREE FOR ORDER BY"}},
		"pushed by members": {func(ctx context.Context, tx *sqlite.Tx) error {
			for _, filter := range []string{`members eq "m"`, `members[value eq "m"]`, `members.value eq "m" or id eq "x" or members eq "n"`, `displayName co "x" and members eq "m"`} {
				q := users(filter)
				q.Type, q.Schema, q.Name, q.Groups, q.Members = "Group", scim.GroupURN, "displayName", "", "members"
				if _, _, err := tx.PushedAfter(ctx, q, 7, 9); err != nil {
					return err
				}
				if _, _, _, err := tx.PushedPage(ctx, q, 10, 10); err != nil {
					return err
				}
			}
			return nil
		}, []string{"sqlite_autoindex_pushed_1 (source=? AND type=? AND id=?", "INDEX pushed_members_member (source=? AND member=?)"}, []string{"USE TEMP B-TREE FOR ORDER BY"}},
		"pushed in the order of an index": {func(ctx context.Context, tx *sqlite.Tx) error {
			q := users("")
			q.SortBy = scim.MustPath("userName")
			_, _, _, err := tx.PushedPage(ctx, q, 10, 10)
			return err
		}, []string{"SEARCH p USING INDEX pushed_name (source=? AND type=?)"}, nil},
		"pushed users": {func(ctx context.Context, tx *sqlite.Tx) error {
			for _, by := range []source.PushedBy{source.PushedByID, source.PushedByName, source.PushedByExternal} {
				if _, err := tx.PushedUsers(ctx, "idp", by, "x"); err != nil {
					return err
				}
			}
			return nil
		}, []string{
			"(source=? AND type=? AND id=?)", "pushed_name (source=? AND type=? AND name=?)", "pushed_external (source=? AND type=? AND external=?)",
			"pushed_members_member (source=? AND member=?)", "SEARCH g USING INDEX sqlite_autoindex_pushed_1",
		}, nil},
		"pushed rivals": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.PushedRivals(ctx, "idp", "x", "y")
			return err
		}, []string{"pushed_name (source=? AND type=? AND name=?)", "pushed_external (source=? AND type=? AND external=?)"}, nil},
		"pushed values": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.PushedValues(ctx, "idp", "User", "roles", 9)
			return err
		}, []string{"SEARCH p USING INDEX pushed_live (source=? AND type=? AND deleted=?)"}, []string{"SCAN v VIRTUAL TABLE"}},
		"pushed members": {func(ctx context.Context, tx *sqlite.Tx) error {
			if _, err := tx.GroupsWith(ctx, "idp", []string{"m"}); err != nil {
				return err
			}
			if _, err := tx.GroupsOf(ctx, "idp", []string{"m"}); err != nil {
				return err
			}
			_, err := tx.StatedTeams(ctx, []string{"p"})
			return err
		}, []string{"pushed_members_member (source=? AND member=?)", "records_person (person=?)", "pushed_record (source=? AND record=?)"}, []string{"USE TEMP B-TREE FOR ORDER BY"}},
		"linked": {func(ctx context.Context, tx *sqlite.Tx) error {
			if _, err := tx.LinkedTo(ctx, "idp"); err != nil {
				return err
			}
			_, err := tx.Linked(ctx, "idp", []string{"r"})
			return err
		}, []string{"records_alias (source=? AND alias=?)", "records_alias (source=?)"}, []string{"USE TEMP B-TREE FOR ORDER BY"}},
		"shut out": {func(ctx context.Context, tx *sqlite.Tx) error {
			if _, err := tx.ShutOut(ctx, "app", nil); err != nil {
				return err
			}
			_, err := tx.ShutOut(ctx, "app", []string{"r"})
			return err
		}, []string{"accounts_disabled (app=? AND remote_id=?)", "accounts_disabled (app=?)"}, nil},
		"marks": {func(ctx context.Context, tx *sqlite.Tx) error {
			if _, _, err := tx.Marks(ctx, "idp", now, 9); err != nil {
				return err
			}
			_, err := tx.Marked(ctx, "idp", "r")
			return err
		}, []string{"source_marks_due (source=? AND due_at<?)", "PRIMARY KEY (source=? AND id=?)"}, []string{"USE TEMP B-TREE FOR LAST TERM OF ORDER BY"}},
		"teamless": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Teamless(ctx, "idp", []string{"r"})
			return err
		}, []string{"source_members_record (source=? AND record=?)"}, []string{"USE TEMP B-TREE FOR ORDER BY"}},
		"stated anew": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, _ = tx.Present(ctx, "idp", []string{"r"}) // refused, as nothing can be written here, and planned all the same
			_ = tx.Touch(ctx, "idp", []string{"r"})
			_ = tx.Suspect(ctx, "app", []string{"r"})
			return nil
		}, []string{"sqlite_autoindex_records_1 (source=? AND id=?)", "accounts_remote (app=? AND remote_id=?)"}, nil},
		"set missing": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.SetMissing(ctx, "hr", false, func(string, time.Time) bool { return false })
			return err
		}, []string{"SEARCH records USING INDEX sqlite_autoindex_records_1 (source=?)"}, nil},
		"matching": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Matching(ctx, "userName", "ada", []string{"hr"})
			return err
		}, []string{"PRIMARY KEY (attribute=? AND canonical=?)"}, nil},
		"known": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Known(ctx, "hr", source.Proof{}, func(string) bool { return false })
			return err
		}, []string{"SEARCH records USING"}, nil},
		"totals": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Totals(ctx, "app")
			return err
		}, []string{"app_sizes USING PRIMARY KEY (app=?)", "accounts_parked (app=?)", "accounts_due (app=?)"}, []string{"SCAN sqlite_schema"}},
		"next retry": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.NextRetry(ctx, "app", nil, time.Time{})
			return err
		}, []string{"accounts_due (app=?)", "accounts_observe (app=?)"}, []string{"SCAN (subquery"}},
		"open intents": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.OpenIntents(ctx, "app")
			return err
		}, []string{"journal_open"}, nil},
		"entries": {func(ctx context.Context, tx *sqlite.Tx) error {
			if _, err := tx.EntriesThat(ctx, provision.Done, "app", "p", 9); err != nil {
				return err
			}
			_, err := tx.Entries(ctx, "app", "p", 9)
			return err
		}, []string{"journal_person (app=? AND person=?)"}, nil},
		"names": {func(ctx context.Context, tx *sqlite.Tx) error {
			if _, err := tx.NameOwner(ctx, "s", "a", "n"); err != nil {
				return err
			}
			_, err := tx.NameOf(ctx, "s", "a", "o")
			return err
		}, []string{"PRIMARY KEY (scope=? AND attribute=? AND canonical=?)", "names_owner (scope=? AND attribute=? AND owner=?)"}, nil},
		"owners": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Owners(ctx, "app", []string{"r"})
			return err
		}, []string{"accounts_remote (app=? AND remote_id=?)"}, nil},
		"people": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.People(ctx, []string{"p"})
			return err
		}, []string{"SEARCH people USING INDEX sqlite_autoindex_people_1 (id=?)"}, nil},
		"ahead": {func(ctx context.Context, tx *sqlite.Tx) error {
			if _, err := tx.NextDate(ctx, now); err != nil {
				return err
			}
			_, err := tx.Ahead(ctx, now, 9)
			return err
		}, []string{"SEARCH people USING COVERING INDEX people_next (next_at>?)", "SEARCH people USING INDEX people_next (next_at>? AND next_at<?)"}, nil},
		"backlog": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Backlog(ctx, "app", now)
			return err
		}, []string{"accounts_due (app=?)"}, nil},
		"parked reasons": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.ParkedReasons(ctx, "app", 9)
			return err
		}, []string{"accounts_parked (app=?)"}, []string{"SCAN s", "USE TEMP B-TREE FOR ORDER BY"}},
		"waking": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.Waking(ctx, now, 9)
			return err
		}, []string{"accounts_wake (app=? AND wake_at>? AND wake_at<?)"}, []string{"SCAN s", "USE TEMP B-TREE FOR ORDER BY"}},
		"live at": {func(ctx context.Context, tx *sqlite.Tx) error {
			_, err := tx.LiveAt(ctx, []string{"p"})
			return err
		}, []string{"accounts_person (person=?)"}, []string{"USE TEMP B-TREE FOR ORDER BY"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plans, err := db.Plans(t.Context(), func(tx *sqlite.Tx) error { return c.run(t.Context(), tx) })
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(plans, "\n")
			for _, want := range c.want {
				if !strings.Contains(all, want) {
					t.Errorf("no step says %q:\n%s", want, all)
				}
			}
			if name == "pushed by members" && strings.Contains(all, "pushed_live") {
				t.Errorf("everybody is looked at:\n%s", all)
			}
			for _, step := range strings.Split(all, "\n") {
				if allowed(step, c.walks) {
					continue
				}
				if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "AUTOMATIC") || strings.Contains(step, "TEMP B-TREE FOR ORDER") {
					t.Errorf("%s:\n%s", step, all)
				}
			}
		})
	}
}

// users is a query about Users, with a filter.
func users(filter string) source.PushedQuery {
	q := source.PushedQuery{Source: "idp", Type: "User", Schemas: scim.CoreSchemas(), Schema: scim.UserURN, Name: "userName", Groups: "groups"}
	if filter != "" {
		f, err := scim.ParseFilter(filter, scim.FilterLimits{})
		if err != nil {
			panic(err)
		}
		q.Filter = f
	}
	return q
}

// allowed are steps that walk what is small: the ids that were asked for, a
// constant, what a test names.
func allowed(step string, walks []string) bool {
	for _, w := range append(walks, "SCAN json_each", "SCAN CONSTANT ROW") {
		if strings.HasPrefix(step, w) {
			return true
		}
	}
	return false
}
