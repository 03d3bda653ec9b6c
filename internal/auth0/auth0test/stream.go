// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	maxOffset = 1024
	// maxInstant is as long as a time without fractions of a second.
	maxInstant = len("2006-01-02T15:04:05Z")
)

// The codes of the error event that ends a stream.
const (
	InvalidCursor     = "invalid_cursor"
	CursorExpired     = "cursor_expired"
	TimedOut          = "timeout"
	PayloadTooLarge   = "payload_too_large"
	ProcessingError   = "processing_error"
	ConnectionTimeout = "connection_timeout"
)

// apiStream is a0stream of what the Events API tells, which is not documented.
const apiStream = "est_EventsApiEventsApi1234"

// ending is how open streams end, all at once.
type ending struct {
	done chan struct{}
	cut  bool
	code string
}

// subscribe is GET /events: the stream of events, as Server-Sent Events.
func subscribe(c *call) (answer, error) {
	q, l := c.query, &c.log
	if q.Has("from") && q.Has("from_timestamp") {
		return answer{}, badQuery("from and from_timestamp exclude each other")
	}
	for _, kind := range q["event_type"] {
		if !slices.Contains(eventTypes(), kind) {
			return answer{}, badQuery("No enum match for: " + kind + " on property event_type")
		}
	}
	from := q.Get("from")
	if id := c.r.Header.Get("Last-Event-ID"); id != "" {
		from = id
	}
	c.prune()
	seq := l.next
	switch {
	case from != "":
		age, last, known := place(from)
		if !known || len(from) > maxOffset {
			return answer{}, refuse(http.StatusBadRequest, "invalid_offset", "The offset is malformed")
		}
		if age != l.age || last+1 < l.first() {
			return answer{}, refuse(http.StatusGone, "offset_expired", "The offset has expired")
		}
		seq = min(last+1, l.next)
	case q.Has("from_timestamp"):
		at, err := time.Parse(time.RFC3339, q.Get("from_timestamp"))
		if err != nil || len(q.Get("from_timestamp")) > maxInstant {
			return answer{}, badQuery("Object didn't pass validation for format date-time on property from_timestamp")
		}
		if i := slices.IndexFunc(l.frames, func(f frame) bool { return !f.event.Time.Before(at) }); i >= 0 {
			seq = l.frames[i].seq
		}
	}
	if l.open >= c.cfg.Events.MostStreams {
		return answer{}, &refusal{status: http.StatusTooManyRequests, code: "too_many_requests", message: "Too many streams", retryAfter: 1}
	}
	l.open++
	if l.ending == nil {
		l.ending = &ending{done: make(chan struct{})}
	}
	s := &subscription{t: c.Tenant, token: c.token, types: q["event_type"], seq: seq, end: l.ending}
	return answer{stream: s.serve}, nil
}

// subscription is one open stream.
type subscription struct {
	t     *Tenant
	token *token
	types []string
	seq   int64 // of the next frame
	told  int
	end   *ending
	w     http.ResponseWriter
}

// serve writes frames until the stream ends: as planned, by who reads it, or because
// something went wrong.
func (s *subscription) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		s.t.Lock()
		s.t.log.open--
		s.t.Unlock()
	}()
	s.w = w
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	cfg := &s.t.cfg.Events
	s.write(fmt.Sprintf(":connected\n\nretry: %d\n\n", cfg.Retry.Milliseconds()))
	var planned <-chan time.Time
	if cfg.CloseAfter > 0 {
		timer := time.NewTimer(cfg.CloseAfter)
		defer timer.Stop()
		planned = timer.C
	}
	beat := time.NewTicker(cfg.Heartbeat)
	defer beat.Stop()
	for {
		changed, more := s.catchUp()
		if !more {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			s.heartbeat()
		case <-planned:
			return
		case <-r.Context().Done():
			return
		case <-s.end.done:
			if s.end.cut {
				panic(http.ErrAbortHandler)
			}
			if s.end.code != "" {
				s.fail(s.end.code)
			}
			return
		}
	}
}

// catchUp writes what there is, and returns what tells of more; more is false if the
// stream ends here.
func (s *subscription) catchUp() (changed <-chan struct{}, more bool) {
	s.t.Lock()
	l := &s.t.log
	changed = l.changed
	var texts []string
	expired := s.seq < l.first()
	limit := s.t.cfg.Events.CloseAfterEvents
	full := false
	if !expired && !l.muted {
		for _, f := range l.frames[s.seq-l.first():] {
			s.seq = f.seq + 1
			if len(s.types) > 0 && !slices.Contains(s.types, f.event.Type) {
				continue
			}
			texts = append(texts, s.frame(f))
			if s.told++; limit > 0 && s.told >= limit {
				full = true
				break
			}
		}
	}
	gone := s.token.revoked || !s.t.now().Before(s.token.until)
	s.t.Unlock()
	if expired {
		s.fail(CursorExpired)
		return nil, false
	}
	for _, text := range texts {
		s.write(text)
	}
	return changed, !full && !gone
}

func (s *subscription) frame(f frame) string {
	offset := s.t.log.offset(f.seq)
	var data object
	data.text("offset", offset)
	data.raw("event", s.t.cloud(f.event, apiStream))
	return fmt.Sprintf("event: %s\nid: %s\ndata: %s\n\n", f.event.Type, offset, data.end())
}

// heartbeat says that the stream lives, and where it is.
func (s *subscription) heartbeat() {
	s.t.Lock()
	muted, offset := s.t.log.muted, s.t.log.offset(s.seq-1)
	s.t.Unlock()
	if muted {
		return
	}
	var data object
	data.text("offset", offset)
	s.write(fmt.Sprintf(": heartbeat\n\nevent: offset-only\nid: %s\ndata: %s\n\n", offset, data.end()))
}

// fail writes the error that ends a stream, with the place where it ends.
func (s *subscription) fail(code string) {
	s.t.Lock()
	offset := s.t.log.offset(s.seq - 1)
	s.t.Unlock()
	var detail, data object
	detail.text("code", code)
	detail.text("message", "The stream ends: "+code)
	if code != CursorExpired && code != InvalidCursor {
		detail.text("offset", offset)
	}
	data.raw("error", detail.end())
	s.write(fmt.Sprintf("event: error\ndata: %s\n\n", data.end()))
}

func (s *subscription) write(text string) {
	_, _ = s.w.Write([]byte(text)) // nobody is there to be told
	_ = http.NewResponseController(s.w).Flush()
}

// CloseStreams ends all open streams of the Events API in order, as Auth0 does now and
// then; with cut it cuts their connections, wherever they are.
func (t *Tenant) CloseStreams(cut bool) { t.endStreams(ending{cut: cut}) }

// FailStreams ends all open streams by an error event of a code.
func (t *Tenant) FailStreams(code string) { t.endStreams(ending{code: code}) }

func (t *Tenant) endStreams(how ending) {
	t.Lock()
	defer t.Unlock()
	if t.log.ending == nil {
		return
	}
	t.log.ending.cut, t.log.ending.code = how.cut, how.code
	close(t.log.ending.done)
	t.log.ending = nil
}

// Mute makes all streams fall silent, heartbeats included, with their connections
// open; or ends that.
func (t *Tenant) Mute(muted bool) {
	t.Lock()
	defer t.Unlock()
	t.log.muted = muted
	close(t.log.changed)
	t.log.changed = make(chan struct{})
}

// OpenStreams counts the streams of the Events API that are open.
func (t *Tenant) OpenStreams() int {
	t.Lock()
	defer t.Unlock()
	return t.log.open
}
