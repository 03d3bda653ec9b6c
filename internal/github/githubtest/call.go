// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/fake"
)

// call is one request to an endpoint. What runs it holds the organization's lock.
type call struct {
	*Org

	r     *http.Request
	path  string // as in Counts
	query url.Values
	body  []byte
	by    fake.Cause
	links []string
}

// refusal is an answer that says no.
type refusal struct {
	status  int
	message string
	causes  []map[string]string
	after   time.Duration // Retry-After
}

func (r *refusal) Error() string {
	text := r.message
	for _, c := range r.causes {
		text += "; " + c["message"]
	}
	return text
}

func refuse(status int, message string) *refusal { return &refusal{status: status, message: message} }

func notFound() *refusal { return refuse(http.StatusNotFound, "Not Found") }

// invalid is the refusal of what is wrong with a request.
func invalid(resource, field, message string) *refusal {
	r := refuse(http.StatusUnprocessableEntity, "Validation Failed")
	r.causes = []map[string]string{{"resource": resource, "code": "unprocessable", "field": field, "message": message}}
	return r
}

func (r *refusal) document() any {
	d := map[string]any{"message": r.message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(r.status)}
	if len(r.causes) > 0 {
		d["errors"] = r.causes
	}
	return d
}

func write(w http.ResponseWriter, status int, body any) {
	fake.Answer(w, status, "application/json; charset=utf-8", body)
}

// endpoint runs a call: its answer is what is told with status 200, or a status alone.
type endpoint func(*call) (any, error)

// routes are the endpoints, by who may ask: the app itself, or its installation.
func (o *Org) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(what string, app bool, run endpoint) {
		_, path, _ := strings.Cut(what, " ")
		mux.HandleFunc(what, func(w http.ResponseWriter, r *http.Request) { o.serve(w, r, path, app, run) })
	}
	add("GET /orgs/{org}/installation", true, getInstallation)
	add("POST /app/installations/{id}/access_tokens", true, issueToken)
	add("GET /user/{id}", false, getUserByID)
	add("GET /users/{login}", false, getUser)
	add("GET /orgs/{org}/members", false, listMembers)
	add("GET /orgs/{org}/memberships/{login}", false, getMembership)
	add("PUT /orgs/{org}/memberships/{login}", false, setMembership)
	add("DELETE /orgs/{org}/memberships/{login}", false, removeMembership)
	add("GET /orgs/{org}/invitations", false, listInvitations)
	add("DELETE /orgs/{org}/invitations/{id}", false, cancelInvitation)
	add("GET /orgs/{org}/failed_invitations", false, listFailed)
	add("GET /orgs/{org}/teams", false, listTeams)
	add("POST /orgs/{org}/teams", false, createTeam)
	const byID = "/organizations/{oid}/team/{tid}"
	add("GET "+byID, false, getTeam)
	add("PATCH "+byID, false, updateTeam)
	add("GET "+byID+"/teams", false, listChildren)
	add("GET "+byID+"/members", false, listTeamMembers)
	add("GET "+byID+"/invitations", false, listTeamInvitations)
	add("GET "+byID+"/memberships/{login}", false, getTeamMembership)
	add("PUT "+byID+"/memberships/{login}", false, addTeamMember)
	add("DELETE "+byID+"/memberships/{login}", false, removeTeamMember)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		o.Arrive(r.Method, "unknown")
		write(w, http.StatusNotFound, notFound().document())
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // an Enterprise Server has all of it below /api/v3
		http.StripPrefix(strings.TrimSuffix(r.URL.Path, strings.TrimPrefix(r.URL.Path, "/api/v3")), mux).ServeHTTP(w, r)
	})
}

func (o *Org) serve(w http.ResponseWriter, r *http.Request, path string, app bool, run endpoint) {
	body, ok := fake.Body(w, r)
	if !ok {
		return
	}
	c := &call{Org: o, r: r, path: path, query: r.URL.Query(), body: body}
	c.Arrive(r.Method, c.path)
	f := c.Fault(r.Method, c.path, c.subject)
	c.by = f.Cause()
	f.Serve(w, r, func(w http.ResponseWriter) { c.run(w, app, run) }, func(w http.ResponseWriter) { no := c.scheduled(f); no.write(w) })
}

func (r *refusal) write(w http.ResponseWriter) {
	if r.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(r.after/time.Second)))
	}
	write(w, r.status, r.document())
}

// subject names what a call is about, without ids, which depend on the order of calls.
func (c *call) subject() string {
	var parts []string
	if t := c.teams[number(c.r.PathValue("tid"))]; t != nil {
		parts = append(parts, t.name)
	}
	if u := c.users[number(c.r.PathValue("id"))]; u != nil {
		parts = append(parts, u.login)
	}
	var body struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(c.body, &body) // another body has none
	return strings.Join(append(parts, c.r.PathValue("login"), body.Name, c.query.Get("page")), " ")
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c *call) scheduled(f fake.Fault) *refusal {
	message := "scheduled: " + string(f.Kind)
	switch f.Kind {
	case fake.Unavailable, fake.BusyAfter:
		return refuse(http.StatusServiceUnavailable, message)
	case fake.TooMany: // the secondary limit, by the status that GitHub likes best
		return &refusal{status: http.StatusForbidden, message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", after: max(f.RetryAfter, time.Second)}
	case fake.Unauthorized:
		return refuse(http.StatusUnauthorized, "Bad credentials")
	case fake.Forbidden:
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	case fake.NotFound:
		return notFound()
	case fake.Conflict:
		return refuse(http.StatusConflict, message)
	}
	return refuse(http.StatusInternalServerError, message)
}

// run answers a call as GitHub would.
func (c *call) run(w http.ResponseWriter, app bool, run endpoint) {
	c.Lock()
	c.settle()
	a, err := c.admitted(w, app, run)
	var no *refusal
	if errors.As(err, &no) && no.status != http.StatusTooManyRequests {
		c.Refused(fake.Refusal{At: c.now(), Method: c.r.Method, Path: c.path, Status: no.status, Message: no.Error()})
	}
	c.Unlock()
	if no != nil {
		no.write(w)
		return
	}
	if len(c.links) > 0 {
		w.Header().Set("Link", strings.Join(c.links, ", "))
	}
	switch a := a.(type) {
	case int:
		write(w, a, nil)
	case made:
		write(w, http.StatusCreated, a.what)
	default:
		write(w, http.StatusOK, a)
	}
}

// made is an answer of 201.
type made struct{ what any }

func (c *call) admitted(w http.ResponseWriter, app bool, run endpoint) (any, error) {
	w.Header().Set("X-GitHub-Request-Id", c.ids.Hex("request"))
	w.Header().Set("Date", c.cfg.Now().UTC().Format(http.TimeFormat))
	if no := c.authenticate(app); no != nil {
		return nil, no
	}
	if !app && !c.take(w.Header()) {
		return nil, refuse(http.StatusForbidden, "API rate limit exceeded for installation ID 9001.")
	}
	if oid := c.r.PathValue("oid"); oid != "" && number(oid) != orgID {
		return nil, notFound()
	}
	if org := c.r.PathValue("org"); org != "" && !strings.EqualFold(org, c.cfg.Login) {
		return nil, notFound()
	}
	return run(c)
}

// take counts a request for the limit of the hour.
func (c *call) take(h http.Header) bool {
	most := cmp.Or(c.cfg.PerHour, 1_000_000)
	if now := c.now(); !now.Before(c.ends) {
		c.used, c.ends = 0, now.Add(time.Hour)
	}
	allowed := c.used < most
	if allowed {
		c.used++
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(most))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(most-c.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(c.ends.Unix(), 10))
	return allowed
}

// authenticate finds out who sends a call: the app by what it has signed, or its
// installation by a token.
func (c *call) authenticate(app bool) *refusal {
	value, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	switch {
	case c.r.Header.Get("User-Agent") == "":
		return refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
	case !ok:
		return refuse(http.StatusUnauthorized, "Requires authentication")
	case app:
		return c.signed(value)
	}
	switch _, good := c.tokens.Check(c.r, c.now()); {
	case !good:
		return refuse(http.StatusUnauthorized, "Bad credentials")
	case c.r.Header.Get("X-GitHub-Api-Version") != "2022-11-28":
		return refuse(http.StatusBadRequest, "the API version is not supported")
	}
	return nil
}

// signed checks what an app has signed: RS256, for ten minutes at most.
func (c *call) signed(text string) *refusal {
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	var claims jwt.Claims
	if err != nil || token.UnsafeClaimsWithoutVerification(&claims) != nil {
		return refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	if claims.Issuer != c.cfg.AppID {
		return refuse(http.StatusNotFound, "Integration not found")
	}
	good := false
	for _, k := range c.keys {
		good = good || token.Claims(k.Key, &claims) == nil
	}
	now := c.now()
	switch {
	case !good:
		return refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
	case claims.Expiry == nil || claims.IssuedAt == nil || !now.Before(claims.Expiry.Time()) || claims.Expiry.Time().After(now.Add(10*time.Minute)):
		return refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	case claims.IssuedAt.Time().After(now):
		return refuse(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	return nil
}

func getInstallation(c *call) (any, error) {
	d := map[string]any{
		"id": installationID, "account": map[string]any{"id": orgID, "login": c.cfg.Login, "type": "Organization"},
		"target_type": "Organization", "permissions": c.cfg.Permissions, "suspended_at": nil,
	}
	if c.suspended {
		d["suspended_at"] = c.now().Format(time.RFC3339)
	}
	return d, nil
}

func issueToken(c *call) (any, error) {
	if c.r.PathValue("id") != strconv.Itoa(installationID) {
		return nil, notFound()
	}
	if c.suspended {
		return nil, refuse(http.StatusForbidden, "This installation has been suspended")
	}
	var body struct {
		Permissions map[string]string `json:"permissions"`
	}
	if json.Unmarshal(c.body, &body) != nil || len(body.Permissions) != 1 || body.Permissions["members"] != "write" {
		return nil, refuse(http.StatusBadRequest, "the fake wants a token that is narrowed to members")
	}
	if c.cfg.Permissions["members"] != "write" {
		return nil, refuse(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
	}
	value := "ghs_" + c.ids.Secret("token")
	until := c.now().Add(c.cfg.TokenLife)
	c.tokens.Give(value, nil, until)
	return made{map[string]any{"token": value, "expires_at": until.Format(time.RFC3339), "permissions": body.Permissions, "repository_selection": "all"}}, nil
}

// page cuts a list to what is asked for, and tells where the rest is.
func page[T any](c *call, all []T, show func(T) any) []any {
	size := c.cfg.MostPerPage
	if n := number(c.query.Get("per_page")); n > 0 {
		size = min(size, int(n))
	}
	n := max(1, int(number(c.query.Get("page"))))
	begin := min(len(all), (n-1)*size)
	end := min(len(all), begin+size)
	if end < len(all) {
		u, q := *c.r.URL, c.query
		q.Set("page", strconv.Itoa(n+1))
		c.links = append(c.links, fmt.Sprintf(`<https://%s%s?%s>; rel="next"`, c.r.Host, u.Path, q.Encode()))
	}
	out := []any{}
	for _, v := range all[begin:end] {
		out = append(out, show(v))
	}
	return out
}

// read reads a body. Nothing else is taken.
func (c *call) read(into any) error {
	if err := json.Unmarshal(c.body, into, json.RejectUnknownMembers(true)); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	return nil
}
