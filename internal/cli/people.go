// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
)

// personRow is a person as `people --json` prints them.
type personRow struct {
	ID       string          `json:"id"`
	UserName string          `json:"userName"`
	State    directory.State `json:"state"`
	Why      string          `json:"why"`
	Records  []directory.Key `json:"records"`
}

func (c *cli) peopleCommand() *cobra.Command {
	var state string
	var parked bool
	states := []string{"", "active", "staged", "on_leave", "missing", "leaver", "erased"}
	cmd := c.withFile(&cobra.Command{
		Use:     "people",
		Short:   "List who there is, and where in their lifecycle",
		Example: "  usher people -c usher.yaml\n  usher people -c usher.yaml --state missing\n  usher people -c usher.yaml --parked",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if !slices.Contains(states, state) {
				return usageError{fmt.Errorf("there is no state %q; there is %s", state, strings.Join(states[1:], ", "))}
			}
			u, err := c.openRead(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, u.Close()) }()
			if parked {
				return c.parked(cmd, u)
			}
			rows := []personRow{}
			err = u.List(cmd.Context(), directory.State(state), func(l directory.Listing) { rows = append(rows, rowOf(l)) })
			if err != nil {
				return err
			}
			return c.people(rows)
		},
	})
	cmd.Flags().StringVar(&state, "state", "", "only people of this `STATE`: staged, active, on_leave, missing, leaver")
	complete(cmd, "state", cobra.FixedCompletions(states[1:], cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&parked, "parked", false, "accounts that are set aside, with the reason")
	return cmd
}

func rowOf(l directory.Listing) personRow {
	r := personRow{ID: l.Person.ID, UserName: l.Person.UserName(), State: l.Person.State, Why: l.Person.Why, Records: []directory.Key{}}
	for _, rec := range l.Records {
		r.Records = append(r.Records, rec.Key)
	}
	return r
}

func (c *cli) people(rows []personRow) error {
	if c.json {
		return c.document(rows)
	}
	slices.SortFunc(rows, func(a, b personRow) int { return strings.Compare(a.UserName, b.UserName) })
	t := newTable(c.out)
	t.row("USER NAME", "STATE", "RECORDS", "WHY")
	for _, r := range rows {
		keys := ""
		for i, k := range r.Records {
			if i > 0 {
				keys += " "
			}
			keys += k.Source + ":" + k.ID
		}
		t.row(r.UserName, r.State, keys, r.Why)
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.out, plural(len(rows), "person", "people"))
	return err
}

func (c *cli) parked(cmd *cobra.Command, u *server.Usher) error {
	rows, err := u.Parked(cmd.Context())
	if err != nil {
		return err
	}
	if c.json {
		return c.document(rows)
	}
	t := newTable(c.out)
	t.row("APP", "WHO", "REASON")
	for _, r := range rows {
		t.row(r.App, r.Who, inWords(r.Reason))
	}
	return t.flush()
}
