// SPDX-License-Identifier: Apache-2.0

package httpapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/scim"
)

// Config is what an App is made of. Source, Schemas, Read, Write and HTTP are required.
type Config struct {
	Source  string // whose records they are
	Schemas *scim.SchemaSet
	Auth    httpauth.Auth
	Headers []Header
	Read    Read
	Write   Write
	HTTP    http.RoundTripper // where it may connect to is the caller's to say
	Timeout time.Duration     // of one request; default 30 s
}

// Header is a header that goes along with each request; not for credentials.
type Header struct{ Name, Value string }

// Read is how a record is read.
type Read struct {
	URL        string        // with {id} once, as a segment of its path or in its query
	At         jsonpath.Path // to the record in the answer; the zero Path is the answer
	Key        jsonpath.Path // to the key in a record; the zero Path is for one that does not tell it, where the address alone says whose it is
	Attributes []Place
}

// Place is where in a record an attribute is.
type Place struct {
	Attribute scim.Path // of a user: one plain value
	At        jsonpath.Path
}

// Write is the request that changes a record.
type Write struct {
	Method      string // PATCH, PUT or POST
	URL         string // of the same origin as that of Read; with {id}, unless Body has it
	ContentType string // default application/json
	All         bool   // each time all attributes go into the body, and not those alone that differ
	EmptyText   bool   // an attribute without a value goes as "", and not as null
	Body        Template
}

// idIn is what stands for the id in an address.
const idIn = "{id}"

// Part is a part of a Config.
type Part string

// The parts that an [Error] is about.
const (
	PartRead  Part = "read"
	PartWrite Part = "write"
	PartBody  Part = "body"
	PartAuth  Part = "auth"
)

// Error is what is wrong with a part of a Config.
type Error struct {
	Part Part
	Msg  string
}

func (e *Error) Error() string { return string(e.Part) + ": " + e.Msg }

// App is the records of a source.
type App struct {
	config  Config
	client  *rest.Client
	auth    *httpauth.Credential
	read    target
	write   target
	types   []scim.Type // of Read.Attributes
	profile app.Profile
}

var _ app.App = (*App)(nil)

// api is what errors are called by.
const api = "http"

// New checks the configuration and makes an App. It sends nothing.
func New(c Config) (*App, error) {
	if c.Schemas == nil || c.HTTP == nil || c.Source == "" {
		return nil, errors.New("httpapp: there is no source, no schema, or nothing to send requests with")
	}
	a := &App{config: c}
	if err := errors.Join(a.addresses(), a.attributes(), a.credential()); err != nil {
		return nil, err
	}
	a.connect()
	a.profile = a.describe()
	return a, nil
}

func (a *App) addresses() error {
	var errs []error
	var err error
	if a.read, err = parseTarget(a.config.Read.URL); err != nil {
		errs = append(errs, &Error{PartRead, err.Error()})
	} else if !a.read.has() {
		errs = append(errs, &Error{PartRead, "the url must hold {id}, once: it is where one record is"})
	} else if a.config.Read.Key.IsZero() && (a.read.param != "" || picks(a.config.Read.At)) {
		errs = append(errs, &Error{PartRead, "key must say where in a record its key is, as {id} stands in a query or at picks one of several: a system that does not know the parameter answers with somebody else"})
	}
	if a.write, err = parseTarget(a.config.Write.URL); err != nil {
		errs = append(errs, &Error{PartWrite, err.Error()})
	}
	switch {
	case len(errs) > 0:
	case a.write.base != a.read.base:
		errs = append(errs, &Error{PartWrite, "the url must have the scheme, host and port of that of read: credentials go nowhere else"})
	case !a.write.has() && !a.config.Write.Body.hasID():
		errs = append(errs, &Error{PartWrite, "neither the url nor the body holds {id}: it would be the same record for everybody"})
	}
	if !slices.Contains([]string{http.MethodPatch, http.MethodPut, http.MethodPost}, a.config.Write.Method) {
		errs = append(errs, &Error{PartWrite, "method is PATCH, PUT or POST"})
	}
	return errors.Join(errs...)
}

// picks reports whether a path takes one of several: by a bracket, or by the index of a
// pointer, which a member that is called by a number is taken for.
func picks(p jsonpath.Path) bool {
	return !p.Plain() || slices.ContainsFunc(strings.Split(p.String(), "/")[1:], func(token string) bool {
		return token != "" && strings.Trim(token, "0123456789") == ""
	})
}

// attributes checks that what is read is what is written, and can be.
func (a *App) attributes() error {
	var errs []error
	written := a.config.Write.Body.attributes(nil)
	for _, p := range a.config.Read.Attributes {
		attr, ok := a.config.Schemas.Lookup(scim.UserURN, p.Attribute)
		if !ok || attr.Type == scim.TypeComplex {
			errs = append(errs, &Error{PartRead, p.Attribute.String() + " is no plain value of a user"})
		}
		a.types = append(a.types, attr.Type)
		if !slices.ContainsFunc(written, p.Attribute.Equal) {
			errs = append(errs, &Error{PartBody, "there is no place for {" + p.Attribute.String() + "}"})
		}
	}
	for _, w := range written {
		if !slices.ContainsFunc(a.config.Read.Attributes, func(p Place) bool { return p.Attribute.Equal(w) }) {
			errs = append(errs, &Error{PartRead, "it is not said where {" + w.String() + "} of the body is read"})
		}
	}
	if len(a.config.Read.Attributes) == 0 {
		errs = append(errs, &Error{PartRead, "no attribute is read"})
	}
	return errors.Join(errs...)
}

func (a *App) connect() {
	c := a.config
	conf := rest.Config{
		API: api, Maker: "source " + c.Source, Place: "address", Base: a.read.base, HTTP: c.HTTP, Timeout: c.Timeout, Said: said,
		UserAgent: userAgent, Answer: mostAnswer, RequestID: []string{"X-Request-Id", "X-Correlation-Id"},
		Header: func(ctx context.Context, h http.Header) {
			for _, header := range c.Headers {
				h.Set(header.Name, header.Value)
			}
			if id := app.RequestID(ctx); id != "" {
				h.Set("X-Request-Id", id)
			}
		},
	}
	conf.Credential, conf.Scheme, conf.KeyHeader = a.auth, a.auth.Scheme, a.auth.Header
	a.client = rest.New(conf)
}

const (
	userAgent = "usher (https://github.com/usher-id/usher)"
	// mostAnswer bounds an answer, unpacked: a record is small.
	mostAnswer = 4 << 20
)

// describe says how records differ from accounts of SCIM. None is made, listed or ended.
func (a *App) describe() app.Profile {
	return app.Profile{
		ID: "http-records", Name: "the records of source " + a.config.Source, Kind: "rest", AppType: "http",
		Users: app.Operations{Path: a.read.route, Patch: true, Get: true}, Pagination: "none", PageSize: 1,
		Deactivate: "never", Leaver: "left as they are", DeactivateLeaves: app.LeavesDisabled, DeleteLeaves: app.LeavesDisabled,
		Unsupported: app.Paths{{Attr: "externalId"}}, MaxMembersPerRequest: 1, Concurrency: 4,
		Filters: []app.FilterSupport{{Resource: app.KindUser}},
	}
}

// Profile says what the records are as an app.
func (a *App) Profile() app.Profile { return a.profile }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (a *App) Requests() int64 { return a.client.Requests() + a.auth.Requests() }

// Where is the address of the records, for people and for telling them from others.
func (a *App) Where() string { return a.read.String() }

// String names the app. It holds no credential.
func (a *App) String() string { return "httpapp(" + a.read.base + ")" }

// GoString is String, so that %#v does not walk into the credentials.
func (a *App) GoString() string { return a.String() }

// target is an address, taken apart so that an id can be put into it.
type target struct {
	base  string // scheme, host and port
	route string // path, with {} for the id
	query url.Values
	inURL bool
	param string // of the query that has the id in it
}

func (t target) has() bool { return t.inURL || t.param != "" }

// String is the address without its query, which may hold what nobody should see.
func (t target) String() string { return t.base + strings.ReplaceAll(t.route, "{}", idIn) }

// parseTarget reads an address. What is wrong is said without it.
func parseTarget(text string) (t target, err error) {
	if strings.Count(text, idIn) > 1 {
		return t, errors.New("the url holds {id} twice")
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return t, errors.New("the url is no address; write https://host/path/{id}")
	}
	path, _, _ := strings.Cut(text, "?")
	_, path, _ = strings.Cut(path, "://")
	_, path, found := strings.Cut(path, "/")
	if path = "/" + path; !found {
		path = ""
	}
	t.base = u.Scheme + "://" + strings.ToLower(u.Hostname())
	if strings.Contains(u.Hostname(), ":") {
		t.base = u.Scheme + "://[" + strings.ToLower(u.Hostname()) + "]"
	}
	if p := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme]); p != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		t.base += ":" + p
	}
	if t.inURL = strings.Contains(path, idIn); t.inURL && !slices.Contains(strings.Split(path, "/"), idIn) {
		return t, errors.New("in a path {id} must be a segment of its own")
	}
	if strings.Contains(strings.ReplaceAll(path, idIn, ""), "{}") {
		return t, errors.New("the url holds {}; write {id}")
	}
	t.route = strings.Replace(path, idIn, "{}", 1)
	if t.query, err = url.ParseQuery(u.RawQuery); err != nil {
		return t, errors.New("the query of the url cannot be read")
	}
	for name, values := range t.query {
		switch {
		case strings.Contains(name, idIn):
			return t, errors.New("{id} stands for a value, and not for a name")
		case slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, idIn) }):
			t.param = name
		}
	}
	if strings.Contains(text, idIn) && !t.has() {
		return t, errors.New("{id} stands in a path or in a query")
	}
	return t, nil
}

// request is a request about a record. Its id is the source's, and leads nowhere else.
func (t target) request(method, id string) rest.Request {
	r := rest.Request{Method: method, Route: t.route, Query: t.query}
	if t.inURL {
		r.IDs = []string{id}
	}
	if t.param == "" {
		return r
	}
	r.Query = url.Values{}
	for name, values := range t.query {
		for _, v := range values {
			r.Query.Add(name, strings.Replace(v, idIn, id, 1))
		}
	}
	return r
}

// named are members of an answer, which are names of the API and of nobody.
func named(v *jsonpath.Value) string {
	const most = 12
	if len(v.Names) == 0 {
		return "no members"
	}
	var names []string
	for _, n := range v.Names[:min(len(v.Names), most)] {
		names = append(names, fmt.Sprintf("%.40q", n))
	}
	return strings.Join(names, ", ")
}
