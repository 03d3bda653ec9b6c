// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// post is the operation of a bulk request that makes something.
func post(bulkID, path, data string) string {
	return `{"method":"POST","path":"` + path + `","bulkId":"` + bulkID + `","data":` + data + `}`
}

// bulk sends a bulk request, and returns the statuses and the ids by bulkId.
func (e *endpoint) bulk(ops ...string) (statuses []string, ids map[string]string) {
	e.Helper()
	r := e.do("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[`+strings.Join(ops, ",")+`]}`).want(200).resource()
	ids = map[string]string{}
	v, _ := r.Get("Operations")
	list, _ := v.AsList()
	for _, o := range list {
		op, _ := o.AsComplex()
		text := func(name string) string {
			v, _ := op.Get(name)
			s, _ := v.AsString()
			return s
		}
		statuses = append(statuses, text("status"))
		ids[text("bulkId")] = text("location")[strings.LastIndexByte(text("location"), '/')+1:]
	}
	return statuses, ids
}

// A circle of groups and users lands as one, or not at all: people, teams and the
// ledger's events with it (RFC 7644 §3.7.1).
func TestBulkCirclesLandAsOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.RFC)
	boss := func(name, of string) string {
		return user(name, `"`+scim.EnterpriseUserURN+`":{"manager":{"value":"bulkId:`+of+`"}}`)
	}
	events := func() int {
		t.Helper()
		all, err := h.db.Ledger().Unchained(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	e.make("/Users", user("taken"))
	before := events()
	got, _ := e.bulk(post("a", "/Groups", group("A", "bulkId:b")), post("b", "/Groups", group("B", "bulkId:a", "bulkId:u")),
		post("u", "/Users", boss("new", "v")), post("v", "/Users", boss("TAKEN", "u")))
	if want := []string{"409", "409", "409", "409"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(h.people()) != 1 || events() != before {
		t.Errorf("%d people, %d events more", len(h.people()), events()-before)
	}
	for _, path := range []string{"/Groups", "/Users?filter=" + url.QueryEscape(`userName eq "new"`)} {
		if l, err := scim.ParseListResponse(e.do("GET", path, "").want(200).Body.Bytes(), scim.Limits{}); err != nil || l.TotalResults != 0 {
			t.Errorf("%s: %+v %v", path, l, err)
		}
	}
	got, ids := e.bulk(post("a", "/Groups", group("A", "bulkId:b")), post("b", "/Groups", group("B", "bulkId:a", "bulkId:u")),
		post("u", "/Users", boss("new", "v")), post("v", "/Users", boss("other", "u")))
	if want := []string{"201", "201", "201", "201"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for name, want := range map[string][]string{"a": {ids["b"]}, "b": {ids["a"], ids["u"]}} {
		members := e.do("GET", "/Groups/"+ids[name], "").want(200).resource().Members()
		if slices.Sort(members); !slices.Equal(members, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s has %v, want %v", name, members, want)
		}
	}
	for name, of := range map[string]string{"u": "v", "v": "u"} {
		v, _ := e.do("GET", "/Users/"+ids[name], "").want(200).resource().At(scim.MustPath(scim.EnterpriseUserURN + ":manager.value"))
		if s, _ := v.AsString(); s != ids[of] {
			t.Errorf("%s has the manager %s, want %s", name, s, ids[of])
		}
	}
	h.settle()
	if p := h.people(); len(p) != 3 || events() == before || p["new"].Person.State != directory.Active {
		t.Errorf("%v", p)
	}
}

// Many at once that make one userName, each with a circle of groups, in commits that
// they share: one makes it, and every circle is whole.
func TestBulkAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.RFC)
	const many = 32
	made, ids := make([]string, many), make([]map[string]string, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			var all []string
			all, ids[i] = e.bulk(post("one", "/Users", user("one")), post("own", "/Users", user(fmt.Sprint("u", i))),
				post("g", "/Groups", group("g", "bulkId:h", "bulkId:own")), post("h", "/Groups", group("h", "bulkId:g")))
			made[i] = strings.Join(all, " ")
		})
	}
	wg.Wait()
	counts := map[string]int{}
	for i := range many {
		counts[made[i]]++
		if got := e.do("GET", "/Groups/"+ids[i]["h"], "").want(200).resource().Members(); !slices.Equal(got, []string{ids[i]["g"]}) {
			t.Errorf("h has %v, want %s", got, ids[i]["g"])
		}
		if got := e.do("GET", "/Groups/"+ids[i]["g"], "").want(200).resource().Members(); len(got) != 2 {
			t.Errorf("g has %v", got)
		}
	}
	if counts["201 201 201 201"] != 1 || counts["409 201 201 201"] != many-1 {
		t.Errorf("%v", counts)
	}
	if n := len(h.people()); n != many+1 {
		t.Errorf("%d people", n)
	}
}
