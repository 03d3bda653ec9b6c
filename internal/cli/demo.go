// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/demo"
)

func (c *cli) demoCommand() *cobra.Command {
	var cfg demo.Config
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a made-up company, with nothing to configure",
		Long: "Makes up a company, its HR file and apps with different quirks on this machine, and plays two weeks of hires,\n" +
			"moves and departures. Then it stays up: edit the HR file and watch the apps follow; Ctrl-C ends it.\n" +
			"With --once it ends after the story; exit code 1 if an app did not end as it should.\n\n" +
			"Stories:\n" + stories(),
		Example: "  usher demo\n  usher demo --once\n  usher demo --once --story auth0\n  usher demo --people 1000 --dir acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(demo.StoryNames(), cfg.Story) {
				return usageError{fmt.Errorf("there is no story %q; there is %s", cfg.Story, strings.Join(demo.StoryNames(), ", "))}
			}
			if cfg.People == 0 {
				cfg.People = demo.Stories()[cfg.Story].People
			}
			if cfg.People < demo.MinPeople || cfg.People > demo.MaxPeople {
				return usageError{fmt.Errorf("a company has %d to %d people, not %d", demo.MinPeople, demo.MaxPeople, cfg.People)}
			}
			return c.demo(cmd.Context(), cfg, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the story")
	cmd.Flags().StringVar(&cfg.Story, "story", "company", "the `NAME` of the story")
	cmd.Flags().IntVar(&cfg.People, "people", 0, "how many people work there, `N`; as many as the story has, if none is given")
	cmd.Flags().StringVar(&cfg.Dir, "dir", "", "keep the files in this `DIR`, which must be empty")
	complete(cmd, "story", cobra.FixedCompletions(demo.StoryNames(), cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "people", cobra.NoFileCompletions)
	complete(cmd, "dir", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
	return cmd
}

// stories says what there is to be played.
func stories() string {
	var b strings.Builder
	for _, name := range demo.StoryNames() {
		s := demo.Stories()[name]
		fmt.Fprintf(&b, "  %-8s  %s, with %d people unless told\n", name, s.Says, s.People)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (c *cli) demo(ctx context.Context, cfg demo.Config, once bool) (err error) {
	if !c.json {
		var bar *progress // one for each day
		cfg.Began = func(s demo.StepReport) {
			c.began(s)
			bar = c.progress()
		}
		cfg.Ended = func(s demo.StepReport) {
			bar.finish()
			c.ended(s)
		}
		cfg.Progress = func(n int) { bar.add(n) }
	}
	d, err := demo.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if !c.json {
		c.cast(d)
	}
	r, err := d.Play(ctx)
	if c.json {
		err = errors.Join(err, c.document(r))
	} else if err == nil {
		err = c.curtain(r)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(c.err, "usher: stopped in the middle of the story")
		return codeError(exitFailed)
	case err != nil:
		return err
	case !r.Passed:
		return codeError(exitFailed)
	case once:
		return nil
	}
	return c.stay(ctx, d)
}

// cast says who plays.
func (c *cli) cast(d *demo.Demo) {
	fmt.Fprintf(c.out, "A made-up company of %d people, its HR file, and %d apps on this machine:\n\n", len(d.Company.Workers), len(d.Apps))
	t := newTable(c.out)
	for _, a := range d.Apps {
		t.row("  "+a.Name, a.Says, a.URL())
	}
	_ = t.flush() // as with every line here: nobody can be told that telling fails
	if d.Story.Tells != "" {
		fmt.Fprintf(c.out, "\n%s\n", d.Story.Tells)
	}
	fmt.Fprintln(c.out)
}

// began says what HR does.
func (c *cli) began(s demo.StepReport) {
	at, err := time.Parse(time.DateOnly, s.Day)
	if err != nil {
		at = time.Time{} // it is our own
	}
	fmt.Fprintf(c.out, "%s: %s\n", at.Format("Monday 2 January"), s.Title)
	fmt.Fprintf(c.out, "  HR      %s\n", printable(s.HR))
	if s.Login != "" {
		fmt.Fprintf(c.out, "  Auth0   %s\n", printable(s.Login))
	}
}

// ended says what Usher did, and whether that is what had to follow.
func (c *cli) ended(s demo.StepReport) {
	for _, did := range s.Did {
		fmt.Fprintf(c.out, "  Usher   %s\n", printable(did))
	}
	if len(s.Wrong) == 0 {
		fmt.Fprintf(c.out, "  right   %s  (%.1f s)\n\n", s.Follows, s.Seconds)
		return
	}
	fmt.Fprintf(c.out, "  WRONG   must be: %s  (%.1f s)\n", s.Follows, s.Seconds)
	for _, w := range s.Wrong {
		fmt.Fprintf(c.out, "          %s\n", printable(w))
	}
	fmt.Fprintln(c.out)
}

// curtain is the table of what happened, app by app.
func (c *cli) curtain(r *demo.Report) error {
	t := newTable(c.out)
	t.row("APP", "PEOPLE", "ACCOUNTS", "DISABLED", "GROUPS", "WRITES", "REQUESTS", "RETRIES", "VERDICT")
	for _, a := range r.Apps {
		verdict := "as it should be"
		if len(a.NotKept) > 0 {
			verdict += ", but for " + strings.Join(a.NotKept, ", ") + ", and Usher says so"
		}
		if len(a.Wrong) > 0 {
			verdict = fmt.Sprintf("WRONG: %s", plural(len(a.Wrong), "difference", "differences"))
		}
		t.row(a.Name, a.People, a.Accounts, a.Disabled, a.Groups, a.Writes, a.Requests, a.Retries, verdict)
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, a := range r.Apps {
		for _, w := range a.Wrong {
			fmt.Fprintf(c.out, "%s: %s\n", a.Name, printable(w))
		}
	}
	_, err := fmt.Fprintf(c.out, "%.1f s\n", r.Seconds)
	return err
}

// stay keeps the company up until somebody ends it.
func (c *cli) stay(ctx context.Context, d *demo.Demo) error {
	if !c.json {
		fmt.Fprintf(c.out, "\nThe company stays up. Edit the HR file and watch the apps follow; Ctrl-C ends it.\n\n  HR file        %s\n  configuration  %s\n",
			d.HRFile(), d.ConfigFile())
		fmt.Fprintf(c.out, "\nIn another terminal:\n\n  usher people -c %[1]s\n  usher status -c %[1]s\n  curl -H 'Authorization: Bearer %s' %s/Users\n\n",
			d.ConfigFile(), d.Token(), d.PlainURL())
		if d.Story.Stays != "" {
			fmt.Fprintf(c.out, "%s\n\n", d.Story.Stays)
		}
	}
	err := d.Stay(ctx, func(line string) {
		if !c.json {
			fmt.Fprintln(c.out, printable(line))
		}
	})
	if err == nil && !c.json {
		_, err = fmt.Fprintln(c.out, "The company is closed.")
	}
	return err
}
