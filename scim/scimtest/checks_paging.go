// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/usher-id/usher/scim"
)

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
