// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// Config is what a run needs. BaseURL and HTTP are required.
type Config struct {
	BaseURL string
	Token   string // bearer token (RFC 6750); "" sends none
	HTTP    *http.Client
	// Known is the profile of the app, if it is known which one it is.
	Known *app.Profile
	// Ask is asked before anything is made, and before the run goes on although the
	// app keeps what it makes. nil agrees to everything. It returns when its context
	// ends, which is a no: what was made until then is to be removed.
	Ask func(context.Context, Question) (bool, error)
	// Rate looks for the rate at which the app resists.
	Rate bool
	// SettleMost is how long a new resource is waited for in queries; 0 means 10 s.
	SettleMost time.Duration
	// Told is called after each request.
	Told func()
}

// Question is what a run asks before it goes on.
type Question struct {
	Leave bool   // canaries would stay, or their names be used up
	Text  string // what would happen; one or two sentences
}

// ErrDeclined is returned if a question was answered by no.
var ErrDeclined = errors.New("not agreed to")

// prober is one run.
type prober struct {
	wire
	flock

	cfg    Config
	report *Report
	failed error  // what ended the run
	code   string // in the names of this endpoint's canaries
	short  bool   // names without a domain

	paths      map[string]string // addresses of the types
	settle     time.Duration
	startsWith bool // a query by sw finds canaries
	sample     bool // a list is not of everybody
	cursors    bool
	ignores    bool // queries are not obeyed
	schemas    []scim.Schema

	person  *scim.Resource // what a user is made of
	user    *Canary
	now     *scim.Resource // the user, as it was read last
	keeps   []string       // attributes that come back as they were sent
	taken   map[string]bool
	noDup   bool // a second user of the same name would stay
	canPut  bool
	canGone bool // DELETE removes a user
	cased   bool // letter case counts in userNames
	asOwnID bool // id is externalId

	group      *Canary
	hidden     bool // members are not shown
	strangers  bool // members that are not there are taken
	serial     int
	serialFake int
	ids        []string // that the canary may have by now
	userPatch  dialect
	grpPatch   dialect
	filters    map[string][]string
	answered   answer // to the deactivation
	facts      profileFacts
}

// Run probes an endpoint. There is a report also with an error, of what was found
// until then, and of what is left.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	began := time.Now()
	p := newProber(cfg, began)
	if err := p.agree(ctx, Question{Text: p.intention()}); err != nil {
		return p.report, err
	}
	if cfg.Known != nil && !cfg.Known.CanDelete() {
		if err := p.agree(ctx, Question{Leave: true, Text: fmt.Sprintf("By its profile %s cannot delete users: up to 2 users named %s… will stay there, inactive.", cfg.Known.Name, Prefix)}); err != nil {
			return p.report, err
		}
	}
	bounded, cancel := context.WithTimeoutCause(ctx, mostTime, fmt.Errorf("no end within %s", mostTime))
	p.all(bounded)
	cancel()
	swept := p.sweep(ctx)
	p.finish(began)
	return p.report, errors.Join(p.failed, swept)
}

func newProber(cfg Config, began time.Time) *prober {
	hc := *cfg.HTTP
	// A redirect would take the token along (RFC 6750 §5.2), and was not typed by anybody.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	base := strings.TrimRight(cfg.BaseURL, "/")
	sum := sha256.Sum256([]byte(base))
	p := &prober{
		wire: wire{base: base, token: cfg.Token, http: &hc, media: scimJSON, agent: "usher", accept: scimJSON + ", " + plainJSON + ";q=0.9", most: mostRequests, told: cfg.Told},
		cfg:  cfg, report: &Report{URL: base, At: began.UTC().Truncate(time.Second)},
		code:  strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:4],
		paths: map[string]string{user: "/Users", group: "/Groups"}, taken: map[string]bool{},
		filters: map[string][]string{}, facts: profileFacts{without: map[string][]string{}, longest: map[string]int{}},
	}
	if cfg.Known != nil {
		p.throttle = cfg.Known.Throttle
	}
	if p.cfg.SettleMost == 0 {
		p.cfg.SettleMost = 10 * time.Second
	}
	return p
}

func (p *prober) intention() string {
	return fmt.Sprintf("This makes users and groups named %s… at %s (two of each at a time at most), changes them, and removes them again, with what an earlier run has left there.", Prefix+p.code+"-", p.base)
}

// agree asks, unless nobody is to be asked.
func (p *prober) agree(ctx context.Context, q Question) error {
	if p.cfg.Ask == nil {
		return nil
	}
	switch yes, err := p.cfg.Ask(ctx, q); {
	case err != nil:
		return err
	case !yes:
		return ErrDeclined
	}
	return nil
}

// all goes through what there is to find out. A step that cannot go on leaves its
// reason in failed, or among what was not seen.
func (p *prober) all(ctx context.Context) {
	p.discovery(ctx)
	if p.hatch(ctx); p.user == nil {
		return
	}
	for _, step := range []func(context.Context){
		p.settling, p.leftovers, p.twins, p.bodies, p.life, p.kept, p.variants, p.headers, p.groups, p.queries, p.pages, p.extras,
		p.patches, p.puts, p.renames, p.members, p.rate, p.ending, p.shutOut,
	} {
		if p.failed != nil || p.user == nil && len(p.made) == 0 {
			return
		}
		step(ctx)
	}
}

func (p *prober) fail(format string, args ...any) {
	if p.failed == nil {
		p.failed = fmt.Errorf("%w: %s", errStopped, fmt.Sprintf(format, args...))
	}
}

// line is a deviation, in the words of package scimtest.
func (p *prober) line(format string, args ...any) {
	if s := plainText(fmt.Sprintf(format, args...), 1_000); p.failed == nil && !slices.Contains(p.report.Deviations, s) {
		p.report.Deviations = append(p.report.Deviations, s)
	}
}

// words is a line that ends in a list; none if the list is empty.
func (p *prober) words(what string, list []string) {
	if len(list) > 0 {
		list = slices.Clone(list)
		slices.Sort(list)
		p.line("%s %s", what, strings.Join(slices.Compact(list), ", "))
	}
}

// fact is something that is no deviation, and good to know.
func (p *prober) fact(subject, format string, args ...any) {
	if p.failed == nil {
		p.report.Facts = append(p.report.Facts, Fact{subject, plainText(fmt.Sprintf(format, args...), 300)})
	}
}

// unseen is something that could not be looked at, and why.
func (p *prober) unseen(format string, args ...any) {
	if p.failed == nil {
		p.report.NotSeen = append(p.report.NotSeen, fmt.Sprintf(format, args...))
	}
}

func (p *prober) path(typ string) string { return p.paths[typ] }

func (p *prober) at(c *Canary) string { return p.paths[c.Type] + "/" + pathEscape(c.ID) }

// next is a name that no canary of this run has had.
func (p *prober) next() string {
	p.serial++
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	name := Prefix + p.code + "-" + string(digits[p.serial%len(digits)])
	if n := p.serial / len(digits); n > 0 {
		name += string(digits[n%len(digits)])
	}
	return name
}

// other goes on to another part of the names, when those of earlier runs are used up.
func (p *prober) other() { p.serial += 1 + int(time.Now().UnixNano()%401) }

// discovery reads what the endpoint says of itself, of which nothing but the names
// of the extensions' attributes is believed.
func (p *prober) discovery(ctx context.Context) {
	a := p.get(ctx, "/ServiceProviderConfig")
	if a.absent() {
		if b := p.get(ctx, "/ServiceProviderConfigs"); b.ok() {
			p.line("ServiceProviderConfig is at /ServiceProviderConfigs")
		}
	}
	if a.status == http.StatusForbidden {
		p.fact("token", "may not read ServiceProviderConfig (403)")
	}
	for _, r := range p.list(ctx, "/Schemas").all {
		if s, err := scim.ParseSchema(r.AppendJSON(nil), scim.Limits{}); err == nil {
			p.schemas = append(p.schemas, s)
		}
	}
	for _, typ := range []string{user, group} {
		lower := strings.ToLower(p.paths[typ])
		usual := p.get(ctx, p.paths[typ], "count", "1")
		if other := p.get(ctx, lower, "count", "1"); other.ok() {
			p.line("%s: also at %s", plural(typ), lower)
			if usual.absent() {
				p.paths[typ] = lower
			}
		}
	}
	p.everywhere(ctx)
}

// everywhere looks for /Me (RFC 7644 §3.11), /Bulk (§3.7) and /.search (§3.4.3).
func (p *prober) everywhere(ctx context.Context) {
	search := scim.NewResource("urn:ietf:params:scim:api:messages:2.0:SearchRequest")
	search.Set("filter", scim.String(`userName eq "`+Prefix+`nobody"`))
	search.Set("count", scim.Integer(1))
	if !p.get(ctx, "/Me").absent() {
		return
	}
	bulk := scim.NewResource("urn:ietf:params:scim:api:messages:2.0:BulkRequest")
	bulk.Set("Operations", scim.List())
	if !p.offers(ctx, "/.search", search) && !p.offers(ctx, "/Bulk", bulk) {
		p.line("no /Me, /Bulk and /.search")
	}
}

// offers posts what makes nothing, and so may fail: some apps fall over what they do
// not have.
func (p *prober) offers(ctx context.Context, path string, body *scim.Resource) bool {
	if p.failed != nil {
		return false
	}
	a, err := p.wire.do(ctx, call{method: http.MethodPost, path: path, body: body.AppendJSON(nil)})
	if a.status >= http.StatusInternalServerError && ctx.Err() == nil {
		return false
	}
	p.failed = err
	return !a.absent()
}

func plural(typ string) string { return strings.ToLower(typ) + "s" }
