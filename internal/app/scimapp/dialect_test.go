// SPDX-License-Identifier: Apache-2.0

package scimapp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/scimapp"
	"github.com/usher-id/usher/scim"
)

// profile is a small profile of plain SCIM with some members of its own.
func profile(t *testing.T, members string) func(*scimapp.Config) {
	t.Helper()
	if members != "" {
		members = "," + members
	}
	p, err := app.ParseProfile([]byte(`{"id":"x","name":"Xyz","kind":"scim2"` + members + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *scimapp.Config) { cfg.Profile = p }
}

func change(path string, after scim.Value) scim.Change {
	return scim.Change{Path: scim.MustPath(path), After: after}
}

// person is the account that the changes of these tests lead to.
func person(t *testing.T) *scim.Resource {
	t.Helper()
	r, err := scim.ParseResource([]byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"7","userName":"ann",
		"emails":[{"type":"work","value":"ann@acme.example","primary":true},{"type":"home","value":"a@home.example"}]}`), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const ops = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`

// Every dialect of PATCH, to the byte.
func TestDialectsOfPatch(t *testing.T) {
	t.Parallel()
	const ext = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	work := change(`emails[type eq "work"].value`, scim.String("ann@acme.example"))
	for name, tt := range map[string]struct {
		profile string
		kind    app.Kind
		changes []scim.Change
		want    string
	}{
		"plain": {
			``, app.KindUser,
			[]scim.Change{change("title", scim.String("Boss")), change("name.givenName", scim.String("Ann"))},
			`{"op":"replace","path":"name.givenName","value":"Ann"},{"op":"replace","path":"title","value":"Boss"}`,
		},
		"pathless": {
			`"patch":{"style":"pathless"}`, app.KindUser,
			[]scim.Change{change("title", scim.String("Boss")), change("name.givenName", scim.String("Ann")), change("nickName", scim.Null())},
			`{"op":"replace","value":{"name":{"givenName":"Ann"}}},{"op":"remove","path":"nickName"},{"op":"replace","value":{"title":"Boss"}}`,
		},
		"object": {
			`"patch":{"style":"object"}`, app.KindUser,
			[]scim.Change{change("title", scim.String("Boss")), change("name.givenName", scim.String("Ann")), change("active", scim.Bool(true))},
			`{"op":"replace","value":{"active":true,"name":{"givenName":"Ann"},"title":"Boss"}}`,
		},
		"an extension without a path": {
			`"patch":{"style":"object"}`, app.KindUser,
			[]scim.Change{change(ext+":department", scim.String("R&D"))},
			`{"op":"replace","value":{"` + ext + `":{"department":"R&D"}}}`,
		},
		"active without a path": {
			`"patch":{"active_false_shape":"op replace, value {active:false}"}`, app.KindUser,
			[]scim.Change{change("active", scim.Bool(false)), change("title", scim.String("Boss"))},
			`{"op":"replace","value":{"active":false}},{"op":"replace","path":"title","value":"Boss"}`,
		},
		"active with a path": {
			`"patch":{"style":"object","active_style":"paths"}`, app.KindUser,
			[]scim.Change{change("active", scim.Bool(false)), change("title", scim.String("Boss"))},
			`{"op":"replace","path":"active","value":false},{"op":"replace","value":{"title":"Boss"}}`,
		},
		"capitals": {
			`"patch":{"op_case":"capital"}`, app.KindUser,
			[]scim.Change{change("title", scim.Null()), change("userName", scim.String("ann"))},
			`{"op":"Remove","path":"title"},{"op":"Replace","path":"userName","value":"ann"}`,
		},
		"any case": {
			`"patch":{"op_case":"any","ops":["Replace","Add"]}`, app.KindUser,
			[]scim.Change{change("active", scim.Bool(true))},
			`{"op":"replace","path":"active","value":true}`,
		},
		"a filter in a path": {``, app.KindUser, []scim.Change{work}, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"ann@acme.example"}`},
		"filters of a type":  {`"patch":{"path_filters":"type"}`, app.KindUser, []scim.Change{work}, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"ann@acme.example"}`},
		"within reach": {
			`"patch":{"allowed_paths":["externalId","active"],"user_paths":["name","enterprise extension"]}`, app.KindUser,
			[]scim.Change{change("name.givenName", scim.String("Ann")), change(ext+":department", scim.String("R&D")), change("active", scim.Bool(true))},
			`{"op":"replace","path":"active","value":true},{"op":"replace","path":"name.givenName","value":"Ann"},{"op":"replace","path":"` + ext + `:department","value":"R&D"}`,
		},
		"group renamed": {``, app.KindGroup, []scim.Change{change("displayName", scim.String("Ops"))}, `{"op":"replace","path":"displayName","value":"Ops"}`},
		"group renamed with its id": {
			`"patch":{"group_rename":"op replace with value {id, displayName}"}`, app.KindGroup,
			[]scim.Change{change("displayName", scim.String("Ops"))},
			`{"op":"replace","value":{"id":"9","displayName":"Ops"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, answer(204, ""), profile(t, tt.profile))
			if _, err := b.app.Patch(t.Context(), tt.kind, "9", tt.changes, person(t)); err != nil {
				t.Fatal(err)
			}
			b.want(t, fmt.Sprintf("PATCH /scim/v2/%ss/9 %s%s]}", tt.kind, ops, tt.want))
		})
	}
}

// What an app cannot do is refused with words, and nothing is sent.
func TestCannotBeDone(t *testing.T) {
	t.Parallel()
	title := []scim.Change{change("title", scim.String("Boss"))}
	work := []scim.Change{change(`emails[type eq "work"].value`, scim.String("a@acme.example"))}
	user := scim.NewResource(scim.UserURN)
	many := scim.NewResource(scim.GroupURN)
	var o scim.Object
	o.Set("value", scim.String("1"))
	p := o.Clone()
	p.Set("value", scim.String("2"))
	many.Set("members", scim.List(scim.Complex(o), scim.Complex(p)))
	patch := func(kind app.Kind, changes []scim.Change, want *scim.Resource) func(*testing.T, *bundle) error {
		return func(t *testing.T, b *bundle) error {
			_, err := b.app.Patch(t.Context(), kind, "9", changes, want)
			return err
		}
	}
	members := func(add, remove []string) func(*testing.T, *bundle) error {
		return func(t *testing.T, b *bundle) error {
			_, err := b.app.ChangeMembers(t.Context(), "9", add, remove)
			return err
		}
	}
	for name, tt := range map[string]struct {
		profile string
		class   app.Class
		say     string
		do      func(*testing.T, *bundle) error
	}{
		"neither PATCH nor PUT":    {`"users":{"patch":false}`, app.Terminal, "Xyz has no PATCH for users, and there is no PUT", patch(app.KindUser, title, user)},
		"out of reach":             {`"patch":{"user_allowed":["active=false only (by path or pathless)"]}`, app.Terminal, "does not reach title", patch(app.KindUser, title, user)},
		"no removal":               {`"patch":{"ops":["Replace","Add"]}`, app.Terminal, "the removal of nickName", patch(app.KindUser, []scim.Change{change("nickName", scim.Null())}, user)},
		"no add":                   {`"patch":{"ops":["replace"]}`, app.Terminal, "knows no add", members([]string{"1"}, nil)},
		"PUT of what is not known": {`"users":{"patch":false,"replace":true}`, app.Terminal, "is not known", patch(app.KindUser, title, nil)},
		"whole, and not known":     {`"patch":{"path_filters":"none"}`, app.Terminal, "only as a whole", patch(app.KindUser, work, nil)},
		"PUT of what is not told":  {`"users":{"patch":false,"replace":true,"get":false}`, app.Terminal, "Xyz has no GET for users", patch(app.KindUser, title, user)},
		"whole, and not told":      {`"users":{"get":false},"patch":{"path_filters":"none"}`, app.Terminal, "Xyz has no GET for users", patch(app.KindUser, work, user)},
		"PUT of a group":           {`"groups":{"patch":false,"replace":true}`, app.Terminal, "would empty the group", patch(app.KindGroup, []scim.Change{change("displayName", scim.String("x"))}, nil)},
		"group paths":              {`"patch":{"group_paths":["members","externalId (no effect)"]}`, app.Terminal, "does not reach displayName", patch(app.KindGroup, []scim.Change{change("displayName", scim.String("x"))}, nil)},
		"members out of reach":     {`"patch":{"group_paths":["displayName"]}`, app.Terminal, "does not reach members", members([]string{"1"}, nil)},
		"members without PATCH":    {`"groups":{"patch":false}`, app.Terminal, "members have to be changed in the app", members([]string{"1"}, nil)},
		"too many operations":      {`"patch":{"max_ops_per_request":1}`, app.TooLarge, "2 operations", patch(app.KindUser, append(title, change("nickName", scim.String("x"))), user)},
		"too many removals":        {`"patch":{"max_members":20,"max_remove_members":1}`, app.TooLarge, "2 members removed", members(nil, []string{"1", "2"})},
		"one operation, one gone":  {`"patch":{"members_single_op":true}`, app.TooLarge, "2 members removed", members(nil, []string{"1", "2"})},
		"too many with the group": {`"patch":{"max_members_put_post":1}`, app.TooLarge, "2 members at once", func(t *testing.T, b *bundle) error {
			_, err := b.app.Create(t.Context(), app.KindGroup, many)
			return err
		}},
		"no POST": {`"groups":{"create":false}`, app.Terminal, "Xyz has no POST for groups", func(t *testing.T, b *bundle) error {
			_, err := b.app.Create(t.Context(), app.KindGroup, many)
			return err
		}},
		"no DELETE": {``, app.Terminal, "Xyz has no DELETE for users", func(t *testing.T, b *bundle) error {
			_, err := b.app.Delete(t.Context(), app.KindUser, "9")
			return err
		}},
		"no list": {`"users":{"list":false}`, app.Terminal, "Xyz has no list for users", func(t *testing.T, b *bundle) error {
			return last(b.app.List(t.Context(), app.KindUser, false))
		}},
		"no filter, no list": {`"filters":[{"resource":"User","attrs":["userName"],"ops":["eq"]}]`, app.Terminal, "does not search by externalId", func(t *testing.T, b *bundle) error {
			_, _, err := b.app.Find(t.Context(), app.KindUser, scim.MustPath("externalId"), "7")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, answer(204, ""), profile(t, tt.profile))
			if e := classOf(t, tt.do(t, b), tt.class); !strings.Contains(e.Error(), tt.say) {
				t.Errorf("%v does not say %q", e, tt.say)
			}
			b.want(t)
		})
	}
}

func TestMemberForms(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ profile, want string }{
		"plain":       {``, `{"op":"add","path":"members","value":[{"value":"1"}]},{"op":"remove","path":"members[value eq \"2\"]"},{"op":"remove","path":"members[value eq \"3\"]"}`},
		"pathless":    {`"patch":{"member_add":"op add with a nested value object {members:[{value:id}]}"}`, `{"op":"add","value":{"members":[{"value":"1"}]}},{"op":"remove","path":"members[value eq \"2\"]"},{"op":"remove","path":"members[value eq \"3\"]"}`},
		"value list":  {`"patch":{"member_remove_style":"list"}`, `{"op":"add","path":"members","value":[{"value":"1"}]},{"op":"remove","path":"members","value":[{"value":"2"},{"value":"3"}]}`},
		"capitals":    {`"patch":{"op_case":"capital","member_remove_style":"list"}`, `{"op":"Add","path":"members","value":[{"value":"1"}]},{"op":"Remove","path":"members","value":[{"value":"2"},{"value":"3"}]}`},
		"no filters":  {`"patch":{"path_filter":"none","member_remove":"op remove, path members[value eq \"id\"] (by filter all the same)"}`, `{"op":"add","path":"members","value":[{"value":"1"}]},{"op":"remove","path":"members[value eq \"2\"]"},{"op":"remove","path":"members[value eq \"3\"]"}`},
		"group paths": {`"patch":{"group_paths":["members"]}`, `{"op":"add","path":"members","value":[{"value":"1"}]},{"op":"remove","path":"members[value eq \"2\"]"},{"op":"remove","path":"members[value eq \"3\"]"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, answer(204, ""), profile(t, tt.profile))
			if _, err := b.app.ChangeMembers(t.Context(), "g", []string{"1"}, []string{"2", "3"}); err != nil {
				t.Fatal(err)
			}
			b.want(t, "PATCH /scim/v2/Groups/g "+ops+tt.want+"]}")
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	const both = "application/scim+json, application/json;q=0.9"
	for name, tt := range map[string]struct{ profile, contentType, accept, extra string }{
		"plain":    {``, "application/scim+json", both, ""},
		"json":     {`"content_type":"application/json"`, "application/json", "application/json, application/scim+json;q=0.9", ""},
		"required": {`"auth":{"required_headers":{"User-Agent":"required","Accept":"application/scim+json","X-Api-Version":"2"}}`, "application/scim+json", "application/scim+json", "2"},
	} {
		for _, answered := range []string{"application/json", "application/scim+json"} {
			t.Run(name+" "+answered, func(t *testing.T) {
				t.Parallel()
				var got http.Header
				b := setup(t, func(w http.ResponseWriter, r *http.Request) {
					got = r.Header
					w.Header().Set("Content-Type", answered)
					answer(201, `{"id":"9","userName":"ann"}`)(w, r)
				}, profile(t, tt.profile))
				if _, err := b.app.Create(t.Context(), app.KindUser, person(t)); err != nil {
					t.Fatal(err)
				}
				if got.Get("Content-Type") != tt.contentType || got.Get("Accept") != tt.accept || got.Get("X-Api-Version") != tt.extra || got.Get("User-Agent") != "usher" {
					t.Errorf("%v", got)
				}
			})
		}
	}
}

// An app is never asked by a filter that it does not answer.
func TestFindWithoutFilter(t *testing.T) {
	t.Parallel()
	page := answer(200, listStart+`"totalResults":2,"Resources":[{"id":"1","userName":"ann","externalId":"7"},{"id":"2","userName":"bob","externalId":"8"}]}`)
	refused := answer(400, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"invalidFilter","status":"400"}`)
	for name, tt := range map[string]struct {
		profile string
		ids     int
		want    []string
	}{
		"list":                   {`"list_trusted":true,"filters":[{"resource":"User","attrs":["userName"],"ops":["eq"]}]`, 1, []string{"GET /scim/v2/Users?count=100&startIndex=1"}},
		"another operator":       {`"list_trusted":true,"filters":[{"resource":"User","attrs":["externalId"],"ops":["ew"]}]`, 1, []string{"GET /scim/v2/Users?count=100&startIndex=1"}},
		"not known, and refused": {`"list_trusted":true`, 1, []string{"GET /scim/v2/Users?filter=externalId%20eq%20%227%22", "GET /scim/v2/Users?count=100&startIndex=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("filter") {
					refused(w, r)
					return
				}
				page(w, r)
			}, profile(t, tt.profile))
			hits, _, err := b.app.Find(t.Context(), app.KindUser, scim.MustPath("externalId"), "7")
			if err != nil || len(hits) != tt.ids || hits[0].ID() != "1" {
				t.Errorf("%v, %v", hits, err)
			}
			b.want(t, tt.want...)
		})
	}
	b := setup(t, refused, profile(t, ``)) // nothing is known, and the list proves nothing
	_, _, err := b.app.Find(t.Context(), app.KindUser, scim.MustPath("externalId"), "7")
	_ = classOf(t, err, app.Terminal)
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		profile string
		status  int
		header  map[string]string
		body    string
		want    app.Class
		after   time.Duration
	}{
		"403":                  {``, 403, map[string]string{"Retry-After": "9"}, ``, app.Unauthorized, 9 * time.Second},
		"403 with a time":      {`"rate_limit":{"status":[403,429]}`, 403, map[string]string{"Retry-After": "9"}, ``, app.Retry, 9 * time.Second},
		"403 for good":         {`"rate_limit":{"status":[403,429],"headers":["X-RateLimit-*"]}`, 403, map[string]string{"X-RateLimit-Remaining": "17", "X-RateLimit-Reset": "30"}, ``, app.Unauthorized, 0},
		"403 run out":          {`"rate_limit":{"status":[403,429],"headers":["X-RateLimit-*"]}`, 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, ``, app.Retry, 30 * time.Second},
		"403 with a word":      {`"rate_limit":{"status":[403,429],"codes":["quotaExceeded"]}`, 403, nil, `{"error":{"errors":[{"reason":"quotaExceeded"}]}}`, app.Retry, 0},
		"403 with another":     {`"rate_limit":{"status":[403,429],"codes":["quotaExceeded"]}`, 403, nil, `{"error":{"errors":[{"reason":"forbidden"}]}}`, app.Unauthorized, 0},
		"503":                  {``, 503, nil, ``, app.Ambiguous, 0},
		"503 that may mean it": {`"rate_limit":{"status":[403,503]}`, 503, nil, ``, app.Ambiguous, 0},
		"503 with a word":      {`"rate_limit":{"status":503,"codes":["quotaExceeded"]}`, 503, nil, `{"error":{"errors":[{"reason":"quotaExceeded"}]}}`, app.Retry, 0},
		"503 with a time":      {`"rate_limit":{"status":503}`, 503, map[string]string{"Retry-After": "9"}, ``, app.Retry, 9 * time.Second},
		"429 and its headers":  {`"rate_limit":{"status":429,"headers":["X-Rate-Limit-Limit","X-Rate-Limit-Remaining","X-Rate-Limit-Reset"]}`, 429, map[string]string{"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1700000040", "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}, ``, app.Retry, 40 * time.Second},
		"429 of plain SCIM":    {``, 429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, ``, app.Retry, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(w http.ResponseWriter, r *http.Request) {
				for name, value := range tt.header {
					w.Header().Set(name, value)
				}
				answer(tt.status, tt.body)(w, r)
			}, profile(t, tt.profile))
			_, err := b.app.Patch(t.Context(), app.KindUser, "9", []scim.Change{change("active", scim.Bool(false))}, nil)
			if e := classOf(t, err, tt.want); e.RetryAfter != tt.after {
				t.Errorf("after %v, want %v", e.RetryAfter, tt.after)
			}
		})
	}
}

// An app that makes nobody without a password gets one that nobody knows.
func TestRandomPassword(t *testing.T) {
	t.Parallel()
	b := setup(t, answer(201, `{"id":"9"}`), profile(t, `"random_password":true`))
	seen := map[string]bool{}
	for range 2 {
		if _, err := b.app.Create(t.Context(), app.KindUser, person(t)); err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(b.seen[len(b.seen)-1], " {")
		r, err := scim.ParseResource([]byte("{"+body), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := r.Get("password")
		s, _ := v.AsString()
		seen[s] = len(s) > 20
	}
	if len(seen) != 2 || seen[""] {
		t.Errorf("passwords of %d kinds", len(seen))
	}
	if _, there := person(t).Get("password"); there {
		t.Error("the caller's resource has it")
	}
	group := scim.NewResource(scim.GroupURN)
	if _, err := b.app.Create(t.Context(), app.KindGroup, group); err != nil || strings.Contains(b.seen[2], "password") {
		t.Errorf("%v %s", err, b.seen[2])
	}
}

// What an app says about a password that it refuses is written down: not the password.
func TestPasswordsStayOutOfErrors(t *testing.T) {
	t.Parallel()
	mapped := person(t)
	mapped.Set("password", scim.String("u-of-a-mapping"))
	refusal := func(p string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"` + p + `","detail":"` + strings.Repeat("x", 280) + " " + p + `"}`
	}
	create := func(r *scim.Resource) func(*testing.T, *bundle) (app.Answer, error) {
		return func(t *testing.T, b *bundle) (app.Answer, error) { return b.app.Create(t.Context(), app.KindUser, r) }
	}
	for name, tt := range map[string]struct {
		profile string
		status  int
		say     func(string) string
		do      func(*testing.T, *bundle) (app.Answer, error)
	}{
		"random":          {`"random_password":true`, 400, refusal, create(person(t))},
		"in other words":  {`"random_password":true`, 400, func(p string) string { return `{"message":"` + p + ` is too simple"}` }, create(person(t))},
		"with a success":  {`"random_password":true`, 201, refusal, create(person(t))},
		"mapped":          {``, 400, refusal, create(mapped)},
		"in the resource": {`"random_password":true`, 201, func(p string) string { return `{"id":"9","password":"` + p + `"}` }, create(person(t))},
		"changed": {``, 400, refusal, func(t *testing.T, b *bundle) (app.Answer, error) {
			return b.app.Patch(t.Context(), app.KindUser, "9", []scim.Change{change("password", scim.String("u-of-a-change"))}, nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *bundle
			var sent string
			b = setup(t, func(w http.ResponseWriter, r *http.Request) {
				_, rest, _ := strings.Cut(b.seen[len(b.seen)-1], `"u-`)
				rest, _, _ = strings.Cut(rest, `"`)
				sent = "u-" + rest
				answer(tt.status, tt.say(sent))(w, r)
			}, profile(t, tt.profile))
			a, err := tt.do(t, b)
			text := fmt.Sprintf("%v %+v", err, app.Classify(err))
			if e := app.Classify(err); e != nil {
				text += fmt.Sprintf(" %+v %v", *e, e.Err)
			}
			if a.Resource != nil {
				text += a.Resource.String()
			}
			if len(sent) < 10 || strings.Contains(text, sent[:8]) {
				t.Errorf("%q is shown: %s", sent, text)
			}
		})
	}
}
