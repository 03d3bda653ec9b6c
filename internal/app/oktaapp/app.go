// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"context"
	"errors"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/okta"
)

// convert says what the engine may conclude. A value that is taken is no bad request, and
// a status that does not allow what was asked for no lack of permission: somebody else has
// changed it since it was read, and it is read again.
func convert(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*app.Error](err); ok {
		return e
	}
	e := *app.Classify(app.FromRest(ctx, err))
	switch {
	case okta.IsTaken(err):
		e.Class = app.Conflict
	case okta.IsState(err):
		e.Class = app.Precondition
	case errors.Is(err, okta.ErrReadOnly):
		e.Class = app.Terminal
	}
	return &e
}
