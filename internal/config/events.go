// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"time"
)

// Events is who is told of what a provider pushes, by security event tokens (RFC 9967).
type Events struct {
	Pos      Position   `json:"-"`
	Audience Text       `json:"audience"`
	Push     *EventPush `json:"push,omitempty"`
	Poll     bool       `json:"poll"`
	Kinds    []Text     `json:"kinds"`   // empty = all
	Payload  string     `json:"payload"` // EventNotice or EventFull
	// MaxAge and MaxWaiting bound what waits for a recipient who does not come.
	MaxAge     Duration `json:"max_age"`
	MaxWaiting int      `json:"max_waiting"`
}

// EventPush is where events are pushed to.
type EventPush struct {
	URL   Text   `json:"url"`
	Token Secret `json:"token"` // may be unset
	Allow []Text `json:"allow"`
}

// The values of Events.Payload.
const (
	EventNotice = "notice" // what has changed
	EventFull   = "full"   // and what it is now
)

// What holds when events say nothing of it.
const (
	DefaultEventAge     = Duration(7 * 24 * time.Hour)
	DefaultEventWaiting = 100_000
)

// Allows reports whether the list of what may be connected to holds what.
func (p EventPush) Allows(what string) bool { return allows(p.Allow, what) }

func (d *decoder) events(n *node, what string) *Events {
	what = "events of " + what
	e := &Events{Pos: n.pos, Payload: EventNotice, MaxAge: DefaultEventAge, MaxWaiting: DefaultEventWaiting}
	d.section(n, what, n.pos,
		field{key: "audience", required: true, read: func(n *node) { e.Audience, _ = d.text(n, "audience of "+what) }},
		field{key: "push", read: func(n *node) { e.Push = d.eventPush(n, "push of "+what) }},
		field{key: "poll", read: func(n *node) { set(&e.Poll)(d.boolean(n, "poll of "+what)) }},
		field{key: "kinds", read: func(n *node) {
			e.Kinds, _ = d.choices(n, "kinds of "+what, "kind", "create", "patch", "put", "delete", "activate", "deactivate")
			if n.kind == kindList && len(n.items) == 0 {
				d.fail(n.pos, "kinds of "+what+" is empty", "remove it for all kinds, or remove events")
			}
		}},
		field{key: "payload", read: func(n *node) {
			if t, ok := d.choice(n, "payload of "+what, EventNotice, EventFull); ok {
				e.Payload = t.Value
			}
		}},
		field{key: "max_age", read: func(n *node) { set(&e.MaxAge)(d.duration(n, "max_age of "+what, time.Minute, 365*24*time.Hour)) }},
		field{key: "max_waiting", read: func(n *node) {
			if v, ok := d.number(n, "max_waiting of "+what, 1, 10_000_000, true); ok {
				e.MaxWaiting = int(v)
			}
		}},
	)
	if n.kind == kindMap && n.at("push") == nil && !e.Poll {
		d.fail(n.pos, what+" go to nobody", "give them push, or poll: true")
	}
	return e
}

func (d *decoder) eventPush(n *node, what string) *EventPush {
	p := &EventPush{}
	var address *node
	d.section(n, what, n.pos,
		field{key: "url", required: true, read: func(n *node) { address = n; p.URL, _ = d.text(n, "url of "+what) }},
		field{key: "token", read: func(n *node) { p.Token = d.secret(n, "token of "+what) }},
		field{key: "allow", read: func(n *node) {
			p.Allow = d.allow(n, "allow of "+what, AllowLoopback, AllowPrivate, AllowPlainHTTP)
		}},
	)
	if address != nil && !p.URL.IsZero() {
		d.address(address, what, p.URL, p.Allow)
	}
	return p
}

// signingKey reads a private key: PEM, which has line breaks as no other secret does.
func (d *decoder) signingKey(n *node, what string) Secret {
	t, ok := d.text(n, what)
	if !ok {
		return Secret{}
	}
	if name, sealed := strings.CutPrefix(t.Value, secretPrefix); sealed && !isName(name) {
		d.fail(t.Pos, what+" names no sealed secret", "secret:NAME with a lower-case name")
	}
	return NewSecret(t.Value, t.Pos)
}
