// SPDX-License-Identifier: Apache-2.0

// Command embed-scim is an app with a table of accounts that gets a SCIM 2.0
// endpoint: two functions between a row and a SCIM User, the six methods of a
// scimserver.Store, and a handler.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// user shows a row as a SCIM User.
func (a account) user() *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	u.SetID(strconv.Itoa(a.ID))
	u.SetExternalID(a.External)
	u.Set("userName", scim.String(a.Login))
	if a.Name != "" {
		u.Set("displayName", scim.String(a.Name))
	}
	u.SetActive(a.Active)
	u.SetMeta(a.Created, a.Changed, `W/"`+strconv.Itoa(a.Version)+`"`)
	return u
}

// set takes over what a client says; who does not say otherwise is active.
func (a *account) set(u *scim.Resource) {
	active, stated := u.Active()
	a.External, a.Login, a.Name, a.Active = u.ExternalID(), u.UserName(), u.DisplayName(), active || !stated
}

// accounts is the table as a scimserver.Store.
type accounts struct{ *table }

func (t accounts) Get(_ context.Context, _, id string) (*scim.Resource, error) {
	a, ok := t.find(id)
	if !ok {
		return nil, scimserver.ErrNotFound
	}
	return a.user(), nil
}

func (t accounts) List(_ context.Context, _ string, q scimserver.Query) (scimserver.Page, error) {
	var all []*scim.Resource
	for _, a := range t.all() {
		all = append(all, a.user())
	}
	return scimserver.Select(nil, scim.UserURN, all, q), nil
}

func (t accounts) Lookup(context.Context, string, scim.Path, string) ([]*scim.Resource, bool, error) {
	return nil, false, nil // no index: List is asked
}

func (t accounts) Create(_ context.Context, _ string, u *scim.Resource) (*scim.Resource, error) {
	return t.store("", func(a *account) error { a.set(u); return nil })
}

func (t accounts) Replace(_ context.Context, _ string, u *scim.Resource, version string) (*scim.Resource, error) {
	return t.store(u.ID(), func(a *account) error {
		if version != "" && version != a.user().Version() {
			return scimserver.ErrVersion
		}
		a.set(u)
		return nil
	})
}

func (t accounts) Delete(_ context.Context, _, id, version string) error {
	return t.remove(id, func(a account) error {
		if version != "" && version != a.user().Version() {
			return scimserver.ErrVersion
		}
		return nil
	})
}

func (t accounts) store(id string, change func(*account) error) (*scim.Resource, error) {
	a, err := t.write(id, change)
	return a.user(), err
}

// endpoint is the handler under /scim/v2. What is published in /Schemas is what
// the table has, and no more.
func endpoint(t *table, token string) (http.Handler, error) {
	core, _ := scim.CoreSchemas().Schema(scim.UserURN)
	user, err := core.Only("userName", "displayName", "active")
	if err != nil {
		return nil, err
	}
	schemas, err := scim.NewSchemaSet(user)
	if err != nil {
		return nil, err
	}
	return scimserver.New(scimserver.Config{
		Store: accounts{t}, Base: "/scim/v2", Authorize: scimserver.BearerToken(token), Schemas: schemas,
		ResourceTypes: []scim.ResourceType{{ID: "User", Name: "User", Endpoint: "/Users", Schema: scim.UserURN, Description: "Who may sign in"}},
	})
}

func main() {
	token := os.Getenv("SCIM_TOKEN")
	if token == "" {
		log.Fatal("set SCIM_TOKEN to the bearer token that clients present")
	}
	h, err := endpoint(newTable(), token)
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://127.0.0.1:8080/scim/v2")
	srv := &http.Server{Addr: "127.0.0.1:8080", Handler: h, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(srv.ListenAndServe())
}
