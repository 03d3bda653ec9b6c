// SPDX-License-Identifier: Apache-2.0

// Package watch says when a source's file may have changed: written to,
// replaced by a rename, cut off and written anew, or there for the first time.
//
// The folder of each file is watched, as a rename replaces a file that was
// watched by another one. A look at every file from time to time is the floor:
// network file systems send no events, and a folder may not be there yet.
// Events that come together are one.
//
// It must not open a file, nor conclude anything from how one looks.
//
// Goroutines: none of its own; Run is its caller's. fsnotify has one, from New
// to the end of Run, or Close.
package watch
