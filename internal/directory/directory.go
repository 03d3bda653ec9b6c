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

func (d *Directory) unique(source string) []scim.Path {
	if i, ok := d.rank[source]; ok {
		return d.cfg.Sources[i].Unique
	}
	return nil
}
