// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/csv"
	"github.com/usher-id/usher/scim"
)

func (b *Built) source(s config.Source) error {
	if s.Type.Value != "csv" {
		return &config.Error{Pos: s.Type.Pos, Msg: fmt.Sprintf("there is no source type %q in this version", s.Type.Value), Hint: "csv"}
	}
	if len(s.Match) > 0 {
		return &config.Error{Pos: s.Match[0].Pos, Msg: "match is not in this version yet: every source has its own people"}
	}
	declared := texts(s.Columns)
	m, read, err := b.rows(s, declared)
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
		Path: s.Path.Value, Key: s.Key.Value, Columns: declared, Read: read, Required: required,
		Encoding: s.Encoding.Value, Settle: time.Duration(s.Settle),
	}
	for _, r := range s.Delimiter.Value {
		c.Delimiter = r
	}
	b.Sources = append(b.Sources, source.Source{
		Name: s.Name, File: s.Path.Value, Reader: csvReader{c}, Mapping: m, Digest: sourceDigest(m, read),
	})
	rules := directory.SourceRules{Name: s.Name}
	for _, r := range m.Rules {
		if r.Unique == config.UniqueOrganisation {
			rules.Unique = append(rules.Unique, r.Path)
		}
		if !slices.ContainsFunc(b.paths, func(p scim.Path) bool { return p.String() == r.Path.String() }) {
			b.paths = append(b.paths, r.Path)
		}
	}
	b.sourceRules = append(b.sourceRules, rules)
	return nil
}

// rows compiles a source's mapping. It is compiled against every declared
// column, which finds out which of them are read, and then against those
// alone: what no expression reads is never kept, not even for a moment.
func (b *Built) rows(s config.Source, declared []string) (*mapping.Mapping, []string, error) {
	all, err := b.compiler.Row(declared)
	if err != nil {
		return nil, nil, &config.Error{Pos: s.Pos, Msg: err.Error()}
	}
	m, err := all.CompileMapping(scim.UserURN, s.Person)
	if err != nil {
		return nil, nil, err
	}
	used := map[string]bool{}
	for _, r := range m.Rules {
		for _, c := range r.Program.Columns() {
			used[c] = true
		}
	}
	var read []string
	for _, c := range declared {
		if used[c] {
			read = append(read, c)
		}
	}
	narrow, err := b.compiler.Row(read)
	if err != nil {
		return nil, nil, &config.Error{Pos: s.Pos, Msg: err.Error()}
	}
	m, err = narrow.CompileMapping(scim.UserURN, s.Person)
	return m, read, err
}

func sourceDigest(m *mapping.Mapping, read []string) [32]byte {
	d := m.Digest()
	return sha256.Sum256([]byte(string(d[:]) + strings.Join(read, "\x00")))
}

func texts(ts []config.Text) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.Value
	}
	return out
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
