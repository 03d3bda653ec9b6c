// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/scim"
)

// ErrTaken says that another resource of the provider has the name.
var ErrTaken = errors.New("the name is taken")

// Pushed is a resource that an identity provider has pushed. Its body is JSON without id, meta and members;
// nil once it has been deleted.
type Pushed struct {
	Source, Type, ID string
	Record           string // the key under which the directory knows it; "" for none
	Seq              int64  // its place among those of its type; given by the store
	// Name is canonical: userName of a User, displayName of a Group, and of any other
	// type what is unique about it, "" if nothing is.
	Name     string
	External string
	Version  int64
	Created  time.Time
	Modified time.Time
	Ended    time.Time // since when it says that it is not active, zero while it is
	Members  int       // of a Group, how many
	Body     []byte
}

// PushedMember is a value of a pushed group's members. Its body is JSON.
type PushedMember struct {
	ID   string
	Body []byte
}

// PushedUser is what an answer shows of a User: its id, version, times and body, and
// the groups that it is in. Nothing else of Pushed is there.
type PushedUser struct {
	Pushed
	Groups []PushedGroup
}

// PushedGroup is a group that somebody is in. Its name is "" if there is no such group.
type PushedGroup struct{ ID, DisplayName string }

// PushedValue is a value of a multi-valued complex attribute that some resources have.
type PushedValue struct {
	Value         string
	Display, Kind string // what one of them says of it
	Users         int    // how many have it
}

// PushedBy is what a pushed resource is found by.
type PushedBy string

// The keys of a resource. All but the id may find several.
const (
	PushedByID       PushedBy = "id"
	PushedByName     PushedBy = "name" // canonical
	PushedByExternal PushedBy = "external"
	PushedByRecord   PushedBy = "record"
)

// PushedQuery selects resources of one type that are there.
type PushedQuery struct {
	Source, Type string
	Schemas      *scim.SchemaSet
	Schema       string // URN of the type
	// What stands beside the body: the attribute that Pushed.Name is made of, and
	// those whose values are members, and groups; "" for none.
	Name, Members, Groups string

	Filter     scim.Filter // nil for all
	SortBy     scim.Path   // the zero Path for the order in which they were made
	Descending bool
}

// PushStore is what pushed resources are kept in. Update may call fn more than once; what
// fn does outside its PushTx must bear that.
type PushStore interface {
	Update(ctx context.Context, fn func(PushTx) error) error
	View(ctx context.Context, fn func(PushTx) error) error
	// Look is View for an fn that reads once.
	Look(ctx context.Context, fn func(PushTx) error) error
}

// PushTx is one transaction: the directory's, the resources that are pushed, and
// the events that tell of them.
type PushTx interface {
	directory.Tx
	events.Queuer

	// Pushed finds resources by a key, deleted ones only if asked for, in the
	// order in which they were made.
	Pushed(ctx context.Context, source, typ string, by PushedBy, value string, deleted bool) ([]Pushed, error)
	// PushedRivals finds Users who have a name, or an externalId unless it is "", or
	// had them before they were deleted, in the order in which they were made.
	PushedRivals(ctx context.Context, source, name, external string) ([]Pushed, error)
	// PushedUsers finds Users that are there by a key, as Pushed does, in no order.
	PushedUsers(ctx context.Context, source string, by PushedBy, value string) ([]PushedUser, error)
	// PushedCount returns how many there are, without those that were deleted.
	PushedCount(ctx context.Context, source, typ string) (int, error)
	// PushedAt returns the resources from a 0-based number on.
	PushedAt(ctx context.Context, source, typ string, skip, limit int) ([]Pushed, error)
	// PushedAfter returns up to limit resources after a place that may satisfy the
	// filter, in the order in which they were made. exact says that they do;
	// otherwise Match is to be asked of each.
	PushedAfter(ctx context.Context, q PushedQuery, seq int64, limit int) (rows []Pushed, exact bool, err error)
	// PushedPage returns up to limit resources that satisfy the filter, in the
	// order asked for and from a 0-based number on, and how many there are in all.
	// ok is false if the store cannot tell either as Match and Select do.
	PushedPage(ctx context.Context, q PushedQuery, skip, limit int) (rows []Pushed, total int, ok bool, err error)
	// PushedValues returns up to limit values that resources have in a multi-valued
	// complex attribute, in the order of their text, byte by byte.
	PushedValues(ctx context.Context, source, typ, attribute string, limit int) ([]PushedValue, error)
	// PutPushed stores a resource; one that is new gets its Seq. Of a type that is
	// neither User nor Group no two that are there have the same name: the second
	// is ErrTaken, whoever else writes at the same time.
	PutPushed(ctx context.Context, p *Pushed) error

	// PeopleOf returns whom Users speak of, in order of id.
	PeopleOf(ctx context.Context, source string, users []string) ([]string, error)

	// Members returns the members of a group in order of their ids.
	Members(ctx context.Context, source, group string) ([]PushedMember, error)
	// AddMembers and RemoveMembers return those that made a difference.
	AddMembers(ctx context.Context, source, group string, members []PushedMember) (added []string, err error)
	RemoveMembers(ctx context.Context, source, group string, ids []string) (removed []string, err error)
	// GroupsWith returns the groups that a member is in, in order of id, by member.
	GroupsWith(ctx context.Context, source string, members []string) (map[string][]string, error)
	// GroupsOf returns the groups themselves, as their members are shown them.
	GroupsOf(ctx context.Context, source string, members []string) (map[string][]PushedGroup, error)
}

// PushedTeam is the team that a pushed group is: apps have it by the name of its
// source.
func PushedTeam(source, group, name string) directory.Team {
	return directory.Team{ID: directory.TeamID("pushed:"+source, group), Rule: source, Value: group, Name: name}
}
