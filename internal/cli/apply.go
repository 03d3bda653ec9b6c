// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/provision"
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
			doc, err := c.cycle(cmd.Context(), "plan", &o, nil, func(u *server.Usher) (*server.Document, error) {
				return u.Plan(cmd.Context(), o)
			})
			if err == nil && out != "" {
				err = server.WritePlan(out, doc, o, made)
			}
			if err := c.tell(doc, true, err); err != nil {
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
	c.narrow(cmd, &o)
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
			"agrees to one hold, once. --verify reads what is at the apps, tells what has drifted, and mends it; whom\n" +
			"others have disabled there it leaves so. --person tries again what was set aside of somebody, and enables whom\n" +
			"others have disabled. Beside a running serve, --person and --release-hold have it do so, and wait.",
		Example: "  usher apply -c usher.yaml\n  usher apply -c usher.yaml monday.plan\n  usher apply -c usher.yaml --release-hold 3f9c2a1b5d6e7f80",
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var plan *server.PlanFile
			if len(args) == 1 {
				if o.Release != "" || o.App != "" || o.Person != "" || o.Verify {
					return usageError{errors.New("a plan is carried out as it is: --app, --person, --release-hold and --verify do not go with it")}
				}
				var err error
				if plan, err = server.ReadPlan(args[0]); err != nil {
					return err
				}
			}
			bar := c.progress()
			o.Progress = bar.add
			doc, err := c.cycle(cmd.Context(), "apply", &o, plan, func(u *server.Usher) (*server.Document, error) {
				if plan != nil {
					return u.ApplyPlan(cmd.Context(), o, plan)
				}
				if o.Release != "" {
					c.checkRelease(cmd.Context(), u, o)
				}
				return u.Apply(cmd.Context(), o)
			})
			bar.finish()
			if err := c.tell(doc, false, err); err != nil {
				return err
			}
			if doc.Stopped {
				fmt.Fprintln(c.err, "usher: stopped; what was sent is recorded, and the next apply goes on from here")
			}
			return verdict(doc, false)
		},
	})
	c.narrow(cmd, &o)
	cmd.Flags().StringVar(&o.Release, "release-hold", "", "let the hold with this `ID` pass, once")
	complete(cmd, "release-hold", cobra.NoFileCompletions)
	cmd.Flags().BoolVar(&o.Verify, "verify", false, "look at every account and group at the apps first, and mend what others have changed, but for whom they have disabled")
	cmd.Flags().DurationVar(&o.Wait, "wait", 2*time.Minute, "how long to wait for retries that are due")
	complete(cmd, "wait", cobra.NoFileCompletions)
	return cmd
}

// checkRelease says when a release is to no hold that this cycle meets: a slip
// of the pen, or a set that has changed since it was looked at.
func (c *cli) checkRelease(ctx context.Context, u *server.Usher, o server.Options) {
	doc, err := u.Plan(ctx, server.Options{App: o.App, Person: o.Person, Actor: o.Actor})
	if err != nil {
		return // the apply meets the same, and tells
	}
	for _, h := range doc.Holds {
		if h.ID == o.Release {
			return
		}
	}
	fmt.Fprintf(c.err, "usher: there is no hold %s, or not of this set any more: it lets nothing pass\n", printable(o.Release))
}

// narrow adds the flags that a plan and an apply share.
func (c *cli) narrow(cmd *cobra.Command, o *server.Options) {
	cmd.Flags().StringVar(&o.App, "app", "", "only this `APP`")
	cmd.Flags().StringVar(&o.Person, "person", "", "only this `PERSON`: user name, record key or id")
	complete(cmd, "app", c.apps)
	complete(cmd, "person", cobra.NoFileCompletions)
}

// cycle opens the store, runs one cycle and closes the store again. Whatever
// goes wrong once the configuration stands, there is a document to print.
func (c *cli) cycle(ctx context.Context, what string, o *server.Options, plan *server.PlanFile, run func(*server.Usher) (*server.Document, error)) (doc *server.Document, err error) {
	o.Actor = actor(what)
	b, err := c.build(ctx)
	if err != nil {
		return nil, err
	}
	if o.App != "" {
		if err := c.known(b, o.App); err != nil {
			return nil, err
		}
	}
	c.targets = map[string]*provision.Target{}
	for _, t := range b.Targets {
		c.targets[t.Name] = t
	}
	open := b.Open
	if what == "plan" {
		open = b.OpenRehearsal
	}
	u, err := open(ctx, fmt.Sprintf("usher %s (process %d)", what, os.Getpid()))
	if asks(err, *o, plan) {
		return c.ask(ctx, b, *o)
	}
	if err != nil {
		return whole(nil, b, o.App), err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	if err = u.Unseal(ctx); exitCode(err) == exitUsage {
		return nil, err
	} else if err != nil {
		return whole(nil, b, o.App), err
	}
	if what == "apply" { // a plan sends nothing that changes anything
		c.noted(u.ResumeRotations(ctx, false, o.Actor, func(what string) { c.noted([]string{what}) }))
	} else {
		c.noted(u.UnfinishedRotations(ctx))
	}
	found := c.start(ctx, u, what, *o)
	doc, err = run(u)
	doc = whole(doc, b, o.App)
	doc.Took(found)
	if what != "plan" { // which left nothing behind to be asked about
		c.aside, c.waiting = asideRows(context.WithoutCancel(ctx), u, doc)
	}
	return doc, err
}

// start tells what has to be known before a cycle.
func (c *cli) start(ctx context.Context, u *server.Usher, what string, o server.Options) []server.Note {
	found, err := u.Start(ctx, o, what != "plan") // which leaves nothing behind
	for _, n := range found {
		warning := ""
		if n.Level == server.FindingWarning {
			warning = "warning: "
		}
		fmt.Fprintf(c.err, "usher: %s%s\n", warning, printable(n.String()))
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(c.err, "usher: warning: what this start has found cannot be kept for usher status: %s\n", printable(err.Error()))
	}
	return found
}

// known says that an app is not in the configuration, and which ones are.
func (c *cli) known(b *server.Built, app string) error {
	if b.Has(app) {
		return nil
	}
	var names []string
	for _, t := range b.Targets {
		names = append(names, t.Name)
	}
	return usageError{fmt.Errorf("there is no app %q in %s; there is %s", app, c.file, strings.Join(names, ", "))}
}

// whole gives every app its place in the document, also when the cycle ended
// before it came to them: scripts rely on it.
func whole(doc *server.Document, b *server.Built, only string) *server.Document {
	if doc == nil {
		doc = &server.Document{}
	}
	if doc.Apps == nil {
		doc.Apps = map[string]*provision.AppReport{}
	}
	for _, t := range b.Targets {
		if doc.Apps[t.Name] == nil && (only == "" || only == t.Name) {
			doc.Apps[t.Name] = &provision.AppReport{}
		}
	}
	if doc.Plan == "" {
		doc.Plan = provision.Digest(nil)
	}
	return doc
}

// asideRows asks who was set aside, or waits to be tried again. It is an aid
// to the reader: without it the counts are still there.
func asideRows(ctx context.Context, u *server.Usher, doc *server.Document) (parked, waiting []server.ParkedRow) {
	for _, a := range doc.Apps {
		if a.Parked > 0 && parked == nil {
			parked, _ = u.Parked(ctx)
		}
		if a.Waiting > 0 && waiting == nil {
			waiting, _ = u.Waiting(ctx, most)
		}
	}
	return parked, waiting
}

// tell prints the document of a cycle. One that failed and has nothing to show
// is for machines only; for people the error says it all.
func (c *cli) tell(doc *server.Document, planned bool, err error) error {
	if doc == nil || err != nil && !c.json && idle(doc) {
		return err
	}
	return errors.Join(err, c.show(doc, planned))
}

func idle(doc *server.Document) bool {
	for _, a := range doc.Apps {
		if a.Requests > 0 || a.Writes() > 0 {
			return false
		}
	}
	return true
}

// actor is who the ledger names: the person at the terminal, by their login.
func actor(what string) string {
	if name := os.Getenv("USER"); name != "" {
		return what + " by " + name
	}
	return what
}
