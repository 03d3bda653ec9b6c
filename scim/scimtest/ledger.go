// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/scim"
)

// The operations of an Effect.
const (
	Created       = "create"
	Updated       = "update"
	Disabled      = "disable"
	Enabled       = "enable"
	Deleted       = "delete"
	MemberAdded   = "member_add"
	MemberRemoved = "member_remove"
	Restored      = "restore" // the whole app, from a snapshot
)

// Effect is something that really happened to a resource. One request may have
// several, and one that changes nothing has none.
type Effect struct {
	Seq       int
	At        time.Time
	Op        string
	Type      string // "User" or "Group"
	ID        string
	Name      string // userName or displayName
	Detail    string // attributes that changed, or the member's id
	RequestID string // of the request, as its client named it
	Outside   bool   // behind everybody's back, or in consequence of another effect
	Lost      bool   // the client was not told: its answer went wrong
}

// ledger is append-only.
type ledger struct {
	mu      sync.Mutex
	effects []Effect
}

func (l *ledger) all() []Effect {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.effects)
}

func (l *ledger) add(c cause, typ string, r *scim.Resource, op, detail string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.effects = append(l.effects, Effect{
		Seq: len(l.effects) + 1, At: time.Now(), Op: op, Type: typ, ID: r.ID(), Name: nameOf(r), Detail: detail,
		RequestID: c.requestID, Outside: c.outside, Lost: c.lost,
	})
}

func nameOf(r *scim.Resource) string {
	if n := r.UserName(); n != "" {
		return n
	}
	return r.DisplayName()
}

// compare writes down what one state of a resource has over another.
func (l *ledger) compare(c cause, typ string, old, now *scim.Resource) {
	before, after := membersOf(old), membersOf(now)
	for _, id := range after {
		if _, had := slices.BinarySearch(before, id); !had {
			l.add(c, typ, now, MemberAdded, id)
		}
	}
	for _, id := range before {
		if _, has := slices.BinarySearch(after, id); !has {
			l.add(c, typ, now, MemberRemoved, id)
		}
	}
	was, hadActive := old.Active()
	is, hasActive := now.Active()
	switch {
	case (was || !hadActive) && hasActive && !is:
		l.add(c, typ, now, Disabled, "")
	case hadActive && !was && (is || !hasActive):
		l.add(c, typ, now, Enabled, "")
	}
	var changed []string
	for name, v := range now.All() {
		if o, ok := old.Get(name); !ignored(name) && (!ok || !o.Equal(v)) {
			changed = append(changed, name)
		}
	}
	for name := range old.All() {
		if _, ok := now.Get(name); !ignored(name) && !ok {
			changed = append(changed, name)
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		l.add(c, typ, now, Updated, strings.Join(changed, " "))
	}
}

// ignored are attributes that have effects of their own, or follow from others.
func ignored(name string) bool {
	return slices.Contains([]string{"meta", "members", "active", "schemas", "id"}, name)
}

// membersOf are the ids of a group's members, sorted.
func membersOf(r *scim.Resource) []string {
	ids := r.Members()
	slices.Sort(ids)
	return ids
}
