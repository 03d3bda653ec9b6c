// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// watched is a store that notes how its queries may end.
type watched struct {
	source.PushStore
	deadlines []time.Time // of each walk, and each look at values; zero for none
	pages     int
	looked    func() // called after a walk
}

func (w *watched) View(ctx context.Context, fn func(source.PushTx) error) error {
	return w.PushStore.View(ctx, func(tx source.PushTx) error { return fn(watchedTx{tx, w}) })
}

func (w *watched) note(ctx context.Context) {
	at, _ := ctx.Deadline()
	w.deadlines = append(w.deadlines, at)
}

type watchedTx struct {
	source.PushTx
	w *watched
}

func (t watchedTx) PushedAfter(ctx context.Context, q source.PushedQuery, seq int64, limit int) ([]source.Pushed, bool, error) {
	t.w.note(ctx)
	rows, exact, err := t.PushTx.PushedAfter(ctx, q, seq, limit)
	if t.w.looked != nil {
		t.w.looked()
	}
	return rows, exact, err
}

func (t watchedTx) PushedPage(ctx context.Context, q source.PushedQuery, skip, limit int) ([]source.Pushed, int, bool, error) {
	t.w.pages++
	return t.PushTx.PushedPage(ctx, q, skip, limit)
}

func (t watchedTx) PushedValues(ctx context.Context, provider, typ, attribute string, limit int) ([]source.PushedValue, error) {
	t.w.note(ctx)
	return t.PushTx.PushedValues(ctx, provider, typ, attribute, limit)
}

// watch returns a provider whose store is watched, with n resources of one name.
func watch(t *testing.T, typ string, n int) (*scimin.Provider, *watched) {
	t.Helper()
	h := newHouse(t)
	catalog, err := scim.CoreCatalog().WithExperiments("roles")
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{PushStore: h.db.Pushed()}
	p, err := scimin.New(scimin.Config{
		Source: "idp", Store: w, Directory: h.dir, Schemas: catalog.Schemas, Types: catalog.ResourceTypes, Mapping: h.m,
		Cursors: scimserver.CursorKey("test"), Changed: func() {}, Rejected: func(string, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Update(t.Context(), func(tx source.PushTx) error {
		for i := range n {
			id := fmt.Sprint(i)
			row := &source.Pushed{Source: "idp", Type: typ, ID: id, Record: id, Name: "same", Version: 1, Created: tx.Now(), Modified: tx.Now(), Body: []byte(`{"userName":"same","displayName":"same"}`)}
			if err := tx.PutPushed(t.Context(), row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, w
}

func query(t *testing.T, filter, sortBy string) scimserver.Query {
	t.Helper()
	q := scimserver.Query{StartIndex: 1, Count: 10}
	if filter != "" {
		f, err := scim.ParseFilter(filter, scim.FilterLimits{})
		if err != nil {
			t.Fatal(err)
		}
		q.Filter = f
	}
	if sortBy != "" {
		q.SortBy = scim.MustPath(sortBy)
	}
	return q
}

func isTooMany(err error) bool {
	e := scim.ErrorOf(err)
	return e != nil && e.ScimType == scim.TooMany
}

// TestQueriesHaveOneBound: what is looked at page by page has no more time than what
// is looked at once, and neither have the values.
func TestQueriesHaveOneBound(t *testing.T) {
	t.Parallel()
	p, w := watch(t, "User", 1100)
	if page, err := p.List(t.Context(), "User", query(t, `unknown eq "x"`, "")); err != nil || page.Total != 0 {
		t.Fatal(page.Total, err)
	}
	if len(w.deadlines) < 3 {
		t.Fatalf("%d looks", len(w.deadlines))
	}
	for _, at := range w.deadlines {
		if at.IsZero() || !at.Equal(w.deadlines[0]) {
			t.Errorf("a look ends %v, the first one %v", at, w.deadlines[0])
		}
	}
	w.deadlines = nil
	if _, err := scimin.WithValues(p).List(t.Context(), "Role", query(t, "", "")); err != nil || len(w.deadlines) != 1 || w.deadlines[0].IsZero() {
		t.Errorf("values end %v, %v", w.deadlines, err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	w.looked = hangUp
	if _, err := p.Walk(ctx, "User", query(t, "", ""), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("who has hung up is given %v", err)
	}
	w.looked = nil
	p.Hurry(time.Nanosecond)
	for _, typ := range []string{"User", "Role"} {
		if _, err := scimin.WithValues(p).List(t.Context(), typ, query(t, `display co "x"`, "")); !isTooMany(err) {
			t.Errorf("%s: %v", typ, err)
		}
	}
	if _, err := p.List(t.Context(), "User", query(t, `userName eq "a" or userName eq "b"`, "")); !isTooMany(err) {
		t.Errorf("one of several names: %v", err)
	}
	if _, err := p.Walk(t.Context(), "User", query(t, `title co "x"`, ""), ""); !isTooMany(err) || strings.Contains(err.Error(), "cursor") {
		t.Errorf("a walk: %v", err)
	}
}

// TestQueryOfManyCandidates: what a key finds is looked at alone only if it is few.
func TestQueryOfManyCandidates(t *testing.T) {
	t.Parallel()
	p, w := watch(t, "Group", 1100)
	for filter, pages := range map[string]int{`displayName eq "SAME" or id eq "7"`: 1, `displayName eq "same"`: 1, `id eq "7" or id eq "9"`: 0} {
		w.pages = 0
		page, err := p.List(t.Context(), "Group", query(t, filter, ""))
		want := 1100
		if pages == 0 {
			want = 2
		}
		if err != nil || page.Total != want || len(page.Resources) != min(want, 10) {
			t.Errorf("%s: %d of %d, %v", filter, len(page.Resources), page.Total, err)
		}
		if w.pages != pages {
			t.Errorf("%s: the store was asked for %d pages, want %d", filter, w.pages, pages)
		}
	}
}

// TestQuerySortsSoMany: a sort that the store does not know holds all that is sorted.
func TestQuerySortsSoMany(t *testing.T) {
	t.Parallel()
	p, _ := watch(t, "User", 20)
	p.Tire(10)
	for _, sortBy := range []string{"emails.value", "roles", scimin.EndDate.String()} {
		if _, err := p.List(t.Context(), "User", query(t, "", sortBy)); !isTooMany(err) {
			t.Errorf("by %s: %v", sortBy, err)
		}
		if page, err := p.List(t.Context(), "User", query(t, `id co "1" and not (id eq "1")`, sortBy)); err != nil || page.Total != 10 {
			t.Errorf("ten by %s: %d, %v", sortBy, page.Total, err)
		}
	}
	if page, err := p.List(t.Context(), "User", query(t, "", "userName")); err != nil || page.Total != 20 {
		t.Errorf("by userName: %d, %v", page.Total, err)
	}
	if _, err := scimin.WithValues(p).List(t.Context(), "Role", query(t, "", "")); !isTooMany(err) {
		t.Errorf("values: %v", err)
	}
}
