// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/server"
)

// liveFlags say what of the world a configuration is held against.
type liveFlags struct {
	live        bool
	app, person string
	people      bool
}

// values reports whether people's values are compared, too.
func (f liveFlags) values() bool { return f.people || f.person != "" }

func (c *cli) checkCommand() *cobra.Command {
	var f liveFlags
	cmd := c.withFile(&cobra.Command{
		Use:   "check",
		Short: "Check the configuration: syntax, and the type of every expression",
		Long: "Checks the configuration without reading a source or asking an app. Every mistake is reported with file, line\n" +
			"and column, all at once; exit code 2 if there is one. Of the store it asks whether the sealed secrets that are\n" +
			"used are set, if any are, and how old they are; what is missing, and what runs out within 30 days, is told, and\n" +
			"is no mistake of the file.\n\n" +
			"With --live it asks each app whether the credential is good, and what it takes (of SCIM apps ServiceProviderConfig,\n" +
			"Schemas and ResourceTypes, of others what their APIs tell), and compares that, and what the app's profile knows,\n" +
			"with what is mapped: what the app requires and nobody gives, what it does not have or does not let be written,\n" +
			"types, listed values, lengths. What cannot be compared is said. With --person, or --people for everybody, it\n" +
			"compares values as well. It sends nothing that writes. Exit code 1 if there is an error; warnings and notes\n" +
			"leave it 0.",
		Example: "  usher check -c usher.yaml\n  usher check -c usher.yaml --live\n  usher check -c usher.yaml --live --app slack --person ada.brandt@acme.example",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.sound(); err != nil {
				return err
			}
			b, err := c.build(cmd.Context())
			if err != nil {
				return err
			}
			if f.app != "" {
				if err := c.known(b, f.app); err != nil {
					return err
				}
			}
			missing, err := b.MissingSecrets(cmd.Context())
			if err != nil {
				return err
			}
			expiring, err := b.Expiring(cmd.Context())
			if err != nil {
				return err
			}
			k := known{missing, expiring}
			if f.live {
				return c.checkLive(cmd.Context(), b, f, k)
			}
			if c.json {
				return c.document(checkDocument(b, k))
			}
			return c.sound(b, k)
		},
	})
	cmd.Flags().BoolVar(&f.live, "live", false, "ask the apps what they take, and compare; writes nothing")
	cmd.Flags().StringVar(&f.app, "app", "", "with --live, this `APP` only")
	cmd.Flags().StringVar(&f.person, "person", "", "with --live, also the values of this `PERSON`: user name, key of a record, or id")
	cmd.Flags().BoolVar(&f.people, "people", false, "with --live, also everybody's values")
	complete(cmd, "app", c.apps)
	complete(cmd, "person", cobra.NoFileCompletions)
	return cmd
}

// sound refuses flags that mean nothing together.
func (f liveFlags) sound() error {
	switch {
	case !f.live && (f.app != "" || f.values()):
		return usageError{errors.New("--app, --person and --people go with --live")}
	case f.person != "" && f.people:
		return usageError{errors.New("--people is everybody: leave out --person, or --people")}
	}
	return nil
}

// known is what is known of credentials without asking anybody.
type known struct {
	missing  []string
	expiring []server.Expiry
}

// checkDocument is what a configuration holds, for machines.
func checkDocument(b *server.Built, k known) map[string]any {
	return map[string]any{
		"missing_secrets": append([]string{}, k.missing...), "expiring": append([]server.Expiry{}, k.expiring...),
		"file": b.Config.File, "sources": len(b.SourceNames()), "teams": len(b.Rules), "apps": len(b.Targets),
		"experimental": experimental(b),
	}
}

// sound says what a configuration holds that has no mistake.
func (c *cli) sound(b *server.Built, k known) error {
	_, err := fmt.Fprintf(c.out, "%s is sound: %s, %s, %s\n", b.Config.File, plural(len(b.SourceNames()), "source", "sources"),
		plural(len(b.Rules), "team rule", "team rules"), plural(len(b.Targets), "app", "apps"))
	for _, m := range k.missing {
		_, err = fmt.Fprintln(c.out, printable(m))
	}
	for _, e := range k.expiring {
		_, err = fmt.Fprintln(c.out, printable(e.String()))
	}
	for _, s := range b.Pushed {
		if len(s.Experimental) > 0 {
			_, err = fmt.Fprintf(c.out, "source %s uses what is experimental, and may change or go with any version: %s\n", s.Name, strings.Join(s.Experimental, ", "))
		}
	}
	return err
}

// checkLive holds the configuration against the world.
func (c *cli) checkLive(ctx context.Context, b *server.Built, f liveFlags, k known) error {
	found, err := c.liveFindings(ctx, b, f)
	if err != nil {
		return err
	}
	if c.json {
		doc := checkDocument(b, k)
		doc["findings"] = findingRows(found)
		err = c.document(doc)
	} else {
		err = errors.Join(c.sound(b, k), c.findings(found))
	}
	for _, one := range found {
		if err == nil && one.Level == server.FindingError {
			return codeError(exitFailed)
		}
	}
	return err
}

// liveFindings asks whoever there is to ask.
func (c *cli) liveFindings(ctx context.Context, b *server.Built, f liveFlags) (found []server.Finding, err error) {
	u, err := c.openLive(ctx, b, f)
	if err != nil {
		return nil, err
	}
	if u != nil {
		defer func() { err = errors.Join(err, u.Close()) }()
		c.noted(u.UnfinishedRotations(ctx)) // or a refusal looks as if somebody had set a wrong value
	}
	if f.values() {
		found, err = u.CheckPeople(ctx, f.app, f.person)
	} else {
		found = b.CheckApps(ctx, f.app)
	}
	return bySubject(slices.Concat(found, b.CheckTenants(ctx, f.app))), err
}

// bySubject puts together what is about the same, in the order of its first mention.
func bySubject(found []server.Finding) []server.Finding {
	order := map[string]int{}
	for _, f := range found {
		if _, seen := order[f.Subject]; !seen {
			order[f.Subject] = len(order)
		}
	}
	slices.SortStableFunc(found, func(a, b server.Finding) int { return cmp.Compare(order[a.Subject], order[b.Subject]) })
	return found
}

// openLive opens the store, for sealed secrets and people; nil if there is none yet.
func (c *cli) openLive(ctx context.Context, b *server.Built, f liveFlags) (*server.Usher, error) {
	u, err := b.OpenRead(ctx)
	switch {
	case errors.Is(err, os.ErrNotExist) && f.values():
		return nil, fmt.Errorf("nobody is known yet: there is no store %s; without --person and --people the mapping is compared", b.Config.StoreRedacted())
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := u.Unseal(ctx); err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return u, nil
}

// findings prints what was found, under whom it is about.
func (c *cli) findings(found []server.Finding) error {
	counts, about := map[string]int{}, ""
	for _, f := range found {
		counts[f.Level]++
		if f.Subject != about {
			about = f.Subject
			fmt.Fprintf(c.out, "\n%s\n", printable(about))
		}
		where := ""
		if p := f.Pos.String(); p != "" && f.Level != server.FindingOK {
			where = p + ": "
		}
		fmt.Fprintf(c.out, "  %s%s: %s\n", printable(where), f.Level, printable(f.Text))
		if f.Fix != "" {
			fmt.Fprintf(c.out, "    %s\n", printable(f.Fix))
		}
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(c.out, "there is nothing to ask")
		return err
	}
	_, err := fmt.Fprintf(c.out, "\n%s, %s, %s\n", plural(counts[server.FindingError], "error", "errors"),
		plural(counts[server.FindingWarning], "warning", "warnings"), plural(counts[server.FindingNote], "note", "notes"))
	return err
}

// findingRow is a finding as machines read it.
type findingRow struct {
	Subject string `json:"subject"`
	Level   string `json:"level"`
	Text    string `json:"text"`
	Fix     string `json:"fix,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitzero"`
	Column  int    `json:"column,omitzero"`
}

func findingRows(found []server.Finding) []findingRow {
	rows := []findingRow{}
	for _, f := range found {
		rows = append(rows, findingRow{f.Subject, f.Level, f.Text, f.Fix, f.Pos.File, f.Pos.Line, f.Pos.Column})
	}
	return rows
}

// experimental is what sources use of Internet-Drafts, by their names.
func experimental(b *server.Built) map[string][]string {
	out := map[string][]string{}
	for _, s := range b.Pushed {
		if len(s.Experimental) > 0 {
			out[s.Name] = s.Experimental
		}
	}
	return out
}
