// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	_ "embed" // for the inventory
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

// Check is one requirement of RFC 7643, RFC 7644 or RFC 9865 as it is checked on the
// wire.
type Check struct {
	ID    string // of the requirement inventory, such as "7644-3.5.2-18"
	Title string // what holds if it passes, in a few words
	Run   func(ctx context.Context, s *Session) Outcome
}

// Requirement is a line of the inventory: an id, which begins with RFC and section;
// its level, MUST, SHOULD or MAY; and whom it binds.
type Requirement struct{ ID, Level, Actor string }

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
	return r.Level == "MUST"
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

// Suite is a run of the checks against one endpoint.
type Suite struct {
	Base  string       // such as https://app.example/scim/v2
	Token string       // a bearer token; "" sends none
	HTTP  *http.Client // nil: one with a timeout of its own
	// Decisions are the ids at which the endpoint deviates as its makers have
	// decided, with where they say so.
	Decisions map[string]string
	// Only says which checks are run; nil: all.
	Only func(id string) bool
	// Began is called before each check; may be nil.
	Began func(c Check)
}

// Line is one requirement's result.
type Line struct {
	ID     string  `json:"id"`
	Level  string  `json:"level"`
	Result Verdict `json:"result"`
	Detail string  `json:"detail"`
}

// Report is what a run found.
type Report struct {
	Base    string `json:"base"`
	Results []Line `json:"results"`
	Failed  int    `json:"failed"` // requirements without a choice that are not met
	// Left are the paths of what the run has made and could not remove.
	Left []string `json:"left,omitempty"`
}

const patience = 15 * time.Second // for one request

// Run runs the checks one after the other, and removes what they have made. An error
// means that the endpoint could not be looked at: it is not there, or lets nobody in.
func (c Suite) Run(ctx context.Context) (out Report, err error) {
	out = Report{Base: c.Base, Results: []Line{}}
	s, err := newSession(ctx, c)
	if err != nil {
		return out, err
	}
	defer func() { out.Left = s.clean(context.WithoutCancel(ctx)) }()
	level := map[string]Requirement{}
	for _, r := range Requirements() {
		level[r.ID] = r
	}
	for _, check := range Checks() {
		if c.Only != nil && !c.Only(check.ID) {
			continue
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if c.Began != nil {
			c.Began(check)
		}
		got := s.run(ctx, check)
		if why, decided := c.Decisions[check.ID]; decided && got.Verdict == Fail {
			got = Outcome{Decision, why}
		}
		r := level[check.ID]
		out.Results = append(out.Results, Line{check.ID, r.Level, got.Verdict, got.Detail})
		if got.Verdict == Fail && r.Must() {
			out.Failed++
		}
	}
	return out, nil
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
