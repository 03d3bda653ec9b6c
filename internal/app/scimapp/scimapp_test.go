// SPDX-License-Identifier: Apache-2.0

package scimapp_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/scimapp"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/scim"
)

const secret = "s3cret-token-of-the-test"

const listStart = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],`

func generic(t *testing.T) app.Profile {
	t.Helper()
	p, err := app.ProfileByID("generic-scim2")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// bundle is an app with a server behind it that notes what arrives.
type bundle struct {
	app  *scimapp.App
	seen []string // "METHOD URI BODY"
}

func setup(t *testing.T, h http.HandlerFunc, changes ...func(*scimapp.Config)) *bundle {
	t.Helper()
	b := &bundle{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.seen = append(b.seen, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
		if got := r.Header.Get("Authorization"); got != "Bearer "+secret {
			t.Errorf("Authorization %q", got)
		}
		w.Header().Set("Content-Type", "application/scim+json")
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	cfg := scimapp.Config{
		BaseURL: srv.URL + "/scim/v2", Profile: generic(t),
		Token: func(context.Context) (string, error) { return secret, nil },
		Allow: dial.Allow{Loopback: true, PlainHTTP: true},
	}
	for _, change := range changes {
		change(&cfg)
	}
	var err error
	if b.app, err = scimapp.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.app.Close)
	return b
}

// want asserts what arrived, and that the count agrees.
func (b *bundle) want(t *testing.T, requests ...string) {
	t.Helper()
	if !slices.Equal(b.seen, requests) {
		t.Errorf("arrived\n%s\nwant\n%s", strings.Join(b.seen, "\n"), strings.Join(requests, "\n"))
	}
	if n := b.app.Requests(); n != int64(len(requests)) {
		t.Errorf("%d requests counted, want %d", n, len(requests))
	}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func classOf(t *testing.T, err error, want app.Class) *app.Error {
	t.Helper()
	e, ok := errors.AsType[*app.Error](err)
	if !ok || e.Class != want {
		t.Fatalf("error %v (%T), want class %v", err, err, want)
	}
	if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
		t.Errorf("an error shows the token")
	}
	return e
}

func TestCreate(t *testing.T) {
	t.Parallel()
	b := setup(t, answer(201, `{"id":"9","userName":"alice"}`))
	r := scim.NewResource(scim.UserURN)
	r.SetID("mine")
	r.Set("userName", scim.String("alice"))
	r.Set("meta", scim.Complex(scim.Object{}))
	a, err := b.app.Create(t.Context(), app.KindUser, r)
	if err != nil || a.Status != 201 || a.Resource.ID() != "9" || a.RequestID == "" || a.Elapsed <= 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	b.want(t, `POST /scim/v2/Users {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"alice"}`)
	if r.ID() != "mine" {
		t.Error("the caller's resource was changed")
	}
}

// The journal and the app's log speak of the same request.
func TestRequestID(t *testing.T) {
	t.Parallel()
	var sent string
	b := setup(t, func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("X-Request-Id")
		w.WriteHeader(http.StatusConflict)
	})
	a, err := b.app.Delete(app.WithRequestID(t.Context(), "op-7"), app.KindUser, "9")
	if e := classOf(t, err, app.Conflict); sent != "op-7" || a.RequestID != sent || e.RequestID != sent {
		t.Errorf("sent %q, answer %q, error %q", sent, a.RequestID, e.RequestID)
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	b := setup(t, answer(204, ""))
	change := func(path string, after scim.Value) scim.Change {
		return scim.Change{Path: scim.MustPath(path), After: after}
	}
	a, err := b.app.Patch(t.Context(), app.KindUser, "9", []scim.Change{change("active", scim.Bool(false))}, nil)
	if err != nil || a.Status != 204 || a.Resource != nil {
		t.Fatalf("%+v, %v", a, err)
	}
	_, err = b.app.Patch(t.Context(), app.KindUser, "9", []scim.Change{
		change("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", scim.String("R&D")),
		change("name.familyName", scim.String("Ödegård")),
		change("title", scim.Null()),
		change(`emails[type eq "work"].value`, scim.String("a@acme.example")),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.seen) != 2 || b.app.Requests() != 2 {
		t.Fatalf("%v", b.seen)
	}
	if got, want := b.seen[0], `PATCH /scim/v2/Users/9 {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`; got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	for _, op := range []string{
		`{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"R&D"}`,
		`{"op":"replace","path":"name.familyName","value":"Ödegård"}`,
		`{"op":"remove","path":"title"}`,
		`{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@acme.example"}`,
	} {
		if !strings.Contains(b.seen[1], op) {
			t.Errorf("%s is not in %s", op, b.seen[1])
		}
	}
}

func TestPatchOfComplexExtensionAttributes(t *testing.T) {
	t.Parallel()
	const ext = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
	change := func(path string, before, after scim.Value) scim.Change {
		return scim.Change{Path: scim.MustPath(path), Before: before, After: after}
	}
	for name, tt := range map[string]struct {
		changes []scim.Change
		want    string
	}{
		"first": {
			[]scim.Change{change(ext+"manager.value", scim.Null(), scim.String("7"))},
			`{"op":"add","path":"` + ext + `manager","value":{"value":"7"}}`,
		},
		"two at once": {
			[]scim.Change{change(ext+"manager.value", scim.Null(), scim.String("7")), change(ext+"manager.displayName", scim.Null(), scim.String("Eve"))},
			`{"op":"add","path":"` + ext + `manager","value":{"displayName":"Eve","value":"7"}}`,
		},
		"another": {
			[]scim.Change{change(ext+"manager.value", scim.String("6"), scim.String("7"))},
			`{"op":"add","path":"` + ext + `manager","value":{"value":"7"}}`,
		},
		"none": {
			[]scim.Change{change(ext+"manager.value", scim.String("6"), scim.Null())},
			`{"op":"remove","path":"` + ext + `manager.value"}`,
		},
		"core": {
			[]scim.Change{change("name.givenName", scim.Null(), scim.String("Zoë"))},
			`{"op":"replace","path":"name.givenName","value":"Zoë"}`,
		},
		"simple": {
			[]scim.Change{change(ext+"department", scim.Null(), scim.String("R&D"))},
			`{"op":"replace","path":"` + ext + `department","value":"R&D"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, answer(204, ""))
			if _, err := b.app.Patch(t.Context(), app.KindUser, "9", tt.changes, nil); err != nil {
				t.Fatal(err)
			}
			b.want(t, `PATCH /scim/v2/Users/9 {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+tt.want+`]}`)
		})
	}
}

func TestChangeMembers(t *testing.T) {
	t.Parallel()
	b := setup(t, answer(204, ""))
	if _, err := b.app.ChangeMembers(t.Context(), "g1", []string{"1", "2"}, []string{"3", `4"] or x`}); err != nil {
		t.Fatal(err)
	}
	b.want(t, `PATCH /scim/v2/Groups/g1 {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+
		`{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]},`+
		`{"op":"remove","path":"members[value eq \"3\"]"},`+
		`{"op":"remove","path":"members[value eq \"4\\\"] or x\"]"}]}`)
}

func TestNothingSent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(http.ResponseWriter, *http.Request) {})
	ctx := t.Context()
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, tt := range map[string]struct {
		want app.Class
		do   func() error
	}{
		"no change":      {app.Terminal, func() error { _, err := b.app.Patch(ctx, app.KindUser, "9", nil, nil); return err }},
		"no resource":    {app.Terminal, func() error { _, err := b.app.Create(ctx, app.KindUser, nil); return err }},
		"no member":      {app.Terminal, func() error { _, err := b.app.ChangeMembers(ctx, "g", nil, nil); return err }},
		"too many":       {app.TooLarge, func() error { _, err := b.app.ChangeMembers(ctx, "g", many, nil); return err }},
		"too many both":  {app.TooLarge, func() error { _, err := b.app.ChangeMembers(ctx, "g", many[:60], many[60:]); return err }},
		"in and out":     {app.Terminal, func() error { _, err := b.app.ChangeMembers(ctx, "g", many[:2], many[1:2]); return err }},
		"member no id":   {app.Terminal, func() error { _, err := b.app.ChangeMembers(ctx, "g", []string{""}, nil); return err }},
		"group no id":    {app.Terminal, func() error { _, err := b.app.ChangeMembers(ctx, "", many[:1], nil); return err }},
		"no id":          {app.Terminal, func() error { _, err := b.app.Delete(ctx, app.KindUser, ""); return err }},
		"id up":          {app.Terminal, func() error { _, err := b.app.Get(ctx, app.KindUser, ".."); return err }},
		"unknown kind":   {app.Terminal, func() error { _, err := b.app.Delete(ctx, "Thing", "1"); return err }},
		"find nothing":   {app.Terminal, func() error { _, _, err := b.app.Find(ctx, app.KindUser, scim.MustPath("userName"), ""); return err }},
		"list of things": {app.Terminal, func() error { return last(b.app.List(ctx, "Thing", false)) }},
	} {
		t.Run(name, func(t *testing.T) { _ = classOf(t, tt.do(), tt.want) })
	}
	b.want(t)
}

func last(seq func(func(*scim.Resource, error) bool)) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pagination string
		exclude    bool
		want       string
	}{
		{"index", true, "GET /scim/v2/Groups?count=100&excludedAttributes=members&startIndex=1"},
		{"index", false, "GET /scim/v2/Groups?count=100&startIndex=1"},
		{"cursor", true, "GET /scim/v2/Groups?count=100&cursor=&excludedAttributes=members"},
		{"none", false, "GET /scim/v2/Groups"},
	} {
		b := setup(t, answer(200, listStart+`"totalResults":1,"Resources":[{"id":"1","displayName":"Sales"}]}`),
			func(cfg *scimapp.Config) { cfg.Profile.Pagination = tt.pagination })
		n := 0
		for r, err := range b.app.List(t.Context(), app.KindGroup, tt.exclude) {
			if err != nil || r.DisplayName() != "Sales" {
				t.Errorf("%v, %v", r, err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d groups", n)
		}
		b.want(t, tt.want)
	}
}

// What is never told of members need not be left out.
func TestListOfUnreadableMembers(t *testing.T) {
	t.Parallel()
	b := setup(t, answer(200, listStart+`"totalResults":0}`), func(cfg *scimapp.Config) { cfg.Profile.MembersReadable = false })
	if err := last(b.app.List(t.Context(), app.KindGroup, true)); err != nil {
		t.Fatal(err)
	}
	b.want(t, "GET /scim/v2/Groups?count=100&startIndex=1")
}

func TestListIncomplete(t *testing.T) {
	t.Parallel()
	b := setup(t, answer(200, listStart+`"totalResults":9,"Resources":[{"id":"1"}]}`))
	_ = classOf(t, last(b.app.List(t.Context(), app.KindUser, false)), app.Retry)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]app.Class{
		400: app.Terminal, 401: app.Unauthorized, 403: app.Unauthorized, 404: app.NotFound, 409: app.Conflict,
		412: app.Precondition, 413: app.TooLarge, 429: app.Retry, 500: app.Ambiguous, 503: app.Retry, 504: app.Ambiguous,
	} {
		b := setup(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "2")
			answer(status, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"tooMany","detail":"no"}`)(w, nil)
		})
		a, err := b.app.Delete(t.Context(), app.KindUser, "9")
		e := classOf(t, err, want)
		if e.Status != status || a.Status != status || e.Detail != "no" || e.ScimType != "tooMany" ||
			e.RetryAfter.Seconds() != 2 || e.RequestID == "" || e.RequestID != a.RequestID {
			t.Errorf("%d: %+v, %+v", status, e, a)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	open := dial.Allow{Loopback: true, Private: true, PlainHTTP: true}
	for _, tt := range []struct {
		base  string
		allow dial.Allow
		say   string
	}{
		{"", open, "write it like"},
		{"app.example/scim", open, "write it like"},
		{"ftp://app.example", open, "https"},
		{"https://joe:hunter2@app.example", open, "set the token instead"},
		{"https://app.example/scim?key=hunter2", open, "from the question mark on"},
		{"https://app.example/scim#hunter2", open, "from the number sign on"},
		{"http://app.example", dial.Allow{Loopback: true, Private: true}, "allow plain http"},
		{"https://127.0.0.1", dial.Allow{}, "allow loopback"},
		{"https://[::1]:8443", dial.Allow{}, "allow loopback"},
		{"https://10.1.2.3", dial.Allow{}, "allow private"},
		{"https://169.254.169.254", open, "metadata"},
		{"https://[::ffff:169.254.169.254]", open, "metadata"},
	} {
		_, err := scimapp.New(scimapp.Config{BaseURL: tt.base, Allow: tt.allow, Profile: generic(t)})
		if err == nil || !strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q", tt.base, err, tt.say)
		}
	}
	for name, change := range map[string]func(*scimapp.Config){
		"kind":        func(cfg *scimapp.Config) { cfg.Profile.Kind = "rest" },
		"style":       func(cfg *scimapp.Config) { cfg.Profile.Patch.Style = "interpretive dance" },
		"concurrency": func(cfg *scimapp.Config) { cfg.Concurrency = -1 },
		"timeout":     func(cfg *scimapp.Config) { cfg.Timeout = -1 },
		"user agent":  func(cfg *scimapp.Config) { cfg.UserAgent = "a\nb" },
	} {
		cfg := scimapp.Config{BaseURL: "https://app.example", Profile: generic(t)}
		change(&cfg)
		if _, err := scimapp.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// A name is judged by what it resolves to when it is dialled.
func TestDialIsGuarded(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	t.Cleanup(srv.Close)
	_, port, _ := strings.Cut(srv.Listener.Addr().String(), ":")
	a, err := scimapp.New(scimapp.Config{
		BaseURL: "http://localhost:" + port, Profile: generic(t), Allow: dial.Allow{PlainHTTP: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Delete(t.Context(), app.KindUser, "1")
	if _ = classOf(t, err, app.Unreachable); !errors.Is(err, dial.ErrAddress) {
		t.Errorf("%v is no ErrAddress", err)
	}
}

// The server's certificate is checked: there is no switch to leave it.
func TestTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of every handshake that fails here
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	for _, tt := range []struct {
		base string
		pool *x509.CertPool
		ok   bool
	}{{srv.URL, pool, true}, {srv.URL, nil, false}, {"https://localhost" + port, pool, false}} {
		a, err := scimapp.New(scimapp.Config{
			BaseURL: tt.base, Profile: generic(t), Allow: dial.Allow{Loopback: true}, RootCAs: tt.pool,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		_, err = a.Delete(t.Context(), app.KindUser, "1")
		switch {
		case tt.ok && err != nil:
			t.Error(err)
		case !tt.ok:
			_ = classOf(t, err, app.Unreachable)
		}
	}
}

// Many callers share an App; every request of theirs is counted.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		answer(200, listStart+`"totalResults":1,"Resources":[{"id":"1","userName":"alice"}]}`)(w, nil)
	}))
	t.Cleanup(srv.Close)
	a, err := scimapp.New(scimapp.Config{
		BaseURL: srv.URL, Profile: generic(t), Allow: dial.Allow{Loopback: true, PlainHTTP: true}, Concurrency: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if hits, _, err := a.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "alice"); err != nil || len(hits) != 1 {
					t.Errorf("%v, %v", hits, err)
				}
			}
		})
	}
	wg.Wait()
	if n := a.Requests(); n != 80 {
		t.Errorf("%d requests", n)
	}
}

func TestStringHasNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if s := fmt.Sprintf("%v %+v %#v", b.app, b.app, b.app); strings.Contains(s, secret) || !strings.Contains(s, "generic-scim2") {
		t.Error(s)
	}
}
