// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/scim"
)

// convert says what the engine may conclude from an error of the client.
func convert(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*app.Error](err); ok {
		return e
	}
	e, ok := errors.AsType[*auth0.Error](err)
	if !ok {
		return app.Classify(err)
	}
	return &app.Error{
		Class: classOf(e), Status: e.Status, Detail: strings.TrimSpace(e.Code + " " + e.Message),
		RequestID: cmp.Or(e.RequestID, app.RequestID(ctx)), RetryAfter: e.RetryAfter, Err: e.Err,
	}
}

// classOf is the one table between what the tenant answers and the engine's classes.
// Its "not found" counts only in its own words: a gateway in between knows of no user.
// A refusal is a 4xx (RFC 9110 §15.5), but for those that say that the tenant did not
// get to it; one behind which nothing was sent is the token endpoint's, and of us.
func classOf(e *auth0.Error) app.Class {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return app.Unauthorized
	case http.StatusTooManyRequests, http.StatusTooEarly:
		return app.Retry
	case http.StatusRequestTimeout:
		return unless(e, app.Ambiguous)
	case http.StatusNotFound:
		if auth0.IsNotFound(e) {
			return app.NotFound
		}
		return unless(e, app.Ambiguous)
	case http.StatusConflict:
		return app.Conflict
	case http.StatusRequestEntityTooLarge:
		return app.TooLarge
	}
	switch refused := e.Status >= 400 && e.Status < 500; {
	case refused && e.Unsent:
		return app.Unauthorized
	case refused:
		return app.Terminal
	}
	return unless(e, app.Ambiguous)
}

// unless is the class of a request of which nothing may have been sent. One that was kept
// back for a time that is known, as for the limit to be reset, may be sent after it.
func unless(e *auth0.Error, c app.Class) app.Class {
	switch {
	case e.Unsent && e.RetryAfter > 0:
		return app.Retry
	case e.Unsent:
		return app.Unreachable
	}
	return c
}

// refuse is an error about a call that was never sent.
func refuse(class app.Class, format string, args ...any) error {
	return &app.Error{Class: class, Err: fmt.Errorf(format, args...)}
}

// wrap says what was being done. The class stays.
func wrap(err error, doing string) error {
	e := *app.Classify(err)
	e.Detail = strings.TrimSuffix(doing+": "+e.Detail, ": ")
	return &e
}

// alone makes a refusal that of one person, who is set aside with it. Its status goes
// into its words: by 403 the engine counts what the app forbids, and stops for everybody
// when that is all that it says.
func alone(e app.Error) error {
	e.Detail = strings.TrimPrefix(fmt.Sprintf("%s (status %d)", e.Detail, e.Status), " ")
	e.Class, e.Status = app.Terminal, 0
	return &e
}

// patience is how long a call may last, waits for the tenant's limit included. Whoever
// waits for longer holds up a stop; the engine keeps the time until the limit is reset.
const patience = time.Minute

// begin names the tenant's requests as the journal names ours, and gives them their
// time. end says what came of them, status being what a success is answered with; it is
// called once.
func begin(ctx context.Context) (_ context.Context, end func(status int, r *scim.Resource, err error) (app.Answer, error)) {
	began := time.Now()
	ctx, done := context.WithTimeout(named(ctx), patience)
	return ctx, func(status int, r *scim.Resource, err error) (app.Answer, error) {
		done()
		ans := app.Answer{RequestID: app.RequestID(ctx), Status: status, Elapsed: time.Since(began)}
		if err != nil {
			e := app.Classify(convert(ctx, err))
			ans.Status = e.Status
			return ans, e
		}
		ans.Resource = r
		return ans, nil
	}
}

func named(ctx context.Context) context.Context {
	if id := app.RequestID(ctx); id != "" {
		return auth0.WithCorrelation(ctx, id)
	}
	return ctx
}
