// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

// From is where a stream begins: behind an offset, or at a time; the zero From is now.
type From struct {
	Offset string
	Time   time.Time // by the second
}

// Frame is one message of a stream. One without an event tells progress only.
type Frame struct {
	Offset string
	Event  *Event
	// Err is why an event could not be read. The stream goes on: it would be no
	// better when it came again.
	Err error
}

// ErrOffset says that the tenant does not know an offset any more (410), or never did
// (400): what lies between it and now is not known.
var ErrOffset = errors.New("the tenant does not know the offset, so that what came since is not known")

// Silence is how long a stream may say nothing, heartbeats included.
const Silence = 90 * time.Second

// errSilent ends a stream that says nothing.
var errSilent = fmt.Errorf("the stream has said nothing for %v", Silence)

// Stream is an open stream of events.
type Stream struct {
	from   *sse
	ctx    context.Context // tells why the stream ended
	close  func()
	retry  atomic.Int64
	hide   rest.Redact
	failed error
}

const eventsRoute = apiPath + "/events"

// Events opens the stream of the Events API. types are the events that are wanted,
// none for all. ctx is that of the whole stream.
func (c *Client) Events(ctx context.Context, from From, types ...string) (*Stream, error) {
	r := request{Method: http.MethodGet, Route: eventsRoute, Query: url.Values{}, Header: http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-store"}}}
	switch {
	case from.Offset != "":
		r.Query.Set("from", from.Offset)
		if rest.HeaderValue(from.Offset) {
			r.Header["Last-Event-Id"] = []string{from.Offset}
		}
	case !from.Time.IsZero():
		r.Query.Set("from_timestamp", from.Time.UTC().Format(bySecond))
	}
	for _, t := range types {
		r.Query.Add("event_type", t)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	a, err := c.rest.Send(ctx, r, true)
	if err != nil {
		cancel(nil)
		return nil, offsetError(err, from)
	}
	if rest.MediaType(a.Header) != "text/event-stream" {
		a.Close()
		cancel(nil)
		return nil, unusable(&r, errors.New("it is no event stream"))
	}
	silence := rest.NewDeadline(Silence, errSilent, cancel)
	silence.Lift() // it runs while somebody waits in Next, and not before
	return &Stream{
		from:  newSSE(&patient{a.Body, silence, Silence}, c.bounds.sseLine, c.bounds.sseEvent),
		ctx:   ctx,
		close: func() { silence.Done(); a.Close() },
		hide:  a.Hide,
	}, nil
}

// bySecond is how the API takes times: in UTC, and in 20 characters.
const bySecond = "2006-01-02T15:04:05Z"

// offsetError knows the refusals that are about where the stream was to begin. A 400
// may be about anything; if it was about something else, the caller, who begins anew,
// meets it again.
func offsetError(err error, from From) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Foreign {
		return err
	}
	if e.Status == http.StatusGone || e.Status == http.StatusBadRequest && from != (From{}) {
		e.Err = ErrOffset
	}
	return e
}

// Next waits for the next frame. io.EOF is what ends a stream in order: Auth0 closes
// each every few minutes, and it is to be opened again behind the last offset. Without
// a sign of life (heartbeats are such) for the time of Silence it is given up.
func (s *Stream) Next() (Frame, error) {
	for s.failed == nil {
		m, err := s.from.next()
		s.retry.Store(int64(s.from.retry))
		switch {
		case errors.Is(err, io.EOF) && s.ctx.Err() == nil:
			s.failed = io.EOF
		case err != nil:
			s.failed = &Error{API: api, Op: "GET /events", Err: s.hide.Cause(rest.Ended(s.ctx, err))}
		case m.kind == "error":
			s.failed = s.told(m)
		default:
			if f, ok := s.frame(m); ok {
				return f, nil
			}
		}
	}
	s.close()
	return Frame{}, s.failed
}

// frame makes a frame of a message. One without an offset and an event is of a kind
// that is not known.
func (s *Stream) frame(m message) (Frame, bool) {
	body := objectOf(jsontext.Value(m.data))
	f := Frame{Offset: textOf(body["offset"])}
	if f.Offset == "" {
		f.Offset = m.id
	}
	if m.kind == "offset-only" {
		return f, f.Offset != ""
	}
	told := body["event"]
	if told == nil {
		told = jsontext.Value(m.data) // bare, as a webhook has it
	}
	event, err := ParseEvent(told)
	if err != nil {
		f.Err = err
		return f, f.Offset != ""
	}
	f.Event = &event
	return f, true
}

// told is the error that a stream ends with, in its own words.
func (s *Stream) told(m message) error {
	body := objectOf(jsontext.Value(m.data))
	if inner := objectOf(body["error"]); inner != nil {
		body = inner
	}
	code := cmp.Or(textOf(body["code"]), textOf(body["error"]))
	e := &Error{API: api, Op: "GET /events", Code: rest.Keyword(s.hide.Text(code)), Message: s.hide.Clean(textOf(body["message"]))}
	if e.Code == "" && e.Message == "" {
		e.Message = s.hide.Clean(code)
	}
	switch {
	case e.Code == "cursor_expired", e.Code == "invalid_cursor", e.Code == "offset_expired": // pages and reference differ in the word
		e.Err = ErrOffset
	case e.Code+e.Message == "":
		e.Err = errors.New("the tenant ended the stream with an error, and says no more")
	}
	return e
}

// Retry is how long the tenant wants a client to wait before it connects again, 0 if
// it has not said.
func (s *Stream) Retry() time.Duration { return time.Duration(s.retry.Load()) }

// Close ends the stream; a Next that waits returns.
func (s *Stream) Close() error {
	s.close()
	return nil
}
