// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
	"github.com/usher-id/usher/scim/scimtest"
)

// types are those of RFC 7643 §8.6. Our lifecycle extension, which scimserver adds unless
// it is told what to serve, has a timeZone beside the core timezone (7643-3.3-03).
func types() []scim.ResourceType {
	out := scim.CoreResourceTypes()
	out[0].SchemaExtensions = slices.DeleteFunc(out[0].SchemaExtensions, func(x scim.SchemaExtension) bool { return x.Schema == scim.UsherUserURN })
	return out
}

// judged is a service provider of ours, and what the suite finds of it.
func judged(t *testing.T, change func(*scimserver.Config)) scimtest.Report {
	t.Helper()
	c := scimserver.Config{Store: scimserver.NewMemory(nil, types()), ResourceTypes: types(), Base: "/scim/v2", Authorize: scimserver.BearerToken("judge")}
	if change != nil {
		change(&c)
	}
	h, err := scimserver.New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	r, err := scimtest.Suite{Base: srv.URL + "/scim/v2", Token: "judge", HTTP: srv.Client()}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// violation is one thing that a service provider does wrong, and the ids that the
// suite must name for it, and no others.
type violation struct {
	name string
	// serve stands before a sound handler: it changes requests on their way in, or
	// answers on their way out.
	serve func(next http.Handler, w http.ResponseWriter, r *http.Request)
	ids   []string
}

// planted runs the suite against our server with one thing wrong, for each violation.
func planted(t *testing.T, all []violation) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes minutes under the race detector")
	}
	for _, v := range all {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			h, err := scimserver.New(scimserver.Config{Store: scimserver.NewMemory(nil, types()), ResourceTypes: types(), Base: "/scim/v2", Authorize: scimserver.BearerToken("judge")})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.serve(h, w, r) }))
			defer srv.Close()
			r, err := scimtest.Suite{Base: srv.URL + "/scim/v2", Token: "judge", HTTP: srv.Client()}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			details := ""
			for _, l := range r.Results {
				if l.Result == scimtest.Fail {
					got = append(got, l.ID)
					details += l.ID + ": " + l.Detail + "\n"
				}
			}
			want := slices.Sorted(slices.Values(v.ids))
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("named %v, want %v\n%s", got, want, details)
			}
		})
	}
}

// edited lets an answer be changed before it goes out: its status, headers and body.
func edited(next http.Handler, w http.ResponseWriter, r *http.Request, edit func(rec *httptest.ResponseRecorder, body string) string) {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	body := edit(rec, rec.Body.String())
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rec.Code)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}

// Each check is one requirement of the inventory, once.
func TestChecksAreOfTheInventory(t *testing.T) {
	t.Parallel()
	known, seen := map[string]bool{}, map[string]bool{}
	for _, r := range scimtest.Requirements() {
		known[r.ID] = true
	}
	for _, c := range scimtest.Checks() {
		if !known[c.ID] || seen[c.ID] || c.Title == "" || strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s %q: not in the inventory, twice, or without a title", c.ID, c.Title)
		}
		seen[c.ID] = true
	}
	must, checked := 0, 0
	for _, r := range scimtest.Requirements() {
		if r.Must() && r.Actor != "client" {
			if must++; seen[r.ID] {
				checked++
			}
		}
	}
	t.Logf("%d checks; of %d requirements without a choice for service providers %d are checked", len(seen), must, checked)
}

var namedTest = regexp.MustCompile(`tests? (Test\w+) \(([\w/]+)\)`)

// Each requirement has a check, or a line in elsewhere.tsv that says why it has none
// and what carries it; a test that is named there is there.
func TestEachRequirementIsAccountedFor(t *testing.T) {
	t.Parallel()
	checked := map[string]bool{}
	for _, c := range scimtest.Checks() {
		checked[c.ID] = true
	}
	text, err := os.ReadFile("elsewhere.tsv")
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for line := range strings.Lines(string(text)) {
		id, reason, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || reason == "" || why[id] != "" {
			t.Errorf("%q: without a reason, or twice", line)
		}
		why[id] = reason
		for _, m := range namedTest.FindAllStringSubmatch(reason, -1) {
			files, err := filepath.Glob(filepath.Join("..", "..", m[2], "*_test.go"))
			found := false
			for _, f := range files {
				source, rerr := os.ReadFile(f)
				if rerr != nil {
					t.Fatal(rerr)
				}
				found = found || strings.Contains(string(source), "func "+m[1]+"(")
			}
			if err != nil || !found {
				t.Errorf("%s: there is no %s in %s", id, m[1], m[2])
			}
		}
	}
	for _, r := range scimtest.Requirements() {
		if checked[r.ID] == (why[r.ID] != "") {
			t.Errorf("%s (%s, %s): checked %t, elsewhere %q", r.ID, r.Level, r.Actor, checked[r.ID], why[r.ID])
		}
		delete(why, r.ID)
	}
	for id := range why {
		t.Errorf("%s is no requirement", id)
	}
}

// Our own library meets what is checked.
func TestOurServerPasses(t *testing.T) {
	t.Parallel()
	counts := map[scimtest.Verdict]int{}
	r := judged(t, nil)
	if len(r.Left) > 0 {
		t.Errorf("left are %v", r.Left)
	}
	for _, l := range r.Results {
		if counts[l.Result]++; l.Result == scimtest.Fail {
			t.Errorf("%s (%s): %s", l.ID, l.Level, l.Detail)
		}
	}
	t.Log(counts)
}

// Types beside Users and Groups, of drafts or of one's own, are nobody's fault.
func TestFurtherTypesPass(t *testing.T) {
	t.Parallel()
	c, err := scim.Catalog{Schemas: scim.CoreSchemas(), ResourceTypes: types()}.WithExperiments("agents", "roles", "entitlements")
	if err != nil {
		t.Fatal(err)
	}
	c, err = c.With("device.json", []byte(`[
		{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:params:scim:schemas:core:1.0:Device","name":"Device","description":"Device","attributes":[
			{"name":"serial","type":"string","multiValued":false,"description":"Serial number","required":true,"uniqueness":"server"},
			{"name":"active","type":"boolean","multiValued":false,"description":"Whether it is in use"},
			{"name":"secret","type":"string","description":"What it is unlocked with","multiValued":false,"mutability":"writeOnly","returned":"never"}]},
		{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Device","endpoint":"/Devices","schema":"urn:example:params:scim:schemas:core:1.0:Device"}]`))
	if err != nil {
		t.Fatal(err)
	}
	plain := judged(t, nil)
	more := judged(t, func(conf *scimserver.Config) {
		conf.Schemas, conf.ResourceTypes, conf.Store = c.Schemas, c.ResourceTypes, scimserver.NewMemory(c.Schemas, c.ResourceTypes)
	})
	if len(more.Results) != len(plain.Results) || len(more.Left) > 0 {
		t.Errorf("%d results, %d without the types; left are %v", len(more.Results), len(plain.Results), more.Left)
	}
	for i, l := range more.Results {
		if was := plain.Results[i].Result; l.Result == scimtest.Fail || was == scimtest.Pass && l.Result != was {
			t.Errorf("%s (%s): %s without the types, %s with them: %s", l.ID, l.Level, was, l.Result, l.Detail)
		}
	}
}

// A violation is named by what it breaks: this one shows how they are planted.
func TestPlantedDiscovery(t *testing.T) {
	t.Parallel()
	planted(t, []violation{{"a list of one ServiceProviderConfig", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
			if !strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig") {
				return body
			}
			return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[` + body + `]}`
		})
	}, []string{"7643-5-02", "7643-5-03", "7643-5-04", "7643-5-05", "7643-5-06", "7643-5-07", "7643-5-08", "7643-5-09", "7644-4-03"}}})
}
