// SPDX-License-Identifier: Apache-2.0

package httpauth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/rest/httpauth"
)

func text(s string) func() (string, error) { return func() (string, error) { return s, nil } }

// TestTokenRequest: the secret goes to one place, and what is hidden leaves nothing of it in
// what was sent.
func TestTokenRequest(t *testing.T) {
	t.Parallel()
	for _, inBody := range []bool{false, true} {
		r, err := httpauth.Auth{Kind: httpauth.OAuth, User: text("us her"), Secret: text("s:+%"), Scope: "a b", InBody: inBody}.TokenRequest()
		if err != nil {
			t.Fatal(err)
		}
		sent := r.Header.Get("Authorization") + "\n" + r.Body
		want := "Basic dXMraGVyOnMlM0ElMkIlMjU=\ngrant_type=client_credentials&scope=a+b"
		if inBody {
			want = "\nclient_id=us+her&client_secret=s%3A%2B%25&grant_type=client_credentials&scope=a+b"
		}
		if sent != want {
			t.Errorf("%q", sent)
		}
		if shown := r.Hidden.Text(sent); strings.Contains(shown, "s%3A%2B%25") || strings.Contains(shown, "s:+%") || strings.Contains(shown, "dXMraGVyOn") {
			t.Errorf("it shows %q", shown)
		}
	}
	gone := errors.New("no such secret")
	if _, err := (httpauth.Auth{Kind: httpauth.OAuth, User: text("id"), Secret: func() (string, error) { return "", gone }}).TokenRequest(); !errors.Is(err, gone) {
		t.Error(err)
	}
}

// TestReadGrant: what makers leave out has a default, and nothing is sent as a token that
// could not stand in a header or that is of another type.
func TestReadGrant(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]struct {
		life time.Duration
		err  string
	}{
		`{"access_token":"t","token_type":"Bearer","expires_in":60}`: {life: time.Minute},
		`{"access_token":"t","expires_in":"90.5"}`:                   {life: 90500 * time.Millisecond},
		`{"access_token":"t","token_type":"bearer"}`:                 {life: 5 * time.Minute},
		`{"access_token":"t","expires_in":0}`:                        {life: 5 * time.Minute},
		`{"access_token":"t","expires_in":1e300}`:                    {life: 24 * time.Hour},
		`{"access_token":"t","token_type":"mac"}`:                    {err: "none of type bearer"},
		`{"access_token":""}`:                                        {err: "without an access_token"},
		`{"access_token":"a b"}`:                                     {err: "without an access_token"},
		`{"access_token":"a\r\nX: y"}`:                               {err: "without an access_token"},
		`{"access_token":{"a":"t"}}`:                                 {err: "without an access_token"},
		`{"access_token":"` + strings.Repeat("x", 16<<10+1) + `"}`:   {err: "without an access_token"},
		`{"access_token":"t","access_token":"u"}`:                    {err: "no token of OAuth"},
		`<html>`: {err: "no token of OAuth"},
		``:       {err: "no token of OAuth"},
	} {
		g, err := httpauth.ReadGrant([]byte(answer))
		switch {
		case want.err != "":
			if err == nil || !strings.Contains(err.Error(), want.err) || g.Token != "" {
				t.Errorf("%.60s: %v, %v", answer, g, err)
			}
		case err != nil || g.Token != "t" || g.Life != want.life:
			t.Errorf("%.60s: %v, %v", answer, g, err)
		}
	}
}
