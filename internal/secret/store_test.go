// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
)

const canary = "canary-value-41f7a9"

func open(t *testing.T, path string) store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// kept are the values of a store, as name/version, in clear by the ring.
func kept(t *testing.T, s secret.Store, r *secret.Ring) map[string]string {
	t.Helper()
	all, err := s.Secrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, one := range all {
		value, err := r.Open(one)
		if err != nil {
			t.Fatal(err)
		}
		out[fmt.Sprintf("%s/%d", one.Name, one.Version)] = string(value)
	}
	return out
}

func told(t *testing.T, db store.DB) (out []string) {
	t.Helper()
	if _, err := audit.Sequence(t.Context(), db.Ledger()); err != nil {
		t.Fatal(err)
	}
	all, err := db.Ledger().Chained(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		out = append(out, e.Kind+" "+string(e.Payload))
	}
	return out
}

// TestPut: a value that is set stands alone, one that is rotated leaves the one before it,
// and whoever comes too late changes nothing.
func TestPut(t *testing.T) {
	t.Parallel()
	text, id := newKey(t)
	r := newRing(t, text)
	db := open(t, storetest.New(t))
	s := db.Secrets()
	put := func(version int, value string, rotate bool) error {
		return secret.Put(t.Context(), s, r, seal(t, r, at("crm", version, "https://a.example"), value), rotate, "ines")
	}
	for _, c := range []struct {
		version int
		rotate  bool
		moved   bool
		want    string
	}{
		{1, true, true, ""},
		{2, false, true, ""},
		{1, false, false, "crm/1"},
		{1, false, true, "crm/1"},
		{3, true, true, "crm/1"},
		{2, true, false, "crm/1 crm/2"},
		{3, true, false, "crm/2 crm/3"},
		{4, false, false, "crm/4"},
		{1, false, true, "crm/4"},
		{5, true, false, "crm/4 crm/5"},
		{6, false, false, "crm/6"},
	} {
		err := put(c.version, fmt.Sprint("v", c.version), c.rotate)
		if errors.Is(err, secret.ErrMoved) != c.moved || !c.moved && err != nil {
			t.Errorf("version %d, rotated %t: %v", c.version, c.rotate, err)
		}
		got := kept(t, s, r)
		if names := strings.Join(slices.Sorted(maps.Keys(got)), " "); names != c.want {
			t.Errorf("version %d, rotated %t: %s, want %s", c.version, c.rotate, names, c.want)
		}
	}
	if got := kept(t, s, r)["crm/6"]; got != "v6" {
		t.Errorf("it is %q", got)
	}
	events := told(t, db)
	want := fmt.Sprintf(`secret.rotated {"actor":"ines","object":"crm","why":"version 2 for https://a.example, sealed by key %s","after":{"version":2,"origin":"https://a.example","key":"%s"}}`, id, id)
	if len(events) != 6 || events[1] != want || !strings.HasPrefix(events[0], "secret.set ") {
		t.Errorf("%s\nwant %s", strings.Join(events, "\n"), want)
	}
}

// TestPutOpensFirst: what would not open later is not kept.
func TestPutOpensFirst(t *testing.T) {
	t.Parallel()
	text, id := newKey(t)
	other, _ := newKey(t)
	r := newRing(t, text)
	db := open(t, storetest.New(t))
	s := seal(t, r, at("crm", 1, "usher"), "v")
	var missing *secret.MissingKeyError
	if err := secret.Put(t.Context(), db.Secrets(), newRing(t, other), s, false, "ines"); !errors.As(err, &missing) || missing.Key != id {
		t.Errorf("by another ring: %v", err)
	}
	s.Origin = "https://evil.example"
	var damaged *secret.DamagedError
	if err := secret.Put(t.Context(), db.Secrets(), r, s, false, "ines"); !errors.As(err, &damaged) {
		t.Errorf("for another origin: %v", err)
	}
	if got := kept(t, db.Secrets(), r); len(got) != 0 || len(told(t, db)) != 0 {
		t.Errorf("kept %v", got)
	}
}

// watched calls at before each write of a transaction and once after the last, before the commit.
type watched struct {
	secret.Store
	at func(n int) error
}

func (w watched) Update(ctx context.Context, fn func(secret.Tx) error) error {
	return w.Store.Update(ctx, func(tx secret.Tx) error {
		n := 0
		return errors.Join(fn(watchedTx{tx, func() error { n++; return w.at(n) }}), w.at(n+1))
	})
}

type watchedTx struct {
	secret.Tx
	before func() error
}

func (w watchedTx) PutSecret(ctx context.Context, s secret.Sealed) error {
	if err := w.before(); err != nil {
		return err
	}
	return w.Tx.PutSecret(ctx, s)
}

func (w watchedTx) TellSecrets(ctx context.Context, all []secret.Told) error {
	if err := w.before(); err != nil {
		return err
	}
	return w.Tx.TellSecrets(ctx, all)
}

// fill puts into a store four names, two versions each, sealed by a ring.
func fill(t *testing.T, db store.DB, r *secret.Ring) map[string]string {
	t.Helper()
	for _, name := range []string{"a", "b", "c", "d"} {
		for v := 1; v <= 2; v++ {
			s := seal(t, r, at(name, v, "https://"+name+".example"), fmt.Sprint(canary, name, v, strings.Repeat(" ", 60_000)))
			if err := secret.Put(t.Context(), db.Secrets(), r, s, v > 1, "ines"); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kept(t, db.Secrets(), r)
}

// TestRewrapKilled leaves the store's files as a kill would, between any two writes of a
// rewrap: each value opens, and under exactly one of the keys (A142).
func TestRewrapKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "usher.db")
	oldText, oldID := newKey(t)
	newText, newID := newKey(t)
	oldRing, newRings, both := newRing(t, oldText), newRing(t, newText), newRing(t, newText, oldText)
	db := open(t, path)
	want := fill(t, db, oldRing)
	var left []string
	leave := func(n int) error {
		to := filepath.Join(dir, fmt.Sprint("killed-", n))
		left = append(left, to)
		return copyStore(path, to)
	}
	n, err := secret.Rewrap(t.Context(), watched{db.Secrets(), leave}, both, "ines")
	if err != nil || n != 8 {
		t.Fatalf("%d sealed anew, %v", n, err)
	}
	if err := leave(99); err != nil {
		t.Fatal(err)
	}
	if len(left) != 8+1+1+1 { // each value, the ledger, before the commit, after it
		t.Fatalf("%d points", len(left))
	}
	for i, path := range left {
		killed := open(t, path)
		all, err := killed.Secrets().Secrets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		only := map[string]bool{}
		for _, s := range all {
			only[s.Key] = true
			_, byOld := oldRing.Open(s)
			_, byNew := newRings.Open(s)
			if (byOld == nil) == (byNew == nil) {
				t.Errorf("%s: %s opens by the old key: %v; by the new one: %v", path, s, byOld, byNew)
			}
		}
		id, events := oldID, 8
		if i == len(left)-1 {
			id, events = newID, 16
		}
		if len(only) != 1 || !only[id] {
			t.Errorf("%s: sealed by %v, want %s alone", path, only, id)
		}
		if got := len(told(t, killed)); got != events {
			t.Errorf("%s: %d events, want %d", path, got, events)
		}
		if n, err := secret.Rewrap(t.Context(), killed.Secrets(), both, "ines"); err != nil || n != 16-events {
			t.Errorf("%s: resumed with %d values, %v", path, n, err)
		}
		if got := kept(t, killed.Secrets(), newRings); !maps.Equal(got, want) {
			t.Errorf("%s: the values have changed", path)
		}
	}
}

// copyStore copies the files of a store while it is open, in whatever state they are.
func copyStore(from, to string) error {
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(from + suffix)
		if err == nil {
			err = os.WriteFile(to+suffix, data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TestRewrapFails: an error at any write leaves everything as it was.
func TestRewrapFails(t *testing.T) {
	t.Parallel()
	oldText, _ := newKey(t)
	newText, _ := newKey(t)
	oldRing, both := newRing(t, oldText), newRing(t, newText, oldText)
	db := open(t, storetest.New(t))
	want := fill(t, db, oldRing)
	full := errors.New("the disk is full")
	for point := 1; point <= 10; point++ {
		_, err := secret.Rewrap(t.Context(), watched{db.Secrets(), func(n int) error {
			if n == point {
				return full
			}
			return nil
		}}, both, "ines")
		if !errors.Is(err, full) {
			t.Errorf("point %d: %v", point, err)
		}
		if got := kept(t, db.Secrets(), oldRing); !maps.Equal(got, want) {
			t.Errorf("point %d: the values have changed", point)
		}
	}
	if _, err := secret.Rewrap(t.Context(), db.Secrets(), newRing(t, newText), "ines"); err == nil {
		t.Error("what does not open is sealed anew")
	}
	if got := len(told(t, db)); got != 8 {
		t.Errorf("%d events", got)
	}
}

// TestStoreHoldsNoValue looks for the values in the bytes of the store, its log included,
// while it is open and after it (A139).
func TestStoreHoldsNoValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	oldText, _ := newKey(t)
	newText, _ := newKey(t)
	db, err := store.Open(t.Context(), filepath.Join(dir, "usher.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db, newRing(t, oldText))
	if _, err := secret.Rewrap(t.Context(), db.Secrets(), newRing(t, newText, oldText), "ines"); err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		files, err := os.ReadDir(dir)
		if err != nil || len(files) < 2 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, []byte(canary)) || bytes.Contains(data, []byte("usher-key-1")) {
				t.Errorf("%s, %s holds a value or a key", when, f.Name())
			}
		}
	}
	look("while it is open")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	look("when it is closed")
}

// TestPutDropsLost: where the key of a version that is on its way is gone, setting another
// value is the way out, also for a name that nobody uses; what opens is left to the rotation.
func TestPutDropsLost(t *testing.T) {
	t.Parallel()
	text, id := newKey(t)
	more, _ := newKey(t)
	r, anew := newRing(t, text), newRing(t, more)
	db := open(t, storetest.New(t))
	s, ctx := db.Secrets(), t.Context()
	put := func(r *secret.Ring, version int) {
		t.Helper()
		if err := secret.Put(ctx, s, r, seal(t, r, at("tenant", version, "https://t.example"), fmt.Sprint("v", version)), false, "ines"); err != nil {
			t.Fatal(err)
		}
	}
	put(r, 1)
	if _, err := secret.Intend(ctx, s, anew, seal(t, anew, at("tenant", 2, "https://t.example"), "v2"), "ines", ""); err == nil || !strings.Contains(err.Error(), id) {
		t.Errorf("on its way by a ring that does not open the newest: %v", err)
	}
	if _, err := secret.Intend(ctx, s, r, seal(t, r, at("tenant", 2, "https://t.example"), "v2"), "ines", ""); err != nil {
		t.Fatal(err)
	}
	put(r, 3)
	if got := kept(t, s, r); len(got) != 2 || got["tenant/2"] != "v2" {
		t.Errorf("what opens is dropped: %v", got)
	}
	want := "nothing is sealed anew: secret:tenant, version 3 is sealed by key " + id + ", which is not in the key ring (add that key to the ring, or: usher secret set tenant)"
	if _, err := secret.Rewrap(ctx, s, anew, "ines"); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	put(anew, 4)
	if got := kept(t, s, anew); len(got) != 1 || got["tenant/4"] != "v4" {
		t.Errorf("%v", got)
	}
	if n, err := secret.Rewrap(ctx, s, anew, "ines"); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	events := told(t, db)
	if last := events[len(events)-1]; !strings.HasPrefix(last, "secret.dropped ") || !strings.Contains(last, "version 2 is sealed by key "+id) {
		t.Errorf("%s", last)
	}
}
