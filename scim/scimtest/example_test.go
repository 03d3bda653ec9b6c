// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
	"github.com/usher-id/usher/scim/scimtest"
)

// An app loses its answer to the first create; the account is there.
func ExampleNew() {
	app, err := scimtest.New(scimtest.Config{
		Token:  "secret",
		Faults: scimtest.Rules(scimtest.Rule{Method: "POST", Attempt: 1, Fault: scimtest.Fault{Kind: scimtest.AnswerLost}}),
	})
	if err != nil {
		panic(err)
	}
	base, stop, err := scimtest.Listen(context.Background(), app)
	if err != nil {
		panic(err)
	}
	defer stop()
	client, err := scimclient.New(scimclient.Config{BaseURL: base, Token: func(context.Context) (string, error) { return "secret", nil }})
	if err != nil {
		panic(err)
	}
	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("ann"))
	for range 2 {
		_, err = client.Create(context.Background(), "/Users", user)
		var failed *scimclient.Error
		if errors.As(err, &failed) {
			fmt.Println(failed.Class)
		}
	}
	for _, e := range app.Ledger() {
		fmt.Println(e.Op, e.Type, e.Name, "lost:", e.Lost)
	}
	fmt.Println(app.Counts()["POST /Users"], "requests")
	// Output:
	// ambiguous
	// conflict
	// create User ann lost: true
	// 2 requests
}

func ExampleSeeded() {
	// A twentieth of all requests fails, half of the writes among them after they
	// took effect; whatever the order of requests, the same ones fail.
	faults := scimtest.Seeded(42, 0.05, 0.5).Most(3).On(
		scimtest.Rule{Method: "DELETE", Fault: scimtest.Fault{Kind: scimtest.Forbidden}}, // and nobody may delete
	)
	app, err := scimtest.New(scimtest.Config{Token: "secret", Faults: faults})
	fmt.Println(app != nil, err, faults.Done())
	// Output:
	// true <nil> map[]
}

func ExampleApp_Alter() {
	app, err := scimtest.New(scimtest.Config{Token: "secret"})
	if err != nil {
		panic(err)
	}
	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("ann"))
	id, err := app.Add("User", user) // an account that was there before
	if err != nil {
		panic(err)
	}
	err = app.Alter("User", id, func(r *scim.Resource) { r.Set("title", scim.String("Boss")) })
	for _, e := range app.Ledger() {
		fmt.Println(e.Op, e.Detail, e.Outside)
	}
	fmt.Println(err)
	// Output:
	// create  true
	// update title true
	// <nil>
}

// A client that does not know AWS replaces all members of a group at once.
func ExampleQuirksOf() {
	quirks, _ := scimtest.QuirksOf("aws-iam-identity-center")
	app, err := scimtest.New(scimtest.Config{Token: "secret", Quirks: quirks})
	if err != nil {
		panic(err)
	}
	base, stop, err := scimtest.Listen(context.Background(), app)
	if err != nil {
		panic(err)
	}
	defer stop()
	client, err := scimclient.New(scimclient.Config{BaseURL: base, Token: func(context.Context) (string, error) { return "secret", nil }})
	if err != nil {
		panic(err)
	}
	group := scim.NewResource(scim.GroupURN)
	group.Set("displayName", scim.String("ops"))
	made, err := client.Create(context.Background(), "/Groups", group)
	if err != nil {
		panic(err)
	}
	members := scim.MustPath("members")
	_, err = client.Patch(context.Background(), "/Groups", made.Resource.ID(), scim.Patch{{Op: scim.OpReplace, Path: &members, Value: scim.List()}})
	for _, no := range app.Refusals() {
		fmt.Println(err != nil, no.Method, no.Status, no.Rule+":", no.Why)
	}
	// Output:
	// true PATCH 400 members: replace of all members at once
}

func ExampleApps() {
	fmt.Println(len(scimtest.Apps()), scimtest.Apps()[0])
	// Output:
	// 27 atlassian
}
