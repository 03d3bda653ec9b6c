// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
	"github.com/usher-id/usher/scim/scimserver"
)

// teller is a Memory that tells of its changes, as far as these tests look.
type teller struct {
	*scimserver.Memory
	uris     []string
	requests []scimserver.Request
	shown    []string // what the client is shown of what was changed
	paths    []string
	promises bool
	fails    error // of Get, after a promise
	promised bool
}

func (s *teller) EventURIs() []string { return s.uris }

func (s *teller) Get(ctx context.Context, typ, id string) (*scim.Resource, error) {
	if s.fails != nil && s.promised {
		return nil, s.fails
	}
	return s.Memory.Get(ctx, typ, id)
}

// told notes a change.
func (s *teller) told(ctx context.Context, typ, id string, r *scim.Resource, err error) {
	if err != nil {
		return
	}
	req := scimserver.RequestOf(ctx)
	if req == nil {
		s.requests = append(s.requests, scimserver.Request{})
		return
	}
	s.requests = append(s.requests, *req)
	s.paths = append(s.paths, req.Path(typ, id))
	if r != nil {
		s.shown = append(s.shown, req.Shown(typ, r).String())
	}
	if s.promises && req.Async {
		req.Promise()
		s.promised = true
	}
}

func (s *teller) Create(ctx context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	out, err := s.Memory.Create(ctx, typ, r)
	if err == nil {
		s.told(ctx, typ, out.ID(), out, err)
	}
	return out, err
}

func (s *teller) Replace(ctx context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	out, err := s.Memory.Replace(ctx, typ, r, version)
	s.told(ctx, typ, r.ID(), out, err)
	return out, err
}

func (s *teller) Delete(ctx context.Context, typ, id, version string) error {
	err := s.Memory.Delete(ctx, typ, id, version)
	s.told(ctx, typ, id, nil, err)
	return err
}

func (s *teller) ChangeMembers(ctx context.Context, typ, id string, c scimserver.MemberChange) (scimserver.MembersChanged, error) {
	out, err := s.Memory.ChangeMembers(ctx, typ, id, c)
	s.told(ctx, typ, id, out.Head, err)
	return out, err
}

var async = []string{scimevent.PutNotice, scimevent.AsyncResponse}

func newTeller(t *testing.T, uris []string, promises bool, change func(*scimserver.Config)) (*server, *teller) {
	t.Helper()
	store := &teller{Memory: scimserver.NewMemory(nil, nil), uris: uris, promises: promises}
	s := newServer(t, func(c *scimserver.Config) {
		c.Store = store
		if change != nil {
			change(c)
		}
	})
	return s, store
}

// Every change comes with the request that it is made for: its method, a transaction
// of its own, and what the client is shown.
func TestStoresThatTell(t *testing.T) {
	t.Parallel()
	s, store := newTeller(t, async, true, func(c *scimserver.Config) { c.Hide = []scim.Path{scim.MustPath("nickName")} })
	id := s.make("/Users", user("ann", `"password":"hunter2!"`, `"nickName":"Annie"`))
	team := s.make("/Groups", group("ops"))
	s.do("PUT", "/Users/"+id, user("ann", `"title":"Lead"`)).want(200, "")
	s.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"title","value":"Boss"}`)).want(200, "")
	s.do("PATCH", "/Groups/"+team, patch(`{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)).want(200, "")
	s.do("DELETE", "/Users/"+id, "").want(204, "")
	want := []string{"POST", "POST", "PUT", "PATCH", "PATCH", "DELETE"}
	seen := map[string]bool{}
	for i, r := range store.requests {
		if i >= len(want) || r.Method != want[i] || len(r.Txn) < 20 || seen[r.Txn] || r.Async {
			t.Errorf("request %d: %+v", i, r)
		}
		seen[r.Txn] = true
	}
	if len(store.requests) != len(want) {
		t.Errorf("%d changes, want %d", len(store.requests), len(want))
	}
	if paths := []string{"/Users/1", "/Groups/2", "/Users/1", "/Users/1", "/Groups/2", "/Users/1"}; !slices.Equal(store.paths, paths) {
		t.Errorf("paths %v", store.paths)
	}
	first, err := scim.ParseResource([]byte(store.shown[0]), scim.Limits{})
	if err != nil || first.UserName() != "ann" || first.Location() != "http://app.example/scim/v2/Users/1" {
		t.Errorf("%s %v", store.shown[0], err)
	}
	for _, name := range []string{"password", "nickName"} {
		if _, ok := first.Get(name); ok {
			t.Errorf("%s is shown", name)
		}
	}
	s.do("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":`+user("cyd")+`}]}`)
	for _, r := range store.requests {
		if r.Method == "" {
			t.Error("a change came of no request")
		}
	}
}

// Who would not wait is answered with 202 once the event is promised, and as usual if
// it is not.
func TestRespondAsync(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prefer   []string
		uris     []string
		promises bool
		want     bool
	}{
		"asked for":                  {[]string{"respond-async"}, async, true, true},
		"among others":               {[]string{`return=minimal; foo="bar", Respond-Async;x=1`}, async, true, true},
		"on a line of its own":       {[]string{"handling=lenient", "respond-async"}, async, true, true},
		"without waiting":            {[]string{"respond-async, wait=0"}, async, true, true},
		"a wait that cannot be read": {[]string{"respond-async, wait=soon"}, async, true, true},
		"not asked for":              {nil, async, true, false},
		"something else":             {[]string{"respond-asyncronously"}, async, true, false},
		"it would wait long enough":  {[]string{"respond-async, wait=10"}, async, true, false},
		"in quotes":                  {[]string{`wait="10"`, "respond-async"}, async, true, false},
		"the store does not promise": {[]string{"respond-async"}, async, false, false},
		"the store gives no answers": {[]string{"respond-async"}, []string{scimevent.PutNotice}, true, false},
		"the store gives nothing":    {[]string{"respond-async"}, nil, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, store := newTeller(t, c.uris, c.promises, nil)
			id := s.make("/Users", user("ann"))
			team := s.make("/Groups", group("ops"))
			do := func(method, path, body string, usual int, location string) {
				t.Helper()
				a := s.send(method, path, body, c.prefer)
				if !c.want {
					if a.Code != usual || a.Header().Get("Set-Txn") != "" || a.Header().Get("Preference-Applied") != "" {
						t.Errorf("%s %s: %d %v", method, path, a.Code, a.Header())
					}
					return
				}
				last := store.requests[len(store.requests)-1]
				if a.Code != 202 || a.Body.Len() != 0 || a.Header().Get("Set-Txn") != last.Txn || last.Txn == "" ||
					a.Header().Get("Preference-Applied") != "respond-async" || a.Header().Get("Location") != "http://app.example/scim/v2"+location {
					t.Errorf("%s %s: %d %v %s", method, path, a.Code, a.Header(), a.Body)
				}
				for _, h := range []string{"Content-Type", "Content-Location", "Etag"} {
					if a.Header().Get(h) != "" {
						t.Errorf("%s %s: %s %s", method, path, h, a.Header().Get(h))
					}
				}
			}
			do("POST", "/Users", user("bob"), 201, "/Users/3")
			do("PUT", "/Users/"+id, user("ann", `"title":"x"`), 200, "/Users/1")
			do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"title","value":"y"}`), 200, "/Users/1")
			do("PATCH", "/Groups/"+team, patch(`{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`), 200, "/Groups/2")
			do("DELETE", "/Users/"+id, "", 204, "/Users/1")
			// Errors, reads and what changes nothing are answered as ever.
			for _, r := range []struct {
				method, path, body string
				status             int
			}{
				{"GET", "/Users/3", "", 200},
				{"POST", "/Users", user("bob"), 409},
				{"POST", "/Users", "{", 400},
				{"PATCH", "/Users/3", patch(`{"op":"remove","path":"title"}`), 200},
				{"DELETE", "/Users/nobody", "", 404},
				{"POST", "/Users/.search", `{"schemas":["` + scim.SearchRequestURN + `"]}`, 200},
			} {
				if a := s.send(r.method, r.path, r.body, c.prefer); a.Code != r.status || a.Body.Len() == 0 || a.Header().Get("Set-Txn") != "" {
					t.Errorf("%s %s %s: %d %s", r.method, r.path, r.body, a.Code, a.Body)
				}
			}
		})
	}
}

// What is committed is accepted, whatever fails on the way to an answer.
func TestRespondAsyncAfterAFailure(t *testing.T) {
	t.Parallel()
	var failed error
	s, store := newTeller(t, async, true, func(c *scimserver.Config) {
		c.Failed = func(_ context.Context, err error) { failed = err }
	})
	team := s.make("/Groups", group("ops"))
	store.fails = errors.New("the disk is gone")
	a := s.send("PATCH", "/Groups/"+team, patch(`{"op":"add","path":"members","value":[{"value":"1"}]}`), []string{"respond-async"})
	if a.Code != http.StatusAccepted || a.Header().Get("Set-Txn") == "" || !errors.Is(failed, store.fails) {
		t.Errorf("%d %v %v", a.Code, a.Header(), failed)
	}
}

// send is do with lines of Prefer.
func (s *server) send(method, path, body string, prefer []string) answer {
	s.Helper()
	lines := make([]string, 0, 1)
	if len(prefer) == 1 {
		lines = append(lines, "Prefer: "+prefer[0])
	}
	if len(prefer) > 1 { // do sets a header once
		h := s.Handler
		s = &server{T: s.T, store: s.store, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header["Prefer"] = prefer
			h.ServeHTTP(w, r)
		})}
	}
	return s.do(method, path, body, lines...)
}

// What a store gives is advertised (RFC 9967 §4), and nothing if it gives nothing.
func TestSecurityEventsAreAdvertised(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		uris []string
		want string
	}{
		{nil, ""},
		{[]string{scimevent.Delete}, `{"asyncRequest":"none","eventUris":["` + scimevent.Delete + `"]}`},
		{async, fmt.Sprintf(`{"asyncRequest":"request","eventUris":[%q,%q]}`, scimevent.PutNotice, scimevent.AsyncResponse)},
	} {
		s, _ := newTeller(t, c.uris, true, nil)
		config := s.do("GET", "/ServiceProviderConfig", "").want(200, "")
		if got := config.at("securityEvents"); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if err := scim.CoreSchemas().Complete(scim.ResourceType{Schema: scim.ServiceProviderConfigURN}, config.resource()); err != nil {
			t.Error(err)
		}
	}
}
