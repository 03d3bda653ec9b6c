// SPDX-License-Identifier: Apache-2.0

package config

import "encoding/json"

// Text is a scalar of the file after expansion, with the place of its first
// character: the character after the quote in a quoted scalar, the first column
// of the first line in a block scalar.
type Text struct {
	Value string
	Pos   Position
}

// String returns the value.
func (t Text) String() string { return t.Value }

// IsZero reports whether the text is empty or was never given.
func (t Text) IsZero() bool { return t.Value == "" }

// At returns the place in the file of a line and column inside the value, both
// counted from 1, columns in characters. That is how a room that compiles an
// expression says where in the file its error stands.
//
// It is exact for a scalar on one line and for a literal block (`|`), whose
// lines all begin at the same column. It is off to the right of an expanded
// ${NAME} and of an escape in double quotes, and in a scalar that YAML folds
// (`>`, or a plain one on several lines) it counts on along the first line.
func (t Text) At(line, column int) Position {
	if t.Pos.Line == 0 || line < 1 || column < 1 {
		return t.Pos
	}
	return Position{File: t.Pos.File, Line: t.Pos.Line + line - 1, Column: t.Pos.Column + column - 1}
}

// MarshalJSON writes the value alone.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(t.Value) }
