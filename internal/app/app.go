// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"iter"
	"time"

	"github.com/usher-id/usher/scim"
)

// Kind is what a remote object is; its text is the SCIM resource type's name.
type Kind string

// The kinds of remote objects.
const (
	KindUser  Kind = "User"
	KindGroup Kind = "Group"
)

// Schema is the URN of the kind's core schema (RFC 7643 §4), "" for an unknown kind.
func (k Kind) Schema() string {
	switch k {
	case KindUser:
		return scim.UserURN
	case KindGroup:
		return scim.GroupURN
	}
	return ""
}

// App is a downstream system as the engine sees it. It is called by the worker
// that owns the app and by read-back at the same time, so every method is safe
// for concurrent use. Errors are *[Error], or become one through [Classify].
//
// Each write is exactly one request, before which a read may go: the engine's journal
// counts on it. Where the app has no one request for it, a write may be several if all
// of them may be sent again, as they are when one of them fails: an Error then stands
// for the whole, and a look-up shows what is not done. Such is a deactivation that has
// to end sessions, too, after which an account is inactive only if none is left.
type App interface {
	// Create makes the resource. The answer carries it as the app keeps it, with its id.
	Create(ctx context.Context, kind Kind, r *scim.Resource) (Answer, error)

	// Patch sends the changes in one request, in the profile's dialect. A
	// deactivation is a change of active. Where PATCH does not reach, the resource
	// is sent whole. Whatever is sent whole, be it an attribute, is read before, and
	// the changes are made to what is there: what is not ours stays. want is what
	// the resource holds of ours, as far as it is known, without active; it fills in
	// what the app does not tell. Without want only what the changes themselves say
	// can be sent. What the app cannot change is an Error of class Terminal, and
	// nothing is sent.
	Patch(ctx context.Context, kind Kind, id string, changes []scim.Change, want *scim.Resource) (Answer, error)

	// ChangeMembers adds and removes members of a group by their ids at the app,
	// in one request: at most Profile().MembersAtOnce of each, and
	// MaxMembersPerRequest of both together.
	ChangeMembers(ctx context.Context, groupID string, add, remove []string) (Answer, error)

	// Delete removes the resource; what that means is Profile().DeleteMeaning.
	Delete(ctx context.Context, kind Kind, id string) (Answer, error)

	// Get reads one resource. One that is not there is an Error of class NotFound.
	Get(ctx context.Context, kind Kind, id string) (Answer, error)

	// Find looks resources up by one attribute. Every hit has been compared with
	// the value, as some apps ignore filters. None found is no error; within
	// Profile().Settle of a write it is no proof either. An attribute by which the
	// app does not search is looked for in the whole list, if lists can be trusted.
	Find(ctx context.Context, kind Kind, attribute scim.Path, value string) ([]*scim.Resource, Answer, error)

	// List reads all resources of a kind. It is complete if and only if the
	// sequence ends without an error: absence from a list that ended with one
	// proves nothing.
	List(ctx context.Context, kind Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error]

	// Profile says how this app differs from plain SCIM 2.0.
	Profile() Profile

	// Requests is the number of HTTP requests sent so far, of every kind.
	Requests() int64
}

// Answer is what an app said to one request.
type Answer struct {
	RequestID string         // sent with the request, for finding it in the app's log
	Status    int            // HTTP status; 0 if none came
	Resource  *scim.Resource // nil if the app sent none, as with a 204
	Elapsed   time.Duration
}
