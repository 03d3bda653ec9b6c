// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

// most is how many operations of a kind, rejected rows or problems are printed
// one by one; --json has them all.
const most = 20

// show prints a cycle: the one document for machines, counts first for people.
func (c *cli) show(doc *server.Document, planned bool) error {
	if c.json {
		return c.document(doc)
	}
	t := newTable(c.out)
	t.row("APP", "CREATE", "UPDATE", "DISABLE", "DELETE", "GROUPS", "MEMBERS", "UNCHANGED", "HELD", "PARKED", "FOREIGN", "REQUESTS")
	for _, name := range slices.Sorted(maps.Keys(doc.Apps)) {
		a := doc.Apps[name]
		t.row(name, a.Create, a.Update, a.Disable, a.Delete, a.GroupCreate+a.GroupUpdate,
			fmt.Sprintf("+%d -%d", a.MemberAdd, a.MemberRemove), a.Unchanged, a.Held, a.Parked, c.foreign(name, a.Foreign), a.Requests)
	}
	if err := t.flush(); err != nil {
		return err
	}
	p := doc.People
	fmt.Fprintf(c.out, "\n%s: %d active, %d staged, %d on leave, %d missing, %d left\n",
		plural(p.Total, "person", "people"), p.Active, p.Staged, p.OnLeave, p.Missing, p.Leaver)
	c.showLeavers(doc, planned)
	c.showUnsought(doc)
	if planned {
		c.showPlan(doc)
		if !changes(doc) && len(doc.Holds) == 0 && !paused(doc) {
			fmt.Fprintln(c.out, "\nnothing to do")
		}
	}
	c.showAside(doc, planned)
	c.showHolds(doc)
	if planned {
		fmt.Fprintf(c.out, "\nplan %s\n", doc.Plan)
	}
	fmt.Fprintf(c.out, "%.1f s\n", doc.Seconds)
	return nil
}

// foreign is how many accounts nobody here owns, as far as the app's list shows.
func (c *cli) foreign(name string, n int) string {
	t := c.targets[name]
	switch {
	case t != nil && t.Source != "": // whose records they are is the source's to say
		return "-"
	case t == nil || t.App.Profile().ListTrusted && t.App.Profile().Users.List:
		return strconv.Itoa(n)
	case n == 0:
		return "unknown"
	}
	return strconv.Itoa(n) + " or more"
}

// showUnsought says where people who have left may have accounts all the same.
func (c *cli) showUnsought(doc *server.Document) {
	for _, name := range slices.Sorted(maps.Keys(doc.Apps)) {
		if n := doc.Apps[name].Unsought; n > 0 {
			fmt.Fprintf(c.out, "\n%s: %s not looked for: its list proves nothing, and it is not searched by userName or externalId; see to their accounts by hand\n",
				name, plural(n, "person who left was", "people who left were"))
		}
	}
}

func paused(doc *server.Document) bool {
	for _, a := range doc.Apps {
		if a.Paused != "" {
			return true
		}
	}
	return false
}

// showPlan prints what would be done, app by app, before → after.
func (c *cli) showPlan(doc *server.Document) {
	for _, p := range doc.Plans {
		c.showOps(p.App+":", p.Ops)
		for _, h := range p.Held {
			c.showOps(p.App+": held ("+string(h.Cause)+"):", h.Ops)
		}
	}
}

func (c *cli) showOps(heading string, ops []*provision.Op) {
	var kind provision.Kind
	n := 0
	for _, op := range ops {
		if op.Kind != kind {
			c.more(n)
			kind, n = op.Kind, 0
			fmt.Fprintf(c.out, "\n%s %s\n", heading, op.Words())
		}
		if n++; n <= most {
			c.showOp(op)
		}
	}
	c.more(n)
}

func (c *cli) more(n int) {
	if n > most {
		fmt.Fprintf(c.out, "  … and %d more (all of them with --json or --out)\n", n-most)
	}
}

func (c *cli) showOp(op *provision.Op) {
	fmt.Fprintf(c.out, "  %s  (%s)\n", printable(op.Label), printable(op.Why))
	for _, ch := range op.Changes {
		before, after := printable(ch.Before.String()), printable(ch.After.String())
		if op.Kind == provision.Create || op.Kind == provision.GroupCreate {
			fmt.Fprintf(c.out, "      %s: %s\n", aliased(ch.Path), after)
			continue
		}
		fmt.Fprintf(c.out, "      %s: %s → %s\n", aliased(ch.Path), before, after)
	}
}

// showAside prints what was set aside: rows, people, apps.
func (c *cli) showAside(doc *server.Document, planned bool) {
	for _, s := range doc.Sources {
		for _, note := range s.Notes {
			fmt.Fprintf(c.out, "\n%s: %s\n", s.Source, printable(note))
		}
		if !s.Complete {
			fmt.Fprintf(c.out, "\n%s: not proven complete, so nobody is taken for gone: %s\n", s.Source, printable(s.Reason))
		}
		if len(s.Rejected) == 0 {
			continue
		}
		fmt.Fprintf(c.out, "\n%s: %s of %d set aside; their people are as they were\n", s.File, plural(len(s.Rejected), "row", "rows"), s.Rows)
		for i, r := range s.Rejected {
			if i == most {
				fmt.Fprintf(c.out, "  … and %d more (all of them with --json)\n", len(s.Rejected)-most)
				break
			}
			where := fmt.Sprintf("line %d%s: ", r.Line, column(r.Column, r.Field))
			switch {
			case r.Line == 0 && r.Key == "": // the reason says where
				where = ""
			case r.Line == 0: // of a source that has no lines
				where = printable(r.Key) + ": "
			}
			fmt.Fprintf(c.out, "  %s%s\n", where, printable(r.Reason))
		}
	}
	for i, p := range doc.Problems {
		if i == most {
			fmt.Fprintf(c.out, "  … and %d more problems\n", len(doc.Problems)-most)
			break
		}
		fmt.Fprintf(c.out, "person %s: %s\n", p.Person, printable(p.What))
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Apps)) {
		a := doc.Apps[name]
		if a.Paused != "" {
			fmt.Fprintf(c.out, "\n%s: paused, nothing more is sent: %s\n", name, printable(inWords(a.Paused)))
		}
		if len(a.NotKept) > 0 && a.Writes() > 0 {
			fmt.Fprintf(c.out, "\n%s: answers with success and does not keep %s as it was sent; it is not sent again for that\n",
				name, printable(strings.Join(aliases(a.NotKept), ", ")))
		}
		if a.Drifted > 0 {
			fmt.Fprintf(c.out, "\n%s: not as it was left, which the ledger tells of (account.drifted, group.drifted): %s\n", name, plural(a.Drifted, "account or group", "accounts or groups"))
		}
		if a.Parked > 0 {
			fmt.Fprintf(c.out, "\n%s: set aside until something changes: %s\n", name, plural(a.Parked, "account or group", "accounts or groups"))
			c.rows(name, c.aside, fmt.Sprintf("usher people -c %s --parked lists them all", c.file))
		}
		if a.Waiting > 0 && !planned && a.Paused == "" && a.Held == 0 {
			fmt.Fprintf(c.out, "\n%s: not done, the next apply tries again: %s\n", name, plural(a.Waiting, "account", "accounts"))
			c.rows(name, c.waiting, "")
		}
	}
}

// rows lists what was set aside at one app, and where there is more.
func (c *cli) rows(app string, all []server.ParkedRow, more string) {
	n := 0
	for _, r := range all {
		if r.App != app {
			continue
		}
		if n++; n <= most {
			fmt.Fprintf(c.out, "  %s: %s\n", printable(r.Who), printable(inWords(r.Reason)))
		}
	}
	if more != "" && (n == 0 || n > most) {
		fmt.Fprintf(c.out, "  %s\n", more)
	}
}

func column(n int, field string) string {
	var parts []string
	if n > 0 {
		parts = append(parts, fmt.Sprintf("column %d", n))
	}
	if field != "" {
		parts = append(parts, printable(field))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, " ")
}

func (c *cli) showHolds(doc *server.Document) {
	if len(doc.Holds) == 0 {
		return
	}
	fmt.Fprintf(c.out, "\nHELD: somebody must decide\n")
	for _, h := range doc.Holds {
		fmt.Fprintf(c.out, "  %s: %s\n", h.App, h.Reason)
		if h.Cause == directory.CauseAbsent {
			fmt.Fprintf(c.out, "    who: usher people -c %s --state missing (after an apply)\n", c.file)
		}
		fmt.Fprintf(c.out, "    if that is right: usher apply -c %s --release-hold %s\n", c.file, h.ID)
	}
}
