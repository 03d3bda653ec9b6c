// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
)

func (c *cli) secretRotate() *cobra.Command {
	var random int
	var atTenant bool
	var overlap time.Duration
	cmd := c.withFile(&cobra.Command{
		Use:   "rotate NAME",
		Short: "Seal a new value, and keep the one before it",
		Long: "Reads the new value from the standard input, and seals it for the address of the one that there is. A webhook\n" +
			"takes both from then on, until the next; everything else uses the new one.\n\n" +
			"With --at-tenant nothing is read: the value is the credential of an Auth0 tenant (client_secret or private_key), and\n" +
			"Usher makes the new one, seals it, brings it to the tenant, and uses it once the tenant takes it. Whatever is cut\n" +
			"short in between is gone on with by the next rotate, apply or serve.",
		Example: "  usher secret rotate -c usher.yaml crm < token.txt\n  usher secret rotate -c usher.yaml hook --random 32\n  usher secret rotate -c usher.yaml auth0 --at-tenant",
		Args:    arguments(cobra.ExactArgs(1)), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := secret.CheckName(args[0]); err != nil {
				return usageError{err}
			}
			switch {
			case atTenant && random != 0:
				return usageError{errors.New("--at-tenant makes the value by itself, which is not shown: --random does not go with it")}
			case !atTenant && cmd.Flags().Changed("overlap"):
				return usageError{errors.New("--overlap goes with --at-tenant")}
			case overlap < 0 || overlap > server.MostOverlap:
				return usageError{fmt.Errorf("--overlap is 0s to %v", server.MostOverlap)}
			}
			b, err := c.build(cmd.Context())
			if err != nil {
				return err
			}
			if atTenant {
				return c.rotateAtTenant(cmd.Context(), b, args[0], overlap)
			}
			err = c.putSecret(cmd.Context(), b, args[0], "", random, true)
			if errors.Is(err, secret.ErrEmpty) && b.CheckRotatable(args[0]) == nil {
				err = usageError{fmt.Errorf("%w; --at-tenant makes a new one here and brings it to the tenant", err)}
			}
			return err
		},
	})
	withRandom(cmd, &random)
	cmd.Flags().BoolVar(&atTenant, "at-tenant", false, "make the value here, and bring it to the Auth0 tenant whose credential it is")
	cmd.Flags().DurationVar(&overlap, "overlap", server.DefaultOverlap, "with --at-tenant, how long an old private key stays good behind the new one")
	complete(cmd, "overlap", cobra.NoFileCompletions)
	return cmd
}

// shownRotation is a rotation as it is told.
type shownRotation struct {
	shownSecret `json:",inline"`
	Notes       []string `json:"notes,omitempty"`
}

// rotateAtTenant has a tenant's credential made and brought there, by us or by the daemon.
func (c *cli) rotateAtTenant(ctx context.Context, b *server.Built, name string, overlap time.Duration) error {
	if err := b.CheckRotatable(name); err != nil {
		return usageError{err}
	}
	if _, err := b.Ring(); err != nil {
		return err
	}
	who := actor("secret")
	notes, _, err := c.beside(ctx, b, who, func(u *server.Usher, asks bool) (notes []string, err error) {
		if asks {
			return u.AskRotateSecret(ctx, name, overlap, who)
		}
		r, err := u.RotateSecret(ctx, name, overlap, who, func(what string) { fmt.Fprintln(c.err, "usher: "+printable(what)) })
		return r.Notes, err
	})
	c.noted(notes)
	if err != nil {
		return err
	}
	kept, err := b.KeptSecrets(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	s, _ := secret.Newest(kept, name)
	fmt.Fprintf(c.err, "usher: secret:%s, version %d, is what the tenant at %s takes now\n", s.Name, s.Version, printable(s.Origin))
	if !c.json {
		return nil
	}
	return c.document(shownRotation{shownSecret{Name: s.Name, Version: s.Version, Origin: s.Origin, Key: s.Key}, notes})
}
