// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
)

// Part is one of a source's files. Their names are their order.
type Part struct {
	Name    string
	Size    int64
	ModTime time.Time
	Reader  Reader
}

// taken is what is known of a file that was read. One that was read without a
// fault is not read again while it stays what it is.
type taken struct {
	Size    int64     `json:"size"`
	ModTime time.Time `json:"modified"`
	Digest  []byte    `json:"digest"`
	Rules   []byte    `json:"rules"` // the source's digest then
	Clean   bool      `json:"clean"`
	Replay  bool      `json:"replay"`
}

func (t *taken) is(p Part) bool { return t.Size == p.Size && t.ModTime.Equal(p.ModTime) }

// spares reports whether a file need not be read: it is what it was, by the same rules,
// and nothing of it was set aside.
func (t *taken) spares(p Part, s Source) bool { return t != nil && t.is(p) && t.Clean && t.told(s) }

// told reports whether the file was read by the same rules, so that what was set
// aside of it stands in the ledger.
func (t *taken) told(s Source) bool { return bytes.Equal(t.Rules, s.Digest[:]) }

// ingestParts reads the files of a source in the order of their names. A file that
// cannot be read ends it: those after it wait, as what they say comes later. Each
// statement is held against the name of the file that its person was last stated
// by, so that it does not matter when a file arrives.
func ingestParts(ctx context.Context, st Store, d *directory.Directory, s Source) (Report, error) {
	total := Report{Source: s.Name, File: s.File, Complete: true, Rejected: []Reject{}}
	parts, err := s.Parts(ctx)
	if err != nil {
		return total, err
	}
	known, err := files(ctx, st, s.Name, parts)
	if err != nil {
		return total, err
	}
	var read []*ingestion
	for _, p := range parts {
		had := known[p.Name]
		if had.spares(p, s) {
			continue
		}
		one := s
		one.File, one.Reader = p.Name, p.Reader
		in := &ingestion{st: st, d: d, s: one, inOrder: true, had: had}
		in.done = func(tx Tx, in *ingestion, clean bool) error {
			known[p.Name] = &taken{p.Size, p.ModTime, in.batch.Proof.Digest[:], s.Digest[:], clean, in.r.Replay}
			return putFiles(ctx, tx, s.Name, known)
		}
		if _, err := in.run(ctx); err != nil {
			return total, fmt.Errorf("%s: %w", p.Name, err)
		}
		in.batch, in.seen = nil, sightings{}
		read = append(read, in)
	}
	for _, in := range read {
		if err := in.outdone(ctx); err != nil { // by one that was read after it
			return total, err
		}
		total.add(in.r)
	}
	return total, nil
}

// add sums up what became of the files. Of several reasons the first is told.
func (r *Report) add(o Report) {
	r.Rows, r.New, r.Changed, r.Late = r.Rows+o.Rows, r.New+o.New, r.Changed+o.Changed, r.Late+o.Late
	if !o.Complete {
		if r.Complete {
			r.Reason = o.File + ": " + o.Reason
		}
		r.Complete = false
	}
	r.Replay = r.Replay || o.Replay
	for _, n := range o.Notes {
		r.Notes = append(r.Notes, o.File+": "+n)
	}
	in := func(rejects []Reject) []Reject {
		for i := range rejects {
			rejects[i].Reason = o.File + ": " + rejects[i].Reason
		}
		return rejects
	}
	r.Rejected = append(r.Rejected, in(o.Rejected)...)
	r.Waiting = append(r.Waiting, in(o.Waiting)...)
}

func metaKey(source string) string { return "files:" + source }

// files reads what is known of a source's files, of those that are still there.
func files(ctx context.Context, st Store, source string, parts []Part) (map[string]*taken, error) {
	stored, known := map[string]*taken{}, map[string]*taken{}
	err := st.Update(ctx, func(tx Tx) error {
		text, err := tx.Meta(ctx, metaKey(source))
		if err != nil || len(text) == 0 {
			return err
		}
		return json.Unmarshal(text, &stored)
	})
	for _, p := range parts {
		if t := stored[p.Name]; t != nil {
			known[p.Name] = t
		}
	}
	return known, err
}

func putFiles(ctx context.Context, tx Tx, source string, known map[string]*taken) error {
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return tx.PutMeta(ctx, metaKey(source), text)
}

// outdone forgets what was set aside where a file of a later name has spoken of
// the same person: nobody has to mend it any more.
func (in *ingestion) outdone(ctx context.Context) error {
	if !in.inOrder || len(in.r.Rejected) == 0 {
		return nil
	}
	var keys []string
	for _, j := range in.r.Rejected {
		if j.Key != "" {
			keys = append(keys, j.Key)
		}
	}
	var later map[string]directory.Record
	err := in.st.Update(ctx, func(tx Tx) (err error) {
		later, err = tx.Records(ctx, in.s.Name, keys)
		return err
	})
	if err != nil {
		return err
	}
	in.r.Rejected = slices.DeleteFunc(in.r.Rejected, func(j Reject) bool {
		rec, ok := later[j.Key]
		outdone := ok && j.Key != "" && rec.After(in.s.File)
		if outdone {
			in.r.Late++
			in.seen.drop(j.Key)
		}
		return outdone
	})
	return nil
}
