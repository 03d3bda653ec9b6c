// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/heap"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

// cli is what every command shares.
type cli struct {
	in       io.Reader
	out, err io.Writer
	file     string // -c
	json     bool
	lookup   func(string) (string, bool)

	aside, waiting []server.ParkedRow           // of an apply, for people
	targets        map[string]*provision.Target // of a plan or an apply, for people
}

// Main runs the command line and returns the exit code. The first interrupt
// stops cleanly: nothing new is sent, and what is in flight is waited for.
func Main(args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer heap.Roomy()()
	c := &cli{in: in, out: out, err: errw, lookup: os.LookupEnv}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err != nil && err.Error() != "" {
		fmt.Fprintln(errw, explain(err))
	}
	return exitCode(err)
}

// explain puts an error into the words of the person who made it.
func explain(err error) string {
	var mistakes config.Errors
	if errors.As(err, &mistakes) {
		return fmt.Sprintf("%v\n%s in the configuration; nothing was started", err, plural(len(mistakes), "mistake", "mistakes"))
	}
	return "usher: " + err.Error()
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "usher",
		Short: "Shows people in, takes them to their seat, and shows them out",
		Long: "Usher is a self-hosted identity lifecycle engine: it reads who works here from HR and gives everybody\n" +
			"the right accounts, by SCIM 2.0, from the first day to the last.",
		Example:       "  usher demo\n  usher check -c usher.yaml\n  usher plan  -c usher.yaml\n  usher apply -c usher.yaml",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().BoolVar(&c.json, "json", false, "one JSON document on stdout, for machines")
	root.AddCommand(c.tokenCommand(), c.secretCommand(), c.scimCommand(), c.probeCommand(), c.checkCommand(), c.planCommand(), c.applyCommand(), c.serveCommand(), c.statusCommand(), c.appsCommand(),
		c.calendarCommand(), c.peopleCommand(), c.whyCommand(), c.auditCommand(), c.profilesCommand(), c.schemaCommand(), c.demoCommand())
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Example = "  source <(usher completion bash)\n  usher completion fish > ~/.config/fish/completions/usher.fish"
			cmd.Args, cmd.RunE = nil, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Example = completionExamples()[shell.Name()]
			}
		}
		if cmd.Args == nil {
			cmd.Args, cmd.ValidArgsFunction = arguments(cobra.NoArgs), cobra.NoFileCompletions
		}
	}
	root.Args = arguments(cobra.NoArgs)
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return root
}

// completionExamples are how each shell takes its completion.
func completionExamples() map[string]string {
	return map[string]string{
		"bash":       "  source <(usher completion bash)",
		"zsh":        "  usher completion zsh > \"${fpath[1]}/_usher\"",
		"fish":       "  usher completion fish > ~/.config/fish/completions/usher.fish",
		"powershell": "  usher completion powershell | Out-String | Invoke-Expression",
	}
}

// arguments makes a wrong number of arguments a usage error.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch err := check(cmd, args); {
		case err == nil:
			return nil
		case cmd.HasSubCommands():
			hint := ""
			cmd.SuggestionsMinimumDistance = 2
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf(" (did you mean %s?)", near[0])
			}
			return usageError{fmt.Errorf("there is no command %q%s; see %s --help", args[0], hint, cmd.CommandPath())}
		}
		return usageError{fmt.Errorf("%s cannot be called with %s; it goes: %s",
			cmd.CommandPath(), plural(len(args), "argument", "arguments"), cmd.UseLine())}
	}
}

// withFile adds -c to a command that needs a configuration.
func (c *cli) withFile(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVarP(&c.file, "config", "c", "usher.yaml", "the configuration `FILE`")
	complete(cmd, "config", files("yaml", "yml"))
	return cmd
}

// build loads and compiles the configuration.
func (c *cli) build(ctx context.Context) (*server.Built, error) {
	cfg, err := config.Load(ctx, c.file, c.lookup)
	if err != nil {
		if os.IsNotExist(errors.Unwrap(err)) || errors.Is(err, os.ErrNotExist) {
			return nil, usageError{fmt.Errorf("there is no configuration %s; name it with -c FILE", c.file)}
		}
		return nil, err
	}
	return server.Build(cfg)
}

// openRead builds the configuration and opens its store beside a running engine.
func (c *cli) openRead(ctx context.Context) (*server.Usher, error) {
	b, err := c.build(ctx)
	if err != nil {
		return nil, err
	}
	u, err := b.OpenRead(ctx)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("nothing has been applied yet with %s: there is no store %s", c.file, b.Config.StoreRedacted())
	}
	return u, err
}
