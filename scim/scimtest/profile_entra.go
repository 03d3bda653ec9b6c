// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// entraChecks are the checks of Microsoft's validator (scimvalidator.microsoft.com) in
// its order, 1 to 25, then those that it calls preview, then two shapes that Entra ID
// sends and the validator does not. Requests are as Entra ID writes them without
// aadOptscim062020, which is its default, and the other way where the two differ.
func entraChecks() []Check {
	all := slices.Concat(entraUsers(), entraManagers(), entraGroups(), entraPreview())
	slices.SortFunc(all, func(a, b Check) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// entraSoft are what the validator calls preview, and what is no part of it.
func entraSoft() []string {
	return []string{"entra-26", "entra-27", "entra-28", "entra-29", "entra-30", "entra-31", "entra-32", "entra-33", "entra-34", "entra-35"}
}

func entraUsers() []Check {
	return []Check{
		{"entra-01", "a User is created as Entra ID writes it", func(ctx context.Context, s *Session) Outcome {
			name := s.name("user")
			e := s.Do(ctx, http.MethodPost, "/Users", entraUserBody(s, name))
			if r := e.Resource(); e.Status != http.StatusCreated || r == nil || r.ID() == "" || r.UserName() != name {
				return failed(e, "not 201 with the User")
			}
			return passed()
		}},
		{"entra-02", "a User is found by its userName, and nobody by one that nobody has", func(ctx context.Context, s *Session) Outcome {
			u := entraUser(ctx, s)
			if o := foundAlone(ctx, s, "/Users", u.ID(), "userName eq "+quoted(u.UserName())); o.Verdict != Pass {
				return o
			}
			e := s.Do(ctx, http.MethodGet, query("/Users", "filter", "userName eq "+quoted(s.name("nobody"))), "")
			if l := e.List(); e.Status != http.StatusOK || l == nil || l.TotalResults != 0 {
				return failed(e, "not 200 with totalResults 0, which is how Entra ID tests a connection")
			}
			return passed()
		}},
		{"entra-03", "a User is found by its userName in other letter case", func(ctx context.Context, s *Session) Outcome {
			u := entraUser(ctx, s)
			return foundAlone(ctx, s, "/Users", u.ID(), "userName eq "+quoted(strings.ToUpper(u.UserName())))
		}},
		{"entra-04", "a User is read by its id", func(ctx context.Context, s *Session) Outcome {
			u := entraUser(ctx, s)
			if r, e := writingSee(ctx, s, writingUser(u)); r.ID() != u.ID() || r.UserName() != u.UserName() {
				return failed(e, "it is another")
			}
			return passed()
		}},
		{"entra-05", "a User is disabled by a text and enabled by a boolean", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "active")
			u := entraUser(ctx, s)
			if r, e := patched(ctx, s, u, `{"op":"Replace","path":"active","value":"False"}`); at(r, "active") != "false" {
				return failed(e, "active is not false")
			}
			if r, e := patched(ctx, s, u, `{"op":"replace","path":"active","value":true}`); at(r, "active") != "true" {
				return failed(e, "active is not true")
			}
			return passed()
		}},
		{"entra-06", "attributes are added, and the elements that value paths name are made", func(ctx context.Context, s *Session) Outcome {
			return entraSets(ctx, s, s.user(ctx), "Add")
		}},
		{"entra-07", "attributes are replaced by value paths", func(ctx context.Context, s *Session) Outcome {
			had := []string{
				`"displayName":"Before"`, `"name":{"givenName":"Before"}`, `"emails":[{"type":"work","value":"before@mail.example"}]`,
				`"phoneNumbers":[{"type":"work","value":"0"}]`, `"addresses":[{"type":"work","locality":"Before"}]`,
			}
			return entraSets(ctx, s, s.user(ctx, had...), "Replace")
		}},
		{"entra-08", "userName changes by a replace without path", func(ctx context.Context, s *Session) Outcome {
			name := s.name("user")
			if r, e := patched(ctx, s, entraUser(ctx, s), `{"op":"Replace","value":{"userName":`+quoted(name)+`}}`); r.UserName() != name {
				return failed(e, "it has not changed")
			}
			return passed()
		}},
		{"entra-12", "a User is deleted", func(ctx context.Context, s *Session) Outcome { return deletes(ctx, s, writingUser(entraUser(ctx, s))) }},
		{"entra-13", "a second User of a userName is refused with 409", func(ctx context.Context, s *Session) Outcome {
			return writingRefused(s.Do(ctx, http.MethodPost, "/Users", entraUserBody(s, entraUser(ctx, s).UserName())), http.StatusConflict)
		}},
		{"entra-25", "primary of a role is a boolean, and the answer application/scim+json", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "roles", "roles.value", "roles.primary")
			_, e := patched(ctx, s, entraUser(ctx, s), `{"op":"Add","path":"roles","value":[{"value":"admin","primary":"True"}]}`)
			if errorsMedia(e) != "application/scim+json" {
				return failed(e, "it is not application/scim+json")
			}
			for _, role := range patchElements(e.Resource(), "roles") {
				v, _ := role.Get("primary")
				if on, _ := v.AsBool(); on {
					return passed()
				}
			}
			return failed(e, "no role has primary true")
		}},
	}
}

// entraUserBody is a User with what is in every one of Entra ID's: roles that are empty,
// a meta, and the URN of the extension without the extension.
func entraUserBody(s *Session, name string) string {
	urns := []string{quoted(scim.UserURN)}
	if slices.ContainsFunc(resourceURNs(s, "/Users"), func(urn string) bool { return strings.EqualFold(urn, scim.EnterpriseUserURN) }) {
		urns = append(urns, quoted(scim.EnterpriseUserURN))
	}
	return `{"schemas":[` + strings.Join(urns, ",") + `],"externalId":` + quoted(s.name("external")) + `,"userName":` + quoted(name) +
		`,"active":true,"displayName":"Ada Lovelace","emails":[{"primary":true,"type":"work","value":` + quoted(patchMail(name)) +
		`}],"meta":{"resourceType":"User"},"name":{"formatted":"Ada Lovelace","familyName":"Lovelace","givenName":"Ada"},"roles":[]}`
}

func entraUser(ctx context.Context, s *Session) *scim.Resource {
	return s.create(ctx, "/Users", entraUserBody(s, s.name("user")))
}

// foundAlone is whether a filter finds one resource and no other.
func foundAlone(ctx context.Context, s *Session, endpoint, id, filter string, params ...string) Outcome {
	e := s.Do(ctx, http.MethodGet, query(endpoint, append([]string{"filter", filter}, params...)...), "")
	if l := e.List(); e.Status != http.StatusOK || l == nil || len(l.Resources) != 1 || l.Resources[0].ID() != id {
		return failed(e, "it does not find %s and nobody else", id)
	}
	return passed()
}

// entraSets writes, in one request, attributes and sub-attributes of elements of type
// work, of those that Users have.
func entraSets(ctx context.Context, s *Session, u *scim.Resource, op string) Outcome {
	wish := [][3]string{ // the attribute, the path to it, what it shall be
		{"displayName", "displayName", "After"},
		{"name.givenName", "name.givenName", "After"},
		{"emails.value", `emails[type eq "work"].value`, patchMail(s.name("after"))},
		{"phoneNumbers.value", `phoneNumbers[type eq "work"].value`, "+44 20 7946 0000"},
		{"addresses.locality", `addresses[type eq "work"].locality`, "After"},
	}
	if s.attribute(scim.UserURN, "userName") != nil { // the schema is published
		wish = slices.DeleteFunc(wish, func(w [3]string) bool { return !writingPlain(s.attribute(scim.UserURN, w[0])) })
	}
	if len(wish) == 0 {
		return notApplicable("Users have none of the attributes")
	}
	ops := make([]string, len(wish))
	for i, w := range wish {
		ops[i] = `{"op":` + quoted(op) + `,"path":` + quoted(w[1]) + `,"value":` + quoted(w[2]) + `}`
	}
	r, e := patched(ctx, s, u, ops...)
	for _, w := range wish {
		got := resourceTexts(r, w[0])
		if list, sub, _ := strings.Cut(w[0], "."); strings.Contains(w[1], "[") {
			got = patchOf(r, list, "work", sub)
		}
		if !slices.Equal(got, []string{w[2]}) {
			return failed(e, "%s is %q, and not %q", w[1], got, w[2])
		}
	}
	return passed()
}

// deletes is whether what is at a path goes for good.
func deletes(ctx context.Context, s *Session, path string) Outcome {
	if e := s.Do(ctx, http.MethodDelete, path, ""); e.Status != http.StatusNoContent {
		return failed(e, "not 204")
	}
	return writingRefused(s.Do(ctx, http.MethodGet, path, ""), http.StatusNotFound)
}

// entraManagers are about the manager, under the path that its URN makes.
func entraManagers() []Check {
	const path = scim.EnterpriseUserURN + ":manager"
	manager := func(id, title, wrong string, change func(boss, other string) (ops []string, want string)) Check {
		return Check{id, title, func(ctx context.Context, s *Session) Outcome {
			resourceNeedsEnterprise(s)
			boss, other := s.user(ctx).ID(), s.user(ctx).ID()
			ops, want := change(boss, other)
			u := entraUser(ctx, s)
			for i, op := range ops {
				if r, e := patched(ctx, s, u, op); i == len(ops)-1 && resourceText(r, path+".value") != want {
					return failed(e, "%s", wrong)
				}
			}
			return passed()
		}}
	}
	op := func(op, value string) string {
		return `{"op":` + quoted(op) + `,"path":` + quoted(path) + value + `}`
	}
	return []Check{
		manager("entra-09", "a manager is added as a text", "there is no such manager", func(boss, _ string) ([]string, string) {
			return []string{op("Add", `,"value":`+quoted(boss))}, boss
		}),
		manager("entra-10", "a manager is replaced", "it is not the new one", func(boss, other string) ([]string, string) {
			return []string{op("Add", `,"value":{"value":`+quoted(boss)+`}`), op("Replace", `,"value":{"value":`+quoted(other)+`}`)}, other
		}),
		manager("entra-11", "a manager is removed", "there is one", func(boss, _ string) ([]string, string) {
			return []string{op("Add", `,"value":{"value":`+quoted(boss)+`}`), op("Remove", "")}, ""
		}),
	}
}

func entraGroupBody(s *Session, name string) string {
	return `{"schemas":["` + scim.GroupURN + `"],"externalId":` + quoted(s.name("external")) + `,"displayName":` + quoted(name) + `,"members":[],"meta":{"resourceType":"Group"}}`
}

func entraGroup(ctx context.Context, s *Session) *scim.Resource {
	resourceNeedsGroups(s)
	return s.create(ctx, "/Groups", entraGroupBody(s, s.name("group")))
}

// entraPatched applies operations to a Group, which must succeed, and reads it.
func entraPatched(ctx context.Context, s *Session, g *scim.Resource, ops ...string) (*scim.Resource, *Exchange) {
	if e := s.Do(ctx, http.MethodPatch, writingGroup(g), patchBody(ops...)); !writingOK(e) {
		must(failed(e, "the PATCH was refused"))
	}
	return writingSee(ctx, s, writingGroup(g))
}

func entraGroups() []Check {
	return []Check{
		{"entra-14", "a Group is created as Entra ID writes it", func(ctx context.Context, s *Session) Outcome {
			resourceNeedsGroups(s)
			name := s.name("group")
			e := s.Do(ctx, http.MethodPost, "/Groups", entraGroupBody(s, name))
			if r := e.Resource(); e.Status != http.StatusCreated || r == nil || r.ID() == "" || r.DisplayName() != name {
				return failed(e, "not 201 with the Group")
			}
			return passed()
		}},
		{"entra-15", "a second Group of a displayName is refused with 409", func(ctx context.Context, s *Session) Outcome {
			resourceNeedsGroups(s)
			body := entraGroupBody(s, s.name("group"))
			s.create(ctx, "/Groups", body)
			return writingRefused(s.Do(ctx, http.MethodPost, "/Groups", body), http.StatusConflict)
		}},
		{"entra-16", "a Group is found by its displayName", func(ctx context.Context, s *Session) Outcome {
			g := entraGroup(ctx, s)
			return foundAlone(ctx, s, "/Groups", g.ID(), "displayName eq "+quoted(g.DisplayName()))
		}},
		{"entra-17", "a Group is found by its displayName in other letter case", func(ctx context.Context, s *Session) Outcome {
			g := entraGroup(ctx, s)
			return foundAlone(ctx, s, "/Groups", g.ID(), "displayName eq "+quoted(strings.ToUpper(g.DisplayName())))
		}},
		{"entra-18", "a Group is read without its members", func(ctx context.Context, s *Session) Outcome {
			g := s.group(ctx, s.user(ctx).ID())
			e := s.Do(ctx, http.MethodGet, query(writingGroup(g), "excludedAttributes", "members"), "")
			return entraWithout(e, g.ID(), e.Resource())
		}},
		{"entra-19", "a Group is found without its members", func(ctx context.Context, s *Session) Outcome {
			g := s.group(ctx, s.user(ctx).ID())
			e := s.Do(ctx, http.MethodGet, query("/Groups", "filter", "displayName eq "+quoted(g.DisplayName()), "excludedAttributes", "members"), "")
			if l := e.List(); l != nil && len(l.Resources) == 1 {
				return entraWithout(e, g.ID(), l.Resources[0])
			}
			return failed(e, "it is not found")
		}},
		{"entra-20", "externalId of a Group changes by a replace without path", func(ctx context.Context, s *Session) Outcome {
			id := s.name("external")
			if r, e := entraPatched(ctx, s, entraGroup(ctx, s), `{"op":"Replace","value":{"externalId":`+quoted(id)+`}}`); r.ExternalID() != id {
				return failed(e, "it has not changed")
			}
			return passed()
		}},
		{"entra-21", "displayName of a Group changes by a replace without path", func(ctx context.Context, s *Session) Outcome {
			name := s.name("group")
			if r, e := entraPatched(ctx, s, entraGroup(ctx, s), `{"op":"Replace","value":{"displayName":`+quoted(name)+`}}`); r.DisplayName() != name {
				return failed(e, "it has not changed")
			}
			return passed()
		}},
		{"entra-22", "a member is added, and the Group found by it", func(ctx context.Context, s *Session) Outcome {
			u, g := s.user(ctx), entraGroup(ctx, s)
			r, e := entraPatched(ctx, s, g, `{"op":"Add","path":"members","value":[{"$ref":null,"value":`+quoted(u.ID())+`}]}`)
			if !slices.Equal(r.Members(), []string{u.ID()}) {
				return failed(e, "it is not the one member")
			}
			return foundAlone(ctx, s, "/Groups", g.ID(), "id eq "+quoted(g.ID())+" and members eq "+quoted(u.ID()), "excludedAttributes", "members")
		}},
		{"entra-23", "a member is removed by a list of values, and by a filter, and no other with it", func(ctx context.Context, s *Session) Outcome {
			a, b, c := s.user(ctx).ID(), s.user(ctx).ID(), s.user(ctx).ID()
			g := s.group(ctx, a, b, c)
			if r, e := entraPatched(ctx, s, g, `{"op":"Remove","path":"members","value":[{"value":`+quoted(a)+`}]}`); !sameMembers(r, b, c) {
				return failed(e, "the members are not %s and %s", b, c)
			}
			if r, e := entraPatched(ctx, s, g, `{"op":"remove","path":`+quoted("members[value eq "+quoted(b)+"]")+`}`); !sameMembers(r, c) {
				return failed(e, "the member is not %s alone", c)
			}
			return passed()
		}},
		{"entra-24", "a Group is deleted", func(ctx context.Context, s *Session) Outcome {
			return deletes(ctx, s, writingGroup(entraGroup(ctx, s)))
		}},
	}
}

func entraWithout(e *Exchange, id string, r *scim.Resource) Outcome {
	if e.Status != http.StatusOK || r == nil || r.ID() != id {
		return failed(e, "it is not the Group")
	}
	if _, there := r.Get("members"); there {
		return failed(e, "there are members")
	}
	return passed()
}

func sameMembers(r *scim.Resource, want ...string) bool {
	got := r.Members()
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

// entraPreview are the validator's preview checks, and then what Entra ID sends and no
// check of it does.
func entraPreview() []Check {
	gone := func(id, title, endpoint string, twice bool) Check {
		return Check{id, title, func(ctx context.Context, s *Session) Outcome {
			path := "/Users/" + s.name("nobody")
			switch {
			case endpoint == "/Groups" && twice:
				path = writingGroup(entraGroup(ctx, s))
			case endpoint == "/Groups":
				resourceNeedsGroups(s)
				path = "/Groups/" + s.name("nobody")
			case twice:
				path = writingUser(entraUser(ctx, s))
			}
			if twice {
				if e := s.Do(ctx, http.MethodDelete, path, ""); !writingOK(e) {
					return failed(e, "the first is refused")
				}
			}
			return writingRefused(s.Do(ctx, http.MethodDelete, path, ""), http.StatusNotFound)
		}}
	}
	return []Check{
		{"entra-26", "operations on several attributes of a User in one request", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "displayName", "title")
			u := s.user(ctx, `"title":"Before"`)
			r, e := patched(ctx, s, u, `{"op":"Add","path":"displayName","value":"After"}`, `{"op":"Remove","path":"title"}`)
			if r.DisplayName() != "After" || !patchUnassigned(r, "title") {
				return failed(e, "not all of them were done")
			}
			return passed()
		}},
		{"entra-27", "operations on one attribute of a User in one request", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "displayName")
			r, e := patched(ctx, s, s.user(ctx), `{"op":"Add","path":"displayName","value":"First"}`, `{"op":"Remove","path":"displayName"}`,
				`{"op":"Add","path":"displayName","value":"Last"}`)
			if r.DisplayName() != "Last" {
				return failed(e, "the last of them did not have the last word")
			}
			return passed()
		}},
		{"entra-28", "operations on several attributes of a Group in one request", func(ctx context.Context, s *Session) Outcome {
			u, name := s.user(ctx), s.name("group")
			r, e := entraPatched(ctx, s, entraGroup(ctx, s), `{"op":"Replace","path":"displayName","value":`+quoted(name)+`}`,
				`{"op":"Add","path":"members","value":[{"value":`+quoted(u.ID())+`}]}`)
			if r.DisplayName() != name || !sameMembers(r, u.ID()) {
				return failed(e, "not all of them were done")
			}
			return passed()
		}},
		{"entra-29", "operations on the members of a Group in one request", func(ctx context.Context, s *Session) Outcome {
			a, b, c := s.user(ctx).ID(), s.user(ctx).ID(), s.user(ctx).ID()
			r, e := entraPatched(ctx, s, s.group(ctx, a), `{"op":"Remove","path":"members","value":[{"value":`+quoted(a)+`}]}`,
				`{"op":"Add","path":"members","value":[{"value":`+quoted(b)+`}]}`, `{"op":"Add","path":"members","value":[{"value":`+quoted(c)+`}]}`)
			if !sameMembers(r, b, c) {
				return failed(e, "the members are not %s and %s", b, c)
			}
			return passed()
		}},
		gone("entra-30", "a delete of a User that never was is answered with 404", "/Users", false),
		gone("entra-31", "a second delete of a User is answered with 404", "/Users", true),
		gone("entra-32", "a delete of a Group that never was is answered with 404", "/Groups", false),
		gone("entra-33", "a second delete of a Group is answered with 404", "/Groups", true),
		{"entra-34", "a User is found by the value of its work e-mail", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "emails", "emails.type", "emails.value")
			u := entraUser(ctx, s)
			return foundAlone(ctx, s, "/Users", u.ID(), `emails[type eq "work"].value eq `+quoted(patchMail(u.UserName())))
		}},
		{"entra-35", "dotted and qualified names in a value without path", func(ctx context.Context, s *Session) Outcome {
			writingNeeds(s, "name.givenName")
			resourceNeedsEnterprise(s)
			const department = scim.EnterpriseUserURN + ":department"
			r, e := patched(ctx, s, entraUser(ctx, s), `{"op":"replace","value":{"name.givenName":"After",`+quoted(department)+`:"After"}}`)
			if resourceText(r, "name.givenName") != "After" || resourceText(r, department) != "After" {
				return failed(e, "they are not set")
			}
			return passed()
		}},
	}
}
