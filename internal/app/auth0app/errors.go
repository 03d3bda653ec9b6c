// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/scim"
)

// begin names the tenant's requests as the journal names ours, and gives them their time.
func begin(ctx context.Context) (context.Context, func(status int, r *scim.Resource, err error) (app.Answer, error)) {
	return app.Begin(named(ctx))
}

func named(ctx context.Context) context.Context {
	if id := app.RequestID(ctx); id != "" {
		return auth0.WithCorrelation(ctx, id)
	}
	return ctx
}
