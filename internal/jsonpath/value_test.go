// SPDX-License-Identifier: Apache-2.0

package jsonpath

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const record = `{"id":7,"name":{"first":"Ada","a.b":"dot","n/m":"slash"},"pay":1.50,"big":12345678901234567890,"exp":1E5,"on":true,"off":false,"none":null,
	"jobs":[{"primary":false,"title":"b"},{"primary":true,"title":"a","tags":["x","y"]}],"mails":[{"v":null},{"v":"m@x"}],"empty":[], "obj" : { "z" : 1 , "a":[ 2 ] }}`

func TestPaths(t *testing.T) {
	t.Parallel()
	v, err := Parse([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"id": "7", "name.first": "Ada", "/name/first": "Ada", "/name/a.b": "dot", "/name/n~1m": "slash",
		"pay": "1.50", "big": "12345678901234567890", "exp": "1E5", "on": "true", "off": "false", "none": "",
		"jobs[0].title": "b", "jobs[1].tags[1]": "y", "/jobs/1/tags/0": "x", "jobs[primary=true].title": "a", "jobs[*].title": "b",
		"jobs[title=c|a|b].title": "a", "jobs[title=c|*].title": "b", "jobs[primary=true|*].tags[0]": "x", "jobs[title=c|a,b].title": "b",
		"mails[*].v": "m@x", "obj": `{"z":1,"a":[2]}`, "obj.a": "[2]",
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got, there := v.First(p); got != want || !there {
			t.Errorf("%s is %q %v, want %q", path, got, there, want)
		}
	}
	for _, path := range []string{"nothing", "name.second", "id.x", "jobs[2].title", "jobs.title", "jobs[primary=maybe].title", "jobs[primary=maybe|x].title", "jobs[title=b|a].tags", "jobs[title=c,d].title", "empty[a=b|*]", "id[a=b|*]", "empty[0]", "empty[*]", "/jobs/01/title", "/jobs/-"} {
		p, err := ParsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got, there := v.First(p); got != "" || there {
			t.Errorf("%s is there: %q", path, got)
		}
	}
	for _, path := range []string{".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "a[01]", "a]b", "a[0]b", "a .b", "/a~2", "/~", "a[=x]", "a[=x|y]", "a[b=x|]", "a[b=x,]", "a[b=,x|*]", "a[b=|x]", strings.Repeat("a", 600), strings.Repeat("a.", 40) + "a"} {
		if _, err := ParsePath(path); err == nil {
			t.Errorf("%q is taken for a path", path)
		}
	}
}

// TestStrictJSON: nothing that two readers would read differently is read, and what is
// wrong is told without what stands there.
func TestStrictJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"geheim":1,"geheim":2}`: "two members", `{"a":"geheim`: "cut off", `{"a":"geheim` + "\xff" + `"}`: "no JSON",
		`{"a":geheim}`: "no JSON", `{} geheim`: "behind its end", `[1,]`: "no JSON", `{"a":"\ud800"}`: "no JSON",
		strings.Repeat("[", 70) + strings.Repeat("]", 70): "deeper", `01`: "", ``: "cut off", `{"a":NaN}`: "no JSON",
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestAnyValueIsItself: whatever another reader makes of a text, a column has.
func TestAnyValueIsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name, other := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value")
		text, err := json.Marshal(map[string]any{"rows": []any{map[string]string{name: other}}})
		if err != nil {
			t.Fatal(err)
		}
		v, err := Parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		p, err := ParsePath("/rows/0/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
		if err != nil {
			t.Skip(err)
		}
		if got, there := v.First(p); got != other || !there {
			t.Fatalf("%q is %q", other, got)
		}
	})
}

// FuzzParse: whatever comes, nothing panics, and a path finds what is there or nothing.
func FuzzParse(f *testing.F) {
	f.Add([]byte(record), "jobs[primary=true].title")
	f.Add([]byte(`{"a":"`), "/a/0")
	f.Fuzz(func(_ *testing.T, text []byte, path string) {
		v, err := Parse(text)
		p, wrong := ParsePath(path)
		if err == nil && wrong == nil {
			v.First(p)
		}
	})
}
