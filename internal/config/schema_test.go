// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/testenv"
)

// both is the schema and the decoder, which must agree.
type both struct {
	schema   *config.Schema
	resolved *jsonschema.Resolved
}

func newBoth(t *testing.T) *both {
	t.Helper()
	b := &both{schema: config.JSONSchema()}
	data, err := json.Marshal(b.schema)
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	if b.resolved, err = s.Resolve(nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// editor is what an editor says of the file, which sees no environment.
func (b *both) editor(data []byte) error {
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		return err
	}
	return b.resolved.Validate(v)
}

// TestMakersPagesAreOfTheSchema: an editor that checks takes what the pages in docs/hr say to
// copy. That a maker's file fills in what the schema demands is nothing that it knows.
func TestMakersPagesAreOfTheSchema(t *testing.T) {
	t.Parallel()
	b := newBoth(t)
	for _, name := range config.Makers() {
		page, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "hr", name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(page), "```yaml\nstore:")
		text, _, ok := strings.Cut(text, "```")
		if !ok {
			t.Fatalf("%s has no configuration", name)
		}
		if err := b.editor([]byte("store:" + text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func decoder(data []byte) error {
	_, err := config.Parse("usher.yaml", data, environment(map[string]string{
		"HR_FILE": "people.csv", "APP_URL": "http://127.0.0.1:9/scim/v2", "APP_TOKEN": "t0ken",
	}))
	return err
}

// full is testdata/full.yaml as a tree that a test may change.
func full(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func asYAML(t *testing.T, v any) []byte {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// section is a place in full.yaml, and what the schema says of it.
type section struct {
	path   string
	value  map[string]any
	schema *config.Schema
}

// sections walks full.yaml beside the schema. Every key of the schema must be
// in the file at one place at least, so that no key escapes these tests.
func sections(t *testing.T, root map[string]any, schema *config.Schema) []section {
	t.Helper()
	all, seen := walkThrough(root, schema)
	for _, s := range all {
		for key := range s.schema.Properties {
			if !seen[s.path+"."+key] {
				t.Errorf("testdata/full.yaml has no %s: every key must be there", strings.TrimPrefix(s.path+"."+key, "."))
			}
		}
	}
	return all
}

func walkThrough(root map[string]any, schema *config.Schema) (all []section, seen map[string]bool) {
	seen = map[string]bool{}
	var walk func(path string, v any, s *config.Schema)
	walk = func(path string, v any, s *config.Schema) {
		if list, isList := v.([]any); isList && s.Items != nil {
			for _, item := range list {
				walk(path+".*", item, s.Items)
			}
		}
		m, isMap := v.(map[string]any)
		if !isMap {
			return
		}
		for _, one := range s.AnyOf {
			if slices.Contains(one.Type, "object") {
				s = one
			}
		}
		if s.Closed {
			all = append(all, section{path, m, s})
		}
		for key, value := range m {
			if p := s.Properties[key]; p != nil {
				seen[path+"."+key] = true
				walk(path+"."+key, value, p)
			} else if s.Values != nil {
				walk(path+".*", value, s.Values)
			}
		}
	}
	walk("", root, schema)
	return all, seen
}

// part is a file that holds some of full.yaml, and the sections to be changed in it.
type part struct {
	file     map[string]any
	sections []section
}

// apart are files that hold all of full.yaml together: each source alone, with the first one
// that it may match, each app of type http with the source of its records, and all the rest. A change in one place is judged in a small
// file as in the whole one, and sooner.
func apart(root map[string]any, schema *config.Schema) (parts []part) {
	all := root["sources"].(map[string]any)
	for name, s := range all {
		one := map[string]any{"sources": map[string]any{name: s}}
		sections, _ := walkThrough(one, schema)
		sections = slices.DeleteFunc(sections, func(s section) bool { return s.path == "" })
		file := map[string]any{"store": "x.db", "sources": map[string]any{name: s}}
		if s.(map[string]any)["match"] != nil {
			file["sources"] = map[string]any{name: s, "hr": all["hr"]}
		}
		parts = append(parts, part{file, sections})
	}
	apps := root["apps"].(map[string]any)
	for name, a := range apps {
		if a.(map[string]any)["type"] != config.AppHTTP {
			continue
		}
		sections, _ := walkThrough(map[string]any{"apps": map[string]any{name: a}}, schema)
		sections = slices.DeleteFunc(sections, func(s section) bool { return s.path == "" })
		parts = append(parts, part{map[string]any{"store": "x.db", "sources": map[string]any{"hr": all["hr"]}, "apps": map[string]any{name: a}}, sections})
	}
	few := map[string]any{"hr": all["hr"]}
	for name, a := range root["apps"].(map[string]any) {
		file := map[string]any{"store": "x.db", "sources": few, "teams": root["teams"], "apps": map[string]any{name: a}}
		sections, _ := walkThrough(file, schema)
		sections = slices.DeleteFunc(sections, func(s section) bool { return !strings.HasPrefix(s.path, ".apps.") })
		parts = append(parts, part{file, sections})
	}
	rest := maps.Clone(root)
	rest["sources"], rest["apps"] = few, map[string]any{}
	others, _ := walkThrough(rest, schema)
	others = slices.DeleteFunc(others, func(s section) bool {
		return strings.HasPrefix(s.path, ".sources") || strings.HasPrefix(s.path, ".apps")
	})
	return append(parts, part{rest, others})
}

var knownKeys = regexp.MustCompile(`unknown key "zzzzzzzzzz".*\(known: (.*)\)`)

// TestSchemaHasTheKeysOfTheDecoder asks the decoder in each section which keys
// it knows, by one that it cannot know.
func TestSchemaHasTheKeysOfTheDecoder(t *testing.T) {
	t.Parallel()
	b, root := newBoth(t), full(t)
	all := sections(t, root, b.schema)
	if len(all) < 12 {
		t.Fatalf("only %d sections", len(all))
	}
	for _, s := range all {
		s.value["zzzzzzzzzz"] = "x"
		data := asYAML(t, root)
		err := decoder(data)
		delete(s.value, "zzzzzzzzzz")
		if b.editor(data) == nil {
			t.Errorf("%s: the schema takes a key that nobody knows", s.path)
		}
		if err == nil {
			t.Errorf("%s: the decoder takes a key that nobody knows", s.path)
			continue
		}
		m := knownKeys.FindStringSubmatch(err.Error())
		if m == nil {
			t.Errorf("%s: the decoder does not say what it knows: %v", s.path, err)
			continue
		}
		got, want := slices.Sorted(maps.Keys(s.schema.Properties)), strings.Split(m[1], ", ")
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, the decoder knows %v", s.path, got, want)
		}
	}
}

// TestSchemaAgrees changes full.yaml in one place at a time; the schema and the
// decoder must judge alike.
func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	b, whole := newBoth(t), full(t)
	sections(t, whole, b.schema)
	root := whole
	agree := func(what string, wrong bool) {
		t.Helper()
		data := asYAML(t, root)
		editor, decoded := b.editor(data), decoder(data)
		if (editor != nil) != wrong || (decoded != nil) != wrong {
			t.Errorf("%s: wrong should be %t\n  schema:  %v\n  decoder: %v", what, wrong, editor, decoded)
		}
	}
	agree("full.yaml", false)
	tried := map[string]bool{} // keys that are not there, tried in one of all sources, or all apps
	for _, p := range apart(whole, b.schema) {
		root = p.file
		agree("a part of full.yaml", false)
		for _, s := range p.sections {
			for key, p := range s.schema.Properties {
				was, there := s.value[key]
				if like := named.ReplaceAllString(s.path, "$1*") + "." + key; !there && tried[like] {
					continue
				} else if !there {
					tried[like] = true
				}
				for _, v := range misfits(p) {
					s.value[key] = v
					agree(fmt.Sprintf("%s.%s: %T %v", s.path, key, v, v), true)
				}
				delete(s.value, key)
				if there && slices.Contains(s.schema.Required, key) {
					agree(s.path+" without "+key, true)
				}
				if there {
					s.value[key] = was
				}
			}
		}
	}
}

// named is the name of a source or an app in a path.
var named = regexp.MustCompile(`^(\.(?:sources|apps)\.)[^.]+`)

// misfits are values that the schema does not take, one of each kind at least.
func misfits(s *config.Schema) []any {
	out := []any{nil, []any{map[string]any{}}, map[string]any{"Not A Name": nil}}
	if len(s.AnyOf) > 0 && s.Properties == nil { // text only from the environment
		out = append(out, "no such word")
	}
	var types []string
	for _, one := range append(s.AnyOf, s) {
		types = append(types, one.Type...)
		if one.Minimum != nil {
			out = append(out, *one.Minimum-1)
		}
		if one.Maximum != nil {
			out = append(out, *one.Maximum+1)
		}
		if one.Pattern != "" && one.Pattern != `\$\{` {
			out = append(out, " ")
		}
	}
	if !slices.Contains(types, "string") || len(s.AnyOf) > 0 && !slices.Contains(types, "boolean") {
		out = append(out, true)
	}
	if !slices.Contains(types, "string") {
		out = append(out, "text")
	}
	return out
}

// TestSchemaTakesWhatTheDecoderTakes: an editor that underlines what is right
// is worse than none.
func TestSchemaTakesWhatTheDecoderTakes(t *testing.T) {
	t.Parallel()
	b := newBoth(t)
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	more, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, file := range append(files, more...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(file, "testdata") && decoder(data) != nil {
			continue
		}
		taken++
		if err := b.editor(data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if taken < 2 {
		t.Errorf("only %d files", taken)
	}
}

// TestSchemaRefuses: what both must find.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	b, root := newBoth(t), full(t)
	at := func(path ...string) map[string]any {
		m := root
		for _, key := range path {
			m = m[key].(map[string]any)
		}
		return m
	}
	app, hr := at("apps", "crm"), at("sources", "hr")
	for _, c := range []struct {
		what  string
		in    map[string]any
		key   string
		value any
	}{
		{"a number for a text", root, "store", 12},
		{"a name in capitals", at("sources"), "HR", hr},
		{"no source", root, "sources", map[string]any{}},
		{"a team without a rule", at("teams"), "none", map[string]any{"display_name": "x"}},
		{"a team with two rules", at("teams"), "two", map[string]any{"each": "x", "when": "y"}},
		{"a word of a list", app, "allow", []any{"loopbak"}},
		{"an address that is none", app, "allow", []any{"10.1.2.3/x"}},
		{"a word twice", app, "allow", []any{"loopback", "loopback"}},
		{"a quoted number", app, "concurrency", "8"},
		{"too many", app, "concurrency", 257},
		{"half a connection", app, "concurrency", 1.5},
		{"a duration without a unit", app, "timeout", 30},
		{"a duration of words", app, "timeout", "soon"},
		{"the wrong kind of unique", at("apps", "crm", "user", "userName"), "unique", "organisation"},
		{"an empty mapping", app, "user", map[string]any{}},
		{"an empty path", at("apps", "crm", "user"), "", "x"},
		{"a credential of a day that is none", at("apps", "hr-names"), "expires", "next year"},
		{"a secret and a key", at("apps", "hr-names", "auth", "oauth"), "private_key", "key.pem"},
		{"two delimiters", hr, "delimiter", ";;"},
		{"a guard that is off", at("guard"), "memberships", "off"},
	} {
		was, there := c.in[c.key]
		c.in[c.key] = c.value
		data := asYAML(t, root)
		if b.editor(data) == nil {
			t.Errorf("%s: the schema takes it", c.what)
		}
		if decoder(data) == nil {
			t.Errorf("%s: the decoder takes it", c.what)
		}
		if delete(c.in, c.key); there {
			c.in[c.key] = was
		}
	}
}

// TestSchemaDefaults: a default that is written out must change nothing.
func TestSchemaDefaults(t *testing.T) {
	t.Parallel()
	b, root := newBoth(t), full(t)
	root["guard"] = map[string]any{"why": "Only to be looked at."}
	for _, limit := range []string{"unexplained", "unexplained_day", "terminations", "memberships"} {
		root["guard"].(map[string]any)[limit] = map[string]any{}
	}
	app := root["apps"].(map[string]any)["crm"].(map[string]any)
	app["url"] = "https://crm.example/scim/v2" // which needs nothing allowed
	seen := 0
	for _, s := range sections(t, full(t), b.schema) {
		// The same section in root, which has other values.
		here := root
		for _, key := range strings.Split(strings.TrimPrefix(s.path, "."), ".") {
			switch next, ok := here[key].(map[string]any); {
			case ok:
				here = next
			case key == "*" && here["crm"] != nil:
				here = app
			case key == "*" && here["idp"] != nil && strings.Contains(s.path, ".events"):
				here = here["idp"].(map[string]any)
			case key == "*" && here["hr"] != nil:
				here = here["hr"].(map[string]any)
			}
		}
		for key, p := range s.schema.Properties {
			if p.Default == nil {
				continue
			}
			seen++
			if without, with := digest(t, root, here, key, nil), digest(t, root, here, key, p.Default); without != with {
				t.Errorf("%s.%s: %v is not what holds without it", s.path, key, p.Default)
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d defaults", seen)
	}
}

func digest(t *testing.T, root, in map[string]any, key string, value any) [32]byte {
	t.Helper()
	was, there := in[key]
	if delete(in, key); value != nil {
		in[key] = value
	}
	cfg, err := config.Parse("usher.yaml", asYAML(t, root), nil)
	var mistakes config.Errors
	if errors.As(err, &mistakes) {
		t.Fatalf("%s: %v", key, err)
	}
	if delete(in, key); there {
		in[key] = was
	}
	return cfg.Digest
}

// TestSchemaDescribes: one plain sentence for every key, and none for a key
// that is not there.
func TestSchemaDescribes(t *testing.T) {
	t.Parallel()
	var walk func(path string, s *config.Schema) []string
	walk = func(path string, s *config.Schema) []string {
		if s.Description == "" || !strings.HasSuffix(s.Description, ".") || strings.Count(s.Description, ". ") > 0 {
			t.Errorf("%s is described by %q: it wants one sentence, in descriptions()", strings.TrimPrefix(path, "."), s.Description)
		}
		if s.Type == nil && s.AnyOf == nil {
			t.Errorf("%s may be anything: what reads it must say on a probe what it takes", path)
		}
		paths := []string{strings.TrimPrefix(path, ".")}
		for key, p := range s.Properties {
			paths = append(paths, walk(path+"."+key, p)...)
		}
		if s.Values != nil {
			paths = append(paths, walk(path+".*", s.Values)...)
		}
		if s.Items != nil && s.Items.Properties != nil {
			paths = append(paths, walk(path+".*", s.Items)...)
		}
		for _, one := range s.AnyOf {
			for key, p := range one.Properties {
				paths = append(paths, walk(path+"."+key, p)...)
			}
			if one.Values != nil {
				paths = append(paths, walk(path+".*", one.Values)...)
			}
		}
		return paths
	}
	have := walk("", config.JSONSchema())
	for _, path := range config.DescribedPaths() {
		if !slices.Contains(have, path) {
			t.Errorf("descriptions() tells of %s, which the decoder does not know", path)
		}
	}
}
