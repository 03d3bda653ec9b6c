// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/scim"
)

// put stores Users with the bodies.
func put(t *testing.T, db store.DB, bodies ...string) {
	t.Helper()
	err := db.Pushed().Update(t.Context(), func(tx source.PushTx) error {
		for i, body := range bodies {
			id := fmt.Sprint(i)
			if err := tx.PutPushed(t.Context(), &source.Pushed{Source: "idp", Type: "User", ID: id, Record: id, Name: "n" + id, Version: 1, Created: tx.Now(), Modified: tx.Now(), Body: []byte(body)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestQueriesEnd: a query whose first match comes early and whose next one never is
// stopped while it looks, and does not first look at everybody.
func TestQueriesEnd(t *testing.T) {
	t.Parallel()
	db := open(t, sqlitetest.New(t))
	bodies := make([]string, 3000)
	for i := range bodies {
		bodies[i] = `{"title":"other"}`
	}
	bodies[0] = `{"title":"first"}`
	put(t, db, bodies...)
	slow := `title co "first"` + strings.Repeat(` or title co "never"`, 60)
	for name, ask := range map[string]func(context.Context, source.PushTx) (int, error){
		"a page": func(ctx context.Context, tx source.PushTx) (int, error) {
			_, n, _, err := tx.PushedPage(ctx, users(slow), 0, 10)
			return n, err
		},
		"a page in the order of an index": func(ctx context.Context, tx source.PushTx) (int, error) {
			q := users(`userName sw "n0" or ` + slow)
			q.SortBy = scim.MustPath("userName")
			_, n, _, err := tx.PushedPage(ctx, q, 0, 10)
			return n, err
		},
		"a page by an index": func(ctx context.Context, tx source.PushTx) (int, error) {
			q := users(`userName sw "n" and (` + slow + `)`)
			q.SortBy = scim.MustPath("userName")
			_, n, _, err := tx.PushedPage(ctx, q, 0, 10)
			return n, err
		},
		"a walk": func(ctx context.Context, tx source.PushTx) (int, error) {
			rows, _, err := tx.PushedAfter(ctx, users(slow), 0, 2)
			return len(rows), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(ctx context.Context) (n int, took time.Duration, err error) {
				start := time.Now()
				err = db.Pushed().View(t.Context(), func(tx source.PushTx) error {
					n, err = ask(ctx, tx)
					return err
				})
				return n, time.Since(start), err
			}
			n, whole, err := run(t.Context())
			if n != 1 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			var took []time.Duration
			for range 3 { // a busy machine may be late once
				ctx, cancel := context.WithTimeout(t.Context(), whole/10)
				_, d, err := run(ctx)
				if cancel(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
				took = append(took, d)
			}
			if least := slices.Min(took); least > whole/2 {
				t.Errorf("it took %v, with a tenth of the %v of a look at everybody", took, whole)
			}
		})
	}
}

// TestWalksByParts: a walk that looks at the table part by part leaves nobody out.
func TestWalksByParts(t *testing.T) {
	t.Parallel()
	db := open(t, sqlitetest.New(t))
	bodies := make([]string, 1000)
	var want []string
	for i := range bodies {
		if bodies[i] = `{"title":"x"}`; i%63 == 0 || i > 990 {
			bodies[i] = `{"title":"y"}`
			want = append(want, fmt.Sprint(i))
		}
	}
	put(t, db, bodies...)
	for _, limit := range []int{1, 3, 100, 500} {
		var got []string
		err := db.Pushed().View(t.Context(), func(tx source.PushTx) error {
			for after := int64(0); ; {
				rows, exact, err := tx.PushedAfter(t.Context(), users(`title eq "Y"`), after, limit)
				if err != nil || len(rows) == 0 {
					return err
				}
				if !exact || len(rows) > limit {
					t.Fatalf("%d, exact %v", len(rows), exact)
				}
				for _, r := range rows {
					got, after = append(got, r.ID), r.Seq
				}
			}
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d at a time: %v, want %v; %v", limit, got, want, err)
		}
	}
}

// TestFilterOfOddElements: what stands in a list of complex values and is none makes
// no query fail, and is found as Match finds it.
func TestFilterOfOddElements(t *testing.T) {
	t.Parallel()
	db := open(t, sqlitetest.New(t))
	bodies := []string{
		`{"emails":["plain","{",1,1.5,true,null,[]]}`, `{"emails":"plain"}`, `{"emails":["x",{"value":"ann@example.com","type":"work"}]}`, `{"emails":[{"value":"bob@example.com"}]}`,
	}
	put(t, db, bodies...)
	for _, filter := range []string{
		`emails[type eq "work"]`, `emails[value sw "ann"]`, `emails[not (type pr)]`, `emails[type eq "work"].value co "ann"`, `emails.value eq "plain"`, `emails[value eq "plain"]`,
		`emails[primary eq true]`, `emails[type ne "work"]`, `emails[type pr]`,
	} {
		asMatch(t, db, bodies, filter)
	}
}

// TestFiltersThatNobodySatisfies: a term that is false of everybody, beside one that an
// index answers.
func TestFiltersThatNobodySatisfies(t *testing.T) {
	t.Parallel()
	db := open(t, sqlitetest.New(t))
	bodies := []string{`{"userName":"n0","externalId":"e0"}`, `{"userName":"n1"}`}
	put(t, db, bodies...)
	const never = `meta.created eq "2026-01-01T00:00:00.0000001Z"` // finer than what is kept
	for _, filter := range []string{
		never, "externalId sw \"e\" and " + never, never + " and userName eq \"n0\"", "userName pr and (externalId sw \"e\" and (" + never + " or " + never + "))",
		never + " or userName eq \"n0\"", "not (" + never + ") and userName eq \"n1\"", "userName eq \"n0\" and not (userName pr and " + never + ")",
	} {
		asMatch(t, db, bodies, filter)
	}
}

// asMatch asserts that a filter finds those of the bodies that Match finds.
func asMatch(t *testing.T, db store.DB, bodies []string, filter string) {
	t.Helper()
	rules := scim.FilterRules{ValuePathSub: true}
	f, err := rules.Parse(scim.CoreSchemas(), scim.UserURN, filter, scim.FilterLimits{})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, body := range bodies {
		r, err := scim.ParseResource([]byte(body), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if scim.CoreSchemas().Match(scim.UserURN, f, r) {
			want = append(want, fmt.Sprint(i))
		}
	}
	q := users("")
	q.Filter = f
	var got []string
	err = db.Pushed().View(t.Context(), func(tx source.PushTx) error {
		rows, _, ok, err := tx.PushedPage(t.Context(), q, 0, 10)
		for _, r := range rows {
			got = append(got, r.ID)
		}
		if !ok {
			t.Errorf("%s: not told", filter)
		}
		return err
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v; %v", filter, got, want, err)
	}
}
