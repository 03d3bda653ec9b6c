// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/scim/scimclient"
)

func (a *App) endpoint(kind app.Kind) (string, error) {
	if endpoint := a.profile.Endpoint(kind); endpoint != "" {
		return endpoint, nil
	}
	return "", refuse(app.Terminal, fmt.Errorf("the kind %q has no endpoint", kind))
}

// lacks is an error about a request that the app does not offer.
func (a *App) lacks(method string, kind app.Kind, instead string) error {
	return refuse(app.Terminal, fmt.Errorf("%s has no %s for %ss: %s", a.profile.Name, method, strings.ToLower(string(kind)), instead))
}

// refuse is an error about a call that was never sent.
func refuse(class app.Class, err error) error {
	return &app.Error{Class: class, Err: err}
}

// outcome turns the client's answer and error into the engine's.
func outcome(answer scimclient.Answer, err error) (app.Answer, error) {
	return app.Answer{
		RequestID: answer.RequestID, Status: answer.Status,
		Resource: answer.Resource, Elapsed: answer.Elapsed,
	}, convert(err)
}

// convert keeps the client's findings; what it did not classify is ambiguous.
func convert(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*scimclient.Error](err)
	if !ok {
		return app.Classify(err)
	}
	if none, ok := errors.AsType[*rest.Error](e.Err); ok {
		return app.NoToken(none)
	}
	return &app.Error{
		Class: classOf(e.Class), Status: e.Status, ScimType: e.ScimType, Detail: e.Detail,
		RequestID: e.RequestID, RetryAfter: e.RetryAfter, Err: e.Err,
	}
}

// classOf is the one table between the client's classes and the engine's.
func classOf(c scimclient.Class) app.Class {
	switch c {
	case scimclient.Retry:
		return app.Retry
	case scimclient.Terminal:
		return app.Terminal
	case scimclient.Unauthorized:
		return app.Unauthorized
	case scimclient.NotFound:
		return app.NotFound
	case scimclient.Conflict:
		return app.Conflict
	case scimclient.Precondition:
		return app.Precondition
	case scimclient.TooLarge:
		return app.TooLarge
	case scimclient.Unreachable:
		return app.Unreachable
	}
	return app.Ambiguous
}

// named hands the engine's name for the request on to the client.
func named(ctx context.Context) context.Context {
	if id := app.RequestID(ctx); id != "" {
		return scimclient.WithRequestID(ctx, id)
	}
	return ctx
}
