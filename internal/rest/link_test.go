// SPDX-License-Identifier: Apache-2.0

package rest_test

import (
	"net/http"
	"testing"

	"github.com/usher-id/usher/internal/rest"
)

// TestLink: the link to the next page is found however a header is written, as a list seems
// to end where it is not.
func TestLink(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		`<https://a/x?after=1>; rel="next"`:                          "https://a/x?after=1",
		`<https://a/self>; rel="self", <https://a/n>; rel=next`:      "https://a/n",
		`<https://a/x?q=1,2;3>; title="a, <b>; c" ; REL="last NeXT"`: "https://a/x?q=1,2;3",
		`<https://a/x>; title="a \" <b"; rel="next"`:                 "https://a/x",
		`<https://a/x>; rel="next`:                                   "https://a/x",
		`<>; rel="next"`:                                             "",
		`<https://a/x>; rel="prev"; rel="next"`:                      "none", // the first one counts, RFC 8288 §3.3
		`<https://a/x>; rel="nextly"`:                                "none",
		`<https://a/x; rel="next"`:                                   "none",
		`https://a/x; rel="next"`:                                    "none",
		``:                                                           "none",
	} {
		got, ok := rest.Link(http.Header{"Link": {`<https://a/first>; rel="first"`, header}}, "next")
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}
