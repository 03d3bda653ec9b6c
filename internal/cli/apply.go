// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/server"
)

func (c *cli) planCommand() *cobra.Command {
	var o server.Options
	var out string
	var detailed bool
	cmd := c.withFile(&cobra.Command{
		Use:   "plan",
		Short: "Say what apply would do, and why; change nothing",
		Long: "Reads the sources, looks at apps where their state is not known, and says what an apply would do.\n" +
			"Nothing is sent that changes anything, and nothing is kept. Exit code 3 if apply would hold something.",
		Example: "  usher plan -c usher.yaml\n  usher plan -c usher.yaml --person ada.brandt@acme.example\n  usher plan -c usher.yaml --out monday.plan && usher apply -c usher.yaml monday.plan",
		RunE: func(cmd *cobra.Command, _ []string) error {
			made := time.Now()
			doc, err := c.cycle(cmd.Context(), "plan", &o, func(u *server.Usher) (*server.Document, error) {
				return u.Plan(cmd.Context(), o)
			})
			if err != nil {
				return err
			}
			if out != "" {
				if err := server.WritePlan(out, doc, o, made); err != nil {
					return err
				}
			}
			if err := c.show(doc, true); err != nil {
				return err
			}
			if err := verdict(doc, true); err != nil {
				return err
			}
			if detailed && changes(doc) {
				return codeError(exitChanges)
			}
			return nil
		},
	})
	narrow(cmd, &o)
	cmd.Flags().StringVar(&out, "out", "", "write the plan to this `FILE`, for apply")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 5 if there are changes")
	return cmd
}

func changes(doc *server.Document) bool {
	for _, a := range doc.Apps {
		if a.Writes() > 0 {
			return true
		}
	}
	return false
}

func (c *cli) applyCommand() *cobra.Command {
	var o server.Options
	cmd := c.withFile(&cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Run one full cycle: read the sources, plan, push, until quiet",
		Long: "Reads the sources, plans, and pushes until nothing is due. With a PLAN it carries out exactly that plan, or\n" +
			"nothing if what it rests on has moved. What a guard holds is not sent: exit code 3, and --release-hold\n" +
			"agrees to one hold, once.",
		Example: "  usher apply -c usher.yaml\n  usher apply -c usher.yaml monday.plan\n  usher apply -c usher.yaml --release-hold 3f9c2a1b5d6e7f80",
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var plan *server.PlanFile
			if len(args) == 1 {
				if o.Release != "" || o.App != "" || o.Person != "" {
					return usageError{errors.New("a plan is carried out as it is: --app, --person and --release-hold do not go with it")}
				}
				var err error
				if plan, err = server.ReadPlan(args[0]); err != nil {
					return err
				}
			}
			bar := c.progress()
			o.Progress = bar.add
			doc, err := c.cycle(cmd.Context(), "apply", &o, func(u *server.Usher) (*server.Document, error) {
				if plan != nil {
					return u.ApplyPlan(cmd.Context(), o, plan)
				}
				return u.Apply(cmd.Context(), o)
			})
			bar.finish()
			if doc == nil {
				return err
			}
			if serr := c.show(doc, false); serr != nil {
				return errors.Join(err, serr)
			}
			if err != nil {
				return err
			}
			if doc.Stopped {
				fmt.Fprintln(c.err, "usher: stopped; what was sent is recorded, and the next apply goes on from here")
			}
			return verdict(doc, false)
		},
	})
	narrow(cmd, &o)
	cmd.Flags().StringVar(&o.Release, "release-hold", "", "let the hold with this `ID` pass, once")
	cmd.Flags().DurationVar(&o.Wait, "wait", 2*time.Minute, "how long to wait for retries that are due")
	return cmd
}

// narrow adds the flags that a plan and an apply share.
func narrow(cmd *cobra.Command, o *server.Options) {
	cmd.Flags().StringVar(&o.App, "app", "", "only this `APP`")
	cmd.Flags().StringVar(&o.Person, "person", "", "only this `PERSON`: user name, record key or id")
}

// cycle opens the store, runs one cycle and closes the store again.
func (c *cli) cycle(ctx context.Context, what string, o *server.Options, run func(*server.Usher) (*server.Document, error)) (doc *server.Document, err error) {
	o.Actor = actor(what)
	open := c.open
	if what == "plan" {
		open = c.openRehearsal
	}
	u, err := open(ctx, what)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	if o.App != "" && !u.Has(o.App) {
		return nil, usageError{fmt.Errorf("there is no app %q in %s", o.App, c.file)}
	}
	return run(u)
}

// actor is who the ledger names: the person at the terminal, by their login.
func actor(what string) string {
	if name := os.Getenv("USER"); name != "" {
		return what + " by " + name
	}
	return what
}
