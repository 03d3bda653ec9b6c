// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/probe"
	"github.com/usher-id/usher/internal/dial"
)

// probeFlags are how a probe is called.
type probeFlags struct {
	tokenEnv, out, profile string
	yes, leave, rate       bool
}

func (c *cli) probeCommand() *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "probe URL",
		Short: "Find out what a SCIM 2.0 endpoint really does, and write a profile of it",
		Long: "Makes a user and a group whose names begin with usher-probe-, finds out with them what the endpoint really does\n" +
			"(not what it claims), and removes them again, also after Ctrl-C; what a run could not remove is named, and the\n" +
			"next one on the same address removes it. Nobody else's account is touched. Where the app cannot delete, it asks before it goes on,\n" +
			"and leaves its users inactive. The bearer token comes from the environment.\n" +
			"The profile goes into a file, by default in the current folder after the host; what is there is not written over.\n" +
			"Exit code 4 if canaries are left there, 1 if it did not come to its end.",
		Example: "  SCIM_TOKEN=… usher probe https://app.example/scim/v2              # writes app.example.profile.json\n" +
			"  usher probe https://app.example/scim/v2 --yes --out crm.json    # then, in usher.yaml: profile: ./crm.json\n" +
			"  usher probe https://app.example/scim/v2 --profile okta-inbound-scim --rate",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return c.probe(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.tokenEnv, "token-env", "SCIM_TOKEN", "the environment variable that has the bearer token")
	complete(cmd, "token-env", cobra.NoFileCompletions)
	cmd.Flags().StringVar(&f.out, "out", "", "write the profile to this `FILE`, which apps.….profile of a configuration may name (default: HOST.profile.json here, or HOST.2.profile.json …; with --json none)")
	complete(cmd, "out", files("json"))
	cmd.Flags().StringVar(&f.profile, "profile", "", "compare with this profile (default: the one whose address pattern the URL follows)")
	complete(cmd, "profile", profileCompletions)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask before canaries are made")
	cmd.Flags().BoolVar(&f.leave, "leave-canaries", false, "do not ask either where the app cannot delete: canaries stay there, inactive (implies --yes)")
	cmd.Flags().BoolVar(&f.rate, "rate", false, "also look for the rate at which the app resists: 370 requests within 10 s at most")
	return cmd
}

func profileCompletions(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	profiles, err := app.Profiles()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range profiles {
		out = append(out, cobra.CompletionWithDesc(p.ID, p.Name))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (c *cli) probe(ctx context.Context, base string, f probeFlags) error {
	way, err := dial.NewTypedTransport(base, typedDialTimeout, 8)
	if err != nil {
		return usageError{err}
	}
	known, err := knownApp(base, f.profile)
	if err != nil {
		return err
	}
	if f.out == "" && !c.json { // --json has the profile in its document
		if f.out, err = freeName(base); err != nil {
			return usageError{err}
		}
	}
	if err := writable(f.out); err != nil {
		return usageError{err}
	}
	token, _ := c.lookup(f.tokenEnv)
	if token == "" {
		fmt.Fprintf(c.err, "usher: %s is empty: requests carry no token\n", printable(f.tokenEnv))
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return usageError{fmt.Errorf("%s holds a character that no token may have, such as a line break", f.tokenEnv)}
	}
	if known != nil {
		fmt.Fprintf(c.err, "usher: compares it with the profile %s, of %s\n", known.ID, known.Name)
	}
	bar := c.progress()
	r, err := probe.Run(ctx, probe.Config{
		BaseURL: base, Token: token, HTTP: &http.Client{Transport: way},
		Known: known, Ask: c.agreement(f), Rate: f.rate, Told: func() { bar.add(1) },
	})
	bar.finish()
	return c.probed(r, f, err)
}

// knownApp is the profile to compare with; nil for none.
func knownApp(base, name string) (*app.Profile, error) {
	if name == "" {
		p, ok, err := app.Recognise(base)
		if err != nil || !ok {
			return nil, err
		}
		return &p, nil
	}
	all, err := app.Profiles()
	if err != nil {
		return nil, err
	}
	if all, err = namedProfile(all, name); err != nil {
		return nil, err
	}
	if all[0].Kind != "scim2" {
		return nil, usageError{fmt.Errorf("profile %s is of an API of the app's own, which has no SCIM endpoint", name)}
	}
	return &all[0], nil
}

// freeName is a file for the profile of whom nobody has named one: after the host, in the
// folder where the command runs, and never one that is there.
func freeName(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	host := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(u.Hostname())), ".-")
	const most = 100
	for n := 1; n <= most; n++ {
		name := host + ".profile.json"
		if n > 1 {
			name = fmt.Sprintf("%s.%d.profile.json", host, n)
		}
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			return name, nil
		}
	}
	return "", fmt.Errorf("there are %d profiles of %s here; name a file by --out", most, host)
}

// writable says early what would be a pity to hear at the end.
func writable(file string) error {
	if file == "" {
		return nil
	}
	if !app.IsProfileFile(file) {
		return fmt.Errorf("--out %s: a profile's file ends with .json, so that a configuration can tell it from a built-in one", file)
	}
	if i, err := os.Stat(filepath.Dir(file)); err != nil || !i.IsDir() {
		return fmt.Errorf("--out %s: there is no directory %s", file, filepath.Dir(file))
	}
	if i, err := os.Stat(file); err == nil && !i.Mode().IsRegular() {
		return fmt.Errorf("--out %s: it is there, and no file", file)
	}
	return nil
}

// agreement asks on a terminal what the flags do not answer. Without a terminal
// nobody can agree.
func (c *cli) agreement(f probeFlags) func(context.Context, probe.Question) (bool, error) {
	in, isFile := c.in.(*os.File)
	asks := isFile && term.IsTerminal(int(in.Fd()))
	lines := bufio.NewReader(c.in)
	return func(ctx context.Context, q probe.Question) (bool, error) {
		fmt.Fprintf(c.err, "usher: %s\n", printable(q.Text))
		flag := "--yes"
		if q.Leave {
			flag = "--leave-canaries"
		}
		switch {
		case f.leave, f.yes && !q.Leave:
			return true, nil
		case !asks:
			return false, usageError{fmt.Errorf("nobody is here to agree to that; if it is meant: %s", flag)}
		}
		fmt.Fprint(c.err, "Go on? [y/N] ")
		line, ok := typed(ctx, lines)
		if !ok { // no answer is a no
			fmt.Fprintln(c.err)
		}
		return ok && slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line))), nil
	}
}

// typed is a line of what somebody types; false if the input or the context ends before.
// A read cannot be taken back: in the second case its goroutine stays until there is a
// line, or until the process ends, which it does soon after an interrupt.
func typed(ctx context.Context, lines *bufio.Reader) (string, bool) {
	if ctx.Err() != nil {
		return "", false
	}
	type read struct {
		line string
		err  error
	}
	got := make(chan read, 1)
	go func() {
		line, err := lines.ReadString('\n')
		got <- read{line, err}
	}()
	select {
	case r := <-got:
		return r.line, r.err == nil && ctx.Err() == nil
	case <-ctx.Done():
		return "", false
	}
}

// probed prints what was found, and ends with the code that goes with it.
func (c *cli) probed(r *probe.Report, f probeFlags, err error) error {
	if r.Requests == 0 { // nothing was begun
		if errors.Is(err, probe.ErrDeclined) {
			return errors.New("nothing was made, and nothing was asked of the app")
		}
		return err
	}
	var kept error // that the file is not there is said after what was found, and what is left
	if f.out != "" && r.Profile != nil {
		if kept = writeWhole(f.out, append(slices.Clone(r.Profile), '\n')); kept == nil {
			fmt.Fprintf(c.err, "usher: the profile is in %s; in a configuration: profile: %s\n", printable(f.out), printable(f.out))
		}
	}
	var printed error
	var usage usageError
	if c.json {
		printed = c.document(r)
	} else {
		printed = c.probeReport(r)
	}
	switch {
	case errors.Is(err, probe.ErrDeclined):
		err = errors.New("not agreed to: the run ends here")
	case errors.As(err, &usage): // by then it is more than a mistake of the call
		err = usage.error
	case err == nil && kept != nil:
		err = kept
	case err == nil && len(r.Left) > 0:
		err = codeError(exitAside)
	}
	if err != nil && printed == nil {
		return err
	}
	return printed
}

// writeWhole writes a file that its owner may read, whole or not at all.
func writeWhole(file string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".profile-*")
	if err != nil {
		return fmt.Errorf("--out %s: the profile was not written: %w", file, err)
	}
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("--out %s: the profile was not written: %w", file, errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// probeReport is the report for people.
func (c *cli) probeReport(r *probe.Report) error {
	s := &sheet{w: c.out}
	s.under("Otherwise")
	if len(r.Deviations) == 0 && r.Complete {
		s.line("nothing was found that plain SCIM 2.0 has otherwise")
	}
	for _, d := range r.Deviations {
		s.line(printable(d))
	}
	last := ""
	for _, f := range r.Facts {
		if f.About != last {
			s.under(strings.ToUpper(f.About[:1]) + f.About[1:])
			last = f.About
		}
		s.line(printable(f.Text))
	}
	s.under("Not seen")
	for _, n := range r.NotSeen {
		s.line(printable(n))
	}
	s.under("Rate")
	if rate := r.Rate; rate != nil {
		s.line(rateWords(rate))
	}
	s.under("Removed")
	for _, x := range r.Removed {
		s.line(printable(fmt.Sprintf("%s %s (%s), which an earlier run had left", strings.ToLower(x.Type), x.Name, x.ID)))
	}
	s.under("Left there")
	if !r.Complete && len(r.Left) == 0 {
		s.line("nothing")
	}
	s.under("LEFT THERE")
	for _, x := range r.Left {
		id := x.ID
		if id == "" {
			id = "if it was made at all"
		}
		s.line(printable(fmt.Sprintf("%s %s (%s): %s", strings.ToLower(x.Type), x.Name, id, x.State)))
	}
	if s.err != nil {
		return s.err
	}
	if r.Known != "" && r.Complete {
		if err := c.differences(r); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.out, "\n%s in %.1f s\n", plural(r.Requests, "request", "requests"), r.Seconds)
	return err
}

func rateWords(r *probe.Rate) string {
	if !r.Resisted {
		return fmt.Sprintf("no resistance up to %v requests a second", r.PerSecond)
	}
	text := fmt.Sprintf("it resists at %v requests a second, after %d requests, with %d", r.PerSecond, r.Requests, r.Status)
	if r.After > 0 {
		text += fmt.Sprintf("; asks to wait %v s", r.After)
	}
	if r.Slowed() {
		text += fmt.Sprintf("; its profile has %v", r.Held)
	}
	return text
}

// differences is what the profile that is known says otherwise.
func (c *cli) differences(r *probe.Report) error {
	if len(r.Differences) == 0 {
		_, err := fmt.Fprintf(c.out, "\nprofile %s says the same of everything that was looked at\n", r.Known)
		return err
	}
	fmt.Fprintf(c.out, "\nWhat profile %s says otherwise:\n", r.Known)
	s := &sheet{w: c.out}
	for _, d := range r.Differences {
		s.under("")
		s.line(printable(d.Field + ": " + d.Matters))
		s.under("  profile")
		s.line(printable(d.Ours))
		s.under("  found")
		s.line(printable(d.Found))
	}
	return s.err
}
