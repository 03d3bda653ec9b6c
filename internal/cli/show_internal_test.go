// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

type profiled struct {
	app.App
	profile app.Profile
}

func (p profiled) Profile() app.Profile { return p.profile }

// Nobody is told a number that the app's list does not prove.
func TestForeignIsAsSureAsTheList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trusted           bool
		foreign, unsought int
		want, say         string
	}{
		{true, 0, 0, "0", ""},
		{true, 3, 0, "3", ""},
		{false, 0, 0, "unknown", ""},
		{false, 3, 0, "3 or more", ""},
		{false, 0, 1, "unknown", "crm: 1 person who left was not looked for"},
		{false, 0, 2, "unknown", "crm: 2 people who left were not looked for"},
	} {
		var out bytes.Buffer
		cmd := &cli{out: &out, targets: map[string]*provision.Target{"crm": {App: profiled{profile: app.Profile{ListTrusted: c.trusted, Users: app.Operations{List: true}}}}}}
		if got := cmd.foreign("crm", c.foreign); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
		cmd.showUnsought(&server.Document{Apps: map[string]*provision.AppReport{"crm": {Unsought: c.unsought}}})
		if got := out.String(); (got == "") != (c.say == "") || !strings.Contains(got, c.say) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
