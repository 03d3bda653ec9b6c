// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// checksOfFilters are those of RFC 7644 §3.4.2.2.
func checksOfFilters() []Check {
	return []Check{
		filterCheck("7644-3.4.2.2-03", "A filter gives what matches, and nothing else", filterOnlyMatches),
		filterCheck("7644-3.4.2.2-04", "Letter case of attribute names and operators does not count", filterIgnoresCase),
		filterCheck("7644-3.4.2.2-05", "A filter without an expression is refused", filterRefusing(``)),
		filterCheck("7644-3.4.2.2-06", "Half an expression is refused", filterRefusing(`userName`, `eq "x"`, `userName eq`)),
		filterCheck("7644-3.4.2.2-08", "eq finds equal strings and booleans", filterEqual),
		filterCheck("7644-3.4.2.2-09", "ne leaves out what is equal", filterUnequal),
		filterCheck("7644-3.4.2.2-10", "co finds a part anywhere, and has no wildcards", filterContains),
		filterCheck("7644-3.4.2.2-11", "sw finds a beginning, and has no wildcards", filterBegins),
		filterCheck("7644-3.4.2.2-12", "ew finds an end, and has no wildcards", filterEnds),
		filterCheck("7644-3.4.2.2-13", "pr finds what has a value", filterPresent),
		filterCheck("7644-3.4.2.2-14", "gt, ge, lt and le go by letters, and by time for dates", filterOrder),
		filterCheck("7644-3.4.2.2-15", "An order of booleans and binaries is refused as invalidFilter", filterNoOrder),
		filterCheck("7644-3.4.2.2-16", "and needs both, or needs one, not turns round", filterLogic),
		filterCheck("7644-3.4.2.2-17", "Round brackets group", filterGroups),
		filterCheck("7644-3.4.2.2-18", "A value path finds who has such an element", filterValuePath),
		filterCheck("7644-3.4.2.2-19", "What stands in square brackets is asked of one element", filterOneElement),
		filterCheck("7644-3.4.2.2-20", "Square brackets reach sub-attributes only", filterInnerNames),
		filterCheck("7644-3.4.2.2-21", "Square brackets take and, or, not and groups", filterInnerLogic),
		filterCheck("7644-3.4.2.2-22", "What the grammar does not have is refused", filterRefusing(
			`userName eq "x" and`, `or userName eq "x"`, `userName eq "x`, `(userName eq "x"`, `userName eq "x")`,
			`userName "x"`, `userName eq "x" userName eq "y"`, `not`, `()`)),
		filterCheck("7644-3.4.2.2-23", "Operands are read as JSON", filterLiterals),
		filterCheck("7644-3.4.2.2-24", "not binds before and, and before or", filterPrecedence),
		filterCheck("7644-3.4.2.2-25", "One of several values is enough", filterAnyValue),
		filterCheck("7644-3.4.2.2-26", "A complex attribute without a sub-attribute is refused", filterComplex),
		filterCheck("7644-3.4.2.2-27", "A default is found as it is shown", filterDefault),
		filterCheck("7644-3.4.2.2-29", "An unknown operator is refused as invalidFilter, in words", filterUnknownOperator),
		filterCheck("7644-3.4.2.2-30", "caseExact decides whether letter case counts", filterCaseExact),
		filterCheck("7644-3.4.2.2-32", "An attribute may be named with its URN", filterURN),
		filterCheck("7644-3.4.2.2-33", "An operand of the wrong type breaks nothing", filterWrongType),
		filterCheck("7644-3.4.2.2-34", "A deep filter breaks nothing", filterDeep),
	}
}

type filterRun = func(ctx context.Context, s *Session) Outcome

// filterCheck is a check that needs filters.
func filterCheck(id, title string, run filterRun) Check {
	return Check{id, title, func(ctx context.Context, s *Session) Outcome {
		if !s.supports("filter") {
			return notApplicable("filters are not supported")
		}
		return run(ctx, s)
	}}
}

// filterNeeds ends a check about attributes of Users that are not there. An endpoint
// that publishes no schemas may have them.
func filterNeeds(s *Session, paths ...string) {
	for _, p := range paths {
		if len(s.Schemas) > 0 && s.attribute(scim.UserURN, p) == nil {
			must(notApplicable("Users have no %s", p))
		}
	}
}

// filterCase is a filter, and which of a check's users it finds: "ac" is the first and
// the third.
type filterCase struct{ filter, want string }

// filterAsk asks for Users.
func filterAsk(ctx context.Context, s *Session, filter string) *Exchange {
	return s.Do(ctx, http.MethodGet, query("/Users", "filter", filter), "")
}

// filterFinds asks with each filter, and looks for the users among the hits. Who else
// is at the endpoint does not count.
func filterFinds(ctx context.Context, s *Session, users []*scim.Resource, cases ...filterCase) Outcome {
	for _, c := range cases {
		e := filterAsk(ctx, s, c.filter)
		l := e.List()
		if e.Status != http.StatusOK || l == nil {
			return failed(e, "the filter %s is not answered with a list", c.filter)
		}
		if got := filterHits(l, users); got != c.want {
			return failed(e, "the filter %s finds %q of the users a to %c, and should find %q", c.filter, got, 'a'+len(users)-1, c.want)
		}
	}
	return passed()
}

func filterHits(l *scim.ListResponse, users []*scim.Resource) string {
	got := ""
	for i, u := range users {
		for _, r := range l.Resources {
			if r.ID() == u.ID() {
				got += string(rune('a' + i))
				break
			}
		}
	}
	return got
}

// filterUsers makes a user of each list of members.
func filterUsers(ctx context.Context, s *Session, more ...string) []*scim.Resource {
	out := make([]*scim.Resource, len(more))
	for i, m := range more {
		out[i] = s.user(ctx, m)
	}
	return out
}

// filterMember is a member of a body, filterIs a comparison with a text.
func filterMember(name, value string) string { return quoted(name) + ":" + quoted(value) }

func filterIs(path, op, value string) string { return path + " " + op + " " + quoted(value) }

// filterRefusing is a check that filters are answered with 400.
func filterRefusing(filters ...string) filterRun {
	return func(ctx context.Context, s *Session) Outcome {
		for _, f := range filters {
			if e := filterAsk(ctx, s, f); e.Status != http.StatusBadRequest {
				return failed(e, "the filter %q is not refused with 400", f)
			}
		}
		return passed()
	}
}

func filterOnlyMatches(ctx context.Context, s *Session) Outcome {
	a, _ := s.user(ctx), s.user(ctx)
	e := filterAsk(ctx, s, filterIs("userName", "eq", a.UserName()))
	l := e.List()
	if e.Status != http.StatusOK || l == nil {
		return failed(e, "a filter is not answered with a list")
	}
	for _, r := range l.Resources { // whoever it is
		if !strings.EqualFold(r.UserName(), a.UserName()) {
			return failed(e, "%s has another userName", r.ID())
		}
	}
	if len(l.Resources) == 0 {
		return failed(e, "who matches is not there")
	}
	return passed()
}

func filterIgnoresCase(ctx context.Context, s *Session) Outcome {
	users := filterUsers(ctx, s, filterMember("displayName", s.name("display")), filterMember("displayName", s.name("display")))
	a, b := users[0].UserName(), users[1].UserName()
	return filterFinds(ctx, s, users,
		filterCase{filterIs("USERNAME", "eq", a), "a"},
		filterCase{filterIs("username", "EQ", b), "b"},
		filterCase{filterIs("userName", "Eq", a) + " OR " + filterIs("userName", "eQ", b), "ab"},
		filterCase{filterIs("userName", "eq", a) + " And userName PR", "a"},
		filterCase{filterIs("userName", "eq", a) + " and NOT (" + filterIs("userName", "eq", b) + ")", "a"},
	)
}

func filterEqual(ctx context.Context, s *Session) Outcome {
	filterNeeds(s, "title", "active")
	title := s.name("title")
	users := filterUsers(ctx, s,
		filterMember("title", title)+`,"active":true`,
		filterMember("title", title+"-more")+`,"active":true`,
		filterMember("title", title)+`,"active":false`)
	return filterFinds(ctx, s, users,
		filterCase{filterIs("title", "eq", title), "ac"},
		filterCase{filterIs("title", "eq", title) + " and active eq true", "a"},
		filterCase{filterIs("title", "eq", title) + " and active eq false", "c"},
		filterCase{filterIs("id", "eq", users[1].ID()), "b"},
	)
}

func filterUnequal(ctx context.Context, s *Session) Outcome {
	filterNeeds(s, "title", "displayName")
	all, title := s.name("all"), s.name("title")
	users := filterUsers(ctx, s,
		filterMember("displayName", all)+","+filterMember("title", title),
		filterMember("displayName", all)+","+filterMember("title", title+"-more"))
	return filterFinds(ctx, s, users, filterCase{filterIs("displayName", "eq", all) + " and " + filterIs("title", "ne", title), "b"})
}

// filterTitled are users whose titles end so.
func filterTitled(ctx context.Context, s *Session, head string, tails ...string) []*scim.Resource {
	filterNeeds(s, "title")
	out := make([]string, len(tails))
	for i, tail := range tails {
		out[i] = filterMember("title", head+tail)
	}
	return filterUsers(ctx, s, out...)
}

func filterContains(ctx context.Context, s *Session) Outcome {
	mark := s.name("title")
	users := filterTitled(ctx, s, "on "+mark, ` a%b_c\d end`, ` axbxcxd end`)
	return filterFinds(ctx, s, users,
		filterCase{filterIs("title", "co", mark), "ab"},
		filterCase{filterIs("title", "co", "on "+mark), "ab"},
		filterCase{filterIs("title", "co", mark+" axbxcxd end"), "b"},
		filterCase{filterIs("title", "co", mark+" a%b"), "a"},
		filterCase{filterIs("title", "co", mark+" axb_c"), ""},
		filterCase{filterIs("title", "co", mark+` a%b_c\d`), "a"},
		filterCase{filterIs("title", "co", mark+" none"), ""},
	)
}

func filterBegins(ctx context.Context, s *Session) Outcome {
	mark := s.name("title")
	users := filterTitled(ctx, s, "", mark+"%_end", mark+"xyend", "on "+mark+"xyend")
	return filterFinds(ctx, s, users,
		filterCase{filterIs("title", "sw", mark), "ab"},
		filterCase{filterIs("title", "sw", mark+"%"), "a"},
		filterCase{filterIs("title", "sw", mark+"x_"), ""},
		filterCase{filterIs("title", "sw", mark+"xyend"), "b"}, // all of it
	)
}

func filterEnds(ctx context.Context, s *Session) Outcome {
	mark := s.name("title")
	users := filterTitled(ctx, s, "", "a%_"+mark, "axy"+mark, "axy"+mark+"more")
	return filterFinds(ctx, s, users,
		filterCase{filterIs("title", "ew", mark), "ab"},
		filterCase{filterIs("title", "ew", "%_"+mark), "a"},
		filterCase{filterIs("title", "ew", "_y"+mark), ""},
		filterCase{filterIs("title", "ew", "axy"+mark), "b"}, // all of it
	)
}

func filterPresent(ctx context.Context, s *Session) Outcome {
	filterNeeds(s, "title", "displayName", "emails.value", "name.givenName")
	all := s.name("all")
	users := filterUsers(ctx, s,
		filterMember("displayName", all)+`,"title":"x","emails":[{"value":"`+all+`@example.com"}],"name":{"givenName":"x"}`,
		filterMember("displayName", all))
	one := filterIs("displayName", "eq", all) + " and "
	return filterFinds(ctx, s, users,
		filterCase{one + "title pr", "a"}, filterCase{one + "emails pr", "a"}, filterCase{one + "name.givenName pr", "a"},
		filterCase{one + "displayName pr", "ab"},
	)
}

func filterOrder(ctx context.Context, s *Session) Outcome {
	mark := s.name("title")
	users := filterTitled(ctx, s, mark, "-a", "-b", "-c")
	of := filterIs("title", "sw", mark) + " and "
	cases := []filterCase{
		{of + filterIs("title", "gt", mark+"-b"), "c"},
		{of + filterIs("title", "ge", mark+"-b"), "bc"},
		{of + filterIs("title", "lt", mark+"-b"), "a"},
		{of + filterIs("title", "le", mark+"-b"), "ab"},
	}
	made, err := time.Parse(time.RFC3339, strings.Trim(at(users[0], "meta.created"), `"`))
	if err == nil { // else there is no date that is known
		// As texts, both are on the other side.
		later := made.Add(time.Hour).In(time.FixedZone("", -10*3600)).Format(time.RFC3339)
		before := made.Add(-time.Hour).In(time.FixedZone("", 10*3600)).Format(time.RFC3339)
		cases = append(cases,
			filterCase{of + filterIs("meta.created", "lt", later), "abc"}, filterCase{of + filterIs("meta.created", "gt", later), ""},
			filterCase{of + filterIs("meta.created", "gt", before), "abc"}, filterCase{of + filterIs("meta.created", "le", before), ""})
	}
	return filterFinds(ctx, s, users, cases...)
}

func filterNoOrder(ctx context.Context, s *Session) Outcome {
	filterNeeds(s, "active")
	filters := []string{"active gt true", "active le false"}
	if s.attribute(scim.UserURN, "x509Certificates.value") != nil {
		filters = append(filters, `x509Certificates.value lt "QQ=="`)
	}
	for _, f := range filters {
		if e := filterAsk(ctx, s, f); !filterIsInvalid(e) {
			return failed(e, "%s is not refused with 400 and invalidFilter", f)
		}
	}
	return passed()
}

func filterIsInvalid(e *Exchange) bool {
	got := e.Error()
	return e.Status == http.StatusBadRequest && got != nil && got.ScimType == scim.InvalidFilter
}

// filterTruth are users by title and nickName: 1 1, 1 2, 2 1 and 2 2. The filters of
// the terms follow.
func filterTruth(ctx context.Context, s *Session) (users []*scim.Resource, t1, t2, n1, n2 string) {
	filterNeeds(s, "title", "nickName")
	t, n := s.name("title"), s.name("nick")
	for _, row := range []string{"11", "12", "21", "22"} {
		users = append(users, s.user(ctx, filterMember("title", t+row[:1]), filterMember("nickName", n+row[1:])))
	}
	return users, filterIs("title", "eq", t+"1"), filterIs("title", "eq", t+"2"), filterIs("nickName", "eq", n+"1"), filterIs("nickName", "eq", n+"2")
}

func filterLogic(ctx context.Context, s *Session) Outcome {
	users, t1, _, n1, _ := filterTruth(ctx, s)
	unassigned := s.user(ctx)
	return filterFinds(ctx, s, append(users, unassigned),
		filterCase{t1 + " and " + n1, "a"},
		filterCase{t1 + " or " + n1, "abc"},
		filterCase{t1 + " and not (" + n1 + ")", "b"},
		filterCase{filterIs("userName", "eq", unassigned.UserName()) + " and not (" + t1 + ")", "e"},
	)
}

func filterGroups(ctx context.Context, s *Session) Outcome {
	users, t1, t2, _, n2 := filterTruth(ctx, s)
	return filterFinds(ctx, s, users,
		filterCase{"(" + t1 + ")", "ab"},
		filterCase{"(" + t1 + " or " + t2 + ") and " + n2, "bd"},
	)
}

func filterPrecedence(ctx context.Context, s *Session) Outcome {
	users, t1, t2, n1, n2 := filterTruth(ctx, s)
	return filterFinds(ctx, s, users,
		filterCase{t1 + " or " + t2 + " and " + n2, "abd"},
		filterCase{n2 + " and " + t2 + " or " + t1, "abd"},
		filterCase{n1 + " and not (" + t2 + ") and " + t1, "a"},
	)
}

// filterMailed makes one user with a work and a home address, and tells them. It ends a
// check of square brackets where there are none: they may be supported or not.
func filterMailed(ctx context.Context, s *Session) (users []*scim.Resource, work, home string) {
	filterNeeds(s, "emails.value", "emails.type")
	work, home = s.name("work")+"@example.com", s.name("home")+"@example.com"
	users = filterUsers(ctx, s,
		`"emails":[{"type":"work","value":`+quoted(work)+`},{"type":"home","value":`+quoted(home)+`}]`,
		`"emails":[{"type":"home","value":`+quoted("x"+work)+`}]`)
	return users, work, home
}

func filterWithBrackets(ctx context.Context, s *Session) {
	if e := filterAsk(ctx, s, `emails[type eq "`+s.name("none")+`"]`); e.Status != http.StatusOK {
		must(notApplicable("filters with square brackets are not supported: %d", e.Status))
	}
}

func filterValuePath(ctx context.Context, s *Session) Outcome {
	filterWithBrackets(ctx, s)
	users, work, _ := filterMailed(ctx, s)
	return filterFinds(ctx, s, users, filterCase{"emails[" + filterIs("value", "eq", work) + "]", "a"})
}

func filterOneElement(ctx context.Context, s *Session) Outcome {
	filterWithBrackets(ctx, s)
	users, work, home := filterMailed(ctx, s)
	return filterFinds(ctx, s, users,
		filterCase{`emails[type eq "work" and ` + filterIs("value", "eq", work) + `]`, "a"},
		filterCase{`emails[type eq "work" and ` + filterIs("value", "eq", home) + `]`, ""},
	)
}

func filterInnerNames(ctx context.Context, s *Session) Outcome {
	filterWithBrackets(ctx, s)
	users, _, _ := filterMailed(ctx, s)
	e := filterAsk(ctx, s, "emails["+filterIs("userName", "eq", users[0].UserName())+"]")
	if l := e.List(); e.Status == http.StatusOK && l != nil && filterHits(l, users) != "" {
		return failed(e, "a userName is found in square brackets after emails")
	}
	return passed()
}

func filterInnerLogic(ctx context.Context, s *Session) Outcome {
	filterWithBrackets(ctx, s)
	users, work, home := filterMailed(ctx, s)
	return filterFinds(ctx, s, users,
		filterCase{`emails[(type eq "work" or type eq "other") and ` + filterIs("value", "ew", work) + `]`, "a"},
		filterCase{`emails[` + filterIs("value", "co", work) + ` and not (type eq "work")]`, "b"},
		filterCase{`emails[` + filterIs("value", "eq", work) + ` or ` + filterIs("value", "eq", home) + `]`, "a"},
	)
}

func filterLiterals(ctx context.Context, s *Session) Outcome {
	title := s.name("title") + ` "quoted" back\slash é`
	users := filterTitled(ctx, s, title, "", "x")
	escaped := strings.Replace(quoted(title), "é", `\u00e9`, 1)
	out := filterFinds(ctx, s, users,
		filterCase{filterIs("title", "eq", title), "a"},
		filterCase{"title eq " + escaped, "a"},
		filterCase{filterIs("title", "eq", title) + " and title ne null", "a"},
	)
	if out.Verdict != Pass {
		return out
	}
	return filterRefusing("title eq word", `title eq 'word'`, `title eq "\x"`)(ctx, s)
}

func filterAnyValue(ctx context.Context, s *Session) Outcome {
	users, work, home := filterMailed(ctx, s)
	return filterFinds(ctx, s, users,
		filterCase{filterIs("emails.value", "eq", work), "a"}, filterCase{filterIs("emails.value", "eq", home), "a"})
}

func filterComplex(ctx context.Context, s *Session) Outcome {
	filterNeeds(s, "name")
	return filterRefusing(`name eq "x"`)(ctx, s)
}

func filterDefault(ctx context.Context, s *Session) Outcome {
	a := s.user(ctx)
	active, shown := a.Active()
	if !shown {
		return notApplicable("active has no default")
	}
	is := map[bool]string{true: "true", false: "false"}
	of := filterIs("userName", "eq", a.UserName())
	return filterFinds(ctx, s, []*scim.Resource{a},
		filterCase{of + " and active eq " + is[active], "a"}, filterCase{of + " and active eq " + is[!active], ""})
}

func filterUnknownOperator(ctx context.Context, s *Session) Outcome {
	e := filterAsk(ctx, s, `userName resembles "x"`)
	if !filterIsInvalid(e) {
		return failed(e, "it is not refused with 400 and invalidFilter")
	}
	if strings.TrimSpace(e.Error().Detail) == "" {
		return failed(e, "it does not say what is wrong")
	}
	return passed()
}

func filterCaseExact(ctx context.Context, s *Session) Outcome {
	exact := false // userName, as RFC 7643 §4.1.1 has it
	if a := s.attribute(scim.UserURN, "userName"); a != nil {
		exact = a.CaseExact
	}
	id := s.name("external")
	users := filterUsers(ctx, s, filterMember("externalId", id))
	want := map[bool]string{true: "", false: "a"}
	cases := []filterCase{{filterIs("userName", "eq", strings.ToUpper(users[0].UserName())), want[exact]}}
	if users[0].ExternalID() != "" { // always exact, RFC 7643 §3.1
		cases = append(cases, filterCase{filterIs("externalId", "eq", id), "a"}, filterCase{filterIs("externalId", "eq", strings.ToUpper(id)), ""})
	}
	return filterFinds(ctx, s, users, cases...)
}

func filterURN(ctx context.Context, s *Session) Outcome {
	more, department := "", s.name("department")
	if s.attribute(scim.EnterpriseUserURN, "department") != nil {
		more = `,` + quoted(scim.EnterpriseUserURN) + `:{` + filterMember("department", department) + `}`
	}
	users := filterUsers(ctx, s, `"nickName":"x"`+more, `"nickName":"x"`)
	cases := []filterCase{{filterIs(scim.UserURN+":userName", "eq", users[0].UserName()), "a"}}
	if more != "" {
		cases = append(cases, filterCase{filterIs(scim.EnterpriseUserURN+":department", "eq", department), "a"})
	}
	return filterFinds(ctx, s, users, cases...)
}

func filterWrongType(ctx context.Context, s *Session) Outcome {
	for _, f := range []string{`active eq "x"`, `userName eq 5`, `userName eq true`, `meta.created gt "x"`, `emails[value eq 1]`} {
		if e := filterAsk(ctx, s, f); e.Err != nil || e.Status >= 500 && e.Status != http.StatusNotImplemented {
			return failed(e, "the filter %s breaks it", f)
		}
	}
	return passed()
}

func filterDeep(ctx context.Context, s *Session) Outcome {
	const deep = 1000
	e := filterAsk(ctx, s, strings.Repeat("(", deep)+`userName eq "`+s.name("none")+`"`+strings.Repeat(")", deep))
	if e.Err != nil || e.Status >= 500 && e.Status != http.StatusNotImplemented {
		return failed(e, "%d brackets break it", deep)
	}
	return passed()
}
