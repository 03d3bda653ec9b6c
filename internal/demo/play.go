// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

// Config is what a demo is made of. The zero value of each field works.
type Config struct {
	Story  string    // "company"
	People int       // 200
	Seed   uint64    // the same seed, number and day make the same company
	Dir    string    // where files are kept; "": in a folder that is removed again
	Today  time.Time // the day on which the story ends; zero: today
	// Began is called before each step, Ended after it; both may be nil.
	Began func(StepReport)
	Ended func(StepReport)
	// Progress is called for each answer of an app; may be nil.
	Progress func(n int)
}

// Demo is a company with its HR file and its apps, ready to be played.
type Demo struct {
	Story   Story
	Company *Company
	Apps    []*App
	Dir     string // where the files are

	cfg   Config
	names nameBook
	desk  *Desk
	clean func() error
}

// New makes up the company, starts its apps and writes its configuration.
func New(ctx context.Context, cfg Config) (d *Demo, err error) {
	if cfg.Story == "" {
		cfg.Story = "company"
	}
	story, ok := Stories()[cfg.Story]
	if !ok {
		return nil, fmt.Errorf("there is no story %q; there is %v", cfg.Story, StoryNames())
	}
	if cfg.People == 0 {
		cfg.People = story.People
	}
	if cfg.People < MinPeople || cfg.People > MaxPeople {
		return nil, fmt.Errorf("a company has %d to %d people, not %d", MinPeople, MaxPeople, cfg.People)
	}
	if cfg.Today.IsZero() {
		cfg.Today = time.Now()
	}
	cfg.Today = cfg.Today.UTC().Truncate(day)
	d = &Demo{
		Story: story, Company: NewCompany(cfg.Seed, cfg.People, cfg.Today.Add(time.Duration(story.Steps[0].Day)*day)), cfg: cfg,
		Apps: story.cast(cfg.People),
	}
	d.desk = &Desk{Company: d.Company, known: map[string]*Worker{}}
	if story.mails {
		d.desk.mails = &nameBook{}
		d.desk.address()
	}
	if err := d.folder(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	for _, a := range d.Apps {
		if err := a.start(ctx); err != nil {
			return nil, err
		}
		if t, ok := a.sim.(*tenant); ok {
			d.desk.tenant = t
		}
	}
	return d, d.settings()
}

// folder makes the folder of the files. One that holds anything is somebody's.
func (d *Demo) folder() error {
	if d.cfg.Dir == "" {
		dir, err := os.MkdirTemp("", "usher-demo-")
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		d.Dir, d.clean = dir, func() error { return os.RemoveAll(dir) }
		return nil
	}
	dir, err := filepath.Abs(d.cfg.Dir)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if len(there) > 0 {
		return fmt.Errorf("%s is not empty, and a demo writes over nothing; name another folder", d.cfg.Dir)
	}
	d.Dir = dir
	return nil
}

// HRFile is the path of the HR file.
func (d *Demo) HRFile() string { return filepath.Join(d.Dir, "people.csv") }

// ConfigFile is the path of the configuration.
func (d *Demo) ConfigFile() string { return filepath.Join(d.Dir, "usher.yaml") }

// Close stops the apps, and removes the files unless they were to be kept.
func (d *Demo) Close() error {
	for _, a := range d.Apps {
		a.close()
	}
	if d.clean != nil {
		return d.clean()
	}
	return nil
}

// Play plays the story to its end, or until the context ends. An error is one
// of the demo itself; what is wrong at an app is in the report.
func (d *Demo) Play(ctx context.Context) (*Report, error) {
	start := time.Now()
	r := &Report{Story: d.Story.Name, Steps: []StepReport{}, Passed: true}
	for i := range d.Story.Steps {
		s, err := d.step(ctx, &d.Story.Steps[i])
		if err != nil {
			return r, fmt.Errorf("%s: %w", s.Title, err)
		}
		r.Steps = append(r.Steps, s)
		r.Passed = r.Passed && len(s.Wrong) == 0
	}
	d.final(r)
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

func (d *Demo) step(ctx context.Context, s *Step) (StepReport, error) {
	start := time.Now()
	d.desk.Today = d.cfg.Today.Add(time.Duration(s.Day)*day + 8*time.Hour)
	r := StepReport{Title: s.Title, Day: d.desk.Today.Format(time.DateOnly), HR: "exports the same people", Follows: s.Follows, Wrong: []string{}}
	if s.HR != nil {
		r.HR = s.HR(d.desk)
	}
	if s.Login != nil {
		said, err := s.Login(d.desk)
		if err != nil {
			return r, err
		}
		r.Login = said
	}
	if d.cfg.Began != nil {
		d.cfg.Began(r)
	}
	export := d.Company.Workers
	if s.Export != nil {
		export = s.Export(d.Company)
	}
	if err := WriteHR(d.HRFile(), export, d.Story.mails); err != nil {
		return r, err
	}
	d.names.give(export)
	for _, a := range d.Apps {
		down := a.Name == s.Down
		a.sim.setDown(down)
		if !down {
			a.want.follow(a, export, &d.names, d.desk.Today)
		}
		a.mark()
	}
	var docs []*server.Document
	for range d.Story.rounds {
		if d.desk.tenant != nil {
			d.desk.tenant.later()
		}
		doc, err := d.cycle(ctx, s)
		if err != nil {
			return r, err
		}
		docs = append(docs, doc)
	}
	if err := ctx.Err(); err != nil {
		return r, context.Cause(ctx)
	}
	d.judge(&r, s, docs)
	r.Seconds = time.Since(start).Seconds()
	if d.cfg.Ended != nil {
		d.cfg.Ended(r)
	}
	return r, nil
}

// cycle is what `usher apply` does.
func (d *Demo) cycle(ctx context.Context, s *Step) (doc *server.Document, err error) {
	b, err := d.build(ctx, d.desk.Today.Format(time.RFC3339))
	if err != nil {
		return nil, err
	}
	u, err := b.Open(ctx, "usher demo")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	o := server.Options{Actor: "demo", Wait: 30 * time.Second, Progress: d.cfg.Progress}
	if s.Down != "" {
		o.Wait = 0 // it stays down: the others are not to wait for it
	}
	found, err := u.Start(ctx, o, true)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return nil, errors.New(found[0].String())
	}
	return u.Apply(ctx, o)
}

// build reads the configuration as every command does; today stands for now,
// and is the real clock when empty.
func (d *Demo) build(ctx context.Context, today string) (*server.Built, error) {
	cfg, err := config.Load(ctx, d.ConfigFile(), func(name string) (string, bool) {
		if name == "TODAY" {
			return today, true
		}
		return "", false
	})
	if err != nil {
		return nil, err
	}
	return server.Build(cfg)
}

// removed counts what was taken from people in a cycle.
func removed(a *provision.AppReport) int { return a.Disable + a.Delete + a.MemberRemove }
