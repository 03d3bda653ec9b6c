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

// checksOfDiscovery are those of RFC 7644 §3.14, §4 and §5.
func checksOfDiscovery() []Check {
	return []Check{
		tagCheck("7644-3.14-02", "ETag comes as a header with every answer of a resource", tagsEverywhere),
		tagCheck("7644-3.14-03", "meta.version is the ETag", tagsInMeta),
		tagCheck("7644-3.14-06", "A write with a stale If-Match changes nothing", tagsGuard),
		tagCheck("7644-3.14-08", "A stale If-Match keeps from DELETE", tagsGuardDelete),
		tagCheck("7644-3.14-09", "ETag changes with the resource", tagsChange),
		{"7644-4-01", "ServiceProviderConfig names its schema", discoveryConfig},
		{"7644-4-02", "Schemas is a list of all of them", discoverySchemas},
		{"7644-4-03", "What is described by itself is one object and no list", discoverySingles},
		{"7644-4-04", "ResourceTypes is a list", func(ctx context.Context, s *Session) Outcome {
			e, _ := discoveryList(ctx, s, "/ResourceTypes")
			if len(e.List().Resources) == 0 {
				return failed(e, "there are no resource types")
			}
			return passed()
		}},
		{"7644-4-05", "Sorting and paging do not count when discovering", discoveryParameters},
		{"7644-4-06", "A filter when discovering is answered with 403", func(ctx context.Context, s *Session) Outcome {
			for _, path := range []string{"/Schemas", "/ResourceTypes"} {
				if e := s.Do(ctx, http.MethodGet, query(path, "filter", `id eq "User"`), ""); e.Status != http.StatusForbidden {
					return failed(e, "it is answered with %d", e.Status)
				}
			}
			return passed()
		}},
	}
}

// tagCheck is a check that needs entity tags. It is given a user, and its address.
func tagCheck(id, title string, run func(ctx context.Context, s *Session, made *Exchange, path string) Outcome) Check {
	return Check{id, title, func(ctx context.Context, s *Session) Outcome {
		if !s.supports("etag") {
			return notApplicable("entity tags are not supported")
		}
		made := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"displayName":"before"`))
		r := made.Resource()
		if made.Status != http.StatusCreated || r == nil || r.ID() == "" {
			return failed(made, "what the check needs could not be made")
		}
		return run(ctx, s, made, "/Users/"+url.PathEscape(r.ID()))
	}}
}

// tagsBody is the user with another displayName.
func tagsBody(made *Exchange) string {
	return userBody(made.Resource().UserName(), `"displayName":"after"`)
}

func tagsStale(s *Session) string { return `If-Match: W/"` + s.name("stale") + `"` }

func tagsEverywhere(ctx context.Context, s *Session, made *Exchange, path string) Outcome {
	all := []*Exchange{made, s.Do(ctx, http.MethodGet, path, ""), s.Do(ctx, http.MethodPut, path, tagsBody(made))}
	if s.supports("patch") {
		all = append(all, s.Do(ctx, http.MethodPatch, path, patchBody(`{"op":"replace","path":"displayName","value":"patched"}`)))
	}
	for _, e := range all {
		if e.Status >= 200 && e.Status < 300 && e.Header.Get("ETag") == "" { // a refusal is the subject of others
			return failed(e, "there is no ETag")
		}
	}
	return passed()
}

func tagsInMeta(ctx context.Context, s *Session, _ *Exchange, path string) Outcome {
	e := s.Do(ctx, http.MethodGet, path, "")
	r := e.Resource()
	tag := e.Header.Get("ETag")
	if r == nil || tag == "" {
		return notApplicable("there is no ETag")
	}
	if r.Version() != tag {
		return failed(e, "meta.version is %q", r.Version())
	}
	return passed()
}

func tagsGuard(ctx context.Context, s *Session, made *Exchange, path string) Outcome {
	tried := []*Exchange{s.Do(ctx, http.MethodPut, path, tagsBody(made), tagsStale(s))}
	if s.supports("patch") {
		tried = append(tried, s.Do(ctx, http.MethodPatch, path, patchBody(`{"op":"replace","path":"displayName","value":"after"}`), tagsStale(s)))
	}
	e := s.Do(ctx, http.MethodGet, path, "")
	r := e.Resource()
	if r == nil {
		return failed(e, "the user is gone")
	}
	if r.DisplayName() == "after" {
		return failed(tried[0], "the user is changed by it, or by a PATCH of the same kind")
	}
	return passed()
}

func tagsGuardDelete(ctx context.Context, s *Session, _ *Exchange, path string) Outcome {
	tried := s.Do(ctx, http.MethodDelete, path, "", tagsStale(s))
	if e := s.Do(ctx, http.MethodGet, path, ""); e.Status != http.StatusOK {
		return failed(tried, "the user is gone")
	}
	return passed()
}

func tagsChange(ctx context.Context, s *Session, made *Exchange, path string) Outcome {
	before := s.Do(ctx, http.MethodGet, path, "").Header.Get("ETag")
	written := s.Do(ctx, http.MethodPut, path, tagsBody(made))
	e := s.Do(ctx, http.MethodGet, path, "")
	r := e.Resource()
	switch {
	case before == "":
		return notApplicable("there is no ETag")
	case written.Status >= 300 || r == nil || r.DisplayName() != "after":
		return notApplicable("the change did not come about: %d", written.Status)
	case e.Header.Get("ETag") == before:
		return failed(e, "the ETag is the same after a change")
	}
	return passed()
}

func discoveryConfig(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
	r := e.Resource()
	if l := e.List(); l != nil && len(l.Resources) == 1 { // that it is no list is another requirement
		r = l.Resources[0]
	}
	if e.Status != http.StatusOK || r == nil || !r.HasSchema(scim.ServiceProviderConfigURN) {
		return failed(e, "it does not")
	}
	return passed()
}

// discoveryList is a list at an endpoint, and the ids in it. It ends the check if there
// is no ListResponse.
func discoveryList(ctx context.Context, s *Session, path string) (*Exchange, []string) {
	e := s.Do(ctx, http.MethodGet, path, "")
	l := e.List()
	schemas, _ := e.JSON()["schemas"].([]any)
	if e.Status != http.StatusOK || l == nil || !slices.Contains(schemas, any(scim.ListResponseURN)) {
		must(failed(e, "there is no ListResponse"))
	}
	return e, discoveryIDs(l)
}

func discoveryIDs(l *scim.ListResponse) []string {
	var ids []string
	for _, r := range l.Resources {
		id := r.ID()
		if id == "" { // a resource type may do without
			v, _ := r.Get("name")
			id, _ = v.AsString()
		}
		ids = append(ids, id)
	}
	return ids
}

func discoverySchemas(ctx context.Context, s *Session) Outcome {
	e, ids := discoveryList(ctx, s, "/Schemas")
	if l := e.List(); l.TotalResults != len(l.Resources) {
		return failed(e, "it counts %d and shows %d", l.TotalResults, len(l.Resources))
	}
	has := func(urn string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, urn) })
	}
	for _, t := range s.Types {
		if !has(t.Schema) {
			return failed(e, "%s of %s is not there", t.Schema, t.Name)
		}
		for _, x := range t.SchemaExtensions {
			if !has(x.Schema) {
				return failed(e, "%s of %s is not there", x.Schema, t.Name)
			}
		}
	}
	return passed()
}

func discoverySingles(ctx context.Context, s *Session) Outcome {
	paths := []string{"/ServiceProviderConfig"}
	for _, sch := range s.Schemas {
		paths = append(paths, "/Schemas/"+sch.ID)
	}
	for _, t := range s.Types {
		if t.ID != "" {
			paths = append(paths, "/ResourceTypes/"+url.PathEscape(t.ID))
		}
	}
	for _, path := range paths {
		e := s.Do(ctx, http.MethodGet, path, "")
		if e.Status != http.StatusOK || e.Resource() == nil {
			return failed(e, "there is no such object")
		}
		if _, isList := e.JSON()["Resources"]; isList {
			return failed(e, "it is a list")
		}
	}
	return passed()
}

func discoveryParameters(ctx context.Context, s *Session) Outcome {
	for _, path := range []string{"/Schemas", "/ResourceTypes"} {
		all := s.Do(ctx, http.MethodGet, path, "").List()
		e := s.Do(ctx, http.MethodGet, query(path, "startIndex", "2", "count", "1", "sortBy", "id", "sortOrder", "descending"), "")
		l := e.List()
		switch {
		case all == nil:
			return notApplicable("there is no list at %s", path)
		case e.Status != http.StatusOK || l == nil:
			return failed(e, "they are answered with no list")
		case !slices.Equal(slices.Sorted(slices.Values(discoveryIDs(all))), slices.Sorted(slices.Values(discoveryIDs(l)))):
			return failed(e, "not all that is at %s is there", path)
		}
	}
	return passed()
}
