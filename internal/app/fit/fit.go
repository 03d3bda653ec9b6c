// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"cmp"
	"slices"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// Level is how much a finding matters.
type Level string

// The levels.
const (
	Note    Level = "note"    // good to know
	Warning Level = "warning" // may be refused
	Error   Level = "error"   // will be refused, or is ignored
)

// Finding is something that does not fit, and where in the configuration it stands.
type Finding struct {
	Pos   config.Position
	Level Level
	Text  string
	Fix   string // what to do; may be empty
}

// Sent is what the configuration sends to one app.
type Sent struct {
	Pos        config.Position // of the app
	Rules      []Rule
	ExternalID bool             // sent without a rule
	Groups     *config.Position // of the groups; nil: none are sent
}

// Rule is one line of a mapping.
type Rule struct {
	Path    scim.Path
	Written string          // the path as it stands in the file
	At      config.Position // of the path
	From    config.Position // of the expression
	// Whole is the attribute that the path is about or lies in, as we know it, and
	// Part the one that it names.
	Whole, Part scim.Attribute
	Constant    *scim.Value // what the expression yields for everybody; nil: it depends
}

// empty reports whether the rule gives nobody a value.
func (r Rule) empty() bool { return r.Constant != nil && r.Constant.IsUnassigned() }

// check collects findings about one app.
type check struct {
	profile app.Profile
	live    live
	sent    Sent
	found   []Finding
}

func newCheck(p app.Profile, d app.Discovery, s Sent) *check {
	c := &check{profile: p, live: liveOf(p, d), sent: s}
	c.sent.Rules = slices.DeleteFunc(slices.Clone(s.Rules), func(r Rule) bool { return p.Unsupported.Cover(r.Path) })
	c.sent.ExternalID = s.ExternalID && !p.Unsupported.Cover(scim.Path{Attr: "externalId"})
	return c
}

// add notes a finding. Names in it may be the app's, and as long as it likes.
func (c *check) add(pos config.Position, level Level, text, fix string) {
	const most = 1000
	c.found = append(c.found, Finding{pos, level, cut(text, most), cut(fix, most)})
}

// sorted are the findings in the order of the file, errors first at one place.
func (c *check) sorted() []Finding {
	rank := map[Level]int{Error: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column), cmp.Compare(rank[a.Level], rank[b.Level]))
	})
	return c.found
}
