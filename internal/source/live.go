// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
)

// Live is a source that can be asked for everybody and for single records, and that
// tells of changes. An event only marks a record; what counts is what is read then, so
// that neither the order of events nor what they hold matters.
type Live struct {
	Reader LiveReader
	// Grace is how long a record must be gone before that is believed: it may turn up as a
	// part of another one.
	Grace time.Duration
	// Lag is for how long after a change a record that is asked for by its key may be told as
	// it was before; 0 is not at all. Whoever is marked is read once more behind it.
	Lag time.Duration
	// Returns says that a block that is lifted brings its person back.
	Returns bool
	// Served says that somebody looks at marks, see Look.
	Served bool
	// Twins are the apps that are the same system: the key of a record is the id of an
	// account there. See letIn.
	Twins []string
}

// LiveReader asks a live source.
type LiveReader interface {
	// ReadAll reads everybody. What it reads may lag behind; what of it is news, and
	// whoever is absent, is asked for one by one where that can be afforded.
	ReadAll(ctx context.Context, k Knowledge) (*Batch, error)
	// ReadSome reads records by their keys, as they are now, or at a system that answers late
	// as they were up to Live.Lag ago.
	ReadSome(ctx context.Context, keys []string) (*Batch, error)
	// ReadTeams reads the teams that the source states; rules are the names under which
	// it does, those without a team included.
	ReadTeams(ctx context.Context) (rules []string, teams []StatedTeam, err error)
}

// LiveBatch is what a read of a live source says beside its rows; every batch of one
// has it. What is said of a
// row here must be among the row's values, too, as those alone tell that it is news.
type LiveBatch struct {
	Began   time.Time
	Blocked map[string]bool     // by key
	Aliases map[string][]string // by key: see directory.Statement.Aliases
	// Doubted are keys that were asked for and not found. Elsewhere are those that are a
	// part of what is not read.
	Doubted, Elsewhere []string
	// Unknown are, by key, columns of a row of which nothing could be had this time: they are
	// empty in it, and what was made of them last stays.
	Unknown map[string][]string
	// Unchanged says that the source says what it said at the last read, whose Keep it was
	// asked with: the rows are not repeated.
	Unchanged bool
	// Keep is given to the next read if this one is proven and nothing of it is set aside.
	Keep []byte

	rules []string // see LiveReader.ReadTeams
	teams []StatedTeam
}

// StatedTeam is a team of which the source says who is in it.
type StatedTeam struct {
	Rule, ID, Name string
	Members        []string // keys of records
}

// Team is the team in the directory.
func (t StatedTeam) Team(source string) directory.Team {
	return directory.Team{ID: directory.TeamID("stated:"+source+":"+t.Rule, t.ID), Rule: t.Rule, Value: t.ID, Name: t.Name}
}

// Mark says that a record has to be read.
type Mark struct {
	Key     string // "" is the teams
	Due     time.Time
	Since   time.Time // of the first word of it
	Gone    time.Time // when it was first found to be gone; zero if it was not
	Version int64
}

// LiveTx keeps what live sources need.
type LiveTx interface {
	// Digests returns what the records say that are not missing, by key.
	Digests(ctx context.Context, source string) (map[string][32]byte, error)
	// Mark has records read from an instant on, or earlier if they are to be already. Of
	// a Mark its Key, Due and Gone count.
	Mark(ctx context.Context, source string, marks []Mark) error
	// Marks returns up to limit marks that are due, the oldest first, and when the next
	// one is, zero for none.
	Marks(ctx context.Context, source string, now time.Time, limit int) (due []Mark, next time.Time, err error)
	// Marked reports whether a record has a mark.
	Marked(ctx context.Context, source, key string) (bool, error)
	// Unmark takes marks away that nobody has renewed since.
	Unmark(ctx context.Context, source string, marks []Mark) error
	// Heard notes an event, and reports whether it was noted before.
	Heard(ctx context.Context, source, event string) (bool, error)
	// PutRejects replaces what was set aside of some records.
	PutRejects(ctx context.Context, source string, keys []string, rejects []Reject) error
	// ShutOut returns the ids at an app of the accounts that are known as disabled there:
	// those among ids, or all of them if that is nil. Whoever has to be looked at anyhow
	// is not among them.
	ShutOut(ctx context.Context, app string, ids []string) ([]string, error)
	// Suspect has the accounts looked at that have these ids at an app.
	Suspect(ctx context.Context, app string, ids []string) error
	// Touch notes that records say what is so now, and Teamless returns those (among
	// keys, or of all if that is nil) whose person is in and lacks a team of theirs.
	Touch(ctx context.Context, source string, keys []string) error
	Teamless(ctx context.Context, source string, keys []string) ([]string, error)
	// StateTeams replaces the teams of a rule, and returns the records for which that
	// makes a difference, in order.
	StateTeams(ctx context.Context, source, rule string, teams []StatedTeam) ([]string, error)
}

// Knowledge is what is known of a source when it is read.
type Knowledge struct {
	rules   [32]byte
	digests map[string][32]byte
	// Kept is LiveBatch.Keep of the last read, if that was by the same rules; nil for none.
	Kept []byte
}

// Len is the number of records that are there.
func (k Knowledge) Len() int { return len(k.digests) }

// Has reports whether a record is there.
func (k Knowledge) Has(key string) bool {
	_, ok := k.digests[key]
	return ok
}

// News reports whether a row says something that is not known.
func (k Knowledge) News(row Row) bool {
	had, ok := k.digests[row.Key]
	return !ok || had != digest(k.rules, row)
}

// Absent returns the keys of records that a read does not hold, in order.
func (k Knowledge) Absent(seen func(key string) bool) []string {
	var out []string
	for key := range k.digests {
		if !seen(key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// fetched is a read that was made before.
type fetched struct{ batch *Batch }

func (f fetched) Read(context.Context) (*Batch, error) { return f.batch, nil }

// mostFetch is how long reading everybody may take: a large tenant's export job, its
// teams, and those who are asked for one by one. It is less than a job of the daemon
// may take, so that what is told is why.
const mostFetch = 50 * time.Minute

// Asked reports whether a source is to be given to Fetch before it is taken.
func (s Source) Asked() bool { return s.Live != nil || s.Far }

// Fetch reads a live source, or one over a network; what it returns is to be given to
// Ingest, without asking again. Reading may take minutes, and nothing has to wait for it.
// Any other source is returned as it is, and one that was read already.
func Fetch(ctx context.Context, st Store, s Source) (Source, error) {
	if s.Far {
		return fetchFar(ctx, st, s)
	}
	if s.Live == nil || s.Reader != nil {
		return s, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, mostFetch, fmt.Errorf("reading everybody has taken longer than %v", mostFetch))
	defer cancel()
	k := Knowledge{rules: s.Digest}
	err := st.Update(ctx, func(tx Tx) (err error) {
		if k.digests, err = tx.Digests(ctx, s.Name); err == nil {
			k.Kept, err = s.kept(ctx, tx)
		}
		return err
	})
	if err != nil {
		return s, err
	}
	batch, err := s.Live.Reader.ReadAll(ctx, k)
	if err == nil && !s.Live.Served {
		err = s.lookAgain(ctx, st, batch)
	}
	if err == nil {
		batch.Live.rules, batch.Live.teams, err = s.Live.Reader.ReadTeams(ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return s, fmt.Errorf("source %s: %w", s.Name, err)
	}
	s.Reader = fetched{batch}
	return s, nil
}

// lookAgain asks once more, after the time of grace, for whoever has a record and is not
// found, where nobody else will: a record that became a part of another one is missed
// before it is seen there.
func (s Source) lookAgain(ctx context.Context, st Store, b *Batch) error {
	in := ingestion{st: st, s: s, batch: b}
	missed, err := in.apart(ctx, b.Live.Doubted)
	if err != nil || len(missed) == 0 || s.Live.Grace <= 0 {
		return err
	}
	wait := time.NewTimer(s.Live.Grace)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	now, err := s.Live.Reader.ReadSome(ctx, missed)
	if err == nil {
		b.Renew(now, missed)
	}
	return err
}

// Renew takes what a batch of some records says, which were asked for by these keys, in
// place of what an earlier one of everybody does.
func (b *Batch) Renew(now *Batch, keys []string) {
	replaced := map[string]bool{}
	for _, key := range keys {
		replaced[key] = true
	}
	for _, row := range now.Rows {
		replaced[row.Key] = true
	}
	b.Rows = append(slices.DeleteFunc(b.Rows, func(r Row) bool { return replaced[r.Key] }), now.Rows...)
	b.Rejected = append(slices.DeleteFunc(b.Rejected, func(r Reject) bool { return replaced[r.Key] }), now.Rejected...)
	for key := range replaced {
		delete(b.Live.Blocked, key)
		delete(b.Live.Aliases, key)
		if now.Live.Blocked[key] {
			b.Live.Blocked[key] = true
		}
		if of := now.Live.Aliases[key]; of != nil {
			b.Live.Aliases[key] = of
		}
	}
	b.Live.Doubted = append(slices.DeleteFunc(b.Live.Doubted, func(key string) bool { return replaced[key] }), now.Live.Doubted...)
	b.Live.Elsewhere = append(b.Live.Elsewhere, now.Live.Elsewhere...)
	b.Proof.Rows, b.Proof.Rejected = len(b.Rows), len(b.Rejected)
}

// forgo adds to a read of everybody who is gone: whoever was asked for and is not
// there, unless somebody will look again.
func (in *ingestion) forgo(ctx context.Context) error {
	if in.batch.Live == nil {
		return nil
	}
	doubted, err := in.apart(ctx, in.batch.Live.Doubted)
	if in.batch.Live.Doubted = doubted; err == nil && !in.s.Live.Served {
		in.forget(doubted)
	}
	return err
}

// apart are those of the keys that have a record, which is no part of another one as
// far as anybody knows. Of the others nothing is concluded here.
func (in *ingestion) apart(ctx context.Context, keys []string) (out []string, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var known map[string]directory.Record
	err = in.st.Update(ctx, func(tx Tx) (err error) {
		known, err = tx.Records(ctx, in.s.Name, keys)
		return err
	})
	parts := map[string]bool{}
	for _, of := range in.batch.Live.Aliases {
		for _, key := range of {
			parts[key] = true
		}
	}
	for _, key := range keys {
		switch r, ok := known[key]; {
		case !ok: // nobody
		case r.Alias == "" && !parts[key]:
			out = append(out, key)
		default:
			in.parted = append(in.parted, key)
		}
	}
	return out, err
}

// forget has records stated as gone.
func (in *ingestion) forget(keys []string) {
	in.gone = map[string]bool{}
	for _, key := range keys {
		in.gone[key] = true
		in.batch.Rows = append(in.batch.Rows, NewRow(0, key))
	}
}

// doubt has whoever is not there count as seen until somebody looks again, and so whoever
// is there under another one's key.
func (in *ingestion) doubt() {
	if in.batch.Live == nil {
		return
	}
	b := in.batch.Live
	for _, key := range b.Doubted {
		if !in.gone[key] {
			in.seen.more[key] = true
		}
	}
	// Whoever is a part of somebody is there, whether or not that one can be taken.
	for _, of := range b.Aliases {
		for _, key := range of {
			in.seen.also(key)
		}
	}
	for _, key := range slices.Concat(b.Elsewhere, in.parted) {
		in.seen.also(key)
	}
}

// asked adds to a statement what a live source says beside its rows.
func (in *ingestion) asked(s *directory.Statement) {
	b := in.batch.Live
	if b == nil {
		return
	}
	if unknown := b.Unknown[s.ID]; len(unknown) > 0 {
		s.Keep = in.s.Mapping.MadeOf(unknown)
		s.Digest = sha256.Sum256(fmt.Appendf(s.Digest[:], "%q", unknown)) // it is other news than that there is none
	}
	s.Blocked, s.Returns, s.Aliases = b.Blocked[s.ID], in.s.Live.Returns, b.Aliases[s.ID]
	if s.Since = b.Began; !in.partial && in.s.Live.Served { // it says what was so a while ago
		s.Since = b.Began.Add(-behind)
	}
}

// behind is by how much what a list says may be older than the list. Of whom something was
// taken in that time is read again by their key, where somebody does that.
const behind = time.Minute

// stands reports whether a record is there: the read has shown it, or it was taken
// since the read of a live source began, of which that read may know nothing.
func (in *ingestion) stands(key string, taken time.Time) bool {
	if in.seen.has(key) {
		return true
	}
	since := in.batch.Live != nil && taken.After(in.batch.Live.Began) && !in.gone[key]
	in.spared = in.spared || since
	return since
}

// state brings the teams into the directory that the source states.
func (in *ingestion) state(ctx context.Context) error {
	b := in.batch.Live
	if b == nil {
		return nil
	}
	failed, err := stateTeams(ctx, in.st, in.d, in.s.Name, b.rules, b.teams)
	in.r.Rejected = append(in.r.Rejected, failed...)
	return err
}

// stateTeams replaces the teams of a source, and puts into them whom its records are:
// whoever is in one now or was, and whoever has come to a record since. On whom a team
// rule failed is returned; they keep the teams they had.
func stateTeams(ctx context.Context, st Store, d *directory.Directory, name string, rules []string, teams []StatedTeam) (failed []Reject, err error) {
	var changed []string
	for _, rule := range rules {
		var of []StatedTeam
		for _, t := range teams {
			if t.Rule == rule {
				of = append(of, t)
			}
		}
		err := st.Update(ctx, func(tx Tx) error {
			keys, err := tx.StateTeams(ctx, name, rule, of)
			changed = append(changed, keys...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return regroup(ctx, st, d, name, changed, len(rules) > 0)
}

// regroup looks at the teams of those anew whose records these are, and, if all is set,
// of everybody who lacks one that the source states.
func regroup(ctx context.Context, st Store, d *directory.Directory, name string, keys []string, all bool) (failed []Reject, err error) {
	if all {
		err := st.Update(ctx, func(tx Tx) error {
			more, err := tx.Teamless(ctx, name, nil)
			keys = append(keys, more...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(keys)
	for some := range slices.Chunk(slices.Compact(keys), chunk) {
		var here []Reject
		err := st.Update(ctx, func(tx Tx) error {
			here = nil
			records, err := tx.Records(ctx, name, some)
			if err != nil {
				return err
			}
			keyOf := map[string]string{}
			for key, r := range records {
				if r.Person != "" {
					keyOf[r.Person] = key
				}
			}
			problems, err := d.Regroup(ctx, tx, slices.Sorted(maps.Keys(keyOf)))
			for person, why := range problems {
				here = append(here, Reject{Key: keyOf[person], Reason: why.Error()})
			}
			return err
		})
		if failed = append(failed, here...); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// settleMarks has those read by their keys whom a read of everybody leaves in doubt, and
// those of whom something was taken since it began. It takes no mark away: what a list
// says may be older than what somebody was marked for.
func (in *ingestion) settleMarks(ctx context.Context, tx Tx) error {
	b := in.batch.Live
	if b == nil || !in.s.Live.Served {
		return nil
	}
	var marks []Mark
	for _, key := range b.Doubted {
		if !in.gone[key] {
			marks = append(marks, Mark{Key: key, Due: tx.Now().Add(in.s.Live.Grace), Gone: tx.Now()})
		}
	}
	for _, key := range in.late {
		marks = append(marks, Mark{Key: key, Due: tx.Now()})
	}
	return tx.Mark(ctx, in.s.Name, marks)
}
