// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/token/oauth"
)

// access is an access token that holds for a time from now, and the assertion that it
// is issued for.
func access(client string, assertion byte, life, remembered time.Duration) (oauth.Assertion, token.Token) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	_, t := token.New("idp", client, now, life)
	t.Client, t.Key = client, "thumbprint"
	return oauth.Assertion{Digest: [32]byte{assertion}, Forget: now.Add(remembered)}, t
}

func issued(t token.Token) audit.Event { return audit.Event{Kind: "token.issued", Object: t.ID} }

func (b *bundle) access() (ids []string) {
	b.Helper()
	all, err := b.all.Tokens().Tokens(b.ctx)
	b.must(err)
	for _, t := range all {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	return ids
}

func assertionsAreUsedOnce(b *bundle) {
	s := b.all.OAuth()
	a, first := access("acme", 1, time.Hour, time.Hour)
	b.must(s.Redeem(b.ctx, a, first, issued(first)))
	got, ok, err := b.all.Tokens().TokenByID(b.ctx, first.ID)
	if err != nil || !ok || got != first {
		b.Errorf("%+v %t %v, want %+v", got, ok, err, first)
	}
	_, second := access("acme", 1, time.Hour, time.Hour)
	if err := s.Redeem(b.ctx, a, second, issued(second)); !errors.Is(err, oauth.ErrReplayed) {
		b.Errorf("again: %v", err)
	}
	same(b, "tokens", b.access(), []string{first.ID})

	var won atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		a, t := access("acme", 2, time.Hour, time.Hour)
		wg.Go(func() {
			switch err := s.Redeem(b.ctx, a, t, issued(t)); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, oauth.ErrReplayed):
				b.Error(err)
			}
		})
	}
	wg.Wait()
	equal(b, "who got a token for one assertion", won.Load(), 1)
	b.must(s.Refuse(b.ctx, audit.Event{Kind: "token.refused", Object: "idp"}))
	n, err := audit.Sequence(b.ctx, b.db.Ledger())
	b.must(err)
	equal(b, "events", n, 3)
	equal(b, "tokens", len(b.access()), 2)
}

func expiredAccessGoes(b *bundle) {
	s := b.all.OAuth()
	_, made := token.New("idp", "ines", noon, time.Hour) // by somebody, long ago
	b.must(b.all.Tokens().PutToken(b.ctx, made, audit.Event{Kind: "token.created", Object: made.ID}))
	short, gone := access("acme", 1, time.Millisecond, time.Millisecond)
	b.must(s.Redeem(b.ctx, short, gone, issued(gone)))
	known, held := access("acme", 2, time.Hour, time.Hour)
	b.must(s.Redeem(b.ctx, known, held, issued(held)))
	time.Sleep(2 * time.Millisecond)
	other, last := access("acme", 3, time.Hour, time.Hour)
	b.must(s.Redeem(b.ctx, other, last, issued(last)))
	want := []string{made.ID, held.ID, last.ID}
	slices.Sort(want)
	same(b, "an access token that has expired goes, another token does not", b.access(), want)
	_, again := access("acme", 1, time.Hour, time.Hour)
	b.must(s.Redeem(b.ctx, short, again, issued(again))) // nothing is kept for ever
	if err := s.Redeem(b.ctx, known, again, issued(again)); !errors.Is(err, oauth.ErrReplayed) {
		b.Errorf("one that is known: %v", err)
	}
}
