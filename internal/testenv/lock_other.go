// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package testenv

// lockFile locks nothing here: two test processes may both install, and the rename at the end of an install settles it.
func lockFile(string) (unlock func(), err error) { return func() {}, nil }
