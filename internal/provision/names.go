// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// NameTx keeps the names that an app's people have for ever (unique: app).
type NameTx interface {
	directory.Names
	// NamesOf returns who of some owners has which name for an attribute.
	NamesOf(ctx context.Context, scope, attribute string, owners []string) (map[string]string, error)
	// PassName gives a name that is one owner's to another one who has none.
	PassName(ctx context.Context, scope, attribute, canonical, from, to string) error
}

// unique are the mapped attributes whose value is one person's alone in the app.
func unique(m *mapping.Mapping) []mapping.Rule {
	var rules []mapping.Rule
	for _, r := range m.Rules {
		if r.Unique == config.UniqueApp {
			rules = append(rules, r)
		}
	}
	return rules
}

// scope is where the app's names are reserved.
func (t *Target) scope() string { return "app:" + t.Name }

// read reads subjects with the names that they have.
func (r *run) read(ctx context.Context, tx Tx, q Query) ([]Subject, error) {
	return r.planner.Subjects(ctx, tx, q)
}

// Subjects reads people of the planner's app, with the names that they have there.
func (p *Planner) Subjects(ctx context.Context, tx Tx, q Query) ([]Subject, error) {
	q.Source = p.Target.Source
	subjects, err := tx.Subjects(ctx, q)
	if err != nil || len(p.unique) == 0 || len(subjects) == 0 {
		return subjects, err
	}
	owners := make([]string, len(subjects))
	for i, s := range subjects {
		owners[i] = s.Person.ID
		subjects[i].Names = map[string]string{}
	}
	for _, rule := range p.unique {
		names, err := tx.NamesOf(ctx, p.Target.scope(), rule.Path.String(), owners)
		if err != nil {
			return nil, err
		}
		for i, s := range subjects {
			if name := names[s.Person.ID]; name != "" {
				subjects[i].Names[rule.Path.String()] = name
			}
		}
	}
	return subjects, nil
}

// name gives a name to everybody who is to have an account and has none yet,
// in order of person, never of rows. In a rehearsal it is rolled back.
func (r *run) name(ctx context.Context, subjects []Subject) error {
	type wish struct {
		subject   Subject
		attribute string
		text      string
		most      int
	}
	var wishes []wish
	for _, rule := range r.planner.unique {
		for _, s := range subjects {
			if s.Names[rule.Path.String()] != "" || s.outside(r.planner.Now) || r.there(s) {
				continue
			}
			if wanted, _, _, err := r.planner.wanted(s); err != nil || !wanted {
				continue // the plan parks whom the scope fails on
			}
			v, err := rule.Program.Eval(input(s))
			text, _ := v.AsString()
			if err != nil || text == "" {
				continue // likewise
			}
			wishes = append(wishes, wish{s, rule.Path.String(), text, rule.Max})
		}
	}
	if len(wishes) == 0 {
		return nil
	}
	return r.update(ctx, func(tx Tx) error {
		for _, w := range wishes {
			name, err := directory.NameFor(ctx, tx, r.target.scope(), w.attribute, w.subject.Person.ID, w.text, w.most)
			if err != nil {
				return err
			}
			w.subject.Names[w.attribute] = name // shared with the page
		}
		return nil
	})
}

// there says that an account of nobody's carries the person's externalId, and
// has not been looked up yet: it may be theirs, and called something already.
func (r *run) there(s Subject) bool {
	return len(r.strangers) > 0 && s.Account.State != Live && s.Account.State != Disabled && !r.looked[s.Person.ID] &&
		r.strangers[ExternalName(r.externalID(s))]
}

// namesUsers says that a user name is one person's alone in the app.
func (p *Planner) namesUsers() bool {
	return slices.ContainsFunc(p.unique, func(r mapping.Rule) bool { return r.Path.Equal(userNamePath) })
}

// named puts reserved names into what the mapping wishes for.
func (p *Planner) named(s Subject, u *scim.Resource) error {
	for _, rule := range p.unique {
		if name := s.Names[rule.Path.String()]; name != "" {
			if err := u.Put(rule.Path, scim.String(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// foreignNames reserves the user names of accounts that are nobody's, so that
// nobody is given one of them.
func (r *run) foreignNames(ctx context.Context, tx Tx, foreign []Foreign) error {
	for _, rule := range r.planner.unique {
		if !rule.Path.Equal(userNamePath) {
			continue
		}
		for _, f := range foreign {
			if err := reserveFor(ctx, tx, r.target.scope(), rule.Path.String(), f.UserName, nobody(f.RemoteID)); err != nil {
				return err
			}
		}
	}
	return nil
}

// nobody owns the name of an account that is nobody's.
func nobody(remote string) string { return "@" + remote }

// reserveFor gives a name to its holder, unless one of the two is taken.
func reserveFor(ctx context.Context, tx Tx, scope, attribute, name, owner string) error {
	canonical := strings.ToLower(name)
	if name == "" {
		return nil
	}
	had, err := tx.NameOf(ctx, scope, attribute, owner)
	if err != nil || had != "" {
		return err
	}
	holder, err := tx.NameOwner(ctx, scope, attribute, canonical)
	if err != nil || holder != "" {
		return err
	}
	return tx.Reserve(ctx, scope, attribute, canonical, name, owner)
}

// keepNames reserves the names that adopted accounts have already, so that the
// plan does not rename them, and gives them to nobody else.
func (w *writing) keepNames(ctx context.Context, tx Tx) error {
	for _, a := range w.adopted {
		for _, rule := range w.r.planner.unique {
			scope, path, name := w.r.target.scope(), rule.Path.String(), text(a.Sent, rule.Path)
			if err := tx.PassName(ctx, scope, path, strings.ToLower(name), nobody(a.RemoteID), a.Person); err != nil {
				return err
			}
			if err := reserveFor(ctx, tx, scope, path, name, a.Person); err != nil {
				return err
			}
		}
	}
	return nil
}
