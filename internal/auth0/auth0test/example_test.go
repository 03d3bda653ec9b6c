// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// A tenant is asked over HTTP, and altered and looked into from outside.
func Example() {
	tenant, err := auth0test.New(auth0test.Config{
		ClientID: "usher", Secret: "a secret",
		Faults: auth0test.Rules(auth0test.Rule{Path: "/oauth/token", Times: 1, Fault: auth0test.Fault{Kind: auth0test.Unavailable}}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	url, stop, err := tenant.Listen(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 {
		body := `{"grant_type":"client_credentials","client_id":"usher","client_secret":"a secret","audience":"` + url + `/api/v2/"}`
		res, err := client.Post(url+"/oauth/token", "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(res.StatusCode)
		_ = res.Body.Close()
	}
	ada, err := tenant.Put(auth0test.User{ID: "auth0|ada", Email: "ada@acme.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tenant.SignIn(ada), tenant.Sessions(ada))
	fmt.Println(tenant.Block(ada), tenant.SignIn(ada))
	for _, e := range tenant.Events() {
		fmt.Println(e.Type, e.Subject)
	}
	// Output:
	// 503
	// 200
	// <nil> 1
	// <nil> user "auth0|ada" is blocked
	// user.created auth0|ada
	// user.updated auth0|ada
	// user.updated auth0|ada
}
