// SPDX-License-Identifier: Apache-2.0

//go:build planted

package planted

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// Enabled says that mistakes are in this build.
const Enabled = true

// chosen are the mistakes that are made. Those of the environment, separated by commas, are
// made by tests that choose none.
var chosen = func() *atomic.Pointer[[]Bug] {
	var p atomic.Pointer[[]Bug]
	var bugs []Bug
	for name := range strings.SplitSeq(os.Getenv(Variable), ",") {
		bugs = append(bugs, Bug(name))
	}
	p.Store(known(bugs))
	return &p
}()

// On says that a mistake is to be made.
func On(b Bug) bool { return slices.Contains(*chosen.Load(), b) }

// Choose has these mistakes made from now on, and no others; "" is none. It panics if it does not know one.
func Choose(bugs ...Bug) { chosen.Store(known(bugs)) }

func known(bugs []Bug) *[]Bug {
	bugs = slices.DeleteFunc(slices.Clone(bugs), func(b Bug) bool { return b == "" })
	for _, b := range bugs {
		if !slices.Contains(All[:], b) { // it would be measured as one that nobody finds
			panic(fmt.Sprintf("planted: there is no mistake %q; there are %v", b, All))
		}
	}
	return &bugs
}
