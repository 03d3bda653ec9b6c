// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

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
