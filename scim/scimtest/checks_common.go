// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/usher-id/usher/scim"
)

func resourcePath(r *scim.Resource) string { return resourcePathIn("/Users", r) }

// resourcePathIn ends the check if there is no resource.
func resourcePathIn(endpoint string, r *scim.Resource) string {
	if r == nil || r.ID() == "" {
		must(failed(nil, "an answer has no resource with an id"))
	}
	return endpoint + "/" + url.PathEscape(r.ID())
}

func resourceDone(e *Exchange) bool { return e.Status >= 200 && e.Status < 300 }

func resourceRefused(e *Exchange) bool { return e.Status >= 400 && e.Status < 500 }

// resourceRefusal passes if the request was refused, with whatever error.
func resourceRefusal(e *Exchange) Outcome {
	if !resourceRefused(e) {
		return failed(e, "this should be refused")
	}
	return passed()
}

// resourceText is the text at a path, "" if there is none.
func resourceText(r *scim.Resource, path string) string {
	if list := resourceTexts(r, path); len(list) > 0 {
		return list[0]
	}
	return ""
}

// resourceTexts are the texts at a path, which may lead through a list.
func resourceTexts(r *scim.Resource, path string) []string {
	if r == nil {
		return nil
	}
	v, _ := r.At(scim.MustPath(path))
	list, many := v.AsList()
	if !many {
		list = []scim.Value{v}
	}
	var out []string
	for _, e := range list {
		if text, ok := e.AsString(); ok {
			out = append(out, text)
		}
	}
	return out
}

// resourceTime is the dateTime at a path, zero if there is none.
func resourceTime(r *scim.Resource, path string) time.Time {
	if t, ok := scim.ParseDateTime(resourceText(r, path)); ok {
		return t
	}
	return time.Time{}
}

// resourceSwapped is a text with the letter case of all its ASCII letters changed.
func resourceSwapped(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return unicode.ToUpper(c)
		case c >= 'A' && c <= 'Z':
			return unicode.ToLower(c)
		}
		return c
	}, text)
}

// resourceListed tells whether a list has the resource with this id.
func resourceListed(e *Exchange, id string) bool {
	l := e.List()
	return l != nil && slices.ContainsFunc(l.Resources, func(r *scim.Resource) bool { return r.ID() == id })
}

// resourceNotFound fails if a filter finds the resource. A filter that is refused
// finds nothing.
func resourceNotFound(ctx context.Context, s *Session, r *scim.Resource, filter string) Outcome {
	resourceNeedsFilter(s)
	e := s.Do(ctx, http.MethodGet, query("/Users", "filter", filter), "")
	if e.Status == http.StatusOK && resourceListed(e, r.ID()) {
		return failed(e, "%s is found in other letter case", r.ID())
	}
	return passed()
}

// resourceNeeds ends the check if the published User has no such attribute.
func resourceNeeds(s *Session, path string) {
	published := slices.ContainsFunc(s.Schemas, func(sch scim.Schema) bool { return strings.EqualFold(sch.ID, scim.UserURN) })
	common := path == "externalId" // of every resource, and so in no schema
	if published && !common && s.attribute(scim.UserURN, path) == nil {
		must(notApplicable("Users have no %s", path))
	}
}

func resourceNeedsFilter(s *Session) {
	if !s.supports("filter") {
		must(notApplicable("there are no filters"))
	}
}

func resourceNeedsGroups(s *Session) {
	if !s.has("/Groups") {
		must(notApplicable("there are no Groups"))
	}
}

func resourceNeedsEnterprise(s *Session) {
	if !slices.ContainsFunc(resourceURNs(s, "/Users"), func(urn string) bool { return strings.EqualFold(urn, scim.EnterpriseUserURN) }) {
		must(notApplicable("Users have no enterprise extension"))
	}
}
