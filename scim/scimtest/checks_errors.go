// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/usher-id/usher/scim"
)

// checksOfErrors are those of RFC 7644 §1, §2, §3.2, §3.8, §3.12, §3.13, §6 and §7, and
// of §3.4.2.5.
func checksOfErrors() []Check {
	return slices.Concat(checksOfAccess(), checksOfMedia(), checksOfErrorMessages(), checksOfKeywords())
}

func checksOfAccess() []Check {
	return []Check{
		{"7644-1.3-01", "Addresses have no query string", errorsAddress},
		{"7644-2-05", "401 names the schemes in WWW-Authenticate", errorsChallenge},
		{"7644-2-06", "Who is not known may not write", errorsWriteRefused},
		{"7644-3.2-01", "Endpoints of other resource types end in s", errorsPlural},
		{"7644-3.2-03", "PUT makes nothing", errorsPutMakesNothing},
		{"7644-3.2-05", "A method that an endpoint does not have is refused", errorsMethod},
		{"7644-3.4.2.5-01", "attributes and excludedAttributes choose what is shown", errorsProjection},
		{"7644-3.4.2.5-02", "Attributes to show are named in any notation", errorsProjectionNames},
		{"7644-3.4.2.5-03", "id and schemas cannot be excluded", errorsProjectionAlways},
		{"7644-3.13-02", "A version in the base URL is v and a number", errorsVersionSegment},
		{"7644-3.13-03", "A version that does not exist is refused", errorsVersion},
		{"7644-7.2-01", "It is reached by https", errorsTransport},
		{"7644-7.2-02", "TLS 1.2 is spoken", errorsTLS},
		{"7644-7.5.2-02", "Nobody is found by a password in an address", func(ctx context.Context, s *Session) Outcome {
			e := errorsPasswordFilter(ctx, s)
			if e.Status >= 200 && e.Status < 300 {
				return failed(e, "the filter is not refused")
			}
			return passed()
		}},
	}
}

// checksOfMedia are those of RFC 7644 §3.8 and §8.1.
func checksOfMedia() []Check {
	return []Check{
		{"7644-3.8-01", "UTF-8 goes in and comes out", func(ctx context.Context, s *Session) Outcome {
			return errorsRoundTrip(ctx, s, "Content-Type: application/scim+json; charset=utf-8")
		}},
		{"7644-3.8-02", "UTF-8 is understood without being named", func(ctx context.Context, s *Session) Outcome {
			return errorsRoundTrip(ctx, s, "Content-Type: application/scim+json")
		}},
		{"7644-3.8-04", "Accept: application/scim+json is served", func(ctx context.Context, s *Session) Outcome {
			return errorsAccepts(ctx, s, "application/scim+json")
		}},
		{"7644-3.8-05", "Accept: application/json is served", func(ctx context.Context, s *Session) Outcome {
			return errorsAccepts(ctx, s, "application/json")
		}},
		{"7644-3.8-06", "Without an Accept, answers are application/scim+json", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodGet, "/Users/"+url.PathEscape(s.user(ctx).ID()), "", "Accept:")
			if e.Status != http.StatusOK || errorsMedia(e) != "application/scim+json" {
				return failed(e, "it is not")
			}
			return passed()
		}},
		{"7644-3.8-09", "A body of application/json is taken", func(ctx context.Context, s *Session) Outcome {
			e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user")), "Content-Type: application/json; charset=utf-8")
			if e.Status != http.StatusCreated {
				return failed(e, "it is not")
			}
			return passed()
		}},
		{"7644-8.1-01", "Errors are application/scim+json, too", func(ctx context.Context, s *Session) Outcome {
			e := errorsNobody(ctx, s)
			if len(e.Body) > 0 && errorsMedia(e) != "application/scim+json" {
				return failed(e, "they are not")
			}
			return passed()
		}},
	}
}

func checksOfErrorMessages() []Check {
	return []Check{
		{"7644-3.2-04", "An error's body repeats its status", errorsStatus},
		{"7644-3.12-01", "Errors have a body of the Error schema", errorsSchema},
		{"7644-3.12-02", "An error's status is a text", errorsStatusText},
		{"7644-3.12-04", "scimType is one of the keywords", errorsKnownKeywords},
		{"7644-3.12-05", "A body that cannot be read is answered with 400", func(ctx context.Context, s *Session) Outcome {
			return errorsWant(errorsBroken(ctx, s), http.StatusBadRequest)
		}},
		{"7644-3.12-06", "A wrong credential is answered with 401", func(ctx context.Context, s *Session) Outcome {
			if s.token == "" {
				return notApplicable("the endpoint is looked at without a token")
			}
			return errorsWant(s.Do(ctx, http.MethodGet, "/Users?count=1", "", "Authorization: Bearer "+s.name("no-token")), http.StatusUnauthorized)
		}},
		{"7644-3.12-08", "What is not there is answered with 404", errorsNotFound},
		{"7644-3.12-09", "A taken userName is answered with 409", func(ctx context.Context, s *Session) Outcome {
			return errorsWant(s.Do(ctx, http.MethodPost, "/Users", userBody(s.user(ctx).UserName())), http.StatusConflict)
		}},
		{"7644-3.12-10", "A stale If-Match is answered with 412", errorsStale},
		{"7644-3.12-13", "What is declared unsupported is refused as such", errorsUnsupported},
	}
}

// checksOfKeywords are those of the keywords of RFC 7644 §3.12. Whether a request is
// refused at all is the subject of others.
func checksOfKeywords() []Check {
	return []Check{
		{"7644-3.12-16", "A bad filter is invalidFilter", func(ctx context.Context, s *Session) Outcome {
			if !s.supports("filter") {
				return notApplicable("filters are not supported")
			}
			return errorsKeyword(s.Do(ctx, http.MethodGet, query("/Users", "filter", `userName eq "x" and`), ""), scim.InvalidFilter)
		}},
		{"7644-3.12-18", "A value that is taken is uniqueness, by POST, PUT and PATCH", errorsTaken},
		{"7644-3.12-19", "A change of what is readOnly is mutability", func(ctx context.Context, s *Session) Outcome {
			return errorsPatch(ctx, s, `{"op":"replace","path":"id","value":"`+errorsStranger()+`"}`, scim.MutabilityBreach)
		}},
		{"7644-3.12-20", "A body that is no JSON is invalidSyntax", func(ctx context.Context, s *Session) Outcome {
			return errorsKeyword(errorsBroken(ctx, s), "", scim.InvalidSyntax)
		}},
		{"7644-3.12-21", "A path that is none is invalidPath", func(ctx context.Context, s *Session) Outcome {
			return errorsPatch(ctx, s, `{"op":"replace","path":"!!","value":"x"}`, "", scim.InvalidPath)
		}},
		{"7644-3.12-22", "A path that finds nothing to replace is noTarget", func(ctx context.Context, s *Session) Outcome {
			resourceNeeds(s, "emails.value")
			return errorsPatch(ctx, s, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@example.com"}`, scim.NoTarget)
		}},
		{"7644-3.12-23", "A value of the wrong type is invalidValue", func(ctx context.Context, s *Session) Outcome {
			return errorsPatch(ctx, s, `{"op":"replace","path":"active","value":{"x":1}}`, "", scim.InvalidValue, scim.InvalidSyntax) // both describe it
		}},
		{"7644-3.12-25", "403 for a secret in an address is sensitive", func(ctx context.Context, s *Session) Outcome {
			e := errorsPasswordFilter(ctx, s)
			if e.Status != http.StatusForbidden {
				return notApplicable("it is answered with %d", e.Status)
			}
			if got := e.Error(); got != nil && got.ScimType != "" && got.ScimType != scim.Sensitive {
				return failed(e, "scimType is %q", got.ScimType)
			}
			return passed()
		}},
		{"7644-3.12-24", "400 for a version that does not exist is invalidVers", func(ctx context.Context, s *Session) Outcome {
			return errorsKeyword(errorsOtherVersion(ctx, s), "", scim.InvalidVers)
		}},
	}
}

// errorsStranger is an id that nobody has, in the form that most endpoints use.
func errorsStranger() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	return fmt.Sprintf("%x-%x-4%x-8%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])[:36]
}

// errorsNobody is the answer about a user who is not there.
func errorsNobody(ctx context.Context, s *Session) *Exchange {
	e := s.Do(ctx, http.MethodGet, "/Users/"+errorsStranger(), "")
	if e.Err != nil || e.Status < 400 {
		must(notApplicable("a user who is not there is no error: %d", e.Status))
	}
	return e
}

// errorsBroken is the answer to a body that is no JSON.
func errorsBroken(ctx context.Context, s *Session) *Exchange {
	return s.Do(ctx, http.MethodPost, "/Users", `{"schemas":["`+scim.UserURN+`"],"userName":`)
}

// errorsSome are errors of several kinds.
func errorsSome(ctx context.Context, s *Session) []*Exchange {
	all := []*Exchange{errorsNobody(ctx, s), errorsBroken(ctx, s), s.Do(ctx, http.MethodPost, "/Users", userBody(s.user(ctx).UserName()))}
	if s.supports("filter") {
		all = append(all, s.Do(ctx, http.MethodGet, query("/Users", "filter", `userName eq`), ""))
	}
	return slices.DeleteFunc(all, func(e *Exchange) bool { return e.Err != nil || e.Status < 400 })
}

func errorsWant(e *Exchange, status ...int) Outcome {
	if !slices.Contains(status, e.Status) {
		return failed(e, "it is answered with %d", e.Status)
	}
	return passed()
}

// errorsKeyword checks the scimType of a refusal with 400 or 409. "" among those that
// are right stands for none: it is optional where no other text asks for it.
func errorsKeyword(e *Exchange, right ...string) Outcome {
	if e.Status != http.StatusBadRequest && e.Status != http.StatusConflict {
		return notApplicable("it is answered with %d", e.Status)
	}
	kind := ""
	if got := e.Error(); got != nil {
		kind = got.ScimType
	}
	if !slices.Contains(right, kind) {
		return failed(e, "scimType is %q", kind)
	}
	return passed()
}

// errorsPatch checks the keyword with which an operation on a user of only a home
// address is refused.
func errorsPatch(ctx context.Context, s *Session, op string, right ...string) Outcome {
	if !s.supports("patch") {
		return notApplicable("PATCH is not supported")
	}
	u := s.user(ctx, `"emails":[{"type":"home","value":`+quoted(s.name("home")+"@example.com")+`}]`)
	return errorsKeyword(s.Do(ctx, http.MethodPatch, "/Users/"+url.PathEscape(u.ID()), patchBody(op)), right...)
}

func errorsMedia(e *Exchange) string {
	media, _, _ := mime.ParseMediaType(e.Header.Get("Content-Type")) // "" if it is none
	return media
}

func errorsAddress(ctx context.Context, s *Session) Outcome {
	if strings.Contains(s.base, "?") {
		return failed(nil, "the base URL %s has one", s.base)
	}
	e := s.Do(ctx, http.MethodGet, "/Users/"+url.PathEscape(s.user(ctx).ID()), "")
	if strings.Contains(at(e.Resource(), "meta.location"), "?") {
		return failed(e, "meta.location has one")
	}
	return passed()
}

func errorsChallenge(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodGet, "/Users?count=1", "", "Authorization:")
	if e.Status != http.StatusUnauthorized {
		return notApplicable("a request without a credential is answered with %d", e.Status)
	}
	if strings.TrimSpace(e.Header.Get("WWW-Authenticate")) == "" {
		return failed(e, "there is no WWW-Authenticate")
	}
	return passed()
}

func errorsWriteRefused(ctx context.Context, s *Session) Outcome {
	if s.token == "" {
		return notApplicable("the endpoint is looked at without a token")
	}
	e := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user")), "Authorization: Bearer "+s.name("no-token"))
	if e.Status >= 200 && e.Status < 300 {
		return failed(e, "an unknown token makes a user")
	}
	return passed()
}

// errorsPasswordFilter asks who has a password. It is nobody's.
func errorsPasswordFilter(ctx context.Context, s *Session) *Exchange {
	if !s.supports("filter") {
		must(notApplicable("filters are not supported"))
	}
	return s.Do(ctx, http.MethodGet, query("/Users", "filter", "password eq "+quoted(s.name("secret"))), "")
}

func errorsPlural(_ context.Context, s *Session) Outcome {
	others := 0
	for _, t := range s.Types {
		if t.Schema == scim.UserURN || t.Schema == scim.GroupURN {
			continue
		}
		if others++; !strings.HasSuffix(strings.TrimRight(t.Endpoint, "/"), "s") {
			return failed(nil, "the endpoint of %s is %s", t.Name, t.Endpoint)
		}
	}
	if others == 0 {
		return notApplicable("there are only Users and Groups")
	}
	return passed()
}

func errorsPutMakesNothing(ctx context.Context, s *Session) Outcome {
	path := "/Users/" + errorsStranger()
	e := s.Do(ctx, http.MethodPut, path, userBody(s.name("user")))
	if e.Status >= 200 && e.Status < 300 {
		if r := e.Resource(); r != nil && r.ID() != "" {
			path = "/Users/" + url.PathEscape(r.ID())
		}
		s.made = append(s.made, path)
		return failed(e, "a user who was not there is now")
	}
	return passed()
}

// errorsMethod tries what can do no harm should it be taken.
func errorsMethod(ctx context.Context, s *Session) Outcome {
	e := s.Do(ctx, http.MethodPost, "/ServiceProviderConfig", `{"schemas":["`+scim.ServiceProviderConfigURN+`"]}`)
	if e.Status < 400 || e.Status >= 500 && e.Status != http.StatusNotImplemented {
		return failed(e, "POST is not refused")
	}
	return passed()
}

// errorsShown is a user with displayName and name, as asked for.
func errorsShown(ctx context.Context, s *Session, params ...string) (*Exchange, *scim.Resource) {
	u := s.user(ctx, `"displayName":"x","name":{"givenName":"y","familyName":"z"}`)
	if at(u, "displayName") == "" || at(u, "name.givenName") == "" || at(u, "name.familyName") == "" {
		must(notApplicable("displayName and name are not kept, or not shown by themselves"))
	}
	e := s.Do(ctx, http.MethodGet, query("/Users/"+url.PathEscape(u.ID()), params...), "")
	r := e.Resource()
	if e.Status != http.StatusOK || r == nil {
		must(failed(e, "there is no answer of what was asked for"))
	}
	return e, r
}

func errorsProjection(ctx context.Context, s *Session) Outcome {
	if e, r := errorsShown(ctx, s, "attributes", "displayName"); at(r, "displayName") == "" || at(r, "name") != "" {
		return failed(e, "attributes=displayName shows something else")
	}
	if e, r := errorsShown(ctx, s, "excludedAttributes", "displayName"); at(r, "displayName") != "" || at(r, "name") == "" {
		return failed(e, "excludedAttributes=displayName does not leave out just that")
	}
	return passed()
}

func errorsProjectionNames(ctx context.Context, s *Session) Outcome {
	for _, name := range []string{"name.givenName", "NAME.givenname", scim.UserURN + ":name.givenName"} {
		if e, r := errorsShown(ctx, s, "attributes", name); at(r, "name.givenName") == "" || at(r, "name.familyName") != "" {
			return failed(e, "attributes=%s does not show just that", name)
		}
	}
	return passed()
}

func errorsProjectionAlways(ctx context.Context, s *Session) Outcome {
	e, r := errorsShown(ctx, s, "excludedAttributes", "id,schemas")
	if r.ID() == "" || len(r.Schemas()) == 0 {
		return failed(e, "they are left out")
	}
	return passed()
}

var (
	likeVersion = regexp.MustCompile(`(?i)^(v|ver|version)?[-_.]?[0-9]+([._-][0-9]+)*$`)
	isVersion   = regexp.MustCompile(`^v[0-9]+(\.[0-9]+)?$`)
)

// errorsVersionOf is the last segment of the base URL if it looks like a version.
func errorsVersionOf(s *Session) string {
	u, err := url.Parse(s.base)
	if err != nil {
		return ""
	}
	last := u.Path[strings.LastIndex(u.Path, "/")+1:]
	if !likeVersion.MatchString(last) {
		must(notApplicable("the base URL does not end in a version"))
	}
	return last
}

func errorsVersionSegment(_ context.Context, s *Session) Outcome {
	if v := errorsVersionOf(s); !isVersion.MatchString(v) {
		return failed(nil, "the version is written %s", v)
	}
	return passed()
}

// errorsOtherVersion asks for a version that there is none of.
func errorsOtherVersion(ctx context.Context, s *Session) *Exchange {
	other := *s
	other.base = strings.TrimSuffix(s.base, errorsVersionOf(s)) + "v97"
	return other.Do(ctx, http.MethodGet, "/Users?count=1", "")
}

func errorsVersion(ctx context.Context, s *Session) Outcome {
	if e := errorsOtherVersion(ctx, s); e.Status >= 200 && e.Status < 300 && e.List() != nil {
		return failed(e, "it is served")
	}
	return passed()
}

func errorsTransport(_ context.Context, s *Session) Outcome {
	u, err := url.Parse(s.base)
	if err != nil || u.Scheme == "https" {
		return passed()
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return notApplicable("it is on this computer")
	}
	return failed(nil, "%s is not protected", s.base)
}

func errorsTLS(ctx context.Context, s *Session) Outcome { return spoken(ctx, s, tls.VersionTLS12) }

// spoken is whether a client that knows one version of TLS alone gets an answer.
func spoken(ctx context.Context, s *Session, version uint16) Outcome {
	if !strings.HasPrefix(s.base, "https:") {
		return notApplicable("it is not reached by https")
	}
	how := s.http.Transport
	if how == nil {
		how = http.DefaultTransport
	}
	t, ok := how.(*http.Transport)
	if !ok {
		return notApplicable("the connection is not in the hands of the suite")
	}
	t = t.Clone()
	defer t.CloseIdleConnections()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.MinVersion, t.TLSClientConfig.MaxVersion = version, version
	client := *s.http
	client.Transport = t
	other := *s
	other.http = &client
	if e := other.Do(ctx, http.MethodGet, "/ServiceProviderConfig", ""); e.Err != nil {
		return failed(e, "a client with %s gets no answer", tls.VersionName(version))
	}
	return passed()
}

func errorsRoundTrip(ctx context.Context, s *Session, header string) Outcome {
	const text = "Zażółć 漢字 العربية 🙂"
	made := s.Do(ctx, http.MethodPost, "/Users", userBody(s.name("user"), `"displayName":`+quoted(text)), header)
	r := made.Resource()
	if made.Status != http.StatusCreated || r == nil {
		return failed(made, "a body in UTF-8 is not taken")
	}
	e := s.Do(ctx, http.MethodGet, "/Users/"+url.PathEscape(r.ID()), "")
	switch r = e.Resource(); {
	case !utf8.Valid(e.Body):
		return failed(e, "the answer is not UTF-8")
	case at(r, "displayName") == "":
		return notApplicable("displayName is not kept")
	case r.DisplayName() != text:
		return failed(e, "%s came back changed", text)
	}
	return passed()
}

func errorsAccepts(ctx context.Context, s *Session, media string) Outcome {
	u := s.user(ctx)
	e := s.Do(ctx, http.MethodGet, "/Users/"+url.PathEscape(u.ID()), "", "Accept: "+media)
	if r := e.Resource(); e.Status != http.StatusOK || r == nil || r.ID() != u.ID() {
		return failed(e, "there is no such answer")
	}
	if got := errorsMedia(e); got != "application/json" && got != "application/scim+json" {
		return failed(e, "the answer is of type %q", got)
	}
	return passed()
}

func errorsStatus(ctx context.Context, s *Session) Outcome {
	e := errorsNobody(ctx, s)
	status := fmt.Sprint(e.JSON()["status"]) // a number reads the same
	if n, err := strconv.Atoi(status); err != nil || n != e.Status {
		return failed(e, "the status is %d, and the body says %s", e.Status, status)
	}
	return passed()
}

func errorsSchema(ctx context.Context, s *Session) Outcome {
	for _, e := range errorsSome(ctx, s) {
		list, _ := e.JSON()["schemas"].([]any)
		if !slices.ContainsFunc(list, func(v any) bool { t, _ := v.(string); return strings.EqualFold(t, scim.ErrorURN) }) {
			return failed(e, "schemas does not name %s", scim.ErrorURN)
		}
	}
	return passed()
}

func errorsStatusText(ctx context.Context, s *Session) Outcome {
	for _, e := range errorsSome(ctx, s) {
		status, is := e.JSON()["status"]
		if _, text := status.(string); is && !text {
			return failed(e, "the body's status is %v, and no text", status)
		}
	}
	return passed()
}

func errorsKnownKeywords(ctx context.Context, s *Session) Outcome {
	known := []string{
		scim.InvalidFilter, scim.TooMany, scim.UniquenessBreach, scim.MutabilityBreach, scim.InvalidSyntax, scim.InvalidPath, scim.NoTarget,
		scim.InvalidValue, scim.InvalidVers, scim.Sensitive, scim.InvalidCursor, scim.ExpiredCursor, scim.InvalidCount,
	}
	for _, e := range errorsSome(ctx, s) {
		kind, is := e.JSON()["scimType"]
		if text, _ := kind.(string); is && kind != nil && !slices.Contains(known, text) {
			return failed(e, "there is no keyword %v", kind)
		}
	}
	return passed()
}

func errorsNotFound(ctx context.Context, s *Session) Outcome {
	for _, path := range []string{"/Users/" + errorsStranger(), "/" + s.name("Nothing")} {
		if e := s.Do(ctx, http.MethodGet, path, ""); e.Status != http.StatusNotFound {
			return failed(e, "it is answered with %d", e.Status)
		}
	}
	return passed()
}

func errorsStale(ctx context.Context, s *Session) Outcome {
	if !s.supports("etag") {
		return notApplicable("entity tags are not supported")
	}
	u := s.user(ctx)
	return errorsWant(s.Do(ctx, http.MethodPut, "/Users/"+url.PathEscape(u.ID()), userBody(u.UserName()), `If-Match: W/"`+s.name("stale")+`"`),
		http.StatusPreconditionFailed)
}

// errorsDenied tells whether a feature is declared unsupported. Silence is no
// declaration.
func errorsDenied(s *Session, feature string) bool {
	return s.Config != nil && at(s.Config, feature+".supported") == "false"
}

// errorsUnsupported takes 404 and 405 as well: nothing is there that could do it.
func errorsUnsupported(ctx context.Context, s *Session) Outcome {
	refusals := []int{http.StatusNotImplemented, http.StatusNotFound, http.StatusMethodNotAllowed}
	out := notApplicable("neither PATCH nor bulk is declared unsupported")
	if errorsDenied(s, "bulk") { // should it be done, it does nothing
		e := s.Do(ctx, http.MethodPost, "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[]}`)
		if out = errorsWant(e, refusals...); out.Verdict != Pass {
			return out
		}
	}
	if errorsDenied(s, "patch") {
		out = errorsWant(s.Do(ctx, http.MethodPatch, "/Users/"+url.PathEscape(s.user(ctx).ID()),
			patchBody(`{"op":"replace","path":"displayName","value":"x"}`)), refusals...)
	}
	return out
}

func errorsTaken(ctx context.Context, s *Session) Outcome {
	a, b := s.user(ctx).UserName(), s.user(ctx)
	path := "/Users/" + url.PathEscape(b.ID())
	all := []*Exchange{s.Do(ctx, http.MethodPost, "/Users", userBody(a)), s.Do(ctx, http.MethodPut, path, userBody(a))}
	if s.supports("patch") {
		all = append(all, s.Do(ctx, http.MethodPatch, path, patchBody(`{"op":"replace","path":"userName","value":`+quoted(a)+`}`)))
	}
	out := notApplicable("a userName that is taken is not refused")
	for _, e := range all {
		switch got := errorsKeyword(e, scim.UniquenessBreach); got.Verdict {
		case Fail:
			return got
		case Pass:
			out = got
		}
	}
	return out
}
