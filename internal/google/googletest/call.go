// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/fake"
)

const apiPath = "/admin/directory/v1"

// call is one request to an endpoint. What runs it holds the account's lock.
type call struct {
	*Account

	r     *http.Request
	path  string // as in Counts
	query url.Values
	body  []byte
	by    fake.Cause
	now   time.Time
}

// refusal is an answer that says no.
type refusal struct {
	status          int
	reason, message string
	oauth           bool
}

func (r *refusal) Error() string { return r.reason + ": " + r.message }

func refuse(status int, reason, message string) *refusal {
	return &refusal{status: status, reason: reason, message: message}
}

func invalid(of string) *refusal {
	return refuse(http.StatusBadRequest, "invalid", "Invalid Input: "+of)
}

func notFound(key string) *refusal {
	return refuse(http.StatusNotFound, "notFound", "Resource Not Found: "+key)
}

func forbidden() *refusal {
	return refuse(http.StatusForbidden, "forbidden", "Not Authorized to access this resource/api")
}

func duplicate(what string) *refusal {
	return refuse(http.StatusConflict, "duplicate", what+" already exists.")
}

// document is a refusal as it goes over the wire. The token endpoint has its own shape.
func (r *refusal) document() any {
	if r.oauth {
		return map[string]string{"error": r.reason, "error_description": r.message}
	}
	return map[string]any{"error": map[string]any{
		"code": r.status, "message": r.message, "errors": []any{map[string]string{"domain": "global", "reason": r.reason, "message": r.message}},
	}}
}

// write answers. An empty answer of success has no body.
func write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		status = http.StatusNoContent
	}
	fake.Answer(w, status, "application/json; charset=UTF-8", body)
}

// endpoint runs a call, and returns what it is answered with.
type endpoint func(*call) (any, error)

// routes are the endpoints, and which scope each needs.
func (a *Account) routes() *http.ServeMux {
	mux := http.NewServeMux()
	add := func(what, scope string, run endpoint) {
		method, path, _ := strings.Cut(what, " ")
		base := apiPath
		if scope == "" {
			base = ""
		}
		mux.HandleFunc(method+" "+base+path, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, path, scope, run) })
	}
	add("POST /token", "", issueToken)
	add("GET /users", scopeUsers, listUsers)
	add("POST /users", scopeUsers, createUser)
	add("GET /users/{id}", scopeUsers, getUser)
	add("PUT /users/{id}", scopeUsers, updateUser)
	add("DELETE /users/{id}", scopeUsers, deleteUser)
	add("DELETE /users/{id}/aliases/{alias}", scopeUsers, deleteAlias)
	add("POST /users/{id}/signOut", scopeSecurity, signOut)
	add("GET /users/{id}/tokens", scopeSecurity, listTokens)
	add("DELETE /users/{id}/tokens/{client}", scopeSecurity, deleteToken)
	add("GET /users/{id}/asps", scopeSecurity, listPasswords)
	add("DELETE /users/{id}/asps/{code}", scopeSecurity, deletePassword)
	add("GET /groups", scopeGroups, listGroups)
	add("POST /groups", scopeGroups, createGroup)
	add("GET /groups/{gid}", scopeGroups, getGroup)
	add("PATCH /groups/{gid}", scopeGroups, updateGroup)
	add("GET /groups/{gid}/members", scopeGroups, listMembers)
	add("POST /groups/{gid}/members", scopeGroups, addMember)
	add("DELETE /groups/{gid}/members/{id}", scopeGroups, removeMember)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.Arrive(r.Method, "unknown")
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<html><title>Error 404 (Not Found)</title></html>") // nobody is there to be told
	})
	return mux
}

func (a *Account) serve(w http.ResponseWriter, r *http.Request, path, scope string, run endpoint) {
	body, ok := fake.Body(w, r)
	if !ok {
		return
	}
	c := &call{Account: a, r: r, path: path, query: r.URL.Query(), body: body, now: a.now()}
	c.Arrive(r.Method, c.path)
	f := c.Fault(r.Method, c.path, c.subject)
	c.by = f.Cause()
	f.Serve(w, r, func(w http.ResponseWriter) { c.run(w, scope, run) }, func(w http.ResponseWriter) {
		no := c.scheduled(f)
		no.oauth = scope == ""
		write(w, no.status, no.document())
	})
}

// subject names what a call is about, without ids, which depend on the order of calls.
func (c *call) subject() string {
	if g := c.groups[c.r.PathValue("gid")]; g != nil {
		return g.email
	}
	if u := c.users[c.r.PathValue("id")]; u != nil {
		return u.email
	}
	var body map[string]any
	if json.Unmarshal(c.body, &body) == nil {
		for _, name := range []string{"primaryEmail", "email"} {
			if s, ok := body[name].(string); ok {
				return s
			}
		}
	}
	return c.r.PathValue("id") + c.query.Get("query") + "#" + c.query.Get("pageToken")
}

func (c *call) scheduled(f fake.Fault) *refusal {
	message := "scheduled: " + string(f.Kind)
	switch f.Kind {
	case fake.Unavailable, fake.BusyAfter:
		return refuse(http.StatusServiceUnavailable, "backendError", message)
	case fake.TooMany: // in both of the ways that there are
		if len(c.subject())%2 == 0 {
			return refuse(http.StatusForbidden, "quotaExceeded", message)
		}
		return refuse(http.StatusTooManyRequests, "rateLimitExceeded", message)
	case fake.Unauthorized:
		return refuse(http.StatusUnauthorized, "authError", "Invalid Credentials")
	case fake.Forbidden:
		return forbidden()
	case fake.NotFound:
		return notFound("userKey")
	case fake.Conflict:
		return duplicate("Entity")
	}
	return refuse(http.StatusInternalServerError, "backendError", message)
}

// run answers a call as Google would.
func (c *call) run(w http.ResponseWriter, scope string, run endpoint) {
	c.Lock()
	body, err := c.admitted(scope, run)
	var no *refusal
	if errors.As(err, &no) && no.reason != limited {
		c.Refused(fake.Refusal{At: c.now, Method: c.r.Method, Path: c.path, Status: no.status, Code: no.reason, Message: no.Error()})
	}
	c.Unlock()
	if no != nil {
		write(w, no.status, no.document())
		return
	}
	write(w, http.StatusOK, body)
}

const limited = "userRateLimitExceeded"

func (c *call) admitted(scope string, run endpoint) (any, error) {
	if scope == "" {
		return run(c)
	}
	if no := c.authenticate(scope); no != nil {
		return nil, no
	}
	if !c.now.Before(c.ends) {
		c.used, c.ends = 0, c.now.Add(time.Minute)
	}
	if c.used++; c.cfg.PerMinute > 0 && c.used > c.cfg.PerMinute {
		return nil, refuse(http.StatusForbidden, limited, "Quota exceeded for quota metric 'Queries'")
	}
	return run(c)
}

// page cuts a list to what is asked for, and names the rest.
func (c *call) page(ids []string, most int) (cut []string, token string) {
	limit := min(c.cfg.MostPerPage, most)
	if n, err := strconv.Atoi(c.query.Get("maxResults")); err == nil && n > 0 {
		limit = min(limit, n)
	}
	begin := 0
	if after, err := base64.RawURLEncoding.DecodeString(c.query.Get("pageToken")); err == nil && len(after) > 0 {
		for begin < len(ids) && ids[begin] <= string(after) {
			begin++
		}
	}
	end := min(len(ids), begin+limit)
	if end < len(ids) {
		token = base64.RawURLEncoding.EncodeToString([]byte(ids[end-1]))
	}
	return ids[begin:end], token
}

// listed is a page of a list. One without entries has no list at all.
func listed(of string, entries []any, token string) any {
	out := map[string]any{"kind": "admin#directory#" + of}
	if len(entries) > 0 {
		out[of] = entries
	}
	if token != "" {
		out["nextPageToken"] = token
	}
	return out
}

// ours refuses a list of another customer.
func (c *call) ours() *refusal {
	if c.query.Get("customer") != "my_customer" {
		return refuse(http.StatusBadRequest, "badRequest", "Bad Request")
	}
	return nil
}

// read reads a body, strictly.
func (c *call) read() (map[string]any, error) {
	var body map[string]any
	if json.Unmarshal(c.body, &body) != nil || body == nil {
		return nil, refuse(http.StatusBadRequest, "parseError", "This API does not support parsing form-encoded input.")
	}
	return body, nil
}
