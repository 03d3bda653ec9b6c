// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/rest"
)

// TestClasses is the table of what may be concluded from an answer.
func TestClasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   error
		class app.Class
	}{
		{&rest.Error{Status: 401}, app.Unauthorized},
		{&rest.Error{Status: 403, Code: "insufficient_scope", Message: "expected any of: update:users"}, app.Unauthorized},
		{&rest.Error{Status: 404}, app.NotFound},
		{&rest.Error{Status: 409}, app.Conflict},
		{&rest.Error{Status: 413}, app.TooLarge},
		{&rest.Error{Status: 429, RetryAfter: time.Minute}, app.Retry},
		{&rest.Error{Status: 400}, app.Terminal},
		{&rest.Error{Status: 402}, app.Terminal},
		{&rest.Error{Status: 405}, app.Terminal},
		{&rest.Error{Status: 422}, app.Terminal},
		{&rest.Error{Status: 408}, app.Ambiguous},
		{&rest.Error{Status: 500}, app.Ambiguous},
		{&rest.Error{Status: 502}, app.Ambiguous},
		{&rest.Error{Status: 503}, app.Ambiguous},
		{&rest.Error{Status: 200, Err: errors.New("cut off")}, app.Ambiguous},
		{&rest.Error{Status: 301}, app.Ambiguous},
		{&rest.Error{}, app.Ambiguous},
		{&rest.Error{Unsent: true}, app.Unreachable},
		{&rest.Error{Unsent: true, Status: 503}, app.Unreachable},
		{&rest.Error{Unsent: true, RetryAfter: time.Minute}, app.Retry}, // kept back for the limit
		{&rest.Error{Unsent: true, Status: 503, RetryAfter: time.Minute}, app.Retry},
		{&rest.Error{Status: 503, RetryAfter: time.Minute}, app.Ambiguous},
		{&rest.Error{Unsent: true, Status: 400}, app.Unauthorized}, // the token endpoint does not take us
		{&rest.Error{Unsent: true, Status: 401}, app.Unauthorized},
		{&rest.Error{Unsent: true, Status: 429}, app.Retry},
		{context.Canceled, app.Ambiguous},
		{errors.New("anything"), app.Ambiguous},
	} {
		e, ok := errors.AsType[*app.Error](app.FromRest(app.WithRequestID(t.Context(), "r1"), tt.err))
		if !ok || e.Class != tt.class {
			t.Errorf("%v: %v, want %v", tt.err, e, tt.class)
		}
		a, ok := errors.AsType[*rest.Error](tt.err)
		if ok && (e.Status != a.Status || e.RetryAfter != a.RetryAfter || e.RequestID != "r1") {
			t.Errorf("%+v", e)
		}
	}
	if err := app.FromRest(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
