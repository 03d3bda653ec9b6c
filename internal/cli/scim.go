// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/scim/scimtest"
)

// How long an endpoint may take that somebody has typed: to be connected to, and to answer.
const (
	typedDialTimeout = 10 * time.Second
	typedTimeout     = 15 * time.Second
)

func (c *cli) scimCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "scim",
		Short:   "Look at a SCIM 2.0 endpoint, anybody's",
		Example: "  usher scim check https://app.example/scim/v2",
		Args:    arguments(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.scimCheck())
	return cmd
}

func (c *cli) scimCheck() *cobra.Command {
	var tokenEnv, report, profile string
	cmd := &cobra.Command{
		Use:   "check URL",
		Short: "Check an endpoint against RFC 7643, RFC 7644 and RFC 9865, requirement by requirement",
		Long: "Makes users and groups whose names begin with usher-check-, looks at what becomes of them, and removes them\n" +
			"again; it touches nothing else. The bearer token comes from the environment. Exit code 1 if a requirement\n" +
			"that leaves no choice is not met. A profile adds the checks of a kind of client, and takes for decisions where\n" +
			"its clients need other than the RFCs.",
		Example: "  SCIM_TOKEN=… usher scim check https://app.example/scim/v2\n" +
			"  usher scim check http://127.0.0.1:8484/scim/v2 --token-env UPSTREAM --report conformance.html\n" +
			"  usher scim check https://app.example/scim/v2 --profile entra",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := reportWriter(report)
			if err != nil {
				return usageError{err}
			}
			suite := scimtest.Suite{Base: args[0]}
			if suite.Profile, err = scimtest.ProfileOf(profile); err != nil {
				return usageError{err}
			}
			if err := suite.Validate(); err != nil {
				return usageError{err}
			}
			way, err := dial.NewTypedTransport(args[0], typedDialTimeout, 8)
			if err != nil {
				return usageError{err}
			}
			suite.HTTP = &http.Client{Transport: way, Timeout: typedTimeout}
			token, _ := c.lookup(tokenEnv)
			if token == "" {
				fmt.Fprintf(c.err, "usher: %s is empty: requests carry no token\n", printable(tokenEnv))
			}
			fmt.Fprintf(c.err, "usher: makes users and groups named usher-check-… at %s, and removes them again\n", printable(args[0]))
			bar := c.progress()
			suite.Token, suite.Began = token, func(scimtest.Check) { bar.add(1) }
			r, err := suite.Run(cmd.Context())
			bar.finish()
			if err != nil {
				return err
			}
			return c.judged(r, report, write)
		},
	}
	cmd.Flags().StringVar(&tokenEnv, "token-env", "SCIM_TOKEN", "the environment variable that has the bearer token")
	complete(cmd, "token-env", cobra.NoFileCompletions)
	cmd.Flags().StringVar(&profile, "profile", scimtest.ProfileRFC, "what the endpoint is for: "+strings.Join(profileNames(), ", "))
	complete(cmd, "profile", cobra.FixedCompletions(profileNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&report, "report", "", "write the report to this `FILE`: .json, .html or .txt")
	return cmd
}

func profileNames() []string {
	var out []string
	for _, p := range scimtest.Profiles() {
		out = append(out, p.Name)
	}
	return out
}

// judged prints a report, and ends with 1 if the endpoint does not conform.
func (c *cli) judged(r scimtest.Report, file string, write func(scimtest.Report, io.Writer) error) (err error) {
	if file != "" {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(write(r, f), f.Close()); err != nil {
			return err
		}
		fmt.Fprintf(c.err, "usher: the report is in %s\n", printable(file))
	}
	if c.json {
		err = c.document(r)
	} else {
		err = r.WriteTable(c.out)
	}
	if err == nil && r.Failed > 0 {
		return codeError(exitFailed)
	}
	return err
}

// reportWriter chooses the form of a report by the ending of its file's name.
func reportWriter(file string) (func(scimtest.Report, io.Writer) error, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json":
		return scimtest.Report.WriteJSON, nil
	case ".html", ".htm":
		return scimtest.Report.WriteHTML, nil
	case ".txt":
		return scimtest.Report.WriteTable, nil
	case "":
		if file == "" {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("--report %s: the name must end with .json, .html or .txt", file)
}
