// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandHelps walks all commands, those of completion too: each answers --help,
// needs nothing for it, and shows an example whose commands and flags there are.
func TestEveryCommandHelps(t *testing.T) {
	t.Parallel()
	fresh := func() *cobra.Command {
		c := &cli{in: strings.NewReader(""), out: io.Discard, err: io.Discard, lookup: os.LookupEnv}
		return c.root()
	}
	n := 0
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		n++
		name := "usher " + strings.Join(path, " ")
		var out, errs strings.Builder
		if code := Main(append(append([]string{}, path...), "--help"), strings.NewReader(""), &out, &errs); code != exitDone || errs.Len() > 0 {
			t.Errorf("%s --help: %d, %s", name, code, errs.String())
		}
		_, examples, there := strings.Cut(out.String(), "Examples:\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		if !there || !strings.Contains(examples, "usher") || cmd.Short == "" {
			t.Errorf("%s --help shows no example:\n%s", name, out.String())
		}
		for line := range strings.Lines(examples) {
			for _, part := range strings.FieldsFunc(strings.ReplaceAll(line, "&&", ";"), func(r rune) bool { return r == '|' || r == '(' || r == ')' || r == '#' || r == '>' || r == ';' }) {
				exampleIs(t, fresh(), name, strings.Fields(part))
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub, append(append([]string{}, path...), sub.Name()))
		}
	}
	walk(fresh(), nil)
	if n < 25 {
		t.Errorf("%d commands", n)
	}
}

// exampleIs holds that the words of an example, if usher is among them, are a command with
// the flags that it has.
func exampleIs(t *testing.T, root *cobra.Command, of string, words []string) {
	t.Helper()
	for len(words) > 0 && strings.Contains(words[0], "=") { // of the environment
		words = words[1:]
	}
	if len(words) == 0 || words[0] != "usher" {
		return
	}
	cmd, rest, err := root.Find(words[1:])
	if err != nil {
		t.Errorf("%s: %q: %v", of, words, err)
		return
	}
	if cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && rest[0] != strings.ToUpper(rest[0]) { // of which Find says nothing where a command has Args of its own; NAME stands for any
		t.Errorf("%s: %q: %s has no command %s", of, words, cmd.CommandPath(), rest[0])
	}
	for _, w := range rest {
		name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		switch {
		case !strings.HasPrefix(w, "-"), name == "":
		case strings.HasPrefix(w, "--"):
			if cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s: %q: %s has no flag %s", of, words, cmd.CommandPath(), w)
			}
		case cmd.Flags().ShorthandLookup(name[:1]) == nil && cmd.InheritedFlags().ShorthandLookup(name[:1]) == nil:
			t.Errorf("%s: %q: %s has no flag %s", of, words, cmd.CommandPath(), w)
		}
	}
}
