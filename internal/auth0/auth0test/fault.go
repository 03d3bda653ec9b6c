// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Kind is what goes wrong with a request.
type Kind string

// The kinds. Before means that nothing was written, after that it was.
const (
	None         Kind = ""
	TooMany      Kind = "429"                         // before, with the headers of the limit
	Unavailable  Kind = "503"                         // before
	ServerError  Kind = "500"                         // before
	BadGateway   Kind = "502 in HTML"                 // before
	TimeOut      Kind = "no answer, nothing written"  // before: the connection hangs, and is cut
	Reset        Kind = "reset before the write"      // before
	Unauthorized Kind = "401"                         // before
	Forbidden    Kind = "403"                         // before
	NotFound     Kind = "404"                         // before
	Conflict     Kind = "409"                         // before
	Gone         Kind = "410"                         // before: of GET /events, an offset that is forgotten
	AnswerLost   Kind = "answer lost after the write" // after: the connection is cut
	AnswerHangs  Kind = "no answer after the write"   // after: the connection hangs, and is cut
	ErrorAfter   Kind = "500 after the write"         // after
	BusyAfter    Kind = "503 after the write"         // after
	NoEffect     Kind = "success without effect"      // of PATCH /users/:id alone; others are served
	Truncated    Kind = "answer cut off"              // after
	Garbage      Kind = "answer that is no JSON"      // after
	Slow         Kind = "slow answer"                 // after, and right

	// Of POST /jobs/users-exports: the job is made, and comes to nothing good.
	ExportFailed Kind = "job fails"
	ExportStuck  Kind = "job stays pending"
	ExportEmpty  Kind = "export without a line"
	ExportShort  Kind = "export without its second half" // and in order otherwise
	ExportTorn   Kind = "export that ends within a line" // of a file whose answer is complete
)

// Fault is what goes wrong with one request.
type Fault struct {
	Kind       Kind
	RetryAfter time.Duration // of 429: until the limit is whole again; default 1 s
	Hold       time.Duration // of what hangs or is slow; default 1 s
	// Bytes of a stream of events come before it is cut by Truncated or AnswerLost.
	Bytes int
}

func (f Fault) hold() time.Duration {
	if f.Hold > 0 {
		return f.Hold
	}
	return time.Second
}

// refuse answers with an error, in the shape of the endpoint.
func (f Fault) refuse(w http.ResponseWriter, c *call) {
	no := f.refusal()
	no.oauth = c.route.path == "/oauth/token"
	no.write(w)
}

func (f Fault) refusal() *refusal {
	message := "scheduled: " + string(f.Kind)
	switch f.Kind {
	case Unavailable, BusyAfter:
		return refuse(http.StatusServiceUnavailable, "service_unavailable", message)
	case ServerError, ErrorAfter:
		return refuse(http.StatusInternalServerError, "internal_error", message)
	case Unauthorized:
		return refuse(http.StatusUnauthorized, "invalid_token", "Invalid token")
	case Forbidden:
		return refuse(http.StatusForbidden, "insufficient_scope", message)
	case NotFound:
		return refuse(http.StatusNotFound, "inexistent_user", message)
	case Conflict:
		return refuse(http.StatusConflict, "conflict", message)
	case Gone:
		return refuse(http.StatusGone, "offset_expired", message)
	default: // every kind that is answered by an error is above
		return refuse(http.StatusInternalServerError, "internal_error", message)
	}
}

// serve answers a call as the fault says.
func (f Fault) serve(w http.ResponseWriter, c *call) {
	switch f.Kind {
	case None, ExportFailed, ExportStuck, ExportEmpty, ExportShort, ExportTorn:
		c.run(w)
	case TimeOut:
		wait(c.r.Context(), f.hold())
		panic(http.ErrAbortHandler) // cuts the connection
	case Reset:
		panic(http.ErrAbortHandler)
	case TooMany:
		f.tooMany(w, c)
	case BadGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><body>502 Bad Gateway</body></html>") // nobody is there to be told
	case NoEffect:
		c.by.void = true
		c.run(w)
	case AnswerLost, AnswerHangs, ErrorAfter, BusyAfter, Truncated, Garbage:
		c.by.lost = true
		f.after(w, c)
	case Slow:
		f.after(w, c)
	default:
		f.refuse(w, c)
	}
}

func (f Fault) tooMany(w http.ResponseWriter, c *call) {
	after := f.RetryAfter
	if after <= 0 {
		after = time.Second
	}
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(max(1, c.cfg.Burst)))
	h.Set("X-RateLimit-Remaining", "0")
	h.Set("X-RateLimit-Reset", strconv.FormatInt(c.now.Add(after+time.Second-1).Unix(), 10))
	no := refuse(http.StatusTooManyRequests, "too_many_requests", "Global limit has been reached")
	if c.route.path == "/events" {
		no.retryAfter = int((after + time.Second - 1) / time.Second)
	}
	no.oauth = c.route.path == "/oauth/token"
	no.write(w)
}

// after lets the call take effect, and spoils its answer.
func (f Fault) after(w http.ResponseWriter, c *call) {
	if c.route.path == "/events" {
		if f.Kind == Slow {
			wait(c.r.Context(), f.hold())
			c.run(w)
			return
		}
		c.run(&cutter{w, f.Bytes})
		return
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	c.run(rec)
	switch f.Kind {
	case AnswerHangs:
		wait(c.r.Context(), f.hold())
		panic(http.ErrAbortHandler)
	case AnswerLost:
		panic(http.ErrAbortHandler)
	case ErrorAfter, BusyAfter:
		f.refuse(w, c)
		return
	case Slow:
		wait(c.r.Context(), f.hold())
	case Garbage:
		rec.body.Reset()
		rec.body.WriteString("{no json")
	}
	for name, values := range rec.header {
		w.Header()[name] = values
	}
	if f.Kind == Truncated {
		w.Header().Set("Content-Length", strconv.Itoa(rec.body.Len()))
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes()[:rec.body.Len()/2]) // less comes than was announced
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes()) // nobody is there to be told
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// cutter cuts the connection when so much was written.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) >= c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left]) // the connection is cut anyway
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// Unwrap lets a ResponseController flush what lies beneath.
func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// wait waits for a while, or for ctx to end.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
