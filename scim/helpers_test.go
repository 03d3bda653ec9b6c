// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"os"
	"testing"

	"github.com/usher-id/usher/scim"
)

func userJSON(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/user.json")
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func user(tb testing.TB) *scim.Resource {
	tb.Helper()
	return resource(tb, string(userJSON(tb)))
}

func resource(tb testing.TB, text string) *scim.Resource {
	tb.Helper()
	r, err := scim.ParseResource([]byte(text), scim.Limits{})
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return r
}

func value(tb testing.TB, text string) scim.Value {
	tb.Helper()
	v, err := scim.ParseValue([]byte(text), scim.Limits{})
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return v
}

func path(tb testing.TB, text string) scim.Path {
	tb.Helper()
	p, err := scim.CoreSchemas().ParsePath(text)
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return p
}

func paths(tb testing.TB, texts ...string) []scim.Path {
	tb.Helper()
	out := make([]scim.Path, len(texts))
	for i, s := range texts {
		out[i] = path(tb, s)
	}
	return out
}
