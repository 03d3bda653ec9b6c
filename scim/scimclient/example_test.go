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
