// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/directory"
)

func (h *house) named(id, want string) {
	h.t.Helper()
	if got := h.person(id).UserName(); got != want {
		h.t.Errorf("%s is named %q, want %q", id, got, want)
	}
}

func wish(name string) row { return ada.with(row{userName: name}) }

func TestNamesakesAreNumberedInTheOrderOfKeys(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("30", wish("ada@acme.example")), h.says("10", wish("ada@acme.example")), h.says("20", wish("Ada@acme.example")))
	h.named("10", "ada@acme.example")
	h.named("20", "Ada2@acme.example") // a name is taken in whatever case it is written
	h.named("30", "ada3@acme.example")
	h.accept(h.says("05", wish("ada@acme.example"))) // later, whatever the key
	h.named("05", "ada4@acme.example")
	h.named("10", "ada@acme.example")
}

func TestNamesAreKeptForEver(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", wish("ada@acme.example")))
	// married
	h.accept(h.says("1", wish("ada.lovelace@acme.example").with(row{familyName: "Lovelace"})))
	h.named("1", "ada@acme.example")
	// no wish at all
	h.accept(h.says("1", wish("")))
	h.named("1", "ada@acme.example")
	// gone, and a namesake comes
	h.accept(h.says("1", wish("").with(row{endDate: day(-1)})))
	h.settle()
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.accept(h.says("2", wish("ada@acme.example")))
	h.named("2", "ada2@acme.example")
	// the name that was wished for and not given is free
	h.accept(h.says("3", wish("ada.lovelace@acme.example")))
	h.named("3", "ada.lovelace@acme.example")
	// hired again
	h.accept(h.says("1", wish("someone@acme.example").with(row{startDate: day(0)})))
	h.named("1", "ada@acme.example")
}

func TestANumberedWishIsANameLikeAnyOther(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", wish("ada2@acme.example")), h.says("2", wish("ada@acme.example")), h.says("3", wish("ada@acme.example")))
	h.named("1", "ada2@acme.example")
	h.named("2", "ada@acme.example")
	h.named("3", "ada3@acme.example")
}

func TestNoWishNoName(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", wish("")), h.says("2", wish("")))
	h.named("1", "")
	h.named("2", "")
	h.accept(h.says("2", wish("late@acme.example")))
	h.named("2", "late@acme.example")
}

func TestLongNamesStayWithinTheLimit(t *testing.T) {
	t.Parallel()
	h := setup(t)
	long := strings.Repeat("a", 70) + "@acme.example"
	h.accept(h.says("1", wish(long)), h.says("2", wish(long)), h.says("3", wish(strings.Repeat("a", 64)+"@acme.example")))
	h.named("1", strings.Repeat("a", 64)+"@acme.example")
	h.named("2", strings.Repeat("a", 63)+"2@acme.example")
	h.named("3", strings.Repeat("a", 63)+"3@acme.example")
}

// TestNamesProperty: whatever is wished for, in however many chunks, no two
// people share a name, nobody's name ever changes, and no part before the @
// is longer than 64 characters.
func TestNamesProperty(t *testing.T) {
	t.Parallel()
	h := setup(t)
	given := map[string]string{} // by person
	taken := map[string]string{} // by canonical name
	wishes := []string{"", "a@x", "A@x", "a2@x", "a3@x", "b@x", strings.Repeat("c", 64) + "@x", strings.Repeat("c", 65) + "@x", strings.Repeat("c", 63) + "2@x"}
	rapid.Check(t, func(rt *rapid.T) {
		var chunk []directory.Statement
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9]{2}`), 1, 10, rapid.ID[string]).Draw(rt, "ids")
		for _, id := range ids {
			chunk = append(chunk, h.says(id, wish(rapid.SampledFrom(wishes).Draw(rt, "wish"))))
		}
		h.accept(chunk...)
		for _, id := range ids {
			name := h.person(id).UserName()
			if had := given[id]; had != "" && had != name {
				rt.Fatalf("%s was %q and is now %q", id, had, name)
			}
			if name == "" {
				continue
			}
			given[id] = name
			canonical := strings.ToLower(name)
			if owner := taken[canonical]; owner != "" && owner != id {
				rt.Fatalf("%q belongs to %s and to %s", name, owner, id)
			}
			taken[canonical] = id
			if local, _, _ := strings.Cut(name, "@"); len(local) > 64 {
				rt.Fatalf("%q is too long", name)
			}
		}
	})
}
