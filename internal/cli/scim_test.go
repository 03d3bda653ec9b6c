// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/cli"
	"github.com/usher-id/usher/scim/scimserver"
)

// An endpoint is checked, told of in three forms, and left as it was.
func TestScimCheck(t *testing.T) {
	store := scimserver.NewMemory(nil, nil)
	h, err := scimserver.New(scimserver.Config{Store: store, Base: "/scim/v2", Authorize: scimserver.BearerToken("judge")})
	if err != nil {
		t.Fatal(err)
	}
	broken := false // it gives a discovery endpoint as a list
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken && strings.HasSuffix(r.URL.Path, "/Schemas/"+"urn:ietf:params:scim:schemas:core:2.0:User") {
			r.URL.Path = "/scim/v2/Schemas"
		}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	base := srv.URL + "/scim/v2"
	check := func(want int, args ...string) (out, errs string) {
		t.Helper()
		var o, e bytes.Buffer
		if got := cli.Main(append([]string{"scim", "check"}, args...), strings.NewReader(""), &o, &e); got != want {
			t.Fatalf("usher scim check %v: %d, want %d\n%s%s", args, got, want, e.String(), o.String())
		}
		return o.String(), e.String()
	}
	t.Setenv("SCIM_TOKEN", "judge")
	dir := t.TempDir()
	for file, holds := range map[string]string{"r.html": "<h1>SCIM conformance</h1>", "r.txt": "RFC, SECTION", "r.json": `"base": "` + base} {
		path := filepath.Join(dir, file)
		_, told := check(0, base, "--report", path)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), holds) || !strings.Contains(told, file) || strings.Contains(string(text)+told, "judge") {
			t.Errorf("%s: %v\n%s\n%s", file, err, told, text)
		}
	}
	var doc struct {
		Base    string
		Results []struct{ ID, Level, Result, Detail string }
		Failed  *int
	}
	out, _ := check(0, base, "--json")
	if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Base != base || doc.Failed == nil || *doc.Failed != 0 || len(doc.Results) == 0 || doc.Results[0].ID == "" {
		t.Errorf("%v: %.500s", err, out)
	}
	broken = true
	out, _ = check(1, base)
	if !strings.Contains(out, "FAIL 7644-4-03 (MUST)") || !strings.Contains(out, "it does not conform") {
		t.Errorf("%.2000s", out)
	}
	if page, err := store.List(t.Context(), "User", scimserver.Query{StartIndex: 1, Count: 1}); err != nil || page.Total != 0 {
		t.Errorf("%d users are left, %v", page.Total, err)
	}
	if page, err := store.List(t.Context(), "Group", scimserver.Query{StartIndex: 1, Count: 1}); err != nil || page.Total != 0 {
		t.Errorf("%d groups are left, %v", page.Total, err)
	}
	t.Setenv("OTHER", "guess")
	if _, told := check(1, base, "--token-env", "OTHER"); !strings.Contains(told, "is the token right?") {
		t.Error(told)
	}
	check(1, "http://127.0.0.1:9/scim/v2")
	for _, bad := range []string{"app.example", "ftp://app.example", "http://", base + "?x=1", "http://judge:pass@app.example/scim/v2"} {
		if _, told := check(2, bad); !strings.Contains(told, "no base URL") || strings.Contains(told, "scimtest:") || strings.Contains(told, "pass@") {
			t.Errorf("%s: %s", bad, told)
		}
	}
	if _, told := check(1, "http://127.0.0.1:9/scim/v2"); strings.Contains(told, "scimtest:") {
		t.Error(told)
	}
	if _, told := check(2, base, "--profile", "azure"); !strings.Contains(told, `no profile "azure"; there are rfc, entra, okta, interop, ipsie`) {
		t.Error(told)
	}
	broken = false
	for _, form := range [][]string{nil, {"--json"}} {
		out, _ := check(1, append([]string{base, "--profile", "interop"}, form...)...) // it is none of those
		for _, holds := range []string{"interop-01", "MUST", "SCIM interoperability profile", "profile"} {
			if !strings.Contains(out, holds) {
				t.Errorf("%s is not in %.3000s", holds, out)
			}
		}
	}
	check(2, base, "--report", filepath.Join(dir, "r.pdf"))
	check(2)
}
