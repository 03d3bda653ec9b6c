// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
)

func (c *cli) profilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles [NAME]",
		Short: "Say which kinds of app are known, and how each differs from plain SCIM 2.0",
		Long: "Lists the app profiles that are built in: what each app speaks, and what becomes there of somebody who leaves.\n" +
			"With NAME it tells one of them: how to reach the app, what it accepts and refuses, its limits, what of that is\n" +
			"not verified, and where it was read. An app of the configuration names its profile by the key profile.",
		Example: "  usher profiles\n  usher profiles pagerduty\n  usher profiles pagerduty --json",
		Args:    arguments(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			profiles, err := app.Profiles()
			if len(args) > 0 || err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var out []string
			for _, p := range profiles {
				out = append(out, cobra.CompletionWithDesc(p.ID, p.Name))
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			profiles, err := app.Profiles()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if profiles, err = namedProfile(profiles, args[0]); err != nil {
					return err
				}
			}
			switch {
			case c.json:
				return c.profileDocuments(profiles)
			case len(args) == 1:
				return c.profile(profiles[0])
			}
			return c.profiles(profiles)
		},
	}
}

// namedProfile is the one of this name, or a mistake that says which are near.
func namedProfile(profiles []app.Profile, name string) ([]app.Profile, error) {
	var ids, near []string
	for _, p := range profiles {
		if p.ID == name {
			return []app.Profile{p}, nil
		}
		ids = append(ids, p.ID)
		if word := strings.ToLower(strings.TrimSpace(name)); word != "" && strings.Contains(strings.ToLower(p.ID+" "+p.Name), word) {
			near = append(near, p.ID)
		}
	}
	if k := config.Nearest(name, ids); k != "" && !slices.Contains(near, k) {
		near = append(near, k)
	}
	hint := "usher profiles lists them; generic-scim2 is plain SCIM 2.0"
	if len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return nil, usageError{fmt.Errorf("there is no profile %q; %s", name, hint)}
}

// profileDocuments prints the profiles as their files have them.
func (c *cli) profileDocuments(profiles []app.Profile) error {
	docs := []jsontext.Value{}
	for _, p := range profiles {
		doc, err := app.DocumentByID(p.ID)
		if err != nil {
			return err
		}
		docs = append(docs, doc)
	}
	return c.document(docs)
}

// inParentheses is what a table has no room for.
var inParentheses = regexp.MustCompile(` \([^)]*\)`)

func (c *cli) profiles(profiles []app.Profile) error {
	t := newTable(c.out)
	t.row("PROFILE", "APP", "SPEAKS", "VERIFIED", "WHO LEAVES IS")
	for _, p := range profiles {
		verified := "yes"
		if !p.Verified {
			verified = "no"
		}
		leaver := becomes(p)
		if !p.Reversible && !p.Doubts("deactivate") {
			leaver += " for good"
		}
		t.row(p.ID, inParentheses.ReplaceAllString(p.Name, ""), speaks(p), verified, leaver)
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "%s; usher profiles NAME tells one. Verified: from documentation that was read, not tried on a live tenant.\n",
		plural(len(profiles), "profile", "profiles"))
	return err
}

func speaks(p app.Profile) string {
	if p.Kind == "scim2" {
		return "SCIM 2.0"
	}
	return "own API"
}

// becomes is what somebody who leaves is made there, as a participle; what is
// gone after it stands out.
func becomes(p app.Profile) string {
	if p.Leaver == "" {
		return "disabled"
	}
	return strings.ReplaceAll(p.Leaver, "deleted", "DELETED")
}

// leaves says what becomes of whoever leaves, and whether there is a way back.
func leaves(p app.Profile) string {
	s := "is " + becomes(p) + " there"
	switch {
	case strings.HasPrefix(p.Leaver, "NOT SHUT OUT"): // nothing is there to be undone
		return s
	case p.Reversible && p.Doubts("deactivate"):
		return s + ", which can be undone, but neither is verified"
	case p.Reversible:
		return s + ", which can be undone"
	case p.Doubts("deactivate"):
		return s + ", but that is not verified, nor known whether it can be undone"
	}
	return s + ", which cannot be undone"
}

// showLeavers says what will become of whoever leaves: before an app's first
// writes, and wherever a plan takes people out for good.
func (c *cli) showLeavers(doc *server.Document, planned bool) {
	first := true
	for _, name := range slices.Sorted(maps.Keys(doc.Apps)) {
		a, t := doc.Apps[name], c.targets[name]
		if t == nil {
			continue
		}
		p := t.App.Profile()
		if !a.FirstRun && !(planned && a.Disable+a.Delete > 0 && !p.Reversible) {
			continue
		}
		if first {
			fmt.Fprintln(c.out)
			first = false
		}
		if t.Source != "" {
			fmt.Fprintf(c.out, "%s: records of source %s, which are changed, and never made or ended; that of whoever leaves is left as it is\n", name, t.Source)
			continue
		}
		after := ""
		if t.DeleteAfter != nil && p.Reversible {
			after = "; DELETE follows after " + config.Duration(*t.DeleteAfter).String()
		}
		fmt.Fprintf(c.out, "%s: whoever leaves %s%s (profile %s)\n", name, leaves(p), after, p.ID)
	}
}
