// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/fake"
)

const apiPath = "/api/v1"

// call is one request to an endpoint. What runs it holds the org's lock.
type call struct {
	*Org

	r     *http.Request
	path  string // as in Counts
	query url.Values
	body  []byte
	by    fake.Cause
	now   time.Time
}

// answer is what comes of a call.
type answer struct {
	status int
	body   any // nil: none
	links  []string
}

// refusal is an answer that says no.
type refusal struct {
	status        int
	code, summary string
	causes        []string
	oauth         bool
}

func (r *refusal) Error() string {
	return r.code + ": " + r.summary + " " + strings.Join(r.causes, "; ")
}

func refuse(status int, code, summary string) *refusal {
	return &refusal{status: status, code: code, summary: summary}
}

// invalid is the refusal of what is wrong with a request.
func invalid(of string, causes ...string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "E0000001", summary: "Api validation failed: " + of, causes: causes}
}

func notFound(id, kind string) *refusal {
	return refuse(http.StatusNotFound, "E0000007", "Not found: Resource not found: "+id+" ("+kind+")")
}

func forbidden() *refusal {
	return refuse(http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
}

func tooMany() *refusal {
	return refuse(http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests.")
}

// document is a refusal as it goes over the wire. The token endpoint has its own shape.
func (r *refusal) document(id string) any {
	if r.oauth {
		return map[string]string{"error": r.code, "error_description": r.summary}
	}
	causes := []map[string]string{}
	for _, c := range r.causes {
		causes = append(causes, map[string]string{"errorSummary": c})
	}
	return map[string]any{"errorCode": r.code, "errorSummary": r.summary, "errorLink": r.code, "errorId": id, "errorCauses": causes}
}

func write(w http.ResponseWriter, a answer) {
	for _, link := range a.links {
		w.Header().Add("Link", link)
	}
	fake.Answer(w, a.status, "application/json", a.body)
}

// endpoint runs a call.
type endpoint func(*call) (answer, error)

// routes are the endpoints: which limit a request counts for, and which scope it needs.
func (o *Org) routes() *http.ServeMux {
	mux := http.NewServeMux()
	add := func(what, limit, scope string, run endpoint) {
		method, path, _ := strings.Cut(what, " ")
		base := apiPath
		if limit == "" {
			base = ""
		}
		mux.HandleFunc(method+" "+base+path, func(w http.ResponseWriter, r *http.Request) { o.serve(w, r, path, limit, scope, run) })
	}
	add("POST /oauth2/v1/token", "", "", issueToken)
	const users, groups = "okta.users.manage", "okta.groups.manage"
	add("GET /users", "users", users, listUsers)
	add("POST /users", "users", users, createUser)
	add("GET /users/{id}", "users by id", users, getUser)
	add("POST /users/{id}", "users by id, written", users, updateUser)
	add("DELETE /users/{id}", "users by id, written", users, deleteUser)
	for name, run := range map[string]endpoint{"activate": activate, "deactivate": deactivate, "suspend": suspend, "unsuspend": unsuspend} {
		add("POST /users/{id}/lifecycle/"+name, "others", users, run)
	}
	add("DELETE /users/{id}/sessions", "others", users, endSessions)
	add("GET /users/{id}/roles", "others", "okta.roles.read", listRoles)
	add("GET /iam/assignees/users", "others", "okta.roles.read", listAdministrators)
	add("GET /meta/schemas/user/default", "others", "okta.schemas.read", getSchema)
	add("GET /groups", "groups", groups, listGroups)
	add("POST /groups", "groups", groups, createGroup)
	add("GET /groups/{gid}", "groups by id", groups, getGroup)
	add("PUT /groups/{gid}", "groups by id, written", groups, updateGroup)
	add("DELETE /groups/{gid}", "groups by id, written", groups, deleteGroup)
	add("GET /groups/{gid}/users", "others", groups, listMembers)
	add("PUT /groups/{gid}/users/{id}", "others", groups, addMember)
	add("DELETE /groups/{gid}/users/{id}", "others", groups, removeMember)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		o.Arrive(r.Method, "unknown")
		write(w, answer{status: http.StatusNotFound, body: refuse(http.StatusNotFound, "E0000022", "The endpoint does not support the provided HTTP method").document("oae0")})
	})
	return mux
}

func (o *Org) serve(w http.ResponseWriter, r *http.Request, path, limit, scope string, run endpoint) {
	body, ok := fake.Body(w, r)
	if !ok {
		return
	}
	c := &call{Org: o, r: r, path: path, query: r.URL.Query(), body: body, now: o.now()}
	c.Arrive(r.Method, c.path)
	f := c.Fault(r.Method, c.path, c.subject)
	c.by = f.Cause()
	f.Serve(w, r, func(w http.ResponseWriter) { c.run(w, limit, scope, run) }, func(w http.ResponseWriter) {
		if f.Kind == fake.TooMany {
			limited(w.Header(), 600, 0, c.now.Add(max(f.RetryAfter, time.Second)))
		}
		no := c.scheduled(f)
		no.oauth = limit == ""
		write(w, answer{status: no.status, body: no.document("oaeFault")})
	})
}

// subject names what a call is about, without ids, which depend on the order of calls.
func (c *call) subject() string {
	if u := c.users[c.r.PathValue("id")]; u != nil {
		return u.text("login")
	}
	if g := c.groups[c.r.PathValue("gid")]; g != nil {
		return g.text("name")
	}
	var body struct {
		Profile map[string]any `json:"profile"`
	}
	if json.Unmarshal(c.body, &body) == nil && body.Profile != nil {
		for _, name := range []string{"login", "name"} {
			if s, ok := body.Profile[name].(string); ok {
				return s
			}
		}
	}
	return c.query.Get("search") + c.query.Get("filter") + c.query.Get("q") + "#" + c.query.Get("after")
}

func (c *call) scheduled(f fake.Fault) *refusal {
	message := "scheduled: " + string(f.Kind)
	switch f.Kind {
	case fake.Unavailable, fake.BusyAfter:
		return refuse(http.StatusServiceUnavailable, "E0000010", message)
	case fake.TooMany:
		return tooMany()
	case fake.Unauthorized:
		return refuse(http.StatusUnauthorized, "E0000011", "Invalid token provided")
	case fake.Forbidden:
		return forbidden()
	case fake.NotFound:
		return notFound(c.r.PathValue("id"), "User")
	case fake.Conflict:
		return refuse(http.StatusConflict, "E0000157", message)
	}
	return refuse(http.StatusInternalServerError, "E0000009", message)
}

// run answers a call as Okta would.
func (c *call) run(w http.ResponseWriter, limit, scope string, run endpoint) {
	c.Lock()
	a, err := c.admitted(w, limit, scope, run)
	var no *refusal
	if errors.As(err, &no) && no.status != http.StatusTooManyRequests {
		c.Refused(fake.Refusal{At: c.now, Method: c.r.Method, Path: c.path, Status: no.status, Code: no.code, Message: no.Error()})
	}
	id := ""
	if no != nil {
		id = c.ids.Next("oae", 17)
	}
	c.Unlock()
	if no != nil {
		a = answer{status: no.status, body: no.document(id)}
	}
	write(w, a)
}

func (c *call) admitted(w http.ResponseWriter, limit, scope string, run endpoint) (answer, error) {
	w.Header().Set("X-Okta-Request-Id", c.ids.Next("", 20))
	if limit != "" {
		if no := c.authenticate(scope); no != nil {
			return answer{}, no
		}
		if !c.take(w.Header(), limit) {
			return answer{}, tooMany()
		}
	}
	return run(c)
}

// window is one limit, for a minute.
type window struct {
	used int
	ends time.Time
}

func limited(h http.Header, limit, left int, reset time.Time) {
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Add(time.Second-1).Unix(), 10))
}

// take counts a request for its limit.
func (c *call) take(h http.Header, limit string) bool {
	most, ok := c.cfg.PerMinute[limit]
	if !ok {
		limited(h, 100_000, 100_000, c.now.Add(time.Minute))
		return true
	}
	win := c.windows[limit]
	if win == nil || !c.now.Before(win.ends) {
		win = &window{ends: c.now.Add(time.Minute)}
		c.windows[limit] = win
	}
	allowed := win.used < most
	if allowed {
		win.used++
	}
	limited(h, most, most-win.used, win.ends)
	return allowed
}

// page cuts a list to what is asked for, and tells where the rest is.
func (c *call) page(ids []string) (cut []string, links []string) {
	limit := c.cfg.MostPerPage
	if n, err := strconv.Atoi(c.query.Get("limit")); err == nil && n > 0 {
		limit = min(limit, n)
	}
	begin := 0
	if after := c.query.Get("after"); after != "" {
		for begin < len(ids) && ids[begin] <= after {
			begin++
		}
	}
	at := func(after string) string {
		u, q := *c.r.URL, c.query
		q.Del("after")
		if after != "" {
			q.Set("after", after)
		}
		return "<https://" + c.r.Host + u.Path + "?" + q.Encode() + ">"
	}
	links = append(links, at(c.query.Get("after"))+`; rel="self"`)
	end := min(len(ids), begin+limit)
	if end < len(ids) {
		links = append(links, at(ids[end-1])+`; rel="next"`)
	}
	return ids[begin:end], links
}

// read reads the profile of a body. Nothing else is taken.
func (c *call) read() (map[string]any, error) {
	var body struct {
		Profile map[string]any `json:"profile"`
	}
	if err := json.Unmarshal(c.body, &body, json.RejectUnknownMembers(true)); err != nil || body.Profile == nil {
		return nil, refuse(http.StatusBadRequest, "E0000003", "The request body was not well-formed.")
	}
	return body.Profile, nil
}
