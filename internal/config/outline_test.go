// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

func TestOutlined(t *testing.T) {
	t.Parallel()
	o := config.Outlined([]byte(`
store: ${NOT_SET}
sorces: {}
sources: {hr: }
teams: {unit: {each: x}}
apps:
  crm:
    url: ${NOT_SET}
    user: {userName: x, title: y}
  wiki:
    us
`))
	if !slices.Equal(o.Apps, []string{"crm", "wiki"}) || !slices.Equal(o.Sources, []string{"hr"}) || !slices.Equal(o.Teams, []string{"unit"}) {
		t.Errorf("%+v", o)
	}
	if !slices.Equal(o.Attributes["crm"], []string{"userName", "title"}) || len(o.Attributes["wiki"]) != 0 {
		t.Errorf("attributes %v", o.Attributes)
	}
	for _, wrong := range []string{"", "apps", "apps: [a]", "{", "apps: {", "a: *b"} {
		if o := config.Outlined([]byte(wrong)); len(o.Apps) != 0 {
			t.Errorf("%q has apps %v", wrong, o.Apps)
		}
	}
}
