// SPDX-License-Identifier: Apache-2.0

package fake

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
	AnswerLost   Kind = "answer lost after the write" // after: the connection is cut
	AnswerHangs  Kind = "no answer after the write"   // after: the connection hangs, and is cut
	ErrorAfter   Kind = "500 after the write"         // after
	BusyAfter    Kind = "503 after the write"         // after
	NoEffect     Kind = "success without effect"      // of what the fake says; others are served
	Truncated    Kind = "answer cut off"              // after
	Garbage      Kind = "answer that is no JSON"      // after
	Slow         Kind = "slow answer"                 // after, and right
)

// Fault is what goes wrong with one request.
type Fault struct {
	Kind       Kind
	RetryAfter time.Duration // of 429: until the limit is whole again; default 1 s
	Hold       time.Duration // of what hangs or is slow; default 1 s
	// Bytes of a stream of events come before it is cut by Truncated or AnswerLost.
	Bytes int
}

// Holds is for how long what hangs is held.
func (f Fault) Holds() time.Duration {
	if f.Hold > 0 {
		return f.Hold
	}
	return time.Second
}

// Lost reports whether the write happens and the client is not told.
func (f Fault) Lost() bool {
	switch f.Kind {
	case AnswerLost, AnswerHangs, ErrorAfter, BusyAfter, Truncated, Garbage:
		return true
	}
	return false
}

// Cause is that of a request which this goes wrong with.
func (f Fault) Cause() Cause { return Cause{Lost: f.Lost(), Void: f.Kind == NoEffect} }

// Serve answers a request with what goes wrong: run answers as the maker would, refuse with
// the error that the fault is.
func (f Fault) Serve(w http.ResponseWriter, r *http.Request, run, refuse func(http.ResponseWriter)) {
	switch f.Kind {
	case None, NoEffect:
		run(w)
	case TimeOut, Reset, BadGateway:
		f.Cut(r.Context(), w)
	case AnswerLost, AnswerHangs, ErrorAfter, BusyAfter, Truncated, Garbage, Slow:
		f.Spoil(r.Context(), w, run, refuse)
	default: // every other kind is an answer
		refuse(w)
	}
}

// Cut cuts the connection, now or after a while, or answers as a gateway does; false if
// the fault is none of these.
func (f Fault) Cut(ctx context.Context, w http.ResponseWriter) bool {
	switch f.Kind {
	case TimeOut:
		Wait(ctx, f.Holds())
		panic(http.ErrAbortHandler) // cuts the connection
	case Reset:
		panic(http.ErrAbortHandler)
	case BadGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><body>502 Bad Gateway</body></html>") // nobody is there to be told
		return true
	}
	return false
}

// Spoil lets a request take effect, and spoils its answer; refuse answers with the error
// that the fault is.
func (f Fault) Spoil(ctx context.Context, w http.ResponseWriter, run, refuse func(http.ResponseWriter)) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	run(rec)
	switch f.Kind {
	case AnswerHangs:
		Wait(ctx, f.Holds())
		panic(http.ErrAbortHandler)
	case AnswerLost:
		panic(http.ErrAbortHandler)
	case ErrorAfter, BusyAfter:
		refuse(w)
		return
	case Slow:
		Wait(ctx, f.Holds())
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

// Wait waits for a while, or for ctx to end.
func Wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
