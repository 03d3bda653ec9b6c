// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"iter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The types of events that speak of users.
const (
	UserCreated = "user.created"
	UserUpdated = "user.updated"
	UserDeleted = "user.deleted"
)

// Event is what Auth0 tells, by the Events API or by a webhook (CloudEvents 1.0). It
// comes at least once and in no order.
type Event struct {
	ID      string
	Type    string
	Time    time.Time
	Purpose string // "test" for one that an administrator has sent to try it
	Stream  string // est_…
	// ClientID is the application by which it came about, "" if that is not told.
	ClientID   string
	Connection string         // name; "" if not told
	Object     jsontext.Value // of user.*: the user
}

// ParseEvent reads one event. Fields that are not known are skipped.
func ParseEvent(text []byte) (Event, error) { return Event{}, errNotYet }

// From is where a stream begins: behind an offset, or at a time; the zero From is now.
type From struct {
	Offset string
	Time   time.Time
}

// Frame is one message of a stream. One without an event tells progress only.
type Frame struct {
	Offset string
	Event  *Event
}

// ErrOffset says that the tenant does not know an offset any more (410), or never did
// (400): what lies between it and now is not known.
var ErrOffset = errNotYet

// Stream is an open stream of events.
type Stream struct{}

// Events opens the stream of the Events API. types are the events that are wanted,
// none for all.
func (c *Client) Events(ctx context.Context, from From, types ...string) (*Stream, error) {
	return nil, errNotYet
}

// Next waits for the next frame. io.EOF is what ends a stream in order: Auth0 closes
// each every few minutes, and it is to be opened again behind the last offset. Without
// a sign of life (heartbeats are such) for the time of Silence it is given up.
func (s *Stream) Next() (Frame, error) { return Frame{}, errNotYet }

// Retry is how long the tenant wants a client to wait before it connects again.
func (s *Stream) Retry() time.Duration { return 0 }

// Close ends the stream; a Next that waits returns.
func (s *Stream) Close() error { return nil }

// Silence is how long a stream may say nothing, heartbeats included.
const Silence = 90 * time.Second

// Delivery is an attempt to deliver an event to a webhook.
type Delivery struct {
	EventID, EventType, Status string
}

// FailedDeliveries lists the events of a stream that could not be delivered since.
func (c *Client) FailedDeliveries(ctx context.Context, stream string, since time.Time) iter.Seq2[Delivery, error] {
	return nil
}

// Redeliver asks for events to be delivered again.
func (c *Client) Redeliver(ctx context.Context, stream string, events []string) error {
	return errNotYet
}
