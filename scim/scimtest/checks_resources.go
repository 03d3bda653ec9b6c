// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// checksOfResources are those of RFC 7643 §1 to §3.
func checksOfResources() []Check {
	return slices.Concat(
		resourceChecksOfForm(), resourceChecksOfTypes(), resourceChecksOfReferences(), resourceChecksOfLists(),
		resourceChecksOfSchemas(), resourceChecksOfIDs(), resourceChecksOfExternalIDs(), resourceChecksOfMeta(), resourceChecksOfExtensions(),
	)
}

// resourceChecksOfForm are those of §1, §2.1 and §2.3.8.
func resourceChecksOfForm() []Check {
	return []Check{
		{"7643-1.1-01", "no value has quotation marks of its own", resourceHasNoQuotes},
		{"7643-1.2-01", "published schemas are a list", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, "/Schemas", "")
			switch {
			case e.Status == http.StatusNotFound || e.Status == http.StatusNotImplemented:
				return notApplicable("no schemas are published")
			case e.Status != http.StatusOK || e.List() == nil:
				return failed(e, "this is no list")
			}
			return passed()
		}},
		schemasLint("7643-1.2-02", "only complex attributes have sub-attributes", func(a schemasAttribute) string {
			if list, _ := schemasGet(a.raw, "subAttributes").([]any); len(list) > 0 && !a.is("complex") {
				return "it has sub-attributes and is not complex"
			}
			return ""
		}),
		{"7643-2.1-01", "each resource names its schemas", func(ctx context.Context, s *Session) Outcome {
			for _, path := range []string{resourcePath(s.user(ctx)), "/ServiceProviderConfig"} {
				e := s.Do(ctx, http.MethodGet, path, "")
				if e.JSON() == nil || e.Resource() == nil {
					return failed(e, "this is no JSON object")
				}
				if _, ok := e.Resource().Get("schemas"); !ok {
					return failed(e, "schemas is missing")
				}
			}
			return passed()
		}},
		schemasLint("7643-2.1-02", "attribute names are well formed", func(a schemasAttribute) string {
			if !resourceNames.MatchString(a.name()) {
				return "the name is malformed"
			}
			return ""
		}),
		{"7643-2.1-03", "attribute names in other letter case are the same", func(ctx context.Context, s *Session) Outcome {
			name := s.name("user")
			e := s.Do(ctx, http.MethodPost, "/Users", `{"schemas":["`+scim.UserURN+`"],"USERNAME":`+quoted(name)+`,"dISPLAYnAME":"Ada"}`)
			if e.Status != http.StatusCreated {
				return failed(e, "USERNAME is not taken for userName")
			}
			if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); resourceText(e.Resource(), "userName") != name || resourceText(e.Resource(), "displayName") != "Ada" {
				return failed(e, "what was sent in other letter case is not there")
			}
			return passed()
		}},
		{"7643-2.3.8-01", "the order of JSON members does not count", func(ctx context.Context, s *Session) Outcome {
			name := s.name("user")
			e := s.Do(ctx, http.MethodPost, "/Users", `{"displayName":"Ada","userName":`+quoted(name)+`,"schemas":["`+scim.UserURN+`"]}`)
			if e.Status != http.StatusCreated || resourceText(e.Resource(), "userName") != name {
				return failed(e, "a User with schemas at its end is not taken")
			}
			path := resourcePath(e.Resource())
			if !s.supports("patch") {
				return passed()
			}
			if e = s.Do(ctx, http.MethodPatch, path, `{"Operations":[{"value":"Grace","path":"displayName","op":"replace"}],"schemas":["`+scim.PatchOpURN+`"]}`); !resourceDone(e) {
				return failed(e, "a PATCH with its members in other order is not taken")
			}
			if e = s.Do(ctx, http.MethodGet, path, ""); resourceText(e.Resource(), "displayName") != "Grace" {
				return failed(e, "the PATCH with its members in other order did nothing")
			}
			return passed()
		}},
		schemasLint("7643-2.3.8-02", "complex attributes are not nested", func(a schemasAttribute) string {
			// RFC 7643 §8.7.2 itself nests in the schemas of the discovery resources.
			if a.parent != nil && a.is("complex") && !schemasOfDiscovery(a.urn) {
				return "it is complex within a complex one"
			}
			return ""
		}),
	}
}

var resourceNames = regexp.MustCompile(`^[$A-Za-z][-$_0-9A-Za-z]*$`)

func resourceHasNoQuotes(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx, `"displayName":"Ada"`)
	for _, path := range []string{resourcePath(u), "/Users/" + s.name("nobody")} {
		e := s.Do(ctx, http.MethodGet, path, "")
		body := e.JSON()
		if meta, ok := schemasGet(body, "meta").(map[string]any); ok {
			delete(meta, "version") // an entity tag has quotation marks
		}
		delete(body, "detail") // free text
		if v := resourceQuotedValue(body); v != "" {
			return failed(e, "the value %s is in quotation marks", v)
		}
	}
	return passed()
}

func resourceQuotedValue(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
			return v
		}
	case []any:
		for _, e := range v {
			if found := resourceQuotedValue(e); found != "" {
				return found
			}
		}
	case map[string]any:
		for _, e := range v {
			if found := resourceQuotedValue(e); found != "" {
				return found
			}
		}
	}
	return ""
}

// resourceChecksOfSchemas are those of §3.
func resourceChecksOfSchemas() []Check {
	return []Check{
		{"7643-3-01", "schemas is never empty", func(ctx context.Context, s *Session) Outcome {
			return resourceSchemas(ctx, s, `[]`, func(urns []string) string {
				if len(urns) == 0 {
					return "schemas is empty or no array"
				}
				return ""
			})
		}},
		{"7643-3-02", "schemas names those of the resource type", func(ctx context.Context, s *Session) Outcome {
			mine := resourceURNs(s, "/Users")
			if len(mine) == 0 {
				return notApplicable("no resource type is published for Users")
			}
			return resourceSchemas(ctx, s, `["`+scim.UserURN+`","`+scim.GroupURN+`"]`, func(urns []string) string {
				for _, urn := range urns {
					if !slices.ContainsFunc(mine, func(m string) bool { return strings.EqualFold(m, urn) }) {
						return urn + " is not one of the type's"
					}
				}
				return ""
			})
		}},
		{"7643-3-03", "schemas names none twice", func(ctx context.Context, s *Session) Outcome {
			return resourceSchemas(ctx, s, `["`+scim.UserURN+`","`+scim.UserURN+`"]`, func(urns []string) string {
				if len(slices.Compact(slices.Sorted(slices.Values(urns)))) != len(urns) {
					return "one is named twice"
				}
				return ""
			})
		}},
		{"7643-3-04", "the order of schemas does not count", func(ctx context.Context, s *Session) Outcome {
			resourceNeedsEnterprise(s)
			e := s.Do(ctx, http.MethodPost, "/Users", `{"schemas":["`+scim.EnterpriseUserURN+`","`+scim.UserURN+`"],"userName":`+quoted(s.name("user"))+`,"`+scim.EnterpriseUserURN+`":{"department":"Optics"}}`)
			if e.Status != http.StatusCreated {
				return failed(e, "an extension before the base schema is not taken")
			}
			if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); resourceText(e.Resource(), scim.EnterpriseUserURN+":department") != "Optics" {
				return failed(e, "the extension is lost")
			}
			return passed()
		}},
		{"7643-3-05", "id and meta are part of each resource", func(ctx context.Context, s *Session) Outcome {
			paths := []string{resourcePath(s.user(ctx))}
			if s.has("/Groups") {
				paths = append(paths, resourcePathIn("/Groups", s.group(ctx)))
			}
			for _, path := range paths {
				e := s.Do(ctx, http.MethodGet, path, "")
				if r := e.Resource(); at(r, "id") == "" || at(r, "meta") == "" {
					return failed(e, "id or meta is missing")
				}
			}
			return passed()
		}},
		{"7643-3-06", "URNs in schemas are texts, and unique whatever their letter case", func(ctx context.Context, s *Session) Outcome {
			return resourceSchemas(ctx, s, `["`+scim.UserURN+`",`+quoted(strings.ToUpper(scim.UserURN))+`]`, func(urns []string) string {
				seen := map[string]string{}
				for _, urn := range urns {
					key := strings.ToLower(urn)
					if other, twice := seen[key]; urn == "" || twice && other != urn {
						return "one is named in two spellings, or is no text"
					}
					seen[key] = urn
				}
				return ""
			})
		}},
	}
}

// resourceSchemas makes one User as usual and one with the given schemas, which may
// be refused, and looks at what their answers have in schemas.
func resourceSchemas(ctx context.Context, s *Session, schemas string, wrong func(urns []string) string) Outcome {
	made := []*scim.Resource{s.user(ctx)}
	if e := s.Do(ctx, http.MethodPost, "/Users", `{"schemas":`+schemas+`,"userName":`+quoted(s.name("user"))+`}`); e.Status == http.StatusCreated {
		made = append(made, e.Resource())
	} else if !resourceRefused(e) {
		return failed(e, "neither taken nor refused")
	}
	for _, r := range made {
		e := s.Do(ctx, http.MethodGet, resourcePath(r), "")
		list, _ := schemasGet(e.JSON(), "schemas").([]any)
		urns := make([]string, len(list))
		for i, v := range list {
			urns[i], _ = v.(string)
		}
		if why := wrong(urns); why != "" {
			return failed(e, "%s", why)
		}
	}
	return passed()
}

// resourceURNs are those of the resource type at an endpoint.
func resourceURNs(s *Session, endpoint string) []string {
	var out []string
	for _, t := range s.Types {
		if strings.EqualFold(t.Endpoint, endpoint) {
			out = append(out, t.Schema)
			for _, x := range t.SchemaExtensions {
				out = append(out, x.Schema)
			}
		}
	}
	return out
}

// resourceChecksOfIDs are those of §3.1 about id.
func resourceChecksOfIDs() []Check {
	return []Check{
		{"7643-3.1-02", "a new resource gets id and meta", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user")))
			r := e.Resource()
			for _, path := range []string{"id", "meta.resourceType", "meta.created", "meta.lastModified", "meta.location"} {
				if resourceText(r, path) == "" {
					return failed(e, "%s is missing", path)
				}
			}
			return passed()
		}},
		{"7643-3.1-03", "each representation has an id", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			path := resourcePath(u)
			for _, e := range []*Exchange{
				s.Do(ctx, http.MethodGet, path, ""),
				s.Do(ctx, http.MethodGet, path+"?attributes=userName", ""),
				s.Do(ctx, http.MethodPut, path, userBody(u.UserName(), `"displayName":"Ada"`)),
			} {
				if e.Status == http.StatusOK && resourceText(e.Resource(), "id") == "" {
					return failed(e, "the id is missing")
				}
			}
			e := s.Do(ctx, http.MethodGet, "/Users?count=5", "")
			if l := e.List(); l != nil && slices.ContainsFunc(l.Resources, func(r *scim.Resource) bool { return r.ID() == "" }) {
				return failed(e, "an id is missing in the list")
			}
			return passed()
		}},
		{"7643-3.1-04", "no two resources have the same id", func(ctx context.Context, s *Session) Outcome {
			made := []*scim.Resource{s.user(ctx), s.user(ctx), s.user(ctx)}
			if s.has("/Groups") {
				made = append(made, s.group(ctx))
			}
			seen := map[string]bool{}
			for _, r := range made {
				if seen[r.ID()] {
					return failed(nil, "%s is the id of two resources", r.ID())
				}
				seen[r.ID()] = true
			}
			return passed()
		}},
		{"7643-3.1-05", "an id stays, and never comes again", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			path := resourcePath(u)
			s.Do(ctx, http.MethodPut, path, userBody(u.UserName(), `"displayName":"Ada"`))
			if e := s.Do(ctx, http.MethodGet, path, ""); e.Resource() == nil || e.Resource().ID() != u.ID() {
				return failed(e, "the id is another after a change")
			}
			if e := s.Do(ctx, http.MethodDelete, path, ""); !resourceDone(e) {
				return notApplicable("Users cannot be removed")
			}
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(u.UserName()))
			if r := e.Resource(); e.Status == http.StatusCreated && r != nil && r.ID() == u.ID() {
				return failed(e, "the id of a removed User came again")
			}
			return passed()
		}},
		{"7643-3.1-07", "the client does not choose the id", func(ctx context.Context, s *Session) Outcome {
			id := s.name("id")
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"id":`+quoted(id)))
			if r := e.Resource(); e.Status == http.StatusCreated && r != nil && r.ID() == id {
				return failed(e, "the id is the client's")
			}
			return passed()
		}},
		{"7643-3.1-08", "no id has bulkId in it", func(ctx context.Context, s *Session) Outcome {
			if u := s.user(ctx); strings.Contains(u.ID(), "bulkId") {
				return failed(nil, "the id %s has", u.ID())
			}
			return passed()
		}},
		{"7643-3.1-09", "ids differ by letter case", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			other := resourceSwapped(u.ID())
			if other == u.ID() {
				return notApplicable("ids have no letters")
			}
			e := s.Do(ctx, http.MethodGet, "/Users/"+url.PathEscape(other), "")
			if r := e.Resource(); e.Status == http.StatusOK && r != nil && r.ID() == u.ID() {
				return failed(e, "the User is found in other letter case")
			}
			if !s.supports("filter") {
				return passed()
			}
			return resourceNotFound(ctx, s, u, "id eq "+quoted(other))
		}},
	}
}

// resourceChecksOfExternalIDs are those of §3.1 about externalId.
func resourceChecksOfExternalIDs() []Check {
	return []Check{
		{"7643-3.1-01", "each resource may have an externalId", func(ctx context.Context, s *Session) Outcome {
			for _, endpoint := range []string{"/Users", "/Groups"} {
				if endpoint == "/Groups" && !s.has(endpoint) {
					continue
				}
				id := s.name("external")
				body := `{"schemas":["` + scim.UserURN + `"],"userName":` + quoted(s.name("user"))
				if endpoint == "/Groups" {
					body = `{"schemas":["` + scim.GroupURN + `"],"displayName":` + quoted(s.name("group"))
				}
				e := s.Do(ctx, http.MethodPost, endpoint, body+`,"externalId":`+quoted(id)+`}`)
				if e.Status != http.StatusCreated {
					return failed(e, "an externalId is not taken")
				}
				if e = s.Do(ctx, http.MethodGet, resourcePathIn(endpoint, e.Resource()), ""); resourceText(e.Resource(), "externalId") != id {
					return failed(e, "the externalId is not kept")
				}
			}
			return passed()
		}},
		{"7643-3.1-10", "no externalId is made up", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			return resourceUnassigned(e, "externalId")
		}},
		{"7643-3.1-12", "an externalId compares by letter case", func(ctx context.Context, s *Session) Outcome {
			id := s.name("external")
			u := s.user(ctx, `"externalId":`+quoted(id))
			return resourceNotFound(ctx, s, u, "externalId eq "+quoted(resourceSwapped(id)))
		}},
		{"7643-3.1-13", "two Users may have one externalId", func(ctx context.Context, s *Session) Outcome {
			id := `"externalId":` + quoted(s.name("external"))
			s.user(ctx, id)
			if e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), id)); e.Status != http.StatusCreated {
				return failed(e, "the second is refused")
			}
			return passed()
		}},
	}
}

// resourceChecksOfMeta are those of §3.1 about meta.
func resourceChecksOfMeta() []Check {
	return []Check{
		{"7643-3.1-15", "meta that a client sends does nothing", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"meta":{"resourceType":"Group","created":"1999-01-01T00:00:00Z"}`))
			if e.Status != http.StatusCreated {
				return failed(e, "a User with meta is refused")
			}
			e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), "")
			if resourceText(e.Resource(), "meta.resourceType") == "Group" || resourceTime(e.Resource(), "meta.created").Year() == 1999 {
				return failed(e, "meta is the client's")
			}
			return passed()
		}},
		{"7643-3.1-16", "meta.created is a dateTime", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			if resourceTime(e.Resource(), "meta.created").IsZero() {
				return failed(e, "meta.created is missing or no dateTime")
			}
			return passed()
		}},
		{"7643-3.1-17", "what was never changed was changed last when it was made", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			if !resourceTime(e.Resource(), "meta.created").Equal(resourceTime(e.Resource(), "meta.lastModified")) {
				return failed(e, "created and lastModified differ")
			}
			return passed()
		}},
		{"7643-3.1-18", "meta.location is the Content-Location", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			header := e.Header.Get("Content-Location")
			if header == "" {
				return notApplicable("there is no Content-Location")
			}
			asked, err := url.Parse(e.URL)
			if err != nil {
				return failed(e, "%v", err)
			}
			to, err := asked.Parse(header)
			if err != nil || to.String() != resourceText(e.Resource(), "meta.location") && header != resourceText(e.Resource(), "meta.location") {
				return failed(e, "they differ")
			}
			return passed()
		}},
		{"7643-3.1-19", "meta.version is the ETag", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			tag := resourceTag(s, e)
			if tag != resourceText(e.Resource(), "meta.version") {
				return failed(e, "they differ")
			}
			return passed()
		}},
		{"7643-3.1-20", "a version is an entity tag, W/ before a weak one", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			if tag := resourceTag(s, e); !resourceTags.MatchString(tag) {
				return failed(e, "the ETag is malformed")
			}
			return passed()
		}},
		{"7643-3.1-21", "meta.resourceType cannot be changed", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			before := s.Do(ctx, http.MethodGet, resourcePath(u), "")
			s.Do(ctx, http.MethodPut, resourcePath(u), userBody(u.UserName(), `"meta":{"resourceType":"USER"}`))
			if s.supports("patch") {
				s.Do(ctx, http.MethodPatch, resourcePath(u), patchBody(`{"op":"replace","path":"meta.resourceType","value":"USER"}`))
			}
			e := s.Do(ctx, http.MethodGet, resourcePath(u), "")
			if at(e.Resource(), "meta.resourceType") != at(before.Resource(), "meta.resourceType") {
				return failed(e, "it was changed")
			}
			return passed()
		}},
	}
}

var resourceTags = regexp.MustCompile(`^(W/)?"[\x21\x23-\x7e\x80-\xff]*"$`)

// resourceTag is the ETag of an answer, and ends the check if there is none.
func resourceTag(s *Session, e *Exchange) string {
	tag := e.Header.Get("ETag")
	if !s.supports("etag") || tag == "" {
		must(notApplicable("there are no versions"))
	}
	return tag
}

// resourceChecksOfExtensions are those of §3.2 and §3.3.
func resourceChecksOfExtensions() []Check {
	const department = `"` + scim.EnterpriseUserURN + `":{"department":"Optics"}`
	const path = scim.EnterpriseUserURN + ":department"
	create := func(ctx context.Context, s *Session, schemas, extension string) *Exchange {
		resourceNeedsEnterprise(s)
		return s.Do(ctx, http.MethodPost, "/Users", `{"schemas":[`+schemas+`],"userName":`+quoted(s.name("user"))+extension+`}`)
	}
	const both = `"` + scim.UserURN + `","` + scim.EnterpriseUserURN + `"`
	return []Check{
		{"7643-3.2-01", "each resource type has its endpoint", func(ctx context.Context, s *Session) Outcome {
			if len(s.Types) == 0 {
				return notApplicable("no resource types are published")
			}
			for _, t := range s.Types {
				if e := s.Do(ctx, http.MethodGet, "/"+strings.TrimPrefix(t.Endpoint, "/")+"?count=1", ""); e.Status == http.StatusNotFound {
					return failed(e, "the endpoint of %s is not there", t.Name)
				}
			}
			return passed()
		}},
		{"7643-3.3-01", "schemas names the base schema", func(ctx context.Context, s *Session) Outcome {
			for _, schemas := range []string{both, `"` + scim.EnterpriseUserURN + `"`} {
				e := create(ctx, s, schemas, ","+department)
				if schemas != both && resourceRefused(e) {
					continue
				}
				if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); e.Resource() == nil || !e.Resource().HasSchema(scim.UserURN) {
					return failed(e, "the base schema is missing")
				}
			}
			return passed()
		}},
		{"7643-3.3-02", "schemas may name an extension without values", func(ctx context.Context, s *Session) Outcome {
			if e := create(ctx, s, both, ""); e.Status != http.StatusCreated {
				return failed(e, "it is refused")
			}
			return passed()
		}},
		{"7643-3.3-04", "extension attributes are in an object by the URN", func(ctx context.Context, s *Session) Outcome {
			e := create(ctx, s, both, ","+department)
			if e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), ""); e.JSON() == nil {
				return failed(e, "this is no JSON object")
			}
			if inner, _ := schemasGet(e.JSON(), scim.EnterpriseUserURN).(map[string]any); schemasGet(inner, "department") != "Optics" {
				return failed(e, "department is not there")
			}
			return passed()
		}},
		{"7643-3.3-05", "the URN of an extension has no letter case", func(ctx context.Context, s *Session) Outcome {
			e := create(ctx, s, both, `,"`+strings.ToUpper(scim.EnterpriseUserURN)+`":{"department":"Optics"}`)
			if e.Status == http.StatusCreated {
				e = s.Do(ctx, http.MethodGet, resourcePath(e.Resource()), "")
			}
			if resourceText(e.Resource(), path) != "Optics" {
				return failed(e, "the extension in other letter case is lost")
			}
			return passed()
		}},
		{"7643-3.3-06", "an extension that is emptied is gone", func(ctx context.Context, s *Session) Outcome {
			if !s.supports("patch") {
				return notApplicable("there is no PATCH")
			}
			where := resourcePath(create(ctx, s, both, ","+department).Resource())
			if e := s.Do(ctx, http.MethodPatch, where, patchBody(`{"op":"remove","path":"`+path+`"}`)); !resourceDone(e) {
				return failed(e, "the last attribute cannot be removed")
			}
			return resourceUnassigned(s.Do(ctx, http.MethodGet, where, ""), path)
		}},
	}
}

// What follows is shared by the checks of RFC 7643.
