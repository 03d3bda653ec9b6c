// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// EventsConfig is how the tenant tells of events.
type EventsConfig struct {
	// Retention is how long events can be read again; 0 is for ever. Auth0 does not
	// say how long it is.
	Retention time.Duration
	Keep      int // how many at most; default 100,000
	Heartbeat time.Duration
	Retry     time.Duration // what a client is told to wait; default 2 s
	// CloseAfter and CloseAfterEvents are when a stream is closed on purpose; 0 is
	// never. Auth0 does it every few minutes.
	CloseAfter       time.Duration
	CloseAfterEvents int
	MostStreams      int // open at once, 429 beyond; default 8
	// Bare leaves client and connection out of data.context, which is optional.
	Bare     bool
	Mischief []Mischief
}

func (c *EventsConfig) defaults() {
	if c.Keep == 0 {
		c.Keep = 100_000
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.Retry == 0 {
		c.Retry = 2 * time.Second
	}
	if c.MostStreams == 0 {
		c.MostStreams = 8
	}
}

// tenantID is the id of the tenant, which is not its name.
const tenantID = "ten_fakeFakeFakeFake"

// eventTypes are all that a stream may ask for.
func eventTypes() []string {
	return []string{
		"user.created", "user.updated", "user.deleted",
		"group.created", "group.updated", "group.deleted", "group.member.added", "group.member.deleted", "group.role.assigned", "group.role.deleted",
		"organization.created", "organization.updated", "organization.deleted", "organization.member.added", "organization.member.deleted",
		"organization.member.role.assigned", "organization.member.role.deleted", "organization.group.role.assigned", "organization.group.role.deleted",
		"organization.connection.added", "organization.connection.updated", "organization.connection.removed",
		"connection.created", "connection.updated", "connection.deleted",
	}
}

// Event is something that the tenant tells of.
type Event struct {
	ID       string // evt_…
	Type     string
	Time     time.Time
	Subject  string // the user's id, or ""
	ClientID string // by which it came about, or ""
	Object   jsontext.Value

	clientName string
	connection *Connection
	purpose    string
}

// Trick is what goes wrong with an event.
type Trick string

// The tricks.
const (
	Drop      Trick = "dropped"
	Duplicate Trick = "told twice"
	Late      Trick = "told after others"
	Again     Trick = "told, and told again after others"
)

// Mischief makes particular events go wrong on their way, to streams and webhooks
// alike. Empty fields match everything.
type Mischief struct {
	Type, Subject string
	After         int // so many that match are told as they should be first
	Times         int // how often it is good; 0: for ever
	Trick         Trick
	By            int // of Late and Again: behind so many other events; default 1
}

// mischief is one with what became of it.
type mischief struct {
	Mischief
	hits int
}

// frame is an event in the place where it is told.
type frame struct {
	seq   int64
	event *Event
	at    time.Time
}

// heldBack is an event that is told behind others.
type heldBack struct {
	event *Event
	left  int
}

// eventLog is what happened, and what is told of it.
type eventLog struct {
	events   []*Event
	frames   []frame // by seq, without gaps
	next     int64   // seq of the next
	age      int     // offsets of another age are forgotten
	held     []heldBack
	mischief []*mischief
	changed  chan struct{} // closed and made anew with each frame
	ending   *ending
	open     int // streams
	muted    bool
	links    int
}

// tell tells of a user.
func (t *Tenant) tell(by cause, kind string, u *User) {
	shown := u.json()
	if kind == "user.deleted" {
		o := objectOf(shown)
		o.time("deleted_at", t.now())
		shown = o.end()
	}
	t.emitIn(by, kind, shown, u.ID, t.connection(u.connection()))
}

// emit tells of something that has no connection.
func (t *Tenant) emit(by cause, kind string, object jsontext.Value, subject string) {
	t.emitIn(by, kind, object, subject, nil)
}

func (t *Tenant) emitIn(by cause, kind string, object jsontext.Value, subject string, con *Connection) {
	e := &Event{
		ID: t.ids.Next("evt_", 22), Type: kind, Time: t.now(), Subject: subject, ClientID: by.clientID, Object: object,
		clientName: by.clientName, connection: con,
	}
	if t.cfg.Events.Bare {
		e.ClientID, e.connection = "", nil
	}
	t.log.events = append(t.log.events, e)
	if over := len(t.log.events) - t.cfg.Events.Keep; over > 0 {
		t.log.events = slices.Delete(t.log.events, 0, over)
	}
	switch trick, behind := t.log.trick(t.cfg.Events.Mischief, e); trick {
	case Drop:
		return
	case Late:
		t.log.held = append(t.log.held, heldBack{e, max(1, behind)})
		return
	case Duplicate:
		t.push(e)
	case Again:
		defer func() { t.log.held = append(t.log.held, heldBack{e, max(1, behind)}) }()
	}
	t.push(e)
	t.release(false)
}

// trick says what goes wrong with an event.
func (l *eventLog) trick(configured []Mischief, e *Event) (Trick, int) {
	for len(l.mischief) < len(configured) {
		l.mischief = append(l.mischief, &mischief{Mischief: configured[len(l.mischief)]})
	}
	for _, m := range l.mischief {
		if m.Type != "" && m.Type != e.Type || m.Subject != "" && m.Subject != e.Subject || m.Times > 0 && m.hits >= m.After+m.Times {
			continue
		}
		if m.hits++; m.hits > m.After {
			return m.Trick, m.By
		}
	}
	return "", 0
}

// release tells of what was held back for long enough, or of all.
func (t *Tenant) release(all bool) {
	var rest, due []heldBack
	for _, h := range t.log.held {
		if h.left--; h.left <= 0 || all {
			due = append(due, h)
		} else {
			rest = append(rest, h)
		}
	}
	t.log.held = rest
	for _, h := range due {
		t.push(h.event)
	}
}

// push gives an event its place, and to the webhooks.
func (t *Tenant) push(e *Event) {
	l := &t.log
	l.frames = append(l.frames, frame{l.next, e, t.now()})
	l.next++
	t.prune()
	close(l.changed)
	l.changed = make(chan struct{})
	t.sender.offer(e)
}

// prune forgets what is too old, or too much.
func (t *Tenant) prune() {
	l, c := &t.log, &t.cfg.Events
	n := max(0, len(l.frames)-c.Keep)
	for c.Retention > 0 && n < len(l.frames) && t.now().Sub(l.frames[n].at) > c.Retention {
		n++
	}
	if n > 0 {
		l.frames = slices.Delete(l.frames, 0, n)
	}
}

// first is the seq of the oldest frame that can be read.
func (l *eventLog) first() int64 { return l.next - int64(len(l.frames)) }

// offset is a place in the stream as clients see it: behind a seq. It is opaque.
func (l *eventLog) offset(seq int64) string {
	text := fmt.Sprintf("%d/%d", l.age, seq)
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s/%x", text, check(text)))
}

func check(text string) []byte {
	sum := sha256.Sum256([]byte("offset " + text))
	return sum[:4]
}

// place reads an offset; ok is false if this tenant never made it.
func place(offset string) (age int, seq int64, ok bool) {
	plain, err := base64.StdEncoding.DecodeString(offset)
	i := strings.LastIndexByte(string(plain), '/')
	if err != nil || i < 0 || string(plain[i+1:]) != fmt.Sprintf("%x", check(string(plain[:i]))) {
		return 0, 0, false
	}
	_, err = fmt.Sscanf(string(plain[:i]), "%d/%d", &age, &seq)
	return age, seq, err == nil
}

// cloud is the event as CloudEvents 1.0 in the shape that Auth0 gives it.
func (t *Tenant) cloud(e *Event, stream string) jsontext.Value {
	var data, context, in object
	if e.ClientID != "" {
		in.text("id", e.ClientID)
		in.text("name", e.clientName)
		in.raw("metadata", jsontext.Value("{}"))
		context.raw("client", in.end())
	}
	if e.connection != nil {
		in = object{}
		in.text("id", e.connection.ID)
		in.text("name", e.connection.Name)
		in.text("strategy", e.connection.Strategy)
		context.raw("connection", in.end())
	}
	in = object{}
	in.text("tenant_id", tenantID)
	context.raw("tenant", in.end())
	data.raw("object", e.Object)
	data.raw("context", context.end())
	return t.envelope(e, stream, data.end())
}

func (t *Tenant) envelope(e *Event, stream string, data jsontext.Value) jsontext.Value {
	var o object
	o.text("specversion", "1.0")
	o.text("type", e.Type)
	o.text("source", "urn:auth0:"+t.cfg.Name+"."+t.cfg.Domain)
	o.text("id", e.ID)
	o.time("time", e.Time)
	o.text("a0tenant", t.cfg.Name)
	o.text("a0stream", stream)
	o.text("a0purpose", e.purpose)
	o.raw("data", data)
	return o.end()
}

// Events returns what happened, in order, told or not, up to Keep.
func (t *Tenant) Events() []Event {
	t.Lock()
	defer t.Unlock()
	out := make([]Event, len(t.log.events))
	for i, e := range t.log.events {
		out[i] = *e
	}
	return out
}

// Play adds mischief with events to come.
func (t *Tenant) Play(m ...Mischief) {
	t.Lock()
	defer t.Unlock()
	t.cfg.Events.Mischief = append(t.cfg.Events.Mischief, m...)
}

// Flush tells of events that are held back, as if others had come.
func (t *Tenant) Flush() {
	t.Lock()
	defer t.Unlock()
	t.release(true)
}

// ForgetOffsets makes all offsets that were given so far worthless, and what they lead
// to: whoever comes back with one gets a 410.
func (t *Tenant) ForgetOffsets() {
	t.Lock()
	defer t.Unlock()
	t.log.age++
	t.log.frames = nil
}
