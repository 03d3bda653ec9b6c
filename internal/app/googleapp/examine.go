// SPDX-License-Identifier: Apache-2.0

package googleapp

import (
	"context"

	"github.com/usher-id/usher/internal/app"
)

var _ app.Examiner = (*App)(nil)

// Examine asks for one user and one group. Users of Google have the same fields in every
// account; what an account has of its own (custom schemas) nothing is mapped to, and none
// of it can be required.
func (a *App) Examine(ctx context.Context, groups bool) (app.Examination, error) {
	askGroups := a.client.AskGroups
	if !groups {
		askGroups = nil
	}
	x, err := a.Ask(ctx, a.client.AskUsers, askGroups,
		"give the administrator for whom the service account acts a role with the privilege for groups; or take groups out of this app")
	if err != nil {
		return x, err
	}
	x.Unsaid = append(x.Unsaid, app.Remark{Text: "custom schemas of the account, into which nothing can be mapped, and lengths, which Google does not tell"})
	return x, nil
}
