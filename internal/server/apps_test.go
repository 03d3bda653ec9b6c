// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
)

// What the configuration asks of an app that does not have it is a mistake in the
// configuration, and not left undone in silence.
func TestAppOffers(t *testing.T) {
	t.Parallel()
	after := config.Duration(1)
	whole := app.Operations{Create: true, Patch: true, Delete: true}
	for name, tt := range map[string]struct {
		a   config.App
		p   app.Profile
		say string
	}{
		"nothing asked":          {config.App{}, app.Profile{}, ""},
		"all there":              {config.App{Groups: &config.Groups{}, DeleteAfter: &after}, app.Profile{Users: whole, Groups: whole}, ""},
		"no groups":              {config.App{Name: "gh", Groups: &config.Groups{}}, app.Profile{Name: "GitHub", Users: whole}, "app gh: GitHub has no groups that can be written"},
		"no DELETE":              {config.App{Name: "sf", DeleteAfter: &after}, app.Profile{Name: "Salesforce"}, "app sf: Salesforce has no DELETE for accounts"},
		"no grace time":          {config.App{Name: "pd", DeleteAfter: &after}, app.Profile{Name: "PagerDuty", Users: whole, DeactivateLeaves: app.LeavesNothing}, "who leaves is deleted at once"},
		"a DELETE that disables": {config.App{Name: "sl", DeleteAfter: &after}, app.Profile{Name: "Slack", Users: whole, DeleteLeaves: app.LeavesDisabled}, "its DELETE disables them"},
	} {
		err := server.Offers(tt.a, tt.p)
		if tt.say == "" && err != nil || tt.say != "" && (err == nil || !strings.Contains(err.Error(), tt.say)) {
			t.Errorf("%s: %v, want %q", name, err, tt.say)
		}
	}
}
