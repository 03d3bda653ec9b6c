// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"slices"
	"time"

	"github.com/usher-id/usher/scim"
)

// SourceRules is what the directory has to know of a source's mapping.
type SourceRules struct {
	Name string
	// Unique are the attributes whose mapped value is a wish: the directory
	// turns it into a name that nobody else ever had.
	Unique []scim.Path
	// Match are the attributes by which a record finds its person among those
	// of the sources before this one; none means that each record is a person.
	Match []scim.Path
	// Waits says that a record which finds nobody waits for them. Such a
	// source only adds to people: it brings nobody in, and holds nobody.
	Waits bool
	// First are the attributes that this source has before all others.
	First []scim.Path
	// Teams says that it states teams, too.
	Teams bool
	// Links says that it makes records parts of others, and takes them apart again.
	Links bool
	// Joins says that records whose Same is the same are one person's. Overlap is for how
	// long at most nobody works between two of them who goes from one to the other.
	Joins   bool
	Overlap time.Duration
}

// TeamRules says which teams a person is in by rule.
type TeamRules interface {
	TeamsOf(p *Person) ([]Team, error)
}

// Config is what a Directory is made of. Every field but PreHire is required.
type Config struct {
	Schemas *scim.SchemaSet
	Sources []SourceRules // in the order of their authority, the highest first
	Paths   []scim.Path   // every attribute that some source maps
	Teams   TeamRules
	Gate    Gate
	Actor   string           // who the ledger names
	Now     func() time.Time // the calendar's now; the ledger has the transaction's
	PreHire time.Duration
}

// Directory applies changes. It holds no state of its own and may be used by
// several goroutines; the store serialises what must be serial.
type Directory struct {
	cfg     Config
	rank    map[string]int
	first   map[string]string   // attribute → the source that has it before all others
	finders map[string][]finder // by source
	keys    []scim.Path         // the attributes by which people are found
}

// New returns a Directory.
func New(cfg Config) *Directory {
	d := &Directory{cfg: cfg, rank: make(map[string]int, len(cfg.Sources)), first: map[string]string{}, finders: map[string][]finder{}}
	for i, s := range cfg.Sources {
		d.rank[s.Name] = i
		for _, p := range s.First {
			d.first[p.String()] = s.Name
		}
	}
	d.findBy()
	return d
}

// stated are the teams that sources state of people, if one does.
func (d *Directory) stated(ctx context.Context, tx Tx, people []string) (map[string][]Team, error) {
	if len(people) == 0 || !slices.ContainsFunc(d.cfg.Sources, func(s SourceRules) bool { return s.Teams }) {
		return nil, nil
	}
	return tx.StatedTeams(ctx, people)
}

// several reports whether a person may have more than one record: by the rules that hold,
// or by one that joined records once.
func (d *Directory) several(ctx context.Context, tx Tx) (bool, error) {
	if len(d.cfg.Sources) > 1 || slices.ContainsFunc(d.cfg.Sources, func(s SourceRules) bool { return s.Links || s.Joins }) {
		return true, nil
	}
	had, err := tx.Meta(ctx, joinedKey)
	return len(had) > 0, err
}

func (d *Directory) calendar() Calendar {
	return Calendar{Now: d.cfg.Now(), PreHire: d.cfg.PreHire}
}

// unique returns the attributes that are wishes in any of a person's records: a
// record keeps its wish, so that each merge finds wishes where names must stand.
func (d *Directory) unique(records []Record) []scim.Path {
	var paths []scim.Path
	seen := map[string]bool{}
	for _, r := range records {
		i, ok := d.rank[r.Source]
		if !ok {
			continue
		}
		for _, p := range d.cfg.Sources[i].Unique {
			if !seen[p.String()] {
				seen[p.String()] = true
				paths = append(paths, p)
			}
		}
	}
	return paths
}
