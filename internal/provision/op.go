// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
)

// Kind is what an operation does at the app.
type Kind string

// The kinds of operation, in the order in which a plan carries them out:
// whoever leaves goes first (DESIGN: leaver lane).
const (
	Disable      Kind = "disable"
	Delete       Kind = "delete"
	Create       Kind = "create"
	Update       Kind = "update"
	GroupCreate  Kind = "group_create"
	GroupUpdate  Kind = "group_update"
	MemberRemove Kind = "member_remove"
	MemberAdd    Kind = "member_add"
)

// The causes that this room adds to those of the directory.
const (
	CauseJoiner     directory.Cause = "joiner"
	CauseMover      directory.Cause = "mover"
	CauseScope      directory.Cause = "scope"
	CauseMembership directory.Cause = "membership"
	CauseFirstRun   directory.Cause = "first_run"
)

// Change is one attribute's difference; null means unassigned.
type Change struct {
	Path   string     `json:"path"`
	Before scim.Value `json:"before"`
	After  scim.Value `json:"after"`
}

// Op is one planned operation. It names people and teams by their ids in the
// directory, never by an app's, so that a plan says the same on every machine.
type Op struct {
	ID      string          `json:"id"` // digest of everything but Why and Label
	Kind    Kind            `json:"op"`
	App     string          `json:"app"`
	Person  string          `json:"person,omitempty"`
	Team    string          `json:"team,omitempty"`
	Label   string          `json:"label"` // user name or group name
	Cause   directory.Cause `json:"cause"`
	Why     string          `json:"why"`
	Changes []Change        `json:"changes,omitempty"`

	admitted bool // the departure has passed the guard in the directory
	retained bool // a membership lost by somebody who keeps the account
	// consented says that somebody released the hold that it was in.
	consented bool
	user      *scim.Resource
	changes   []scim.Change
}

// seal computes the id once everything else stands.
func (o *Op) seal() *Op {
	for _, c := range o.changes {
		o.Changes = append(o.Changes, Change{c.Path.String(), c.Before, c.After})
	}
	o.ID = o.digest()
	return o
}

// Sound reports whether the id follows from what the operation says.
func (o *Op) Sound() bool { return o.ID == o.digest() }

func (o *Op) digest() string {
	h := sha256.New()
	write := func(s string) { fmt.Fprintf(h, "%d:%s,", len(s), s) }
	for _, s := range []string{string(o.Kind), o.App, o.Person, o.Team, string(o.Cause)} {
		write(s)
	}
	for _, c := range o.Changes {
		write(c.Path)
		write(c.Before.String())
		write(c.After.String())
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
