// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/usher-id/usher/internal/directory"
)

// Plan is what would be done at one app, in order.
type Plan struct {
	App  string
	Ops  []*Op  // to be carried out
	Held []Hold // not to be carried out until somebody agrees

	released []Hold // somebody agreed to, just now
}

// Hold is a set of removals that reaches too far. Its id is the digest of the
// set, so that a release covers exactly what was seen.
type Hold struct {
	ID     string          `json:"id"`
	App    string          `json:"app"`
	Cause  directory.Cause `json:"cause"`
	Count  int             `json:"count"` // operations
	Limit  int             `json:"limit"` // what would have passed
	Reason string          `json:"reason"`
	Ops    []*Op           `json:"-"`
}

// HoldID is the digest of a set of ids under one cause at one app.
func HoldID(app string, cause directory.Cause, ids []string) string {
	sorted := slices.Sorted(slices.Values(ids))
	h := sha256.New()
	h.Write(appendCounted(appendCounted(nil, app), string(cause)))
	for _, id := range sorted {
		h.Write(appendCounted(nil, id))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// place is where a kind stands in the one order of a plan.
func (k Kind) place() int {
	return slices.Index([]Kind{Disable, Delete, Create, Update, GroupCreate, GroupUpdate, MemberRemove, MemberAdd}, k)
}

// sortOps puts operations into the one order of a plan, whatever order the
// rows came in: leavers, accounts, groups, memberships.
func sortOps(ops []*Op) {
	sort.Slice(ops, func(i, j int) bool {
		a, b := ops[i], ops[j]
		if a.Kind != b.Kind {
			return a.Kind.place() < b.Kind.place()
		}
		if a.Team != b.Team {
			return a.Team < b.Team
		}
		return a.Person < b.Person
	})
}

// Digest is the content address of what is planned: equal digests mean equal
// operations in equal order. The operations stand in the order of a plan.
func Digest(ops []*Op) string {
	d := NewDigester()
	for _, o := range ops {
		d.Add(o)
	}
	return d.Sum()
}

// Digester computes a Digest without all operations at hand. What is added
// under one app, kind and team must come in order of person; the rest may come
// in any order, as pages of people do.
type Digester struct{ parts map[part]hash.Hash }

type part struct {
	app  string
	kind Kind
	team string
}

// NewDigester returns a Digester of no operations.
func NewDigester() *Digester { return &Digester{map[part]hash.Hash{}} }

// Add adds one operation.
func (d *Digester) Add(o *Op) {
	p := part{o.App, o.Kind, o.Team}
	h := d.parts[p]
	if h == nil {
		h = sha256.New()
		d.parts[p] = h
	}
	h.Write(append([]byte(o.ID), '\n'))
}

// Join adds what another one has of other apps.
func (d *Digester) Join(other *Digester) {
	for p, h := range other.parts {
		d.parts[p] = h
	}
}

// Sum returns the digest.
func (d *Digester) Sum() string {
	order := slices.SortedFunc(maps.Keys(d.parts), func(a, b part) int {
		return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.kind.place(), b.kind.place()), cmp.Compare(a.team, b.team))
	})
	all := sha256.New()
	for _, p := range order {
		fmt.Fprintf(all, "%q %q %q %x\n", p.app, p.kind, p.team, d.parts[p].Sum(nil))
	}
	return "sha256:" + hex.EncodeToString(all.Sum(nil))
}

// Operations joins the operations of several plans, in order of app.
func Operations(plans []Plan) []*Op {
	plans = slices.Clone(plans)
	sort.Slice(plans, func(i, j int) bool { return plans[i].App < plans[j].App })
	var ops []*Op
	for _, p := range plans {
		ops = append(ops, p.Ops...)
	}
	return ops
}

// Count tells how many operations of each kind there are.
func Count(ops []*Op) map[Kind]int {
	n := map[Kind]int{}
	for _, o := range ops {
		n[o.Kind]++
	}
	return n
}

// Words says what an operation does, for people.
func (o *Op) Words() string {
	switch o.Kind {
	case MemberAdd:
		return "add to group"
	case MemberRemove:
		return "remove from group"
	default:
		return strings.ReplaceAll(string(o.Kind), "_", " ")
	}
}
