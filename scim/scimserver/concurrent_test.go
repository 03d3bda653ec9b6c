// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
	"github.com/usher-id/usher/scim/scimserver"
)

// together calls fn at once n times.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; fn(i) })
	}
	close(start)
	wg.Wait()
}

func TestOneNameIsTakenOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	var made, refused atomic.Int32
	together(32, func(i int) {
		name := "ann"
		if i%2 == 0 {
			name = "Ann"
		}
		switch got := s.do("POST", "/Users", user(name)); got.Code {
		case 201:
			made.Add(1)
		case 409:
			refused.Add(1)
		}
	})
	if made.Load() != 1 || refused.Load() != 31 {
		t.Errorf("%d made, %d refused", made.Load(), refused.Load())
	}
}

// Nobody's change is lost, whichever way it takes.
func TestFiftyWriters(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(scimserver.Store) scimserver.Store{
		"by member": func(s scimserver.Store) scimserver.Store { return s },
		"by CAS":    func(s scimserver.Store) scimserver.Store { return plainStore{s} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(c *scimserver.Config) {
				c.Store = wrap(c.Store)
				c.Limits.Tries = 1000
			})
			g := "/Groups/" + s.make("/Groups", group("g"))
			together(50, func(i int) {
				for j := range 4 {
					s.do("PATCH", g, patch(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"%d-%d"}]}`, i, j))).want(200, "")
				}
				s.do("PATCH", g, patch(fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%d-0\"]"}`, i))).want(200, "")
			})
			v, _ := s.do("GET", g, "").resource().Get("members")
			if list, _ := v.AsList(); len(list) != 150 {
				t.Errorf("%d members", len(list))
			}
		})
	}
}

// Of those who name one version, one wins (RFC 7644 §3.14).
func TestOneVersionIsWrittenOverOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	id := s.make("/Users", user("ann"))
	tag := s.do("GET", "/Users/"+id, "").Header().Get("ETag")
	var won atomic.Int32
	together(20, func(i int) {
		if s.do("PATCH", "/Users/"+id, patch(fmt.Sprintf(`{"op":"replace","path":"title","value":"%d"}`, i)), "If-Match: "+tag).Code == 200 {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d have won", won.Load())
	}
}

// busy lets every Replace come too late.
type busy struct{ scimserver.Store }

func (busy) Replace(context.Context, string, *scim.Resource, string) (*scim.Resource, error) {
	return nil, scimserver.ErrVersion
}

func TestTriesEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) { c.Store = busy{c.Store} })
	id := s.make("/Users", user("ann"))
	got := s.do("PATCH", "/Users/"+id, patch(`{"op":"add","path":"title","value":"x"}`)).want(503, "")
	if got.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// The whole way, by a client that is not of this package.
func TestClient(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) { c.Authorize = scimserver.BearerToken("token") })
	srv := httptest.NewServer(s)
	defer srv.Close()
	c, err := scimclient.New(scimclient.Config{
		BaseURL: srv.URL + base, HTTP: &http.Client{Transport: srv.Client().Transport},
		Token: func(context.Context) (string, error) { return "token", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for i := range 25 {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(fmt.Sprint("u", i)))
		if _, err := c.Create(ctx, "/Users", u); err != nil {
			t.Fatal(err)
		}
	}
	for name, q := range map[string]scimclient.Query{"index": {Count: 7}, "cursor": {Count: 7, UseCursor: true}} {
		seen := map[string]bool{}
		for r, err := range c.All(ctx, "/Users", q, scimclient.PageOptions{}) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			seen[r.UserName()] = true
		}
		if len(seen) != 25 {
			t.Errorf("%s: %d people", name, len(seen))
		}
	}
	eq := scim.Eq(scim.MustPath("userName"), `U7`)
	page, err := c.List(ctx, "/Users", scimclient.Query{Filter: eq})
	if err != nil || len(page.Resources) != 1 {
		t.Fatal(err, page)
	}
	found, err := c.Search(ctx, "/Users", scimclient.Query{Filter: eq, Attributes: []string{"userName"}})
	if err != nil || len(found.Resources) != 1 || found.Resources[0].UserName() != "u7" {
		t.Fatal(err, found)
	}
	id := page.Resources[0].ID()
	got, err := c.Get(ctx, "/Users", id)
	if err != nil || got.Location != "" && got.Location != got.Resource.Location() {
		t.Fatal(err, got)
	}
	if again, err := c.Get(ctx, "/Users", id, scimclient.IfNoneMatch(got.ETag)); err != nil || again.Status != 304 {
		t.Error(err, again)
	}
	next := got.Resource.Clone()
	next.Set("title", scim.String("x"))
	put, err := c.Replace(ctx, "/Users", id, next, scimclient.IfMatch(got.ETag))
	if err != nil {
		t.Fatal(err)
	}
	var e *scimclient.Error
	if _, err := c.Replace(ctx, "/Users", id, next, scimclient.IfMatch(got.ETag)); put.ETag == got.ETag || !errors.As(err, &e) || e.Class != scimclient.Precondition {
		t.Errorf("%v", err)
	}
	if _, err := c.Delete(ctx, "/Users", id); err != nil {
		t.Error(err)
	}
	boss, report := scim.NewResource(scim.UserURN), scim.NewResource(scim.UserURN)
	boss.Set("userName", scim.String("boss"))
	report.Set("userName", scim.String("report"))
	if err := report.Put(scim.MustPath(scim.EnterpriseUserURN+":manager.value"), scim.String("bulkId:boss")); err != nil {
		t.Fatal(err)
	}
	job, err := c.Bulk(ctx, 0, []scimclient.BulkOperation{
		{Method: "POST", Path: "/Users", BulkID: "report", Data: report},
		{Method: "POST", Path: "/Users", BulkID: "boss", Data: boss},
		{Method: "DELETE", Path: "/Users/nobody"},
	})
	if err != nil || len(job.Results) != 3 || job.Results[0].Status != 201 || job.Results[1].Status != 201 || job.Results[2].Err == nil || job.Results[2].Err.Status != 404 {
		t.Fatalf("%+v, %v", job.Results, err)
	}
	config, _, err := c.ServiceProviderConfig(ctx)
	if err != nil || !config.Patch || !config.CursorPaging || !config.Bulk || !config.ETag {
		t.Errorf("%+v, %v", config, err)
	}
	types, _, err := c.ResourceTypes(ctx)
	if err != nil || len(types) != 2 {
		t.Errorf("%v, %v", types, err)
	}
	schemas, _, err := c.Schemas(ctx)
	if err != nil || len(schemas) != 4 {
		t.Errorf("%d, %v", len(schemas), err)
	}
}
