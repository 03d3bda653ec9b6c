// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// conversation is what one client sends from beginning to end, and what must be there
// then. $NAME stands for the id of what was created as NAME.
type conversation struct {
	Name       string
	Strictness scimserver.Strictness
	Steps      []struct {
		Request string // a method and a path, whose parameters are not encoded
		Body    json.RawMessage
		Status  int
		As      string
		Total   *int // totalResults
	}
	Users, Groups []json.RawMessage // without what is the server's own
}

// Every client's conversations end as it means them, at our endpoint and at a server of
// the library alone. None was taken from a wire, and each file says how sure it is.
func TestVendorFlows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../scim/testdata/vendors/*.json")
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Client, Source, Confidence string
			Flows                      []conversation
		}
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(file, err)
		}
		if v.Source == "" || v.Confidence == "" || strings.Contains(strings.ToLower(v.Source), "record") {
			t.Errorf("%s: source %q, confidence %q", file, v.Source, v.Confidence)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, c := range v.Flows {
			held[name]++
			for _, at := range []string{"our endpoint", "the library"} {
				t.Run(v.Client+", "+c.Name+", at "+at, func(t *testing.T) {
					t.Parallel()
					h := newHouse(t)
					e := h.endpoint("idp", c.Strictness)
					if at == "the library" {
						e = h.library(c.Strictness)
					}
					e.TB = t
					c.hold(e)
				})
			}
		}
	}
	for _, name := range []string{"entra-default", "entra-flag", "okta-wizard", "okta-oin", "jumpcloud", "rippling", "authentik", "keycloak"} {
		if held[name] == 0 {
			t.Errorf("%s has no conversation", name)
		}
	}
}

// library is a server of the library over its own memory.
func (h *house) library(s scimserver.Strictness) *endpoint {
	h.Helper()
	rules, err := scimserver.RulesOf(s)
	if err != nil {
		h.Fatal(err)
	}
	store := scimserver.NewMemory(nil, nil)
	if s == scimserver.Entra {
		store.Unique(typeGroup, scim.MustPath("displayName"))
	}
	return h.handler(store, rules)
}

const typeGroup = "Group"

// hold sends the requests and compares what there is at the end.
func (c *conversation) hold(e *endpoint) {
	e.Helper()
	ids := []string{}
	named := func(text string) string { return strings.NewReplacer(ids...).Replace(text) }
	for i, s := range c.Steps {
		method, target, _ := strings.Cut(named(s.Request), " ")
		got := e.do(method, encoded(target), named(string(s.Body)))
		if got.Code != s.Status {
			e.Fatalf("step %d, %s: %d, want %d: %s", i+1, s.Request, got.Code, s.Status, got.Body)
		}
		if s.As != "" {
			ids = append(ids, "$"+s.As, got.resource().ID())
		}
		if s.Total != nil {
			l, err := scim.ParseListResponse(got.Body.Bytes(), scim.Limits{})
			if err != nil || l.TotalResults != *s.Total {
				e.Fatalf("step %d, %s: %v, want %d: %s", i+1, s.Request, err, *s.Total, got.Body)
			}
		}
	}
	for path, all := range map[string][]json.RawMessage{"/Users": c.Users, "/Groups": c.Groups} {
		l, err := scim.ParseListResponse(e.do(http.MethodGet, path+"?count=1000", "").want(200).Body.Bytes(), scim.Limits{})
		if err != nil {
			e.Fatal(err)
		}
		var got, want []string
		for _, r := range l.Resources {
			got = append(got, bare(r))
		}
		for _, text := range all {
			r, err := scim.ParseResource([]byte(named(string(text))), scim.Limits{})
			if err != nil {
				e.Fatal(err)
			}
			want = append(want, bare(r))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			e.Errorf("%s are\n%s\nwant\n%s", path, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// encoded is a path whose parameters are encoded.
func encoded(target string) string {
	path, params, _ := strings.Cut(target, "?")
	if params == "" {
		return path
	}
	v := url.Values{}
	for p := range strings.SplitSeq(params, "&") {
		name, value, _ := strings.Cut(p, "=")
		v.Set(name, value)
	}
	return path + "?" + v.Encode()
}

// bare is a resource without what is the server's own, in the order of names.
func bare(r *scim.Resource) string {
	var lines []string
	for name, v := range r.All() {
		if slices.Contains([]string{"id", "meta", "schemas", "groups"}, name) {
			continue
		}
		if list, ok := v.AsList(); ok {
			var elements []string
			for _, e := range list {
				elements = append(elements, ordered(e))
			}
			slices.Sort(elements)
			lines = append(lines, name+"="+strings.Join(elements, ","))
			continue
		}
		lines = append(lines, name+"="+ordered(v))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// ordered is a value whose members are in the order of their names.
func ordered(v scim.Value) string {
	o, ok := v.AsComplex()
	if !ok {
		return v.String()
	}
	var lines []string
	for name, w := range o.All() {
		lines = append(lines, name+":"+ordered(w))
	}
	slices.Sort(lines)
	return "{" + strings.Join(lines, " ") + "}"
}
