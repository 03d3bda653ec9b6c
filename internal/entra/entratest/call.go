// SPDX-License-Identifier: Apache-2.0

package entratest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/fake"
)

const (
	version  = "/v1.0"
	mostPage = 999
)

// call is one request to an endpoint. What runs it holds the tenant's lock.
type call struct {
	*Tenant

	r     *http.Request
	path  string // as in Counts; one more word says that a PATCH adds members
	query url.Values
	body  []byte
	by    fake.Cause
	now   time.Time
	view  *replica
	// permissions are those of the token; none at the token endpoint.
	permissions []string
}

// answer is what comes of a call.
type answer struct {
	status int
	body   any // nil: none
}

// refusal is an answer that says no.
type refusal struct {
	status        int
	code, message string
	details       []detail
	oauth         bool
}

type detail struct {
	Code   string `json:"code"`
	Target string `json:"target"`
	Text   string `json:"message"`
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func refuse(status int, code, message string) *refusal {
	return &refusal{status: status, code: code, message: message}
}

// bad is the refusal of what is wrong with a request.
func bad(message string) *refusal {
	return refuse(http.StatusBadRequest, "Request_BadRequest", message)
}

func notFound(id string) *refusal {
	return refuse(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

func forbidden() *refusal {
	return refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// document is a refusal as it goes over the wire. The token endpoint has its own shape.
func (r *refusal) document(id string, now time.Time) any {
	if r.oauth {
		return map[string]any{"error": r.code, "error_description": r.message + "\r\nTrace ID: " + id + "\r\nCorrelation ID: " + id, "timestamp": now.Format(time.DateTime) + "Z", "trace_id": id}
	}
	e := map[string]any{"code": r.code, "message": r.message, "innerError": map[string]string{"date": now.Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": id}}
	if len(r.details) > 0 {
		e["details"] = r.details
	}
	return map[string]any{"error": e}
}

func write(w http.ResponseWriter, a answer) { fake.Answer(w, a.status, "application/json", a.body) }

// endpoint runs a call.
type endpoint func(*call) (answer, error)

// The permissions that calls need, any of each (learn.microsoft.com/graph/api, the page of
// each call).
var (
	readUsers   = []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeUsers  = []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}
	patchUsers  = append([]string{"User.EnableDisableAccount.All"}, writeUsers...) // which properties is looked at behind
	endSessions = []string{"User.RevokeSessions.All"}
	memberships = []string{"User.Read.All", "GroupMember.Read.All", "Group.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readGroups  = []string{"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeGroups = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"}
	patchGroups = append([]string{"GroupMember.ReadWrite.All"}, writeGroups...) // likewise
)

func (t *Tenant) routes() *http.ServeMux {
	mux := http.NewServeMux()
	add := func(what string, needs []string, run endpoint) {
		method, path, _ := strings.Cut(what, " ")
		mux.HandleFunc(method+" "+version+path, func(w http.ResponseWriter, r *http.Request) { t.serve(w, r, path, needs, run) })
	}
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		t.serve(w, r, "/{tenant}/oauth2/v2.0/token", nil, issueToken)
	})
	add("GET /users", readUsers, listUsers)
	add("POST /users", writeUsers, createUser)
	add("GET /users/{id}", readUsers, getUser)
	add("PATCH /users/{id}", patchUsers, updateUser)
	add("DELETE /users/{id}", writeUsers, deleteUser)
	add("POST /users/{id}/revokeSignInSessions", endSessions, revokeSessions)
	add("GET /users/{id}/transitiveMemberOf", memberships, listMemberships)
	add("GET /groups", readGroups, listGroups)
	add("GET /groups/{gid}", readGroups, getGroup)
	add("PATCH /groups/{gid}", patchGroups, updateGroup)
	add("GET /groups/{gid}/members", readGroups, listMembers)
	add("DELETE /groups/{gid}/members/{id}/$ref", patchGroups, removeMember)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, version)
		if unique, ok := alternate(path, "/groups(uniqueName='"); ok && r.Method == http.MethodPatch {
			r.SetPathValue("unique", unique)
			t.serve(w, r, "/groups(uniqueName)", writeGroups, upsertGroup)
			return
		} else if ok && r.Method == http.MethodGet {
			r.SetPathValue("unique", unique)
			t.serve(w, r, "/groups(uniqueName)", readGroups, getUnique)
			return
		}
		if name, ok := alternate(path, "/users('"); ok && r.Method == http.MethodGet {
			r.SetPathValue("id", name)
			t.serve(w, r, "/users/{id}", readUsers, getUser)
			return
		}
		t.Arrive(r.Method, "unknown")
		write(w, answer{http.StatusBadRequest, refuse(http.StatusBadRequest, "BadRequest", "Resource not found for the segment.").document("0", t.now())})
	})
	return mux
}

// alternate reads the key of an object that is not named by its id.
func alternate(path, before string) (string, bool) {
	key, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	key, ok = strings.CutSuffix(key, "')")
	return strings.ReplaceAll(key, "''", "'"), ok
}

func (t *Tenant) serve(w http.ResponseWriter, r *http.Request, path string, needs []string, run endpoint) {
	body, ok := fake.Body(w, r)
	if !ok {
		return
	}
	c := &call{Tenant: t, r: r, path: path, query: r.URL.Query(), body: body, now: t.now()}
	if c.addsMembers() {
		c.path += " members"
	}
	c.Arrive(r.Method, c.path)
	f := c.Fault(r.Method, c.path, c.subject)
	c.by = f.Cause()
	f.Serve(w, r, func(w http.ResponseWriter) { c.run(w, needs, run) }, func(w http.ResponseWriter) {
		if f.Kind == fake.TooMany {
			w.Header().Set("Retry-After", strconv.Itoa(int(max(f.RetryAfter, time.Second)/time.Second)))
		}
		no := c.scheduled(f)
		no.oauth = needs == nil
		write(w, answer{no.status, no.document("fault", c.now)})
	})
}

// addsMembers reports whether a PATCH of a group is one of its members.
func (c *call) addsMembers() bool {
	return c.r.Method == http.MethodPatch && strings.Contains(string(c.body), `"members@odata.bind"`)
}

// subject names what a call is about, without ids, which depend on the order of calls.
func (c *call) subject() string {
	var parts []string
	if g := c.groups[c.r.PathValue("gid")]; g != nil {
		parts = append(parts, g.name)
	}
	if u := c.users[c.r.PathValue("id")]; u != nil {
		parts = append(parts, u.text("userPrincipalName"))
	}
	if len(parts) > 0 {
		return strings.Join(parts, " ")
	}
	var body map[string]any
	if json.Unmarshal(c.body, &body) == nil {
		for _, name := range []string{"userPrincipalName", "displayName"} {
			if s, ok := body[name].(string); ok {
				return s
			}
		}
	}
	return c.r.PathValue("id") + c.query.Get("$filter") + "#" + c.query.Get("$skiptoken")
}

func (c *call) scheduled(f fake.Fault) *refusal {
	message := "scheduled: " + string(f.Kind)
	switch f.Kind {
	case fake.Unavailable, fake.BusyAfter:
		return refuse(http.StatusServiceUnavailable, "serviceNotAvailable", message)
	case fake.TooMany:
		return refuse(http.StatusTooManyRequests, "TooManyRequests", "Too many requests")
	case fake.Unauthorized:
		return refuse(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
	case fake.Forbidden:
		return forbidden()
	case fake.NotFound:
		return notFound(c.r.PathValue("id"))
	case fake.Conflict:
		return refuse(http.StatusConflict, "Request_Conflict", message)
	}
	return refuse(http.StatusInternalServerError, "InternalServerError", message)
}

// run answers a call as Graph would.
func (c *call) run(w http.ResponseWriter, needs []string, run endpoint) {
	c.Lock()
	id := c.guid("request")
	w.Header().Set("request-id", id)
	c.replica.catchUp(c.now)
	c.view = c.asked()
	a, err := c.admitted(needs, run)
	var no *refusal
	if errors.As(err, &no) {
		c.Refused(fake.Refusal{At: c.now, Method: c.r.Method, Path: c.path, Status: no.status, Code: no.code, Message: no.message})
	}
	c.Unlock()
	if no != nil {
		a = answer{no.status, no.document(id, c.now)}
	}
	write(w, a)
}

func (c *call) admitted(needs []string, run endpoint) (answer, error) {
	if needs != nil {
		if no := c.authenticate(needs); no != nil {
			return answer{}, no
		}
	}
	return run(c)
}

// may reports whether the token holds one of some permissions.
func (c *call) may(any ...string) bool {
	return slices.ContainsFunc(any, func(p string) bool { return slices.Contains(c.permissions, p) })
}

// page cuts a list to what is asked for, and tells where the rest is: the link is whole,
// with all that was asked for.
func (c *call) page(ids []string, show func(id string) any) answer {
	limit := c.cfg.MostPerPage
	if n, err := strconv.Atoi(c.query.Get("$top")); err == nil && n > 0 && n <= mostPage {
		limit = min(limit, n)
	}
	begin, after := 0, c.query.Get("$skiptoken")
	for begin < len(ids) && ids[begin] <= after {
		begin++
	}
	end := min(len(ids), begin+limit)
	out := map[string]any{"@odata.context": "https://" + c.r.Host + version + "/$metadata#" + strings.Trim(c.path, "/")}
	value := []any{}
	for _, id := range ids[begin:end] {
		value = append(value, show(id))
	}
	out["value"] = value
	if end < len(ids) {
		u, q := *c.r.URL, c.query
		q.Set("$skiptoken", ids[end-1])
		out["@odata.nextLink"] = "https://" + c.r.Host + u.Path + "?" + q.Encode()
	}
	return answer{http.StatusOK, out}
}

// read reads the object of a body.
func (c *call) read() (map[string]any, error) {
	var body map[string]any
	if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return nil, refuse(http.StatusBadRequest, "Request_BadRequest", "Write requests (excluding DELETE) must contain the Content-Type header declaration.")
	}
	if err := json.Unmarshal(c.body, &body); err != nil || body == nil {
		return nil, refuse(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return body, nil
}
