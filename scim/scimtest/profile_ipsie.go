// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// ipsieChecks are what the IPSIE profile of SCIM 2.0 asks of an application and the
// wire shows: levels AL1 and AL2. Not seen are how tokens are issued (RFC 7523, RFC
// 8414), what ends with a deactivation beside SCIM, and rates: a floor of 25 requests
// a second and the 429 above a ceiling depend on who else asks at the time.
func ipsieChecks() []Check {
	all := slices.Concat(ipsieUsers(), ipsieQueries(), ipsieGroups())
	slices.SortFunc(all, func(a, b Check) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func ipsieSoft() []string { return []string{"ipsie-12", "ipsie-13", "ipsie-16"} }

func ipsieUsers() []Check {
	return []Check{
		{"ipsie-01", "Bulk is supported", func(ctx context.Context, s *Session) Outcome {
			if !s.supports("bulk") {
				return failed(nil, "GET %s/ServiceProviderConfig: bulk is not supported", s.base)
			}
			name := s.name("user")
			list, e := bulkRun(ctx, s, bulkOp(http.MethodPost, "/Users", "one", userBody(name)))
			if len(list) != 1 || list[0].code != "201" {
				return failed(e, "a job of one create does not make one")
			}
			return foundAlone(ctx, s, "/Users", list[0].id(), "userName eq "+quoted(name))
		}},
		{"ipsie-02", "Users have userName, displayName and active", func(_ context.Context, s *Session) Outcome {
			return ipsieHas(s, scim.UserURN, "userName", "displayName", "active")
		}},
		{"ipsie-03", "externalId of a User is kept", func(ctx context.Context, s *Session) Outcome {
			id := s.name("external")
			if r, e := writingSee(ctx, s, writingUser(s.user(ctx, `"externalId":`+quoted(id)))); r.ExternalID() != id {
				return failed(e, "it is not")
			}
			return passed()
		}},
		{"ipsie-04", "Users have no password", func(_ context.Context, s *Session) Outcome {
			if s.attribute(scim.UserURN, "password") != nil {
				return failed(nil, "GET %s/Schemas: %s has a password", s.base, scim.UserURN)
			}
			return passed()
		}},
		{"ipsie-05", "a User is deactivated by PATCH", func(ctx context.Context, s *Session) Outcome {
			return ipsieActive(ctx, s, "false")
		}},
		{"ipsie-06", "a User is reactivated by PATCH", func(ctx context.Context, s *Session) Outcome {
			return ipsieActive(ctx, s, "false", "true")
		}},
		{"ipsie-07", "the userName of who was deleted is free", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx) // one application may not delete at all
			if e := s.Do(ctx, http.MethodDelete, writingUser(u), ""); e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented {
				return notApplicable("Users are not deleted")
			}
			return nameIsFree(ctx, s)
		}},
	}
}

// ipsieHas fails if a published schema lacks an attribute.
func ipsieHas(s *Session, urn string, names ...string) Outcome {
	for _, name := range names {
		if s.attribute(urn, name) == nil {
			return failed(nil, "GET %s/Schemas: %s has no %s", s.base, urn, name)
		}
	}
	return passed()
}

func ipsieActive(ctx context.Context, s *Session, states ...string) Outcome {
	u := s.user(ctx, `"active":true`)
	for i, state := range states {
		r, e := patched(ctx, s, u, `{"op":"replace","path":"active","value":`+state+`}`)
		if i == len(states)-1 && at(r, "active") != state {
			return failed(e, "active is not %s", state)
		}
	}
	return passed()
}

// ipsieQueries are about lists of Users.
func ipsieQueries() []Check {
	found := func(id, title string, filter func(u *scim.Resource) string) Check {
		return Check{id, title, func(ctx context.Context, s *Session) Outcome {
			u := entraUser(ctx, s)
			return foundAlone(ctx, s, "/Users", u.ID(), filter(u))
		}}
	}
	mail := func(u *scim.Resource) string { return quoted(patchMail(u.UserName())) }
	return []Check{
		found("ipsie-08", "a User is found by its userName", func(u *scim.Resource) string { return "userName eq " + quoted(u.UserName()) }),
		found("ipsie-09", "a User is found by its externalId", func(u *scim.Resource) string { return "externalId eq " + quoted(u.ExternalID()) }),
		found("ipsie-10", "a User is found by an e-mail", func(u *scim.Resource) string { return "emails[value eq " + mail(u) + "]" }),
		found("ipsie-11", "a User is found by a work e-mail", func(u *scim.Resource) string { return `emails[type eq "work" and value eq ` + mail(u) + `]` }),
		{"ipsie-12", "a page has at most 1,000", func(ctx context.Context, s *Session) Outcome {
			for _, p := range []scim.Path{{Attr: "filter", Sub: "maxResults"}, {Attr: "pagination", Sub: "maxPageSize"}} {
				if s.Config == nil {
					break
				}
				v, _ := s.Config.At(p)
				if n, _ := v.AsInteger(); n > 1_000 {
					return failed(nil, "GET %s/ServiceProviderConfig: %s is %d", s.base, p, n)
				}
			}
			e := s.Do(ctx, http.MethodGet, "/Users?count=100000", "")
			if l := e.List(); l == nil || len(l.Resources) > 1_000 {
				return failed(e, "it has more")
			}
			return passed()
		}},
		{"ipsie-13", "pages come by cursor", func(ctx context.Context, s *Session) Outcome {
			s.user(ctx)
			s.user(ctx)
			e := s.Do(ctx, http.MethodGet, "/Users?count=1&cursor", "")
			next, _ := schemasGet(e.JSON(), "nextCursor").(string)
			if next == "" {
				return failed(e, "of more Users than one there is no nextCursor")
			}
			if e = s.Do(ctx, http.MethodGet, "/Users?count=1&cursor="+url.QueryEscape(next), ""); e.Status != http.StatusOK || e.List() == nil {
				return failed(e, "the cursor leads nowhere")
			}
			return passed()
		}},
	}
}

// ipsieMembers is how many operations on members one PATCH may have at least.
const ipsieMembers = 50

func ipsieGroups() []Check {
	all := []Check{
		{"ipsie-14", "Groups have displayName and members", func(_ context.Context, s *Session) Outcome {
			return ipsieHas(s, scim.GroupURN, "displayName", "members")
		}},
		{"ipsie-15", "externalId of a Group is kept", func(ctx context.Context, s *Session) Outcome {
			id := s.name("external")
			g := s.create(ctx, "/Groups", `{"schemas":["`+scim.GroupURN+`"],"displayName":`+quoted(s.name("group"))+`,"externalId":`+quoted(id)+`}`)
			if r, e := writingSee(ctx, s, writingGroup(g)); r.ExternalID() != id {
				return failed(e, "it is not")
			}
			return passed()
		}},
		{"ipsie-16", "no two Groups have one displayName", func(ctx context.Context, s *Session) Outcome {
			return resourceRefusal(s.Do(ctx, http.MethodPost, "/Groups", groupBody(s.group(ctx).DisplayName())))
		}},
		{"ipsie-17", "a Group may have no members", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodPost, "/Groups", `{"schemas":["`+scim.GroupURN+`"],"displayName":`+quoted(s.name("group"))+`}`)
			if e.Status != http.StatusCreated {
				return failed(e, "not 201")
			}
			return passed()
		}},
		{"ipsie-18", "Groups are listed without members, or with what is asked for", func(ctx context.Context, s *Session) Outcome {
			g := s.group(ctx, s.user(ctx).ID())
			for _, params := range [][]string{{"excludedAttributes", "members"}, {"attributes", "displayName"}} {
				e := s.Do(ctx, http.MethodGet, query("/Groups", append(params, "filter", "displayName eq "+quoted(g.DisplayName()))...), "")
				l := e.List()
				if l == nil || len(l.Resources) != 1 {
					return failed(e, "it is not found")
				}
				if o := entraWithout(e, g.ID(), l.Resources[0]); o.Verdict != Pass {
					return o
				}
			}
			return passed()
		}},
		{"ipsie-19", "a Group is found by its displayName", func(ctx context.Context, s *Session) Outcome {
			g := s.group(ctx)
			return foundAlone(ctx, s, "/Groups", g.ID(), "displayName eq "+quoted(g.DisplayName()))
		}},
		{"ipsie-20", "a Group is found by its externalId", func(ctx context.Context, s *Session) Outcome {
			g := entraGroup(ctx, s)
			return foundAlone(ctx, s, "/Groups", g.ID(), "externalId eq "+quoted(g.ExternalID()))
		}},
		{"ipsie-21", "a Group is found by a member", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			return foundAlone(ctx, s, "/Groups", s.group(ctx, u.ID()).ID(), "members[value eq "+quoted(u.ID())+"]", "excludedAttributes", "members")
		}},
		{"ipsie-22", "one PATCH has 50 operations on members", func(ctx context.Context, s *Session) Outcome {
			var ids, ops []string
			for range ipsieMembers {
				ids = append(ids, s.user(ctx).ID())
				ops = append(ops, `{"op":"add","path":"members","value":[{"value":`+quoted(ids[len(ids)-1])+`}]}`)
			}
			if r, e := entraPatched(ctx, s, s.group(ctx), ops...); !sameMembers(r, ids...) {
				return failed(e, "it has %d members, and not %d", len(r.Members()), len(ids))
			}
			return passed()
		}},
	}
	for i, c := range all {
		all[i].Run = func(ctx context.Context, s *Session) Outcome {
			resourceNeedsGroups(s) // an application may have none
			return c.Run(ctx, s)
		}
	}
	return all
}
