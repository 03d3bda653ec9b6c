// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/scim"
)

func (c *cli) whyCommand() *cobra.Command {
	return c.withFile(&cobra.Command{
		Use:   "why PERSON [APP [ATTRIBUTE]]",
		Short: "Say where each value, or its absence, comes from",
		Long: "Follows a value from the source's row over the rule and the desired value to the last request, its answer and\n" +
			"what was read back. PERSON is a user name, the key of a record, or a person's id.",
		Example:           "  usher why -c usher.yaml ada.brandt@acme.example\n  usher why -c usher.yaml ada.brandt@acme.example slack\n  usher why -c usher.yaml 00-0037846 slack enterprise.department",
		Args:              arguments(cobra.RangeArgs(1, 3)),
		ValidArgsFunction: c.question,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 2 {
				if _, err := scim.CoreSchemas().ParsePath(args[2]); err != nil {
					return usageError{fmt.Errorf("%q is no attribute: %w", args[2], err)}
				}
			}
			u, err := c.openRead(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, u.Close()) }()
			q := server.Question{Person: args[0]}
			if len(args) > 1 {
				q.App = args[1]
				if err := c.known(u.Built, q.App); err != nil {
					return err
				}
			}
			if len(args) > 2 {
				q.Attribute = args[2]
			}
			w, err := u.Why(cmd.Context(), q)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(w)
			}
			c.why(w, q.Attribute != "")
			return nil
		},
	})
}

func (c *cli) why(w *server.Explanation, asked bool) {
	p := func(format string, args ...any) { fmt.Fprintln(c.out, printable(fmt.Sprintf(format, args...))) }
	p("%s  (%s)", w.UserName, w.Person)
	p("  %s: %s", w.State, w.Why)
	for _, r := range w.Records {
		line := fmt.Sprintf("  record %s:%s, generation %d, from %s, taken %s", r.Source, r.Key, r.Generation, directory.Origin(r.File, r.Line), r.At.Format(time.RFC3339))
		if !r.Missing.IsZero() {
			line += ", missing since " + r.Missing.Format(time.RFC3339)
		}
		p("%s", line)
	}
	for _, t := range w.Teams {
		p("  team %s (rule %s)", t.Name, t.Rule)
	}
	for _, a := range w.Apps {
		p("")
		p("%s: %s", a.App, a.Standing)
		if a.RemoteID != "" {
			p("  account %s, %s since %s", a.RemoteID, a.State, a.Since.Format(time.RFC3339))
		}
		if a.Last != nil {
			p("  last request: %s", words(a.Last))
		}
		for _, g := range a.Groups {
			p("  group %s: %s", g.Name, g.Standing)
		}
		if strings.HasPrefix(a.Standing, "no account") && !asked {
			continue // what it would hold says nothing about why there is none
		}
		for _, v := range a.Attributes {
			c.whyAttribute(p, v)
		}
	}
}

func (c *cli) whyAttribute(p func(string, ...any), v server.AttributeWhy) {
	p("")
	if v.Confirmed.IsUnassigned() {
		p("  %s is not set there", aliased(v.Path))
	} else {
		p("  %s = %s", aliased(v.Path), v.Confirmed)
	}
	for i, s := range v.Steps {
		p("    %s%s", strings.Repeat("  ", min(i, 3)), s)
	}
	if v.NotKept != "" {
		p("    %s", v.NotKept)
	}
	if v.Request != nil {
		p("    sent by %s", words(v.Request))
	}
}

// words puts a request into a sentence for a support person.
func words(r *server.Request) string {
	s := fmt.Sprintf("%s %s at %s", r.Kind, r.RequestID, r.At.Format(time.RFC3339))
	if r.Status != 0 {
		s += fmt.Sprintf(", answered %d", r.Status)
	}
	s += ": " + r.Result
	if r.Verified {
		s += ", read back"
	}
	if r.Detail != "" {
		s += " (" + inWords(r.Detail) + ")"
	}
	return s
}
