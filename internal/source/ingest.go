// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/planted"
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
	Live     *LiveBatch
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
	Parts   func(context.Context) ([]Part, error) // if set, the source is several files, and Reader is not used
	Mapping *mapping.Mapping                      // row → person
	Digest  [32]byte                              // of the mapping and the columns it reads
	// Delta says that a read holds what changed, so that nobody is absent from it.
	Delta bool
	// Deleted tells rows that say that the record is gone; nil: none does.
	Deleted *mapping.Program
	// Same is the column that holds what all records of one human have in common; "" for
	// none. See directory.Statement.Same.
	Same string
	// MostJoined is how many new records at most become another one of somebody with one
	// read of so many rows: what would be more is set aside. Nil is 10, or one of 20.
	MostJoined func(rows int) int
	// Done is the file that says that File is whole, a pattern if that is one; "" is none.
	Done string
	// Far says that reading goes over a network: Fetch does it, and nobody has to wait.
	Far bool
	// Live is set for a source that is asked instead of read from a file, and Reader
	// is what Fetch makes of it.
	Live *Live
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
	// Waiting are rows that match nobody yet.
	Waiting []Reject `json:"waiting,omitempty"`
	// Late counts rows that say less than what a later file has said.
	Late int `json:"late,omitempty"`
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
	// PutTrouble notes that a source could not be read, and why; "" that it
	// could. Since when and how often is counted by the store.
	PutTrouble(ctx context.Context, source, what string) error
	LiveTx
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
// one that exchanges them does not. A delta may hold new people alone.
func (k Known) strange(fresh int, delta bool) bool {
	if delta {
		return k.Records >= 20 && k.Here == 0 && fresh >= k.Records
	}
	return k.Records >= 20 && k.Here*10 < k.Records && fresh*2 >= k.Records
}

// chunk is how many rows one transaction takes (DESIGN: a big source is taken
// in chunks of some 500 rows).
const chunk = 500

// Ingest reads a source and brings its statements into the directory. Nobody
// leaves by it: departures wait for directory.Settle.
func Ingest(ctx context.Context, st Store, d *directory.Directory, s Source) (r Report, err error) {
	if s.Parts != nil {
		r, err = ingestParts(ctx, st, d, s)
	} else {
		r, err = (&ingestion{st: st, d: d, s: s}).run(ctx)
	}
	if err != nil {
		return r, fmt.Errorf("source %s: %w", s.Name, err)
	}
	return r, nil
}

// ingestion is the work on one read.
type ingestion struct {
	st Store
	d  *directory.Directory
	s  Source
	// Of one of several files:
	inOrder bool
	had     *taken                                       // what is known of it; nil when it is new
	done    func(tx Tx, in *ingestion, clean bool) error // within the transaction that ends the read

	batch  *Batch
	seen   sightings
	common common
	// Of a live source:
	gone    map[string]bool // keys that are not there any more
	partial bool            // it is a Reread
	parted  []string        // keys that are part of other records
	late    []string        // keys of which something newer was taken
	spared  bool            // somebody stands whom the read has not shown
	r       Report
}

func (in *ingestion) run(ctx context.Context) (Report, error) {
	batch, err := in.s.Reader.Read(ctx)
	if err != nil {
		return Report{}, err
	}
	in.batch = batch
	in.r = Report{
		Source: in.s.Name, File: in.s.File, Rows: batch.Proof.Rows + batch.Proof.Rejected, Complete: batch.Proof.Complete,
		Reason: batch.Proof.Reason, Notes: batch.Notes, Rejected: append([]Reject{}, batch.Rejected...),
	}
	if batch.Live != nil && batch.Live.Unchanged {
		in.r.Rejected = []Reject{}
		return in.unchanged(ctx)
	}
	if err := in.forgo(ctx); err != nil {
		return in.r, err
	}
	// Names are given in the order of keys, never of rows (DESIGN: names).
	slices.SortFunc(batch.Rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	in.seen = look(batch)
	in.doubt()
	if err := in.match(ctx); err != nil {
		return in.r, err
	}
	if err := in.compare(ctx); err != nil {
		return in.r, err
	}
	for rows := range slices.Chunk(batch.Rows, chunk) {
		if err := in.submit(ctx, rows); err != nil {
			return in.r, err
		}
	}
	switch {
	case in.s.Delta:
		err = in.outdone(ctx)
	case in.r.Replay:
		err = in.stale(ctx)
	}
	if err != nil {
		return in.r, err
	}
	in.tell()
	if err := in.prove(ctx); err != nil {
		return in.r, err
	}
	return in.r, in.state(ctx)
}

// tell puts what was set aside in the order of lines, and the rest into words.
func (in *ingestion) tell() {
	byLine := func(a, b Reject) int { return a.Line - b.Line }
	slices.SortStableFunc(in.r.Rejected, byLine)
	slices.SortStableFunc(in.r.Waiting, byLine)
	if n := len(in.r.Waiting); n > 0 {
		first := fmt.Sprintf("in line %d", in.r.Waiting[0].Line)
		if in.r.Waiting[0].Line == 0 {
			first = "is " + in.r.Waiting[0].Key
		}
		in.r.Notes = append(in.r.Notes, fmt.Sprintf("%d of %d rows match nobody and wait, the first %s", n, in.r.Rows, first))
	}
	if in.r.Late > 0 {
		in.r.Notes = append(in.r.Notes, fmt.Sprintf("%d of %d rows say what was outdone since", in.r.Late, in.r.Rows))
	}
}

// match holds the read against what is known, before anything of it is taken.
func (in *ingestion) match(ctx context.Context) error {
	p := in.batch.Proof
	if in.s.Delta {
		// What was said once is not said anew by a file that is put there again,
		// whatever its time.
		p.ModTime = time.Time{}
	}
	var k Known
	err := in.st.Update(ctx, func(tx Tx) (err error) {
		k, err = tx.Known(ctx, in.s.Name, p, in.seen.has)
		return err
	})
	if err != nil {
		return err
	}
	if fresh := in.seen.count() - k.Here; k.strange(fresh, in.s.Delta) {
		return &StrangersError{k.Records, k.Here, fresh}
	}
	in.r.Replay = k.Replay && in.s.Live == nil // what is asked is what is now
	if in.own() {                              // read once more, for its rows that were set aside, or by other rules
		in.r.Replay = in.had.Replay
	}
	switch {
	case !in.r.Replay:
	case in.s.Delta:
		in.r.Notes = append(in.r.Notes, "these very changes were read before: whatever was said since stands")
	default:
		in.r.Notes = append(in.r.Notes, "this is an older file, read before: nobody who has left is brought back by it, and nobody is absent for not being in it")
	}
	return nil
}

// own reports whether the file is one that was read, under its name.
func (in *ingestion) own() bool {
	return in.had != nil && bytes.Equal(in.had.Digest, in.batch.Proof.Digest[:])
}

// submit hands one chunk to the directory, in one transaction.
func (in *ingestion) submit(ctx context.Context, rows []Row) error {
	statements := make([]directory.Statement, 0, len(rows))
	for _, row := range rows {
		s := directory.Statement{
			Key: directory.Key{Source: in.s.Name, ID: row.Key}, Digest: digest(in.s.Digest, row), File: in.s.File, Line: row.Line,
			Replay: in.r.Replay, InOrder: in.inOrder, Repeat: in.r.Replay && in.s.Delta,
			Map: func() (*scim.Resource, error) { return parse(in.s.Mapping, row) },
		}
		in.asked(&s)
		in.alike(&s, row)
		var err error
		if s.Deleted, err = in.deleted(row); err != nil {
			in.r.Rejected = append(in.r.Rejected, Reject{Line: row.Line, Key: row.Key, Reason: err.Error()})
			continue
		}
		statements = append(statements, s)
	}
	var done directory.Accepted
	err := in.st.Update(ctx, func(tx Tx) (err error) {
		if done, err = in.d.Accept(ctx, tx, in.s.Name, statements); err != nil {
			return err
		}
		return in.unkeep(ctx, tx)
	})
	if err != nil {
		return err
	}
	in.r.New, in.r.Changed, in.r.Late = in.r.New+done.New, in.r.Changed+done.Changed, in.r.Late+len(done.Late)
	for _, s := range done.Late {
		if !s.Since.IsZero() {
			in.late = append(in.late, s.ID)
		}
		if s.Since.IsZero() { // else it was taken meanwhile, and stands as it is
			in.seen.drop(s.ID)
		}
	}
	for _, j := range done.Rejected {
		in.r.Rejected = append(in.r.Rejected, in.batch.reject(in.s, j))
	}
	for _, s := range done.Waiting {
		in.r.Waiting = append(in.r.Waiting, Reject{Line: s.Line, Key: s.ID, Reason: "nobody of an earlier source has a value that it matches"})
	}
	return nil
}

// deleted reports whether a row says that its record is gone. Such a row brings
// nobody back who is missing.
func (in *ingestion) deleted(row Row) (bool, error) {
	switch {
	case in.gone[row.Key]:
		in.seen.drop(row.Key)
		return true, nil
	case in.s.Deleted == nil:
		return false, nil
	}
	v, err := in.s.Deleted.Eval(mapping.Input{Row: row.Values()})
	if err != nil {
		return false, err
	}
	gone, _ := v.AsBool()
	if gone {
		in.seen.drop(row.Key)
	}
	return gone, nil
}

// digest identifies what a row says under a mapping. Equal digests spare the
// expressions.
func digest(of [32]byte, row Row) [32]byte {
	return sha256.Sum256(append(of[:len(of):len(of)], row.packed...))
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
	user, failures := m.Apply(mapping.Input{Row: row.Values()})
	if len(failures) > 0 {
		return nil, &unmapped{failures}
	}
	return user, nil
}

// reject puts a statement that could not be taken into the words of the file:
// line, and the column that the failed expression reads.
func (b *Batch) reject(s Source, j directory.Rejected) Reject {
	r := Reject{Line: j.Line, Key: j.ID, Reason: j.Err.Error()}
	if j.Apart != nil && j.Err.Error() == j.Apart.Error() {
		r.Field = s.Same
		if i := slices.Index(b.Columns, r.Field); i >= 0 && i < len(b.Fields) {
			r.Column = b.Fields[i]
		}
		return r
	}
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
func (in *ingestion) stale(ctx context.Context) error {
	lines := map[string]int{}
	for _, row := range in.batch.Rows {
		lines[row.Key] = row.Line
	}
	for _, j := range in.r.Rejected { // told already
		delete(lines, j.Key)
	}
	for keys := range slices.Chunk(in.seen.keys(), chunk) {
		var left []string
		err := in.st.Update(ctx, func(tx Tx) (err error) {
			left, err = gone(ctx, tx, in.s.Name, keys)
			return err
		})
		if err != nil {
			return err
		}
		for _, key := range left {
			in.seen.drop(key)
			if line, ok := lines[key]; ok {
				in.r.Rejected = append(in.r.Rejected, Reject{Line: line, Key: key, Reason: directory.ErrReplayed.Error()})
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
func (in *ingestion) prove(ctx context.Context) error {
	p := in.batch.Proof
	return in.st.Update(ctx, func(tx Tx) error {
		// A delta proves nobody absent. An older file has proven who was absent
		// then, not who is now.
		complete := (p.Complete || planted.On(planted.CompletenessNotAsked)) && !in.r.Replay && !in.s.Delta
		if err := in.d.Standing(ctx, tx, in.s.Name, complete, in.stands); err != nil {
			return err
		}
		if err := tx.PutRead(ctx, in.r, p); err != nil {
			return err
		}
		if err := in.settleMarks(ctx, tx); err != nil {
			return err
		}
		if err := in.letIn(ctx, tx); err != nil {
			return err
		}
		if err := in.keep(ctx, tx); err != nil {
			return err
		}
		clean := p.Complete && len(in.r.Rejected) == 0
		if in.done != nil {
			if err := in.done(tx, in, clean); err != nil {
				return err
			}
		}
		if clean || in.own() && in.had.told(in.s) {
			return nil
		}
		return tx.AppendEvents(ctx, []audit.Event{{
			At: tx.Now(), Kind: "source.incomplete", Actor: "source", Object: in.s.Name,
			Why: fmt.Sprintf("%d of %d rows set aside; %s", len(in.r.Rejected), in.r.Rows, proven(p)),
		}})
	})
}

func proven(p Proof) string {
	if p.Complete {
		return "the read is complete"
	}
	return "not proven complete: " + p.Reason
}
