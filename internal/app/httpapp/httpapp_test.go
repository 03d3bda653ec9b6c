// SPDX-License-Identifier: Apache-2.0

package httpapp_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/httpapp"
	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/scim"
)

// system is an HR system of one record, and remembers what it was asked.
type system struct {
	*httptest.Server

	mu     sync.Mutex
	record string
	asked  []string // method, address, who and what
	deny   map[string]bool
}

func newSystem(t testing.TB) *system {
	t.Helper()
	s := &system{record: `{"data":{"mail":"old@x.example","login":7,"lead":true,"level":3,"rate":0.5,"nick":null,"none":""}}`}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		who := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key")
		s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Content-Type")+" "+string(body)))
		switch {
		case r.URL.Path == "/token":
			_, _ = w.Write([]byte(`{"access_token":"an-access-token","token_type":"bearer","expires_in":60}`))
		case s.deny[who]:
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodGet:
			_, _ = w.Write([]byte(s.record))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *system) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.Join(s.asked, "\n")
	s.asked = nil
	return text
}

func path(t testing.TB, text string) jsonpath.Path {
	t.Helper()
	p, err := jsonpath.ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func attribute(text string) httpapp.Template {
	p := scim.MustPath(text)
	return httpapp.Template{Attribute: &p}
}

const workEmail = `emails[type eq "work"].value`

// conf reads and writes an e-mail address, a name and a title.
func conf(t testing.TB, s *system) httpapp.Config {
	t.Helper()
	place := func(attribute, at string) httpapp.Place {
		return httpapp.Place{Attribute: scim.MustPath(attribute), At: path(t, at)}
	}
	return httpapp.Config{
		Source: "hr", Schemas: scim.CoreSchemas(), HTTP: http.DefaultTransport,
		Read: httpapp.Read{URL: s.URL + "/people/{id}?fields=a,b", At: path(t, "data"), Attributes: []httpapp.Place{
			place(workEmail, "mail"), place("userName", "login"), place("title", "none"), place("nickName", "nick"),
		}},
		Write: httpapp.Write{Method: http.MethodPatch, URL: s.URL + "/people/{id}", Body: httpapp.Template{Members: []httpapp.Member{
			{Name: "work", Value: httpapp.Template{Members: []httpapp.Member{{Name: "mail", Value: attribute(workEmail)}, {Name: "kind", Value: httpapp.Template{Constant: jsontext.Value("1")}}}}},
			{Name: "login", Value: attribute("userName")},
			{Name: "job", Value: httpapp.Template{Items: []httpapp.Template{{Members: []httpapp.Member{{Name: "title", Value: attribute("title")}}}, {Members: []httpapp.Member{{Name: "nick", Value: attribute("nickName")}}}}}},
			{Name: "of", Value: httpapp.Template{ID: true}},
		}}},
	}
}

func open(t testing.TB, c httpapp.Config) *httpapp.App {
	t.Helper()
	a, err := httpapp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func change(path string, v scim.Value) scim.Change {
	return scim.Change{Path: scim.MustPath(path), After: v}
}

// TestRead: what is at the places is seen by its type, what is null or empty is not there,
// and an id of whatever kind names one record.
func TestRead(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	a := open(t, conf(t, s))
	ans, err := a.Get(t.Context(), app.KindUser, "a/b?c=1&d#e")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.said(); got != "GET /people/a%2Fb%3Fc=1&d%23e?fields=a%2Cb" {
		t.Error(got)
	}
	if got := ans.Resource.String(); ans.Resource.ID() != "a/b?c=1&d#e" || !strings.Contains(got, `"userName":"7"`) || !strings.Contains(got, "old@x.example") || strings.Contains(got, "title") || strings.Contains(got, "nickName") {
		t.Error(got)
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := a.Get(t.Context(), app.KindUser, id); err == nil || s.said() != "" {
			t.Errorf("%q is asked for", id)
		}
	}
	if _, active := ans.Resource.Active(); active {
		t.Error("a record says that somebody is active")
	}
}

// TestTypes: a value is read and written by the type of its attribute, and what cannot be of
// it is told, without what it is.
func TestTypes(t *testing.T) {
	t.Parallel()
	own, err := scim.ParseSchema([]byte(`{"id":"urn:acme:staff","name":"Staff","attributes":[
		{"name":"lead","type":"boolean"},{"name":"level","type":"integer"},{"name":"rate","type":"decimal"}]}`), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSystem(t)
	cfg := conf(t, s)
	if cfg.Schemas, err = scim.CoreSchemas().With(own); err != nil {
		t.Fatal(err)
	}
	cfg.Read.Attributes, cfg.Write.Body = nil, httpapp.Template{}
	for _, name := range []string{"lead", "level", "rate"} {
		p := "urn:acme:staff:" + name
		cfg.Read.Attributes = append(cfg.Read.Attributes, httpapp.Place{Attribute: scim.MustPath(p), At: path(t, name)})
		cfg.Write.Body.Members = append(cfg.Write.Body.Members, httpapp.Member{Name: name, Value: attribute(p)})
	}
	a := open(t, cfg)
	ans, err := a.Get(t.Context(), app.KindUser, "7")
	if err != nil || !strings.Contains(ans.Resource.String(), `"urn:acme:staff":{"lead":true,"level":3,"rate":0.5}`) {
		t.Errorf("%v %v", ans.Resource, err)
	}
	s.said()
	changes := []scim.Change{change("urn:acme:staff:lead", scim.Bool(false)), change("urn:acme:staff:level", scim.Integer(4)), change("urn:acme:staff:rate", scim.Decimal(0.25))}
	if _, err := a.Patch(t.Context(), app.KindUser, "7", changes, nil); err != nil {
		t.Error(err)
	}
	if got := s.said(); got != `PATCH /people/7 application/json {"lead":false,"level":4,"rate":0.25}` {
		t.Error(got)
	}
	for _, record := range []string{`{"lead":"geheim"}`, `{"level":"geheim"}`, `{"rate":"geheim"}`, `{"level":["geheim"]}`} {
		s.record = `{"data":` + record + `}`
		if _, err := a.Get(t.Context(), app.KindUser, "7"); err == nil || app.Classify(err).Class != app.Terminal || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", record, err)
		}
	}
}

// TestBodies: of what has changed, or of all, with null or an empty text for what is none.
func TestBodies(t *testing.T) {
	t.Parallel()
	mail, none := change(workEmail, scim.String("new@x.example")), change("title", scim.Null())
	want := scim.NewResource(scim.UserURN)
	for p, v := range map[string]string{workEmail: "new@x.example", "userName": "ada"} {
		if err := want.Put(scim.MustPath(p), scim.String(v)); err != nil {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct {
		how     func(*httpapp.Write)
		changes []scim.Change
		want    string
	}{
		"changes": {func(*httpapp.Write) {}, []scim.Change{mail}, `PATCH /people/7 application/json {"work":{"mail":"new@x.example","kind":1},"of":"7"}`},
		"none":    {func(*httpapp.Write) {}, []scim.Change{none}, `PATCH /people/7 application/json {"job":[{"title":null}],"of":"7"}`},
		"no text": {func(w *httpapp.Write) { w.EmptyText = true }, []scim.Change{none}, `PATCH /people/7 application/json {"job":[{"title":""}],"of":"7"}`},
		"all":     {func(w *httpapp.Write) { w.All, w.Method = true, http.MethodPut }, []scim.Change{mail}, `PUT /people/7 application/json {"work":{"mail":"new@x.example","kind":1},"login":"ada","job":[{"title":null},{"nick":null}],"of":"7"}`},
		"a merge": {func(w *httpapp.Write) { w.ContentType = "application/merge-patch+json" }, []scim.Change{mail}, `PATCH /people/7 application/merge-patch+json {"work":{"mail":"new@x.example","kind":1},"of":"7"}`},
		"elsewhere": {func(w *httpapp.Write) {
			w.URL = strings.Replace(w.URL, "/people/{id}", "/update?key=k-{id}&x=1", 1)
			w.Method = http.MethodPost
		}, []scim.Change{mail}, `POST /update?key=k-7&x=1 application/json {"work":{"mail":"new@x.example","kind":1},"of":"7"}`},
	} {
		s := newSystem(t)
		cfg := conf(t, s)
		c.how(&cfg.Write)
		if _, err := open(t, cfg).Patch(t.Context(), app.KindUser, "7", c.changes, want); err != nil {
			t.Error(err)
		}
		if got := s.said(); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", what, got, c.want)
		}
	}
}

// TestEachRequestNamesItsRecord: where the id is to stand in the body alone, it does in each
// request, whatever has changed and however deep it stands, and what has changed does too.
func TestEachRequestNamesItsRecord(t *testing.T) {
	t.Parallel()
	object := func(members ...httpapp.Member) httpapp.Template { return httpapp.Template{Members: members} }
	list := func(items ...httpapp.Template) httpapp.Template { return httpapp.Template{Items: items} }
	is := func(name string, value httpapp.Template) httpapp.Member {
		return httpapp.Member{Name: name, Value: value}
	}
	id, one := httpapp.Template{ID: true}, httpapp.Template{Constant: jsontext.Value("1")}
	title, nick := is("title", attribute("title")), is("nick", attribute("nickName"))
	for what, part := range map[string]httpapp.Template{
		"in an object": object(is("employee", id), title, nick),
		"in a list":    list(id, object(title), object(nick)),
		"deep":         object(is("a", list(object(is("b", object(is("employee", id), title)), is("c", one)), object(nick)))),
		"apart":        object(is("of", object(is("employee", id))), title, nick),
	} {
		s := newSystem(t)
		cfg := conf(t, s)
		cfg.Write.URL, cfg.Write.Method = s.URL+"/update", http.MethodPost
		cfg.Write.Body = object(is("part", part), is("login", attribute("userName")), is("mail", attribute(workEmail)))
		all := []scim.Change{change(workEmail, scim.String("m-new")), change("userName", scim.String("u-new")), change("title", scim.String("t-new")), change("nickName", scim.String("n-new"))}
		for set := 1; set < 1<<len(all); set++ {
			var changes []scim.Change
			for i, c := range all {
				if set&(1<<i) != 0 {
					changes = append(changes, c)
				}
			}
			if _, err := open(t, cfg).Patch(t.Context(), app.KindUser, "the-id", changes, nil); err != nil {
				t.Fatal(err)
			}
			got := s.said()
			if strings.Count(got, `"the-id"`) != 1 || strings.Count(got, "-new") != len(changes) {
				t.Errorf("%s, %d changes: %s", what, len(changes), got)
			}
			for _, c := range changes {
				if v, _ := c.After.AsString(); !strings.Contains(got, v) {
					t.Errorf("%s: no %s in %s", what, c.Path, got)
				}
			}
		}
	}
}

// TestNoTextBecomesStructure: whatever a name holds, it is a value in the body, and an id
// one in the address.
func TestNoTextBecomesStructure(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	cfg := conf(t, s)
	cfg.Write.URL = s.URL + "/update?who={id}"
	a := open(t, cfg)
	rapid.Check(t, func(t *rapid.T) {
		name, id := rapid.String().Draw(t, "name"), rapid.StringN(1, 20, -1).Draw(t, "id")
		if name == "" || id == "." || id == ".." {
			t.Skip()
		}
		if _, err := a.Patch(t.Context(), app.KindUser, id, []scim.Change{change("userName", scim.String(name))}, nil); err != nil {
			t.Fatal(err)
		}
		line := s.said()
		_, body, _ := strings.Cut(line, " application/json ")
		var got map[string]any
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 2 || got["login"] != name || got["of"] != id {
			t.Fatalf("%q %v", line, err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+strings.Fields(line)[1], nil)
		if err != nil || len(r.URL.Query()) != 1 || r.URL.Query().Get("who") != id {
			t.Fatalf("%q %v", line, err)
		}
	})
}

// TestWhoWeAre: each kind of credential goes where it belongs, and nowhere else; one that
// was exchanged counts at once; and none is in an error.
func TestWhoWeAre(t *testing.T) {
	t.Parallel()
	text := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	s, login := newSystem(t), newSystem(t)
	for what, c := range map[string]struct {
		auth   httpauth.Auth
		header string
		want   string
	}{
		"nobody": {httpauth.Auth{}, "Authorization", ""},
		"bearer": {httpauth.Auth{Kind: httpauth.Bearer, Secret: text("t0ken")}, "Authorization", "Bearer t0ken"},
		"basic":  {httpauth.Auth{Kind: httpauth.Basic, User: text("key"), Secret: text("pass")}, "Authorization", "Basic a2V5OnBhc3M="},
		"header": {httpauth.Auth{Kind: httpauth.Header, Header: "X-Api-Key", Secret: text("t0ken")}, "X-Api-Key", "t0ken"},
		"oauth":  {httpauth.Auth{Kind: httpauth.OAuth, User: text("id"), Secret: text("s3cret"), TokenURL: login.URL + "/token", Scope: "a b"}, "Authorization", "Bearer an-access-token"},
		"body":   {httpauth.Auth{Kind: httpauth.OAuth, User: text("id"), Secret: text("s3cret"), TokenURL: login.URL + "/token", InBody: true}, "Authorization", "Bearer an-access-token"},
	} {
		cfg := conf(t, s)
		var seen []string
		cfg.Auth, cfg.Headers = c.auth, []httpapp.Header{{Name: "Accept-Version", Value: "2"}}
		cfg.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/token") {
				seen = append(seen, r.Header.Get(c.header)+r.Header.Get("Accept-Version"))
			} else if r.URL.Host != strings.TrimPrefix(login.URL, "http://") || strings.Contains(r.Header.Get("Authorization"), "an-access-token") {
				t.Errorf("%s: asked for at %s", what, r.URL)
			}
			return http.DefaultTransport.RoundTrip(r)
		})
		a := open(t, cfg)
		for range 2 {
			if _, err := a.Get(t.Context(), app.KindUser, "7"); err != nil {
				t.Error(err)
			}
		}
		if len(seen) != 2 || seen[0] != c.want+"2" || seen[1] != c.want+"2" {
			t.Errorf("%s: %q", what, seen)
		}
		asked := login.said()
		if oauth := c.auth.Kind == httpauth.OAuth; oauth != (strings.Count(asked, "POST /token") == 1) || strings.Contains(asked, "s3cret") != c.auth.InBody || oauth != (a.Requests() == 3) {
			t.Errorf("%s: %q, %d requests", what, asked, a.Requests())
		}
	}
	s.deny = map[string]bool{"Bearer old-t0ken": true}
	values := []string{"old-t0ken", "new-t0ken"}
	cfg := conf(t, s)
	cfg.Auth = httpauth.Auth{Kind: httpauth.Bearer, Secret: func() (string, error) {
		v := values[0]
		if len(values) > 1 {
			values = values[1:]
		}
		return v, nil
	}}
	if _, err := open(t, cfg).Get(t.Context(), app.KindUser, "7"); err != nil {
		t.Errorf("after an exchange: %v", err)
	}
	s.deny["Bearer new-t0ken"] = true
	_, err := open(t, cfg).Get(t.Context(), app.KindUser, "7")
	if e := app.Classify(err); e == nil || e.Class != app.Unauthorized || strings.Contains(err.Error(), "t0ken") {
		t.Error(err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestNeverDone: a record is never made, ended, searched or listed.
func TestNeverDone(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	a := open(t, conf(t, s))
	var errs []error
	note := func(_ app.Answer, err error) { errs = append(errs, err) }
	note(a.Create(t.Context(), app.KindUser, scim.NewResource(scim.UserURN)))
	note(a.Delete(t.Context(), app.KindUser, "7"))
	note(a.ChangeMembers(t.Context(), "g", []string{"7"}, nil))
	note(a.Get(t.Context(), app.KindGroup, "g"))
	note(a.Patch(t.Context(), app.KindUser, "7", []scim.Change{change("active", scim.Bool(false))}, nil))
	note(a.Patch(t.Context(), app.KindUser, "7", nil, nil))
	_, _, err := a.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "ada")
	errs = append(errs, err)
	for _, err := range a.List(t.Context(), app.KindUser, false) {
		errs = append(errs, err)
	}
	for i, err := range errs {
		if e, ok := errors.AsType[*app.Error](err); !ok || e.Class != app.Terminal {
			t.Errorf("%d: %v", i, err)
		}
	}
	if got := s.said(); len(errs) != 8 || got != "" {
		t.Error(len(errs), got)
	}
}

// TestWhoSaysNotFound: only the system itself says that a record is not there, by 404 and by
// 410 alike, and neither a proxy in between nor the endpoint that gives tokens.
func TestWhoSaysNotFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   string
		body string
		want app.Class
	}{
		{"/people/7", `{"error":"nobody"}`, app.NotFound},
		{"/people/7", "", app.NotFound},
		{"/people/7", "<html>not here</html>", app.Ambiguous},
		{"/people/7", "default backend - 404", app.Ambiguous},
		{"/token", `{"error":"nobody"}`, app.Unreachable},
		{"/token", "", app.Unreachable},
		{"/token", "<html>not here</html>", app.Unreachable},
	} {
		for _, status := range []int{http.StatusNotFound, http.StatusGone} {
			h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == c.at {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, c.body)
					return
				}
				_, _ = io.WriteString(w, `{"access_token":"a","token_type":"bearer"}`)
			}))
			cfg := conf(t, &system{Server: h})
			text := func() (string, error) { return "s", nil }
			cfg.Auth = httpauth.Auth{Kind: httpauth.OAuth, User: text, Secret: text, TokenURL: h.URL + "/token"}
			_, err := open(t, cfg).Get(t.Context(), app.KindUser, "7")
			if e := app.Classify(err); e == nil || e.Class != c.want {
				t.Errorf("%d of %s, %q: %v", status, c.at, c.body, err)
			}
			h.Close()
		}
	}
}

// TestSlow: a record that does not come in time proves nothing.
func TestSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := conf(t, &system{Server: &httptest.Server{URL: "https://hr.example"}})
		cfg.Timeout = 20 * time.Second
		cfg.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := open(t, cfg).Get(t.Context(), app.KindUser, "7")
		if e := app.Classify(err); e == nil || e.Class != app.Ambiguous || time.Since(began) != cfg.Timeout {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
