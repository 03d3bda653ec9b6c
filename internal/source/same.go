// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/directory"
)

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
	return strings.TrimFunc(values[i], IsBlank), false
}

// common sets rows aside that have in common with too many others what is to be of one
// human: taken as they are, all of these would be one person.
func (in *ingestion) common() {
	if in.s.Same == "" {
		return
	}
	n := map[string]int{}
	for _, row := range in.batch.Rows {
		if of, _ := in.same(row); of != "" {
			n[of]++
		}
	}
	in.batch.Rows = slices.DeleteFunc(in.batch.Rows, func(row Row) bool {
		of, _ := in.same(row)
		many := n[of]
		if many > directory.MostAlike {
			in.batch.Rejected = append(in.batch.Rejected, Reject{
				Line: row.Line, Field: in.s.Same, Key: row.Key,
				Reason: fmt.Sprintf("%d rows have the same value here, which is to be an id of one human: is it another column?", many),
			})
		}
		return many > directory.MostAlike
	})
	in.r.Rejected = in.batch.Rejected
}
