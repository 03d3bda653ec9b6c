// SPDX-License-Identifier: Apache-2.0

// Package config turns one YAML file and the environment into one validated
// [Config]: a plain struct in the order of the file, with defaults filled in.
//
// It owns the names of the keys, their types, ranges and defaults, the
// expansion of ${NAME} and ${NAME:-default}, and the error that says file,
// line, column and the nearest key that exists. Every mistake of a file is
// reported at once, as [Errors], before anything else of the program starts.
//
// It must not look into expressions, attribute paths or sealed secrets: they
// stay text with a [Position] until composition, where the rooms that know them
// add what they find to that position with [Text.At]. It opens no connection,
// reads no file but the one it is given, and keeps no state. It never prints the
// value of a [Secret], and its errors show a value as it is written in the file
// (`${APP_URL}`), never what the environment put in its place: a token that
// somebody exported under the wrong name must not end in a log.
//
// The file is the plain part of YAML 1.2: maps, lists and scalars. Anchors,
// aliases, merge keys, tags, directives and a second document are refused, so
// that a small file cannot grow into a big one and what is read is what is seen.
//
// Goroutines: none. A *Config may be read by many goroutines as long as nobody
// writes to it.
package config
