// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// Session is a suite's conversation with one endpoint. Whatever a check makes through
// it is removed at the end.
type Session struct {
	base   string
	token  string
	http   *http.Client
	prefix string // of every name that a run gives
	names  int
	made   []string // paths of resources, in the order of their making

	Config  *scim.Resource // ServiceProviderConfig, nil if there is none
	Types   []scim.ResourceType
	Schemas []scim.Schema
}

// Exchange is a request and its answer.
type Exchange struct {
	Method, URL, Sent string
	Status            int // 0 if there was no answer
	Header            http.Header
	Body              []byte
	Err               error
}

const mostBody = 16 << 20

func newSession(ctx context.Context, c Suite) (*Session, error) {
	if err := baseURL(c.Base); err != nil {
		return nil, err
	}
	s := &Session{base: strings.TrimRight(c.Base, "/"), token: c.Token, prefix: "usher-check-" + strings.ToLower(rand.Text()[:8])}
	client := http.Client{Timeout: patience}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token stays here
	s.http = &client
	first := s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", "")
	switch {
	case first.Err != nil:
		return nil, fmt.Errorf("%s cannot be reached: %w", c.Base, first.Err)
	case denied(first):
		return nil, fmt.Errorf("%s answers %d: is the token right?", c.Base, first.Status)
	}
	s.Config = first.Resource()
	if l := s.Do(ctx, http.MethodGet, "/ResourceTypes", "").List(); l != nil {
		for _, r := range l.Resources {
			if t, err := scim.ParseResourceType(r.AppendJSON(nil), scim.Limits{}); err == nil {
				s.Types = append(s.Types, t)
			}
		}
	}
	if l := s.Do(ctx, http.MethodGet, "/Schemas", "").List(); l != nil {
		for _, r := range l.Resources {
			if t, err := scim.ParseSchema(r.AppendJSON(nil), scim.Limits{}); err == nil {
				s.Schemas = append(s.Schemas, t)
			}
		}
	}
	if users := s.Do(ctx, http.MethodGet, "/Users?count=1", ""); denied(users) { // ServiceProviderConfig may be for everybody
		return nil, fmt.Errorf("%s answers %d: is the token right?", c.Base, users.Status)
	} else if users.Status != http.StatusOK {
		return nil, fmt.Errorf("%s has no /Users to look at\n%s", c.Base, users)
	}
	return s, nil
}

func denied(e *Exchange) bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// baseURL refuses what no path can be added to, and a credential, which would stand
// in the report.
func baseURL(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is %w, such as https://app.example/scim/v2", base, ErrBase)
	case u.User != nil:
		return fmt.Errorf("an address with a name or password in it is %w; a token comes from the environment", ErrBase)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("%q is %w: it has a query or a fragment", base, ErrBase)
	}
	return nil
}

// Do sends a request to a path below the base, or to a whole URL of the endpoint's own.
// Headers are "Name: value", and replace those that are sent by themselves; "Name:"
// leaves one out. A body is sent as application/scim+json.
func (s *Session) Do(ctx context.Context, method, path, body string, headers ...string) *Exchange {
	target := path
	if !s.within(path) {
		target = s.base + path
	}
	if method == http.MethodDelete && !s.ours(strings.TrimPrefix(target, s.base)) {
		must(failed(nil, "this would delete %s, which the run has not made", target))
	}
	e := &Exchange{Method: method, URL: target, Sent: body}
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, in)
	if err != nil {
		e.Err = err
		return e
	}
	req.Header.Set("Accept", "application/scim+json")
	if body != "" {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		req.Header.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			req.Header.Set(name, value)
		}
	}
	res, err := s.http.Do(req)
	if err != nil {
		e.Err = err
		return e
	}
	defer func() { _ = res.Body.Close() }() // what was read is all that counts
	e.Status, e.Header = res.StatusCode, res.Header
	e.Body, e.Err = io.ReadAll(io.LimitReader(res.Body, mostBody))
	if method == http.MethodPost && writingOK(e) {
		s.track(ctx, e)
	}
	return e
}

// within tells whether an address is one below the base: the token goes nowhere else,
// whatever an endpoint says where its resources are.
func (s *Session) within(address string) bool {
	rest, ok := strings.CutPrefix(address, s.base)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// ours tells whether nobody else can miss what is at a path: the run has made it, or
// gave it an id that nobody has.
func (s *Session) ours(path string) bool {
	return slices.Contains(s.made, path) || strings.Contains(path, s.prefix)
}

// track remembers what was made, to remove it. An endpoint that gives the id of
// somebody else for it ends the check, which would go on to write to them.
func (s *Session) track(ctx context.Context, e *Exchange) {
	path, _, _ := strings.Cut(strings.TrimPrefix(e.URL, s.base), "?")
	if strings.HasSuffix(path, "/.search") {
		return
	}
	if i := strings.Index(path[1:], "/"); i >= 0 {
		path = path[:i+1]
	}
	r := e.Resource()
	if r == nil || r.ID() == "" {
		return
	}
	path += "/" + url.PathEscape(r.ID())
	if slices.Contains(s.made, path) {
		must(failed(e, "the id is that of what was made before"))
	}
	back := s.Do(ctx, http.MethodGet, path, "")
	if there := back.Resource(); back.Status == http.StatusOK && there != nil && s.named(r) && !s.named(there) {
		must(failed(back, "%s, which is the id of what was made, is somebody else", r.ID()))
	}
	s.made = append(s.made, path)
}

// named tells whether a resource has a name of this run.
func (s *Session) named(r *scim.Resource) bool {
	for _, name := range []string{r.UserName(), r.DisplayName(), r.ExternalID()} {
		if strings.HasPrefix(strings.ToLower(name), s.prefix) {
			return true
		}
	}
	return false
}

// tidying is how long what a run has made may take to be removed.
const tidying = 2 * time.Minute

// clean removes what the run has made, groups before who is in them, and returns what
// is still there. An endpoint may have given the id of somebody else for that of
// what was made, so that only what has a name of this run is deleted; and it may have
// made something and lost the answer.
func (s *Session) clean(ctx context.Context) (left []string) {
	ctx, cancel := context.WithTimeout(ctx, tidying)
	defer cancel()
	s.lost(ctx, "/Groups", "displayName")
	s.lost(ctx, "/Users", "userName")
	slices.Sort(s.made)
	for _, path := range slices.Compact(s.made) {
		e := s.Do(ctx, http.MethodGet, path, "")
		if e.Status == http.StatusNotFound || e.Status == http.StatusGone {
			continue
		}
		if r := e.Resource(); e.Status == http.StatusOK && r != nil && s.named(r) {
			if d := s.Do(ctx, http.MethodDelete, path, ""); writingOK(d) || d.Status == http.StatusNotFound {
				continue
			}
		}
		left = append(left, path)
	}
	return left
}

// lost finds what was made without an answer that told of it.
func (s *Session) lost(ctx context.Context, endpoint, name string) {
	if !s.supports("filter") || !s.has(endpoint) {
		return
	}
	for start := 1; start <= mostMade; {
		at := query(endpoint, "filter", name+` sw "`+s.prefix+`"`, "startIndex", strconv.Itoa(start), "count", "100")
		l := s.Do(ctx, http.MethodGet, at, "").List()
		if l == nil || len(l.Resources) == 0 {
			return
		}
		start += len(l.Resources)
		for _, r := range l.Resources {
			if r.ID() != "" && s.named(r) { // the endpoint may not have looked at the filter
				s.made = append(s.made, endpoint+"/"+url.PathEscape(r.ID()))
			}
		}
	}
}

// mostMade is more than a run makes of one type.
const mostMade = 2_000

// Resource is the answer as a resource, nil if it is none.
func (e *Exchange) Resource() *scim.Resource {
	r, err := scim.ParseResource(e.Body, scim.Limits{MaxBytes: mostBody})
	if err != nil {
		return nil
	}
	return r
}

// List is the answer as a list, nil if it is none.
func (e *Exchange) List() *scim.ListResponse {
	l, err := scim.ParseListResponse(e.Body, scim.Limits{MaxBytes: mostBody})
	if err != nil {
		return nil
	}
	return l
}

// Error is the answer as an error message, nil if it is none.
func (e *Exchange) Error() *scim.Error {
	got, err := scim.ParseError(e.Body)
	if err != nil {
		return nil
	}
	return got
}

// JSON is the answer as encoding/json reads it, nil if it is no JSON.
func (e *Exchange) JSON() map[string]any {
	var out map[string]any
	if json.Unmarshal(e.Body, &out) != nil {
		return nil
	}
	return out
}

// String shows what was asked and answered. No header is shown that may hold a
// credential.
func (e *Exchange) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "  > %s %s\n", e.Method, e.URL)
	if e.Sent != "" {
		fmt.Fprintf(&b, "  > %s\n", short(e.Sent))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, "  < no answer: %v", e.Err)
		return b.String()
	}
	fmt.Fprintf(&b, "  < %d %s", e.Status, e.Header.Get("Content-Type"))
	for _, name := range []string{"Location", "Content-Location", "Etag", "Allow", "Www-Authenticate"} {
		if v := e.Header.Get(name); v != "" {
			fmt.Fprintf(&b, " %s: %s", name, v)
		}
	}
	fmt.Fprintf(&b, "\n  < %s", short(string(e.Body)))
	return b.String()
}

func short(s string) string {
	const most = 2_000
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// name is one that nobody has: for userName, displayName and externalId.
func (s *Session) name(what string) string {
	s.names++
	return fmt.Sprintf("%s-%s-%d", s.prefix, what, s.names)
}

// quoted is a text as JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Errorf("no text: %w", err))
	}
	return string(b)
}

// userBody is a User with a userName; more are members such as `"title":"x"`.
func userBody(name string, more ...string) string {
	return `{"schemas":["` + scim.UserURN + `"],` + strings.Join(append([]string{`"userName":` + quoted(name)}, more...), ",") + `}`
}

// groupBody is a Group with members.
func groupBody(name string, members ...string) string {
	list := make([]string, len(members))
	for i, id := range members {
		list[i] = `{"value":` + quoted(id) + `}`
	}
	return `{"schemas":["` + scim.GroupURN + `"],"displayName":` + quoted(name) + `,"members":[` + strings.Join(list, ",") + `]}`
}

// patchBody is a PATCH of operations such as `{"op":"remove","path":"title"}`.
func patchBody(ops ...string) string {
	return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

// user makes a User with a name of its own, and ends the check if that cannot be done.
func (s *Session) user(ctx context.Context, more ...string) *scim.Resource {
	return s.create(ctx, "/Users", userBody(s.name("user"), more...))
}

// group makes a Group, and ends the check if there are none or it cannot be made.
func (s *Session) group(ctx context.Context, members ...string) *scim.Resource {
	if !s.has("/Groups") {
		must(notApplicable("there are no Groups"))
	}
	return s.create(ctx, "/Groups", groupBody(s.name("group"), members...))
}

func (s *Session) create(ctx context.Context, endpoint, body string) *scim.Resource {
	e := s.Do(ctx, http.MethodPost, endpoint, body)
	r := e.Resource()
	if e.Status != http.StatusCreated || r == nil || r.ID() == "" {
		must(failed(e, "what the check needs could not be made"))
	}
	return r
}

// has tells whether a resource type has this endpoint.
func (s *Session) has(endpoint string) bool {
	return slices.ContainsFunc(s.Types, func(t scim.ResourceType) bool { return strings.EqualFold(t.Endpoint, endpoint) })
}

// supports tells what ServiceProviderConfig says of a feature: patch, bulk, filter,
// sort, etag or changePassword.
func (s *Session) supports(feature string) bool {
	if s.Config == nil {
		return false
	}
	v, _ := s.Config.At(scim.Path{Attr: feature, Sub: "supported"})
	on, _ := v.AsBool()
	return on
}

// attribute is the published definition of an attribute such as "emails.value" of a
// schema, nil if there is none.
func (s *Session) attribute(urn, path string) *scim.Attribute {
	for _, sch := range s.Schemas {
		if !strings.EqualFold(sch.ID, urn) {
			continue
		}
		attributes := sch.Attributes
		var found *scim.Attribute
		for part := range strings.SplitSeq(path, ".") {
			i := slices.IndexFunc(attributes, func(a scim.Attribute) bool { return strings.EqualFold(a.Name, part) })
			if i < 0 {
				return nil
			}
			found, attributes = &attributes[i], attributes[i].SubAttributes
		}
		return found
	}
	return nil
}

// query is a path with parameters, which are name and value in turn.
func query(path string, params ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	return path + "?" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// at is the value at a path of a resource as JSON text; "" if there is none.
func at(r *scim.Resource, path string) string {
	if r == nil {
		return ""
	}
	v, ok := r.At(scim.MustPath(path))
	if !ok {
		return ""
	}
	return v.String()
}
