// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
	"github.com/usher-id/usher/scim/scimserver"
)

// told is an endpoint whose changes are told to others.
type told struct {
	*endpoint
	h        *house
	provider *scimin.Provider
	seen     int64
	rung     int // how often who delivers was woken
}

func (h *house) told(source string, change func(*events.Feed)) *told {
	h.Helper()
	feed := &events.Feed{Source: source, Issuer: "https://usher.example", Audience: "https://rp.example", Deliveries: []events.Delivery{events.Poll}}
	if change != nil {
		change(feed)
	}
	rules, err := scimserver.RulesOf(scimserver.Lenient)
	if err != nil {
		h.Fatal(err)
	}
	catalog := h.catalog
	if catalog.Schemas == nil {
		catalog = scim.CoreCatalog()
	}
	e := &told{h: h}
	p, err := scimin.New(scimin.Config{
		Source: source, Store: h.db.Pushed(), Directory: h.dir, Schemas: catalog.Schemas, Types: catalog.ResourceTypes, Mapping: h.m, Revives: true, Cursors: scimserver.CursorKey("test"),
		Changed: func() {}, Events: feed, Told: func() { e.rung++ }, Rejected: func(id string, err error) { h.Errorf("%s is set aside: %v", id, err) },
	})
	if err != nil {
		h.Fatal(err)
	}
	handler, err := scimserver.New(scimserver.Config{
		Store: p, Schemas: catalog.Schemas, ResourceTypes: catalog.ResourceTypes, URL: "https://usher.example/scim/v2", Authorize: scimserver.AllowAll, Rules: rules,
		Hide:   []scim.Path{scim.MustPath("nickName")},
		Failed: func(_ context.Context, err error) { h.Errorf("the handler failed: %v", err) },
	})
	if err != nil {
		h.Fatal(err)
	}
	e.endpoint, e.provider = &endpoint{h.TB, handler}, p
	return e
}

// queued is what is in a stream.
func (h *house) queued(s events.Stream) (all []events.Queued) {
	h.Helper()
	err := h.db.Events().View(h.Context(), func(tx events.Tx) (err error) {
		all, err = tx.QueuedEvents(h.Context(), s, 10_000)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return all
}

// news are the tokens since the last look.
func (e *told) news() (out []*scimevent.Token) {
	e.Helper()
	for _, q := range e.h.queued(events.Stream{Source: "idp", Delivery: events.Poll}) {
		if q.Seq <= e.seen {
			continue
		}
		e.seen = q.Seq
		t, err := scimevent.Parse(q.Claims, scim.Limits{})
		if err != nil {
			e.Fatalf("%s: %v", q.Claims, err)
		}
		if t.ID != q.ID || t.Issuer != "https://usher.example" || !slices.Equal(t.Audience, []string{"https://rp.example"}) || t.Txn == "" || t.IssuedAt.IsZero() {
			e.Errorf("%s", q.Claims)
		}
		out = append(out, t)
	}
	return out
}

// says are the tokens since the last look, one line each: the subject, and each event
// with what it says but for versions.
func (e *told) says() (lines []string) {
	e.Helper()
	for _, t := range e.news() {
		line := t.Subject.URI
		for _, v := range t.Events {
			line += " " + strings.TrimPrefix(v.URI, "urn:ietf:params:scim:event:")
			if v.Attributes != nil {
				line += fmt.Sprint(v.Attributes)
			}
			if v.Data.Len() > 0 {
				line += v.Data.String()
			}
			if v.Status > 0 {
				line += fmt.Sprintf("(%s %d)", v.Method, v.Status)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func (e *told) expect(what string, want ...string) {
	e.Helper()
	if got := e.says(); !slices.Equal(got, want) {
		e.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

const work = `"emails":[{"type":"work","value":"ann@acme.example"}]`

// Each change is told by its name and by what has changed, in the order of commits.
func TestNotices(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", nil)
	id := e.make("/Users", user("ann", `"externalId":"e1"`, `"name":{"givenName":"Ann","familyName":"Lee"}`, `"password":"hunter2!"`, `"nickName":"Annie"`, work))
	at := "/Users/" + id
	first := e.news()
	if len(first) != 1 || first[0].Subject != (scimevent.Subject{URI: at, ExternalID: "e1", ID: id}) || first[0].Events[0].Version != `W/"1"` {
		t.Fatalf("%+v", first)
	}
	if got := first[0].Events[0].Attributes; !slices.Equal(got, []string{"id", "userName", "externalId", "name", "emails"}) {
		t.Errorf("made with %v", got)
	}
	e.do("PATCH", at, patch(`{"op":"replace","path":"name.familyName","value":"Fox"}`, `{"op":"replace","path":"title","value":"Lead"}`)).want(200)
	e.expect("patched", at+" prov:patch:notice[name.familyName title]")
	e.do("PATCH", at, patch(`{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Sales"}`)).want(200)
	e.expect("an extension", at+" prov:patch:notice[urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department]")
	e.do("PUT", at, user("ann", `"externalId":"e1"`, `"nickName":"Annie"`)).want(200)
	e.expect("replaced", at+" prov:put:notice[name emails title urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department]")
	e.do("PATCH", at, patch(`{"op":"replace","path":"active","value":"False"}`)).want(200)
	e.expect("deactivated", at+" prov:patch:notice[active] prov:deactivate")
	e.do("PATCH", at, patch(`{"op":"replace","path":"active","value":false}`)).want(200)
	e.do("PATCH", at, patch(`{"op":"replace","path":"nickName","value":"Nan"}`)).want(200)
	e.do("PUT", "/Users/nobody", user("ann")).want(404)
	e.do("POST", "/Users", user("ann")).want(409)
	e.do("POST", "/Users", "{").want(400)
	e.do("GET", at, "").want(200)
	e.expect("nothing that is shown has changed")
	e.do("POST", "/Users", user("ann", `"externalId":"e1"`)).want(201)
	e.expect("revived by a POST", at+" prov:put:notice[active] prov:activate")
	e.do("PUT", at, user("ann", `"externalId":"e1"`, `"active":false`)).want(200)
	e.expect("deactivated by a PUT", at+" prov:put:notice[active] prov:deactivate")
	e.do("DELETE", at, "").want(204)
	e.expect("deleted", at+" prov:delete")
	e.do("DELETE", at, "").want(404)
	e.expect("was gone")
}

func TestNoticesOfGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", nil)
	ann, bob := e.make("/Users", user("ann")), e.make("/Users", user("bob"))
	e.says()
	id := e.make("/Groups", group("Ops", ann))
	at := "/Groups/" + id
	e.expect("made", at+" prov:create:notice[id displayName members]")
	e.do("PATCH", at, patch(`{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`)).want(200)
	e.expect("a member came", at+" prov:patch:notice[members]")
	e.do("PATCH", at, patch(`{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`)).want(200)
	e.expect("who was there")
	e.do("PATCH", at, patch(`{"op":"replace","path":"displayName","value":"Operations"}`, `{"op":"remove","path":"members[value eq \"`+ann+`\"]"}`)).want(200)
	e.expect("renamed, and one left", at+" prov:patch:notice[displayName members]")
	e.do("PUT", at, group("Operations", ann, bob)).want(200)
	e.expect("replaced", at+" prov:put:notice[members]")
	e.do("DELETE", "/Users/"+bob, "").want(204)
	gone := e.news()
	if len(gone) != 2 || gone[0].Subject.URI != "/Users/"+bob || gone[1].Subject.URI != at || gone[0].Txn != gone[1].Txn || gone[0].ID == gone[1].ID ||
		gone[1].Events[0].URI != scimevent.PatchNotice || !slices.Equal(gone[1].Events[0].Attributes, []string{"members"}) {
		t.Errorf("a member is deleted: %+v", gone)
	}
	e.do("DELETE", at, "").want(204)
	e.expect("deleted", at+" prov:delete")
}

// With data, a token has what the client is shown, or the PATCH that makes it so.
func TestFullEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", func(f *events.Feed) { f.Full = true })
	made := e.do("POST", "/Users", user("ann", `"externalId":"e1"`, `"password":"hunter2!"`, `"nickName":"Annie"`, work)).want(201)
	id := made.resource().ID()
	at := "/Users/" + id
	e.expect("made", at+" prov:create:full"+made.Body.String())
	e.do("PATCH", at, patch(`{"op":"add","path":"name.givenName","value":"Ann"}`, `{"op":"remove","path":"emails"}`, `{"op":"replace","path":"active","value":false}`)).want(200)
	e.expect("patched", at+` prov:patch:full{"schemas":["`+scim.PatchOpURN+`"],"Operations":[`+
		`{"op":"add","path":"name","value":{"givenName":"Ann"}},{"op":"add","path":"active","value":false},{"op":"remove","path":"emails"}]} prov:deactivate`)
	put := e.do("PUT", at, user("ann", `"externalId":"e1"`, `"title":"Lead"`)).want(200)
	e.expect("replaced", at+" prov:put:full"+put.Body.String()+" prov:activate")
	team := e.make("/Groups", `{"schemas":["`+scim.GroupURN+`"],"displayName":"Ops","members":[{"value":"`+id+`","display":"Ann Lee"}]}`)
	got := e.news()
	if len(got) != 1 || got[0].Events[0].URI != scimevent.CreateFull || !strings.Contains(got[0].Events[0].Data.String(), `"members":[{"value":"`+id+`"}]`) {
		t.Errorf("%+v", got)
	}
	e.do("PATCH", "/Groups/"+team, patch(`{"op":"add","path":"members","value":[{"value":"x\"y","display":"Ex"}]}`, `{"op":"remove","path":"members[value eq \"`+id+`\"]"}`)).want(200)
	e.expect("members", "/Groups/"+team+` prov:patch:full{"schemas":["`+scim.PatchOpURN+`"],"Operations":[`+
		`{"op":"remove","path":"members[value eq \"`+id+`\"]"},{"op":"add","path":"members","value":[{"value":"x\"y"}]}]}`)
	e.do("PUT", at, user("ann", `"externalId":"e1"`, `"title":"`+strings.Repeat("x", 60_000)+`"`, `"displayName":"`+strings.Repeat("y", 60_000)+`"`)).want(200)
	e.expect("too much data", at+" prov:put:notice[title displayName]")
}

// A PATCH that is told makes of the resource that was what is there now.
func TestPatchEventsReplay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", func(f *events.Feed) { f.Full = true })
	id := e.make("/Users", user("ann", `"name":{"givenName":"Ann","familyName":"Lee"}`, work, `"title":"x"`,
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","manager":{"value":"9"}}`))
	e.news()
	set := scim.CoreSchemas()
	for _, op := range []string{
		`{"op":"replace","path":"name.familyName","value":"Fox"}`,
		`{"op":"remove","path":"name.givenName"}`,
		`{"op":"remove","path":"name"}`,
		`{"op":"add","path":"emails","value":[{"type":"home","value":"a@home.example"}]}`,
		`{"op":"replace","path":"emails[type eq \"home\"].value","value":"b@home.example"}`,
		`{"op":"remove","path":"emails[type eq \"work\"]"}`,
		`{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value","value":"10"}`,
		`{"op":"remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"}`,
		`{"op":"remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}`,
		`{"op":"replace","value":{"title":"y","nickName":"Annie","active":false}}`,
	} {
		before := e.do("GET", "/Users/"+id, "").want(200).resource()
		after := e.do("PATCH", "/Users/"+id, patch(op)).want(200).resource()
		news := e.news()
		if len(news) != 1 || news[0].Events[0].URI != scimevent.PatchFull {
			t.Fatalf("%s: %+v", op, news)
		}
		ops, err := scim.ParsePatch(news[0].Events[0].Data.AppendJSON(nil), scim.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		got, err := ops.Apply(set, scim.UserURN, before, scim.PatchRules{})
		if err != nil {
			t.Fatalf("%s: %s: %v", op, news[0].Events[0].Data, err)
		}
		got.Delete("meta")
		after.Delete("meta")
		if !got.Equal(after.Object) {
			t.Errorf("%s: %s\n got %s\nwant %s", op, news[0].Events[0].Data, got, after)
		}
	}
}

// Only what is wanted is told.
func TestKindsOfEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", func(f *events.Feed) { f.Kinds = []events.Kind{events.Deactivate, events.Delete} })
	id := e.make("/Users", user("ann"))
	e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"title","value":"x"}`)).want(200)
	e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":false}`)).want(200)
	e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":true}`)).want(200)
	e.do("DELETE", "/Users/"+id, "").want(204)
	e.expect("all", "/Users/"+id+" prov:deactivate", "/Users/"+id+" prov:delete")
	config := e.do("GET", "/ServiceProviderConfig", "").want(200).resource()
	v, _ := config.At(scim.MustPath("securityEvents.eventUris"))
	want, _ := json.Marshal([]string{scimevent.Delete, scimevent.Deactivate, scimevent.AsyncResponse})
	if v.String() != string(want) {
		t.Errorf("advertised are %s", v)
	}
}

// Whoever is told by two ways gets two tokens of one transaction.
func TestTwoDeliveries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", func(f *events.Feed) { f.Deliveries = []events.Delivery{events.Push, events.Poll} })
	e.make("/Users", user("ann"))
	polled, pushed := h.queued(events.Stream{Source: "idp", Delivery: events.Poll}), h.queued(events.Stream{Source: "idp", Delivery: events.Push})
	if len(polled) != 1 || len(pushed) != 1 || polled[0].ID == pushed[0].ID {
		t.Fatalf("%v %v", polled, pushed)
	}
	a, err := scimevent.Parse(polled[0].Claims, scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := scimevent.Parse(pushed[0].Claims, scim.Limits{})
	if err != nil || a.Txn != b.Txn {
		t.Errorf("%+v %+v %v", a, b, err)
	}
}

// A large group is told of by notices alone.
func TestNoticesOfLargeGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", func(f *events.Feed) { f.Full = true })
	ids := make([]string, 1001)
	for i := range ids {
		ids[i] = fmt.Sprint("m", i)
	}
	id := e.make("/Groups", group("all", ids...))
	e.expect("made", "/Groups/"+id+" prov:create:notice[id displayName members]")
	e.do("PATCH", "/Groups/"+id, patch(`{"op":"add","path":"members","value":[{"value":"more"}]}`)).want(204)
	e.expect("a member more", "/Groups/"+id+" prov:patch:notice[members]")
}

// Without a feed nothing is written, nothing is said, and who would not wait waits.
func TestNoEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.Lenient)
	id := e.make("/Users", user("ann"))
	r := httptest.NewRequestWithContext(t.Context(), "PATCH", "/Users/"+id, strings.NewReader(patch(`{"op":"replace","path":"active","value":false}`)))
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("Prefer", "respond-async")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Set-Txn") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	e.do("DELETE", "/Users/"+id, "").want(204)
	err := h.db.Events().View(t.Context(), func(tx events.Tx) error {
		all, err := tx.Backlogs(t.Context())
		if len(all) > 0 {
			t.Errorf("%v", all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := e.do("GET", "/ServiceProviderConfig", "").want(200).resource().Get("securityEvents"); ok {
		t.Error("events are advertised")
	}
}

// Who would not wait gets an event of the same transaction, committed with the change.
func TestAsyncAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", func(f *events.Feed) { f.Kinds = []events.Kind{events.Deactivate} })
	send := func(method, path, body string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/scim+json")
		r.Header.Set("Prefer", "respond-async")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	accepted := func(w *httptest.ResponseRecorder, says string) string {
		t.Helper()
		news := e.news()
		if w.Code != 202 || w.Body.Len() > 0 || len(news) == 0 {
			t.Fatalf("%d %s %v", w.Code, w.Body, news)
		}
		path := strings.TrimPrefix(w.Header().Get("Location"), "https://usher.example/scim/v2")
		last := news[len(news)-1]
		got := fmt.Sprintf("%s %d %s", last.Events[0].Method, last.Events[0].Status, last.Events[0].Version)
		for _, n := range news {
			if n.Txn != w.Header().Get("Set-Txn") || n.Subject.URI != path {
				t.Errorf("%+v of %v", n, w.Header())
			}
		}
		if last.Events[0].URI != scimevent.AsyncResponse || got != says {
			t.Errorf("%+v, want %s", last.Events, says)
		}
		return path
	}
	at := accepted(send("POST", "/Users", user("ann")), `POST 201 W/"1"`)
	accepted(send("PUT", at, user("ann", `"title":"x"`)), `PUT 200 W/"2"`)
	accepted(send("PATCH", at, patch(`{"op":"replace","path":"active","value":false}`)), `PATCH 200 W/"3"`)
	team := accepted(send("POST", "/Groups", group("ops")), `POST 201 W/"1"`)
	accepted(send("PATCH", team, patch(`{"op":"add","path":"members","value":[{"value":"x"}]}`)), `PATCH 200 W/"2"`)
	accepted(send("DELETE", at, ""), "DELETE 204 ")
	e.do("GET", at, "").want(404)
	for _, r := range [][3]string{{"DELETE", at, ""}, {"POST", "/Users", "{"}, {"PUT", team, group("")}, {"PATCH", team, patch(`{"op":"add","path":"members","value":[{"value":"x"}]}`)}} {
		if w := send(r[0], r[1], r[2]); w.Code == 202 || w.Header().Get("Set-Txn") != "" {
			t.Errorf("%v: %d", r, w.Code)
		}
	}
	e.expect("errors, and what changes nothing")
}

// A change that nobody could be told of is refused, and not lost to those who follow.
func TestNothingIsLostSilently(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	feed := &events.Feed{Source: "idp", Issuer: "https://usher.example", Audience: "a", Deliveries: []events.Delivery{events.Poll}}
	p, err := scimin.New(scimin.Config{
		Source: "idp", Store: h.db.Pushed(), Directory: h.dir, Schemas: scim.CoreSchemas(), Mapping: h.m, Events: feed, Told: func() {}, Changed: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := scim.ParseResource([]byte(user("ann")), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), "User", r); err == nil {
		t.Error("a change came of no request, and was made")
	}
	if page, err := p.List(t.Context(), "User", scimserver.Query{StartIndex: 1, Count: 10}); err != nil || page.Total != 0 {
		t.Errorf("%+v %v", page, err)
	}
}

// What is told of one source is told of no other, and the events of a change are there
// when the store is opened again after a crash.
func TestEventsOutliveUs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.told("idp", nil), h.told("other", nil)
	for i := range 3 {
		a.make("/Users", user(fmt.Sprint("u", i)))
	}
	b.make("/Users", user("theirs"))
	if storetest.OnPostgres() {
		t.Skip("there is no file to copy")
	}
	// A copy of the file and its log, as they lie there at this instant, is what a
	// crash leaves.
	copied := h.copied()
	db, err := store.Open(t.Context(), copied, "after")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	after := &house{TB: t, db: db}
	got := after.queued(events.Stream{Source: "idp", Delivery: events.Poll})
	want := h.queued(events.Stream{Source: "idp", Delivery: events.Poll})
	if len(got) != 3 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if theirs := after.queued(events.Stream{Source: "other", Delivery: events.Poll}); len(theirs) != 1 {
		t.Errorf("%v", theirs)
	}
}

// copied is the store as it lies on disk now.
func (h *house) copied() string {
	h.Helper()
	to := filepath.Join(h.TempDir(), "usher.db")
	for _, end := range []string{"", "-wal"} {
		data, err := os.ReadFile(h.path + end)
		if err == nil {
			err = os.WriteFile(to+end, data, 0o600)
		}
		if err != nil {
			h.Fatal(err)
		}
	}
	return to
}

// A DELETE that is taken for a deactivation is told as that.
func TestDeleteThatDisablesIsNoDelete(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", nil)
	rules, err := scimserver.RulesOf(scimserver.Lenient)
	if err != nil {
		t.Fatal(err)
	}
	rules.DeleteMeansDisable = true
	handler, err := scimserver.New(scimserver.Config{Store: e.provider, Authorize: scimserver.AllowAll, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	e.Handler = handler
	id := e.make("/Users", user("ann"))
	e.news()
	e.do("DELETE", "/Users/"+id, "").want(204)
	e.expect("disabled", "/Users/"+id+" prov:put:notice[active] prov:deactivate")
	e.do("GET", "/Users/"+id, "").want(200)
}

// Each operation of a bulk request is told as a request of its own would be; a circle
// is one transaction.
func TestEventsOfBulkRequests(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.told("idp", nil)
	bulk := func(ops ...string) {
		t.Helper()
		e.do("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[`+strings.Join(ops, ",")+`]}`).want(200)
	}
	bulk(`{"method":"POST","path":"/Users","bulkId":"a","data":`+user("ann")+`}`,
		`{"method":"POST","path":"/Users","bulkId":"b","data":`+user("ann")+`}`, // taken
		`{"method":"POST","path":"/Groups","bulkId":"g","data":`+group("ops", "bulkId:a")+`}`)
	made := e.news()
	if len(made) != 2 || made[0].Txn == made[1].Txn || made[0].Events[0].URI != scimevent.CreateNotice || !strings.HasPrefix(made[1].Subject.URI, "/Groups/") {
		t.Fatalf("%+v", made)
	}
	at, team := made[0].Subject.URI, made[1].Subject.URI
	bulk(`{"method":"PATCH","path":"`+at+`","data":`+patch(`{"op":"replace","path":"active","value":false}`)+`}`,
		`{"method":"PUT","path":"`+at+`","data":`+user("ann", `"title":"x"`)+`}`,
		`{"method":"DELETE","path":"`+team+`"}`)
	e.expect("changed", at+" prov:patch:notice[active] prov:deactivate", at+" prov:put:notice[title active] prov:activate", team+" prov:delete")
	bulk(`{"method":"POST","path":"/Groups","bulkId":"x","data":`+group("x", "bulkId:y")+`}`, `{"method":"POST","path":"/Groups","bulkId":"y","data":`+group("y", "bulkId:x")+`}`)
	circle := e.news()
	kinds := map[string]int{}
	for _, n := range circle {
		kinds[n.Events[0].URI]++
		if n.Txn != circle[0].Txn {
			t.Errorf("%+v", n)
		}
	}
	if kinds[scimevent.CreateNotice] != 2 || kinds[scimevent.PutNotice] != 2 || len(circle) != 4 {
		t.Errorf("a circle: %v", kinds)
	}
}

// Other types than Users and Groups are told of, too, whatever their attributes are
// called.
func TestEventsOfOtherTypes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	catalog, err := scim.CoreCatalog().WithExperiments("agents")
	if err != nil {
		t.Fatal(err)
	}
	h.catalog = catalog
	e := h.told("idp", nil)
	id := e.make("/Agents", `{"schemas":["`+scim.AgentURN+`"],"agentUserName":"bot","displayName":"Bot"}`)
	at := "/Agents/" + id
	e.expect("made", at+" prov:create:notice[id agentUserName displayName]")
	e.do("PATCH", at, patch(`{"op":"replace","path":"displayName","value":"Robot"}`)).want(200)
	e.expect("changed", at+" prov:patch:notice[displayName]")
	e.do("DELETE", at, "").want(204)
	e.expect("deleted", at+" prov:delete")
	if e.rung != 3 {
		t.Errorf("those who wait were told %d times", e.rung)
	}
}
