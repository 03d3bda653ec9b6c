// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
)

type faulty = func(next http.Handler, w http.ResponseWriter, r *http.Request)

// members changes the members of the answers to some requests.
func members(when func(r *http.Request) bool, change func(m map[string]any)) faulty {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if !when(r) {
			next.ServeHTTP(w, r)
			return
		}
		edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
			var m map[string]any
			if json.Unmarshal([]byte(body), &m) != nil {
				return body
			}
			change(m)
			out, _ := json.Marshal(m) // it was JSON
			return string(out)
		})
	}
}

// parameters changes the parameters of an address.
func parameters(change func(r *http.Request, v url.Values)) faulty {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		v := r.URL.Query()
		change(r, v)
		r.URL.RawQuery = v.Encode()
		next.ServeHTTP(w, r)
	}
}

// refused answers some requests with an error.
func refused(when func(r *http.Request) bool, status int, scimType string) faulty {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if !when(r) {
			next.ServeHTTP(w, r)
			return
		}
		body, _ := (&scim.Error{Status: status, ScimType: scimType}).MarshalJSON() // it has no error
		w.Header().Set("Content-Type", "application/scim+json")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// keyword replaces the scimType of errors.
func keyword(old, replacement string) faulty {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
			return strings.ReplaceAll(body, `"scimType":"`+old+`"`, `"scimType":"`+replacement+`"`)
		})
	}
}

// rewritten changes the body of a search.
func rewritten(old, replacement string) faulty {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/.search") {
			body, _ := io.ReadAll(r.Body)
			text := strings.Replace(string(body), old, replacement, 1)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		}
		next.ServeHTTP(w, r)
	}
}

// rooted has a root that finds these types, as our server has none.
func rooted(next http.Handler, w http.ResponseWriter, r *http.Request, endpoints ...string) {
	path := strings.TrimPrefix(r.URL.Path, "/scim/v2")
	if path != "/" && path != "/.search" {
		next.ServeHTTP(w, r)
		return
	}
	sent, _ := io.ReadAll(r.Body)
	var all scim.ListResponse
	for _, endpoint := range endpoints {
		one := r.Clone(r.Context())
		one.URL.Path = "/scim/v2" + endpoint + strings.TrimSuffix(path, "/")
		one.Body = io.NopCloser(strings.NewReader(string(sent)))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, one)
		if l, err := scim.ParseListResponse(rec.Body.Bytes(), scim.Limits{}); err == nil { // an attribute that a type lacks is no value
			all.Resources = append(all.Resources, l.Resources...)
		}
	}
	all.TotalResults, all.StartIndex, all.ItemsPerPage = len(all.Resources), 1, len(all.Resources)
	body, _ := all.MarshalJSON() // it has no error
	w.Header().Set("Content-Type", "application/scim+json")
	_, _ = w.Write(body)
}

// The requests that faults are about.
func usersAsked(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/Users")
}

func oneUserAsked(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/Users/")
}

func searched(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/.search") }

func has(name, value string) func(r *http.Request) bool {
	return func(r *http.Request) bool {
		return usersAsked(r) && r.URL.Query().Has(name) && r.URL.Query().Get(name) == value
	}
}

func pagedByCursor(r *http.Request) bool { return usersAsked(r) && r.URL.Query().Has("cursor") }

func TestPlantedQuery(t *testing.T) {
	t.Parallel()
	planted(t, readingViolations())
	planted(t, listViolations())
	planted(t, sortAndPageViolations())
	planted(t, searchViolations())
	planted(t, cursorViolations())
}

func readingViolations() []violation {
	return []violation{
		{"a message among the schemas", members(
			func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/Schemas") },
			func(m map[string]any) {
				m["Resources"] = append(m["Resources"].([]any), map[string]any{"id": scim.ErrorURN, "name": "Error", "attributes": []any{}})
			}), []string{"7644-3.1-02", "7644-4-02", "7644-4-03", "7644-4-06"}},
		{"errors without their schema", members(
			func(r *http.Request) bool { return oneUserAsked(r) && strings.Contains(r.URL.Path, "nobody") },
			func(m map[string]any) { m["schemas"] = []any{"urn:example:Error"} },
		), []string{"7644-3.1-01"}},
		{"a PUT is answered with what was there before", members(
			func(r *http.Request) bool { return r.Method == http.MethodPut },
			func(m map[string]any) {
				if m["title"] == "Second" {
					m["title"] = "First"
				}
			}), []string{"7644-3.1-04"}},
		{"one User for another", members(
			func(r *http.Request) bool { return oneUserAsked(r) && r.URL.RawQuery == "" },
			func(m map[string]any) {
				if m["displayName"] == nil && m["id"] != nil {
					m["id"] = "somebody-else"
				}
			}), []string{"7644-3.3-07", "7644-3.4.1-01", "7644-3.8-04", "7644-3.8-05"}},
		{"an unknown id without an error message", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
				if oneUserAsked(r) && rec.Code == http.StatusNotFound {
					return ""
				}
				return body
			})
		}, []string{"7644-3.12-01", "7644-3.2-04", "7644-3.4.1-02"}},
		{"a Group among Users", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			if other := r.Clone(r.Context()); oneUserAsked(r) && rec.Code == http.StatusNotFound {
				other.URL.Path = strings.Replace(r.URL.Path, "/Users/", "/Groups/", 1)
				rec = httptest.NewRecorder()
				next.ServeHTTP(rec, other)
			}
			edited(next, w, r, func(out *httptest.ResponseRecorder, _ string) string {
				out.Code = rec.Code
				return rec.Body.String()
			})
		}, []string{"7644-3.14-02", "7644-3.3-07", "7644-3.4.1-03"}},
		{"attributes names whole attributes", parameters(func(_ *http.Request, v url.Values) {
			if v.Get("attributes") == "name.givenName" {
				v.Set("attributes", "name")
			}
		}), []string{"7644-3.4.2.5-02", "7644-3.9-01"}},
		{"excludedAttributes takes the id", members(
			func(r *http.Request) bool { return strings.Contains(r.URL.Query().Get("excludedAttributes"), "id") },
			func(m map[string]any) { delete(m, "id") },
		), []string{"7643-7-14", "7644-3.4.2.5-03", "7644-3.9-02"}},
		{"a PATCH is answered with everything", parameters(func(r *http.Request, v url.Values) {
			if r.Method == http.MethodPatch {
				v.Del("attributes")
			}
		}), []string{"7644-3.9-04"}},
		{"unknown names are refused", refused(
			func(r *http.Request) bool { return strings.Contains(r.URL.Query().Get("attributes"), "Unknown") },
			http.StatusBadRequest, scim.InvalidPath), []string{"7644-3.9-05"}},
		{"names with a URN are not found", parameters(func(_ *http.Request, v url.Values) {
			if strings.HasPrefix(v.Get("attributes"), scim.UserURN) {
				v.Set("attributes", "id")
			}
		}), []string{"7644-3.10-01", "7644-3.4.2.5-02"}},
	}
}

func listViolations() []violation {
	return []violation{
		{"a User without its name", members(
			func(r *http.Request) bool { return oneUserAsked(r) && r.URL.RawQuery == "" },
			func(m map[string]any) {
				if m["title"] == "Countess" {
					delete(m, "name")
				}
			},
		), []string{"7644-3.4-01"}},
		{"unknown parameters are refused", refused(has("usherCheck", "1"), http.StatusBadRequest, scim.InvalidValue), []string{"7644-3.4.2-02"}},
		{"lists with the schema of another message", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
				if usersAsked(r) && !pagedByCursor(r) {
					return strings.Replace(body, scim.ListResponseURN, scim.SearchRequestURN, 1)
				}
				return body
			})
		}, []string{"7644-3.4.2-04"}},
		{"totalResults is a text", members(has("startIndex", "1"), func(m map[string]any) { m["totalResults"] = fmt.Sprint(m["totalResults"]) }), []string{"7644-3.4.2-05"}},
		{"a page without Resources", members(
			func(r *http.Request) bool { return usersAsked(r) && r.URL.RawQuery == "count=1" },
			func(m map[string]any) { delete(m, "Resources") },
		), []string{"7644-3.4.2-06"}},
		{"totalResults is of the page", members(
			func(r *http.Request) bool {
				return usersAsked(r) && r.URL.Query().Has("startIndex") && r.URL.Query().Get("count") == "1"
			},
			func(m map[string]any) { m["totalResults"] = 1 },
		), []string{"7644-3.4.2-07"}},
		{"a page does not say where it starts", members(
			func(r *http.Request) bool { return has("startIndex", "1")(r) && r.URL.Query().Get("count") == "1" },
			func(m map[string]any) { delete(m, "startIndex") },
		), []string{"7644-3.4.2-08"}},
		{"itemsPerPage is what was asked for", members(has("count", "50"), func(m map[string]any) { m["itemsPerPage"] = 50 }), []string{"7644-3.4.2-09"}},
		{"nobody found is 404", refused(
			func(r *http.Request) bool {
				return usersAsked(r) && strings.Contains(r.URL.Query().Get("filter"), "nobody")
			},
			http.StatusNotFound, ""), []string{"7644-3.4.2-10"}},
		{"a root of Users alone", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			rooted(next, w, r, "/Users")
		}, []string{"7644-3.4.2.1-01", "7644-3.4.3-09"}},
		{"a root with too many, told as a filter", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/scim/v2/" && r.URL.RawQuery == "" {
				refused(func(*http.Request) bool { return true }, http.StatusBadRequest, scim.InvalidFilter)(next, w, r)
				return
			}
			rooted(next, w, r, "/Users", "/Groups")
		}, []string{"7644-3.4.2.1-03"}},
		{"a root that knows no not", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/scim/v2/" && strings.Contains(r.URL.RawQuery, "not") {
				refused(func(*http.Request) bool { return true }, http.StatusBadRequest, scim.InvalidFilter)(next, w, r)
				return
			}
			rooted(next, w, r, "/Users", "/Groups")
		}, []string{"7644-3.4.2.1-04"}},
		{"a root that refuses what a type does not have", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/scim/v2/" && strings.Contains(r.URL.RawQuery, "userName") {
				refused(func(*http.Request) bool { return true }, http.StatusBadRequest, scim.InvalidFilter)(next, w, r)
				return
			}
			rooted(next, w, r, "/Users", "/Groups")
		}, []string{"7644-3.4.2.1-05"}},
	}
}

// unsorted ignores sortBy of an attribute.
func unsorted(name string) faulty {
	return parameters(func(_ *http.Request, v url.Values) {
		if v.Get("sortBy") == name {
			v.Del("sortBy")
		}
	})
}

func sortAndPageViolations() []violation {
	return []violation{
		{"descending unless something is said", parameters(func(_ *http.Request, v url.Values) {
			if v.Get("sortBy") == "userName" && !v.Has("sortOrder") {
				v.Set("sortOrder", "descending")
			}
		}), []string{"7644-3.4.2.3-07"}},
		{"no sort by sub-attributes", unsorted("name.familyName"), []string{"7644-3.4.2.3-05"}},
		{"no sort by what some lack", unsorted("title"), []string{"7644-3.4.2.3-06"}},
		{"no sort by lists", unsorted("emails.value"), []string{"7644-3.4.2.3-04"}},
		{"descending is ascending", parameters(func(_ *http.Request, v url.Values) {
			if v.Get("sortOrder") == "descending" {
				v.Set("sortOrder", "ascending")
			}
		}), []string{"7644-3.4.2.3-01", "7644-3.4.2.3-06", "7644-3.4.2.3-09"}},
		{"another order breaks it", refused(has("sortOrder", "sideways"), http.StatusInternalServerError, ""), []string{"7644-3.4.2.3-09"}},
		{"no sort by letters", unsorted("displayName"), []string{"7644-3.4.2.3-08"}},
		{"no sort by name", parameters(func(r *http.Request, v url.Values) {
			if !v.Has("cursor") && v.Get("sortBy") == "userName" {
				v.Del("sortBy")
			}
		}), []string{"7644-3.4.2.3-01", "7644-3.4.2.3-03", "7644-3.4.2.3-07", "7644-3.4.2.3-09"}},
		{"nobody comes if too many are asked for", members(has("count", "100000"), func(m map[string]any) { m["Resources"] = []any{} }), []string{"7644-3.4.2.4-07"}},
		{"pages beyond what is published", members(
			func(r *http.Request) bool {
				return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig")
			},
			func(m map[string]any) { m["filter"].(map[string]any)["maxResults"] = 1 },
		), []string{"7644-3.4.2.4-08"}},
		{"startIndex 0 is refused", refused(has("startIndex", "0"), http.StatusBadRequest, scim.InvalidValue), []string{"7644-3.4.2.4-03"}},
		{"a negative count is refused", refused(has("count", "-1"), http.StatusBadRequest, scim.InvalidValue), []string{"7644-3.4.2.4-04"}},
		{"count 0 is no count", parameters(func(r *http.Request, v url.Values) {
			if has("count", "0")(r) {
				v.Del("count")
			}
		}), []string{"7644-3.4.2.4-05"}},
		{"one more than count", parameters(func(r *http.Request, v url.Values) {
			if has("count", "2")(r) && !v.Has("cursor") {
				v.Set("count", "3")
			}
		}), []string{"7644-3.4.2.4-06"}},
		{"pages from 0", parameters(func(r *http.Request, v url.Values) {
			if has("startIndex", "3")(r) && !v.Has("count") {
				v.Set("startIndex", "4")
			}
		}), []string{"7644-3.4.2.4-02"}},
		{"past the end is 404", refused(has("startIndex", "1000000000"), http.StatusNotFound, ""), []string{"7644-3.4.2.4-09"}},
		{"startIndex is no number and ignored", parameters(func(r *http.Request, v url.Values) {
			if has("startIndex", "usher")(r) {
				v.Del("startIndex")
			}
		}), []string{"7644-3.4.2.4-10"}},
		{"the last page is the one before", parameters(func(r *http.Request, v url.Values) {
			if has("startIndex", "3")(r) && v.Has("count") {
				v.Set("startIndex", "2")
			}
		}), []string{"7644-3.4.2.4-11"}},
	}
}

func searchViolations() []violation {
	const noURN, urn = `{"filter"`, `{"schemas":["` + scim.SearchRequestURN + `"],"filter"`
	return []violation{
		{"a search makes a User", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if !searched(r) {
				next.ServeHTTP(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body)
			text := string(body)
			if strings.Contains(text, `"userName":"`) {
				text = strings.Replace(text, scim.SearchRequestURN, scim.UserURN, 1)
				r.URL.Path = strings.TrimSuffix(r.URL.Path, "/.search")
			}
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			next.ServeHTTP(w, r)
		}, []string{"7644-3.4.3-02"}},
		{"a search without its schema", rewritten(noURN, urn), []string{"7644-3.4.3-03"}},
		{"half a filter in a body selects everybody", rewritten(`"userName eq"`, `"userName pr"`), []string{"7644-3.4.3-05"}},
		{"no sort in a body by a URN", rewritten(`"sortBy":"`+scim.UserURN+`:userName"`, `"usherCheck":1`), []string{"7644-3.4.3-06"}},
		{"excludedAttributes in a body takes the id", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if !searched(r) {
				next.ServeHTTP(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			members(
				func(*http.Request) bool { return strings.Contains(string(body), "excludedAttributes") },
				func(m map[string]any) {
					for _, e := range m["Resources"].([]any) {
						delete(e.(map[string]any), "id")
					}
				})(next, w, r)
		}, []string{"7644-3.4.3-07"}},
		{"a search has a total of its own", members(searched, func(m map[string]any) {
			if _, paged := m["startIndex"]; paged && m["totalResults"] != nil {
				m["totalResults"] = 1000
			}
		}), []string{"7644-3.4.3-08"}},
	}
}

func cursorViolations() []violation {
	return []violation{
		{"a cursor that has to be escaped", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			v := r.URL.Query()
			if v.Has("cursor") {
				v.Set("cursor", strings.TrimSuffix(v.Get("cursor"), "="))
				r.URL.RawQuery = v.Encode()
			}
			members(usersAsked, func(m map[string]any) {
				if next, ok := m["nextCursor"].(string); ok {
					m["nextCursor"] = next + "="
				}
			})(next, w, r)
		}, []string{"9865-2-02"}},
		{"one more than count by cursor", parameters(func(r *http.Request, v url.Values) {
			if has("count", "2")(r) && v.Has("cursor") {
				v.Set("count", "3")
			}
		}), []string{"9865-2-05"}},
		{"a high count fails", refused(has("count", "999999"), http.StatusInternalServerError, ""), []string{"9865-2-06"}},
		{"the last page leads on", members(has("count", "50"), func(m map[string]any) { m["nextCursor"] = "more" }), []string{"9865-2-08"}},
		{"the first page leads back", members(
			func(r *http.Request) bool { return pagedByCursor(r) && r.URL.Query().Get("cursor") == "" },
			func(m map[string]any) { m["previousCursor"] = "back" },
		), []string{"9865-2-09"}},
		{"a total of the page by cursor", members(pagedByCursor, func(m map[string]any) { m["totalResults"] = 1 }), []string{"9865-2-11"}},
		{"pages by cursor with another schema", members(pagedByCursor, func(m map[string]any) { m["schemas"] = []any{scim.SearchRequestURN} }), []string{"9865-2-15"}},
		{"pages by cursor are not sorted by name", parameters(func(r *http.Request, v url.Values) {
			if pagedByCursor(r) && v.Get("sortBy") == "userName" {
				v.Del("sortBy")
			}
		}), []string{"9865-2.2-01"}},
		{"a cursor that is none is the first page", parameters(func(r *http.Request, v url.Values) {
			if strings.Contains(v.Get("cursor"), "-cursor-") {
				v.Set("cursor", "")
			}
		}), []string{"9865-2.1-01"}},
		{"a count that is none, by another keyword", keyword(scim.InvalidCount, scim.InvalidValue), []string{"9865-2.1-03"}},
		{"a keyword in another spelling", keyword(scim.InvalidCursor, "InvalidCursor"), []string{"9865-6-01"}},
		{"a query must name its method", refused(
			func(r *http.Request) bool { return usersAsked(r) && r.URL.RawQuery == "count=5" },
			http.StatusBadRequest, scim.InvalidValue), []string{"9865-2.4-02"}},
		{"a cursor is a token", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("cursor") != "" {
				r.Header.Set("Authorization", "Bearer judge")
			}
			next.ServeHTTP(w, r)
		}, []string{"9865-5-02"}},
		{"a search by cursor starts again", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			text := string(body)
			if i := strings.Index(text, `"cursor":"`); searched(r) && i >= 0 {
				i += len(`"cursor":"`)
				text = text[:i] + text[i+strings.Index(text[i:], `"`):]
			}
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			next.ServeHTTP(w, r)
		}, []string{"9865-3-02", "9865-3-03"}},
		{"no page by index", refused(has("startIndex", "2"), http.StatusBadRequest, scim.InvalidValue), []string{"7644-3.4.2-09", "7644-3.4.2.4-11", "9865-1-01"}},
		{"the second page leads nowhere", members(
			func(r *http.Request) bool { return r.URL.Query().Get("cursor") != "" && !r.URL.Query().Has("sortBy") },
			func(m map[string]any) { delete(m, "nextCursor") },
		), []string{"9865-2-07", "9865-2-14", "9865-3-02"}},
		{"equals come again and again", parameters(func(_ *http.Request, v url.Values) {
			if v.Get("cursor") != "" && v.Get("sortBy") == "displayName" {
				v.Set("cursor", "")
			}
		}), []string{"9865-2.2-02"}},
		{"a cursor that nobody asked for, and that leads nowhere", members(
			func(r *http.Request) bool {
				return usersAsked(r) && r.URL.Query().Get("count") == "1" && !r.URL.Query().Has("startIndex") && !r.URL.Query().Has("cursor")
			},
			func(m map[string]any) { m["nextCursor"] = "nowhere" },
		), []string{"9865-2.3-02"}},
		{"another default method than is published", pagination(func(p map[string]any) { p["defaultPaginationMethod"] = "cursor" }), []string{"9865-2.4-01"}},
		{"startIndex and cursor together break it", refused(
			func(r *http.Request) bool { return pagedByCursor(r) && r.URL.Query().Has("startIndex") },
			http.StatusInternalServerError, ""), []string{"9865-2.4-04"}},
		{"a cursor with a name in it", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			v := r.URL.Query()
			if cursor, _, named := strings.Cut(v.Get("cursor"), "~"); named {
				v.Set("cursor", cursor)
				r.URL.RawQuery = v.Encode()
			}
			members(usersAsked, func(m map[string]any) {
				if next, ok := m["nextCursor"].(string); ok {
					m["nextCursor"] = next + "~" + m["Resources"].([]any)[0].(map[string]any)["userName"].(string)
				}
			})(next, w, r)
		}, []string{"9865-5-01"}},
		{"pagination is published as something to write", members(
			func(r *http.Request) bool {
				return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/Schemas")
			},
			func(m map[string]any) {
				m["Resources"] = append(m["Resources"].([]any), map[string]any{
					"id": scim.ServiceProviderConfigURN, "name": "ServiceProviderConfig",
					"attributes": []any{map[string]any{
						"name": "pagination", "type": "complex", "multiValued": false, "mutability": "readWrite",
						"subAttributes": []any{map[string]any{"name": "cursor", "type": "boolean", "multiValued": false, "mutability": "readWrite"}},
					}},
				})
				for _, n := range []string{"totalResults", "itemsPerPage"} {
					m[n] = len(m["Resources"].([]any))
				}
			}), []string{"7643-7-04", "7644-4-03", "7644-4-06", "9865-4-07"}},
		{"pagination says nothing of pages by index", pagination(func(p map[string]any) { delete(p, "index") }), []string{"9865-4-01"}},
		{"an unknown default method", pagination(func(p map[string]any) { p["defaultPaginationMethod"] = "offset" }), []string{"9865-4-02"}},
		{"a page size that is none", pagination(func(p map[string]any) { p["defaultPageSize"] = 0 }), []string{"9865-4-03"}},
		{"a largest page that is no number", pagination(func(p map[string]any) { p["maxPageSize"] = "100" }), []string{"9865-4-04"}},
		{"a timeout that is no number", pagination(func(p map[string]any) { p["cursorTimeout"] = "1h" }), []string{"9865-4-05"}},
	}
}

// pagination changes what ServiceProviderConfig says of pages.
func pagination(change func(p map[string]any)) faulty {
	return members(
		func(r *http.Request) bool {
			return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig")
		},
		func(m map[string]any) { change(m["pagination"].(map[string]any)) })
}
