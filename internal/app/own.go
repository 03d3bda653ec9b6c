// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// Own makes the calls of an [App] of what an adapter to an API of a maker's own does with
// users and groups, one member a request. It says no to what no such API does, gives each
// call its time ([Begin]), and converts what comes of it. It lacks Profile and Requests,
// which are the adapter's.
type Own struct {
	Maker  string // for people: "Okta"
	Users  OwnUsers
	Groups OwnGroups
	// Convert says what may be concluded from an error; default [FromRest].
	Convert func(ctx context.Context, err error) error
}

// OwnUsers are the users of an API. What is handed over is never nil or empty.
type OwnUsers interface {
	Create(ctx context.Context, r *scim.Resource) (*scim.Resource, error)
	Patch(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error)
	Delete(ctx context.Context, id string) error
	Get(ctx context.Context, id string) (*scim.Resource, error)
	Find(ctx context.Context, attribute scim.Path, value string) ([]*scim.Resource, error)
	List(ctx context.Context) iter.Seq2[*scim.Resource, error]
}

// OwnGroups are the groups of an API. They are made empty, keep whose they are, and
// nothing of them changes but the name and the members.
type OwnGroups interface {
	Create(ctx context.Context, externalID, name string) (*scim.Resource, error)
	Rename(ctx context.Context, id, name string) (*scim.Resource, error)
	Get(ctx context.Context, id string) (*scim.Resource, error)
	Find(ctx context.Context, name string) ([]*scim.Resource, error)
	List(ctx context.Context, excludeMembers bool) iter.Seq2[*scim.Resource, error]
	AddMember(ctx context.Context, group, user string) error
	RemoveMember(ctx context.Context, group, user string) error
}

var displayName = scim.Path{Attr: "displayName"}

// begin gives a call its time; what comes of it is converted.
func (o *Own) begin(ctx context.Context) (context.Context, func(status int, r *scim.Resource, err error) (Answer, error)) {
	ctx, end := Begin(ctx)
	return ctx, func(status int, r *scim.Resource, err error) (Answer, error) {
		return end(status, r, o.convert(ctx, err))
	}
}

func (o *Own) convert(ctx context.Context, err error) error {
	if err == nil || o.Convert == nil {
		return FromRest(ctx, err)
	}
	return o.Convert(ctx, err)
}

func (o *Own) unknown(kind Kind) error {
	return Refuse(Terminal, "%s has no %q", o.Maker, string(kind))
}

// Create implements [App].
func (o *Own) Create(ctx context.Context, kind Kind, r *scim.Resource) (Answer, error) {
	if r == nil {
		return Answer{}, Refuse(Terminal, "there is no resource to create")
	}
	ctx, end := o.begin(ctx)
	var out *scim.Resource
	var err error
	switch kind {
	case KindUser:
		out, err = o.Users.Create(ctx, r)
	case KindGroup:
		if err = emptyGroup(r); err == nil {
			out, err = o.Groups.Create(ctx, r.ExternalID(), r.DisplayName())
		}
	default:
		err = o.unknown(kind)
	}
	return end(http.StatusCreated, out, err)
}

// emptyGroup says what keeps a group from being made.
func emptyGroup(r *scim.Resource) error {
	switch {
	case r.DisplayName() == "":
		return Refuse(Terminal, "a group needs a displayName")
	case len(r.Members()) > 0:
		return Refuse(Terminal, "a group is made empty, and its members added then")
	case r.ExternalID() == "", strings.ContainsAny(r.ExternalID(), " \t\r\n"):
		return Refuse(Terminal, "the externalId of a group is empty, or holds a blank")
	}
	return nil
}

// Patch implements [App].
func (o *Own) Patch(ctx context.Context, kind Kind, id string, changes []scim.Change, _ *scim.Resource) (Answer, error) {
	if len(changes) == 0 {
		return Answer{}, Refuse(Terminal, "there is no change to send")
	}
	ctx, end := o.begin(ctx)
	var out *scim.Resource
	var err error
	switch kind {
	case KindUser:
		out, err = o.Users.Patch(ctx, id, changes)
	case KindGroup:
		var name string
		if name, err = newName(changes); err == nil {
			out, err = o.Groups.Rename(ctx, id, name)
		}
	default:
		err = o.unknown(kind)
	}
	return end(http.StatusOK, out, err)
}

func newName(changes []scim.Change) (name string, err error) {
	for _, c := range changes {
		if name, _ = c.After.AsString(); !c.Path.Equal(displayName) || name == "" {
			return "", Refuse(Terminal, "of a group only the displayName can be changed, to another one")
		}
	}
	return name, nil
}

// ChangeMembers adds one member, or removes one.
func (o *Own) ChangeMembers(ctx context.Context, groupID string, add, remove []string) (Answer, error) {
	switch {
	case len(add) == 0 && len(remove) == 0:
		return Answer{}, Refuse(Terminal, "there is no member to change")
	case len(add)+len(remove) > 1:
		return Answer{}, Refuse(TooLarge, "%d members added and %d removed in one request, where one is", len(add), len(remove))
	}
	ctx, end := o.begin(ctx)
	if len(add) > 0 {
		return end(http.StatusNoContent, nil, o.Groups.AddMember(ctx, groupID, add[0]))
	}
	return end(http.StatusNoContent, nil, o.Groups.RemoveMember(ctx, groupID, remove[0]))
}

// Delete deletes a user. A group is never deleted here: what hangs on it is not ours.
func (o *Own) Delete(ctx context.Context, kind Kind, id string) (Answer, error) {
	if kind != KindUser {
		return Answer{}, Refuse(Terminal, "a group has to be deleted in %s, by hand: what hangs on it is not ours", o.Maker)
	}
	ctx, end := o.begin(ctx)
	return end(http.StatusNoContent, nil, o.Users.Delete(ctx, id))
}

// Get implements [App].
func (o *Own) Get(ctx context.Context, kind Kind, id string) (Answer, error) {
	ctx, end := o.begin(ctx)
	var out *scim.Resource
	var err error
	switch kind {
	case KindUser:
		out, err = o.Users.Get(ctx, id)
	case KindGroup:
		out, err = o.Groups.Get(ctx, id)
	default:
		err = o.unknown(kind)
	}
	return end(http.StatusOK, out, err)
}

// Find looks users up by what [OwnUsers] takes, and groups by displayName.
func (o *Own) Find(ctx context.Context, kind Kind, attribute scim.Path, value string) ([]*scim.Resource, Answer, error) {
	if value == "" {
		return nil, Answer{}, Refuse(Terminal, "there is no value to look up")
	}
	ctx, end := o.begin(ctx)
	var hits []*scim.Resource
	var err error
	switch {
	case kind == KindUser:
		hits, err = o.Users.Find(ctx, attribute, value)
	case kind == KindGroup && attribute.Equal(displayName):
		hits, err = o.Groups.Find(ctx, value)
	default:
		err = Refuse(Terminal, "%s does not search for a %s by %s", o.Maker, kind, attribute)
	}
	ans, err := end(http.StatusOK, nil, err)
	if err != nil {
		return nil, ans, err
	}
	return hits, ans, nil
}

// List implements [App]. Whoever is next is waited for as long as any call lasts, and no
// longer: what the app's limit takes beyond that is the engine's to keep.
func (o *Own) List(ctx context.Context, kind Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		ctx, end := context.WithCancel(ctx)
		defer end()
		idle := time.AfterFunc(patience, end)
		defer idle.Stop()
		for r, err := range o.list(ctx, kind, excludeMembers) {
			idle.Stop()
			if !yield(r, err) {
				return
			}
			idle.Reset(patience)
		}
	}
}

func (o *Own) list(ctx context.Context, kind Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	var list iter.Seq2[*scim.Resource, error]
	switch kind {
	case KindUser:
		list = o.Users.List(ctx)
	case KindGroup:
		list = o.Groups.List(ctx, excludeMembers)
	default:
		return func(yield func(*scim.Resource, error) bool) { yield(nil, o.unknown(kind)) }
	}
	return func(yield func(*scim.Resource, error) bool) {
		for r, err := range list {
			if err != nil {
				yield(nil, o.convert(ctx, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// SetMembers puts users into a group, by their ids, as engine and apps tell of them.
func SetMembers(group *scim.Resource, ids []string) *scim.Resource {
	var list []scim.Value
	for _, id := range ids {
		var o scim.Object
		o.Set("value", scim.String(id))
		list = append(list, scim.Complex(o))
	}
	if len(list) > 0 {
		group.Set("members", scim.List(list...))
	}
	return group
}

// SetAdministrator says that a user is an administrator at a maker's, by which roles; none
// says nothing.
func SetAdministrator(user *scim.Resource, maker string, roles ...string) {
	var list []scim.Value
	for _, name := range roles {
		var o scim.Object
		o.Set("value", scim.String(name))
		o.Set("display", scim.String(maker+" administrator"))
		list = append(list, scim.Complex(o))
	}
	if len(list) > 0 {
		user.Set("roles", scim.List(list...))
	}
}
