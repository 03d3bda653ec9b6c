// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim/scimclient"
)

func TestDetail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, contentType, body, want, scimType string }{
		{
			"control characters", "application/scim+json",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"a\u001b[31m\r\nb\u0007\u202ec\u200b","scimType":"invalidValue"}`,
			"a [31m b c", "invalidValue",
		},
		{"long", "application/scim+json", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"` + strings.Repeat("é ", 400) + `"}`, "", ""},
		{
			"token", "application/scim+json", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"no such token ` + secret + `"}`,
			"no such token [redacted]", "",
		},
		{
			"token in two parts", "application/scim+json",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"` + secret[:5] + `\u200b` + secret[5:] + `"}`, "s3cre t-token-of-the-test", "",
		},
		{
			"not a keyword", "application/scim+json",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"x","scimType":"<script>"}`, "x", "",
		},
		{"another's JSON", "application/json", `{"message":"quota\n exceeded","code":7}`, "quota exceeded", ""},
		{"plain text", "text/plain", "go away\n", "go away", ""},
		{"HTML", "text/html", "<h1>go away</h1>", "the answer is an HTML page", ""},
		{"binary", "application/octet-stream", "\x00\x01", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := c.Delete(t.Context(), "/Users", "1")
			e := errorOf(t, err)
			if n := len([]rune(e.Detail)); n > 300 {
				t.Errorf("detail of %d runes", n)
			}
			if tt.want != "" && e.Detail != tt.want || e.ScimType != tt.scimType {
				t.Errorf("detail %q, scimType %q", e.Detail, e.ScimType)
			}
		})
	}
}

// FuzzAnswer: whatever a server says, a call ends with a classified error or a
// resource of its own, and shows neither the token nor control characters.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "application/scim+json", "", alice)
	f.Add(201, "application/json", "", `{"id":"1"}`)
	f.Add(200, "text/html", "", "<html>")
	f.Add(429, "application/scim+json", "-1", `{"detail":"\u001b"}`)
	f.Add(503, "", "Fri, 31 Dec 9999 23:59:59 GMT", "")
	f.Add(500, "text/plain", "1e400", secret)
	f.Add(204, "", "", "")
	f.Fuzz(func(t *testing.T, status int, contentType, retryAfter, body string) {
		if status < 200 || status > 999 {
			t.Skip()
		}
		c, err := scimclient.New(scimclient.Config{
			BaseURL: "https://app.example",
			Token:   func(context.Context) (string, error) { return secret, nil },
			HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{
					StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(body)),
					Header: http.Header{"Content-Type": {contentType}, "Retry-After": {retryAfter}},
				}, nil
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		for method, do := range calls(c) {
			err := do(t.Context())
			if err == nil {
				if status >= 300 && status != http.StatusNotModified {
					t.Errorf("%s: status %d is a success", method, status)
				}
				continue
			}
			if e := errorOf(t, err); e.Class > scimclient.Unreachable || e.Class == scimclient.Unreachable {
				t.Errorf("%s: %v", method, e)
			}
		}
	})
}
