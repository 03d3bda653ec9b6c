// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
	"github.com/usher-id/usher/scim/scimtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is an app with a client.
type served struct {
	*testing.T
	app    *scimtest.App
	client *scimclient.Client
}

func serve(t *testing.T, c scimtest.Config) *served {
	t.Helper()
	c.Token = "secret"
	app, err := scimtest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	base, stop, err := scimtest.Listen(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); stop() })
	client, err := scimclient.New(scimclient.Config{
		BaseURL: base, HTTP: &http.Client{Transport: transport}, Timeout: 3 * time.Second,
		Token: func(context.Context) (string, error) { return "secret", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &served{t, app, client}
}

func user(name string) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String(name))
	u.SetExternalID("x-" + name)
	u.SetActive(true)
	return u
}

func (s *served) create(name string) (string, error) {
	s.Helper()
	ans, err := s.client.Create(s.Context(), "/Users", user(name))
	if err != nil {
		return "", err
	}
	return ans.Resource.ID(), nil
}

func (s *served) must(id string, err error) string {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	return id
}

func (s *served) group(name string) string {
	s.Helper()
	g := scim.NewResource(scim.GroupURN)
	g.Set("displayName", scim.String(name))
	ans, err := s.client.Create(s.Context(), "/Groups", g)
	if err != nil {
		s.Fatal(err)
	}
	return ans.Resource.ID()
}

func (s *served) patch(endpoint, id, path string, op string, v scim.Value) error {
	p := scim.MustPath(path)
	_, err := s.client.Patch(s.Context(), endpoint, id, scim.Patch{{Op: op, Path: &p, Value: v}})
	return err
}

func (s *served) add(group string, ids ...string) error {
	var list []scim.Value
	for _, id := range ids {
		var o scim.Object
		o.Set("value", scim.String(id))
		list = append(list, scim.Complex(o))
	}
	return s.patch("/Groups", group, "members", scim.OpAdd, scim.List(list...))
}

func (s *served) ops() []string {
	var out []string
	for _, e := range s.app.Ledger() {
		out = append(out, e.Op+" "+e.Name)
	}
	return out
}

func class(err error) scimclient.Class {
	var e *scimclient.Error
	if errors.As(err, &e) {
		return e.Class
	}
	return 255
}

func status(err error) int {
	var e *scimclient.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// The ledger has what happened, request by request, and nothing else.
func TestLedger(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{})
	ann := s.must(s.create("ann"))
	bob := s.must(s.create("bob"))
	if _, err := s.create("ANN"); class(err) != scimclient.Conflict {
		t.Errorf("a name twice: %v", err)
	}
	sales := s.group("sales")
	if err := errors.Join(s.add(sales, ann, bob), s.add(sales, ann), // the second changes nothing
		s.patch("/Users", ann, "title", scim.OpReplace, scim.String("chief")),
		s.patch("/Users", ann, "active", scim.OpReplace, scim.Bool(false)),
		s.patch("/Users", ann, "active", scim.OpReplace, scim.Bool(true)),
		s.patch("/Groups", sales, `members[value eq "`+ann+`"]`, scim.OpRemove, scim.Null())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Delete(t.Context(), "/Users", bob); err != nil {
		t.Fatal(err)
	}
	if err := s.app.Alter("User", ann, func(r *scim.Resource) { r.Set("title", scim.String("nobody")) }); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"create ann", "create bob", "create sales", "member_add sales", "member_add sales", "update ann", "disable ann", "enable ann",
		"member_remove sales", "delete bob", "member_remove sales", "update ann",
	}
	if got := s.ops(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	l := s.app.Ledger()
	if last := l[len(l)-1]; !last.Outside || last.Detail != "title" || last.Seq != len(l) {
		t.Errorf("%+v", last)
	}
	if l[0].Outside || l[0].RequestID == "" {
		t.Errorf("%+v", l[0])
	}
	c := s.app.Counts()
	if c["POST /Users"] != 3 || c["PATCH /Groups/:id"] != 3 || c["PATCH /Users/:id"] != 3 || c["DELETE /Users/:id"] != 1 || c.Total() != 11 || c.Writes() != 11 {
		t.Errorf("%v", c)
	}
}

func TestQuirks(t *testing.T) {
	t.Parallel()
	const dept = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	for name, c := range map[string]struct {
		quirks scimtest.Quirks
		try    func(s *served)
	}{
		"members have a limit": {scimtest.Quirks{MaxMembersPerPatch: 2}, func(s *served) {
			g := s.group("g")
			ids := []string{s.must(s.create("a")), s.must(s.create("b")), s.must(s.create("c"))}
			if err := s.add(g, ids...); class(err) != scimclient.TooLarge {
				s.Errorf("three members: %v", err)
			}
			if err := s.add(g, ids[:2]...); err != nil {
				s.Error(err)
			}
		}},
		"members are never shown": {scimtest.Quirks{NeverReturnMembers: true}, func(s *served) {
			g, a := s.group("g"), s.must(s.create("a"))
			if err := s.add(g, a); err != nil {
				s.Fatal(err)
			}
			ans, err := s.client.Get(s.Context(), "/Groups", g)
			if err != nil {
				s.Fatal(err)
			}
			if _, shown := ans.Resource.Get("members"); shown {
				s.Error("members are shown")
			}
			page, err := s.client.List(s.Context(), "/Groups", scimclient.Query{})
			if err != nil || len(page.Resources) != 1 {
				s.Fatal(err, page)
			}
			if _, shown := page.Resources[0].Get("members"); shown {
				s.Error("members are shown in a list")
			}
			if v, _ := s.app.Groups()[0].Get("members"); v.IsUnassigned() {
				s.Error("members are not kept")
			}
		}},
		"names have a limit": {scimtest.Quirks{MaxUserName: 3}, func(s *served) {
			if _, err := s.create("four"); class(err) != scimclient.Terminal {
				s.Errorf("%v", err)
			}
			s.must(s.create("abc"))
		}},
		"an attribute is ignored": {scimtest.Quirks{IgnoreAttributes: []string{dept}}, func(s *served) {
			u := user("a")
			if err := u.Put(scim.MustPath(dept), scim.String("Sales")); err != nil {
				s.Fatal(err)
			}
			ans, err := s.client.Create(s.Context(), "/Users", u)
			if err != nil {
				s.Fatal(err)
			}
			if err := s.patch("/Users", ans.Resource.ID(), dept, scim.OpReplace, scim.String("Ops")); err != nil {
				s.Error(err)
			}
			if _, kept := s.app.Users()[0].At(scim.MustPath(dept)); kept {
				s.Error("the department was kept")
			}
		}},
		"a deactivation is ignored": {scimtest.Quirks{IgnoreDeactivate: true}, func(s *served) {
			a := s.must(s.create("a"))
			if err := s.patch("/Users", a, "active", scim.OpReplace, scim.Bool(false)); err != nil {
				s.Error(err)
			}
			if active, _ := s.app.Users()[0].Active(); !active {
				s.Error("the account is disabled")
			}
		}},
		"a filter is ignored": {scimtest.Quirks{IgnoreFilter: true}, func(s *served) {
			s.must(s.create("a"))
			s.must(s.create("b"))
			page, err := s.client.List(s.Context(), "/Users", scimclient.Query{Filter: scim.Eq(scim.MustPath("userName"), "a")})
			if err != nil || len(page.Resources) != 2 {
				s.Errorf("%v, %d hits", err, len(page.Resources))
			}
		}},
		"no PATCH": {scimtest.Quirks{NoPatch: true}, func(s *served) {
			if err := s.patch("/Users", s.must(s.create("a")), "title", scim.OpAdd, scim.String("x")); status(err) != 405 {
				s.Errorf("%v", err)
			}
		}},
		"204 to a PATCH": {scimtest.Quirks{PatchNoContent: true}, func(s *served) {
			p := scim.MustPath("title")
			ans, err := s.client.Patch(s.Context(), "/Users", s.must(s.create("a")), scim.Patch{{Op: scim.OpAdd, Path: &p, Value: scim.String("x")}})
			if err != nil || ans.Status != 204 || ans.Resource != nil {
				s.Errorf("%v, %+v", err, ans)
			}
		}},
		"duplicates": {scimtest.Quirks{AllowDuplicates: true}, func(s *served) {
			s.must(s.create("a"))
			s.must(s.create("a"))
			page, err := s.client.List(s.Context(), "/Users", scimclient.Query{Filter: scim.Eq(scim.MustPath("userName"), "a")})
			if err != nil || len(page.Resources) != 2 {
				s.Errorf("%v, %d hits", err, len(page.Resources))
			}
		}},
		"no externalId, lower case": {scimtest.Quirks{DropExternalID: true, LowerUserName: true}, func(s *served) {
			s.must(s.create("Ann"))
			if u := s.app.Users()[0]; u.ExternalID() != "" || u.UserName() != "ann" {
				s.Errorf("%v", u)
			}
		}},
		"DELETE disables": {scimtest.Quirks{DeleteDisables: true}, func(s *served) {
			if _, err := s.client.Delete(s.Context(), "/Users", s.must(s.create("a"))); err != nil {
				s.Error(err)
			}
			if active, _ := s.app.Users()[0].Active(); active {
				s.Error("the account is active")
			}
		}},
		"every page is the first": {scimtest.Quirks{IgnoreStartIndex: true, PageSize: 2}, func(s *served) {
			for _, n := range []string{"a", "b", "c"} {
				s.must(s.create(n))
			}
			var last error
			for _, err := range s.client.All(s.Context(), "/Users", scimclient.Query{Count: 2}, scimclient.PageOptions{}) {
				last = err
			}
			if !errors.Is(last, scimclient.ErrIncomplete) {
				s.Errorf("the list ended with %v", last)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.try(serve(t, scimtest.Config{Quirks: c.quirks}))
		})
	}
}

func TestDown(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{})
	s.app.SetDown(true)
	if _, err := s.create("a"); status(err) != 503 || class(err) != scimclient.Retry {
		t.Errorf("%v", err)
	}
	s.app.SetDown(false)
	s.must(s.create("a"))
	if len(s.app.Ledger()) != 1 || s.app.Counts()["POST /Users"] != 2 {
		t.Errorf("%v, %v", s.app.Ledger(), s.app.Counts())
	}
}

// What a client may conclude from each fault, and what really happened.
func TestFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[scimtest.Kind]struct {
		class   scimclient.Class
		written bool
	}{
		scimtest.TooManySeconds:   {scimclient.Retry, false},
		scimtest.TooManyDate:      {scimclient.Retry, false},
		scimtest.TooMany:          {scimclient.Retry, false},
		scimtest.UnavailableLater: {scimclient.Retry, false},
		scimtest.Unavailable:      {scimclient.Ambiguous, false},
		scimtest.ServerError:      {scimclient.Ambiguous, false},
		scimtest.BadGateway:       {scimclient.Ambiguous, false},
		scimtest.TimeOut:          {scimclient.Ambiguous, false},
		scimtest.Reset:            {scimclient.Ambiguous, false},
		scimtest.Unauthorized:     {scimclient.Unauthorized, false},
		scimtest.Forbidden:        {scimclient.Unauthorized, false},
		scimtest.NotFound:         {scimclient.NotFound, false},
		scimtest.Conflict:         {scimclient.Conflict, false},
		scimtest.Precondition:     {scimclient.Precondition, false},
		scimtest.TooLarge:         {scimclient.TooLarge, false},
		scimtest.BadRequest:       {scimclient.Terminal, false},
		scimtest.AnswerLost:       {scimclient.Ambiguous, true},
		scimtest.AnswerHangs:      {scimclient.Ambiguous, true},
		scimtest.ErrorAfter:       {scimclient.Ambiguous, true},
		scimtest.Truncated:        {scimclient.Ambiguous, true},
		scimtest.Garbage:          {scimclient.Ambiguous, true},
		scimtest.Empty:            {scimclient.Ambiguous, true},
		scimtest.NoEffect:         {255, false},
		scimtest.Slow:             {255, true},
		scimtest.OtherBody:        {255, true},
		scimtest.RepeatedPage:     {255, true},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			faults := scimtest.Rules(scimtest.Rule{Method: "POST", Identity: "a", Attempt: 1, Fault: scimtest.Fault{Kind: kind, Hold: 10 * time.Millisecond}})
			s := serve(t, scimtest.Config{Faults: faults})
			_, err := s.create("a")
			if class(err) != want.class || (err == nil) != (want.class == 255) {
				t.Errorf("%v is of class %v", err, class(err))
			}
			if got := len(s.app.Users()) == 1; got != want.written {
				t.Errorf("written: %v", got)
			}
			if faults.Done()[kind] != 1 {
				t.Errorf("%v", faults.Done())
			}
			if !want.written {
				s.must(s.create("a")) // the second attempt
			}
		})
	}
}

// The same work meets the same faults, in whatever order its requests come.
func TestScheduleRepeats(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, reverse bool) map[string]string {
		s := serve(t, scimtest.Config{Faults: scimtest.Seeded(seed, 0.3, 0.5, scimtest.Conflict, scimtest.BadRequest, scimtest.Forbidden)})
		var mu sync.Mutex
		var wg sync.WaitGroup
		got := map[string]string{}
		for i := range 60 {
			if reverse {
				i = 59 - i
			}
			wg.Go(func() {
				for attempt := range 2 {
					_, err := s.create(fmt.Sprint("u", i))
					what := fmt.Sprint(class(err), status(err))
					if class(err) == scimclient.Conflict && attempt == 1 {
						what = "there" // or said to be: the account may be the first attempt's
					}
					mu.Lock()
					got[fmt.Sprint(i, " ", attempt)] = what
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return got
	}
	one, two, other := run(1, false), run(1, true), run(2, false)
	differ := 0
	for k, v := range one {
		if two[k] != v {
			t.Errorf("%s: %s, then %s", k, v, two[k])
		}
		if other[k] != v {
			differ++
		}
	}
	if differ == 0 {
		t.Error("another seed makes no difference")
	}
}

// No operation goes wrong for ever.
func TestScheduleEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{Faults: scimtest.Seeded(7, 1, 0, scimtest.BadRequest)})
	for i := range 4 {
		if _, err := s.create("a"); err == nil {
			t.Fatalf("attempt %d got through at a rate of 1", i+1)
		}
	}
	s.must(s.create("a"))
}

func TestToken(t *testing.T) {
	t.Parallel()
	if _, err := scimtest.New(scimtest.Config{}); err == nil {
		t.Error("an app without a token")
	}
	app, err := scimtest.New(scimtest.Config{Token: "right"})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{"Bearer right": 200, "bearer right": 200, "Bearer wrong": 401, "right": 401, "": 401} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, scimtest.Base+"/Users", nil)
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		app.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d", token, w.Code)
		}
	}
}
