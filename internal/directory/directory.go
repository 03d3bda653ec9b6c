// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"time"

	"github.com/usher-id/usher/scim"
)

// SourceRules is what the directory has to know of a source's mapping.
type SourceRules struct {
	Name string
	// Unique are the attributes whose mapped value is a wish: the directory
	// turns it into a name that nobody else ever had.
	Unique []scim.Path
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
	cfg  Config
	rank map[string]int
}

// New returns a Directory.
func New(cfg Config) *Directory {
	d := &Directory{cfg: cfg, rank: make(map[string]int, len(cfg.Sources))}
	for i, s := range cfg.Sources {
		d.rank[s.Name] = i
	}
	return d
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
