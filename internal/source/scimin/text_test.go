// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// textless hides that a provider has the text of what it stores.
type textless struct{ withoutText }

type withoutText interface {
	scimserver.PartStore
	scimserver.CursorStore
}

// Every answer is the same, byte by byte, whether it is made of the text that is stored
// or of the resource that the text says.
func TestTextsAnswerAsResources(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		p := h.provider(fmt.Sprint("idp", round))
		ids := crowd(ctx, t, p)
		byText, byResource := h.handler(p, scimserver.Rules{}), h.handler(textless{p}, scimserver.Rules{})
		for _, id := range ids {
			r, err := p.Get(ctx, "User", id)
			if err != nil { // a group
				agreed(ctx, t, byText, byResource, "/Groups/"+id, "")
				continue
			}
			if _, ok, err := p.GetText(ctx, "User", id, []scim.Path{{Attr: "password"}}); !ok || err != nil {
				t.Fatalf("no text of %s: %v", id, err)
			}
			pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
			agreed(ctx, t, byText, byResource, "/Users/"+id, pick("version", "", r.Version(), `W/"0"`))
			agreed(ctx, t, byText, byResource, "/Users/"+id+pick("query", "?attributes=userName,groups", "?excludedAttributes=groups", "?attributes=", "?nothing=1"), "")
			for path, value := range map[string]string{"id": id, "userName": r.UserName(), "externalId": r.ExternalID(), scim.UserURN + ":userName": r.UserName()} {
				list := "/Users?filter=" + url.QueryEscape(path+" eq "+scim.String(value).String())
				agreed(ctx, t, byText, byResource, list+pick("page", "", "&count=0", "&count=1", "&startIndex=2", "&cursor=", "&attributes=userName", "&sortBy=userName"), "")
			}
		}
		agreed(ctx, t, byText, byResource, "/Users/nobody", "")
		agreed(ctx, t, byText, byResource, "/Users?filter=userName%20eq%20%22nobody%22", "")
	})
}

// agreed fails unless both answer the same.
func agreed(ctx context.Context, t *rapid.T, a, b http.Handler, path, version string) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		var answers [2]string
		for i, h := range []http.Handler{a, b} {
			r := httptest.NewRequestWithContext(ctx, method, "http://usher.example"+path, nil)
			if version != "" {
				r.Header.Set("If-None-Match", version)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			answers[i] = fmt.Sprintln(w.Code, w.Header(), w.Body)
		}
		if answers[0] != answers[1] {
			t.Fatalf("%s %s:\n%s of the text, and of the resource\n%s", method, path, answers[0], answers[1])
		}
	}
}
