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

// checksOfReading are those of RFC 7644 §3.1, §3.4.1 and §3.9.
func checksOfReading() []Check {
	return []Check{
		{"7644-3.1-01", "messages name a URN of the protocol", readingMessageURNs},
		{"7644-3.1-02", "no message is listed as a schema", readingNoMessageSchemas},
		{"7644-3.1-04", "a write is answered with what is kept", readingStateAsKept},
		{"7644-3.1-05", "schemas can be looked up", readingSchemasThere},
		{"7644-3.4.1-01", "a resource is found by its id", readingByID},
		{"7644-3.4.1-02", "an unknown id is not found", readingUnknownID},
		{"7644-3.4.1-03", "a Group is not found among Users", readingOtherType},
		{"7644-3.9-01", "attributes picks out what it names", readingPicked},
		{"7644-3.9-02", "excludedAttributes leaves out what it names", readingExcluded},
		{"7644-3.9-04", "every operation heeds attributes", readingPickedEverywhere},
		{"7644-3.9-05", "an unknown name in attributes harms nobody", readingUnknownName},
	}
}

const readingMessages = "urn:ietf:params:scim:api:"

// readingNames tells whether an answer's schemas name a message.
func readingNames(e *Exchange) bool {
	r := e.Resource()
	return r != nil && slices.ContainsFunc(r.Schemas(), func(urn string) bool { return readingIsMessage(urn) })
}

func readingIsMessage(urn string) bool {
	return strings.HasPrefix(strings.ToLower(urn), readingMessages)
}

func readingMessageURNs(ctx context.Context, s *Session) Outcome {
	if e := s.Do(ctx, http.MethodGet, "/Users?count=1", ""); e.Status == http.StatusOK && !readingNames(e) {
		return failed(e, "the list is no message by its schemas")
	}
	// That an error has a body at all is another requirement.
	if e := s.Do(ctx, http.MethodGet, "/Users/"+s.name("nobody"), ""); e.JSON() != nil && !readingNames(e) {
		return failed(e, "the error is no message by its schemas")
	}
	return passed()
}

func readingNoMessageSchemas(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodGet, "/Schemas", "")
	l := e.List()
	if e.Status != http.StatusOK || l == nil {
		return notApplicable("there are no /Schemas")
	}
	for _, r := range l.Resources {
		if readingIsMessage(r.ID()) {
			return failed(e, "%s is listed", r.ID())
		}
	}
	return passed()
}

// readingStateAsKept looks at attributes that any endpoint may change on the way, but
// that are then what everybody sees.
func readingStateAsKept(ctx context.Context, s *Session) Outcome {
	name := s.name("user")
	made := s.Do(ctx, http.MethodPost, "/Users", userBody(name, `"displayName":"One"`, `"title":"First"`))
	r := made.Resource()
	if made.Status != http.StatusCreated || r == nil || r.ID() == "" {
		return failed(made, "what the check needs could not be made")
	}
	path := readingPath(r)
	if o := readingSame(made, s.Do(ctx, http.MethodGet, path, "")); o.Verdict == Fail {
		return o
	}
	put := s.Do(ctx, http.MethodPut, path, userBody(name, `"id":`+quoted(r.ID()), `"displayName":"Two"`, `"title":"Second"`))
	if put.Status != http.StatusOK || put.Resource() == nil {
		return passed() // whether a PUT works is another requirement
	}
	return readingSame(put, s.Do(ctx, http.MethodGet, path, ""))
}

// readingPath is where a User is.
func readingPath(r *scim.Resource) string { return "/Users/" + url.PathEscape(r.ID()) }

// readingSame compares the answer to a write with what is there afterwards.
func readingSame(wrote, read *Exchange) Outcome {
	before, after := wrote.Resource(), read.Resource()
	if read.Status != http.StatusOK || after == nil {
		return failed(read, "what was written cannot be read")
	}
	for _, path := range []string{"id", "userName", "displayName", "title"} {
		if v := at(before, path); v != "" && v != at(after, path) {
			return failed(read, "%s was answered as %s by\n%s", path, v, wrote)
		}
	}
	return passed()
}

func readingSchemasThere(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodGet, "/Schemas", "")
	switch l := e.List(); {
	case e.Status != http.StatusOK:
		return notApplicable("there are no /Schemas")
	case l == nil || len(l.Resources) == 0:
		return failed(e, "no schema is listed")
	}
	return passed()
}

func readingByID(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodGet, readingPath(u), "")
	switch r := e.Resource(); {
	case e.Status != http.StatusOK || r == nil:
		return failed(e, "it is not found")
	case r.ID() != u.ID():
		return failed(e, "this is another one than %s", u.ID())
	}
	return passed()
}

func readingUnknownID(ctx context.Context, s *Session) Outcome {
	// One that no endpoint would give, and one that many would.
	for _, id := range []string{s.name("nobody"), "5ca1ab1e-0000-4000-8000-0123456789ab"} {
		e := s.Do(ctx, http.MethodGet, "/Users/"+id, "")
		if e.Status != http.StatusNotFound {
			return failed(e, "this is not answered with 404")
		}
		if e.Error() == nil {
			return failed(e, "there is no error message")
		}
	}
	return passed()
}

func readingOtherType(ctx context.Context, s *Session) Outcome {
	g := s.group(ctx)
	if e := s.Do(ctx, http.MethodGet, readingPath(g), ""); e.Status != http.StatusNotFound {
		return failed(e, "the id of a Group leads somewhere")
	}
	return passed()
}

// readingAlways tells whether an attribute of a User is published as one that every
// answer has.
func readingAlways(s *Session, path string) bool {
	a := s.attribute(scim.UserURN, path)
	return a != nil && a.Returned == scim.ReturnedAlways
}

// readingUser makes a User that has names and a display name, and ends the check if
// they are not kept.
func readingUser(ctx context.Context, s *Session) *scim.Resource {
	u := s.user(ctx, `"displayName":"Shown"`, `"name":{"givenName":"Ada","familyName":"Byron"}`)
	for _, path := range []string{"displayName", "name.givenName", "name.familyName"} {
		if at(u, path) == "" {
			must(notApplicable("the endpoint keeps no %s", path))
		}
	}
	return u
}

func readingPicked(ctx context.Context, s *Session) Outcome {
	u := readingUser(ctx, s)
	e := s.Do(ctx, http.MethodGet, query(readingPath(u), "attributes", "name.givenName"), "")
	r := e.Resource()
	switch {
	case e.Status != http.StatusOK || r == nil:
		return failed(e, "this is no resource")
	case r.ID() != u.ID():
		return failed(e, "its id is missing")
	case at(r, "name.givenName") == "":
		return failed(e, "what was asked for is missing")
	}
	for _, path := range []string{"displayName", "name.familyName"} {
		if at(r, path) != "" && !readingAlways(s, path) {
			return failed(e, "nobody asked for %s", path)
		}
	}
	return passed()
}

func readingExcluded(ctx context.Context, s *Session) Outcome {
	u := readingUser(ctx, s)
	e := s.Do(ctx, http.MethodGet, query(readingPath(u), "excludedAttributes", "id,displayName"), "")
	r := e.Resource()
	switch {
	case e.Status != http.StatusOK || r == nil:
		return failed(e, "this is no resource")
	case r.ID() != u.ID():
		return failed(e, "its id is missing, which nobody can exclude")
	case at(r, "displayName") != "" && !readingAlways(s, "displayName"):
		return failed(e, "what was excluded is there")
	case at(r, "name.familyName") == "":
		return failed(e, "what was not excluded is missing")
	}
	return passed()
}

func readingPickedEverywhere(ctx context.Context, s *Session) Outcome {
	if readingAlways(s, "displayName") {
		return notApplicable("every answer has displayName")
	}
	name := s.name("user")
	body := userBody(name, `"displayName":"Shown"`)
	made := s.Do(ctx, http.MethodPost, query("/Users", "attributes", "userName"), body)
	r := made.Resource()
	if made.Status != http.StatusCreated || r == nil || r.ID() == "" {
		return failed(made, "this is no new resource with its id")
	}
	one := query(readingPath(r), "attributes", "userName")
	all := []*Exchange{made, s.Do(ctx, http.MethodGet, one, ""), s.Do(ctx, http.MethodPut, one, body)}
	if s.supports("patch") {
		all = append(all, s.Do(ctx, http.MethodPatch, one, patchBody(`{"op":"replace","path":"displayName","value":"New"}`)))
	}
	for _, e := range all {
		if r = e.Resource(); e.Status >= http.StatusMultipleChoices || r == nil {
			continue // whether it works, and with which status, is another requirement
		}
		if r.ID() == "" || at(r, "userName") == "" {
			return failed(e, "id or userName is missing")
		}
		if at(r, "displayName") != "" {
			return failed(e, "nobody asked for displayName")
		}
	}
	return readingPickedList(ctx, s, name)
}

func readingPickedList(ctx context.Context, s *Session, name string) Outcome {
	if !s.supports("filter") {
		return passed()
	}
	e := s.Do(ctx, http.MethodGet, query("/Users", "attributes", "userName", "filter", "userName eq "+quoted(name)), "")
	l := e.List()
	if e.Status != http.StatusOK || l == nil {
		return failed(e, "this is no list")
	}
	for _, r := range l.Resources {
		if at(r, "displayName") != "" {
			return failed(e, "nobody asked for displayName")
		}
	}
	return passed()
}

func readingUnknownName(ctx context.Context, s *Session) Outcome {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodGet, query(readingPath(u), "attributes", "userName,usherCheckUnknown"), "")
	if r := e.Resource(); e.Status != http.StatusOK || r == nil || r.ID() != u.ID() {
		return failed(e, "the unknown name is no reason to refuse the known one")
	}
	return passed()
}
