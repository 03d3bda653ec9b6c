// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"time"

	"github.com/usher-id/usher/internal/audit"
)

// Store is what the directory keeps its state in. Update may call fn more than
// once; what fn does outside its Tx must bear that.
type Store interface {
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction. Now is the real clock, the same for all of it.
type Tx interface {
	audit.Appender
	Now() time.Time

	// Records returns the records of one source among ids, by id.
	Records(ctx context.Context, source string, ids []string) (map[string]Record, error)
	PutRecords(ctx context.Context, records []Record) error
	// RecordsOf returns all records of the given people, in order of source and id.
	RecordsOf(ctx context.Context, people []string) (map[string][]Record, error)
	// Alike returns the records of a source that have one of these as Same, in order of id.
	Alike(ctx context.Context, source string, same []string) ([]Record, error)
	// Linked returns the records of a source that are parts of one of these, and
	// LinkedTo, of every one that has a person of its own, the key of which it is a part.
	Linked(ctx context.Context, source string, ids []string) ([]Record, error)
	LinkedTo(ctx context.Context, source string) (map[string]string, error)
	// SetMissing marks the records of a source that seen knows as present and,
	// if complete, those that it does not know as missing since now. It returns
	// those whose standing changed.
	SetMissing(ctx context.Context, source string, complete bool, seen Seen) (changed []string, err error)
	// Present takes records as there again, and returns which of them were missing.
	Present(ctx context.Context, source string, ids []string) ([]string, error)
	// MarkDue makes those due at an instant whom one of these records of a
	// source speaks of, and another record as well.
	MarkDue(ctx context.Context, source string, ids []string, at time.Time) error

	// Release makes those of the records nobody's that are missing and hold nobody.
	Release(ctx context.Context, source string, ids []string) error

	// PutKeys replaces the values by which people are found.
	PutKeys(ctx context.Context, keys map[string][]MatchKey) error
	// Matching returns who is known under a value that one of the sources
	// states, in order of id: some of them, if there are more than two.
	Matching(ctx context.Context, attribute, canonical string, sources []string) ([]string, error)

	People(ctx context.Context, ids []string) (map[string]*Person, error)
	// PutPeople stores people and marks their accounts in every app as due.
	PutPeople(ctx context.Context, people []*Person) error
	// MarkLinked marks the accounts of people as due who have got a record, and are as
	// they were: an app may be the records of a source.
	MarkLinked(ctx context.Context, people []string) error
	// Waiting returns whose lifecycle has to be looked at, each list in order of
	// id: due are those whose Next has come, absent those who are no leavers
	// and all of whose records that hold them are missing, returned those who
	// are Missing, or left as absent, and have one again.
	Waiting(ctx context.Context, now time.Time) (due, absent, returned []string, err error)

	// Erase removes what is kept of a person's attributes: records, keys, the
	// ledger's payloads, and what was sent to apps. The person's row, the names
	// that nobody else may get and the links to accounts stay. It returns
	// ErrHasAccess if an account is live, or nobody knows whether it is. Returned are
	// the Users that providers push of them, and of which others may not know yet
	// that they are gone.
	Erase(ctx context.Context, person string) (gone []Resource, err error)

	// Rewind makes everybody due at now one of whose records starts or ends
	// after now, and no later than last.
	Rewind(ctx context.Context, now, last time.Time) error

	Names

	// SetTeams replaces the rule-made memberships of people; teams not seen
	// before are stored. A person without an entry keeps theirs.
	SetTeams(ctx context.Context, teams map[string][]Team) error
	// StatedTeams returns the teams of which sources state who is in them, by
	// person. PutTeam stores a team, or its new name.
	StatedTeams(ctx context.Context, people []string) (map[string][]Team, error)
	PutTeam(ctx context.Context, t Team) error
	// InIDs returns everybody who is in, in order of id; Everybody all others, too.
	InIDs(ctx context.Context) ([]string, error)
	Everybody(ctx context.Context) ([]string, error)

	// Meta and PutMeta keep small facts about the store itself.
	Meta(ctx context.Context, key string) ([]byte, error)
	PutMeta(ctx context.Context, key string, value []byte) error
}

// Gate stands before departures. It is asked once for each cause with everybody
// who would leave by it, in order of id, within the transaction that would
// make them leavers; it returns whether they may, and records the hold if not.
type Gate interface {
	Departures(ctx context.Context, tx Tx, cause Cause, people []string) (pass bool, err error)
}

// Reader is what commands and pages ask the directory.
type Reader interface {
	// List returns people of a state, "" for all, in order of id, those after a
	// given id.
	List(ctx context.Context, state State, after string, limit int) ([]Listing, error)
	People(ctx context.Context, ids []string) (map[string]*Person, error)
	RecordsOf(ctx context.Context, people []string) (map[string][]Record, error)
	// Search returns the ids of people by id, user name, externalId or record key.
	Search(ctx context.Context, what string) ([]string, error)
	PeopleTotals(ctx context.Context) (Totals, error)
	// Ahead returns people whose Next has come or comes up to an instant, in the
	// order of their time. NextDate returns the earliest Next after an instant,
	// zero for none.
	Ahead(ctx context.Context, until time.Time, limit int) ([]*Person, error)
	NextDate(ctx context.Context, after time.Time) (time.Time, error)
	// Meta is what PutMeta has kept, nil for nothing.
	Meta(ctx context.Context, key string) ([]byte, error)
}

// Listing is a person with the keys of their records.
type Listing struct {
	Person  *Person
	Records []Record
}

// Totals counts people by state.
type Totals struct {
	Total   int `json:"total"`
	Active  int `json:"active"`
	Staged  int `json:"staged"`
	OnLeave int `json:"on_leave"`
	Missing int `json:"missing"`
	Leaver  int `json:"leaver"`
}
