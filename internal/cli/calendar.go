// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/server"
)

// mostDays is how far a calendar looks ahead: two years.
const mostDays = 731

func (c *cli) calendarCommand() *cobra.Command {
	var days int
	cmd := c.withFile(&cobra.Command{
		Use:   "calendar",
		Short: "Say what the coming days bring by themselves",
		Long: "Lists who starts, ends, goes on leave and returns in the days ahead, and whose account is deleted because its\n" +
			"grace time ends: when, in the zone of whom it concerns, and in which apps it shows.",
		Example: "  usher calendar -c usher.yaml\n  usher calendar -c usher.yaml --days 90 --json",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if days < 1 || days > mostDays {
				return usageError{fmt.Errorf("--days must be 1 to %d, not %d", mostDays, days)}
			}
			u, err := c.openRead(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, u.Close()) }()
			dates, err := u.Calendar(cmd.Context(), days)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(dates)
			}
			return c.calendar(dates, days)
		},
	})
	cmd.Flags().IntVar(&days, "days", 30, "how many `DAYS` to look ahead")
	return cmd
}

func (c *cli) calendar(dates []server.Date, days int) error {
	if len(dates) == 0 {
		_, err := fmt.Fprintf(c.out, "nothing in the next %s\n", plural(days, "day", "days"))
		return err
	}
	t := newTable(c.out)
	t.row("WHEN", "WHO", "WHAT HAPPENS")
	for _, d := range dates {
		what := happens(d)
		if d.Overdue {
			what += " (OVERDUE: held, or no engine has run since)"
		}
		t.row(d.At.Format("2006-01-02 15:04 MST"), d.Who, what)
	}
	return t.flush()
}

// happens puts a date into words.
func happens(d server.Date) string {
	in := strings.Join(d.Apps, ", ")
	switch {
	case d.What == "delete":
		return "the disabled account is deleted: " + in
	case d.What == "starts" && in != "":
		return "starts: accounts where they are in scope (" + in + ")"
	case d.What == "starts":
		return "starts"
	case d.What == "ends" && in != "":
		return "ends: loses " + in
	case d.What == "ends":
		return "ends: has no account"
	case d.What == "leave":
		return "goes on leave"
	}
	return "returns from leave"
}
