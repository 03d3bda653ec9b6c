// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
)

// TestClasses is the table of what may be concluded from an answer.
func TestClasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   error
		class app.Class
	}{
		{&auth0.Error{Status: 401}, app.Unauthorized},
		{&auth0.Error{Status: 403, Code: "insufficient_scope", Message: "expected any of: update:users"}, app.Unauthorized},
		{&auth0.Error{Status: 404}, app.NotFound},
		{&auth0.Error{Status: 409}, app.Conflict},
		{&auth0.Error{Status: 413}, app.TooLarge},
		{&auth0.Error{Status: 429, RetryAfter: time.Minute}, app.Retry},
		{&auth0.Error{Status: 400}, app.Terminal},
		{&auth0.Error{Status: 402}, app.Terminal},
		{&auth0.Error{Status: 405}, app.Terminal},
		{&auth0.Error{Status: 422}, app.Terminal},
		{&auth0.Error{Status: 408}, app.Ambiguous},
		{&auth0.Error{Status: 500}, app.Ambiguous},
		{&auth0.Error{Status: 502}, app.Ambiguous},
		{&auth0.Error{Status: 503}, app.Ambiguous},
		{&auth0.Error{Status: 200, Err: errors.New("cut off")}, app.Ambiguous},
		{&auth0.Error{Status: 301}, app.Ambiguous},
		{&auth0.Error{}, app.Ambiguous},
		{&auth0.Error{Unsent: true}, app.Unreachable},
		{&auth0.Error{Unsent: true, Status: 503}, app.Unreachable},
		{&auth0.Error{Unsent: true, RetryAfter: time.Minute}, app.Retry}, // kept back for the limit
		{&auth0.Error{Unsent: true, Status: 503, RetryAfter: time.Minute}, app.Retry},
		{&auth0.Error{Status: 503, RetryAfter: time.Minute}, app.Ambiguous},
		{&auth0.Error{Unsent: true, Status: 400}, app.Unauthorized}, // the token endpoint does not take us
		{&auth0.Error{Unsent: true, Status: 401}, app.Unauthorized},
		{&auth0.Error{Unsent: true, Status: 429}, app.Retry},
		{context.Canceled, app.Ambiguous},
		{errors.New("anything"), app.Ambiguous},
	} {
		e, ok := errors.AsType[*app.Error](auth0app.Convert(app.WithRequestID(t.Context(), "r1"), tt.err))
		if !ok || e.Class != tt.class {
			t.Errorf("%v: %v, want %v", tt.err, e, tt.class)
		}
		a, ok := errors.AsType[*auth0.Error](tt.err)
		if ok && (e.Status != a.Status || e.RetryAfter != a.RetryAfter || e.RequestID != "r1") {
			t.Errorf("%+v", e)
		}
	}
	if err := auth0app.Convert(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
