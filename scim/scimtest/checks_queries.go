// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
)

// checksOfQueries are those of RFC 7644 §3.4, §3.4.2, §3.4.2.1, §3.4.2.3, §3.4.2.4,
// §3.4.3 and §3.10.
func checksOfQueries() []Check {
	return slices.Concat(queryListChecks(), queryRootChecks(), querySortChecks(), queryPageChecks(), querySearchChecks())
}

func queryListChecks() []Check {
	return []Check{
		{"7644-3.4-01", "an answer shows what is returned by default, and nothing else", queryDefaults},
		{"7644-3.4.2-02", "parameters that nobody knows are ignored", queryUnknownParameters},
		{"7644-3.4.2-04", "a list says by its schemas that it is one", queryListURN},
		{"7644-3.4.2-05", "totalResults is a number", queryTotal},
		{"7644-3.4.2-06", "a list of somebody has Resources", queryResources},
		{"7644-3.4.2-07", "a page tells the total of all pages", queryTotalOfAll},
		{"7644-3.4.2-08", "a page says where it starts", queryStartIndex},
		{"7644-3.4.2-09", "a page says how many are on it", queryItemsPerPage},
		{"7644-3.4.2-10", "nothing found is an empty list", queryNobody},
		{"7644-3.10-01", "names are read with and without URN, in any letter case", queryNotation},
	}
}

func queryRootChecks() []Check {
	return []Check{
		{"7644-3.4.2.1-01", "a query at the root finds every type", queryRootFindsAll},
		{"7644-3.4.2.1-03", "too many results at the root are told as such", queryRootTooMany},
		{"7644-3.4.2.1-04", "a filter at the root has the usual rules", queryRootFilter},
		{"7644-3.4.2.1-05", "what a type does not have is no value there", queryRootNoValue},
	}
}

func querySortChecks() []Check {
	return []Check{
		{"7644-3.4.2.3-01", "sorting does something if it is said to be there", querySortIsThere},
		{"7644-3.4.2.3-03", "sortBy puts resources in order", querySortBy},
		{"7644-3.4.2.3-04", "lists are sorted by the primary, or first, value", querySortPrimary},
		{"7644-3.4.2.3-05", "sortBy reaches a sub-attribute", querySortSub},
		{"7644-3.4.2.3-06", "who lacks the value is last, or first if descending", querySortMissing},
		{"7644-3.4.2.3-07", "the order is ascending if nothing is said", querySortDefault},
		{"7644-3.4.2.3-08", "letter case counts as the schema says", querySortCase},
		{"7644-3.4.2.3-09", "sortOrder is ascending or descending", querySortOrders},
	}
}

func queryPageChecks() []Check {
	return []Check{
		{"7644-3.4.2.4-02", "pages start at 1", queryFirstIsOne},
		{"7644-3.4.2.4-03", "a startIndex below 1 is 1", queryBelowOne},
		{"7644-3.4.2.4-04", "a negative count is 0", queryNegativeCount},
		{"7644-3.4.2.4-05", "count 0 gives the total alone", queryCountZero},
		{"7644-3.4.2.4-06", "no more come than count", queryCount},
		{"7644-3.4.2.4-07", "fewer may come than count", queryFewer},
		{"7644-3.4.2.4-08", "without count a page is no larger than is published", queryWithoutCount},
		{"7644-3.4.2.4-09", "past the end is an empty page with the total", queryPastTheEnd},
		{"7644-3.4.2.4-10", "startIndex and count are numbers", queryNoNumber},
		{"7644-3.4.2.4-11", "pages without a sort give everybody once", queryWalk},
	}
}

func querySearchChecks() []Check {
	return []Check{
		{"7644-3.4.3-02", "a POST to .search makes nothing", searchMakesNothing},
		{"7644-3.4.3-03", "a search has the schema of one", searchURN},
		{"7644-3.4.3-05", "a filter in a body is checked", searchFilter},
		{"7644-3.4.3-06", "sortBy in a body may have the URN", searchSort},
		{"7644-3.4.3-07", "excludedAttributes in a body spares the id", searchExcluded},
		{"7644-3.4.3-08", "a search is answered as a query", searchAsQuery},
		{"7644-3.4.3-09", "a search at the root finds every type", searchRoot},
	}
}

// queryUser is a User for a set: the end of its userName, and more members.
type queryUser struct{ tail, more string }

// querySet is some Users that a filter picks out of everybody at the endpoint.
type querySet struct {
	s      *Session
	filter string
	names  []string // userNames
	ids    []string // in the order of their making
	tails  map[string]string
	made   []*scim.Resource
}

// queryMake makes a set, and ends the check if a filter cannot pick it out: filters are
// no subject here.
func queryMake(ctx context.Context, s *Session, users ...queryUser) querySet {
	if !s.supports("filter") {
		must(notApplicable("there are no filters"))
	}
	prefix := s.name("set") + "-"
	q := querySet{s: s, filter: "userName sw " + quoted(prefix), tails: map[string]string{}}
	for _, u := range users {
		var more []string
		if u.more != "" {
			more = append(more, u.more)
		}
		r := s.create(ctx, "/Users", userBody(prefix+u.tail, more...))
		q.names, q.ids, q.made = append(q.names, prefix+u.tail), append(q.ids, r.ID()), append(q.made, r)
		q.tails[r.ID()] = u.tail
	}
	e := q.get(ctx)
	if l := e.List(); e.Status != http.StatusOK || l == nil || l.TotalResults != len(users) && len(l.Resources) != len(users) {
		must(notApplicable("no filter picks out what was made"))
	}
	return q
}

// queryTrio is three Users: c, a and b.
func queryTrio(ctx context.Context, s *Session) querySet {
	return queryMake(ctx, s, queryUser{tail: "c"}, queryUser{tail: "a"}, queryUser{tail: "b"})
}

// kept ends the check if an attribute that somebody was given is none of theirs.
func (q querySet) kept(path string) {
	if !slices.ContainsFunc(q.made, func(r *scim.Resource) bool { return at(r, path) != "" }) {
		must(notApplicable("the endpoint keeps no %s", path))
	}
}

func (q querySet) get(ctx context.Context, params ...string) *Exchange {
	return q.s.Do(ctx, http.MethodGet, query("/Users", append(params, "filter", q.filter)...), "")
}

// list is what get finds, and ends the check if that is no list.
func (q querySet) list(ctx context.Context, params ...string) (*Exchange, *scim.ListResponse) {
	e := q.get(ctx, params...)
	return e, queryList(e)
}

func queryList(e *Exchange) *scim.ListResponse {
	l := e.List()
	if e.Status != http.StatusOK || l == nil {
		must(failed(e, "this is no list"))
	}
	return l
}

// order is whom a list has, by their tails: "a b c".
func (q querySet) order(l *scim.ListResponse) string {
	tails := make([]string, len(l.Resources))
	for i, r := range l.Resources {
		tail, ok := q.tails[r.ID()]
		if !ok {
			tail = "(a stranger)"
		}
		tails[i] = tail
	}
	return strings.Join(tails, " ")
}

// queryOrdered expects an order of a set.
func queryOrdered(ctx context.Context, q querySet, want string, params ...string) Outcome {
	e, l := q.list(ctx, params...)
	if got := q.order(l); got != want {
		return failed(e, "the order is %q instead of %q", got, want)
	}
	return passed()
}

// queryFirstFailed is the first that failed, or passed.
func queryFirstFailed(all ...func() Outcome) Outcome {
	for _, f := range all {
		if o := f(); o.Verdict == Fail {
			return o
		}
	}
	return passed()
}

// queryMember is a member of an answer by its name in any letter case, as its type and
// not its spelling is the subject.
func queryMember(e *Exchange, name string) any {
	return queryMemberOf(e.JSON(), name)
}

func queryMemberOf(o map[string]any, name string) any {
	for n, v := range o {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return nil
}

// queryNumber is a member that is a whole number.
func queryNumber(e *Exchange, name string) (int, bool) {
	f, ok := queryMember(e, name).(float64)
	return int(f), ok && f == float64(int(f))
}

// queryPaged tells what ServiceProviderConfig says of pages; an endpoint that does not
// know RFC 9865 has pages by index.
func queryPaged(s *Session, name string) (said, ok bool) {
	if s.Config == nil {
		return false, false
	}
	v, _ := s.Config.At(scim.Path{Attr: "pagination", Sub: name})
	return v.AsBool()
}

// queryByIndex ends the check if there are no pages by index.
func queryByIndex(s *Session) {
	if on, said := queryPaged(s, "index"); said && !on {
		must(notApplicable("there are no pages by index"))
	}
}

// queryPage is the first of two Users or more, asked for by index.
func queryPage(ctx context.Context, s *Session) (*Exchange, *scim.ListResponse) {
	queryByIndex(s)
	s.user(ctx)
	s.user(ctx)
	e := s.Do(ctx, http.MethodGet, "/Users?startIndex=1&count=1", "")
	return e, queryList(e)
}

func queryDefaults(ctx context.Context, s *Session) Outcome {
	name := s.name("user")
	body := []string{`"displayName":"Shown"`, `"title":"Countess"`, `"name":{"familyName":"Byron"}`}
	made := s.Do(ctx, http.MethodPost, "/Users", userBody(name, append(body, `"password":"Usher-check-7!kwQz"`)...))
	u := made.Resource()
	if made.Status != http.StatusCreated || u == nil || u.ID() == "" {
		u = s.user(ctx, body...) // passwords may be somebody else's business
	}
	e := s.Do(ctx, http.MethodGet, readingPath(u), "")
	r := e.Resource()
	if e.Status != http.StatusOK || r == nil {
		return failed(e, "what was made cannot be read")
	}
	for _, path := range []string{"id", "userName", "displayName", "title", "name.familyName"} {
		if queryShown(s, path) && at(u, path) != "" && at(r, path) == "" {
			return failed(e, "%s is missing", path)
		}
	}
	for _, a := range queryUserAttributes(s) {
		if _, ok := r.Get(a.Name); ok && !queryShown(s, a.Name) {
			return failed(e, "%s is there, which is returned %s", a.Name, a.Returned)
		}
	}
	return passed()
}

// queryUserAttributes are those that the schema of Users publishes.
func queryUserAttributes(s *Session) []scim.Attribute {
	for _, sch := range s.Schemas {
		if strings.EqualFold(sch.ID, scim.UserURN) {
			return sch.Attributes
		}
	}
	return nil
}

// queryShown tells whether an attribute of a User is shown without being asked for.
func queryShown(s *Session, path string) bool {
	a := s.attribute(scim.UserURN, path)
	return a == nil || a.Returned != scim.ReturnedNever && a.Returned != scim.ReturnedRequest
}

func queryUnknownParameters(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	for _, path := range []string{"/Users?count=1&usherCheck=1", "/Users?count=1&aadOptscim062020", readingPath(u) + "?usherCheck=1"} {
		if e := s.Do(ctx, http.MethodGet, path, ""); e.Status != http.StatusOK {
			return failed(e, "an unknown parameter is no reason to refuse")
		}
	}
	return passed()
}

func queryListURN(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodGet, "/Users?count=1", "")
	if r := e.Resource(); r == nil || !r.HasSchema(scim.ListResponseURN) {
		return failed(e, "schemas lacks %s", scim.ListResponseURN)
	}
	return passed()
}

func queryTotal(ctx context.Context, s *Session) Outcome {
	queryByIndex(s)
	e := s.Do(ctx, http.MethodGet, "/Users?startIndex=1&count=1", "")
	if _, ok := queryNumber(e, "totalResults"); !ok {
		return failed(e, "totalResults is no whole number")
	}
	return passed()
}

func queryResources(ctx context.Context, s *Session) Outcome {
	s.user(ctx)
	e := s.Do(ctx, http.MethodGet, "/Users?count=1", "")
	if n, ok := queryNumber(e, "totalResults"); ok && n == 0 {
		return notApplicable("the total says that there is nobody")
	}
	if _, ok := queryMember(e, "Resources").([]any); !ok {
		return failed(e, "there is no list of Resources")
	}
	return passed()
}

func queryTotalOfAll(ctx context.Context, s *Session) Outcome {
	e, l := queryPage(ctx, s)
	switch {
	case len(l.Resources) > 1:
		return notApplicable("there are no pages")
	case l.TotalResults >= 0 && l.TotalResults < 2:
		return failed(e, "the total is that of the page")
	}
	return passed()
}

func queryStartIndex(ctx context.Context, s *Session) Outcome {
	e, l := queryPage(ctx, s)
	if _, ok := queryNumber(e, "startIndex"); !ok && len(l.Resources) < 2 {
		return failed(e, "startIndex is missing, or no number")
	}
	return passed()
}

func queryItemsPerPage(ctx context.Context, s *Session) Outcome {
	if e, l := queryPage(ctx, s); len(l.Resources) < 2 {
		if n, ok := queryNumber(e, "itemsPerPage"); !ok || n != len(l.Resources) {
			return failed(e, "itemsPerPage is not %d, as there are on the page", len(l.Resources))
		}
	}
	// What is there counts, and not what was asked for.
	if !s.supports("filter") {
		return passed()
	}
	q := queryTrio(ctx, s)
	e, l := q.list(ctx, "startIndex", "2", "count", "50")
	if n, ok := queryNumber(e, "itemsPerPage"); len(l.Resources) < len(q.ids) && (!ok || n != len(l.Resources)) {
		return failed(e, "itemsPerPage is not %d, as there are on the page", len(l.Resources))
	}
	return passed()
}

func queryNobody(ctx context.Context, s *Session) Outcome {
	if !s.supports("filter") {
		return notApplicable("there are no filters")
	}
	e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(s.name("nobody"))), "")
	if l := e.List(); e.Status != http.StatusOK || l == nil || l.TotalResults > 0 || len(l.Resources) > 0 {
		return failed(e, "this is no empty list")
	}
	return passed()
}

func queryNotation(ctx context.Context, s *Session) Outcome {
	u := readingUser(ctx, s)
	for _, name := range []string{"NAME.givenname", scim.UserURN + ":name.givenName"} {
		e := s.Do(ctx, http.MethodGet, query(readingPath(u), "attributes", name), "")
		if at(e.Resource(), "name.givenName") == "" {
			return failed(e, "%s is not found", name)
		}
	}
	if o := queryNotationFilter(ctx, s, u); o.Verdict == Fail {
		return o
	}
	if !s.supports("patch") {
		return passed()
	}
	e := s.Do(ctx, http.MethodPatch, readingPath(u), patchBody(`{"op":"replace","path":"`+scim.UserURN+`:NAME.givenName","value":"Augusta"}`))
	if got := s.Do(ctx, http.MethodGet, readingPath(u), "").Resource(); at(got, "name.givenName") != `"Augusta"` {
		return failed(e, "a path with the URN changes nothing")
	}
	return passed()
}

func queryNotationFilter(ctx context.Context, s *Session, u *scim.Resource) Outcome {
	if !s.supports("filter") {
		return passed()
	}
	for _, name := range []string{"USERNAME", scim.UserURN + ":userName"} {
		e := s.Do(ctx, http.MethodGet, query("/Users", "filter", name+" eq "+at(u, "userName")), "")
		if l := e.List(); l == nil || len(l.Resources) != 1 || l.Resources[0].ID() != u.ID() {
			return failed(e, "%s finds somebody else, or nobody", name)
		}
	}
	return passed()
}

// queryRoot asks at the root, and ends the check if nobody answers queries there: many
// do not.
func queryRoot(ctx context.Context, s *Session, params ...string) (*Exchange, *scim.ListResponse) {
	if !queryRootAnswers(ctx, s) {
		must(notApplicable("there are no queries at the root"))
	}
	e := s.Do(ctx, http.MethodGet, query("/", params...), "")
	return e, queryList(e)
}

// queryRootAnswers tells whether the root answers the least of queries.
func queryRootAnswers(ctx context.Context, s *Session) bool {
	e := s.Do(ctx, http.MethodGet, query("/", "filter", "id eq "+quoted(s.name("nobody"))), "")
	return e.Status == http.StatusOK && e.List() != nil
}

// queryRootPair makes a User and a Group of one display name, and finds whether the
// root knows the two.
func queryRootPair(ctx context.Context, s *Session) (name string, u, g *scim.Resource) {
	if !s.has("/Groups") || !s.supports("filter") {
		must(notApplicable("there are no Groups, or no filters"))
	}
	name = s.name("pair")
	u = s.user(ctx, `"displayName":`+quoted(name))
	return name, u, s.create(ctx, "/Groups", groupBody(name))
}

// queryHas tells whether a list has these resources, and only these.
func queryHas(l *scim.ListResponse, want ...*scim.Resource) bool {
	ids := func(all []*scim.Resource) (out []string) {
		for _, r := range all {
			out = append(out, r.ID())
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(ids(l.Resources), ids(want))
}

func queryRootFindsAll(ctx context.Context, s *Session) Outcome {
	name, u, g := queryRootPair(ctx, s)
	if e, l := queryRoot(ctx, s, "filter", "displayName eq "+quoted(name)); !queryHas(l, u, g) {
		return failed(e, "this is not the User and the Group")
	}
	return passed()
}

func queryRootTooMany(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodGet, "/", "")
	if e.Status != http.StatusBadRequest || !queryRootAnswers(ctx, s) {
		return notApplicable("the root does not find that everybody is too many")
	}
	if got := e.Error(); got == nil || got.ScimType != scim.TooMany {
		return failed(e, "the scimType is not %s", scim.TooMany)
	}
	return passed()
}

func queryRootFilter(ctx context.Context, s *Session) Outcome {
	name, u, g := queryRootPair(ctx, s)
	filter := "DISPLAYNAME eq " + quoted(name) + " and not (id eq " + quoted(g.ID()) + ")"
	if e, l := queryRoot(ctx, s, "filter", filter); !queryHas(l, u) {
		return failed(e, "this is not the User alone")
	}
	return passed()
}

func queryRootNoValue(ctx context.Context, s *Session) Outcome {
	name, u, _ := queryRootPair(ctx, s)
	if e, l := queryRoot(ctx, s, "filter", "displayName eq "+quoted(name)+" and userName pr"); !queryHas(l, u) {
		return failed(e, "this is not the User alone")
	}
	return passed()
}

// querySorts ends the check if nothing is sorted.
func querySorts(s *Session) {
	if !s.supports("sort") {
		must(notApplicable("nothing is sorted"))
	}
}

func querySortIsThere(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	q := queryTrio(ctx, s)
	e, up := q.list(ctx, "sortBy", "userName", "sortOrder", "ascending")
	if _, down := q.list(ctx, "sortBy", "userName", "sortOrder", "descending"); q.order(up) == q.order(down) {
		return failed(e, "descending is no other order")
	}
	return passed()
}

func querySortBy(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	return queryOrdered(ctx, queryTrio(ctx, s), "a b c", "sortBy", "userName", "sortOrder", "ascending")
}

func querySortDefault(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	return queryOrdered(ctx, queryTrio(ctx, s), "a b c", "sortBy", "userName")
}

// querySortOrders leaves open what becomes of other values: that they are refused is
// written nowhere.
func querySortOrders(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	q := queryTrio(ctx, s)
	return queryFirstFailed(
		func() Outcome { return queryOrdered(ctx, q, "a b c", "sortBy", "userName", "sortOrder", "ascending") },
		func() Outcome { return queryOrdered(ctx, q, "c b a", "sortBy", "userName", "sortOrder", "descending") },
		func() Outcome {
			e := q.get(ctx, "sortBy", "userName", "sortOrder", "sideways")
			if e.Err != nil || e.Status >= http.StatusInternalServerError {
				return failed(e, "another value breaks it")
			}
			return passed()
		},
	)
}

func querySortSub(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	family := func(name string) string { return `"name":{"familyName":` + quoted(name) + `}` }
	q := queryMake(ctx, s, queryUser{"c", family("ash")}, queryUser{"a", family("oak")}, queryUser{"b", family("birch")})
	q.kept("name.familyName")
	return queryOrdered(ctx, q, "c b a", "sortBy", "name.familyName", "sortOrder", "ascending")
}

func querySortMissing(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	q := queryMake(ctx, s, queryUser{"b", `"title":"oak"`}, queryUser{"none", ""}, queryUser{"a", `"title":"ash"`})
	q.kept("title")
	return queryFirstFailed(
		func() Outcome { return queryOrdered(ctx, q, "a b none", "sortBy", "title", "sortOrder", "ascending") },
		func() Outcome { return queryOrdered(ctx, q, "none b a", "sortBy", "title", "sortOrder", "descending") },
	)
}

func querySortCase(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	if a := s.attribute(scim.UserURN, "displayName"); a == nil || a.CaseExact {
		return notApplicable("displayName is not published as one in which letter case does not count")
	}
	q := queryMake(ctx, s, queryUser{"c", `"displayName":"cedar"`}, queryUser{"b", `"displayName":"Birch"`}, queryUser{"a", `"displayName":"ash"`})
	q.kept("displayName")
	return queryOrdered(ctx, q, "a b c", "sortBy", "displayName", "sortOrder", "ascending")
}

// querySortPrimary sorts by what the endpoint itself shows, as it may reorder a list or
// name a primary of its own.
func querySortPrimary(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	resourceNeeds(s, "emails.value")
	mails := func(list string) string { return `"emails":[` + list + `]` }
	q := queryMake(ctx, s,
		queryUser{"c", mails(`{"value":"d@usher.example","type":"work"},{"value":"a@usher.example","type":"home","primary":true}`)},
		queryUser{"a", mails(`{"value":"c@usher.example","type":"work","primary":true},{"value":"e@usher.example","type":"home"}`)},
		queryUser{"b", mails(`{"value":"b@usher.example","type":"work"}`)})
	e, l := q.list(ctx, "sortBy", "emails.value", "sortOrder", "ascending")
	var keys []string
	for _, r := range l.Resources {
		key := queryPrimary(r)
		if key == "" {
			return notApplicable("the endpoint keeps no emails")
		}
		keys = append(keys, key)
	}
	if !slices.IsSorted(keys) || len(keys) != len(q.ids) {
		return failed(e, "the order is by %s", strings.Join(keys, " "))
	}
	return passed()
}

// queryPrimary is the primary of the emails, or else the first.
func queryPrimary(r *scim.Resource) string {
	v, _ := r.Get("emails")
	list, _ := v.AsList()
	first := ""
	for _, v := range list {
		o, _ := v.AsComplex()
		value, _ := o.Get("value")
		text, _ := value.AsString()
		flag, _ := o.Get("primary")
		if on, _ := flag.AsBool(); on {
			return strings.ToLower(text)
		}
		if first == "" {
			first = strings.ToLower(text)
		}
	}
	return first
}

// queryCounts expects how many of a set are on a page, and where it says that it
// starts if it says so; 0 is anywhere.
func queryCounts(ctx context.Context, q querySet, n, start int, params ...string) Outcome {
	e, l := q.list(ctx, params...)
	if len(l.Resources) != n {
		return failed(e, "there are %d on the page instead of %d", len(l.Resources), n)
	}
	if got, ok := queryNumber(e, "startIndex"); ok && start > 0 && got != start {
		return failed(e, "startIndex is %d instead of %d", got, start)
	}
	return passed()
}

func queryFirstIsOne(ctx context.Context, s *Session) Outcome {
	queryByIndex(s)
	q := queryTrio(ctx, s)
	return queryFirstFailed(
		func() Outcome { return queryCounts(ctx, q, 3, 1) },
		func() Outcome { return queryCounts(ctx, q, 3, 1, "startIndex", "1") },
		func() Outcome { return queryCounts(ctx, q, 1, 3, "startIndex", "3") },
	)
}

func queryBelowOne(ctx context.Context, s *Session) Outcome {
	queryByIndex(s)
	q := queryTrio(ctx, s)
	return queryFirstFailed(
		func() Outcome { return queryCounts(ctx, q, 3, 1, "startIndex", "0", "count", "3") },
		func() Outcome { return queryCounts(ctx, q, 3, 1, "startIndex", "-5", "count", "3") },
	)
}

// queryNone expects a page of nobody with the total of all.
func queryNone(ctx context.Context, s *Session, params ...string) Outcome {
	queryByIndex(s)
	q := queryTrio(ctx, s)
	e, l := q.list(ctx, params...)
	switch {
	case len(l.Resources) > 0:
		return failed(e, "somebody is on the page")
	case l.TotalResults != len(q.ids):
		return failed(e, "the total is not %d", len(q.ids))
	}
	return passed()
}

func queryNegativeCount(ctx context.Context, s *Session) Outcome {
	return queryNone(ctx, s, "startIndex", "1", "count", "-1")
}

func queryCountZero(ctx context.Context, s *Session) Outcome {
	return queryNone(ctx, s, "startIndex", "1", "count", "0")
}

func queryPastTheEnd(ctx context.Context, s *Session) Outcome {
	return queryNone(ctx, s, "startIndex", "1000000000")
}

func queryCount(ctx context.Context, s *Session) Outcome {
	q := queryTrio(ctx, s)
	for n := 1; n < len(q.ids); n++ {
		if e, l := q.list(ctx, "count", strconv.Itoa(n)); len(l.Resources) > n {
			return failed(e, "there are %d", len(l.Resources))
		}
	}
	return passed()
}

func queryFewer(ctx context.Context, s *Session) Outcome {
	q := queryTrio(ctx, s)
	if e, l := q.list(ctx, "count", "100000"); len(l.Resources) == 0 {
		return failed(e, "nobody comes if more are asked for than there are")
	}
	return passed()
}

// queryLargest is the least of what is published of the size of a page, 0 if nothing
// is.
func queryLargest(s *Session, paths ...scim.Path) int {
	least := 0
	if s.Config == nil {
		return 0
	}
	for _, p := range paths {
		v, _ := s.Config.At(p)
		if n, ok := v.AsInteger(); ok && n > 0 && (least == 0 || int(n) < least) {
			least = int(n)
		}
	}
	return least
}

func queryWithoutCount(ctx context.Context, s *Session) Outcome {
	s.user(ctx)
	e := s.Do(ctx, http.MethodGet, "/Users", "")
	l := queryList(e)
	if len(l.Resources) == 0 {
		return failed(e, "nobody is on the page")
	}
	largest := queryLargest(s, scim.Path{Attr: "filter", Sub: "maxResults"}, scim.Path{Attr: "pagination", Sub: "maxPageSize"})
	if largest > 0 && len(l.Resources) > largest {
		return failed(e, "there are %d, more than %d", len(l.Resources), largest)
	}
	return passed()
}

func queryNoNumber(ctx context.Context, s *Session) Outcome {
	for _, name := range []string{"startIndex", "count"} {
		e := s.Do(ctx, http.MethodGet, query("/Users", name, "usher"), "")
		if e.Status != http.StatusBadRequest {
			return failed(e, "%s is no number, and not refused with 400", name)
		}
		if got := e.Error(); got == nil || got.ScimType != scim.InvalidValue && got.ScimType != scim.InvalidCount {
			return failed(e, "the scimType is not %s", scim.InvalidValue)
		}
	}
	return passed()
}

func queryWalk(ctx context.Context, s *Session) Outcome {
	queryByIndex(s)
	q := queryTrio(ctx, s)
	var seen []string
	for i := range q.ids {
		e, l := q.list(ctx, "startIndex", strconv.Itoa(i+1), "count", "1")
		if len(l.Resources) != 1 || slices.Contains(seen, l.Resources[0].ID()) {
			return failed(e, "this page has nobody new")
		}
		seen = append(seen, l.Resources[0].ID())
	}
	return passed()
}

// searchBody is a search with members such as `"count":1`.
func searchBody(members ...string) string {
	return `{` + strings.Join(append([]string{`"schemas":["` + scim.SearchRequestURN + `"]`}, members...), ",") + `}`
}

// search is a sound search of a set, which ends the check if there is no .search.
func (q querySet) search(ctx context.Context, members ...string) *Exchange {
	e := q.s.Do(ctx, http.MethodPost, "/Users/.search", searchBody(append(members, `"filter":`+quoted(q.filter))...))
	if searchIsMissing(e) {
		must(notApplicable("there is no .search"))
	}
	return e
}

func searchIsMissing(e *Exchange) bool {
	return slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusForbidden}, e.Status)
}

func searchMakesNothing(ctx context.Context, s *Session) Outcome {
	q := queryMake(ctx, s, queryUser{tail: "a"})
	// The userName would make a User of it.
	e := q.search(ctx, `"userName":`+quoted(q.names[0]+"-made"))
	if e.Status == http.StatusCreated {
		return failed(e, "something was made")
	}
	e, l := q.list(ctx)
	if len(l.Resources) > 1 {
		return failed(e, "somebody was made")
	}
	return passed()
}

func searchURN(ctx context.Context, s *Session) Outcome {
	q := queryMake(ctx, s, queryUser{tail: "a"})
	q.search(ctx)
	e := s.Do(ctx, http.MethodPost, "/Users/.search", `{"filter":`+quoted(q.filter)+`}`)
	if e.Status != http.StatusBadRequest {
		return failed(e, "a body that is no search is not refused with 400")
	}
	if got := e.Error(); got != nil && got.ScimType != "" && got.ScimType != scim.InvalidSyntax && got.ScimType != scim.InvalidValue {
		return failed(e, "the scimType is not %s", scim.InvalidSyntax)
	}
	return passed()
}

func searchFilter(ctx context.Context, s *Session) Outcome {
	q := queryMake(ctx, s, queryUser{tail: "a"})
	if e := q.search(ctx); !queryHasAll(e, q) {
		return failed(e, "the filter does not find whom it should")
	}
	e := s.Do(ctx, http.MethodPost, "/Users/.search", searchBody(`"filter":"userName eq"`))
	if got := e.Error(); e.Status != http.StatusBadRequest || got == nil || got.ScimType != scim.InvalidFilter {
		return failed(e, "half a filter is not refused with %s", scim.InvalidFilter)
	}
	return passed()
}

// queryHasAll tells whether an answer is a list of the whole set.
func queryHasAll(e *Exchange, q querySet) bool {
	l := e.List()
	if e.Status != http.StatusOK || l == nil || len(l.Resources) != len(q.ids) {
		return false
	}
	for _, r := range l.Resources {
		if !slices.Contains(q.ids, r.ID()) {
			return false
		}
	}
	return true
}

func searchSort(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	q := queryTrio(ctx, s)
	e := q.search(ctx, `"sortBy":"`+scim.UserURN+`:userName"`, `"sortOrder":"ascending"`)
	if got := q.order(queryList(e)); got != "a b c" {
		return failed(e, "the order is %q", got)
	}
	return passed()
}

func searchExcluded(ctx context.Context, s *Session) Outcome {
	q := queryMake(ctx, s, queryUser{tail: "a"})
	if e := q.search(ctx, `"excludedAttributes":["id","displayName"]`); !queryHasAll(e, q) {
		return failed(e, "its id is missing, which nobody can exclude")
	}
	return passed()
}

func searchAsQuery(ctx context.Context, s *Session) Outcome {
	q := queryTrio(ctx, s)
	searched := q.search(ctx)
	got := queryList(searched)
	switch asked, want := q.list(ctx); {
	case !searched.Resource().HasSchema(scim.ListResponseURN) && asked.Resource().HasSchema(scim.ListResponseURN):
		return failed(searched, "it is no list by its schemas")
	case !queryHas(got, want.Resources...):
		return failed(searched, "the same query finds others:\n%s", asked)
	case got.TotalResults != want.TotalResults:
		return failed(searched, "the same query has another total:\n%s", asked)
	case !querySameShape(got, want):
		return failed(searched, "the same query shows other attributes:\n%s", asked)
	}
	return passed()
}

// querySameShape tells whether the resources of two lists have the same attributes.
func querySameShape(a, b *scim.ListResponse) bool {
	names := func(l *scim.ListResponse) string {
		var out []string
		for _, r := range l.Resources {
			for name := range r.All() {
				out = append(out, r.ID()+" "+strings.ToLower(name))
			}
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	return names(a) == names(b)
}

func searchRoot(ctx context.Context, s *Session) Outcome {
	name, u, g := queryRootPair(ctx, s)
	e := s.Do(ctx, http.MethodPost, "/.search", searchBody(`"filter":`+quoted("displayName eq "+quoted(name))))
	if searchIsMissing(e) {
		return notApplicable("there is no .search at the root")
	}
	if l := queryList(e); !queryHas(l, u, g) {
		return failed(e, "this is not the User and the Group")
	}
	return passed()
}
