// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"encoding/json"
	"flag"
	"fmt"
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

var update = flag.Bool("update", false, "write the tables that are made from the code")

// held is a server of one strictness, and what it told of switches.
func held(t *testing.T, s scimserver.Strictness, more ...string) (*server, *[]string) {
	t.Helper()
	rules, err := scimserver.RulesOf(s, more...)
	if err != nil {
		t.Fatal(err)
	}
	told := &[]string{}
	return newServer(t, func(c *scimserver.Config) {
		c.Rules = rules
		c.Saved = func(_ *http.Request, name string) { *told = append(*told, name) }
	}), told
}

// The table of docs/strictness.md is made from the code.
func TestStrictnessTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| switch | what it does |")
	for _, s := range scimserver.Strictnesses() {
		fmt.Fprintf(&b, " `%s` |", s)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(scimserver.Strictnesses())) + "\n")
	for _, sw := range scimserver.Switches() {
		fmt.Fprintf(&b, "| `%s` | %s |", sw.Name, sw.Does)
		for _, s := range scimserver.Strictnesses() {
			if sw.In(s) {
				b.WriteString(" on |")
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
	const file, begin, end = "../../docs/strictness.md", "<!-- made from the code -->\n", "<!-- to here -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	want := head + begin + b.String() + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s is out of date; go test ./scim/scimserver -run TestStrictnessTable -update", file)
	}
}

// Lenient is what the contract lists, and nothing that accepts unknown paths or
// keeps what a PUT leaves out.
func TestLenientIsTheContracts(t *testing.T) {
	t.Parallel()
	want := []string{
		scim.RuleStringBooleans, scim.RuleRemoveWithValueArray, scim.RuleCreateOnNoMatch, scim.RuleIgnoreIDInValue,
		scim.RuleManagerAsString, scim.RuleFilterValuePathSub, scim.RuleExtraFilterSpaces, scim.RuleSchemasOptional,
	}
	var got []string
	for _, sw := range scimserver.Switches() {
		if sw.In(scimserver.Lenient) {
			got = append(got, sw.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("lenient has %v, the contract %v", got, want)
	}
	if _, err := scimserver.RulesOf("lax"); err == nil || !strings.Contains(err.Error(), "interop-strict") {
		t.Errorf("an unknown strictness: %v", err)
	}
	if _, err := scimserver.RulesOf(scimserver.RFC, "stringBoolean"); err == nil || !strings.Contains(err.Error(), scim.RuleStringBooleans) {
		t.Errorf("an unknown switch: %v", err)
	}
}

// A removal of members with a value array is refused, or those members go. Nothing
// that a client writes there empties a group.
func TestNoStrictnessEmptiesAGroup(t *testing.T) {
	t.Parallel()
	removes := []scimserver.Strictness{scimserver.Entra, scimserver.Okta, scimserver.Lenient}
	for _, s := range scimserver.Strictnesses() {
		for value, left := range map[string]string{
			`[{"value":"u1"}]`:                `["u2","u3"]`,
			`[{"value":"u1"},{"value":"u3"}]`: `["u2"]`,
			`[{"value":"u9"}]`:                `["u1","u2","u3"]`,
			`[]`:                              `["u1","u2","u3"]`,
			`[{}]`:                            "",
			`[{"value":""}]`:                  "",
			`[{"display":"x"}]`:               "",
			`["u1"]`:                          "",
			`"u1"`:                            "",
			`{}`:                              "",
		} {
			server, told := held(t, s)
			id := server.make("/Groups", group("g", "u1", "u2", "u3"))
			got := server.do("PATCH", "/Groups/"+id, patch(`{"op":"Remove","path":"members","value":`+value+`}`))
			kept := server.do("GET", "/Groups/"+id, "").want(200, "").at("members.value")
			switch {
			case !slices.Contains(removes, s) && (got.Code != 400 || kept != `["u1","u2","u3"]`):
				t.Errorf("%s, %s: %d, and %s are left", s, value, got.Code, kept)
			case !slices.Contains(removes, s):
			case left == "" && (kept == "" || kept == "[]"):
				t.Errorf("%s, %s: %d, and the group is empty", s, value, got.Code)
			case left != "" && (got.Code != 200 || kept != left):
				t.Errorf("%s, %s: %d, and %s are left, want %s", s, value, got.Code, kept, left)
			case left != "" && value != `[]` && !slices.Contains(*told, scim.RuleRemoveWithValueArray):
				t.Errorf("%s, %s: told of %v", s, value, *told)
			}
		}
	}
}

// What a switch saved is told by its name, once a request; a request that needs
// none is not told of.
func TestSavedIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		status  int
		want    []string
	}{
		"nothing":              {"POST /Users " + user("cy"), 201, nil},
		"schemas, booleans":    {`POST /Users {"userName":"cy","active":"True"}`, 201, []string{scim.RuleSchemasOptional, scim.RuleStringBooleans}},
		"manager in a POST":    {"POST /Users " + user("cy", `"`+scim.EnterpriseUserURN+`":{"manager":"7"}`), 201, []string{scim.RuleManagerAsString}},
		"twice in one":         {"PATCH /Users/1 " + patch(`{"op":"add","path":"active","value":"True"}`, `{"op":"replace","path":"active","value":"False"}`), 200, []string{scim.RuleStringBooleans}},
		"made":                 {"PATCH /Users/1 " + patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}`), 200, []string{scim.RuleCreateOnNoMatch}},
		"id in a value":        {"PATCH /Users/1 " + patch(`{"op":"replace","value":{"id":"1","title":"x"}}`), 200, []string{scim.RuleIgnoreIDInValue}},
		"a filter":             {"GET /Users?filter=" + url.QueryEscape(`emails[type eq "work"].value eq "x"`), 200, []string{scim.RuleFilterValuePathSub}},
		"blanks":               {"GET /Users?filter=" + url.QueryEscape(`userName  eq "x"`), 200, []string{scim.RuleExtraFilterSpaces}},
		"booleans in filters":  {"GET /Users?filter=" + url.QueryEscape(`active eq "True"`), 200, []string{scim.RuleStringBooleans}},
		"refused all the same": {"PATCH /Users/1 " + patch(`{"op":"replace","path":"nowhere","value":"x"}`), 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method, rest, _ := strings.Cut(c.request, " ")
			path, body, _ := strings.Cut(rest, " ")
			for _, s := range []scimserver.Strictness{scimserver.Lenient, scimserver.RFC} {
				server, told := held(t, s)
				server.make("/Users", user("ann"))
				got := server.do(method, path, body)
				switch {
				case s == scimserver.Lenient && (got.Code != c.status || !slices.Equal(*told, c.want)):
					t.Errorf("%d, told of %v, want %d, %v: %s", got.Code, *told, c.status, c.want, got.Body)
				case s == scimserver.RFC && (len(*told) > 0 || (got.Code < 400) != (c.want == nil && c.status < 400)):
					t.Errorf("strictly: %d, told of %v", got.Code, *told)
				}
			}
		})
	}
}

// The interoperability profile refuses what is unknown and what has no path.
func TestInteropStrict(t *testing.T) {
	t.Parallel()
	s, _ := held(t, scimserver.InteropStrict)
	s.make("/Users", user("ann"))
	s.do("POST", "/Users", user("bob", `"shoeSize":44`)).want(400, "invalidSyntax")
	s.do("POST", "/Users", user("bob", `"name":{"nick":"b"}`)).want(400, "invalidSyntax")
	s.do("PATCH", "/Users/1", patch(`{"op":"replace","value":{"title":"x"}}`)).want(400, "invalidSyntax")
	s.do("PATCH", "/Users/1", patch(`{"op":"replace","path":"title","value":"x"}`)).want(200, "")
	s.do("GET", "/Users?filter="+url.QueryEscape(`shoeSize eq 44`), "").want(400, "invalidFilter")
	s.do("PATCH", "/Users/1", patch(`{"op":"add","path":"name","value":{"givenName":"Ann","familyName":"A"}}`)).want(200, "")
	if got := s.do("PATCH", "/Users/1", patch(`{"op":"replace","path":"name","value":{"familyName":"B"}}`)).want(200, "").at("name"); got != `{"familyName":"B"}` {
		t.Errorf("name is %s", got)
	}
	for _, strictness := range scimserver.Strictnesses() {
		s, _ := held(t, strictness)
		if claims := s.do("GET", "/ServiceProviderConfig", "").want(200, "").at("interopProfileConformant"); (claims == "true") != (strictness == scimserver.InteropStrict) {
			t.Errorf("%s: interopProfileConformant is %q", strictness, claims)
		}
	}
}

// Under the IPSIE profile Users have no password: none is published, and one that is
// sent reaches no store.
func TestNoPassword(t *testing.T) {
	t.Parallel()
	s, _ := held(t, scimserver.IPSIE)
	if body := s.do("GET", "/Schemas/"+scim.UserURN, "").want(200, "").Body.String(); strings.Contains(body, "password") {
		t.Error(body)
	}
	id := s.make("/Users", user("ann", `"password":"correct horse"`))
	kept, err := s.store.Get(t.Context(), "User", id)
	if err != nil || strings.Contains(kept.String(), "horse") {
		t.Errorf("%v, %v", kept, err)
	}
	s.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"password","value":"x"}`)).want(400, "invalidPath")
	if _, known := scim.CoreSchemas().Lookup(scim.UserURN, scim.MustPath("password")); !known {
		t.Error("the core schemas have lost it")
	}
}

// trace is a file of ../testdata/vendors; see TestVendorShapes of package scim.
type trace struct {
	Client string
	Cases  []struct {
		Name          string
		Rules         []string
		Before, After *scim.Resource
		Request       json.RawMessage
	}
}

// Each client's requests end as it means them, on the wire and under the
// strictness that is made for it, and under lenient wherever that has the switches.
func TestVendorTraces(t *testing.T) {
	t.Parallel()
	own := map[string]scimserver.Strictness{"entra-default": scimserver.Entra, "entra-flag": scimserver.Entra, "okta-oin": scimserver.Okta}
	files, err := filepath.Glob("../testdata/vendors/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	run := map[scimserver.Strictness]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v trace
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, c := range v.Cases {
			if c.After == nil {
				continue
			}
			for _, s := range []scimserver.Strictness{own[name], scimserver.Lenient} {
				if s == "" || s == scimserver.Lenient && !has(t, s, c.Rules) {
					continue
				}
				run[s]++
				if got, want := replay(t, s, c.Before, c.After, c.Request); got != want {
					t.Errorf("%s, %s, %s:\n got %s\nwant %s", v.Client, c.Name, s, got, want)
				}
			}
		}
	}
	if run[scimserver.Entra] < 15 || run[scimserver.Okta] < 5 || run[scimserver.Lenient] < 30 {
		t.Errorf("few cases: %v", run)
	}
}

// has tells whether a strictness has the switches for some fields of PatchRules.
func has(t *testing.T, s scimserver.Strictness, fields []string) bool {
	t.Helper()
	for _, f := range fields {
		if !slices.ContainsFunc(scimserver.Switches(), func(sw scimserver.Switch) bool { return strings.EqualFold(sw.Name, f) && sw.In(s) }) {
			return false
		}
	}
	return true
}

// replay sends a PATCH to a resource as it was, and returns it as it is then and as
// it should be, but for its meta. Ids are the server's own.
func replay(t *testing.T, s scimserver.Strictness, before, after *scim.Resource, request []byte) (got, want string) {
	t.Helper()
	server, _ := held(t, s)
	typ, endpoint := "User", "/Users/"
	if before.UserName() == "" {
		typ, endpoint = "Group", "/Groups/"
	}
	made, err := server.store.Create(t.Context(), typ, before.Clone())
	if err != nil {
		t.Fatal(err)
	}
	named := strings.NewReplacer(`"`+before.ID()+`"`, `"`+made.ID()+`"`)
	answer := server.do("PATCH", endpoint+made.ID(), named.Replace(string(request)))
	if answer.Code != 200 {
		return answer.Body.String(), after.String()
	}
	kept, err := server.store.Get(t.Context(), typ, made.ID()) // with what is never shown
	if err != nil {
		t.Fatal(err)
	}
	return plain(kept.Clone()), plain(after.Clone())
}

// plain is a resource without what is the server's own.
func plain(r *scim.Resource) string {
	for _, name := range []string{"id", "meta", "schemas"} {
		r.Delete(name)
	}
	var lines []string
	for name, v := range r.All() {
		lines = append(lines, name+"="+v.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
