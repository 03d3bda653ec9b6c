// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/csv"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/scim"
)

func (b *Built) source(s config.Source) error {
	switch s.Type.Value {
	case config.SourceCSV:
	case config.SourceSCIM:
		return b.pushed(s)
	case config.SourceAuth0:
		return b.tenantSource(s)
	case config.SourceHTTP:
		return b.listSource(s)
	default:
		return &config.Error{Pos: s.Type.Pos, Msg: fmt.Sprintf("there is no source type %q in this version", s.Type.Value), Hint: config.SourceCSV + ", " + config.SourceSCIM + ", " + config.SourceAuth0 + ", " + config.SourceHTTP}
	}
	declared := texts(s.Columns)
	rows, err := b.rows(s, declared)
	if err != nil {
		return err
	}
	rules, err := b.authority(s, rows.mapping)
	if err != nil {
		return err
	}
	var required []string
	for _, c := range declared {
		if !slices.Contains(texts(s.Optional), c) {
			required = append(required, c)
		}
	}
	c := csv.Config{
		Path: s.Path.Value, Key: s.Key.Value, Columns: declared, Read: rows.read, Required: required,
		Encoding: s.Encoding.Value, Settle: time.Duration(s.Settle), Changes: s.Mode == config.ModeDelta, Done: s.Done.Value,
	}
	for _, r := range s.Delimiter.Value {
		c.Delimiter = r
	}
	if err := c.Validate(); err != nil {
		pos := s.Encoding.Pos
		if s.Encoding.Value == "" {
			pos = s.Pos
		}
		return &config.Error{Pos: pos, Msg: strings.TrimPrefix(err.Error(), "csv: ")}
	}
	if s.SFTP != nil {
		if err := b.far(s, &c); err != nil {
			return err
		}
	}
	made := source.Source{
		Name: s.Name, File: s.Path.Value, Reader: csvReader{c}, Mapping: rows.mapping, Digest: sourceDigest(s, rows),
		Delta: s.Mode == config.ModeDelta, Deleted: rows.deleted, Far: s.SFTP != nil, Same: sameIn(s), MostJoined: b.Limits.Terminations.Of,
	}
	if c.Done != "" {
		made.Done = c.Path + c.Done
	}
	if made.Delta && csv.IsPattern(c.Path) {
		made.Parts = func(ctx context.Context) ([]source.Part, error) { return csvParts(ctx, c) }
	}
	b.Sources = append(b.Sources, made)
	paths := rows.mapping.Paths()
	if rows.deleted != nil && !rules.Waits {
		paths = append(paths, scimin.EndDate) // which is how a row says that somebody is gone, mapped or not
	}
	b.addRules(paths, rules)
	return nil
}

// addRules notes what a source maps and what it may say, after those before it.
func (b *Built) addRules(paths []scim.Path, rules directory.SourceRules) {
	for _, path := range paths {
		if !b.earlier(path) {
			b.paths = append(b.paths, path)
		}
	}
	b.sourceRules = append(b.sourceRules, rules)
}

// rowRules are a source's expressions, and the columns that they read.
type rowRules struct {
	mapping *mapping.Mapping
	deleted *mapping.Program // nil: no row says that
	read    []string
}

// rows compiles a source's expressions. They are compiled against every declared
// column, which finds out which of them are read, and then against those
// alone: what no expression reads is never kept, not even for a moment.
func (b *Built) rows(s config.Source, declared []string) (rowRules, error) {
	all, err := b.rowsOf(s, declared)
	if err != nil {
		return rowRules{}, err
	}
	used := map[string]bool{}
	for _, r := range all.mapping.Rules {
		for _, c := range r.Program.Columns() {
			used[c] = true
		}
	}
	if all.deleted != nil {
		for _, c := range all.deleted.Columns() {
			used[c] = true
		}
	}
	if s.Linked() {
		used[s.Conversion.Column.Value] = true
	}
	var read []string
	for _, c := range declared {
		if used[c] {
			read = append(read, c)
		}
	}
	return b.rowsOf(s, read)
}

func (b *Built) rowsOf(s config.Source, columns []string) (r rowRules, err error) {
	r.read = columns
	env, err := b.compiler.Row(columns)
	if err != nil {
		return r, &config.Error{Pos: s.Pos, Msg: err.Error()}
	}
	r.mapping, err = env.CompileMapping(scim.UserURN, s.Person)
	if s.Deleted.Value != "" {
		var wrong error
		r.deleted, wrong = env.Compile(s.Deleted, mapping.WantBool())
		err = errors.Join(err, wrong)
	}
	return r, err
}

// sourceDigest identifies what a row means: with another one every row is looked
// at again.
func sourceDigest(s config.Source, r rowRules) [32]byte {
	d := r.mapping.Digest()
	text := string(d[:]) + strings.Join(r.read, "\x00")
	if s.Linked() {
		text += fmt.Sprintf("same by %q", s.Conversion.Column.Value)
	}
	if len(s.Match) > 0 || s.Deleted.Value != "" {
		text += fmt.Sprintf("%q %q %q", texts(s.Match), s.Unmatched, s.Deleted.Value)
	}
	return sha256.Sum256([]byte(text))
}

// authority reads what a source may say of people whom others know as well.
func (b *Built) authority(s config.Source, m *mapping.Mapping) (directory.SourceRules, error) {
	rules := directory.SourceRules{Name: s.Name, Waits: len(s.Match) > 0 && s.Unmatched != config.UnmatchedFound}
	var mistakes config.Errors
	fail := func(pos config.Position, msg, hint string) {
		mistakes = append(mistakes, &config.Error{Pos: pos, Msg: msg, Hint: hint})
	}
	for _, r := range m.Rules {
		if r.Unique == config.UniqueOrganisation {
			rules.Unique = append(rules.Unique, r.Path)
		}
		if rules.Waits && directory.IsDate(r.Path) {
			fail(r.Program.Text().Pos, "source "+s.Name+" only adds to people, and cannot say when they come and go",
				"remove it, or write unmatched: found if this source has people of its own")
		}
	}
	for _, t := range s.Match {
		p, ok := b.mapped(m, t)
		switch {
		case !ok:
			fail(t.Pos, "source "+s.Name+" matches by "+t.Value+", but maps no such attribute", "give it a line under person")
		case !b.earlier(p):
			fail(t.Pos, "no source before "+s.Name+" maps "+t.Value+", so that nobody can be found by it", "")
		case !b.single(p) || directory.IsDate(p):
			fail(t.Pos, "nobody can be found by "+t.Value, "only by an attribute that holds one value")
		default:
			rules.Match = append(rules.Match, p)
		}
	}
	for _, t := range s.Authority {
		p, ok := b.mapped(m, t)
		same := func(q scim.Path) bool { return q.String() == p.String() }
		claimed := slices.IndexFunc(b.sourceRules, func(r directory.SourceRules) bool { return slices.ContainsFunc(r.First, same) })
		switch {
		case !ok:
			fail(t.Pos, "source "+s.Name+" has authority over "+t.Value+", but maps no such attribute", "give it a line under person")
		case directory.IsDate(p):
			fail(t.Pos, "authority over "+t.Value+" cannot be given", "the dates are those of the first source that holds the person")
		case slices.ContainsFunc(rules.Match, same):
			fail(t.Pos, "source "+s.Name+" finds people by "+t.Value+", and cannot change it", "")
		case claimed >= 0:
			fail(t.Pos, "source "+b.sourceRules[claimed].Name+" has the authority over "+t.Value+" already", "")
		default:
			rules.First = append(rules.First, p)
		}
	}
	if len(mistakes) > 0 {
		return rules, mistakes
	}
	if s.Linked() {
		rules.Joins, rules.Overlap = true, time.Duration(s.Conversion.Overlap)
	}
	return rules, nil
}

// sameIn is the column that tells who is the same human, "" for none.
func sameIn(s config.Source) string {
	if !s.Linked() {
		return ""
	}
	return s.Conversion.Column.Value
}

// mapped finds the path that a mapping writes under the name that somebody used.
func (b *Built) mapped(m *mapping.Mapping, t config.Text) (scim.Path, bool) {
	p, err := b.Schemas.ParsePath(t.Value)
	if err != nil {
		return scim.Path{}, false
	}
	if strings.EqualFold(p.URN, scim.UserURN) {
		p.URN = ""
	}
	for _, r := range m.Rules {
		if strings.EqualFold(r.Path.String(), p.String()) {
			return r.Path, true
		}
	}
	return scim.Path{}, false
}

// earlier reports whether a source that was built before maps a path.
func (b *Built) earlier(p scim.Path) bool {
	return slices.ContainsFunc(b.paths, func(q scim.Path) bool { return q.String() == p.String() })
}

// single tells a path that names one plain value.
func (b *Built) single(p scim.Path) bool {
	a, ok := b.Schemas.Lookup(scim.UserURN, p)
	if p.Filter == nil {
		top, found := b.Schemas.Lookup(scim.UserURN, scim.Path{URN: p.URN, Attr: p.Attr})
		ok = ok && found && !top.MultiValued && !a.MultiValued
	}
	return ok && a.Type != scim.TypeComplex
}

func texts(ts []config.Text) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.Value
	}
	return out
}

// csvParts lists the files of a source that is a folder of them.
func csvParts(ctx context.Context, c csv.Config) ([]source.Part, error) {
	files, err := csv.Files(ctx, c)
	parts := make([]source.Part, len(files))
	for i, f := range files {
		one := c
		one.Path, one.Listed = f.Path, f
		parts[i] = source.Part{Name: f.Path, Size: f.Size, ModTime: f.ModTime, Reader: csvPart{csvReader{one}}}
	}
	return parts, err
}

// csvPart reads one of several files, whose name is told by who asks.
type csvPart struct{ csvReader }

func (p csvPart) Read(ctx context.Context) (*source.Batch, error) {
	batch, err := p.csvReader.Read(ctx)
	if f := (*csv.FileError)(nil); errors.As(err, &f) && f.Path == p.config.Path {
		err = f.Err
	}
	return batch, err
}

// csvReader is the CSV reader as the phases see a source.
type csvReader struct{ config csv.Config }

func (r csvReader) Read(ctx context.Context) (*source.Batch, error) {
	s, err := csv.Read(ctx, r.config)
	if err != nil {
		return nil, err
	}
	return &source.Batch{Rows: s.Rows, Rejected: s.Rejected, Proof: s.Proof, Notes: s.Notes, Columns: s.Columns, Fields: s.Fields}, nil
}
