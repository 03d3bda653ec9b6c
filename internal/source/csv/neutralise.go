// SPDX-License-Identifier: Apache-2.0

package csv

// Neutralise makes a field of CSV that we write harmless in a spreadsheet: a leading character that would start a formula
// (= + - @, or the tab and line end that some programs skip before one) gets an apostrophe before it.
// It is for files that people open; what we read is never changed.
func Neutralise(field string) string {
	if field == "" {
		return field
	}
	switch field[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + field
	}
	return field
}
