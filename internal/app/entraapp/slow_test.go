// SPDX-License-Identifier: Apache-2.0

package entraapp_test

import (
	"context"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/scim"
)

// slow reads as the engine does: when the profile's settle time is over, and not before.
type slow struct{ *entraapp.App }

func (s slow) Get(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	time.Sleep(s.Profile().Settle)
	return s.App.Get(ctx, kind, id)
}

func (s slow) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change, want *scim.Resource) (app.Answer, error) {
	time.Sleep(time.Second) // of a backoff
	return s.App.Patch(ctx, kind, id, changes, want)
}
