// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
)

// checksOfBulk are those of RFC 7644 §3.7 and §3.11.
func checksOfBulk() []Check {
	all := []Check{
		{"7644-3.7-10", "every result of a job but of a POST that failed has a location", bulkLocations},
		{"7644-3.7-11", "a result that is no success has the error in its response", bulkErrors},
		{"7644-3.7-13", "a job that was processed is answered with 200, whatever failed in it", bulkStatus},
		{"7644-3.7-14", "a job goes on after an operation that failed", bulkGoesOn},
		{"7644-3.7-15", "the result of a create has its bulkId", bulkEcho},
		{"7644-3.7-17", "a job leaves what its operations in their order would", bulkFinalState},
		{"7644-3.7.1-01", "groups that contain each other are made, or refused with 409", bulkCircle},
		{"7644-3.7.2-01", "a bulkId among members becomes the id, also if it is made later", bulkMembers},
		{"7644-3.7.2-02", "a bulkId in an extension becomes the id", bulkManager},
		{"7644-3.7.2-03", "a bulkId that nobody has fails its operation", bulkUnknownID},
		{"7644-3.7.2-04", "a bulkId in a path becomes the id", bulkPathID},
		{"7644-3.7.3-01", "each operation that was processed has a result", bulkCount},
		{"7644-3.7.3-02", "each result has a status, which is its HTTP code as a text", bulkCodes},
		{"7644-3.7.3-03", "the result of what failed says why", bulkDetail},
		{"7644-3.7.4-01", "ServiceProviderConfig has the limits of a job", bulkLimits},
		{"7644-3.7.4-02", "a job beyond a limit is refused with 413", bulkTooMany},
		{"7644-3.7.4-03", "the refusal of a job beyond a limit names it", bulkNamesLimit},
	}
	for i, c := range all {
		all[i].Run = func(ctx context.Context, s *Session) Outcome {
			if !s.supports("bulk") {
				return notApplicable("ServiceProviderConfig says that there is no bulk")
			}
			return c.Run(ctx, s)
		}
	}
	return append(all,
		Check{"7644-3.11-02", "/Me without support is answered with 501", meUnsupported},
		Check{"7644-3.11-03", "a redirect of /Me leads to a resource", meRedirect},
		Check{"7644-3.11-04", "/Me that answers by itself answers with a resource", meDirect},
		Check{"7644-3.11-05", "the Location of /Me is that of the resource", meLocation},
	)
}

// bulkResult is what a job says of one operation.
type bulkResult struct {
	method, bulkID, location string
	code                     string // "" if there is none that can be read
	response                 map[string]any
}

func (r bulkResult) ok() bool { return strings.HasPrefix(r.code, "2") }

// id is that of what the operation was about.
func (r bulkResult) id() string {
	id, err := url.PathUnescape(path.Base(r.location))
	if err != nil || r.location == "" {
		return ""
	}
	return id
}

// bulkOp is an operation of a job; bulkID and data may be "".
func bulkOp(method, at, bulkID, data string) string {
	out := `{"method":` + quoted(method) + `,"path":` + quoted(at)
	if bulkID != "" {
		out += `,"bulkId":` + quoted(bulkID)
	}
	if data != "" {
		out += `,"data":` + data
	}
	return out + `}`
}

func bulkBody(ops ...string) string {
	return `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

// bulkRun sends a job, which must be processed, and reads the results. What was made is
// remembered to be removed.
func bulkRun(ctx context.Context, s *Session, ops ...string) ([]bulkResult, *Exchange) {
	if most := bulkLimit(s, "maxOperations"); most > 0 && most < int64(len(ops)) {
		must(notApplicable("a job has %d operations at most", most))
	}
	e := s.Do(ctx, http.MethodPost, "/Bulk", bulkBody(ops...))
	list, ok := e.JSON()["Operations"].([]any)
	if !writingOK(e) || !ok {
		must(failed(e, "the job was not processed"))
	}
	var out []bulkResult
	for _, v := range list {
		m, _ := v.(map[string]any)
		r := bulkResult{code: bulkCode(m["status"])}
		r.method, _ = m["method"].(string)
		r.bulkID, _ = m["bulkId"].(string)
		r.location, _ = m["location"].(string)
		r.response, _ = m["response"].(map[string]any)
		out = append(out, r)
		if r.ok() && r.location != "" && strings.EqualFold(r.method, http.MethodPost) {
			s.made = append(s.made, "/"+path.Base(path.Dir(r.location))+"/"+path.Base(r.location))
		}
	}
	return out, e
}

// bulkCode reads a status in every form that is about.
func bulkCode(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.Itoa(int(v))
	case map[string]any: // so the example in §3.7.2
		return bulkCode(v["code"])
	}
	return ""
}

// bulkFind is the result of the operation that had a bulkId, and ends a check if there
// is none.
func bulkFind(e *Exchange, results []bulkResult, bulkID string) bulkResult {
	i := slices.IndexFunc(results, func(r bulkResult) bool { return r.bulkID == bulkID })
	if i < 0 {
		must(failed(e, "there is no result of bulkId %s", bulkID))
	}
	return results[i]
}

// bulkMade is like bulkFind, of what must have been made.
func bulkMade(e *Exchange, results []bulkResult, bulkID string) bulkResult {
	r := bulkFind(e, results, bulkID)
	if !r.ok() || r.id() == "" {
		must(failed(e, "what has bulkId %s has not been made", bulkID))
	}
	return r
}

// bulkPartial is a job of three creates, of which the second fails.
func bulkPartial(ctx context.Context, s *Session) ([]bulkResult, *Exchange) {
	u := s.user(ctx)
	return bulkRun(ctx, s,
		bulkOp(http.MethodPost, "/Users", "first", userBody(s.name("user"))),
		bulkOp(http.MethodPost, "/Users", "taken", userBody(u.UserName())),
		bulkOp(http.MethodPost, "/Users", "last", userBody(s.name("user"))))
}

// bulkFailure is the result of the operation that fails in bulkPartial.
func bulkFailure(e *Exchange, results []bulkResult) bulkResult {
	i := slices.IndexFunc(results, func(r bulkResult) bool { return !r.ok() })
	if i < 0 {
		must(failed(e, "a userName that is taken was not refused"))
	}
	return results[i]
}

func bulkLocations(ctx context.Context, s *Session) Outcome {
	one, two := s.user(ctx), s.user(ctx)
	results, e := bulkRun(ctx, s,
		bulkOp(http.MethodPost, "/Users", "new", userBody(s.name("user"))),
		bulkOp(http.MethodPut, writingUser(one), "", userBody(one.UserName())),
		bulkOp(http.MethodDelete, writingUser(two), "", ""),
		bulkOp(http.MethodPut, "/Users/"+s.name("nobody"), "", userBody(s.name("user"))))
	for _, r := range results {
		if r.location == "" && (r.ok() || !strings.EqualFold(r.method, http.MethodPost)) {
			return failed(e, "a result of %s has no location", r.method)
		}
	}
	return passed()
}

func bulkErrors(ctx context.Context, s *Session) Outcome {
	results, e := bulkPartial(ctx, s)
	if bulkFailure(e, results).response == nil {
		return failed(e, "what failed has no response")
	}
	return passed()
}

func bulkStatus(ctx context.Context, s *Session) Outcome {
	if _, e := bulkPartial(ctx, s); e.Status != http.StatusOK {
		return failed(e, "not 200")
	}
	return passed()
}

func bulkGoesOn(ctx context.Context, s *Session) Outcome {
	results, e := bulkPartial(ctx, s)
	made := 0
	for _, r := range results {
		if r.ok() {
			made++
		}
	}
	if made != 2 {
		return failed(e, "%d of the two operations that are sound were done", made)
	}
	return passed()
}

func bulkEcho(ctx context.Context, s *Session) Outcome {
	results, e := bulkRun(ctx, s, bulkOp(http.MethodPost, "/Users", "first", userBody(s.name("user"))))
	bulkMade(e, results, "first")
	return passed()
}

func bulkFinalState(ctx context.Context, s *Session) Outcome {
	u, last := s.user(ctx), s.name("user")
	_, e := bulkRun(ctx, s,
		bulkOp(http.MethodPut, writingUser(u), "", userBody(s.name("user"))),
		bulkOp(http.MethodPut, writingUser(u), "", userBody(last)))
	if r, _ := writingSee(ctx, s, writingUser(u)); !strings.EqualFold(r.UserName(), last) {
		return failed(e, "the userName is %q after it", r.UserName())
	}
	return passed()
}

// bulkGroup ends a check if there are no Groups, and is a create of one.
func bulkGroup(s *Session, bulkID string, members ...string) string {
	if !s.has("/Groups") {
		must(notApplicable("there are no Groups"))
	}
	return bulkOp(http.MethodPost, "/Groups", bulkID, groupBody(s.name("group"), members...))
}

func bulkCircle(ctx context.Context, s *Session) Outcome {
	results, e := bulkRun(ctx, s, bulkGroup(s, "a", "bulkId:b"), bulkGroup(s, "b", "bulkId:a"))
	a, b := bulkFind(e, results, "a"), bulkFind(e, results, "b")
	if a.code == "409" || b.code == "409" {
		return passed() // tried, and given up, as §3.7.1 allows
	}
	if !a.ok() || !b.ok() {
		return failed(e, "neither made nor refused with 409")
	}
	for _, pair := range [][2]bulkResult{{a, b}, {b, a}} {
		r, back := writingSee(ctx, s, "/Groups/"+url.PathEscape(pair[0].id()))
		if !slices.Equal(r.Members(), []string{pair[1].id()}) {
			return failed(back, "its member is not the other group")
		}
	}
	return passed()
}

func bulkMembers(ctx context.Context, s *Session) Outcome {
	for _, forward := range []bool{false, true} {
		ops := []string{bulkOp(http.MethodPost, "/Users", "user", userBody(s.name("user"))), bulkGroup(s, "group", "bulkId:user")}
		if forward {
			slices.Reverse(ops)
		}
		results, e := bulkRun(ctx, s, ops...)
		u, g := bulkMade(e, results, "user"), bulkMade(e, results, "group")
		r, back := writingSee(ctx, s, "/Groups/"+url.PathEscape(g.id()))
		if !slices.Equal(r.Members(), []string{u.id()}) {
			return failed(back, "the member is not the user of the same job, %s", u.id())
		}
	}
	return passed()
}

func bulkManager(ctx context.Context, s *Session) Outcome {
	patchExtension(s)
	if !writingPlain(s.attribute(scim.EnterpriseUserURN, "manager.value")) {
		return notApplicable("Users have no manager")
	}
	manager := `"` + scim.EnterpriseUserURN + `":{"manager":{"value":"bulkId:boss"}}`
	body := strings.Replace(userBody(s.name("user"), manager), `"schemas":[`, `"schemas":["`+scim.EnterpriseUserURN+`",`, 1)
	results, e := bulkRun(ctx, s,
		bulkOp(http.MethodPost, "/Users", "boss", userBody(s.name("boss"))),
		bulkOp(http.MethodPost, "/Users", "user", body))
	boss, u := bulkMade(e, results, "boss"), bulkMade(e, results, "user")
	r, back := writingSee(ctx, s, "/Users/"+url.PathEscape(u.id()))
	if at(r, scim.EnterpriseUserURN+":manager.value") != quoted(boss.id()) {
		return failed(back, "the manager is not the user of the same job, %s", boss.id())
	}
	return passed()
}

func bulkUnknownID(ctx context.Context, s *Session) Outcome {
	results, e := bulkRun(ctx, s, bulkGroup(s, "group", "bulkId:nobody"))
	if len(results) > 0 && results[0].ok() {
		return failed(e, "a group was made with a member that is nobody")
	}
	return passed()
}

func bulkPathID(ctx context.Context, s *Session) Outcome {
	name := s.name("user")
	results, e := bulkRun(ctx, s,
		bulkOp(http.MethodPost, "/Users", "user", userBody(s.name("user"))),
		bulkOp(http.MethodPut, "/Users/bulkId:user", "", userBody(name)))
	u := bulkMade(e, results, "user")
	if r, _ := writingSee(ctx, s, "/Users/"+url.PathEscape(u.id())); !strings.EqualFold(r.UserName(), name) {
		return failed(e, "the second operation has not reached what the first made")
	}
	return passed()
}

func bulkCount(ctx context.Context, s *Session) Outcome {
	if results, e := bulkPartial(ctx, s); len(results) != 3 {
		return failed(e, "%d results of 3 operations", len(results))
	}
	return passed()
}

func bulkCodes(ctx context.Context, s *Session) Outcome {
	results, e := bulkPartial(ctx, s)
	list, _ := e.JSON()["Operations"].([]any)
	for i, r := range results {
		n, err := strconv.Atoi(r.code)
		m, _ := list[i].(map[string]any)
		if _, isNumber := m["status"].(float64); isNumber || err != nil || n < 200 || n > 599 {
			return failed(e, "a status is no HTTP code as a text")
		}
	}
	return passed()
}

func bulkDetail(ctx context.Context, s *Session) Outcome {
	results, e := bulkPartial(ctx, s)
	if detail, _ := bulkFailure(e, results).response["detail"].(string); strings.TrimSpace(detail) == "" {
		return failed(e, "what failed has no detail")
	}
	return passed()
}

// bulkLimit is a limit of jobs, 0 if there is none.
func bulkLimit(s *Session, name string) int64 {
	v, _ := s.Config.At(scim.Path{Attr: "bulk", Sub: name})
	n, _ := v.AsInteger()
	return n
}

func bulkLimits(ctx context.Context, s *Session) Outcome {
	for _, name := range []string{"maxOperations", "maxPayloadSize"} {
		if bulkLimit(s, name) <= 0 {
			return failed(s.Do(ctx, http.MethodGet, "/ServiceProviderConfig", ""), "bulk.%s is missing or not above 0", name)
		}
	}
	return passed()
}

// The biggest job that a check sends.
const (
	bulkMostOperations = 5_000
	bulkMostBytes      = 4 << 20
)

// bulkBeyond are jobs beyond each limit that is small enough to be tried, by the name
// of the limit. They would harm nobody.
func bulkBeyond(s *Session) map[string]string {
	out := map[string]string{}
	op := bulkOp(http.MethodDelete, "/Users/"+s.name("nobody"), "", "")
	most, bytes := bulkLimit(s, "maxOperations"), bulkLimit(s, "maxPayloadSize")
	if most > 0 && most <= bulkMostOperations {
		if body := bulkBody(slices.Repeat([]string{op}, int(most)+1)...); bytes <= 0 || int64(len(body)) <= bytes {
			out["maxOperations"] = body
		}
	}
	if bytes > 0 && bytes <= bulkMostBytes { // blanks between two tokens say nothing
		out["maxPayloadSize"] = strings.Replace(bulkBody(op), `"Operations":`, `"Operations":`+strings.Repeat(" ", int(bytes)), 1)
	}
	if len(out) == 0 {
		must(notApplicable("the limits are too high to be tried"))
	}
	return out
}

func bulkTooMany(ctx context.Context, s *Session) Outcome {
	for name, body := range bulkBeyond(s) {
		if e := s.Do(ctx, http.MethodPost, "/Bulk", body); e.Status != http.StatusRequestEntityTooLarge {
			return failed(e, "beyond %s, and not refused with 413", name)
		}
	}
	return passed()
}

func bulkNamesLimit(ctx context.Context, s *Session) Outcome {
	for name, body := range bulkBeyond(s) {
		e := s.Do(ctx, http.MethodPost, "/Bulk", body)
		if e.Status != http.StatusRequestEntityTooLarge {
			continue // another check's
		}
		text := string(e.Body)
		if !strings.Contains(text, name) && !strings.Contains(text, fmt.Sprint(bulkLimit(s, name))) {
			return failed(e, "it names neither %s nor its value", name)
		}
	}
	return passed()
}

// meAnswer is what /Me says.
func meAnswer(ctx context.Context, s *Session) *Exchange {
	return s.Do(ctx, http.MethodGet, "/Me", "")
}

// meIsRedirect tells whether /Me leads elsewhere.
func meIsRedirect(e *Exchange) bool {
	return e.Status >= 300 && e.Status < 400
}

func meUnsupported(ctx context.Context, s *Session) Outcome {
	e := meAnswer(ctx, s)
	if writingOK(e) || meIsRedirect(e) {
		return notApplicable("/Me is supported")
	}
	return writingRefused(e, http.StatusNotImplemented)
}

func meRedirect(ctx context.Context, s *Session) Outcome {
	e := meAnswer(ctx, s)
	if !meIsRedirect(e) {
		return notApplicable("/Me does not redirect")
	}
	target := writingResolve(e, e.Header.Get("Location"))
	if e.Status != http.StatusPermanentRedirect || !strings.HasPrefix(target, s.base+"/") {
		return failed(e, "not 308 to a resource of this endpoint")
	}
	if back := s.Do(ctx, http.MethodGet, target, ""); back.Status != http.StatusOK || back.Resource() == nil || back.Resource().ID() == "" {
		return failed(back, "/Me leads to what is no resource")
	}
	return passed()
}

func meDirect(ctx context.Context, s *Session) Outcome {
	e := meAnswer(ctx, s)
	if !writingOK(e) {
		return notApplicable("/Me does not answer by itself")
	}
	if r := e.Resource(); r == nil || r.ID() == "" {
		return failed(e, "no resource")
	}
	return passed()
}

func meLocation(ctx context.Context, s *Session) Outcome {
	e := meAnswer(ctx, s)
	r := e.Resource()
	switch {
	case meIsRedirect(e):
		target := writingResolve(e, e.Header.Get("Location"))
		if !strings.HasPrefix(target, s.base+"/") {
			return failed(e, "Location leads away from this endpoint")
		}
		if r = s.Do(ctx, http.MethodGet, target, "").Resource(); r == nil {
			return failed(e, "Location leads to what is no resource")
		}
	case !writingOK(e) || r == nil:
		return notApplicable("/Me is not supported")
	}
	if !writingSame(e, e.Header.Get("Location"), r.Location()) {
		return failed(e, "Location is not meta.location, which is %s", r.Location())
	}
	return passed()
}
