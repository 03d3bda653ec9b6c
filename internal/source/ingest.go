// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// Batch is what one read of a source delivered.
type Batch struct {
	Rows     []Row
	Rejected []Reject
	Proof    Proof
	Notes    []string
	Columns  []string // names of the rows' values
	Fields   []int    // their 1-based numbers in the source, 0 for none
}

// Reader reads a source once. An error means that nothing of it can be used.
type Reader interface {
	Read(ctx context.Context) (*Batch, error)
}

// Source is a configured source: where its rows come from and what they mean.
type Source struct {
	Name    string
	File    string // for people and messages
	Reader  Reader
	Mapping *mapping.Mapping // row → person
	Digest  [32]byte         // of the mapping and the columns it reads
}

// Report is what became of a read.
type Report struct {
	Source   string   `json:"source"`
	File     string   `json:"file"`
	Rows     int      `json:"rows"`
	New      int      `json:"new"`
	Changed  int      `json:"changed"`
	Complete bool     `json:"complete"`
	Reason   string   `json:"reason,omitempty"` // why the read is not proven complete
	Replay   bool     `json:"replay,omitempty"` // the very bytes were read before, and others since
	Notes    []string `json:"notes,omitempty"`
	Rejected []Reject `json:"rejected"`
}

// Store is what the phases keep their state in.
type Store interface {
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction: the directory's, and the record of the read itself.
type Tx interface {
	directory.Tx
	// Known compares a read that is about to be taken with what is known.
	Known(ctx context.Context, source string, p Proof, seen func(id string) bool) (Known, error)
	// PutRead replaces what is known of a source's last read, and adds its
	// digest to those that were ever read.
	PutRead(ctx context.Context, r Report, p Proof) error
	// Sources returns every source that ever stated anything.
	Sources(ctx context.Context) ([]string, error)
}

// Known is what is known of a source before a read is taken.
type Known struct {
	Records int // people that it ever stated
	Here    int // those of them that the read holds
	// Replay says that the very bytes were read before, others since, and that
	// the file is no newer than those. A newer file of the same bytes is what
	// a source writes that takes its last change back.
	Replay bool
}

// StrangersError says that a read holds hardly anybody who is known and many
// who are not. Taken as it is, it would give everybody a second account.
type StrangersError struct{ Known, Here, New int }

func (e *StrangersError) Error() string {
	return fmt.Sprintf("of %d people that this source has stated, the read holds %d, and %d whom nobody knows: "+
		"did the key column change, or is this another source's file? Nothing of it was taken", e.Known, e.Here, e.New)
}

// strange is a deliberately wide net: a source that doubles its people passes,
// one that exchanges them does not.
func (k Known) strange(fresh int) bool {
	return k.Records >= 20 && k.Here*10 < k.Records && fresh*2 >= k.Records
}

// chunk is how many rows one transaction takes (DESIGN: a big source is taken
// in chunks of some 500 rows).
const chunk = 500

// Ingest reads a source and brings its statements into the directory. Nobody
// leaves by it: departures wait for directory.Settle.
func Ingest(ctx context.Context, st Store, d *directory.Directory, s Source) (Report, error) {
	batch, err := s.Reader.Read(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("source %s: %w", s.Name, err)
	}
	r := Report{
		Source: s.Name, File: s.File, Rows: batch.Proof.Rows + batch.Proof.Rejected, Complete: batch.Proof.Complete,
		Reason: batch.Proof.Reason, Notes: batch.Notes, Rejected: batch.Rejected,
	}
	seen := map[string]bool{}
	for _, j := range batch.Rejected {
		if j.Key != "" { // set aside, but there: its person is as they were
			seen[j.Key] = true
		}
	}
	for _, row := range batch.Rows {
		seen[row.Key] = true
	}
	if err := match(ctx, st, s, batch, seen, &r); err != nil {
		return r, fmt.Errorf("source %s: %w", s.Name, err)
	}
	// Names are given in the order of keys, never of rows (DESIGN: names).
	slices.SortFunc(batch.Rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	for rows := range slices.Chunk(batch.Rows, chunk) {
		if err := submit(ctx, st, d, s, batch, rows, &r); err != nil {
			return r, fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	if r.Replay {
		if err := stale(ctx, st, s, batch.Rows, seen, &r); err != nil {
			return r, fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	slices.SortStableFunc(r.Rejected, func(a, b Reject) int { return a.Line - b.Line })
	return r, prove(ctx, st, s, batch.Proof, &r, seen)
}

// match holds the read against what is known, before anything of it is taken.
func match(ctx context.Context, st Store, s Source, batch *Batch, seen map[string]bool, r *Report) error {
	var k Known
	err := st.Update(ctx, func(tx Tx) (err error) {
		k, err = tx.Known(ctx, s.Name, batch.Proof, func(id string) bool { return seen[id] })
		return err
	})
	if err != nil {
		return err
	}
	if fresh := len(seen) - k.Here; k.strange(fresh) {
		return &StrangersError{k.Records, k.Here, fresh}
	}
	if r.Replay = k.Replay; r.Replay {
		r.Notes = append(r.Notes, "this is an older file, read before: nobody who has left is brought back by it, and nobody is absent for not being in it")
	}
	return nil
}

// submit hands one chunk to the directory, in one transaction.
func submit(ctx context.Context, st Store, d *directory.Directory, s Source, batch *Batch, rows []Row, r *Report) error {
	statements := make([]directory.Statement, len(rows))
	for i, row := range rows {
		statements[i] = directory.Statement{
			Key: directory.Key{Source: s.Name, ID: row.Key}, Digest: digest(s.Digest, row), File: s.File, Line: row.Line, Replay: r.Replay,
			Map: func() (*scim.Resource, error) { return parse(s.Mapping, row) },
		}
	}
	var done directory.Accepted
	err := st.Update(ctx, func(tx Tx) (err error) {
		done, err = d.Accept(ctx, tx, s.Name, statements)
		return err
	})
	if err != nil {
		return err
	}
	r.New, r.Changed = r.New+done.New, r.Changed+done.Changed
	for _, j := range done.Rejected {
		r.Rejected = append(r.Rejected, batch.reject(s, j))
	}
	return nil
}

// digest identifies what a row says under a mapping. Equal digests spare the
// expressions.
func digest(of [32]byte, row Row) [32]byte {
	h := sha256.New()
	h.Write(of[:])
	var n [8]byte
	for _, v := range row.Values {
		binary.BigEndian.PutUint64(n[:], uint64(len(v)))
		h.Write(n[:])
		h.Write([]byte(v))
	}
	return [32]byte(h.Sum(nil))
}

// unmapped is a row that an expression failed on.
type unmapped struct{ failures []mapping.Failure }

func (u *unmapped) Error() string {
	texts := make([]string, len(u.failures))
	for i, f := range u.failures {
		name := f.Path.Attr
		if f.Path.Sub != "" {
			name += "." + f.Path.Sub
		}
		texts[i] = name + ": " + f.Err.Error()
	}
	return strings.Join(texts, "; ")
}

func parse(m *mapping.Mapping, row Row) (*scim.Resource, error) {
	user, failures := m.Apply(mapping.Input{Row: row.Values})
	if len(failures) > 0 {
		return nil, &unmapped{failures}
	}
	return user, nil
}

// reject puts a statement that could not be taken into the words of the file:
// line, and the column that the failed expression reads.
func (b *Batch) reject(s Source, j directory.Rejected) Reject {
	r := Reject{Line: j.Line, Key: j.ID, Reason: j.Err.Error()}
	var u *unmapped
	if !errors.As(j.Err, &u) {
		return r
	}
	for _, rule := range s.Mapping.Rules {
		if rule.Path.String() != u.failures[0].Path.String() {
			continue
		}
		if columns := rule.Program.Columns(); len(columns) > 0 {
			r.Field = columns[0]
		}
	}
	if i := slices.Index(b.Columns, r.Field); i >= 0 && i < len(b.Fields) {
		r.Column = b.Fields[i]
	}
	return r
}

// stale takes out of what an old read has shown whoever has left as absent since:
// that they once were there is no news, and must not bring them back.
func stale(ctx context.Context, st Store, s Source, rows []Row, seen map[string]bool, r *Report) error {
	lines := map[string]int{}
	for _, row := range rows {
		lines[row.Key] = row.Line
	}
	for _, j := range r.Rejected { // told already
		delete(lines, j.Key)
	}
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(seen)), chunk) {
		var left []string
		err := st.Update(ctx, func(tx Tx) (err error) {
			left, err = gone(ctx, tx, s.Name, keys)
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range left {
			delete(seen, key)
			if line, ok := lines[key]; ok {
				r.Rejected = append(r.Rejected, Reject{Line: line, Key: key, Reason: directory.ErrReplayed.Error()})
			}
		}
	}
	return nil
}

// gone returns whose records are missing and who has left.
func gone(ctx context.Context, tx Tx, source string, keys []string) ([]string, error) {
	records, err := tx.Records(ctx, source, keys)
	if err != nil {
		return nil, err
	}
	var missing, people []string
	for _, key := range keys {
		if rec, ok := records[key]; ok && !rec.Missing.IsZero() {
			missing, people = append(missing, key), append(people, rec.Person)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	known, err := tx.People(ctx, people)
	if err != nil {
		return nil, err
	}
	var left []string
	for i, key := range missing {
		if p := known[people[i]]; p != nil && p.State == directory.Leaver {
			left = append(left, key)
		}
	}
	return left, nil
}

// prove says what was seen and whether that was all, and writes the read down.
func prove(ctx context.Context, st Store, s Source, p Proof, r *Report, seen map[string]bool) error {
	return st.Update(ctx, func(tx Tx) error {
		// An older file has proven who was absent then, not who is now.
		if err := tx.SetMissing(ctx, s.Name, p.Complete && !r.Replay, func(id string) bool { return seen[id] }); err != nil {
			return err
		}
		if err := tx.PutRead(ctx, *r, p); err != nil {
			return err
		}
		if p.Complete && len(r.Rejected) == 0 {
			return nil
		}
		return tx.AppendEvents(ctx, []audit.Event{{
			At: tx.Now(), Kind: "source.incomplete", Actor: "source", Object: s.Name,
			Why: fmt.Sprintf("%d of %d rows set aside; %s", len(r.Rejected), r.Rows, proven(p)),
		}})
	})
}

func proven(p Proof) string {
	if p.Complete {
		return "the read is complete"
	}
	return "not proven complete: " + p.Reason
}
