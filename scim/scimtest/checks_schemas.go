// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// checksOfSchemas are those of RFC 7643 §5 to §8.
func checksOfSchemas() []Check {
	return slices.Concat(schemasChecksOfConfig(), schemasChecksOfTypes(), schemasChecksOfDefinitions(), schemasChecksOfBehaviour(), schemasChecksOfCore())
}

// schemasChecksOfConfig are those of §5.
func schemasChecksOfConfig() []Check {
	return []Check{
		{"7643-5-01", "ServiceProviderConfig takes no writes", func(ctx context.Context, s *Session) Outcome {
			return schemasReadOnly(ctx, s, "/ServiceProviderConfig")
		}},
		schemasFeature("7643-5-02", "patch"),
		schemasFeature("7643-5-03", "bulk", "maxOperations", "maxPayloadSize"),
		schemasFeature("7643-5-04", "filter", "maxResults"),
		schemasFeature("7643-5-05", "changePassword"),
		schemasFeature("7643-5-06", "sort"),
		schemasFeature("7643-5-07", "etag"),
		{"7643-5-08", "authenticationSchemes have type, name and description", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
			list, ok := schemasGet(e.JSON(), "authenticationSchemes").([]any)
			if !ok {
				return failed(e, "authenticationSchemes is missing or no array")
			}
			for _, v := range list {
				scheme, _ := v.(map[string]any)
				for _, name := range []string{"type", "name", "description"} {
					if text, _ := schemasGet(scheme, name).(string); text == "" {
						return failed(e, "a scheme has no %s", name)
					}
				}
			}
			return passed()
		}},
		{"7643-5-09", "everybody may read the authenticationSchemes", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "", "Authorization:")
			if list, _ := schemasGet(e.JSON(), "authenticationSchemes").([]any); e.Status != http.StatusOK || len(list) == 0 {
				return failed(e, "without a token there are none")
			}
			return passed()
		}},
		{"7643-5-10", "documentationUri and specUri are URLs", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
			uris := []any{schemasGet(e.JSON(), "documentationUri")}
			list, _ := schemasGet(e.JSON(), "authenticationSchemes").([]any)
			for _, v := range list {
				scheme, _ := v.(map[string]any)
				uris = append(uris, schemasGet(scheme, "documentationUri"), schemasGet(scheme, "specUri"))
			}
			if uris = slices.DeleteFunc(uris, func(v any) bool { return v == nil }); len(uris) == 0 {
				return notApplicable("there are none")
			}
			for _, v := range uris {
				text, _ := v.(string)
				if u, err := url.Parse(text); err != nil || u.Scheme == "" {
					return failed(e, "%v is no URL", v)
				}
			}
			return passed()
		}},
		{"7643-5-11", "what is said to be supported is", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			for feature, ask := range map[string]func() *Exchange{
				"filter": func() *Exchange {
					return s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(u.UserName())), "")
				},
				"sort": func() *Exchange {
					return s.Do(ctx, http.MethodGet, query("/Users", "sortBy", "userName", "count", "1"), "")
				},
				"patch": func() *Exchange {
					return s.Do(ctx, http.MethodPatch, resourcePath(u), patchBody(`{"op":"replace","path":"displayName","value":"Ada"}`))
				},
			} {
				if !s.supports(feature) {
					continue
				}
				if e := ask(); !resourceDone(e) {
					return failed(e, "%s is not supported", feature)
				}
			}
			return passed()
		}},
	}
}

// schemasFeature checks that a feature says whether it is supported, and its limits.
func schemasFeature(id, feature string, limits ...string) Check {
	return Check{id, feature + " is told, with its limits if there are", func(ctx context.Context, s *Session) Outcome {
		e := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
		d := json.NewDecoder(bytes.NewReader(e.Body))
		d.UseNumber()
		var body map[string]any
		if d.Decode(&body) != nil {
			return failed(e, "this is no JSON object")
		}
		told, _ := schemasGet(body, feature).(map[string]any)
		if _, ok := schemasGet(told, "supported").(bool); !ok {
			return failed(e, "%s.supported is missing or no boolean", feature)
		}
		for _, name := range limits {
			if _, ok := schemasGet(told, name).(json.Number); !ok {
				return failed(e, "%s.%s is missing or no number", feature, name)
			}
		}
		return passed()
	}}
}

// schemasReadOnly sends back what is there, which changes nothing even if it is taken.
func schemasReadOnly(ctx context.Context, s *Session, path string) Outcome {
	is := s.Do(ctx, http.MethodGet, path, "")
	if is.Status != http.StatusOK {
		return notApplicable("there is no %s", path)
	}
	if e := s.Do(ctx, http.MethodPut, path, string(is.Body)); resourceDone(e) {
		return failed(e, "a write is taken")
	}
	return passed()
}

// schemasChecksOfTypes are those of §6.
func schemasChecksOfTypes() []Check {
	return []Check{
		schemasTypes("7643-6-01", "a resource type has name, endpoint and schema", func(t map[string]any) string {
			for _, name := range []string{"name", "endpoint", "schema"} {
				if text, _ := schemasGet(t, name).(string); text == "" {
					return name + " is missing"
				}
			}
			return ""
		}),
		{"7643-6-02", "meta.resourceType is the name of the type", func(ctx context.Context, s *Session) Outcome {
			for _, t := range s.Types {
				var r *scim.Resource
				switch {
				case strings.EqualFold(t.Endpoint, "/Users"):
					r = s.user(ctx)
				case strings.EqualFold(t.Endpoint, "/Groups"):
					r = s.group(ctx)
				default:
					continue
				}
				if e := s.Do(ctx, http.MethodGet, resourcePathIn(t.Endpoint, r), ""); resourceText(e.Resource(), "meta.resourceType") != t.Name {
					return failed(e, "the type's name is %s", t.Name)
				}
			}
			return passed()
		}},
		schemasTypes("7643-6-03", "descriptions of resource types are not empty", func(t map[string]any) string {
			if v := schemasGet(t, "description"); v != nil && v == "" {
				return "the description is empty"
			}
			return ""
		}),
		{"7643-6-04", "the schema of a resource type is published", func(ctx context.Context, s *Session) Outcome {
			for _, t := range s.Types {
				if e := s.Do(ctx, http.MethodGet, "/Schemas/"+url.PathEscape(t.Schema), ""); e.Status != http.StatusOK {
					return failed(e, "it is not there")
				}
			}
			return passed()
		}},
		{"7643-6-05", "the extensions of a resource type are published", func(ctx context.Context, s *Session) Outcome {
			for _, t := range s.Types {
				for _, x := range t.SchemaExtensions {
					if e := s.Do(ctx, http.MethodGet, "/Schemas/"+url.PathEscape(x.Schema), ""); e.Status != http.StatusOK {
						return failed(e, "it is not there")
					}
				}
			}
			return passed()
		}},
		schemasTypes("7643-6-06", "an extension says whether it is required", func(t map[string]any) string {
			list, _ := schemasGet(t, "schemaExtensions").([]any)
			for _, v := range list {
				x, _ := v.(map[string]any)
				if _, ok := schemasGet(x, "required").(bool); !ok {
					return "required is missing or no boolean"
				}
			}
			return ""
		}),
		{"7643-6-07", "a required extension is required", func(ctx context.Context, s *Session) Outcome {
			if !schemasRequired(s) {
				return notApplicable("no extension of Users is required")
			}
			return resourceRefusal(s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"))))
		}},
		{"7643-3.3-03", "extensions do not define again what the core schema has", func(_ context.Context, s *Session) Outcome {
			for _, t := range s.Types {
				for _, x := range t.SchemaExtensions {
					for _, sch := range s.Schemas {
						if !strings.EqualFold(sch.ID, x.Schema) {
							continue
						}
						for _, a := range sch.Attributes {
							if core := s.attribute(t.Schema, a.Name); core != nil {
								return failed(nil, "GET %s/Schemas: %s of %s is %s of %s again", s.base, a.Name, sch.ID, core.Name, t.Schema)
							}
						}
					}
				}
			}
			return passed()
		}},
		{"7643-6-08", "an optional extension may be absent", func(ctx context.Context, s *Session) Outcome {
			if schemasRequired(s) {
				return notApplicable("an extension of Users is required")
			}
			if e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"))); e.Status != http.StatusCreated {
				return failed(e, "a User without extensions is refused")
			}
			return passed()
		}},
		{"7643-6-09", "resource types take no writes", func(ctx context.Context, s *Session) Outcome {
			return schemasReadOnly(ctx, s, "/ResourceTypes/User")
		}},
	}
}

func schemasRequired(s *Session) bool {
	return slices.ContainsFunc(s.Types, func(t scim.ResourceType) bool {
		return strings.EqualFold(t.Endpoint, "/Users") && slices.ContainsFunc(t.SchemaExtensions, func(x scim.SchemaExtension) bool { return x.Required })
	})
}

// schemasTypes looks at each published resource type.
func schemasTypes(id, title string, wrong func(t map[string]any) string) Check {
	return Check{id, title, func(ctx context.Context, s *Session) Outcome {
		e, list := schemasList(ctx, s, "/ResourceTypes")
		for _, t := range list {
			if why := wrong(t); why != "" {
				return failed(e, "%v: %s", schemasGet(t, "name"), why)
			}
		}
		return passed()
	}}
}

// schemasChecksOfDefinitions are those of §7 about what is published.
func schemasChecksOfDefinitions() []Check {
	return []Check{
		{"7643-7-01", "each schema in use is published", func(ctx context.Context, s *Session) Outcome {
			_, list := schemasList(ctx, s, "/Schemas")
			e := s.Do(ctx, http.MethodGet, resourcePath(s.user(ctx)), "")
			if e.Resource() == nil {
				return failed(e, "the User is not there")
			}
			for _, urn := range e.Resource().Schemas() {
				if !slices.ContainsFunc(list, func(m map[string]any) bool {
					id, _ := schemasGet(m, "id").(string)
					return strings.EqualFold(id, urn)
				}) {
					return failed(e, "%s is not published", urn)
				}
			}
			return passed()
		}},
		{"7643-7-02", "the id of a schema is its URN", func(ctx context.Context, s *Session) Outcome {
			if len(s.Schemas) == 0 {
				return notApplicable("no schemas are published")
			}
			e := s.Do(ctx, http.MethodGet, "/Schemas/"+url.PathEscape(scim.UserURN), "")
			if id, _ := schemasGet(e.JSON(), "id").(string); !strings.EqualFold(id, scim.UserURN) {
				return failed(e, "the id is another")
			}
			return passed()
		}},
		{"7643-7-03", "names and descriptions of schemas are not empty", func(ctx context.Context, s *Session) Outcome {
			e, list := schemasList(ctx, s, "/Schemas")
			for _, m := range list {
				if schemasGet(m, "name") == "" || schemasGet(m, "description") == "" {
					return failed(e, "%v has an empty one", schemasGet(m, "id"))
				}
			}
			return passed()
		}},
		schemasLint("7643-7-04", "each attribute states its characteristics", func(a schemasAttribute) string {
			for _, name := range []string{"name", "type", "multiValued", "description", "required", "mutability", "returned"} {
				if schemasGet(a.raw, name) == nil {
					return name + " is missing"
				}
			}
			return ""
		}),
		schemasLint("7643-7-05", "complex attributes list their sub-attributes", func(a schemasAttribute) string {
			if list, _ := schemasGet(a.raw, "subAttributes").([]any); a.is("complex") && len(list) == 0 {
				return "subAttributes is missing"
			}
			return ""
		}),
		schemasLint("7643-7-06", "types are those there are", func(a schemasAttribute) string {
			if schemasGet(a.raw, "type") != nil && !schemasTypeKnown(a) {
				return "there is no such type"
			}
			return ""
		}),
		schemasLint("7643-7-23", "references say what they refer to", func(a schemasAttribute) string {
			if list, _ := schemasGet(a.raw, "referenceTypes").([]any); a.is("reference") && len(list) == 0 {
				return "referenceTypes is missing"
			}
			return ""
		}),
		{"7643-7-24", "schemas take no writes", func(ctx context.Context, s *Session) Outcome {
			return schemasReadOnly(ctx, s, "/Schemas/"+url.PathEscape(scim.UserURN))
		}},
	}
}

// schemasAttribute is an attribute as it is published.
type schemasAttribute struct {
	urn         string
	parent, raw map[string]any
}

func (a schemasAttribute) text(keyword string) string {
	v, _ := schemasGet(a.raw, keyword).(string)
	return v
}

func (a schemasAttribute) flag(keyword string) bool {
	v, _ := schemasGet(a.raw, keyword).(bool)
	return v
}

func (a schemasAttribute) name() string        { return a.text("name") }
func (a schemasAttribute) is(kind string) bool { return strings.EqualFold(a.text("type"), kind) }

func schemasTypeKnown(a schemasAttribute) bool {
	return slices.ContainsFunc([]string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"}, a.is)
}

// schemasOfDiscovery tells whether the schema is one of those that describe others.
func schemasOfDiscovery(urn string) bool {
	return slices.ContainsFunc([]string{scim.SchemaURN, scim.ResourceTypeURN, scim.ServiceProviderConfigURN}, func(u string) bool { return strings.EqualFold(u, urn) })
}

// schemasGet is a member in any letter case.
func schemasGet(m map[string]any, name string) any {
	for key, v := range m {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// schemasList is what a discovery endpoint lists; without a list the check ends.
func schemasList(ctx context.Context, s *Session, path string) (*Exchange, []map[string]any) {
	e := s.Do(ctx, http.MethodGet, path, "")
	all, _ := schemasGet(e.JSON(), "Resources").([]any)
	var out []map[string]any
	for _, v := range all {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	if e.Status != http.StatusOK || len(out) == 0 {
		must(notApplicable("nothing is published at %s", path))
	}
	return e, out
}

// schemasLint looks at each published attribute.
func schemasLint(id, title string, wrong func(a schemasAttribute) string) Check {
	return Check{id, title, func(ctx context.Context, s *Session) Outcome { return schemasEach(ctx, s, wrong) }}
}

func schemasEach(ctx context.Context, s *Session, wrong func(a schemasAttribute) string) Outcome {
	_, list := schemasList(ctx, s, "/Schemas")
	for _, m := range list {
		urn, _ := schemasGet(m, "id").(string)
		if why := schemasWalk(urn, nil, schemasGet(m, "attributes"), wrong); why != "" {
			return failed(nil, "GET %s/Schemas: %s: %s", s.base, urn, why)
		}
	}
	return passed()
}

// schemasWalk is what is wrong first below a list of attributes.
func schemasWalk(urn string, parent map[string]any, attributes any, wrong func(a schemasAttribute) string) string {
	list, _ := attributes.([]any)
	for _, v := range list {
		raw, _ := v.(map[string]any)
		a := schemasAttribute{urn, parent, raw}
		why := wrong(a)
		if why == "" {
			why = schemasWalk(urn, raw, schemasGet(raw, "subAttributes"), wrong)
		}
		if why != "" {
			return a.name() + ": " + why
		}
	}
	return ""
}

// schemasChecksOfBehaviour are those of §7 about what the characteristics mean.
func schemasChecksOfBehaviour() []Check {
	return []Check{
		{"7643-7-08", "filters heed caseExact", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "displayName")
			resourceNeedsFilter(s)
			a := s.attribute(scim.UserURN, "displayName")
			exact := a != nil && a.CaseExact
			text := s.name("display")
			u := s.user(ctx, `"displayName":`+quoted(text))
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "displayName eq "+quoted(resourceSwapped(text))), "")
			if e.Status != http.StatusOK || resourceListed(e, u.ID()) == exact {
				return failed(e, "displayName has caseExact %t", exact)
			}
			return passed()
		}},
		resourceKept("7643-7-09", "values with letter case keep it", "externalId", `"externalId":`, "AbC-xYz"),
		{"7643-7-11", "readOnly attributes stay", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx)
			path := resourcePath(u)
			before := s.Do(ctx, http.MethodGet, path, "")
			s.Do(ctx, http.MethodPut, path, userBody(u.UserName(), `"meta":{"created":"1999-01-01T00:00:00Z"}`))
			if s.supports("patch") {
				s.Do(ctx, http.MethodPatch, path, patchBody(`{"op":"replace","path":"id","value":`+quoted(s.name("id"))+`}`))
			}
			after := s.Do(ctx, http.MethodGet, path, "")
			if r := after.Resource(); at(r, "id") != at(before.Resource(), "id") || at(r, "meta.created") != at(before.Resource(), "meta.created") {
				return failed(after, "id or meta.created is another")
			}
			return passed()
		}},
		{"7643-7-12", "immutable attributes stay", schemasImmutable},
		{"7643-7-13", "writeOnly values are not in the answer to their write", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "password")
			u := s.user(ctx)
			secret := usersPassword(s)
			e := s.Do(ctx, http.MethodPut, resourcePath(u), userBody(u.UserName(), `"password":`+quoted(secret)))
			return usersHides(secret, e)
		}},
		{"7643-7-14", "what is always returned is", func(ctx context.Context, s *Session) Outcome {
			path := resourcePath(s.user(ctx))
			for _, params := range []string{"?attributes=displayName", "?excludedAttributes=id"} {
				if e := s.Do(ctx, http.MethodGet, path+params, ""); at(e.Resource(), "id") == "" {
					return failed(e, "the id is missing")
				}
			}
			return passed()
		}},
		{"7643-7-15", "what is never returned is not, even if asked for", func(ctx context.Context, s *Session) Outcome {
			u, secret := usersWithPassword(ctx, s)
			return usersHides(secret, s.Do(ctx, http.MethodGet, resourcePath(u)+"?attributes=userName,password", ""))
		}},
		{"7643-7-16", "what is returned by default is not if others are asked for", func(ctx context.Context, s *Session) Outcome {
			u := s.user(ctx, `"displayName":"Ada"`)
			e := s.Do(ctx, http.MethodGet, resourcePath(u)+"?attributes=userName", "")
			return resourceUnassigned(e, "displayName")
		}},
		{"7643-7-17", "what is returned on request is returned then alone", schemasOnRequest},
	}
}

func schemasImmutable(ctx context.Context, s *Session) Outcome {
	a := s.attribute(scim.GroupURN, "members.type")
	if !s.supports("patch") || a == nil || a.Mutability != scim.Immutable {
		return notApplicable("members have no immutable type, or there is no PATCH")
	}
	u := s.user(ctx)
	resourceNeedsGroups(s)
	g := s.create(ctx, "/Groups", `{"schemas":["`+scim.GroupURN+`"],"displayName":`+quoted(s.name("group"))+`,"members":[{"value":`+quoted(u.ID())+`,"type":"User"}]}`)
	path := resourcePathIn("/Groups", g)
	s.Do(ctx, http.MethodPatch, path, patchBody(`{"op":"replace","path":`+quoted("members[value eq "+quoted(u.ID())+"].type")+`,"value":"Group"}`))
	if e := s.Do(ctx, http.MethodGet, path, ""); resourceText(e.Resource(), "members.type") == "Group" {
		return failed(e, "the type of a member was changed")
	}
	return passed()
}

func schemasOnRequest(ctx context.Context, s *Session) Outcome {
	for _, sch := range s.Schemas {
		if !strings.EqualFold(sch.ID, scim.UserURN) {
			continue
		}
		for _, a := range sch.Attributes {
			if a.Returned != scim.ReturnedRequest || a.Type != scim.TypeString || a.MultiValued || a.Mutability != scim.ReadWrite {
				continue
			}
			path := resourcePath(s.user(ctx, quoted(a.Name)+`:"Ada"`))
			if e := s.Do(ctx, http.MethodGet, path, ""); resourceText(e.Resource(), a.Name) != "" {
				return failed(e, "%s was not asked for", a.Name)
			}
			if e := s.Do(ctx, http.MethodGet, query(path, "attributes", a.Name), ""); resourceText(e.Resource(), a.Name) != "Ada" {
				return failed(e, "%s was asked for", a.Name)
			}
			return passed()
		}
	}
	return notApplicable("no text of a User is returned on request")
}

// schemasChecksOfCore are those of §8.
func schemasChecksOfCore() []Check {
	return []Check{
		{"7643-8.7.1-01", "userName is required, unique and without letter case", func(_ context.Context, s *Session) Outcome {
			return schemasDefined(s, scim.UserURN, "userName", func(a *scim.Attribute) bool {
				return a.Required && !a.CaseExact && a.Uniqueness != scim.UniqueNone
			})
		}},
		{"7643-8.7.1-02", "groups of a User are readOnly", func(_ context.Context, s *Session) Outcome {
			return schemasDefined(s, scim.UserURN, "groups", func(a *scim.Attribute) bool {
				return a.Mutability == scim.ReadOnly && !slices.ContainsFunc(a.SubAttributes, func(b scim.Attribute) bool { return b.Mutability != scim.ReadOnly })
			})
		}},
		{"7643-8.7.1-03", "password is writeOnly and never returned", func(_ context.Context, s *Session) Outcome {
			return schemasDefined(s, scim.UserURN, "password", func(a *scim.Attribute) bool {
				return a.Mutability == scim.WriteOnly && a.Returned == scim.ReturnedNever
			})
		}},
		{"7643-8.7.1-04", "what members have is immutable", func(_ context.Context, s *Session) Outcome {
			return schemasDefined(s, scim.GroupURN, "members", func(a *scim.Attribute) bool {
				return !slices.ContainsFunc(a.SubAttributes, func(b scim.Attribute) bool {
					named := slices.Contains([]string{"value", "$ref", "type"}, b.Name)
					return named && b.Mutability != scim.Immutable ||
						b.Name == "type" && (!slices.Contains(b.CanonicalValues, "User") || !slices.Contains(b.CanonicalValues, "Group"))
				})
			})
		}},
	}
}

// schemasDefined fails if a published attribute is not as it should be.
func schemasDefined(s *Session, urn, path string, right func(a *scim.Attribute) bool) Outcome {
	a := s.attribute(urn, path)
	switch {
	case a == nil:
		return notApplicable("%s is not published", path)
	case !right(a):
		return failed(nil, "GET %s/Schemas: %s: %+v", s.base, path, *a)
	}
	return passed()
}
