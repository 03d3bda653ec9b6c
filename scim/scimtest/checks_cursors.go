// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
)

// checksOfCursors are those of RFC 9865.
func checksOfCursors() []Check {
	return slices.Concat(cursorPageChecks(), cursorErrorChecks(), cursorConfigChecks())
}

func cursorPageChecks() []Check {
	return []Check{
		{"9865-1-01", "pages come by the methods that are published", cursorMethods},
		{"9865-2-02", "a cursor needs no escapes in an address", cursorLetters},
		{"9865-2-05", "no more come by cursor than count", cursorCount},
		{"9865-2-06", "a missing or high count is no reason to fail", cursorHighCount},
		{"9865-2-07", "every page but the last leads to another", cursorLeadsOn},
		{"9865-2-08", "the last page leads nowhere", cursorEnds},
		{"9865-2-09", "a cursor back leads to the page before", cursorBack},
		{"9865-2-11", "a total that is stated is right", cursorTotal},
		{"9865-2-14", "who stays is given once while others come and go", cursorWhileChanged},
		{"9865-2-15", "a page by cursor is a list by its schemas", cursorListURN},
		{"9865-2.2-01", "a sort holds over all pages", cursorSorted},
		{"9865-2.2-02", "equals in a sort are given once", cursorTies},
		{"9865-2.3-01", "without pages by index an ordinary query works", cursorOnly},
		{"9865-2.3-02", "a cursor that nobody asked for works", cursorUnasked},
		{"9865-2.4-01", "without a method named it is the published one", cursorDefaultMethod},
		{"9865-2.4-02", "a query need not name the method", cursorMethodUnnamed},
		{"9865-3-02", "a search pages as a query does", cursorSearch},
		{"9865-3-03", "a cursor from a search is good for the next", cursorSearchNext},
	}
}

func cursorErrorChecks() []Check {
	return []Check{
		{"9865-2.1-01", "what is no cursor, or another's, is told as such", cursorInvalid},
		{"9865-2.1-03", "a count that is none is told as such", cursorInvalidCount},
		{"9865-2.4-04", "startIndex and cursor together have an answer", cursorAndIndex},
		{"9865-5-01", "a cursor tells nothing and cannot be changed", cursorSealed},
		{"9865-5-02", "a cursor lets nobody in", cursorNeedsToken},
		{"9865-6-01", "the keywords are spelled as registered", cursorKeywords},
	}
}

func cursorConfigChecks() []Check {
	return []Check{
		{"9865-4-01", "pagination says of both methods whether they are there", cursorConfig},
		{"9865-4-02", "the default method is one of the two", cursorDefaultNamed},
		{"9865-4-03", "a page is no larger than defaultPageSize", cursorDefaultSize},
		{"9865-4-04", "a page is no larger than maxPageSize", cursorMaxSize},
		{"9865-4-05", "cursorTimeout is in seconds, and a fresh cursor works", cursorTimeout},
		{"9865-4-07", "pagination is published as readOnly", cursorReadOnly},
	}
}

// cursorNeeded ends the check if there are no pages by cursor.
func cursorNeeded(s *Session) {
	if on, _ := queryPaged(s, "cursor"); !on {
		must(notApplicable("there are no pages by cursor"))
	}
}

// cursorTrio is a set, at an endpoint with cursors.
func cursorTrio(ctx context.Context, s *Session) querySet {
	cursorNeeded(s)
	return queryTrio(ctx, s)
}

// cursorNext is the way to the next page, "" if there is none.
func cursorNext(e *Exchange) string {
	next, _ := queryMember(e, "nextCursor").(string)
	return next
}

// cursorWalk reads all pages of a set, of one each, and stops where they do not end.
func cursorWalk(ctx context.Context, q querySet, params ...string) []*Exchange {
	var pages []*Exchange
	cursor := ""
	for len(pages) <= len(q.ids)+2 {
		e, _ := q.list(ctx, append(params, "cursor", cursor, "count", "1")...)
		pages = append(pages, e)
		if cursor = cursorNext(e); cursor == "" {
			break
		}
	}
	return pages
}

// cursorSeen is whom pages have, by their tails.
func cursorSeen(q querySet, pages []*Exchange) string {
	var seen []string
	for _, e := range pages {
		if here := q.order(queryList(e)); here != "" {
			seen = append(seen, here)
		}
	}
	return strings.Join(seen, " ")
}

// cursorFirst is the first page of a set and a cursor to the next. That there is one is
// another requirement.
func cursorFirst(ctx context.Context, q querySet) (*Exchange, string) {
	e, _ := q.list(ctx, "cursor", "", "count", "1")
	next := cursorNext(e)
	if next == "" {
		must(notApplicable("the first page leads to no other"))
	}
	return e, next
}

func cursorMethods(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	e := q.get(ctx, "cursor", "", "count", "1")
	if e.Status != http.StatusOK || cursorNext(e) == "" {
		return failed(e, "there is no page by cursor, which is published")
	}
	if on, said := queryPaged(s, "index"); !said || !on {
		return passed()
	}
	if e = q.get(ctx, "startIndex", "2", "count", "1"); e.Status != http.StatusOK || e.List() == nil {
		return failed(e, "there is no page by index, which is published")
	}
	return passed()
}

const cursorUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

func cursorLetters(ctx context.Context, s *Session) Outcome {
	e, next := cursorFirst(ctx, cursorTrio(ctx, s))
	if strings.Trim(next, cursorUnreserved) != "" {
		return failed(e, "nextCursor has other characters than an address has without escapes")
	}
	return passed()
}

func cursorCount(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	e, next := cursorFirst(ctx, q)
	if l := queryList(e); len(l.Resources) > 1 {
		return failed(e, "there are %d instead of 1", len(l.Resources))
	}
	if e, l := q.list(ctx, "cursor", next, "count", "1"); len(l.Resources) > 1 {
		return failed(e, "there are %d instead of 1", len(l.Resources))
	}
	if e, l := q.list(ctx, "cursor", "", "count", "2"); len(l.Resources) > 2 {
		return failed(e, "there are %d instead of 2", len(l.Resources))
	}
	return passed()
}

func cursorHighCount(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	if e := q.get(ctx, "cursor", ""); e.Status != http.StatusOK {
		return failed(e, "it fails without count")
	}
	e := q.get(ctx, "cursor", "", "count", "999999")
	if got := e.Error(); e.Status == http.StatusBadRequest && got != nil && strings.EqualFold(got.ScimType, scim.InvalidCount) {
		return passed() // it says that it does not go so high
	}
	if e.Status != http.StatusOK {
		return failed(e, "it fails with a high count")
	}
	return passed()
}

// cursorLeadsOn looks at whether the walk ends too early; that it ends is another
// requirement.
func cursorLeadsOn(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	pages := cursorWalk(ctx, q)
	seen := cursorSeen(q, pages)
	for _, id := range q.ids {
		if !slices.Contains(strings.Fields(seen), q.tails[id]) {
			return failed(pages[len(pages)-1], "the pages end, and have shown %q alone", seen)
		}
	}
	return passed()
}

// cursorEnds lets a full page be followed by one of nobody, as who counts nobody cannot
// know better.
func cursorEnds(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	if e, l := q.list(ctx, "cursor", "", "count", "50"); len(l.Resources) == len(q.ids) && cursorNext(e) != "" {
		return failed(e, "there is a next page, and everybody is on this one")
	}
	pages := cursorWalk(ctx, q)
	if last := pages[len(pages)-1]; cursorNext(last) != "" {
		return failed(last, "the pages do not end")
	}
	if last := pages[len(pages)-1]; len(pages) > len(q.ids)+1 {
		return failed(last, "there are %d pages for %d", len(pages), len(q.ids))
	}
	return passed()
}

func cursorBack(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	first, next := cursorFirst(ctx, q)
	if queryMember(first, "previousCursor") != nil {
		return failed(first, "the first page leads back")
	}
	second, _ := q.list(ctx, "cursor", next, "count", "1")
	back, _ := queryMember(second, "previousCursor").(string)
	if back == "" {
		return notApplicable("no page leads back")
	}
	if e, l := q.list(ctx, "cursor", back, "count", "1"); q.order(l) != q.order(queryList(first)) {
		return failed(e, "this is not the page before")
	}
	return passed()
}

func cursorTotal(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	for _, e := range cursorWalk(ctx, q) {
		if l := queryList(e); l.TotalResults >= 0 && l.TotalResults != len(q.ids) {
			return failed(e, "the total is not %d", len(q.ids))
		}
	}
	return passed()
}

// cursorWhileChanged removes whom the first page gave, and adds somebody: the other two
// have been there all the time.
func cursorWhileChanged(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	e, next := cursorFirst(ctx, q)
	l := queryList(e)
	if len(l.Resources) != 1 || q.tails[l.Resources[0].ID()] == "" {
		return notApplicable("the first page has not one of the three")
	}
	gone := q.tails[l.Resources[0].ID()]
	if d := s.Do(ctx, http.MethodDelete, readingPath(l.Resources[0]), ""); d.Status >= http.StatusMultipleChoices {
		return notApplicable("nobody can be removed")
	}
	late := s.create(ctx, "/Users", userBody(q.names[0]+"-late"))
	q.tails[late.ID()] = "late"
	seen := map[string]int{}
	for range len(q.ids) + 2 {
		e, l = q.list(ctx, "cursor", next, "count", "1")
		for _, r := range l.Resources {
			seen[q.tails[r.ID()]]++
		}
		if next = cursorNext(e); next == "" {
			break
		}
	}
	for _, id := range q.ids {
		if tail := q.tails[id]; tail != gone && seen[tail] != 1 {
			return failed(e, "%q stayed, and was given %d times", tail, seen[tail])
		}
	}
	return passed()
}

func cursorListURN(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	e := s.Do(ctx, http.MethodGet, "/Users?cursor=&count=1", "")
	if r := e.Resource(); r == nil || !r.HasSchema(scim.ListResponseURN) {
		return failed(e, "schemas lacks %s", scim.ListResponseURN)
	}
	return passed()
}

func cursorSorted(ctx context.Context, s *Session) Outcome {
	querySorts(s)
	q := cursorTrio(ctx, s)
	pages := cursorWalk(ctx, q, "sortBy", "userName", "sortOrder", "ascending")
	if seen := cursorSeen(q, pages); seen != "a b c" {
		return failed(pages[0], "the order over all pages is %q", seen)
	}
	return passed()
}

func cursorTies(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	querySorts(s)
	const same = `"displayName":"Equal"`
	q := queryMake(ctx, s, queryUser{"a", same}, queryUser{"b", same}, queryUser{"c", same})
	q.kept("displayName")
	pages := cursorWalk(ctx, q, "sortBy", "displayName")
	seen := strings.Fields(cursorSeen(q, pages))
	if slices.Sort(seen); !slices.Equal(seen, []string{"a", "b", "c"}) {
		return failed(pages[0], "the pages show %v", seen)
	}
	return passed()
}

func cursorOnly(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	if on, said := queryPaged(s, "index"); !said || on {
		return notApplicable("there are pages by index")
	}
	e := s.Do(ctx, http.MethodGet, "/Users", "")
	if e.Status != http.StatusOK || e.List() == nil {
		return failed(e, "this is no list")
	}
	return passed()
}

func cursorUnasked(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	q := queryTrio(ctx, s)
	e, _ := q.list(ctx, "count", "1")
	next := cursorNext(e)
	if next == "" {
		return notApplicable("a cursor comes only when it is asked for")
	}
	if e = q.get(ctx, "cursor", next, "count", "1"); e.Status != http.StatusOK || e.List() == nil {
		return failed(e, "it leads to no page")
	}
	return passed()
}

// cursorBoth ends the check if there are not both methods.
func cursorBoth(s *Session) {
	cursorNeeded(s)
	if on, _ := queryPaged(s, "index"); !on {
		must(notApplicable("there are no pages by index"))
	}
}

func cursorDefaultMethod(ctx context.Context, s *Session) Outcome {
	cursorBoth(s)
	e, l := queryTrio(ctx, s).list(ctx, "count", "1")
	if len(l.Resources) > 1 {
		return notApplicable("there are no pages")
	}
	_, byIndex := queryNumber(e, "startIndex")
	byCursor := cursorNext(e) != ""
	v, _ := s.Config.At(scim.Path{Attr: "pagination", Sub: "defaultPaginationMethod"})
	switch method, _ := v.AsString(); {
	case !byIndex && !byCursor:
		return failed(e, "nothing leads to the next page")
	case method == "index" && !byIndex, method == "cursor" && !byCursor:
		return failed(e, "this is no page by %s, which is published as the default", method)
	}
	return passed()
}

func cursorMethodUnnamed(ctx context.Context, s *Session) Outcome {
	cursorBoth(s)
	for _, path := range []string{"/Users", "/Users?count=5"} {
		if e := s.Do(ctx, http.MethodGet, path, ""); e.Status != http.StatusOK {
			return failed(e, "it wants to be told the method")
		}
	}
	return passed()
}

// cursorSearched reads the pages of a set by .search, from a cursor on.
func cursorSearched(ctx context.Context, q querySet, cursor string) []*Exchange {
	var pages []*Exchange
	for len(pages) <= len(q.ids)+2 {
		e := q.search(ctx, `"cursor":`+quoted(cursor), `"count":1`)
		queryList(e)
		pages = append(pages, e)
		if cursor = cursorNext(e); cursor == "" {
			break
		}
	}
	return pages
}

func cursorSearch(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	pages := cursorSearched(ctx, q, "")
	searched := strings.Fields(cursorSeen(q, pages))
	asked := strings.Fields(cursorSeen(q, cursorWalk(ctx, q)))
	slices.Sort(searched)
	if slices.Sort(asked); !slices.Equal(searched, asked) {
		return failed(pages[0], "the pages show %v, those of the same query %v", searched, asked)
	}
	return passed()
}

func cursorSearchNext(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	first := q.search(ctx, `"cursor":""`, `"count":1`)
	here := q.order(queryList(first))
	next := cursorNext(first)
	if next == "" {
		return notApplicable("the first page leads to no other")
	}
	if e := q.search(ctx, `"cursor":`+quoted(next), `"count":1`); q.order(queryList(e)) == here {
		return failed(e, "the next page is the first again")
	}
	return passed()
}

// cursorRefused expects a refusal with a keyword; its letter case is another
// requirement.
func cursorRefused(e *Exchange, keyword string) Outcome {
	got := e.Error()
	if e.Status != http.StatusBadRequest || got == nil || !strings.EqualFold(got.ScimType, keyword) {
		return failed(e, "this is not refused with 400 and %s", keyword)
	}
	return passed()
}

func cursorInvalid(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	if o := cursorRefused(s.Do(ctx, http.MethodGet, query("/Users", "cursor", s.name("cursor"), "count", "1"), ""), scim.InvalidCursor); o.Verdict == Fail {
		return o
	}
	if !s.has("/Groups") {
		return passed()
	}
	s.user(ctx)
	s.user(ctx)
	next := cursorNext(s.Do(ctx, http.MethodGet, "/Users?cursor=&count=1", ""))
	if next == "" {
		return passed()
	}
	return cursorRefused(s.Do(ctx, http.MethodGet, query("/Groups", "cursor", next, "count", "1"), ""), scim.InvalidCursor)
}

func cursorInvalidCount(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	return cursorRefused(s.Do(ctx, http.MethodGet, "/Users?cursor=&count=usher", ""), scim.InvalidCount)
}

func cursorAndIndex(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	e := s.Do(ctx, http.MethodGet, "/Users?cursor=&startIndex=1&count=1", "")
	if e.Status != http.StatusBadRequest && (e.Status != http.StatusOK || e.List() == nil) {
		return failed(e, "this is neither a list nor a refusal with 400")
	}
	return passed()
}

// cursorSealed changes a character in the middle: the last one may have bits that do
// not count.
func cursorSealed(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	e, next := cursorFirst(ctx, q)
	if text := cursorText(next); strings.Contains(text, strings.ToLower(s.prefix)) {
		return failed(e, "the cursor tells a userName: %s", text)
	}
	i, other := len(next)/2, "A"
	if next[i] == 'A' {
		other = "B"
	}
	changed := next[:i] + other + next[i+1:]
	if e = q.get(ctx, "cursor", changed, "count", "1"); e.Status != http.StatusBadRequest {
		return failed(e, "the cursor was changed, and is not refused with 400")
	}
	return passed()
}

// cursorText is a cursor with what it is as base64, in lower case.
func cursorText(cursor string) string {
	out := cursor
	for _, alphabet := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
		if text, err := alphabet.DecodeString(strings.TrimRight(cursor, "=")); err == nil {
			out += " " + string(text)
		}
	}
	return strings.ToLower(out)
}

func cursorNeedsToken(ctx context.Context, s *Session) Outcome {
	q := cursorTrio(ctx, s)
	_, next := cursorFirst(ctx, q)
	bare := func(cursor string) *Exchange {
		return s.Do(ctx, http.MethodGet, query("/Users", "filter", q.filter, "cursor", cursor, "count", "1"), "", "Authorization:")
	}
	if e := bare(""); e.Status < http.StatusBadRequest {
		return notApplicable("nobody needs a token")
	}
	if e := bare(next); e.Status < http.StatusBadRequest {
		return failed(e, "the cursor gives a page without a token")
	}
	return passed()
}

func cursorKeywords(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	for _, wrong := range []struct{ path, keyword string }{
		{query("/Users", "cursor", s.name("cursor")), scim.InvalidCursor},
		{"/Users?cursor=&count=usher", scim.InvalidCount},
	} {
		e := s.Do(ctx, http.MethodGet, wrong.path, "")
		if got := e.Error(); got != nil && got.ScimType != wrong.keyword && cursorLike(got.ScimType, wrong.keyword) {
			return failed(e, "%s is the registered spelling", wrong.keyword)
		}
	}
	return passed()
}

// cursorLike tells whether a keyword is another spelling of one.
func cursorLike(got, keyword string) bool {
	return strings.EqualFold(strings.NewReplacer("_", "", "-", "", " ", "").Replace(got), keyword)
}

// cursorPagination is the pagination of ServiceProviderConfig; it ends the check if
// there is none, as at an endpoint that does not know RFC 9865.
func cursorPagination(ctx context.Context, s *Session) (*Exchange, map[string]any) {
	e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
	v := queryMember(e, "pagination")
	if v == nil {
		must(notApplicable("ServiceProviderConfig has no pagination"))
	}
	p, ok := v.(map[string]any)
	if !ok {
		must(failed(e, "pagination is no object"))
	}
	return e, p
}

func cursorConfig(ctx context.Context, s *Session) Outcome {
	e, p := cursorPagination(ctx, s)
	for _, name := range []string{"cursor", "index"} {
		if _, ok := queryMemberOf(p, name).(bool); !ok {
			return failed(e, "pagination.%s is no boolean", name)
		}
	}
	return passed()
}

func cursorDefaultNamed(ctx context.Context, s *Session) Outcome {
	e, p := cursorPagination(ctx, s)
	switch method := queryMemberOf(p, "defaultPaginationMethod"); method {
	case nil:
		return notApplicable("no default is published")
	case "cursor", "index":
		if on, ok := queryMemberOf(p, method.(string)).(bool); ok && !on {
			return failed(e, "the default is a method that there is not")
		}
		return passed()
	}
	return failed(e, "the default is neither cursor nor index")
}

// cursorSize is a number of pagination, and ends the check if it is not published.
func cursorSize(ctx context.Context, s *Session, name string) int {
	e, p := cursorPagination(ctx, s)
	v := queryMemberOf(p, name)
	if v == nil {
		must(notApplicable("no %s is published", name))
	}
	f, ok := v.(float64)
	if !ok || f < 1 || f != float64(int(f)) {
		must(failed(e, "%s is no whole number above 0", name))
	}
	return int(f)
}

func cursorDefaultSize(ctx context.Context, s *Session) Outcome {
	n := cursorSize(ctx, s, "defaultPageSize")
	if e := s.Do(ctx, http.MethodGet, "/Users", ""); e.List() != nil && len(e.List().Resources) > n {
		return failed(e, "there are more than %d on the page", n)
	}
	return passed()
}

func cursorMaxSize(ctx context.Context, s *Session) Outcome {
	n := cursorSize(ctx, s, "maxPageSize")
	e := s.Do(ctx, http.MethodGet, query("/Users", "count", strconv.Itoa(n+1)), "")
	if l := e.List(); e.Status == http.StatusOK && l != nil && len(l.Resources) > n {
		return failed(e, "there are more than %d on the page", n)
	}
	return passed()
}

func cursorTimeout(ctx context.Context, s *Session) Outcome {
	cursorNeeded(s)
	cursorSize(ctx, s, "cursorTimeout")
	q := queryTrio(ctx, s)
	_, next := cursorFirst(ctx, q)
	if e := q.get(ctx, "cursor", next, "count", "1"); e.Status != http.StatusOK {
		return failed(e, "a cursor fails as soon as it is used")
	}
	return passed()
}

func cursorReadOnly(_ context.Context, s *Session) Outcome {
	a := s.attribute(scim.ServiceProviderConfigURN, "pagination")
	if a == nil {
		return notApplicable("no schema of pagination is published")
	}
	for _, sub := range append([]scim.Attribute{*a}, a.SubAttributes...) {
		if sub.Mutability != scim.ReadOnly {
			return failed(nil, "%s is published as %s", sub.Name, sub.Mutability)
		}
	}
	return passed()
}
