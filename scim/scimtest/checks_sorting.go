// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

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

// queryOrdered expects an order of a set.
func queryOrdered(ctx context.Context, q querySet, want string, params ...string) Outcome {
	e, l := q.list(ctx, params...)
	if got := q.order(l); got != want {
		return failed(e, "the order is %q instead of %q", got, want)
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
