// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/cli"
)

// TestProfilesAreToldWhole holds that `usher profiles NAME` leaves out nothing
// that the profile's file says in words or numbers, and stays within a page.
func TestProfilesAreToldWhole(t *testing.T) {
	t.Parallel()
	profiles, err := app.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		var out, errs bytes.Buffer
		if code := cli.Main([]string{"profiles", p.ID}, nil, &out, &errs); code != 0 || errs.Len() > 0 {
			t.Errorf("%s: exit code %d: %s", p.ID, code, errs.String())
			continue
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(line) - 1; n > 100 && !strings.Contains(line, "://") || strings.HasSuffix(line, " \n") {
				t.Errorf("%s: a line of %d: %q", p.ID, n, line)
			}
		}
		page := strings.ToLower(strings.Join(strings.Fields(out.String()), " "))
		doc, err := app.DocumentByID(p.ID)
		if err != nil {
			t.Fatal(err)
		}
		var facts any
		if err := json.Unmarshal(doc, &facts); err != nil {
			t.Fatal(err)
		}
		untold(facts, "", func(path, fact string) {
			if !strings.Contains(page, strings.ToLower(fact)) {
				t.Errorf("%s: %s is not told: %s", p.ID, path, fact)
			}
		})
	}
}

// otherwise are facts that stand in the page as words of its own.
var otherwise = []string{
	".kind", ".auth.type", ".patch.op_case", ".patch.style", ".settle_seconds", ".concurrency", ".pagination",
	// How the words beside them are obeyed.
	".patch.path_filters", ".patch.active_style", ".patch.group_rename_style", ".patch.member_add_style", ".patch.member_remove_style",
	".extensions.schemas", ".extensions.name", ".extensions.description", ".extensions.attributes.type", ".extensions.attributes.mutability", ".extensions.attributes.uniqueness",
	".deactivate.by", ".deactivate.leaves", ".deactivate.delete_leaves",
}

func untold(v any, path string, look func(path, fact string)) {
	if slices.Contains(otherwise, path) {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			untold(inner, path+"."+key, look)
		}
	case []any:
		for _, inner := range v {
			untold(inner, path, look)
		}
	case string:
		look(path, v)
	case float64:
		look(path, fmt.Sprint(v))
	}
}

// A fact that is true or false stands in the page as a sentence.
func TestProfileTellsPartialPut(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{"zoom": true, "generic-scim2": false} {
		var out, errs bytes.Buffer
		if code := cli.Main([]string{"profiles", id}, nil, &out, &errs); code != 0 || strings.Contains(out.String(), "PUT leaves alone what it does not name") != want {
			t.Errorf("%s: exit code %d, told: %v", id, code, !want)
		}
	}
}
