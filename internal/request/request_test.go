// SPDX-License-Identifier: Apache-2.0

package request_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
)

// stores returns one store as its engine sees it, and as everybody else does.
func stores(t *testing.T) (engine, beside request.Store) {
	t.Helper()
	path := storetest.New(t)
	e, err := store.Open(t.Context(), path, "engine")
	if err != nil {
		t.Fatal(err)
	}
	b, err := store.OpenRead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(b.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return e.Requests(), b.Requests()
}

func leave(t *testing.T, s request.Store) int64 {
	t.Helper()
	id, err := request.Leave(t.Context(), s, request.Request{Kind: "apply", Args: []byte("{}"), Actor: "ines"})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Whoever is not the engine leaves requests and sees what becomes of them, and
// can do nothing else.
func TestTheDoorIsNarrow(t *testing.T) {
	t.Parallel()
	engine, beside := stores(t)
	id := leave(t, beside)
	if taken, err := beside.Take(t.Context(), 1); err == nil || len(taken) > 0 {
		t.Error("taken beside the engine", taken, err)
	}
	if beside.Finish(t.Context(), id, nil, "x") == nil || beside.Prune(t.Context(), time.Now(), 0) == nil {
		t.Error("written beside the engine")
	}
	taken, err := engine.Take(t.Context(), 9)
	if err != nil || len(taken) != 1 || taken[0].ID != id {
		t.Fatal(taken, err)
	}
	go func() { _ = engine.Finish(context.WithoutCancel(t.Context()), id, []byte(`{"x":1}`), "") }()
	r, err := request.Await(t.Context(), beside, id, func() error { return nil })
	if err != nil || string(r.Document) != `{"x":1}` {
		t.Error(r, err)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	_, beside := stores(t)
	for _, r := range []request.Request{
		{Kind: "apply", Args: []byte("{}")},
		{Kind: "apply", Args: []byte(strings.Repeat("x", request.MaxArgs+1)), Actor: "ines"},
	} {
		if _, err := request.Leave(t.Context(), beside, r); err == nil {
			t.Errorf("left: %.40s by %q", r.Args, r.Actor)
		}
	}
}

// Waiting ends with the engine, and with whoever waits.
func TestAwaitEnds(t *testing.T) {
	t.Parallel()
	_, beside := stores(t)
	id, gone := leave(t, beside), errors.New("gone")
	if _, err := request.Await(t.Context(), beside, id, func() error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := request.Await(ctx, beside, id, func() error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := request.Await(t.Context(), beside, id+1, func() error { return nil }); err == nil {
		t.Error("a request that is not there was waited for")
	}
}

// The next engine answers what the one before has taken, and what has lain too
// long; the rest it takes itself.
func TestInherit(t *testing.T) {
	t.Parallel()
	engine, beside := stores(t)
	taken, waits := leave(t, beside), int64(0)
	if _, err := engine.Take(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	waits = leave(t, beside)
	if n, err := request.Inherit(t.Context(), engine, time.Now()); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	r, _, err := beside.Find(t.Context(), taken)
	if err != nil || r.Done.IsZero() || !strings.Contains(r.Error, "ended before it was done") {
		t.Error(r, err)
	}
	if n, err := request.Inherit(t.Context(), engine, time.Now().Add(request.MaxAge+time.Minute)); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	r, _, err = beside.Find(t.Context(), waits)
	if err != nil || !strings.Contains(r.Error, "no engine took it until now; nothing was done") {
		t.Error(r, err)
	}
}
