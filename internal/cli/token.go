// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/token"
)

func (c *cli) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make and end the tokens of those who push to our SCIM endpoint",
		Long: "A token opens the endpoint of one source of type scim. It is shown once, when it is made; what is kept is its\n" +
			"digest. Beside a running serve a command has it do the work, and it holds at once.",
		Example: "  usher token create -c usher.yaml --source upstream\n  usher token rotate -c usher.yaml k3v9w2m7qa",
		Args:    arguments(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.tokenCreate(), c.tokenList(), c.tokenRotate(), c.tokenRevoke())
	return cmd
}

// shown is a token as it is told once.
type shown struct {
	Token   string     `json:"token"`
	ID      string     `json:"id"`
	Source  string     `json:"source"`
	Expires *time.Time `json:"expires,omitempty"`
}

func (c *cli) showToken(secret string, t token.Token) error {
	s := shown{Token: secret, ID: t.ID, Source: t.Source}
	if !t.Expires.IsZero() {
		s.Expires = &t.Expires
	}
	if c.json {
		return c.document(s)
	}
	_, err := fmt.Fprintln(c.out, secret)
	ends := "it holds until somebody ends it"
	if s.Expires != nil {
		ends = "it holds until " + t.Expires.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(c.err, "usher: token %s for source %s: %s. It is not shown again\n", t.ID, printable(t.Source), ends)
	return err
}

// day is the unit of a token's life.
const day = 24 * time.Hour

func (c *cli) tokenCreate() *cobra.Command {
	var source, owner string
	var days int
	cmd := c.withFile(&cobra.Command{
		Use:     "create",
		Short:   "Make a token for a source of type scim, and show it once",
		Example: "  usher token create -c usher.yaml --source upstream\n  usher token create -c usher.yaml --source upstream --expires-days 90 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source == "" {
				return usageError{errors.New("--source says whose token it is")}
			}
			if days < 0 {
				return usageError{errors.New("--expires-days cannot be negative; 0 is never")}
			}
			b, err := c.build(cmd.Context())
			if err != nil {
				return err
			}
			if err := b.CanPush(source); err != nil {
				return usageError{err}
			}
			if owner == "" {
				owner = actor("token")
			}
			secret, t := token.New(source, owner, time.Now(), time.Duration(days)*day)
			if err := c.putToken(cmd.Context(), b, t); err != nil {
				return err
			}
			return c.showToken(secret, t)
		},
	})
	cmd.Flags().StringVar(&source, "source", "", "the `SOURCE` whose provider gets it")
	cmd.Flags().StringVar(&owner, "owner", "", "whom to ask about it; you, if none is given")
	cmd.Flags().IntVar(&days, "expires-days", 365, "after how many days it ends; 0 is never")
	complete(cmd, "source", cobra.NoFileCompletions)
	complete(cmd, "owner", cobra.NoFileCompletions)
	complete(cmd, "expires-days", cobra.NoFileCompletions)
	return cmd
}

// putToken stores a token: itself if no engine holds the store, by a request to it
// if one serves.
func (c *cli) putToken(ctx context.Context, b *server.Built, t token.Token) (err error) {
	who := actor("token")
	u, err := b.Open(ctx, who)
	var locked *store.LockedError
	switch {
	case errors.As(err, &locked) && server.Serves(locked.Holder):
		if u, err = b.OpenRead(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, u.Close()) }()
		return u.AskToken(ctx, t, who)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	return u.PutToken(ctx, t, who)
}

func (c *cli) tokenList() *cobra.Command {
	access := false
	cmd := c.withFile(&cobra.Command{
		Use:     "list",
		Short:   "List the tokens: whose, since when, until when, and when last used",
		Example: "  usher token list -c usher.yaml\n  usher token list -c usher.yaml --access",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			u, err := c.openRead(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, u.Close()) }()
			list := u.Tokens
			if access {
				list = u.AccessTokens
			}
			all, err := list(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				return c.document(all)
			}
			t := newTable(c.out)
			t.row("ID", "SOURCE", "OWNER", "CREATED", "LAST USED", "STATE")
			for _, k := range all {
				t.row(k.ID, k.Source, k.Owner, ago(&k.Created), ago(k.Used), tokenSays(k))
			}
			return t.flush()
		},
	})
	cmd.Flags().BoolVar(&access, "access", false, "list the access tokens of OAuth clients instead, which end by themselves")
	return cmd
}

func tokenSays(t server.Token) string {
	switch {
	case t.Revoked != nil:
		return "revoked"
	case t.Expires == nil:
		return "holds"
	case t.Expires.Before(time.Now()):
		return "expired"
	case t.Client != "" && !t.Holds:
		return "ended: the client or its key is gone"
	case t.Client != "":
		return "holds until " + t.Expires.UTC().Format(time.RFC3339)
	}
	return "holds until " + t.Expires.UTC().Format(time.DateOnly)
}

func (c *cli) tokenRevoke() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:     "revoke ID",
		Short:   "End a token at once",
		Example: "  usher token revoke -c usher.yaml k3v9w2m7qa",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, t, err := c.tokenOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			t.Revoked = time.Now()
			if err := c.putToken(cmd.Context(), b, t); err != nil {
				return err
			}
			fmt.Fprintf(c.err, "usher: token %s for source %s is revoked\n", t.ID, printable(t.Source))
			return nil
		},
	})
}

func (c *cli) tokenRotate() *cobra.Command {
	var overlap time.Duration
	cmd := c.withFile(&cobra.Command{
		Use:     "rotate ID",
		Short:   "Make a token in place of another, which ends after an overlap",
		Example: "  usher token rotate -c usher.yaml k3v9w2m7qa --overlap 24h",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if overlap < 0 {
				return usageError{errors.New("--overlap cannot be negative")}
			}
			b, old, err := c.tokenOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if old.Client != "" {
				return fmt.Errorf("token %s is an access token of OAuth client %s, which gets itself another", old.ID, printable(old.Client))
			}
			now := time.Now()
			if err := old.Check(now); err != nil {
				return fmt.Errorf("token %s cannot be rotated: %w; make a new one", old.ID, err)
			}
			life := time.Duration(0)
			if !old.Expires.IsZero() {
				life = old.Expires.Sub(old.Created)
			}
			secret, fresh := token.New(old.Source, old.Owner, now, life)
			if err := c.putToken(cmd.Context(), b, fresh); err != nil {
				return err
			}
			if end := now.Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
				old.Expires = end
			}
			if err := c.putToken(cmd.Context(), b, old); err != nil {
				return errors.Join(err, c.showToken(secret, fresh))
			}
			return c.showToken(secret, fresh)
		},
	})
	cmd.Flags().DurationVar(&overlap, "overlap", day, "how long the old one still holds")
	complete(cmd, "overlap", cobra.NoFileCompletions)
	return cmd
}

// tokenOf finds a token by its id.
func (c *cli) tokenOf(ctx context.Context, id string) (b *server.Built, t token.Token, err error) {
	if b, err = c.build(ctx); err != nil {
		return nil, t, err
	}
	u, err := b.OpenRead(ctx)
	if err != nil {
		return nil, t, err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	t, err = u.FindToken(ctx, id)
	return b, t, err
}
