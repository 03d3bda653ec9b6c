// SPDX-License-Identifier: Apache-2.0

//go:build !planted

package planted

// Enabled says that mistakes are in this build.
const Enabled = false

// On says that a mistake is to be made: never.
func On(Bug) bool { return false }

// Choose has these mistakes made from now on. In this build it does nothing.
func Choose(...Bug) {}
