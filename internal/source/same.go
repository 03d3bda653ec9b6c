// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/directory"
)

// shortest is how many characters an id of a human has at least: what is shorter is a flag,
// a kind or a number that is counted up, and says nothing of who somebody is.
const shortest = 4

// fillers stand where there is no value, in lower case and without what is neither a letter
// nor a digit.
var fillers = []string{
	"none", "null", "nil", "nan", "unknown", "undefined", "undef", "notavailable", "notapplicable", "notset", "notassigned", "unassigned",
	"pending", "missing", "empty", "blank", "default", "dummy", "test", "todo", "tobedefined", "tobedetermined", "placeholder", "sample", "example",
	"true", "false", "yes", "no", "na", "tbd", "tba", "tbc", "12345678", "123456789", "1234567890", "0123456789",
}

// Filler reports whether a value is none that tells who somebody is.
func Filler(value string) bool {
	plain := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, value)
	first, size := utf8.DecodeRuneInString(plain)
	return utf8.RuneCountInString(plain) < shortest || slices.Contains(fillers, plain) ||
		strings.Trim(plain[size:], string(first)) == ""
}

// same is what a row has in common with all others of the same human, "" for nothing.
// hidden says that nobody can tell it this time.
func (in *ingestion) same(row Row) (of string, hidden bool) {
	if in.s.Same == "" {
		return "", true
	}
	i := slices.Index(in.batch.Columns, in.s.Same)
	if i < 0 {
		return "", true
	}
	if b := in.batch.Live; b != nil && slices.Contains(b.Unknown[row.Key], in.s.Same) {
		return "", true
	}
	values := row.Values()
	if i >= len(values) {
		return "", true
	}
	if of = strings.TrimFunc(values[i], IsBlank); Filler(of) {
		return "", false
	}
	return of, false
}

// common is what a read as a whole shows of the ids of humans in it.
type common struct {
	says  map[string]string   // by key; "" for none, and no row of which it is hidden
	twins map[string][]string // the keys of the rows that have one, of more than one
	apart map[string]error    // why one joins nobody
	kept  map[string]bool     // those of the last whole read that joined nobody, as digests
}

// errShared is why a record that is read by its key is set aside as the whole read had it.
var errShared = errors.New("the last read of everybody has shown that this is no id of one human, or too many were to be joined by one at once: it has said of whom")

// alike adds to a statement what is known of its row.
func (in *ingestion) alike(s *directory.Statement, row Row) {
	s.Same, s.Hidden = in.same(row)
	if s.Same == "" {
		return
	}
	s.Read = in.common.says
	s.Twins = slices.DeleteFunc(slices.Clone(in.common.twins[s.Same]), func(key string) bool { return key == row.Key })
	if s.Apart = in.common.apart[s.Same]; s.Apart == nil && (in.common.kept[in.kept(s.Same)] || in.common.kept[anything]) {
		s.Apart = errShared
	}
}

// compare finds what the rows of a read have in common. What more of them have than one
// human can, and all of what would join more records at once than may be ended at once,
// joins nobody. Of a whole read that is kept, so that a read by keys decides as that one.
func (in *ingestion) compare(ctx context.Context) error {
	in.common = common{says: map[string]string{}, twins: map[string][]string{}, apart: map[string]error{}}
	if in.s.Same == "" {
		return nil
	}
	of := map[string][]Row{}
	fillers := 0
	i := slices.Index(in.batch.Columns, in.s.Same)
	for _, row := range in.batch.Rows {
		same, hidden := in.same(row)
		if !hidden {
			in.common.says[row.Key] = same
		}
		if same != "" {
			of[same] = append(of[same], row)
		} else if !hidden && strings.TrimFunc(row.Values()[i], IsBlank) != "" {
			fillers++
		}
	}
	if fillers > 0 {
		in.r.Notes = append(in.r.Notes, fmt.Sprintf("%d of %d rows have in %s what is no id of a human, as it is too short, or says that there is none: nobody is joined by it", fillers, in.r.Rows, in.s.Same))
	}
	for same, rows := range of {
		if len(rows) < 2 {
			continue
		}
		for _, row := range rows {
			in.common.twins[same] = append(in.common.twins[same], row.Key)
		}
		if open := in.unended(rows); open > directory.MostOpen || len(rows) > directory.MostAlike {
			in.common.apart[same] = fmt.Errorf("%d rows have the same value here, %d of them have not ended, and it is to be an id of one human: is it another column, or filled by mistake?", len(rows), open)
		}
	}
	found := in.common.apart
	return in.st.Update(ctx, func(tx Tx) error {
		in.common.apart = maps.Clone(found)
		if in.partial || in.s.Delta || in.inOrder || in.r.Replay {
			kept, err := in.recall(ctx, tx)
			in.common.kept = kept
			return err
		}
		if err := in.flood(ctx, tx, of); err != nil {
			return err
		}
		return in.keepApart(ctx, tx)
	})
}

// unended counts the rows that have not ended, as far as they can be read.
func (in *ingestion) unended(rows []Row) (n int) {
	if len(rows) <= directory.MostOpen {
		return len(rows)
	}
	for _, row := range rows {
		if user, err := parse(in.s.Mapping, row); err == nil && !in.d.Ended(user) {
			n++
		}
	}
	return n
}

// flood counts the new records that would be joined to others.
func (in *ingestion) flood(ctx context.Context, tx Tx, of map[string][]Row) error {
	fresh, err := in.fresh(ctx, tx, of)
	if err != nil {
		return err
	}
	joined := 0
	var by []string
	for values := range slices.Chunk(slices.Sorted(maps.Keys(fresh)), chunk) {
		records, err := tx.Alike(ctx, in.s.Name, values)
		if err != nil {
			return err
		}
		known := map[string]bool{}
		for _, r := range records {
			known[r.Same] = known[r.Same] || r.Person != ""
		}
		for _, same := range values {
			n := fresh[same]
			if !known[same] && n == len(of[same]) { // all of them are new: the first is somebody new
				n--
			}
			if n > 0 && in.common.apart[same] == nil {
				joined += n
				by = append(by, same)
			}
		}
	}
	most := max(10, len(in.batch.Rows)/20)
	if in.s.MostJoined != nil {
		most = in.s.MostJoined(len(in.batch.Rows))
	}
	if joined <= most {
		return nil
	}
	why := fmt.Errorf("%d new records are to be another one of somebody by this value, and at most %d are with one read, as many as may be ended at once: is it another column? If all is right, raise guard.terminations for one read", joined, most)
	for _, same := range by {
		in.common.apart[same] = why
	}
	return nil
}

// fresh counts the rows that have no person yet, by what they have in common.
func (in *ingestion) fresh(ctx context.Context, tx Tx, of map[string][]Row) (map[string]int, error) {
	there, err := tx.Digests(ctx, in.s.Name)
	if err != nil {
		return nil, err
	}
	erased, err := in.d.Erased(ctx, tx, in.s.Name)
	if err != nil {
		return nil, err
	}
	same := map[string]string{} // by key
	for value, rows := range of {
		for _, row := range rows {
			if _, ok := there[row.Key]; !ok && !erased(row.Key) {
				same[row.Key] = value
			}
		}
	}
	n := map[string]int{}
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(same)), chunk) {
		records, err := tx.Records(ctx, in.s.Name, keys) // that are missing, or nobody's
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if records[key].Person == "" {
				n[same[key]]++
			}
		}
	}
	return n, nil
}

const (
	mostKept = 1000 // values that join nobody are kept; of more it is not kept which
	anything = "*"
)

func apartKey(source string) string { return "apart:" + source }

// kept is what is kept of a value: what it is, is nobody's business.
func (in *ingestion) kept(same string) string {
	sum := sha256.Sum256([]byte(in.s.Name + "\x00" + same))
	return hex.EncodeToString(sum[:16])
}

// recall is what the last whole read has kept.
func (in *ingestion) recall(ctx context.Context, tx Tx) (map[string]bool, error) {
	text, err := tx.Meta(ctx, apartKey(in.s.Name))
	if err != nil || len(text) == 0 {
		return nil, err
	}
	var all []string
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	of := map[string]bool{}
	for _, one := range all {
		of[one] = true
	}
	return of, nil
}

// keepApart keeps which values join nobody. A read that is not proven takes none back.
func (in *ingestion) keepApart(ctx context.Context, tx Tx) error {
	before, err := in.recall(ctx, tx)
	if err != nil {
		return err
	}
	now := map[string]bool{}
	if !in.batch.Proof.Complete {
		maps.Copy(now, before)
		in.common.kept = before
	}
	for same := range in.common.apart {
		now[in.kept(same)] = true
	}
	if len(now) > mostKept {
		now = map[string]bool{anything: true}
	}
	if maps.Equal(now, before) {
		return nil
	}
	text, err := json.Marshal(slices.Sorted(maps.Keys(now)))
	if err != nil {
		return err
	}
	return tx.PutMeta(ctx, apartKey(in.s.Name), text)
}
