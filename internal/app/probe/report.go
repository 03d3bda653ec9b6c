// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Report is what a run has found out.
type Report struct {
	URL      string    `json:"url"`
	At       time.Time `json:"at"`
	Known    string    `json:"known,omitempty"` // id of the profile that it was compared with
	Requests int       `json:"requests"`
	Seconds  float64   `json:"seconds"`
	Complete bool      `json:"complete"` // it went to its end

	Deviations []string `json:"deviations"` // from plain SCIM 2.0, in words
	Facts      []Fact   `json:"facts"`
	NotSeen    []string `json:"not_seen"` // what could not be looked at, and why
	Left       []Canary `json:"left"`     // canaries that are still there
	Removed    []Canary `json:"removed"`  // of earlier runs
	Rate       *Rate    `json:"rate,omitempty"`

	Differences []Difference   `json:"differences,omitempty"` // from the profile that is known
	Profile     jsontext.Value `json:"profile,omitempty"`     // a profile's file
}

// Fact is something that was found and is no deviation.
type Fact struct {
	About string `json:"about"`
	Text  string `json:"text"`
}

// Difference is a field of which a profile says something else than was found.
type Difference struct {
	Field   string `json:"field"`
	Ours    string `json:"ours"`
	Found   string `json:"found"`
	Matters string `json:"matters"`
}

// Rate is what was seen of the app's resistance.
type Rate struct {
	Requests  int     `json:"requests"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"` // that was sent when it resisted, or the most that was tried
	Held      float64 `json:"held"`       // at which it did not; if it did at the least that was tried, half of that
	Resisted  bool    `json:"resisted"`
	Status    int     `json:"status,omitempty"`
	After     float64 `json:"retry_after,omitempty"` // seconds
}

// Slowed reports whether the app has asked for fewer requests, and did not just fail.
func (r *Rate) Slowed() bool {
	return r.Resisted && (r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable || r.After > 0)
}

// profileFacts is what a profile is made of, beside the deviations.
type profileFacts struct {
	unique, lower, final, partial           bool
	offDeletes, deactivates, reversible     bool
	noGroups, byFilter, oneMemberOp         bool
	externalIsID, unsorted, firstAgain      bool
	addPathless, fewWithout, listed         bool
	deletes, chars, groupChars, groupRename string
	single, refused, primary, required      []string
	lost, fixed, constant                   []string
	headers, groupRequired, omits           []string
	longest                                 map[string]int
	without                                 map[string][]string
	maxPage, defaultPage                    int
}

// finish fills in the rest of the report.
func (p *prober) finish(began time.Time) {
	r := p.report
	r.Requests, r.Seconds = p.sent, time.Since(began).Seconds()
	r.Complete = p.failed == nil
	for _, c := range p.made {
		r.Left = append(r.Left, *c)
	}
	if r.Complete {
		if err := p.write(); err != nil {
			p.fail("%v", err)
		}
	}
	if p.twice {
		r.Deviations = append(r.Deviations, `errors have "schema", too`)
	}
}
