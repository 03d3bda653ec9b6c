// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

func ExampleNew() {
	h, err := scimserver.New(scimserver.Config{
		Store:     scimserver.NewMemory(nil, nil), // or a Store over your own tables
		Base:      "/scim/v2",
		URL:       "https://app.example/scim/v2",
		Authorize: scimserver.BearerToken("from-a-vault"),
	})
	if err != nil {
		panic(err)
	}
	body := strings.NewReader(`{"schemas":["` + scim.UserURN + `"],"userName":"ann","password":"never shown"}`)
	r := httptest.NewRequest(http.MethodPost, "/scim/v2/Users", body)
	r.Header.Set("Authorization", "Bearer from-a-vault")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	made, err := scim.ParseResource(w.Body.Bytes(), scim.Limits{})
	if err != nil {
		panic(err)
	}
	_, shown := made.Get("password")
	fmt.Println(w.Code, made.UserName(), w.Header().Get("Location"), shown)
	// Output:
	// 201 ann https://app.example/scim/v2/Users/1 false
}

func ExampleRules() {
	// What one well-known client sends needs three switches.
	h, err := scimserver.New(scimserver.Config{
		Store: scimserver.NewMemory(nil, nil), Authorize: scimserver.AllowAll,
		Rules: scimserver.Rules{PatchRules: scim.PatchRules{StringBooleans: true, RemoveWithValueArray: true, CreateOnNoMatch: true}},
	})
	if err != nil {
		panic(err)
	}
	for _, request := range []string{
		`POST /Users {"schemas":["` + scim.UserURN + `"],"userName":"ann"}`,
		`PATCH /Users/1 {"schemas":["` + scim.PatchOpURN + `"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`,
	} {
		parts := strings.SplitN(request, " ", 3)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(parts[0], parts[1], strings.NewReader(parts[2])))
		fmt.Println(w.Code)
	}
	// Output:
	// 201
	// 200
}

func ExampleBearerToken() {
	authorize := scimserver.BearerToken("old", "new") // both while one replaces the other
	r := httptest.NewRequest(http.MethodGet, "/Users", nil)
	r.Header.Set("Authorization", "Bearer new")
	fmt.Println(authorize(r))
	r.Header.Set("Authorization", "Bearer guess")
	fmt.Println(authorize(r))
	// Output:
	// <nil>
	// the bearer token is not accepted
}

func ExampleMemory() {
	store := scimserver.NewMemory(nil, nil)
	h, err := scimserver.New(scimserver.Config{Store: store, Authorize: scimserver.AllowAll})
	if err != nil {
		panic(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	backup := store.Snapshot()
	res, err := http.Post(srv.URL+"/Users", "application/scim+json", strings.NewReader(`{"schemas":["`+scim.UserURN+`"],"userName":"ann"}`))
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	store.Restore(backup)
	page, err := store.List(res.Request.Context(), "User", scimserver.Query{StartIndex: 1, Count: 10})
	fmt.Println(res.StatusCode, page.Total, err)
	// Output:
	// 201 0 <nil>
}

// Two groups that are members of one another are made by one request, as the store has
// transactions.
func ExampleTxStore() {
	h, err := scimserver.New(scimserver.Config{Store: scimserver.NewMemory(nil, nil), Authorize: scimserver.AllowAll, URL: "https://app.example"})
	if err != nil {
		panic(err)
	}
	group := func(bulkID, other string) string {
		return `{"method":"POST","path":"/Groups","bulkId":"` + bulkID + `","data":{"schemas":["` + scim.GroupURN + `"],` +
			`"displayName":"` + bulkID + `","members":[{"value":"bulkId:` + other + `"}]}}`
	}
	body := `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[` + group("a", "b") + "," + group("b", "a") + `]}`
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/Bulk", strings.NewReader(body)))
	fmt.Println(w.Body)
	// Output:
	// {"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],"Operations":[{"location":"https://app.example/Groups/1","method":"POST","bulkId":"a","version":"W/\"3\"","status":"201"},{"location":"https://app.example/Groups/2","method":"POST","bulkId":"b","version":"W/\"4\"","status":"201"}]}
}
