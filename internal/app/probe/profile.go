// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
)

// field is one of a profile's, with what was found.
type field struct {
	name    string // path in the file, with dots
	value   any
	matters string
}

// readers say what the engine makes of a field, by which two profiles are compared:
// words for people are no difference.
var readers = []struct {
	name string
	of   func(app.Profile) any
}{
	{"content_type", func(p app.Profile) any { return p.ContentType }},
	{"auth.required_headers", func(p app.Profile) any { return slices.Sorted(maps.Keys(p.RequiredHeaders)) }},
	{"settle_seconds", func(p app.Profile) any { return p.Settle.Seconds() }},
	{"users.path", func(p app.Profile) any { return p.Endpoint(app.KindUser) }},
	{"users.replace", func(p app.Profile) any { return p.Users.Replace }},
	{"users.patch", func(p app.Profile) any { return p.Users.Patch }},
	{"users.delete", func(p app.Profile) any { return p.Users.Delete }},
	{"users.put_partial", func(p app.Profile) any { return p.Users.PutPartial }},
	{"groups.path", func(p app.Profile) any { return p.Endpoint(app.KindGroup) }},
	{"groups.create", func(p app.Profile) any { return p.Groups.Create }},
	{"groups.replace", func(p app.Profile) any { return p.Groups.Replace }},
	{"groups.patch", func(p app.Profile) any { return p.Groups.Patch }},
	{"groups.rename", func(p app.Profile) any { return !p.Groups.NoRename }},
	{"members_readable", func(p app.Profile) any { return p.MembersReadable }},
	{"filters", func(p app.Profile) any { return lookUps(p) }},
	{"pagination", func(p app.Profile) any { return p.Pagination }},
	{"max_page", func(p app.Profile) any { return p.MaxPage }},
	{"default_page", func(p app.Profile) any { return p.PageSize }},
	{"list_partial", func(p app.Profile) any { return p.ListPartial }},
	{"patch.ops", func(p app.Profile) any { return operations(p) }},
	{"patch.style", func(p app.Profile) any { return p.Patch.Style }},
	{"patch.user_paths", func(p app.Profile) any { return p.Patch.UserPaths }},
	{"patch.path_filters", func(p app.Profile) any { return p.Patch.PathFilters }},
	{"patch.kept_paths", func(p app.Profile) any { return kept(p) }},
	{"patch.max_ops_per_request", func(p app.Profile) any { return p.Patch.MaxOps }},
	{"patch.max_members", func(p app.Profile) any { return p.MaxMembersPerRequest }},
	{"patch.max_remove_members", func(p app.Profile) any { return p.MaxRemovalsPerRequest }},
	{"patch.max_members_put_post", func(p app.Profile) any { return p.MaxMembersWhole }},
	{"patch.member_remove_style", func(p app.Profile) any { return p.Patch.MemberRemove }},
	{"patch.group_rename_style", func(p app.Profile) any { return p.Patch.GroupRename }},
	{"deactivate.by", func(p app.Profile) any { return p.DeactivateBy }},
	{"deactivate.leaves", func(p app.Profile) any { return p.DeactivateLeaves }},
	{"deactivate.delete_leaves", func(p app.Profile) any { return p.DeleteLeaves }},
	{"required_attributes", func(p app.Profile) any { return requirements(p) }},
	{"unsupported_attributes", func(p app.Profile) any { return p.Unsupported }},
	{"immutable_attributes", func(p app.Profile) any { return p.Immutable }},
	{"single_valued", func(p app.Profile) any { return p.SingleValued }},
	{"flag_primary", func(p app.Profile) any { return p.FlagPrimary }},
	{"lower_case", func(p app.Profile) any { return p.LowerCase }},
	{"limits", func(p app.Profile) any { return p.Bounds }},
	{"random_password", func(p app.Profile) any { return p.RandomPassword }},
	{"rate_limit.requests_per_second", func(p app.Profile) any { return p.RequestsPerSecond }},
}

// lookUps are the attributes by which accounts and groups are found.
func lookUps(p app.Profile) []string {
	var out []string
	for _, f := range p.Filters {
		for _, a := range f.Attributes {
			if !strings.Contains(a, "+") { // several at once, which is not looked at
				out = append(out, strings.ToLower(string(f.Resource)+" "+a))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// operations are those of a PATCH; where nothing is said, all.
func operations(p app.Profile) []string {
	if len(p.Patch.Ops) == 0 {
		return []string{"add", "replace", "remove"}
	}
	return p.Patch.Ops
}

func requirements(p app.Profile) []string {
	var out []string
	for _, r := range p.Required {
		choices := strings.Split(r.String(), " or ")
		slices.Sort(choices)
		out = append(out, strings.Join(choices, " or "))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// entries are the fields of which something was found.
func (p *prober) entries() []field {
	return slices.Concat(p.requestFields(), p.offerFields(), p.listFields(), p.patchFields(), p.leaverFields(), p.valueFields(), p.rateFields())
}

// rateFields are what was found of the rate, if it was looked for and the app asked for
// less: the highest one at which it did not. It is of reads, and of one moment: the field
// stays among the unverified ones.
func (p *prober) rateFields() []field {
	r := p.report.Rate
	if r == nil || !r.Slowed() {
		return nil
	}
	said := fmt.Sprintf("found by a probe on %s: at %v requests a second it answered %d", p.report.At.Format("2006-01-02"), r.PerSecond, r.Status)
	if r.PerSecond > float64(rates()[0]) {
		said += fmt.Sprintf(", at %v it did not", r.Held)
	} else {
		said += ", which is the least that was tried: half of it is taken"
	}
	f := []field{
		{"rate_limit.requests_per_second", r.Held, "how many requests are sent in a second"},
		{"rate_limit.published", said, "where that is from"},
	}
	if p.cfg.Known == nil && r.Status != http.StatusTooManyRequests {
		f = append(f, field{"rate_limit.status", []int{http.StatusTooManyRequests, r.Status}, "by what too much is answered"})
	}
	return f
}

func (p *prober) requestFields() []field {
	f := []field{{"content_type", p.media, "bodies of another type are refused"}}
	if len(p.facts.headers) > 0 {
		headers := map[string]string{}
		for _, name := range p.facts.headers {
			headers[name] = map[string]string{"Accept": scimJSON}[name]
			if headers[name] == "" {
				headers[name] = "any non-empty value"
			}
		}
		f = append(f, field{"auth.required_headers", headers, "requests without them are refused"})
	}
	return append(f, field{"settle_seconds", p.settle.Seconds(), "a look-up that finds nobody proves nothing for so long"})
}

func (p *prober) offerFields() []field {
	has := func(typ, method string) bool { return !slices.Contains(p.facts.without[typ], method) }
	f := []field{
		{"users.create", true, "people cannot be given accounts"},
		{"users.replace", has(user, "PUT"), "whether a PUT can be sent"},
		{"users.patch", has(user, "PATCH") && !p.userPatch.none, "how changes are sent"},
		{"users.delete", p.canGone || strings.HasPrefix(p.facts.deletes, "the user"), "whether accounts can be deleted"},
		{"users.put_partial", p.facts.partial, "what a PUT leaves out stays, unless it is named as null"},
	}
	if path := p.path(user); path != "/Users" {
		f = append(f, field{"users.path", path, "where users are"})
	}
	if p.facts.noGroups {
		return append(f, field{"groups.create", false, "teams cannot be sent"}, field{"groups.patch", false, "teams cannot be sent"}, field{"groups.replace", false, "teams cannot be sent"})
	}
	if p.group == nil {
		return f
	}
	f = append(f,
		field{"groups.create", true, "teams cannot be sent"},
		field{"groups.replace", has(group, "PUT"), "whether a PUT can be sent"},
		field{"groups.patch", !p.grpPatch.none, "how members come and go"},
		field{"groups.rename", p.facts.groupRename == "plain" || p.facts.groupRename == "with_id", "whether a team's new name arrives"},
		field{"members_readable", !p.hidden, "whether who is in a group can be read back"},
	)
	if path := p.path(group); path != "/Groups" {
		f = append(f, field{"groups.path", path, "where groups are"})
	}
	return f
}

func (p *prober) listFields() []field {
	var filters []app.FilterSupport
	for _, typ := range []string{user, group} {
		if p.ignores || p.filters[typ] == nil {
			continue
		}
		attributes := slices.DeleteFunc(slices.Clone(p.filters[typ]), func(s string) bool { return s == "externalId" && typ == user && p.facts.externalIsID })
		filters = append(filters, app.FilterSupport{
			Resource: app.Kind(typ), Attributes: attributes, Operators: []string{"eq"}, Logic: orEmpty(p.filters[typ+" logic"]),
		})
	}
	paging := "index"
	switch {
	case p.sample, p.facts.firstAgain && !p.cursors:
		paging = "none"
	case p.cursors && (p.facts.firstAgain || p.facts.fewWithout):
		paging = "cursor"
	}
	f := []field{
		{"filters", filters, "by what accounts are looked up"},
		{"pagination", paging, "how lists are read"},
		{"list_trusted", p.facts.listed && paging != "none", "whether somebody who is not in the list is not there"},
		{"list_partial", len(p.facts.omits) > 0, "lists leave attributes out: each account is read by itself"},
	}
	if p.facts.maxPage > 0 {
		f = append(f, field{"max_page", p.facts.maxPage, "how many accounts are read at once"})
	}
	if p.facts.defaultPage > 0 {
		f = append(f, field{"default_page", p.facts.defaultPage, "how many accounts are read at once"})
	}
	return f
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (p *prober) patchFields() []field {
	u, g := p.userPatch, p.grpPatch
	ops := []string{"add", "replace", "remove"}
	kept := slices.Clone(u.kept)
	if slices.Contains(kept, "*") {
		ops, kept = ops[:2], nil
	}
	f := []field{
		{"patch.ops", ops, "what a change is made of"},
		{"patch.style", orElse(u.style, "paths"), "in which form changes take effect"},
		{"patch.op_case", "lower", "how operations are spelled"},
	}
	add := func(on bool, name string, value any, matters string) {
		if on {
			f = append(f, field{name, value, matters})
		}
	}
	paths := u.paths
	if u.onlyActive {
		paths = []string{"active"}
	}
	slices.Sort(paths)
	add(!u.none, "patch.user_paths", orEmpty(paths), "which changes of a person arrive")
	add(u.filters != "", "patch.path_filters", u.filters, "whether one value of several can be changed")
	add(len(kept) > 0, "patch.kept_paths", kept, "what cannot be removed")
	add(max(u.maxOps, g.maxOps) > 0, "patch.max_ops_per_request", least(u.maxOps, g.maxOps, boolInt(u.oneOp)), "how many operations fit into a request")
	add(g.adds > 0, "patch.max_members", g.adds, "how many members come at once: more are refused")
	add(g.removes > 0, "patch.max_remove_members", g.removes, "how many members go at once: more are refused")
	add(g.whole > 0, "patch.max_members_put_post", g.whole, "how many members a new group has")
	add(p.facts.oneMemberOp, "patch.members_single_op", true, "members change by one operation in a request")
	if p.group != nil && !g.none {
		add(true, "patch.member_add_style", map[bool]string{true: "pathless", false: "path"}[p.facts.addPathless], "how members are added")
		add(true, "patch.member_remove_style", map[bool]string{true: "filter", false: "list"}[p.facts.byFilter || !g.byValues], "how members are removed")
		add(p.facts.groupRename == "with_id", "patch.group_rename_style", "with_id", "how a group gets its new name")
	}
	return f
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// least is the smallest number that is not 0.
func least(all ...int) int {
	out := 0
	for _, n := range all {
		if n > 0 && (out == 0 || n < out) {
			out = n
		}
	}
	return out
}

// wayOut is how an account is ended, as a profile has it.
type wayOut struct {
	preferred, by, leaves string
	reversible            bool
	leaver                string // completes "whoever leaves is …"
}

// wayOut gives each field a value, so that none is left of a profile that was wrong.
func (p *prober) wayOut() wayOut {
	t := p.facts
	switch {
	case t.deactivates && !t.offDeletes:
		return wayOut{byActive, "patch", "disabled", t.reversible, "deactivated"}
	case p.canGone:
		return wayOut{"DELETE", "delete", "nothing", false, "deleted"}
	case strings.HasPrefix(t.deletes, "the user is deactivated"):
		return wayOut{"DELETE", "delete", "disabled", t.reversible, "deactivated"}
	case t.offDeletes: // and a DELETE does not: it is a PATCH all the same
		return wayOut{byActive, "patch", "disabled", false, "deleted"}
	}
	return wayOut{byActive, "patch", "disabled", false, notShutOut + " by active=false, nor by DELETE"}
}

const (
	byActive   = "patch active=false"
	notShutOut = "NOT SHUT OUT"
)

// shutOut says so where nothing ends an account.
func (p *prober) shutOut(context.Context) {
	if l := p.wayOut().leaver; strings.HasPrefix(l, notShutOut) {
		p.unseen("how an account is ended: whoever leaves is %s; find out how this app does it before people are sent to it", l)
	}
}

func (p *prober) leaverFields() []field {
	const matters = "what becomes of whoever leaves"
	l := p.wayOut()
	left := "disabled"
	if p.canGone {
		left = "nothing"
	}
	meaning := p.facts.deletes
	if p.facts.final {
		meaning += ", and nobody who was deleted can be made again"
	}
	return []field{
		{"deactivate.preferred", l.preferred, matters},
		{"deactivate.by", l.by, matters},
		{"deactivate.leaves", l.leaves, matters},
		{"deactivate.reversible", l.reversible, "whether whoever returns gets the same account"},
		{"deactivate.leaver", l.leaver, matters},
		{"deactivate.delete", meaning, "what DELETE does"},
		{"deactivate.delete_leaves", left, "whether an account can be deleted"},
	}
}

func (p *prober) valueFields() []field {
	t := p.facts
	required := []string{"userName"}
	password := false
	for _, s := range t.required {
		password = password || s == "password"
		s = strings.ReplaceAll(s, "|", " or ")
		required = append(required, strings.ReplaceAll(s, "email or emails", "emails"))
	}
	for _, s := range t.groupRequired {
		required = append(required, "groups: "+s)
	}
	slices.Sort(required[1:])
	unsupported := slices.Concat(t.refused, t.lost, t.constant)
	slices.Sort(unsupported)
	f := []field{
		{"required_attributes", required, "nobody is made without them"},
		{"unsupported_attributes", orEmpty(slices.Compact(unsupported)), "they are not sent, and not compared"},
	}
	add := func(on bool, name string, value any, matters string) {
		if on {
			f = append(f, field{name, value, matters})
		}
	}
	chars := map[string]string{}
	if t.chars != "" {
		chars["displayName"] = t.chars
	}
	add(len(chars) > 0, "forbidden_characters", chars, "values that have them are refused")
	add(len(t.longest) > 0, "limits", t.longest, "longer values are refused")
	add(len(t.fixed) > 0, "immutable_attributes", t.fixed, "a change is for a person to make")
	add(len(t.single) > 0, "single_valued", t.single, "one value alone is sent")
	add(len(t.primary) > 0, "flag_primary", t.primary, "one value must be primary")
	add(t.lower, "lower_case", []string{"userName"}, "it is compared in lower case")
	add(password, "random_password", true, "each account gets a password that nobody knows")
	add(len(p.ownTexts()) > 0, "extensions", p.extensions(), "attributes of the app's own, for the mapping")
	return f
}

// extensions are the schemas of the app's own, as it publishes them.
func (p *prober) extensions() []jsontext.Value {
	var out []jsontext.Value
	for _, s := range p.schemas {
		if !p.own(s) {
			continue
		}
		if text, err := json.Marshal(s); err == nil {
			out = append(out, text)
		}
	}
	return out
}

// write makes a profile's file of what was found, over what is known of the app, and
// says in what it differs.
func (p *prober) write() error {
	doc := map[string]any{}
	if k := p.cfg.Known; k != nil {
		text, err := app.DocumentByID(k.ID)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			return err
		}
		p.report.Known = k.ID
		doc["id"], doc["name"] = k.ID+"-probed", k.Name+" (probed)"
	} else {
		u, err := url.Parse(p.base)
		if err != nil {
			return err
		}
		doc["id"], doc["name"], doc["kind"] = "probed", u.Hostname(), "scim2"
		doc["base_url_template"], doc["auth"], doc["rate_limit"] = p.base, map[string]any{"type": "bearer"}, map[string]any{"status": 429, "header": "Retry-After"}
	}
	entries := p.entries()
	for _, f := range entries {
		value, err := plainJSONOf(f.value)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		p.merge(doc, f.name, value)
	}
	doc["source"], doc["date"], doc["verified"] = "usher probe "+p.base, p.report.At.Format("2006-01-02"), true
	doc["unverified_fields"] = []string{"auth", "rate_limit"}
	doc["notes"] = slices.Concat(p.report.Deviations)
	text, err := json.Marshal(doc, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	found, err := app.ParseProfile(text)
	if err != nil {
		return fmt.Errorf("the profile that was found cannot be used: %w", err)
	}
	p.report.Profile = text
	if p.cfg.Known != nil {
		p.differ(*p.cfg.Known, found, entries)
	}
	return nil
}

// merge writes what was found into a profile's file. Limits of attributes that were
// not looked at stay, as do words about what is not supported.
func (p *prober) merge(doc map[string]any, name string, value any) {
	if inner, ok := doc["patch"].(map[string]any); ok && name == "patch.user_paths" { // other names of the same
		delete(inner, "allowed_paths")
		delete(inner, "user_allowed")
	}
	was, _ := lookUp(doc, name)
	switch old := was.(type) {
	case map[string]any:
		for _, attribute := range []string{"userName", "displayName", "externalId"} {
			delete(old, attribute)
		}
		if now, ok := value.(map[string]any); ok {
			maps.Copy(old, now)
			value = old
		}
	case []any:
		if name == "unsupported_attributes" {
			now, _ := value.([]any)
			value = append(now, slices.DeleteFunc(old, func(v any) bool { return p.looked(v) || contains(now, v) })...)
		}
	}
	set(doc, name, value)
}

// looked tells whether it is an attribute that a run sends.
func (p *prober) looked(v any) bool {
	s, _ := v.(string)
	return strings.EqualFold(s, "password") || strings.EqualFold(s, "groups") || strings.HasSuffix(s, ".display") ||
		slices.ContainsFunc(p.wealth(), func(w part) bool { return strings.EqualFold(w.path, s) })
}

func contains(list []any, v any) bool {
	return slices.ContainsFunc(list, func(o any) bool { return same(o, v) })
}

// differ says in what two profiles differ, of what was looked at. What both leave
// open is no difference.
func (p *prober) differ(ours, found app.Profile, entries []field) {
	for _, r := range readers {
		i := slices.IndexFunc(entries, func(f field) bool { return f.name == r.name })
		if i < 0 {
			continue
		}
		a, errA := plainJSONOf(r.of(ours))
		b, errB := plainJSONOf(r.of(found))
		if errA == nil && errB == nil && !same(a, b) {
			p.report.Differences = append(p.report.Differences, Difference{r.name, brief(a), brief(b), entries[i].matters})
		}
	}
}

// plainJSONOf is a value as JSON has it.
func plainJSONOf(v any) (any, error) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(text, &out)
}

func lookUp(doc map[string]any, name string) (any, bool) {
	head, rest, deeper := strings.Cut(name, ".")
	v, ok := doc[head]
	if !deeper || !ok {
		return v, ok
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookUp(inner, rest)
}

func set(doc map[string]any, name string, v any) {
	head, rest, deeper := strings.Cut(name, ".")
	if !deeper {
		doc[head] = v
		return
	}
	inner, ok := doc[head].(map[string]any)
	if !ok {
		inner = map[string]any{}
		doc[head] = inner
	}
	set(inner, rest, v)
}

// same compares two values; the order of a list says nothing.
func same(a, b any) bool { return bytes.Equal(canonical(a), canonical(b)) }

func canonical(v any) []byte {
	switch v := v.(type) {
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = string(canonical(e))
		}
		slices.Sort(texts)
		return []byte("[" + strings.Join(texts, ",") + "]")
	case map[string]any:
		var out []byte
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, name...)
			out = append(out, ':')
			out = append(out, canonical(v[name])...)
			out = append(out, ',')
		}
		return append(append([]byte("{"), out...), '}')
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil // what came from JSON goes there
	}
	return text
}

// brief is a value for a table.
func brief(v any) string {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return ""
	}
	return plainText(strings.Trim(string(text), `"`), 160)
}

// kept are the paths that no PATCH removes, but for userName, which none does anywhere
// (RFC 7643 §4.1.1).
func kept(p app.Profile) []string {
	var out []string
	for _, path := range p.Patch.Kept {
		if s := path.String(); s != "userName" {
			out = append(out, s)
		}
	}
	return out
}
