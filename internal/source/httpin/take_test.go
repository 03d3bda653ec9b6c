// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/jsonpath"
)

// TestTake: which of several values counts.
func TestTake(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[{"day":"2026-03-01"}]`: "2026-03-01 2026-03-01",
		`[{"day":"2026-03-01"},{"day":"2025-12-31"},{"day":"2026-02-28"}]`:          "2025-12-31 2026-03-01",
		`[{"day":"2026-03-01"},{"day":null}]`:                                       "2026-03-01 ",
		`[{"day":""},{"day":"2026-03-01"}]`:                                         "2026-03-01 ",
		`[{"day":"2026-03-01"},{}]`:                                                 "2026-03-01 ",
		`[{"day":null}]`:                                                            " ",
		`[{"day":"2026-03-01T23:00:00-05:00"},{"day":"2026-03-02T01:00:00+00:00"}]`: "2026-03-02T01:00:00+00:00 2026-03-01T23:00:00-05:00",
		`[]`:                     "there is no item",
		`null`:                   "there is no item",
		`[{"day":"01/03/2026"}]`: "neither a day",
		`[{"day":"2026-02-30"},{"day":"2026-03-01"}]`: "neither a day",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			v, err := jsonpath.Parse([]byte(`{"jobs":` + text + `}`))
			if err != nil {
				t.Fatal(err)
			}
			p, err := ParsePath("jobs[*].day")
			if err != nil {
				t.Fatal(err)
			}
			first, last := Column{Path: p, Take: TakeEarliest}.of(v), Column{Path: p, Take: TakeLatest}.of(v)
			if got, why := first.text+" "+last.text, first.wrong; why == "" && got != want || why != "" && !strings.Contains(why, want) {
				t.Errorf("%s %s", got, why)
			}
		})
	}
}

// TestTakeOfTheBest: those that are as good count together, and others do not.
func TestTakeOfTheBest(t *testing.T) {
	t.Parallel()
	const now, soon, gone, all = `{"s":"now","day":"2026-03-01"}`, `{"s":"soon","day":"2026-09-01"}`, `{"s":"gone","day":"2020-01-01"}`, `{"s":"now","day":null}`
	for text, want := range map[string]string{
		gone + "," + now + "," + soon: "2026-03-01 2026-09-01",
		gone + "," + soon:             "2026-09-01 2026-09-01",
		gone:                          "2020-01-01 2020-01-01",
		gone + "," + now + "," + all:  "2026-03-01 ",
	} {
		v, err := jsonpath.Parse([]byte(`{"jobs":[` + text + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParsePath("jobs[s=now,soon|*].day")
		if err != nil {
			t.Fatal(err)
		}
		first, last := Column{Path: p, Take: TakeEarliest}.of(v), Column{Path: p, Take: TakeLatest}.of(v)
		if got, why := first.text+" "+last.text, first.wrong; got != want || why != "" {
			t.Errorf("%s: %s %s", text, got, why)
		}
	}
}

// TestKeptUntilItsTurn: of a record that waits, what is read later is what it was.
func TestKeptUntilItsTurn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.OneOf(
			rapid.String().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil), rapid.SliceOf(rapid.MapOf(rapid.String(), rapid.String())).AsAny(),
		)).Draw(t, "record"))
		if err != nil {
			t.Fatal(err)
		}
		was, err := jsonpath.Parse(text)
		if err != nil {
			t.Skip("no such record is read") // an object has a name twice once it is UTF-8
		}
		members, kept := map[string]bool{}, []string{}
		for _, name := range was.Names {
			if rapid.Bool().Draw(t, "kept") {
				members[name], kept = true, append(kept, name)
			}
		}
		is, err := jsonpath.Parse(was.Only(members))
		if err != nil || !slices.Equal(is.Names, kept) {
			t.Fatalf("%q: %v", is.Names, err)
		}
		for _, name := range kept {
			if is.Member(name).String() != was.Member(name).String() {
				t.Errorf("%q is %s", name, is.Member(name).String())
			}
		}
	})
}
