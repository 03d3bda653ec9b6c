// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
)

// TestPeer asks a service that the project did not write the same, and tells where
// it answers otherwise. What differs is listed with the section that decides.
func TestPeer(t *testing.T) {
	t.Parallel()
	peer := testenv.Scimmy(t, testenv.ScimmyOptions{})
	own := newServer(t, nil)
	srv := httptest.NewServer(own)
	defer srv.Close()
	type side struct{ root, token, ann, sales string }
	sides := []*side{{root: srv.URL + base}, {root: peer.BaseURL, token: peer.Token}}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	send := func(s *side, request string) (int, *scim.Resource) {
		t.Helper()
		method, rest, _ := strings.Cut(strings.NewReplacer("$ann", s.ann, "$sales", s.sales).Replace(request), " ")
		path, body, _ := strings.Cut(rest, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, s.root+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.token)
		if body != "" {
			r.Header.Set("Content-Type", "application/scim+json")
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := scim.ParseResource(data, scim.Limits{}) // a 204 has none
		return res.StatusCode, got
	}
	for _, s := range sides {
		_, made := send(s, "POST /Users "+user("ann", ann, dep))
		if made == nil || made.ID() == "" {
			t.Fatalf("%s made nobody", s.root)
		}
		s.ann = made.ID()
		_, made = send(s, "POST /Groups "+group("sales", s.ann))
		s.sales = made.ID()
	}
	for _, c := range []struct {
		request string
		see     string // a path that must be the same on both sides
		differs string // why the peer answers otherwise
	}{
		{"GET /Users/$ann", "name.familyName", ""},
		{"GET /Users/$ann?attributes=userName", "name", ""},
		{"GET /Users/$ann?excludedAttributes=name", "name", ""},
		{"GET /Groups/$sales?excludedAttributes=members", "members", ""},
		{"GET /Users/nobody", "status", ""},
		{"POST /Users " + user("ANN"), "scimType", ""},
		{"POST /Users {", "", ""},
		{`POST /Users {"userName":"x"}`, "", "RFC 7643 §3: schemas is required"},
		{`POST /Users {"schemas":["` + scim.UserURN + `"]}`, "scimType", ""},
		{"GET /Users?filter=" + url.QueryEscape(`userName eq "nobody"`), "totalResults", ""},
		{"GET /Users?filter=" + url.QueryEscape(`USERNAME eq "Ann"`), "totalResults", "§3.4.2.2: names of attributes have no letter case"},
		{"GET /Users?filter=" + url.QueryEscape(`emails[type eq "work" and value co "acme"]`), "totalResults", "§3.4.2.2: square brackets are optional"},
		{"GET /Users?filter=" + url.QueryEscape(`userName xx "a"`), "scimType", ""},
		{"GET /Users?startIndex=1&count=1", "itemsPerPage", ""},
		{"PATCH /Users/$ann " + patch(`{"op":"replace","path":"title","value":"x"}`), "title", ""},
		{"PATCH /Users/$ann " + patch(`{"op":"remove","path":"title"}`), "title", ""},
		{"PATCH /Users/$ann " + patch(`{"op":"remove"}`), "scimType", ""},
		{"PATCH /Users/$ann " + patch(`{"op":"move","path":"title"}`), "scimType", ""},
		{"PATCH /Users/$ann " + patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"new@acme.example"}`), `emails[type eq "work"].value`, ""},
		{"PATCH /Groups/$sales " + patch(`{"op":"remove","path":"members[value eq \"nobody\"]"}`), "", "§3.5.2: 200 and 204 are equal"},
		{"PUT /Users/$ann " + user("ann", `"title":"y"`), "name", ""},
		{"PUT /Users/nobody " + user("x"), "status", ""},
		{"GET /ServiceProviderConfig", "patch.supported", ""},
		{"GET /ResourceTypes/User", "endpoint", ""},
		{"GET /Schemas/" + scim.UserURN, "id", ""},
		{"GET /Nothing", "", ""},
		{"DELETE /Users/$ann", "", ""},
		{"DELETE /Users/$ann", "status", ""},
		{"GET /Users/$ann", "status", ""},
	} {
		var codes [2]int
		var seen [2]string
		for i, s := range sides {
			code, got := send(s, c.request)
			codes[i] = code
			if c.see != "" && got != nil {
				v, _ := got.At(scim.MustPath(c.see))
				seen[i] = v.String()
			}
		}
		same := codes[0] == codes[1] && seen[0] == seen[1]
		switch {
		case !same && c.differs == "":
			t.Errorf("%s: %d %s, the peer %d %s", c.request, codes[0], seen[0], codes[1], seen[1])
		case same && c.differs != "":
			t.Errorf("%s: the peer agrees now", c.request)
		}
	}
}
