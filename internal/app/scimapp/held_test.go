// SPDX-License-Identifier: Apache-2.0

package scimapp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// holding answers a GET with what the app holds, and takes every write.
func holding(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			answer(200, body)(w, r)
			return
		}
		answer(204, "")(w, r)
	}
}

const (
	read   = "GET /scim/v2/Users/9"
	schema = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
)

// An attribute that goes whole is what the app holds, with our value in it.
func TestWholeAttributes(t *testing.T) {
	t.Parallel()
	work := change(`emails[type eq "work"].value`, scim.String("ann@acme.example"))
	work.Before = scim.String("old@acme.example")
	primary := change(`emails[type eq "work"].primary`, scim.Bool(true))
	phone := change(`phoneNumbers[type eq "work"].value`, scim.Null())
	replace := func(attr, value string) string { return `{"op":"replace","path":"` + attr + `","value":` + value + `}` }
	const none = `"patch":{"path_filters":"none"}`
	for name, tt := range map[string]struct {
		profile, held string
		changes       []scim.Change
		want          string
	}{
		"a home address stays": {
			`"patch":{"path_filter":"not supported"}`, `"emails":[{"type":"home","value":"a@home.example"},{"type":"work","value":"old@acme.example","primary":true}]`,
			[]scim.Change{work, change("title", scim.String("Boss"))},
			replace("emails", `[{"type":"home","value":"a@home.example"},{"type":"work","value":"ann@acme.example","primary":true}]`) + "," + replace("title", `"Boss"`),
		},
		"the first of ours": {
			none, `"emails":[{"type":"home","value":"a@home.example"}]`,
			[]scim.Change{work},
			replace("emails", `[{"type":"home","value":"a@home.example"},{"type":"work","value":"ann@acme.example"}]`),
		},
		"the first of all": {none, `"title":"Boss"`, []scim.Change{work}, replace("emails", `[{"type":"work","value":"ann@acme.example"}]`)},
		"a home number stays": {
			none, `"phoneNumbers":[{"type":"home","value":"1"},{"type":"work","value":"2","primary":true}]`,
			[]scim.Change{phone},
			replace("phoneNumbers", `[{"type":"home","value":"1"}]`),
		},
		"the last of all goes": {none, `"phoneNumbers":[{"type":"work","value":"2","primary":true}]`, []scim.Change{phone}, `{"op":"remove","path":"phoneNumbers"}`},
		"gone already":         {none, `"title":"Boss"`, []scim.Change{phone}, `{"op":"remove","path":"phoneNumbers"}`},
		"one primary": {
			none, `"emails":[{"type":"home","value":"a@home.example","primary":true}]`,
			[]scim.Change{primary, work},
			replace("emails", `[{"type":"home","value":"a@home.example","primary":false},{"type":"work","primary":true,"value":"ann@acme.example"}]`),
		},
		"theirs stays primary": {
			none, `"emails":[{"type":"home","value":"a@home.example","primary":true}]`,
			[]scim.Change{work},
			replace("emails", `[{"type":"home","value":"a@home.example","primary":true},{"type":"work","value":"ann@acme.example"}]`),
		},
		"an app without types": {
			none, `"emails":[{"value":"a@home.example"},{"value":"old@acme.example","primary":true}]`,
			[]scim.Change{work},
			replace("emails", `[{"value":"a@home.example"},{"value":"ann@acme.example","primary":true,"type":"work"}]`),
		},
		"room for one": {
			none + `,"single_valued":["emails"]`, `"emails":[{"type":"other","value":"x@acme.example"}]`,
			[]scim.Change{work},
			replace("emails", `[{"type":"work","value":"ann@acme.example","primary":true},{"type":"home","value":"a@home.example"}]`),
		},
		"another filter": {
			`"patch":{"path_filters":"type"}`, `"emails":[{"type":"home","value":"a@home.example"},{"type":"work","value":"old@acme.example","primary":true}]`,
			[]scim.Change{change(`emails[primary eq true].value`, scim.String("ann@acme.example"))},
			replace("emails", `[{"type":"home","value":"a@home.example"},{"type":"work","value":"ann@acme.example","primary":true}]`),
		},
		"no place for a filter": {
			`"patch":{"style":"pathless"}`, `"emails":[{"type":"home","value":"a@home.example"}]`,
			[]scim.Change{work},
			`{"op":"replace","value":{"emails":[{"type":"home","value":"a@home.example"},{"type":"work","value":"ann@acme.example"}]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, holding(`{`+schema+`,"id":"9","userName":"ann",`+tt.held+`}`), profile(t, tt.profile))
			if _, err := b.app.Patch(t.Context(), app.KindUser, "9", tt.changes, person(t)); err != nil {
				t.Fatal(err)
			}
			b.want(t, read, "PATCH /scim/v2/Users/9 "+ops+tt.want+"]}")
			if b.app.Weight(app.KindUser, tt.changes) != 2 {
				t.Error("the reading is not told before")
			}
		})
	}
}

// What PATCH does not reach goes by one PUT of what the app holds, with our
// changes in it.
func TestPutWherePatchDoesNotReach(t *testing.T) {
	t.Parallel()
	const (
		zoom  = `"users":{"replace":true,"patch":true,"patch_scope":"active only"},"patch":{"allowed_paths":["active"]}`
		put   = `"users":{"replace":true,"patch":false}`
		part  = `"users":{"replace":true,"patch":false,"put_partial":true}`
		ext   = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
		mails = `"emails":[{"type":"home","value":"x@home.example"},{"type":"work","value":"ann@acme.example"}]`
		head  = `PUT /scim/v2/Users/9 {` + schema
		base  = head + `,"userName":"ann","externalId":"7",` + mails
	)
	title := change("title", scim.String("Boss"))
	lost := change("name", scim.Complex(scim.Object{}))
	var named scim.Object
	named.Set("givenName", scim.String("Ann"))
	lost.After, lost.Lost = scim.Complex(named), []scim.Path{scim.MustPath("name.familyName")}
	for name, tt := range map[string]struct {
		profile, held string
		changes       []scim.Change
		want          string
	}{
		"who is suspended stays so": {zoom, `"active":false`, []scim.Change{title}, base + `,"active":false,"id":"9","title":"Boss"}`},
		"who is active, too":        {zoom, `"active":true`, []scim.Change{title}, base + `,"active":true,"id":"9","title":"Boss"}`},
		"active is not made up":     {zoom, `"nickName":"An"`, []scim.Change{title}, base + `,"nickName":"An","id":"9","title":"Boss"}`},
		"who comes back":            {zoom, `"active":false`, []scim.Change{title, change("active", scim.Bool(true))}, base + `,"active":true,"id":"9","title":"Boss"}`},
		"who leaves":                {put, `"active":true`, []scim.Change{change("active", scim.Bool(false))}, base + `,"active":false,"id":"9"}`},
		"what is not mapped stays":  {put, `"title":"Boss"`, []scim.Change{change("nickName", scim.String("An"))}, base + `,"title":"Boss","id":"9","nickName":"An"}`},
		"an extension stays": {
			put, `"urn:example:x":{"a":1}`,
			[]scim.Change{change(ext+":department", scim.String("R&D"))},
			strings.Replace(base, `2.0:User"]`, `2.0:User","`+ext+`"]`, 1) + `,"urn:example:x":{"a":1},"id":"9","` + ext + `":{"department":"R&D"}}`,
		},
		"what is theirs to say is left out": {put, `"meta":{"version":"1"},"groups":[{"value":"g"}],"password":"x","` + ext + `":{"manager":{"displayName":"Eve"}}`, []scim.Change{title}, base + `,"id":"9","title":"Boss"}`},
		"a work address goes alone": {
			put, `"active":true`,
			[]scim.Change{change(`emails[type eq "work"].value`, scim.Null())},
			head + `,"userName":"ann","externalId":"7","emails":[{"type":"home","value":"x@home.example"}],"active":true,"id":"9"}`,
		},
		"another manager": {
			put, `"` + ext + `":{"department":"R&D","manager":{"value":"6","$ref":"../Users/6","displayName":"Eve"}}`,
			[]scim.Change{change(ext+":manager.value", scim.String("7"))},
			strings.Replace(base, `2.0:User"]`, `2.0:User","`+ext+`"]`, 1) + `,"` + ext + `":{"department":"R&D","manager":{"value":"7"}},"id":"9"}`,
		},
		"no manager": {
			put, `"` + ext + `":{"department":"R&D","manager":{"value":"6","$ref":"../Users/6"}}`,
			[]scim.Change{change(ext+":manager.value", scim.Null())},
			base + `,"` + ext + `":{"department":"R&D"},"id":"9"}`,
		},
		"a removal is left out":       {put, `"title":"Boss"`, []scim.Change{change("title", scim.Null())}, base + `,"id":"9"}`},
		"a removal of parts is named": {part, `"title":"Boss"`, []scim.Change{change("title", scim.Null())}, base + `,"id":"9","title":null}`},
		"a removal of a part of it": {
			part, `"name":{"givenName":"Ann","middleName":"X"}`,
			[]scim.Change{change("name.middleName", scim.Null())},
			base + `,"name":{"givenName":"Ann","middleName":null},"id":"9"}`,
		},
		"a removal in an extension": {
			part, `"` + ext + `":{"department":"R&D"}`,
			[]scim.Change{change(ext+":department", scim.Null())},
			strings.Replace(base, `2.0:User"]`, `2.0:User","`+ext+`"]`, 1) + `,"id":"9","` + ext + `":{"department":null}}`,
		},
		"of several, the list says it": {
			part, `"active":true`,
			[]scim.Change{change(`emails[type eq "work"].value`, scim.Null())},
			head + `,"userName":"ann","externalId":"7","emails":[{"type":"home","value":"x@home.example"}],"active":true,"id":"9"}`,
		},
		"of one, null does": {
			part, `"phoneNumbers":[{"type":"work","value":"1"}]`,
			[]scim.Change{change(`phoneNumbers[type eq "work"].value`, scim.Null())},
			base + `,"id":"9","phoneNumbers":null}`,
		},
		"a name keeps what is not ours": {
			put, `"name":{"givenName":"An","familyName":"Old","honorificPrefix":"Dr."}`,
			[]scim.Change{lost},
			base + `,"name":{"givenName":"Ann","honorificPrefix":"Dr."},"id":"9"}`,
		},
		"no removal by PATCH":        {`"users":{"replace":true},"patch":{"ops":["add","replace"]}`, `"nickName":"An"`, []scim.Change{change("nickName", scim.Null())}, base + `,"id":"9"}`},
		"forbidden":                  {`"users":{"replace":true},"patch":{"forbidden_paths":["title"]}`, `"active":true`, []scim.Change{title}, base + `,"active":true,"id":"9","title":"Boss"}`},
		"kept: it cannot be removed": {`"users":{"replace":true},"patch":{"kept_paths":["nickName"]}`, `"nickName":"An"`, []scim.Change{change("nickName", scim.Null())}, base + `,"id":"9"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, holding(`{`+schema+`,"id":"9","userName":"ann","externalId":"7",`+mails+`,`+tt.held+`}`), profile(t, tt.profile))
			want := person(t)
			before := want.String()
			if _, err := b.app.Patch(t.Context(), app.KindUser, "9", tt.changes, want); err != nil {
				t.Fatal(err)
			}
			b.want(t, read, tt.want)
			if want.String() != before {
				t.Error("the caller's resource was changed")
			}
		})
	}
}

// What the app does not tell of ours goes along, or a PUT would clear it.
func TestPutHasWhatIsNotTold(t *testing.T) {
	t.Parallel()
	b := setup(t, holding(`{"id":"9","userName":"ann"}`), profile(t, `"users":{"replace":true,"patch":false}`))
	if _, err := b.app.Patch(t.Context(), app.KindUser, "9", []scim.Change{change("title", scim.String("Boss"))}, person(t)); err != nil {
		t.Fatal(err)
	}
	b.want(t, read, `PUT /scim/v2/Users/9 {`+schema+`,"userName":"ann","externalId":"7",`+
		`"emails":[{"type":"work","value":"ann@acme.example","primary":true},{"type":"home","value":"a@home.example"}],"id":"9","title":"Boss"}`)
}

// What PATCH reaches is not read before.
func TestPatchAloneReadsNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		profile, path string
		want          string
	}{
		"active":        {`"users":{"replace":true},"patch":{"allowed_paths":["active"]}`, "active", `{"op":"replace","path":"active","value":false}`},
		"kept":          {`"users":{"replace":true},"patch":{"kept_paths":["active"]}`, "active", `{"op":"replace","path":"active","value":false}`},
		"filters known": {``, `emails[type eq "work"].primary`, `{"op":"replace","path":"emails[type eq \"work\"].primary","value":false}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, answer(204, ""), profile(t, tt.profile))
			changes := []scim.Change{change(tt.path, scim.Bool(false))}
			if _, err := b.app.Patch(t.Context(), app.KindUser, "9", changes, person(t)); err != nil || b.app.Weight(app.KindUser, changes) != 1 {
				t.Fatal(err)
			}
			b.want(t, "PATCH /scim/v2/Users/9 "+ops+tt.want+"]}")
		})
	}
}

// Nothing goes whole on a reading that failed or is no whole account.
func TestNothingWholeWithoutAReading(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		class  app.Class
		say    string
	}{
		"gone":       {404, ``, app.NotFound, "404"},
		"out":        {500, ``, app.Retry, "500"},
		"shut":       {401, ``, app.Unauthorized, "401"},
		"a part":     {200, `{"id":"9"}`, app.Terminal, "only a part"},
		"an other's": {200, `{"id":"8","userName":"bob"}`, app.Retry, "another resource"},
	} {
		for form, members := range map[string]string{"PUT": `"users":{"replace":true,"patch":false}`, "PATCH": `"patch":{"path_filters":"none"}`} {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				b := setup(t, answer(tt.status, tt.body), profile(t, members))
				_, err := b.app.Patch(t.Context(), app.KindUser, "9", []scim.Change{change(`emails[type eq "work"].value`, scim.String("x@acme.example"))}, person(t))
				if e := classOf(t, err, tt.class); !strings.Contains(e.Error(), tt.say) {
					t.Errorf("%v does not say %q", e, tt.say)
				}
				b.want(t, read)
			})
		}
	}
}
