// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/usher-id/usher/scim"
)

// Kind is what goes wrong with a request.
type Kind string

// The kinds. Before means that nothing was written, after that it was.
const (
	None             Kind = ""
	TooManySeconds   Kind = "429 with seconds"            // before
	TooManyDate      Kind = "429 with a date"             // before
	TooMany          Kind = "429"                         // before, and says nothing of when
	UnavailableLater Kind = "503 with seconds"            // before
	Unavailable      Kind = "503"                         // before
	ServerError      Kind = "500"                         // before
	BadGateway       Kind = "502 in HTML"                 // before
	TimeOut          Kind = "no answer, nothing written"  // before: the connection hangs, and is closed
	Reset            Kind = "reset before the write"      // before
	Unauthorized     Kind = "401"                         // before
	Forbidden        Kind = "403"                         // before
	NotFound         Kind = "404"                         // before
	Conflict         Kind = "409"                         // before
	Precondition     Kind = "412"                         // before
	TooLarge         Kind = "413"                         // before
	BadRequest       Kind = "400"                         // before
	AnswerLost       Kind = "answer lost after the write" // after: the connection is closed
	AnswerHangs      Kind = "no answer after the write"   // after: the connection hangs, and is closed
	ErrorAfter       Kind = "500 after the write"         // after
	NoEffect         Kind = "success without effect"      // before
	Truncated        Kind = "answer cut off"              // after
	Garbage          Kind = "answer that is no JSON"      // after
	Empty            Kind = "success without a body"      // after
	OtherBody        Kind = "another resource's body"     // after: whose id and name are others
	RepeatedPage     Kind = "the first page again"        // of a list; other requests are served
	Slow             Kind = "slow answer"                 // after, and right
)

// Fault is what goes wrong with one request.
type Fault struct {
	Kind       Kind
	RetryAfter time.Duration // of 429 and 503; default 1 s
	Hold       time.Duration // of what hangs or is slow; default 1 s
}

func (f Fault) hold() time.Duration {
	if f.Hold > 0 {
		return f.Hold
	}
	return time.Second
}

func (f Fault) later() time.Duration {
	if f.RetryAfter > 0 {
		return f.RetryAfter
	}
	return time.Second
}

var statuses = map[Kind]int{
	TooManySeconds: 429, TooManyDate: 429, TooMany: 429, UnavailableLater: 503, Unavailable: 503, ServerError: 500, Unauthorized: 401,
	Forbidden: 403, NotFound: 404, Conflict: 409, Precondition: 412, TooLarge: 413, BadRequest: 400,
}

// serve answers a request as the fault says.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch f.Kind {
	case None:
		next.ServeHTTP(w, r)
	case TimeOut:
		wait(r.Context(), f.hold())
		panic(http.ErrAbortHandler) // closes the connection
	case Reset:
		panic(http.ErrAbortHandler)
	case BadGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><body>502 Bad Gateway</body></html>") // nobody is there to be told
	case NoEffect:
		next.ServeHTTP(w, r.WithContext(without(r.Context())))
	case RepeatedPage:
		firstPage(r)
		next.ServeHTTP(w, r)
	case Slow:
		f.after(w, r, next)
	case AnswerLost, AnswerHangs, ErrorAfter, Truncated, Garbage, Empty, OtherBody:
		f.after(w, r.WithContext(unseen(r.Context())), next)
	default:
		switch f.Kind {
		case TooManySeconds, UnavailableLater:
			w.Header().Set("Retry-After", strconv.Itoa(int((f.later()+time.Second-1)/time.Second)))
		case TooManyDate:
			w.Header().Set("Retry-After", time.Now().Add(f.later()).UTC().Format(http.TimeFormat))
		}
		answer(w, statuses[f.Kind], "", string(f.Kind))
	}
}

// after lets the request take effect, and spoils its answer.
func (f Fault) after(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	switch f.Kind {
	case AnswerHangs:
		wait(r.Context(), f.hold())
		panic(http.ErrAbortHandler)
	case AnswerLost:
		panic(http.ErrAbortHandler)
	case ErrorAfter:
		answer(w, http.StatusInternalServerError, "", string(f.Kind))
		return
	case Slow:
		wait(r.Context(), f.hold())
	case Garbage:
		rec.body.Reset()
		rec.body.WriteString("{no json")
	case Empty:
		rec.body.Reset()
	case OtherBody:
		rec.body = *bytes.NewBuffer(another(rec.body.Bytes()))
	}
	for name, values := range rec.header {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	if f.Kind == Truncated {
		w.Header().Set("Content-Length", strconv.Itoa(rec.body.Len()))
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes()[:rec.body.Len()/2]) // the connection is closed, as less came than was announced
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes()) // nobody is there to be told
}

// another is a resource that nobody asked for, in the shape of the one that was.
func another(body []byte) []byte {
	r, err := scim.ParseResource(body, scim.Limits{MaxBytes: maxBody})
	if err != nil || r.ID() == "" {
		return body
	}
	r.SetID("another")
	for _, name := range []string{"userName", "externalId", "displayName"} {
		if _, ok := r.Get(name); ok {
			r.Set(name, scim.String("another"))
		}
	}
	return r.AppendJSON(nil)
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
