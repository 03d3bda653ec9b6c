// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/fake"
)

const (
	maxBody        = 1 << 20
	maxCorrelation = 64
)

// call is one request to an endpoint. What runs it holds the tenant's lock.
type call struct {
	*Tenant
	r     *http.Request
	route *route
	args  map[string]string
	query url.Values
	body  jsontext.Value
	by    cause
	token *token
	now   time.Time
	fault Fault
}

// answer is what comes of a call. A stream is written without the lock.
type answer struct {
	status int
	body   jsontext.Value // nil: none
	stream func(http.ResponseWriter, *http.Request)
}

// refusal is an answer that says no.
type refusal struct {
	status     int
	code       string
	message    string
	retryAfter int // seconds; 0: no header
	oauth      bool
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

// refuse makes a refusal of the Management API.
func refuse(status int, code, message string) *refusal {
	return &refusal{status: status, code: code, message: message}
}

func badBody(message string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_body", "Payload validation error: '"+message+"'")
}

func badQuery(message string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_query_string", "Query validation error: '"+message+"'")
}

// write answers with a refusal. The token endpoint has a shape of its own.
func (r *refusal) write(w http.ResponseWriter) {
	var o object
	if r.oauth {
		o.text("error", r.code)
		o.text("error_description", r.message)
	} else {
		o.number("statusCode", r.status)
		o.text("error", http.StatusText(r.status))
		o.text("message", r.message)
		o.text("errorCode", r.code)
	}
	if r.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(r.retryAfter))
	}
	answer{status: r.status, body: o.end()}.write(w)
}

func (a answer) write(w http.ResponseWriter) {
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // nobody is there to be told
}

// answer answers one request, with what goes wrong.
func (t *Tenant) answer(w http.ResponseWriter, r *http.Request) {
	rt, args, methods := t.match(r)
	if rt == nil {
		t.Arrive(r.Method, "unknown")
		t.lost(w, r, methods)
		return
	}
	t.Arrive(rt.method, rt.path)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, "payload_too_large", "Payload too large").write(w)
		return
	}
	if t.cfg.Latency > 0 {
		fake.Wait(r.Context(), t.cfg.Latency)
	}
	c := &call{
		Tenant: t, r: r, route: rt, args: args, query: r.URL.Query(), body: body, now: t.now(),
		by: cause{correlation: cut(r.Header.Get("X-Correlation-ID"), maxCorrelation)},
	}
	c.fault = c.Fault(rt.method, rt.path, c.subject)
	serve(c.fault, w, c)
}

func cut(s string, most int) string {
	if len(s) > most {
		return s[:most]
	}
	return s
}

// lost answers a request for which there is no endpoint.
func (t *Tenant) lost(w http.ResponseWriter, r *http.Request, methods []string) {
	no := refuse(http.StatusNotFound, "", "Not Found")
	if len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		no = refuse(http.StatusMethodNotAllowed, "", "Method Not Allowed")
	}
	t.Lock()
	t.refused(r, no)
	t.Unlock()
	no.write(w)
}

// refused keeps a refusal. The caller holds the lock.
func (t *Tenant) refused(r *http.Request, no *refusal) {
	if no.status != http.StatusTooManyRequests {
		t.Refused(fake.Refusal{At: t.now(), Method: r.Method, Path: strings.TrimPrefix(r.URL.RequestURI(), API), Status: no.status, Code: no.code, Message: no.message})
	}
}

// run answers a call as Auth0 would.
func (c *call) run(w http.ResponseWriter) {
	c.Lock()
	a, err := c.admitted(w)
	var no *refusal
	if errors.As(err, &no) {
		c.refused(c.r, no)
	}
	c.Unlock()
	switch {
	case no != nil:
		no.write(w)
	case err != nil:
		refuse(http.StatusInternalServerError, "internal_error", err.Error()).write(w)
	case a.stream != nil:
		a.stream(w, c.r)
	default:
		a.write(w)
	}
}

// admitted checks token, scopes, rate and query, and runs the endpoint.
func (c *call) admitted(w http.ResponseWriter) (answer, error) {
	if !c.route.open() {
		if err := c.authenticate(); err != nil {
			return answer{}, err
		}
		ok := c.rate.take(c.now)
		c.rate.headers(w.Header())
		if !ok {
			return answer{}, c.rate.refusal(c.route.path == "/events")
		}
		if !c.route.allows(c.token.scopes) {
			return answer{}, refuse(http.StatusForbidden, "insufficient_scope", c.route.needs())
		}
		c.asked[c.route] = true
	}
	for name := range c.query {
		if !slices.Contains(c.route.query, name) {
			return answer{}, badQuery("Additional properties not allowed: " + name)
		}
	}
	if len(c.body) > 0 && !c.route.open() {
		if err := c.body.Compact(); err != nil || c.body.Kind() != '{' {
			return answer{}, refuse(http.StatusBadRequest, "invalid_body", "Invalid request payload JSON format")
		}
	}
	return c.route.run(c)
}

// read reads a body into a struct that has a member for each field the endpoint knows.
func (c *call) read(into any) error {
	body := c.body
	if len(body) == 0 {
		body = jsontext.Value("{}")
	}
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var bad *json.SemanticError
	if errors.As(err, &bad) {
		name := string(bad.JSONPointer.LastToken())
		if errors.Is(err, json.ErrUnknownName) {
			return badBody("Additional properties not allowed: " + name)
		}
		return badBody("Expected another type on property " + name)
	}
	return badBody("Invalid request payload JSON format")
}

// ok answers with a document.
func ok(body jsontext.Value) (answer, error) { return answer{status: http.StatusOK, body: body}, nil }

func created(body jsontext.Value) (answer, error) {
	return answer{status: http.StatusCreated, body: body}, nil
}

func status(code int) (answer, error) { return answer{status: code}, nil }

// selected cuts a document to what fields and include_fields ask for.
func (c *call) selected(v jsontext.Value) jsontext.Value {
	names := c.query.Get("fields")
	if names == "" {
		return v
	}
	return pick(v, strings.Split(names, ","), c.query.Get("include_fields") != "false")
}

// field is a member of a change: absent, null, or a value.
type field[T any] struct {
	set, null bool
	value     T
}

// UnmarshalJSONFrom reads a value, or a null.
func (f *field[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	f.set = true
	if d.PeekKind() == 'n' {
		f.null = true
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &f.value)
}
