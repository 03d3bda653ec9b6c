// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/scim"
)

// FromRest says what the engine may conclude from an error of a client of a maker's API.
func FromRest(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e, ok := errors.AsType[*rest.Error](err)
	if !ok {
		return Classify(err)
	}
	return &Error{
		Class: classOf(e), Status: e.Status, Detail: strings.TrimSpace(e.Code + " " + e.Message),
		RequestID: cmp.Or(e.RequestID, RequestID(ctx)), RetryAfter: e.RetryAfter, Err: e.Err,
	}
}

// classOf is the one table between what such an API answers and the engine's classes.
// Its "not found" counts only in its own words: a gateway in between knows of no user.
// A refusal is a 4xx (RFC 9110 §15.5), but for those that say that the API did not
// get to it; one behind which nothing was sent is the token endpoint's, and of us.
func classOf(e *rest.Error) Class {
	if e.Busy {
		return Retry
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return Unauthorized
	case http.StatusTooManyRequests, http.StatusTooEarly:
		return Retry
	case http.StatusRequestTimeout:
		return unless(e, Ambiguous)
	case http.StatusNotFound:
		if rest.IsNotFound(e) {
			return NotFound
		}
		return unless(e, Ambiguous)
	case http.StatusConflict:
		return Conflict
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	}
	switch refused := e.Status >= 400 && e.Status < 500; {
	case refused && e.Unsent:
		return Unauthorized
	case refused:
		return Terminal
	}
	return unless(e, Ambiguous)
}

// unless is the class of a request of which nothing may have been sent. One that was kept
// back for a time that is known, as for the limit to be reset, may be sent after it.
func unless(e *rest.Error, c Class) Class {
	switch {
	case e.Unsent && e.RetryAfter > 0:
		return Retry
	case e.Unsent:
		return Unreachable
	}
	return c
}

// Refuse is an error about a call that was never sent.
func Refuse(class Class, format string, args ...any) error {
	return &Error{Class: class, Err: fmt.Errorf(format, args...)}
}

// NoToken says what the engine may conclude when there is no credential to send a request
// with. What the one says who gives tokens is no status of the app's: by 403 it would be of
// one person, and by 404 of an address.
func NoToken(e *rest.Error) error {
	out := Error{Class: classOf(e), RetryAfter: e.RetryAfter, Err: e.Err}
	switch {
	case errors.Is(e, httpauth.ErrUnusable):
		out.Class = Unauthorized
	case httpauth.Nowhere(e):
		out.Class = Unreachable
	}
	return &out
}

// Wrap says what was being done. The class stays.
func Wrap(err error, doing string) error {
	e := *Classify(err)
	e.Detail = strings.TrimSuffix(doing+": "+e.Detail, ": ")
	return &e
}

// Alone makes a refusal that of one person, who is set aside with it. Its status goes
// into its words: by 403 the engine counts what the app forbids, and stops for everybody
// when that is all that it says.
func Alone(e Error) error {
	e.Detail = strings.TrimPrefix(fmt.Sprintf("%s (status %d)", e.Detail, e.Status), " ")
	e.Class, e.Status = Terminal, 0
	return &e
}

// Half is a failure behind the first of several requests that all may be sent again, and
// are. What was or was not done of it is no matter; a permission that is lacking is this
// request's, and no reason to stop what needs none. Some say by 403 that they were asked too
// often: that is nobody's refusal, and passes.
func Half(ctx context.Context, err error, what string) error {
	e := *Classify(Wrap(FromRest(ctx, err), what))
	switch {
	case e.Status == http.StatusForbidden && e.Class != Retry: // by which some also say that it is too much
		return Alone(e)
	case e.Class == Ambiguous, e.Class == Unreachable:
		e.Class = Retry
	}
	return &e
}

// patience is how long a call may last, waits for the app's limit included. Whoever
// waits for longer holds up a stop; the engine keeps the time until the limit is reset.
const patience = time.Minute

// Begin gives a call its time. end says what came of it, status being what a success is
// answered with; it is called once.
func Begin(ctx context.Context) (_ context.Context, end func(status int, r *scim.Resource, err error) (Answer, error)) {
	began := time.Now()
	ctx, done := context.WithTimeout(ctx, patience)
	return ctx, func(status int, r *scim.Resource, err error) (Answer, error) {
		done()
		ans := Answer{RequestID: RequestID(ctx), Status: status, Elapsed: time.Since(began)}
		if err != nil {
			e := Classify(FromRest(ctx, err))
			ans.Status = e.Status
			return ans, e
		}
		ans.Resource = r
		return ans, nil
	}
}
