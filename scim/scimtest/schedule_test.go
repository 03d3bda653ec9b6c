// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
	"github.com/usher-id/usher/scim/scimtest"
)

// The faults of an operation do not depend on the ids that the app gave, nor on who
// comes first: memberships and look-ups by id too.
func TestScheduleKnowsNoIDs(t *testing.T) {
	t.Parallel()
	run := func(order uint64) map[string]int {
		s := serve(t, scimtest.Config{})
		rnd := rand.New(rand.NewPCG(order, 0))
		ids := map[string]string{}
		for _, i := range rnd.Perm(30) {
			name := fmt.Sprint("u", i)
			ids[name] = s.must(s.create(name))
		}
		g := s.group("g")
		s.app.SetFaults(scimtest.Seeded(5, 0.4, 0, scimtest.Conflict, scimtest.Forbidden, scimtest.BadRequest, scimtest.Precondition))
		got := map[string]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, i := range rnd.Perm(30) {
			name := fmt.Sprint("u", i)
			wg.Go(func() {
				for attempt := range 3 {
					for what, err := range map[string]error{
						"add":    s.add(g, ids[name]),
						"update": s.patch("/Users", ids[name], "title", scim.OpReplace, scim.String("x")),
						"remove": s.patch("/Groups", g, `members[value eq "`+ids[name]+`"]`, scim.OpRemove, scim.Null()),
						"find": func() error {
							_, err := s.client.List(t.Context(), "/Groups", scimclient.Query{Filter: scim.AndOf(
								scim.Eq(scim.MustPath("id"), g), scim.Eq(scim.MustPath("members"), ids[name]))})
							return err
						}(),
					} {
						mu.Lock()
						got[fmt.Sprint(name, what, attempt)] = status(err)
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		return got
	}
	one, two := run(1), run(2)
	if !maps.Equal(one, two) {
		for k, v := range one {
			if two[k] != v {
				t.Errorf("%s: %d, then %d", k, v, two[k])
			}
		}
	}
	failed := 0
	for _, code := range one {
		if code != 0 {
			failed++
		}
	}
	if n := len(one); failed*10 < 3*n || failed*10 > 5*n {
		t.Errorf("%d of %d failed at a rate of 0.4", failed, n)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	faults := scimtest.Seeded(7, 1, 0, scimtest.BadRequest).Most(2).On(
		scimtest.Rule{Identity: "calm"}, // None: chance does not get it
		scimtest.Rule{Match: func(op scimtest.Operation) bool { return op.Type == "User" && op.Attempt == 2 }, Fault: scimtest.Fault{Kind: scimtest.Conflict}},
		scimtest.Rule{Identity: "twice", Times: 2, Fault: scimtest.Fault{Kind: scimtest.Forbidden}},
	)
	s := serve(t, scimtest.Config{Faults: faults})
	s.must(s.create("calm"))
	for name, want := range map[string][]int{"a": {400, 409, 0}, "twice": {403, 409, 403}} {
		for i, code := range want {
			if _, err := s.create(name); status(err) != code {
				t.Errorf("%s, attempt %d: %v, want %d", name, i+1, err, code)
			}
		}
	}
}

func TestFaultsOfReads(t *testing.T) {
	t.Parallel()
	s := serve(t, scimtest.Config{Quirks: scimtest.Quirks{PageSize: 2}})
	var id string
	for i := range 5 {
		id = s.must(s.create(fmt.Sprint("u", i)))
	}
	all := func(q scimclient.Query) (n int, err error) {
		for _, failed := range s.client.All(t.Context(), "/Users", q, scimclient.PageOptions{}) {
			if failed != nil {
				return n, failed
			}
			n++
		}
		return n, nil
	}
	for name, q := range map[string]scimclient.Query{"index": {Count: 2}, "cursor": {Count: 2, UseCursor: true}} {
		if n, err := all(q); n != 5 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	s.app.SetFaults(scimtest.Rules(scimtest.Rule{Method: "GET", Match: func(op scimtest.Operation) bool { return op.Identity != "#" }, Fault: scimtest.Fault{Kind: scimtest.RepeatedPage}}))
	for name, q := range map[string]scimclient.Query{"index": {Count: 2}, "cursor": {Count: 2, UseCursor: true}} {
		if n, err := all(q); !errors.Is(err, scimclient.ErrIncomplete) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	s.app.SetFaults(scimtest.Rules(scimtest.Rule{Method: "GET", Fault: scimtest.Fault{Kind: scimtest.OtherBody}}))
	if _, err := s.client.Get(t.Context(), "/Users", id); !errors.Is(err, scimclient.ErrUnreadable) {
		t.Errorf("another resource's body: %v", err)
	}
	s.app.SetFaults(nil)
	if _, err := s.client.Get(t.Context(), "/Users", id); err != nil {
		t.Error(err)
	}
}
