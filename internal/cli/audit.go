// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (c *cli) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "audit",
		Short:   "The ledger: every effect, chained",
		Example: "  usher audit verify -c usher.yaml",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	verify := c.withFile(&cobra.Command{
		Use:     "verify",
		Short:   "Recompute every digest and every link of the ledger",
		Long:    "Recomputes every digest and every link from the first event on. Exit code 1 names the first entry that does\nnot hold. Events that are committed but have no place in the chain yet are counted as pending.",
		Example: "  usher audit verify -c usher.yaml",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			u, err := c.openRead(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, u.Close()) }()
			r, err := u.Verify(cmd.Context())
			if err != nil {
				return err
			}
			head := hex.EncodeToString(r.Head[:])
			if c.json {
				return c.document(map[string]any{"events": r.Events, "erased": r.Erased, "pending": r.Pending, "head": head})
			}
			_, err = fmt.Fprintf(c.out, "the chain holds: %d events, %d erased, %d pending\nhead %s\n", r.Events, r.Erased, r.Pending, head)
			return err
		},
	})
	cmd.AddCommand(verify)
	return cmd
}
