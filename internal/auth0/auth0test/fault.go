// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"net/http"
	"strconv"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// What only this fake does.
const (
	Gone Kind = "410" // before: of GET /events, an offset that is forgotten

	// Of POST /jobs/users-exports: the job is made, and comes to nothing good.
	ExportFailed Kind = "job fails"
	ExportStuck  Kind = "job stays pending"
	ExportEmpty  Kind = "export without a line"
	ExportShort  Kind = "export without its second half" // and in order otherwise
	ExportTorn   Kind = "export that ends within a line" // of a file whose answer is complete
)

// refuseBy answers with an error, in the shape of the endpoint.
func refuseBy(f Fault, w http.ResponseWriter, c *call) {
	no := refusalOf(f)
	no.oauth = c.route.path == "/oauth/token"
	no.write(w)
}

func refusalOf(f Fault) *refusal {
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
func serve(f Fault, w http.ResponseWriter, c *call) {
	c.by.Cause = f.Cause()
	switch f.Kind {
	case ExportFailed, ExportStuck, ExportEmpty, ExportShort, ExportTorn:
		c.run(w)
		return
	case TooMany:
		tooMany(f, w, c)
		return
	case AnswerLost, AnswerHangs, ErrorAfter, BusyAfter, Truncated, Garbage, Slow:
		if c.route.path == "/events" {
			spoilStream(f, w, c)
			return
		}
	}
	f.Serve(w, c.r, c.run, func(w http.ResponseWriter) { refuseBy(f, w, c) })
}

func tooMany(f Fault, w http.ResponseWriter, c *call) {
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

// spoilStream lets a stream of events begin late, or cuts it.
func spoilStream(f Fault, w http.ResponseWriter, c *call) {
	if f.Kind == Slow {
		fake.Wait(c.r.Context(), f.Holds())
		c.run(w)
		return
	}
	c.run(&cutter{w, f.Bytes})
}

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
