// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// interopChecks are what draft-zollner-scim-interop-profile-01 asks of service
// providers beyond the RFCs. What it asks of clients (no PUT, no entity tags, one
// operation for each path, value paths that end in a sub-attribute) is not seen here.
func interopChecks() []Check {
	all := slices.Concat(interopData(), interopQueries(), interopChanges())
	slices.SortFunc(all, func(a, b Check) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func interopSoft() []string { return []string{"interop-10"} }

// interopData are about §4, §5, §6.2 and §7 of the draft.
func interopData() []Check {
	return []Check{
		{"interop-01", "ServiceProviderConfig claims the profile", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
			if schemasGet(e.JSON(), "interopProfileConformant") != true {
				return failed(e, "interopProfileConformant is not true")
			}
			return passed()
		}},
		schemasTypes("interop-02", "the id of a resource type is its name", func(t map[string]any) string {
			if id, name := schemasGet(t, "id"), schemasGet(t, "name"); id == nil || id != name {
				return "its id is another"
			}
			return ""
		}),
		{"interop-03", "an attribute that no schema has is refused with 400 invalidSyntax", func(ctx context.Context, s *Session) Outcome {
			return writingRefused(s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"usherCheckUnknown":"x"`)), http.StatusBadRequest, scim.InvalidSyntax)
		}},
		{"interop-04", "a schema that nobody defined is refused with 400 invalidSyntax", func(ctx context.Context, s *Session) Outcome {
			body := `{"schemas":["` + scim.UserURN + `","urn:example:usher-check"],"userName":` + quoted(s.name("user")) + `}`
			return writingRefused(s.Do(ctx, http.MethodPost, "/Users", body), http.StatusBadRequest, scim.InvalidSyntax)
		}},
		// The draft wants invalidSyntax here too, RFC 7644 §3.5.2 invalidPath.
		{"interop-05", "a PATCH of an attribute that no schema has is refused with 400", func(ctx context.Context, s *Session) Outcome {
			return writingRefused(patchUser(ctx, s, s.user(ctx), `{"op":"add","path":"usherCheckUnknown","value":"x"}`), http.StatusBadRequest)
		}},
		{"interop-06", "answers are application/scim+json", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			for _, path := range []string{writingUser(u), "/Users?count=1", "/ServiceProviderConfig", "/Users/" + s.name("nobody")} {
				if e := s.Do(ctx, http.MethodGet, path, ""); errorsMedia(e) != "application/scim+json" {
					return failed(e, "it is not")
				}
			}
			return passed()
		}},
		{"interop-19", "the types of e-mails, phone numbers, addresses and the like are published", func(_ context.Context, s *Session) Outcome {
			for _, name := range []string{"emails", "phoneNumbers", "ims", "addresses"} {
				if a := s.attribute(scim.UserURN, name+".type"); a != nil && len(a.CanonicalValues) == 0 {
					return failed(nil, "GET %s/Schemas: %s.type has no canonicalValues", s.base, name)
				}
			}
			return passed()
		}},
		{"interop-20", "TLS 1.3 is spoken", func(ctx context.Context, s *Session) Outcome { return spoken(ctx, s, tls.VersionTLS13) }},
	}
}

// interopQueries are about §6.3 and §6.4.
func interopQueries() []Check {
	return []Check{
		{"interop-07", "a filter of eq and and finds who satisfies both", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			is := "userName eq " + quoted(u.UserName())
			if o := foundAlone(ctx, s, "/Users", u.ID(), is+" and id eq "+quoted(u.ID())); o.Verdict != Pass {
				return o
			}
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", is+" and id eq "+quoted(s.name("nobody"))), "")
			if l := e.List(); e.Status != http.StatusOK || l == nil || len(l.Resources) > 0 {
				return failed(e, "it finds who satisfies one")
			}
			return passed()
		}},
		{"interop-08", "a filter about an attribute that no schema has is refused with 400 invalidFilter", func(ctx context.Context, s *Session) Outcome {
			return writingRefused(s.Do(ctx, http.MethodGet, query("/Users", "filter", `usherCheckUnknown eq "x"`), ""), http.StatusBadRequest, scim.InvalidFilter)
		}},
		{"interop-09", "a count of 100 is honoured", func(ctx context.Context, s *Session) Outcome {
			return inCrowd(ctx, s, "/Users?count=100", func(n int) bool { return n == 100 })
		}},
		{"interop-10", "without a count 100 come at least", func(ctx context.Context, s *Session) Outcome {
			return inCrowd(ctx, s, "/Users", func(n int) bool { return n >= 100 })
		}},
	}
}

// inCrowd is whether a page has the right length where there are more than 100 Users.
// Who is made for that goes at once, as everything after would look at them all.
func inCrowd(ctx context.Context, s *Session, path string, right func(n int) bool) Outcome {
	l := s.Do(ctx, http.MethodGet, "/Users?count=1", "").List()
	if l == nil {
		return failed(nil, "Users cannot be listed")
	}
	var made []string
	defer func() {
		for _, at := range made {
			s.Do(ctx, http.MethodDelete, at, "") // what does not go is told of at the end
		}
	}()
	for range 101 - l.TotalResults {
		made = append(made, writingUser(s.user(ctx)))
	}
	e := s.Do(ctx, http.MethodGet, path, "")
	if l := e.List(); e.Status != http.StatusOK || l == nil || !right(len(l.Resources)) {
		return failed(e, "of more than 100 Users they are not")
	}
	return passed()
}

// interopChanges are about §6.5, §6.6 and §6.9.
func interopChanges() []Check {
	return []Check{
		{"interop-11", "PATCH is supported", func(ctx context.Context, s *Session) Outcome {
			if !s.supports("patch") {
				return failed(nil, "GET %s/ServiceProviderConfig: patch is not supported", s.base)
			}
			name := s.name("user")
			if r, e := patched(ctx, s, s.user(ctx), `{"op":"replace","path":"userName","value":`+quoted(name)+`}`); r.UserName() != name {
				return failed(e, "it does nothing")
			}
			return passed()
		}},
		{"interop-12", "an operation without path is refused with 400 invalidSyntax", func(ctx context.Context, s *Session) Outcome {
			e := patchUser(ctx, s, s.user(ctx), `{"op":"replace","value":{"userName":`+quoted(s.name("user"))+`}}`)
			return writingRefused(e, http.StatusBadRequest, scim.InvalidSyntax)
		}},
		{"interop-13", "replace of a complex attribute leaves nothing that it does not name", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "name.givenName", "name.familyName")
			u := s.user(ctx, `"name":{"givenName":"Given","familyName":"Before"}`)
			r, e := patched(ctx, s, u, `{"op":"replace","path":"name","value":{"familyName":"After"}}`)
			if resourceText(r, "name.familyName") != "After" || resourceText(r, "name.givenName") != "" {
				return failed(e, "it is not the object that was sent")
			}
			return passed()
		}},
		{"interop-14", "several attributes change by an operation each", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "displayName", "name.givenName")
			r, e := patched(ctx, s, s.user(ctx), `{"op":"replace","path":"displayName","value":"After"}`, `{"op":"add","path":"name.givenName","value":"After"}`)
			if r.DisplayName() != "After" || resourceText(r, "name.givenName") != "After" {
				return failed(e, "they have not")
			}
			return passed()
		}},
		{"interop-15", "DELETE deletes, and no attribute stands for that", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			if o := deletes(ctx, s, writingUser(u)); o.Verdict != Pass {
				return o
			}
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(u.UserName())), "")
			if e.Status != http.StatusOK || resourceListed(e, u.ID()) {
				return failed(e, "it is still found")
			}
			return passed()
		}},
		{"interop-16", "the userName of who was deleted is free", func(ctx context.Context, s *Session) Outcome { return nameIsFree(ctx, s) }},
		{"interop-17", "who is set inactive by a PATCH stays", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "active")
			u := s.user(ctx)
			patched(ctx, s, u, `{"op":"replace","path":"active","value":false}`)
			return foundAlone(ctx, s, "/Users", u.ID(), "userName eq "+quoted(u.UserName()))
		}},
		{"interop-18", "a userName that is taken is refused with 409 uniqueness, by POST and PATCH", func(ctx context.Context, s *Session) Outcome {
			taken := s.user(ctx).UserName()
			if o := writingRefused(s.Do(ctx, http.MethodPost, "/Users", userBody(taken)), http.StatusConflict, scim.UniquenessBreach); o.Verdict != Pass {
				return o
			}
			e := patchUser(ctx, s, s.user(ctx), `{"op":"replace","path":"userName","value":`+quoted(taken)+`}`)
			return writingRefused(e, http.StatusConflict, scim.UniquenessBreach)
		}},
	}
}

func nameIsFree(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	if e := s.Do(ctx, http.MethodDelete, writingUser(u), ""); !writingOK(e) {
		return failed(e, "it cannot be deleted")
	}
	if e := s.Do(ctx, http.MethodPost, "/Users", userBody(u.UserName())); e.Status != http.StatusCreated {
		return failed(e, "it is not")
	}
	return passed()
}
