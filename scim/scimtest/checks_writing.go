// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// checksOfWriting are those of RFC 7644 §3.3, §3.5, §3.5.1 and §3.6.
func checksOfWriting() []Check {
	return []Check{
		{"7644-3.3-01", "a create passes over id, meta and groups that it is given", createIgnoresReadOnly},
		{"7644-3.3-05", "a create is answered with 201", createStatus},
		{"7644-3.3-06", "the answer to a create shows what was made", createShows},
		{"7644-3.3-07", "Location and meta.location lead to what was made", createLocation},
		{"7644-3.3-08", "a second user of the same userName is refused with 409 uniqueness", createConflict},
		{"7644-3.3-10", "a create with a body that is no JSON object is refused with 400", createNoObject},
		{"7644-3.3-11", "a user without userName is refused with 400", createWithoutName},
		{"7644-3.3.1-01", "meta.resourceType follows from the endpoint", createResourceType},
		{"7644-3.5-01", "PUT works", putWorks},
		{"7644-3.5-02", "PATCH works", patchWorks},
		{"7644-3.5.1-02", "PUT to an unknown id makes nothing", putMakesNothing},
		{"7644-3.5.1-03", "PUT replaces values", putReplaces},
		{"7644-3.5.1-07", "PUT does not change an immutable value", putImmutableStays},
		{"7644-3.5.1-08", "PUT of another immutable value is refused with 400 mutability", putImmutableRefused},
		{"7644-3.5.1-09", "PUT sets an immutable attribute that has no value yet", putImmutableSets},
		{"7644-3.5.1-10", "PUT passes over id, meta and groups that it is given", putIgnoresReadOnly},
		{"7644-3.5.1-12", "PUT is answered with 200 and the resource", putAnswer},
		{"7644-3.5.1-13", "PUT to a userName that is taken is refused with 409", putConflict},
		{"7644-3.5.1-14", "PUT of what is there already leaves meta alone", putSame},
		{"7644-3.6-02", "what was deleted answers everything with 404", deletedIsGone},
		{"7644-3.6-03", "what was deleted is in no list", deletedUnlisted},
		{"7644-3.6-04", "the userName of a deleted user is free", deletedNameIsFree},
		{"7644-3.6-05", "a delete is answered with 204 and no body", deleteAnswer},
		{"7644-3.6-06", "a deleted user is in no group", deletedLeavesGroups},
	}
}

// writingUser is where a User is.
func writingUser(r *scim.Resource) string { return "/Users/" + url.PathEscape(r.ID()) }

// writingGroup is where a Group is.
func writingGroup(r *scim.Resource) string { return "/Groups/" + url.PathEscape(r.ID()) }

// writingNeeds ends a check if Users have, as their schema is published, no such
// attribute that can be written and read.
func writingNeeds(s *Session, paths ...string) {
	if !slices.ContainsFunc(s.Schemas, func(c scim.Schema) bool { return strings.EqualFold(c.ID, scim.UserURN) }) {
		return // nothing is known, so the core schema holds
	}
	for _, p := range paths {
		if !writingPlain(s.attribute(scim.UserURN, p)) {
			must(notApplicable("Users have no %s to be written and read", p))
		}
	}
}

// writingPlain tells whether an attribute is there to be written by everybody, and read
// without being asked for.
func writingPlain(a *scim.Attribute) bool {
	return a != nil && (a.Mutability == scim.ReadWrite || a.Mutability == "") &&
		a.Returned != scim.ReturnedNever && a.Returned != scim.ReturnedRequest
}

// writingSee reads what is at a path, and ends the check if there is nothing.
func writingSee(ctx context.Context, s *Session, path string) (*scim.Resource, *Exchange) {
	e := s.Do(ctx, http.MethodGet, path, "")
	r := e.Resource()
	if e.Status != http.StatusOK || r == nil {
		must(failed(e, "what the check needs to see could not be read"))
	}
	return r, e
}

// writingRefused is whether a request was refused with a status and, if there is a
// scimType, one of those named; "" among them lets it be missing.
func writingRefused(e *Exchange, status int, scimTypes ...string) Outcome {
	if e.Status != status {
		return failed(e, "not refused with %d", status)
	}
	got := ""
	if err := e.Error(); err != nil {
		got = err.ScimType
	}
	if len(scimTypes) > 0 && !slices.Contains(scimTypes, got) {
		return failed(e, "the scimType %q is none of %q", got, scimTypes)
	}
	return passed()
}

// writingOK tells whether an answer is a success.
func writingOK(e *Exchange) bool { return e.Status >= 200 && e.Status < 300 }

// writingSame tells whether two URLs are one, each as it may stand in the answer of an
// exchange: relative or not.
func writingSame(e *Exchange, a, b string) bool {
	x, y := writingResolve(e, a), writingResolve(e, b)
	return x != "" && x == y
}

func writingResolve(e *Exchange, ref string) string {
	base, err := url.Parse(e.URL)
	if err != nil || ref == "" {
		return ""
	}
	u, err := base.Parse(ref)
	if err != nil {
		return ""
	}
	return u.String()
}

// writingPause waits until a clock that counts whole seconds must have moved on. It is
// not needed where lastModified has fractions.
func writingPause(ctx context.Context, r *scim.Resource) {
	if strings.Contains(at(r, "meta.lastModified"), ".") {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(1_050 * time.Millisecond):
	}
}

// writingReadOnly are values that no client may choose.
const writingReadOnly = `"id":"chosen-by-the-client","meta":{"resourceType":"Toaster","created":"2001-02-03T04:05:06Z","lastModified":"2001-02-03T04:05:06Z"},` +
	`"groups":[{"value":"chosen-by-the-client"}]`

// writingChosen tells which of writingReadOnly a resource has, "" if none.
func writingChosen(r *scim.Resource) string {
	switch {
	case r.ID() == "chosen-by-the-client":
		return "id"
	case r.ResourceType() == "Toaster":
		return "meta.resourceType"
	case strings.Contains(at(r, "meta"), "2001-02-03"):
		return "a time in meta"
	case strings.Contains(at(r, "groups"), "chosen-by-the-client"):
		return "groups"
	}
	return ""
}

func createIgnoresReadOnly(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), writingReadOnly))
	r := e.Resource()
	if !writingOK(e) || r == nil {
		return failed(e, "refused for what it should pass over")
	}
	if what := writingChosen(r); what != "" {
		return failed(e, "%s is what the client gave", what)
	}
	return passed()
}

func createStatus(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user")))
	if e.Status != http.StatusCreated {
		return failed(e, "not 201")
	}
	return passed()
}

func createShows(ctx context.Context, s *Session) Outcome {
	name := s.name("user")
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(name))
	r := e.Resource()
	if !writingOK(e) || r == nil || r.ID() == "" || !strings.EqualFold(r.UserName(), name) {
		return failed(e, "the answer does not show the user")
	}
	return passed()
}

func createLocation(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user")))
	r := e.Resource()
	if !writingOK(e) || r == nil {
		return failed(e, "no user was made")
	}
	header := e.Header.Get("Location")
	if !writingSame(e, header, r.Location()) {
		return failed(e, "Location and meta.location are not one URI")
	}
	target := writingResolve(e, header)
	if !strings.HasPrefix(target, s.base+"/") { // reached by another name than ours
		if !strings.HasSuffix(target, "/"+url.PathEscape(r.ID())) {
			return failed(e, "Location does not end in the id")
		}
		return passed()
	}
	back := s.Do(ctx, http.MethodGet, target, "")
	if got := back.Resource(); back.Status != http.StatusOK || got == nil || got.ID() != r.ID() {
		return failed(back, "Location does not lead to what was made")
	}
	return passed()
}

func createConflict(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	return writingRefused(s.Do(ctx, http.MethodPost, "/Users", userBody(u.UserName())), http.StatusConflict, scim.UniquenessBreach)
}

func createNoObject(ctx context.Context, s *Session) Outcome {
	for _, body := range []string{`{"schemas":[`, `[]`, `1`} {
		e := s.Do(ctx, http.MethodPost, "/Users", body)
		if o := writingRefused(e, http.StatusBadRequest, scim.InvalidSyntax, ""); o.Verdict != Pass {
			return o
		}
	}
	return passed()
}

func createWithoutName(ctx context.Context, s *Session) Outcome {
	body := `{"schemas":["` + scim.UserURN + `"],"displayName":` + quoted(s.name("nameless")) + `}`
	return writingRefused(s.Do(ctx, http.MethodPost, "/Users", body), http.StatusBadRequest, scim.InvalidValue, "")
}

func createResourceType(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user")))
	if r := e.Resource(); !writingOK(e) || r == nil || r.ResourceType() != "User" {
		return failed(e, "what /Users makes is not of type User")
	}
	if !s.has("/Groups") {
		return passed()
	}
	e = s.Do(ctx, http.MethodPost, "/Groups", groupBody(s.name("group")))
	if r := e.Resource(); !writingOK(e) || r == nil || r.ResourceType() != "Group" {
		return failed(e, "what /Groups makes is not of type Group")
	}
	return passed()
}

func putWorks(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodPut, writingUser(u), userBody(u.UserName()))
	if !writingOK(e) {
		return failed(e, "PUT does not work")
	}
	return passed()
}

func patchWorks(ctx context.Context, s *Session) Outcome {
	patchSupported(s)
	u := s.user(ctx)
	e := patchUser(ctx, s, u, `{"op":"replace","path":"userName","value":`+quoted(s.name("user"))+`}`)
	if !writingOK(e) {
		return failed(e, "PATCH does not work")
	}
	return passed()
}

func putMakesNothing(ctx context.Context, s *Session) Outcome {
	path := "/Users/" + s.name("nobody")
	e := s.Do(ctx, http.MethodPut, path, userBody(s.name("user")))
	if writingOK(e) {
		s.made = append(s.made, path) // should it be there
		if r := e.Resource(); r != nil && r.ID() != "" {
			s.made = append(s.made, writingUser(r))
		}
		return failed(e, "PUT to an id that nobody has is a success")
	}
	if back := s.Do(ctx, http.MethodGet, path, ""); back.Status == http.StatusOK {
		s.made = append(s.made, path)
		return failed(back, "PUT was refused, and has made a user")
	}
	return passed()
}

func putReplaces(ctx context.Context, s *Session) Outcome {
	writingNeeds(s, "displayName")
	u := s.user(ctx, `"displayName":"Before"`)
	e := s.Do(ctx, http.MethodPut, writingUser(u), userBody(u.UserName(), `"displayName":"After"`))
	if !writingOK(e) {
		return failed(e, "PUT was refused")
	}
	if r, back := writingSee(ctx, s, writingUser(u)); at(r, "displayName") != `"After"` {
		return failed(back, "the new displayName is not there")
	}
	return passed()
}

// writingImmutable is an immutable text of Users: its path, and the body of a user who
// has a value there. The core schemas have none; a check of them ends here.
func writingImmutable(s *Session) (path string, body func(name, value string) string) {
	i := slices.IndexFunc(s.Types, func(t scim.ResourceType) bool { return strings.EqualFold(t.Endpoint, "/Users") })
	if i < 0 {
		must(notApplicable("nothing is said of what Users have"))
	}
	urns := []string{s.Types[i].Schema}
	for _, x := range s.Types[i].SchemaExtensions {
		urns = append(urns, x.Schema)
	}
	for n, urn := range urns {
		name := writingImmutableOf(s, urn)
		switch {
		case name == "":
			continue
		case n == 0:
			return urn + ":" + name, func(user, value string) string { return userBody(user, quoted(name)+":"+quoted(value)) }
		}
		return urn + ":" + name, func(user, value string) string {
			body := userBody(user, quoted(urn)+":{"+quoted(name)+":"+quoted(value)+"}")
			return strings.Replace(body, `"schemas":[`, `"schemas":[`+quoted(urn)+",", 1)
		}
	}
	must(notApplicable("Users have no immutable text"))
	return "", nil
}

// writingImmutableOf is an attribute of a schema that takes any text, and takes it
// once; "" if there is none.
func writingImmutableOf(s *Session, urn string) string {
	for _, c := range s.Schemas {
		if !strings.EqualFold(c.ID, urn) {
			continue
		}
		for _, a := range c.Attributes {
			if a.Mutability == scim.Immutable && a.Type == scim.TypeString && !a.MultiValued && a.Returned != scim.ReturnedNever && len(a.CanonicalValues) == 0 {
				return a.Name
			}
		}
	}
	return ""
}

// writingImmutableChange makes a user with an immutable value, and gives it another.
func writingImmutableChange(ctx context.Context, s *Session) (u *scim.Resource, path string, e *Exchange) {
	path, body := writingImmutable(s)
	u = s.create(ctx, "/Users", body(s.name("user"), "first"))
	return u, path, s.Do(ctx, http.MethodPut, writingUser(u), body(u.UserName(), "second"))
}

func putImmutableStays(ctx context.Context, s *Session) Outcome {
	u, path, _ := writingImmutableChange(ctx, s)
	if r, back := writingSee(ctx, s, writingUser(u)); at(r, path) != `"first"` {
		return failed(back, "%s, which is immutable, is no longer what it was", path)
	}
	return passed()
}

func putImmutableRefused(ctx context.Context, s *Session) Outcome {
	_, _, e := writingImmutableChange(ctx, s)
	return writingRefused(e, http.StatusBadRequest, scim.MutabilityBreach)
}

func putImmutableSets(ctx context.Context, s *Session) Outcome {
	path, body := writingImmutable(s)
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user")))
	u := e.Resource()
	if !writingOK(e) || u == nil || at(u, path) != "" {
		return notApplicable("no user can be made without %s", path)
	}
	e = s.Do(ctx, http.MethodPut, writingUser(u), body(u.UserName(), "first"))
	if !writingOK(e) {
		return failed(e, "a first value of %s was refused", path)
	}
	if r, back := writingSee(ctx, s, writingUser(u)); at(r, path) != `"first"` {
		return failed(back, "%s has not been set", path)
	}
	return passed()
}

func putIgnoresReadOnly(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodPut, writingUser(u), userBody(u.UserName(), writingReadOnly))
	if !writingOK(e) {
		return failed(e, "refused for what it should pass over")
	}
	r, back := writingSee(ctx, s, writingUser(u))
	if what := writingChosen(r); what != "" {
		return failed(back, "%s is what the client gave", what)
	}
	return passed()
}

func putAnswer(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodPut, writingUser(u), userBody(u.UserName()))
	r := e.Resource()
	if e.Status != http.StatusOK || r == nil || r.ID() != u.ID() || !strings.EqualFold(r.UserName(), u.UserName()) {
		return failed(e, "not 200 with the whole user")
	}
	return passed()
}

func putConflict(ctx context.Context, s *Session) Outcome {
	one, two := s.user(ctx), s.user(ctx)
	return writingRefused(s.Do(ctx, http.MethodPut, writingUser(two), userBody(one.UserName())), http.StatusConflict, scim.UniquenessBreach, "")
}

func putSame(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	body := userBody(u.UserName())
	if e := s.Do(ctx, http.MethodPut, writingUser(u), body); !writingOK(e) {
		return failed(e, "PUT was refused")
	}
	before, _ := writingSee(ctx, s, writingUser(u))
	writingPause(ctx, before)
	if e := s.Do(ctx, http.MethodPut, writingUser(u), body); !writingOK(e) {
		return failed(e, "the same PUT again was refused")
	}
	after, back := writingSee(ctx, s, writingUser(u))
	for _, path := range []string{"meta.lastModified", "meta.version"} {
		if at(before, path) != at(after, path) {
			return failed(back, "%s was %s before a PUT that changed nothing", path, at(before, path))
		}
	}
	return passed()
}

// writingDeleted makes a user and deletes it.
func writingDeleted(ctx context.Context, s *Session) (*scim.Resource, *Exchange) {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodDelete, writingUser(u), "")
	if !writingOK(e) {
		must(failed(e, "the delete was refused"))
	}
	return u, e
}

func deletedIsGone(ctx context.Context, s *Session) Outcome {
	u, _ := writingDeleted(ctx, s)
	asked := []*Exchange{
		s.Do(ctx, http.MethodGet, writingUser(u), ""),
		s.Do(ctx, http.MethodPut, writingUser(u), userBody(u.UserName())),
		s.Do(ctx, http.MethodDelete, writingUser(u), ""),
	}
	if s.supports("patch") {
		asked = append(asked, patchUser(ctx, s, u, `{"op":"replace","path":"userName","value":`+quoted(u.UserName())+`}`))
	}
	for _, e := range asked {
		if e.Status != http.StatusNotFound {
			return failed(e, "not 404 for a user that was deleted")
		}
	}
	return passed()
}

func deletedUnlisted(ctx context.Context, s *Session) Outcome {
	if !s.supports("filter") {
		return notApplicable("there are no filters, and a whole list may be long")
	}
	u, _ := writingDeleted(ctx, s)
	e := s.Do(ctx, http.MethodGet, query("/Users", "filter", `userName eq `+quoted(u.UserName())), "")
	l := e.List()
	if e.Status == http.StatusNotFound { // an odd way to say nobody
		return passed()
	}
	if e.Status != http.StatusOK || l == nil {
		return notApplicable("the filter of the check is answered with %d, and no list", e.Status)
	}
	if slices.ContainsFunc(l.Resources, func(r *scim.Resource) bool { return r.ID() == u.ID() }) {
		return failed(e, "a user that was deleted is listed")
	}
	return passed()
}

func deletedNameIsFree(ctx context.Context, s *Session) Outcome {
	u, _ := writingDeleted(ctx, s)
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(u.UserName()))
	if !writingOK(e) {
		return failed(e, "the userName of a deleted user cannot be had again")
	}
	return passed()
}

func deleteAnswer(ctx context.Context, s *Session) Outcome {
	_, e := writingDeleted(ctx, s)
	if e.Status != http.StatusNoContent || len(e.Body) > 0 {
		return failed(e, "not 204 without a body")
	}
	return passed()
}

func deletedLeavesGroups(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	g := s.group(ctx, u.ID())
	if e := s.Do(ctx, http.MethodDelete, writingUser(u), ""); !writingOK(e) {
		return failed(e, "the delete was refused")
	}
	if r, e := writingSee(ctx, s, writingGroup(g)); slices.Contains(r.Members(), u.ID()) {
		return failed(e, "the group still has a user that was deleted")
	}
	return passed()
}
