// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/server"
)

func (c *cli) checkCommand() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:   "check",
		Short: "Check the configuration: syntax, and the type of every expression",
		Long: "Checks the configuration without reading a source or asking an app. Every mistake is reported with file, line\n" +
			"and column, all at once; exit code 2 if there is one. Of the store it asks whether the sealed secrets that are\n" +
			"used are set, if any are; what is missing is told, and is no mistake of the file.",
		Example: "  usher check -c usher.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := c.build(cmd.Context())
			if err != nil {
				return err
			}
			missing, err := b.MissingSecrets(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{
					"missing_secrets": append([]string{}, missing...),
					"file":            b.Config.File, "sources": len(b.SourceNames()), "teams": len(b.Rules), "apps": len(b.Targets),
					"experimental": experimental(b),
				})
			}
			_, err = fmt.Fprintf(c.out, "%s is sound: %s, %s, %s\n", b.Config.File, plural(len(b.SourceNames()), "source", "sources"),
				plural(len(b.Rules), "team rule", "team rules"), plural(len(b.Targets), "app", "apps"))
			for _, m := range missing {
				_, err = fmt.Fprintln(c.out, printable(m))
			}
			for _, s := range b.Pushed {
				if len(s.Experimental) > 0 {
					_, err = fmt.Fprintf(c.out, "source %s uses what is experimental, and may change or go with any version: %s\n", s.Name, strings.Join(s.Experimental, ", "))
				}
			}
			return err
		},
	})
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
