// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
)

// Note is a finding as documents tell it, and as it is kept for whoever asks later.
type Note struct {
	Where   string `json:"where"` // usher.yaml:12:5
	Subject string `json:"subject"`
	Level   string `json:"level"`
	Text    string `json:"text"`
	Fix     string `json:"fix,omitempty"`
}

// String is the note in one line, without its level.
func (n Note) String() string {
	s := n.Where + ": " + n.Text
	if n.Fix != "" {
		s += " (" + n.Fix + ")"
	}
	return s
}

func notes(findings []Finding) []Note {
	out := []Note{}
	for _, f := range findings {
		out = append(out, Note{f.Pos.String(), f.Subject, f.Level, f.Text, f.Fix})
	}
	return out
}

// notesKey is where the notes of the last start are kept.
const notesKey = "start_notes"

// Start says what has to be known before a cycle: which scopes tenants of Auth0 grant,
// which permissions those of Entra, and what GitHub Apps may do, against what is needed. Of apps it tells of one alone, if that is all that the
// cycle is for. It goes before Apply and Plan, and is no part of them, as it asks tenants
// who may have nothing else to be asked. Keep has Status tell of it from then on; the
// error is that it could not be kept, and no more.
func (u *Usher) Start(ctx context.Context, o Options, keep bool) ([]Note, error) {
	list, whole := u.startNotes(ctx)
	if o.App == "" && keep && whole {
		return list, u.keepNotes(ctx, list)
	}
	return slices.DeleteFunc(list, func(n Note) bool {
		return o.App != "" && strings.HasPrefix(n.Subject, "app ") && n.Subject != "app "+o.App
	}), nil
}

// startNotes are those of all sources and apps; whole is that everybody could be asked.
func (u *Usher) startNotes(ctx context.Context) (list []Note, whole bool) {
	found, whole := u.scopes(ctx)
	more, asked := u.permissions(ctx)
	apps, all := u.installations(ctx)
	return notes(slices.Concat(found, more, apps)), whole && asked && all
}

func (u *Usher) keepNotes(ctx context.Context, list []Note) error {
	if !u.asksForTokens() { // nor does Status ask for any
		return nil
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return u.db.Directory().Update(ctx, func(tx directory.Tx) error { return tx.PutMeta(ctx, notesKey, text) })
}

// keptNotes are those of the last start that could ask everybody, and what was found since.
func (u *Usher) keptNotes(ctx context.Context, r store.Reader) (list []Note, err error) {
	text, err := r.Meta(ctx, notesKey)
	if err != nil || len(text) == 0 || !u.asksForTokens() {
		return nil, err
	}
	return list, json.Unmarshal(text, &list)
}

// Took adds the notes of a start to what a cycle tells: an app that may not do its work
// is set aside, whether or not there was any.
func (d *Document) Took(list []Note) {
	d.Notes = list
	for _, n := range list {
		name, isApp := strings.CutPrefix(n.Subject, "app ")
		if rep := d.Apps[name]; isApp && n.Level == FindingError && (rep == nil || rep.Paused == "") {
			d.Problems = append(d.Problems, Problem{App: name, What: n.Text})
		}
	}
}

// watchScopes tells of the tenants' scopes at the start, and when that changes. It costs
// no request but for the tokens that are asked for anyway. While a tenant cannot be asked,
// the others are told of all the same, and nothing that was found before is over.
func (d *daemon) watchScopes(ctx context.Context) error {
	var told []Note
	every := time.NewTicker(calendarEvery)
	defer every.Stop()
	for {
		if now, whole := d.startNotes(ctx); ctx.Err() == nil {
			if !whole {
				now = also(now, told)
			}
			d.tellNotes(told, now)
			if err := d.keepFound(ctx, now, whole); err != nil && ctx.Err() == nil {
				d.log.Warn("what a start has found cannot be kept", "err", err)
			}
			told = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// keepFound keeps notes in place of those of the last start, or beside them if not
// everybody could be asked.
func (d *daemon) keepFound(ctx context.Context, now []Note, whole bool) error {
	if !whole {
		err := d.db.Read(ctx, func(r store.Reader) error {
			kept, err := d.keptNotes(ctx, r)
			now = also(now, kept)
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.keepNotes(ctx, now)
}

// also are notes, and those of before that are not among them.
func also(now, before []Note) []Note {
	now = slices.Clone(now)
	for _, n := range before {
		if !slices.Contains(now, n) {
			now = append(now, n)
		}
	}
	return now
}

// tellNotes tells what is new, and that there is nothing any more.
func (d *daemon) tellNotes(told, now []Note) {
	for _, n := range now {
		if !slices.Contains(told, n) {
			d.tellNote(n)
		}
	}
	if len(told) > 0 && len(now) == 0 {
		d.log.Info("the tenants grant what is needed, and nothing else")
	}
}

func (d *daemon) tellNote(n Note) {
	tell := d.log.Warn
	if n.Level == FindingError {
		tell = d.log.Error
	}
	tell("found at the start", "where", n.Where, "what", n.Text, "fix", n.Fix)
}
