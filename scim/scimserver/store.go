// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"errors"

	"github.com/usher-id/usher/scim"
)

// Store keeps resources. Methods are called by many goroutines at once. A
// resource that is passed or returned is not written to by either side
// afterwards.
//
// A stored resource carries its id, and in meta created, lastModified and
// version (an entity tag of RFC 7232 with its quotes) as far as the store has
// them; resourceType and location are the handler's. Without versions two writers
// may overwrite one another, and If-Match holds for "*" alone.
type Store interface {
	// Get returns one resource, or ErrNotFound.
	Get(ctx context.Context, typ, id string) (*scim.Resource, error)
	// List returns a page by index of the resources that a query selects. See
	// Select for stores that have all of them at hand.
	List(ctx context.Context, typ string, q Query) (Page, error)
	// Create stores a new resource under an id of the store's choice, which no
	// resource of any type has or had (RFC 7643 §3.1), and returns it as it is
	// stored. A value that must be unique and is taken is a *UniquenessError.
	Create(ctx context.Context, typ string, r *scim.Resource) (*scim.Resource, error)
	// Replace stores a resource in place of the one of its id. With a version it
	// does so only if the stored one still has it, else it is ErrVersion.
	Replace(ctx context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error)
	// Delete removes a resource, with a version as for Replace.
	Delete(ctx context.Context, typ, id, version string) error
	// Lookup returns the resources with exactly this text in an attribute, as
	// its caseExact says. ok is false if the store has no index of it: the
	// handler then asks List.
	Lookup(ctx context.Context, typ string, attribute scim.Path, value string) (found []*scim.Resource, ok bool, err error)
}

// PartStore is a Store that reads less of a resource where an answer shows less, as it
// does of groups without their members.
type PartStore interface {
	Store
	// GetPart is Get, and LookupPart is Lookup, for an answer that leaves these
	// attributes out: the store need not read them.
	GetPart(ctx context.Context, typ, id string, without []scim.Path) (*scim.Resource, error)
	LookupPart(ctx context.Context, typ string, attribute scim.Path, value string, without []scim.Path) (found []*scim.Resource, ok bool, err error)
}

// CursorStore is a Store that gives pages by cursor, too (RFC 9865), so that nobody
// is left out or given twice when others come and go meanwhile.
type CursorStore interface {
	Store
	// Walk returns the page after a cursor, which is the NextCursor of the page
	// before, or "" for the first. The query's StartIndex does not count. A cursor
	// that is none of this query's is ErrCursor, one that was good once
	// ErrCursorExpired.
	Walk(ctx context.Context, typ string, q Query, cursor string) (Page, error)
}

// TxStore is a Store that does several changes as one. Resources that refer to each
// other in a circle are made with it (RFC 7644 §3.7.1): each first without what
// refers to the others, and then with it. Without it they are refused; nothing else
// of a bulk request needs it.
type TxStore interface {
	Store
	// Atomically runs fn on a store that sees what fn has done, while nobody else
	// does; if fn fails, none of it is done. fn uses no other store, returns the
	// error of a change that fails, and may be run more than once.
	Atomically(ctx context.Context, fn func(Store) error) error
}

// MemberStore is a Store that changes who is in a group without anybody reading
// all of it. The handler sends it every PATCH that only adds and removes members by
// their value; other changes of members come by Replace.
//
// It is asked for resource types with one multi-valued complex attribute whose
// sub-attribute "value" is immutable, as Group has members.
type MemberStore interface {
	Store
	// ChangeMembers removes members and adds others, all or nothing. Who is to be
	// added and is there, and who is to be removed and is not, makes no
	// difference; if nobody makes one, the resource keeps its version.
	ChangeMembers(ctx context.Context, typ, id string, c MemberChange) (MembersChanged, error)
}

// MemberChange is what happens to the members of one resource. Nobody is in it
// twice.
type MemberChange struct {
	Attribute string       // such as "members"
	Add       []scim.Value // complex values, each with a "value"
	Remove    []string     // "value" of each
	// IfVersion has the versions of which the resource must have one, else the
	// change is ErrVersion; nil for any.
	IfVersion []string
}

// Allows tells whether a resource of this version may be changed: weakness does not
// count (RFC 7644 §3.14).
func (c MemberChange) Allows(version string) bool {
	return c.IfVersion == nil || matches(c.IfVersion, version)
}

// MembersChanged is what came of a MemberChange.
type MembersChanged struct {
	Head           *scim.Resource // the resource afterwards, without its members
	Count          int            // of its members, afterwards
	Added, Removed []string       // "value" of those that made a difference
}

// The errors of a Store that are answers. So are a *UniquenessError and a
// *scim.Error, which is sent as it is. Any other is the store's failure: 500.
var (
	ErrNotFound = errors.New("no such resource")
	ErrVersion  = errors.New("the resource has changed meanwhile")
	// ErrCursor says that a cursor is none of this query's (RFC 9865 §2.1).
	ErrCursor = errors.New("the cursor is not valid")
	// ErrCursorExpired says that a cursor was good once (RFC 9865 §2.1).
	ErrCursorExpired = errors.New("the cursor has expired")
)

// UniquenessError says which attribute has a value that is taken.
type UniquenessError struct{ Attribute string }

func (e *UniquenessError) Error() string { return e.Attribute + " is taken" }

// Query selects resources of one type (RFC 7644 §3.4.2).
type Query struct {
	Filter     scim.Filter // nil for all
	SortBy     scim.Path   // the zero Path for the store's own order, which is stable
	Descending bool
	StartIndex int // from 1
	Count      int // at most this many; 0 for the number alone
	// Without lists attributes that the answer leaves out, so that a store need
	// not read them.
	Without []scim.Path
}

// Page is a part of what a query selects.
type Page struct {
	Resources  []*scim.Resource
	Total      int    // of all pages; of Walk -1 if it is not known
	NextCursor string // of Walk; "" on the last page
}
