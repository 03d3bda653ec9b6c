// SPDX-License-Identifier: Apache-2.0

package scimevent_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
)

var noon = time.Unix(1458505044, 0).UTC()

// token is one about a User, of some events.
func token(events ...scimevent.Event) *scimevent.Token {
	return &scimevent.Token{
		Issuer: "https://usher.example", Audience: []string{"https://rp.example"}, ID: "6164f3bb", IssuedAt: noon, Txn: "734f0614",
		Subject: scimevent.Subject{URI: "/Users/2819c223", ExternalID: "jdoe", ID: "2819c223"}, Events: events,
	}
}

func object(t testing.TB, text string) scim.Object {
	t.Helper()
	v, err := scim.ParseValue([]byte(text), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := v.AsComplex()
	return o
}

const head = `{"iss":"https://usher.example","aud":["https://rp.example"],"iat":1458505044,"jti":"6164f3bb","txn":"734f0614",` +
	`"sub_id":{"format":"scim","uri":"/Users/2819c223","externalId":"jdoe","id":"2819c223"},"events":`

// Tokens are written as RFC 9967 has them, and read back as they were.
func TestTokens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events []scimevent.Event
		want   string
	}{
		"create, notice": {
			[]scimevent.Event{{URI: scimevent.CreateNotice, Version: `W/"1"`, Attributes: []string{"id", "userName", "name.familyName"}}},
			`{"urn:ietf:params:scim:event:prov:create:notice":{"version":"W/\"1\"","attributes":["id","userName","name.familyName"]}}`,
		},
		"put, full": {
			[]scimevent.Event{{URI: scimevent.PutFull, Data: object(t, `{"schemas":["`+scim.UserURN+`"],"userName":"jdoe"}`)}},
			`{"urn:ietf:params:scim:event:prov:put:full":{"data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"jdoe"}}}`,
		},
		"patch and deactivate": {
			[]scimevent.Event{{URI: scimevent.PatchNotice, Attributes: []string{"active"}}, {URI: scimevent.Deactivate}},
			`{"urn:ietf:params:scim:event:prov:patch:notice":{"attributes":["active"]},"urn:ietf:params:scim:event:prov:deactivate":{}}`,
		},
		"a notice that names nothing": {
			[]scimevent.Event{{URI: scimevent.PutNotice, Attributes: []string{}}},
			`{"urn:ietf:params:scim:event:prov:put:notice":{"attributes":[]}}`,
		},
		"delete": {[]scimevent.Event{{URI: scimevent.Delete}}, `{"urn:ietf:params:scim:event:prov:delete":{}}`},
		"an answer": {
			[]scimevent.Event{{URI: scimevent.AsyncResponse, Method: "PUT", Version: `W/"2"`, Status: 200}},
			`{"urn:ietf:params:scim:event:misc:asyncresp":{"method":"PUT","version":"W/\"2\"","status":"200"}}`,
		},
		"an answer that is an error": {
			[]scimevent.Event{{
				URI: scimevent.AsyncResponse, Method: "POST", BulkID: "qwerty", Status: 400,
				Response: &scim.Error{Status: 400, ScimType: scim.InvalidSyntax, Detail: "Request is unparsable"},
			}},
			`{"urn:ietf:params:scim:event:misc:asyncresp":{"method":"POST","bulkId":"qwerty","status":"400",` +
				`"response":{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidSyntax","detail":"Request is unparsable"}}}`,
		},
	} {
		want := token(c.events...)
		text, err := want.MarshalJSON()
		if err != nil || string(text) != head+c.want+"}" {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, text, head+c.want+"}")
			continue
		}
		got, err := scimevent.Parse(text, scim.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := got.MarshalJSON()
		if err != nil || string(again) != string(text) {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, again, text)
		}
	}
}

func TestTokensThatAreNone(t *testing.T) {
	t.Parallel()
	notice := scimevent.Event{URI: scimevent.PutNotice, Attributes: []string{"title"}}
	data := object(t, `{"title":"x"}`)
	for name, c := range map[string]struct {
		token *scimevent.Token
		want  string
	}{
		"no events":                   {token(), "no events"},
		"twice the same":              {token(notice, notice), "twice"},
		"an event of somebody else":   {token(scimevent.Event{URI: "https://schemas.openid.net/secevent/caep/event-type/session-revoked"}), "no event of RFC 9967"},
		"full without data":           {token(scimevent.Event{URI: scimevent.PutFull}), "must have data"},
		"full with attributes":        {token(scimevent.Event{URI: scimevent.PutFull, Data: data, Attributes: []string{"title"}}), "no attributes"},
		"a notice with data":          {token(scimevent.Event{URI: scimevent.PutNotice, Attributes: []string{"title"}, Data: data}), "only others have"},
		"delete with attributes":      {token(scimevent.Event{URI: scimevent.Delete, Attributes: []string{}}), "only others have"},
		"an answer without a status":  {token(scimevent.Event{URI: scimevent.AsyncResponse, Method: "PUT"}), "status"},
		"an error without a response": {token(scimevent.Event{URI: scimevent.AsyncResponse, Method: "PUT", Status: 409}), "must have a response"},
		"no path":                     {func() *scimevent.Token { c := token(notice); c.Subject.URI = "https://usher.example/Users/1"; return c }(), "below the base"},
		"no jti":                      {func() *scimevent.Token { c := token(notice); c.ID = ""; return c }(), "no jti"},
		"no issuer":                   {func() *scimevent.Token { c := token(notice); c.Issuer = ""; return c }(), "no iss"},
		"no instant":                  {func() *scimevent.Token { c := token(notice); c.IssuedAt = time.Time{}; return c }(), "no iat"},
	} {
		if text, err := c.token.MarshalJSON(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %s", name, err, text)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const good = `{"iss":"https://i.example","jti":"j","iat":1458505044.5,"aud":"one","toe":1458505000,` +
		`"sub_id":{"format":"scim","uri":"/Users/1"},"events":{"urn:ietf:params:scim:event:prov:delete":{},"https://other.example/event":{"x":1}}}`
	got, err := scimevent.Parse([]byte(good), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := &scimevent.Token{
		Issuer: "https://i.example", ID: "j", IssuedAt: noon, Occurred: time.Unix(1458505000, 0).UTC(), Audience: []string{"one"},
		Subject: scimevent.Subject{URI: "/Users/1"}, Events: []scimevent.Event{{URI: scimevent.Delete}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	replaced := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatal(old)
		}
		return strings.Replace(good, old, with, 1)
	}
	if got, err := scimevent.Parse([]byte(replaced("urn:ietf:params:scim:event:prov:delete", "urn:other")), scim.Limits{}); err != nil || len(got.Events) != 0 {
		t.Errorf("of nothing that is known: %+v %v", got, err)
	}
	for name, text := range map[string]string{
		"no JSON":                       "x",
		"a list":                        "[]",
		"a name twice":                  replaced(`"jti":"j"`, `"jti":"j","JTI":"k"`),
		"a sub":                         replaced(`"jti":"j"`, `"jti":"j","sub":"ann"`),
		"a subject of another format":   replaced(`"scim"`, `"email"`),
		"no events":                     replaced(`{"urn:ietf:params:scim:event:prov:delete":{},"https://other.example/event":{"x":1}}`, "{}"),
		"an event that is no object":    replaced(`"urn:ietf:params:scim:event:prov:delete":{}`, `"urn:ietf:params:scim:event:prov:delete":1`),
		"a notice of nothing":           replaced(`prov:delete":{}`, `prov:put:notice":{}`),
		"a notice of one text":          replaced(`prov:delete":{}`, `prov:put:notice":{"attributes":"title"}`),
		"a status that is no number":    replaced(`prov:delete":{}`, `"urn:x":{},"urn:ietf:params:scim:event:misc:asyncresp":{"method":"PUT","status":"ok"}`),
		"an instant that is no instant": replaced("1458505044.5", "-1"),
		"an instant beyond all":         replaced("1458505044.5", "1e300"),
		"too much":                      replaced(`"one"`, `"`+strings.Repeat("x", 1<<20)+`"`),
	} {
		if got, err := scimevent.Parse([]byte(text), scim.Limits{}); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + `{"urn:ietf:params:scim:event:prov:delete":{}}}`))
	f.Add([]byte(head + `{"urn:ietf:params:scim:event:prov:put:full":{"data":{"a":1}}}}`))
	f.Add([]byte(head + `{"urn:ietf:params:scim:event:misc:asyncresp":{"method":"PUT","status":"400","response":{"status":"400"}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := scimevent.Parse(text, scim.Limits{})
		if err != nil || len(got.Events) == 0 {
			return
		}
		again, err := got.MarshalJSON()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		twice, err := scimevent.Parse(again, scim.Limits{MaxBytes: -1})
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, again)
		}
		if third, err := twice.MarshalJSON(); err != nil || string(third) != string(again) {
			t.Errorf("%v\n%s\n%s", err, again, third)
		}
	})
}
