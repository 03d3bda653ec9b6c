// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
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
