// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
)

func (c *cli) statusCommand() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:   "status",
		Short: "Say what is there, and what is stuck",
		Long: "Says who runs, how many people there are, how old each source is, how each app is, and what waits for\n" +
			"somebody's decision. Works beside a running serve. Its exit code says whether it could look, not what it saw.",
		Example: "  usher status -c usher.yaml\n  usher status -c usher.yaml --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStatus(cmd, func(s *server.Status) error {
				if c.json {
					return c.document(s)
				}
				return c.status(s)
			})
		},
	})
}

func (c *cli) appsCommand() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:     "apps",
		Short:   "Say how each app is, in one line",
		Example: "  usher apps -c usher.yaml\n  usher apps -c usher.yaml --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStatus(cmd, func(s *server.Status) error {
				if c.json {
					type row struct {
						server.AppStatus `json:",inline"`
						Says             string `json:"says"`
					}
					rows := []row{}
					for _, a := range s.Apps {
						rows = append(rows, row{a, says(a)})
					}
					return c.document(rows)
				}
				t := newTable(c.out)
				for _, a := range s.Apps {
					t.row(a.App, says(a))
				}
				return t.flush()
			})
		},
	})
}

func (c *cli) withStatus(cmd *cobra.Command, fn func(*server.Status) error) (err error) {
	u, err := c.openRead(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	s, err := u.Status(cmd.Context())
	if err != nil {
		return err
	}
	return fn(s)
}

func (c *cli) status(s *server.Status) error {
	if s.Engine.Running {
		fmt.Fprintf(c.out, "engine: %s\n", printable(s.Engine.Holder))
	} else {
		fmt.Fprintln(c.out, "engine: none runs; what is due waits for usher serve, or an apply")
	}
	if s.Asked > 0 {
		fmt.Fprintf(c.out, "asked of it, not done yet: %s\n", plural(s.Asked, "request", "requests"))
	}
	p := s.People
	fmt.Fprintf(c.out, "%s: %d active, %d staged, %d on leave, %d missing, %d left\n\n",
		plural(p.Total, "person", "people"), p.Active, p.Staged, p.OnLeave, p.Missing, p.Leaver)
	t := newTable(c.out)
	t.row("SOURCE", "LAST READ", "ROWS", "SET ASIDE", "STATE")
	for _, src := range s.Sources {
		t.row(src.Source, lastRead(src), src.Rows, src.Rejected, sourceSays(src))
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	t = newTable(c.out)
	t.row("APP", "LIVE", "DISABLED", "DUE", "WAITING", "PARKED", "HELD", "STATE")
	for _, a := range s.Apps {
		t.row(a.App, a.Live, a.Disabled, a.Due, a.Waiting, a.Parked, a.Held, says(a))
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, a := range s.Apps {
		c.reasons(a)
		c.changed(a)
	}
	if len(s.Notes) > 0 {
		fmt.Fprintln(c.out, "\nfound at the last start:")
	}
	for _, n := range s.Notes {
		fmt.Fprintf(c.out, "  %s: %s\n", n.Level, printable(n.String()))
	}
	c.statusSecrets(s)
	for _, e := range s.Credentials {
		if e.Soon {
			fmt.Fprintf(c.out, "\n%s\n", printable(e.String()))
		}
	}
	c.statusHolds(s)
	return nil
}

// late is how long after its time a rotation is one that nobody does.
const late = 24 * time.Hour

// statusSecrets prints the secrets that somebody should look at.
func (c *cli) statusSecrets(s *server.Status) {
	for _, one := range s.Secrets {
		days := int(one.AgeSeconds / 86_400)
		switch {
		case one.Rotation == string(secret.Intended):
			fmt.Fprintf(c.out, "\nsecret:%s: a rotation was cut short; apply, serve or usher secret rotate -c %s %s --at-tenant goes on with it\n", one.Secret, c.file, one.Secret)
		case one.Rotates != nil && time.Since(*one.Rotates) > late:
			fmt.Fprintf(c.out, "\nsecret:%s was to be rotated%s: serve does it, or usher secret rotate -c %s %s --at-tenant\n", one.Secret, since(one.Rotates), c.file, one.Secret)
		case one.Old && one.Tenant:
			fmt.Fprintf(c.out, "\nsecret:%s is OLD, %d days: usher secret rotate -c %s %s --at-tenant\n", one.Secret, days, c.file, one.Secret)
		case one.Old:
			fmt.Fprintf(c.out, "\nsecret:%s is OLD, %d days: make a new one where it is taken, then usher secret rotate -c %s %s\n", one.Secret, days, c.file, one.Secret)
		}
	}
}

// reasons prints why things are set aside at one app.
func (c *cli) reasons(a server.AppStatus) {
	if a.Parked == 0 {
		return
	}
	fmt.Fprintf(c.out, "\n%s: set aside until something changes\n", a.App)
	shown := 0
	for _, r := range a.Reasons {
		shown += r.Count
		fmt.Fprintf(c.out, "  %d%s: %s\n", r.Count, since(r.Since), printable(inWords(r.Reason)))
	}
	if rest := a.Parked - shown; rest > 0 {
		fmt.Fprintf(c.out, "  %d for other reasons\n", rest)
	}
	fmt.Fprintf(c.out, "  who: usher people -c %s --parked\n", c.file)
}

// changed prints what an app says of itself now, and did not before, and what of the
// mapping does not fit it.
func (c *cli) changed(a server.AppStatus) {
	if a.Changed == nil {
		return
	}
	if len(a.Changed.What) > 0 {
		fmt.Fprintf(c.out, "\n%s: this app changed%s: it says something else of itself; nothing was paused\n", a.App, since(a.Changed.At))
	}
	for _, what := range a.Changed.What {
		fmt.Fprintf(c.out, "  %s\n", printable(what))
	}
	if len(a.Changed.Breaks) > 0 {
		fmt.Fprintf(c.out, "\n%s: the mapping does not fit what the app says that it takes\n", a.App)
	}
	for _, what := range a.Changed.Breaks {
		fmt.Fprintf(c.out, "  %s\n", printable(what))
	}
	fmt.Fprintf(c.out, "  now: usher check -c %s --live --app %s\n", c.file, a.App)
}

func (c *cli) statusHolds(s *server.Status) {
	if len(s.Holds) == 0 {
		return
	}
	fmt.Fprintf(c.out, "\nHELD: somebody must decide\n")
	for _, h := range s.Holds {
		fmt.Fprintf(c.out, "  %s%s: %s\n", h.App, since(h.Since), h.Reason)
		if h.Cause == directory.CauseAbsent {
			fmt.Fprintf(c.out, "    who: usher people -c %s --state missing\n", c.file)
		}
		fmt.Fprintf(c.out, "    if that is right: usher apply -c %s --release-hold %s\n", c.file, h.ID)
	}
}

// says is an app's health in one line: what matters most first, and no more
// than what somebody can act on or wait for.
func says(a server.AppStatus) string {
	if !a.Known {
		return "never looked at: no cycle has come to it yet"
	}
	if a.Paused != "" {
		s := "PAUSED" + since(a.PausedSince) + ", nothing is sent: " + inWords(a.Paused)
		if a.RetryAt != nil {
			s += "; next try at " + clock(*a.RetryAt)
		}
		return s + warns(a.Changed)
	}
	var parts []string
	if a.Breaker == provision.HalfOpen {
		parts = append(parts, "answers again after a pause"+since(a.PausedSince)+", and is sent one change at a time until one goes through")
	}
	if a.Held > 0 {
		parts = append(parts, fmt.Sprintf("HELD: %s for somebody's decision", plural(a.Held, "operation waits", "operations wait")))
	}
	switch going := a.Due - a.Waiting; {
	case going > 0 && a.Held == 0:
		parts = append(parts, plural(going, "change is", "changes are")+" on the way"+since(a.DueSince))
	case a.Due == 0 && a.Held == 0 && a.Parked == 0:
		parts = append(parts, "in step")
	case a.Due == 0 && a.Held == 0:
		parts = append(parts, "in step but for what is set aside")
	}
	if a.Waiting > 0 {
		s := plural(a.Waiting, "change is", "changes are") + " tried again"
		if a.RetryAt != nil {
			s += ", the next at " + clock(*a.RetryAt)
		}
		parts = append(parts, s)
	}
	if a.Parked > 0 {
		parts = append(parts, fmt.Sprintf("%d set aside", a.Parked))
	}
	s := plural(a.Live, "account", "accounts")
	if a.Disabled > 0 {
		s += fmt.Sprintf(", %d disabled", a.Disabled)
	}
	if a.Foreign > 0 {
		s += fmt.Sprintf(", %d that nobody here owns", a.Foreign)
	}
	return strings.Join(append(parts, s), "; ") + warns(a.Changed)
}

// warns is how an app's line ends that changed, or that the mapping does not fit.
func warns(ch *server.AppChange) string {
	if ch == nil {
		return ""
	}
	s := ""
	if len(ch.What) > 0 {
		s += "; THIS APP CHANGED" + since(ch.At)
	}
	if len(ch.Breaks) > 0 {
		s += fmt.Sprintf("; the mapping does not fit it in %s", plural(len(ch.Breaks), "place", "places"))
	}
	return s
}

func lastRead(s server.SourceStatus) string {
	if s.Pushed {
		return "–"
	}
	return ago(s.ReadAt)
}

// sourceSays is a source's health in one line.
func sourceSays(s server.SourceStatus) string {
	if n := len(s.Unmet); n > 0 {
		return health(s) + "; ENDED ACCESS OF NOBODY WHO IS KNOWN: " + unmet(s.Unmet)
	}
	return health(s)
}

// unmet are the keys of records that nobody knows, some of them.
func unmet(all []directory.Awaited) string {
	const most = 5
	var keys []string
	for _, a := range all[:min(len(all), most)] {
		keys = append(keys, fmt.Sprintf("%q at %s", a.Key, clock(a.At)))
	}
	if len(all) > most {
		keys = append(keys, fmt.Sprintf("%d more", len(all)-most))
	}
	return strings.Join(keys, ", ")
}

func health(s server.SourceStatus) string {
	switch {
	case s.Problem != "":
		return fmt.Sprintf("CANNOT BE READ%s, %s: %s", since(s.Since), plural(s.Tries, "try", "tries"), s.Problem)
	case s.Pushed:
		return "pushes by SCIM"
	case s.ReadAt == nil:
		return "never read"
	case s.Replay:
		return "an older file, read before: it brings nobody back"
	case !s.Complete:
		return "not proven complete, so nobody is taken for gone: " + s.Reason
	case s.Rejected > 0:
		return "read, but for the rows set aside"
	}
	return "fine"
}

func since(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " since " + clock(*t)
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ago says how long ago something was, in its largest unit.
func ago(t *time.Time) string {
	if t == nil {
		return "never"
	}
	switch d := time.Since(*t); {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d days ago", d/(24*time.Hour))
	}
}
