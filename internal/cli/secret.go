// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store"
)

func (c *cli) secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Keep the credentials of apps sealed in the store",
		Long: "A secret that the configuration names as secret:NAME is kept in the store, sealed by a key of secrets.key, and\n" +
			"opened for the address alone that it was set for. Its value is read from the standard input and never shown.\n" +
			"Beside a running serve a command has it do the work; serve takes up what has changed.",
		Example: "  usher secret key --new usher.key\n  usher secret set -c usher.yaml crm < token.txt\n  usher secret list -c usher.yaml",
		Args:    arguments(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.secretSet(), c.secretRotate(), c.secretList(), c.secretRewrap(), c.secretKey())
	return cmd
}

// shownSecret is a secret as it is told when it is set. Value is one that was made here.
type shownSecret struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Origin  string `json:"origin"`
	Key     string `json:"key"`
	Value   string `json:"value,omitempty"`
}

func (c *cli) secretSet() *cobra.Command {
	var origin string
	var random int
	cmd := c.withFile(&cobra.Command{
		Use:   "set NAME",
		Short: "Seal a value, in place of any that there is",
		Long: "Reads the value from the standard input, without its last line end, and seals it for the one address where\n" +
			"the configuration uses secret:NAME. At another address it is refused until it is set again.",
		Example: "  usher secret set -c usher.yaml crm < token.txt\n  usher secret set -c usher.yaml hook --random 32",
		Args:    arguments(cobra.ExactArgs(1)), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.build(cmd.Context())
			if err != nil {
				return err
			}
			to, warning, err := b.SecretOrigin(args[0], origin)
			if err != nil {
				return usageError{err}
			}
			if warning != "" {
				fmt.Fprintln(c.err, "usher: "+printable(warning))
			}
			return c.putSecret(cmd.Context(), b, args[0], to, random, false)
		},
	})
	cmd.Flags().StringVar(&origin, "origin", "", "where it may go, as `URL`, if not where the configuration uses it")
	complete(cmd, "origin", cobra.NoFileCompletions)
	withRandom(cmd, &random)
	return cmd
}

func withRandom(cmd *cobra.Command, random *int) {
	cmd.Flags().IntVar(random, "random", 0, "make the value of `N` random bytes, 16 to 64, and show it once")
	complete(cmd, "random", cobra.NoFileCompletions)
}

// putSecret seals a value and has it kept.
func (c *cli) putSecret(ctx context.Context, b *server.Built, name, origin string, random int, rotate bool) (err error) {
	if _, err := b.Ring(); err != nil { // before anybody types anything
		return err
	}
	value, err := c.secretValue(name, random)
	if err != nil {
		return err
	}
	defer clear(value)
	who := actor("secret")
	var s secret.Sealed
	notes, asked, err := c.beside(ctx, b, who, func(u *server.Usher, asks bool) (notes []string, err error) {
		if s, err = u.SealSecret(ctx, name, origin, value, rotate); err != nil {
			return nil, err
		}
		if asks {
			return u.AskPutSecret(ctx, s, rotate, who)
		}
		return nil, u.PutSecret(ctx, s, rotate, who)
	})
	if err != nil {
		return err
	}
	shown := shownSecret{Name: s.Name, Version: s.Version, Origin: s.Origin, Key: s.Key}
	if random > 0 {
		shown.Value = string(value)
	}
	c.noted(notes)
	restart := asked && b.ReadAtStart(name)
	fmt.Fprintf(c.err, "usher: secret:%s, version %d, is sealed for %s\n", s.Name, s.Version, printable(s.Origin))
	if restart {
		fmt.Fprintln(c.err, "usher: the running engine signs with the old key until it is started anew")
	}
	switch {
	case c.json:
		return c.document(shown)
	case random > 0:
		fmt.Fprintln(c.err, "usher: its value is not shown again")
		_, err = fmt.Fprintln(c.out, shown.Value)
	}
	return err
}

func (c *cli) noted(notes []string) {
	for _, n := range notes {
		fmt.Fprintln(c.err, "usher: "+printable(n))
	}
}

// beside runs fn on the store: itself if no engine holds it, beside the engine if one
// serves, which is then to be asked.
func (c *cli) beside(ctx context.Context, b *server.Built, who string, fn func(u *server.Usher, asks bool) ([]string, error)) (notes []string, asks bool, err error) {
	u, err := b.Open(ctx, who)
	var locked *store.LockedError
	if asks = errors.As(err, &locked) && server.Serves(locked.Holder); asks {
		u, err = b.OpenRead(ctx)
	}
	if err != nil {
		return nil, asks, err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	notes, err = fn(u, asks)
	return notes, asks, err
}

// secretValue makes a value, or reads it: from a terminal without showing it, else to
// the end of the input, without one line end.
func (c *cli) secretValue(name string, random int) ([]byte, error) {
	const least, most = 16, 64
	if random != 0 {
		if random < least || random > most {
			return nil, usageError{fmt.Errorf("--random is %d to %d bytes", least, most)}
		}
		raw := make([]byte, random)
		_, _ = rand.Read(raw) // never fails
		return base64.RawURLEncoding.AppendEncode(nil, raw), nil
	}
	var value []byte
	var err error
	if f, ok := c.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(c.err, "value of secret:%s (not shown): ", name)
		value, err = term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(c.err)
	} else if c.in != nil {
		value, err = io.ReadAll(io.LimitReader(c.in, secret.MaxValue+3))
	}
	if err != nil {
		return nil, fmt.Errorf("the value cannot be read: %w", err)
	}
	value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	if err := secret.CheckValue(value); err != nil {
		return nil, usageError{fmt.Errorf("secret:%s: %w", name, err)}
	}
	return value, nil
}

func (c *cli) secretList() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:     "list",
		Short:   "List what is sealed, for where, by which key, and whether it opens",
		Example: "  usher secret list -c usher.yaml\n  usher secret list -c usher.yaml --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := c.build(cmd.Context())
			if err != nil {
				return err
			}
			all, err := b.Secrets(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				return c.document(all)
			}
			t := newTable(c.out)
			t.row("NAME", "VERSION", "AGE", "ORIGIN", "KEY", "USED BY", "STATE")
			for _, s := range all {
				uses := strings.Join(s.Uses, ", ")
				if uses == "" {
					uses = "–"
				}
				if s.Version == 0 {
					t.row(s.Name, "–", "–", "–", "–", uses, "not set: usher secret set "+s.Name)
					continue
				}
				t.row(s.Name, s.Version, ago(s.Created), s.Origin, s.Key, uses, secretSays(s))
			}
			return t.flush()
		},
	})
}

func secretSays(s server.Secret) string {
	switch {
	case !s.Opens:
		return "does not open: " + s.Why
	case s.State == string(secret.Intended):
		return "opens, on its way to the tenant: rotate, apply or serve goes on with it"
	case s.State == string(secret.Retiring):
		return "opens, the one before, which the tenant still takes"
	case s.Old:
		return "opens, OLD: set a new one"
	case !s.Newest:
		return "opens, the one before"
	}
	return "opens"
}

func (c *cli) secretRewrap() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:   "rewrap",
		Short: "Seal every value anew, by the first key of the ring",
		Long: "Seals every value anew by the first key of secrets.key, all of them or none. After it the other keys can go;\n" +
			"backups of the store still need them. A key that somebody else may have wants new values, and not this alone.",
		Example: "  usher secret key --add usher.key && usher secret rewrap -c usher.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			b, err := c.build(ctx)
			if err != nil {
				return err
			}
			ring, err := b.Ring()
			if err != nil {
				return err
			}
			kept, err := b.KeptSecrets(ctx)
			if err != nil {
				return err
			}
			anew := 0
			for _, s := range kept {
				if s.Key != ring.First() {
					anew++
				}
			}
			who := actor("secret")
			notes, _, err := c.beside(ctx, b, who, func(u *server.Usher, asks bool) ([]string, error) {
				if asks {
					return u.AskRewrap(ctx, who)
				}
				return nil, u.RewrapSecrets(ctx, who)
			})
			if err != nil {
				return err
			}
			c.noted(notes)
			if c.json {
				return c.document(map[string]any{"key": ring.First(), "values": len(kept), "rewrapped": anew})
			}
			_, err = fmt.Fprintf(c.out, "%s sealed anew; all %d are sealed by key %s\n", plural(anew, "value", "values"), len(kept), ring.First())
			return err
		},
	})
}

func (c *cli) secretKey() *cobra.Command {
	var fresh, more string
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make a key that seals, for secrets.key",
		Long: "Makes a key: into a new file, or before those of a file, which then seals what is set from now on. Without\n" +
			"either it prints the key, for the environment. Whoever has the key and the store has every secret: keep them,\n" +
			"and their backups, apart.",
		Example: "  usher secret key --new usher.key\n  usher secret key --add usher.key",
		Args:    arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) (err error) {
			var text, id string
			switch now := time.Now(); {
			case fresh != "" && more != "":
				return usageError{errors.New("--new makes a file and --add adds to one: give one of them")}
			case fresh != "":
				id, err = secret.CreateRing(fresh, now)
			case more != "":
				id, err = secret.AddKey(more, now)
			default:
				text, id, err = secret.NewKey()
			}
			if err != nil {
				return err
			}
			if c.json {
				return c.document(struct {
					ID  string `json:"id"`
					Key string `json:"key,omitempty"`
				}{id, text})
			}
			fmt.Fprintf(c.err, "usher: key %s is made\n", id)
			if text != "" {
				_, err = fmt.Fprintln(c.out, text)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&fresh, "new", "", "write a new `FILE` with it, mode 0600")
	cmd.Flags().StringVar(&more, "add", "", "put it before the keys of this `FILE`")
	return cmd
}
