// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// exampleServer stands for an app; it answers every request with the same body.
func exampleServer(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
}

func exampleClient(baseURL string) *scimclient.Client {
	client, err := scimclient.New(scimclient.Config{
		BaseURL: baseURL,
		Token:   func(context.Context) (string, error) { return "from-a-vault", nil },
	})
	if err != nil {
		panic(err)
	}
	return client
}

func ExampleNew() {
	_, err := scimclient.New(scimclient.Config{BaseURL: "https://joe:secret@app.example/scim/v2"})
	fmt.Println(err)
	// Output:
	// scimclient: the base URL holds a user name or password; remove it and give the credential as the token
}

func ExampleClient_Create() {
	srv := exampleServer(http.StatusCreated, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"2819c223","userName":"babs"}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("babs"))
	answer, err := client.Create(context.Background(), "/Users", user)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status, answer.Resource.ID())
	// Output:
	// 201 2819c223
}

func ExampleClient_Patch() {
	srv := exampleServer(http.StatusNoContent, "")
	defer srv.Close()
	client := exampleClient(srv.URL)

	active := scim.MustPath("active")
	answer, err := client.Patch(context.Background(), "/Users", "2819c223",
		scim.Patch{{Op: "replace", Path: &active, Value: scim.Bool(false)}})
	fmt.Println(answer.Status, answer.Resource == nil, err)
	// Output:
	// 204 true <nil>
}

func ExampleClient_All() {
	srv := exampleServer(http.StatusOK, `{"totalResults":3,"Resources":[{"id":"1","userName":"a"},{"id":"2","userName":"b"}]}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	for user, err := range client.All(context.Background(), "/Users", scimclient.Query{Count: 2}, scimclient.PageOptions{}) {
		if errors.Is(err, scimclient.ErrIncomplete) {
			fmt.Println("who was not seen may still be there")
			break
		}
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(user.UserName())
	}
	// Output:
	// a
	// b
	// who was not seen may still be there
}

func ExampleError() {
	srv := exampleServer(http.StatusConflict,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"uniqueness","detail":"userName is taken","status":"409"}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	_, err := client.Create(context.Background(), "/Users", scim.NewResource(scim.UserURN))
	if e, ok := errors.AsType[*scimclient.Error](err); ok {
		switch e.Class {
		case scimclient.Ambiguous:
			fmt.Println("it may have happened: look it up first")
		case scimclient.Retry, scimclient.Unreachable:
			fmt.Println("nothing happened: again after", e.RetryAfter)
		default:
			fmt.Println(e)
		}
	}
	// Output:
	// scim: POST /Users: conflict: status 409 uniqueness: userName is taken
}

func ExampleClient_Get() {
	srv := exampleServer(http.StatusNotFound, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"no such user","status":"404"}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	_, err := client.Get(context.Background(), "/Users", "2819c223", scimclient.Attributes("userName", "active"))
	if e, ok := errors.AsType[*scimclient.Error](err); ok && e.Class == scimclient.NotFound {
		fmt.Println("gone:", e.Detail)
	}
	// Output:
	// gone: no such user
}

func ExampleClient_Replace() {
	srv := exampleServer(http.StatusPreconditionFailed, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"changed since","status":"412"}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("babs"))
	_, err := client.Replace(context.Background(), "/Users", "2819c223", user, scimclient.IfMatch(`W/"1"`))
	fmt.Println(err)
	// Output:
	// scim: PUT /Users: precondition: status 412: changed since
}

func ExampleHide() {
	srv := exampleServer(http.StatusBadRequest, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","detail":"hunter2 is too simple"}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("babs"))
	user.Set("password", scim.String("hunter2"))
	_, err := client.Create(context.Background(), "/Users", user, scimclient.Hide("hunter2"))
	fmt.Println(err)
	// Output:
	// scim: POST /Users: terminal: status 400: [redacted] is too simple
}

func ExampleClient_Delete() {
	srv := exampleServer(http.StatusNoContent, "")
	defer srv.Close()
	client := exampleClient(srv.URL)

	answer, err := client.Delete(context.Background(), "/Users", "2819c223")
	fmt.Println(answer.Status, err)
	_, err = client.Delete(context.Background(), "/Users", "") // would be everybody
	fmt.Println(err)
	// Output:
	// 204 <nil>
	// scim: DELETE /Users: terminal: the id is empty, which would name the whole collection
}

func ExampleClient_List() {
	srv := exampleServer(http.StatusOK, `{"totalResults":1,"Resources":[{"id":"1","userName":"babs"}]}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	page, err := client.List(context.Background(), "/Users", scimclient.Query{
		Filter: scim.Eq(scim.MustPath("userName"), "babs"), Count: 2,
	})
	fmt.Println(page.TotalResults, page.Resources[0].UserName(), err)
	// Output:
	// 1 babs <nil>
}

// By POST, the name that is looked for is in no address, and so in no log of a proxy.
func ExampleClient_Search() {
	srv := exampleServer(http.StatusOK, `{"totalResults":0}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	page, err := client.Search(context.Background(), "/Users", scimclient.Query{Filter: scim.Eq(scim.MustPath("userName"), "babs")})
	fmt.Println(page.TotalResults, len(page.Resources), err)
	// Output:
	// 0 0 <nil>
}

func ExampleClient_Bulk() {
	srv := exampleServer(http.StatusOK, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],"Operations":[
		{"method":"POST","bulkId":"a","status":"201","location":"https://app.example/scim/v2/Users/7"},
		{"method":"DELETE","status":"404","response":{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"no such user","status":"404"}}]}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("babs"))
	answer, err := client.Bulk(context.Background(), 0, []scimclient.BulkOperation{
		{Method: http.MethodPost, BulkID: "a", Path: "/Users", Data: user},
		{Method: http.MethodDelete, Path: "/Users/8"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range answer.Results {
		if r.Err != nil {
			fmt.Println(r.Method, r.Err.Class, r.Err.Detail)
			continue
		}
		fmt.Println(r.Method, r.Status, r.Location)
	}
	// Output:
	// POST 201 https://app.example/scim/v2/Users/7
	// DELETE not found no such user
}

func ExampleClient_ServiceProviderConfig() {
	srv := exampleServer(http.StatusOK, `{"patch":{"supported":true},"bulk":{"supported":false},"filter":{"supported":true,"maxResults":200},
		"authenticationSchemes":[{"type":"oauthbearertoken","name":"OAuth","description":"Bearer token"}]}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	config, _, err := client.ServiceProviderConfig(context.Background())
	fmt.Println(config.Patch, config.Bulk, config.FilterMaxResults, config.AuthenticationSchemes[0].Type, err)
	// Output:
	// true false 200 oauthbearertoken <nil>
}

func ExampleClient_Schema() {
	srv := exampleServer(http.StatusOK, `{"id":"urn:ietf:params:scim:schemas:core:2.0:Group","name":"Group","attributes":[{"name":"displayName","type":"string"}]}`)
	defer srv.Close()
	client := exampleClient(srv.URL)

	schema, _, err := client.Schema(context.Background(), scim.GroupURN)
	fmt.Println(schema.Name, schema.Attributes[0].Name, err)
	// Output:
	// Group displayName <nil>
}

func ExampleWithTraceparent() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Traceparent"), r.Header.Get("X-Request-Id"))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer srv.Close()
	client := exampleClient(srv.URL)

	ctx := scimclient.WithTraceparent(context.Background(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	answer, err := client.Delete(scimclient.WithRequestID(ctx, "leaver-7"), "/Users", "2819c223")
	fmt.Println(answer.RequestID, err)
	// Output:
	// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 leaver-7
	// leaver-7 <nil>
}
