// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/store/storetest"
)

// TestIntention walks an intention through its life: it is no version yet, survives what is
// set by hand and a new key ring, and becomes the newest under the highest number.
func TestIntention(t *testing.T) {
	t.Parallel()
	text, _ := newKey(t)
	r := newRing(t, text)
	db := open(t, storetest.New(t))
	s, ctx := db.Secrets(), t.Context()
	states := func() string {
		t.Helper()
		all, err := s.Secrets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, one := range all {
			out = append(out, strings.TrimSpace(fmt.Sprint(one.Version, " ", one.State)))
		}
		return strings.Join(out, ", ")
	}
	intend := func(version int, value string) (secret.Sealed, error) {
		return secret.Intend(ctx, s, r, seal(t, r, at("tenant", version, "https://t.example"), value), "ines", "key abc")
	}
	put := func(version int, value string, rotate bool) {
		t.Helper()
		if err := secret.Put(ctx, s, r, seal(t, r, at("tenant", version, "https://t.example"), value), rotate, "ines"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := intend(1, "a"); !errors.Is(err, secret.ErrMoved) {
		t.Errorf("before there is one: %v", err)
	}
	put(1, "v1", false)
	if _, err := intend(3, "a"); !errors.Is(err, secret.ErrMoved) {
		t.Errorf("out of turn: %v", err)
	}
	intent, err := intend(2, "v2")
	if err != nil || states() != "2 intended, 1" {
		t.Fatalf("%v, %s", err, states())
	}
	if _, err := intend(3, "a"); !errors.Is(err, secret.ErrIntended) {
		t.Errorf("a second one: %v", err)
	}
	if err := secret.Put(ctx, s, r, intent, false, "ines"); err == nil {
		t.Error("an intention was set")
	}
	put(3, "v3", false)
	all, err := s.Secrets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if newest, _ := secret.Newest(all, "tenant"); newest.Version != 3 || secret.Top(all, "tenant") != 3 || states() != "3, 2 intended" {
		t.Errorf("%v, %s", newest, states())
	}
	for _, over := range []int{0, 2} { // what was set by hand goes before, unless it is known not to be taken
		if _, err := secret.Promote(ctx, s, r, intent, over, true, "ines", ""); !errors.Is(err, secret.ErrMoved) || states() != "3, 2 intended" {
			t.Errorf("over %d: %v, %s", over, err, states())
		}
	}
	if _, err := secret.Resend(ctx, s, intent); !errors.Is(err, secret.ErrMoved) {
		t.Errorf("sent again over what was set by hand: %v", err)
	}
	more, _ := newKey(t)
	r = newRing(t, more+"\n"+text)
	if n, err := secret.Rewrap(ctx, s, r, "ines"); n != 2 || err != nil || states() != "3, 2 intended" {
		t.Errorf("%d, %v, %s", n, err, states())
	}
	r = newRing(t, more) // the old one is gone, and what the caller has in hand is sealed by it
	if promoted, err := secret.Promote(ctx, s, r, intent, 3, true, "ines", ""); err != nil || promoted.Version != 4 || states() != "4, 3 retiring" {
		t.Errorf("%v, %v, %s", promoted, err, states())
	}
	if got := kept(t, s, r); got["tenant/4"] != "v2" || got["tenant/3"] != "v3" {
		t.Errorf("%v", got)
	}
	if _, err := secret.Promote(ctx, s, r, intent, 0, true, "ines", ""); !errors.Is(err, secret.ErrMoved) {
		t.Errorf("twice: %v", err)
	}
	put(5, "v5", true)
	if states() != "5, 4, 3 retiring" {
		t.Errorf("%s", states())
	}
	old, _ := secret.Retirement(mustAll(t, s), "tenant")
	for range 2 {
		if err := secret.Retire(ctx, s, old, "ines", "key abc"); err != nil || states() != "5, 4" {
			t.Errorf("%v, %s", err, states())
		}
	}
	intent, err = intend(6, "v6")
	if err == nil {
		err = secret.Abandon(ctx, s, intent, "ines", "nobody takes it")
	}
	if err != nil || states() != "5, 4" {
		t.Errorf("%v, %s", err, states())
	}
	if err := secret.Abandon(ctx, s, intent, "ines", ""); !errors.Is(err, secret.ErrMoved) {
		t.Errorf("twice: %v", err)
	}
	var kinds []string
	for _, e := range told(t, db) {
		kind, payload, _ := strings.Cut(e, " ")
		kinds = append(kinds, strings.TrimPrefix(kind, "secret."))
		if kind == "secret.intended" && !strings.Contains(payload, "; key abc") {
			t.Errorf("%s", e)
		}
	}
	want := []string{"set", "intended", "set", "rewrapped", "rewrapped", "rotated", "rotated", "retired", "intended", "dropped"}
	if !slices.Equal(kinds, want) {
		t.Errorf("told %v, want %v", kinds, want)
	}
}

func mustAll(t *testing.T, s secret.Store) []secret.Sealed {
	t.Helper()
	all, err := s.Secrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPromoteForItsOrigin: an intention becomes the newest version for its own origin alone.
func TestPromoteForItsOrigin(t *testing.T) {
	t.Parallel()
	text, _ := newKey(t)
	r := newRing(t, text)
	s, ctx := open(t, storetest.New(t)).Secrets(), t.Context()
	put := func(version int, origin string) {
		t.Helper()
		if err := secret.Put(ctx, s, r, seal(t, r, at("tenant", version, origin), "v"), false, "ines"); err != nil {
			t.Fatal(err)
		}
	}
	put(1, "https://one.example")
	intent, err := secret.Intend(ctx, s, r, seal(t, r, at("tenant", 2, "https://one.example"), "v2"), "ines", "")
	if err != nil {
		t.Fatal(err)
	}
	put(3, "https://two.example")
	if _, err := secret.Promote(ctx, s, r, intent, 3, false, "ines", ""); !errors.Is(err, secret.ErrMoved) {
		t.Errorf("%v", err)
	}
	put(4, "https://one.example")
	if promoted, err := secret.Promote(ctx, s, r, intent, 4, false, "ines", ""); err != nil || promoted.Version != 5 {
		t.Errorf("%v, %v", promoted, err)
	}
}
