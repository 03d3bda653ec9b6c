// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
	"github.com/usher-id/usher/scim/scimtest"
)

// truth is what an app must hold if its ledger is right.
type truth struct {
	users  map[string]bool // active, by id
	groups map[string]map[string]bool
}

func (w *truth) follow(t *testing.T, ledger []scimtest.Effect) {
	t.Helper()
	w.users, w.groups = map[string]bool{}, map[string]map[string]bool{}
	for i, e := range ledger {
		if e.Seq != i+1 || e.Name == "" || e.ID == "" {
			t.Fatalf("effect %d: %+v", i, e)
		}
		switch e.Type + " " + e.Op {
		case "User create", "User enable":
			w.users[e.ID] = true
		case "User disable":
			if !w.users[e.ID] {
				t.Errorf("%+v of somebody who is not active", e)
			}
			w.users[e.ID] = false
		case "User delete":
			delete(w.users, e.ID)
		case "Group create":
			w.groups[e.ID] = map[string]bool{}
		case "Group member_add":
			if w.groups[e.ID][e.Detail] {
				t.Errorf("%+v of a member", e)
			}
			w.groups[e.ID][e.Detail] = true
		case "Group member_remove":
			if !w.groups[e.ID][e.Detail] {
				t.Errorf("%+v of nobody", e)
			}
			delete(w.groups[e.ID], e.Detail)
		}
	}
}

func (w *truth) compare(t *testing.T, app *scimtest.App) {
	t.Helper()
	users := map[string]bool{}
	for _, u := range app.Users() {
		users[u.ID()], _ = u.Active()
	}
	if !maps.Equal(users, w.users) {
		t.Errorf("users %v\nledger %v", users, w.users)
	}
	for _, g := range app.Groups() {
		got := map[string]bool{}
		for _, id := range g.Members() {
			got[id] = true
		}
		if !maps.Equal(got, w.groups[g.ID()]) {
			t.Errorf("group %s: %v\nledger %v", g.ID(), got, w.groups[g.ID()])
		}
	}
}

// Whatever goes wrong and whoever writes at once, what the ledger tells is what
// there is.
func TestLedgerIsTheTruth(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{
		Faults: scimtest.Seeded(11, 0.3, 0.3, scimtest.ServerError, scimtest.NoEffect, scimtest.Garbage, scimtest.Empty, scimtest.OtherBody, scimtest.Conflict),
		Quirks: scimtest.Quirks{MaxMembersPerPatch: 3},
	})
	groups := make([]string, 3)
	for i := range groups {
		g := scim.NewResource(scim.GroupURN)
		g.Set("displayName", scim.String(fmt.Sprint("g", i)))
		id, err := s.app.Add("Group", g)
		if err != nil {
			t.Fatal(err)
		}
		groups[i] = id
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(worker)))
			for i := range 40 {
				id, err := s.create(fmt.Sprintf("u%d-%d", worker, i))
				if err != nil {
					continue
				}
				_ = s.add(groups[rnd.IntN(3)], id, "ghost") // what fails is what the test is about
				switch rnd.IntN(5) {
				case 0:
					_, _ = s.client.Delete(t.Context(), "/Users", id)
				case 1:
					_ = s.patch("/Users", id, "active", scim.OpReplace, scim.Bool(false))
				case 2:
					_ = s.patch("/Groups", groups[rnd.IntN(3)], `members[value eq "`+id+`"]`, scim.OpRemove, scim.Null())
				case 3:
					_ = s.app.Alter("Group", groups[rnd.IntN(3)], func(r *scim.Resource) {
						r.Remove(scim.MustPath(`members[value eq "ghost"]`))
					})
				}
			}
		})
	}
	wg.Wait()
	var w truth
	w.follow(t, s.app.Ledger())
	w.compare(t, s.app)
	lost, outside := 0, 0
	for _, e := range s.app.Ledger() {
		if e.Lost {
			lost++
		}
		if e.Outside {
			outside++
		} else if e.RequestID == "" {
			t.Errorf("%+v of nobody's request", e)
		}
	}
	if lost == 0 || outside < len(groups) || len(w.users) < 100 {
		t.Errorf("%d lost, %d outside, %d users: that is no test", lost, outside, len(w.users))
	}
}

func TestLostEffects(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{Faults: scimtest.Rules(
		scimtest.Rule{Identity: "a", Attempt: 1, Fault: scimtest.Fault{Kind: scimtest.AnswerLost}},
		scimtest.Rule{Identity: "b", Attempt: 1, Fault: scimtest.Fault{Kind: scimtest.Slow, Hold: time.Millisecond}},
	)})
	_, err := s.create("a")
	if class(err) != scimclient.Ambiguous {
		t.Error(err)
	}
	s.must(s.create("b"))
	if l := s.app.Ledger(); len(l) != 2 || !l[0].Lost || l[1].Lost {
		t.Errorf("%+v", l)
	}
}

func TestSnapshotAndRestore(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{})
	ann := s.must(s.create("ann"))
	g := s.group("g")
	if err := s.add(g, ann); err != nil {
		t.Fatal(err)
	}
	before := s.app.Snapshot()
	bob := s.must(s.create("bob"))
	if _, err := s.client.Delete(t.Context(), "/Users", ann); err != nil {
		t.Fatal(err)
	}
	s.app.Restore(before)
	if u := s.app.Users(); len(u) != 1 || u[0].ID() != ann {
		t.Errorf("%v", u)
	}
	if v, _ := s.app.Groups()[0].At(scim.MustPath("members.value")); v.String() != `["`+ann+`"]` {
		t.Errorf("%v", v)
	}
	if again := s.must(s.create("bob")); again == bob {
		t.Error("an id is given twice")
	}
	l := s.app.Ledger()
	if e := l[len(l)-2]; e.Op != scimtest.Restored || !e.Outside {
		t.Errorf("%+v", e)
	}
	if u := before; u == nil || len(s.app.Users()) != 2 {
		t.Errorf("%v", s.app.Users())
	}
}

func TestOutside(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{Quirks: scimtest.Quirks{DropExternalID: true, IgnoreDeactivate: true}})
	id, err := s.app.Add("User", user("ann"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.app.Alter("User", id, func(r *scim.Resource) { r.SetActive(false) }); err != nil {
		t.Fatal(err)
	}
	if u := s.app.Users()[0]; u.ExternalID() != "x-ann" { // quirks are for clients
		t.Errorf("%v", u)
	}
	if active, _ := s.app.Users()[0].Active(); active {
		t.Error("nobody can disable it")
	}
	for _, err := range []error{s.app.Alter("User", "7", func(*scim.Resource) {}), s.app.Remove("User", "7"), s.app.Remove("Device", "7")} {
		if err == nil {
			t.Error("somebody who is not there was changed")
		}
	}
	if _, err := s.app.Add("User", user("ANN")); err == nil {
		t.Error("a name is there twice")
	}
	if err := s.app.Remove("User", id); err != nil || len(s.app.Users()) != 0 {
		t.Error(err)
	}
	want := []string{"create ann", "disable ann", "delete ann"}
	if got := s.ops(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, e := range s.app.Ledger() {
		if !e.Outside {
			t.Errorf("%+v", e)
		}
	}
	if s.app.Counts().Total() != 0 {
		t.Errorf("%v", s.app.Counts())
	}
}

// Alter does not undo what clients do meanwhile.
func TestAlterLosesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{})
	g := s.group("g")
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			if err := s.add(g, fmt.Sprint("m", i)); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := s.app.Alter("Group", g, func(r *scim.Resource) { r.SetExternalID(fmt.Sprint(i)) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	v, _ := s.app.Groups()[0].Get("members")
	if list, _ := v.AsList(); len(list) != 30 {
		t.Errorf("%d members", len(list))
	}
}

func TestMoreQuirks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quirks scimtest.Quirks
		try    func(s *served)
	}{
		"letter case counts": {scimtest.Quirks{CaseSensitiveNames: true}, func(s *served) {
			s.must(s.create("ann"))
			s.must(s.create("Ann"))
			page, err := s.client.List(s.Context(), "/Users", scimclient.Query{Filter: scim.Eq(scim.MustPath("userName"), "Ann")})
			if err != nil || len(page.Resources) != 1 || page.Resources[0].UserName() != "Ann" {
				s.Errorf("%v, %v", err, page.Resources)
			}
			schemas, _, err := s.client.Schemas(s.Context())
			if err != nil {
				s.Fatal(err)
			}
			for _, sch := range schemas {
				for _, a := range sch.Attributes {
					if a.Name == "userName" && !a.CaseExact {
						s.Error("the schema does not say so")
					}
				}
			}
		}},
		"members are never shown, and found": {scimtest.Quirks{NeverReturnMembers: true}, func(s *served) {
			g, a := s.group("g"), s.must(s.create("a"))
			for range 2 { // the second time nothing changes
				p := scim.MustPath("members")
				var o scim.Object
				o.Set("value", scim.String(a))
				ans, err := s.client.Patch(s.Context(), "/Groups", g, scim.Patch{{Op: scim.OpAdd, Path: &p, Value: scim.List(scim.Complex(o))}})
				if err != nil {
					s.Fatal(err)
				}
				if _, shown := ans.Resource.Get("members"); shown {
					s.Error("members are shown after a PATCH")
				}
			}
			page, err := s.client.List(s.Context(), "/Groups", scimclient.Query{Attributes: []string{"members"}, Filter: scim.AndOf(
				scim.Eq(scim.MustPath("id"), g), scim.Eq(scim.MustPath("members.value"), a))})
			if err != nil || len(page.Resources) != 1 {
				s.Fatal(err, page.Resources)
			}
			if _, shown := page.Resources[0].Get("members"); shown {
				s.Error("members are shown when they are asked for")
			}
		}},
		"names have a limit in a PATCH": {scimtest.Quirks{MaxUserName: 3}, func(s *served) {
			id := s.must(s.create("abc"))
			if err := s.patch("/Users", id, "userName", scim.OpReplace, scim.String("four")); class(err) != scimclient.Terminal {
				s.Errorf("%v", err)
			}
			if u := s.app.Users()[0]; u.UserName() != "abc" {
				s.Errorf("%v", u)
			}
		}},
		"a filter is ignored in a search": {scimtest.Quirks{IgnoreFilter: true}, func(s *served) {
			s.must(s.create("a"))
			s.must(s.create("b"))
			page, err := s.client.Search(s.Context(), "/Users", scimclient.Query{Filter: scim.Eq(scim.MustPath("userName"), "a")})
			if err != nil || len(page.Resources) != 2 {
				s.Errorf("%v, %d hits", err, len(page.Resources))
			}
		}},
		"removals count too": {scimtest.Quirks{MaxMembersPerPatch: 1}, func(s *served) {
			g := s.group("g")
			if err := errors.Join(s.add(g, "x"), s.add(g, "y")); err != nil {
				s.Fatal(err)
			}
			x, y := scim.MustPath(`members[value eq "x"]`), scim.MustPath(`members[value eq "y"]`)
			if _, err := s.client.Patch(s.Context(), "/Groups", g, scim.Patch{{Op: scim.OpRemove, Path: &x}, {Op: scim.OpRemove, Path: &y}}); class(err) != scimclient.TooLarge {
				s.Errorf("%v", err)
			}
			if v, _ := s.app.Groups()[0].At(scim.MustPath("members.value")); v.String() != `["x","y"]` {
				s.Errorf("%v", v)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.try(serve(t, scimtest.Config{Quirks: c.quirks}))
		})
	}
	if _, err := scimtest.New(scimtest.Config{Token: "t", Quirks: scimtest.Quirks{IgnoreAttributes: []string{"a b"}}}); err == nil {
		t.Error("an attribute that is none is ignored")
	}
}
