// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// oktaPatience is how long Okta's test waits for a list of groups.
const oktaPatience = 600 * time.Millisecond

// oktaChecks are the checks of Okta's specification test, in its order. It looks at
// the first of whoever is there; as an empty endpoint has nobody, one is made first.
func oktaChecks() []Check {
	return []Check{
		{"okta-01", "the first page tells of its place, and of somebody with name, userName, active and e-mail", oktaFirst},
		{"okta-02", "a User is read by its id", func(ctx context.Context, s *Session) Outcome {
			u := oktaUser(ctx, s)
			return oktaShows(s.Do(ctx, http.MethodGet, writingUser(u), ""), http.StatusOK, u.UserName())
		}},
		{"okta-03", "a filter for a userName that nobody has finds nobody", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(s.name("nobody"))), "")
			if l := e.List(); e.Status != http.StatusOK || !schemasIs(e, scim.ListResponseURN) || l == nil || l.TotalResults != 0 {
				return failed(e, "not 200 with a ListResponse of totalResults 0")
			}
			return passed()
		}},
		{"okta-04", "an unknown id is answered with 404 and an error that says why", func(ctx context.Context, s *Session) Outcome {
			e := errorsNobody(ctx, s)
			if e.Status != http.StatusNotFound || !schemasIs(e, scim.ErrorURN) || schemasGet(e.JSON(), "detail") == nil {
				return failed(e, "not 404 with an Error and its detail")
			}
			return passed()
		}},
		{"okta-05", "a User is created and shown as it was sent", func(ctx context.Context, s *Session) Outcome {
			name := s.name("user")
			return oktaShows(s.Do(ctx, http.MethodPost, "/Users", oktaBody(name)), http.StatusCreated, name)
		}},
		{"okta-06", "a User that was created is there by its id", func(ctx context.Context, s *Session) Outcome {
			u := oktaUser(ctx, s)
			e := s.Do(ctx, http.MethodGet, writingUser(u), "")
			if r := e.Resource(); e.Status != http.StatusOK || r == nil || r.ID() != u.ID() || r.UserName() != u.UserName() {
				return failed(e, "not 200 with the User of the id %q and the userName %q", u.ID(), u.UserName())
			}
			return passed()
		}},
		{"okta-07", "the same User again is refused with 409", func(ctx context.Context, s *Session) Outcome {
			return writingRefused(s.Do(ctx, http.MethodPost, "/Users", oktaBody(oktaUser(ctx, s).UserName())), http.StatusConflict)
		}},
		{"okta-08", "a filter with a userName in capitals is answered", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(strings.ToUpper(oktaUser(ctx, s).UserName()))), "")
			if e.Status != http.StatusOK || e.List() == nil {
				return failed(e, "not 200 with a list")
			}
			return passed()
		}},
		{"okta-09", "Groups are listed within 600 ms", func(ctx context.Context, s *Session) Outcome {
			began := time.Now()
			e := s.Do(ctx, http.MethodGet, "/Groups", "")
			took := time.Since(began)
			if e.Status != http.StatusOK {
				return failed(e, "not 200")
			}
			if took >= oktaPatience {
				return failed(e, "it took %d ms", took.Milliseconds())
			}
			return passed()
		}},
		{"okta-10", "a wrong token is answered with 401 and an error message", func(ctx context.Context, s *Session) Outcome {
			return oktaError(s.Do(ctx, http.MethodGet, "/Users?count=1", "", "Authorization: Bearer "+s.name("no-token")), http.StatusUnauthorized, "401")
		}},
		{"okta-11", "an unknown id is answered with the status 404 as a text", func(ctx context.Context, s *Session) Outcome {
			return oktaError(errorsNobody(ctx, s), http.StatusNotFound, "404")
		}},
	}
}

// oktaBody is a User as Okta writes it.
func oktaBody(name string) string {
	return userBody(name, `"name":{"givenName":"Ada","familyName":"Lovelace"}`, `"emails":[{"primary":true,"value":`+quoted(patchMail(name))+`,"type":"work"}]`,
		`"displayName":"Ada Lovelace"`, `"locale":"en-US"`, `"externalId":`+quoted(name), `"groups":[]`, `"active":true`)
}

func oktaUser(ctx context.Context, s *Session) *scim.Resource {
	return s.create(ctx, "/Users", oktaBody(s.name("user")))
}

// oktaShows is whether an answer is the User of a name as it was sent.
func oktaShows(e *Exchange, status int, name string) Outcome {
	r := e.Resource()
	if e.Status != status || r == nil || r.ID() == "" {
		return failed(e, "not %d with the User", status)
	}
	for path, want := range map[string]string{"userName": name, "name.givenName": "Ada", "name.familyName": "Lovelace"} {
		if got := resourceText(r, path); got != want {
			return failed(e, "%s is %q", path, got)
		}
	}
	if at(r, "active") != "true" {
		return failed(e, "active is not true")
	}
	return passed()
}

func oktaFirst(ctx context.Context, s *Session) Outcome {
	oktaUser(ctx, s)
	e := s.Do(ctx, http.MethodGet, "/Users?count=1&startIndex=1", "")
	if e.Status != http.StatusOK || !schemasIs(e, scim.ListResponseURN) {
		return failed(e, "not 200 with a ListResponse")
	}
	for _, name := range []string{"totalResults", "itemsPerPage", "startIndex"} {
		if _, number := schemasGet(e.JSON(), name).(float64); !number {
			return failed(e, "%s is no number", name)
		}
	}
	l := e.List()
	if l == nil || len(l.Resources) == 0 {
		return failed(e, "there is nobody")
	}
	for _, path := range []string{"id", "name.familyName", "name.givenName", "userName", "emails.value"} {
		if resourceText(l.Resources[0], path) == "" {
			return failed(e, "the first has no %s", path)
		}
	}
	if _, known := l.Resources[0].Active(); !known {
		return failed(e, "active of the first is no boolean")
	}
	return passed()
}

// oktaError is whether an answer is an error message with its status as a text.
func oktaError(e *Exchange, status int, text string) Outcome {
	if e.Status != status || !schemasIs(e, scim.ErrorURN) || schemasGet(e.JSON(), "status") != text {
		return failed(e, "not %d with an Error whose status is %q", status, text)
	}
	return passed()
}

// schemasIs tells whether an answer has the schema of a message.
func schemasIs(e *Exchange, urn string) bool {
	list, _ := schemasGet(e.JSON(), "schemas").([]any)
	return slices.Contains(list, any(urn))
}
