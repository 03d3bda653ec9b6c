// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
)

// Built is a configuration with every expression compiled and every part made,
// and nothing opened yet.
type Built struct {
	Config  *config.Config
	Schemas *scim.SchemaSet
	Sources []source.Source // that are read
	Pushed  []Pushed        // whose providers push to us
	Tenants []Tenant        // those of Sources that are tenants of Auth0
	Far     []Far           // those of Sources whose files lie on servers
	Lists   []List          // those of Sources that are had over HTTP
	Rules   directory.Rules
	Targets []*provision.Target
	Limits  provision.Limits

	uses        []Use         // places that take sealed secrets
	grants      []*grant      // applications of tenants of Auth0
	registered  []*registered // app registrations of tenants of Entra
	installed   []installed   // GitHub Apps
	vault       *vault
	origins     *app.Origins // what apps at one place may be sent together
	entries     []entry      // of tenants
	sourceRules []directory.SourceRules
	paths       []scim.Path
	compiler    *mapping.Compiler
	fixed       time.Time // calendar.now, if isFixed
	isFixed     bool
}

// Build compiles a configuration. All mistakes are returned at once, as
// config.Errors with their positions.
func Build(cfg *config.Config) (*Built, error) {
	schemas, err := schemasOf(cfg.Apps)
	if err != nil {
		return nil, err
	}
	b := &Built{Config: cfg, Schemas: schemas, Limits: limits(cfg.Guard), uses: usesOf(cfg), vault: &vault{}, origins: &app.Origins{}}
	if b.compiler, err = mapping.NewCompilerIn(b.Schemas, cfg.Calendar.TimeZone.Value); err != nil {
		return nil, err
	}
	var mistakes config.Errors
	note := func(err error) { mistakes = append(mistakes, mistakesOf(err)...) }
	note(b.sealable())
	b.fixed, b.isFixed, err = cfg.Calendar.Clock()
	note(err)
	for _, s := range cfg.Sources {
		note(b.source(s))
	}
	for _, t := range cfg.Teams {
		note(b.team(t))
	}
	for _, a := range cfg.Apps {
		note(b.app(a))
	}
	note(b.schedules())
	if len(mistakes) > 0 {
		mistakes.Sort()
		return nil, mistakes
	}
	return b, nil
}

// schemasOf are SCIM's schemas, and those that the apps have of their own.
func schemasOf(apps []config.App) (*scim.SchemaSet, error) {
	set := scim.CoreSchemas()
	for _, a := range apps {
		name := a.Profile.Value
		if a.Google != nil {
			name = googleapp.ProfileID
		}
		if a.Entra != nil {
			name = entraapp.ProfileID
		}
		p, err := app.ProfileOf(name)
		if err != nil {
			continue // said where the app is built
		}
		for _, s := range p.Extensions {
			if _, there := set.Schema(s.ID); there { // another app's of the same profile
				continue
			}
			if set, err = set.With(s); err != nil {
				return nil, fmt.Errorf("profile %s: %w", p.ID, err)
			}
		}
	}
	return set, nil
}

// mistakesOf flattens errors into those that have a position. One that has
// none gets an empty position rather than being lost.
func mistakesOf(err error) config.Errors {
	switch e := err.(type) { //nolint:errorlint // the tree is walked here, node by node
	case nil:
		return nil
	case *config.Error:
		return config.Errors{e}
	case interface{ Unwrap() []error }:
		var all config.Errors
		for _, one := range e.Unwrap() {
			all = append(all, mistakesOf(one)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		if found := mistakesOf(inner); len(found) > 0 && found[0].Pos != (config.Position{}) {
			return found
		}
	}
	return config.Errors{{Msg: err.Error()}}
}

func limits(g config.Guard) provision.Limits {
	of := func(l config.Limit) provision.Limit {
		return provision.Limit{Floor: l.Floor, Percent: l.Percent, Cap: l.Cap}
	}
	return provision.Limits{
		Unexplained: of(g.Unexplained), UnexplainedDay: of(g.UnexplainedDay),
		Terminations: of(g.Terminations), Memberships: of(g.Memberships),
	}
}

// now is the calendar's clock.
func (b *Built) now() time.Time {
	if b.isFixed {
		return b.fixed
	}
	return time.Now()
}

func (b *Built) team(t config.Team) error {
	rule := directory.Rule{Name: t.Name}
	person, err := b.compiler.Person()
	if err != nil {
		return err
	}
	team, err := b.compiler.Team()
	if err != nil {
		return err
	}
	var errs []error
	compile := func(env *mapping.Env, text config.Text, want mapping.Want) *mapping.Program {
		if text.Value == "" {
			return nil
		}
		p, err := env.Compile(text, want)
		errs = append(errs, err)
		return p
	}
	rule.Each = compile(person, t.Each, mapping.WantString())
	rule.When = compile(person, t.When, mapping.WantBool())
	rule.DisplayName = compile(team, t.DisplayName, mapping.WantString())
	b.Rules = append(b.Rules, rule)
	return errors.Join(errs...)
}
