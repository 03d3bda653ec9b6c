// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/config"
)

func (c *cli) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the configuration, for editors",
		Long: "Prints a JSON Schema (draft 2020-12) of the configuration, with a sentence on every key, so that an editor\n" +
			"completes and checks the file while it is written. Most editors take the schema's place from a first line\n" +
			"in the file:\n\n" +
			"  # yaml-language-server: $schema=usher.schema.json\n\n" +
			"What only Usher knows (whether an expression compiles, a column is declared) is told by usher check.",
		Example: "  usher schema > usher.schema.json",
		RunE:    func(*cobra.Command, []string) error { return c.document(config.JSONSchema()) },
	}
}
