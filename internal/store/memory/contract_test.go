// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/memory"
	"github.com/usher-id/usher/internal/store/storetest"
)

// TestMain finds goroutines that outlive their test.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.RunCore(t, func(*testing.T) storetest.Core { return core{memory.New()} })
}

// core is the store as the contract has it.
type core struct{ *memory.DB }

func (c core) Read(ctx context.Context, fn func(store.Reader) error) error {
	return c.DB.Read(ctx, func(tx *memory.Tx) error { return fn(tx) })
}

func (c core) Rehearse(ctx context.Context, fn func(storetest.Core) error) error {
	return c.DB.Rehearse(ctx, func(db *memory.DB) error { return fn(core{db}) })
}
