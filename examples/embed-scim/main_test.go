// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
	"github.com/usher-id/usher/scim/scimtest"
)

// The app answers as a client of its endpoint sees it: it says what it has and no
// more, keeps one account for a login, and loses no update.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	h, err := endpoint(newTable(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	judge(t, srv.URL+"/scim/v2")
	c, err := client(srv.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	config, _, err := c.ServiceProviderConfig(ctx)
	if err != nil || !config.Patch || !config.Filter || config.CursorPaging || !config.Bulk {
		t.Fatalf("%+v, %v", config, err)
	}
	schemas, _, err := c.Schemas(ctx)
	if err != nil || len(schemas) != 1 || len(schemas[0].Attributes) != 3 {
		t.Fatalf("%+v, %v", schemas, err)
	}
	ann := create(ctx, t, c, "ann", http.StatusCreated)
	create(ctx, t, c, "ANN", http.StatusConflict)
	create(ctx, t, c, "bob", http.StatusCreated)
	if active, _ := ann.Active(); !active || ann.Version() == "" {
		t.Errorf("%v", ann)
	}

	page, err := c.List(ctx, "/Users", scimclient.Query{Filter: scim.Eq(scim.MustPath("userName"), "Ann")})
	if err != nil || page.TotalResults != 1 || page.Resources[0].ID() != ann.ID() {
		t.Errorf("%+v, %v", page, err)
	}
	off := scim.Patch{{Op: scim.OpReplace, Path: &scim.Path{Attr: "active"}, Value: scim.Bool(false)}}
	if _, err := c.Patch(ctx, "/Users", ann.ID(), off, scimclient.IfMatch(ann.Version())); err != nil {
		t.Error(err)
	}
	_, err = c.Patch(ctx, "/Users", ann.ID(), off, scimclient.IfMatch(ann.Version()))
	if statusOf(err) != http.StatusPreconditionFailed {
		t.Errorf("under an old version: %v", err)
	}
	got, err := c.Get(ctx, "/Users", ann.ID())
	if err != nil {
		t.Fatal(err)
	}
	if active, _ := got.Resource.Active(); active {
		t.Errorf("%v", got.Resource)
	}
	if _, err := c.Delete(ctx, "/Users", ann.ID()); err != nil {
		t.Error(err)
	}
	_, err = c.Get(ctx, "/Users", ann.ID())
	if statusOf(err) != http.StatusNotFound {
		t.Errorf("after it was deleted: %v", err)
	}
	stranger, err := client(srv.URL, "guess")
	if err != nil {
		t.Fatal(err)
	}
	_, err = stranger.Get(ctx, "/Users", "2")
	if statusOf(err) != http.StatusUnauthorized {
		t.Errorf("with another token: %v", err)
	}
}

// judge has the conformance suite look at the endpoint.
func judge(t *testing.T, base string) {
	t.Helper()
	r, err := scimtest.Suite{Base: base, Token: "secret"}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Results {
		if l.Result == scimtest.Fail {
			t.Errorf("%s (%s): %s", l.ID, l.Level, l.Detail)
		}
	}
}

func create(ctx context.Context, t *testing.T, c *scimclient.Client, login string, want int) *scim.Resource {
	t.Helper()
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String(login))
	made, err := c.Create(ctx, "/Users", u)
	if got := max(made.Status, statusOf(err)); got != want {
		t.Errorf("%s: %d, want %d: %v", login, got, want, err)
	}
	return made.Resource
}

func client(url, token string) (*scimclient.Client, error) {
	return scimclient.New(scimclient.Config{
		BaseURL: url + "/scim/v2", Token: func(context.Context) (string, error) { return token, nil },
	})
}

// statusOf is the status that an error was answered with.
func statusOf(err error) int {
	var e *scimclient.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}
