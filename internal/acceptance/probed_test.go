// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/probe"
	"github.com/usher-id/usher/scim/scimtest"
)

// TestStoriesByProbing plays the story of TestStories by profiles that nobody wrote:
// each was found by probing another simulator of the app, of which nothing was known.
func TestStoriesByProbing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStories(t, scimtest.Apps(), func(id string) string {
		quirks, _ := scimtest.QuirksOf(id)
		f := newFake(t, scimtest.Config{Quirks: quirks}, nil)
		r, err := probe.Run(t.Context(), probe.Config{BaseURL: f.base, Token: "a-token-of-the-fake", HTTP: &http.Client{Timeout: 10 * time.Second}, SettleMost: time.Second})
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		file := filepath.Join(dir, id+".json")
		if err := os.WriteFile(file, r.Profile, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	})
	for _, d := range story() {
		s.day(d, 4) // see TestStories
		for _, id := range s.ids {
			s.as(id, d)
		}
		if again := s.apply(4); slices.ContainsFunc(s.ids, func(id string) bool { return again.Apps[id].Requests > 0 }) {
			t.Errorf("%s: once more something is sent: %+v", d.name, again.Apps)
		}
	}
	for _, id := range s.ids {
		for _, r := range s.apps[id].Refusals() {
			t.Errorf("%s: %s", id, r)
		}
	}
}
