// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source"
)

// counted is a file on a server: it is known how often it was read, and it may not be
// readable.
type counted struct {
	source.Reader
	name string
	of   *shelf
}

// shelf is a folder on a server.
type shelf struct {
	*folder
	reads []string
	bad   string
	down  error
}

func (c counted) Read(ctx context.Context) (*source.Batch, error) {
	c.of.reads = append(c.of.reads, c.name)
	if c.name == c.of.bad {
		return nil, errors.New("the connection broke off")
	}
	return c.Reader.Read(ctx)
}

func (s *shelf) source() source.Source {
	of := s.folder.source()
	of.Far = true
	list := of.Parts
	of.Parts = func(ctx context.Context) ([]source.Part, error) {
		parts, err := list(ctx)
		for i := range parts {
			parts[i].Reader = counted{parts[i].Reader, parts[i].Name, s}
		}
		return parts, errors.Join(err, s.down)
	}
	return of
}

// TestFarFilesAreFetched: what a folder on a server holds is read before anything is taken,
// each file once, and in order: those after one that cannot be read wait.
func TestFarFilesAreFetched(t *testing.T) {
	t.Parallel()
	h := setup(t)
	s := &shelf{folder: changes(h)}
	take := func() (source.Report, []string, error) {
		t.Helper()
		s.reads = nil
		fetched, err := source.Fetch(t.Context(), h.st, s.source())
		reads := slices.Clone(s.reads)
		if err != nil {
			return source.Report{}, reads, err
		}
		if fetched.Asked() {
			t.Error("what was fetched is to be fetched again")
		}
		r, err := source.Ingest(t.Context(), h.st, h.dir, fetched)
		if !slices.Equal(s.reads, reads) {
			t.Errorf("%v were read while they were taken", s.reads[len(reads):])
		}
		h.settle()
		return r, reads, err
	}
	s.put("1.csv", staff(3)...)
	s.put("2.csv", worker{id: "00001", name: "bo"})
	s.put("3.csv", worker{id: "00001", name: "cy"})
	s.bad = "2.csv"
	if _, reads, err := take(); err == nil || !strings.Contains(err.Error(), "2.csv: the connection broke off") || !slices.Equal(reads, []string{"1.csv", "2.csv"}) {
		t.Errorf("%v, %v", reads, err)
	}
	if n := len(h.listings()); n != 3 {
		t.Errorf("%d people by the first file", n)
	}
	s.bad = ""
	if r, reads, err := take(); err != nil || r.Changed != 2 || !slices.Equal(reads, []string{"2.csv", "3.csv"}) {
		t.Errorf("%+v, %v, %v", r, reads, err)
	}
	if r, reads, err := take(); err != nil || r.Rows != 0 || len(reads) > 0 {
		t.Errorf("a quiet look: %+v, %v, %v", r, reads, err)
	}
	s.down = errors.New("nobody answers")
	if _, _, err := take(); err == nil || !strings.Contains(err.Error(), "nobody answers") {
		t.Errorf("%v", err)
	}
}

// TestFarFileIsFetched: one that cannot be read changes nothing.
func TestFarFileIsFetched(t *testing.T) {
	t.Parallel()
	h := setup(t)
	s := &shelf{folder: changes(h)}
	s.put("hr.csv", staff(3)...)
	one := h.source(file{})
	one.Reader, one.Far = counted{s.files["hr.csv"], "hr.csv", s}, true
	fetched, err := source.Fetch(t.Context(), h.st, one)
	if err != nil {
		t.Fatal(err)
	}
	s.bad = "hr.csv" // from here on, as it was read
	if r, err := source.Ingest(t.Context(), h.st, h.dir, fetched); err != nil || r.New != 3 || len(s.reads) != 1 {
		t.Errorf("%+v, %v, read %d times", r, err, len(s.reads))
	}
	if _, err := source.Fetch(t.Context(), h.st, one); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Error(err)
	}
}
