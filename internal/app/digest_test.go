// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// forPeople are the fields by which nothing that is sent is decided.
var forPeople = []string{
	"Name", "Source", "Date", "Verified", "Docs", "Notes", "UnverifiedFields", "BaseURLTemplate", "AppType", "AuthType", "TokenDays",
	"Deactivate", "DeleteMeaning", "Leaver", "Reversible", "RequiredAttributes", "UnsupportedAttributes",
	"PageSize", "MaxPage", "Settle", "Concurrency", "RequestsPerSecond", "Throttle.Statuses", "Throttle.Headers", "Throttle.Words",
}

func digestOf(t *testing.T, p app.Profile) [32]byte {
	t.Helper()
	d, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every field of a profile is in the digest, or for people and not in it.
func TestDigestCoversWhatIsActedOn(t *testing.T) {
	t.Parallel()
	var p app.Profile
	before := digestOf(t, p)
	seen := 0
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		if v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				if path != "" {
					name = path + "." + name
				}
				walk(v.Field(i), name)
			}
			return
		}
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		other(t, v, path)
		people := slices.Contains(forPeople, path)
		if people {
			seen++
		}
		if changed := digestOf(t, p) != before; changed == people {
			t.Errorf("%s: the digest changes: %v", path, changed)
		}
		v.Set(old)
	}
	walk(reflect.ValueOf(&p).Elem(), "")
	if seen != len(forPeople) || digestOf(t, p) != before {
		t.Errorf("%d fields for people, want %d", seen, len(forPeople))
	}
}

// other gives a field another value than it has.
func other(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(reflect.ValueOf("X-A"), reflect.ValueOf("1"))
		v.Set(m)
	default:
		t.Fatalf("%s is a %s", path, v.Kind())
	}
}

// What the words come to counts, and not the words.
func TestDigestOfWords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		one, two string
		same     bool
	}{
		"a link":         {`"docs":["https://a.example"],"source":"https://a.example"`, `"docs":["https://b.example"],"source":"https://b.example","date":"2026-01-02"`, true},
		"a remark":       {`"required_attributes":["userName (e-mail)"]`, `"required_attributes":["userName (an address)"]`, true},
		"a requirement":  {`"required_attributes":["userName"]`, `"required_attributes":["userName","displayName"]`, false},
		"a condition":    {`"required_attributes":["title"]`, `"required_attributes":["title when name is sent"]`, false},
		"words alone":    {`"unsupported_attributes":["guests"]`, `"unsupported_attributes":["visitors"]`, true},
		"unsupported":    {`"unsupported_attributes":["title"]`, `"unsupported_attributes":["title","nickName"]`, false},
		"one user agent": {`"auth":{"required_headers":{"User-Agent":"required"}}`, `"auth":{"required_headers":{"User-Agent":"wanted"}}`, true},
		"PUT of parts":   {`"users":{}`, `"users":{"put_partial":true}`, false},
		"a rate":         {`"rate_limit":{"requests_per_second":5}`, `"rate_limit":{"requests_per_second":6}`, true},
	} {
		if same := digestOf(t, parsed(t, tt.one)) == digestOf(t, parsed(t, tt.two)); same != tt.same {
			t.Errorf("%s: the same: %v", name, same)
		}
	}
	p := parsed(t, `"auth":{"required_headers":{"User-Agent":"required"}}`)
	headers := maps.Clone(p.RequiredHeaders)
	schema := scim.Schema{ID: "urn:example:x", Description: "one", Attributes: []scim.Attribute{{Name: "nick", Description: "one"}}}
	p.Extensions = []scim.Schema{schema}
	one := digestOf(t, p)
	if !maps.Equal(p.RequiredHeaders, headers) || p.Extensions[0].Attributes[0].Description != "one" {
		t.Error("the profile was changed")
	}
	p.Extensions[0].Description, p.Extensions[0].Attributes[0].Description = "two", "two"
	if digestOf(t, p) != one {
		t.Error("a description counts")
	}
	p.Extensions[0].Attributes[0].Name = "other"
	if digestOf(t, p) == one {
		t.Error("an attribute does not count")
	}
}
