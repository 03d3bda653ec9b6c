// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain finds goroutines that outlive their test.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
