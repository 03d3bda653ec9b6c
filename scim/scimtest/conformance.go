// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"cmp"
	"context"
	_ "embed" // for the inventory
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Verdict is what a check found.
type Verdict string

// The verdicts.
const (
	Pass     Verdict = "pass"
	Fail     Verdict = "fail"
	Decision Verdict = "decision" // it deviates, as its makers have decided and written down
	NA       Verdict = "na"       // the endpoint does not do what the requirement is about
)

// Outcome is what a check found, and why. The detail of a failure has the request
// and the answer that show it.
type Outcome struct {
	Verdict Verdict
	Detail  string
}

// Check is one requirement as it is checked on the wire: of RFC 7643, RFC 7644 or RFC
// 9865, or of a [Profile].
type Check struct {
	ID    string // of the requirement inventory, such as "7644-3.5.2-18", or a profile's own, such as "okta-07"
	Title string // what holds if it passes, in a few words
	Run   func(ctx context.Context, s *Session) Outcome
}

// Requirement is a line of the inventory: an id, which begins with RFC and section;
// its level, MUST, SHOULD or MAY; and whom it binds.
type Requirement struct{ ID, Level, Actor string }

const (
	levelMust   = "MUST"
	levelShould = "SHOULD"
)

//go:embed inventory.tsv
var inventory string

// Requirements lists the inventory in its order.
func Requirements() []Requirement {
	var out []Requirement
	for line := range strings.Lines(inventory) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, Requirement{f[0], f[1], f[2]})
	}
	return out
}

// Must tells whether whoever it binds has no choice.
func (r Requirement) Must() bool {
	return r.Level == levelMust
}

// Section is "7644 3.5.2".
func (r Requirement) Section() string {
	f := strings.SplitN(r.ID, "-", 3)
	return f[0] + " " + f[1]
}

// Checks lists every check, in the order of the inventory.
func Checks() []Check {
	all := slices.Concat(
		checksOfResources(), checksOfUsers(), checksOfSchemas(), checksOfReading(), checksOfQueries(), checksOfFilters(),
		checksOfWriting(), checksOfPatch(), checksOfBulk(), checksOfErrors(), checksOfDiscovery(), checksOfCursors(),
	)
	place := map[string]int{}
	for i, r := range Requirements() {
		place[r.ID] = i
	}
	slices.SortStableFunc(all, func(a, b Check) int { return place[a.ID] - place[b.ID] })
	return all
}

// ErrBase says that what was given is no base URL.
var ErrBase = errors.New("no base URL")

// Suite is a run of the checks against one endpoint.
type Suite struct {
	Base    string       // such as https://app.example/scim/v2
	Token   string       // a bearer token; "" sends none
	HTTP    *http.Client // nil: one with a timeout of its own
	Profile Profile      // of [Profiles]; its zero value is the RFCs alone
	// Decisions are the ids at which the endpoint deviates as its makers have
	// decided, with where they say so. They add to those of the profile.
	Decisions map[string]string
	// Only says which checks are run; nil: all.
	Only func(id string) bool
	// Began is called before each check; may be nil.
	Began func(c Check)
}

// Line is one requirement's result. Its section is RFC and section, such as "7644
// 3.5.2", or the title of a profile.
type Line struct {
	ID      string  `json:"id"`
	Section string  `json:"section"`
	Title   string  `json:"title"`
	Level   string  `json:"level"`
	Result  Verdict `json:"result"`
	Detail  string  `json:"detail"`
}

// Report is what a run found.
type Report struct {
	Base    string `json:"base"`
	Profile string `json:"profile"`
	Results []Line `json:"results"`
	Failed  int    `json:"failed"` // requirements without a choice that are not met
	// Left are the paths of what the run has made and could not remove.
	Left []string `json:"left,omitempty"`
}

const patience = 15 * time.Second // for one request

// Validate looks at the suite before anything is sent: an error is ErrBase.
func (c Suite) Validate() error { return baseURL(c.Base) }

// Run runs the checks one after the other, those of the profile first, and removes what
// they have made. An error means that the endpoint could not be looked at: it is not
// there, or lets nobody in; or it is ErrBase.
func (c Suite) Run(ctx context.Context) (out Report, err error) {
	out = Report{Base: c.Base, Profile: cmp.Or(c.Profile.Name, ProfileRFC), Results: []Line{}}
	s, err := newSession(ctx, c)
	if err != nil {
		return out, err
	}
	defer func() { out.Left = s.clean(context.WithoutCancel(ctx)) }()
	for _, l := range c.lines() {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if c.Began != nil {
			c.Began(l.check)
		}
		got := s.run(ctx, l.check)
		why, decided := c.Decisions[l.ID]
		if !decided {
			why, decided = c.Profile.Decisions[l.ID]
		}
		if decided && got.Verdict == Fail {
			got = Outcome{Decision, why}
		}
		l.Result, l.Detail = got.Verdict, got.Detail
		out.Results = append(out.Results, l.Line)
		if got.Verdict == Fail && l.Level == levelMust {
			out.Failed++
		}
	}
	return out, nil
}

// planned is a check with what its result is told under.
type planned struct {
	Line
	check Check
}

// lines are the checks of a run in their order.
func (c Suite) lines() []planned {
	var out []planned
	add := func(check Check, section, level string) {
		if c.Only == nil || c.Only(check.ID) {
			out = append(out, planned{Line{ID: check.ID, Section: section, Title: check.Title, Level: level}, check})
		}
	}
	for _, check := range c.Profile.Checks {
		level := levelMust
		if slices.Contains(c.Profile.Soft, check.ID) {
			level = levelShould
		}
		add(check, c.Profile.Title, level)
	}
	levels := map[string]Requirement{}
	for _, r := range Requirements() {
		levels[r.ID] = r
	}
	for _, check := range Checks() {
		if r := levels[check.ID]; !c.Profile.leaves(check.ID) {
			add(check, r.Section(), r.Level)
		}
	}
	return out
}

// run runs one check. One that breaks has found nothing, and says so.
func (s *Session) run(ctx context.Context, c Check) (out Outcome) {
	defer func() {
		if r := recover(); r != nil {
			if o, ok := r.(Outcome); ok { // from must
				out = o
				return
			}
			out = Outcome{Fail, fmt.Sprintf("the check broke: %v", r)}
		}
	}()
	return c.Run(ctx, s)
}

// The outcomes that checks return.
func passed() Outcome { return Outcome{Verdict: Pass} }

func failed(e *Exchange, format string, args ...any) Outcome {
	detail := fmt.Sprintf(format, args...)
	if e != nil {
		detail += "\n" + e.String()
	}
	return Outcome{Fail, detail}
}

func notApplicable(format string, args ...any) Outcome {
	return Outcome{NA, fmt.Sprintf(format, args...)}
}

// must ends a check with an outcome: what it needs cannot be had.
func must(o Outcome) { panic(o) }
