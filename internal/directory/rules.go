// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/usher-id/usher/internal/mapping"
)

// Rule makes teams of people. With Each set there is one team for each value
// that the expression yields; else there is one team, for whom When holds.
type Rule struct {
	Name        string
	Each        *mapping.Program // string
	When        *mapping.Program // bool
	DisplayName *mapping.Program // string over team.value; nil: the value, or the rule's name
}

// Rules are all team rules of a configuration. They implement TeamRules.
type Rules []Rule

// TeamsOf evaluates every rule on one person.
func (rs Rules) TeamsOf(p *Person) ([]Team, error) {
	var teams []Team
	in := mapping.Input{Person: p.User, PersonID: p.ID}
	for _, r := range rs {
		t, ok, err := r.team(in)
		if err != nil {
			return nil, fmt.Errorf("team %s: %w", r.Name, err)
		}
		if ok {
			teams = append(teams, t)
		}
	}
	return teams, nil
}

func (r Rule) team(in mapping.Input) (t Team, ok bool, err error) {
	if r.When != nil {
		v, err := r.When.Eval(in)
		if err != nil {
			return t, false, err
		}
		if holds, _ := v.AsBool(); !holds {
			return t, false, nil
		}
	}
	value := ""
	if r.Each != nil {
		v, err := r.Each.Eval(in)
		if err != nil {
			return t, false, err
		}
		if value, _ = v.AsString(); value == "" {
			return t, false, nil // nothing to be in a team of
		}
	}
	t = Team{ID: TeamID(r.Name, value), Rule: r.Name, Value: value, Name: r.Name}
	if value != "" {
		t.Name = value
	}
	if r.DisplayName == nil {
		return t, true, nil
	}
	v, err := r.DisplayName.Eval(mapping.Input{Team: mapping.Team{Name: t.Name, Value: value}})
	if name, _ := v.AsString(); err == nil && name != "" {
		t.Name = name
	}
	return t, true, err
}

// Regroup looks at the teams of some people anew, as a source has said something
// else of who is in them. Whom a team rule fails on keeps their teams, and is told
// of.
func (d *Directory) Regroup(ctx context.Context, tx Tx, people []string) (problems map[string]error, err error) {
	s, err := d.settlement(ctx, tx)
	if err != nil {
		return nil, err
	}
	err = s.each(ctx, people, func(p *Person) error { return s.move(p, p.State, p.Why, p.Cause, "") })
	return s.out.Problems, err
}

// Digest identifies the rules: other rules mean that everybody's teams have to
// be computed anew.
func (rs Rules) Digest() [32]byte {
	h := sha256.New()
	text := func(p *mapping.Program) {
		s := ""
		if p != nil {
			s = p.Text().Value
		}
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	for _, r := range rs {
		fmt.Fprintf(h, "%d:%s,", len(r.Name), r.Name)
		text(r.Each)
		text(r.When)
		text(r.DisplayName)
	}
	return [32]byte(h.Sum(nil))
}

// Retally makes everybody anew if the rules are others than those that made the
// present ones: people, if the sources' authority or matching is another one, and
// their teams, if digest says that the team rules are. Whom a team rule fails on
// keeps their teams, and is told of.
func (d *Directory) Retally(ctx context.Context, tx Tx, digest [32]byte) (problems map[string]error, err error) {
	const key = "team_rules"
	s, err := d.settlement(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := s.reconsider(ctx); err != nil {
		return nil, err
	}
	had, err := tx.Meta(ctx, key)
	if err != nil || string(had) == string(digest[:]) {
		return nil, err
	}
	ids, err := tx.InIDs(ctx)
	if err != nil {
		return nil, err
	}
	err = s.each(ctx, ids, func(p *Person) error { return s.move(p, p.State, p.Why, p.Cause, "") })
	if err != nil {
		return nil, err
	}
	return s.out.Problems, tx.PutMeta(ctx, key, digest[:])
}
