// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// document prints the one JSON document of a command.
func (c *cli) document(v any) error {
	err := json.MarshalWrite(c.out, v, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("output: %w", err)
	}
	_, err = fmt.Fprintln(c.out)
	return err
}

// table aligns rows of tab-separated cells.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table {
	return &table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)}
}

func (t *table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = printable(fmt.Sprint(c))
	}
	fmt.Fprintln(t.w, strings.Join(texts, "\t"))
}

func (t *table) flush() error { return t.w.Flush() }

// printable keeps what sources and apps say from moving the cursor, changing
// colours or breaking a table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r == 0x061c,
			r >= 0x200e && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, s)
}

// aliased writes a path as the configuration does: enterprise.department
// instead of the schema's URN.
func aliased(path string) string {
	for name, urn := range scim.CoreSchemas().Aliases() {
		if rest, ok := strings.CutPrefix(path, urn+":"); ok {
			return name + "." + rest
		}
	}
	return path
}

func aliases(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = aliased(p)
	}
	return out
}

// inWords puts an app's failure, as the journal has it, into words for
// somebody who has never read the engine's.
func inWords(detail string) string {
	rest, ok := strings.CutPrefix(detail, "app: ")
	if !ok {
		return detail
	}
	class, rest, _ := strings.Cut(rest, ": ")
	words := map[string]string{
		app.Unauthorized.String(): "the app does not accept our token",
		app.Unreachable.String():  "the app cannot be reached",
		app.Retry.String():        "the app cannot answer now",
		app.Ambiguous.String():    "the answer was lost or makes no sense, so it may have happened",
		app.Terminal.String():     "the app refuses it",
		app.NotFound.String():     "the app does not have it",
		app.Conflict.String():     "the app says that the name is taken, or that its state forbids it",
		app.Precondition.String(): "it was changed at the app meanwhile, or is not done there yet",
		app.TooLarge.String():     "the request is too large for the app",
	}[class]
	switch {
	case class == app.Unauthorized.String() && rest != "" && !strings.HasPrefix(rest, "status "): // known before it was asked
		return rest
	case words == "":
		return detail
	case rest == "":
		return words
	}
	return words + " (" + rest + ")"
}

// plural is "1 person", "2 people".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
