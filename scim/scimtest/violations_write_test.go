// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
	"github.com/usher-id/usher/scim/scimtest"
)

type serveFunc = func(next http.Handler, w http.ResponseWriter, r *http.Request)

// writeAnswer changes the answers to a method at a path such as "/Users/"; one that
// ends in a slash is a prefix.
func writeAnswer(method, at string, edit func(sent string, rec *httptest.ResponseRecorder, body string) string) serveFunc {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		sent := writeSent(r)
		edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
			if !writeIs(r, method, at) {
				return body
			}
			return edit(sent, rec, body)
		})
	}
}

// writeRequest changes the bodies of requests.
func writeRequest(method, at string, edit func(sent string) string) serveFunc {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if writeIs(r, method, at) {
			writeSend(r, edit(writeSent(r)))
		}
		next.ServeHTTP(w, r)
	}
}

// writeInstead replaces a text in the bodies of requests.
func writeInstead(method, at, text, by string) serveFunc {
	return writeRequest(method, at, func(sent string) string { return strings.ReplaceAll(sent, text, by) })
}

func writeIs(r *http.Request, method, at string) bool {
	p := strings.TrimPrefix(r.URL.Path, "/scim/v2")
	return r.Method == method && (p == at || strings.HasSuffix(at, "/") && strings.HasPrefix(p, at))
}

// writeSent is a request's body, which stays to be read.
func writeSent(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	writeSend(r, string(b))
	return string(b)
}

func writeSend(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

// writeOneByOne applies each operation of a PATCH for itself, up to the first that
// fails.
func writeOneByOne(next http.Handler, w http.ResponseWriter, r *http.Request) {
	var p struct {
		Operations []json.RawMessage `json:"Operations"`
	}
	if r.Method != http.MethodPatch || json.Unmarshal([]byte(writeSent(r)), &p) != nil || len(p.Operations) < 2 {
		next.ServeHTTP(w, r)
		return
	}
	var rec *httptest.ResponseRecorder
	for _, op := range p.Operations {
		one := r.Clone(r.Context())
		writeSend(one, writePatch(op))
		rec = httptest.NewRecorder()
		if next.ServeHTTP(rec, one); rec.Code >= 400 {
			break
		}
	}
	w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

func writePatch(ops ...json.RawMessage) string {
	b, _ := json.Marshal(map[string]any{"schemas": []string{scim.PatchOpURN}, "Operations": ops})
	return string(b)
}

// writeBackwards turns the operations of a PATCH round.
func writeBackwards(sent string) string {
	var p struct {
		Operations []json.RawMessage `json:"Operations"`
	}
	if json.Unmarshal([]byte(sent), &p) != nil {
		return sent
	}
	slices.Reverse(p.Operations)
	return writePatch(p.Operations...)
}

func writeViolations() []violation {
	return []violation{
		{"an id in a create is refused", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if writeIs(r, http.MethodPost, "/Users") && strings.Contains(writeSent(r), `"id":"chosen`) {
				http.Error(w, "no", http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-3.3-01"}},
		{"an id in a PUT is refused", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if writeIs(r, http.MethodPut, "/Users/") && strings.Contains(writeSent(r), `"id":"chosen`) {
				http.Error(w, "no", http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-3.5.1-10"}},
		{"a create has no Location", writeAnswer(http.MethodPost, "/Users", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			rec.Header().Del("Location")
			return body
		}), []string{"7644-3.3-07"}},
		{"a conflict has no scimType", writeAnswer(http.MethodPost, "/Users", func(_ string, _ *httptest.ResponseRecorder, body string) string {
			return strings.Replace(body, `"scimType":"uniqueness",`, "", 1)
		}), []string{"7644-3.12-18", "7644-3.3-08"}},
		{"a body that cannot be read is a matter of its values", writeAnswer(http.MethodPost, "/Users", func(_ string, _ *httptest.ResponseRecorder, body string) string {
			return strings.Replace(body, `"scimType":"invalidSyntax"`, `"scimType":"invalidValue"`, 1)
		}), []string{"7644-3.12-20", "7644-3.3-10"}},
		{"users need no userName", writeRequest(http.MethodPost, "/Users", func(sent string) string {
			if strings.Contains(sent, "nameless") {
				sent = strings.Replace(sent, `"displayName":"`, `"userName":"named-`, 1)
			}
			return sent
		}), []string{"7644-3.3-11"}},
		{"PUT makes what is not there", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "-nobody-") {
				r.Method, r.URL.Path = http.MethodPost, "/scim/v2/Users"
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-3.5.1-02"}},
		{"PUT is answered with nothing", writeAnswer(http.MethodPut, "/Users/", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			if rec.Code != http.StatusOK {
				return body
			}
			rec.Code = http.StatusNoContent
			return ""
		}), []string{"7644-3.5.1-12"}},
		{"a conflict of a PUT is no conflict", writeAnswer(http.MethodPut, "/Users/", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			if rec.Code == http.StatusConflict {
				rec.Code = http.StatusBadRequest
			}
			return body
		}), []string{"7644-3.5.1-13"}},
		{"PUT overwrites what is published as immutable", writeAnswer(http.MethodGet, "/Schemas", func(_ string, _ *httptest.ResponseRecorder, body string) string {
			return regexp.MustCompile(`("name":"title"[^{}]*"mutability":)"readWrite"`).ReplaceAllString(body, `$1"immutable"`)
		}), []string{"7644-3.5.1-07", "7644-3.5.1-08"}},
		{"what was deleted is gone with 410", writeAnswer(http.MethodGet, "/Users/", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			if rec.Code == http.StatusNotFound && !strings.Contains(body, "nobody") {
				rec.Code = http.StatusGone
			}
			return body
		}), []string{"7644-3.12-08", "7644-3.2-04", "7644-3.4.1-02", "7644-3.4.1-03", "7644-3.6-02"}},
		{"a delete is answered with 200", writeAnswer(http.MethodDelete, "/Users/", func(_ string, rec *httptest.ResponseRecorder, _ string) string {
			if rec.Code == http.StatusNoContent {
				rec.Code = http.StatusOK
			}
			return "{}"
		}), []string{"7644-3.6-05"}},
	}
}

func patchViolations() []violation {
	noTarget := func(op string) func(string, *httptest.ResponseRecorder, string) string {
		return func(sent string, _ *httptest.ResponseRecorder, body string) string {
			if strings.Contains(sent, op) {
				body = strings.Replace(body, `"noTarget"`, `"invalidSyntax"`, 1)
			}
			return body
		}
	}
	return []violation{
		{"operations are applied one by one", writeOneByOne, []string{"7644-3.5.2-19", "7644-3.5.2-20"}},
		{"operations are applied backwards", writeRequest(http.MethodPatch, "/Users/", writeBackwards), []string{"7644-3.5.2-15", "7644-3.5.2-17"}},
		{"move is taken for replace", writeInstead(http.MethodPatch, "/Users/", `"move"`, `"replace"`), []string{"7644-3.5.2-05"}},
		{"indexes are passed over", writeInstead(http.MethodPatch, "/Users/", `emails[0]`, `emails`), []string{"7644-3.5.2-10"}},
		{"a PATCH is never answered with a body", writeAnswer(http.MethodPatch, "/Users/", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			if rec.Code != http.StatusOK {
				return body
			}
			rec.Code = http.StatusNoContent
			return ""
		}), []string{"7644-3.5.2-23"}},
		{"errors of a PATCH are plain", writeAnswer(http.MethodPatch, "/Users/", func(_ string, _ *httptest.ResponseRecorder, body string) string {
			return strings.Replace(body, scim.ErrorURN, "urn:example:Error", 1)
		}), []string{"7644-3.5.2-14", "7644-3.5.2-21"}},
		{"add to a list replaces it", writeInstead(http.MethodPatch, "/Users/", `"add","path":"emails","value":{`, `"replace","path":"emails","value":{`), []string{"7644-3.5.2.1-05"}},
		{"add of an object forgets the rest", writeInstead(http.MethodPatch, "/Users/", `"add","path":"name","value":{`, `"add","path":"name","value":{"givenName":null,`), []string{"7644-3.5.2.1-04"}},
		{"replace of an object forgets the rest", writeInstead(http.MethodPatch, "/Users/", `"replace","path":"name","value":{`, `"replace","path":"name","value":{"givenName":null,`), []string{"7644-3.5.2.3-05"}},
		{"remove without path has another scimType", writeAnswer(http.MethodPatch, "/Users/", noTarget(`{"op":"remove"}`)), []string{"7644-3.5.2.2-01"}},
		{"replace of nothing has another scimType", writeAnswer(http.MethodPatch, "/Users/", noTarget(`"replace","path":"emails[type eq \"work\"].value"`)), []string{"7644-3.12-22", "7644-3.5.2.3-08"}},
		{"remove by a filter removes all", writeInstead(http.MethodPatch, "/Users/", `"remove","path":"emails[type eq \"work\"]"`, `"remove","path":"emails"`), []string{"7644-3.5.2.2-04"}},
		{"remove by a value removes all", writeRequest(http.MethodPatch, "/Groups/", func(sent string) string {
			return regexp.MustCompile(`("op":"remove","path":"members"),"value":\[[^\]]*\]`).ReplaceAllString(sent, "$1")
		}), []string{"7644-3.5.2.2-09"}},
	}
}

// bulkSound does bulk before a server that does not, in the plainest way: what has to
// wait for another's id waits, and a circle is given up.
type bulkSound struct {
	change func(results []map[string]any) []map[string]any // nil: none
	status int                                             // 0: 200
	detail string                                          // of a job beyond a limit; "": that limit
	most   int                                             // 0: 10
}

type bulkOperation struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	BulkID string          `json:"bulkId"`
	Data   json.RawMessage `json:"data"`
}

var bulkRef = regexp.MustCompile(`bulkId:([a-z]+)`)

func (b bulkSound) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	switch {
	case writeIs(r, http.MethodGet, "/ServiceProviderConfig"):
		edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
			return regexp.MustCompile(`"bulk":\{[^}]*\}`).ReplaceAllString(body, `"bulk":{"supported":true,"maxOperations":10,"maxPayloadSize":20000}`)
		})
	case writeIs(r, http.MethodPost, "/Bulk"):
		b.job(next, w, r)
	default:
		next.ServeHTTP(w, r)
	}
}

func (b bulkSound) job(next http.Handler, w http.ResponseWriter, r *http.Request) {
	var in struct {
		Operations []bulkOperation `json:"Operations"`
	}
	sent := writeSent(r)
	_ = json.Unmarshal([]byte(sent), &in)
	beyond := ""
	switch {
	case len(sent) > 20_000:
		beyond = "maxPayloadSize is 20000"
	case len(in.Operations) > max(b.most, 10):
		beyond = "maxOperations is 10"
	}
	if beyond != "" {
		if b.detail != "" {
			beyond = b.detail
		}
		http.Error(w, beyond, http.StatusRequestEntityTooLarge)
		return
	}
	results := bulkProcess(next, r, in.Operations)
	if b.change != nil {
		results = b.change(results)
	}
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(max(b.status, 200))
	_ = json.NewEncoder(w).Encode(map[string]any{"schemas": []string{scim.BulkResponseURN}, "Operations": results})
}

func bulkProcess(next http.Handler, r *http.Request, ops []bulkOperation) []map[string]any {
	out := []map[string]any{}
	ids := map[string]string{}
	waits := func(op bulkOperation) bool {
		for _, m := range bulkRef.FindAllStringSubmatch(op.Path+string(op.Data), -1) {
			if ids[m[1]] == "" && slices.ContainsFunc(ops, func(o bulkOperation) bool { return o.BulkID == m[1] }) {
				return true
			}
		}
		return false
	}
	for len(ops) > 0 {
		i := slices.IndexFunc(ops, func(op bulkOperation) bool { return !waits(op) })
		if i < 0 {
			for _, op := range ops {
				out = append(out, bulkRefused(op, "409"))
			}
			return out
		}
		op := ops[i]
		ops = slices.Delete(slices.Clone(ops), i, i+1)
		known := func(ref string) string { return ids[strings.TrimPrefix(ref, "bulkId:")] }
		op.Path, op.Data = bulkRef.ReplaceAllStringFunc(op.Path, known), []byte(bulkRef.ReplaceAllStringFunc(string(op.Data), known))
		if strings.Contains(string(op.Data), `"value":""`) {
			out = append(out, bulkRefused(op, "400"))
			continue
		}
		res := bulkOne(next, r, op)
		if out = append(out, res); res["status"] == "201" {
			ids[op.BulkID] = path.Base(res["location"].(string))
		}
	}
	return out
}

func bulkRefused(op bulkOperation, status string) map[string]any {
	return map[string]any{"method": op.Method, "bulkId": op.BulkID, "status": status, "response": map[string]any{"detail": "a bulkId leads nowhere"}}
}

func bulkOne(next http.Handler, r *http.Request, op bulkOperation) map[string]any {
	in := httptest.NewRequestWithContext(r.Context(), op.Method, "http://"+r.Host+"/scim/v2"+op.Path, strings.NewReader(string(op.Data)))
	in.Header = r.Header.Clone()
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, in)
	res := map[string]any{"method": op.Method, "status": fmt.Sprint(rec.Code)}
	if op.BulkID != "" {
		res["bulkId"] = op.BulkID
	}
	if op.Method != http.MethodPost {
		res["location"] = "http://" + r.Host + "/scim/v2" + op.Path
	} else if rec.Code == http.StatusCreated {
		res["location"] = rec.Header().Get("Location")
	}
	if rec.Code >= 400 {
		res["response"] = json.RawMessage(rec.Body.Bytes())
	}
	return res
}

// bulkEach is a change of each result.
func bulkEach(change func(r map[string]any)) func(results []map[string]any) []map[string]any {
	return func(results []map[string]any) []map[string]any {
		for _, r := range results {
			change(r)
		}
		return results
	}
}

func bulkViolations() []violation {
	return []violation{
		{"bulk is sound", bulkSound{}.serve, nil},
		{"a delete in a job has no location", bulkSound{change: bulkEach(func(r map[string]any) {
			if r["method"] == http.MethodDelete {
				delete(r, "location")
			}
		})}.serve, []string{"7644-3.7-10"}},
		{
			"a failure in a job has no response", bulkSound{change: bulkEach(func(r map[string]any) { delete(r, "response") })}.serve,
			[]string{"7644-3.7-11", "7644-3.7.3-03"},
		},
		{"a failure in a job has no detail", bulkSound{change: bulkEach(func(r map[string]any) {
			if r["response"] != nil {
				r["response"] = map[string]any{"status": r["status"]}
			}
		})}.serve, []string{"7644-3.7.3-03"}},
		{
			"a status in a job is a number", bulkSound{change: bulkEach(func(r map[string]any) { r["status"] = json.RawMessage(r["status"].(string)) })}.serve,
			[]string{"7644-3.7.3-02"},
		},
		{"a job is answered with 207", bulkSound{status: http.StatusMultiStatus}.serve, []string{"7644-3.7-13"}},
		{"a job ends with what fails", bulkSound{change: func(results []map[string]any) []map[string]any {
			if i := slices.IndexFunc(results, func(r map[string]any) bool { return r["response"] != nil }); i >= 0 {
				return results[:min(i+1, len(results))]
			}
			return results
		}}.serve, []string{"7644-3.7-14", "7644-3.7.1-01", "7644-3.7.3-01"}},
		{"a job may be beyond its limit", bulkSound{most: 1_000}.serve, []string{"7644-3.7.4-02"}},
		{"a limit of jobs has no name", bulkSound{detail: "too much"}.serve, []string{"7644-3.7.4-03"}},
		{"bulkIds stay what they are", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if writeIs(r, http.MethodPost, "/Bulk") {
				writeSend(r, strings.ReplaceAll(writeSent(r), `"value":"bulkId:boss"`, `"value":"bulkId.boss"`))
			}
			bulkSound{}.serve(next, w, r)
		}, []string{"7644-3.7.2-02"}},
	}
}

// writeNo answers requests that hold a text with a status.
func writeNo(method, at, text string, status int) serveFunc {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if writeIs(r, method, at) && strings.Contains(r.URL.Path+writeSent(r), text) {
			http.Error(w, "no", status)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// writeMemory remembers who was made, and never forgets.
type writeMemory struct{ byName sync.Map }

var writeName = regexp.MustCompile(`"userName":"([^"]*)"`)

// listed finds in lists who is not there any more.
func (m *writeMemory) listed(next http.Handler, w http.ResponseWriter, r *http.Request) {
	edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
		if writeIs(r, http.MethodPost, "/Users") && rec.Code == http.StatusCreated {
			m.byName.Store(writeName.FindStringSubmatch(body)[1], body)
		}
		name := strings.Trim(strings.TrimPrefix(r.URL.Query().Get("filter"), "userName eq "), `"`)
		if old, ok := m.byName.Load(name); ok && strings.Contains(body, `"totalResults":0`) {
			return `{"schemas":["` + scim.ListResponseURN + `"],"totalResults":1,"Resources":[` + old.(string) + `]}`
		}
		return body
	})
}

// taken lets nobody have a name that was ever had.
func (m *writeMemory) taken(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if name := writeName.FindStringSubmatch(writeSent(r)); writeIs(r, http.MethodPost, "/Users") && name != nil {
		if _, had := m.byName.LoadOrStore(name[1], true); had {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"schemas":["`+scim.ErrorURN+`"],"status":"409","scimType":"uniqueness"}`)
			return
		}
	}
	next.ServeHTTP(w, r)
}

func writeMore() []violation {
	var titles atomic.Int64
	return []violation{
		{"groups are of type User", writeAnswer(http.MethodPost, "/Groups", func(_ string, _ *httptest.ResponseRecorder, body string) string {
			return strings.Replace(body, `"resourceType":"Group"`, `"resourceType":"User"`, 1)
		}), []string{"7644-3.3.1-01"}},
		{"there is no PUT", writeNo(http.MethodPut, "/Users/", "", http.StatusNotImplemented), []string{"7643-2.5-01", "7643-4.1.1-02", "7643-4.1.1-13", "7644-3.12-10", "7644-3.5-01", "7644-3.5.1-03", "7644-3.5.1-10", "7644-3.5.1-12", "7644-3.5.1-13", "7644-3.5.1-14", "7644-3.6-02"}},
		{"PUT keeps displayName", writeInstead(http.MethodPut, "/Users/", `"displayName":"After"`, `"displayName":"Before"`), []string{"7644-3.5.1-03"}},
		{"PUT always changes something", writeRequest(http.MethodPut, "/Users/", func(sent string) string {
			return strings.Replace(sent, `"userName"`, fmt.Sprintf(`"title":"%d","userName"`, titles.Add(1)), 1)
		}), []string{"7644-3.5.1-14"}},
		{"lists have who was deleted", new(writeMemory).listed, []string{"7644-3.6-03"}},
		{"names stay taken", new(writeMemory).taken, []string{"7644-3.6-04"}},
		{"/Me is not found", writeAnswer(http.MethodGet, "/Me", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			rec.Code = http.StatusNotFound
			return body
		}), []string{"7644-3.11-02"}},
		{"/Me is its own Location", writeAnswer(http.MethodGet, "/Me", func(_ string, rec *httptest.ResponseRecorder, _ string) string {
			rec.Code = http.StatusOK
			rec.Header().Set("Location", "/scim/v2/Me")
			return `{"schemas":["` + scim.UserURN + `"],"id":"me","userName":"me","meta":{"resourceType":"User","location":"/scim/v2/Users/me"}}`
		}), []string{"7644-3.11-05"}},
		{"/Me leads nowhere", writeAnswer(http.MethodGet, "/Me", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			rec.Code = http.StatusPermanentRedirect
			rec.Header().Set("Location", "/scim/v2/Users/nobody")
			return body
		}), []string{"7644-3.11-03", "7644-3.11-05"}},
		{"/Me is nobody", writeAnswer(http.MethodGet, "/Me", func(_ string, rec *httptest.ResponseRecorder, _ string) string {
			rec.Code = http.StatusOK
			return "{}"
		}), []string{"7644-3.11-04", "7644-3.11-05"}},
	}
}

func patchMore() []violation {
	const users, groups = "/Users/", "/Groups/"
	instead := func(name, text, by string, ids ...string) violation {
		return violation{name, writeInstead(http.MethodPatch, users, text, by), ids}
	}
	return []violation{
		instead("a path may end in a dot", `"name."`, `"nickName"`, "7644-3.5.2-08"),
		instead("a path may lead nowhere", `noSuchAttribute`, `nickName`, "7644-3.5.2-09"),
		instead("an object may be a text", `{"formatted":"x"}`, `"x"`, "7644-3.5.2-11"),
		{"schemas does not grow", writeAnswer(http.MethodGet, users, func(_ string, _ *httptest.ResponseRecorder, body string) string {
			return strings.Replace(body, `,"`+scim.EnterpriseUserURN+`"]`, `]`, 1)
		}), []string{"7644-3.5.2-16"}},
		{"an old primary stays", writeAnswer(http.MethodGet, users, func(_ string, _ *httptest.ResponseRecorder, body string) string {
			if strings.Contains(body, "-old-") {
				body = strings.Replace(strings.Replace(body, `"primary":false,`, "", 1), `"type":"work",`, `"type":"work","primary":true,`, 1)
			}
			return body
		}), []string{"7644-3.5.2-18"}},
		{"a PATCH is answered with 202", writeAnswer(http.MethodPatch, users, func(sent string, rec *httptest.ResponseRecorder, body string) string {
			if rec.Code == http.StatusOK {
				rec.Code = http.StatusAccepted
			}
			return body
		}), []string{"7644-3.5.2-22", "7644-3.5.2-23"}},
		{"a PATCH of nobody is answered with 400", writeNo(http.MethodPatch, users, "/Users/usher-check", http.StatusBadRequest), []string{"7644-3.5.2-25"}},
		instead("an op in other letter case does nothing", `"Replace","path":"userName"`, `"replace","path":"title"`, "7644-3.5.2-06"),
		instead("add without path passes lists over", `"nickName":"Nick","emails"`, `"nickName":"Nick","phoneNumbers"`, "7644-3.5.2.1-02"),
		instead("a complex attribute may be a text", `"path":"name","value":"x"`, `"path":"name.formatted","value":"x"`, "7644-3.5.2.1-03"),
		instead("add keeps a single value", `"add","path":"nickName","value":"After"`, `"add","path":"nickName","value":"Before"`, "7644-3.5.2.1-06"),
		instead("add makes a second one", `"add","path":"emails","value":[{"type":"work"`, `"add","path":"emails","value":[{"type":"other"`, "7644-3.5.2.1-07", "7644-3.5.2.1-08"),
		instead("add of nothing new is a change", `{"op":"add","path":"emails","value":[{"type":"work"`,
			`{"op":"replace","path":"nickName","value":"x"},{"op":"add","path":"emails","value":[{"type":"work"`, "7644-3.5.2.1-08"),
		instead("add to what is not there does nothing", `"add","path":"emails[type eq \"work\"].value"`, `"add","path":"nickName"`, "7644-3.5.2.1-09"),
		instead("remove keeps a single value", `"remove","path":"nickName"`, `"remove","path":"title"`, "7644-3.5.2.2-02"),
		instead("remove of a list takes one value", `"remove","path":"emails"`, `"remove","path":"emails[type eq \"work\"]"`, "7644-3.5.2.2-03"),
		instead("the last value stays", `"remove","path":"emails[value`, `"remove","path":"phoneNumbers[value`, "7644-3.5.2.2-05"),
		instead("remove takes of the wrong element", `addresses[type eq \"work\"].postalCode`, `addresses[type eq \"home\"].postalCode`, "7644-3.5.2.2-06"),
		{"remove of an id has another scimType", writeAnswer(http.MethodPatch, users, func(sent string, _ *httptest.ResponseRecorder, body string) string {
			if strings.Contains(sent, `"remove","path":"id"`) {
				body = strings.Replace(body, `"mutability"`, `"invalidPath"`, 1)
			}
			return body
		}), []string{"7644-3.5.2.2-07"}},
		{"remove of who is no member is refused", writeNo(http.MethodPatch, groups, "nobody", http.StatusBadRequest), []string{"7644-3.5.2.2-08"}},
		instead("replace keeps a single value", `"replace","path":"nickName","value":"After"`, `"replace","path":"title","value":"After"`, "7644-3.5.2.3-02", "7644-3.5.2.3-04"),
		instead("replace of a list appends", `"replace","path":"emails","value":[`, `"add","path":"emails","value":[`, "7643-2.5-02", "7644-3.5.2.3-03"),
		instead("replace takes the first match", `addresses[type eq \"work\"]","value"`, `addresses[locality eq \"Aa\"]","value"`, "7644-3.5.2.3-06"),
		instead("replace sets it in the first match", `addresses[type eq \"work\"].locality`, `addresses[locality eq \"Aa\"].locality`, "7644-3.5.2.3-07"),
	}
}

func bulkMore() []violation {
	instead := func(name, text, by string, ids ...string) violation {
		return violation{name, func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if writeIs(r, http.MethodPost, "/Bulk") {
				writeSend(r, strings.ReplaceAll(writeSent(r), text, by))
			}
			bulkSound{}.serve(next, w, r)
		}, ids}
	}
	return []violation{
		{
			"results have no bulkId", bulkSound{change: bulkEach(func(r map[string]any) { delete(r, "bulkId") })}.serve,
			[]string{"7644-3.7-15", "7644-3.7.1-01", "7644-3.7.2-01", "7644-3.7.2-02", "7644-3.7.2-04"},
		},
		{"a job is done backwards", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if sent := writeSent(r); writeIs(r, http.MethodPost, "/Bulk") && strings.Count(sent, `"PUT"`) == 2 && !strings.Contains(sent, `"POST"`) {
				writeSend(r, strings.Replace(writeBackwards(sent), scim.PatchOpURN, scim.BulkRequestURN, 1))
			}
			bulkSound{}.serve(next, w, r)
		}, []string{"7644-3.7-17"}},
		instead("a member's bulkId stays what it is", `"value":"bulkId:user"`, `"value":"bulkId.user"`, "7644-3.7.2-01"),
		instead("a bulkId may be nobody's", `bulkId:nobody`, `somebody`, "7644-3.7.2-03"),
		instead("a bulkId in a path stays what it is", `/Users/bulkId:user`, `/Users/bulkId.user`, "7644-3.7.2-04"),
		{"a job may have any size", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			sound := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulkSound{}.serve(next, w, r) })
			edited(sound, w, r, func(_ *httptest.ResponseRecorder, body string) string {
				return strings.Replace(body, `"maxPayloadSize":20000`, `"maxPayloadSize":0`, 1)
			})
		}, []string{"7644-3.7.4-01"}},
	}
}

// Each fault of writing is named by what it breaks, and by nothing else.
func TestPlantedWrite(t *testing.T) {
	t.Parallel()
	all := slices.Concat(writeViolations(), patchViolations(), writeMore(), patchMore(), bulkViolations(), bulkMore())
	planted(t, all)
}

// Where users have an immutable attribute of their own, a server of ours keeps it.
func TestPlantedWriteImmutable(t *testing.T) {
	t.Parallel()
	const urn = "urn:example:Badge"
	set, err := scim.CoreSchemas().With(scim.Schema{ID: urn, Name: "Badge", Attributes: []scim.Attribute{{Name: "serial", Mutability: scim.Immutable}}})
	if err != nil {
		t.Fatal(err)
	}
	types := scim.CoreResourceTypes()
	i := slices.IndexFunc(types, func(r scim.ResourceType) bool { return r.Name == "User" })
	types[i].SchemaExtensions = append(types[i].SchemaExtensions, scim.SchemaExtension{Schema: urn})
	r := judged(t, func(c *scimserver.Config) {
		c.Schemas, c.ResourceTypes, c.Store = set, types, scimserver.NewMemory(set, types)
	})
	seen := 0
	for _, l := range r.Results {
		if slices.Contains([]string{"7644-3.5.1-07", "7644-3.5.1-08", "7644-3.5.1-09"}, l.ID) {
			if seen++; l.Result != scimtest.Pass {
				t.Errorf("%s: %s %s", l.ID, l.Result, l.Detail)
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d of 3 checks", seen)
	}
}
