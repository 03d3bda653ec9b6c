// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/url"
	"slices"
	"strings"
)

// Parse validates a configuration that is already in memory; file is its name
// in positions. See Load.
func Parse(file string, data []byte, lookup func(string) (string, bool)) (*Config, error) {
	r := &reader{file: file, lookup: lookup}
	root := r.read(data)
	d := &decoder{file: file, errs: r.errs}
	cfg := &Config{
		File:     file,
		Calendar: Calendar{TimeZone: Text{Value: "UTC", Pos: Position{File: file}}},
		Guard:    DefaultGuard(),
		Server:   DefaultServer(), Telemetry: DefaultTelemetry(),
	}
	if root != nil {
		d.config(root, cfg)
		d.reachable(cfg)
	}
	if len(d.errs) > 0 {
		d.errs.Sort()
		return nil, d.errs
	}
	cfg.Digest = digest(cfg)
	return cfg, nil
}

// config reads the whole file. Teams come before apps, as apps name teams.
func (d *decoder) config(n *node, cfg *Config) {
	later := func(key string) field { return field{key: key, later: true} }
	d.section(n, "", Position{File: d.file, Line: 1, Column: 1},
		field{key: "store", required: true, read: func(n *node) { cfg.Store = d.store(n) }},
		field{key: "calendar", read: func(n *node) { d.calendar(n, &cfg.Calendar) }},
		field{key: "sources", required: true, read: func(n *node) { cfg.Sources = d.sources(n) }},
		field{key: "teams", read: func(n *node) { cfg.Teams = d.teams(n, pushed(cfg.Sources)) }},
		field{key: "apps", read: func(n *node) { cfg.Apps = d.apps(n, append(pushed(cfg.Sources), cfg.Teams...), cfg.Sources) }},
		field{key: "guard", read: func(n *node) { d.guard(n, &cfg.Guard) }},
		field{key: "server", read: func(n *node) { d.server(n, &cfg.Server) }},
		field{key: "telemetry", read: func(n *node) { d.telemetry(n, &cfg.Telemetry) }},
		field{key: "secrets", read: func(n *node) { d.sealing(n, &cfg.Secrets) }},
		later("access"), later("ledger"),
	)
}

func (d *decoder) store(n *node) Text {
	t, ok := d.text(n, "store")
	scheme, _, isURL := strings.Cut(t.Value, "://")
	if !ok || !isURL {
		return t
	}
	if _, err := url.Parse(t.Value); err != nil || scheme != "postgres" && scheme != "postgresql" {
		// The error of url.Parse and the value may show a password.
		d.fail(t.Pos, "store is neither a path nor a postgres:// URL", "")
	}
	return t
}

func (d *decoder) calendar(n *node, c *Calendar) {
	d.section(n, "calendar", n.pos,
		field{key: "now", read: func(n *node) {
			c.Now, _ = d.optional(n, "calendar.now")
			_, _, err := c.Clock()
			d.take(err)
		}},
		field{key: "time_zone", read: func(n *node) {
			t, ok := d.optional(n, "calendar.time_zone")
			if !ok || t.IsZero() {
				return
			}
			c.TimeZone = t
			_, err := c.Location()
			d.take(err)
		}},
		field{key: "prehire_days", read: func(n *node) {
			v, _ := d.number(n, "calendar.prehire_days", 0, 365, true)
			c.PrehireDays = int(v)
		}},
	)
}

// teams reads the team rules. Those that a provider pushes have the name of their
// source, which no rule may have then.
func (d *decoder) teams(n *node, pushed []Team) []Team {
	var out []Team
	d.named(n, "teams", "a team", func(name Text, n *node) {
		t, what := Team{Name: name.Value, Pos: name.Pos}, "team "+name.Value
		if slices.ContainsFunc(pushed, func(p Team) bool { return p.Name == t.Name }) {
			d.fail(t.Pos, what+" has the name of a source whose groups are teams of that name", "give the team another name")
		}
		each, when := false, false
		d.section(n, what, name.Pos,
			field{key: "each", read: func(n *node) { each = true; t.Each, _ = d.expression(n, "each of "+what) }},
			field{key: "when", read: func(n *node) { when = true; t.When, _ = d.expression(n, "when of "+what) }},
			field{key: "display_name", read: func(n *node) { t.DisplayName, _ = d.expression(n, "display_name of "+what) }},
		)
		n.note(func(s *Schema) { s.OneOf = []*Schema{{Required: []string{"each"}}, {Required: []string{"when"}}} })
		if n.kind == kindMap && each == when {
			d.fail(name.Pos, what+" must have either each or when", "each makes a team for every value, when makes one team")
		}
		out = append(out, t)
	})
	return out
}

// guard reads limits over the defaults; the sentence why stands in the ledger
// next to every removal that they let through.
func (d *decoder) guard(n *node, g *Guard) {
	d.section(n, "guard", n.pos,
		field{key: "why", required: true, read: func(n *node) {
			t, ok := d.text(n, "guard.why")
			if ok && !strings.Contains(strings.TrimSpace(t.Value), " ") {
				d.fail(t.Pos, "guard.why must be a sentence", "say why the limits are not the usual ones")
			}
			g.Why = t
		}},
		field{key: "unexplained", read: func(n *node) { d.limit(n, "guard.unexplained", &g.Unexplained) }},
		field{key: "unexplained_day", read: func(n *node) { d.limit(n, "guard.unexplained_day", &g.UnexplainedDay) }},
		field{key: "terminations", read: func(n *node) { d.limit(n, "guard.terminations", &g.Terminations) }},
		field{key: "memberships", read: func(n *node) { d.limit(n, "guard.memberships", &g.Memberships) }},
	)
}

// The widest numbers that a guard takes. A guard that lets more than half of the
// people go at once would be one that is switched off.
const (
	maxFloor   = 1000
	maxPercent = 50
	maxCap     = 100_000
)

func (d *decoder) limit(n *node, what string, l *Limit) {
	if (n.kind == kindText || n.kind == kindBool) && !n.expanded {
		d.fail(n.pos, what+" cannot be "+quote(n.raw), "a guard cannot be switched off; give it floor, percent and cap")
		return
	}
	l.Pos = n.pos
	number := func(key string, low, high float64, whole bool, set func(float64)) field {
		return field{key: key, read: func(n *node) {
			if v, ok := d.number(n, what+"."+key, low, high, whole); ok {
				set(v)
			}
		}}
	}
	d.section(n, what, n.pos,
		number("floor", 0, maxFloor, true, func(v float64) { l.Floor = int(v) }),
		number("percent", 0, maxPercent, false, func(v float64) { l.Percent = v }),
		number("cap", 1, maxCap, true, func(v float64) { l.Cap = int(v) }),
	)
	if l.Cap > 0 && l.Floor > l.Cap {
		d.fail(n.pos, what+" has a floor above its cap", "")
	}
}
